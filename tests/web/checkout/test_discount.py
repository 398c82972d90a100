"""Checkout with a discount code: every total shown has it, what was shown is what is ordered, and what ended is said."""

import pytest
from sqlalchemy import select, update

from app.extensions import db, now, transaction
from app.gateways.shape import State
from app.models.discount import DiscountCode
from app.services import checkout
from tests.factories import a_cart, a_discount, a_guide, a_redirect_method, a_shipping_method, a_variant
from tests.paying import settle, the_payments
from tests.shopping import GUS, order_of, orders, place, put_in, the_order, typed

pytestmark = pytest.mark.usefixtures("app_context")


def change(**columns: object) -> None:
    with transaction() as t:
        t.execute(update(DiscountCode).values(**columns))


def uses() -> int:
    db.session.rollback()
    return db.session.execute(select(DiscountCode.uses)).scalar_one()


def with_code(page, sku="BEANS", quantity=1, code="SUMMER10"):
    """The checkout of a cart with a code."""
    put_in(page, sku, quantity).get("/cart").submit("Use it", code=code)
    return page.get("/checkout")


@pytest.fixture
def shopper(page):
    """Somebody at the checkout with two bags of £12.00 and 10 % off."""
    a_variant(price_minor=1200), a_discount()
    return with_code(page, quantity=2)


def test_every_total_has_the_discount(page):
    a_variant(price_minor=1200), a_discount(), a_shipping_method("Courier", 900)

    with_code(page, quantity=2)

    assert "Goods £24.00 Discount SUMMER10 −£2.40 Goods, with tax £21.60" in page.text
    assert "Total £25.55" in page.text  # 21.60 and 3.95
    assert "Total £30.60" in page.text  # 21.60 and 9.00


def test_it_is_ordered_as_it_was_shown(shopper):
    assert "Order and pay £25.55" in shopper.text

    place(shopper)

    order = the_order()
    assert (order.items_minor, order.discount_minor, order.discount_code, order.total_minor) == (2400, 240, "SUMMER10", 2555)
    assert (shopper.path, uses()) == ("/", 1)
    assert "£25.55" in shopper.part("panel")


def test_it_is_ordered_with_htmx_too(hx):
    a_variant(price_minor=1200), a_discount()

    place(with_code(hx))

    assert (hx.path, the_order().discount_minor) == ("/", 120)
    assert "discount" not in hx.cookies


def test_the_receipt_says_what_it_took_off(shopper):
    place(shopper).get(f"/orders/{the_order().key}")

    assert "Goods £24.00 Discount SUMMER10 −£2.40 Standard delivery £3.95 Total £25.55" in shopper.text


def test_a_reload_finds_the_same_order(shopper):
    sent = typed(shopper)
    shopper.post("/checkout", sent)

    shopper.post("/checkout", sent)

    assert (shopper.path, len(orders()), uses()) == ("/", 1, 1)


def test_what_costs_nothing_after_it_is_ordered_without_payment(page):
    a_guide(price_minor=900), a_discount("GIFT", percent=100)

    with_code(page, "GUIDE", code="GIFT")
    assert page.document.by_id("payment") is None
    place(page)

    assert (the_order().total_minor, the_order().status, the_payments()) == (0, "PROCESSING", [])


# --- what ended meanwhile ---


@pytest.mark.parametrize("who", ["page", "hx"])
@pytest.mark.parametrize("columns", [{"ends_at": now()}, {"is_active": False}, {"most_uses": 0}], ids=["over", "off", "used up"])
def test_one_that_ended_meanwhile_is_said_with_the_difference_and_what_was_typed_is_kept(request, who, columns):
    someone = request.getfixturevalue(who)
    a_variant(price_minor=1200), a_discount()
    with_code(someone, quantity=2)
    change(**columns)

    place(someone, status=409)

    assert "The code SUMMER10 cannot be used" in someone.text
    assert "The total is now £27.95, it was £25.55." in someone.text
    assert {name: someone.document.by_id(name).get("value") for name in GUS} == GUS
    assert (orders(), uses()) == ([], 0)


def test_afterwards_one_more_press_orders_without_it(shopper):
    change(ends_at=now())
    place(shopper, status=409)

    shopper.submit("Order and pay £27.95")

    assert (the_order().total_minor, the_order().discount_code, shopper.path) == (2795, "", "/")


