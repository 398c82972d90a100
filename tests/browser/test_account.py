"""An account from its making to its logging out in Chromium without scripts."""

import pytest

from tests import live
from tests.journeys.wire import orders

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("live_server", ["sqlite"], indirect=True)]
ALICE, PASSWORD, NEW = "alice@example.com", "three brown horses", "four white geese"


@pytest.fixture(scope="module")
def shop(live_server):
    loaded = live_server.run_flask("demo", "load")
    assert loaded.returncode == 0, loaded.stderr
    return live_server


def fill_in(tab, **fields: str) -> None:
    for name, value in fields.items():
        tab.fill(f"#{name}", value)


def press(tab, words: str) -> None:
    tab.locator("main").get_by_role("button", name=words, exact=True).click()


@pytest.mark.timeout(300)
def test_an_account_without_scripts(shop, chromium):
    tab = chromium(shop.url, scripts=False)

    # Register, and confirm by the code from the mail.
    tab.goto("/")
    tab.get_by_role("link", name="Log in").click()
    tab.get_by_role("link", name="Make an account").click()
    fill_in(tab, name="Alice Example", email=ALICE, password=PASSWORD)
    press(tab, "Mail me a code")
    fill_in(tab, code=live.mailed_code(shop, ALICE))
    press(tab, "Make my account")
    tab.get_by_text("Welcome! Your account is ready.").wait_for()

    # An address, then an order in two presses from the cart.
    tab.get_by_role("link", name="Addresses").click()
    tab.get_by_role("link", name="Add an address").click()
    fill_in(tab, line1="12 St James's Square", city="London", postcode="SW1Y 4JH")
    press(tab, "Save")
    tab.goto("/")
    tab.get_by_role("button", name="Add ").first.click()
    tab.get_by_role("link", name="Cart (1)").wait_for()
    tab.get_by_role("link", name="Checkout").click()
    tab.get_by_role("button", name="Order and pay").click()
    tab.get_by_role("heading", name="Thank you").wait_for()

    # See it, and order it again.
    tab.get_by_role("link", name="Account").click()
    tab.get_by_role("link", name="Order 10001").click()
    press(tab, "Order again")
    tab.get_by_text("What you ordered then is in your cart.").wait_for()
    tab.get_by_role("link", name="Checkout").click()
    tab.get_by_role("button", name="Order and pay").click()
    tab.get_by_role("heading", name="Thank you").wait_for()

    # Change the password, which leaves this browser in; log out, and in again.
    tab.goto("/account/password")
    fill_in(tab, old=PASSWORD, password=NEW)
    press(tab, "Set this password")
    tab.get_by_text("every other device is logged out").wait_for()
    press(tab, "Log out")
    tab.get_by_role("link", name="Log in").click()
    fill_in(tab, email=ALICE, password=NEW)
    press(tab, "Log in")
    tab.get_by_role("heading", name="Your account").wait_for()

    first, second = orders(shop)
    assert first == second
    assert first["email"] == ALICE
    assert not any(cookie["name"] == "cart" for cookie in tab.context.cookies())


def test_back_after_logging_out_shows_nothing(shop, chromium):
    live.with_account(shop, "bea@example.com", PASSWORD, name="Bea Example")
    tab = chromium(shop.url, scripts=False)
    tab.goto("/account/login")
    fill_in(tab, email="bea@example.com", password=PASSWORD)
    press(tab, "Log in")
    tab.goto("/account/profile")
    tab.goto("/account")
    press(tab, "Log out")
    tab.wait_for_url(shop.url + "/")

    for _ in range(3):
        tab.go_back()
        assert "Bea Example" not in tab.content()
