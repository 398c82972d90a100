"""Stock: the only writer of `on_hand` and `held`, by conditional updates of one row, with a ledger and alerts.

All functions that take a connection run inside the caller's transaction. Lines come merged and in variant-id order,
so that two buyers never wait for each other in a circle.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, case, func, insert, select, update

from app.extensions import Prepared, db, now, retried, transaction
from app.models.catalog import Variant
from app.models.stock import Reason, StockAlert, StockMovement
from app.services import catalog, outbox
from app.services.errors import NotFound, OutOfStock, StockConflict

AVAILABLE = Variant.on_hand - Variant.held


@dataclass(frozen=True)
class Taken:
    """What one line's sale did to its variant."""

    variant_id: int
    quantity: int
    level: int  # on_hand afterwards
    low_below: int

    @property
    def alert(self) -> str | None:
        """`out` at 0; `low` when this sale took the level from the threshold or above to below it."""
        if self.level == 0:
            return "out"
        return "low" if self.level < self.low_below <= self.level + self.quantity else None


TAKE = Prepared(
    update(Variant)
    .where(Variant.id == bindparam("variant"), Variant.is_active, AVAILABLE >= bindparam("wanted"))
    .values(
        on_hand=Variant.on_hand - bindparam("wanted"),
        is_listed=case((Variant.on_hand > bindparam("wanted"), Variant.is_listed), else_=False),
    )
    .returning(Variant.on_hand, Variant.low_stock_below)
)
HOLD = Prepared(
    update(Variant)
    .where(Variant.id == bindparam("variant"), Variant.is_active, AVAILABLE >= bindparam("wanted"))
    .values(held=Variant.held + bindparam("wanted"))
    .returning(Variant.on_hand, Variant.low_stock_below)
)
RELEASE = Prepared(
    update(Variant)
    .where(Variant.id == bindparam("variant"), Variant.held >= bindparam("wanted"))
    .values(held=Variant.held - bindparam("wanted"))
    .returning(Variant.on_hand)
)
SELL_HELD = Prepared(
    update(Variant)
    .where(Variant.id == bindparam("variant"), Variant.held >= bindparam("wanted"))
    .values(
        on_hand=Variant.on_hand - bindparam("wanted"),
        held=Variant.held - bindparam("wanted"),
        is_listed=case((Variant.on_hand > bindparam("wanted"), Variant.is_listed), else_=False),
    )
    .returning(Variant.on_hand, Variant.low_stock_below)
)
LEFT = Prepared(select(case((Variant.is_active, AVAILABLE), else_=0).label("left")).where(Variant.id == bindparam("variant")))
INSERT_MOVEMENTS = Prepared(insert(StockMovement))


def take(t: Connection, lines: Sequence[tuple[int, int, str]]) -> list[Taken]:
    """Take each (variant id, quantity, name) out of `on_hand`. Raises OutOfStock naming every short line: keep nothing then."""
    return [Taken(variant, wanted, *row) for (variant, wanted, _), row in zip(lines, _each(t, TAKE, lines), strict=True)]


def hold(t: Connection, lines: Sequence[tuple[int, int, str]]) -> list[Taken]:
    """Set each (variant id, quantity, name) aside for an unpaid order. Raises OutOfStock naming every short line."""
    _each(t, HOLD, lines)
    return []


def _each(t: Connection, statement: Prepared, lines: Sequence[tuple[int, int, str]]) -> list[tuple[int, int]]:
    done = statement.each(t, [{"variant": variant, "wanted": wanted} for variant, wanted, _ in lines])
    # The guard: where no row met the condition, nothing was taken.
    short = [line for line, row in zip(lines, done, strict=True) if row is None]
    if short:
        left = LEFT.each(t, [{"variant": variant} for variant, _, _ in short])
        told = zip(short, left, strict=True)
        raise OutOfStock([(variant, name, wanted, row.left if row else 0) for (variant, wanted, name), row in told])
    return done


