"""What the shop is for, from the shop window to the thank-you page: as a guest, without scripts and with htmx."""

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models.outbox import OutboxMessage
from app.models.payment import Payment
from tests.factories import a_category, a_guide, a_variant
from tests.shopper import Browser, HtmxBrowser
from tests.shopping import alerts, counts, level, lines_of, orders, place, the_order

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture(params=["without scripts", "with htmx"])
def shopper(request, app) -> Browser:
    return Browser(app) if request.param == "without scripts" else HtmxBrowser(app)


def fill_and_order(shopper: Browser, name: str, quantity: int, **typed: str) -> Browser:
    """From home by the product's page, cart and checkout to the thanks."""
    shopper.get("/").click(name)
    shopper.submit("Add to cart", quantity=quantity)
    shopper.get("/cart").click("Checkout")
    return place(shopper, **typed)


def test_a_guest_buys_beans(shopper):
    a_variant(on_hand=40, price_minor=1250, options="250 g / whole bean", category_id=a_category())

    fill_and_order(shopper, "House Blend", 2)

    order = the_order()
    assert shopper.path == "/"
    assert "Thank you" in shopper.title
    assert order.number in shopper.part("panel")
    assert (order.status, order.total_minor, lines_of(order)) == ("PROCESSING", 2895, [("BEANS", 2)])
    assert db.session.execute(select(Payment.amount_minor)).scalars().all() == [2895]
    assert db.session.execute(select(OutboxMessage.topic)).scalars().all() == ["order.confirmation"]


def test_forty_of_forty_leave_the_shop_sold_out(shopper):
    a_variant(on_hand=40)

    fill_and_order(shopper, "House Blend", 40)

    assert level("BEANS") == (0, 0)
    assert alerts() == [("BEANS", "out", 0, "open")]
    assert "House Blend" not in Browser(shopper.app).get("/").text
    assert "Sold out" in shopper.get("/p/beans").text


def test_thirty_eight_of_forty_leave_two_and_a_warning(shopper):
    a_variant(on_hand=40)

    fill_and_order(shopper, "House Blend", 38)

    assert level("BEANS") == (2, 0)
    assert alerts() == [("BEANS", "low", 2, "open")]
    assert "Few left" in shopper.get("/p/beans").text


def test_a_guest_who_comes_back_is_the_same_guest(shopper, browser):
    a_variant(on_hand=40)

    fill_and_order(shopper, "House Blend", 1)
    fill_and_order(browser(), "House Blend", 2, email="GUS@example.com")

    assert counts()["customer"] == 1
    assert [lines_of(order) for order in orders()] == [[("BEANS", 1)], [("BEANS", 2)]]
    assert len({order.customer_id for order in orders()}) == 1


def test_a_free_guide_comes_by_email(shopper):
    a_guide()

    fill_and_order(shopper, "Brewing Guide", 1)

    order = the_order()
    assert "It comes by e-mail." in shopper.part("panel")
    assert (order.country, order.shipping_minor, order.total_minor, order.lines[0].is_digital) == ("", 0, 0, True)


def test_beans_and_a_guide_are_one_parcel_and_one_order(shopper):
    a_variant(price_minor=1000), a_guide()
    shopper.get("/").click("Brewing Guide").submit("Add to cart")

    fill_and_order(shopper, "House Blend", 1)

    order = the_order()
    assert sorted(lines_of(order)) == [("BEANS", 1), ("GUIDE", 1)]
    assert (order.items_minor, order.shipping_minor, order.total_minor) == (1000, 395, 1395)


def test_two_want_the_last_one_and_one_gets_it(shopper, browser):
    a_variant(on_hand=1)
    other = browser()
    for each in (shopper, other):
        each.get("/p/beans").submit("Add to cart")
        each.get("/checkout")

    place(shopper)
    place(other, status=409, email="alice@example.com")

    assert the_order().email == "gus@example.com"
    assert "House Blend is sold out and was left out." in other.text
    assert other.document.by_id("name").get("value") == "Gus Guest"
    assert level("BEANS") == (0, 0)


def test_a_search_an_afterthought_and_a_mistake_on_the_way(shopper):
    a_variant(name="Café Perú"), a_variant("CUP", name="Blue Cup", price_minor=700)
    shopper.get("/").submit("Search", form="/search", q="peru")
    shopper.submit("Add", near="Café Perú")
    shopper.get("/p/cup").submit("Add to cart", quantity=3)
    shopper.get("/cart").submit("Update cart", {"quantity-CUP": 2})
    shopper.click("Checkout")
    place(shopper, status=422, email="gus")

    place(shopper, notes="Ring twice")

    assert lines_of(the_order()) == [("BEANS", 1), ("CUP", 2)]
    assert (the_order().total_minor, the_order().notes) == (1000 + 1400 + 395, "Ring twice")
