"""Orders as the desk lists them: newest first, a page at a time, found by what staff know of them.

A page never walks the whole table. What is looked for is first asked of an index: where few orders have it they are fetched and
sorted; where many have it they are met soon by walking from the newest one back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, tuple_

from app.extensions import Query, db
from app.models.customer import Account, Customer
from app.models.order import LineItem, Order, OrderStatus, order_number
from app.models.order_desk import IS_OPEN, OrderRequest
from app.models.outbox import OutboxMessage
from app.models.payment import HAS_PROBLEM, WAS_REFUSED, Payment, Refund
from app.services import catalog, orders, text
from app.services.shelf import CODES_OWED, is_owed

PAGE = 25
RARE = 1000  # orders; what more of them have is looked for by walking
QUERY_LENGTH = 100  # characters
LAST_LETTER = "\U0010ffff"

Columns = Any  # Order itself, or columns of the same names
Condition = Callable[[Columns], ColumnElement[bool]]

ATTENTION = "attention"
STATES: dict[str, Condition] = {
    "pack": lambda o: and_(o.status == OrderStatus.PROCESSING, o.country != ""),
    "mail": lambda o: and_(o.status == OrderStatus.PROCESSING, o.country == ""),
    "unpaid": lambda o: o.status == OrderStatus.HOLD,
    "failed": lambda o: o.status == OrderStatus.FAILED,
    "sent": lambda o: o.status == OrderStatus.SHIPPED,
    "completed": lambda o: o.status == OrderStatus.COMPLETED,
    "cancelled": lambda o: o.status == OrderStatus.CANCELLED,
    "refunded": lambda o: o.status == OrderStatus.REFUNDED,
}
STATE_OF = {
    OrderStatus.HOLD: "unpaid",
    OrderStatus.FAILED: "failed",
    OrderStatus.PROCESSING: "pack",
    OrderStatus.SHIPPED: "sent",
    OrderStatus.COMPLETED: "completed",
    OrderStatus.CANCELLED: "cancelled",
    OrderStatus.REFUNDED: "refunded",
}


def state_of(status: str, needs_shipping: bool) -> str:
    """The name in STATES under which an order is listed."""
    return "mail" if status == OrderStatus.PROCESSING and not needs_shipping else STATE_OF[OrderStatus(status)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which orders: what was typed, a name in STATES or ATTENTION, and the days they were placed on, in the shop's zone."""

    q: str = ""
    state: str = ""
    first: date | None = None
    last: date | None = None
    zone: str = "UTC"

    @property
    def begin(self) -> datetime | None:
        return self._midnight(self.first) if self.first else None

    @property
    def end(self) -> datetime | None:
        return self._midnight(self.last + timedelta(days=1)) if self.last and self.last < date.max else None

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), ZoneInfo(self.zone))


# ------------------------------------------------------------------------------------------------ finding


@dataclass(frozen=True, slots=True)
class Clue:
    """One way in which what was typed may name an order: where an index has it, and what is true of the order itself."""

    ids: Query
    walked: ColumnElement[bool]


def clues(typed: str) -> list[Clue]:
    """What a text may mean: an e-mail, or a number, a SKU, or the beginning of a first or last name."""
    said = text.printable(text.clean(typed))[:QUERY_LENGTH]
    if "@" in said:
        return _by_email(said)
    found = [_by_sku(said)] if said else []
    number = orders.id_of(said)
    if number is not None:
        found.append(Clue(select(Order.id).where(Order.id == number), Order.id == number))
    if beginning := catalog.fold(said)[: orders.NAME_KEY_LENGTH]:
        found += [_by_name(column, beginning) for column in (Order.name_key, Order.surname_key)]
    return found


def _by_email(said: str) -> list[Clue]:
    mailbox = said.casefold()
    guests = select(Customer.id).where(Customer.email == mailbox, Customer.account_id.is_(None)).scalar_subquery()
    accounts = select(Account.id).where(Account.email == mailbox).scalar_subquery()
    ways = (Order.email == said, Order.customer_id == guests, Order.account_id == accounts)
    return [Clue(select(Order.id).where(way), way) for way in ways]


