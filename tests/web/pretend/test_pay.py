"""The payment page of Pretend Pay: its buttons, what it says afterwards, and the way back."""

import time

import pytest

from app.gateways.pretend import api_key
from app.pretend import outcomes
from tests import live
from tests.page import text

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),  # the provider has a memory of its own
    pytest.mark.settings(PRETEND_GATEWAY=True),
]

NOBODY = "http://127.0.0.1:9/webhooks/pretend"  # nothing listens there
WORDS = ("approve", "decline", "close", "wrong amount")  # scripts find the buttons by them
AUTHORISED = {"Authorization": f"Bearer {api_key(live.SECRET)}"}


@pytest.fixture
def address(client):
    return a_payment(client)


@pytest.fixture(autouse=True)
def nobody_is_told(app, monkeypatch):
    if provider := app.extensions.get("pretend"):
        monkeypatch.setattr(provider.postman, "kick", lambda: None)


def a_payment(client, **changes) -> str:
    """The address of the page for a new payment."""
    told = {
        "order_key": "order",
        "order_number": "T-1001",
        "payment_key": "attempt",
        "amount_minor": 1234,
        "currency": "GBP",
        "description": "Order T-1001 at Till Coffee",
        "return_url": "http://localhost/cart",
        "webhook_url": NOBODY,
        "expires_at": time.time() + 600,
    }
    key = {"Idempotency-Key": f"{time.monotonic_ns()}"}
    answer = client.post("/pretend/api/payments", json=told | changes, headers=AUTHORISED | key)
    assert answer.status_code == 201, answer.json
    return f"/pretend/pay/{answer.json['reference']}"


def state(client, address: str) -> str:
    return client.get(address.replace("pay/", "api/payments/"), headers=AUTHORISED).json["state"]


def test_it_says_who_wants_how_much(page, address):
    page.get(address)

    assert page.title == "Pay £12.34 – Pretend Pay"
    for words in ("Order T-1001 at Till Coffee", "No money moves."):
        assert words in page.text
    assert page.response.headers["Cache-Control"] == "no-store"
    assert "Checkout" not in page.text


def test_each_button_is_explained(page, address):
    page.get(address)

    for button in page.document.every("button"):
        assert page.part(button.get("aria-describedby"))


@pytest.mark.parametrize("word", WORDS)
def test_the_buttons_are_found_by_their_words(page, address, word):
    page.get(address)

    assert len([button for button in page.document.every("button") if word in text(button)]) == 1


def test_it_needs_no_script(page, address):
    page.get(address)

    assert not page.document.every("script")


@pytest.mark.parametrize("outcome", outcomes.OUTCOMES, ids=lambda outcome: outcome.name)
def test_every_button_leads_back(page, address, outcome):
    page.get(address)

    page.submit(outcome.button)

    if outcome.name == "close":
        assert (page.path, page.title) == (address, "You closed the tab – Pretend Pay")
        page.click("The shop's home page")
        assert page.path == "/"
    else:
        assert page.visited[-2:] == [("POST", address, 303), ("GET", "/cart", 200)]


def test_one_may_go_back_without_paying(page, client, address):
    page.get(address).click("Back to the shop without paying")

    assert page.path == "/cart?cancelled=1"
    assert state(client, address) == "open"


def test_an_address_with_a_question_keeps_it(page, client):
    page.get(a_payment(client, return_url="http://localhost/search?q=beans")).click("Back to the shop without paying")

    assert page.path == "/search?q=beans&cancelled=1"


@pytest.mark.parametrize(
    ("button", "title", "sentence"),
    [
        ("Pay: approve it", "Paid: £12.34", "This payment is done."),
        ("Pay a wrong amount", "Paid: £12.33", "This payment is done."),
        ("Pay in a wrong currency", "Paid: US$12.34", "This payment is done."),
        ("Do not pay: decline it", "The card was refused", "Nothing was charged."),
        ("Pay, webhook late", "Paid: £12.34", "The money is on its way."),
    ],
)
def test_afterwards_it_says_what_became_of_it(page, address, button, title, sentence):
    page.get(address).submit(button)

    page.get(address)

    assert page.title == f"{title} – Pretend Pay"
    assert sentence in page.text
    assert not page.document.every("button")
    page.click("Back to the shop")
    assert page.path == "/cart"


def test_after_a_forgery_one_may_still_pay(page, client, address):
    page.get(address).submit("Forge a webhook")
    page.get(address).submit("approve")

    assert state(client, address) == "paid"


def test_it_can_be_too_late(page, client):
    late = a_payment(client, expires_at=time.time())

    page.get(late)

    assert page.title == "It is too late to pay – Pretend Pay"
    assert not page.document.every("button")


def test_pressing_again_leads_back_too_and_changes_nothing(page, client, address):
    page.get(address)
    again = page.form_data("decline")
    page.submit("approve")

    page.post(address, again)

    assert (page.path, state(client, address)) == ("/cart", "paid")


def test_a_button_that_is_none_is_refused(page, client, address):
    page.get(address)
    wrong = page.form_data("approve") | {"outcome": ["gift"]}

    page.post(address, wrong, status=422)

    assert page.title.startswith("Error: Pay £12.34")
    assert "Press one of the buttons." in page.text
    assert state(client, address) == "open"


def test_it_needs_the_pages_token(page, client, address):
    page.post(address, {"outcome": "approve"}, status=422)

    assert "Press the button once more." in page.text
    assert state(client, address) == "open"
    page.submit("approve")
    assert state(client, address) == "paid"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
def test_another_site_is_refused(page, client, address, headers):
    page.get(address)

    page.post(address, page.form_data("approve"), headers=headers, status=403)

    assert state(client, address) == "open"


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_unknown_payment_is_not_there(page, method):
    getattr(page, method)("/pretend/pay/unknown", status=404)


def test_it_takes_no_other_verb(client, address):
    assert client.delete(address).status_code == 405


@pytest.mark.settings(PRETEND_GATEWAY=False)
def test_it_is_not_there_when_it_is_off(page):
    page.get("/pretend/pay/unknown", status=404)
