"""The back office with years of orders: the server's time for each page, beside the same page of a small shop."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack

from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.extensions import db
from app.models.customer import Role
from app.models.order import Order
from app.services import accounts
from bench import books, data
from bench.data import Shop
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
    """The pages of the back office that show rows, their searches and what lies deep."""
    with shop.app.app_context():
        newest = db.session.execute(select(func.max(Order.id))).scalar_one()
        db.session.remove()
    middle = newest // 2
    return {
        "today": "/staff",
        "trail": "/staff/audit",
        "orders": "/staff/orders",
        "orders, deep": f"/staff/orders?after={middle}",
        "one order": f"/staff/orders/{middle}",
    }
