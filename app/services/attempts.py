"""Counting tries, to protect people from being guessed at. In the database, so that every server counts the same."""

import hashlib
import hmac
from datetime import timedelta

from sqlalchemy import delete, func, insert, select

from app.extensions import now, read, retried, transaction
from app.models.attempt import Attempt

FORGET_AFTER = timedelta(days=1)


@retried
def allow(kind: str, who: str, secret: str, *, most: int | None, seconds: int) -> bool:
    """Whether `who` may try once more, which is then counted; at most so many in so many seconds, no limit for None.

    `who` is kept as a keyed hash only.
    """
    if most is None:
        return True
    subject = _subject(kind, who, secret)
    since = now() - timedelta(seconds=seconds)
    with transaction() as t:
        t.execute(delete(Attempt).where(Attempt.kind == kind, Attempt.subject == subject, Attempt.created_at < since))
        made = t.execute(select(func.count()).where(Attempt.kind == kind, Attempt.subject == subject)).scalar_one()
        if made < most:
            t.execute(insert(Attempt).values(kind=kind, subject=subject))
    return made < most


def are_left(kind: str, who: str, secret: str, *, most: int | None, seconds: int) -> bool:
    """Whether `who` may try once more, where only wrong tries are counted: each by `allow`, once it turned out to be one."""
    if most is None:
        return True
    mine = Attempt.kind == kind, Attempt.subject == _subject(kind, who, secret)
    since = now() - timedelta(seconds=seconds)
    return bool(read(select(func.count()).where(*mine, Attempt.created_at >= since)).scalar_one() < most)


def _subject(kind: str, who: str, secret: str) -> str:
    return hmac.new(secret.encode(), f"{kind}:{who}".encode(), hashlib.sha256).hexdigest()


@retried
def forget() -> int:
    """Delete the tries that no limit counts any more, and answer how many."""
    with transaction() as t:
        return t.execute(delete(Attempt).where(Attempt.created_at < now() - FORGET_AFTER)).rowcount