def release(t: Connection, lines: Iterable[tuple[int, int]]) -> None:
    """Give what an unpaid order held back to the others; lines are (variant id, quantity)."""
    for variant, quantity in sorted(lines):
        if RELEASE.row_or_none(t, variant=variant, wanted=quantity) is None:
            raise AssertionError(f"variant {variant} holds less than {quantity}")


def sell_held(t: Connection, lines: Sequence[tuple[int, int]]) -> list[Taken]:
    """Take what a paid order held out of `on_hand`; lines are (variant id, quantity)."""
    lines = sorted(lines)
    sold = SELL_HELD.each(t, [{"variant": variant, "wanted": quantity} for variant, quantity in lines])
    if None in sold:
        raise AssertionError(f"less is held than was paid for: {lines}")
    return [Taken(variant, quantity, *row) for (variant, quantity), row in zip(lines, sold, strict=True)]


def take_back(t: Connection, lines: Mapping[int, tuple[int, int]], actor: str) -> None:
    """Put the goods of an order that was called off on the shelf again; maps line item id to (variant id, quantity)."""
    for line_id, (variant, quantity) in sorted(lines.items(), key=lambda item: item[1]):
        back = update(Variant).where(Variant.id == variant).values(on_hand=Variant.on_hand + quantity, is_listed=True)
        level, low_below = t.execute(back.returning(Variant.on_hand, Variant.low_stock_below)).one()
        movement = {"variant_id": variant, "delta": quantity, "reason": Reason.RETURN, "line_item_id": line_id, "actor": actor}
        t.execute(insert(StockMovement), movement)
        close_alerts(t, variant, level, low_below)
    catalog.refresh(t, [variant for variant, _ in lines.values()])


def close_alerts(t: Connection, variant_id: int, level: int, low_below: int) -> None:
    """Close the alerts that are no longer true of a variant with so many on hand."""
    closing = ["out"] * (level > 0) + ["low"] * (level >= low_below)
    open_ones = StockAlert.variant_id == variant_id, StockAlert.status == "open", StockAlert.kind.in_(closing)
    t.execute(update(StockAlert).where(*open_ones).values(status="closed", closed_at=now()))


def record_sale(t: Connection, taken: Sequence[Taken], line_items: Mapping[int, int], actor: str) -> None:
    """Write the sale into the ledger and raise its alerts; `line_items` maps variant id to line item id."""
    if not taken:
        return
    INSERT_MOVEMENTS.each(
        t,
        [
            {
                "variant_id": each.variant_id,
                "delta": -each.quantity,
                "reason": Reason.SALE,
                "line_item_id": line_items[each.variant_id],
                "actor": actor,
            }
            for each in taken
        ],
    )
    for each in taken:
        if each.alert:
            raise_alert(t, each.variant_id, each.alert, each.level, line_items[each.variant_id])
    catalog.refresh(t, [each.variant_id for each in taken if each.alert])


def raise_alert(t: Connection, variant_id: int, kind: str, level: int, line_item_id: int | None) -> None:
    """Tell staff once that a variant is `low` or `out`; while such an alert is open nothing more is said."""
    is_open = select(StockAlert.id).where(
        StockAlert.variant_id == variant_id, StockAlert.kind == kind, StockAlert.status == "open"
    )
    if t.execute(is_open).first():
        return
    values = {"variant_id": variant_id, "kind": kind, "level": level, "line_item_id": line_item_id}
    alert_id = t.execute(insert(StockAlert).returning(StockAlert.id), values).scalar_one()
    outbox.owe(t, "stock.alert", f"stock.alert:{alert_id}", {"alert_id": alert_id})


