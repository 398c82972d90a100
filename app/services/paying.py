"""Paying for an order that stands: sending its shopper to the gateway, and trying again in another way.

Beside payments.py, which orders and prices rest on, because this rests on them.
"""

import secrets
from datetime import timedelta

from sqlalchemy import Connection, insert, select, update

from app.extensions import Record, db, now, read, retried, transaction
from app.gateways.shape import GatewayDown, PaymentStart, Started
from app.models.order import SOLD, LineItem, Order, OrderStatus, order_number
from app.models.payment import Payment, PaymentStatus
from app.providers import GATEWAYS
from app.services import account_carts, orders, payments, pricing, stock
from app.services.cart import Cart
from app.services.errors import AlreadyOrdered, NotFound, OutOfStock, ShopError
from app.services.payments import Offer

OPEN = (PaymentStatus.CREATED, PaymentStatus.PENDING)  # attempts that may still bring money
ATTEMPT = select(
    Payment.id,
    Payment.key,
    Payment.order_id,
    Payment.gateway,
    Payment.amount_minor,
    Payment.currency,
    Payment.idempotency_key,
    Payment.status,
    Payment.next_step,
    Order.key.label("order_key"),
    Order.email,
    Order.locale,
    Order.hold_expires_at,
    Order.status.label("order_status"),
).join(Order, Order.id == Payment.order_id)


class PaymentUnavailable(ShopError):
    message = "The payment service cannot be reached. Nothing was paid and your cart is kept. Please try again in a moment."
    status = 503
    retry_seconds = 5


class NotPayable(ShopError):
    message = "This order does not wait for a payment."
    status = 409


def begin(order_id: int, base_url: str) -> str:
    """Where the shopper pays this unpaid order: an absolute address, the same one when it is asked for again.

    When the gateway cannot be asked, the order is FAILED and holds nothing. Raises PaymentUnavailable, NotPayable.
    """
    attempt = read(ATTEMPT.where(Payment.order_id == order_id, Payment.status.in_(OPEN)).order_by(Payment.id.desc())).first()
    db.session.rollback()  # no transaction is open while a gateway takes its time
    if attempt is None or attempt.order_status != OrderStatus.HOLD:
        raise NotPayable
    if attempt.next_step:
        return str(attempt.next_step)
    try:
        if attempt.gateway not in GATEWAYS:
            raise GatewayDown(f"there is no gateway {attempt.gateway} any more")
        started = GATEWAYS[attempt.gateway].start(_request(attempt, base_url))
    except GatewayDown as error:
        if next_step := _not_started(attempt):  # the same submit sent twice, and the other one reached the gateway
            return next_step
        raise PaymentUnavailable from error
    return _started(attempt, started)


def _request(attempt: Record, base_url: str) -> PaymentStart:
    number = order_number(attempt.order_id)
    return PaymentStart(
        key=attempt.key,
        order_key=attempt.order_key,
        order_number=number,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        email=attempt.email,
        locale=attempt.locale,
        description=f"Order {number}",
        return_url=f"{base_url}/checkout/return/{attempt.key}",
        webhook_url=f"{base_url}/webhooks/{attempt.gateway}",
        expires_at=attempt.hold_expires_at,
        idempotency_key=attempt.idempotency_key,
    )


def _again(t: Connection, attempt: Record) -> Record:
    """The attempt as it is now, its order locked before it, as everybody locks them."""
    t.execute(select(Order.id).where(Order.id == attempt.order_id).with_for_update())
    return t.execute(ATTEMPT.where(Payment.id == attempt.id)).one()


@retried
def _started(attempt: Record, started: Started) -> str:
    """Write down where the shopper pays. What is no longer wanted keeps the reference too, for money that comes all the same."""
    with transaction() as t:
        there = _again(t, attempt)
        if there.next_step is None:
            values = {"gateway_reference": started.reference, "next_step": started.url}
            t.execute(update(Payment).where(Payment.id == there.id).values(**values))
        is_wanted = there.status in OPEN and there.order_status == OrderStatus.HOLD
        status = PaymentStatus.PENDING if is_wanted else PaymentStatus.CANCELLED
        t.execute(update(Payment).where(Payment.id == there.id, Payment.status.in_(OPEN)).values(status=status))
    if not is_wanted:
        raise NotPayable
    return str(there.next_step or started.url)


@retried
def _not_started(attempt: Record) -> str:
    """The attempt and its order have failed and nothing is held; "" then, or where to pay when it was started meanwhile."""
    with transaction() as t:
        there = _again(t, attempt)
        if there.status == PaymentStatus.CREATED:
            t.execute(update(Payment).where(Payment.id == there.id).values(status=PaymentStatus.FAILED))
            if orders.move(t, there.order_id, OrderStatus.FAILED, actor=orders.SHOPPER, reason="gateway unreachable"):
                stock.release(t, orders.quantities(t, there.order_id))
    return str(there.next_step or "") if there.status == PaymentStatus.PENDING else ""


