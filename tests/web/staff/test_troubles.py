"""What is down stands on every page of the staff, on no other, and is told elsewhere from there."""

import time

import pytest

from app.services import alarms, health
from tests.beats import fails, silent_worker
from tests.members import a_member, log_in
from tests.receiver import receiver
from tests.staff import as_staff

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.mark.parametrize("path", ["/staff", "/staff/messages", "/staff/customers", "/staff/second-factor"])
def test_staff_are_told_on_every_page(path, page):
    silent_worker()
    fails("mail", error="gaierror: unknown")

    as_staff(page).get(path)

    assert "The worker has been silent since" in page.text
    assert "Mails have not left since" in page.text and "The mail server's name is not known." in page.text


def test_a_shop_that_is_well_says_nothing(page):
    health.beat()

    as_staff(page).get("/staff")

    assert "troubles" not in page.html


def test_shoppers_and_strangers_are_not_told(app, page):
    silent_worker()
    a_member()

    for path in ("/", "/staff/first", "/account/login"):
        page.get(path, status=None)
        assert "silent" not in page.text
    log_in(page).get("/")
    assert "silent" not in page.text


def test_a_page_tells_of_a_silent_worker_once_and_waits_for_nobody(app, page):
    with receiver() as taking:
        app.config["ALARM_URL"] = taking.url
        as_staff(page)
        silent_worker()

        page.get("/staff")
        page.get("/staff")
        deadline = time.monotonic() + 5
        while not taking.arrived and time.monotonic() < deadline:
            time.sleep(0.02)

    assert taking.titles == ["Till Coffee: The worker is silent"]


def test_one_process_looks_no_oftener_than_now_and_then(app):
    watch = app.extensions["watch"]
    looked: list[int] = []
    watch.look = lambda: looked.append(1)

    watch.look_aside()
    watch.look_aside()
    watch.last -= alarms.LOOK_SECONDS
    watch.look_aside()
    time.sleep(0.1)

    assert looked == [1, 1]
