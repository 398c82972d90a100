"""GET /checkout: everything that can be known is filled in, and only what is needed is asked."""

import pytest

from app.models.catalog import Variant
from app.models.payment import PaymentMethod, ShippingMethod
from tests.factories import a_guide, a_redirect_method, a_shipping_method, a_variant, set_columns
from tests.shopping import buy, place, put_in, to_checkout

pytestmark = pytest.mark.usefixtures("app_context")


def text_fields(page) -> list[str]:
    """The names of what a person may type into, on the checkout's own form."""
    form = page.document.closest(page.document.by_id("email"), "form")
    kinds = {"text", "email", "tel"}
    return [f.get("name") for f in form.iter() if f.tag == "textarea" or (f.tag == "input" and f.get("type", "text") in kinds)]


def test_it_asks_eight_things_for_a_parcel(page):
    a_variant()

    to_checkout(page, "BEANS")

    assert text_fields(page) == ["email", "name", "line1", "line2", "city", "postcode", "phone", "notes"]


def test_it_asks_three_things_for_digital_goods(page):
    a_guide()

    to_checkout(page, "GUIDE")

    assert text_fields(page) == ["email", "name", "notes"]
    assert page.document.by_id("delivery") is None
    assert page.document.by_id("payment") is None


def test_one_parcel_among_digital_goods_asks_for_an_address(page):
    a_variant(), a_guide()
    put_in(page, "GUIDE")

    to_checkout(page, "BEANS")

    assert "line1" in text_fields(page)


def test_each_delivery_says_its_price_and_the_total(page):
    a_variant(price_minor=1000)
    a_shipping_method("Courier", 900)

    to_checkout(page, "BEANS", 2)

    labels = [page.document.label(radio) for radio in page.document.every("input") if radio.get("name") == "delivery"]
    assert [("£3.95" in label, "Total £23.95" in label) for label in labels] == [(True, True), (False, False)]
    assert [("£9.00" in label, "Total £29.00" in label) for label in labels] == [(False, False), (True, True)]


def test_the_button_names_the_total_where_only_one_is_possible(page):
    a_variant(price_minor=1000)

    to_checkout(page, "BEANS")

    assert "Order and pay £13.95" in page.text


def test_the_button_names_no_total_where_several_are_possible(page):
    a_variant(price_minor=1000)
    a_shipping_method("Courier", 900)

    to_checkout(page, "BEANS")

    assert "Order and pay £" not in page.text


def test_a_delivery_that_does_not_fit_says_why(page):
    a_variant(weight_grams=3000)
    a_shipping_method("Letter", 100, max_weight_grams=500)

    to_checkout(page, "BEANS")

    assert "Letter: Your parcel is too heavy for it." in page.text
    assert [radio.get("value") for radio in page.document.every("input") if radio.get("name") == "delivery"] == ["1"]


def test_the_first_button_is_the_harmless_one(page):
    a_variant()

    to_checkout(page, "BEANS")

    form = page.document.closest(page.document.by_id("email"), "form")
    assert next(form.iter("button")).get("value") == "update"


def test_fields_tell_browsers_what_they_are(page):
    a_variant()

    to_checkout(page, "BEANS")

    tokens = {
        name: page.document.by_id(name).get("autocomplete") for name in ("email", "name", "line1", "city", "postcode", "phone")
    }
    assert tokens == {
        "email": "email",
        "name": "name",
        "line1": "address-line1",
        "city": "address-level2",
        "postcode": "postal-code",
        "phone": "tel",
    }


def test_an_empty_cart_leads_back_to_the_cart(page):
    page.get("/checkout")

    assert (page.path, page.visited[0][2]) == ("/cart", 303)


def test_a_sold_out_cart_leads_back_to_the_cart_and_says_so(page):
    beans = a_variant()
    put_in(page, "BEANS")
    set_columns(Variant, beans.id, is_active=False)

    page.get("/checkout")

    assert page.path == "/cart"
    assert "House Blend is no longer sold and was left out." in page.text


def test_an_ordered_cart_leads_to_an_empty_one(page, browser):
    a_variant()
    put_in(page, "BEANS")
    tab = browser()
    tab.client.set_cookie("cart", page.cookies["cart"])
    place(page.get("/checkout"))

    tab.get("/checkout")

    assert tab.path == "/cart"
    assert "is ordered already, so it was emptied" in tab.text
    assert "cart" not in tab.cookies


def test_a_lowered_quantity_is_said_at_once(page, browser):
    a_variant(on_hand=3)
    put_in(page, "BEANS", 3)
    buy(browser(), "BEANS")

    page.get("/checkout")

    assert "Only 2 left of House Blend, quantity set to 2." in page.text


def test_whoever_holds_the_last_one_can_still_pay_for_it(page, monkeypatch):
    a_variant(on_hand=1)
    method = a_redirect_method(monkeypatch)
    to_checkout(page, "BEANS")
    place(page, payment=str(method), status=303)

    page.get("/checkout")

    assert "sold out" not in page.text.lower()
    assert page.document.by_id("email") is not None


def test_others_are_told_that_the_held_last_one_is_gone(page, browser, monkeypatch):
    a_variant(on_hand=1)
    method = a_redirect_method(monkeypatch)
    put_in(other := browser(), "BEANS")
    to_checkout(page, "BEANS")
    place(page, payment=str(method), status=303)

    other.get("/checkout")

    assert "House Blend is sold out and was left out." in other.text


def test_it_may_be_kept_for_back_but_not_shared(page):
    a_variant()

    to_checkout(page, "BEANS")

    assert page.response.headers["Cache-Control"] == "private, no-cache"


def test_several_countries_make_a_choice_with_home_first(page):
    a_variant()
    a_shipping_method("To Europe", 1500, countries="DE FR")

    to_checkout(page, "BEANS")

    choices = [option.get("value") for option in page.document.by_id("country").iter("option")]
    assert choices == ["GB", "DE", "FR"]


def test_one_country_is_no_question(page):
    a_variant()

    to_checkout(page, "BEANS")

    assert page.document.by_id("country") is None


def test_digital_goods_that_cost_something_say_that_there_is_no_way_to_pay_yet(page):
    a_guide(price_minor=700)

    to_checkout(page, "GUIDE")

    assert "There is no way to pay for this cart yet." in page.text
    assert "Pay on delivery: It is for things that are delivered to your door." in page.text
    assert page.document.by_id("payment-1") is None


def test_a_shop_without_a_way_to_pay_says_so(page):
    a_variant()
    set_columns(PaymentMethod, 1, is_active=False)

    to_checkout(page, "BEANS")

    assert "There is no way to pay for this cart yet." in page.text


def test_a_parcel_that_nobody_carries_is_said(page):
    a_variant()
    set_columns(ShippingMethod, 1, max_weight_grams=100)

    to_checkout(page, "BEANS")

    assert "None of our ways of delivery takes this cart to United Kingdom." in page.text
