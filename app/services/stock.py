"""Stock: the only writer of `on_hand` and `held`, by conditional updates of one row, with a ledger and alerts.

All functions that take a connection run inside the caller's transaction. Lines come merged and in variant-id order,
so that two buyers never wait for each other in a circle.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Integer, and_, bindparam, case, false, func, insert, select, true, update

from app.extensions import Prepared, Record, db, now, retried, transaction
from app.models.catalog import Variant
from app.models.stock import Reason, StockAlert, StockMovement
from app.services import audit, catalog, editing, outbox
from app.services.errors import DoneAlready, NotFound, OutOfStock, StockConflict, StockMoved, StockRefused

AVAILABLE = Variant.on_hand - Variant.held
MOST = 2**31 - 1  # of one variant, on every database
LOOKED_BACK = 50  # movements, to tell what became of a number that somebody saw


@dataclass(frozen=True)
class Taken:
    """What one line's sale, or a hand that took things away, did to its variant."""

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
ADD = Prepared(
    update(Variant)
    .where(Variant.id == bindparam("variant"), Variant.on_hand <= MOST - bindparam("quantity", type_=Integer))
    .values(on_hand=Variant.on_hand + bindparam("quantity", type_=Integer), is_listed=True)
    .returning((Variant.on_hand >= Variant.low_stock_below).label("is_enough"))
)
BY_HAND = (Variant.id, Variant.on_hand, Variant.low_stock_below)
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
    """Raise one variant's `on_hand` by so many, as `add_all` does, and answer by how many. Raises NotFound, StockRefused."""
    add_all(t, {variant_id: quantity}, reason=reason, actor=actor)
    return quantity


def add_all(t: Connection, quantities: Mapping[int, int], *, reason: Reason, actor: str, note: str = "") -> None:
    """Raise the `on_hand` of many variants, by variant id: each is listed again, and alerts that are no longer true are closed.

    Raises NotFound, StockRefused.
    """
    coming = sorted((variant, quantity) for variant, quantity in quantities.items() if quantity)
    rows = ADD.each(t, [{"variant": variant, "quantity": quantity} for variant, quantity in coming])
    for (variant, quantity), row in zip(coming, rows, strict=True):
        if row is None:
            raise _too_many(t, variant, quantity)
    common = {"reason": reason, "actor": actor, "note": note}
    INSERT_MOVEMENTS.each(t, [{"variant_id": variant, "delta": quantity, **common} for variant, quantity in coming])
    closing = {"out": [v for v, _ in coming], "low": [v for (v, _), row in zip(coming, rows, strict=True) if row.is_enough]}
    for kind, variants in closing.items():
        for chunk in catalog.chunks(variants):
            open_ones = StockAlert.variant_id.in_(chunk), StockAlert.kind == kind, StockAlert.status == "open"
            t.execute(update(StockAlert).where(*open_ones).values(status="closed", closed_at=now()))


def _too_many(t: Connection, variant_id: int, quantity: int) -> NotFound | StockRefused:
    sku = t.execute(select(Variant.sku).where(Variant.id == variant_id)).scalar()
    if sku is None:
        return NotFound("There is no such variant.")
    return StockRefused("%(sku)s would be more than %(most)s with %(quantity)s more.", sku=sku, quantity=quantity, most=MOST)


# ------------------------------------------------------------------------------------------------ by hand, behind the counter


