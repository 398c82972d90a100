"""The back office with years of orders: the server's time for each page, beside the same page of a small shop."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy import select

from app.extensions import db
from app.models.customer import Role
from app.models.order import Order, order_number
from app.services import accounts
from bench import books, data
from bench.data import COMMON, Shop
from bench.orders import postgres_server
from bench.run import SMALL, Run
from bench.table import Figure, Row, milliseconds, not_run, number, times, verdict

FEW, MANY, MANY_QUICK = 1_000, 1_000_000, 50_000  # orders
MOST_MILLISECONDS = 200.0
REPEATS = 7
GOAL = "staff"


def measure(run: Run) -> Iterator[Row]:
    """Every page on SQLite, then on PostgreSQL."""
    from tests import tools

    yield from compared(run, "SQLite", "", "")
    if not (os.environ.get("TEST_POSTGRES_URL") or (tools.find("initdb") and tools.find("pg_ctl"))):
        yield not_run(GOAL, "PostgreSQL", "initdb and pg_ctl were not found, and TEST_POSTGRES_URL is not set")
        return
    with ExitStack() as stack:
        server = stack.enter_context(postgres_server())
        urls = [stack.enter_context(data.postgres_database(server)) for _ in range(2)]
        yield from compared(run, "PostgreSQL", *urls)


def compared(run: Run, database: str, small_url: str, large_url: str) -> Iterator[Row]:
    many = MANY_QUICK if run.is_quick else MANY
    kinds = {FEW: (SMALL, small_url), many: (run.large_size, large_url)}
    figures: dict[int, dict[str, Figure]] = {}
    for orders, (products, url) in kinds.items():
        shop = run.made(f"{orders:,} orders on {database}", f"staff-{database}-{orders}", products=products, url=url)
        books.fill(shop, orders)
        client = manager(shop)
        figures[orders] = {name: taken(client, path) for name, path in paths(shop).items()}
        with shop.app.app_context():
            db.engine.dispose()
    for name, figure in figures[many].items():
        ratio = times(figure.median / figures[FEW][name].median)
        bound = f"{ratio} of the same page with {number(FEW)} orders and {SMALL} products"
        wanted = f"≤ {MOST_MILLISECONDS:.0f} ms"
        yield Row(
            GOAL,
            f"{database}, {number(many)} orders: {name}",
            figure.text(milliseconds),
            wanted,
            verdict(figure.median <= MOST_MILLISECONDS),
            bound,
        )


def manager(shop: Shop) -> FlaskClient:
    """A manager's browser, logged in."""
    with shop.app.app_context():
        member = accounts.create(
            "boss@example.com", name="Boss", role=Role.MANAGER, password="three brown horses", is_verified=True
        )
        db.session.remove()
    client = shop.app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = member.session_id, True
    return client


def taken(client: FlaskClient, path: str) -> Figure:
    """Milliseconds of the server for this page, REPEATS times after once to warm it. Raises RuntimeError for no page."""
    values = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        response = client.get(path)
        values.append((time.perf_counter() - began) * 1000)
        if response.status_code != 200:
            raise RuntimeError(f"{path} answered {response.status_code}")
    return Figure(tuple(values[1:]))


def paths(shop: Shop) -> dict[str, str]:
    """The pages of the back office that show rows, their searches, and what lies deep."""
    with shop.app.app_context():
        newest, when = db.session.execute(select(Order.id, Order.placed_at).order_by(Order.id.desc()).limit(1)).one()
        old = db.session.execute(select(Order.placed_at).where(Order.id == 1)).scalar_one()
        db.session.remove()
    middle, day = newest // 2, old + (when - old) / 2
    days = f"first={day:%Y-%m-%d}&last={day + timedelta(days=7):%Y-%m-%d}"
    return {
        "today": "/staff",
        "orders": "/staff/orders",
        "orders, deep": f"/staff/orders?after={middle}",
        "orders to pack": "/staff/orders?state=pack",
        "orders done": "/staff/orders?state=completed",
        "orders of a week": f"/staff/orders?{days}",
        "orders done, of a week": f"/staff/orders?state=completed&{days}",
        "orders by number": f"/staff/orders?q={order_number(middle)}",
        "orders by e-mail": "/staff/orders?q=c7@example.com",
        "orders by a name of a tenth of all": "/staff/orders?q=hopper",
        "orders by a name and a state": "/staff/orders?q=hopper&state=completed",
        "orders by SKU": "/staff/orders?q=T000007-0",
        "orders by a word that is not there": "/staff/orders?q=zeppelin",
        "one order": f"/staff/orders/{middle}",
        "payments": "/staff/payments",
        "products": "/staff/products",
        "products by a common word": f"/staff/products?q={COMMON}",
        "one product": "/staff/products/7",
        "categories": "/staff/categories",
        "stock": "/staff/stock",
        "stock by SKU": "/staff/stock?q=T0000",
        "stock by a common word": f"/staff/stock?q={COMMON}",
        "stock that is low": "/staff/stock?show=low",
        "one variant's ledger": "/staff/stock/7",
        "alerts": "/staff/alerts",
        "deliveries": "/staff/deliveries",
        "customers": "/staff/customers",
        "customers by e-mail": "/staff/customers?q=c77",
        "customers by a common name": "/staff/customers?q=grace",
        "one customer": "/staff/customers/7",
        "messages": "/staff/messages",
        "messages sent": "/staff/messages?state=sent",
        "settings": "/staff/settings",
        "trail": "/staff/audit",
        "people": "/staff/people",
    }
