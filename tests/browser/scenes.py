"""The pages of the demo shop in the states that a shopper may see them in, for tests that look at every one of them."""

from collections.abc import Callable, Iterator

from playwright.sync_api import Page

from tests.live import LiveServer

ADA = {
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "line1": "12 St James's Square",
    "city": "London",
    "postcode": "SW1Y 4JH",
}
SOLD_OUT = "/p/nyamasheke-peaberry"
WITH_VARIANTS = "/p/yirgacheffe-kochere"


def stock_up(server: LiveServer) -> str:
    """Load the demo into a running shop; answers the shop's URL."""
    loaded = server.run_flask("demo", "load")
    assert loaded.returncode == 0, loaded.stderr
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


def lost(tab: Page) -> None:
    tab.goto("/orders/find")
    tab.get_by_role("button", name="Find it").click()
    tab.wait_for_selector(".error-summary")


def without_pictures(tab: Page) -> None:
    tab.goto("/")
    tab.get_by_role("button", name="Save data").click()
    tab.get_by_role("button", name="Show pictures").wait_for()


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
    "without pictures": without_pictures,
}


def walk(tab: Page) -> Iterator[str]:
    """Bring the tab into one state after the other; answers the name of each."""
    for name, enter in SCENES.items():
        enter(tab)
        yield name
