"""Paying for an order that stands: sending its shopper to the gateway, and trying again in another way.

Beside payments.py, which orders and prices rest on, because this rests on them.
"""

import logging
import secrets
import time
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from app.extensions import Record, db, now, read, retried, transaction
from app.gateways import http
from app.gateways.shape import GatewayDown, PaymentStart, Refused, Started
from app.models.order import SOLD, LineItem, Order, OrderStatus, order_number
from app.models.payment import Payment, PaymentStatus
from app.providers import GATEWAYS, conversation
from app.services import account_carts, orders, payments, pricing, stock
from app.services.cart import Cart
from app.services.errors import AlreadyOrdered, NotFound, OutOfStock, ShopError
from app.services.payments import Offer

OPEN = (PaymentStatus.CREATED, PaymentStatus.PENDING, PaymentStatus.AUTHORISED)  # attempts that may still bring money
FIRST_CHECK = timedelta(minutes=1)  # after which the worker asks how a payment stands
TELLING = timedelta(seconds=20)  # after which whoever told the gateway of a payment has died
LOOK_SECONDS = 0.2
ATTEMPT = select(
    *Payment.__table__.c,
    Order.key.label("order_key"),
    Order.cart_id,
    Order.customer_id,
    Order.account_id,
    Order.email,
    Order.locale,
    Order.hold_expires_at,
    Order.status.label("order_status"),
    orders.last_reason().label("last_reason"),
).join(Order, Order.id == Payment.order_id)

log = logging.getLogger("till")


class PaymentUnavailable(ShopError):
    message = "The payment service cannot be reached. Nothing was paid and your cart is kept. Please try again in a moment."
    status = 503
    retry_seconds = 5


class NotPayable(ShopError):
    message = "This order does not wait for a payment."
    status = 409


class Unmatched(NotPayable):
    message = "A payment for this order cannot be matched to it. We look at it and write to you; please do not pay again."


class TooManyTries(ShopError):
    message = "That were many tries to pay. Please wait an hour, or write to us and we find another way."
    status = 429
    retry_seconds = 3600


# ------------------------------------------------------------------------------------------------ to the gateway


def begin(order_id: int, base_url: str, *, tells_email: bool = True) -> str:
    """Where the shopper pays this unpaid order: an absolute address, the same one when it is asked for again.

    When the gateway cannot be asked, the order is FAILED and holds nothing. Raises PaymentUnavailable, NotPayable.
    """
    attempt = _open_attempt(order_id)
    if attempt is None and _tries_again(order_id):
        attempt = _open_attempt(order_id)
    if attempt is None or attempt.order_status != OrderStatus.HOLD:
        raise NotPayable
    if attempt.next_step:
        return str(attempt.next_step)
    claimed_at, started = None, None
    try:
        if attempt.gateway not in GATEWAYS:
            raise GatewayDown("there is no such gateway any more")
        with conversation(attempt.gateway):
            claimed_at = _claim(attempt.id)
            if claimed_at is None:
                return _told_by_another(attempt.id)
            started = GATEWAYS[attempt.gateway].start(_request(attempt, base_url, tells_email))
    except (GatewayDown, Refused) as error:
        log.warning("payment %s: %s could not be begun: %s", attempt.id, attempt.gateway, error)
        _not_started(attempt, claimed_at)
        raise PaymentUnavailable from error
    finally:
        if claimed_at and started is None:
            _let_go(attempt.id, claimed_at)
    return _started(attempt, started)


def _open_attempt(order_id: int) -> Record | None:
    """The newest attempt of an order that may still bring money."""
    mine = Payment.order_id == order_id, Payment.status.in_(OPEN)
    found = read(ATTEMPT.where(*mine).order_by(Payment.id.desc())).first()
    db.session.rollback()  # no transaction is open while a gateway takes its time
    return found


@retried
def _tries_again(order_id: int) -> bool:
    """Whether an order on HOLD, whose last attempt ended at the provider, has a new one by its method now. Raises Unmatched."""
    with transaction() as t:
        status = t.execute(select(Order.status).where(Order.id == order_id).with_for_update()).scalar()
        mine = select(*Payment.__table__.c).where(Payment.order_id == order_id)
        last = t.execute(mine.order_by(Payment.id.desc()).limit(1)).first()
        is_over = last is not None and t.execute(mine.where(Payment.status.in_(OPEN))).first() is None
        if payments.is_unmatched(order_id, t):
            raise Unmatched
        if status == OrderStatus.HOLD and is_over:
            add_attempt(t, last)
    return bool(status == OrderStatus.HOLD and is_over)


