"""What waits for somebody behind the counter, and how the shop did lately."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Integer, bindparam, func, literal_column, select, union_all

from app.extensions import Prepared, UtcDateTime, db, now
from app.models.order import SOLD, LineItem, Order, OrderStatus
from app.models.order_desk import IS_OPEN, OrderRequest
from app.models.outbox import OutboxMessage
from app.models.payment import HAS_PROBLEM, WAS_REFUSED, Payment, Refund
from app.models.stock import StockAlert

MOST = 99  # nobody counts further; a page says "99 and more"
DAYS = 30
BEST = 10
IS_SOLD = Order.status.in_([literal_column(f"'{status}'") for status in sorted(SOLD)])
LATE_SECONDS = 60  # a hold that is over for longer should have been released by the worker

# One look-up of an index for each day; as one statement, since thirty take long to say.
_days = union_all(
    *(
        select(
            literal_column(str(place), Integer).label("place"),
            func.count(Order.id).label("orders"),
            func.coalesce(func.sum(Order.total_minor), 0).label("takings"),
        ).where(
            IS_SOLD,
            Order.placed_at >= bindparam(f"midnight{place}", type_=UtcDateTime()),
            Order.placed_at < bindparam(f"midnight{place + 1}", type_=UtcDateTime()),
        )
        for place in range(DAYS)
    )
).subquery()
TAKINGS = Prepared(select(_days))


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many of each wait for somebody; MOST + 1 means more than MOST."""

    to_pack: int
    to_yield: int  # digital orders that are paid, and lack a code or a file
    overdue_holds: int
    payments: int  # flagged for a person
    refunds: int  # refused by their provider
    requests: int  # what shoppers ask of their orders
    sold_out: int
    low: int
    messages: int  # given up on


@dataclass(frozen=True, slots=True)
class Day:
    """What the orders of one day of the shop's clock came to, in minor units."""

    day: date
    orders: int
    takings_minor: int


@dataclass(frozen=True, slots=True)
class Seller:
    sku: str
    name: str
    quantity: int
    takings_minor: int


def waiting() -> Waiting:
    """What somebody should look at, each counted no further than MOST + 1."""
    processing, alert = Order.status == OrderStatus.PROCESSING, StockAlert.status == "open"
    late = now() - timedelta(seconds=LATE_SECONDS)
    counts = {
        "to_pack": few(Order.id, processing, Order.country != ""),
        "to_yield": few(Order.id, processing, Order.country == ""),
        "overdue_holds": few(Order.id, Order.status == OrderStatus.HOLD, Order.hold_expires_at < late),
        "payments": few(Payment.id, HAS_PROBLEM),
        "refunds": few(Refund.id, WAS_REFUSED),
        "requests": few(OrderRequest.id, IS_OPEN),
        "sold_out": few(StockAlert.id, alert, StockAlert.kind == "out"),
        "low": few(StockAlert.id, alert, StockAlert.kind == "low"),
        "messages": few(OutboxMessage.id, OutboxMessage.is_dead, OutboxMessage.done_at.is_(None)),
    }
    row = db.session.execute(select(*(count.label(name) for name, count in counts.items()))).one()
    return Waiting(**row._mapping)


def few(column: Any, *where: Any) -> ColumnElement[int]:
    """How many rows there are, counted no further than MOST + 1."""
    counted: ColumnElement[int] = (
        select(func.count()).select_from(select(column).where(*where).limit(MOST + 1).subquery()).scalar_subquery()
    )
    return counted


def takings(zone: ZoneInfo) -> list[Day]:
    """What was sold on each of the last DAYS days of this clock, today last; cancelled and refunded orders do not count."""
    days = last_days(zone)
    midnights = [begins(day, zone) for day in (*days, days[-1] + timedelta(days=1))]
    rows = TAKINGS.rows(**{f"midnight{place}": midnight for place, midnight in enumerate(midnights)})
    found = {row.place: (row.orders, int(row.takings)) for row in rows}
    return [Day(day, *found[place]) for place, day in enumerate(days)]


def best_sellers(zone: ZoneInfo) -> list[Seller]:
    """What was bought most often in the last DAYS days, less its discounts, of orders neither cancelled nor refunded."""
    since = begins(last_days(zone)[0], zone)
    first = select(Order.id).where(Order.placed_at >= since).order_by(Order.placed_at, Order.id).limit(1).scalar_subquery()
    # Lines are numbered as orders are: from the first line of that order on there are only newer ones. Asked for by itself,
    # since a planner that is told the number knows how few lines follow.
    line_id = db.session.execute(select(func.min(LineItem.id)).where(LineItem.order_id == first)).scalar()
    if line_id is None:
        return []
    sku = LineItem.sku + ""  # as a text of its own: SQLite would walk the index of all SKUs
    quantity = func.sum(LineItem.quantity)
    takings = func.sum(LineItem.unit_price_minor * LineItem.quantity - LineItem.discount_minor)
    wanted = (
        select(sku, func.max(LineItem.name), quantity, takings)
        .join(Order, Order.id == LineItem.order_id)
        .where(LineItem.id >= line_id, IS_SOLD, Order.placed_at >= since)
        .group_by(sku)
        .order_by(quantity.desc(), sku)
        .limit(BEST)
    )
    return [Seller(sku, name, int(count), int(total)) for sku, name, count, total in db.session.execute(wanted)]


def last_days(zone: ZoneInfo) -> list[date]:
    """The last DAYS days of this clock, today last."""
    today = now().astimezone(zone).date()
    return [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]


def begins(day: date, zone: ZoneInfo) -> datetime:
    """The moment at which a day begins on this clock."""
    return datetime.combine(day, time(), zone)