@retried
def change_by(
    variant_id: int, delta: int, *, actor: str, seen: int | None = None, reason: Reason = Reason.SET, note: str = ""
) -> int:
    """Add things that somebody put on the shelf, or take away as many; answers how many there are now.

    What is sold meanwhile does not matter: the difference is applied to whatever is there. Only when this actor did just the same
    since the page said that `seen` were on hand, DoneAlready asks whether it is meant twice. Raises NotFound, StockConflict when
    unpaid orders hold more than would be left, StockRefused when there are not so many, or would be too many.
    """
    with transaction() as t:
        # The guard: never more than can be counted; never below what is held, nor 0, since nothing less is held.
        may = Variant.on_hand <= MOST - delta if delta > 0 else Variant.held <= Variant.on_hand + delta
        is_listed = true() if delta > 0 else and_(Variant.is_listed, Variant.on_hand + delta > 0)
        changing = update(Variant).where(Variant.id == variant_id, may)
        changed = changing.values(on_hand=Variant.on_hand + delta, is_listed=is_listed).returning(*BY_HAND)
        row = t.execute(changed).first()
        if row is None:
            raise _refusal(t, variant_id, delta)
        if seen is not None:
            now_again = {"delta": delta, "reason": reason, "note": note, "actor": actor}
            if any(now_again.items() <= each._mapping.items() for each in _since(t, variant_id, row.on_hand - delta, seen)):
                raise DoneAlready(delta=delta, level=row.on_hand - delta)
        _record_by_hand(t, row, delta, reason=reason, note=note, actor=actor)
    return int(row.on_hand)


@retried
def set_to(variant_id: int, level: int, *, seen: int, actor: str, reason: Reason = Reason.SET, note: str = "") -> int:
    """Set what somebody counted while the page said that `seen` were on hand; answers the difference.

    Nothing that happened meanwhile is overwritten: StockMoved says what it was. Raises NotFound too, and StockConflict when
    unpaid orders hold more than were counted.
    """
    with transaction() as t:
        # The guards: it is still as it was seen, and not less than is held.
        as_seen = Variant.id == variant_id, Variant.on_hand == seen, Variant.held <= level
        is_listed = true() if level > seen else Variant.is_listed if level else false()
        changed = update(Variant).where(*as_seen).values(on_hand=level, is_listed=is_listed).returning(*BY_HAND)
        row = t.execute(changed).first()
        if row is None:
            raise _contradiction(t, variant_id, level, seen)
        _record_by_hand(t, row, level - seen, reason=reason, note=note, actor=actor)
    return level - seen


def _record_by_hand(t: Connection, row: Record, delta: int, *, reason: Reason, note: str, actor: str) -> None:
    """Write down what a hand changed: ledger, alerts, lists and the audit trail."""
    if delta == 0:
        return
    t.execute(insert(StockMovement).values(variant_id=row.id, delta=delta, reason=reason, actor=actor, note=note))
    close_alerts(t, row.id, row.on_hand, row.low_stock_below)
    if delta < 0 and (kind := Taken(row.id, -delta, row.on_hand, row.low_stock_below).alert):
        raise_alert(t, row.id, kind, row.on_hand, None)
    catalog.refresh(t, [row.id])
    after = {"on_hand": row.on_hand, "reason": str(reason)} | ({"note": note} if note else {})
    audit.note(t, actor, "stock changed", f"variant:{row.id}", {"on_hand": row.on_hand - delta}, after)


def _refusal(t: Connection, variant_id: int, delta: int) -> NotFound | StockConflict | StockRefused:
    """Why nothing can be added or taken away."""
    row = t.execute(select(Variant.sku, Variant.on_hand, Variant.held).where(Variant.id == variant_id)).first()
    if row is None or delta > 0:
        return _too_many(t, variant_id, delta)
    if row.on_hand + delta < 0:
        message = "There are only %(there)s on hand, so %(wanted)s cannot be taken away."
        return StockRefused(message, there=row.on_hand, wanted=-delta)
    return StockConflict(sku=row.sku, held=row.held, wanted=row.on_hand + delta)


def _contradiction(t: Connection, variant_id: int, level: int, seen: int) -> NotFound | StockConflict | StockMoved:
    """Why a count cannot be set."""
    row = t.execute(select(Variant.sku, Variant.on_hand, Variant.held).where(Variant.id == variant_id)).first()
    if row is None:
        return NotFound("There is no such variant.")
    if row.on_hand == seen:
        return StockConflict(sku=row.sku, held=row.held, wanted=level)
    since = _since(t, variant_id, row.on_hand, seen)
    is_explained = row.on_hand - sum(each.delta for each in since) == seen
    only_sales = all(each.reason == Reason.SALE for each in since)
    return StockMoved(seen=seen, level=row.on_hand, sold=seen - row.on_hand if is_explained and only_sales else 0)


