"""The database fails: each statement of an order in turn, its lock held by a stranger, the whole server gone and back."""

import contextlib
import contextvars
import math
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import exc, func, select
from werkzeug.test import TestResponse

from app.cart import cookie
from app.extensions import Busy, db
from app.models.order import Order
from app.providers import GATEWAYS
from app.services import checkout, stock
from app.services.cart import Cart
from tests import driver, live, postgres
from tests.factories import STANDARD_MINOR, Elsewhere, Item, a_contact, a_payment_method, a_variant
from tests.tools import need
from tests.torture.buyers import GUS, Answer, Buyer, fields
from tests.torture.room import Room, assert_healthy, assert_sound, at_once, one_by_one, sold

MOST_STEPS = 100
BUSY_BUYERS = 3  # fewer than one worker has threads: asked is whether a lock stops readers, not whether threads run out
LONGEST_READ = 3  # seconds
LONGEST_BUSY = 15  # seconds; whoever waits longer has long pressed the button again
BACK_SECONDS = 20


# ------------------------------------------------------------------------------------------------ every statement in turn


DISK_ERROR = {
    "sqlite": partial(sqlite3.OperationalError, "disk I/O error"),
    "postgresql": partial(psycopg.errors.IoError, "could not write"),
}


@contextmanager
def failing(app: Flask, step: int, *, afterwards: bool) -> Iterator[list[str]]:
    """Let the n-th statement or COMMIT fail; or, afterwards, be done without anybody hearing of it. Yields what failed."""
    count, failed = 0, []
    engine = db.engine

    def reached(what: str) -> None:
        nonlocal count
        count += 1
        if count == step:
            failed.append(what)
            raise DISK_ERROR[engine.name]()

    def statement(sql: str) -> None:
        reached(sql.split("\n")[0][:60])

    def commit(connection: Any) -> None:
        if not afterwards:
            reached("COMMIT")
        commits(connection)
        if afterwards:
            reached("COMMIT")

    commits = engine.dialect.do_commit
    engine.dialect.do_commit = commit  # type: ignore[method-assign]
    try:
        with driver.listening(engine, **{"after" if afterwards else "before": statement}):
            yield failed
    finally:
        engine.dialect.do_commit = commits  # type: ignore[method-assign]


def statement_failures(room: Room, backend: str, until: float = math.inf) -> str:
    """Nothing or everything, whichever statement fails; and whoever tries again comes to one order."""
    failures, ends = Counter(), Counter()
    with room.shop(backend) as app, app.app_context():
        driver.wire_of(db.engine)  # while no connection is in use
        scarce = a_variant("SCARCE", on_hand=0)
        GATEWAYS[Elsewhere.name] = Elsewhere()
        try:
            redirect = a_payment_method(Elsewhere.name, "Pay elsewhere")
            situations: dict[str, Callable[[], Case]] = {
                "checkout": partial(OverHttp, app),
                "direct order": partial(AtService, scarce, payment_id=1),
                "hold": partial(AtService, scarce, payment_id=redirect),
                "order instead of a hold": partial(AtService, scarce, payment_id=1, held_by=redirect),
                "hold instead of a hold": partial(AtService, scarce, payment_id=redirect, held_by=redirect),
            }
            for name, situation in situations.items():
                for afterwards in (False, True):
                    failures[name] += fail_each(app, situation, afterwards, ends, f"{name}, {afterwards=}")
        finally:
            del GATEWAYS[Elsewhere.name]
        told = ", ".join(f"{count} in {name}" for name, count in failures.items())
    left = f"{ends['nothing']} left nothing, {ends['everything']} a whole order"
    return f"{failures.total()} failures ({told}): {left}; each retry came to one order"


def fail_each(app: Flask, situation: "Callable[[], Case]", afterwards: bool, ends: Counter[str], name: str) -> int:
    """Fail step after step until the order no longer gets that far; answers how many steps there were."""
    for step in range(1, MOST_STEPS):
        reset_stock()
        case = situation()
        before = case.live_orders()
        with failing(app, step, afterwards=afterwards) as failed:
            case.attempt()
        where = f"{name}: step {step} ({failed[0] if failed else 'none'})"
        db.session.rollback()
        after = case.live_orders()
        assert len(after) <= 1, f"{where} left {len(after)} orders"
        assert len(after) >= len(before), f"{where} took an order away"
        ends["everything" if after != before else "nothing"] += bool(failed)
        assert_sound(app, f"after {where}")
        case.attempt(must_work=True)
        db.session.rollback()
        final = case.live_orders()
        assert len(final) == 1 and (after == before or final == after), f"the retry after {where} came to {final}, not {after}"
        if not failed:
            assert_sound(app, f"after the retries of {name}")
            return step - 1
    raise AssertionError(f"{name}: an order takes more than {MOST_STEPS} statements")


