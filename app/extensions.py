"""The extensions every room shares, and transaction(): the one way to write to the database."""

import fcntl
import functools
import random
import time
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, CursorResult, DateTime, Dialect, Engine, Executable, MetaData, Row, Select, event, exc, types
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


class Prepared:
    """A SELECT of the pages that are asked for most: compiled once per database, run on the driver, read outside transactions.

    Its rows are named tuples of what the driver gives, so it is not for columns whose types convert, times above all, nor
    for lists of values.
    """

    def __init__(self, statement: Query):
        self.statement = statement
        self.row = namedtuple("Row", statement.selected_columns.keys())  # type: ignore[misc]
        self.compiled: dict[str, tuple[str, Mapping[str, Any], Sequence[str] | None]] = {}

    def rows(self, **values: Any) -> list[Any]:
        """Every row for these values of the statement's own parameters."""
        engine = db.engine
        if engine.name not in self.compiled:
            done = self.statement.compile(engine)
            self.compiled[engine.name] = str(done), done.params, done.positiontup  # type: ignore[attr-defined]
        sql, defaults, places = self.compiled[engine.name]
        given = {**defaults, **values}
        try:
            connection = engine.raw_connection()
        except engine.dialect.loaded_dbapi.Error as error:  # type: ignore[attr-defined]
            raise exc.OperationalError(None, None, error) from error  # as a connection of SQLAlchemy's would say it
        try:
            cursor = connection.cursor()
            cursor.execute(sql, given if places is None else [given[name] for name in places])
            return list(map(self.row._make, cursor.fetchall()))
        finally:
            connection.close()

    def row_or_none(self, **values: Any) -> Any:
        """The first row, if there is one."""
        found = self.rows(**values)
        return found[0] if found else None


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
