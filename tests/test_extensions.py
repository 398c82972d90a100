"""transaction(): everything or nothing, one writer after the other, and Busy rather than waiting for ever."""

import contextvars
import fcntl
import threading
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import exc, select, text, update

from app import extensions
from app.extensions import Busy, db, now, retried, transaction
from app.models.catalog import Category, Variant
from tests.factories import a_category, a_variant
from tests.shopping import level

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
pytestmark = pytest.mark.usefixtures("app_context")


def names() -> list[str]:
    db.session.rollback()
    return list(db.session.execute(select(Category.name)).scalars())


def test_what_is_written_is_there_afterwards():
    with transaction():
        db.session.add(Category(slug="gear", name="Gear"))

    assert names() == ["Gear"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_whatever_breaks_it_off_nothing_is_written(error):
    with pytest.raises(error), transaction() as t:
        t.execute(update(Variant).values(on_hand=0))
        db.session.add(Category(slug="gear", name="Gear"))
        db.session.flush()
        raise error

    assert names() == []


def test_core_and_orm_share_it():
    with transaction() as t:
        db.session.add(Category(slug="gear", name="Gear"))
        db.session.flush()
        seen = t.execute(select(Category.name)).scalars().all()

    assert seen == ["Gear"]


def test_reads_inside_are_fresh(app):
    a_category("Gear")
    category = db.session.execute(select(Category)).scalar_one()
    in_another_thread(app, lambda: rename("Tools"))

    with transaction():
        name = db.session.get(Category, category.id).name

    assert name == "Tools"


def rename(name: str) -> None:
    with transaction() as t:
        t.execute(update(Category).values(name=name))


def in_another_thread(app, work) -> None:
    def run():
        with app.app_context():
            work()
            db.session.remove()

    thread = threading.Thread(target=lambda: contextvars.Context().run(run))
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


def test_the_next_transaction_works_after_one_that_failed():
    with pytest.raises(exc.IntegrityError), transaction():
        db.session.add_all([Category(slug="gear", name="Gear"), Category(slug="gear", name="Gear")])

    a_category("Gear")

    assert names() == ["Gear"]


def test_many_writers_lose_no_update(app):
    beans = a_variant(on_hand=0)

    def add_ten():
        with app.app_context():
            for _ in range(10):
                with transaction() as t:
                    on_hand = t.execute(select(Variant.on_hand).where(Variant.id == beans.id).with_for_update()).scalar_one()
                    t.execute(update(Variant).where(Variant.id == beans.id).values(on_hand=on_hand + 1))
            db.session.remove()

    threads = [threading.Thread(target=lambda: contextvars.Context().run(add_ten)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert level("BEANS")[0] == 40
    with transaction() as t:  # the ledger knows nothing of this test
        t.execute(update(Variant).values(on_hand=0))


def test_times_come_back_aware_and_in_utc():
    before = now()
    a_category("Gear")

    made = db.session.execute(select(Category.created_at)).scalar_one()

    assert made.utcoffset().total_seconds() == 0
    assert before <= made <= now()


# --- SQLite ---


@only_sqlite
def test_sqlite_is_durable_keeps_foreign_keys_and_waits():
    said = {name: db.session.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous", "foreign_keys")}

    assert said == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@only_sqlite
def test_a_reader_does_not_wait_for_a_writer(app):
    a_category("Gear")
    with transaction() as t:
        t.execute(update(Category).values(name="Tools"))
        in_another_thread(app, lambda: seen.append(names()))  # waits for nobody, and sees what was committed

    assert seen.pop() == ["Gear"]


seen: list[list[str]] = []


@only_sqlite
def test_a_writer_that_waited_too_long_for_its_turn_is_told_that_the_shop_is_busy(monkeypatch):
    monkeypatch.setattr(extensions, "QUEUE_SECONDS", 0.02)
    queue = Path(db.engine.url.database + ".queue")

    with queue.open("a") as line:
        fcntl.flock(line, fcntl.LOCK_EX)
        letting_go = threading.Timer(0.1, lambda: fcntl.flock(line, fcntl.LOCK_UN))
        letting_go.start()
        with pytest.raises(Busy), transaction():
            raise AssertionError("it was not its turn")
        letting_go.join()


@only_sqlite
def test_a_lock_from_outside_the_queue_ends_as_busy(monkeypatch, app):
    monkeypatch.setattr(extensions, "QUEUE_SECONDS", 0.05)
    db.session.remove()
    db.engine.dispose()  # connections take their patience from the setting when they are made
    other = db.engine.raw_connection()
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(Busy), transaction():
        raise AssertionError("somebody else holds the lock")

    other.execute("ROLLBACK")
    other.close()


@only_sqlite
def test_a_writer_that_died_leaves_its_turn_to_the_next():
    queue = Path(db.engine.url.database + ".queue")
    line = queue.open("a")
    fcntl.flock(line, fcntl.LOCK_EX)
    line.close()  # as the end of its process does
    began = time.monotonic()

    a_category("Gear")

    assert time.monotonic() - began < 2


@only_sqlite
@pytest.mark.settings(SQLITE_QUEUE=False)
def test_the_queue_can_be_switched_off():
    a_category("Gear")

    assert not Path(db.engine.url.database + ".queue").exists()


@only_sqlite
def test_errors_that_are_not_about_locks_stay_what_they_are():
    with pytest.raises(exc.OperationalError), transaction() as t:
        t.execute(text("SELECT nothing FROM nowhere"))


# --- PostgreSQL ---


@only_postgresql
def test_postgresql_never_waits_for_long():
    said = {name: db.session.execute(text(f"SHOW {name}")).scalar() for name in ("lock_timeout", "statement_timeout")}
    said["idle"] = db.session.execute(text("SHOW idle_in_transaction_session_timeout")).scalar()

    assert said == {"lock_timeout": "3s", "statement_timeout": "10s", "idle": "30s"}


@only_postgresql
def test_a_lock_that_cannot_be_had_ends_as_busy_after_three_tries():
    a_category("Gear")
    tries = []

    @retried
    def rename_it():
        tries.append(1)
        with transaction() as t:
            t.execute(text("SET LOCAL lock_timeout = '20ms'"))
            t.execute(update(Category).values(name="Tools"))

    with psycopg.connect(db.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")) as other:
        other.execute("UPDATE category SET name = 'Mine'")
        with pytest.raises(Busy):
            rename_it()
        other.rollback()

    assert len(tries) == extensions.TRIES
    assert names() == ["Gear"]


# --- retried ---


class Broken(Exception):
    def __init__(self, sqlstate: str):
        self.sqlstate = sqlstate


def failing(times: int, sqlstate: str):
    """A use case that fails so often before it works, and how often it was tried."""
    tries = []

    @retried
    def use_case():
        tries.append(1)
        if len(tries) <= times:
            raise exc.OperationalError("x", {}, Broken(sqlstate))
        return "done"

    return use_case, tries


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03"])
def test_passing_trouble_is_tried_again(sqlstate):
    use_case, tries = failing(2, sqlstate)

    assert use_case() == "done"
    assert len(tries) == 3


def test_trouble_that_does_not_pass_ends_as_busy():
    use_case, tries = failing(9, "40001")

    with pytest.raises(Busy):
        use_case()

    assert len(tries) == 3


@pytest.mark.parametrize("sqlstate", ["23505", "42P01", ""])
def test_other_trouble_is_not_tried_again(sqlstate):
    use_case, tries = failing(9, sqlstate)

    with pytest.raises(exc.OperationalError):
        use_case()

    assert len(tries) == 1
