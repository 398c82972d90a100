"""transaction(): everything or nothing, one writer after the other, and Busy rather than waiting for ever; and Prepared."""

import contextvars
import fcntl
import os
import sqlite3
import threading
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import bindparam, exc, insert, select, text, update

from app import create_app, extensions
from app.extensions import Busy, Prepared, db, now, reader, retried, transaction
from app.models.catalog import Category, Variant
from app.models.outbox import OutboxMessage
from tests import driver
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


# --- prepared statements ---

ADD_MESSAGE = Prepared(insert(OutboxMessage).returning(OutboxMessage.id))
MESSAGE = Prepared(
    select(OutboxMessage.payload, OutboxMessage.available_at, OutboxMessage.done_at, OutboxMessage.is_dead).where(
        OutboxMessage.dedupe_key == bindparam("key")
    )
)
SHELVE = Prepared(insert(Category))
SHELF = Prepared(select(Category.slug, Category.name).where(Category.slug == bindparam("slug")))
RENAME = Prepared(
    update(Category)
    .where(Category.slug == bindparam("which"))
    .values(name=bindparam("new"))
    .returning(Category.name, Category.id)
)


def shelve(*slugs: str) -> None:
    with transaction() as t:
        SHELVE.each(t, [{"slug": slug, "name": slug.title()} for slug in slugs])


def test_values_come_back_as_their_columns_say():
    moment = now()

    with transaction() as t:
        ADD_MESSAGE.rows(t, topic="x", dedupe_key="1", payload={"id": [1, "é"]}, available_at=moment, is_dead=True)
    row = MESSAGE.row_or_none(key="1")

    assert row == ({"id": [1, "é"]}, moment, None, True)
    assert row.is_dead is True
    assert row.available_at.utcoffset().total_seconds() == 0


def test_columns_that_are_not_given_get_their_defaults():
    before = now()

    with transaction() as t:
        ADD_MESSAGE.rows(t, topic="x", dedupe_key="1", payload={})
    [made] = db.session.execute(select(OutboxMessage)).scalars()

    assert (made.attempts, made.is_dead, made.last_error, made.lease_until, made.done_at) == (0, False, "", None, None)
    assert before <= made.available_at <= now()
    assert before <= made.created_at <= now()


def test_what_sqlalchemy_wrote_reads_the_same():
    moment = now()
    with transaction() as t:
        values = {"topic": "x", "dedupe_key": "1", "payload": {"a": 1}, "available_at": moment, "done_at": moment}
        t.execute(insert(OutboxMessage), values)

    assert MESSAGE.row_or_none(key="1") == ({"a": 1}, moment, moment, False)


def test_inside_a_transaction_it_sees_what_was_written_there():
    with transaction() as t:
        SHELVE.rows(t, slug="gear", name="Gear")
        inside = SHELF.row_or_none(t, slug="gear")

    assert inside.name == "Gear"
    assert SHELF.row_or_none(slug="gear").name == "Gear"


def test_it_is_rolled_back_with_its_transaction():
    with pytest.raises(ValueError, match="no"), transaction() as t:
        SHELVE.rows(t, slug="gear", name="Gear")
        raise ValueError("no")

    assert names() == []


def test_many_sets_answer_a_row_each_in_their_order():
    shelve("a", "b", "c")

    with transaction() as t:
        rows = RENAME.each(t, [{"which": slug, "new": slug * 2} for slug in ("c", "missing", "a")])

    assert [row and row.name for row in rows] == ["cc", None, "aa"]
    assert sorted(names()) == ["B", "aa", "cc"]


def test_many_inserts_answer_their_ids_in_order():
    with transaction() as t:
        made = ADD_MESSAGE.each(t, [{"topic": "x", "dedupe_key": str(n), "payload": {}} for n in range(30)])
        written = dict(t.execute(select(OutboxMessage.id, OutboxMessage.dedupe_key)).all())

    assert [written[row.id] for row in made] == [str(n) for n in range(30)]


def test_no_sets_answer_nothing():
    with transaction() as t:
        assert RENAME.each(t, []) == SHELVE.each(t, []) == []


@pytest.mark.parametrize("many", [False, True])
def test_what_a_constraint_refuses_is_an_integrity_error_that_tells_no_values(many):
    shelve("gear")
    twice = [{"slug": slug, "name": "Mr Secret"} for slug in (["gear", "other"] if many else ["gear"])]

    with pytest.raises(exc.IntegrityError) as caught, transaction() as t:
        SHELVE.each(t, twice)

    assert "Mr Secret" not in str(caught.value)
    assert isinstance(caught.value.orig, db.engine.dialect.loaded_dbapi.IntegrityError)
    assert names() == ["Gear"]


