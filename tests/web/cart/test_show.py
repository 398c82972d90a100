"""GET /cart: what is in it today, and everything that is not as it was."""

import time

import pytest
from sqlalchemy import delete, update

from app.cart import cookie
from app.extensions import db, now, transaction
from app.models.catalog import Product, Variant
from app.models.stock import StockMovement
from app.services.cart import Cart
from tests import driver
from tests.factories import a_guide, a_variant, many_products, set_columns
from tests.shopping import buy, place, put_in

pytestmark = pytest.mark.usefixtures("app_context")


def carry(app, page, cart: Cart) -> None:
    """Give the browser this cart."""
    with app.app_context():
        page.client.set_cookie("cart", cookie.encode(cart))


def test_it_says_what_is_in_it_and_what_it_costs(page):
    a_variant(options="250 g"), a_variant("CUP", name="Blue Cup", price_minor=750)
    put_in(page, "BEANS", 2)

    put_in(page, "CUP")

    for words in ("House Blend", "250 g", "£20.00", "Blue Cup", "£7.50", "£27.50", "Delivery is added at checkout."):
        assert words in page.text


def test_an_empty_one_leads_back_to_the_shop(page):
    page.get("/cart")

    assert "There is nothing in it yet." in page.text
    assert "/checkout" not in page.html


def test_digital_goods_need_no_delivery(page):
    a_guide()

    put_in(page, "GUIDE")

    assert "Nothing to deliver: it comes by e-mail." in page.text


def test_a_raised_price_is_said_once_the_cart_was_written_before(app, page):
    beans = a_variant(price_minor=1000)
    carry(app, page, Cart(lines=((beans.id, 1),), written_at=int(time.time()) - 60))
    set_columns(Variant, beans.id, price_minor=1200, previous_price_minor=1000, price_changed_at=now())

    page.get("/cart")

    assert "House Blend now costs £12.00, it was £10.00." in page.text


def test_a_price_that_changed_before_is_not_news(app, page):
    beans = a_variant(price_minor=1000)
    set_columns(Variant, beans.id, price_minor=1200, previous_price_minor=1000, price_changed_at=now())
    carry(app, page, Cart(lines=((beans.id, 1),), written_at=int(time.time()) + 60))

    page.get("/cart")

    assert "now costs" not in page.text


def test_a_lowered_quantity_is_said_and_the_sum_is_of_what_can_be_had(page, browser):
    a_variant(on_hand=5)
    put_in(page, "BEANS", 5)
    buy(browser(), "BEANS", 3)

    page.get("/cart")

    assert "Only 2 left of House Blend, quantity set to 2." in page.text
    assert page.document.by_id("q-BEANS").get("value") == "2"
    assert "£20.00" in page.text


def test_a_sold_out_line_is_named(page, browser):
    a_variant(on_hand=1), a_variant("CUP", name="Blue Cup")
    put_in(page, "BEANS")
    put_in(page, "CUP")
    buy(browser(), "BEANS")

    page.get("/cart")

    assert "House Blend is sold out and was left out." in page.text
    assert page.document.by_id("q-CUP") is not None


@pytest.mark.parametrize("model", [Variant, Product])
def test_what_is_no_longer_sold_is_named(page, model):
    beans = a_variant()
    put_in(page, "BEANS")
    set_columns(model, beans.id if model is Variant else beans.product_id, is_active=False)

    page.get("/cart")

    assert "House Blend is no longer sold and was left out." in page.text


def test_what_is_gone_altogether_is_said(page):
    beans = a_variant()
    put_in(page, "BEANS")
    with transaction() as t:
        t.execute(delete(StockMovement))
        nothing = {"lead_variant_id": None, "is_active": False, "is_listed": False, "variant_count": 0, "price_minor": 0}
        t.execute(update(Product).values(nothing))
        t.execute(delete(Variant).where(Variant.id == beans.id))

    page.get("/cart")

    assert "Something in your cart is no longer sold here and was left out." in page.text


@pytest.mark.parametrize("value", ["x", "a.b", "é", "AQ", "9" * 4000, "<script>alert(1)</script>"])
def test_a_cookie_that_is_not_ours_is_an_empty_cart_and_said(page, value):
    page.client.set_cookie("cart", value)

    page.get("/cart")

    assert "Your cart could not be read, so you begin with an empty one." in page.text
    assert "cart" not in page.cookies


def test_a_broken_cookie_breaks_no_other_page(page):
    a_variant()
    page.client.set_cookie("cart", "x")

    page.get("/").get("/p/beans").submit("Add to cart")

    assert page.document.by_id("q-BEANS").get("value") == "1"


def test_an_ordered_cart_that_comes_back_is_emptied_and_said(page, browser):
    a_variant()
    put_in(page, "BEANS")
    old = page.cookies["cart"]
    place(page.get("/checkout"))
    page.client.set_cookie("cart", old)

    page.get("/cart")

    assert "What was in your cart is ordered already, so it was emptied." in page.text
    assert "cart" not in page.cookies


def test_it_is_kept_by_nobody(page):
    page.get("/cart")

    assert page.response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH"])
def test_only_get_and_post(page, verb):
    page.open(verb, "/cart", status=405)


def test_the_largest_real_cart_takes_three_queries(app, page):
    items = many_products(1112)
    carry(app, page, Cart(lines=tuple((item.id, 1) for item in items)))
    page.get("/help")  # what is read once per revision and process
    asked = []
    db.session.rollback()

    with driver.listening(db.engine, after=asked.append):
        page.get("/cart")

    assert len([field for field in page.document.every("input") if field.get("name", "").startswith("quantity-")]) == 1112
    assert 0 < len([statement for statement in asked if statement.startswith("SELECT")]) <= 3
