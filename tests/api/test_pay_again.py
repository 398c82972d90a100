"""POST /api/shop/checkout/order/<key>: an unpaid order, paid in the same way or another."""

import pytest
from flask import current_app
from sqlalchemy import select

from app.extensions import db, transaction
from app.models.order import LineItem, Order, OrderStatus
from app.models.payment import Payment
from app.providers import GATEWAYS
from app.services import orders as order_service, paying, stock
from tests.factories import a_guide, a_redirect_method, a_variant
from tests.programs import CHECKOUT, Program
from tests.shopping import level, orders, the_order

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def method(monkeypatch) -> int:
    """A payment method with a redirect."""
    return a_redirect_method(monkeypatch)


@pytest.fixture
def waiting(alice: Program, method: int) -> str:
    """The key of an order of two on HOLD; five were there."""
    alice.put_in((a_variant(on_hand=5), 2))
    alice.post(CHECKOUT, alice.wish(payment_method=method))
    return the_order().key


@pytest.fixture
def failed(alice: Program, method: int) -> str:
    """The key of an order whose gateway could not be reached; it is up again."""
    alice.put_in((a_variant(on_hand=5), 2))
    GATEWAYS["elsewhere"].is_down = True
    alice.post(CHECKOUT, alice.wish(payment_method=method), 503)
    GATEWAYS["elsewhere"].is_down = False
    return the_order().key


def payments() -> list[str]:
    """The status of every attempt, the oldest first."""
    db.session.rollback()
    return list(db.session.execute(select(Payment.status).order_by(Payment.id)).scalars())


def pay(program: Program, key: str, payment_method: int = 1, status: int = 200):
    return program.post(f"/shop/checkout/order/{key}", {"payment_method": payment_method}, status)


def test_an_order_on_hold_is_paid_at_the_door_instead(alice, waiting):
    assert pay(alice, waiting) == {"order_key": waiting}

    order = the_order()
    assert (order.status, order.payment_name, order.hold_expires_at) == ("PROCESSING", "Pay on delivery", None)
    assert (payments(), level("BEANS"), alice.cart()) == (["CANCELLED", "CREATED"], (3, 0), {})


def test_an_order_on_hold_gets_a_new_attempt(alice, waiting, method):
    first = GATEWAYS["elsewhere"].asked[0]

    answer = pay(alice, waiting, method)

    second = GATEWAYS["elsewhere"].asked[1]
    assert answer == {"next_step": f"https://pay.example/{second.key}"}
    assert first.key != second.key and first.idempotency_key != second.idempotency_key
    assert (the_order().status, payments(), level("BEANS")) == ("HOLD", ["CANCELLED", "PENDING"], (5, 2))


def test_a_failed_order_is_held_again(alice, failed, method):
    assert "next_step" in pay(alice, failed, method)

    steps = [(event.from_status, event.to_status) for event in the_order().events]
    assert steps == [(None, "HOLD"), ("HOLD", "FAILED"), ("FAILED", "HOLD")]
    assert (payments(), level("BEANS"), len(alice.cart())) == (["FAILED", "PENDING"], (5, 2), 1)


def test_a_failed_order_is_paid_at_the_door(alice, failed):
    pay(alice, failed)

    assert (the_order().status, payments(), level("BEANS"), alice.cart()) == ("PROCESSING", ["FAILED", "CREATED"], (3, 0), {})


def test_what_came_into_the_cart_meanwhile_stays(alice, waiting):
    tea = a_variant("TEA", name="Tea")
    alice.post("/shop/cart/items", {"sku": "TEA"})

    pay(alice, waiting)

    assert alice.cart() == {tea.id: 1}


def test_another_cart_is_left_alone(alice, waiting):
    alice.delete("/shop/cart")
    alice.post("/shop/cart/items", {"sku": "BEANS", "quantity": 3})

    pay(alice, waiting)

    assert list(alice.cart().values()) == [3]


def test_the_gateway_may_be_down_again(alice, waiting, method):
    GATEWAYS["elsewhere"].is_down = True

    pay(alice, waiting, method, 503)

    assert (the_order().status, payments(), level("BEANS")) == ("FAILED", ["CANCELLED", "FAILED"], (5, 0))