def reset_stock() -> None:
    """One is there, so that every order also sells out, alerts and takes off the list."""
    with contextlib.suppress(Exception):
        db.session.rollback()
    held = stock.levels("SCARCE")[0][2]
    stock.set_levels([("SCARCE", held + 1)], actor="test")


class Case:
    """One order that somebody tries to place, perhaps twice."""

    cart: Cart
    was_thanked = False

    def attempt(self, *, must_work: bool = False) -> None:
        raise NotImplementedError

    def live_orders(self) -> list[tuple[int, str]]:
        wanted = select(Order.id, Order.status).where(Order.cart_id == self.cart.id, Order.status.not_in(["CANCELLED", "FAILED"]))
        found = [(row.id, row.status) for row in db.session.execute(wanted)]
        assert found or not self.was_thanked, "thanked for an order that is not there"
        return found


class AtService(Case):
    """The use case itself; with `held_by`, of a cart that is on an unpaid order already."""

    def __init__(self, item: Item, *, payment_id: int, held_by: int = 0):
        self.cart = Cart(lines=((item.id, 1),))
        if held_by:
            self.payment_id, self.notes = held_by, "first"
            self.place()
        self.payment_id, self.notes = payment_id, "second"

    def place(self) -> None:
        checkout.place_order(
            self.cart,
            a_contact(),
            currency="GBP",
            shipping_id=1,
            payment_id=self.payment_id,
            notes=self.notes,
            shown_total_minor=1000 + STANDARD_MINOR,
            hold_minutes=30,
        )

    def attempt(self, *, must_work: bool = False) -> None:
        with contextlib.nullcontext() if must_work else contextlib.suppress(exc.OperationalError, Busy):
            self.place()


class OverHttp(Case):
    """The whole POST: the answer is the thank-you, or an error page that does not pretend."""

    def __init__(self, app: Flask):
        self.browser: FlaskClient = app.test_client()
        self.ask("POST", "/cart/items", {"sku": "SCARCE"})
        page = self.ask("GET", "/checkout").get_data(as_text=True)
        self.form = {**fields(page), **GUS, "action": "order"}
        self.cookies = {name: self.browser.get_cookie(name).value for name in ("cart", "session")}  # type: ignore[union-attr]
        self.cart = cookie.decode(self.cookies["cart"]) or Cart()

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> TestResponse:
        """In an empty context: inside this one, the request would share its database session."""
        return contextvars.Context().run(self.browser.open, path, method=method, data=form)

    def attempt(self, *, must_work: bool = False) -> None:
        for name, value in self.cookies.items():  # as after a lost answer, or the way back
            self.browser.set_cookie(name, value)
        response = self.ask("POST", "/checkout", self.form)
        thanked = response.status_code == 303 and response.headers["Location"].endswith("/")
        assert thanked or not must_work, f"the retry answered {response.status_code}"
        assert thanked or response.status_code in (500, 503), f"answered {response.status_code}"
        self.was_thanked |= thanked


# ------------------------------------------------------------------------------------------------ busy


HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


