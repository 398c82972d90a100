"""Errands: what the outbox owes, done at least once by the worker.

A worker claims a few messages by a lease, does each outside any transaction, and writes down how it went. A worker that dies
loses its lease, and another does the message again; so every effect carries a key that lets it be recognised (Message-ID).
"""

import re
import smtplib
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any

import jinja2
from sqlalchemy import ColumnElement, and_, or_, select, update

from app.extensions import Record, db, now, retried, transaction
from app.models.outbox import OutboxMessage
from app.services import categories, digital, health, mail, refunds
from app.services.errors import ShopError
from app.services.mail import Mailer

BATCH = 10  # messages in one claim
LEASE_SECONDS = 60
LONGEST_BATCH_SECONDS = LEASE_SECONDS / 2  # whoever is slower leaves the rest to the next claim, while the lease still holds
FIRST_WAIT_SECONDS = 10
LONGEST_WAIT_SECONDS = 3600
TRIES = 12
ERROR_LENGTH = 200

Say = Callable[[str], None]


# ------------------------------------------------------------------------------------------------ what the topics mean


Composer = Callable[[Mailer, Mapping[str, Any], str], EmailMessage | None]  # given payload and dedupe key; None: owed to nobody
Handler = Callable[[Mailer, Mapping[str, Any], str], None]  # the same; raises when it could not be done

MAILS: dict[str, Composer] = {  # composing changes nothing, so that staff may look at what is to be sent
    "order.confirmation": lambda mailer, payload, key: mail.confirmation(mailer, payload["order_id"], key=key),
    "digital.delivered": lambda mailer, payload, key: mail.delivered(mailer, payload["order_id"], key=key),
    "order.cancelled": lambda mailer, payload, key: mail.cancelled(mailer, payload["order_id"], key=key),
    "order.refunded": lambda mailer, payload, key: mail.refunded(mailer, payload["refund_id"], key=key),
    "order.shipped": lambda mailer, payload, key: mail.shipped(mailer, payload["order_id"], key=key),
    "order.answered": lambda mailer, payload, key: mail.answered(mailer, payload["request_id"], key=key),
    "payment.expired": lambda mailer, payload, key: mail.payment_expired(mailer, payload["order_id"], key=key),
    "payment.problem": lambda mailer, payload, key: mail.payment_problem(mailer, payload["payment_id"], key=key),
    "account.code": lambda mailer, payload, key: mail.account_code(mailer, payload["code_id"], key=key),
    "stock.alert": lambda mailer, payload, key: mail.stock_alert(mailer, payload["alert_id"], key=key),
}


def _post(compose: Composer, mailer: Mailer, payload: Mapping[str, Any], key: str) -> None:
    """Compose a mail and send it; whether the mail server took it is written down for staff."""
    message = compose(mailer, payload, key)
    db.session.rollback()  # what the mail says has been read; no transaction is open while a mail server takes its time
    if message is None:
        return
    try:
        mail.send(mailer, message)
    except smtplib.SMTPRecipientsRefused:
        raise  # a mailbox that is not there says nothing of the mail server
    except OSError as error:
        health.failed(health.MAIL, describe(error))
        raise
    health.ok(health.MAIL)


HANDLERS: dict[str, Handler] = {
    **{topic: partial(_post, compose) for topic, compose in MAILS.items()},
    "digital.codes": digital.handle_codes,
    "payment.refund": lambda mailer, payload, key: refunds.send(payload["refund_id"]),
    "category.renamed": lambda mailer, payload, key: categories.handle_renamed(payload),
}


# ------------------------------------------------------------------------------------------------ the worker's round


def _due(moment: datetime) -> ColumnElement[bool]:
    return and_(
        OutboxMessage.done_at.is_(None),
        OutboxMessage.is_dead.is_(False),
        OutboxMessage.available_at <= moment,
        or_(OutboxMessage.lease_until.is_(None), OutboxMessage.lease_until <= moment),
    )


