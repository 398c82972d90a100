"""Taking a catalogue file in: what it would change is planned first, then written in one transaction, or not at all."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute

from app.extensions import Record, db, now, retried, transaction
from app.models.catalog import Category, Product, TaxClass, Variant
from app.models.stock import Reason, StockAlert, StockMovement
from app.services import audit, catalog, import_plan, shop, slugs
from app.services.errors import BadFile
from app.services.import_plan import CHUNK, Draft, Plan
from app.services.layouts import Sheet, free_slug


@dataclass(frozen=True)
class Report:
    """What became of a file's rows, by count; those left out as (line, reason), and what else to say as (line, note)."""

    new: int
    changed: int
    unchanged: int
    skipped: tuple[tuple[int, str], ...] = ()
    notes: tuple[tuple[int, str], ...] = ()


@retried
def take_in(
    sheet: Sheet, *, actor: str, dry_run: bool = False, skip_bad: bool = False, advance: Callable[[int], None] = lambda done: None
) -> Report:
    """Bring the catalogue to what the sheet states and answer what changed. All or nothing, unless bad rows are to be skipped.

    A stated `on_hand` sets the stock, through the ledger. `advance` is told how many more of the rows are done. Raises BadFile
    with every bad row, also those whose stock would be less than unpaid orders hold.
    """
    plan = import_plan.make(db.session.connection(), sheet.rows)
    refuse(sheet, plan, skip_bad)
    advance(len(sheet.rows) - plan.new - plan.changed)
    if dry_run:
        advance(plan.new + plan.changed)
    elif plan.new or plan.changed:
        with transaction() as t:
            # One import at a time; buyers do not wait for this row.
            standard = select(TaxClass.id).order_by(TaxClass.id).limit(1).with_for_update(key_share=True)
            tax_class_id = t.execute(standard).scalar_one()
            if t.execute(import_plan.REVISION).scalar_one() != plan.revision:
                plan = import_plan.make(t, sheet.rows)
            write(t, plan, tax_class_id=tax_class_id, actor=actor, advance=advance)
            refuse(sheet, plan, skip_bad)  # once more: an order may have been placed since the file was compared
            audit.note(t, actor, "catalogue imported", "catalogue", after={"new": plan.new, "changed": plan.changed})
    skipped, notes = sorted(sheet.problems + plan.problems), sorted(sheet.notes + plan.notes)
    unchanged = len(sheet.rows) - len(plan.problems) - plan.new - plan.changed
    return Report(plan.new, plan.changed, unchanged, tuple(skipped), tuple(notes))


def refuse(sheet: Sheet, plan: Plan, skip_bad: bool) -> None:
    if not skip_bad and (problems := sorted(sheet.problems + plan.problems)):
        raise BadFile(problems)


def write(t: Connection, plan: Plan, *, tax_class_id: int, actor: str, advance: Callable[[int], None]) -> None:
    """Carry the plan out inside the caller's transaction. Stock that meanwhile cannot be set becomes a problem of the plan."""
    write_categories(t, plan)
    for drafts in catalog.chunks([draft for draft in plan.drafts if draft.new_variants or draft.old is None], CHUNK):
        write_products(t, [draft for draft in drafts if draft.old is None], tax_class_id)
        write_variants(t, drafts, actor)
        advance(sum(len(draft.new_variants) for draft in drafts))
    for ids in catalog.chunks(sorted({*plan.variants, *plan.moves, *plan.counts}), CHUNK):
        change_variants(t, plan, ids, actor)
        advance(len(ids))
    changed = [draft for draft in plan.drafts if draft.old is not None and draft.values]
    change(t, Product.__table__, {draft.id: draft.values for draft in sorted(changed, key=lambda draft: draft.id)})
    touched = sorted((draft.id, draft.variant_id) for draft in plan.drafts if draft.variant_id)
    catalog.refresh(t, [variant_id for _, variant_id in touched])


def write_categories(t: Connection, plan: Plan) -> None:
    """Give each new category a row, and products its id."""
    if not plan.new_categories:
        return
    taken = set(t.execute(select(Category.slug)).scalars()) | slugs.old(t, "category")
    position = t.execute(select(func.coalesce(func.max(Category.position), -1))).scalar_one()
    ids: dict[int, int] = {}
    for number, name in enumerate(plan.new_categories, 1):
        slug = free_slug(name, taken, otherwise="category", longest=100)
        taken.add(slug)
        values = {"name": name, "slug": slug, "position": position + number}
        ids[-number] = t.execute(insert(Category).returning(Category.id), values).scalar_one()
    for draft in plan.drafts:
        if (category := draft.values.get("category_id")) in ids:
            draft.values["category_id"] = ids[category]


