"""/account/login: e-mail and password begin a session; whoever fails learns nothing, and locks nobody else out."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.extensions import db, now, transaction
from app.models.attempt import Attempt
from tests.factories import a_variant
from tests.members import ALICE, PASSWORD, a_member, is_in, log_in
from tests.shopping import put_in

pytestmark = pytest.mark.usefixtures("app_context")
WRONG = "The e-mail or the password is not right."


@pytest.fixture
def alice():
    return a_member()


@pytest.mark.parametrize("email", [ALICE, " ALICE@Example.com "])
def test_email_and_password_open_the_account(page, alice, email):
    log_in(page, email)

    assert page.path == "/account"
    assert "Alice Example" in page.text
    assert page.response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("email", "password"),
    [(ALICE, "wrong"), ("nobody@example.com", PASSWORD), ("x", "y"), ("alice@example.com\0", PASSWORD), (ALICE, "p" * 5000)],
)
def test_everything_else_is_answered_in_the_same_words(page, alice, email, password):
    log_in(page, email, password, status=422)

    assert WRONG in page.text
    assert page.title.startswith("Error: ")
    assert page.document.by_id("email").get("value") == email.replace("\0", "")
    assert page.document.by_id("password").get("value") is None
    assert not is_in(page)


def test_an_account_without_a_password_lets_nobody_in(page, alice):
    from app.services import accounts

    accounts.create("new@example.com")

    log_in(page, "new@example.com", "", status=422)
    log_in(page, "new@example.com", "x", status=422)

    assert WRONG in page.text


def test_both_fields_are_needed(page):
    log_in(page, "", "", status=422)

    assert "Enter your e-mail address." in page.text
    assert "Enter your password." in page.text


@pytest.mark.parametrize("stay", [False, True])
def test_it_ends_with_the_browser_unless_one_stays(page, alice, stay):
    page.get("/account/login")

    page.request(
        "POST", "/account/login", page.form_data("Log in", form="/account/login", email=ALICE, password=PASSWORD, stay=stay), None
    )

    [cookie] = [value for value in page.response.headers.getlist("Set-Cookie") if value.startswith("session=")]
    assert ("Expires" in cookie) == stay
    assert "HttpOnly" in cookie


@pytest.mark.parametrize("onward", ["/checkout", "/account/orders?after=3", "/p/beans"])
def test_it_leads_on_to_where_one_came_from(page, alice, onward):
    a_variant()
    put_in(page, "BEANS")
    page.get("/account/login?next=" + onward)

    page.submit("Log in", {"email": ALICE, "password": PASSWORD}, form="/account/login")

    assert page.path == onward


@pytest.mark.parametrize(
    "onward", ["https://evil.example/", "//evil.example", "/\\evil.example", "/nothing", "/account/logout", "javascript:1", "/ x"]
)
def test_it_leads_nowhere_else(page, alice, onward):
    page.get("/account/login")
    sent = page.form_data("Log in", form="/account/login", email=ALICE, password=PASSWORD)

    page.post("/account/login", {**sent, "next": onward})

    assert page.path == "/account"


def test_who_is_logged_in_is_led_on_at_once(page, alice):
    log_in(page)

    page.get("/account/login?next=/account/orders")

    assert page.path == "/account/orders"


def test_pages_of_accounts_ask_strangers_to_log_in(page, alice):
    page.get("/account/addresses")
    assert page.path == "/account/login?next=%2Faccount%2Faddresses"

    page.submit("Log in", {"email": ALICE, "password": PASSWORD}, form="/account/login")
    assert page.path == "/account/addresses"


def test_the_header_says_so(page, alice):
    page.get("/")
    assert "Log in" in page.text
    tag = page.response.headers["ETag"]

    log_in(page)
    page.get("/")

    assert "Account" in page.text
    assert "Log in" not in page.text
    assert page.response.headers["ETag"] != tag


def test_looking_logs_nobody_in(page, alice):
    page.get(f"/account/login?email={ALICE}&password={PASSWORD.replace(' ', '+')}")

    assert not is_in(page)


def test_a_form_without_its_token_says_what_to_do(page, alice):
    page.post("/account/login", {"email": ALICE, "password": PASSWORD}, status=422)

    assert "Press the button once more." in page.text
    assert page.document.by_id("email").get("value") == ALICE


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_site_logs_nobody_in(page, alice, headers):
    page.get("/account/login")
    sent = page.form_data("Log in", form="/account/login", email=ALICE, password=PASSWORD)

    page.post("/account/login", sent, status=403, headers=headers)


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH"])
def test_only_get_and_post(page, verb):
    page.open(verb, "/account/login", status=405)


# --- sessions ---


def test_nothing_of_the_session_before_is_left(page, alice):
    page.get("/account/login")
    with page.client.session_transaction() as session:
        session["planted"] = "by Mallory"

    page.submit("Log in", {"email": ALICE, "password": PASSWORD}, form="/account/login")

    with page.client.session_transaction() as session:
        assert "planted" not in session
        assert session["_user_id"].startswith(f"{alice.account_id}.")


def test_a_session_given_by_somebody_else_is_not_the_one_that_is_logged_in(page, browser, alice):
    mallory = browser()
    mallory.get("/account/login")
    fixed = mallory.cookies["session"]
    page.client.set_cookie("session", fixed)

    log_in(page)

    assert page.cookies["session"] != fixed
    assert not is_in(mallory)


@pytest.mark.parametrize("said", ["1", "1.", "1.2", ".1", "0.1", "1.1.1", "９.1", "x", "99999999999.1"])
def test_no_other_session_opens_it(page, alice, said):
    page.get("/account/login")
    with page.client.session_transaction() as session:
        session["_user_id"] = said.replace("1", str(alice.account_id), 1) if said == "1.2" else said
        session["_fresh"] = True

    assert not is_in(page)


# --- trying often ---

LIMITED = pytest.mark.settings(RATELIMIT_ENABLED=True)


def try_often(page, times: int, email: str = ALICE, ip: str = "203.0.113.9") -> list[int]:
    page.client.environ_base["REMOTE_ADDR"] = ip
    return [log_in(page, email, "wrong", status=None).status for _ in range(times)]


@LIMITED
@pytest.mark.parametrize("email", [ALICE, "nobody@example.com"])
def test_after_ten_tries_an_hour_one_must_wait(page, alice, email):
    assert try_often(page, 11, email) == [422] * 10 + [429]
    assert page.response.headers["Retry-After"] == "3600"
    assert page.document.by_id("email").get("value") == email
    assert log_in(page, email, status=429)


@LIMITED
def test_other_spellings_of_an_email_count_as_one(page, alice):
    try_often(page, 10)

    for spelled in ("ALICE@example.com", "al ice@example.com", " alice@EXAMPLE.com"):
        log_in(page, spelled, status=429)


@LIMITED
def test_strangers_never_lock_the_owners_own_device_out(page, browser, alice):
    log_in(page)
    page.submit("Log out")
    mallory = browser()
    for number in range(4):
        try_often(mallory, 11, ip=f"203.0.113.{number}")

    assert log_in(browser(), status=429)  # a device that nobody knows waits
    log_in(page)

    assert page.path == "/account"


@LIMITED
def test_a_known_device_has_ten_tries_too(page, alice):
    log_in(page)
    page.submit("Log out")

    statuses = [log_in(page, password="wrong", status=None).status for _ in range(11)]

    assert statuses == [422] * 10 + [429]


@LIMITED
def test_a_device_is_known_for_its_own_accounts_only(page, browser, alice):
    a_member("mallory@example.com")
    log_in(mallory := browser(), "mallory@example.com")
    mallory.submit("Log out")

    try_often(mallory, 10)

    assert len(attempts("login")) == 11  # with the one of her own account


@LIMITED
@pytest.mark.parametrize("value", ["", "x", "a.b", "é", "9" * 4000])
def test_a_foreign_device_cookie_is_none(page, alice, value):
    page.client.set_cookie("device", value)

    log_in(page, password="wrong", status=422)

    assert len(attempts("login")) == 1


@LIMITED
@pytest.mark.settings(SECRET_KEY_FALLBACKS=["an older secret, 0123456789 0123456789"])
def test_a_device_stays_known_when_the_secret_changes(app, page, browser, alice, monkeypatch):
    with monkeypatch.context() as then:
        then.setitem(app.config, "SECRET_KEY", app.config["SECRET_KEY_FALLBACKS"][0])
        log_in(page)
        page.submit("Log out")
    try_often(browser(), 11)

    try_often(page, 1)

    assert len(attempts("login device")) == 1


def test_the_device_cookie_is_for_the_shop_alone_and_says_no_email(page, alice):
    page.get("/account/login")

    page.request("POST", "/account/login", page.form_data("Log in", form="/account/login", email=ALICE, password=PASSWORD), None)

    [cookie] = [value for value in page.response.headers.getlist("Set-Cookie") if value.startswith("device=")]
    for said in ("HttpOnly", "SameSite=Lax", f"Max-Age={365 * 24 * 3600}", "Path=/"):
        assert said in cookie
    assert "alice" not in cookie


@pytest.mark.settings(TRUSTED_PROXIES=1)
def test_over_https_every_cookie_stays_there(page, alice):
    page.get("/account/login")
    sent = page.form_data("Log in", form="/account/login", email=ALICE, password=PASSWORD)

    page.request("POST", "/account/login", sent, {"X-Forwarded-Proto": "https"})

    cookies = page.response.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} >= {"session", "device"}
    assert all("Secure" in cookie for cookie in cookies)


@LIMITED
def test_an_ipv6_network_counts_as_one_address(page, alice):
    page.client.environ_base["REMOTE_ADDR"] = "2001:db8::1"
    for last in range(10):
        try_often(page, 1, ip=f"2001:db8::{last + 1:x}")

    assert try_often(page, 1, ip="2001:db8::ffff:1") == [429]
    assert try_often(page, 1, ip="2001:db8:0:1::1") == [422]


@LIMITED
def test_an_address_has_a_hundred_tries(app, page):
    app.config["LOGIN_TRIES_PER_ADDRESS"] = 3

    statuses = [log_in(page, f"{number}@example.com", "wrong", status=None).status for number in range(4)]

    assert statuses == [422, 422, 422, 429]


@LIMITED
@pytest.mark.settings(LOGIN_TRIES_PER_HOUR=1)
def test_after_an_hour_one_may_try_again(page, alice):
    try_often(page, 2)
    with transaction() as t:
        t.execute(update(Attempt).values(created_at=now() - timedelta(hours=1, seconds=1)))

    log_in(page)

    assert page.path == "/account"


@LIMITED
def test_what_is_counted_names_nobody(page, alice):
    try_often(page, 1)

    assert {len(row.subject) for row in attempts()} == {64}


def attempts(kind: str | None = None) -> list[Attempt]:
    db.session.rollback()
    return [row for row in db.session.execute(select(Attempt)).scalars() if kind in (None, row.kind)]
