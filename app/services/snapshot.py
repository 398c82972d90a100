"""Reading much at one moment, while others write."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from app.extensions import db


@contextmanager
def snapshot(*, seconds: int = 120) -> Iterator[Connection]:
    """A connection whose reads all see the database as it was at the first of them; it cannot write and locks nobody out.

    `seconds` is how long PostgreSQL may take over one statement. SQLite's snapshot keeps its log from being cut meanwhile.
    """
    with db.engine.connect() as connection:
        is_postgresql = connection.dialect.name == "postgresql"
        if is_postgresql:
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            if is_postgresql:
                connection.execute(text(f"SET LOCAL statement_timeout = {seconds * 1000:d}"))
            yield connection
