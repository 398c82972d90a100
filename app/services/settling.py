"""Settling: what a provider says of a payment becomes what the shop knows, exactly once, however often and by whom it is asked.

The return page, webhooks and the worker all end in settle(). Facts count, not the order in which they come: refunded over
captured over authorised over failed over created.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Update, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.extensions import Record, db, now, read, retried, transaction
from app.gateways.shape import Event, Facts, GatewayDown, Refused, State
from app.models.order import Order, OrderStatus
from app.models.payment import Payment, PaymentEvent, PaymentMethod, PaymentStatus
from app.providers import GATEWAYS, conversation
from app.services import account_carts, digital, orders, paying, refunds, stock
from app.services.cart import Cart
from app.services.discounts import UsedUp
from app.services.errors import NotFound, OutOfStock
from app.services.paying import ATTEMPT, OPEN
from app.services.shelf import Shelf
from app.services.stock import Taken

UNPAID = (*OPEN, PaymentStatus.FAILED, PaymentStatus.CANCELLED, PaymentStatus.EXPIRED)  # from these a payment may be captured
ENDED = (PaymentStatus.MISMATCH, PaymentStatus.REFUNDED)  # nothing that a provider says changes these
FIRST_CHECK = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
CHECKED_FOR = timedelta(days=1)  # after which no money comes any more
LAST_LOOK = timedelta(seconds=30)  # before a hold ends
MOST_CHECKS = 20  # in one round of the worker
LONGEST_ROUND_SECONDS = 10.0

log = logging.getLogger("till")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a payment and its order stand; not `is_known` when the provider could not be asked."""

    payment_id: int
    order_id: int
    order_key: str
    cart_id: str
    account_id: int | None
    order_status: OrderStatus
    payment_status: PaymentStatus
    is_known: bool = True

    @property
    def is_open(self) -> bool:
        """The money may still come."""
        return self.payment_status in OPEN


def standing(payment_id: int, *, is_known: bool = True) -> Standing:
    """What the shop knows of this payment. Raises NotFound."""
    row = _attempt(payment_id)
    status, payment_status = OrderStatus(row.order_status), PaymentStatus(row.status)
    return Standing(row.id, row.order_id, row.order_key, row.cart_id, row.account_id, status, payment_status, is_known)


def by_key(key: str) -> int | None:
    """The id of the payment that return addresses name so."""
    return read(select(Payment.id).where(Payment.key == key)).scalar() if len(key) == 32 and key.isascii() else None


def _attempt(payment_id: int) -> Record:
    db.session.rollback()
    row = read(ATTEMPT.where(Payment.id == payment_id)).first()
    db.session.rollback()  # no transaction is open while a gateway takes its time
    if row is None:
        raise NotFound("There is no such payment.")
    return row


# ------------------------------------------------------------------------------------------------ asking


def settle(payment_id: int, shelf: Shelf) -> Standing:
    """Ask the provider how this payment stands, take the money if the shopper agreed, and let the order follow.

    What is digital in a paid order is yielded from the `shelf`. Where the provider cannot be asked nothing changes, and the
    worker asks again. Raises NotFound.
    """
    attempt, is_known = _attempt(payment_id), True
    if attempt.gateway in GATEWAYS and attempt.gateway_reference and attempt.status not in ENDED:
        try:
            facts = ask(attempt)
        except GatewayDown as error:
            log.warning("payment %s: %s could not be asked: %s", payment_id, attempt.gateway, error)
            is_known = False
        except Refused as error:
            log.warning("payment %s: %s refused: %s", payment_id, attempt.gateway, error)
            _unheard_of(payment_id, str(error))
        else:
            learn(payment_id, facts, shelf)
    return standing(payment_id, is_known=is_known)


