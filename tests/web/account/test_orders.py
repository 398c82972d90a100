"""/account/orders: one's own, the newest first, page by page."""

import pytest

from app.services import account_orders
from tests.factories import a_guide, a_variant
from tests.members import ALICE, a_member, log_in
from tests.shopping import buy, orders, place, put_in

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def alice(page):
    member = a_member()
    log_in(page)
    return member


def test_there_are_none_yet(page, alice):
    page.get("/account/orders")

    assert "There are none yet." in page.text


def test_the_newest_stands_first_and_leads_to_its_receipt(page, browser, alice):
    a_variant(), a_guide()
    buy(page, "BEANS", email="somewhere@else.example")
    put_in(page, "BEANS")
    put_in(page, "GUIDE")
    place(page.get("/checkout"), email=ALICE)
    first, second = orders()

    log_in(elsewhere := browser())
    elsewhere.get("/account/orders")

    assert elsewhere.text.index(f"Order {second.number}") < elsewhere.text.index(f"Order {first.number}")
    assert "House Blend and 1 more" in elsewhere.text
    elsewhere.click(f"Order {first.number}")
    assert elsewhere.path == f"/orders/{first.key}"
    assert "1 High Street" in elsewhere.text  # theirs, so read whole without a receipt cookie


def test_it_is_paged(page, alice, monkeypatch):
    a_variant(on_hand=10)
    for _ in range(5):
        buy(page, "BEANS")
    numbers = [order.number for order in reversed(orders())]
    monkeypatch.setattr(account_orders.page, "__kwdefaults__", {"after": None, "most": 2})

    seen = []
    page.get("/account/orders")
    for _ in range(2):
        seen.append([number for number in numbers if f"Order {number}" in page.text])
        page.click("Older orders")
    seen.append([number for number in numbers if f"Order {number}" in page.text])

    assert seen == [numbers[:2], numbers[2:4], numbers[4:]]
    assert "Older orders" not in page.text
    page.click("Newest orders")
    assert page.path == "/account/orders"


@pytest.mark.parametrize("after", ["x", "-1", "１", "9" * 12, "2147483648", ""])
def test_a_place_that_is_none_begins_at_the_newest(page, alice, after):
    a_variant()
    buy(page, "BEANS")

    page.get(f"/account/orders?after={after}")

    assert "House Blend" in page.text


def test_nobody_elses_are_shown(page, browser, alice):
    a_variant()
    buy(browser(), "BEANS", email=ALICE)  # a guest with her e-mail
    a_member("bob@example.com")
    log_in(bob := browser(), "bob@example.com")
    buy(bob, "BEANS", email=ALICE)

    page.get("/account/orders")

    assert "There are none yet." in page.text
