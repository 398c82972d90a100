"""Money that goes back: promised in the transaction that decides it, sent by the worker, each refund once and never too much."""

import secrets

from sqlalchemy import Connection, func, insert, select, update

from app.extensions import Record, db, now, read, retried, transaction
from app.gateways.shape import Attempt, GatewayDown, Refused
from app.models.order import SOLD, Order, OrderStatus
from app.models.outbox import OutboxMessage
from app.models.payment import HAS_PROBLEM, KEEPS_MONEY, WAS_REFUSED, Payment, PaymentStatus, Refund, RefundStatus
from app.providers import GATEWAYS, conversation
from app.services import audit, digital, orders, outbox, stock
from app.services.errors import NotFound, ShopError

SHOWN = 50  # flagged payments on a page


class RefundTooLarge(ShopError):
    message = "So much was not paid, or went back already."
    status = 409


class RestockNeedsAll(ShopError):
    message = "The goods can be put back on sale only when all that is left goes back. Leave the amount empty, or the goods out."


class NotFlagged(ShopError):
    message = "This payment is not flagged for that any more: somebody else looked at it, or something new happened."
    status = 409


class RefundUnsent(ShopError):
    """The provider could not be asked to send the money back; it will be asked again."""

    message = "The payment service cannot be reached."


# ------------------------------------------------------------------------------------------------ deciding


def promise(t: Connection, payment_id: int, amount_minor: int, *, reason: str, actor: str) -> None:
    """Owe this much of a captured payment to whoever paid it. Raises RefundTooLarge: keep nothing then.

    Money that was given by hand is given back by hand: its refund is done with the promise.
    """
    enough = Payment.captured_minor >= Payment.refunded_minor + amount_minor
    promised = (
        update(Payment)
        .where(Payment.id == payment_id, enough)
        .values(refunded_minor=Payment.refunded_minor + amount_minor)
        .returning(Payment.currency, Payment.gateway)
    )
    payment = t.execute(promised).first() if amount_minor > 0 else None
    if payment is None:  # the guard: nothing goes back that did not come
        raise RefundTooLarge
    is_by_hand = payment.gateway in GATEWAYS and GATEWAYS[payment.gateway].is_direct
    values = {
        "payment_id": payment_id,
        "key": secrets.token_hex(16),
        "amount_minor": amount_minor,
        "currency": payment.currency,
        "status": RefundStatus.DONE if is_by_hand else RefundStatus.QUEUED,
        "reason": reason,
        "actor": actor,
        "done_at": now() if is_by_hand else None,
    }
    refund_id = t.execute(insert(Refund).returning(Refund.id), values).scalar_one()
    if is_by_hand:
        _account_for(t, payment_id, refund_id)
    else:
        outbox.owe(t, "payment.refund", f"payment.refund:{refund_id}", {"refund_id": refund_id})


def promise_all(t: Connection, order_id: int, *, reason: str, actor: str) -> int:
    """Owe everything back that is still held of an order's payments, and answer how much that is, in minor units."""
    rows = _kept(t, order_id)
    for payment_id, left in rows:
        promise(t, payment_id, left, reason=reason, actor=actor)
    return sum(left for _, left in rows)


def kept(t: Connection, order_id: int) -> int:
    """How much of an order's money may still go back, in minor units."""
    return sum(left for _, left in _kept(t, order_id))


def _kept(t: Connection, order_id: int) -> list[tuple[int, int]]:
    """(payment id, what may still go back of it in minor units) of an order's payments, the oldest first."""
    held = select(Payment.id, Payment.captured_minor - Payment.refunded_minor).where(Payment.order_id == order_id, KEEPS_MONEY)
    return [(row[0], row[1]) for row in t.execute(held.order_by(Payment.id))]


@retried
def refund(
    order_id: int, amount_minor: int | None, *, reason: str, actor: str, restock: bool = False, as_seen: str | None = None
) -> int:
    """Send back a part of what an order was paid with, or all that is left (None); answers how much, in minor units.

    With the last of it the order is REFUNDED, and its goods are put back with `restock`. Raises NotFound, RefundTooLarge,
    RestockNeedsAll, and OrderMoved when it does not stand as `orders.seen` said.
    """
    with transaction() as t:
        order = orders.lock(t, order_id, as_seen)
        payments = _kept(t, order_id)
        left = sum(of_it for _, of_it in payments)
        amount = left if amount_minor is None else amount_minor
        if not 0 < amount <= left or order.status not in SOLD:
            raise RefundTooLarge
        if restock and amount != left:
            raise RestockNeedsAll
        rest = amount
        for payment_id, of_it in payments:
            if part := min(rest, of_it):
                promise(t, payment_id, part, reason=reason, actor=actor)
                rest -= part
        if amount == left:
            close(t, order_id, reason=reason, actor=actor, restock=restock)
        told = {"back_minor": amount, "reason": reason, "restock": restock and amount == left}
        audit.note(t, actor, "order refunded", f"order:{order_id}", {"kept_minor": left}, told)
    return amount


