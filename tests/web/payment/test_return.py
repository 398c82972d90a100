"""GET /checkout/return/<payment key>: back from the provider, who is asked; what the address says proves nothing."""

import pytest

from app.gateways.shape import State
from tests.factories import a_variant
from tests.paying import elsewhere, owed, the_payments
from tests.shopping import level, place, put_in, the_order, to_checkout


def back(page, more: str = "", **told):
    """Come back after the provider said this."""
    elsewhere().says = told
    return page.get(f"/checkout/return/{the_payments()[-1].key}{more}")


def test_checkout_leads_to_the_provider_and_keeps_the_cart(away):
    [payment] = the_payments()

    assert away.response.location == payment.next_step
    assert {"cart", "receipt"} <= set(away.cookies)
    assert (the_order().status, payment.status, level("BEANS")) == ("HOLD", "PENDING", (5, 2))


def test_htmx_is_told_to_leave(hx, method):
    a_variant()
    place(to_checkout(hx, "BEANS"), payment=str(method))

    assert hx.response.headers["HX-Redirect"] == the_payments()[0].next_step


def test_the_provider_is_told_what_it_must_know(away):
    [asked], order = elsewhere().asked, the_order()

    assert (asked.amount_minor, asked.currency, asked.order_key) == (2395, "GBP", order.key)
    assert (asked.email, asked.return_url) == (order.email, f"http://localhost/checkout/return/{the_payments()[0].key}")


def test_whoever_paid_comes_home_and_their_cart_is_gone(away):
    back(away, state=State.CAPTURED)

    assert (away.path, away.status) == (f"/?order={the_order().key}", 200)
    assert "Thank you" in away.text and "Cart (" not in away.text and "cart" not in away.cookies
    assert (the_order().status, owed()) == ("PROCESSING", ["order.confirmation"])


def test_coming_back_again_is_the_same(away):
    for _ in range(3):
        back(away, state=State.CAPTURED)

    assert (level("BEANS"), owed()) == ((3, 0), ["order.confirmation"])


def test_another_cart_meanwhile_is_left_alone(away):
    away.get("/cart").submit("Remove")
    a_variant("TEA", name="Tea")
    put_in(away, "TEA")
    before = away.cookies["cart"]

    back(away, state=State.CAPTURED)

    assert (away.cookies["cart"] == before) is (the_order().cart_id not in before)


def test_home_clears_the_cart_of_whoever_closed_the_tab(away, app):
    """The webhook came; the shopper comes by another way."""
    browser_less = app.test_client()
    elsewhere().says = {"state": State.CAPTURED}
    browser_less.get(f"/checkout/return/{the_payments()[0].key}")

    away.get("/")

    assert "Thank you" in away.text and "Cart (" not in away.text and "cart" not in away.cookies


def test_in_a_browser_that_did_not_order_the_order_is_masked(away, browser):
    other = browser()
    back(other, state=State.CAPTURED)

    assert other.path == f"/?order={the_order().key}"
    assert "Thank you" in other.text and "gus@example.com" not in other.html and "receipt" not in other.cookies


def test_a_decline_leads_to_the_order_that_may_be_paid_again(away):
    back(away, state=State.FAILED)

    assert away.path == f"/orders/{the_order().key}"
    assert "The payment was declined" in away.text and "cart" in away.cookies
    assert (the_order().status, level("BEANS")) == ("FAILED", (5, 0))


def test_after_a_decline_checkout_has_the_cart_and_leads_to_the_provider_again(away, method):
    back(away, state=State.FAILED)

    place(away.get("/checkout"), payment=str(method), status=303)

    assert away.response.location == the_payments()[-1].next_step
    assert (len(the_payments()), level("BEANS")) == (2, (5, 2))


@pytest.mark.parametrize("more", ["?cancelled=1", "?Authority=x&Status=NOK"])
def test_whoever_gave_up_finds_their_order(more, away):
    back(away, more, state=State.OPEN)

    assert away.path == f"/orders/{the_order().key}"
    assert "You have not paid yet" in away.text and the_order().status == "HOLD"


@pytest.mark.parametrize("more", ["", "?cancelled=1", "?Status=OK", "?payment_status=paid"])
def test_what_the_address_says_proves_nothing(more, away):
    back(away, more, state=State.OPEN)

    assert the_order().status == "HOLD"


