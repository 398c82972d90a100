"""What the provider remembers, in an SQLite file of its own: payments, refunds, and the webhooks it still has to deliver."""

import contextlib
import fcntl
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUSY_SECONDS = 5.0  # how long a writer waits for others; the server's processes and the worker share the file
OPEN, PAID, DECLINED, EXPIRED = "open", "paid", "declined", "expired"
SCHEMA = """
CREATE TABLE IF NOT EXISTS payment (
    reference TEXT PRIMARY KEY,
    idempotency_key TEXT UNIQUE,
    order_key TEXT NOT NULL,
    order_number TEXT NOT NULL,
    payment_key TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    description TEXT NOT NULL,
    return_url TEXT NOT NULL,
    webhook_url TEXT NOT NULL,
    expires_at REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'open',
    paid_minor INTEGER NOT NULL DEFAULT 0,
    paid_currency TEXT NOT NULL DEFAULT '',
    known_from REAL NOT NULL DEFAULT 0,
    slow_until REAL NOT NULL DEFAULT 0,
    down_until REAL NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS refund (
    reference TEXT PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    payment_reference TEXT NOT NULL REFERENCES payment (reference),
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0)
);
CREATE INDEX IF NOT EXISTS refund_of_payment ON refund (payment_reference);
CREATE TABLE IF NOT EXISTS delivery (
    id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    body TEXT NOT NULL,
    is_forged INTEGER NOT NULL,
    due_at REAL,
    tries INTEGER NOT NULL DEFAULT 0,
    answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due_at);
"""


class Conflict(Exception):
    """What is asked cannot be had: the key names something else, or more would go back than came."""


class Unknown(Exception):
    """There is no such payment."""