def write_products(t: Connection, drafts: Sequence[Draft], tax_class_id: int) -> None:
    if not drafts:
        return
    common = {"tax_class_id": tax_class_id, "created_at": now()}
    ids = insert_all(t, Product.slug, [draft.values | common for draft in drafts])
    for draft in drafts:
        draft.id = ids[draft.values["slug"]]


def write_variants(t: Connection, drafts: Sequence[Draft], actor: str) -> None:
    """Write the new variants of these products, and the opening of their stock."""
    common = {"created_at": now(), "low_stock_below": shop.low_stock_below(t)}
    rows = [v | common | {"product_id": draft.id} for draft in drafts for v in draft.new_variants]
    if not rows:
        return
    ids = insert_all(t, Variant.sku, rows)
    for draft in drafts:
        if draft.new_variants:
            draft.variant_id = ids[draft.new_variants[0]["sku"]]
    movements = [movement(ids[row["sku"]], row["on_hand"], Reason.OPENING, actor) for row in rows if row["on_hand"]]
    if movements:
        t.execute(insert(StockMovement), movements)


def insert_all(t: Connection, name: InstrumentedAttribute[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Write the rows and answer their ids by their unique name.

    SQLite's search index writes to the disk after each statement: one statement of many rows is five times as fast there. To
    psycopg one of many rows is five times as slow as one run many times.
    """
    model = name.class_
    if t.dialect.name == "sqlite":
        return dict(t.execute(insert(model).returning(name, model.id), rows).all())
    t.execute(insert(model), rows)
    return dict(t.execute(select(name, model.id).where(name.in_([row[name.key] for row in rows]))).all())


def change_variants(t: Connection, plan: Plan, ids: Sequence[int], actor: str) -> None:
    """Write what changed in these variants, their stock too, by the rules of stock.put.

    The rows are locked in the order of their ids and read anew, so that a count is of what is there now.
    """
    columns = (Variant.id, Variant.on_hand, Variant.held, Variant.low_stock_below)
    locked = t.execute(select(*columns).where(Variant.id.in_(ids)).order_by(Variant.id).with_for_update()).all()
    moment = now()
    changes: dict[int, dict[str, Any]] = {}
    counted: list[tuple[Record, int]] = []
    for variant in locked:
        row = plan.counts.get(variant.id)
        if row and row.on_hand is not None and row.on_hand < variant.held:
            plan.problems.append((row.line, import_plan.too_few(row, variant.held)))
            plan.changed -= 1
            continue
        values = dict(plan.variants.get(variant.id, {}))
        if "price_minor" in values:
            values["price_changed_at"] = moment
        if variant.id in plan.moves:
            values["product_id"] = plan.moves[variant.id].id
        if row and row.on_hand is not None and row.on_hand != variant.on_hand:
            values |= {"on_hand": row.on_hand, "is_listed": row.on_hand > 0}
            counted.append((variant, row.on_hand))
        changes[variant.id] = values
    change(t, Variant.__table__, changes)
    if counted:
        t.execute(insert(StockMovement), [movement(v.id, level - v.on_hand, Reason.IMPORT, actor) for v, level in counted])
        close_alerts(t, "out", [variant.id for variant, level in counted if level > 0])
        close_alerts(t, "low", [variant.id for variant, level in counted if level >= variant.low_stock_below])


def movement(variant_id: int, delta: int, reason: Reason, actor: str) -> dict[str, Any]:
    return {"variant_id": variant_id, "delta": delta, "reason": reason, "actor": actor}


def close_alerts(t: Connection, kind: str, variant_ids: Sequence[int]) -> None:
    is_theirs = StockAlert.variant_id.in_(variant_ids)
    closing = update(StockAlert).where(is_theirs, StockAlert.kind == kind, StockAlert.status == "open")
    t.execute(closing.values(status="closed", closed_at=now()))


def change(t: Connection, table: Any, changes: Mapping[int, Mapping[str, Any]]) -> None:
    """Update rows by id; those that change the same columns go together."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for id, values in changes.items():
        alike[tuple(sorted(values))].append({"this_id": id, **{f"new_{column}": value for column, value in values.items()}})
    for columns, rows in alike.items():
        if columns:
            new = {column: bindparam(f"new_{column}", type_=table.c[column].type) for column in columns}
            t.execute(update(table).where(table.c.id == bindparam("this_id")).values(new), rows)
