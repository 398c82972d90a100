"""A payment provider whose books are a file: it outlives whoever asks it, and each payment there stands on its own."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.gateways.shape import Attempt, Facts, PaymentStart, Refused, Started, State
from tests.factories import Elsewhere

BOOKS = """
CREATE TABLE IF NOT EXISTS payment (
    reference TEXT PRIMARY KEY, idempotency_key TEXT UNIQUE, payment_key TEXT, order_key TEXT, amount INTEGER, currency TEXT,
    state TEXT DEFAULT 'OPEN', starts INTEGER DEFAULT 1, captures INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS refund (key TEXT PRIMARY KEY, reference TEXT, amount INTEGER);
"""
WAIT_SECONDS = 30


@dataclass(frozen=True)
class Account:
    """One payment in the provider's books."""

    payment_key: str  # of the attempt that it is for
    captured_minor: int
    refunded_minor: int
    starts: int  # how often it was told of it
    captures: int  # how often it took the money


class Provider(Elsewhere):
    """Keeps to what it promises: one payment for one idempotency key, one capture, one refund for one key.

    `acted` is called after it did something and before anybody hears of it. `says` is what is different of its facts.
    """

    def __init__(self, books: Path, acted: Callable[[str], None] = lambda act: None):
        super().__init__()
        self.books = books
        self.acted = acted
        self.turn = threading.Lock()
        with closing(sqlite3.connect(books)) as connection:
            connection.executescript(f"PRAGMA journal_mode=WAL; {BOOKS}")

    @contextmanager
    def open_books(self) -> Iterator[sqlite3.Connection]:
        """One transaction in them."""
        with self.turn, closing(sqlite3.connect(self.books, timeout=WAIT_SECONDS, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    # --- what the shop asks ---

    def start(self, request: PaymentStart) -> Started:
        reference = f"ref-{request.idempotency_key}"
        row = reference, request.idempotency_key, request.key, request.order_key, request.amount_minor, request.currency
        columns = "reference, idempotency_key, payment_key, order_key, amount, currency"
        again = "ON CONFLICT DO UPDATE SET starts = starts + 1"
        self.answer()
        with self.open_books() as books:
            books.execute(f"INSERT INTO payment ({columns}) VALUES (?, ?, ?, ?, ?, ?) {again}", row)
        self.acted("start")
        return Started(reference, f"https://pay.example/{request.key}")

    def fetch(self, attempt: Attempt) -> Facts:
        self.answer()
        with self.open_books() as books:
            row = books.execute("SELECT * FROM payment WHERE reference = ?", [attempt.reference]).fetchone()
            back = self.back(books, attempt.reference)
        if row is None:
            raise Refused("It is not known.")
        facts = Facts(State(row["state"]), row["reference"], row["amount"], row["currency"], self.merchant, row["order_key"])
        return replace(facts, payment_key=row["payment_key"], refunded_minor=back, **self.says)

    def capture(self, attempt: Attempt) -> Facts:
        taking = "UPDATE payment SET captures = captures + 1, state = 'CAPTURED' WHERE reference = ? AND state = 'APPROVED'"
        with self.open_books() as books:
            books.execute(taking, [attempt.reference])
        self.acted("capture")
        return self.fetch(attempt)

    def refund(self, attempt: Attempt, amount_minor: int, key: str) -> str:
        self.answer()
        with self.open_books() as books:
            if books.execute("SELECT 1 FROM refund WHERE key = ?", [key]).fetchone() is None:
                taken = "SELECT captures * amount FROM payment WHERE reference = ?"
                [paid] = books.execute(taken, [attempt.reference]).fetchone()
                if self.back(books, attempt.reference) + amount_minor > paid:
                    raise Refused("So much was not paid.")
                books.execute("INSERT INTO refund VALUES (?, ?, ?)", [key, attempt.reference, amount_minor])
        self.acted("refund")
        return f"back-{key}"

    @staticmethod
    def back(books: sqlite3.Connection, reference: str) -> int:
        total = books.execute("SELECT coalesce(sum(amount), 0) FROM refund WHERE reference = ?", [reference])
        return int(total.fetchone()[0])

    # --- what shoppers do there ---

    def approve(self, reference: str) -> None:
        """The shopper agrees; the money is there for the taking."""
        self.put(reference, State.APPROVED, captures=0)

    def pay(self, reference: str) -> None:
        """The shopper pays, and the provider takes the money by itself."""
        self.put(reference, State.CAPTURED, captures=1)

    def decline(self, reference: str) -> None:
        self.put(reference, State.FAILED, captures=0)

    def put(self, reference: str, state: State, *, captures: int) -> None:
        with self.open_books() as books:
            books.execute("UPDATE payment SET state = ?, captures = ? WHERE reference = ?", [state, captures, reference])

    # --- what its books say ---

    def accounts(self) -> dict[str, Account]:
        """Every payment by its reference."""
        with self.open_books() as books:
            rows = books.execute("SELECT * FROM payment").fetchall()
            back: dict[str, Any] = dict(books.execute("SELECT reference, sum(amount) FROM refund GROUP BY reference").fetchall())
        return {
            name: Account(row["payment_key"], row["amount"] * row["captures"], back.get(name, 0), row["starts"], row["captures"])
            for row in rows
            if (name := row["reference"])
        }

    def refund_keys(self) -> dict[str, int]:
        """The amount of every refund by its key."""
        with self.open_books() as books:
            return dict(books.execute("SELECT key, amount FROM refund").fetchall())
