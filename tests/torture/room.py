"""What every part is given: fresh shops on either database, chance that can be repeated, and time that ends."""

import logging
import math
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import select

from app import create_app
from app.extensions import db
from app.models.order import LineItem, Order
from app.services import invariants
from tests import live
from tests.databases import Databases

T = TypeVar("T")
TOGETHER_SECONDS = 30  # how long those who start together wait for the last of them


class Pace:
    """So many rounds, or fewer when the time is up, but never fewer than `least`."""

    def __init__(self, wanted: int, until: float = math.inf, least: int = 1):
        self.wanted = wanted
        self.until = until  # as time.monotonic() counts
        self.least = least
        self.done = 0

    def __iter__(self) -> Iterator[int]:
        while self.done < self.wanted and (self.done < self.least or time.monotonic() < self.until):
            yield self.done
            self.done += 1

    def of(self, what: str) -> str:
        """How many there really were."""
        return f"{self.done:,} {what}" if self.done == self.wanted else f"{self.done:,} of {self.wanted:,} {what} (time was up)"


class LastWords(logging.Handler):
    """Keeps the shop's complaints off the screen, and the last of them for whoever reports a failure."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.words = logging.Formatter("%(message)s").format(record)


@dataclass
class Room:
    """Where a part of the torture takes place; the same seed brings the same inputs."""

    databases: Databases
    folder: Path
    seed: int
    workers: int = 3  # processes of the real server

    def chance(self, name: str) -> random.Random:
        """A source of chance of this part's own, whichever parts ran before it."""
        return random.Random(f"{self.seed} {name}")

    @contextmanager
    def shop(self, backend: str, url: str = "", **settings: object) -> Iterator[Flask]:
        """A shop on a fresh database; or on the one of that address, which then is the caller's to drop."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        address = url or self.databases.fresh(backend, folder)
        app = create_app(
            {
                "TESTING": True,
                "DATABASE_URL": address,
                "SECRET_KEY": live.SECRET,
                "RATELIMIT_ENABLED": False,
                "INSTANCE_PATH": str(folder),
                "STATIC_FOLDER": str(self.folder / "static"),
                **settings,
            }
        )
        compiled = self.folder / "templates"
        compiled.mkdir(exist_ok=True)
        app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(compiled))
        app.extensions["last_words"] = words = LastWords()
        log = logging.getLogger("till")
        log.addHandler(words)
        was, log.propagate = log.propagate, False
        try:
            yield app
        finally:
            log.removeHandler(words)
            log.propagate = was
            with app.app_context():
                for engine in db.engines.values():
                    engine.dispose()
            if not url:
                self.databases.drop(address)

    @contextmanager
    def serving(self, app: Flask) -> Iterator[live.LiveServer]:
        """The real server on this shop's database, with several processes."""
        settings = {"WORKERS": self.workers, "THREADS": 4, "STATIC_FOLDER": self.folder / "static"}
        with live.serving(app.config["DATABASE_URL"], Path(app.instance_path), **settings) as server:
            yield server

    @contextmanager
    def open_shop(self, backend: str) -> Iterator[tuple[Flask, live.LiveServer]]:
        """A shop with the real server; whoever uses it minds that others may have ordered there before."""
        with self.shop(backend) as app, self.serving(app) as server:
            yield app, server


def said(app: Flask) -> str:
    """The shop's last complaint."""
    words: LastWords = app.extensions["last_words"]
    return words.words


def assert_sound(app: Flask, when: str = "") -> None:
    """Every invariant holds. Raises AssertionError with the rows that break one."""
    with app.app_context():
        broken = list(invariants.broken())
    assert not broken, f"broken invariants {when}: {broken}"


def assert_healthy(server: live.LiveServer) -> None:
    """`flask doctor` finds nothing, asked as an owner would ask."""
    doctor = server.run_flask("doctor")
    assert doctor.returncode == 0, f"flask doctor:\n{doctor.stdout}{doctor.stderr}"


def at_once(jobs: Sequence[Callable[[], T]]) -> list[T]:
    """Run them all, each in a thread of its own, released together. Raises what the first of them raised."""
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], T]) -> T:
        barrier.wait(TOGETHER_SECONDS)
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(run, job) for job in jobs]]


def one_by_one(jobs: Sequence[Callable[[], T]], hands: int = 6) -> list[T]:
    """Run them all, a few at a time, as preparations are."""
    with ThreadPoolExecutor(hands) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def sold(app: Flask, sku: str) -> tuple[int, int]:
    """(orders, units) of a SKU."""
    with app.app_context():
        found = db.session.execute(
            select(LineItem.order_id, LineItem.quantity).join(Order).where(LineItem.sku == sku, Order.status != "CANCELLED")
        ).all()
    return len({row.order_id for row in found}), sum(row.quantity for row in found)
