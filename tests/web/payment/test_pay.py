"""POST /orders/<key>/pay and …/cancel: what whoever ordered may do about an order that is not paid, or not packed."""

import pytest

from app.gateways.shape import State
from tests.factories import a_variant
from tests.paying import elsewhere, owed, refunds, settle, the_payments
from tests.shopping import buy, level, the_order


@pytest.fixture
def waiting(away):
    """Gus, on the page of his order, which is not paid."""
    return away.get(f"/orders/{the_order().key}")


def test_an_unpaid_order_offers_every_method(waiting):
    assert (
        "Pay this order" in waiting.text and "Pay on delivery" in waiting.part("pay") and "Pay elsewhere" in waiting.part("pay")
    )


def test_it_is_paid_in_the_same_way(waiting, method):
    waiting.submit("Pay £23.95", status=303)

    assert waiting.response.location == the_payments()[-1].next_step
    assert [payment.status for payment in the_payments()] == ["CANCELLED", "PENDING"]


def test_it_is_paid_at_the_door_instead(waiting):
    waiting.submit("Pay £23.95", payment="1")

    assert waiting.path == "/" and "Thank you" in waiting.text and "cart" not in waiting.cookies
    assert (the_order().status, level("BEANS"), owed()) == ("PROCESSING", (3, 0), ["order.confirmation"])


def test_a_declined_order_is_paid_after_all(waiting, method):
    settle(the_payments()[0].id, State.FAILED)

    waiting.get(f"/orders/{the_order().key}").submit("Pay £23.95", payment=str(method), status=303)

    assert (the_order().status, level("BEANS")) == ("HOLD", (5, 2))


def test_a_declined_order_whose_goods_went_is_told_so(waiting, method):
    settle(the_payments()[0].id, State.FAILED)
    waiting.get(f"/orders/{the_order().key}")
    from app.services import stock

    stock.set_levels([("BEANS", 1)], actor="test")
    waiting.submit("Pay £23.95", payment=str(method), status=409)

    assert "not left in the quantity" in waiting.text and the_order().status == "FAILED"


def test_whoever_has_the_key_may_pay_and_reads_nothing(away, browser, method):
    other = browser().get(f"/orders/{the_order().key}")

    other.submit("Pay £23.95", payment=str(method), status=303)

    assert "receipt" not in other.cookies and elsewhere().asked[-1].email == ""


@pytest.mark.parametrize("payment", ["", "999", "x", "٣"])
def test_what_is_no_method_is_refused_and_nothing_changes(payment, waiting):
    waiting.post(f"/orders/{the_order().key}/pay", {"payment": payment, "csrf_token": token(waiting)}, status=422)

    assert [row.status for row in the_payments()] == ["PENDING"]


def token(page) -> str:
    return page.form_data("Pay £23.95")["csrf_token"][0]


def test_it_needs_its_token(waiting):
    for action in ("pay", "cancel"):
        waiting.post(f"/orders/{the_order().key}/{action}", {"payment": "1"}, status=422)

    assert the_order().status == "HOLD"


def test_a_provider_that_is_away_holds_nothing(waiting, method):
    elsewhere().is_down = True

    waiting.submit("Pay £23.95", payment=str(method), status=503)

    assert "cannot be reached" in waiting.text and waiting.response.headers["Retry-After"] == "5"
    assert (the_order().status, level("BEANS")) == ("FAILED", (5, 0))


def test_a_paid_order_is_not_paid_again(waiting):
    form = waiting.form_data("Pay £23.95")
    settle(the_payments()[0].id)

    waiting.post(f"/orders/{the_order().key}/pay", form, status=409)

    assert "paid already" in waiting.text and len(the_payments()) == 1


@pytest.mark.parametrize("action", ["pay", "cancel", "again"])
def test_what_is_no_order_is_not_found(action, page, app_context):
    page.post(f"/orders/{'0' * 32}/{action}", {}, status=404)


