"""Asking the shop for what one may not do oneself any more, and what the receipt then says."""

import pytest

from app.models.order_desk import RequestStatus
from app.services import order_requests
from tests.desk import asked, sent, status_of, to_pack
from tests.factories import a_guide, a_variant
from tests.shopper import Browser
from tests.shopping import buy, the_order

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def bought(page: Browser) -> Browser:
    """Gus, on the receipt of an order that was sent."""
    a_variant()
    buy(page, "BEANS")
    sent(the_order().id)
    return page.get(f"/orders/{the_order().key}")


def wishes() -> list[tuple[str, str, str]]:
    return [(each.kind, each.status, each.text) for each in order_requests.of_order(the_order().id)]


def test_the_receipt_says_how_it_was_sent(bought):
    assert "Carried by Royal Mail. Tracking number: AB 123" in bought.text
    assert "https://track.example/AB123" in bought.html


def test_one_asks_to_send_it_back(bought):
    bought.submit("Ask to send it back", {"text": "It is <b>torn</b>."})

    assert wishes() == [("return", "open", "It is <b>torn</b>.")]
    assert "We have got your request, and answer by e-mail." in bought.text
    assert "Ask to send it back" not in bought.text and "You asked to send it back." in bought.text


def test_the_answer_stands_on_the_receipt(bought):
    order = the_order()
    request_id = asked(order.id)
    order_requests.answer(order.id, request_id, RequestStatus.DECLINED, "It was <i>opened</i>.", actor="cli")

    bought.get(f"/orders/{order.key}")

    assert "Our answer is no: It was <i>opened</i>." in bought.text and "Ask to send it back" in bought.text


@pytest.mark.parametrize("said", ["", "x" * 1001])
def test_what_cannot_be_used_is_said_and_kept(bought, said):
    bought.submit("Ask to send it back", {"text": said}, status=422)

    assert wishes() == [] and said in bought.html
    assert "Tell us why" in bought.text or "1000 is the most" in bought.text


def test_what_is_told_stands_above_the_receipt_not_with_the_password(bought):
    data = bought.form_data("Ask to send it back", text="Torn.")
    asked(the_order().id)

    bought.post(f"/orders/{the_order().key}/request", data, status=409)

    above, _, below = bought.text.partition("Placed on")
    assert "You asked for this already" in above
    assert "Set a password" in below and "You asked for this already" not in below


def test_twice_is_refused(bought):
    data = bought.form_data("Ask to send it back", text="Torn.")
    bought.post(f"/orders/{the_order().key}/request", data)

    bought.post(f"/orders/{the_order().key}/request", data, status=409)

    assert len(wishes()) == 1


def test_what_one_may_cancel_oneself_is_not_asked_for(page):
    a_variant()
    buy(page, "BEANS")
    page.get(f"/orders/{the_order().key}")
    data = page.form_data("Cancel this order") | {"text": "x"}

    assert "Asking us" not in page.text
    page.post(f"/orders/{the_order().key}/request", data, status=409)
    assert wishes() == []


def test_what_came_by_mail_may_be_asked_to_be_cancelled(page):
    a_guide()
    buy(page, "GUIDE")
    page.get(f"/orders/{the_order().key}")

    page.submit("Ask to cancel it", {"text": "I bought it twice."})

    assert wishes() == [("cancel", "open", "I bought it twice.")] and status_of(the_order().id) == "PROCESSING"


@pytest.mark.settings(RATELIMIT_ENABLED=True, ORDER_REQUESTS_PER_HOUR=1)
def test_too_often_is_slowed(bought):
    data = bought.form_data("Ask to send it back", text="")
    bought.post(f"/orders/{the_order().key}/request", data, status=422)

    bought.post(f"/orders/{the_order().key}/request", data | {"text": "Torn."}, status=429)

    assert bought.response.headers["Retry-After"] and "Torn." in bought.html and wishes() == []


def test_strangers_see_and_ask_nothing(bought, browser):
    asked(the_order().id, text="My own words")
    mallory = browser()

    mallory.get(f"/orders/{the_order().key}")
    assert "My own words" not in mallory.text and "AB 123" not in mallory.text
    for door in ("request", "invoice"):
        mallory.post(f"/orders/{the_order().key}/{door}", {"text": "x"}, status=404)
    mallory.get(f"/orders/{the_order().key}/invoice", status=404)


def test_there_is_no_order_of_no_key(page):
    to_pack()
    page.post(f"/orders/{'0' * 32}/request", {"text": "x"}, status=404)


def test_it_is_a_post_with_a_token(bought):
    bought.get(f"/orders/{the_order().key}/request", status=405)
    bought.post(f"/orders/{the_order().key}/request", {"text": "Torn."}, status=422)

    assert wishes() == []
