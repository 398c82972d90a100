"""What scripts and the service worker add, what works without them, and what all of it weighs."""

import gzip
import re
from pathlib import Path

import pytest

from tests import live
from tests.browser import scenes
from tests.browser.keyboard import press, reach

APP = Path(__file__).parents[2] / "app"
ON_SQLITE = pytest.mark.parametrize("live_server", ["sqlite"], indirect=True)
KB = 1000
FIRST_VIEW = 14_600  # bytes on the wire: what ten TCP segments take


def in_browser(test):
    return pytest.mark.browser(ON_SQLITE(test))


@pytest.fixture(scope="module")
def shop(live_server):
    return scenes.stock_up(live_server)


def settled(tab):
    """The tab, once the service worker looks after it."""
    tab.goto("/")
    tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
    until(tab, "navigator.serviceWorker.controller !== null")
    return tab


def until(tab, condition):
    """Wait for a condition that may be a promise."""
    for _ in range(100):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(100)
    raise AssertionError(f"it never came about that {condition}")


def kept(tab):
    """The addresses that the service worker keeps, static files left out."""
    paths = tab.evaluate("""async () => {
        const cache = await caches.open((await caches.keys())[0]);
        return (await cache.keys()).map(each => new URL(each.url).pathname);
    }""")
    return {path for path in paths if not path.startswith("/static/")}


# --- htmx ---


@in_browser
def test_adding_swaps_the_status_line_and_the_cart_link_by_one_small_request(shop, chromium):
    tab = settled(chromium(shop))
    tab.goto("/")
    tab.evaluate("window.isStillHere = true")
    asked = []
    tab.on("request", lambda request: request.resource_type != "image" and asked.append(request.method))

    tab.get_by_role("button", name="Add Huehuetenango El Sendero").click()
    tab.get_by_text("Added to your cart: Huehuetenango El Sendero").first.wait_for()

    assert tab.get_by_role("link", name="Cart (1)").is_visible()
    assert "Added to your cart" in tab.locator("#live").text_content()
    assert tab.evaluate("window.isStillHere")
    assert tab.evaluate("document.activeElement.innerText").startswith("Add")
    assert asked == ["POST"]


@in_browser
def test_the_answer_to_adding_is_at_most_a_kilobyte(shop):
    import requests

    sent = {"HX-Request": "true", "HX-Target": "added-2", "Accept-Encoding": "gzip, br"}

    answer = requests.post(f"{shop}/cart/items", data={"sku": "HUEH-250-WB"}, headers=sent, timeout=10)

    headers = sum(len(f"{name}: {value}\r\n") for name, value in answer.headers.items()) + len("HTTP/1.1 200 OK\r\n\r\n")
    assert answer.status_code == 200
    assert headers + len(answer.content) <= 1024


@in_browser
def test_tab_after_a_new_quantity_removes_nothing_and_keeps_the_focus(shop, chromium):
    tab = chromium(shop)
    scenes.put_in(tab)
    tab.goto("/cart")

    tab.locator(".cart-line input").fill("3")
    tab.keyboard.press("Tab")
    tab.get_by_role("link", name="Cart (3)").wait_for()

    assert tab.locator(".cart-line input").input_value() == "3"
    assert tab.evaluate("document.activeElement.innerText").startswith("Remove")


@in_browser
def test_another_delivery_keeps_what_was_typed(shop, chromium):
    tab = chromium(shop)
    scenes.put_in(tab)
    tab.goto("/checkout")
    tab.fill("#name", "Ada Lovelace")

    with tab.expect_response("**/checkout"):
        tab.get_by_label("Next working day").check()
    tab.wait_for_function("!document.querySelector('#checkout').getAttribute('aria-busy')")

    assert tab.get_by_label("Next working day").is_checked()
    assert tab.input_value("#name") == "Ada Lovelace"


@in_browser
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_errors_take_the_focus(shop, chromium, scripts):
    tab = chromium(shop, scripts=scripts)
    scenes.put_in(tab)

    scenes.wrong_checkout(tab)

    assert tab.locator(".error-summary").evaluate("each => each === document.activeElement")
    assert tab.input_value("#email") == "nobody"


