"""Tokens: shown once, hashed at rest, nobody else's to revoke."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.extensions import db, now, transaction
from app.models.customer import ApiToken, Customer
from app.services import tokens
from app.services.errors import InvalidInput, NotFound
from tests.factories import an_account

pytestmark = pytest.mark.usefixtures("app_context")


def account(email: str = "alice@example.com") -> int:
    return db.session.get(Customer, an_account(email)).account_id


def test_a_token_acts_for_its_account():
    alice, _ = account(), account("bob@example.com")

    member = tokens.owner(tokens.make(alice, "the till at the door"))

    assert (member.account_id, member.email) == (alice, "alice@example.com")


def test_only_the_hash_of_a_token_is_kept():
    token = tokens.make(account())

    row = db.session.execute(select(ApiToken.__table__)).one()
    assert token not in repr(row)
    assert token.startswith(row.prefix)
    assert len(row.prefix) < len(token) / 4


def test_a_revoked_token_is_nobodys():
    alice = account()
    token = tokens.make(alice)
    [row] = tokens.alive(alice)

    tokens.revoke(alice, row.id)

    assert tokens.owner(token) is None
    assert tokens.alive(alice) == []


def test_another_persons_token_is_as_one_that_does_not_exist():
    alice, bob = account(), account("bob@example.com")
    token = tokens.make(alice)
    [row] = tokens.alive(alice)

    for token_id in (row.id, 999_999):
        with pytest.raises(NotFound):
            tokens.revoke(bob, token_id)

    assert tokens.owner(token)


@pytest.mark.parametrize("token", ["", "x", "till_", "till_\0", "till_\ud800", "ü" * 40, "a" * 100_000])
def test_an_absurd_token_is_nobodys(token):
    tokens.make(account())

    assert tokens.owner(token) is None


def test_its_last_use_is_written_down_once_a_minute():
    alice = account()
    token = tokens.make(alice)
    assert tokens.alive(alice)[0].last_used_at is None

    tokens.owner(token)
    first = tokens.alive(alice)[0].last_used_at
    tokens.owner(token)
    assert tokens.alive(alice)[0].last_used_at == first

    earlier = now() - timedelta(minutes=2)
    with transaction() as t:
        t.execute(update(ApiToken).values(last_used_at=earlier))
    tokens.owner(token)
    assert tokens.alive(alice)[0].last_used_at > earlier


@pytest.mark.parametrize("name", ["x" * 121, "a\0b"])
def test_a_name_that_cannot_be_kept_is_refused(name):
    with pytest.raises(InvalidInput):
        tokens.make(account(), name)


def test_an_account_has_so_many(monkeypatch):
    monkeypatch.setattr(tokens, "MOST_TOKENS", 1)
    alice = account()
    tokens.make(alice)

    with pytest.raises(InvalidInput):
        tokens.make(alice)
