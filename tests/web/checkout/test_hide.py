"""The confirmation on home: shown to the browser that ordered, until it is hidden, the cart changes, or an hour passed."""

import time

import pytest

from app.checkout import receipt
from tests.factories import a_redirect_method, a_variant
from tests.shopping import buy, place, put_in, the_order, to_checkout


@pytest.fixture(autouse=True)
def bought(app_context, page):
    a_variant(), a_variant("CUP")
    buy(page, "BEANS")


def has_panel(page) -> bool:
    page.get("/")
    return page.document.by_id("panel") is not None


def test_it_says_thank_you_number_total_and_where_the_mail_goes(page):
    page.get("/")

    order, panel = the_order(), page.part("panel")
    assert [words for words in ("Thank you", order.number, "£13.95", "gus@example.com") if words not in panel] == []


def test_it_stays_while_the_shopper_looks_around(page):
    page.get("/p/cup").get("/search?q=cup").get("/cart")

    assert has_panel(page)


def test_it_is_hidden_by_its_button(page):
    page.get("/").submit("Hide this")

    assert page.path == "/"
    assert not has_panel(page)


def test_hidden_it_still_leaves_the_receipt_open(page):
    page.get("/").submit("Hide this")

    page.get(f"/orders/{the_order().key}")

    assert "Gus Guest" in page.text


def test_hiding_twice_does_no_harm(page):
    page.post("/orders/hide").post("/orders/hide")

    assert not has_panel(page)


def test_the_next_change_of_the_cart_hides_it(page):
    put_in(page, "CUP")

    assert not has_panel(page)


def test_a_refused_change_of_the_cart_does_not(page):
    page.post("/cart/items", {"sku": "NOTHING"}, status=404)

    assert has_panel(page)


def test_after_an_hour_it_is_gone(page, monkeypatch):
    later = time.time() + receipt.PANEL_SECONDS + 1
    monkeypatch.setattr(receipt.time, "time", lambda: later)

    assert not has_panel(page)


def test_within_the_hour_it_is_there(page, monkeypatch):
    later = time.time() + receipt.PANEL_SECONDS - 60
    monkeypatch.setattr(receipt.time, "time", lambda: later)

    assert has_panel(page)


def test_it_shows_the_newest_order(page):
    put_in(page, "CUP")
    place(page.get("/checkout"))

    page.get("/")

    assert "10002" in page.part("panel")


def test_strangers_do_not_see_it(browser):
    mallory = browser()

    assert not has_panel(mallory)
    mallory.get(f"/?order={the_order().key}")
    assert "gus@example.com" not in mallory.html


def test_a_page_with_it_is_kept_by_nobody(page):
    page.get("/")

    assert page.response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in page.response.headers


def test_an_unpaid_order_says_that_it_waits(page, monkeypatch):
    method = str(a_redirect_method(monkeypatch))
    to_checkout(page, "CUP")
    place(page, payment=method, status=303)

    page.get("/")

    assert "Your order is not paid yet" in page.part("panel") and "See it and pay" in page.part("panel")


def test_more_than_twenty_receipts_forget_the_oldest(app, page):
    keys = [f"{number:032x}" for number in range(25)]

    with app.test_request_context():
        response = app.response_class()
        for key in keys:
            receipt.add(key, response)
        kept = receipt.read().keys

    assert kept == tuple(reversed(keys[-20:]))


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}])
def test_another_site_cannot_hide_it(page, headers):
    page.post("/orders/hide", status=403, headers=headers)

    assert has_panel(page)


def test_reading_does_not_hide_it(page):
    page.get("/orders/hide", status=404)

    assert has_panel(page)
