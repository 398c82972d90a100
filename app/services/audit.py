"""The audit trail: what people behind the counter changed, written in the transaction that changes it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from app.extensions import Record, db
from app.models.customer import Account
from app.models.staff import AuditEntry

COMMAND = "cli"
STAFF = "staff:"  # what the actor of somebody with an account begins with; the account's id follows
PAGE = 50
NAMES_NOBODY = {"status", "currency", "country", "role", "kind"}  # fields whose texts are no words of people


def note(
    t: Connection,
    actor: str,
    action: str,
    subject: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write down who did what to what; `before` and `after` hold the fields that differ, as plain values.

    Only people behind the counter are written down: actors "staff:<account id>" and "cli". What shoppers and the worker do is in
    the events of orders and in the ledger of stock.
    """
    if actor != COMMAND and not actor.startswith(STAFF):
        return
    values = {"actor": actor, "action": action, "subject": subject, "before": plain(before), "after": plain(after)}
    t.execute(insert(AuditEntry), values | {"account_id": account_of(actor)})


def forget(t: Connection, subjects: Sequence[str]) -> None:
    """Take the texts out of what was written about these things, for they may name somebody; who did what, and numbers, stay."""
    columns = AuditEntry.id, AuditEntry.before, AuditEntry.after
    for row in t.execute(select(*columns).where(AuditEntry.subject.in_(subjects))).all():
        kept = {"before": without_texts(row.before), "after": without_texts(row.after)}
        if kept != {"before": row.before, "after": row.after}:
            t.execute(update(AuditEntry).where(AuditEntry.id == row.id).values(**kept))


def without_texts(fields: Mapping[str, Any]) -> dict[str, Any]:
    is_safe = (int, float, bool, type(None))
    return {name: value if name in NAMES_NOBODY or isinstance(value, is_safe) else "" for name, value in fields.items()}


def account_of(actor: str) -> int | None:
    """The account behind an actor, if there is one."""
    return int(actor.removeprefix(STAFF)) if actor.startswith(STAFF) else None


def plain(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields as JSON holds them; moments as ISO texts."""
    return {name: value.isoformat() if isinstance(value, date | datetime) else value for name, value in (fields or {}).items()}


def entries(*, after: int | None = None, account_id: int | None = None, subject: str = "") -> list[Record]:
    """One page of the trail and one entry more if there is another, the newest first, each with its author's `email`.

    `after` is the id of the entry that the page before ended with; `account_id` and `subject` choose one author or one thing.
    """
    wanted = (
        select(*AuditEntry.__table__.c, Account.email)
        .outerjoin(Account, Account.id == AuditEntry.account_id)
        .order_by(AuditEntry.id.desc())
        .limit(PAGE + 1)
    )
    if after is not None:
        wanted = wanted.where(AuditEntry.id < after)
    if account_id is not None:
        wanted = wanted.where(AuditEntry.account_id == account_id)
    if subject:
        wanted = wanted.where(AuditEntry.subject == subject)
    return list(db.session.execute(wanted).all())