def _by_sku(said: str) -> Clue:
    sku = said.upper()
    has_it = exists().where(LineItem.sku == sku, LineItem.order_id == Order.id)
    return Clue(select(LineItem.order_id).where(LineItem.sku == sku), has_it)


def _by_name(column: Any, beginning: str) -> Clue:
    """The walked condition is one that no index answers, so that no database takes the wrong one for it."""
    ids = select(Order.id).where(column >= beginning, column < beginning + LAST_LETTER)
    return Clue(ids, func.substr(column, 1, len(beginning)) == beginning)


def _attention() -> list[Clue]:
    flagged = select(Payment.order_id).where(HAS_PROBLEM)
    refused = select(Payment.order_id).join(Refund, Refund.payment_id == Payment.id).where(WAS_REFUSED)
    asked = select(OrderRequest.order_id).where(IS_OPEN)
    short = OutboxMessage.topic == "digital.codes", OutboxMessage.done_at.is_(None)
    return [
        Clue(flagged, exists().where(Payment.order_id == Order.id, HAS_PROBLEM)),
        Clue(refused, exists().where(Payment.order_id == Order.id, Refund.payment_id == Payment.id, WAS_REFUSED)),
        Clue(asked, exists().where(OrderRequest.order_id == Order.id, IS_OPEN)),
        Clue(select(OutboxMessage.payload["order_id"].as_integer()).where(*short), is_owed(Order.id)),
    ]


def newest(t: Connection, wanted: Wanted, *, after: int | None = None, most: int = PAGE + 1) -> list[int]:
    """The ids of the newest such orders, or of those older than the order `after`, at most so many."""
    place = None if after is None else t.execute(select(Order.placed_at).where(Order.id == after)).scalar()
    every: list[Condition] = [STATES[wanted.state]] if wanted.state in STATES else []
    if (begin := wanted.begin) is not None:
        every.append(lambda o: o.placed_at >= begin)
    if (end := wanted.end) is not None:
        every.append(lambda o: o.placed_at < end)
    if place is not None:
        every.append(lambda o: tuple_(o.placed_at, o.id) < (place, after))
    few: set[int] | None = None
    walked: list[ColumnElement[bool]] = []
    for group in ([clues(wanted.q)] if wanted.q else []) + ([_attention()] if wanted.state == ATTENTION else []):
        ids = _few(t, group)
        if ids is None:
            walked.append(or_(*(clue.walked for clue in group)))
        else:
            few = ids if few is None else few & ids
    if few is None:
        return list(t.execute(_walked(walked, every, most)).scalars())
    return list(t.execute(_fetched(few, walked, every, most)).scalars()) if few else []


def _few(t: Connection, group: Sequence[Clue]) -> set[int] | None:
    """The ids that these clues name; None when they are many."""
    found: set[int] = set()
    for clue in group:
        ids = t.execute(clue.ids.limit(RARE + 1)).scalars().all()
        if len(ids) > RARE:
            return None
        found.update(ids)
    return found


def _walked(walked: Sequence[ColumnElement[bool]], every: Sequence[Condition], most: int) -> Query:
    """From the newest one back, along an index."""
    conditions = [*(condition(Order) for condition in every), *walked]
    return select(Order.id).where(*conditions).order_by(Order.placed_at.desc(), Order.id.desc()).limit(most)


def _fetched(few: set[int], walked: Sequence[ColumnElement[bool]], every: Sequence[Condition], most: int) -> Query:
    """Of a few that are known; fetched first, so that no database looks for them by their state."""
    columns = Order.id, Order.placed_at, Order.status, Order.country
    hit = select(*columns).where(Order.id.in_(sorted(few)), *walked).cte("hit").prefix_with("MATERIALIZED")
    conditions = [condition(hit.c) for condition in every]
    return select(hit.c.id).where(*conditions).order_by(hit.c.placed_at.desc(), hit.c.id.desc()).limit(most)