def ask(attempt: Record) -> Facts:
    """What the provider says. Money that the shopper agreed to is taken, unless nobody wants it any more."""
    gateway, known = GATEWAYS[attempt.gateway], refunds.attempt_of(attempt)
    with conversation(gateway.name):
        facts = gateway.fetch(known)
        if facts.state == State.APPROVED and is_wanted(attempt) and not differences(attempt, facts):
            facts = gateway.capture(known)
    return facts


def is_wanted(attempt: Record) -> bool:
    """Whether money of this attempt would still buy something: its order waits, or ended for want of it, and names somebody."""
    if not attempt.email:
        return False
    if attempt.order_status == OrderStatus.CANCELLED:
        return attempt.last_reason in (orders.EXPIRED, orders.UNPAID)
    return attempt.order_status in (OrderStatus.HOLD, OrderStatus.FAILED)


def differences(attempt: Record, facts: Facts) -> str:
    """What of the provider's facts is not as we had asked, in words; "" when everything agrees."""
    merchant = GATEWAYS[attempt.gateway].merchant
    agreed = {
        "reference": facts.reference == attempt.gateway_reference,
        "amount": facts.amount_minor == attempt.amount_minor,
        "currency": facts.currency == attempt.currency,
        "merchant": None in (facts.merchant, merchant) or facts.merchant == merchant,
        "order": facts.order_key in (None, attempt.order_key),
    }
    return ", ".join(name for name, is_so in agreed.items() if not is_so)


# ------------------------------------------------------------------------------------------------ learning


@retried
def learn(payment_id: int, facts: Facts, shelf: Shelf) -> None:
    """Let payment and order become what these facts make of them; facts that come late or twice change nothing."""
    with transaction() as t:
        there = paying.locked(t, payment_id)
        told = PaymentEvent.payment_id == there.id, PaymentEvent.handled_at.is_(None)
        t.execute(update(PaymentEvent).where(*told).values(handled_at=now()))
        if there.status in ENDED:
            return
        if wrong := differences(there, facts):
            _mismatched(t, there, facts, wrong)
        elif facts.state == State.CAPTURED:
            _captured(t, there, facts, shelf)
        elif facts.state == State.FAILED:
            _declined(t, there)
        elif facts.state == State.EXPIRED:
            t.execute(_of(there.id, OPEN).values(status=PaymentStatus.EXPIRED, next_check_at=None))
        elif facts.state == State.APPROVED:
            t.execute(_of(there.id, OPEN).values(status=PaymentStatus.AUTHORISED))


def _of(payment_id: int, statuses: Sequence[PaymentStatus]) -> Update:
    """An update of this payment as long as it is in one of these states."""
    return update(Payment).where(Payment.id == payment_id, Payment.status.in_(statuses))


def _mismatched(t: Connection, there: Record, facts: Facts, wrong: str) -> None:
    """It is not what we had asked for, so it is never paid; staff see it."""
    if facts.state in (State.CAPTURED, State.APPROVED):
        t.execute(_of(there.id, UNPAID).values(status=PaymentStatus.MISMATCH, next_check_at=None))
    refunds.report(t, there.id, "mismatch", f"{there.gateway} speaks of another payment: {wrong} differs.")


@retried
def _unheard_of(payment_id: int, why: str) -> None:
    """The provider knows nothing of it, or will not tell us."""
    with transaction() as t:
        refunds.report(t, payment_id, "unheard of", why)


def _declined(t: Connection, there: Record) -> None:
    """The attempt brought nothing; with the last of them the order gives back what it held, and may be tried again."""
    if t.execute(_of(there.id, OPEN).values(status=PaymentStatus.FAILED, next_check_at=None)).rowcount != 1:
        return
    others = select(Payment.id).where(Payment.order_id == there.order_id, Payment.status.in_(OPEN))
    if there.order_status == OrderStatus.HOLD and t.execute(others).first() is None:
        orders.move(t, there.order_id, OrderStatus.FAILED, actor=there.gateway, reason="declined")
        stock.release(t, orders.quantities(t, there.order_id))


