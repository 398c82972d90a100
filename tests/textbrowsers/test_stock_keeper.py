"""The stock keeper of a coffee shop, in Chromium without scripts and in w3m: sold out, delivered, corrected, on sale again."""

import pytest

from tests import live
from tests.browser import scenes
from tests.journeys.wire import LiveBrowser, stock
from tests.shopper import says
from tests.shopping import GUS
from tests.textbrowsers.people import W3m

pytestmark = [pytest.mark.timeout(600), pytest.mark.parametrize("live_server", ["sqlite"], indirect=True)]

KEEPER = {"email": "keeper@example.com", "password": "three brown horses"}
SKU = "YIRG-250-WB"
DELIVERY = f"""SKU ; Product; Quantity ;Price
 {SKU} ;; 24 ;
CUP-BLUE; Blue Cup ;12 bags; 8.50
"""


@pytest.fixture(scope="module")
def shop(live_server):
    scenes.stock_up(live_server)
    live.with_account(live_server, KEEPER["email"], KEEPER["password"], name="Kim Keeper", role="manager")
    return live_server


def set_stock(shop, level):
    done = shop.run_flask("stock", "set", SKU, str(level))
    assert done.returncode == 0, done.stderr


def buy(shop, quantity):
    """Somebody orders so many."""
    page = LiveBrowser(shop.url)
    page.post("/cart/items", {"sku": SKU, "quantity": quantity})
    page.get("/checkout")
    page.submit("Order and pay", GUS)
    assert "Thank you" in page.text


def alerts(shop):
    lines = shop.run_flask("alerts", "list").stdout.splitlines()
    return [line.split()[2:5] for line in lines if line.endswith(SKU)]


@pytest.mark.browser
def test_the_coffee_sells_out_and_a_delivery_brings_it_back(shop, chromium):
    set_stock(shop, 10)
    buy(shop, 7)
    assert alerts(shop) == []
    buy(shop, 1)
    assert alerts(shop) == [["open", "low", "2"]]
    buy(shop, 2)
    assert alerts(shop) == [["open", "low", "2"], ["open", "out", "0"]]

    tab = chromium(shop.url, scripts=False, viewport=(320, 640))
    tab.goto(scenes.WITH_VARIANTS)
    assert tab.get_by_text("Sold out").first.is_visible()
    tab.goto("/account/login?next=/staff/alerts")
    tab.fill("#email", KEEPER["email"])
    tab.fill("#password", KEEPER["password"])
    tab.locator("form[action='/account/login'] button").click()
    tab.get_by_role("button", name=f"Seen {SKU}").first.click()
    assert tab.get_by_text("by Kim Keeper").is_visible()

    tab.goto("/staff/deliveries/new")
    tab.get_by_label("Or paste the list here").fill(DELIVERY)
    tab.get_by_label("What it is called").fill("From the roaster")
    tab.get_by_role("button", name="Look at it").click()
    assert tab.get_by_role("link", name="Row 2: the name is blank").is_visible()
    assert tab.get_by_role("link", name="Row 3: quantity “12 bags” is not a whole number").is_visible()
    assert tab.get_by_role("button", name="Apply").count() == 0

    tab.get_by_label("Product").first.fill("Yirgacheffe Kochere")
    tab.get_by_label("Quantity").nth(1).fill("12")
    tab.get_by_role("button", name="Save and check again").click()
    assert tab.get_by_text("0 on hand, then 24.").is_visible()
    assert tab.get_by_text("New product, on sale at once for £8.50").is_visible()
    tab.get_by_role("button", name="Apply").click()
    tab.get_by_text("On the shelf: 36 pieces in 2 rows, 1 of them new to the shop.").wait_for()

    assert stock(shop, [SKU, "CUP-BLUE"]) == {SKU: (24, 0, 24), "CUP-BLUE": (12, 0, 12)}
    assert {status for status, _, _ in alerts(shop)} == {"closed"}
    buy(shop, 1)
    tab.goto(f"/staff/stock?q={SKU}")
    tab.get_by_role("link", name=SKU).click()
    rows = [" ".join(row.split()) for row in tab.locator("section tbody tr").all_inner_texts()]
    told = " | ".join(rows[:5])
    for number in ("-1", "+24", "-2", "-7"):
        assert number in told, told
    assert "Delivery 1: From the roaster" in told and "Kim Keeper" in told


@pytest.mark.textbrowser
def test_a_delivery_is_counted_in_w3m(shop, tmp_path):
    set_stock(shop, 3)
    path = f"/staff/stock?q={SKU}"
    twin = LiveBrowser(shop.url).get("/account/login?next=" + path)
    person = W3m(shop.url + "/account/login?next=" + path, tmp_path / "home", "Log in")
    try:
        page = twin.document
        for name, typed in KEEPER.items():
            person.fill_in(page, page.by_id(name), typed)
        _, pressed = twin.find_form("Log in", "", "/account/login")
        twin.submit("Log in", KEEPER, form="/account/login")
        person.activate(page, pressed, "Add or take away")
        if twin.path != path:
            twin.get(path)

        page = twin.document
        [number] = [each for each in page.every("input") if each.get("name") == "number" and says_row(page, each) == SKU]
        _, pressed = twin.find_form(f"Save {SKU}", "", "")
        person.fill_in(page, number, "+12")
        person.activate(page, pressed, "There are 15 now")
    finally:
        person.close()

    assert stock(shop, [SKU])[SKU] == (15, 0, 15)


def says_row(page, element):
    form = page.closest(element, "form")
    assert form is not None
    return form.get("aria-label") or says(form)