def test_a_failed_order_whose_stock_went_meanwhile_is_refused(alice, failed, method):
    stock.set_levels([("BEANS", 1)], actor="test")

    for each in (1, method):
        assert "House Blend: 2 wanted, 1 left" in pay(alice, failed, each, 400)["error"]

    assert (the_order().status, payments(), level("BEANS")) == ("FAILED", ["FAILED"], (1, 0))


def test_an_order_whose_goods_are_gone_for_good_is_refused(alice, failed):
    with transaction() as t:
        t.execute(LineItem.__table__.update().values(variant_id=None))

    assert "House Blend: 2 wanted, 0 left" in pay(alice, failed, 1, 400)["error"]
    assert the_order().status == "FAILED"


def test_a_failed_order_whose_cart_was_ordered_anew_is_refused(alice, failed, method):
    alice.post(CHECKOUT, alice.wish(payment_method=method))

    assert "already ordered" in pay(alice, failed, 1, 400)["error"]
    assert [order.status for order in orders()] == ["FAILED", "HOLD"]


@pytest.mark.parametrize("payment_method", [0, -1, True, "1", 1.0, 2**63, None])
def test_what_is_no_id_is_refused(alice, waiting, payment_method):
    pay(alice, waiting, payment_method, 400)

    assert payments() == ["PENDING"]


def test_a_method_that_is_not_offered_is_refused(alice, waiting):
    assert "not offered" in pay(alice, waiting, 999, 400)["error"]
    assert payments() == ["PENDING"]


def test_an_order_that_is_paid_already_is_refused(alice):
    alice.put_in((a_guide(), 1))
    key = alice.post(CHECKOUT, {})["order_key"]

    assert pay(alice, key, 1, 400)["error"] == "This order is paid already."


def test_a_cancelled_order_is_refused(alice, waiting):
    alice.post(CHECKOUT, alice.wish())  # replaces it

    pay(alice, waiting, 1, 400)

    assert [order.status for order in orders()] == ["CANCELLED", "PROCESSING"]


def test_anothers_order_does_not_exist(alice, mallory, waiting):
    told = {pay(mallory, key, 1, 404)["error"] for key in (waiting, "0" * 32, "x", "٣" * 32)}

    assert told == {"There is no such order."}
    assert (the_order().status, payments()) == ("HOLD", ["PENDING"])


def test_a_payment_that_began_too_late_keeps_its_reference_and_sends_nobody(alice, waiting, method, monkeypatch):
    """The order was cancelled while the gateway thought about it: money that comes all the same must find its attempt."""
    order, start = the_order(), GATEWAYS["elsewhere"].start

    def slow(request):
        with transaction() as t:
            order_service.move(t, order.id, OrderStatus.CANCELLED, actor="test")
            stock.release(t, order_service.quantities(t, order.id))
        return start(request)

    monkeypatch.setattr(GATEWAYS["elsewhere"], "start", slow)

    pay(alice, waiting, method, 400)

    db.session.rollback()
    last = db.session.execute(select(Payment).order_by(Payment.id.desc())).scalars().first()
    assert (last.status, last.gateway_reference) == ("CANCELLED", f"ref-{last.idempotency_key}")
    assert level("BEANS") == (5, 0)


def test_a_gateway_that_was_taken_away_is_one_that_is_down(alice, method, monkeypatch):
    alice.put_in((a_variant(on_hand=5), 2))
    alice.post(CHECKOUT, alice.wish(payment_method=method))
    with transaction() as t:
        t.execute(Payment.__table__.update().values(status="CREATED", next_step=None, asked_at=None))
    monkeypatch.delitem(current_app.extensions["gateways"], "elsewhere")

    with pytest.raises(paying.PaymentUnavailable):
        paying.begin(the_order().id, "http://localhost")

    assert (the_order().status, level("BEANS")) == ("FAILED", (5, 0))


def test_an_order_that_waits_for_nothing_cannot_be_begun(alice):
    alice.put_in((a_guide(), 1))
    alice.post(CHECKOUT, {})

    with pytest.raises(paying.NotPayable):
        paying.begin(db.session.execute(select(Order.id)).scalar_one(), "http://localhost")


@pytest.mark.settings(RATELIMIT_ENABLED=True, PAYMENTS_PER_ADDRESS=2)
def test_a_program_tries_to_pay_so_often(alice, waiting, method):
    pay(alice, waiting, method)

    assert "write to us" in pay(alice, waiting, method, 429)["error"]

    assert pay(alice, waiting) == {"order_key": waiting}
