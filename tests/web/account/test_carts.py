"""Carts of accounts: a guest's becomes part of it at login, it is the same in every browser, and nothing is lost or doubled."""

import pytest

from app.services import account_carts, catalog, stock
from app.services.cart import Cart
from tests.factories import a_cart, a_redirect_method, a_variant, set_columns
from tests.members import ALICE, PASSWORD, a_member, log_in
from tests.shopping import buy, level, lines_of, orders, place, put_in, the_order

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def alice():
    return a_member()


def kept(member) -> dict[int, int]:
    from app.extensions import db

    db.session.rollback()
    return dict(account_carts.load(member.customer_id).lines)


def test_a_guests_cart_becomes_the_accounts(page, alice):
    beans = a_variant()
    put_in(page, "BEANS", 2)

    log_in(page)

    assert "Your cart from before you logged in was put into your account's cart." in page.text
    assert "cart" not in page.cookies
    assert kept(alice) == {beans.id: 2}
    assert "Cart (2)" in page.text


def test_of_each_variant_the_larger_quantity(page, alice):
    beans, mug, tin = a_variant(), a_variant("MUG"), a_variant("TIN")
    account_carts.save(alice.customer_id, Cart(), a_cart((beans, 3), (mug, 1)))
    for sku, quantity in (("BEANS", 1), ("MUG", 4), ("TIN", 2)):
        put_in(page, sku, quantity)

    log_in(page)

    assert kept(alice) == {beans.id: 3, mug.id: 4, tin.id: 2}


def test_what_is_not_left_is_said(page, alice):
    beans, _ = a_variant(on_hand=5), a_variant("MUG", name="Mug")
    put_in(page, "BEANS", 5)
    put_in(page, "MUG")
    stock.set_levels([("BEANS", 2), ("MUG", 0)], actor="test")

    log_in(page)

    assert "Only 2 left of House Blend" in page.text
    assert "Mug is sold out" in page.text
    assert kept(alice) == {beans.id: 2}


def test_merging_twice_changes_nothing_more(page, alice):
    beans = a_variant()
    put_in(page, "BEANS", 2)
    guests = page.cookies["cart"]
    log_in(page)
    page.submit("Log out")
    page.client.set_cookie("cart", guests)  # as if the first answer had never come

    log_in(page)

    assert kept(alice) == {beans.id: 2}
    assert "was put into" not in page.text


def test_a_cart_that_was_ordered_is_not_merged(page, alice):
    a_variant()
    put_in(page, "BEANS", 2)
    guests = page.cookies["cart"]
    place(page.get("/checkout"))
    page.client.set_cookie("cart", guests)

    log_in(page)

    assert kept(alice) == {}


def test_a_cart_that_does_not_fit_stays_where_it_is(page, alice, monkeypatch):
    beans, _ = a_variant(), a_variant("MUG")
    account_carts.save(alice.customer_id, Cart(), a_cart((beans, 1)))
    monkeypatch.setattr(account_carts, "MOST_LINES", 1)
    put_in(page, "MUG")

    log_in(page)

    assert "as many different things as it can" in page.text
    assert "cart" in page.cookies
    assert kept(alice) == {beans.id: 1}


def test_two_browsers_share_one_cart(page, browser, alice):
    beans, mug = a_variant(), a_variant("MUG")
    log_in(page)
    log_in(phone := browser())

    put_in(page, "BEANS", 2)
    put_in(phone, "MUG", 1)

    assert kept(alice) == {beans.id: 2, mug.id: 1}
    assert "Cart (3)" in page.get("/cart").text
    assert "cart" not in page.cookies


def test_another_account_in_the_same_browser_has_its_own(page, alice):
    a_variant()
    bob = a_member("bob@example.com")
    log_in(page)
    put_in(page, "BEANS", 2)
    page.get("/account/profile")
    token = page.form_data("Save")["csrf_token"]

    page.post("/account/login", {"email": "bob@example.com", "password": PASSWORD, "csrf_token": token})  # without logging out

    assert kept(bob) == {}
    assert sum(kept(alice).values()) == 2


def test_after_logging_out_the_cart_is_gone_from_here_and_kept_there(page, browser, alice):
    a_variant()
    log_in(page)
    put_in(page, "BEANS", 2)

    page.get("/account").submit("Log out")

    assert "There is nothing in it yet." in page.get("/cart").text
    log_in(elsewhere := browser())
    assert "Cart (2)" in elsewhere.text


def test_an_order_empties_the_accounts_cart_of_what_was_ordered(page, alice):
    a_variant()
    log_in(page)

    buy(page, "BEANS", 2, email=ALICE)

    assert kept(alice) == {}
    assert the_order().account_id == alice.account_id
    assert lines_of(the_order()) == [("BEANS", 2)]


def test_an_order_that_waits_for_its_payment_empties_nothing(page, alice, monkeypatch):
    beans = a_variant()
    method = str(a_redirect_method(monkeypatch))
    log_in(page)

    put_in(page, "BEANS")
    place(page.get("/checkout"), payment=method, status=303)

    assert kept(alice) == {beans.id: 1}


# --- logging in on the way to the checkout ---


def test_logging_in_at_checkout_orders_nothing(page, alice):
    a_variant()
    put_in(page, "BEANS")
    page.get("/checkout")

    page.click("Log in")  # the header's
    page.get("/checkout")
    link = next(a for a in page.document.every("a") if a.get("href") == "/account/login?next=/checkout")
    page.follow(link, 200)
    page.submit("Log in", {"email": ALICE, "password": PASSWORD}, form="/account/login")

    assert page.path == "/checkout"
    assert orders() == []
    assert level("BEANS") == (10, 0)
    assert page.document.by_id("email").get("value") == ALICE


def test_a_checkout_that_was_open_before_the_login_orders_nothing_unseen(page, alice):
    a_variant()
    put_in(page, "BEANS")
    page.get("/checkout")
    open_before = page.form_data(
        "Order and pay", email=ALICE, name="Alice", line1="1 High Street", city="London", postcode="SW1A 1AA"
    )
    log_in(page)

    page.post("/checkout", open_before, status=None)

    assert page.status in (409, 422)
    assert orders() == []
    page.submit("Order and pay")
    assert page.path == "/"
    assert the_order().account_id == alice.account_id


def test_prices_that_changed_since_are_said(page, alice):
    beans = a_variant(price_minor=1000)
    from app.models.catalog import Variant

    assert catalog.by_sku("BEANS")
    log_in(page)
    put_in(page, "BEANS")
    page.get("/checkout")
    set_columns(Variant, beans.id, price_minor=1100)

    place(page, status=409)

    assert orders() == []