# ------------------------------------------------------------------------------------------------ showing


@dataclass(frozen=True, slots=True)
class Row:
    """One order in the list; `attention` holds the names of what somebody should see to."""

    id: int
    placed_at: datetime
    name: str
    email: str
    status: OrderStatus
    needs_shipping: bool
    total_minor: int
    currency: str
    first: str  # what its first line is, with its quantity
    more: int  # how many lines it has beside that
    attention: Sequence[str]

    @property
    def number(self) -> str:
        return order_number(self.id)

    @property
    def state(self) -> str:
        return state_of(self.status, self.needs_shipping)


@dataclass(frozen=True, slots=True)
class Page:
    """Orders, the newest first; `after` names the last one when there are older ones."""

    rows: Sequence[Row]
    after: int | None


_line = LineItem.__table__.alias("line").c
_first = select(_line.id).where(_line.order_id == Order.id).order_by(_line.position, _line.id).limit(1)
_count = select(func.count(_line.id)).where(_line.order_id == Order.id)
ROWS = (
    select(Order.id, Order.placed_at, Order.name, Order.email, Order.status, Order.country, Order.total_minor, Order.currency)
    .add_columns(LineItem.name.label("what"), LineItem.options, LineItem.quantity, _count.scalar_subquery().label("lines"))
    .outerjoin(LineItem, LineItem.id == _first.scalar_subquery())
    .order_by(Order.placed_at.desc(), Order.id.desc())
)


def page(wanted: Wanted, *, after: int | None = None) -> Page:
    """One page of such orders."""
    t = db.session.connection()
    ids = newest(t, wanted, after=after)
    shown = ids[:PAGE]
    return Page(rows(t, shown), shown[-1] if len(ids) > PAGE else None)


def rows(t: Connection, ids: Sequence[int]) -> list[Row]:
    """These orders as the list shows them, the newest first."""
    if not ids:
        return []
    troubles = attention(t, ids)
    return [
        Row(
            row.id,
            row.placed_at,
            row.name,
            row.email,
            OrderStatus(row.status),
            bool(row.country),
            row.total_minor,
            row.currency,
            f"{row.quantity} × {', '.join(filter(None, (row.what, row.options)))}" if row.what else "",
            max(0, row.lines - 1),
            troubles.get(row.id, ()),
        )
        for row in t.execute(ROWS.where(Order.id.in_(ids)))
    ]


def attention(t: Connection, ids: Sequence[int]) -> Mapping[int, list[str]]:
    """What somebody should see to, by order: payment, refund, codes, and the kinds of what its shopper asks."""
    found: dict[int, list[str]] = {}
    asked = select(OrderRequest.order_id, OrderRequest.kind).where(OrderRequest.order_id.in_(ids), IS_OPEN)
    for order_id, kind in t.execute(asked.order_by(OrderRequest.id)):
        found.setdefault(order_id, []).append(kind)
    flagged = select(Payment.order_id).where(Payment.order_id.in_(ids), HAS_PROBLEM).distinct()
    for order_id in t.execute(flagged).scalars():
        found.setdefault(order_id, []).append("payment")
    refused = select(Payment.order_id).join(Refund, Refund.payment_id == Payment.id).where(Payment.order_id.in_(ids), WAS_REFUSED)
    for order_id in t.execute(refused.distinct()).scalars():
        found.setdefault(order_id, []).append("refund")
    keys = {f"{CODES_OWED}{order_id}": order_id for order_id in ids}
    owed = select(OutboxMessage.dedupe_key).where(OutboxMessage.dedupe_key.in_(keys), OutboxMessage.done_at.is_(None))
    for key in t.execute(owed).scalars():
        found.setdefault(keys[key], []).append("codes")
    return found