def _captured(t: Connection, there: Record, facts: Facts, shelf: Shelf) -> None:
    """The money is there: it buys what it was meant for, or goes back; then, what the provider itself sent back."""
    values = {"captured_minor": there.amount_minor, "capture_reference": facts.capture_reference}
    counted = t.execute(_of(there.id, UNPAID).values(status=PaymentStatus.CAPTURED, **values))
    if counted.rowcount == 1:  # the guard: money counts once
        _honour(t, there, shelf)
    refunds.seen_elsewhere(t, there.id, there.order_id, facts.refunded_minor)
    t.execute(update(Payment).where(Payment.id == there.id).values(next_check_at=None))


def _honour(t: Connection, there: Record, shelf: Shelf) -> None:
    """Give the order what its money buys. Nothing is sold that is gone, and no money is kept for nothing."""
    if there.order_status == OrderStatus.HOLD:
        _goes_on(t, there, "paid")
        _paid(t, there, stock.sell_held(t, orders.quantities(t, there.order_id)), shelf)
    elif not is_wanted(there) or orders.live(t, there.cart_id):
        _send_back(t, there, "The order was paid, replaced or cancelled before")
    else:
        try:
            with t.begin_nested():
                _goes_on(t, there, "paid late")
                taken = stock.take(t, list(paying.stock_lines(t, there.order_id).values()))
        except OutOfStock:
            _send_back(t, there, "The goods were sold before the money came")
        except UsedUp:
            _send_back(t, there, "The discount code was used up before the money came")
        else:
            _paid(t, there, taken, shelf)


def _goes_on(t: Connection, there: Record, reason: str) -> None:
    if not orders.move(t, there.order_id, OrderStatus.PROCESSING, actor=there.gateway, reason=reason):
        raise AssertionError(f"order {there.order_id} cannot go on from {there.order_status}")


def _paid(t: Connection, there: Record, taken: Sequence[Taken], shelf: Shelf) -> None:
    """The order has gone on: its goods are sold, other attempts are called off, and whoever ordered is told."""
    lines = orders.stock_lines(t, there.order_id)
    stock.record_sale(t, taken, {variant: line for line, (variant, _) in lines.items()}, orders.SHOPPER)
    name = t.execute(select(PaymentMethod.name).where(PaymentMethod.id == there.payment_method_id)).scalar_one()
    values = {"hold_expires_at": None, "payment_method_id": there.payment_method_id, "payment_name": name}
    t.execute(update(Order).where(Order.id == there.order_id).values(**values))
    paying.cancel_open(t, there.order_id)
    orders.owe_confirmation(t, there.order_id)
    digital.fulfil(t, there.order_id, shelf)
    if there.account_id and account_carts.load(there.customer_id, t).id == there.cart_id:
        account_carts.take_out(t, there.customer_id, Cart(there.cart_id, tuple(lines.values())))


def _send_back(t: Connection, there: Record, why: str) -> None:
    refunds.promise(t, there.id, there.amount_minor, reason=why.lower(), actor=orders.WORKER)
    refunds.report(t, there.id, "sent back", f"{why}, so it goes back.")


# ------------------------------------------------------------------------------------------------ webhooks


def hear(gateway: str, event: Event) -> int | None:
    """Keep a genuine event, once; answers the payment to settle, or None when it was heard before or is of none of ours.

    Whoever dies between this and settling leaves it to the worker.
    """
    try:
        return _keep(gateway, event)
    except IntegrityError:  # the same event, at the same moment
        return None


@retried
def _keep(gateway: str, event: Event) -> int | None:
    with transaction() as t:
        same = PaymentEvent.gateway == gateway, PaymentEvent.event_id == event.id
        if t.execute(select(PaymentEvent.id).where(*same)).first():
            return None
        payment_id = _meant(t, gateway, event)
        values = {"gateway": gateway, "event_id": event.id, "kind": event.kind[:80], "payment_id": payment_id}
        t.execute(insert(PaymentEvent), values | {"handled_at": None if payment_id else now()})
        if payment_id is not None:
            t.execute(update(Payment).where(Payment.id == payment_id).values(next_check_at=now() + timedelta(seconds=15)))
            if event.problem:
                refunds.report(t, payment_id, event.id[:60], event.problem)
    return payment_id


