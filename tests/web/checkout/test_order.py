"""GET /orders/<key>: whole for whoever placed it, masked for everybody else, and nothing at all for a wrong key."""

import pytest

from app.services import stock
from tests.factories import a_guide, a_redirect_method, a_variant
from tests.shopping import buy, place, the_order, to_checkout

pytestmark = pytest.mark.usefixtures("app_context")
PERSONAL = ("1 High Street", "SW1A 1AA", "+44 20 7946 0000", "gus@example.com", "Gus Guest", "Ring twice", "London")


@pytest.fixture
def receipt(page):
    """The address of a receipt of Gus's, who has just bought."""
    a_variant(options="250 g / whole bean")
    buy(page, "BEANS", 2, phone="+44 20 7946 0000", notes="Ring twice")
    return f"/orders/{the_order().key}"


def test_the_browser_that_ordered_reads_it_whole(page, receipt):
    page.get(receipt)

    assert [words for words in PERSONAL if words not in page.text] == []
    for words in ("House Blend, 250 g / whole bean", "£20.00", "£3.95", "£23.95", "Pay on delivery"):
        assert words in page.text


def test_the_panel_leads_to_it(page, receipt):
    page.get("/").click("See or print your receipt")

    assert page.path == receipt


def test_a_stranger_reads_it_masked(browser, receipt):
    mallory = browser()

    mallory.get(receipt)

    assert [words for words in PERSONAL if words in mallory.html] == []
    assert "g•••@e•••" in mallory.text
    assert "House Blend, 250 g / whole bean" in mallory.text


def test_a_stranger_with_the_email_reads_it_whole(browser, receipt):
    gus_elsewhere = browser()
    gus_elsewhere.get(receipt)

    gus_elsewhere.submit("Show everything", email="gus@example.com")

    assert gus_elsewhere.path == receipt
    assert [words for words in PERSONAL if words not in gus_elsewhere.text] == []


def test_one_of_many_receipts_opens_only_its_own(page, browser, receipt):
    buy(mallory := browser(), "BEANS", email="mallory@example.com")

    mallory.get(receipt)

    assert "Gus Guest" not in mallory.html


def test_wrong_keys_are_all_the_same(app, browser, receipt):
    right = receipt.rpartition("/")[2]
    wrong = [
        "0" * 32,
        right[:-1],
        right + "0",
        right.upper(),
        "x",
        "10001",
        "None",
        "%00",
        "é" * 32,
        "0" * 5000,
        right[:31] + "%0a",
    ]
    mallory, said = browser(), set()

    for key in wrong:
        mallory.get(f"/orders/{key}", status=404)
        said.add(mallory.text.replace(mallory.text.rpartition(" ")[2], ""))

    assert len({words.split("give this number")[0] for words in said}) == 1


def test_a_key_that_is_sent_twice_is_none(browser, receipt):
    browser().get(f"/orders/?key={receipt[8:]}&key={receipt[8:]}", status=404)


def test_nobody_keeps_it(page, receipt):
    page.get(receipt)

    assert page.response.headers["Cache-Control"] == "no-store"
    assert any(meta.get("content") == "noindex" for meta in page.document.every("meta"))


def test_an_altered_receipt_cookie_opens_nothing(page, receipt):
    value = page.cookies["receipt"]
    page.client.set_cookie("receipt", value[:-1] + ("E" if value.endswith("A") else "A"))

    page.get(receipt)

    assert "Gus Guest" not in page.html


@pytest.mark.parametrize("value", ["", "x", "a.b.c", "é", "9" * 4000])
def test_a_foreign_receipt_cookie_opens_nothing(page, receipt, value):
    page.client.set_cookie("receipt", value)

    page.get(receipt)

    assert "Gus Guest" not in page.html


def test_the_cart_cookie_is_no_receipt(page, browser, receipt):
    page.post("/cart/items", {"sku": "BEANS"})
    mallory = browser()
    mallory.client.set_cookie("receipt", page.cookies["cart"])

    mallory.get(receipt)

    assert "Gus Guest" not in mallory.html


@pytest.mark.settings(SECRET_KEY_FALLBACKS=["an older secret, 0123456789 0123456789"])
def test_a_receipt_signed_with_an_older_key_still_opens(app, page, monkeypatch):
    a_variant()
    with monkeypatch.context() as then:
        then.setitem(app.config, "SECRET_KEY", app.config["SECRET_KEY_FALLBACKS"][0])
        buy(page, "BEANS")

    page.get(f"/orders/{the_order().key}")

    assert "Gus Guest" in page.text


def test_a_digital_order_shows_no_address(page):
    a_guide()
    buy(page, "GUIDE")

    page.get(f"/orders/{the_order().key}")

    assert "Sent to" not in page.text
    assert "Gus Guest" in page.text


def test_nothing_digital_is_packed(page):
    a_guide()
    buy(page, "GUIDE")

    page.get(f"/orders/{the_order().key}")

    assert "it comes by e-mail" in page.text and "packing" not in page.text


def test_it_stays_readable_when_the_product_sold_out(page, receipt):
    stock.set_levels([("BEANS", 0)], actor="test")

    page.get(receipt)

    assert "House Blend" in page.text


def test_an_unpaid_order_says_that_it_waits(page, monkeypatch):
    a_variant()
    method = str(a_redirect_method(monkeypatch))
    to_checkout(page, "BEANS")
    place(page, payment=method, status=303)

    page.get(f"/orders/{the_order().key}")

    assert "Waiting for payment." in page.text


@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE", "PATCH"])
def test_it_is_only_read(page, receipt, verb):
    page.open(verb, receipt, status=405)

    assert the_order().status == "PROCESSING"
