"""/account and what one changes there: overview, profile, password, verifying, logging out."""

import pytest

from tests.factories import a_variant
from tests.members import ALICE, PASSWORD, a_member, account, code, email_codes, is_in, log_in, mails, words
from tests.shopping import buy, the_order

pytestmark = pytest.mark.usefixtures("app_context")
NEW = "four white geese"
PAGES = ("/account", "/account/profile", "/account/password", "/account/addresses", "/account/addresses/new")
PAGES += ("/account/orders", "/account/tokens", "/account/data", "/account/data.json")
POSTS = (
    "/account/profile",
    "/account/password",
    "/account/verify",
    "/account/addresses/new",
    "/account/tokens",
    "/account/data/delete",
)


@pytest.fixture
def alice(page):
    member = a_member(phone="+44 20 7946 0000")
    log_in(page)
    return member


@pytest.mark.parametrize("address", PAGES)
def test_strangers_are_asked_to_log_in_and_it_is_stored_nowhere(browser, alice, page, address):
    page.get(address)
    assert page.response.headers["Cache-Control"] == "no-store"

    mallory = browser()
    mallory.get(address)

    assert mallory.path.startswith("/account/login?next=")
    assert "Alice" not in mallory.html


@pytest.mark.parametrize("address", POSTS)
def test_strangers_change_nothing(browser, alice, address):
    mallory = browser()

    mallory.post(address, {"name": "Mallory", "password": PASSWORD, "old": PASSWORD})

    assert mallory.path.startswith("/account/login")
    assert account().session_version == alice.session_version


@pytest.mark.parametrize("address", POSTS)
def test_every_form_needs_its_token(page, alice, address):
    page.post(address, {"name": "Mallory", "password": PASSWORD, "old": PASSWORD, "country": "GB"}, status=422)

    assert "Press the button once more." in page.text
    assert is_in(page)
    assert "Mallory" not in page.text


@pytest.mark.parametrize("address", POSTS)
@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_site_changes_nothing(page, alice, address, headers):
    page.get("/account/profile")
    token = page.form_data("Save")["csrf_token"]

    page.post(address, {"csrf_token": token, "name": "Mallory"}, status=403, headers=headers)


@pytest.mark.parametrize("address", [*PAGES, "/account/verify", "/account/logout"])
@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH"])
def test_no_other_verbs(page, address, verb):
    page.open(verb, address, status=405)


@pytest.mark.parametrize("address", ["/account/logout", "/account/verify", "/account/data/delete"])
def test_what_changes_something_is_no_page(page, alice, address):
    page.get(address, status=405)

    assert is_in(page)


# --- overview ---


def test_it_shows_who_one_is_and_the_newest_orders(page, alice):
    a_variant()
    buy(page, "BEANS", email=ALICE)

    page.get("/account")

    for said in ("Alice Example", ALICE, "+44 20 7946 0000", "This e-mail is confirmed.", f"Order {the_order().number}"):
        assert said in page.text


# --- profile ---


def test_name_and_phone_are_changed(page, alice):
    page.get("/account/profile").submit("Save", name="Alice Otherwise", phone="")

    assert page.path == "/account"
    assert "Your name and phone are saved." in page.text
    assert "Alice Otherwise" in page.text
    assert "7946" not in page.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": ""}, "Enter your full name."),
        ({"name": "x" * 121}, "too long"),
        ({"phone": "none"}, "does not look like a phone number"),
    ],
)
def test_what_cannot_be_is_said_and_kept(page, alice, typed, said):
    page.get("/account/profile").submit("Save", **typed, status=422)

    assert said in page.text
    [(name, value)] = typed.items()
    assert page.document.by_id(name).get("value") == value


# --- password ---


def change_password(page, old: str = PASSWORD, new: str = NEW, status: int = 200):
    page.get("/account/password")
    return page.submit("Set this password", old=old, password=new, status=status)


def test_a_new_password_logs_every_other_browser_out(page, browser, alice):
    log_in(elsewhere := browser())

    change_password(page)

    assert page.path == "/account"
    assert is_in(page)
    assert not is_in(elsewhere)
    log_in(browser(), status=422)
    log_in(browser(), password=NEW)


