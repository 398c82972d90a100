"""The account's cart, as programs keep it."""

import pytest

from app.models.catalog import Product, Variant
from app.services import account_carts, stock
from tests.factories import a_guide, a_variant, set_columns

pytestmark = pytest.mark.usefixtures("app_context")
CART, ITEMS = "/shop/cart", "/shop/cart/items"


def test_an_empty_cart_is_a_cart(alice):
    assert alice.get(CART) == {"items": [], "items_minor": 0, "currency": "GBP", "needs_shipping": False, "notices": []}


def test_a_cart_says_what_it_holds(alice):
    beans, guide = a_variant(options="250 g", price_minor=850, on_hand=7), a_guide(price_minor=100)
    alice.put_in((beans, 2), (guide, 1))

    cart = alice.get(CART)

    assert cart["items"][0] == {
        "id": beans.id,
        "sku": "BEANS",
        "product": "House Blend",
        "options": "250 g",
        "quantity": 2,
        "unit_price_minor": 850,
        "line_total_minor": 1700,
        "available": 7,
    }
    assert [item["id"] for item in cart["items"]] == [beans.id, guide.id]
    assert (cart["items_minor"], cart["currency"], cart["needs_shipping"]) == (1800, "GBP", True)


def test_nothing_physical_needs_no_shipping(alice):
    alice.put_in((a_guide(), 1))

    assert alice.get(CART)["needs_shipping"] is False


@pytest.mark.parametrize("named", ["sku", "lower", "variant"])
def test_a_variant_is_added_by_sku_or_id(alice, named):
    beans = a_variant()
    body = {"sku": {"sku": "BEANS"}, "lower": {"sku": " beans "}, "variant": {"variant": beans.id}}[named]

    assert alice.post(ITEMS, body)["items"][0]["quantity"] == 1
    assert alice.post(ITEMS, body | {"quantity": 3})["items"][0]["quantity"] == 4
    assert alice.cart() == {beans.id: 4}


def test_a_quantity_is_lowered_to_what_can_be_had(alice):
    beans = a_variant(on_hand=5)

    assert alice.post(ITEMS, {"sku": "BEANS", "quantity": 99_999})["items"][0]["quantity"] == 5
    assert alice.patch(f"{ITEMS}/{beans.id}", {"quantity": 6})["items"][0]["quantity"] == 5
    assert alice.patch(f"{ITEMS}/{beans.id}", {"quantity": 2})["items"][0]["quantity"] == 2


@pytest.mark.parametrize("quantity", [0, -1, 100_000, True, "1", 1.0, None, [1]], ids=repr)
def test_what_is_no_quantity_is_refused(alice, quantity):
    beans = a_variant()
    alice.put_in((beans, 2))

    alice.post(ITEMS, {"sku": "BEANS", "quantity": quantity}, 400)
    alice.patch(f"{ITEMS}/{beans.id}", {"quantity": quantity}, 400)

    assert alice.cart() == {beans.id: 2}


def test_what_cannot_be_had_at_all_is_refused(alice):
    sold_out, gone, hidden = a_variant("OUT", on_hand=0), a_variant("GONE"), a_variant("HID")
    set_columns(Variant, gone.id, is_active=False)
    set_columns(Product, hidden.product_id, is_active=False)

    assert "sold out" in alice.post(ITEMS, {"sku": "OUT"}, 400)["error"]
    assert "sold out" in alice.post(ITEMS, {"variant": sold_out.id}, 400)["error"]
    for body in ({"sku": "GONE"}, {"variant": hidden.id}, {"sku": "NONE"}, {"sku": ""}, {"sku": "a b"}, {"variant": 999}):
        assert alice.post(ITEMS, body, 400)["error"] == "That is not sold here any more."
    assert alice.cart() == {}


@pytest.mark.parametrize("body", [{}, {"sku": None}, {"sku": "BEANS", "variant": 1}, {"sku": 1}, {"id": 1}])
def test_what_names_no_variant_is_refused(alice, body):
    a_variant()

    alice.post(ITEMS, body, 400)

    assert alice.cart() == {}


def test_a_sold_out_line_is_still_told_so_that_it_can_be_taken_out(alice):
    beans, tea = a_variant(on_hand=5), a_variant("TEA", name="Tea", price_minor=300)
    alice.put_in((beans, 3), (tea, 1))
    stock.set_levels([("BEANS", 2), ("TEA", 0)], actor="test")

    cart = alice.get(CART)

    assert [(item["quantity"], item["available"]) for item in cart["items"]] == [(3, 2), (1, 0)]
    assert len(cart["notices"]) == 2
    alice.delete(f"{ITEMS}/{tea.id}")
    assert alice.cart() == {beans.id: 3}


def test_a_line_is_taken_out_once(alice):
    beans = a_variant()
    alice.put_in((beans, 2))

    alice.delete(f"{ITEMS}/{beans.id}")

    alice.delete(f"{ITEMS}/{beans.id}", 404)
    assert alice.cart() == {}


def test_the_whole_cart_is_emptied_as_often_as_one_likes(alice):
    alice.put_in((a_variant(), 2), (a_guide(), 1))

    alice.delete(CART)
    alice.delete(CART)

    assert alice.cart() == {}


@pytest.mark.parametrize("line", ["0", "-1", "1.0", "x", "01", "99999999999", "2147483648", "٣", "999"])
def test_a_line_that_is_not_there_is_not_found(alice, line):
    alice.put_in((a_variant(), 1))

    alice.patch(f"{ITEMS}/{line}", {"quantity": 1}, 404)
    alice.delete(f"{ITEMS}/{line}", 404)


def test_carts_are_each_accounts_own(alice, mallory):
    beans = a_variant()
    alice.put_in((beans, 2))

    mallory.patch(f"{ITEMS}/{beans.id}", {"quantity": 1}, 404)
    mallory.delete(f"{ITEMS}/{beans.id}", 404)
    mallory.delete(CART)

    assert alice.cart() == {beans.id: 2}


def test_a_full_cart_takes_no_more(alice, monkeypatch):
    monkeypatch.setattr(account_carts, "MOST_LINES", 1)
    alice.put_in((a_variant(), 1))
    a_variant("TEA")

    assert "as many different things" in alice.post(ITEMS, {"sku": "TEA"}, 400)["error"]