def _meant(t: Connection, gateway: str, event: Event) -> int | None:
    """Which payment an event is about. One that we had not written the reference of gets it.

    Another reference for the same attempt is a second payment of its order, and gets a row of its own.
    """
    ours = select(Payment.id).where(Payment.gateway == gateway)
    if event.reference and (known := t.execute(ours.where(Payment.gateway_reference == event.reference)).scalar()):
        return int(known)
    if not event.payment_key:
        return None
    payment = t.execute(select(*Payment.__table__.c).where(Payment.gateway == gateway, Payment.key == event.payment_key)).first()
    if payment is None or not event.reference or payment.gateway_reference == event.reference:
        return payment.id if payment else None
    if payment.gateway_reference is None:
        t.execute(update(Payment).where(Payment.id == payment.id).values(gateway_reference=event.reference))
        return int(payment.id)
    return paying.add_attempt(t, payment, gateway_reference=event.reference, status=PaymentStatus.PENDING)


# ------------------------------------------------------------------------------------------------ the worker's rounds


def check_due(shelf: Shelf) -> int:
    """Ask about the payments that it is time to ask about, and answer how many those were."""
    began, due = time.monotonic(), Payment.next_check_at <= now()
    ids = db.session.execute(select(Payment.id).where(due).order_by(Payment.next_check_at).limit(MOST_CHECKS)).scalars().all()
    done = 0
    for payment_id in ids:
        if time.monotonic() - began > LONGEST_ROUND_SECONDS:
            break
        if _claim_check(payment_id):
            settle(payment_id, shelf)
            done += 1
    return done


@retried
def _claim_check(payment_id: int) -> bool:
    """Whether it is this worker's to ask; the next time is set before, so that a provider that is away is not hammered."""
    with transaction() as t:
        wanted = select(Payment.checks, Payment.created_at, Payment.next_check_at, Order.status, Order.hold_expires_at)
        row = t.execute(wanted.join(Order).where(Payment.id == payment_id)).one()
        if row.next_check_at is None or row.next_check_at > now():
            return False
        ends = row.hold_expires_at if row.status == OrderStatus.HOLD else None
        values = {"checks": row.checks + 1, "next_check_at": next_check(row.checks + 1, row.created_at, ends)}
        mine = Payment.id == payment_id, Payment.next_check_at == row.next_check_at
        return bool(t.execute(update(Payment).where(*mine).values(**values)).rowcount)


def next_check(checks: int, created_at: datetime, hold_ends: datetime | None) -> datetime | None:
    """When to ask again after so many times: in 1, 2, 4, … minutes, in any case just before the hold ends, and for a day."""
    moment = now()
    if moment - created_at > CHECKED_FOR:
        return None
    due: datetime = moment + min(FIRST_CHECK * 2 ** min(checks, 12), LONGEST_WAIT)
    last_look: datetime = hold_ends - LAST_LOOK if hold_ends else due
    return min(due, last_look) if last_look > moment else due


def take_unsettled(shelf: Shelf) -> int:
    """Settle what providers list as paid and not yet taken, and answer how many of ours were among it."""
    done = 0
    for name, gateway in dict(GATEWAYS).items():
        try:
            with conversation(name):
                references = gateway.unsettled()
        except (GatewayDown, Refused) as error:
            log.warning("%s cannot list what is unsettled: %s", name, error)
            continue
        ours = select(Payment.id).where(Payment.gateway == name, Payment.gateway_reference.in_(references))
        for payment_id in db.session.execute(ours).scalars().all() if references else ():
            settle(payment_id, shelf)
            done += 1
    return done
