"""Named requests of programs: what was answered once is answered again, and nothing is done twice.

Only final answers are kept; a request that failed on our side lets its key go, so that it may be sent again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

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


@dataclass(frozen=True, slots=True)
class Begun:
    """Leave to do it, to be ended by `finish` or `release`; `died_since` is when an earlier try began that was cut off."""

    id: int
    died_since: datetime | None = None


def is_key(key: str) -> bool:
    """Whether this may name a request: up to 255 printable ASCII characters."""
    return 0 < len(key) <= LONGEST_KEY and all(" " <= letter <= "~" for letter in key)


@retried
def begin(account_id: int, key: str, payload_hash: str) -> Begun | Answer:
    """The answer that this request got before, or leave to do it. Raises KeyReused, StillAtWork.

    Until there is an answer, `response` says since when the last try has been at work, if it is not the first.
    """
    moment = now()
    with transaction() as t:
        mine = IdempotencyKey.account_id == account_id, IdempotencyKey.key == key
        t.execute(delete(IdempotencyKey).where(*mine, IdempotencyKey.created_at < moment - KEPT))
        build = sqlite.insert if t.dialect.name == "sqlite" else postgresql.insert
        values = {"account_id": account_id, "key": key, "payload_hash": payload_hash, "created_at": moment}
        row_id = t.execute(build(IdempotencyKey).values(**values).on_conflict_do_nothing().returning(IdempotencyKey.id)).scalar()
        if row_id is not None:
            return Begun(row_id)
        there: Record = t.execute(select(IdempotencyKey.__table__).where(*mine).with_for_update()).one()
        if there.payload_hash != payload_hash:
            raise KeyReused
        if there.status is not None:
            return Answer(there.status, there.response)
        if (datetime.fromisoformat(there.response) if there.response else there.created_at) > moment - AT_WORK:
            raise StillAtWork
        again = update(IdempotencyKey).where(IdempotencyKey.id == there.id)
        t.execute(again.values(response=moment.isoformat()))
        return Begun(there.id, there.created_at)


@retried
def finish(begun: Begun, answer: Answer) -> None:
    """Keep what was answered."""
    with transaction() as t:
        t.execute(update(IdempotencyKey).where(IdempotencyKey.id == begun.id).values(status=answer.status, response=answer.body))


@retried
def release(begun: Begun) -> None:
    """Nothing came of it: the key may be used again."""
    with transaction() as t:
        t.execute(delete(IdempotencyKey).where(IdempotencyKey.id == begun.id, IdempotencyKey.status.is_(None)))


@retried
def forget() -> int:
    """Delete the keys that are older than a day, and answer how many."""
    with transaction() as t:
        return t.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now() - KEPT)).rowcount
