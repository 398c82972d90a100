"""The pages of the demo shop in the states that a shopper may see them in, for tests that look at every one of them."""

from collections.abc import Callable, Iterator

from playwright.sync_api import Page

from tests import live
from tests.live import LiveServer

ADA = {
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "line1": "12 St James's Square",
    "city": "London",
    "postcode": "SW1Y 4JH",
}
ALICE = {"email": "alice@example.com", "password": "three brown horses"}
SOLD_OUT = "/p/nyamasheke-peaberry"
WITH_VARIANTS = "/p/yirgacheffe-kochere"
DIGITAL = "/p/the-little-brewing-guide"


def stock_up(server: LiveServer) -> str:
    """Load the demo into a running shop; answers the shop's URL."""
    loaded = server.run_flask("demo", "load")
    assert loaded.returncode == 0, loaded.stderr
    live.with_account(server, ALICE["email"], ALICE["password"], name="Alice Example")
    return server.url


def put_in(tab: Page, product: str = WITH_VARIANTS) -> None:
    """Put the product's first variant into the cart, and see that it is there."""
    tab.goto(product)
    tab.get_by_role("button", name="Add to cart").click()
    tab.wait_for_selector(".card-status a, .cart-line")


def fill_in(tab: Page) -> None:
    for name, value in ADA.items():
        tab.fill(f"#{name}", value)


def wrong_quantity(tab: Page) -> None:
    tab.goto("/cart")
    tab.locator(".cart-line input").first.fill("some")
    tab.get_by_role("button", name="Update cart").click()
    tab.wait_for_selector(".error")


def removed(tab: Page) -> None:
    tab.goto("/cart")
    tab.locator(".cart-line-remove button").first.click()
    tab.get_by_role("button", name="Put it back").wait_for()


def wrong_checkout(tab: Page) -> None:
    tab.goto("/checkout")
    tab.fill("#email", "nobody")
    tab.get_by_role("button", name="Order and pay").click()
    tab.wait_for_selector(".error-summary")


def ordered(tab: Page) -> None:
    tab.goto("/checkout")
    fill_in(tab)
    tab.get_by_role("button", name="Order and pay").click()
    tab.wait_for_selector("#panel")


def receipt(tab: Page) -> None:
    tab.get_by_role("link", name="See or print your receipt").click()
    tab.wait_for_selector(".receipt")


def to_provider(tab: Page) -> None:
    """Order what is in the cart, to be paid at the pretend provider, and stand on its page."""
    tab.goto("/checkout")
    fill_in(tab)
    tab.get_by_label("Pretend").check()
    tab.get_by_role("button", name="Order and pay").click()
    tab.wait_for_url("**/pretend/pay/*")


def unpaid(tab: Page) -> None:
    tab.get_by_role("link", name="Back to the shop without paying").click()
    tab.get_by_role("heading", name="Pay this order").wait_for()


def pay_again(tab: Page, outcome: str) -> None:
    """From the page of an unpaid order to the pretend provider, and press the button that begins so."""
    tab.get_by_label("Pretend").check()
    tab.get_by_role("button", name="Pay £").click()
    tab.get_by_role("button", name=outcome).click()


def declined(tab: Page) -> None:
    tab.get_by_role("link", name="See it and pay").click()
    pay_again(tab, "Do not pay")
    tab.get_by_text("The payment was declined").first.wait_for()


def cancelled(tab: Page) -> None:
    pay_again(tab, "Pay: approve it")
    receipt(tab)
    tab.get_by_role("button", name="Cancel this order").click()
    tab.get_by_text("Your order is cancelled.").wait_for()


def ordered_by_mail(tab: Page) -> None:
    put_in(tab, DIGITAL)
    tab.goto("/checkout")
    tab.fill("#email", ADA["email"])
    tab.fill("#name", ADA["name"])
    tab.get_by_role("button", name="Order").click()
    tab.wait_for_selector("#panel")


def checking(tab: Page) -> None:
    put_in(tab)
    to_provider(tab)
    tab.get_by_role("button", name="Pay, then break down").click()
    tab.wait_for_selector("#checking")


def lost(tab: Page) -> None:
    tab.goto("/orders/find")
    tab.get_by_role("button", name="Find it").click()
    tab.wait_for_selector(".error-summary")


def without_pictures(tab: Page) -> None:
    tab.goto("/")
    tab.get_by_role("button", name="Save data").click()
    tab.get_by_role("button", name="Show pictures").wait_for()


