"""The extensions every room shares, and transaction(): the one way to write to the database."""

import fcntl
import functools
import os
import random
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    Connection,
    CursorResult,
    DateTime,
    Dialect,
    Engine,
    Executable,
    Insert,
    MetaData,
    Row,
    Select,
    UpdateBase,
    event,
    exc,
    make_url,
    types,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Record: TypeAlias = Row[*tuple[Any, ...]]  # a row of a Core statement, its columns by name
Query: TypeAlias = Select[*tuple[Any, ...]]

P = ParamSpec("P")
R = TypeVar("R")

QUEUE_SECONDS = 5.0  # how long a writer waits for its turn before it says that the shop is busy
TRIES = 3  # PostgreSQL: how often a whole transaction is tried
PASSING_TROUBLE = {"40001", "40P01", "55P03", "57014"}  # serialisation failure, deadlock, lock timeout, statement timeout


class Busy(Exception):
    """The database could not give this writer its turn in time; nothing was written. Doors answer 503 with Retry-After."""


class UtcDateTime(types.TypeDecorator[datetime]):
    """A moment as an aware UTC datetime on every database; SQLite itself would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def now() -> datetime:
    return datetime.now(UTC)


class Model(DeclarativeBase):
    """What every table has: a small id that is never given twice, and when the row was made."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime}
    __table_args__: Any = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


db = SQLAlchemy(metadata=Model.metadata)
migrate = Migrate()
login_manager = LoginManager()
limiter = Limiter(get_remote_address)


def init_app(app: Flask) -> None:
    init_database(app)
    limiter.init_app(app)


def init_database(app: Flask) -> None:
    """Bind the database to the app and give its connections the settings that its guarantees rest on."""
    uri = app.config["SQLALCHEMY_DATABASE_URI"]
    if uri.startswith("sqlite"):
        options: dict[str, Any] = {"connect_args": {"timeout": QUEUE_SECONDS}}
        if make_url(uri).database not in {None, "", ":memory:"}:
            options["max_overflow"] = -1  # each thread keeps one to read by, and has another while it writes
    else:
        limits = "-c lock_timeout=3s -c statement_timeout=10s -c idle_in_transaction_session_timeout=30s"
        options = {"pool_pre_ping": True, "connect_args": {"options": limits, "connect_timeout": 5}}
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    db.init_app(app)
    migrate.init_app(app, db, render_as_batch=True)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            prepare_sqlite(db.engine, app.config["SQLITE_QUEUE"])


def prepare_sqlite(engine: Engine, queue: bool) -> None:
    """Let SQLAlchemy, not the driver, begin transactions, and make each commit durable."""
    if queue and engine.url.database:
        engine.update_execution_options(write_queue=Path(engine.url.database + ".queue"))

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":  # setting it again waits for a writer
            connection.execute("PRAGMA journal_mode=WAL")
        for pragma in ("synchronous=FULL", "foreign_keys=ON", f"busy_timeout={int(QUEUE_SECONDS * 1000)}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN " + connection.get_execution_options().get("begin", "DEFERRED"))


def read(statement: Executable, values: Mapping[str, Any] | None = None) -> CursorResult[*tuple[Any, ...]]:
    """Run a Core statement on this request's connection, past the ORM."""
    return db.session.connection().execute(statement, values)


readers = threading.local()


def reader() -> Connection:
    """What is read by when there is no transaction: on PostgreSQL the session's connection, on SQLite one that the thread keeps.

    On the thread's own SQLAlchemy begins nothing, and SQLite lets go of each SELECT when its last row was fetched. It is of one
    process and one pool, which engine.dispose() replaces. PostgreSQL would be asked whether it still lives, to begin and to end.
    """
    engine = db.engine
    if engine.name != "sqlite":
        return db.session.connection()
    place = (os.getpid(), engine.pool)
    if getattr(readers, "place", None) != place:
        readers.connection, readers.place = engine.connect(), place
    connection: Connection = readers.connection
    return connection


