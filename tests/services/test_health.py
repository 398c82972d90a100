"""Health: what works is written down rarely, what fails since when, and what is down is told once."""

from datetime import timedelta

import pytest
from sqlalchemy import event, text

from app.cli.shop import rounds
from app.extensions import db, now, transaction
from app.gateways import http
from app.gateways.shape import GatewayDown
from app.providers import conversation
from app.services import health
from tests import live
from tests.beats import beats, fails, set_beat, silent_worker
from tests.factories import a_redirect_method, a_variant
from tests.mailserver import mail_server
from tests.paying import begun, elsewhere
from tests.planting import an_order
from tests.receiver import receiver

pytestmark = pytest.mark.usefixtures("app_context")


def work() -> int:
    """One turn of the worker."""
    return sum(go() for go in rounds())


def writes(go) -> int:
    """How many statements that write `go` said."""
    said: list[str] = []

    def listen(_connection, _cursor, statement, *_rest) -> None:
        said.append(statement.split()[0].upper())

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        go()
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)
    return sum(word in ("INSERT", "UPDATE", "DELETE") for word in said)


def names() -> list[str]:
    return [trouble.name for trouble in health.troubles()]


def test_a_shop_that_was_just_made_has_no_troubles():
    assert health.troubles() == []


def test_the_worker_beats_and_is_not_busy_with_it():
    assert work() == 0

    assert beats()["worker"].ok_at > now() - timedelta(seconds=10)
    assert writes(health.beat) == 0


def test_what_still_works_is_written_down_once_a_minute():
    health.ok("mail")
    assert writes(lambda: health.ok("mail")) == 0

    set_beat("mail", ok_at=now() - timedelta(seconds=61))

    assert writes(lambda: health.ok("mail")) == 1


def test_what_works_again_is_written_down_at_once():
    health.failed("mail", "TimeoutError")
    assert beats()["mail"].failed_at

    health.ok("mail")

    assert (beats()["mail"].failed_at, beats()["mail"].last_error) == (None, "")


def test_since_when_it_fails_is_kept_while_it_fails():
    fails("mail", timedelta(minutes=5))
    since = beats()["mail"].failed_at

    health.failed("mail", "gaierror: unknown")

    assert (beats()["mail"].failed_at, beats()["mail"].last_error) == (since, "gaierror: unknown")
    assert writes(lambda: health.failed("mail", "gaierror: unknown")) == 0


@pytest.mark.parametrize(("minutes", "down"), [(14, []), (16, ["worker"])])
def test_a_worker_that_is_silent_for_a_quarter_of_an_hour_is_trouble(minutes, down):
    silent_worker(timedelta(minutes=minutes))

    assert names() == down


@pytest.mark.parametrize(("minutes", "down"), [(14, []), (16, ["mail"])])
def test_mail_that_fails_for_a_quarter_of_an_hour_is_trouble(minutes, down):
    fails("mail", timedelta(minutes=minutes))

    assert names() == down


def test_a_trouble_is_told_in_sentences():
    fails("mail", error="ConnectionRefusedError: Connection refused")
    fails("gateway:stripe", error="it answered 503")

    told = [trouble.sentence % {"since": "10:00", "error": trouble.error} for trouble in health.troubles()]

    assert told == [
        "Mails have not left since 10:00. They wait, and leave once the mail server takes them. "
        "What it said last: Nobody answers at the mail server's address.",
        "Stripe could not be asked since 10:00. Nobody can pay with it until it answers. What it said last: it answered 503.",
    ]


def test_a_started_shop_does_not_miss_the_worker_of_yesterday():
    silent_worker(timedelta(days=1))

    health.expect(health.WORKER)

    assert names() == []


def test_what_cannot_be_written_down_stops_nobody(caplog):
    health.ok("mail")
    db.session.remove()
    with transaction() as t:
        t.execute(text("ALTER TABLE heartbeat RENAME TO elsewhere"))

    health.ok("mail")
    health.failed("mail", "TimeoutError")

    with transaction() as t:
        t.execute(text("ALTER TABLE elsewhere RENAME TO heartbeat"))
    assert "health of mail was not written down" in caplog.text


# --- who writes it down ---


def test_a_mail_that_leaves_says_that_mails_do(app):
    an_order(a_variant())
    with mail_server() as smtp:
        app.config.update(smtp.settings)
        work()

    assert beats()["mail"].ok_at and beats()["mail"].failed_at is None


def test_a_mail_server_that_is_away_is_written_down(app):
    app.config.update(SMTP_HOST="127.0.0.1", SMTP_PORT=live.free_port(), SMTP_SECURITY="none")
    an_order(a_variant())

    work()

    assert beats()["mail"].failed_at
    assert beats()["mail"].last_error == "ConnectionRefusedError: Connection refused"


def test_a_mailbox_that_is_not_there_says_nothing_of_the_mail_server(app):
    an_order(a_variant())
    with mail_server() as smtp:
        app.config.update(smtp.settings)
        smtp.refuse_recipient = "550 nobody here"
        work()

    assert "mail" not in beats()


def test_a_provider_that_is_down_is_written_down(monkeypatch):
    method = a_redirect_method(monkeypatch)
    elsewhere().is_down = True

    with pytest.raises(Exception, match="cannot be reached"):
        begun(a_variant(), method)

    assert beats()["gateway:elsewhere"].failed_at


def test_a_provider_that_answers_is_written_down():
    with receiver() as taking, conversation("stripe"), http.Session() as session:
        session.request("POST", taking.url, data=b"x", headers={"Title": "x"})

    assert beats()["gateway:stripe"].ok_at


def test_a_conversation_in_which_nothing_was_said_proves_nothing():
    with conversation("stripe"):
        pass

    assert "gateway:stripe" not in beats()


def test_a_shop_that_is_too_busy_to_ask_does_not_blame_the_provider(app):
    places = app.extensions["gateway_places"]
    while places.line.acquire(blocking=False):
        pass

    with pytest.raises(GatewayDown), conversation("stripe"):
        pass

    assert "gateway:stripe" not in beats()


def test_a_provider_that_is_connected_no_more_is_forgotten():
    fails("gateway:stripe")
    fails("gateway:paypal")

    health.forget_gateways(["paypal"])

    assert names() == ["gateway:paypal"]
