"""The worker: rounds that are run over and over until it is told to stop."""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import exc

from app.extensions import Busy, db

POLL_SECONDS = 1.0
LOOK_SECONDS = 0.1

Round = Callable[[], int]  # does what is due and answers how many things that were
Say = Callable[[str], None]


def every(seconds: float, go: Round) -> Round:
    """The round, but no oftener than once in so many seconds; between them nothing is due."""
    last = float("-inf")

    def now_and_then() -> int:
        nonlocal last
        if time.monotonic() - last < seconds:
            return 0
        last = time.monotonic()
        return go()

    return now_and_then


class Stop:
    """Whether to stop: somebody said so, or the parent process is gone. An Event may lock up when a signal's handler sets it."""

    def __init__(self, parent: int = 0) -> None:
        self.parent = parent
        self.was_told = False

    @classmethod
    @contextmanager
    def at_signals(cls, parent: int = 0) -> Iterator["Stop"]:
        """One that SIGINT and SIGTERM set, as long as the block lasts."""
        stop = cls(parent)
        before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield stop
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @property
    def is_set(self) -> bool:
        return self.was_told or (self.parent != 0 and os.getppid() != self.parent)

    def set(self) -> None:
        self.was_told = True

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is set."""
        deadline = time.monotonic() + seconds
        while not self.is_set and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_SECONDS))


def run(rounds: Sequence[Round], *, say: Say, stop: Stop, once: bool = False) -> None:
    """Run the rounds until `stop` is set; `once` until nothing is due any more. A database that is away is waited for.

    With `once` it is not: what the database says is raised.
    """
    is_away = False
    while not stop.is_set:
        try:
            done = [go() for go in rounds]  # each gets its turn, however busy the one before it is
        except (exc.DBAPIError, Busy) as error:
            if once:
                raise
            if not is_away:
                say(f"the database cannot be used ({type(error).__name__}); waiting for it")
            done, is_away = [], True
        else:
            if is_away:
                say("the database is back")
            is_away = False
        finally:
            db.session.remove()
        if not any(done):
            if once:
                return
            stop.wait(POLL_SECONDS)


# ------------------------------------------------------------------------------------------------ whether one runs here


@contextmanager
def presence(sign: Path) -> Iterator[None]:
    """Hold a sign up while a worker runs: the file is locked (by several of them, if need be) and says since when."""
    with sign.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        try:
            os.truncate(sign, 0)
            file.write(datetime.now(UTC).isoformat())
            file.flush()
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def running_since(sign: Path) -> datetime | None:
    """Since when a worker has been running on this machine; None when none does."""
    try:
        with sign.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return datetime.fromisoformat(file.read())
    except (FileNotFoundError, ValueError):
        return None
    return None
