"""The outbox: what is owed after a commit, written with it. errands.py does what it says."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, true, update

from app.extensions import Prepared, Record, db, now, retried, transaction
from app.models.outbox import OutboxMessage
from app.services import audit
from app.services.errors import NotFound

INSERT = Prepared(insert(OutboxMessage))


def owe(t: Connection, topic: str, dedupe_key: str, payload: Mapping[str, Any]) -> None:
    """Write down inside the caller's transaction that something must follow from it. `payload` holds ids, never personal data."""
    INSERT.rows(t, topic=topic, dedupe_key=dedupe_key, payload=dict(payload))


# ------------------------------------------------------------------------------------------------ for people


def messages(*, everything: bool = False) -> list[dict[str, Any]]:
    """What is still owed, oldest first, or every message. Besides the columns each has a `state`: owed, leased, dead or done."""
    wanted = select(OutboxMessage.__table__).order_by(OutboxMessage.id)
    rows = db.session.execute(wanted.where(true() if everything else OutboxMessage.done_at.is_(None)))
    return [{"id": row.id, "state": _state(row), **row._mapping} for row in rows]


def _state(row: Record) -> str:
    if row.done_at:
        return "done"
    if row.is_dead:
        return "dead"
    return "leased" if row.lease_until and row.lease_until > now() else "owed"


@retried
def retry(ids: Sequence[int] = (), *, dead: bool = False, actor: str = audit.COMMAND) -> int:
    """Make messages due now with all their tries before them, and answer how many; `dead` means each that was given up on.

    All or none. Raises NotFound for an id that is not owed.
    """
    with transaction() as t:
        chosen = OutboxMessage.is_dead if dead else OutboxMessage.id.in_(ids)
        renewed = (
            update(OutboxMessage)
            .where(OutboxMessage.done_at.is_(None), chosen)
            .values(is_dead=False, attempts=0, available_at=now())  # a lease stays: somebody may be at it
            .returning(OutboxMessage.id)
        )
        found = set(t.execute(renewed).scalars())
        if missing := sorted(set(ids) - found):
            raise NotFound("No message %(id)s is owed.", id=missing[0])
        if dead and found:
            audit.note(t, actor, "failed messages retried", "messages", after={"count": len(found)})
        for message_id in sorted(found) if ids else ():
            audit.note(t, actor, "message retried", f"message:{message_id}")
    return len(found)