@retried
def _claim(payment_id: int) -> datetime | None:
    """When this thread began to tell the gateway; None when somebody else is at it, or done."""
    moment = now()
    is_free = or_(Payment.asked_at.is_(None), Payment.asked_at < moment - TELLING)
    waiting = Payment.id == payment_id, Payment.status == PaymentStatus.CREATED, Payment.next_step.is_(None), is_free
    with transaction() as t:
        claimed = t.execute(update(Payment).where(*waiting).values(asked_at=moment))
    return moment if claimed.rowcount == 1 else None


@retried
def _let_go(payment_id: int, claimed_at: datetime) -> None:
    """Whoever comes next may tell the gateway."""
    mine = Payment.id == payment_id, Payment.status == PaymentStatus.CREATED, Payment.asked_at == claimed_at
    with transaction() as t:
        t.execute(update(Payment).where(*mine).values(asked_at=None))


def _told_by_another(payment_id: int) -> str:
    """Where to pay, once another request, of the same submit sent twice, has it from the gateway. Raises PaymentUnavailable."""
    while http.seconds_left() > LOOK_SECONDS:
        row = read(select(Payment.next_step, Payment.status).where(Payment.id == payment_id)).one()
        db.session.rollback()
        if row.next_step:
            return str(row.next_step)
        if row.status not in OPEN:
            break
        time.sleep(LOOK_SECONDS)
    raise PaymentUnavailable


def _request(attempt: Record, base_url: str, tells_email: bool) -> PaymentStart:
    number = order_number(attempt.order_id)
    return PaymentStart(
        key=attempt.key,
        order_key=attempt.order_key,
        order_number=number,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        email=attempt.email if tells_email else "",
        locale=attempt.locale,
        description=f"Order {number}",
        return_url=f"{base_url}/checkout/return/{attempt.key}",
        webhook_url=f"{base_url}/webhooks/{attempt.gateway}",
        expires_at=attempt.hold_expires_at,
        idempotency_key=attempt.idempotency_key,
    )


def locked(t: Connection, payment_id: int) -> Record:
    """The attempt as it is now, which nobody else changes meanwhile: its cart is claimed and its order locked before it."""
    wanted = ATTEMPT.where(Payment.id == payment_id)
    orders.claim_cart(t, t.execute(wanted).one().cart_id)
    order_id = select(Payment.order_id).where(Payment.id == payment_id).scalar_subquery()
    t.execute(select(Order.id).where(Order.id == order_id).with_for_update())
    return t.execute(wanted).one()


@retried
def _started(attempt: Record, started: Started) -> str:
    """Write down where the shopper pays. What is no longer wanted keeps the reference too, for money that comes all the same."""
    with transaction() as t:
        there = locked(t, attempt.id)
        is_wanted = there.status in OPEN and there.order_status == OrderStatus.HOLD
        values = {"gateway_reference": started.reference, "next_step": started.url, "next_check_at": now() + FIRST_CHECK}
        t.execute(update(Payment).where(Payment.id == there.id).values(**values))
        status = PaymentStatus.PENDING if is_wanted else PaymentStatus.CANCELLED
        t.execute(update(Payment).where(Payment.id == there.id, Payment.status.in_(OPEN)).values(status=status))
    if not is_wanted:
        raise NotPayable
    return started.url


@retried
def _not_started(attempt: Record, claimed_at: datetime | None) -> None:
    """The attempt and its order have failed and nothing is held; unless another request is telling the gateway of it."""
    with transaction() as t:
        there = locked(t, attempt.id)
        is_told_by_another = there.asked_at not in (None, claimed_at) and there.asked_at > now() - TELLING
        if there.status != PaymentStatus.CREATED or is_told_by_another:
            return
        t.execute(update(Payment).where(Payment.id == there.id).values(status=PaymentStatus.FAILED))
        if orders.move(t, there.order_id, OrderStatus.FAILED, actor=orders.SHOPPER, reason="gateway unreachable"):
            stock.release(t, orders.quantities(t, there.order_id))