@in_browser
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_the_keyboard_alone_buys(shop, chromium, scripts):
    tab = chromium(shop, scripts=scripts)
    tab.goto("/")

    press(tab, "Add Yirgacheffe Kochere")
    if scripts:
        tab.get_by_role("link", name="See your cart").wait_for()
        press(tab, "See your cart")
    tab.wait_for_url("**/cart*")
    press(tab, "Checkout")
    tab.wait_for_url("**/checkout")
    for name, value in scenes.ADA.items():
        reach(tab, f"document.activeElement.id === {name!r}")
        tab.keyboard.type(value)
    press(tab, "Order and pay")

    tab.wait_for_selector("#panel")
    assert tab.evaluate("document.activeElement.id") == "panel"
    assert tab.get_by_role("heading", name="Thank you").is_visible()


@in_browser
def test_a_failed_request_says_so(shop, chromium):
    tab = chromium(shop)
    tab.goto(scenes.WITH_VARIANTS)
    tab.fill("#quantity", "7")

    tab.evaluate("htmx.ajax('POST', '/nowhere', { target: '#live', swap: 'innerHTML' }).catch(() => {})")
    tab.get_by_text("That did not work").first.wait_for()

    assert "That did not work" in tab.locator("#live").text_content()
    assert "That did not work" in tab.locator("#messages").text_content()
    assert tab.input_value("#quantity") == "7"
    assert not tab.locator("[aria-busy]").count()
    chromium.complaints.clear()  # the browser's and htmx's own words for it


@in_browser
def test_a_list_that_cannot_be_fetched_says_so(shop, chromium):
    tab = settled(chromium(shop))
    tab.goto("/c/single-origin")
    tab.context.set_offline(True)

    tab.get_by_label("Order").select_option("name")
    tab.get_by_text("That did not work").first.wait_for()

    assert "That did not work" in tab.locator("#live").text_content()
    chromium.complaints.clear()


# --- the service worker ---


@in_browser
def test_offline_pages_are_the_kept_ones_and_say_how_old_they_are(shop, chromium):
    tab = settled(chromium(shop))
    tab.goto(scenes.WITH_VARIANTS)
    tab.goto("/")
    tab.evaluate("""async () => {
        const cache = await caches.open((await caches.keys())[0]), page = await cache.match("/", { ignoreVary: true });
        const headers = new Headers(page.headers);
        headers.set("Date", new Date(Date.now() - 3 * 3600e3).toUTCString());
        await cache.put("/", new Response(await page.text(), { headers }));
    }""")

    tab.context.set_offline(True)
    assert "You are offline" in tab.locator(".offline").inner_text()
    tab.goto("/")

    assert "as it was 3 hours ago" in tab.locator("#messages").inner_text()
    assert tab.get_by_role("heading", name="Coffee roasted on Tuesdays").is_visible()
    tab.goto("/help")
    assert tab.get_by_role("heading", name="You are offline").is_visible()
    tab.context.set_offline(False)
    tab.goto("/")
    assert tab.locator("#messages").inner_text() == ""
    chromium.complaints.clear()  # pictures that could not be fetched


@in_browser
def test_nobodys_own_pages_are_kept(shop, chromium):
    tab = settled(chromium(shop))
    tab.goto("/c/gifts")
    until(tab, "caches.match('/c/gifts', { ignoreVary: true }).then(page => page !== undefined)")

    scenes.put_in(tab)
    tab.goto("/c/brewing-gear")
    tab.goto("/cart")
    tab.goto("/checkout")
    scenes.ordered(tab)
    scenes.receipt(tab)
    tab.goto("/c/subscriptions")
    until(tab, "caches.match('/c/subscriptions', { ignoreVary: true }).then(page => page !== undefined)")

    assert kept(tab) <= {"/offline", "/", "/c/gifts", scenes.WITH_VARIANTS, "/c/subscriptions"}
    home = "caches.match('/', { ignoreVary: true }).then(page => page ? page.text() : '')"
    assert "Thank you" not in tab.evaluate(home)