# ------------------------------------------------------------------------------------------------ limits


@pytest.mark.settings(RATELIMIT_ENABLED=True, PAYMENTS_PER_ORDER=2)
def test_an_order_is_tried_so_often(waiting, method):
    waiting.submit("Pay £23.95", status=303)

    waiting.get(f"/orders/{the_order().key}").submit("Pay £23.95", status=429)

    assert "write to us" in waiting.text and waiting.response.headers["Retry-After"] == "3600"
    assert len(the_payments()) == 2

    waiting.submit("Pay £23.95", payment="1")
    assert the_order().status == "PROCESSING"


@pytest.mark.settings(RATELIMIT_ENABLED=True, PAYMENTS_PER_ADDRESS=2)
def test_an_address_tries_so_often(waiting, method):
    waiting.submit("Pay £23.95", status=303)

    waiting.get(f"/orders/{the_order().key}").submit("Pay £23.95", status=429)

    assert len(the_payments()) == 2


@pytest.mark.settings(RATELIMIT_ENABLED=True, PAYMENTS_PER_ADDRESS=1)
def test_checkout_counts_them_too_and_keeps_what_was_typed(away, method):
    away.get("/checkout")
    away.submit(
        "Order and pay", {"email": "gus@example.com", "name": "Gus", "notes": "Again", "payment": str(method)}, status=None
    )

    assert away.status in (422, 429) and "Again" in away.html


@pytest.mark.settings(RATELIMIT_ENABLED=True, HOLDS_PER_BROWSER=1, PAYMENTS_PER_ADDRESS=99)
def test_a_browser_holds_so_many_unpaid_orders(away, browser, method):
    a_variant("TEA", on_hand=5, name="Tea")
    again = browser()

    buy(again, "TEA", payment=str(method), status=429)

    assert "several orders that are not paid" in again.text and level("TEA") == (5, 0)

    settle(the_payments()[0].id)
    again.submit("Order and pay", payment=str(method), status=303)
    assert level("TEA") == (5, 1)


# ------------------------------------------------------------------------------------------------ calling it off


def test_an_unpaid_order_is_called_off(waiting):
    waiting.submit("Cancel this order")

    assert "Your order is cancelled" in waiting.text and "Pay this order" not in waiting.text
    assert (the_order().status, level("BEANS"), owed()) == ("CANCELLED", (5, 0), ["order.cancelled"])


def test_a_paid_order_is_called_off_and_its_money_goes_back(waiting):
    settle(the_payments()[0].id)

    waiting.get(f"/orders/{the_order().key}").submit("Cancel this order")

    assert "Goes back to you £23.95" in waiting.text
    assert (the_order().status, level("BEANS"), refunds()) == ("CANCELLED", (5, 0), [(2395, "QUEUED")])


def test_what_is_packed_is_not_called_off(waiting):
    settle(the_payments()[0].id)
    form = waiting.get(f"/orders/{the_order().key}").form_data("Cancel this order")
    from app.extensions import transaction
    from app.models.order import OrderStatus
    from app.services import orders

    order_id = the_order().id
    with transaction() as t:
        orders.move(t, order_id, OrderStatus.SHIPPED, actor="staff")
    waiting.post(f"/orders/{the_order().key}/cancel", form, status=409)

    assert "cannot be cancelled any more" in waiting.text and the_order().status == "SHIPPED"


def test_a_stranger_cannot_call_it_off(away, browser):
    mallory = browser().get(f"/orders/{the_order().key}")

    mallory.post(f"/orders/{the_order().key}/cancel", mallory.form_data("Pay £23.95"), status=404)

    assert "Cancel this order" not in mallory.text and the_order().status == "HOLD"


def test_what_is_over_offers_nothing_to_pay(waiting):
    settle(the_payments()[0].id, State.OPEN)
    waiting.submit("Cancel this order")

    assert waiting.document.by_id("pay") is None