def _since(t: Connection, variant_id: int, on_hand: int, seen: int) -> list[Record]:
    """What moved since somebody saw another level, the newest first; all that is looked back on when that never was the level."""
    columns = StockMovement.delta, StockMovement.reason, StockMovement.note, StockMovement.actor
    mine = select(*columns).where(StockMovement.variant_id == variant_id).order_by(StockMovement.id.desc()).limit(LOOKED_BACK)
    since: list[Record] = []
    for movement in t.execute(mine):
        if on_hand == seen:
            break
        on_hand -= movement.delta
        since.append(movement)
    return since


@retried
def list_by_hand(variant_id: int, is_listed: bool, *, actor: str) -> None:
    """Take a variant off sale until it is restocked, or put it on sale again. Raises NotFound, StockRefused when none is left."""
    with transaction() as t:
        other = update(Variant).where(Variant.id == variant_id, Variant.is_listed != is_listed)
        done = t.execute((other.where(Variant.on_hand > 0) if is_listed else other).values(is_listed=is_listed)).rowcount
        if done:
            catalog.refresh(t, [variant_id])
            audit.note(t, actor, "on sale" if is_listed else "off sale", f"variant:{variant_id}")
            return
        on_hand = t.execute(select(Variant.on_hand).where(Variant.id == variant_id)).scalar()
        if on_hand is None:
            raise NotFound("There is no such variant.")
        if is_listed and on_hand == 0:
            raise StockRefused("There is none to sell. It is on sale by itself once there is.")


@retried
def set_threshold(variant_id: int, below: int, *, seen: str, actor: str) -> None:
    """Let a variant run low below another level; a `low` alert that is no longer true is closed. Raises NotFound, EditConflict.

    Nothing left the shelf, so none is raised.
    """
    with transaction() as t:
        if not editing.save(
            t, Variant, variant_id, {"low_stock_below": below}, seen=seen, actor=actor, action="threshold changed"
        ):
            return
        close_alerts(t, variant_id, t.execute(select(Variant.on_hand).where(Variant.id == variant_id)).scalar_one(), below)
        catalog.refresh(t, [variant_id])  # cards say that few are left


@retried
def acknowledge(alert_id: int, *, actor: str) -> None:
    """Write down that somebody saw an alert; the first to do so is named. Raises NotFound."""
    with transaction() as t:
        unseen = update(StockAlert).where(StockAlert.id == alert_id, StockAlert.acknowledged_at.is_(None))
        if t.execute(unseen.values(acknowledged_at=now(), acknowledged_by=actor)).rowcount:
            audit.note(t, actor, "alert acknowledged", f"stock_alert:{alert_id}")
        elif t.execute(select(StockAlert.id).where(StockAlert.id == alert_id)).first() is None:
            raise NotFound("There is no such alert.")


# ------------------------------------------------------------------------------------------------ by command


@retried
def set_levels(levels: Sequence[tuple[str, int]], *, actor: str) -> int:
    """Set the stock of several SKUs, all or none, and answer how many changed. Raises NotFound, StockConflict."""
    with transaction() as t:
        ids = catalog.variant_ids(t, [sku for sku, _ in levels])
        if missing := [sku for sku, _ in levels if sku not in ids]:
            raise NotFound("There is no SKU %(sku)s.", sku=missing[0])
        wanted = sorted((ids[sku], level) for sku, level in levels)
        changed = {variant: level for variant, level in wanted if put(t, variant, level, reason=Reason.SET, actor=actor)}
        catalog.refresh(t, list(changed))
        _note_levels(t, actor, changed)
    return len(changed)


def _note_levels(t: Connection, actor: str, levels: Mapping[int, int]) -> None:
    """One entry in the trail for what a command set: the variant, or how many there were."""
    if len(levels) == 1:
        [(variant, level)] = levels.items()
        audit.note(t, actor, "stock set", f"variant:{variant}", None, {"on_hand": level})
    elif levels:
        audit.note(t, actor, "stock set", "variants", None, {"variants": len(levels)})


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
        _note_levels(t, actor, dict.fromkeys(changed, level))
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