def test_somebody_who_used_theirs_is_told_in_the_same_words(page):
    beans = a_variant(price_minor=1200)
    a_discount(most_uses_each=1)
    order_of(a_cart((beans, 1)), code="SUMMER10")
    with_code(page, quantity=2)

    place(page, status=409)
    assert "The code SUMMER10 cannot be used: we do not know it, it is not valid today, or it is used up." in page.text
    page.submit("Order and pay £27.95")

    assert [order.discount_code for order in orders()] == ["SUMMER10", ""]


def test_one_that_now_takes_off_something_else_is_another_total(shopper):
    change(value=2000)

    place(shopper, status=409)
    assert "The total is now £23.15, it was £25.55." in shopper.text
    shopper.submit("Order and pay £23.15")

    assert (the_order().discount_minor, uses()) == (480, 1)


def test_a_code_typed_in_another_tab_is_shown_before_it_is_used(page, browser):
    a_variant(price_minor=1200), a_discount()
    put_in(page, "BEANS", 2).get("/checkout")
    sent = typed(page)
    page.get("/cart").submit("Use it", code="SUMMER10")

    page.post("/checkout", sent, status=409)

    assert "The total is now £25.55, it was £27.95." in page.text
    assert orders() == []


def test_a_cart_that_fell_below_the_minimum_is_told_so(page):
    a_variant(price_minor=1200), a_discount(min_items_minor=2000)
    with_code(page, quantity=2)
    page.get("/cart").submit("Update cart", {"quantity-BEANS": "1"})

    page.get("/checkout")
    assert "counts for goods of £20.00 or more; £8.00 is missing" in page.text
    place(page)

    assert (the_order().discount_minor, uses()) == (0, 0)


def test_a_total_that_lies_about_the_discount_is_refused(app, shopper):
    sent = typed(shopper)
    sent["shown"] = ["forged" + sent["shown"][0]]

    shopper.post("/checkout", sent, status=409)

    assert orders() == []


# --- paying elsewhere ---


@pytest.fixture
def elsewhere(shopper, monkeypatch):
    """The same, with the order placed by a method that leads elsewhere, and not paid."""
    method = a_redirect_method(monkeypatch)
    change(most_uses=1, most_uses_each=1)
    place(shopper.get("/checkout"), status=303, payment=str(method))
    return shopper


def test_the_provider_is_asked_for_the_discounted_total(elsewhere):
    assert [payment.amount_minor for payment in the_payments()] == [2555]
    assert "discount" in elsewhere.cookies


def test_the_only_use_of_an_unpaid_order_is_still_its_shoppers(elsewhere):
    assert "Discount SUMMER10" in elsewhere.get("/cart").text
    assert "Discount SUMMER10" in elsewhere.get("/checkout").text

    place(elsewhere, notes="Ring twice", payment="1")

    assert [(order.status, order.discount_minor) for order in orders()] == [("CANCELLED", 240), ("PROCESSING", 240)]
    assert uses() == 1


def test_money_that_was_paid_clears_the_code_with_the_cart(elsewhere):
    settle(the_payments()[0].id)

    elsewhere.get(f"/checkout/return/{the_payments()[0].key}")

    assert ("cart" in elsewhere.cookies, "discount" in elsewhere.cookies) == (False, False)


def test_paying_again_is_refused_with_a_sentence_when_somebody_used_it_up(elsewhere):
    key = the_order().key
    settle(the_payments()[0].id, State.FAILED)
    order_of(a_cart((a_variant("CUP"), 1)), "alice@example.com", code="SUMMER10")

    elsewhere.get(f"/orders/{key}").submit("Pay £25.55", payment="1", status=409)

    assert "The code SUMMER10 of this order was used up meanwhile" in elsewhere.text
    assert uses() == 1


def test_an_unpaid_order_says_its_discount(elsewhere):
    elsewhere.get(f"/orders/{the_order().key}")

    assert "Discount SUMMER10 −£2.40" in elsewhere.text
    assert "Pay £25.55" in elsewhere.text


def test_too_many_unpaid_orders_use_no_code(app, shopper, monkeypatch):
    monkeypatch.setattr("app.services.orders.holds", lambda t, holder: 99)
    method = a_redirect_method(monkeypatch)
    app.config["RATELIMIT_ENABLED"] = True

    place(shopper.get("/checkout"), status=checkout.TooManyHolds.status, payment=str(method))

    assert uses() == 0
