"""Paying at the pretend provider in Chromium, scripts on and off: there, back, and all that goes wrong on the way."""

import re
import sqlite3
import time

import pytest

from tests.browser import scenes
from tests.browser.keyboard import press, reach
from tests.journeys.wire import orders

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("live_server", ["sqlite"], indirect=True)]
HEARD_SECONDS = 15.0  # a webhook of the pretend provider comes within one; machines may be busy


@pytest.fixture(scope="module")
def shop(live_server):
    scenes.stock_up(live_server)
    return live_server


@pytest.fixture(params=[True, False], ids=["scripts on", "scripts off"])
def tab(request, shop, chromium):
    return chromium(shop.url, scripts=request.param)


def order(tab):
    """Order a bag, and stand before the provider's buttons."""
    scenes.put_in(tab)
    scenes.to_provider(tab)


def choose(tab, outcome):
    tab.get_by_role("button", name=outcome).click()


def is_thanked(tab):
    """Home opens with the thanks, and the cart is gone."""
    tab.get_by_role("heading", name="Thank you").wait_for()
    assert tab.get_by_role("link", name="Cart", exact=True).is_visible()
    assert [cookie["name"] for cookie in tab.context.cookies() if cookie["name"] == "cart"] == []


def state(tab):
    """How the order stands whose page is open."""
    return tab.locator(".receipt strong").inner_text()


def bring_back(shop):
    """The provider answers again, sooner than by itself."""
    with sqlite3.connect(shop.folder / "pretend.sqlite3", timeout=10) as memory:
        memory.execute("UPDATE payment SET down_until = 0")


def test_approved_it_ends_at_home(shop, tab):
    order(tab)
    choose(tab, "Pay: approve it")

    is_thanked(tab)
    assert tab.url.startswith(f"{shop.url}/?order=")


