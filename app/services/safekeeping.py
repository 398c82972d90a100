"""Backup and restore, while the shop runs: SQLite by its own backup, PostgreSQL by pg_dump and pg_restore."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import exc, func, select, update

from app.extensions import db, transaction, turn_to_write
from app.models.catalog import CatalogueRevision
from app.services import schema
from app.services.errors import ShopError

SQLITE_BEGINNING = b"SQLite format 3\x00"
POSTGRESQL_BEGINNING = b"PGDMP"
BUSY_SECONDS = 30
PATIENCE = "-c lock_timeout=30s -c statement_timeout=0"  # pg_restore's, before it gives up and leaves all as it was
RAISE_REVISION = "UPDATE catalogue_revision SET number = max(number, ?) + 1"


class NotKept(ShopError):
    """A backup could not be made or brought back; the shop's data is as it was."""


@dataclass(frozen=True)
class Backup:
    """A file that can be brought back: which migration it is at, and whether that is the code's own."""

    file: Path
    revision: str

    @property
    def is_current(self) -> bool:
        return self.revision == schema.head()


def is_sqlite() -> bool:
    return db.engine.dialect.name == "sqlite"


def backup(file: Path) -> None:
    """Write the shop's data as of one moment into a file, readable by its owner alone; an older one is replaced at the very end.

    Raises NotKept, OSError.
    """
    with db.engine.connect() as connection:
        if not schema.current(connection):
            raise NotKept("There is nothing to back up yet: the database has no tables.")
    if file.is_dir():
        raise NotKept(f"{file} is a folder; name a file in it.")
    if is_sqlite() and file.exists() and file.samefile(live_file()):
        raise NotKept(f"{file} is the database itself; name another file.")
    with taking_the_place_of(file) as part:
        if is_sqlite():
            copy_sqlite(live_file(), part)
        else:
            run_tool("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={part}")


def look_at(file: Path) -> Backup:
    """What a file is, after it was found whole. Raises NotKept when this shop cannot be restored from it, OSError."""
    with file.open("rb") as opened:
        beginning = opened.read(len(SQLITE_BEGINNING))
    refused = f"{file} is not a backup of this kind of shop"
    if is_sqlite():
        if beginning != SQLITE_BEGINNING:
            raise NotKept(f"{refused}: it is not a SQLite file.")
        revision = sqlite_revision(file)
    else:
        if not beginning.startswith(POSTGRESQL_BEGINNING):
            raise NotKept(f"{refused}: pg_dump did not write it.")
        revision = postgresql_revision(file)
    if not revision:
        raise NotKept(f"{refused}: the tables of Till are not in it.")
    if not schema.is_known(revision):
        raise NotKept(f"{file} was made by a newer Till (its migration {revision} is not known here); upgrade first.")
    return Backup(file, revision)


def restore(found: Backup) -> None:
    """Put everything back as it was when the backup was made; whoever reads meanwhile sees the old state or the new one.

    Raises NotKept, Busy, OSError; then nothing was changed.
    """
    number = catalogue_revision()
    db.session.remove()
    if is_sqlite():
        restore_sqlite(found.file, live_file(), number)
        db.engine.dispose()
    else:
        db.engine.dispose()
        flags = ("--clean", "--if-exists", "--single-transaction", "--no-owner", "--no-privileges")
        run_tool("pg_restore", *flags, f"--dbname={dsn()}", str(found.file))
        with transaction() as t:  # pages are known by this number: one that was shown may not come again with other contents
            now_at = func.greatest(CatalogueRevision.number, number) + 1
            t.execute(update(CatalogueRevision).values(number=now_at))


def catalogue_revision() -> int:
    """The live database's; 0 when it has none, which may be why somebody restores."""
    try:
        return db.session.execute(select(CatalogueRevision.number)).scalar() or 0
    except exc.DBAPIError:
        return 0


