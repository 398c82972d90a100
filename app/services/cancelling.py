"""Calling an order off, by whoever ordered or by staff: its goods go back on the shelf and its money goes back."""

from sqlalchemy import select, update

from app.extensions import retried, transaction
from app.models.order import SOLD, LineItem, OrderStatus
from app.models.payment import Payment, PaymentStatus
from app.providers import GATEWAYS
from app.services import audit, digital, orders, outbox, paying, refunds, stock
from app.services.errors import ShopError
from app.services.shelf import Shelf

CANCELLABLE = (OrderStatus.HOLD, OrderStatus.FAILED, OrderStatus.PROCESSING)


class NotCancellable(ShopError):
    message = "This order cannot be cancelled any more. Please write to us."
    status = 409


class MoneyIsManagers(ShopError):
    message = "Money was paid for this order, and only a manager sends money back. Ask one to cancel it."
    status = 409


class NothingToPay(ShopError):
    message = "This order does not wait for cash."
    status = 409


def may_shopper_cancel(status: str, has_digital: bool) -> bool:
    """Whether whoever ordered may call it off: until it is packed, and as long as nothing was handed over by e-mail."""
    return status in (OrderStatus.HOLD, OrderStatus.FAILED) or (status == OrderStatus.PROCESSING and not has_digital)


def may_staff_cancel(status: str, kept_minor: int) -> bool:
    """Whether the staff may call it off: until it was sent, or when its parcel came back because nobody paid at the door."""
    return status in CANCELLABLE or (status == OrderStatus.SHIPPED and kept_minor == 0)


@retried
def cancel(order_id: int, *, actor: str, reason: str, as_seen: str | None = None, may_send_money: bool = True) -> int:
    """Call an order off; answers how much money goes back, in minor units. Raises NotFound, NotCancellable, MoneyIsManagers.

    As `orders.SHOPPER` one may as long as `may_shopper_cancel` says so, as anybody else as `may_staff_cancel` does. With what
    `orders.seen` answered before, raises OrderMoved when it moved since.
    """
    with transaction() as t:
        status = orders.lock(t, order_id, as_seen).status
        by_mail = select(LineItem.id).where(LineItem.order_id == order_id, LineItem.is_digital)
        if actor == orders.SHOPPER:
            may = may_shopper_cancel(status, t.execute(by_mail).first() is not None)
        else:
            may = may_staff_cancel(status, refunds.kept(t, order_id))
        if not may or not orders.move(t, order_id, OrderStatus.CANCELLED, actor=actor, reason=reason):
            raise NotCancellable
        lines = orders.stock_lines(t, order_id)
        if status == OrderStatus.HOLD:
            stock.release(t, list(lines.values()))
        elif status in SOLD:
            stock.take_back(t, lines, actor)
        digital.revoke(t, order_id)
        paying.cancel_open(t, order_id)
        back = refunds.promise_all(t, order_id, reason=reason, actor=actor)
        if back and not may_send_money:
            raise MoneyIsManagers
        audit.note(t, actor, "order cancelled", f"order:{order_id}", {"status": status}, {"reason": reason, "back_minor": back})
        outbox.owe(t, "order.cancelled", f"order.cancelled:{order_id}", {"order_id": order_id})
    return back


@retried
def record_cash(order_id: int, shelf: Shelf, *, actor: str, as_seen: str | None = None) -> int:
    """Write down that an order which is paid at the door was paid; answers how much, in minor units.

    What is digital in it is yielded now, from the `shelf`. Raises NotFound, NothingToPay, OrderMoved.
    """
    with transaction() as t:
        orders.lock(t, order_id, as_seen)
        by_hand = [name for name, gateway in dict(GATEWAYS).items() if gateway.is_direct]
        waiting = Payment.order_id == order_id, Payment.status == PaymentStatus.CREATED, Payment.gateway.in_(by_hand)
        values = {"status": PaymentStatus.CAPTURED, "captured_minor": Payment.amount_minor}
        paid = t.execute(update(Payment).where(*waiting).values(**values).returning(Payment.amount_minor)).scalar()
        if paid is None:
            raise NothingToPay
        audit.note(t, actor, "cash recorded", f"order:{order_id}", None, {"paid_minor": paid})
        digital.fulfil(t, order_id, shelf)
    return int(paid)