@retried
def claim(limit: int = BATCH) -> Sequence[Record]:
    """Take a lease on messages that are due; two workers never get the same. Rows: id, topic, dedupe_key, payload."""
    moment = now()
    if not db.session.execute(select(OutboxMessage.id).where(_due(moment)).limit(1)).first():
        return []  # the usual case takes nobody's turn to write
    oldest = select(OutboxMessage.id).where(_due(moment)).order_by(OutboxMessage.available_at, OutboxMessage.id).limit(limit)
    chosen = oldest.with_for_update(skip_locked=True).cte("chosen")
    taking = (
        update(OutboxMessage)
        .where(OutboxMessage.id.in_(select(chosen.c.id)))
        .values(lease_until=moment + timedelta(seconds=LEASE_SECONDS))
        .returning(OutboxMessage.id, OutboxMessage.topic, OutboxMessage.dedupe_key, OutboxMessage.payload)
    )
    with transaction() as t:
        return sorted(t.execute(taking).all(), key=lambda row: row.id)


def deliver_due(mailer: Mailer, say: Say = lambda line: None) -> int:
    """Do what is due and answer how many messages were handled, done or not. `say` gets one line for each, with ids only."""
    began = time.monotonic()
    handled = 0
    for message in claim():
        if time.monotonic() - began > LONGEST_BATCH_SECONDS:
            break
        say(f"outbox {message.id} {message.topic} {deliver(mailer, message)}")
        handled += 1
    return handled


def deliver(mailer: Mailer, message: Record) -> str:
    """Do one claimed message, write down how it went, and answer that in a few words."""
    try:
        HANDLERS[message.topic](mailer, message.payload, message.dedupe_key)
    except Exception as error:  # noqa: BLE001  the worker's last resort: whatever went wrong is written down and tried again
        db.session.rollback()
        return _failed(message.id, describe(error))
    _done(message.id)
    return "done"


@retried
def _done(message_id: int) -> None:
    with transaction() as t:
        t.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == message_id)
            .values(done_at=now(), lease_until=None, is_dead=False, last_error="")
        )


@retried
def _failed(message_id: int, description: str) -> str:
    with transaction() as t:
        counted = (
            update(OutboxMessage)
            .where(OutboxMessage.id == message_id, OutboxMessage.done_at.is_(None))
            .values(attempts=OutboxMessage.attempts + 1, lease_until=None, last_error=description)
            .returning(OutboxMessage.attempts)
        )
        attempts = t.execute(counted).scalar()
        if attempts is None:
            return "was done by another worker meanwhile"
        wait = wait_seconds(attempts)
        after = {"is_dead": True} if attempts >= TRIES else {"available_at": now() + timedelta(seconds=wait)}
        t.execute(update(OutboxMessage).where(OutboxMessage.id == message_id).values(**after))
    told = f"failed at try {attempts} ({description})"
    return f"{told}; given up" if attempts >= TRIES else f"{told}; again in {wait} s"


def wait_seconds(attempts: int) -> int:
    """How long to wait after so many failed tries: 10 s, 20 s, 40 s, … an hour."""
    return min(FIRST_WAIT_SECONDS << (attempts - 1), LONGEST_WAIT_SECONDS)


def describe(error: Exception) -> str:
    """The class of an error and what may be told of it. Mail servers repeat addresses, so of them only the number is kept."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            text = "the mail server refused the recipient: " + ", ".join(str(code) for code, _ in error.recipients.values())
        case smtplib.SMTPResponseException():
            text = f"the mail server answered {error.smtp_code}"
        case jinja2.TemplateSyntaxError():
            text = f"{error.message} ({error.name}, line {error.lineno})"
        case jinja2.TemplateError() | ShopError():
            text = str(error)
        case smtplib.SMTPException():
            text = str(error)
        case OSError():
            text = error.strerror or str(error)
        case KeyError() if error.args and error.args[0] not in HANDLERS:
            text = f"nothing is known of “{error.args[0]}”"
        case _:
            text = ""
    told = re.sub(r"\S+@\S+", "…", " ".join(text.split()))
    return f"{type(error).__name__}: {told}"[:ERROR_LENGTH].rstrip(": ")