def put(t: Connection, variant_id: int, level: int, *, reason: Reason, actor: str) -> int:
    """Set one variant's `on_hand` to a counted level and answer the difference.

    Restocking lists the variant again and closes the alerts that are no longer true; counting down to 0 takes it off sale.
    Raises StockConflict when unpaid orders hold more than that, NotFound for an unknown variant.
    """
    row = t.execute(
        select(Variant.on_hand, Variant.held, Variant.sku, Variant.low_stock_below)
        .where(Variant.id == variant_id)
        .with_for_update()
    ).first()
    if row is None:
        raise NotFound("There is no such variant.")
    if level < row.held:
        raise StockConflict(sku=row.sku, held=row.held, wanted=level)
    delta: int = level - row.on_hand
    if delta == 0:
        return 0
    t.execute(update(Variant).where(Variant.id == variant_id).values(on_hand=level, is_listed=level > 0))
    t.execute(insert(StockMovement).values(variant_id=variant_id, delta=delta, reason=reason, actor=actor))
    close_alerts(t, variant_id, level, row.low_stock_below)
    return delta


def add(t: Connection, variant_id: int, quantity: int, *, reason: Reason, actor: str) -> int:
    """Raise one variant's `on_hand` by so many, as `put` does, and answer by how many. Raises NotFound."""
    on_hand = t.execute(select(Variant.on_hand).where(Variant.id == variant_id).with_for_update()).scalar_one_or_none()
    return put(t, variant_id, (on_hand or 0) + quantity, reason=reason, actor=actor)


@retried
def set_levels(levels: Sequence[tuple[str, int]], *, actor: str) -> int:
    """Set the stock of several SKUs, all or none, and answer how many changed. Raises NotFound, StockConflict."""
    with transaction() as t:
        ids = catalog.variant_ids(t, [sku for sku, _ in levels])
        if missing := [sku for sku, _ in levels if sku not in ids]:
            raise NotFound("There is no SKU %(sku)s.", sku=missing[0])
        wanted = sorted((ids[sku], level) for sku, level in levels)
        changed = [variant for variant, level in wanted if put(t, variant, level, reason=Reason.SET, actor=actor)]
        catalog.refresh(t, changed)
    return len(changed)


def count() -> int:
    """How many variants there are."""
    found: int = db.session.execute(select(func.count(Variant.id))).scalar_one()
    return found


def set_all(level: int, *, actor: str, advance: Callable[[int], None] = lambda done: None) -> int:
    """Set the stock of every variant and answer how many changed; in portions, so that buyers are let in between.

    `advance` is told how many more are done. Raises StockConflict at the first that cannot be; those before it stay set.
    """
    ids = db.session.execute(select(Variant.id).order_by(Variant.id)).scalars().all()
    changed = 0
    for portion in catalog.chunks(ids):
        changed += _set_portion(portion, level, actor)
        advance(len(portion))
    return changed


@retried
def _set_portion(ids: Sequence[int], level: int, actor: str) -> int:
    with transaction() as t:
        changed = [variant for variant in ids if put(t, variant, level, reason=Reason.SET, actor=actor)]
        catalog.refresh(t, changed)
    return len(changed)


def levels(sku: str | None = None) -> list[tuple[str, int, int, int]]:
    """(SKU, on hand, held, available) of one variant, or of all by SKU."""
    wanted = select(Variant.sku, Variant.on_hand, Variant.held, AVAILABLE).order_by(Variant.sku)
    if sku:
        wanted = wanted.where(Variant.sku == sku.strip().upper())
    return [tuple(row) for row in db.session.execute(wanted)]  # type: ignore[misc]


def alerts() -> list[dict[str, object]]:
    """Every alert, oldest first: sku, kind (low or out), level, status, created_at."""
    wanted = (
        select(Variant.sku, StockAlert.kind, StockAlert.level, StockAlert.status, StockAlert.created_at)
        .join(Variant, Variant.id == StockAlert.variant_id)
        .order_by(StockAlert.id)
    )
    return [dict(row._mapping) for row in db.session.execute(wanted)]
