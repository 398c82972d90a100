"""Backup and restore while the shop runs: the file is whole, what it says comes back, and nothing else is taken for one."""

import shutil
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from app import create_app
from app.extensions import db, transaction
from app.models.order import Order
from app.services import catalog, invariants, safekeeping
from app.services.safekeeping import NotKept
from tests.factories import Item, a_variant
from tests.planting import an_order

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
BEANS = Item(1, "BEANS", "beans", 1)  # what `kept` sells


def orders() -> int:
    db.session.rollback()
    count = db.session.execute(select(func.count(Order.id))).scalar_one()
    db.session.rollback()
    return count


@pytest.fixture
def kept(app_context: object, tmp_path: Path) -> Path:
    """A backup of a shop with one order; a second was placed after it."""
    file = tmp_path / "kept"
    variant = a_variant()
    an_order(variant)
    safekeeping.backup(file)
    an_order(variant, 2)
    return file


def test_what_was_kept_comes_back(kept):
    assert orders() == 2

    safekeeping.restore(safekeeping.look_at(kept))

    assert orders() == 1
    assert invariants.broken() == []


def test_the_shop_sells_on_after_a_restore(kept):
    safekeeping.restore(safekeeping.look_at(kept))

    an_order(BEANS, 3)

    assert orders() == 2
    assert invariants.broken() == []


def test_a_server_that_runs_sees_the_restored_shop(kept, app):
    other = create_app(dict(app.config))
    with other.app_context():
        assert orders() == 2

        with app.app_context():
            safekeeping.restore(safekeeping.look_at(kept))

        assert orders() == 1
        an_order(BEANS)
        db.session.remove()
        db.engine.dispose()


def test_pages_that_were_shown_before_a_restore_are_not_taken_for_new_ones(kept):
    with transaction() as t:
        for _ in range(10):
            catalog.touch(t)
    shown = catalog.revision()

    safekeeping.restore(safekeeping.look_at(kept))

    assert catalog.revision() > shown


def test_a_backup_is_private_and_leaves_nothing_beside_it(kept, tmp_path):
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in kept.parent.iterdir() if file.name.startswith((".kept", "kept"))] == ["kept"]


def test_a_newer_backup_takes_the_place_of_the_older(kept):
    safekeeping.backup(kept)

    safekeeping.restore(safekeeping.look_at(kept))

    assert orders() == 2


def test_a_backup_while_buyers_buy_is_of_one_moment(app, app_context, tmp_path):
    variant, failures = a_variant(on_hand=1000), []

    def buy() -> None:
        with app.app_context():
            try:
                for _ in range(40):
                    an_order(variant)
            except Exception as error:
                failures.append(error)
            finally:
                db.session.remove()

    buyers = [threading.Thread(target=buy) for _ in range(2)]
    for buyer in buyers:
        buyer.start()
    safekeeping.backup(tmp_path / "kept")
    for buyer in buyers:
        buyer.join()
    safekeeping.restore(safekeeping.look_at(tmp_path / "kept"))

    assert not failures
    assert 0 <= orders() <= 80
    assert invariants.broken() == []


@pytest.mark.parametrize("contents", [b"", b"not a backup", b"SQLite format 3\x00 but broken" * 99, b"PGDMP but broken" * 99])
def test_what_is_no_backup_is_refused(contents, app_context, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(contents)

    with pytest.raises(NotKept):
        safekeeping.look_at(file)


def test_another_programs_database_is_refused(app_context, tmp_path):
    file = tmp_path / "file"
    if db.engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(file)) as connection:
            connection.execute('CREATE TABLE "order" (id)')
    else:
        subprocess.run(["pg_dump", "-Fc", "--table=attempt", f"--file={file}", safekeeping.dsn()], check=True)

    with pytest.raises(NotKept, match="the tables of Till are not in it"):
        safekeeping.look_at(file)


def test_the_backup_of_a_newer_till_is_refused(kept):
    with transaction() as t:
        t.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    safekeeping.backup(kept)

    with pytest.raises(NotKept, match="newer Till"):
        safekeeping.look_at(kept)
    with transaction() as t:
        t.execute(text("UPDATE alembic_version SET version_num = '0003'"))


def test_a_database_without_tables_is_not_kept(databases, tmp_path):
    url = databases.empty("sqlite", tmp_path)
    with create_app({"DATABASE_URL": url, "INSTANCE_PATH": str(tmp_path / "i")}).app_context():
        with pytest.raises(NotKept, match="nothing to back up"):
            safekeeping.backup(tmp_path / "kept")
        db.engine.dispose()

    assert not (tmp_path / "kept").exists()


@ON_SQLITE
def test_the_database_itself_is_no_backup_file(app_context):
    with pytest.raises(NotKept, match="is the database itself"):
        safekeeping.backup(safekeeping.live_file())


@ON_SQLITE
@pytest.mark.parametrize("table", ["sqlite_master", "order_event"])
def test_a_damaged_backup_is_refused(table, kept):
    with closing(sqlite3.connect(kept)) as connection:
        [size] = connection.execute("PRAGMA page_size").fetchone()
        [page] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone() or [1]
    contents = bytearray(kept.read_bytes())
    contents[(page - 1) * size + 100 : page * size] = b"\xff" * (size - 100)
    kept.write_bytes(contents)

    with pytest.raises(NotKept, match="is damaged"):
        safekeeping.look_at(kept)


@ON_SQLITE
@pytest.mark.parametrize("rest", ["nothing", "logs", "rubbish"])
def test_a_lost_or_broken_database_is_replaced(rest, kept):
    live = safekeeping.live_file()
    logs = [live.with_name(live.name + suffix) for suffix in ("-wal", "-shm")]
    copies = [log.read_bytes() for log in logs]
    db.session.remove()
    db.engine.dispose()
    live.unlink()
    for log, copy in zip(logs, copies, strict=True):
        log.unlink(missing_ok=True)
        if rest != "nothing":
            log.write_bytes(copy)
    if rest == "rubbish":
        live.write_bytes(b"rubbish" * 9999)

    safekeeping.restore(safekeeping.look_at(kept))

    assert orders() == 1
    assert invariants.broken() == []
    assert bool(list(live.parent.glob("*.broken-*"))) == (rest == "rubbish")


@ON_SQLITE
def test_a_killed_restore_leaves_the_old_shop(kept, monkeypatch):
    live = safekeeping.live_file()
    db.session.remove()
    code = f"""
import os, sqlite3
source, target = sqlite3.connect({str(kept)!r}), sqlite3.connect({str(live)!r})
source.backup(target, pages=20, sleep=0, progress=lambda *_: os._exit(9))
"""
    assert subprocess.run([shutil.which("python3"), "-c", code]).returncode == 9

    assert orders() == 2
    assert invariants.broken() == []


@ON_POSTGRESQL
def test_missing_client_programs_are_one_sentence(app_context, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NotKept, match="pg_dump was not found; install PostgreSQL's client programs"):
        safekeeping.backup(tmp_path / "kept")

    assert not (tmp_path / "kept").exists()


@ON_POSTGRESQL
def test_an_empty_database_can_be_restored_into(kept):
    db.session.remove()
    with db.engine.connect() as connection, connection.begin():
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))

    safekeeping.restore(safekeeping.look_at(kept))

    assert orders() == 1
