"""/checkout for somebody with an account: filled in, so that from the cart an order takes two presses."""

import pytest

from app.models.payment import ShippingMethod
from app.services import address_book
from app.services.addresses import Address
from tests.factories import LONDON, a_guide, a_payment_method, a_shipping_method, a_variant, set_columns
from tests.members import ALICE, a_member, log_in
from tests.shopping import buy, orders, place, put_in, the_order

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def alice(page):
    a_variant(on_hand=50)
    member = a_member(phone="+44 20 7946 0000")
    log_in(page)
    return member


def value(page, name: str) -> str:
    return page.document.by_id(name).get("value", "")


def checked(page, name: str) -> str:
    return next(
        field.get("value") for field in page.document.every("input") if field.get("name") == name and "checked" in field.attrib
    )


def test_two_presses_from_the_cart(page, alice):
    address_book.add(alice.customer_id, LONDON)
    put_in(page, "BEANS")

    page.click("Checkout").submit("Order and pay")

    assert page.path == "/"
    assert "Thank you" in page.title
    order = the_order()
    assert (order.account_id, order.customer_id) == (alice.account_id, alice.customer_id)
    assert (order.email, order.name, order.phone, order.line1) == (ALICE, "Alice Example", "+44 20 7946 0000", "1 High Street")


def test_without_an_address_book_it_is_where_the_last_order_went(page, alice):
    buy(page, "BEANS", email=ALICE, line1="2 Low Street", city="Leeds", postcode="LS1 4DY")
    put_in(page, "BEANS")

    page.get("/checkout")

    assert [value(page, name) for name in ("line1", "city", "postcode")] == ["2 Low Street", "Leeds", "LS1 4DY"]


def test_the_default_address_comes_before_the_last_orders(page, alice):
    buy(page, "BEANS", email=ALICE, line1="2 Low Street")
    address_book.add(alice.customer_id, LONDON, name="Alice at Home", phone="+44 20 7946 0111")
    put_in(page, "BEANS")

    page.get("/checkout")

    assert [value(page, name) for name in ("line1", "name", "phone")] == ["1 High Street", "Alice at Home", "+44 20 7946 0111"]


def test_delivery_and_payment_are_as_last_time(page, alice):
    courier, invoice = str(a_shipping_method()), str(a_payment_method(name="Cash"))
    buy(page, "BEANS", email=ALICE, delivery=courier, payment=invoice)
    put_in(page, "BEANS")

    page.get("/checkout")
    assert (checked(page, "delivery"), checked(page, "payment")) == (courier, invoice)

    set_columns(ShippingMethod, int(courier), is_active=False)
    page.get("/checkout")
    assert checked(page, "delivery") == "1"


def test_several_addresses_are_links(page, alice):
    address_book.add(alice.customer_id, LONDON)
    other = address_book.add(alice.customer_id, Address("GB", "2 Low Street", "Leeds", "LS1 4DY"), name="Her Mother")
    put_in(page, "BEANS")
    page.get("/checkout")

    page.click("Her Mother, 2 Low Street, Leeds")

    assert page.path == f"/checkout?address={other}"
    assert (value(page, "line1"), value(page, "name")) == ("2 Low Street", "Her Mother")
    page.submit("Order and pay")
    assert the_order().name == "Her Mother"


def test_one_address_needs_no_list(page, alice):
    address_book.add(alice.customer_id, LONDON)
    put_in(page, "BEANS")

    page.get("/checkout")

    assert "Send it to:" not in page.text


@pytest.mark.parametrize("which", ["bobs", "999", "999999999"])
def test_anothers_address_is_not_there(page, alice, which):
    bob = a_member("bob@example.com")
    bobs = address_book.add(bob.customer_id, Address("GB", "Secret Street", "Leeds", "LS1 4DY"))
    put_in(page, "BEANS")

    page.get(f"/checkout?address={bobs if which == 'bobs' else which}", status=404)

    assert "Secret Street" not in page.html


@pytest.mark.parametrize("which", ["", "x", "-1", "9" * 30])
def test_what_is_no_address_is_the_default(page, alice, which):
    address_book.add(alice.customer_id, LONDON)
    put_in(page, "BEANS")

    page.get(f"/checkout?address={which}")

    assert value(page, "line1") == "1 High Street"


def test_a_guest_asks_for_no_address_of_anybodys(page, browser, alice):
    mine = address_book.add(alice.customer_id, LONDON)
    put_in(gus := browser(), "BEANS")

    gus.get(f"/checkout?address={mine}")

    assert value(gus, "line1") == ""
    assert "You have an account?" in gus.text


def test_where_nothing_is_sent_any_more_the_address_is_asked_anew(page, alice):
    set_columns(ShippingMethod, 1, countries="GB")
    address_book.add(alice.customer_id, Address("FR", "1 Rue Haute", "Paris", "75001"))
    put_in(page, "BEANS")

    page.get("/checkout")

    assert (value(page, "line1"), value(page, "email")) == ("", ALICE)


def test_a_postcode_that_was_taken_once_is_not_doubted_again(page, alice):
    odd = Address("GB", "1 High Street", "London", "ODD 1")
    address_book.add(alice.customer_id, odd, accepted_postcode="ODD 1")
    put_in(page, "BEANS")

    page.get("/checkout").submit("Order and pay")

    assert the_order().postcode == "ODD 1"


def test_another_country_keeps_ones_name(page, alice):
    a_shipping_method(countries="GB,IE")
    set_columns(ShippingMethod, 1, countries="GB")
    address_book.add(alice.customer_id, LONDON)
    put_in(page, "BEANS")
    page.get("/checkout")

    page.submit("Update totals", country="IE")

    assert value(page, "name") == "Alice Example"
    assert orders() == []


def test_what_comes_by_email_asks_for_no_address(page, alice):
    address_book.add(alice.customer_id, LONDON)
    address_book.add(alice.customer_id, Address("GB", "2 Low Street", "Leeds", "LS1 4DY"))
    a_guide()
    put_in(page, "GUIDE")

    page.get("/checkout")
    assert page.document.by_id("line1") is None
    assert "Send it to:" not in page.text
    page.submit("Order and pay")

    assert the_order().line1 == ""


def test_one_may_order_for_another_mailbox(page, alice):
    put_in(page, "BEANS")

    place(page.get("/checkout"), email="office@example.com")

    assert (the_order().email, the_order().account_id) == ("office@example.com", alice.account_id)


def test_guests_are_told_that_an_account_helps(page):
    a_variant()
    put_in(page, "BEANS")

    page.get("/checkout")

    assert "You have an account?" in page.text
    assert "/account/login?next=/checkout" in page.html