def test_the_session_of_before_is_over_even_here(page, browser, alice):
    old = page.cookies["session"]
    change_password(page)
    thief = browser()
    thief.client.set_cookie("session", old)

    assert not is_in(thief)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("wrong", NEW, "That is not your password of today."),
        ("", NEW, "Enter your password."),
        (PASSWORD, "short", "at least 8 characters"),
        (PASSWORD, ALICE, "among the first"),
    ],
)
def test_a_password_that_cannot_be_changes_nothing(page, browser, alice, old, new, said):
    change_password(page, old, new, 422)

    assert said in page.text
    assert page.document.by_id("old").get("value") is None
    assert is_in(page)
    log_in(browser())


@pytest.mark.settings(RATELIMIT_ENABLED=True, LOGIN_TRIES_PER_HOUR=2)
def test_whoever_found_an_open_browser_cannot_guess_the_password(page, alice):
    for _ in range(2):
        change_password(page, "wrong", status=422)

    change_password(page, status=429)

    assert page.response.headers["Retry-After"] == "3600"


# --- logging out ---


def test_logging_out_ends_every_session(page, browser, alice):
    log_in(elsewhere := browser())
    old = page.cookies["session"]
    page.get("/account")
    sent = page.form_data("Log out")

    page.request("POST", "/account/logout", sent, None)

    assert (page.status, page.response.location) == (303, "http://localhost/")
    assert page.response.headers["Clear-Site-Data"] == '"cache", "storage"'
    page.client.set_cookie("session", old)
    assert not is_in(page)
    assert not is_in(elsewhere)


def test_after_logging_out_this_browser_reads_no_receipt(page, alice):
    a_variant()
    buy(page, "BEANS", email=ALICE)
    receipt = f"/orders/{the_order().key}"
    page.get("/account").submit("Log out")

    page.get(receipt)
    assert ALICE not in page.text
    page.get("/")
    assert page.document.by_id("panel") is None


def test_a_log_out_without_its_token_logs_nobody_out(page, alice):
    page.post("/account/logout")

    assert "You are still logged in" in page.text
    assert is_in(page)


def test_a_guest_may_log_out(page):
    page.post("/account/logout")

    assert page.path == "/"


# --- verifying ---


@pytest.fixture
def newcomer(page):
    member = a_member("new@example.com", verified=False)
    log_in(page, "new@example.com")
    return member


def test_the_mailbox_is_verified_by_a_mailed_code(page, newcomer):
    page.get("/account").submit("Verify your e-mail")
    [mail] = mails()
    assert code() in words(mail)

    page.submit("Confirm", code=code())

    assert page.path == "/account"
    assert account("new@example.com").email_verified_at is not None
    assert "This e-mail is confirmed." in page.text


def test_orders_as_a_guest_join_only_then(page, browser, newcomer):
    a_variant()
    buy(browser(), "BEANS", email="new@example.com")
    page.get("/account/orders")
    assert "There are none yet." in page.text

    page.get("/account").submit("Verify your e-mail").submit("Confirm", code=code())

    page.get("/account/orders")
    assert the_order().number in page.text


def test_only_the_account_itself_types_the_code(page, browser, newcomer):
    page.get("/account").submit("Verify your e-mail")
    there = page.path
    a_member("mallory@example.com")
    log_in(mallory := browser(), "mallory@example.com")

    mallory.get(there, status=404)
    (stranger := browser()).get(there)
    assert stranger.path.startswith("/account/login")
    stranger.post(there, {"code": code()})
    assert account("new@example.com").email_verified_at is None


def test_who_is_verified_gets_no_mail(page, alice):
    page.get("/account/profile")
    token = page.form_data("Save")["csrf_token"]

    page.post("/account/verify", {"csrf_token": token})

    assert page.path == "/account"
    assert email_codes() == []


@pytest.mark.settings(RATELIMIT_ENABLED=True, ACCOUNT_MAILS_PER_HOUR=1)
def test_verifying_mails_are_counted(page, newcomer):
    page.get("/account").submit("Verify your e-mail")

    page.get("/account").submit("Verify your e-mail", status=429)

    assert "That was too often." in page.text