@contextmanager
def lock_held(url: str) -> Iterator[None]:
    """A stranger keeps what every order needs: SQLite's write lock, or the row of the variant on PostgreSQL."""
    if url.startswith("sqlite"):
        command = [sys.executable, "-c", HOLDER, url.removeprefix("sqlite:///")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout and holder.stdin
            assert holder.stdout.readline() == "held\n"
            try:
                yield
            finally:
                holder.stdin.close()
        return
    with psycopg.connect(url) as connection:
        connection.execute("SELECT 1 FROM variant WHERE sku = 'BUSY' FOR UPDATE")
        yield
        connection.rollback()


def busy(room: Room, backend: str, until: float = math.inf, *, away: bool = True) -> str:
    """While a stranger holds the lock, reading goes on and ordering says 503 with the form kept; then the same form works."""
    with room.open_shop(backend) as (app, server):
        with app.app_context():
            a_variant("BUSY", on_hand=100)
        buyers = [Buyer(server.url) for _ in range(BUSY_BUYERS)]
        one_by_one([partial(buyer.go_to_checkout, {"BUSY": 1}) for buyer in buyers])
        with lock_held(app.config["DATABASE_URL"]):
            read: list[Answer] = []
            jobs: list[Callable[[], Answer]] = [buyer.order for buyer in buyers]
            answers = at_once([*jobs, partial(look_around, server.url, read)])[:-1]
        for answer in answers:
            assert answer.status == 503, f"answered {answer.status} after {answer.seconds:.1f} s\n{server.log_tail()}"
            assert answer.header("retry-after").isdigit()
            kept = fields(answer.text)
            lost = {name: kept.get(name) for name in GUS if as_kept(kept.get(name, "")) != as_kept(GUS[name])}
            assert not lost, f"a busy shop loses what was typed: {lost}"
        assert sold(app, "BUSY") == (0, 0)
        waits = sorted(answer.seconds for answer in answers)
        assert waits[-1] < LONGEST_BUSY, f"they waited {waits}"
        reading = [answer.seconds for answer in read]
        assert [answer.status for answer in read] == [200] * len(read)
        assert max(reading) < LONGEST_READ, f"reading waits for a writer: {reading}"
        for buyer in buyers:
            assert buyer.order().status == 303, "the same form, sent again, is refused"
            buyer.close()
        assert_healthy(server)
        assert_sound(app)
    gone = "; " + server_away(room) if away and backend == "postgresql" else ""
    told = f"{len(answers)} buyers were asked to come back after {waits[0]:.1f} to {waits[-1]:.1f} s, and did"
    return f"{told}; {len(read)} pages were read meanwhile{gone}"


def as_kept(text: str) -> str:
    return text.replace("\r\n", "\n")


def look_around(url: str, seen: list[Answer]) -> Answer:
    browser = Buyer(url)
    for path in ("/", "/search?q=blend", "/cart", "/p/busy"):
        seen.append(browser.ask("GET", path))
        time.sleep(0.2)
    browser.close()
    return seen[0]


# ------------------------------------------------------------------------------------------------ PostgreSQL goes and comes


def server_away(room: Room) -> str:
    """Without its database the shop says 503 on every page, and when it is back nothing has to be restarted."""
    folder = Path(tempfile.mkdtemp(prefix="till-pg-", dir="/tmp"))
    if postgres.os.geteuid() == 0:
        shutil.chown(folder, postgres.unprivileged())
    data, control = str(folder / "data"), need("pg_ctl")
    url = f"postgresql://postgres@/postgres?host={folder}"
    options = f"-k {folder} -c listen_addresses='' {postgres.FAST}"
    start = partial(postgres.run, control, "-D", data, "-l", str(folder / "log"), "-o", options, "-w", "start", folder=folder)
    stop = partial(postgres.run, control, "-D", data, "-m", "immediate", "-w", "stop", folder=folder)
    make = partial(
        postgres.run, need("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", folder=folder
    )
    try:
        make()
        start()
        try:
            done = live.run_flask("db", "upgrade", env=live.environment(url, folder / "instance"))
            assert done.returncode == 0, done.stderr
            with room.shop("postgresql", url) as app:
                with app.app_context():
                    a_variant("BEANS", on_hand=100)
                with room.serving(app) as server:
                    return away_and_back(app, server, stop, start)
        finally:
            with contextlib.suppress(AssertionError):
                stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def away_and_back(app: Flask, server: live.LiveServer, stop: Callable[[], None], start: Callable[[], None]) -> str:
    buyer = Buyer(server.url).go_to_checkout({"BEANS": 1})
    stop()
    answers = [buyer.ask("GET", path) for path in ("/", "/cart", "/search?q=x", "/checkout", "/p/beans")] + [buyer.order()]
    answers.append(buyer.ask("POST", "/cart/items", {"sku": "BEANS"}))
    statuses = [answer.status for answer in answers]
    assert set(statuses) == {503}, f"without a database: {statuses}\n{server.log_tail()}"
    assert all(answer.header("retry-after") for answer in answers)
    start()
    began = time.monotonic()
    while (status := buyer.ask("GET", "/").status) != 200:
        assert time.monotonic() - began < BACK_SECONDS, f"the database is back, and the shop still says {status}"
        time.sleep(0.2)
    assert buyer.order().status == 303, "the form of before does not work after"
    buyer.close()
    with app.app_context():
        db.engine.dispose()
        assert db.session.execute(select(func.count(Order.id))).scalar_one() == 1
    assert_healthy(server)
    seconds = time.monotonic() - began
    return f"{len(answers)} answers were 503 without the database, and all was well {seconds:.1f} s after it was back"