def test_even_a_no_is_asked_about(away):
    back(away, "?cancelled=1", state=State.CAPTURED)

    assert (away.path, the_order().status) == (f"/?order={the_order().key}", "PROCESSING")


def test_what_nobody_knows_is_said_so(away):
    elsewhere().is_down = True
    back(away, "?cancelled=1")

    assert "We are checking your payment" in away.text and "failed" not in away.text
    assert (the_order().status, "cart" in away.cookies) == ("HOLD", True)

    elsewhere().is_down = False
    elsewhere().says = {"state": State.CAPTURED}
    away.click("Check again")
    assert away.path == f"/?order={the_order().key}"


def test_the_provider_may_be_later_than_the_shopper(away):
    back(away, state=State.OPEN)
    assert "has not told us" in away.text

    away.click("I have not paid")

    assert away.path == f"/orders/{the_order().key}"


def test_htmx_asks_from_time_to_time(hx, method):
    a_variant()
    place(to_checkout(hx, "BEANS"), payment=str(method))
    hx.get(f"/checkout/return/{the_payments()[0].key}")
    address = f"/fragments/checkout/return/{the_payments()[0].key}"

    waiting = hx.client.get(address, headers={"HX-Request": "true"})
    elsewhere().says = {"state": State.CAPTURED}
    paid = hx.client.get(address, headers={"HX-Request": "true"})

    assert 'id="checking"' in waiting.get_data(as_text=True)
    assert (paid.status_code, paid.headers["HX-Redirect"]) == (200, f"/?order={the_order().key}")


def test_a_fragment_opened_by_hand_leads_to_its_page(away):
    away.get(f"/fragments/checkout/return/{the_payments()[0].key}")

    assert away.path.startswith("/checkout/return/")


@pytest.mark.parametrize("key", ["x", "0" * 32, "٣" * 32])
def test_what_is_no_payment_is_not_found(key, page, app_context):
    page.get(f"/checkout/return/{key}", status=404)


@pytest.mark.parametrize("lie", [{"amount_minor": 1}, {"currency": "EUR"}, {"order_key": "0" * 32}])
def test_money_that_does_not_match_is_looked_at_by_people(lie, away):
    back(away, state=State.CAPTURED, **lie)

    assert away.path == f"/orders/{the_order().key}"
    assert "cannot be matched" in away.text and the_order().status == "HOLD"


def test_it_is_said_as_long_as_it_is_so_and_nothing_more_is_asked_for(away):
    back(away, state=State.CAPTURED, amount_minor=1)

    for path in (f"/orders/{the_order().key}", "/"):
        away.get(path)
        assert "cannot be matched" in away.text and "do not pay again" in away.text
        assert "Pay this order" not in away.text and "See it and pay" not in away.text


@pytest.mark.parametrize(
    ("told", "headline"),
    [
        ({"state": State.OPEN}, "Your order is not paid yet"),
        ({"state": State.FAILED}, "Your order is not paid yet"),
        ({"state": State.CAPTURED}, "Thank you"),
    ],
)
def test_home_thanks_only_for_what_is_paid(told, headline, away, browser):
    back(away, **told)
    other = browser().get(f"/?order={the_order().key}")

    for page in (away.get("/"), other):
        assert page.document.every("h1")[0].text == headline and page.title.startswith(headline)
        assert ("is placed" in page.text) is ("on its way to" in page.text) is (headline == "Thank you")
    assert "gus@example.com" not in other.html


def test_a_provider_that_is_away_at_checkout_holds_nothing(page, method):
    a_variant(on_hand=5)
    to_checkout(page, "BEANS", 2)
    elsewhere().is_down = True

    place(page, payment=str(method), notes="Ring twice", status=503)

    assert page.response.headers["Retry-After"] == "5"
    assert "cannot be reached" in page.text and "Ring twice" in page.html and "cart" in page.cookies
    assert (the_order().status, level("BEANS")) == ("FAILED", (5, 0))

    elsewhere().is_down = False
    page.submit("Order and pay", status=303)
    assert page.response.location == the_payments()[-1].next_step


def test_the_same_submit_again_leads_to_the_same_payment(page, method):
    a_variant(on_hand=5)
    to_checkout(page, "BEANS", 2)
    place(page, payment=str(method), status=303)
    first = page.response.location

    place(page.get("/checkout"), payment=str(method), status=303)

    assert (page.response.location, len(elsewhere().asked)) == (first, 1)
