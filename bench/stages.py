"""Where the microseconds of one request go: the app inside this process, its stages timed, each without those inside it."""

import functools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import flask_wtf.csrf
import jinja2
import sqlalchemy.engine
import sqlalchemy.orm
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from app import extensions, headers, web
from app.cart import cookie
from app.checkout import forms, receipt, shown
from app.services import cart as carts, checkout, customers, orders, pricing, stock
from bench import spy

FLASK = "Flask, routing, views"
TEMPLATE, DRIVER, ALCHEMY, FORM, CHECKS = "template", "database driver", "SQLAlchemy", "form and CSRF", "contact checks"
COOKIES, PRICES, HEADERS, ETAG, RULES = "cookies and signatures", "cart and prices", "headers and gzip", "ETag", "order rules"
SESSION, COMMIT, PREPARED = "session", "commit to disk", "prepared statements"

# stage → what belongs to it, as (owner, name of the function)
TIMED: dict[str, list[tuple[Any, str]]] = {
    TEMPLATE: [(jinja2.Template, "render")],
    DRIVER: [
        *((spy.SqliteCursor, name) for name in ("execute", "executemany", "fetchone", "fetchall", "fetchmany")),
        *((spy.PostgresCursor, name) for name in ("execute", "executemany", "fetchone", "fetchall", "fetchmany")),
    ],
    COMMIT: [
        *((spy.SqliteConnection, name) for name in ("commit", "rollback")),
        *((spy.PostgresConnection, name) for name in ("commit", "rollback")),
    ],
    ALCHEMY: [
        *((sqlalchemy.orm.Session, name) for name in ("execute", "connection", "commit", "rollback", "close", "get")),
        *((sqlalchemy.engine.Connection, name) for name in ("execute", "exec_driver_sql", "close")),
        *((sqlalchemy.engine.Engine, name) for name in ("raw_connection", "connect")),
        *((sqlalchemy.engine.Result, name) for name in ("all", "first", "scalar", "scalar_one", "scalar_one_or_none", "scalars")),
    ],
    PREPARED: [(extensions.Prepared, "rows"), (extensions.Prepared, "each")],
    FORM: [
        (forms.CheckoutForm, "__init__"),
        (forms.CheckoutForm, "validate"),
        (forms.CheckoutForm, "fit"),
        (flask_wtf.csrf, "validate_csrf"),
        (flask_wtf.csrf, "generate_csrf"),
    ],
    CHECKS: [(customers, "contact"), (checkout, "checked_notes")],
    COOKIES: [
        *((cookie, name) for name in ("read", "write", "clear")),
        *((receipt, name) for name in ("read", "add", "without_panel")),
        *((shown, name) for name in ("read", "write")),
    ],
    PRICES: [(carts, "view"), (pricing, "price"), (pricing, "is_current")],
    RULES: [(checkout, "place_order"), *((orders, name) for name in ("prepare", "write", "live")), (stock, "take")],
    ETAG: [(web, "page_tag")],
    HEADERS: [(headers, "compress")],
    SESSION: [(SecureCookieSessionInterface, name) for name in ("open_session", "save_session")],
}


@dataclass(frozen=True)
class Profile:
    """One request's microseconds, in all and by stage; the stages add up to all. `statements` were said to the database."""

    total: float
    stages: Mapping[str, float]
    statements: int
    held: float  # microseconds between getting SQLite's write lock and the end of the commit; 0 where nothing was written

    def text(self, most: int = 12) -> str:
        """The stages by size."""
        by_size = sorted(self.stages.items(), key=lambda stage: -stage[1])
        told = [f"{name} {value:,.0f}" for name, value in by_size if value >= 0.5]
        return ", ".join(told[:most]) + f" of {self.total:,.0f} µs in process"


class Clock:
    """Adds up the time of each stage; while one runs inside another, only the inner one's clock ticks."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self.inside: list[list[Any]] = []  # [stage, nanoseconds of the stages within]

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            frame: list[Any] = [stage, 0]
            self.inside.append(frame)
            began = time.perf_counter_ns()
            try:
                return function(*args, **kwargs)
            finally:
                took = time.perf_counter_ns() - began
                self.inside.pop()
                self.spent[stage] += took - frame[1]
                if self.inside:
                    self.inside[-1][1] += took

        return run


@contextmanager
def clocked(app: Flask) -> Iterator[Clock]:
    """All of TIMED under a clock."""
    clock = Clock()
    restore: list[Callable[[], None]] = []
    for stage, functions in TIMED.items():
        for owner, name in functions:
            own = vars(owner).get(name)
            setattr(owner, name, clock.timed(stage, getattr(owner, name)))
            restore.append(
                functools.partial(setattr, owner, name, own) if own is not None else functools.partial(delattr, owner, name)
            )
    try:
        yield clock
    finally:
        for undo in reversed(restore):
            undo()


def profile(app: Flask, environ: Callable[[], dict[str, Any]], status: str, count: int) -> Profile:
    """The median of so many requests. Raises AssertionError when one is not answered with this status."""
    for _ in range(max(10, count // 10)):
        answer(app, environ(), status)
    plain = statistics.median(elapsed(app, environ(), status) for _ in range(count))
    samples: list[dict[str, float]] = []
    helds, statements = [], 0
    with clocked(app) as clock:
        timed = clock.timed(FLASK, answer)
        for _ in range(count):
            clock.spent.clear()
            with spy.listening() as said:
                timed(app, environ(), status)
            samples.append(dict(clock.spent))
            statements = sum(not each.is_mark for each in said)
            helds.append(held(said))
    medians = {stage: statistics.median(sample.get(stage, 0.0) for sample in samples) / 1000 for stage in (FLASK, *TIMED)}
    scale = plain / (sum(medians.values()) or 1)  # the clock itself takes time
    return Profile(plain, {stage: value * scale for stage, value in medians.items()}, statements, statistics.median(helds))


def profile_plain(app: Flask, environ: Callable[[], dict[str, Any]], count: int) -> float:
    """Microseconds of one request without any stage."""
    return statistics.median(elapsed(app, environ(), "200") for _ in range(count))


def elapsed(app: Flask, environ: dict[str, Any], status: str) -> float:
    began = time.perf_counter_ns()
    answer(app, environ, status)
    return (time.perf_counter_ns() - began) / 1000


def answer(app: Flask, environ: dict[str, Any], status: str) -> None:
    got: list[str] = []
    body = app(environ, lambda status, headers, exc_info=None: got.append(status) or (lambda data: None))
    b"".join(body)
    if hasattr(body, "close"):
        body.close()
    assert got[0].startswith(status), f"{environ['PATH_INFO']} answered {got[0]}, not {status}"


def held(said: list[spy.Said]) -> float:
    """Microseconds for which SQLite's write lock was held."""
    began = next((each.ended for each in said if each.sql.startswith("BEGIN IMMEDIATE")), None)
    if began is None:
        return 0.0
    return (next(each.ended for each in said if each.sql == "COMMIT" and each.began > began) - began) * 1e6
