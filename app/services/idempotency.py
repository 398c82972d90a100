"""Named requests of programs: what was answered once is answered again, and nothing is done twice.

Only final answers are kept; a request that failed on our side lets its key go, so that it may be sent again.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.extensions import Record, now, retried, transaction
from app.models.customer import IdempotencyKey
from app.services.errors import ShopError

LONGEST_KEY = 255
KEPT = timedelta(hours=24)
AT_WORK = timedelta(seconds=60)  # longer than any request lasts: whoever began before that has died


class KeyReused(ShopError):
    message = "This Idempotency-Key was sent with another request before. Use a new one for each new wish."
    status = 409


class StillAtWork(ShopError):
    message = "The same request is still at work. Send it once more in a moment to get its answer."
    status = 409
    retry_seconds = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered the first time: an HTTP status and a JSON text, which may be empty."""

    status: int
    body: str


def is_key(key: str) -> bool:
    """Whether this may name a request: up to 255 printable ASCII characters."""
    return 0 < len(key) <= LONGEST_KEY and all(" " <= letter <= "~" for letter in key)


@retried
def begin(account_id: int, key: str, payload_hash: str) -> int | Answer:
    """The answer that this request got before, or the id to `finish` or `release` it by. Raises KeyReused, StillAtWork."""
    moment = now()
    with transaction() as t:
        mine = IdempotencyKey.account_id == account_id, IdempotencyKey.key == key
        t.execute(delete(IdempotencyKey).where(*mine, IdempotencyKey.created_at < moment - KEPT))
        build = sqlite.insert if t.dialect.name == "sqlite" else postgresql.insert
        values = {"account_id": account_id, "key": key, "payload_hash": payload_hash, "created_at": moment}
        row_id = t.execute(build(IdempotencyKey).values(**values).on_conflict_do_nothing().returning(IdempotencyKey.id)).scalar()
        if row_id is not None:
            return int(row_id)
        there: Record = t.execute(select(IdempotencyKey.__table__).where(*mine).with_for_update()).one()
        if there.payload_hash != payload_hash:
            raise KeyReused
        if there.status is not None:
            return Answer(there.status, there.response)
        if there.created_at > moment - AT_WORK:
            raise StillAtWork
        t.execute(update(IdempotencyKey).where(IdempotencyKey.id == there.id).values(created_at=moment))
        return int(there.id)


@retried
def finish(row_id: int, answer: Answer) -> None:
    """Keep what was answered."""
    with transaction() as t:
        t.execute(update(IdempotencyKey).where(IdempotencyKey.id == row_id).values(status=answer.status, response=answer.body))


@retried
def release(row_id: int) -> None:
    """Nothing came of it: the key may be used again."""
    with transaction() as t:
        t.execute(delete(IdempotencyKey).where(IdempotencyKey.id == row_id, IdempotencyKey.status.is_(None)))


@retried
def forget() -> int:
    """Delete the keys that are older than a day, and answer how many."""
    with transaction() as t:
        return t.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now() - KEPT)).rowcount
