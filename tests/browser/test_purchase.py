"""A purchase in Chromium, scripts off and on, leaves the same rows as one over plain HTTP."""

import pytest

from tests.journeys.wire import GUS, LiveBrowser, orders

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("live_server", ["sqlite"], indirect=True)]


@pytest.fixture(scope="module")
def shop(live_server):
    loaded = live_server.run_flask("demo", "load")
    assert loaded.returncode == 0, loaded.stderr
    return live_server


def buy_by_hand(tab) -> None:
    """From home to the thanks: the first bag in the window, two of it."""
    tab.goto("/")
    tab.get_by_role("button", name="Add ").first.click()
    tab.get_by_role("link", name="Cart (1)").wait_for()
    tab.goto("/cart")
    field = tab.get_by_role("textbox", name="Quantity of").first
    field.fill("2")
    field.press("Enter")
    tab.get_by_role("link", name="Cart (2)").wait_for()
    tab.get_by_role("link", name="Checkout").click()
    for name, text in GUS.items():
        tab.locator(f"#{name}").fill(text)
    tab.get_by_role("button", name="Order and pay").click()
    tab.get_by_role("heading", name="Thank you").wait_for()


@pytest.mark.parametrize("scripts", [False, True], ids=["scripts off", "scripts on"])
def test_two_bags_are_bought(shop, chromium, scripts):
    plain = LiveBrowser(shop.url).get("/").submit("Add").submit("Update cart", {first_quantity(shop): 2})
    plain.click("Checkout").submit("Order and pay", GUS)

    tab = chromium(shop.url, scripts=scripts)
    buy_by_hand(tab)

    same, theirs = orders(shop)[-2:]
    assert theirs == same
    assert tab.url == shop.url + "/"
    assert [cookie["name"] for cookie in tab.context.cookies() if cookie["name"] == "cart"] == []


def first_quantity(shop) -> str:
    """The name of the quantity field of the first bag in the window."""
    home = LiveBrowser(shop.url).get("/")
    return "quantity-" + next(field.get("value", "") for field in home.document.every("input") if field.get("name") == "sku")


@pytest.mark.parametrize("scripts", [False, True], ids=["scripts off", "scripts on"])
def test_mistakes_are_said_and_nothing_typed_is_lost(shop, chromium, scripts):
    tab = chromium(shop.url, scripts=scripts)
    tab.goto("/")
    tab.get_by_role("button", name="Add ").first.click()
    tab.get_by_role("link", name="Cart (1)").wait_for()
    tab.goto("/checkout")
    tab.locator("#name").fill("Gus Guest")
    tab.locator("#notes").fill("Ring twice\nThen wait")

    tab.get_by_role("button", name="Order and pay").click()

    tab.get_by_text("Enter your e-mail address.").first.wait_for()
    assert tab.locator("#name").input_value() == "Gus Guest"
    assert tab.locator("#notes").input_value() == "Ring twice\nThen wait"
    tab.locator(".error-summary:focus").wait_for()


def test_going_back_after_the_order_offers_it_to_nobody_twice(shop, chromium):
    tab = chromium(shop.url, scripts=False)
    buy_by_hand(tab)
    before = len(orders(shop))

    tab.go_back()
    button = tab.get_by_role("button", name="Order and pay")
    if button.is_visible():  # as it was kept; else it was asked for anew, and the cart is empty
        button.click()
        tab.get_by_role("heading", name="Thank you").wait_for()
    else:
        tab.get_by_role("heading", name="Your cart").wait_for()

    assert len(orders(shop)) == before


def test_two_quick_presses_are_one_order(shop, chromium):
    tab = chromium(shop.url)
    before = len(orders(shop))
    tab.goto("/")
    tab.get_by_role("button", name="Add ").first.click()
    tab.get_by_role("link", name="Cart (1)").wait_for()
    tab.goto("/checkout")
    for name, text in GUS.items():
        tab.locator(f"#{name}").fill(text)

    tab.get_by_role("button", name="Order and pay").dblclick()

    tab.get_by_role("heading", name="Thank you").wait_for()
    assert len(orders(shop)) == before + 1
    # The first press's way to the next page was cut short by the second's, and so was its fading.
    chromium.complaints[:] = [complaint for complaint in chromium.complaints if "Transition was skipped" not in complaint]
