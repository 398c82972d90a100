"""What protects payments: each guard is switched off in turn, and the check that watches over it must turn red.

As in guards.py. Who wrote a webhook is each gateway's own business; the pretend one, which signs as Stripe does, stands for them.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, Update, insert, select, text, update

from app.extensions import Prepared, Record, db, transaction
from app.gateways import pretend
from app.gateways.shape import Attempt, Event, Facts
from app.models.catalog import Variant
from app.models.order import OrderStatus
from app.models.payment import Payment, Refund
from app.services import cancelling, expiry, orders, paying, refunds, settling, stock
from app.services.refunds import RefundTooLarge
from tests.factories import a_cart
from tests.paying import BASE, ask, overdue
from tests.shopping import order_of
from tests.torture.guards import POSTGRESQL, Guard, Off, Scene, listening, patched, run_sql, slowly, told, tried
from tests.torture.money import TOTAL_MINOR, UNIQUE, Sent, Stage, stage
from tests.torture.room import Room, at_once

TOGETHER = 6  # threads of this process
SECRET = "a secret of the shop, 0123456789 0123456789"
WEBHOOK = b'{"id": "evt_1", "type": "payment.paid", "data": {"reference": "ref", "payment_key": "key"}}'
REST = 300  # milliseconds, in which the others come to the same place


@dataclass
class MoneyScene(Scene):
    """A shop, and the provider that it is paid through."""

    stage: Stage


def ends_of(scene: MoneyScene, jobs: list[Callable[[], object]]) -> Counter[str]:
    """How these ended, done at the same moment."""
    return Counter(at_once([partial(told, scene.stage.apart(job)) for job in jobs]))


# ------------------------------------------------------------------------------------------------ checks: what was heard


def an_event_is_heard_once(scene: MoneyScene) -> None:
    """The same message, six times at once: one of them leads on."""
    sent = scene.stage.begun(scene.stage.item(1))
    event = Event(f"guard-{next(UNIQUE)}", "paid", reference=sent.reference)
    with slowly(scene, "SELECT payment_event.id", REST):
        heard = at_once([scene.stage.apart(partial(settling.hear, "elsewhere", event))] * TOGETHER)
    assert sorted(heard, key=str) == [sent.payment_id] + [None] * (TOGETHER - 1), heard


def nobody_else_writes_a_webhook(scene: MoneyScene) -> None:
    """The words are right, and somebody else signed them."""
    assert heard_by_the_gateway(pretend.signed(WEBHOOK, "somebody else's", int(time.time())), int(time.time())) == "Forged"


def an_old_webhook_is_none(scene: MoneyScene) -> None:
    """A message that was signed rightly, an hour ago, and kept by somebody."""
    at = int(time.time()) - 3600
    assert heard_by_the_gateway(pretend.signed(WEBHOOK, pretend.webhook_secret(SECRET), at), at) == "Forged"


def heard_by_the_gateway(signature: str, at: int) -> str:
    gateway = pretend.Pretend("http://127.0.0.1", is_the_shop=False, secrets=(SECRET,))
    return told(partial(gateway.events, WEBHOOK, {pretend.SIGNATURE: f"t={at},v1={signature}"}))


def the_table_refuses(scene: MoneyScene, model: Any, **changed: object) -> str:
    """How a copy of the newest row of this table, with these columns changed, is taken."""
    columns = [column for column in model.__table__.c if column.name != "id"]
    newest = select(*columns).order_by(model.id.desc()).limit(1)
    db.session.rollback()
    row = db.session.execute(newest).one()._asdict()
    db.session.rollback()
    return told(partial(run_sql, scene, insert(model).values(**{**row, **changed}), undo=True))


def a_reference_is_one_payment(scene: MoneyScene) -> None:
    """Whatever a service does, two payments never share a name at the provider: the money of one would pay two orders."""
    scene.stage.begun(scene.stage.item(1))
    end = the_table_refuses(scene, Payment, key=f"{next(UNIQUE):032}", idempotency_key=f"guard-{next(UNIQUE)}")
    assert end == "IntegrityError", end


def a_refund_has_its_own_key(scene: MoneyScene) -> None:
    """Whatever a service does, two refunds never share a key: the second would not be sent."""
    give_back(scene.stage.paid(scene.stage.item(1)), 100)
    end = the_table_refuses(scene, Refund)
    assert end == "IntegrityError", end


def no_row_says_that_more_went_back(scene: MoneyScene) -> None:
    sent = scene.stage.paid(scene.stage.item(1))
    too_much = update(Payment).where(Payment.id == sent.payment_id).values(refunded_minor=TOTAL_MINOR + 1)
    end = told(partial(run_sql, scene, too_much, undo=True))
    assert end == "IntegrityError", end


# ------------------------------------------------------------------------------------------------ checks: what counts as paid


@contextmanager
def saying(scene: MoneyScene, **facts: object) -> Iterator[None]:
    with patch.dict(scene.stage.provider.says, facts):
        yield


def nothing_else_pays(field: str, value: object) -> Callable[[MoneyScene], None]:
    """The check that money which differs from what was asked in this one fact is neither taken nor counted."""

    def check(scene: MoneyScene) -> None:
        for put in (scene.stage.provider.approve, scene.stage.provider.pay):
            sent = scene.stage.begun(scene.stage.item(1))
            put(sent.reference)
            with saying(scene, **{field: value}):
                ask(sent.payment_id)
            assert scene.stage.status(sent.order_id) == "HOLD", f"paid with another {field}"
        assert scene.stage.provider.accounts()[sent.reference].captures == 1  # by the provider itself

    check.__name__ = f"nothing_else_pays({field})"
    return check


def money_counts_once(scene: MoneyScene) -> None:
    """The provider says of one payment five times that it is there."""
    item = scene.stage.item(5)
    sent = scene.stage.paid(item)
    ends = Counter(told(partial(ask, sent.payment_id)) for _ in range(4))
    assert ends == {"done": 4}, dict(ends)
    assert (scene.stage.level(item), scene.stage.refunds(sent.order_id)) == ((4, 0), [])


def money_for_nothing_goes_back(scene: MoneyScene) -> None:
    """The shopper called the order off, and paid it all the same."""
    item = scene.stage.item(1)
    sent = scene.stage.begun(item)
    cancelling.cancel(sent.order_id, actor=orders.SHOPPER, reason="by the shopper")
    scene.stage.provider.pay(sent.reference)
    ask(sent.payment_id)
    end = scene.stage.status(sent.order_id), scene.stage.refunds(sent.order_id), scene.stage.level(item)
    assert end == ("CANCELLED", [TOTAL_MINOR], (1, 0)), end


def a_decline_after_the_money_is_nothing(scene: MoneyScene) -> None:
    item = scene.stage.item(1)
    sent = scene.stage.paid(item)
    scene.stage.provider.decline(sent.reference)
    ask(sent.payment_id)
    db.session.rollback()
    status = db.session.execute(select(Payment.status).where(Payment.id == sent.payment_id)).scalar_one()
    assert (status, scene.stage.level(item)) == ("CAPTURED", (0, 0))


def two_payments_are_looked_at_one_by_one(scene: MoneyScene) -> None:
    """Both attempts of one order turn out to be paid, at the same moment; neither is an error, and one goes back."""
    item = scene.stage.item(5)
    first = scene.stage.begun(item)
    paying.pay_again(first.order_id, scene.stage.method, base_url=BASE, hold_minutes=30, most_tries=None)
    both = first, scene.stage.newest(first.order_id)
    for sent in both:
        scene.stage.provider.pay(sent.reference)
    with slowly(scene, "SELECT payment.", REST):
        ends = ends_of(scene, [partial(ask, sent.payment_id) for sent in both])
    assert ends == {"done": 2}, dict(ends)
    assert (scene.stage.level(item), scene.stage.refunds(first.order_id)) == ((4, 0), [TOTAL_MINOR])


# ------------------------------------------------------------------------------------------------ checks: orders


def an_order_moves_only_as_it_may(scene: MoneyScene) -> None:
    """A cancelled order is not sent, whoever wants to."""
    sent = scene.stage.begun(scene.stage.item(1))
    cancelling.cancel(sent.order_id, actor="staff", reason="a test")
    with transaction() as t:
        is_moved = orders.move(t, sent.order_id, OrderStatus.SHIPPED, actor="staff")
        db.session.rollback()
    assert not is_moved


def a_prolonged_hold_lasts(scene: MoneyScene) -> None:
    """The worker found it overdue; before its turn came, the shopper chose another way to pay."""
    item = scene.stage.item(1)
    sent = scene.stage.begun(item)
    overdue(sent.order_id)
    paying.pay_again(sent.order_id, scene.stage.method, base_url=BASE, hold_minutes=30, most_tries=None)
    expiry.expire(sent.order_id)
    assert (scene.stage.status(sent.order_id), scene.stage.level(item)) == ("HOLD", (1, 1))


def a_paid_hold_is_not_ended(scene: MoneyScene) -> None:
    """The worker found it overdue; before its turn came, the money did. Somebody else holds as much of the same thing."""
    item = scene.stage.item(2)
    sent = scene.stage.begun(item)
    scene.stage.begun(item, email="other@example.com")
    overdue(sent.order_id)
    scene.stage.provider.pay(sent.reference)
    ask(sent.payment_id)
    expiry.expire(sent.order_id)
    assert (scene.stage.status(sent.order_id), scene.stage.level(item)) == ("PROCESSING", (1, 1))


def what_ends_is_not_paid_meanwhile(scene: MoneyScene) -> None:
    """The money comes while the worker looks at the order: whichever is first, the other sees it."""
    item = scene.stage.item(2)
    sent = scene.stage.begun(item)
    scene.stage.begun(item, email="other@example.com")
    overdue(sent.order_id)
    scene.stage.provider.pay(sent.reference)
    with slowly(scene, 'SELECT "order".status, "order".hold_expires_at', REST):
        ends = ends_of(scene, [partial(expiry.expire, sent.order_id), partial(ask, sent.payment_id)])
    assert ends == {"done": 2}, dict(ends)
    assert (scene.stage.status(sent.order_id), scene.stage.level(item)) == ("PROCESSING", (1, 1))


def what_is_called_off_is_not_paid_meanwhile(scene: MoneyScene) -> None:
    """The money comes while the shopper calls the order off: both are heeded, and it goes back."""
    item = scene.stage.item(2)
    sent = scene.stage.begun(item)
    scene.stage.begun(item, email="other@example.com")
    scene.stage.provider.pay(sent.reference)
    cancel = partial(cancelling.cancel, sent.order_id, actor=orders.SHOPPER, reason="by the shopper")
    with slowly(scene, 'SELECT "order".id, "order".status, "order".cart_id, "order".country', REST):
        ends = ends_of(scene, [cancel, partial(ask, sent.payment_id)])
    assert ends == {"done": 2}, dict(ends)
    end = scene.stage.status(sent.order_id), scene.stage.level(item), scene.stage.refunds(sent.order_id)
    assert end == ("CANCELLED", (2, 1), [TOTAL_MINOR]), end


def two_halves_are_the_whole(scene: MoneyScene) -> None:
    """Two people give back one half each, at the same moment: then the order is over."""
    sent = scene.stage.paid(scene.stage.item(1))
    halves = [TOTAL_MINOR // 2, TOTAL_MINOR - TOTAL_MINOR // 2]
    with slowly(scene, "SELECT payment.id, payment.captured_minor", REST):
        ends = ends_of(scene, [partial(give_back, sent, half) for half in halves])
    assert ends == {"done": 2}, dict(ends)
    assert scene.stage.status(sent.order_id) == "REFUNDED"


def a_cart_is_sold_once(scene: MoneyScene) -> None:
    """An order that expired is paid, while its shopper orders the same cart anew."""
    item = scene.stage.item(5)
    cart = a_cart((item, 1))
    first = order_of(cart, payment_id=scene.stage.method)
    paying.begin(first.order_id, BASE)
    sent = scene.stage.newest(first.order_id)
    overdue(sent.order_id)
    expiry.expire(sent.order_id)
    scene.stage.provider.pay(sent.reference)
    db.session.remove()
    with slowly(scene, 'SELECT "order".id, "order".key', REST):
        ends = ends_of(scene, [partial(ask, sent.payment_id), partial(order_of, cart, shown=TOTAL_MINOR)])
    assert ends == {"done": 2}, dict(ends)
    assert scene.stage.level(item) == (4, 0)


# ------------------------------------------------------------------------------------------------ checks: what goes back


def give_back(sent: Sent, amount_minor: int) -> int:
    return refunds.refund(sent.order_id, amount_minor, reason="a test", actor="staff")


def no_more_is_promised_than_came(scene: MoneyScene) -> None:
    """Whoever decides it, and however often: what was not paid is not promised."""
    sent = scene.stage.paid(scene.stage.item(1))

    def promise() -> None:
        with transaction() as t:
            refunds.promise(t, sent.payment_id, TOTAL_MINOR - 1, reason="a test", actor="staff")

    assert [told(promise), told(promise)] == ["done", RefundTooLarge.__name__]


def a_refund_is_sent_once(scene: MoneyScene) -> None:
    """Who died after the provider sent the money asks again."""
    sent = scene.stage.paid(scene.stage.item(1))
    give_back(sent, 500)
    refund_id = db.session.execute(select(Refund.id).order_by(Refund.id.desc()).limit(1)).scalar_one()
    with patch.object(refunds, "sent", lambda refund_id, reference: None):
        refunds.send(refund_id)
    refunds.send(refund_id)
    assert scene.stage.provider.accounts()[sent.reference].refunded_minor == 500


def the_provider_is_told_once(scene: MoneyScene) -> None:
    """The way to the provider, asked for six times at once."""
    placed = order_of(a_cart((scene.stage.item(1), 1)), payment_id=scene.stage.method)
    at_once([scene.stage.apart(partial(paying.begin, placed.order_id, BASE))] * TOGETHER)
    assert scene.stage.provider.accounts()[scene.stage.newest(placed.order_id).reference].starts == 1


# ------------------------------------------------------------------------------------------------ checks: stock


def only_what_is_held_is_sold(scene: MoneyScene) -> None:
    """A paid order takes what it held, and never what another shopper could have."""
    item = scene.stage.item(5)

    def sell() -> None:
        with transaction() as t:
            stock.sell_held(t, [(item.id, 1)])

    assert told(sell) == "AssertionError"
    assert scene.stage.level(item) == (5, 0)


def only_what_is_held_is_given_back(scene: MoneyScene) -> None:
    item = scene.stage.item(5)

    def release() -> None:
        with transaction() as t:
            stock.release(t, [(item.id, 1)])

    assert told(release) == "AssertionError"


# ------------------------------------------------------------------------------------------------ switching off


@contextmanager
def without_unique(scene: Scene, table: str, name: str, columns: str, duplicates: str) -> Iterator[None]:
    """PostgreSQL only: SQLite cannot drop a constraint. Afterwards what has slipped through is thrown away."""
    run_sql(scene, text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    try:
        yield
    finally:
        run_sql(scene, text(duplicates))
        run_sql(scene, text(f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE ({columns})"))


def without_unique_event(scene: Scene) -> Off:
    twice = "DELETE FROM payment_event a USING payment_event b WHERE a.event_id = b.event_id AND a.id > b.id"
    name = "uq_payment_event_gateway_event_id"
    return without_unique(scene, "payment_event", name, "gateway, event_id", twice)


def without_unique_reference(scene: Scene) -> Off:
    return without_unique(scene, "payment", "uq_payment_gateway_gateway_reference", "gateway, gateway_reference", "SELECT 1")


def without_unique_key(scene: Scene) -> Off:
    return without_unique(scene, "refund", "uq_refund_key", "key", "SELECT 1")


@contextmanager
def without_check(scene: Scene) -> Iterator[None]:
    run_sql(scene, text("ALTER TABLE payment DROP CONSTRAINT ck_payment_refunded"))
    try:
        yield
    finally:
        condition = "CHECK (0 <= refunded_minor AND refunded_minor <= captured_minor)"
        run_sql(scene, text(f"ALTER TABLE payment ADD CONSTRAINT ck_payment_refunded {condition}"))


def without_locks(scene: Scene) -> Off:
    """PostgreSQL only: rows are read, and nobody waits for whoever changes them."""
    return listening(scene, before=lambda sql: sql.removesuffix(" FOR UPDATE"))


def agreeing(**answers: Callable[[Record], object]) -> Callable[[Scene], Off]:
    """These facts are no longer compared: whatever the provider says of them, it is what was asked."""
    differences = settling.differences

    def differ(attempt: Record, facts: Facts) -> str:
        return differences(attempt, replace(facts, **{name: answer(attempt) for name, answer in answers.items()}))

    return patched(settling, "differences", differ)


def of_any_state(payment_id: int, statuses: object) -> Update:
    """A payment changes whatever it is."""
    return update(Payment).where(Payment.id == payment_id)


class ById:
    """An update whose first condition, the row, is all that is asked."""

    def __init__(self, model: Any):
        self.update = update(model)

    def where(self, row: Any, *conditions: Any) -> Update:
        return self.update.where(row)


def expire_whatever(order_id: int) -> bool:
    """What was found to be overdue is not looked at again."""
    with transaction() as t:
        expiry._cancel(t, order_id, orders.EXPIRED)
        stock.release(t, orders.quantities(t, order_id))
    return True


def unlocked(t: Connection, payment_id: int) -> Record:
    return t.execute(paying.ATTEMPT.where(Payment.id == payment_id)).one()


def unconditional(statement: Prepared) -> Prepared:
    """The same update of a variant, which no longer asks what is held."""
    wanted: Any = statement.statement
    bare = update(Variant).where(wanted._where_criteria[0]).values(wanted._values)
    return Prepared(bare.returning(*wanted._returning))


@contextmanager
def new_keys(scene: Scene) -> Iterator[None]:
    """Who asks for a refund again takes another key."""
    assert isinstance(scene, MoneyScene)
    refund = scene.stage.provider.refund

    def send(attempt: Attempt, amount_minor: int, key: str) -> str:
        return refund(attempt, amount_minor, f"{key}-{next(UNIQUE)}")

    with patch.object(scene.stage.provider, "refund", send):
        yield


# ------------------------------------------------------------------------------------------------ the list


GUARDS = (
    Guard("unique event", without_unique_event, an_event_is_heard_once, POSTGRESQL),
    Guard("the signature", patched(pretend.hmac, "compare_digest", lambda one, other: True), nobody_else_writes_a_webhook),
    Guard("the age of a signature", patched(pretend, "TOLERANCE_SECONDS", math.inf), an_old_webhook_is_none),
    Guard("unique gateway reference", without_unique_reference, a_reference_is_one_payment, POSTGRESQL),
    Guard("unique key of a refund", without_unique_key, a_refund_has_its_own_key, POSTGRESQL),
    Guard("CHECK refunded ≤ captured", without_check, no_row_says_that_more_went_back, POSTGRESQL),
    Guard("the amount", agreeing(amount_minor=lambda row: row.amount_minor), nothing_else_pays("amount_minor", 1)),
    Guard("the currency", agreeing(currency=lambda row: row.currency), nothing_else_pays("currency", "EUR")),
    Guard("the merchant", agreeing(merchant=lambda row: None), nothing_else_pays("merchant", "somebody else")),
    Guard("the order", agreeing(order_key=lambda row: None), nothing_else_pays("order_key", "0" * 32)),
    Guard("the reference", agreeing(reference=lambda row: row.gateway_reference), nothing_else_pays("reference", "another")),
    Guard("the condition that counts money once", patched(settling, "_of", of_any_state), money_counts_once),
    Guard("the condition of a decline", patched(settling, "_of", of_any_state), a_decline_after_the_money_is_nothing),
    Guard("whether money is wanted", patched(settling, "is_wanted", lambda row: True), money_for_nothing_goes_back),
    Guard("the condition on an order's state", patched(orders, "update", ById), an_order_moves_only_as_it_may),
    Guard("the second look before a hold ends", patched(expiry, "expire", expire_whatever), a_prolonged_hold_lasts),
    Guard("the second look at what was paid", patched(expiry, "expire", expire_whatever), a_paid_hold_is_not_ended),
    Guard("the lock on an order", without_locks, what_ends_is_not_paid_meanwhile, POSTGRESQL),
    Guard("the lock on an order called off", without_locks, what_is_called_off_is_not_paid_meanwhile, POSTGRESQL),
    Guard("the lock on a refund's order", without_locks, two_halves_are_the_whole, POSTGRESQL),
    Guard(
        "the lock on a payment's order",
        patched(paying, "locked", unlocked),
        two_payments_are_looked_at_one_by_one,
        POSTGRESQL,
    ),
    Guard(
        "the claim on a payment's cart",
        patched(orders, "claim_cart", lambda t, cart_id: None),
        a_cart_is_sold_once,
        POSTGRESQL,
    ),
    Guard("the row check of a promise", patched(refunds, "update", ById), no_more_is_promised_than_came),
    Guard("the stored key of a refund", new_keys, a_refund_is_sent_once),
    Guard("the claim to tell the provider", patched(paying, "_claim", lambda _: orders.now()), the_provider_is_told_once),
    Guard(
        "what is held, when it is sold", patched(stock, "SELL_HELD", unconditional(stock.SELL_HELD)), only_what_is_held_is_sold
    ),
    Guard(
        "what is held, when it is released",
        patched(stock, "RELEASE", unconditional(stock.RELEASE)),
        only_what_is_held_is_given_back,
    ),
)


def money_guards(room: Room, backend: str, until: float = math.inf) -> str:
    """Every guard of payments that this database has, on and off."""
    mine = [guard for guard in GUARDS if backend in guard.backends]
    with stage(room, backend) as shop:
        scene = MoneyScene(shop.app, backend, shop)
        problems = [problem for guard in mine if (problem := tried(scene, guard))]
    assert not problems, "\n".join(problems)
    return f"{len(mine)} guards of payments switched off, and each was missed"
