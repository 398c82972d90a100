"""Counting tries: so many in so much time, for each kind and each person, in the database."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.extensions import db, now, transaction
from app.models.attempt import Attempt
from app.services import attempts

pytestmark = pytest.mark.usefixtures("app_context")


def allow(who: str = "gus", kind: str = "order", most: int | None = 2, secret: str = "s") -> bool:
    return attempts.allow(kind, who, secret, most=most, seconds=3600)


def test_so_many_and_no_more():
    assert [allow() for _ in range(4)] == [True, True, False, False]


def test_everybody_has_their_own_tries():
    assert [allow("gus"), allow("gus"), allow("gus"), allow("alice")] == [True, True, False, True]


def test_every_kind_is_counted_for_itself():
    assert [allow(most=1), allow(most=1), allow(kind="login", most=1)] == [True, False, True]


def test_old_tries_are_forgotten():
    allow(most=1)
    with transaction() as t:
        t.execute(update(Attempt).values(created_at=now() - timedelta(seconds=3601)))

    assert allow(most=1)
    assert db.session.execute(select(func.count(Attempt.id))).scalar_one() == 1


def test_a_refused_try_does_not_lengthen_the_wait():
    for _ in range(5):
        allow(most=2)

    assert db.session.execute(select(func.count(Attempt.id))).scalar_one() == 2


def test_without_a_limit_nothing_is_written():
    assert all(allow(most=None) for _ in range(3))
    assert db.session.execute(select(func.count(Attempt.id))).scalar_one() == 0


def test_nobody_is_named():
    allow("gus@example.com")

    assert "gus" not in db.session.execute(select(Attempt.subject)).scalar_one()


def test_tries_that_no_limit_counts_are_forgotten():
    allow("gus"), allow("alice")
    with transaction() as t:
        t.execute(update(Attempt).values(created_at=now() - attempts.FORGET_AFTER - timedelta(seconds=1)))
    allow("mallory")

    assert attempts.forget() == 2
    assert db.session.execute(select(func.count(Attempt.id))).scalar_one() == 1


def are_left(who: str = "gus", most: int | None = 2) -> bool:
    return attempts.are_left("order", who, "s", most=most, seconds=3600)


def test_where_only_wrong_tries_count_asking_costs_none():
    assert all(are_left() for _ in range(5))
    allow(), allow()

    assert (are_left(), are_left("alice"), are_left(most=None)) == (False, True, True)


def test_old_wrong_tries_count_no_more():
    allow(), allow()
    with transaction() as t:
        t.execute(update(Attempt).values(created_at=now() - timedelta(seconds=3601)))

    assert are_left()
