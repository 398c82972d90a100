"""The end of waiting: holds that are over give back what they held, once, and not a moment too early."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.extensions import now, transaction
from app.gateways.shape import State
from app.models.order import Order, OrderEvent
from app.services import expiry, paying
from app.services.cart import Cart
from app.services.errors import OutOfStock
from tests.factories import a_cart, a_redirect_method, a_variant
from tests.paying import BASE, begun, overdue, owed, settle, the_payments
from tests.shopping import level, order_of, orders, the_order

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def method(app_context, monkeypatch) -> int:
    return a_redirect_method(monkeypatch)


@pytest.fixture
def payment(method) -> int:
    return begun(a_variant(on_hand=5), method, 2)


def test_a_hold_that_is_over_gives_back_what_it_held(payment):
    overdue(the_order().id)

    assert (expiry.expire_due(), expiry.expire_due()) == (1, 0)

    assert (the_order().status, the_payments()[0].status, level("BEANS")) == ("CANCELLED", "EXPIRED", (5, 0))
    assert ([event.reason for event in the_order().events][-1], owed()) == ("expired", ["payment.expired"])


def test_a_hold_that_lasts_is_left_alone(payment):
    assert expiry.expire_due() == 0
    assert the_order().status == "HOLD"


def test_a_hold_that_was_prolonged_meanwhile_lasts(payment, method):
    """The worker found it overdue; before its turn came, the shopper chose another way to pay."""
    overdue(the_order().id)
    paying.pay_again(the_order().id, method, base_url=BASE, hold_minutes=30, most_tries=None)

    assert expiry.expire(the_order().id) is False
    assert (the_order().status, level("BEANS")) == ("HOLD", (5, 2))


def test_an_order_that_was_paid_meanwhile_is_not_ended(payment):
    overdue(the_order().id)
    settle(payment)

    assert expiry.expire(the_order().id) is False
    assert (the_order().status, level("BEANS")) == ("PROCESSING", (3, 0))


def test_whoever_meets_a_hold_that_is_over_gets_its_goods(payment):
    overdue(the_order().id)
    beans = the_order().lines[0].variant_id

    placed = order_of(Cart(lines=((beans, 4),)), email="late@example.com")

    assert [order.status for order in orders()] == ["CANCELLED", "PROCESSING"]
    assert (placed.is_new, level("BEANS")) == (True, (1, 0))


def test_whoever_submits_again_when_their_time_is_over_gets_a_new_hold(payment, method):
    order = the_order()
    overdue(order.id)
    cart = Cart(order.cart_id, ((order.lines[0].variant_id, 2),))

    placed = order_of(cart, payment_id=method)

    assert [(each.status, each.events[-1].reason) for each in orders()] == [("CANCELLED", "replaced"), ("HOLD", "placed")]
    assert (placed.is_new, level("BEANS")) == (True, (5, 2))


def test_a_hold_that_lasts_is_not_given_to_others(payment):
    with pytest.raises(OutOfStock):
        order_of(Cart(lines=((the_order().lines[0].variant_id, 4),)), email="late@example.com")

    assert the_order().status == "HOLD"


def test_a_declined_order_is_over_after_a_day(payment):
    settle(payment, State.FAILED)
    assert expiry.end_failed() == 0
    with transaction() as t:
        t.execute(update(OrderEvent).values(created_at=now() - timedelta(hours=25)))

    assert (expiry.end_failed(), expiry.end_failed()) == (1, 0)

    assert (the_order().status, level("BEANS"), owed()) == ("CANCELLED", (5, 0), [])


def test_direct_orders_never_expire(app_context):
    order_of(a_cart((a_variant(), 1)))
    with transaction() as t:
        t.execute(update(Order).values(placed_at=now() - timedelta(days=9)))

    assert (expiry.expire_due(), the_order().status) == (0, "PROCESSING")
