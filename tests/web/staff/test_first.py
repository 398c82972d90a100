"""The first manager: made once, by whoever can read what the shop prints."""

import pytest

from app.models.customer import Role
from app.services import accounts, staffing
from tests.members import a_member, account, is_in
from tests.staff import MANAGER, a_manager, trail

pytestmark = pytest.mark.usefixtures("app_context")

TYPED = {"name": "Mona Manager", "email": MANAGER, "password": "three brown horses"}


@pytest.fixture
def code(app) -> str:
    return staffing.first_code(app.config["SECRET_KEY"])


def test_the_first_visit_asks_for_the_code(page):
    page.get("/staff")

    assert page.path == "/staff/first"
    assert "This shop has no manager yet" in page.text


def test_the_code_makes_the_first_manager_who_is_in_at_once(page, code):
    page.get("/staff").submit("Make me the manager", {**TYPED, "code": code.lower().replace("-", " ")})

    assert page.path == "/staff"
    assert account(MANAGER).role == Role.MANAGER
    assert trail() == [("first manager", f"account:{account(MANAGER).id}")]


def test_a_wrong_code_makes_nobody_and_keeps_what_was_typed(page):
    page.get("/staff").submit("Make me the manager", {**TYPED, "code": "AAAAA-AAAAA"}, status=422)

    assert "This code is not right" in page.text
    assert MANAGER in page.html
    assert account(MANAGER) is None


def test_a_wrong_code_tells_nothing_of_accounts(page):
    a_member("known@example.com")

    told = []
    for email in ("known@example.com", "unknown@example.com"):
        page.get("/staff").submit(
            "Make me the manager", {"email": email, "name": "", "password": "x", "code": "AAAAA-AAAAA"}, status=422
        )
        told.append(page.text.replace(email, ""))

    assert told[0] == told[1]


def test_what_cannot_be_used_is_said_beside_its_field(page, code):
    page.get("/staff").submit(
        "Make me the manager", {"code": code, "email": "nobody", "name": "", "password": "short"}, status=422
    )

    assert page.document.by_id("email-error") is not None
    assert page.document.by_id("password-error") is not None


def test_the_code_is_worth_nothing_once_there_is_a_manager(page, code, client):
    page.get("/staff")
    a_manager("other@example.com")

    page.submit("Make me the manager", {**TYPED, "code": code}, status=404)

    assert account(MANAGER) is None
    assert client.get("/staff/first").status_code == 404


def test_whoever_has_an_account_proves_it_by_its_password(page, code):
    a_member(MANAGER)

    page.get("/staff").submit("Make me the manager", {**TYPED, "password": "not the one", "code": code}, status=422)
    assert account(MANAGER).role == Role.CUSTOMER
    page.submit("Make me the manager", {**TYPED, "code": code})

    assert page.path == "/staff"
    assert account(MANAGER).role == Role.MANAGER


def test_two_at_once_make_one_manager(app, app_context, code, at_once):
    def make(number: int) -> bool:
        try:
            staffing.first_manager(f"m{number}@example.com", "M", "three brown horses", code, [app.config["SECRET_KEY"]])
        except staffing.NotFound:
            return False
        return True

    made = at_once(make, 4)

    assert sorted(made) == [False, False, False, True]
    assert len([each for each in staffing.people() if each.role == Role.MANAGER]) == 1


@pytest.mark.settings(RATELIMIT_ENABLED=True, LOGIN_TRIES_PER_ADDRESS=3)
def test_guessing_is_slowed_down(page):
    page.get("/staff")
    for _ in range(3):
        page.submit("Make me the manager", {**TYPED, "code": "AAAAA-AAAAA"}, status=422)

    page.submit("Make me the manager", {**TYPED, "code": "AAAAA-AAAAA"}, status=429)

    assert page.response.headers["Retry-After"]


def test_whoever_works_here_finds_the_way_from_their_account(page):
    a_manager()
    page.get("/staff")
    assert page.path.startswith("/account/login")

    page.submit("Log in", {"email": MANAGER, "password": "three brown horses"}, form="/account/login")
    assert page.path == "/staff"

    assert is_in(page)
    page.get("/account").click("Back office")
    assert page.path == "/staff"


def test_a_customer_is_told_that_there_is_nothing(page):
    a_manager()
    accounts.create("carl@example.com", password="three brown horses")
    page.get("/account/login").submit(
        "Log in", {"email": "carl@example.com", "password": "three brown horses"}, form="/account/login"
    )

    page.get("/staff", status=404)
