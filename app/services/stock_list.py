"""What staff read of stock: the list of variants, the ledger of one, and the alerts. Reads only.

Pages go by keyset. There is no index on the level, which every sale would have to keep: the few that run low are found by walking
the SKUs in their order.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, or_, select

from app.extensions import Query, Record, db
from app.models.catalog import Product, Variant
from app.models.customer import Account, Customer
from app.models.order import LineItem, order_number
from app.models.stock import StockAlert, StockMovement
from app.services import audit, catalog
from app.services.stock import AVAILABLE

PAGE = 50
MOST_NAMED = 500  # products whose name a search may match; another word narrows it
SKU_BEGINS = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,63}")
AFTER_EVERY_SKU = "~"  # no SKU has it, and it sorts behind all that they have

# What a list may be narrowed to, by the word in its address.
STATES: dict[str, ColumnElement[bool]] = {
    "low": (Variant.on_hand > 0) & (Variant.on_hand < Variant.low_stock_below),
    "out": Variant.on_hand == 0,
}
ROWS: Query = select(
    Variant.id,
    Variant.sku,
    Variant.options,
    Variant.on_hand,
    Variant.held,
    AVAILABLE.label("available"),
    Variant.low_stock_below,
    Variant.is_listed,
    (Variant.is_active & Product.is_active).label("is_active"),
    Variant.product_id,
    Product.name,
).join(Product, Product.id == Variant.product_id)


@dataclass(frozen=True)
class Found:
    """One page of the list, and the id of its last variant if another page follows; whether a search matched too many names."""

    rows: Sequence[Record]
    after: int | None
    is_capped: bool = False


def variants(*, words: str = "", state: str = "", after: int | None = None) -> Found:
    """One page of all variants by SKU: those whose SKU begins like the words, or whose product has them in its name."""
    wanted = ROWS.order_by(Variant.sku).limit(PAGE + 1)
    if state in STATES:
        wanted = wanted.where(STATES[state])
    named: list[int] = []
    if words:
        named = _named(words)
        wanted = wanted.where(or_(*_begins(words), Variant.product_id.in_(named[:MOST_NAMED])))
    if after is not None:
        edge = db.session.execute(select(Variant.sku).where(Variant.id == after)).scalar()
        wanted = wanted.where(Variant.sku > edge) if edge else wanted
    rows = db.session.execute(wanted).all()
    return Found(rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None, len(named) > MOST_NAMED)


def _named(words: str) -> list[int]:
    terms = catalog.fold(words)[:100].split()[:8]
    if not terms:
        return []
    matching = catalog.matching(terms, names_only=True).limit(MOST_NAMED + 1)
    return [row.id for row in db.session.execute(matching)]


def _begins(words: str) -> list[ColumnElement[bool]]:
    """SKUs that begin so. SQLite finds them by its index; PostgreSQL's may sort otherwise than by bytes: it compares them all."""
    prefix = words.strip().upper()
    if not SKU_BEGINS.fullmatch(prefix):
        return []
    if db.engine.dialect.name == "sqlite":
        return [(Variant.sku >= prefix) & (Variant.sku < prefix + AFTER_EVERY_SKU)]
    return [Variant.sku.startswith(prefix, autoescape=True)]


def variant(variant_id: int) -> Record | None:
    """One row of the list."""
    return db.session.execute(ROWS.where(Variant.id == variant_id)).first()


# ------------------------------------------------------------------------------------------------ the ledger


@dataclass(frozen=True)
class Movement:
    """One change of `on_hand`, who made it, and how many there were after it."""

    id: int
    at: datetime
    delta: int
    level: int
    reason: str
    note: str
    who: str  # a name or an e-mail; "" when an order or the shop itself did
    order_id: int | None

    @property
    def order_number(self) -> str:
        return order_number(self.order_id) if self.order_id else ""


def ledger(variant_id: int, on_hand: int, *, after: int | None = None) -> tuple[list[Movement], int | None]:
    """One page of a variant's movements, the newest first, and the id of its last if older ones follow.

    The level after each counts back from what is `on_hand`. Of a later page, only what is newer than it is summed, in the index.
    """
    mine = StockMovement.variant_id == variant_id
    wanted = (
        select(
            StockMovement.id,
            StockMovement.created_at,
            StockMovement.delta,
            StockMovement.reason,
            StockMovement.note,
            StockMovement.actor,
            LineItem.order_id,
        )
        .outerjoin(LineItem, LineItem.id == StockMovement.line_item_id)
        .where(mine)
        .order_by(StockMovement.id.desc())
        .limit(PAGE + 1)
    )
    level = on_hand
    if after is not None:
        wanted = wanted.where(StockMovement.id < after)
        newer = select(func.coalesce(func.sum(StockMovement.delta), 0)).where(mine, StockMovement.id >= after)
        level -= db.session.execute(newer).scalar_one()
    rows = db.session.execute(wanted).all()
    who = people(row.actor for row in rows)
    page = []
    for row in rows[:PAGE]:
        cells = row.id, row.created_at, row.delta, level, row.reason, row.note
        page.append(Movement(*cells, who.get(row.actor, ""), row.order_id))
        level -= row.delta
    return page, page[-1].id if len(rows) > PAGE else None


def people(actors: Iterable[str | None]) -> dict[str, str]:
    """The name of each actor who is somebody behind the counter, or the e-mail where there is no name."""
    accounts = {audit.account_of(actor): actor for actor in actors if actor and actor.startswith(audit.STAFF)}
    called = case((Customer.name != "", Customer.name), else_=Account.email)
    wanted = (
        select(Account.id, called)
        .outerjoin(Customer, Customer.account_id == Account.id)
        .where(Account.id.in_(id for id in accounts if id is not None))
    )
    names = {accounts[id]: name for id, name in db.session.execute(wanted)} if accounts else {}
    return names | {audit.COMMAND: "the command line"}


# ------------------------------------------------------------------------------------------------ alerts

ALERTS: Query = (
    select(
        StockAlert.id,
        StockAlert.kind,
        StockAlert.level,
        StockAlert.status,
        StockAlert.created_at,
        StockAlert.closed_at,
        StockAlert.acknowledged_at,
        StockAlert.acknowledged_by,
        StockAlert.variant_id,
        Variant.sku,
        Variant.options,
        Variant.on_hand,
        Product.name,
        LineItem.order_id,
    )
    .join(Variant, Variant.id == StockAlert.variant_id)
    .join(Product, Product.id == Variant.product_id)
    .outerjoin(LineItem, LineItem.id == StockAlert.line_item_id)
)


def alerts(*, is_open: bool = True, after: int | None = None) -> tuple[Sequence[Record], int | None]:
    """One page of open or of closed alerts, the newest first, and the id of its last if older ones follow."""
    wanted = ALERTS.where(StockAlert.status == ("open" if is_open else "closed")).order_by(StockAlert.id.desc()).limit(PAGE + 1)
    if after is not None:
        wanted = wanted.where(StockAlert.id < after)
    rows = db.session.execute(wanted).all()
    return rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None


def alert(alert_id: int) -> Record | None:
    """One alert, by the columns of `alerts`."""
    return db.session.execute(ALERTS.where(StockAlert.id == alert_id)).first()