def close(t: Connection, order_id: int, *, reason: str, actor: str, restock: bool) -> None:
    """All the money of this order goes back: it is REFUNDED, and its downloads open no more."""
    if not orders.move(t, order_id, OrderStatus.REFUNDED, actor=actor, reason=reason):
        return
    digital.revoke(t, order_id)
    if restock:
        stock.take_back(t, orders.stock_lines(t, order_id), actor)


# ------------------------------------------------------------------------------------------------ sending


def send(refund_id: int) -> None:
    """Have a promised refund sent by its provider; sending it twice is sending it once. Raises RefundUnsent: try again later."""
    found = read(
        select(
            Refund.status,
            Refund.amount_minor.label("back_minor"),
            Refund.key.label("refund_key"),
            Payment.key,
            Order.key.label("order_key"),
            Payment.gateway,
            Payment.gateway_reference,
            Payment.capture_reference,
            Payment.amount_minor,
            Payment.currency,
            Payment.idempotency_key,
        )
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Order, Order.id == Payment.order_id)
        .where(Refund.id == refund_id)
    ).first()
    db.session.rollback()  # no transaction is open while a gateway takes its time
    if found is None:
        raise NotFound("There is no refund %(id)s.", id=refund_id)
    if found.status != RefundStatus.QUEUED:
        return
    try:
        if found.gateway not in GATEWAYS:
            raise GatewayDown(f"there is no gateway {found.gateway} any more")
        with conversation(found.gateway):
            reference = GATEWAYS[found.gateway].refund(attempt_of(found), found.back_minor, found.refund_key)
    except GatewayDown as error:
        raise RefundUnsent(f"{found.gateway}: {error}") from error
    except Refused as error:
        _refused(refund_id, str(error))
    else:
        sent(refund_id, reference)


def attempt_of(row: Record) -> Attempt:
    """A payment as its provider is asked for it; the row has its columns, and the order's key."""
    return Attempt(
        key=row.key,
        order_key=row.order_key,
        reference=row.gateway_reference or "",
        capture_reference=row.capture_reference,
        amount_minor=row.amount_minor,
        currency=row.currency,
        idempotency_key=row.idempotency_key,
    )


@retried
def sent(refund_id: int, reference: str) -> None:
    """Write down that the money is on its way, by the provider or by hand, and owe the mail that says so; once."""
    with transaction() as t:
        done = (
            update(Refund)
            .where(Refund.id == refund_id, Refund.status != RefundStatus.DONE)
            .values(status=RefundStatus.DONE, gateway_reference=reference, done_at=now())
            .returning(Refund.payment_id)
        )
        if (payment_id := t.execute(done).scalar()) is not None:
            _account_for(t, payment_id, refund_id)


@retried
def _refused(refund_id: int, why: str) -> None:
    """The provider will not send it: staff must, another way. The amount stays promised, so that it goes back only once."""
    with transaction() as t:
        refused = (
            update(Refund)
            .where(Refund.id == refund_id, Refund.status == RefundStatus.QUEUED)
            .values(status=RefundStatus.REFUSED)
            .returning(Refund.payment_id)
        )
        if (payment_id := t.execute(refused).scalar()) is not None:
            report(t, payment_id, f"refused:{refund_id}", f"The refund was refused; send the money another way. {why}")


def seen_elsewhere(t: Connection, payment_id: int, order_id: int, refunded_minor: int) -> None:
    """The provider says that so much went back; what we did not promise, somebody sent back there."""
    captured, promised = t.execute(select(Payment.captured_minor, Payment.refunded_minor).where(Payment.id == payment_id)).one()
    outside = min(refunded_minor, captured) - promised
    if outside <= 0:
        return
    t.execute(update(Payment).where(Payment.id == payment_id).values(refunded_minor=Payment.refunded_minor + outside))
    values = {"payment_id": payment_id, "key": secrets.token_hex(16), "amount_minor": outside, "done_at": now()}
    values |= {"status": RefundStatus.DONE, "reason": "sent at the provider", "actor": "gateway"}
    values["currency"] = t.execute(select(Payment.currency).where(Payment.id == payment_id)).scalar_one()
    refund_id = t.execute(insert(Refund).returning(Refund.id), values).scalar_one()
    _account_for(t, payment_id, refund_id)
    still_there = select(Payment.id).where(Payment.order_id == order_id, KEEPS_MONEY)
    if t.execute(still_there).first() is None:
        close(t, order_id, reason="refunded at the provider", actor="gateway", restock=False)


