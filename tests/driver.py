"""What is said to the database, heard where the driver is called: whichever way it comes there, ORM, Core or Prepared.

Whoever listens may rest, raise an error of the driver's in place of an answer, or have something else said.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from flask import has_app_context
from sqlalchemy import Engine, event

from app.extensions import db

PINGS = ("SELECT 1", ";")  # the pool asks so whether a connection still lives


@dataclass(frozen=True)
class Listener:
    """What is called `before` and `after` each statement with its SQL, and with the error of one that `failed`."""

    before: Callable[[str], str | None] = lambda sql: None  # a text that it answers is said instead
    after: Callable[[str], Any] = lambda sql: None
    failed: Callable[[Exception], Any] = lambda error: None


class Wire:
    """The connections of one engine, and who listens to them."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []

    def say(self, sql: Any, run: Callable[[str], Any]) -> Any:
        """Run a statement with everybody listening."""
        if sql in PINGS:
            return run(sql)
        for each in self.listeners:
            sql = each.before(sql) or sql
        try:
            done = run(sql)
        except (sqlite3.Error, psycopg.Error) as error:
            for each in self.listeners:
                each.failed(error)
            raise
        for each in self.listeners:
            each.after(sql)
        return done


DEAF = Wire()  # of a connection that is being made ready


def wire(cursor: Any) -> Wire:
    found: Wire = getattr(cursor.connection, "wire", DEAF)
    return found


class SqliteCursor(sqlite3.Cursor):
    def execute(self, sql: str, values: Any = (), /) -> Any:
        return wire(self).say(sql, lambda said: super(SqliteCursor, self).execute(said, values))

    def executemany(self, sql: str, values: Any, /) -> Any:
        return wire(self).say(sql, lambda said: super(SqliteCursor, self).executemany(said, values))


class SqliteConnection(sqlite3.Connection):
    def cursor(self, factory: Any = SqliteCursor) -> Any:
        return super().cursor(factory)


class PostgresCursor(psycopg.Cursor[Any]):
    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        return wire(self).say(query, lambda said: super(PostgresCursor, self).execute(said, params, **options))

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> Any:
        return wire(self).say(query, lambda said: super(PostgresCursor, self).executemany(said, params_seq, **options))


class PostgresConnection(psycopg.Connection[Any]):
    """Python's own, so that it can carry a wire."""


wires: WeakKeyDictionary[Engine, Wire] = WeakKeyDictionary()


def wire_of(engine: Engine) -> Wire:
    """What this engine's connections are heard by. Asked for the first time it has them made anew, so none may be in use."""
    if engine in wires:
        return wires[engine]
    assert not (has_app_context() and db.session().in_transaction()), "this session's connection would not be heard"
    wire = wires[engine] = Wire()

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        if engine.name == "sqlite":
            options["factory"] = SqliteConnection
            return None
        options["cursor_factory"] = PostgresCursor
        return PostgresConnection.connect(*arguments, **options)

    @event.listens_for(engine, "connect")  # the last to be called: the shop's own settings are made unheard
    def ready(connection: Any, _record: Any) -> None:
        connection.wire = wire

    engine.dispose()
    return wire


@contextmanager
def listening(engine: Engine, **listener: Any) -> Iterator[None]:
    """Listen to everything that this engine's connections say meanwhile; takes what a Listener is made of."""
    wire = wire_of(engine)
    each = Listener(**listener)
    wire.listeners.append(each)
    try:
        yield
    finally:
        wire.listeners.remove(each)
