"""The second factor: switched on by its owner, then asked for after the password, each code once."""

import re
import time

import pyotp
import pytest

from app.services import second_factor
from app.services.accounts import WrongCode
from tests.beats import silent_worker
from tests.members import PASSWORD, account, log_in
from tests.staff import MANAGER, as_manager, trail

pytestmark = pytest.mark.usefixtures("app_context")


def phone(page) -> pyotp.TOTP:
    """The app on a phone, after it scanned what the page shows."""
    page.get("/staff/second-factor")
    return pyotp.TOTP(re.search(r"secret into it: ((?:[A-Z2-7]{4} ?){8})", page.text)[1].replace(" ", ""))


def switched_on(page) -> tuple[pyotp.TOTP, list[str]]:
    """The phone and the recovery codes of a manager who has a second factor; this half minute's code is used up."""
    as_manager(page)
    app = phone(page)
    page.submit("Switch it on", code=app.now())
    return app, re.findall(r"[A-Z2-7]{5}-[A-Z2-7]{5}", page.text)


def later(app: pyotp.TOTP) -> str:
    """The code of the next half minute, which a phone that is a bit fast shows already."""
    return app.at(int(time.time()) + 30)


def test_the_right_code_switches_it_on_and_shows_the_recovery_codes_once(page):
    _, recovery = switched_on(page)

    assert len(set(recovery)) == second_factor.RECOVERY_CODES
    assert page.response.headers["Cache-Control"] == "no-store"
    assert trail()[0][0] == "second factor on"
    assert recovery[0] not in page.get("/staff/second-factor").text


def test_one_is_never_put_in_anothers_place(app, page, browser):
    as_manager(page)
    other = log_in(browser(), MANAGER)
    theirs, keys = phone(other), [app.config["SECRET_KEY"]]
    mine = phone(page)
    page.submit("Switch it on", code=mine.now())
    nonce = other.form_data("Switch it on")["nonce"][0]

    with pytest.raises(second_factor.AlreadyOn):
        second_factor.switch_on(account(MANAGER).id, nonce, theirs.now(), keys, actor="test")

    assert account(MANAGER).totp_nonce != nonce
    second_factor.check(account(MANAGER).id, later(mine), keys)


def test_a_wrong_code_switches_nothing_on_and_keeps_the_secret(page):
    as_manager(page)
    before = phone(page).secret

    page.submit("Switch it on", code="000000", status=422)

    assert before in page.text.replace(" ", "")
    assert not page.get("/staff").text.startswith("Your second factor")


def test_after_the_password_the_code_is_asked_for_and_leads_where_one_wanted(page, browser):
    app, _ = switched_on(page)
    other = browser()
    other.get("/staff/people")
    other.submit("Log in", {"email": MANAGER, "password": PASSWORD}, form="/account/login")

    assert other.path == "/staff/code?next=%2Fstaff%2Fpeople"
    other.submit("Go on", code=later(app))

    assert other.path == "/staff/people"


def test_nothing_of_the_back_office_is_shown_before_the_code(page, browser):
    switched_on(page)
    silent_worker()
    other = log_in(browser(), MANAGER)

    other.get("/staff/orders")

    assert other.path.startswith("/staff/code")
    assert "silent" not in other.text and 'href="/staff/orders"' not in other.html
    assert "silent" in page.get("/staff/orders").text


def test_the_first_browser_stays_in_when_it_is_switched_on(page):
    switched_on(page)

    assert page.get("/staff").path == "/staff"


def test_a_code_is_taken_once(page, browser):
    app, _ = switched_on(page)
    code = later(app)
    for status in (200, 422):
        other = log_in(browser(), MANAGER)
        other.get("/staff")
        other.submit("Go on", code=code, status=status)

    assert "used already" in other.text


def test_a_recovery_code_is_taken_once(page, browser):
    _, recovery = switched_on(page)
    for status in (200, 422):
        other = log_in(browser(), MANAGER)
        other.get("/staff")
        other.submit("Go on", code=recovery[3].lower().replace("-", ""), status=status)

    assert "You have 9 recovery codes left" in page.get("/staff/second-factor").text


def test_one_recovery_code_at_four_doors_opens_one(app, page, at_once):
    _, recovery = switched_on(page)
    account_id = account(MANAGER).id

    def use(_number: int) -> bool:
        try:
            second_factor.check(account_id, recovery[0], [app.config["SECRET_KEY"]])
        except WrongCode:
            return False
        return True

    assert sorted(at_once(use, 4)) == [False, False, False, True]


@pytest.mark.settings(RATELIMIT_ENABLED=True, LOGIN_TRIES_PER_HOUR=3)
def test_guessing_is_slowed_down(page, browser):
    switched_on(page)
    other = log_in(browser(), MANAGER)
    other.get("/staff")
    for _ in range(3):
        other.submit("Go on", code="123 456", status=422)

    other.submit("Go on", code="123456", status=429)

    assert other.response.headers["Retry-After"]


def test_switching_it_off_takes_the_code(page, browser):
    app, _ = switched_on(page)
    page.get("/staff/second-factor").submit("Switch it off", code="000000", status=422)

    page.submit("Switch it off", code=later(app))

    assert "Your second factor is off" in page.text
    assert log_in(browser(), MANAGER).get("/staff").path == "/staff"


def test_nobody_switches_their_own_off_without_it(page):
    switched_on(page)
    own = f"/staff/people/{account(MANAGER).id}"

    assert "Switch it off" not in page.get(own).text
    page.post(f"{own}/second-factor", page.form_data("Save"))

    assert account(MANAGER).totp_confirmed_at is not None


def test_it_holds_while_the_key_is_changed(page, app):
    code = later(switched_on(page)[0])
    keys = ["another key that is long enough, really", app.config["SECRET_KEY"]]
    with pytest.raises(WrongCode):
        second_factor.check(account(MANAGER).id, code, keys[:1])

    second_factor.check(account(MANAGER).id, code, keys)

    with pytest.raises(WrongCode):  # once
        second_factor.check(account(MANAGER).id, code, keys)


@pytest.mark.parametrize("typed", ["", "1" * 5000, "१२३४५६", "\ud800", "١٢٣٤٥٦", "12345６"])
def test_hostile_codes_are_wrong_codes(page, browser, typed):
    switched_on(page)
    other = log_in(browser(), MANAGER)
    other.get("/staff")

    other.post("/staff/code", {**other.form_data("Go on"), "code": typed.encode("utf-8", "surrogatepass")}, status=422)
