"""Alarms: told once when a trouble begins and once when it ends, by every way there is."""

import logging
import threading

import pytest

from app import templating
from app.extensions import db, now
from app.services import alarms, health
from tests import live
from tests.beats import beats, fails, set_beat, silent_worker
from tests.mailserver import mail_server
from tests.receiver import Receiver, receiver

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def taking(app) -> Receiver:
    with receiver() as taking:
        app.config["ALARM_URL"] = taking.url
        yield taking


def look(app) -> None:
    alarms.look(templating.mailer(app))


def test_nothing_is_told_while_all_is_well(app, taking):
    health.beat()
    health.ok("mail")
    health.failed("gateway:stripe", "it answered 503")

    look(app)

    assert taking.arrived == []


@pytest.mark.settings(BASE_URL="https://shop.example")
def test_a_trouble_is_told_once_when_it_begins_and_once_when_it_ends(app, taking):
    silent_worker()
    for _ in range(3):
        look(app)
    health.beat()
    for _ in range(3):
        look(app)

    assert taking.titles == ["Till Coffee: The worker is silent", "Till Coffee: The worker works again"]
    assert taking.arrived[0][1].endswith("https://shop.example/staff says more.")
    assert beats()["worker"].alarmed_at is None


def test_trouble_that_comes_back_is_told_again(app, taking):
    for _ in range(2):
        fails("mail")
        look(app)
        health.ok("mail")
        look(app)

    assert taking.titles == ["Till Coffee: The mail server fails", "Till Coffee: The mail server works again"] * 2


def test_what_failed_anew_a_moment_ago_is_neither_over_nor_told_twice(app, taking):
    fails("mail")
    look(app)
    set_beat("mail", failed_at=now())

    look(app)

    assert len(taking.arrived) == 1


def test_an_alarm_that_is_not_taken_is_tried_again(app, taking):
    taking.status = 503
    fails("gateway:stripe")
    look(app)
    assert beats()["gateway:stripe"].alarmed_at is None

    taking.status = 200
    look(app)
    look(app)

    assert taking.titles == ["Till Coffee: Stripe fails"]


def test_the_end_of_a_trouble_that_is_not_taken_is_tried_again(app, taking):
    fails("mail")
    look(app)
    health.ok("mail")
    taking.status = 500
    look(app)
    taking.status = 200

    look(app)

    assert taking.titles[-1] == "Till Coffee: The mail server works again"


def test_a_receiver_that_is_away_is_logged_without_its_address(app, caplog):
    app.config["ALARM_URL"] = f"http://127.0.0.1:{live.free_port()}/a-secret-topic"
    fails("mail")

    look(app)

    assert "the alarm did not reach ALARM_URL" in caplog.text
    assert "a-secret-topic" not in caplog.text


def test_servers_that_look_at_the_same_moment_tell_once(app, taking):
    silent_worker()
    start = threading.Barrier(4)

    def look_too() -> None:
        with app.app_context():
            start.wait()
            look(app)
            db.session.remove()

    threads = [threading.Thread(target=look_too) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taking.arrived) == 1


def test_without_a_second_way_the_log_tells_it_once(app, caplog):
    fails("mail")

    look(app)
    look(app)

    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage().partition(",")[0] for record in told] == ["The mail server fails"]


def test_an_alarm_by_mail(app):
    fails("gateway:paypal")
    with mail_server() as smtp:
        app.config.update(smtp.settings | {"ALARM_EMAIL": "owner@shop.example"})
        look(app)
        look(app)

    assert [(mail["To"], mail["Subject"]) for mail in smtp.arrived] == [("owner@shop.example", "Till Coffee: PayPal fails")]
    assert "PayPal fails, since" in smtp.arrived[0].get_body(("plain",)).get_content()


def test_that_mails_fail_is_not_told_by_mail_and_that_they_work_again_is(app):
    fails("mail")
    with mail_server() as smtp:
        app.config.update(smtp.settings | {"ALARM_EMAIL": "owner@shop.example"})
        look(app)
        health.ok("mail")
        look(app)

    assert [mail["Subject"] for mail in smtp.arrived] == ["Till Coffee: The mail server works again"]


def test_one_way_that_works_is_enough(app, taking):
    app.config.update(ALARM_EMAIL="owner@shop.example", SMTP_HOST="127.0.0.1", SMTP_PORT=live.free_port(), SMTP_SECURITY="none")
    fails("gateway:paypal")

    look(app)
    look(app)

    assert len(taking.arrived) == 1


@pytest.mark.parametrize("address", ["nobody", "a@b@c", "x y@shop.example"])
def test_an_address_that_is_none_stops_nobody(address, app):
    app.config["ALARM_EMAIL"] = address
    fails("gateway:paypal")

    look(app)


@pytest.mark.settings(SHOP_NAME="Röstfein ☕")
def test_a_name_with_other_letters_arrives(app, taking):
    fails("mail")

    look(app)

    assert taking.titles == ["Röstfein ☕: The mail server fails"]
