"""Databases for tests: each migrated once by the command that shops use, then copied for every test."""

import secrets
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cached_property
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests import live

BACKENDS = ("sqlite", "postgresql")


class Databases:
    """Gives out fresh, migrated, empty databases. `postgres` answers the server's address, starting it when first asked."""

    def __init__(self, folder: Path, postgres: Callable[[], str]):
        self.folder = folder
        self.postgres = postgres
        self.templates: dict[str, str] = {}  # backend → file, or name of the database
        self.given_up: str | None = None

    def fresh(self, backend: str, folder: Path) -> str:
        """The address of a new database; a SQLite one lies in the folder."""
        if backend not in self.templates:
            self.templates[backend] = self.make_sqlite() if backend == "sqlite" else self.make_postgres()
        template = self.templates[backend]
        if backend == "sqlite":
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"till-{secrets.token_hex(4)}.sqlite3"
            shutil.copyfile(template, file)
            return f"sqlite:///{file}"
        name = f"till_{secrets.token_hex(8)}"
        self.administer(f"CREATE DATABASE {name} TEMPLATE {template} {self.quickest}")
        return self.address(name)

    def empty(self, backend: str, folder: Path) -> str:
        """The address of a database without a single table, for tests of the migrations."""
        if backend == "sqlite":
            folder.mkdir(parents=True, exist_ok=True)
            return f"sqlite:///{folder / f'empty-{secrets.token_hex(4)}.sqlite3'}"
        name = f"till_{secrets.token_hex(8)}"
        self.administer(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.address(name)

    def drop(self, url: str) -> None:
        """Give up a PostgreSQL database, and drop the one given up before; SQLite's go with the test's folder.

        Just after its last client has gone, a server process still ends, and PostgreSQL would sleep a tenth of a second over it.
        """
        if url.startswith("postgresql"):
            earlier, self.given_up = self.given_up, make_url(url).database
            if earlier:
                self.administer(f"DROP DATABASE IF EXISTS {earlier} WITH (FORCE)")

    def close(self) -> None:
        if "postgresql" in self.templates:
            self.drop(self.address(self.templates["postgresql"]))
            self.administer(f"DROP DATABASE IF EXISTS {self.given_up} WITH (FORCE)")

    def make_sqlite(self) -> str:
        file = self.folder / "template.sqlite3"
        self.migrate(f"sqlite:///{file}")
        with closing(sqlite3.connect(file)) as connection:
            # Only what stands in the file itself is copied, not what a log beside it would add.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return str(file)

    @cached_property
    def quickest(self) -> str:
        """How this server copies a small database fastest: file by file, where it may be told so."""
        with psycopg.connect(self.postgres()) as connection:
            return "STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""

    def make_postgres(self) -> str:
        name = f"till_template_{secrets.token_hex(8)}"
        self.administer(f"CREATE DATABASE {name} TEMPLATE template0")
        self.migrate(self.address(name))
        return name

    def migrate(self, url: str) -> None:
        done = live.run_flask("db", "upgrade", env=live.environment(url, self.folder / "instance"))
        assert done.returncode == 0, f"flask db upgrade failed on {url}:\n{done.stdout}{done.stderr}"

    def administer(self, statement: str) -> None:
        with psycopg.connect(self.postgres(), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def address(self, name: str) -> str:
        return make_url(self.postgres()).set(database=name).render_as_string(hide_password=False)