@dataclass(frozen=True, kw_only=True)
class Payment:
    """One payment as it is remembered. Moments are unix seconds."""

    reference: str
    idempotency_key: str | None  # None for a capture that nobody asked for
    order_key: str
    order_number: str
    payment_key: str
    amount_minor: int  # what the shop asked for
    currency: str
    description: str
    return_url: str
    webhook_url: str
    expires_at: float
    state: str = OPEN
    paid_minor: int = 0  # what was taken, which need not be what was asked for
    paid_currency: str = ""
    known_from: float = 0.0  # the API calls it open until then
    slow_until: float = 0.0
    down_until: float = 0.0

    def state_at(self, now: float) -> str:
        """What the API says at this moment."""
        if now < self.known_from:
            return OPEN
        return EXPIRED if self.state == OPEN and now >= self.expires_at else self.state

    def waits_at(self, now: float) -> bool:
        """Whether the shopper has not decided, and still may."""
        return self.state == OPEN and now < self.expires_at


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One webhook on its way. `due_at` is None once it was taken or given up."""

    id: str
    url: str
    body: str
    is_forged: bool
    due_at: float | None
    tries: int = 0
    answer: str = ""  # what came of the last try


class Memory:
    """The file, opened anew for each thing, so that threads and processes share nothing else."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_there = False

    # --- payments ---

    def add(self, payment: Payment) -> tuple[Payment, bool]:
        """The payment of this idempotency key, and whether it is new. Raises Conflict when the key is another payment's.

        While it is open the newest return address counts: the shopper may have come back by another one.
        """
        with self._writing() as file:
            row = file.execute("SELECT * FROM payment WHERE idempotency_key = ?", (payment.idempotency_key,)).fetchone()
            if row is None:
                insert(file, payment)
                return payment, True
            known = Payment(**row)
            if asked(known) != asked(payment):
                raise Conflict
            if known.state == OPEN:
                file.execute("UPDATE payment SET return_url = ? WHERE reference = ?", (payment.return_url, known.reference))
            return known, False

    def payment(self, reference: str) -> Payment:
        """Raises Unknown."""
        with self._open() as file:
            return payment_of(file, reference)

    def finish(self, finished: Payment, deliveries: Sequence[Delivery], *, now: float, twin: Payment | None = None) -> bool:
        """Write how a payment ended, and what is to be told; False when it had ended before, and nothing changed."""
        with self._writing() as file:
            if not payment_of(file, finished.reference).waits_at(now):
                return False
            file.execute(
                "UPDATE payment SET state = :state, paid_minor = :paid_minor, paid_currency = :paid_currency,"
                " known_from = :known_from, slow_until = :slow_until, down_until = :down_until WHERE reference = :reference",
                vars(finished),
            )
            if twin:
                insert(file, twin)
            for delivery in deliveries:
                queue(file, delivery)
            return True

    # --- refunds ---

    def refund(self, reference: str, payment_reference: str, amount_minor: int, key: str, *, now: float) -> tuple[str, bool]:
        """The refund of this idempotency key, and whether it is new.

        Raises Unknown; Conflict when the key is another refund's or more would go back than was paid.
        """
        with self._writing() as file:
            payment = payment_of(file, payment_reference)
            row = file.execute("SELECT * FROM refund WHERE idempotency_key = ?", (key,)).fetchone()
            if row:
                if (row["payment_reference"], row["amount_minor"]) != (payment_reference, amount_minor):
                    raise Conflict
                return row["reference"], False
            if payment.state_at(now) != PAID or refunded(file, payment_reference) + amount_minor > payment.paid_minor:
                raise Conflict
            file.execute("INSERT INTO refund VALUES (?, ?, ?, ?)", (reference, key, payment_reference, amount_minor))
            return reference, True

    def refunded_minor(self, reference: str) -> int:
        with self._open() as file:
            return refunded(file, reference)

    # --- webhooks ---

    def claim(self, now: float, *, lease: float, only: str = "") -> Delivery | None:
        """A webhook that is due, or `only` this one, kept from others for `lease` seconds."""
        due = "SELECT * FROM delivery WHERE due_at <= ? ORDER BY due_at LIMIT 1"
        this = "SELECT * FROM delivery WHERE id = ? AND due_at IS NOT NULL"
        with self._open() as file:
            while row := file.execute(this if only else due, (only or now,)).fetchone():
                claimed = file.execute(
                    "UPDATE delivery SET due_at = ?, tries = tries + 1 WHERE id = ? AND due_at = ?",
                    (now + lease, row["id"], row["due_at"]),
                )
                if claimed.rowcount:
                    return Delivery(**{**row, "tries": row["tries"] + 1, "is_forged": bool(row["is_forged"])})
        return None

    def tried(self, delivery: Delivery, answer: str, *, due_at: float | None) -> None:
        """Write what came of a try, and when the next one is; None: there is none."""
        with self._open() as file:
            file.execute("UPDATE delivery SET due_at = ?, answer = ? WHERE id = ?", (due_at, answer, delivery.id))

    def hurry(self, delivery_id: str, *, due_at: float) -> None:
        """Let a webhook that nobody tried yet be due earlier."""
        with self._open() as file:
            file.execute("UPDATE delivery SET due_at = ? WHERE id = ? AND tries = 0", (due_at, delivery_id))

    def add_delivery(self, delivery: Delivery) -> None:
        with self._open() as file:
            queue(file, delivery)

    # --- the file ---

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)) as file:
            file.row_factory = as_dict
            if not self.is_there:
                self._make(file)
            yield file

    def _make(self, file: sqlite3.Connection) -> None:
        """Make the tables unless they are there; processes that start together take turns, which WAL itself does not wait for."""
        with self.path.with_suffix(".lock").open("a") as line:
            fcntl.flock(line, fcntl.LOCK_EX)
            file.execute("PRAGMA journal_mode = WAL")
            file.executescript(SCHEMA)
        self.is_there = True

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; whatever is raised undoes it."""
        with self._open() as file:
            file.execute("BEGIN IMMEDIATE")
            try:
                yield file
            except BaseException:
                file.execute("ROLLBACK")
                raise
            file.execute("COMMIT")


def as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def asked(payment: Payment) -> tuple[object, ...]:
    """What the shop asked for; the same key must ask for the same."""
    return payment.order_key, payment.payment_key, payment.amount_minor, payment.currency


def insert(file: sqlite3.Connection, payment: Payment) -> None:
    file.execute(
        "INSERT INTO payment VALUES (:reference, :idempotency_key, :order_key, :order_number, :payment_key, :amount_minor,"
        " :currency, :description, :return_url, :webhook_url, :expires_at, :state, :paid_minor, :paid_currency, :known_from,"
        " :slow_until, :down_until)",
        vars(payment),
    )


def payment_of(file: sqlite3.Connection, reference: str) -> Payment:
    row = file.execute("SELECT * FROM payment WHERE reference = ?", (reference,)).fetchone()
    if row is None:
        raise Unknown
    return Payment(**row)


def refunded(file: sqlite3.Connection, reference: str) -> int:
    total = "SELECT COALESCE(SUM(amount_minor), 0) AS total FROM refund WHERE payment_reference = ?"
    return int(file.execute(total, (reference,)).fetchone()["total"])


def queue(file: sqlite3.Connection, delivery: Delivery) -> None:
    file.execute("INSERT INTO delivery VALUES (:id, :url, :body, :is_forged, :due_at, :tries, :answer)", vars(delivery))
