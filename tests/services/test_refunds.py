"""Refunds: never more than came, one errand each, and the order follows when all of it went back."""

import pytest
from sqlalchemy import select

from app.extensions import db, transaction
from app.gateways.shape import GatewayDown, Refused
from app.models.order import Order, OrderStatus
from app.models.payment import Refund
from app.services import cancelling, errands, refunds
from app.services.errors import NotFound
from app.services.refunds import RefundTooLarge
from tests.factories import a_cart, a_redirect_method, a_variant
from tests.members import change
from tests.paying import begun, elsewhere, owed, refunds as all_refunds, settle, shelf, the_payments
from tests.planting import a_hold
from tests.shopping import alerts, level, order_of, the_order

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def paid(app_context, monkeypatch) -> int:
    """A paid order of two of five, 23.95 in all; answers its id."""
    settle(begun(a_variant(on_hand=5), a_redirect_method(monkeypatch), 2))
    return the_order().id


def give_back(order_id: int, amount: int | None = None, **choice: bool) -> int:
    return refunds.refund(order_id, amount, reason="a test", actor="staff", **choice)


def send_all() -> None:
    for number, _ in enumerate(all_refunds(), start=1):
        refunds.send(number)


def payment() -> tuple[str, int, int]:
    [row] = the_payments()
    return row.status, row.captured_minor, row.refunded_minor


def test_a_part_goes_back_and_the_order_stays(paid):
    assert give_back(paid, 500) == 500
    send_all()

    assert (payment(), all_refunds()) == (("PARTIALLY_REFUNDED", 2395, 500), [(500, "DONE")])
    assert (the_order().status, level("BEANS"), owed()) == (
        "PROCESSING",
        (3, 0),
        ["order.confirmation", "order.refunded", "payment.refund"],
    )


def test_with_the_last_of_it_the_order_is_over(paid):
    give_back(paid, 500)
    assert give_back(paid) == 1895
    send_all()

    assert (payment(), the_order().status, level("BEANS")) == (("REFUNDED", 2395, 2395), "REFUNDED", (3, 0))
    assert sorted(elsewhere().refunds.values()) == [500, 1895]


def test_a_payment_is_refunded_once_all_of_it_was_sent(paid):
    give_back(paid, 500)
    give_back(paid)

    refunds.send(1)
    assert payment() == ("PARTIALLY_REFUNDED", 2395, 2395)
    refunds.send(2)
    assert payment()[0] == "REFUNDED"


def test_the_goods_are_put_back_if_one_wants_it(paid):
    give_back(paid, restock=True)

    assert (the_order().status, level("BEANS")) == ("REFUNDED", (5, 0))


def test_what_is_put_back_is_for_sale_again(monkeypatch):
    settle(begun(a_variant(on_hand=2), a_redirect_method(monkeypatch), 2))
    assert alerts() == [("BEANS", "out", 0, "open")]

    give_back(the_order().id, restock=True)

    assert (level("BEANS"), alerts()) == ((2, 0), [("BEANS", "out", 0, "closed")])


@pytest.mark.parametrize("amount", [0, -1, 2396, 10**12])
def test_no_more_goes_back_than_came(amount, paid):
    with pytest.raises(RefundTooLarge):
        give_back(paid, amount)

    assert (payment(), all_refunds()) == (("CAPTURED", 2395, 0), [])


@pytest.mark.parametrize("amount", [0, -1, 2396])
def test_a_promise_keeps_to_what_is_there_whoever_makes_it(amount, paid):
    payment_id = the_payments()[0].id

    with pytest.raises(RefundTooLarge), transaction() as t:
        refunds.promise(t, payment_id, amount, reason="a test", actor="worker")

    assert (payment(), all_refunds()) == (("CAPTURED", 2395, 0), [])


def test_what_was_promised_is_not_promised_again(paid):
    give_back(paid, 2000)

    with pytest.raises(RefundTooLarge):
        give_back(paid, 396)

    assert all_refunds() == [(2000, "QUEUED")]


def test_an_order_that_nobody_paid_gives_nothing_back(app_context):
    order_of(a_cart((a_variant(), 1)))

    with pytest.raises(RefundTooLarge):
        give_back(the_order().id)