@contextmanager
def taking_the_place_of(file: Path) -> Iterator[Path]:
    """A new file beside it that takes its place at the end of the block, whole and on the disk, or vanishes."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".part")  # for its owner's eyes
    part = Path(name)
    try:
        yield part
        os.fsync(descriptor)
        part.replace(file)
    finally:
        os.close(descriptor)
        part.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


# ------------------------------------------------------------------------------------------------ SQLite


def live_file() -> Path:
    """Where the shop's SQLite database is. Raises NotKept when it is in memory only."""
    if not db.engine.url.database or db.engine.url.database == ":memory:":
        raise NotKept("A database in memory cannot be kept.")
    return Path(db.engine.url.database)


def opened(file: Path, *, read_only: bool = False) -> closing[sqlite3.Connection]:
    address = f"{file.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    return closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS))


def copy_sqlite(source_file: Path, part: Path) -> None:
    """Copy in one step, hence as of one moment; buyers go on writing meanwhile."""
    with opened(source_file, read_only=True) as source, opened(part) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        refuse_damaged(copy, source_file)


def refuse_damaged(connection: sqlite3.Connection, file: Path) -> None:
    complaints = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if complaints != ["ok"]:
        raise NotKept(f"{file} is damaged: {'; '.join(complaints)}")


def sqlite_revision(file: Path) -> str:
    """The migration that a SQLite file is at; "" for one that is no shop's."""
    try:
        with opened(file, read_only=True) as connection:
            refuse_damaged(connection, file)
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"alembic_version", "order", "outbox_message"} <= names:
                return ""
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else ""
    except sqlite3.DatabaseError as error:
        raise NotKept(f"{file} is damaged: {error}") from error


def restore_sqlite(file: Path, live: Path, number: int) -> None:
    """Write the backup's pages over the live ones in one transaction, so that servers that run see it as any other commit."""
    with turn_to_write(db.engine.get_execution_options().get("write_queue")):
        try:
            write_over(file, live, number)
        except sqlite3.OperationalError as error:
            raise NotKept(f"{live} could not be written: {error}") from error
        except sqlite3.DatabaseError:  # what lies there is no database any more
            set_aside(live)
            write_over(file, live, number)


def write_over(file: Path, live: Path, number: int) -> None:
    with opened(file, read_only=True) as source, opened(live) as target:
        source.backup(target)
        with target:  # pages are known by this number: one that was shown may not come again with other contents
            target.execute(RAISE_REVISION, (number,))


def set_aside(live: Path) -> None:
    """Rename a broken database and its logs, so that they neither spoil the new one nor are lost."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for suffix in ("", "-wal", "-shm"):
        part = live.with_name(live.name + suffix)
        if part.exists():
            part.replace(live.with_name(f"{live.name}.broken-{stamp}{suffix}"))


# ------------------------------------------------------------------------------------------------ PostgreSQL


def dsn() -> str:
    """The database's address as PostgreSQL's own programs read it, without the password: every user sees their arguments."""
    url = db.engine.url.set(drivername="postgresql")
    return url._replace(password=None).render_as_string(hide_password=False)


def run_tool(program: str, *arguments: str) -> str:
    """What one of PostgreSQL's programs printed, run on the shop's database. Raises NotKept with what it complained of."""
    path = shutil.which(program)
    if path is None:
        raise NotKept(f"{program} was not found; install PostgreSQL's client programs (Debian: apt install postgresql-client).")
    environment = dict(os.environ) | {"PGOPTIONS": PATIENCE}
    if db.engine.url.password:
        environment["PGPASSWORD"] = str(db.engine.url.password)
    if program == "pg_dump":
        arguments = (*arguments, f"--dbname={dsn()}")
    done = subprocess.run([path, *arguments], env=environment, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise NotKept(f"{program} failed, and nothing was changed: {' '.join(lines[:3])}")
    return done.stdout


def postgresql_revision(file: Path) -> str:
    """The migration that a dump is at; "" for one that is no shop's."""
    tables = run_tool("pg_restore", "--list", str(file))
    if not all(f" TABLE DATA public {name} " in tables for name in ("alembic_version", "order", "outbox_message")):
        return ""
    rows = run_tool("pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(file)).splitlines()
    begins = next((number for number, line in enumerate(rows) if line.startswith("COPY ")), None)
    return "" if begins is None or rows[begins + 1] == "\\." else rows[begins + 1]
