"""Calling orders off: what was held or sold is there again, what was paid goes back, and it is said once."""

import pytest

from app.extensions import transaction
from app.gateways.shape import State
from app.models.order import OrderStatus
from app.services import cancelling, orders as order_service
from app.services.cancelling import NotCancellable
from app.services.errors import NotFound
from tests.factories import a_cart, a_guide, a_redirect_method, a_variant
from tests.paying import begun, owed, refunds, settle, shelf, the_payments
from tests.shopping import level, order_of, the_order

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def payment(app_context, monkeypatch) -> int:
    return begun(a_variant(on_hand=5), a_redirect_method(monkeypatch), 2)


def cancel(actor: str = "shopper") -> int:
    return cancelling.cancel(the_order().id, actor=actor, reason="a test")


def move(*states: OrderStatus) -> None:
    order_id = the_order().id
    with transaction() as t:
        for state in states:
            assert order_service.move(t, order_id, state, actor="test")


def test_an_unpaid_order_gives_back_what_it_held(payment):
    assert cancel() == 0

    assert (the_order().status, the_payments()[0].status, level("BEANS")) == ("CANCELLED", "CANCELLED", (5, 0))
    assert owed() == ["order.cancelled"]


def test_a_declined_order_may_be_called_off(payment):
    settle(payment, State.FAILED)

    assert (cancel(), the_order().status, level("BEANS")) == (0, "CANCELLED", (5, 0))


def test_a_paid_order_gives_back_goods_and_money(payment):
    settle(payment)

    assert cancel() == 2395

    assert (the_order().status, level("BEANS"), refunds()) == ("CANCELLED", (5, 0), [(2395, "QUEUED")])
    assert owed() == ["order.cancelled", "order.confirmation", "payment.refund"]


def test_an_order_paid_at_the_door_gives_back_its_goods(app_context):
    order_of(a_cart((a_variant(), 3)))

    assert (cancel(), level("BEANS"), refunds()) == (0, (10, 0), [])


def test_twice_is_once(payment):
    settle(payment)
    cancel()

    with pytest.raises(NotCancellable):
        cancel()

    assert (level("BEANS"), len(refunds()), owed().count("order.cancelled")) == ((5, 0), 1, 1)


@pytest.mark.parametrize("actor", ["shopper", "staff"])
def test_what_was_sent_is_not_called_off(actor, payment):
    settle(payment)
    move(OrderStatus.SHIPPED)

    with pytest.raises(NotCancellable):
        cancel(actor)

    assert the_order().status == "SHIPPED"


def test_what_nobody_paid_for_at_the_door_is_called_off_by_staff_only(app_context):
    order_of(a_cart((a_variant(), 3)))
    move(OrderStatus.SHIPPED)

    with pytest.raises(NotCancellable):
        cancel()

    assert (cancel("staff"), the_order().status, level("BEANS"), refunds()) == (0, "CANCELLED", (10, 0), [])
    assert the_payments()[0].status == "CANCELLED"


def test_what_was_paid_at_the_door_came_back_for_money(app_context):
    order_id = order_of(a_cart((a_variant(), 3))).order_id
    move(OrderStatus.SHIPPED)
    cancelling.record_cash(order_id, shelf(), actor="cli")

    with pytest.raises(NotCancellable):
        cancel("staff")

    assert (the_order().status, level("BEANS")) == ("SHIPPED", (7, 0))


def test_what_came_by_mail_is_called_off_by_staff_only(app_context):
    order_of(a_cart((a_guide(), 1)), contact_address=None, shipping_id=None, payment_id=None)

    with pytest.raises(NotCancellable):
        cancel()

    assert (cancel("staff"), the_order().status) == (0, "CANCELLED")


def test_an_unknown_order_is_said_so(app_context):
    with pytest.raises(NotFound):
        cancelling.cancel(77, actor="staff", reason="")
