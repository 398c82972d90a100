"""The bare driver: the statements that the shop itself says to place one order, said again by 16 writers without the shop.

They were recorded (bench/spy.py), so that they stay the same statements whatever becomes of the shop.
"""

import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Json, Jsonb
from sqlalchemy import make_url

from app.extensions import turn_to_write
from bench.data import ID_STEP
from bench.spy import Said

PROCESSES, THREADS = 2, 8
TOKEN = re.compile(r"[0-9a-f]{32,}")  # keys, cart ids, hashes, and the names of our guests
ID = re.compile(rf"\d{{{len(str(ID_STEP))},}}")


@dataclass(frozen=True)
class Statement:
    sql: str
    values: Any
    is_many: bool
    rows: Sequence[Sequence[Any]] | None  # what it answered when it was recorded; None when it answers nothing
    ids: Sequence[Sequence[Any]]  # for each set of its values, the places of those that hold an id


@dataclass(frozen=True)
class Job:
    """What one process does: place orders from `starts_at` (of the monotonic clock) for so many seconds."""

    database_url: str
    queue: Path | None
    statements: tuple[Statement, ...]
    recorded_variant: int
    variants: tuple[int, ...]
    starts_at: float
    seconds: float


def recorded(said: Sequence[Said]) -> tuple[Statement, ...]:
    return tuple(
        Statement(
            each.sql,
            each.values,
            each.is_many,
            [tuple(row) for row in each.rows] if each.gives_rows else None,
            places_of_ids(each),
        )
        for each in said
    )


def places_of_ids(said: Said) -> list[list[Any]]:
    sets = said.values if said.is_many else [said.values]
    return [
        [place for place, value in (one.items() if isinstance(one, Mapping) else enumerate(one or ())) if has_id(value)]
        for one in sets
    ]


def rate(
    database_url: str, statements: tuple[Statement, ...], recorded_variant: int, variants: Sequence[int], seconds: float
) -> float:
    """Orders per second by the bare driver, with 16 writers in two processes; on SQLite under the shop's own queue."""
    url = make_url(database_url)
    queue = Path(str(url.database) + ".queue") if url.get_backend_name() == "sqlite" else None
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        list(pool.map(be_there, range(PROCESSES)))
        starts_at = time.monotonic() + 0.5
        job = Job(database_url, queue, statements, recorded_variant, tuple(variants), starts_at, seconds)
        return sum(pool.map(work, [job] * PROCESSES)) / seconds


def be_there(_number: int) -> None:
    """Nothing, for so long that every process takes one of these and has imported this module."""
    time.sleep(0.5)


def work(job: Job) -> int:
    """The orders that this process placed in time."""
    counts = [0] * THREADS
    errors: list[BaseException] = []

    def run(place: int) -> None:
        try:
            counts[place] = write(job, place)
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=run, args=(place,)) for place in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return sum(counts)


def write(job: Job, place: int) -> int:
    is_sqlite = job.queue is not None
    connection: Any = sqlite(job.database_url) if is_sqlite else postgres(job.database_url)
    cursor = connection.cursor()
    time.sleep(max(0.0, job.starts_at - time.monotonic()))
    deadline = job.starts_at + job.seconds
    count, number = 0, place * 7919
    while time.monotonic() < deadline:
        number += 1
        known: dict[Any, Any] = {job.recorded_variant: job.variants[number % len(job.variants)]}
        values = [ready(statement, known) for statement in job.statements]
        with turn_to_write(job.queue):
            if is_sqlite:
                cursor.execute("BEGIN IMMEDIATE")
            for statement, sets in zip(job.statements, values, strict=True):
                say(cursor, statement, sets, known)
            cursor.execute("COMMIT") if is_sqlite else connection.commit()
        count += time.monotonic() < deadline
    connection.close()
    return count


def sqlite(database_url: str) -> sqlite3.Connection:
    connection = sqlite3.connect(str(make_url(database_url).database), isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def postgres(database_url: str) -> "psycopg.Connection[Any]":
    return psycopg.connect(make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False))


def ready(statement: Statement, known: dict[Any, Any]) -> list[Any]:
    """The sets of values of one statement as far as they can be known before the lock: with new tokens."""
    sets = statement.values if statement.is_many else [statement.values]
    return [
        {name: fresh(each, known) for name, each in one.items()}
        if isinstance(one, Mapping)
        else [fresh(each, known) for each in one or ()]
        for one in sets
    ]


def say(cursor: Any, statement: Statement, sets: list[Any], known: dict[Any, Any]) -> None:
    """Say one statement, with the ids of this order where recorded ones stood; what it answers says more of them."""
    for one, places in zip(sets, statement.ids, strict=True):
        for place in places:
            one[place] = fresh(one[place], known)
    rows = answered(cursor, statement, sets)
    if statement.rows is None:
        return
    if len(rows) < len(statement.rows):
        raise AssertionError(f"answered {len(rows)} rows, not {len(statement.rows)}: {statement.sql}")
    for old, new in zip(statement.rows, rows, strict=False):  # the shop does not fetch every row it is answered
        known.update((a, b) for a, b in zip(old, new, strict=True) if isinstance(a, int) and a >= ID_STEP)


def answered(cursor: Any, statement: Statement, sets: list[Any]) -> list[Any]:
    """The rows that a statement answers to all its sets of values."""
    if not statement.is_many:
        cursor.execute(statement.sql, sets[0])
        return cursor.fetchall() if statement.rows is not None else []
    if statement.rows is None:
        cursor.executemany(statement.sql, sets)
        return []
    cursor.executemany(statement.sql, sets, returning=True)  # as only psycopg can
    rows: list[Any] = []
    for _ in sets:
        rows += cursor.fetchall()
        cursor.nextset()
    return rows


def has_id(value: Any) -> bool:
    """Whether a recorded value names a row that the order itself writes, as a number, in a text or inside JSON."""
    if isinstance(value, int):
        return value >= ID_STEP
    if isinstance(value, str):
        return bool(ID.search(value)) and not TOKEN.search(value)
    return isinstance(value, Json | Jsonb)


def fresh(value: Any, known: dict[Any, Any]) -> Any:
    """The recorded value with new tokens, and with those ids that are known."""
    match value:
        case bool() | None:
            return value
        case int():
            return known.get(value, value)
        case str():
            return renewed(value, known) if len(value) > 6 else value
        case Json() | Jsonb():
            return type(value)(fresh(value.obj, known))
        case Mapping():
            return {name: fresh(each, known) for name, each in value.items()}
    return value


def renewed(text: str, known: dict[Any, Any]) -> str:
    def token(found: re.Match[str]) -> str:
        old: str = found[0]
        if old not in known:
            known[old] = secrets.token_hex(len(old) // 2)
        return str(known[old])

    def number(found: re.Match[str]) -> str:
        return str(known.get(int(found[0]), found[0]))

    return TOKEN.sub(token, text) if TOKEN.search(text) else ID.sub(number, text)
