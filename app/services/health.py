"""Health: what works and what has been down, written down rarely by whoever meets it, read cheaply by every staff page."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.extensions import Busy, Prepared, db, now, retried, transaction
from app.models.health import ERROR_MAX, Heartbeat
from app.services import reasons

WORKER, MAIL, ANONYMISING = "worker", "mail", "anonymising"
GATEWAY = "gateway:"  # what a gateway's name begins with
TITLES = {"stripe": "Stripe", "paypal": "PayPal", "zarinpal": "Zarinpal", "pretend": "Pretend Pay"}

DOWN_AFTER = timedelta(minutes=15)  # of silence or failing; shorter trouble mends itself, and tells nobody
OK_EVERY = timedelta(minutes=1)  # how often it is written at most that something still works

log = logging.getLogger("till")

COLUMNS = Heartbeat.name, Heartbeat.created_at, Heartbeat.ok_at, Heartbeat.failed_at, Heartbeat.last_error, Heartbeat.alarmed_at
ALL = Prepared(select(*COLUMNS, Heartbeat.done).order_by(Heartbeat.id))
ONE = Prepared(select(*COLUMNS, Heartbeat.done).where(Heartbeat.name == bindparam("name")))


@dataclass(frozen=True, slots=True)
class Trouble:
    """One part of the shop that is down."""

    name: str
    since: datetime
    error: str = ""  # what it said last; "" for the worker, which says nothing

    @property
    def title(self) -> str:
        """What is wrong, in a few words."""
        return f"{_what(self.name)} {'is silent' if self.name == WORKER else 'fails'}"

    @property
    def sentence(self) -> str:
        """What is wrong and what follows from it, with a place for %(since)s and, where it said something, %(error)s."""
        if self.name == WORKER:
            told = "The worker has been silent since %(since)s: no mail leaves, no payment is checked and no hold ends."
        elif self.name == MAIL:
            told = "Mails have not left since %(since)s. They wait, and leave once the mail server takes them."
        else:
            told = f"{_what(self.name)} could not be asked since %(since)s. Nobody can pay with it until it answers."
        return told + (" What it said last: %(error)s." if self.error else "")


@dataclass(frozen=True, slots=True)
class News:
    """A trouble that began, or that `is_over`, and that nobody was told of yet."""

    name: str
    is_over: bool
    title: str
    since: datetime  # when it began


def title_of(gateway: str) -> str:
    """What people call a payment provider."""
    return TITLES.get(gateway, gateway)


def _what(name: str) -> str:
    if name.startswith(GATEWAY):
        return title_of(name.removeprefix(GATEWAY))
    return {WORKER: "The worker", MAIL: "The mail server"}.get(name, name)


# ------------------------------------------------------------------------------------------------ writing it down


def beat() -> int:
    """The worker is at work. Answers 0, for nothing was due."""
    ok(WORKER)
    return 0


def ran(name: str, done: int) -> None:
    """Some recurring work ended just now, and did so many things."""
    with _harmless(name):
        _write(name, {"ok_at": now(), "failed_at": None, "last_error": "", "done": done})


def ok(name: str) -> None:
    """It works; written down when it did not before, or when that was last said a while ago. Never inside a transaction."""
    with _harmless(name):
        row = ONE.row_or_none(name=name)
        if row is None or row.failed_at is not None or row.ok_at is None or row.ok_at < now() - OK_EVERY:
            _write(name, {"ok_at": now(), "failed_at": None, "last_error": ""})


def failed(name: str, error: str) -> None:
    """It did not work; since when is kept until it works again. `error` holds no personal data. Never inside a transaction."""
    with _harmless(name):
        error, row = error[:ERROR_MAX], ONE.row_or_none(name=name)
        if row is None or row.failed_at is None:
            _write(name, {"failed_at": now(), "last_error": error}, Heartbeat.failed_at.is_(None))
        elif row.last_error != error:
            _write(name, {"last_error": error})


def expect(name: str) -> None:
    """It was just started, and is missed from now on when it does not work; how long it was away before counts no more."""
    with _harmless(name):
        _write(name, {"ok_at": now()})


@retried
def forget_gateways(connected: Iterable[str]) -> None:
    """Drop what was written of gateways that this shop has no more: nobody would ever see them work again."""
    names = [GATEWAY + name for name in connected]
    with transaction() as t:
        t.execute(delete(Heartbeat).where(Heartbeat.name.startswith(GATEWAY), Heartbeat.name.not_in(names)))


@contextmanager
def _harmless(name: str) -> Iterator[None]:
    """Whoever works goes on when this cannot be written down: the database has its own ways to say that it is away."""
    db.session.rollback()
    try:
        yield
    except (Busy, DBAPIError) as error:
        log.warning("health of %s was not written down (%s)", name, type(error).__name__)
    finally:
        db.session.rollback()


@retried
def _write(name: str, values: dict[str, Any], only: ColumnElement[bool] | None = None) -> None:
    with transaction() as t:
        changed = update(Heartbeat).where(Heartbeat.name == name).values(**values)
        if t.execute(changed if only is None else changed.where(only)).rowcount:
            return
        if t.execute(select(Heartbeat.id).where(Heartbeat.name == name)).first() is None:
            _add(t, name, values)


def _add(t: Connection, name: str, values: dict[str, Any]) -> None:
    try:
        with t.begin_nested():
            t.execute(insert(Heartbeat).values(name=name, **values))
    except IntegrityError:  # another process met it first, at the same moment
        return


# ------------------------------------------------------------------------------------------------ reading it


def rows() -> Sequence[Any]:
    """Every part that was ever heard of; a handful."""
    return ALL.rows()


def last_run(name: str) -> Any:
    """(ok_at, done) of some recurring work; None when it never ran."""
    return ONE.row_or_none(name=name)


def troubles(found: Sequence[Any] | None = None) -> list[Trouble]:
    """What has been down for DOWN_AFTER or more. One read of a table of a few rows, unless the rows are there already."""
    there = rows() if found is None else found
    limit = now() - DOWN_AFTER
    return [Trouble(row.name, _since(row), _said(row)) for row in there if _since(row) <= limit]


def _said(row: Any) -> str:
    """The reason, without a full stop; gateways give theirs in words."""
    return row.last_error if row.name.startswith(GATEWAY) else reasons.in_words(row.last_error).rstrip(".")


def _since(row: Any) -> datetime:
    """Since when it has been down; a moment that is always in the future when it is not."""
    if row.name == WORKER:
        since: datetime = row.ok_at or row.created_at
        return since
    return row.failed_at or datetime.max.replace(tzinfo=now().tzinfo)


def has_news(found: Sequence[Any]) -> bool:
    """Whether somebody has to be told of something, as these rows say."""
    down = {trouble.name for trouble in troubles(found)}
    return any((row.name in down) != (row.alarmed_at is not None) for row in found if row.name in down or _is_up(row))


def _is_up(row: Any) -> bool:
    """Whether it is known to work; what failed a moment ago neither works nor is down."""
    return bool(row.name == WORKER or row.failed_at is None)


# ------------------------------------------------------------------------------------------------ telling it once


def claim_news() -> list[News]:
    """What has to be told, each to one caller only, whoever else asks at the same moment. `give_back` what could not be told."""
    found = rows()
    db.session.rollback()
    if not has_news(found):
        return []
    down = {trouble.name: trouble for trouble in troubles(found)}
    news = []
    for row in found:
        if row.name in down and row.alarmed_at is None:
            news.append(News(row.name, is_over=False, title=down[row.name].title, since=down[row.name].since))
        elif row.name not in down and _is_up(row) and row.alarmed_at is not None:
            news.append(News(row.name, is_over=True, title=f"{_what(row.name)} works again", since=row.alarmed_at))
    return [each for each in news if _claim(each)]


@retried
def _claim(news: News) -> bool:
    """Whether it is this caller's to tell: the state is still so, and nobody told it yet."""
    limit = now() - DOWN_AFTER
    if news.name == WORKER:
        beat_at = func.coalesce(Heartbeat.ok_at, Heartbeat.created_at)
        still = beat_at > limit if news.is_over else beat_at <= limit
    else:
        still = Heartbeat.failed_at.is_(None) if news.is_over else Heartbeat.failed_at <= limit
    untold = Heartbeat.alarmed_at.is_not(None) if news.is_over else Heartbeat.alarmed_at.is_(None)
    told = None if news.is_over else now()
    with transaction() as t:
        claimed = update(Heartbeat).where(Heartbeat.name == news.name, untold, still).values(alarmed_at=told)
        return t.execute(claimed).rowcount == 1  # the guard: two servers never tell the same


@retried
def give_back(news: News) -> None:
    """It could not be told: whoever looks next tries again."""
    untold = Heartbeat.alarmed_at.is_(None) if news.is_over else Heartbeat.alarmed_at.is_not(None)
    with transaction() as t:
        told = news.since if news.is_over else None
        t.execute(update(Heartbeat).where(Heartbeat.name == news.name, untold).values(alarmed_at=told))
