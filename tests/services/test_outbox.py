"""The outbox: everything owed is done at least once, once as a rule, and what cannot be done is told."""

import subprocess
import sys
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import select, update

from app.cli.shop import rounds
from app.extensions import db, now, transaction
from app.models.outbox import OutboxMessage
from app.services import errands, outbox
from app.services.errors import NotFound
from tests import live
from tests.factories import a_variant
from tests.mailserver import mail_server
from tests.planting import an_order


@pytest.fixture
def smtp(app, app_context):
    with mail_server() as server:
        app.config.update(server.settings)
        yield server


def work() -> int:
    """One turn of the worker."""
    return sum(go() for go in rounds())


def messages() -> list[OutboxMessage]:
    db.session.expire_all()
    return list(db.session.execute(select(OutboxMessage).order_by(OutboxMessage.id)).scalars())


def pass_time(**column_before: timedelta) -> None:
    with transaction() as t:
        t.execute(update(OutboxMessage).values({name: now() - ago for name, ago in column_before.items()}))


def test_an_order_is_confirmed_once(smtp):
    an_order(a_variant())

    assert [work(), work()] == [1, 0]

    assert [mail["To"] for mail in smtp.arrived] == ["gus@example.com"]
    assert messages()[0].done_at


def test_a_sold_out_variant_is_told_to_the_shop(smtp):
    an_order(a_variant("MUG", on_hand=1, name="Mug"))

    work()

    assert {mail["Subject"] for mail in smtp.arrived} == {"Your order 10001 at Till Coffee", "Sold out: Mug (MUG)"}


def test_a_refused_mail_is_tried_again_later(smtp):
    an_order(a_variant())
    smtp.refuse = "451 <gus@example.com> try again later"

    assert [work(), work()] == [1, 0]
    [message] = messages()
    assert (message.attempts, message.lease_until, message.last_error) == (1, None, "SMTPDataError: the mail server answered 451")
    assert timedelta(seconds=5) < message.available_at - now() <= timedelta(seconds=10)

    smtp.refuse = ""
    pass_time(available_at=timedelta())
    assert work() == 1
    assert len(smtp.arrived) == 1


def test_a_mail_server_that_is_away_loses_nothing(app, app_context):
    app.config.update(SMTP_HOST="127.0.0.1", SMTP_PORT=live.free_port(), SMTP_SECURITY="none")
    an_order(a_variant())

    work()

    assert messages()[0].last_error == "ConnectionRefusedError: Connection refused"


def test_waits_double_up_to_an_hour():
    assert [errands.wait_seconds(tries) for tries in range(1, 12)] == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]


def test_after_twelve_tries_a_message_is_given_up_on_until_somebody_retries_it(smtp):
    an_order(a_variant())
    smtp.refuse = "550 no"

    for _ in range(errands.TRIES):
        pass_time(available_at=timedelta())
        work()
    assert messages()[0].is_dead
    pass_time(available_at=timedelta())
    assert work() == 0

    smtp.refuse = ""
    assert outbox.retry(dead=True) == 1
    assert work() == 1
    assert len(smtp.arrived) == 1


def test_a_claimed_message_is_nobody_elses_until_its_lease_is_over(app_context):
    an_order(a_variant())

    assert [len(errands.claim()), len(errands.claim())] == [1, 0]
    pass_time(lease_until=timedelta(seconds=1))

    assert len(errands.claim()) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_message_that_another_is_claiming_just_now_is_passed_over(app_context):
    an_order(a_variant(on_hand=1))  # a confirmation and an alert
    db.session.remove()

    with db.engine.begin() as other:
        taken = other.execute(select(OutboxMessage.id).order_by(OutboxMessage.id).limit(1).with_for_update()).scalar_one()
        claimed = [row.id for row in errands.claim()]

    assert len(claimed) == 1
    assert taken not in claimed


def test_what_a_killed_worker_had_claimed_is_sent_again_under_the_same_name(smtp):
    an_order(a_variant())
    [claimed] = errands.claim()
    errands.HANDLERS[claimed.topic](rounds()[0].args[0], claimed.payload, claimed.dedupe_key)  # sent, then killed

    pass_time(lease_until=timedelta(seconds=1))
    work()

    assert len({mail["Message-ID"] for mail in smtp.arrived}) == 1
    assert len(smtp.arrived) == 2


@pytest.mark.breaks_invariants
def test_a_claim_is_small_and_takes_the_oldest_first(app_context):
    with transaction() as t:
        for number in range(errands.BATCH + 3):
            outbox.owe(t, "test", f"test:{number}", {})
        first = update(OutboxMessage).where(OutboxMessage.dedupe_key == "test:12")
        t.execute(first.values(available_at=now() - timedelta(hours=1)))

    keys = {row.dedupe_key for row in errands.claim()}

    assert len(keys) == errands.BATCH
    assert "test:12" in keys and "test:11" not in keys


def test_a_topic_that_nobody_knows_is_written_down(app_context):
    with transaction() as t:
        outbox.owe(t, "order.sang", "order.sang:1", {"order_id": 1})

    work()

    assert messages()[0].last_error == "KeyError: nothing is known of “order.sang”"


def test_a_message_about_something_that_is_gone_is_written_down(app_context):
    with transaction() as t:
        outbox.owe(t, "stock.alert", "stock.alert:77", {"alert_id": 77})

    work()

    assert messages()[0].last_error == "NotFound: There is no stock alert 77."


def test_errors_tell_no_addresses():
    class Odd(Exception):
        pass

    assert errands.describe(Odd("alice@example.com did it")) == "Odd"
    assert errands.describe(NotFound("nobody like alice@example.com here")) == "NotFound: nobody like … here"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_transaction_is_open_while_a_mail_is_sent(smtp):
    an_order(a_variant())
    states = []
    question = "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

    address = db.engine.url.render_as_string(hide_password=False)

    def look() -> None:
        with psycopg.connect(address) as connection:
            states.extend(row[0] for row in connection.execute(question))

    smtp.meanwhile = look
    work()

    assert set(states) == {"idle"}


def test_two_workers_at_once_send_each_mail_once(smtp, app, database_url, tmp_path):
    variant = a_variant(on_hand=100)
    for number in range(30):
        an_order(variant, email=f"buyer{number}@example.com")
    env = live.environment(database_url, tmp_path / "instance", **smtp.settings)
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker", "--once"]

    workers = [subprocess.Popen(command, cwd=live.ROOT, env=env, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    lines = [worker.communicate(timeout=60)[1].splitlines() for worker in workers]

    assert sorted(mail["To"] for mail in smtp.arrived) == sorted(f"buyer{number}@example.com" for number in range(30))
    assert sum(len(told) for told in lines) == 30
    assert all(told.endswith(" order.confirmation done") for worker in lines for told in worker)
