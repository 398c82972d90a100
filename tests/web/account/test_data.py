"""/account/data: what the shop knows, as a file; and the end of an account."""

import json

import pytest

from tests.factories import a_variant
from tests.members import ALICE, PASSWORD, a_member, account, is_in, log_in
from tests.shopping import buy

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def alice(page):
    member = a_member()
    log_in(page)
    return member


def test_ones_own_data_come_as_a_file(page, alice):
    a_variant()
    buy(page, "BEANS", email=ALICE)

    page.get("/account/data").click("Download your data")

    assert page.response.mimetype == "application/json"
    assert page.response.headers["Content-Disposition"].startswith("attachment;")
    assert page.response.headers["Cache-Control"] == "no-store"
    assert ALICE in page.html
    assert json.loads(page.html)


def test_the_account_is_deleted_for_whoever_knows_the_password(page, browser, alice):
    log_in(elsewhere := browser())
    page.get("/account/data")

    page.submit("Delete my account", password=PASSWORD)

    assert page.path == "/"
    assert account() is None
    assert not is_in(page)
    assert not is_in(elsewhere)
    log_in(browser(), status=422)


@pytest.mark.parametrize(("typed", "said"), [("wrong", "That is not your password"), ("", "Enter your password.")])
def test_and_for_nobody_else(page, alice, typed, said):
    page.get("/account/data")

    page.submit("Delete my account", password=typed, status=422)

    assert said in page.text
    assert page.document.by_id("password").get("value") is None
    assert account() is not None


@pytest.mark.settings(RATELIMIT_ENABLED=True, LOGIN_TRIES_PER_HOUR=1)
def test_the_password_is_not_guessed_here_either(page, alice):
    page.get("/account/data").submit("Delete my account", password="wrong", status=422)

    page.submit("Delete my account", password=PASSWORD, status=429)

    assert account() is not None