def test_approved_on_a_very_small_screen(shop, chromium):
    tab = chromium(shop.url, viewport=(240, 320))

    order(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 240
    choose(tab, "Pay: approve it")

    is_thanked(tab)


def test_declined_it_may_be_tried_again_from_the_kept_cart(shop, tab):
    before = len(orders(shop))
    order(tab)
    choose(tab, "Do not pay: decline it")
    tab.get_by_text("The payment was declined").wait_for()

    assert state(tab) == "The payment failed; nothing was charged."
    assert {tab.get_by_label(name).is_enabled() for name in ("Pay on delivery", "Pretend payment")} == {True}
    tab.goto("/checkout")
    assert tab.get_by_text("Yirgacheffe Kochere").first.is_visible()
    scenes.to_provider(tab)
    choose(tab, "Pay: approve it")

    is_thanked(tab)
    assert [each["status"] for each in orders(shop)[before:]] == ["FAILED", "PROCESSING"]


def test_declined_it_may_be_paid_at_the_door(shop, tab):
    order(tab)
    choose(tab, "Do not pay: decline it")
    tab.get_by_label("Pay on delivery").check()
    tab.get_by_role("button", name="Pay £").click()

    is_thanked(tab)
    assert tab.get_by_text("You pay £15.00 when it is delivered.").is_visible()


def test_a_closed_tab_is_paid_by_the_webhook_alone(shop, tab):
    order(tab)
    choose(tab, "Pay and close the tab")
    tab.get_by_role("heading", name="You closed the tab").wait_for()

    deadline = time.monotonic() + HEARD_SECONDS
    while (heard := orders(shop)[-1]["status"]) == "HOLD" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert heard == "PROCESSING"
    tab.goto("/")
    is_thanked(tab)


def test_back_without_paying_the_order_waits_until_it_is_cancelled(shop, tab):
    order(tab)
    tab.get_by_role("link", name="Back to the shop without paying").click()
    tab.get_by_text("You have not paid yet.").wait_for()

    assert state(tab) == "Waiting for payment."
    assert tab.get_by_role("button", name="Pay £15.00").is_visible()
    tab.goto("/")
    assert tab.get_by_role("heading", name="Your order is not paid yet").is_visible()
    tab.get_by_role("link", name="See it and pay").click()
    tab.get_by_role("button", name="Cancel this order").click()
    tab.get_by_text("Your order is cancelled.").wait_for()

    assert state(tab) == "Cancelled."
    assert not tab.get_by_role("button", name="Pay £").count()
    assert tab.get_by_role("link", name="Cart (1)").is_visible()


def test_a_paid_order_is_cancelled_and_the_money_goes_back(shop, tab):
    order(tab)
    choose(tab, "Pay: approve it")
    scenes.receipt(tab)
    tab.get_by_role("button", name="Cancel this order").click()
    tab.get_by_text("Your order is cancelled.").wait_for()

    assert re.search(r"Goes back to you\s+£15\.00", tab.locator(".sums").inner_text())
    tab.goto("/")
    assert tab.get_by_role("heading", name="Your order is cancelled").is_visible()
    assert tab.get_by_text("£15.00 goes back to you.").is_visible()


def test_a_wrong_amount_pays_nothing(shop, tab):
    order(tab)
    choose(tab, "Pay a wrong amount")
    tab.get_by_text("cannot be matched").wait_for()

    assert state(tab) == "Waiting for payment."
    assert not tab.get_by_role("button", name="Pay £").count()
    tab.goto("/")
    assert tab.get_by_text("please do not pay again").is_visible()
    assert not tab.get_by_text("Thank you").count()


def test_the_webhook_may_be_there_before_the_shopper(shop, tab):
    order(tab)
    choose(tab, "Pay, webhook first")

    is_thanked(tab)


def test_while_the_provider_is_down_the_page_asks_again(shop, chromium):
    tab = chromium(shop.url)
    order(tab)
    choose(tab, "Pay, then break down")
    tab.get_by_role("heading", name="We are checking your payment").wait_for()

    with tab.expect_response("**/fragments/checkout/return/*") as polled:
        pass
    assert polled.value.status == 200
    assert tab.get_by_text("does not answer at the moment").is_visible()
    bring_back(shop)

    is_thanked(tab)


def test_while_the_provider_is_down_a_plain_link_asks_again(shop, chromium):
    tab = chromium(shop.url, scripts=False)
    order(tab)
    choose(tab, "Pay, then break down")
    tab.get_by_role("link", name="Check again").click()
    assert tab.get_by_role("heading", name="We are checking your payment").is_visible()
    bring_back(shop)

    tab.get_by_role("link", name="Check again").click()

    is_thanked(tab)


def test_the_keyboard_alone_pays(shop, tab):
    scenes.put_in(tab)
    tab.goto("/checkout")
    scenes.fill_in(tab)
    choose_method(tab)
    press(tab, "Order and pay")
    tab.wait_for_url("**/pretend/pay/*")
    press(tab, "Do not pay: decline it")
    tab.wait_for_url("**/orders/*")
    choose_method(tab)
    press(tab, "Pay £15.00")
    tab.wait_for_url("**/pretend/pay/*")
    press(tab, "Pay, then break down")
    tab.wait_for_selector("#checking")
    bring_back(shop)
    press(tab, "Check again")
    is_thanked(tab)
    press(tab, "See or print your receipt")
    tab.wait_for_selector(".receipt")
    press(tab, "Cancel this order")
    tab.get_by_text("Your order is cancelled.").wait_for()
    tab.goto("/")
    press(tab, "Hide this")
    tab.get_by_role("heading", name="Coffee roasted").wait_for()


def choose_method(tab):
    """By the arrow keys: Tab stops at the radio that is chosen."""
    reach(tab, "document.activeElement.name === 'payment'")
    pretend = tab.get_by_label("Pretend payment")
    for _ in range(5):
        if pretend.is_checked():
            return
        tab.keyboard.press("ArrowDown")
    raise AssertionError("the arrows never come to “Pretend payment”")