class Compiled:
    """A statement in the words of one kind of database: its SQL, how values go in, and how rows come out."""

    def __init__(self, statement: Query | UpdateBase, dialect: Dialect):
        columns = [each for each in statement.table.columns if not each.primary_key] if isinstance(statement, Insert) else []
        done: Any = statement.compile(dialect=dialect, column_keys=[each.key for each in columns] or None)
        self.sql = str(done)
        self.places: Sequence[str] | None = done.positiontup  # the parameters in their order; None where they go by name
        self.names = {name for name, bind in done.binds.items() if bind.required}
        self.values = {name: value for name, value in done.params.items() if name not in self.names}  # of the statement's own
        defaults: dict[str, Any] = {each.key: each.default for each in columns}
        self.values |= {key: default.arg if default and default.is_scalar else None for key, default in defaults.items()}
        self.made = [(key, default.arg) for key, default in defaults.items() if default and default.is_callable]
        into = [(name, done.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in done.params]
        self.writers = [(name, convert) for name, convert in into if convert]
        out = [each.type.dialect_impl(dialect).result_processor(dialect, None) for each in statement.exported_columns]
        self.readers = [(place, convert) for place, convert in enumerate(out) if convert]

    def bound(self, given: Mapping[str, Any]) -> Mapping[str, Any] | Sequence[Any]:
        """What the driver is given: these over the statement's own values and the columns' defaults, each as its type says."""
        if unknown := given.keys() - self.names:
            raise TypeError(f"no parameter is named {', '.join(sorted(unknown))} in {self.sql}")
        values = {**self.values, **given}
        for name, make in self.made:
            if name not in given:
                values[name] = make(None)
        for name, convert in self.writers:
            values[name] = convert(values[name])
        return values if self.places is None else [values[name] for name in self.places]

    def read(self, row: Sequence[Any]) -> Sequence[Any]:
        """A row of the driver's, each value as its type says."""
        values = list(row)
        for place, convert in self.readers:
            values[place] = convert(values[place])
        return values


class Prepared:
    """A statement that is said often: compiled once for each kind of database, then said to the driver itself.

    What SQLAlchemy does at every execution costs several times what the driver takes for a row found by its key. With a
    connection it runs inside that connection's transaction; without one it must be a SELECT, and sees what is committed.
    Values are given by the names of its parameters. An INSERT writes every column but the id: a column that is not given gets
    its default, or NULL. Types convert both ways as they do everywhere; rows are named tuples. Errors are SQLAlchemy's, but
    without the values, which may be somebody's name. It takes no lists for a parameter.
    """

    def __init__(self, statement: Query | UpdateBase):
        self.statement = statement.inline() if isinstance(statement, Insert) else statement  # answers no id but by RETURNING
        self.row: Any = namedtuple("Row", list(map(str, statement.exported_columns.keys())), rename=True)  # type: ignore[misc]
        self.compiled: dict[str, Compiled] = {}

    def rows(self, t: Connection | None = None, /, **values: Any) -> list[Any]:
        """Every row for these values."""
        if t is None and not isinstance(self.statement, Select):
            raise TypeError("what writes needs a transaction")
        return self._say(reader() if t is None else t, [values])[0]

    def row_or_none(self, t: Connection | None = None, /, **values: Any) -> Any:
        """The first row for these values, if there is one."""
        found = self.rows(t, **values)
        return found[0] if found else None

    def each(self, t: Connection, sets: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Run it once for each set of values, in their order; answers the row that each gave, None for one that gave none.

        PostgreSQL is sent all of them in one go, so that many take no more round trips than one.
        """
        return [rows[0] if rows else None for rows in self._say(t, sets)]

    def _say(self, connection: Connection, sets: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        """The rows that each set of values gave. Raises what SQLAlchemy would."""
        dialect = connection.dialect
        compiled = self.compiled.get(dialect.name)
        if compiled is None:
            compiled = self.compiled[dialect.name] = Compiled(self.statement, dialect)
        bound = [compiled.bound(values) for values in sets]
        driver: Any = connection.connection
        failure: type[Exception] = dialect.loaded_dbapi.Error  # type: ignore[attr-defined]
        try:
            with closing(driver.cursor()) as cursor:
                answers = self._ask(cursor, compiled.sql, bound, at_once=dialect.name == "postgresql")
        except failure as error:
            is_lost = dialect.is_disconnect(error, driver.dbapi_connection, None)  # type: ignore[arg-type]
            if is_lost:
                connection.invalidate(error)
            raise exc.DBAPIError.instance(
                compiled.sql, None, error, failure, hide_parameters=True, connection_invalidated=is_lost, dialect=dialect
            ) from error
        if not compiled.readers:
            return [list(map(self.row._make, rows)) for rows in answers]
        return [[self.row._make(compiled.read(row)) for row in rows] for rows in answers]

    def _ask(self, cursor: Any, sql: str, sets: Sequence[Any], *, at_once: bool) -> list[list[Any]]:
        """The driver's rows for each set of values; `at_once` as only psycopg can."""
        gives_rows = bool(self.row._fields)
        if len(sets) != 1 and not gives_rows:
            cursor.executemany(sql, sets)
            return [[] for _ in sets]
        answers: list[list[Any]] = []
        if len(sets) != 1 and at_once:
            cursor.executemany(sql, sets, returning=True)
            for _ in sets:
                answers.append(cursor.fetchall())
                cursor.nextset()
            return answers
        for values in sets:
            cursor.execute(sql, values)
            answers.append(cursor.fetchall() if gives_rows else [])
        return answers


@contextmanager
def turn_to_write(queue: Path | None) -> Iterator[None]:
    """Wait in line for SQLite's one write lock. Its own busy handler polls, so that some of many writers would starve."""
    if queue is None:
        yield
        return
    came = time.monotonic()
    with queue.open("a") as line:
        fcntl.flock(line, fcntl.LOCK_EX)  # closing the file, or the death of the process, passes the turn on
        if time.monotonic() - came > QUEUE_SECONDS:
            raise Busy
        yield


@contextmanager
def transaction() -> Iterator[Connection]:
    """One write transaction of this use case: everything or nothing.

    Whatever the session had read before is let go, so that all reads inside are fresh; on SQLite the write lock is taken
    before the first of them. The ORM's session shares the transaction. Raises Busy when the lock cannot be had in time.
    """
    session = db.session
    session.rollback()
    options = db.engine.get_execution_options()
    with turn_to_write(options.get("write_queue")):
        try:
            yield session.connection(execution_options={"begin": "IMMEDIATE"})
            session.commit()
        except exc.OperationalError as error:
            session.rollback()
            if "database is locked" in str(error.orig) or "database is busy" in str(error.orig):
                raise Busy from error
            raise
        except BaseException:
            session.rollback()
            raise


def retried(use_case: Callable[P, R]) -> Callable[P, R]:
    """Run a use case again when PostgreSQL broke its transaction off for a passing reason; after the third time raise Busy.

    So too when QUEUE_SECONDS have gone: PostgreSQL counts its lock timeout anew for each lock that one statement waits for.
    Safe only for use cases that are idempotent, as every one with a transaction of its own must be.
    """

    @functools.wraps(use_case)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        came = time.monotonic()
        for attempt in range(TRIES):
            try:
                return use_case(*args, **kwargs)
            except exc.DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in PASSING_TROUBLE:
                    raise
                if attempt + 1 == TRIES or time.monotonic() - came > QUEUE_SECONDS:
                    raise Busy from error
                time.sleep(random.uniform(0.01, 0.05) * (attempt + 1))
        raise AssertionError("the loop above returns or raises")

    return run
