"""What the shop says to its database, and how long the driver takes over it: written down where the driver is called.

Whatever way leads there is seen: ORM, Core or the bare cursor.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Engine, event

MARKS = ("BEGIN", "COMMIT", "ROLLBACK")


@dataclass
class Said:
    """One statement, or one of MARKS. `rows` are those that were fetched."""

    sql: str
    values: Any
    is_many: bool
    rows: list[Any]
    gives_rows: bool
    began: float
    ended: float
    seconds: float  # in the driver, fetching included

    @property
    def is_mark(self) -> bool:
        return self.sql.startswith(MARKS)


heard: list[Said] | None = None  # where statements go while somebody listens


def note(sql: str, values: Any, run: Callable[[], Any], *, is_many: bool = False, answers: bool = False) -> Any:
    began = time.perf_counter()
    result = run()
    ended = time.perf_counter()
    if heard is not None:
        gives_rows = getattr(result, "description", None) is not None or answers
        heard.append(Said(str(sql), values, is_many, [], gives_rows, began, ended, ended - began))
    return result


def note_rows(run: Callable[[], Any], *, single: bool = False) -> Any:
    began = time.perf_counter()
    rows = run()
    if heard:
        heard[-1].seconds += time.perf_counter() - began
        heard[-1].rows += ([] if rows is None else [rows]) if single else rows
    return rows


class SqliteCursor(sqlite3.Cursor):
    def execute(self, sql: str, values: Any = (), /) -> Any:
        return note(sql, values, lambda: super(SqliteCursor, self).execute(sql, values))

    def executemany(self, sql: str, values: Any, /) -> Any:
        return note(sql, list(values), lambda: super(SqliteCursor, self).executemany(sql, values), is_many=True)

    def fetchone(self) -> Any:
        return note_rows(super().fetchone, single=True)

    def fetchall(self) -> Any:
        return note_rows(super().fetchall)

    def fetchmany(self, size: int | None = 1) -> Any:
        return note_rows(lambda: super(SqliteCursor, self).fetchmany(size))


class SqliteConnection(sqlite3.Connection):
    def cursor(self, factory: Any = SqliteCursor) -> Any:
        return super().cursor(factory)

    def commit(self) -> None:
        if self.in_transaction:
            note("COMMIT", (), super().commit)

    def rollback(self) -> None:
        if self.in_transaction:
            note("ROLLBACK", (), super().rollback)


class PostgresCursor(psycopg.Cursor[Any]):
    def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Any:
        return note(query, params, lambda: super(PostgresCursor, self).execute(query, params, **kwargs))

    def executemany(self, query: Any, params_seq: Any, **kwargs: Any) -> Any:
        rows, answers = list(params_seq), bool(kwargs.get("returning"))

        def run() -> None:
            super(PostgresCursor, self).executemany(query, rows, **kwargs)

        return note(query, rows, run, is_many=True, answers=answers)

    def fetchone(self) -> Any:
        return note_rows(super().fetchone, single=True)

    def fetchall(self) -> Any:
        return note_rows(super().fetchall)

    def fetchmany(self, size: int = 0) -> Any:
        return note_rows(lambda: super(PostgresCursor, self).fetchmany(size))


class PostgresConnection(psycopg.Connection[Any]):
    def commit(self) -> None:
        note("COMMIT", (), super().commit)

    def rollback(self) -> None:
        note("ROLLBACK", (), super().rollback)


def attach(engine: Engine) -> None:
    """Make every connection of this engine one that is heard."""

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        if engine.name == "sqlite":
            options["factory"] = SqliteConnection
            return None
        options["cursor_factory"] = PostgresCursor
        return PostgresConnection.connect(*arguments, **options)

    engine.dispose()


@contextmanager
def listening() -> Iterator[list[Said]]:
    """Everything that is said to the database meanwhile."""
    global heard
    heard = []
    try:
        yield heard
    finally:
        heard = None


def transaction_of(said: list[Said], table: str) -> tuple[list[Said], float]:
    """The statements of the transaction that inserted into this table, and for how many seconds it held SQLite's write lock."""
    place = next(i for i, each in enumerate(said) if each.sql.startswith("INSERT") and table in each.sql)
    first = max((i + 1 for i in range(place) if said[i].is_mark), default=0)
    last = next(i for i in range(place, len(said)) if said[i].is_mark)
    held = said[last].ended - said[first - 1].ended if first else 0.0
    return said[first:last], held
