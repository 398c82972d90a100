"""POST /orders/<key>/again: what was ordered, as far as it is still sold, is in the cart once more."""

import pytest

from app.models.catalog import Product, Variant
from app.services import stock
from tests.factories import a_variant, set_columns
from tests.members import ALICE, a_member, log_in
from tests.shopping import buy, place, put_in, the_order

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def receipt(page):
    """The address of an order of two beans and a mug, that this browser placed."""
    a_variant(on_hand=50), a_variant("MUG", name="Mug")
    put_in(page, "BEANS", 2)
    put_in(page, "MUG")
    place(page.get("/checkout"))
    return f"/orders/{the_order().key}"


def cart(page) -> dict[str, str]:
    page.get("/cart")
    return {
        field.get("name").removeprefix("quantity-"): field.get("value")
        for field in page.document.every("input")
        if field.get("name", "").startswith("quantity-")
    }


def test_it_is_in_the_cart_again(page, receipt):
    page.get(receipt).submit("Order again")

    assert page.path == "/cart"
    assert "What you ordered then is in your cart." in page.text
    assert cart(page) == {"BEANS": "2", "MUG": "1"}


def test_twice_is_as_once_and_what_was_there_stays(page, receipt):
    a_variant("TIN")
    put_in(page, "TIN")
    put_in(page, "BEANS", 5)
    page.get(receipt)
    sent = page.form_data("Order again")

    page.post(receipt + "/again", sent)
    page.post(receipt + "/again", sent)

    assert cart(page) == {"TIN": "1", "BEANS": "5", "MUG": "1"}


def test_what_is_not_sold_any_more_is_said(page, receipt):
    stock.set_levels([("MUG", 0), ("BEANS", 1)], actor="test")

    page.get(receipt).submit("Order again")

    assert "Mug is sold out and was left out." in page.text
    assert "Only 1 left of House Blend" in page.text
    assert cart(page) == {"BEANS": "1"}


def test_what_is_off_sale_is_said(page, receipt):
    mug = the_order().lines[1].variant_id
    set_columns(Variant, mug, is_active=False)

    page.get(receipt).submit("Order again")

    assert "Mug is no longer sold and was left out." in page.text


def test_when_nothing_is_left_the_cart_stays_empty(page, receipt):
    for line in the_order().lines:
        from app.extensions import db

        set_columns(Product, db.session.get(Variant, line.variant_id).product_id, is_active=False)

    page.get(receipt).submit("Order again")

    assert "There is nothing in it yet." in page.text
    assert "What you ordered then" not in page.text


def test_the_account_that_ordered_may_in_any_browser(page, browser):
    a_variant(on_hand=50)
    a_member()
    log_in(page)
    buy(page, "BEANS", 3, email=ALICE)
    log_in(phone := browser())

    phone.get(f"/orders/{the_order().key}").submit("Order again")

    assert cart(phone) == cart(page) == {"BEANS": "3"}


def test_nobody_else_may(page, browser, receipt):
    page.get(receipt)
    mallory = browser()
    mallory.get(receipt)
    assert "Order again" not in mallory.text
    sent = mallory.form_data("Show everything")

    mallory.post(receipt + "/again", sent, status=404)
    mallory.post("/orders/" + "0" * 32 + "/again", sent, status=404)

    assert cart(mallory) == {}


def test_it_needs_its_token(page, receipt):
    page.post(receipt + "/again", status=422)

    assert "Press the button once more." in page.text
    assert cart(page) == {}


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_a_press_does_it(page, receipt, verb):
    page.open(verb, receipt + "/again", status=405)
