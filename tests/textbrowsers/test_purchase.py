"""A purchase in lynx, in w3m and in links, the real programs, leaves the same rows as one in a browser without scripts."""

import pytest

from tests.journeys.wire import GUS, LiveBrowser, orders
from tests.shopper import says
from tests.textbrowsers.people import Links, Lynx, W3m

pytestmark = [pytest.mark.textbrowser, pytest.mark.parametrize("live_server", ["sqlite"], indirect=True)]


@pytest.fixture(scope="module")
def shop(live_server):
    loaded = live_server.run_flask("demo", "load")
    assert loaded.returncode == 0, loaded.stderr
    return live_server


@pytest.mark.parametrize("program", [Lynx, W3m, Links])
def test_a_bag_is_bought(shop, program, tmp_path):
    twin = LiveBrowser(shop.url).get("/")  # goes the same way, and knows what stands on each page
    person = program(shop.url + "/", tmp_path / "home", "In the shop window")

    def press(button: str, words: str, **fields: str) -> None:
        _, pressed = twin.find_form(button, "", "")
        page = twin.document
        twin.submit(button, fields)
        person.activate(page, pressed, words)

    def follow(link: str, words: str) -> None:
        page = twin.document
        found = twin.pick([a for a in page.every("a") if a.get("href")], link, "link")
        twin.click(link)
        person.activate(page, found, words)

    try:
        press("Add", "Your cart")
        follow("Checkout", "Who and where")
        for name, text in GUS.items():
            person.fill_in(twin.document, twin.document.by_id(name), text)
        press("Order and pay", "Thank you", **GUS)
    finally:
        person.close()

    twins, theirs = orders(shop)[-2:]
    assert theirs == twins
    assert says(twin.document.every("h1")[0]) == "Thank you"


def test_a_bag_is_paid_at_the_pretend_provider_in_w3m(shop, tmp_path):
    twin = LiveBrowser(shop.url).get("/")
    person = W3m(shop.url + "/", tmp_path / "home", "In the shop window")

    def press(button: str, words: str, **fields: str) -> None:
        _, pressed = twin.find_form(button, "", "")
        page = twin.document
        twin.submit(button, fields)
        person.activate(page, pressed, words)

    try:
        press("Add", "Your cart")
        page = twin.document
        checkout = twin.pick([a for a in page.every("a") if a.get("href")], "Checkout", "link")
        twin.click("Checkout")
        person.activate(page, checkout, "Who and where")
        page = twin.document
        for name, text in GUS.items():
            person.fill_in(page, page.by_id(name), text)
        [label] = [each for each in page.every("label") if says(each).startswith("Pretend payment")]
        pretend = page.by_id(label.get("for", ""))
        person.choose(page, pretend)
        press("Order and pay", "paid to the shop at", **GUS, payment=pretend.get("value", ""))
        press("Pay: approve it", "Thank you")
    finally:
        person.close()

    twins, theirs = orders(shop)[-2:]
    assert theirs == twins
    assert theirs["status"] == "PROCESSING"
