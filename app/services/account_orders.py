"""The orders of an account, as only its owner may read them."""

from collections.abc import Sequence

from sqlalchemy import func, select

from app.extensions import Record, read
from app.models.order import Order, OrderStatus
from app.models.payment import Payment, PaymentStatus
from app.services import orders

SUMMARIES = select(
    Order.id, Order.key, Order.status, Order.placed_at, Order.currency, Order.items_minor, Order.shipping_minor, Order.total_minor
).order_by(Order.id.desc())


def page(account_id: int, *, limit: int, offset: int) -> tuple[Sequence[Record], int]:
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