def _account_for(t: Connection, payment_id: int, refund_id: int) -> None:
    """The payment says how much of it went back, and the shopper is told."""
    # The payment's row is the lock: of two refunds that are done at once, the second counts the first.
    whole = t.execute(select(Payment.captured_minor).where(Payment.id == payment_id).with_for_update()).scalar_one()
    done = select(func.coalesce(func.sum(Refund.amount_minor), 0))
    back = t.execute(done.where(Refund.payment_id == payment_id, Refund.status == RefundStatus.DONE)).scalar_one()
    status = PaymentStatus.REFUNDED if back >= whole else PaymentStatus.PARTIALLY_REFUNDED
    t.execute(update(Payment).where(Payment.id == payment_id).values(status=status))
    outbox.owe(t, "order.refunded", f"order.refunded:{refund_id}", {"refund_id": refund_id})


# ------------------------------------------------------------------------------------------------ what staff must look at


def report(t: Connection, payment_id: int, kind: str, sentence: str) -> None:
    """Flag a payment for staff, and write to them, once for each kind of trouble."""
    t.execute(update(Payment).where(Payment.id == payment_id).values(problem=sentence[:250]))
    key = f"payment.problem:{payment_id}:{kind}"
    if t.execute(select(OutboxMessage.id).where(OutboxMessage.dedupe_key == key)).first() is None:
        outbox.owe(t, "payment.problem", key, {"payment_id": payment_id})


def problems(*, after: int | None = None, most: int | None = None) -> list[Record]:
    """The payments that were flagged for staff, the newest first; those before the payment `after`, and at most so many."""
    wanted = select(*Payment.__table__.c).where(HAS_PROBLEM).order_by(Payment.id.desc()).limit(most)
    return list(read(wanted if after is None else wanted.where(Payment.id < after)).all())


def refused() -> list[Record]:
    """The refunds that a person must send another way: id, amount and currency, order, gateway and the payment's problem."""
    columns = Refund.id, Refund.amount_minor, Refund.currency, Payment.order_id, Payment.gateway, Payment.problem
    wanted = select(*columns).join(Payment, Payment.id == Refund.payment_id).where(WAS_REFUSED)
    return list(read(wanted.order_by(Refund.id)).all())


@retried
def sent_by_hand(refund_id: int, reference: str, *, actor: str) -> int:
    """A refund that its provider refused was sent another way; answers its order. Raises NotFound for any other."""
    with transaction() as t:
        done = update(Refund).where(Refund.id == refund_id, WAS_REFUSED)
        done = done.values(status=RefundStatus.DONE, gateway_reference=reference, done_at=now())
        payment_id = t.execute(done.returning(Refund.payment_id)).scalar()
        if payment_id is None:  # the guard: it counts once
            raise NotFound("There is no refused refund %(id)s.", id=refund_id)
        _account_for(t, payment_id, refund_id)
        order_id: int = t.execute(select(Payment.order_id).where(Payment.id == payment_id)).scalar_one()
        audit.note(t, actor, "refund sent by hand", f"order:{order_id}", None, {"refund": refund_id, "reference": reference})
    return order_id


@retried
def looked_at(payment_id: int, problem: str, *, actor: str) -> int:
    """Somebody saw to what a payment was flagged for; answers its order. Raises NotFound, NotFlagged."""
    with transaction() as t:
        row = t.execute(select(Payment.problem, Payment.order_id).where(Payment.id == payment_id).with_for_update()).first()
        if row is None:
            raise NotFound("There is no such payment.")
        if not row.problem or row.problem.split() != problem.split():  # the guard: what happened since is not wiped away unseen
            raise NotFlagged
        t.execute(update(Payment).where(Payment.id == payment_id).values(problem=""))
        audit.note(t, actor, "payment looked at", f"order:{row.order_id}", {"problem": row.problem}, {"problem": ""})
    return int(row.order_id)
