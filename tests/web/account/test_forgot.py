"""/account/password/forgot: whoever reads the mailbox chooses a new password, and every other device is out."""

from datetime import timedelta

import pytest

from app.extensions import now
from app.models.customer import EmailCode
from tests.members import ALICE, PASSWORD, a_member, account, change, code, email_codes, is_in, log_in, mails, words

pytestmark = pytest.mark.usefixtures("app_context")
NEW = "four white geese"


@pytest.fixture
def alice():
    return a_member(verified=False)


def forgot(page, email: str = ALICE, status: int = 200):
    page.get("/account/password/forgot")
    return page.submit("Mail me a code", email=email, status=status)


def test_the_code_from_the_mail_sets_a_new_password(page, browser, alice):
    log_in(elsewhere := browser())
    forgot(page)
    [mail] = mails()
    assert code() in words(mail)

    page.submit("Set this password", code=code(), password=NEW)

    assert page.path == "/account"
    assert account().email_verified_at is not None
    assert not is_in(elsewhere)
    log_in(browser(), password=PASSWORD, status=422)
    log_in(browser(), password=NEW)


def test_the_mail_leads_to_the_page_and_the_code_is_not_in_the_address(page, browser, alice):
    forgot(page)

    [mail] = mails()

    link = f"/account/code/{email_codes()[0].key}"
    assert link in words(mail)
    assert code() not in link
    browser().get(link).submit("Set this password", code=code(), password=NEW)
    log_in(browser(), password=NEW)


def test_without_an_account_the_mail_says_so(page):
    forgot(page, "nobody@example.com")

    assert page.path.startswith("/account/code/")
    [mail] = mails()
    assert mail["To"] == "nobody@example.com"
    assert "There is no account with this e-mail" in words(mail)
    assert "/account/register" in words(mail)
    assert code() not in mail.as_string()


def test_without_an_account_even_the_right_code_does_nothing(page):
    forgot(page, "nobody@example.com")

    page.submit("Set this password", code=code(), password=NEW, status=422)

    assert account("nobody@example.com") is None


@pytest.mark.parametrize("password", ["short", "password1", ALICE])
def test_a_bad_password_uses_no_code_up(page, alice, password):
    forgot(page)

    page.submit("Set this password", code=code(), password=password, status=422)

    assert page.document.by_id("code").get("value") == code()
    assert page.document.by_id("password").get("value") is None
    page.submit("Set this password", password=NEW)
    assert page.path == "/account"


def test_a_wrong_code_changes_nothing(page, browser, alice):
    forgot(page)

    page.submit("Set this password", code="AAAAA-AAAAA", password=NEW, status=422)

    log_in(browser())


def test_it_lasts_an_hour(page, alice):
    forgot(page)
    change(EmailCode, email_codes()[0].id, expires_at=now() - timedelta(seconds=1))

    page.submit("Set this password", code=code(), password=NEW, status=404)


def test_one_new_password_voids_the_other_codes(page, browser, alice):
    forgot(page)
    forgot(other := browser())

    other.submit("Set this password", code=code(), password=NEW)

    page.get(page.path, status=404)


def test_what_is_no_email_is_said(page):
    forgot(page, "nobody", status=422)

    assert "like name@example.com" in page.text
    assert page.document.by_id("email").get("value") == "nobody"
    assert email_codes() == []


def test_a_form_without_its_token_says_what_to_do(page):
    page.post("/account/password/forgot", {"email": ALICE}, status=422)

    assert "Press the button once more." in page.text
    assert email_codes() == []


@pytest.mark.settings(RATELIMIT_ENABLED=True, ACCOUNT_MAILS_PER_HOUR=1)
@pytest.mark.parametrize("email", [ALICE, "nobody@example.com"])
def test_so_many_mails_and_no_more(page, alice, email):
    forgot(page, email)

    forgot(page, email, status=429)

    assert page.response.headers["Retry-After"] == "3600"
    assert page.document.by_id("email").get("value") == email


@pytest.mark.settings(RATELIMIT_ENABLED=True, ACCOUNT_MAILS_PER_HOUR=1)
def test_strangers_do_not_use_up_the_mails_of_the_owners_own_device(page, browser, alice):
    log_in(page)
    page.submit("Log out")
    forgot(browser())
    forgot(browser(), status=429)

    forgot(page)

    assert page.path.startswith("/account/code/")


@pytest.mark.settings(RATELIMIT_ENABLED=True, LOGIN_TRIES_PER_ADDRESS=2)
def test_codes_are_not_tried_without_end(page, alice):
    forgot(page)
    for _ in range(2):
        page.submit("Set this password", code="AAAAA-AAAAA", password=NEW, status=422)

    page.submit("Set this password", code=code(), password=NEW, status=429)

    assert page.document.by_id("code").get("value") == code()


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH"])
def test_only_get_and_post(page, verb):
    page.open(verb, "/account/password/forgot", status=405)
