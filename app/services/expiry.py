"""The end of waiting: unpaid orders give back what they held, by the worker, or when somebody else wants it."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, select, update

from app.extensions import db, now, retried, transaction
from app.models.order import LineItem, Order, OrderEvent, OrderStatus
from app.models.payment import Payment, PaymentStatus
from app.services import orders, outbox, stock
from app.services.paying import OPEN

KEPT_FAILED = timedelta(days=1)  # how long an order may be tried again after its payment was declined
PORTION = 50  # orders in one round


def expire_due() -> int:
    """End what was waited for long enough, and answer how many orders that were."""
    over = Order.status == OrderStatus.HOLD, Order.hold_expires_at < now()
    ids = db.session.execute(select(Order.id).where(*over).order_by(Order.hold_expires_at).limit(PORTION)).scalars().all()
    return sum([expire(order_id) for order_id in ids])


def release_overdue(variant_ids: Sequence[int]) -> bool:
    """Whether holds of these variants had outlived their time, and have given back what they held now."""
    over = Order.status == OrderStatus.HOLD, Order.hold_expires_at < now()
    wanted = select(Order.id).where(*over, Order.lines.any(LineItem.variant_id.in_(variant_ids))).order_by(Order.id)
    released = [expire(order_id) for order_id in db.session.execute(wanted.limit(PORTION)).scalars().all()]
    return any(released)


@retried
def expire(order_id: int) -> bool:
    """Cancel an order whose hold is over; False when it was paid, prolonged or ended meanwhile."""
    with transaction() as t:
        order = t.execute(select(Order.status, Order.hold_expires_at).where(Order.id == order_id).with_for_update()).one()
        if order.status != OrderStatus.HOLD or order.hold_expires_at >= now():  # the guard: paid or prolonged since it was found
            return False
        _cancel(t, order_id, orders.EXPIRED)
        stock.release(t, orders.quantities(t, order_id))
        outbox.owe(t, "payment.expired", f"payment.expired:{order_id}", {"order_id": order_id})
    return True


def end_failed() -> int:
    """Cancel orders that nobody tried to pay again for a day, and answer how many those were."""
    moved = select(OrderEvent.created_at).where(OrderEvent.order_id == Order.id).order_by(OrderEvent.id.desc()).limit(1)
    old = Order.status == OrderStatus.FAILED, moved.correlate(Order).scalar_subquery() < now() - KEPT_FAILED
    ids = db.session.execute(select(Order.id).where(*old).order_by(Order.id).limit(PORTION)).scalars().all()
    return sum([_end_failed(order_id) for order_id in ids])


@retried
def _end_failed(order_id: int) -> bool:
    with transaction() as t:
        was = t.execute(select(Order.status).where(Order.id == order_id).with_for_update()).scalar_one()
        if was == OrderStatus.FAILED:
            _cancel(t, order_id, orders.UNPAID)
    return bool(was == OrderStatus.FAILED)


def _cancel(t: Connection, order_id: int, reason: str) -> None:
    """The shop waits no longer. The attempts stay known, for money that comes all the same."""
    orders.move(t, order_id, OrderStatus.CANCELLED, actor=orders.WORKER, reason=reason)
    open_ones = Payment.order_id == order_id, Payment.status.in_(OPEN)
    t.execute(update(Payment).where(*open_ones).values(status=PaymentStatus.EXPIRED))
