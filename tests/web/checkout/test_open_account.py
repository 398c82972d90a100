"""POST /orders/<key>/account: whoever ordered as a guest sets a password; the order joins by the mailed code alone."""

import pytest

from tests.factories import a_variant
from tests.members import PASSWORD, a_member, account, code, email_codes, is_in, log_in, mails
from tests.shopping import buy, the_order

pytestmark = pytest.mark.usefixtures("app_context")
GUS = "gus@example.com"


@pytest.fixture
def receipt(page):
    a_variant()
    buy(page, "BEANS")
    return f"/orders/{the_order().key}"


def set_password(page, receipt: str, password: str = PASSWORD, status: int = 200):
    return page.get(receipt).submit("Make an account", password=password, status=status)


def test_password_and_code_make_the_account_that_has_the_order(page, receipt):
    set_password(page, receipt)
    assert the_order().account_id is None
    [mail] = [mail for mail in mails() if "code" in mail["Subject"]]
    assert mail["To"] == GUS

    page.submit("Make my account", code=code())

    assert page.path == "/account"
    assert "Gus Guest" in page.text
    assert f"Order {the_order().number}" in page.text
    assert the_order().account_id == account(GUS).id


def test_somebody_elses_email_gives_nobody_their_account(page, browser):
    a_variant()
    before = a_member(GUS)
    buy(page, "BEANS")  # Mallory, with Gus's e-mail

    set_password(page, f"/orders/{the_order().key}", "mallory was here")
    page.submit("Make my account", code=code(), status=422)

    assert not is_in(page)
    assert account(GUS).session_version == before.session_version
    log_in(browser(), GUS)
    assert the_order().account_id is None


@pytest.mark.parametrize(("password", "said"), [("short", "at least 8"), ("", "at least 8"), (GUS, "among the first")])
def test_a_password_that_cannot_be_is_said(page, receipt, password, said):
    set_password(page, receipt, password, 422)

    assert said in page.text
    assert page.title.startswith("Error: ")
    assert "1 High Street" in page.text
    assert email_codes() == []


def test_strangers_are_not_asked_and_may_not(page, browser, receipt):
    mallory = browser()
    mallory.get(receipt)
    assert "Set a password" not in mallory.text

    mallory.post(receipt + "/account", {**mallory.form_data("Show everything"), "password": PASSWORD}, status=404)

    assert email_codes() == []


def test_orders_of_accounts_need_none(page):
    a_variant()
    a_member()
    log_in(page)
    buy(page, "BEANS")
    receipt = f"/orders/{the_order().key}"
    page.get(receipt)
    assert "Set a password" not in page.text

    page.post(receipt + "/account", {**page.form_data("Order again"), "password": PASSWORD}, status=404)


def test_it_needs_its_token(page, receipt):
    page.post(receipt + "/account", {"password": PASSWORD}, status=422)

    assert "Press the button once more." in page.text
    assert email_codes() == []


@pytest.mark.settings(RATELIMIT_ENABLED=True, ACCOUNT_MAILS_PER_HOUR=1)
def test_mails_are_counted(page, receipt):
    set_password(page, receipt)

    set_password(page, receipt, status=429)

    assert page.response.headers["Retry-After"] == "3600"


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_a_press_does_it(page, receipt, verb):
    page.open(verb, receipt + "/account", status=405)