@in_browser
def test_no_page_of_somebody_who_is_logged_in_is_kept(shop, chromium):
    tab = settled(chromium(shop))
    scenes.logged_in(tab)

    for page in ("/c/gifts", "/account/profile", "/c/subscriptions", "/"):
        tab.goto(page)
    tab.wait_for_timeout(500)

    assert kept(tab) <= {"/offline", "/"}
    assert "/account/login" in tab.evaluate(
        "caches.match('/', { ignoreVary: true }).then(page => page ? page.text() : '/account/login')"
    )


@in_browser
@pytest.mark.parametrize("scripts", ["htmx", "plain"])
def test_what_is_sent_offline_is_said_not_to_be_sent(shop, chromium, scripts):
    tab = settled(chromium(shop))
    tab.goto(scenes.WITH_VARIANTS)
    tab.fill("#quantity", "5")
    if scripts == "plain":
        tab.evaluate("document.querySelector('.product-add').replaceWith(document.querySelector('.product-add').cloneNode(true))")
        tab.fill("#quantity", "5")
    tab.context.set_offline(True)

    tab.get_by_role("button", name="Add to cart").click()
    tab.get_by_text("Not sent: you are offline.").wait_for()

    if scripts == "htmx":
        assert "Your details are still on this page." in tab.locator("#messages").inner_text()
        assert tab.input_value("#quantity") == "5"
    chromium.complaints.clear()


@pytest.mark.browser
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_one_switch_takes_the_service_worker_away(database_url, tmp_path, chromium):
    with live.serving(database_url, tmp_path / "shop") as server:
        tab = settled(chromium(server.url))

        server.stop()
        server.env["SERVICE_WORKER"] = "0"
        server.start()
        tab.goto("/help")
        until(tab, "navigator.serviceWorker.getRegistrations().then(all => all.length === 0)")
        tab.goto("/")

        assert tab.evaluate("navigator.serviceWorker.getRegistrations().then(all => all.length)") == 0
        assert tab.evaluate("caches.keys()") == []


# --- what it weighs ---


@pytest.fixture
def stocked(app):
    """A client of the app with the demo's catalogue, and one thing in the cart."""
    loaded = app.test_cli_runner().invoke(args=["demo", "load"])
    assert loaded.exit_code == 0, loaded.output
    return app.test_client()


def fetch(client, path):
    return client.get(path, headers={"Accept-Encoding": "gzip"})


def on_the_wire(response):
    return (
        len(response.data) + sum(len(f"{name}: {value}\r\n") for name, value in response.headers) + len("HTTP/1.1 200 OK\r\n\r\n")
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_pages_are_light(stocked):
    weights = {
        path: len(fetch(stocked, path).data) for path in ("/", "/c/single-origin", "/search?q=coffee", "/help", "/offline")
    }
    weights["product"] = len(fetch(stocked, scenes.WITH_VARIANTS).data)
    for sku in ("HUEH-250-WB", "YIRG-250-WB", "NYER-250-WB"):
        stocked.post("/cart/items", data={"sku": sku})
    weights |= {path: len(fetch(stocked, path).data) for path in ("/cart", "/checkout")}

    assert weights.pop("/") <= 6 * KB
    assert all(weight <= 5 * KB for weight in weights.values()), weights


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_first_view_fits_the_first_round_trip(stocked):
    home = fetch(stocked, "/")
    with fetch(stocked, re.search(r'href="(/static/shop[^"]+)"', gzip.decompress(home.data).decode())[1]) as style:
        assert on_the_wire(home) + on_the_wire(style) <= FIRST_VIEW


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_scripts_and_style_are_light(app):
    worker = app.test_client().get("/sw.js")
    files = {"shop.css": 5 * KB, "app.js": 2 * KB}

    assert len(gzip.compress(worker.data)) <= 2 * KB
    for name, most in files.items():
        assert len(gzip.compress((APP / "static" / name).read_bytes())) <= most, name


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.settings(SERVICE_WORKER=False)
def test_switched_off_no_page_asks_for_the_worker_and_the_worker_leaves(app):
    client = app.test_client()

    assert "data-worker" not in client.get("/help").text
    assert "registration.unregister()" in client.get("/sw.js").text
    assert "addAll" not in client.get("/sw.js").text
