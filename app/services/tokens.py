"""Tokens: what lets a program act for an account. Only their hashes are kept."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update

from app.extensions import Record, db, now, retried, transaction
from app.models.customer import Account, ApiToken
from app.services import accounts, text
from app.services.accounts import Member
from app.services.errors import InvalidInput, NotFound

TOKEN_PREFIX = "till_"  # lets scanners for leaked secrets know one when they see it
TOKEN_SHOWN = 9  # letters of a token by which its owner knows it
USED_AGAIN = timedelta(minutes=1)  # a token's last use is written down no oftener
MOST_TOKENS = 50

TOKENS = select(ApiToken.id, ApiToken.name, ApiToken.prefix, ApiToken.created_at, ApiToken.last_used_at).where(
    ApiToken.revoked_at.is_(None)
)


def alive(account_id: int) -> Sequence[Record]:
    """(id, name, prefix, created_at, last_used_at) of each token that works, the newest first."""
    return db.session.execute(TOKENS.where(ApiToken.account_id == account_id).order_by(ApiToken.id.desc())).all()


@retried
def make(account_id: int, name: str = "") -> str:
    """A new token for a program that acts for this account; it is answered now and never again. Raises InvalidInput."""
    name = text.clean(name) or "Unnamed"
    if not text.is_storable(name) or len(name) > 120:
        raise InvalidInput({"name": text.REFUSED if len(name) <= 120 else "This is too long; 120 characters is the most."})
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    digest = hashlib.sha256(token.encode()).hexdigest()
    with transaction() as t:
        working = t.execute(select(ApiToken.id).where(ApiToken.account_id == account_id, ApiToken.revoked_at.is_(None))).all()
        if len(working) >= MOST_TOKENS:
            raise InvalidInput({"name": f"There are {MOST_TOKENS} tokens already. Revoke one that is not used any more."})
        values = {"account_id": account_id, "name": name, "prefix": token[:TOKEN_SHOWN], "sha256": digest}
        t.execute(insert(ApiToken), values)
    return token


@retried
def revoke(account_id: int, token_id: int) -> None:
    """A token that works no more. Raises NotFound for what is not theirs."""
    with transaction() as t:
        mine = update(ApiToken).where(ApiToken.id == token_id, ApiToken.account_id == account_id, ApiToken.revoked_at.is_(None))
        if t.execute(mine.values(revoked_at=now())).rowcount != 1:
            raise NotFound


def owner(token: str) -> Member | None:
    """Whom a program with this token acts for; when it was last used is written down."""
    digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
    wanted = (
        accounts.MEMBERS.add_columns(ApiToken.id.label("token_id"), ApiToken.last_used_at)
        .join(ApiToken, ApiToken.account_id == Account.id)
        .where(ApiToken.sha256 == digest, ApiToken.revoked_at.is_(None))
    )
    row = db.session.execute(wanted).first()
    if row is None:
        return None
    if row.last_used_at is None or row.last_used_at < now() - USED_AGAIN:
        _used(row.token_id, now())
    return accounts.member_of(row)


@retried
def _used(token_id: int, moment: datetime) -> None:
    with transaction() as t:
        t.execute(update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=moment))
