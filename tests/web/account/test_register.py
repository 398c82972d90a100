"""/account/register and the code that follows: the account is made by whoever reads the mailbox, and nobody else."""

import pytest

from app.models.customer import EmailCode
from app.services.codes import Purpose
from tests.factories import a_variant
from tests.members import ALICE, PASSWORD, a_member, account, change, code, email_codes, is_in, log_in, mails, words
from tests.shopping import buy, put_in, the_order

pytestmark = pytest.mark.usefixtures("app_context")
BUTTON = "Mail me a code"


def register(page, *, status: int = 200, **typed: str):
    page.get("/account/register")
    return page.submit(BUTTON, {"name": "Alice Example", "email": ALICE, "password": PASSWORD, **typed}, status=status)


def test_the_code_from_the_mail_makes_the_account(page):
    register(page)
    assert account() is None
    [mail] = mails()
    assert mail["To"] == ALICE
    assert code() in words(mail)

    page.submit("Make my account", code=code())

    assert page.path == "/account"
    assert "Welcome!" in page.text
    assert account().email_verified_at is not None
    assert is_in(page)


def test_its_mail_leads_nowhere_since_somebody_else_may_have_asked(page):
    register(page)

    [mail] = mails()

    assert "/account/code" not in mail.as_string()
    assert "http" not in words(mail)
    assert email_codes()[0].key not in mail.as_string()


def test_the_password_works_from_then_on(page, browser):
    register(page)
    page.submit("Make my account", code=code())

    log_in(elsewhere := browser())

    assert elsewhere.path == "/account"


def test_the_owner_of_an_account_is_told_so_by_mail_alone(page):
    a_member()

    register(page)

    assert page.path.startswith("/account/code/")
    [mail] = mails()
    assert mail["To"] == ALICE
    assert "You have one already" in words(mail)
    assert "/account/login" in words(mail)
    assert "/account/password/forgot" in words(mail)
    assert code() not in mail.as_string()


def test_nobody_takes_an_account_over_by_registering_again(page, browser):
    before = a_member()
    register(page, password="another good one")

    page.submit("Make my account", code=code(), status=422)  # as if it had been guessed

    assert account().session_version == before.session_version
    log_in(browser())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"email": "nobody"}, "Enter your e-mail address, like name@example.com."),
        ({"email": ""}, "Enter your e-mail address."),
        ({"name": ""}, "Enter your full name."),
        ({"name": "x" * 121}, "This is too long"),
        ({"name": "a\0b"}, "cannot be stored"),
        ({"password": "short"}, "at least 8 characters"),
        ({"password": "password1"}, "among the first that a stranger would try"),
        ({"password": ALICE}, "among the first that a stranger would try"),
        ({"password": "x" * 201}, "too long"),
    ],
)
def test_what_cannot_be_is_said_and_the_rest_kept(page, typed, said):
    register(page, status=422, **typed)

    assert said in page.text
    assert page.title.startswith("Error: ")
    assert page.document.by_id("password").get("value") is None
    assert page.document.by_id("email").get("value") == typed.get("email", ALICE)
    assert email_codes() == []


def test_a_form_without_its_token_says_what_to_do(page):
    page.post("/account/register", {"name": "Alice", "email": ALICE, "password": PASSWORD}, status=422)

    assert "Press the button once more." in page.text
    assert page.document.by_id("name").get("value") == "Alice"


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH"])
def test_only_get_and_post(page, verb):
    page.open(verb, "/account/register", status=405)


@pytest.mark.settings(RATELIMIT_ENABLED=True)
@pytest.mark.parametrize("has_account", [False, True])
def test_five_mails_an_hour_to_one_mailbox(page, has_account):
    if has_account:
        a_member()
    for _ in range(5):
        register(page)

    register(page, status=429)

    assert page.response.headers["Retry-After"] == "3600"
    assert page.document.by_id("email").get("value") == ALICE
    assert len(email_codes()) == 5


@pytest.mark.settings(RATELIMIT_ENABLED=True, ACCOUNT_MAILS_PER_ADDRESS=2)
def test_and_no_more_from_one_address(page):
    for number in range(2):
        register(page, email=f"{number}@example.com")

    register(page, status=429)


# --- the code's page ---


def test_looking_uses_nothing_up(page, browser):
    register(page)
    there = page.path

    for visitor in (page, browser()):
        visitor.get(there)
        visitor.get(there + f"?code={code()}")

    assert email_codes()[0].used_at is None
    page.submit("Make my account", code=code())
    assert page.path == "/account"


@pytest.mark.parametrize("spelled", [str.lower, lambda code: code.replace("-", " "), lambda code: f" {code.replace('-', '')} "])
def test_the_code_may_be_spelled_as_one_likes(page, spelled):
    register(page)

    page.submit("Make my account", code=spelled(code()))

    assert page.path == "/account"


@pytest.mark.parametrize("typed", ["AAAAA-AAAAA", "x", "é" * 10, "\0", "9" * 5000])
def test_a_wrong_code_does_nothing_and_is_counted(page, typed):
    register(page)

    page.submit("Make my account", code=typed, status=422)

    assert "This code is not right" in page.text
    assert email_codes()[0].tries == 1
    assert account() is None


def test_no_code_at_all_is_not_counted(page):
    register(page)

    page.submit("Make my account", code="", status=422)

    assert "Enter the code from the mail." in page.text
    assert email_codes()[0].tries == 0


def test_after_ten_wrong_ones_the_right_one_is_void(page):
    register(page)
    change(EmailCode, email_codes()[0].id, tries=10)

    page.submit("Make my account", code=code(), status=422)

    assert account() is None


def test_a_code_works_once(page, browser):
    register(page)
    there = page.path
    page.submit("Make my account", code=code())

    browser().get(there, status=404)
    page.get(there, status=404)


def test_the_code_of_one_page_is_wrong_on_another(page, browser):
    register(page)
    alices = code()
    register(mallory := browser(), password="mallory was here")

    mallory.submit("Make my account", code=alices, status=422)

    assert account() is None


@pytest.mark.parametrize("key", ["0" * 32, "x", "é" * 32, "0" * 31, "%00", "None"])
def test_unknown_keys_are_all_the_same(page, key):
    page.get(f"/account/code/{key}", status=404)
    page.post(f"/account/code/{key}", {"code": "AAAAA-AAAAA"}, status=404)


def test_a_code_needs_the_token_of_its_form(page):
    register(page)

    page.post(page.path, {"code": code()}, status=422)

    assert account() is None
    assert page.document.by_id("code").get("value") == code()


def test_orders_as_a_guest_join_by_the_code(page, browser):
    a_variant()
    buy(browser(), "BEANS", email=ALICE)
    register(page)
    assert the_order().account_id is None

    page.submit("Make my account", code=code())
    page.get("/account/orders")

    assert the_order().number in page.text
    assert the_order().account_id == account().id


def test_the_guests_cart_comes_along(page):
    a_variant()
    put_in(page, "BEANS", 2)
    register(page)

    page.submit("Make my account", code=code())

    assert "cart" not in page.cookies
    page.get("/cart")
    assert "Cart (2)" in page.text


def test_two_codes_of_one_mailbox_make_one_account(page, browser):
    register(page)
    first = code()
    register(other := browser())
    other.submit("Make my account", code=code())

    page.submit("Make my account", code=first, status=422)

    assert [row.purpose for row in email_codes()] == [Purpose.REGISTER] * 2
