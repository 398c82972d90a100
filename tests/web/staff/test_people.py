"""Who works here: let in, given another role, let go; and the trail of what they did."""

import time

import pytest
from sqlalchemy import update

from app.extensions import now, transaction
from app.models.customer import Account, Role
from app.services import accounts, audit, personal, staffing
from app.services.errors import InvalidInput
from app.services.personal import StillStaff
from app.services.staffing import LastManager
from tests.members import PASSWORD, a_member, account, change, code, email_codes, log_in, mails, words
from tests.staff import MANAGER, STAFF, a_manager, a_staff_member, as_manager, as_staff, trail

pytestmark = pytest.mark.usefixtures("app_context")


def test_somebody_new_gets_a_code_and_chooses_a_password(page, browser):
    as_manager(page).get("/staff/people").submit("Let them in", {"email": "New@Example.com", "name": "Nora New"})

    assert "they choose a password" in page.text
    assert "Nora New" in page.text
    assert any(mail["Subject"] == "Welcome to Till Coffee" and "You work at Till Coffee now" in words(mail) for mail in mails())
    nora, way = browser(), f"/account/code/{email_codes()[-1].key}"
    nora.get(way).submit(fields={"code": code(), "password": PASSWORD}, form=way)
    assert nora.get("/staff").status == 200
    assert trail()[0][0] == "employed"


def test_nobody_is_let_in_without_an_invitation(monkeypatch):
    def broken(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(accounts.outbox, "owe", broken)
    with pytest.raises(ConnectionError):
        staffing.employ("nora@example.com", "", Role.STAFF, actor=audit.COMMAND)

    assert account("nora@example.com") is None


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite lets nobody write meanwhile
def test_whoever_registers_at_the_same_moment_is_told_of(at_once):
    def work(number: int) -> dict[str, str]:
        if number == 0:
            with transaction() as t:
                accounts.create_in(t, "nora@example.com", name="Nora", password_hash="", is_verified=True)
                time.sleep(1)
            return {}
        time.sleep(0.5)
        with pytest.raises(InvalidInput) as refused:
            staffing.employ("nora@example.com", "", Role.STAFF, actor=audit.COMMAND)
        return refused.value.fields

    _, told = at_once(work, 2)

    assert "a moment ago" in told["email"]
    assert (account("nora@example.com").role, audit.entries()) == (Role.CUSTOMER, [])


def test_a_customer_may_become_staff_with_the_account_that_they_have(page):
    a_member("carl@example.com")

    as_manager(page).get("/staff/people").submit("Let them in", {"email": "carl@example.com", "role": "staff"})

    assert account("carl@example.com").role == Role.STAFF


def test_whoever_works_here_is_not_let_in_twice(page):
    as_manager(page).get("/staff/people").submit("Let them in", {"email": MANAGER}, status=422)

    assert "They work here already" in page.text


def test_what_cannot_be_an_email_is_said_and_kept(page):
    as_manager(page).get("/staff/people").submit("Let them in", {"email": "no mail", "name": "Nora"}, status=422)

    assert page.document.by_id("email-error") is not None
    assert 'value="Nora"' in page.html


def test_a_role_that_there_is_not_is_refused(page):
    as_manager(page).get("/staff/people")
    sent = page.form_data("Let them in", email="nora@example.com")

    page.post("/staff/people", {**sent, "role": "owner"}, status=422)

    assert account("nora@example.com") is None


def test_another_role_ends_their_sessions(page, browser):
    stan = as_staff(browser())
    as_manager(page).get(f"/staff/people/{account(STAFF).id}").submit("Save", {"role": "manager"})

    assert stan.get("/staff").path.startswith("/account/login")
    assert account(STAFF).role == Role.MANAGER
    assert trail()[0] == ("role changed", f"account:{account(STAFF).id}")


def test_whoever_works_here_no_more_finds_no_back_office(page, browser):
    a_staff_member()
    as_manager(page).get(f"/staff/people/{account(STAFF).id}").submit("Save", {"role": "customer"})

    log_in(browser(), STAFF).get("/staff", status=404)


def test_the_last_manager_stays(page):
    as_manager(page).get(f"/staff/people/{account(MANAGER).id}").submit("Save", {"role": "staff"}, status=409)

    assert "A shop needs a manager" in page.text
    assert account(MANAGER).role == Role.MANAGER


def test_two_managers_cannot_let_each_other_go_at_once(app, at_once):
    ids = [a_manager(f"m{number}@example.com").account_id for number in range(2)]

    def let_go(number: int) -> bool:
        try:
            staffing.set_role(ids[1 - number], Role.CUSTOMER, actor=f"staff:{ids[number]}")
        except LastManager:
            return False
        return True

    assert sorted(at_once(let_go, 2)) == [False, True]


def test_whoever_becomes_a_manager_at_this_moment_is_not_forgotten(at_once):
    carl = a_member("carl@example.com")

    def work(number: int) -> None:
        if number == 0:
            with transaction() as t:
                t.execute(update(Account).where(Account.id == carl.account_id).values(role=Role.MANAGER))
                time.sleep(1)
            return
        time.sleep(0.5)
        with pytest.raises(StillStaff):
            personal.forget(carl, PASSWORD)

    at_once(work, 2)

    assert account("carl@example.com").role == Role.MANAGER


def test_a_second_factor_can_be_switched_off_for_whoever_lost_it(page):
    stan = a_staff_member()
    change(Account, stan.account_id, totp_nonce="0" * 32, totp_confirmed_at=now())

    as_manager(page).get(f"/staff/people/{stan.account_id}").submit("Switch it off for them")

    assert "Their second factor is off" in page.text
    assert account(STAFF).totp_confirmed_at is None
    assert trail()[0] == ("second factor off", f"account:{stan.account_id}")


def test_somebody_who_does_not_work_here_has_no_page(page):
    customer = a_member("carl@example.com")
    as_manager(page).get(f"/staff/people/{customer.account_id}", status=404)


def test_the_trail_says_who_did_what_and_how_it_was(page):
    stan = a_staff_member()
    as_manager(page).get(f"/staff/people/{stan.account_id}").submit("Save", {"role": "manager"})

    page.get("/staff/audit")

    assert "role changed" in page.text
    assert "role: staff → manager" in page.text
    assert MANAGER in page.text


def test_the_trail_of_one_person_and_of_one_thing(page):
    stan = a_staff_member()
    as_manager(page).get(f"/staff/people/{stan.account_id}").submit("Save", {"role": "manager"})

    assert "Nothing was changed" in page.get(f"/staff/audit?who={stan.account_id}").text
    assert "role changed" in page.get(f"/staff/audit?subject=account:{stan.account_id}").text
    assert "Nothing was changed" in page.get("/staff/audit?subject=order:1").text


@pytest.mark.parametrize(
    "query", ["?after=x", "?after=99999999999", "?who=-1", "?subject=%00", "?after=1&after=2", "?who=%F0%9F%98%80"]
)
def test_hostile_addresses_of_the_trail_are_answered(page, query):
    as_manager(page).get(f"/staff/audit{query}")