def cancel_open(t: Connection, order_id: int) -> None:
    """Nobody waits for these attempts any more."""
    t.execute(
        update(Payment).where(Payment.order_id == order_id, Payment.status.in_(OPEN)).values(status=PaymentStatus.CANCELLED)
    )


def pay_again(key: str, account_id: int, payment_id: int | None, *, base_url: str, hold_minutes: int) -> str | None:
    """Pay an unpaid order of this account in another way, or once more: where to, or None when nothing more is to be done.

    Raises NotFound, NotPayable, MethodUnavailable, AlreadyOrdered, OutOfStock, PaymentUnavailable.
    """
    order_id, is_direct = _pay_anew(key, account_id, payment_id, hold_minutes)
    return None if is_direct else begin(order_id, base_url)


@retried
def _pay_anew(key: str, account_id: int, payment_id: int | None, hold_minutes: int) -> tuple[int, bool]:
    """A new attempt in place of the open ones: (order id, whether that settles it).

    A direct method takes the stock and moves the order to PROCESSING; another one holds it, anew if the order had failed.
    """
    wanted = select(*Order.__table__.c).where(Order.key == key, Order.account_id == account_id)
    with transaction() as t:
        if (found := t.execute(wanted).first()) is None:
            raise NotFound("There is no such order.")
        orders.claim_cart(t, found.cart_id)
        order = t.execute(wanted.with_for_update()).one()
        if order.status not in (OrderStatus.HOLD, OrderStatus.FAILED):
            raise NotPayable("This order is paid already." if order.status in SOLD else None)
        offer = pricing.choose(payments.offers(order.total_minor, bool(order.country), order.country), payment_id, "payment")
        lines = _stock_lines(t, order.id)
        quantities = [(variant, quantity) for variant, quantity, _ in lines.values()]
        if order.status == OrderStatus.FAILED:
            if other := orders.live(t, order.cart_id):
                raise AlreadyOrdered(other.key)
            orders.move(t, order.id, OrderStatus.HOLD, actor=orders.SHOPPER, reason="paid again")
        elif offer.is_direct:
            stock.release(t, quantities)
        cancel_open(t, order.id)
        t.execute(insert(Payment), _attempt(order, offer))
        values = {"payment_method_id": offer.id, "payment_name": offer.name}
        if offer.is_direct:
            values["hold_expires_at"] = None
            taken = stock.take(t, list(lines.values()))
            stock.record_sale(t, taken, {variant: line for line, (variant, _, _) in lines.items()}, orders.SHOPPER)
            orders.move(t, order.id, OrderStatus.PROCESSING, actor=orders.SHOPPER, reason="direct payment")
            orders.owe_confirmation(t, order.id)
            if account_carts.load(order.customer_id, t).id == order.cart_id:
                account_carts.take_out(t, order.customer_id, Cart(order.cart_id, tuple(quantities)))
        else:
            values["hold_expires_at"] = now() + timedelta(minutes=hold_minutes)
            if order.status == OrderStatus.FAILED:
                stock.hold(t, list(lines.values()))
        t.execute(update(Order).where(Order.id == order.id).values(**values))
    return order.id, offer.is_direct


def _stock_lines(t: Connection, order_id: int) -> dict[int, tuple[int, int, str]]:
    """(variant id, quantity, name) by line id, in variant-id order. Raises OutOfStock when a variant is gone for good."""
    columns = LineItem.id, LineItem.variant_id, LineItem.quantity, LineItem.name, LineItem.options
    rows = t.execute(select(*columns).where(LineItem.order_id == order_id).order_by(LineItem.variant_id)).all()
    titled = [(row, f"{row.name}, {row.options}" if row.options else row.name) for row in rows]
    if gone := [(0, title, row.quantity, 0) for row, title in titled if row.variant_id is None]:
        raise OutOfStock(gone)
    return {row.id: (row.variant_id or 0, row.quantity, title) for row, title in titled}


def _attempt(order: Record, offer: Offer) -> dict[str, object]:
    """The columns of one more attempt to pay an order."""
    return {
        "key": secrets.token_hex(16),
        "order_id": order.id,
        "payment_method_id": offer.id,
        "gateway": offer.gateway,
        "amount_minor": order.total_minor,
        "currency": order.currency,
        "status": PaymentStatus.CREATED,
        "idempotency_key": secrets.token_hex(16),
    }