def test_an_order_that_is_not_sold_gives_nothing_back(paid):
    change(Order, paid, status=OrderStatus.CANCELLED)

    with pytest.raises(RefundTooLarge):
        give_back(paid, 500)

    assert all_refunds() == []
    change(Order, paid, status=OrderStatus.PROCESSING)


def test_an_unknown_order_is_said_so(app_context):
    with pytest.raises(NotFound):
        give_back(77)


def test_sending_twice_is_sending_once(paid):
    give_back(paid, 500)
    send_all()
    send_all()

    assert (len(elsewhere().refunds), owed().count("order.refunded")) == (1, 1)


def test_two_workers_who_sent_it_tell_it_once(paid):
    give_back(paid, 500)
    refunds.sent(1, "first")
    refunds.sent(1, "second")

    db.session.rollback()
    assert db.session.execute(select(Refund.gateway_reference)).scalar() == "first"
    assert owed().count("order.refunded") == 1


def test_whoever_died_after_the_provider_sent_it_asks_with_the_same_key(paid, monkeypatch):
    give_back(paid, 500)
    with monkeypatch.context() as dead:
        dead.setattr(refunds, "sent", lambda *given: None)
        send_all()

    send_all()

    assert (list(elsewhere().refunds.values()), all_refunds()) == ([500], [(500, "DONE")])


def test_a_provider_that_is_away_is_asked_again_by_the_outbox(paid):
    give_back(paid, 500)
    elsewhere().is_down = True

    with pytest.raises(refunds.RefundUnsent):
        send_all()

    assert all_refunds() == [(500, "QUEUED")]
    assert errands.describe(refunds.RefundUnsent("elsewhere: nobody answers")) == "RefundUnsent: elsewhere: nobody answers"


def test_what_another_worker_sent_is_not_refused_any_more(paid, monkeypatch):
    def lose_the_race(*given: object) -> str:
        refunds.sent(1, "sent by another")
        raise Refused("It went back already.")

    give_back(paid, 500)
    monkeypatch.setattr(elsewhere(), "refund", lose_the_race)
    send_all()

    assert (all_refunds(), the_payments()[0].problem) == ([(500, "DONE")], "")


def test_a_refund_that_is_refused_stays_promised_and_is_told_to_staff(paid, monkeypatch):
    def refuse(*given: object) -> str:
        raise Refused("Too late.")

    give_back(paid)
    monkeypatch.setattr(elsewhere(), "refund", refuse)
    send_all()

    assert (all_refunds(), payment()[2], "payment.problem" in owed()) == ([(2395, "REFUSED")], 2395, True)
    assert "Too late." in the_payments()[0].problem


def test_what_was_refused_may_be_sent_by_hand(paid, monkeypatch):
    give_back(paid)
    with transaction() as t:
        t.exec_driver_sql("UPDATE refund SET status = 'REFUSED'")

    refunds.sent(1, "by bank transfer")

    assert (all_refunds(), payment()[0]) == ([(2395, "DONE")], "REFUNDED")


def test_a_gateway_that_is_gone_cannot_be_asked(paid, monkeypatch):
    give_back(paid, 500)
    monkeypatch.setattr(elsewhere(), "refund", lambda *given: (_ for _ in ()).throw(GatewayDown("gone")))

    with pytest.raises(refunds.RefundUnsent):
        refunds.send(1)


# ------------------------------------------------------------------------------------------------ paid at the door


def test_cash_is_recorded_once(app_context):
    order_of(a_cart((a_variant(), 1)))

    assert cancelling.record_cash(the_order().id, shelf(), actor="cli") == 1395
    with pytest.raises(cancelling.NothingToPay):
        cancelling.record_cash(the_order().id, shelf(), actor="cli")

    assert payment() == ("CAPTURED", 1395, 0)


def test_no_cash_is_recorded_for_what_is_paid_elsewhere(monkeypatch):
    order_id = a_hold(monkeypatch, a_variant())

    with pytest.raises(cancelling.NothingToPay):
        cancelling.record_cash(order_id, shelf(), actor="cli")

    assert payment() == ("CREATED", 0, 0)


def test_cash_goes_back_by_hand(app_context):
    order_of(a_cart((a_variant(), 1)))
    cancelling.record_cash(the_order().id, shelf(), actor="cli")

    give_back(the_order().id)

    assert (all_refunds(), payment(), the_order().status) == ([(1395, "DONE")], ("REFUNDED", 1395, 1395), "REFUNDED")