def test_one_refused_among_many_with_answers_undoes_them_all():
    shelve("a", "b")
    takes_over = Prepared(
        update(Category).where(Category.slug == bindparam("a")).values(slug=bindparam("b")).returning(Category.id)
    )

    with pytest.raises(exc.IntegrityError), transaction() as t:
        takes_over.each(t, [{"a": "a", "b": "c"}, {"a": "b", "b": "c"}, {"a": "c", "b": "d"}])

    assert SHELF.row_or_none(slug="a")


def test_a_name_that_no_parameter_has_is_a_mistake():
    with pytest.raises(TypeError, match="nmae"), transaction() as t:
        SHELVE.rows(t, slug="gear", nmae="Gear")


def test_what_writes_needs_a_transaction():
    with pytest.raises(TypeError, match="transaction"):
        SHELVE.rows(slug="gear", name="Gear")


def test_its_statements_are_heard_and_can_be_failed():
    """What the torture room rests on: nothing is said to the driver past it."""
    shelve("gear")
    error = {"sqlite": sqlite3.OperationalError("gone"), "postgresql": psycopg.OperationalError("gone")}[db.engine.name]

    def fail(sql: str) -> None:
        if sql.startswith("SELECT category.slug"):
            raise error

    with driver.listening(db.engine, before=fail), pytest.raises(exc.OperationalError) as caught:
        SHELF.rows(slug="gear")

    assert caught.value.orig is error


@only_sqlite
def test_reading_by_itself_leaves_no_transaction_open_and_sees_what_is_committed():
    shelve("gear")

    with transaction() as t:
        SHELVE.rows(t, slug="tools", name="Tools")
        found = SHELF.row_or_none(slug="gear"), SHELF.row_or_none(slug="tools")

    assert found == (("gear", "Gear"), None)
    assert not reader().connection.in_transaction
    assert not reader().in_transaction()


@only_sqlite
def test_each_thread_reads_by_a_connection_of_its_own_until_the_pool_is_given_up(app):
    shelve("gear")
    seen = []

    def read():
        SHELF.rows(slug="gear")
        seen.append(reader())

    read(), in_another_thread(app, read), read()
    db.engine.dispose()
    read()

    here, elsewhere, again, later = seen
    assert again is here and elsewhere is not here and later is not here
    assert later.connection.dbapi_connection is not here.connection.dbapi_connection


@only_sqlite
def test_more_threads_than_a_pool_is_wide_may_keep_one(app):
    shelve("gear")
    everybody = threading.Barrier(20)
    found = []

    def read():
        with app.app_context():
            found.append(SHELF.rows(slug="gear"))
            everybody.wait(20)
            db.session.remove()

    threads = [threading.Thread(target=lambda: contextvars.Context().run(read)) for _ in range(everybody.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert found == [[("gear", "Gear")]] * everybody.parties


@only_sqlite
def test_a_shop_in_memory_starts(tmp_path):
    app = create_app({"DATABASE_URL": "sqlite://", "INSTANCE_PATH": str(tmp_path)})

    with app.app_context():
        assert db.session.execute(text("SELECT 1")).scalar() == 1
        db.session.remove()


@only_sqlite
def test_no_process_reads_by_the_connection_of_another(monkeypatch):
    shelve("gear")
    here = reader()

    monkeypatch.setattr(os, "getpid", lambda: 1)

    assert reader() is not here


@only_postgresql
def test_reading_by_itself_is_one_round_trip_of_the_session(app):
    shelve("gear")
    asked = []
    db.session.rollback()

    with driver.listening(db.engine, after=asked.append):
        SHELF.rows(slug="gear"), SHELF.rows(slug="gear")

    assert [sql.split()[0] for sql in asked] == ["SELECT", "SELECT"]
    assert db.session().in_transaction()


@only_postgresql
def test_a_lock_that_a_prepared_statement_cannot_have_ends_as_busy_too():
    shelve("gear")

    @retried
    def rename_it():
        with transaction() as t:
            t.execute(text("SET LOCAL lock_timeout = '20ms'"))
            RENAME.rows(t, which="gear", new="Tools")

    with psycopg.connect(db.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")) as other:
        other.execute("UPDATE category SET name = 'Mine'")
        with pytest.raises(Busy):
            rename_it()
        other.rollback()


@only_postgresql
def test_a_connection_that_was_cut_is_not_used_again():
    shelve("gear")

    with pytest.raises(exc.OperationalError) as caught, transaction() as t:
        cut(t.execute(text("SELECT pg_backend_pid()")).scalar_one())
        SHELVE.rows(t, slug="more", name="More")

    assert caught.value.connection_invalidated
    assert names() == ["Gear"]


def cut(process: int) -> None:
    url = db.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [process])


@only_postgresql
def test_many_go_to_postgresql_in_one_round_trip():
    """Each that waited for the one before would take a trip: here, as many as there are rows."""
    shelve(*"abcdefgh")
    asked = []

    with driver.listening(db.engine, after=asked.append), transaction() as t:
        RENAME.each(t, [{"which": slug, "new": "x"} for slug in "abcdefgh"])

    assert len([sql for sql in asked if sql.startswith("UPDATE")]) == 1


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
