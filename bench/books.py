"""Years of orders, written past the shop's services by one statement for each table: for pages that must stay fast with them."""

import time
from collections.abc import Mapping
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
        if db.engine.dialect.name == "postgresql":
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
        else:
            with db.engine.begin() as connection:
                connection.execute(text("ANALYZE"))
        db.session.remove()


def write(connection: Connection, orders: int) -> None:
    variants = connection.execute(text("SELECT count(*), min(id) FROM variant")).one()
    step = YEARS * 365 * 86400 / orders
    placed = moment(connection, f"{time.time() - YEARS * 365 * 86400} + n * {step}")
    customers = max(1, orders // CUSTOMER_EVERY)
    name = f"{pick(FIRST)} || ' ' || {pick(LAST, 'n / 8')}"
    status = f"CASE WHEN n > {orders - WAITING} THEN 'PROCESSING' ELSE '{OrderStatus.COMPLETED}' END"
    variant = f"{variants[1]} + (n * 7919) % {variants[0]}"
    email = "'c' || {} || '@example.com'"
    insert(connection, Customer, customers, {"email": email.format("n"), "name": name, "created_at": placed})
    insert(
        connection,
        Order,
        orders,
        {
            "key": key(connection),
            "cart_id": key(connection),
            "content_hash": "''",
            "customer_id": f"1 + (n % {customers})",
            "email": email.format(f"(1 + (n % {customers}))"),
            "name": name,
            "name_key": f"lower({name})",
            "surname_key": f"lower({pick(LAST, 'n / 8')})",
            "status": status,
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
            "placed_at": placed,
            "created_at": placed,
        },
    )
    insert(
        connection,
        LineItem,
        orders * LINES,
        {
            "order_id": f"1 + (n - 1) / {LINES}",
            "position": f"n % {LINES}",
            "variant_id": variant,
            "sku": f"(SELECT sku FROM variant WHERE id = {variant})",
            "name": "'Something of the catalogue'",
            "unit_price_minor": "1000",
            "quantity": "1",
        },
    )
    insert(connection, OrderEvent, orders, {"order_id": "n", "to_status": status, "actor": "'shopper'", "created_at": placed})
    insert(
        connection,
        Payment,
        orders,
        {
            "key": key(connection),
            "order_id": "n",
            "payment_method_id": "1",
            "gateway": "'delivery'",
            "amount_minor": "2395",
            "currency": "'GBP'",
            "status": f"'{PaymentStatus.CAPTURED}'",
            "captured_minor": "2395",
            "idempotency_key": key(connection),
        },
    )
    insert(
        connection,
        OutboxMessage,
        orders,
        {
            "topic": "'order.confirmation'",
            "dedupe_key": "'order.confirmation:' || n",
            "payload": "'{\"order_id\": ' || n || '}'",
            "done_at": placed,
            "available_at": placed,
            "created_at": placed,
        },
    )
    sold = {"variant_id": variant, "delta": "-1", "reason": f"'{Reason.SALE}'", "line_item_id": "n", "actor": "'shopper'"}
    insert(connection, StockMovement, orders * LINES, sold)


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
        connection.exec_driver_sql(f'INSERT INTO "{table.name}" ({names}) SELECT {casts} FROM generate_series(1, {count}) AS n')


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


def key(connection: Connection) -> str:
    """32 hexadecimal digits that differ from row to row."""
    return "printf('%032x', n * 2654435761)" if connection.dialect.name == "sqlite" else "md5('key' || n)"


def pick(words: tuple[str, ...], place: str = "n") -> str:
    """One of the words, by a whole number."""
    cases = " ".join(f"WHEN {number} THEN '{word}'" for number, word in enumerate(words))
    return f"(CASE ({place}) % {len(words)} {cases} END)"
