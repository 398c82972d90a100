"""The cart of an account: kept by line, merged once, emptied by its order."""

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models.customer import CartLine, Customer
from app.services import account_carts, checkout
from app.services.cart import Cart
from app.services.customers import Buyer
from app.services.errors import AlreadyOrdered, CartFull, OutOfStock
from tests.factories import a_cart, a_contact, a_redirect_method, a_variant, an_account
from tests.shopping import ON_DELIVERY, STANDARD, level, lines_of, orders, price_of, the_order

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def alice() -> int:
    return an_account("alice@example.com", name="Alice", phone="+44 20 7946 0000")


def buyer(customer_id: int) -> Buyer:
    return Buyer(customer_id, db.session.get(Customer, customer_id).account_id)


def keep(customer_id: int, *lines) -> Cart:
    """The account's cart with so many of each added."""
    was = account_carts.load(customer_id)
    cart = was
    for item, quantity in lines:
        cart = cart.with_line(item.id, quantity)
    return account_carts.save(customer_id, was, cart)


def order(customer_id: int, cart: Cart, *, payment_id: int = ON_DELIVERY) -> checkout.Placed:
    return checkout.place_order(
        cart,
        a_contact("alice@example.com"),
        currency="GBP",
        notes="",
        shown_total_minor=price_of(cart, STANDARD),
        hold_minutes=30,
        shipping_id=STANDARD,
        payment_id=payment_id,
        buyer=buyer(customer_id),
    )


def test_nobody_begins_with_anything(alice):
    assert account_carts.load(alice).lines == ()
    assert db.session.get(Customer, alice).cart_id is None


def test_lines_are_kept_in_the_order_they_were_added(alice):
    one, two = a_variant("ONE"), a_variant("TWO")

    keep(alice, (two, 1))
    cart = keep(alice, (one, 3))

    assert cart.lines == ((two.id, 1), (one.id, 3))
    assert cart == account_carts.load(alice)
    assert cart.id == db.session.get(Customer, alice, populate_existing=True).cart_id


def test_a_cart_keeps_its_id_while_it_changes(alice):
    item = a_variant()
    first = keep(alice, (item, 1)).id

    assert keep(alice, (item, 4)).id == first


def test_another_devices_changes_stay(alice):
    one, two, three = a_variant("ONE"), a_variant("TWO"), a_variant("THREE")
    was = keep(alice, (one, 1), (two, 1))
    keep(alice, (three, 5), (two, 7))

    cart = account_carts.save(alice, was, was.with_line(one.id, 0))

    assert dict(cart.lines) == {two.id: 7, three.id: 5}


def test_two_accounts_never_share(alice):
    bob, item = an_account("bob@example.com"), a_variant()
    keep(alice, (item, 2))

    assert account_carts.load(bob).lines == ()
    assert keep(bob, (item, 1)).id != account_carts.load(alice).id


def test_a_cart_holds_so_many_lines(alice, monkeypatch):
    monkeypatch.setattr(account_carts, "MOST_LINES", 1)
    one, two = a_variant("ONE"), a_variant("TWO")
    keep(alice, (one, 1))

    with pytest.raises(CartFull):
        keep(alice, (two, 1))

    assert account_carts.load(alice).lines == ((one.id, 1),)


# --- merging at login ---


def test_merging_takes_the_larger_quantity(alice):
    one, two, three = a_variant("ONE"), a_variant("TWO"), a_variant("THREE")
    keep(alice, (one, 1), (two, 5))

    told = account_carts.merge(alice, a_cart((one, 3), (two, 2), (three, 4)), "GBP")

    assert account_carts.load(alice).lines == ((one.id, 3), (two.id, 5), (three.id, 4))
    assert len(told) == 1


def test_merging_twice_changes_nothing_more(alice):
    item = a_variant()
    guests = a_cart((item, 3))
    account_carts.merge(alice, guests, "GBP")
    before = account_carts.load(alice)

    assert account_carts.merge(alice, guests, "GBP") == []
    assert account_carts.load(alice) == before


def test_merging_takes_what_is_left_and_says_so(alice):
    scarce, gone = a_variant("SCARCE", on_hand=2), a_variant("GONE", on_hand=0, name="Rare Lot")

    told = account_carts.merge(alice, a_cart((scarce, 5), (gone, 1)), "GBP")

    assert account_carts.load(alice).lines == ((scarce.id, 2),)
    assert [each.message for each in told][1:] == [
        "Only %(left)s left of %(name)s, quantity set to %(left)s.",
        "%(name)s is sold out and was left out.",
    ]


# --- ordering ---


def test_an_order_of_an_account_is_its_and_empties_its_cart(alice):
    item = a_variant(on_hand=5)
    cart = keep(alice, (item, 2))

    order(alice, cart)

    placed = the_order()
    assert (placed.customer_id, placed.account_id) == (alice, buyer(alice).account_id)
    assert lines_of(placed) == [("BEANS", 2)]
    assert account_carts.load(alice).lines == ()
    assert db.session.get(Customer, alice, populate_existing=True).cart_id is None


def test_the_same_cart_is_one_order(alice):
    cart = keep(alice, (a_variant(), 1))

    first, second = order(alice, cart), order(alice, cart)

    assert (first.key, first.is_new, second.is_new) == (second.key, True, False)
    assert len(orders()) == 1


def test_what_another_device_added_meanwhile_stays(alice):
    one, two = a_variant("ONE"), a_variant("TWO")
    shown = keep(alice, (one, 1), (two, 1))
    keep(alice, (two, 4))

    order(alice, shown)

    left = account_carts.load(alice)
    assert left.lines == ((two.id, 3),)
    assert left.id != shown.id


def test_a_cart_whose_payment_is_awaited_stays(alice, monkeypatch):
    item = a_variant(on_hand=5)
    cart = keep(alice, (item, 2))

    placed = order(alice, cart, payment_id=a_redirect_method(monkeypatch))

    assert (placed.status, level("BEANS")) == ("HOLD", (5, 2))
    assert account_carts.load(alice) == cart


def test_a_failed_order_leaves_the_cart(alice):
    item = a_variant(on_hand=1)
    cart = keep(alice, (item, 2))

    with pytest.raises(OutOfStock):
        order(alice, cart)

    assert account_carts.load(alice) == cart
    assert orders() == []


def test_another_account_gets_nothing_by_the_same_cart_id(alice):
    bob, item = an_account("bob@example.com"), a_variant()
    cart = keep(alice, (item, 1))
    order(alice, cart)

    with pytest.raises(AlreadyOrdered):
        order(bob, cart)
    with pytest.raises(AlreadyOrdered):
        checkout.place_order(
            cart,
            a_contact("alice@example.com"),
            currency="GBP",
            notes="",
            shown_total_minor=price_of(cart, STANDARD),
            hold_minutes=30,
            shipping_id=STANDARD,
            payment_id=ON_DELIVERY,
        )


def test_clearing_makes_another_cart(alice):
    item = a_variant()
    first = keep(alice, (item, 1))

    account_carts.clear(alice)

    assert account_carts.load(alice).lines == ()
    assert keep(alice, (item, 1)).id != first.id
    assert len(db.session.execute(select(CartLine)).all()) == 1
