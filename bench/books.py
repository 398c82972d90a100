"""Years of orders, written past the shop's services by one statement for each table: for pages that must stay fast with them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, literal, text

from app.extensions import Model, db
from app.models.customer import Customer
from app.models.order import LineItem, Order, OrderEvent, OrderStatus
from app.models.outbox import OutboxMessage
from app.models.payment import Payment, PaymentStatus
from app.models.stock import Reason, StockMovement
from bench.data import Shop

YEARS = 3
LINES = 2  # of each order
CUSTOMER_EVERY = 5  # orders
WAITING = 200  # of the newest orders are still to be packed, the others are done
FIRST = ("Ada", "Grace", "Alan", "Barbara", "Edsger", "Katherine", "Donald", "Sara")
LAST = ("Lovelace", "Hopper", "Turing", "Liskov", "Dijkstra", "Johnson", "Knuth", "Rezaei", "Kim", "Okafor", "Silva")


def fill(shop: Shop, orders: int) -> None:
    """Let the shop have so many orders, the newest placed just now, each paid and confirmed; there must be none before."""
    with shop.app.app_context():
        with db.engine.begin() as connection:
            write(connection, orders)
        if db.engine.dialect.name == "postgresql":  # which would do so by itself in time; SQLite is never told how much there is
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
        db.session.remove()


@dataclass(frozen=True)
class Words:
    """SQL of what several tables say about the row with number n."""

    orders: int
    customers: int
    key: str  # 32 hexadecimal digits that differ from row to row
    placed: str
    status: str
    name: str
    surname: str
    variant: str

    @classmethod
    def of(cls, connection: Connection, orders: int) -> "Words":
        variants = connection.execute(text("SELECT count(*), min(id) FROM variant")).one()
        span, surname = YEARS * 365 * 86400, pick(LAST, "n / 8")
        return cls(
            orders=orders,
            customers=max(1, orders // CUSTOMER_EVERY),
            key="printf('%032x', n * 2654435761)" if connection.dialect.name == "sqlite" else "md5('key' || n)",
            placed=moment(connection, f"{time.time() - span} + n * {span / orders}"),
            status=f"CASE WHEN n > {orders - WAITING} THEN '{OrderStatus.PROCESSING}' ELSE '{OrderStatus.COMPLETED}' END",
            name=f"{pick(FIRST)} || ' ' || {surname}",
            surname=surname,
            variant=f"{variants[1]} + (n * 7919) % {variants[0]}",
        )

    @property
    def customer(self) -> str:
        """Whose order it is."""
        return f"(1 + (n % {self.customers}))"


def write(connection: Connection, orders: int) -> None:
    words = Words.of(connection, orders)
    insert(connection, Customer, words.customers, {"email": email("n"), "name": words.name, "created_at": words.placed})
    insert(connection, Order, orders, of_order(words))
    insert(connection, LineItem, orders * LINES, of_line(words))
    insert(connection, OrderEvent, orders, of_event(words))
    insert(connection, Payment, orders, of_payment(words))
    insert(connection, OutboxMessage, orders, of_message(words))
    insert(connection, StockMovement, orders * LINES, of_movement(words))


def of_order(words: Words) -> dict[str, str]:
    return {
        "key": words.key,
        "cart_id": words.key,
        "content_hash": "''",
        "customer_id": words.customer,
        "email": email(words.customer),
        "name": words.name,
        "name_key": f"lower({words.name})",
        "surname_key": f"lower({words.surname})",
        "status": words.status,
        "currency": "'GBP'",
        "items_minor": "2000",
        "shipping_minor": "395",
        "total_minor": "2395",
        "line1": "'1 High Street'",
        "city": "'London'",
        "postcode": "'SW1A 1AA'",
        "country": "'GB'",
        "shipping_name": "'Standard delivery'",
        "payment_name": "'Pay on delivery'",
        "shipping_method_id": "1",
        "payment_method_id": "1",
        "placed_at": words.placed,
        "created_at": words.placed,
    }


def of_line(words: Words) -> dict[str, str]:
    return {
        "order_id": f"1 + (n - 1) / {LINES}",
        "position": f"n % {LINES}",
        "variant_id": words.variant,
        "sku": f"(SELECT sku FROM variant WHERE id = {words.variant})",
        "name": "'Something of the catalogue'",
        "unit_price_minor": "1000",
        "quantity": "1",
    }


def of_event(words: Words) -> dict[str, str]:
    return {"order_id": "n", "to_status": words.status, "actor": "'shopper'", "created_at": words.placed}


def of_payment(words: Words) -> dict[str, str]:
    return {
        "key": words.key,
        "order_id": "n",
        "payment_method_id": "1",
        "gateway": "'delivery'",
        "amount_minor": "2395",
        "currency": "'GBP'",
        "status": f"'{PaymentStatus.CAPTURED}'",
        "captured_minor": "2395",
        "idempotency_key": words.key,
    }


def of_message(words: Words) -> dict[str, str]:
    return {
        "topic": "'order.confirmation'",
        "dedupe_key": "'order.confirmation:' || n",
        "payload": "'{\"order_id\": ' || n || '}'",
        "done_at": words.placed,
        "available_at": words.placed,
        "created_at": words.placed,
    }


def of_movement(words: Words) -> dict[str, str]:
    return {
        "variant_id": words.variant,
        "delta": "-1",
        "reason": f"'{Reason.SALE}'",
        "line_item_id": "n",
        "actor": "'shopper'",
    }


def insert(connection: Connection, model: type[Model], count: int, values: Mapping[str, str]) -> None:
    """One row for each n from 1 to `count`; values are SQL, columns that are not given get their defaults."""
    table = model.__table__
    columns = [column for column in table.columns if column.name != "id"]
    written = {column.name: values.get(column.name) or default(connection, column) for column in columns}
    names, asked = ", ".join(written), ", ".join(written.values())
    casts = ", ".join(f"CAST({sql} AS json)" if name == "payload" else sql for name, sql in written.items())
    if connection.dialect.name == "sqlite":
        numbers = f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})"
        connection.exec_driver_sql(f'INSERT INTO "{table.name}" ({names}) {numbers} SELECT {asked} FROM numbers')
    else:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        casts = casts.replace("%", "%%")  # which psycopg would take for a place
        connection.exec_driver_sql(
            f'INSERT INTO "{table.name}" ({names}) SELECT {casts} FROM generate_series(1, {count}::bigint) AS n'
        )


def default(connection: Connection, column: Any) -> str:
    """What the shop would write into this column without being told, as SQL."""
    if column.default is None:
        return "NULL"
    value = datetime.now(UTC) if column.default.is_callable else column.default.arg
    return str(literal(value, column.type).compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))


def moment(connection: Connection, seconds: str) -> str:
    if connection.dialect.name == "sqlite":
        return f"strftime('%Y-%m-%d %H:%M:%S', {seconds}, 'unixepoch') || '.000000'"
    return f"to_timestamp({seconds})"


def email(customer: str) -> str:
    return f"'c' || {customer} || '@example.com'"


def pick(words: tuple[str, ...], place: str = "n") -> str:
    """One of the words, by a whole number."""
    cases = " ".join(f"WHEN {number} THEN '{word}'" for number, word in enumerate(words))
    return f"(CASE ({place}) % {len(words)} {cases} END)"