def wrong_login(tab: Page) -> None:
    tab.goto("/account/login")
    tab.fill("#email", ALICE["email"])
    tab.fill("#password", "some other")
    tab.locator("main").get_by_role("button", name="Log in").click()
    tab.wait_for_selector(".error-summary")


def wrong_code(tab: Page) -> None:
    tab.goto("/account/password/forgot")
    tab.fill("#email", ALICE["email"])
    tab.get_by_role("button", name="Mail me a code").click()
    tab.get_by_role("button", name="Set this password").click()
    tab.wait_for_selector(".error-summary")


def logged_in(tab: Page) -> None:
    tab.goto("/account/login")
    for name, value in ALICE.items():
        tab.fill(f"#{name}", value)
    tab.locator("main").get_by_role("button", name="Log in").click()
    tab.get_by_role("button", name="Log out").wait_for()


def wrong_address(tab: Page) -> None:
    tab.goto("/account/addresses/new")
    tab.get_by_role("button", name="Save", exact=True).click()
    tab.wait_for_selector(".error-summary")


def address(tab: Page) -> None:
    for line1 in ("12 St James's Square", "The Old Bakery, Unit 14, Long Lane Industrial Estate"):
        tab.goto("/account/addresses/new")
        for name in ("name", "city", "postcode"):
            tab.fill(f"#{name}", ADA[name])
        tab.fill("#line1", line1)
        tab.get_by_role("button", name="Save", exact=True).click()
        tab.get_by_text("Your address is saved.").wait_for()


def token(tab: Page) -> None:
    tab.goto("/account/tokens")
    tab.fill("#name", "My list")
    tab.get_by_role("button", name="Make a token").click()
    tab.wait_for_selector(".made")


def ordered_by_account(tab: Page) -> None:
    put_in(tab)
    tab.goto("/checkout")
    tab.get_by_role("button", name="Order and pay").click()
    tab.wait_for_selector("#panel")


# In this order: each begins where the one before ended, so that carts fill up and orders come about.
SCENES: dict[str, Callable[[Page], object]] = {
    "home": lambda tab: tab.goto("/"),
    "category": lambda tab: tab.goto("/c/single-origin?sold_out=1"),
    "nothing found": lambda tab: tab.goto("/search?q=zzzz"),
    "product": lambda tab: tab.goto(WITH_VARIANTS),
    "sold out": lambda tab: tab.goto(SOLD_OUT),
    "help": lambda tab: tab.goto("/help"),
    "offline page": lambda tab: tab.goto("/offline"),
    "order not found": lost,
    "empty cart": lambda tab: tab.goto("/cart"),
    "added": put_in,
    "added more": lambda tab: put_in(tab, "/p/gooseneck-kettle"),
    "cart": lambda tab: tab.goto("/cart"),
    "wrong quantity": wrong_quantity,
    "removed": removed,
    "checkout": lambda tab: tab.goto("/checkout"),
    "wrong checkout": wrong_checkout,
    "confirmation": ordered,
    "receipt": receipt,
    "provider": lambda tab: (put_in(tab), to_provider(tab)),
    "unpaid order": unpaid,
    "waiting for payment": lambda tab: tab.goto("/"),
    "declined order": declined,
    "cancelled order": cancelled,
    "cancelled": lambda tab: tab.goto("/"),
    "confirmation by mail": ordered_by_mail,
    "digital receipt": receipt,
    "checking": checking,
    "without pictures": without_pictures,
    "log in": lambda tab: tab.goto("/account/login"),
    "wrong login": wrong_login,
    "register": lambda tab: tab.goto("/account/register"),
    "wrong code": wrong_code,
    "new account": logged_in,
    "no orders": lambda tab: tab.goto("/account/orders"),
    "wrong address": wrong_address,
    "address book": address,
    "address": lambda tab: tab.get_by_role("link", name="Change").first.click(),
    "profile": lambda tab: tab.goto("/account/profile"),
    "new password": lambda tab: tab.goto("/account/password"),
    "token": token,
    "own data": lambda tab: tab.goto("/account/data"),
    "bought in two presses": ordered_by_account,
    "several addresses": lambda tab: (put_in(tab), tab.goto("/checkout")),
    "own orders": lambda tab: tab.goto("/account/orders"),
    "account": lambda tab: tab.goto("/account"),
}


def walk(tab: Page) -> Iterator[str]:
    """Bring the tab into one state after the other; answers the name of each."""
    for name, enter in SCENES.items():
        enter(tab)
        yield name
