"""The orders of an account, as only its owner may read them: a page at a time for people, a part of all for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.extensions import Record, db, read
from app.models.order import LineItem, Order, OrderStatus, order_number
from app.models.payment import Payment, PaymentStatus
from app.services import orders

PAGE = 20
SUMMARIES = select(
    Order.id, Order.key, Order.status, Order.placed_at, Order.currency, Order.items_minor, Order.shipping_minor, Order.total_minor
).order_by(Order.id.desc())


@dataclass(frozen=True, slots=True)
class Past:
    """One order in a list."""

    id: int
    key: str
    status: OrderStatus
    placed_at: datetime
    total_minor: int
    currency: str
    needs_shipping: bool
    first: str  # the name of its first line
    more: int  # how many lines it has beside that

    @property
    def number(self) -> str:
        return order_number(self.id)


@dataclass(frozen=True, slots=True)
class Page:
    """Orders, the newest first; `after` names the last one when there are older ones."""

    orders: Sequence[Past]
    after: int | None


def page(account_id: int, *, after: int | None = None, most: int = PAGE) -> Page:
    """The newest orders of this account, or those that are older than the one whose id is `after`."""
    columns = Order.id, Order.key, Order.status, Order.placed_at, Order.total_minor, Order.currency, Order.country
    wanted = select(*columns).where(Order.account_id == account_id).order_by(Order.id.desc()).limit(most + 1)
    rows = db.session.execute(wanted if after is None else wanted.where(Order.id < after)).all()
    shown = rows[:most]
    ids = [row.id for row in shown]
    counts = dict(
        db.session.execute(
            select(LineItem.order_id, func.count()).where(LineItem.order_id.in_(ids)).group_by(LineItem.order_id)
        ).all()
    )
    first = (
        select(LineItem.order_id, LineItem.name).where(LineItem.order_id.in_(ids)).order_by(LineItem.position.desc(), LineItem.id)
    )
    names = dict(db.session.execute(first).all())  # the last one that is read of an order is its first
    orders = [
        Past(
            row.id,
            row.key,
            OrderStatus(row.status),
            row.placed_at,
            row.total_minor,
            row.currency,
            bool(row.country),
            names.get(row.id, ""),
            max(0, counts.get(row.id, 0) - 1),
        )
        for row in shown
    ]
    return Page(orders, shown[-1].id if len(rows) > most else None)


def part(account_id: int, *, limit: int, offset: int) -> tuple[Sequence[Record], int]:
    """A part of this account's orders, the newest first, and how many there are in all."""
    mine = Order.account_id == account_id
    count = read(select(func.count(Order.id)).where(mine)).scalar_one()
    return read(SUMMARIES.where(mine).limit(limit).offset(offset)).all(), count


def by_key(account_id: int, key: str) -> Order | None:
    """One of this account's orders; None for another's and for any key that opens none."""
    found = orders.by_key(key)
    return found if found is not None and found.account_id == account_id else None


def next_step(order: Order) -> str | None:
    """Where an order on HOLD is paid, once its payment was begun."""
    if order.status != OrderStatus.HOLD:
        return None
    waiting = Payment.order_id == order.id, Payment.status == PaymentStatus.PENDING
    return read(select(Payment.next_step).where(*waiting).order_by(Payment.id.desc()).limit(1)).scalar()