def cancel_open(t: Connection, order_id: int) -> None:
    """Nobody waits for these attempts any more."""
    t.execute(
        update(Payment).where(Payment.order_id == order_id, Payment.status.in_(OPEN)).values(status=PaymentStatus.CANCELLED)
    )


# ------------------------------------------------------------------------------------------------ once more


def pay_again(
    order_id: int, payment_id: int | None, *, base_url: str, hold_minutes: int, most_tries: int | None, tells_email: bool = True
) -> str | None:
    """Pay an unpaid order in another way, or once more: where to, or None when nothing more is to be done.

    `most_tries` is how many attempts an order may have; None: any number. Raises NotFound, NotPayable, TooManyTries,
    MethodUnavailable, AlreadyOrdered, UsedUp, OutOfStock, PaymentUnavailable.
    """
    is_direct = _pay_anew(order_id, payment_id, hold_minutes, most_tries)
    return None if is_direct else begin(order_id, base_url, tells_email=tells_email)


@retried
def _pay_anew(order_id: int, payment_id: int | None, hold_minutes: int, most_tries: int | None) -> bool:
    """A new attempt in place of the open ones; answers whether that settles it.

    A direct method takes the stock and moves the order to PROCESSING; another one holds it, anew if the order had failed.
    """
    wanted = select(*Order.__table__.c).where(Order.id == order_id)
    with transaction() as t:
        if (found := t.execute(wanted).first()) is None:
            raise NotFound("There is no such order.")
        orders.claim_cart(t, found.cart_id)
        order = t.execute(wanted.with_for_update()).one()
        if order.status not in (OrderStatus.HOLD, OrderStatus.FAILED):
            raise NotPayable("This order is paid already." if order.status in SOLD else None)
        if payments.is_unmatched(order.id, t):
            raise Unmatched
        offered = payments.offers(order.total_minor, bool(order.country), order.country, order.currency)
        offer = pricing.choose(offered, payment_id, "payment")
        if not offer.is_direct and most_tries is not None and tries(t, order.id) >= most_tries:
            raise TooManyTries
        lines = stock_lines(t, order.id)
        quantities = [(variant, quantity) for variant, quantity, _ in lines.values()]
        if order.status == OrderStatus.FAILED:
            if other := orders.live(t, order.cart_id):
                raise AlreadyOrdered(other.key)
            orders.move(t, order.id, OrderStatus.HOLD, actor=orders.SHOPPER, reason="paid again")
        elif offer.is_direct:
            stock.release(t, quantities)
        cancel_open(t, order.id)
        add_attempt(t, {"order_id": order.id, "amount_minor": order.total_minor, "currency": order.currency} | method_of(offer))
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
    return offer.is_direct


def tries(t: Connection, order_id: int) -> int:
    """How often its shopper has set out to pay this order."""
    return int(t.execute(select(func.count(Payment.id)).where(Payment.order_id == order_id)).scalar_one())


def stock_lines(t: Connection, order_id: int) -> dict[int, tuple[int, int, str]]:
    """(variant id, quantity, name) by line id, in variant-id order. Raises OutOfStock when a variant is gone for good."""
    columns = LineItem.id, LineItem.variant_id, LineItem.quantity, LineItem.name, LineItem.options
    rows = t.execute(select(*columns).where(LineItem.order_id == order_id).order_by(LineItem.variant_id)).all()
    titled = [(row, f"{row.name}, {row.options}" if row.options else row.name) for row in rows]
    if gone := [(0, title, row.quantity, 0) for row, title in titled if row.variant_id is None]:
        raise OutOfStock(gone)
    return {row.id: (row.variant_id or 0, row.quantity, title) for row, title in titled}


def method_of(offer: Offer) -> dict[str, object]:
    return {"payment_method_id": offer.id, "gateway": offer.gateway}


def add_attempt(t: Connection, like: Any, **columns: Any) -> int:
    """One more attempt to pay an order, with the amount and the method of these columns; answers its id."""
    told = like if isinstance(like, dict) else like._asdict()
    same = {name: told[name] for name in ("order_id", "payment_method_id", "gateway", "amount_minor", "currency")}
    values = same | {"key": secrets.token_hex(16), "idempotency_key": secrets.token_hex(16), "status": PaymentStatus.CREATED}
    added: int = t.execute(insert(Payment).returning(Payment.id), values | columns).scalar_one()
    return added
