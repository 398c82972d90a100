"""/orders/find: number and e-mail open an order; guessing is slow."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.extensions import db, now, transaction
from app.models.attempt import Attempt
from tests.factories import a_variant
from tests.shopping import buy, the_order

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def order(browser):
    a_variant()
    buy(browser(), "BEANS")
    return the_order()


def find(page, number: str, email: str = "gus@example.com", status: int = 200):
    page.get("/orders/find")
    return page.submit("Find it", {"number": number, "email": email}, status=status)


@pytest.mark.parametrize("email", ["gus@example.com", " GUS@example.com "])
@pytest.mark.parametrize("number", ["{}", "#{}", " {} "])
def test_number_and_email_open_it(page, order, number, email):
    find(page, number.format(order.number), email)

    assert page.path == f"/orders/{order.key}"
    assert "1 High Street" in page.text


def test_it_opens_no_confirmation_on_home(page, order):
    find(page, order.number)

    page.get("/")

    assert page.document.by_id("panel") is None


@pytest.mark.parametrize(
    ("number", "email"),
    [
        ("10001", "mallory@example.com"),
        ("10002", "gus@example.com"),
        ("1", "gus@example.com"),
        ("99999999999999999999", "gus@example.com"),
        ("-1", "gus@example.com"),
        ("１０００１", "gus@example.com"),
        ("10_001", "gus@example.com"),
        ("x", "x"),
    ],
)
def test_everything_else_finds_nothing_in_the_same_words(page, order, number, email):
    find(page, number, email, status=422)

    assert "There is no such order with this e-mail." in page.text
    assert page.title.startswith("Error: ")
    assert page.document.by_id("number").get("value") == number
    assert "High Street" not in page.html


def test_both_are_needed(page, order):
    find(page, "", "", status=422)

    assert "Enter the order number." in page.text
    assert "Enter the e-mail you ordered with." in page.text


def test_a_form_without_its_token_says_what_to_do(page, order):
    page.post("/orders/find", {"number": order.number, "email": "gus@example.com"}, status=422)

    assert "Press the button once more." in page.text
    page.submit("Find it")
    assert page.path == f"/orders/{order.key}"


@pytest.mark.settings(RATELIMIT_ENABLED=True)
def test_ten_tries_an_hour_then_one_must_wait(page, order):
    for _ in range(10):
        find(page, order.number, "mallory@example.com", status=422)

    find(page, order.number, status=429)

    assert page.response.headers["Retry-After"] == "3600"
    assert "High Street" not in page.html
    assert page.document.by_id("email").get("value") == "gus@example.com"


@pytest.mark.settings(RATELIMIT_ENABLED=True)
def test_tries_are_counted_in_the_database_without_saying_whose(page, order):
    find(page, order.number, "mallory@example.com", status=422)

    [attempt] = db.session.execute(select(Attempt)).scalars()
    assert attempt.kind == "order"
    assert "127.0.0.1" not in attempt.subject
    assert len(attempt.subject) == 64


@pytest.mark.settings(RATELIMIT_ENABLED=True, ORDER_LOOKUPS_PER_HOUR=1)
def test_after_an_hour_one_may_try_again(page, order):
    find(page, order.number, "mallory@example.com", status=422)
    with transaction() as t:
        t.execute(update(Attempt).values(created_at=now() - timedelta(hours=1, seconds=1)))

    find(page, order.number)

    assert page.path == f"/orders/{order.key}"
    assert db.session.execute(select(func.count(Attempt.id))).scalar_one() == 1


@pytest.mark.settings(RATELIMIT_ENABLED=True, ORDER_LOOKUPS_PER_HOUR=1)
def test_the_masked_receipt_counts_too(page, order):
    find(page, order.number, "mallory@example.com", status=422)
    page.get(f"/orders/{order.key}")

    page.submit("Show everything", email="gus@example.com", status=429)

    assert "High Street" not in page.html


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_site_cannot_ask(page, order, headers):
    page.get("/orders/find")
    sent = page.form_data("Find it", number=order.number, email="gus@example.com")

    page.post("/orders/find", sent, status=403, headers=headers)


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH"])
def test_only_get_and_post(page, verb):
    page.open(verb, "/orders/find", status=405)
