"""Deliveries: a list of goods is kept as a draft, corrected as often as it takes, then put on the shelf all at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exc, insert, select, update

from app.extensions import Prepared, Record, db, now, retried, transaction
from app.models.catalog import TaxClass
from app.models.delivery import CELL, Delivery, DeliveryLine, DeliveryStatus
from app.models.stock import Reason
from app.services import audit, catalog, delivery_check, import_plan, importing, stock, text
from app.services.delivery_check import Checked
from app.services.delivery_file import COLUMNS, Sheet
from app.services.errors import NotFound, ShopError

PAGE = 50
NAME: int = Delivery.name.type.length
INSERT_LINES = Prepared(insert(DeliveryLine))


class DraftChanged(ShopError):
    """`revision` is what stands now: what is sent again with it overwrites knowingly."""

    message = (
        "Somebody else changed this delivery while you looked at it. What it says now stands beside the fields; save again to "
        "keep yours."
    )
    status = 409

    def __init__(self, revision: int) -> None:
        super().__init__()
        self.revision = revision


class AlreadyApplied(ShopError):
    """This content is on the shelf: since when, by which actor, and as which delivery."""

    status = 409

    def __init__(self, delivery_id: int, at: datetime, actor: str) -> None:
        super().__init__("This delivery was applied already.")
        self.delivery_id, self.at, self.actor = delivery_id, at, actor


class Discarded(ShopError):
    message = "This delivery was discarded. Take the list in again to apply it."
    status = 409


class NotRight(ShopError):
    message = "Some rows are to be corrected first; nothing was applied."


class NothingInIt(ShopError):
    message = "There are no rows in this delivery; nothing was applied."


class NeedsManager(ShopError):
    message = (
        "Some of these things are new to the shop and bring a price. Prices are for managers: ask one to apply this delivery."
    )


class BadCells(ShopError):
    """Cells that cannot even be kept in a draft: (line id, column) → why."""

    message = "Some of this cannot be kept; nothing was saved."

    def __init__(self, problems: dict[tuple[int, str], str]) -> None:
        super().__init__()
        self.problems = problems


@dataclass(frozen=True)
class Applied:
    """What an applied delivery brought: rows, pieces, and how many variants are new."""

    rows: int
    pieces: int
    new: int


# ------------------------------------------------------------------------------------------------ reading


def page(*, after: int | None = None) -> tuple[Sequence[Record], int | None]:
    """One page of deliveries, the newest first, and the id of its last if older ones follow."""
    wanted = select(*Delivery.__table__.c).order_by(Delivery.id.desc()).limit(PAGE + 1)
    rows = db.session.execute(wanted if after is None else wanted.where(Delivery.id < after)).all()
    return rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None


def delivery(delivery_id: int) -> Record | None:
    """One delivery by its columns."""
    return db.session.execute(select(*Delivery.__table__.c).where(Delivery.id == delivery_id)).first()


def rows(delivery_id: int, currency: str) -> list[Checked]:
    """Every row of a draft, judged as things stand now."""
    return _checked(db.session.connection(), delivery_id, currency)


def _checked(t: Connection, delivery_id: int, currency: str) -> list[Checked]:
    wanted = select(*DeliveryLine.__table__.c).where(DeliveryLine.delivery_id == delivery_id).order_by(DeliveryLine.position)
    found = t.execute(wanted)
    return delivery_check.check(
        t, [(row.id, row.position, {name: row._mapping[name] for name in COLUMNS}) for row in found], currency
    )


def lines(delivery_id: int, *, after: int = 0) -> tuple[Sequence[Record], int | None]:
    """One page of an applied or discarded delivery's rows, and the position of its last if more follow."""
    mine = DeliveryLine.delivery_id == delivery_id, DeliveryLine.position > after
    found = db.session.execute(
        select(*DeliveryLine.__table__.c).where(*mine).order_by(DeliveryLine.position).limit(PAGE + 1)
    ).all()
    return found[:PAGE], found[PAGE - 1].position if len(found) > PAGE else None


# ------------------------------------------------------------------------------------------------ drafts


@retried
def take_in(sheet: Sheet, name: str, *, actor: str) -> int:
    """Keep a list as a draft and answer its id; the same list, sent twice, is one draft. Raises AlreadyApplied."""
    with transaction() as t:
        _refuse_applied(t, sheet.sha256)
        same = select(Delivery.id).where(Delivery.sha256 == sheet.sha256, Delivery.status == DeliveryStatus.DRAFT)
        if found := t.execute(same.order_by(Delivery.id)).scalar():
            return int(found)
        values = {"sha256": sheet.sha256, "name": text.clean(name)[:NAME] or "Delivery", "actor": actor}
        delivery_id = int(t.execute(insert(Delivery).returning(Delivery.id), values).scalar_one())
        INSERT_LINES.each(t, [{"delivery_id": delivery_id, "position": line.position, **line.cells} for line in sheet.lines])
        after = {"name": values["name"], "rows": len(sheet.lines)}
        audit.note(t, actor, "delivery taken in", f"delivery:{delivery_id}", None, after)
    return delivery_id


def _refuse_applied(t: Connection, sha256: str) -> None:
    same = select(Delivery.id, Delivery.applied_at, Delivery.applied_by).where(
        Delivery.sha256 == sha256, Delivery.status == DeliveryStatus.APPLIED
    )
    if found := t.execute(same).first():
        raise _applied(found)


def _applied(row: Any) -> AlreadyApplied:
    return AlreadyApplied(row.id, row.applied_at, row.applied_by)


@retried
def correct(
    delivery_id: int, changes: Mapping[int, Mapping[str, str]], dropped: Collection[int], *, revision: int, actor: str
) -> int:
    """Write cells of a draft anew, by line id and column, and leave out dropped lines; answers how many lines that were.

    Lines that say what they said before are none. Raises NotFound, DraftChanged, AlreadyApplied, Discarded, BadCells.
    """
    cleaned = {id: {name: text.clean(cells[name]) for name in COLUMNS if name in cells} for id, cells in changes.items()}
    if problems := dict(_unkeepable(cleaned)):
        raise BadCells(problems)
    with transaction() as t:
        _claim(t, delivery_id, revision)
        of_it = select(*DeliveryLine.__table__.c).where(DeliveryLine.delivery_id == delivery_id)
        there = {row.id: row._mapping for row in t.execute(of_it)}
        gone = sorted(there.keys() & set(dropped))
        changed = 0
        for id in sorted(there.keys() & cleaned.keys() - set(gone)):
            if values := {name: cell for name, cell in cleaned[id].items() if there[id][name] != cell}:
                t.execute(update(DeliveryLine).where(DeliveryLine.id == id).values(**values))
                changed += 1
        if gone:
            t.execute(delete(DeliveryLine).where(DeliveryLine.id.in_(gone)))
        if gone or changed:
            t.execute(update(Delivery).where(Delivery.id == delivery_id).values(revision=Delivery.revision + 1))
            after = {"changed": changed, "dropped": len(gone)}
            audit.note(t, actor, "delivery corrected", f"delivery:{delivery_id}", None, after)
    return changed + len(gone)


def _unkeepable(changes: Mapping[int, Mapping[str, str]]) -> list[tuple[tuple[int, str], str]]:
    found = []
    for id, cells in changes.items():
        for name, cell in cells.items():
            if len(cell) > CELL:
                found.append(((id, name), f"it has {len(cell)} characters; at most {CELL} fit"))
            elif not text.is_storable(cell):
                found.append(((id, name), text.REFUSED))
    return found


def _claim(t: Connection, delivery_id: int, revision: int) -> Record:
    """The draft, which nobody else changes until the transaction ends. Raises what is against it."""
    row = t.execute(select(*Delivery.__table__.c).where(Delivery.id == delivery_id).with_for_update()).first()
    return _refuse_other_than_draft(row, revision)


def _refuse_other_than_draft(row: Record | None, revision: int) -> Record:
    if row is None:
        raise NotFound
    if row.status == DeliveryStatus.APPLIED:
        raise _applied(row)
    if row.status == DeliveryStatus.DISCARDED:
        raise Discarded
    if row.revision != revision:
        raise DraftChanged(row.revision)
    return row


@retried
def discard(delivery_id: int, *, actor: str) -> None:
    """Put a draft away; its list may be taken in again. Raises NotFound, AlreadyApplied."""
    with transaction() as t:
        is_draft = Delivery.id == delivery_id, Delivery.status == DeliveryStatus.DRAFT
        if t.execute(update(Delivery).where(*is_draft).values(status=DeliveryStatus.DISCARDED)).rowcount:
            audit.note(t, actor, "delivery discarded", f"delivery:{delivery_id}")
            return
        row = t.execute(select(*Delivery.__table__.c).where(Delivery.id == delivery_id)).first()
        if row is None:
            raise NotFound
        if row.status == DeliveryStatus.APPLIED:
            raise _applied(row)


# ------------------------------------------------------------------------------------------------ applying


def apply(delivery_id: int, *, revision: int, currency: str, may_price: bool, actor: str) -> Applied:
    """Put everything on the shelf, or nothing. New SKUs become variants; only who `may_price` brings those.

    Raises NotFound, DraftChanged, AlreadyApplied (also when the same list was applied as another delivery), Discarded, NotRight,
    NothingInIt, NeedsManager.
    """
    try:
        return _apply(delivery_id, revision=revision, currency=currency, may_price=may_price, actor=actor)
    except exc.IntegrityError:
        # Of two drafts of one list the database lets one be applied; else somebody made the same SKU or product meanwhile.
        sha256 = db.session.execute(select(Delivery.sha256).where(Delivery.id == delivery_id)).scalar_one()
        _refuse_applied(db.session.connection(), sha256)
        return _apply(delivery_id, revision=revision, currency=currency, may_price=may_price, actor=actor)


@retried
def _apply(delivery_id: int, *, revision: int, currency: str, may_price: bool, actor: str) -> Applied:
    # Judged and planned before the lock, and once more inside it when the catalogue changed meanwhile.
    db.session.rollback()
    _refuse_other_than_draft(delivery(delivery_id), revision)
    known = db.session.execute(import_plan.REVISION).scalar_one()
    there = _checked(db.session.connection(), delivery_id, currency)
    _refuse(there, may_price)
    plan = import_plan.make(db.session.connection(), new) if (new := [row.row for row in there if row.row]) else None
    with transaction() as t:
        draft = _claim(t, delivery_id, revision)
        t.execute(
            update(Delivery)
            .where(Delivery.id == delivery_id)
            .values(status=DeliveryStatus.APPLIED, applied_at=now(), applied_by=actor)
        )
        if plan is not None:
            # One import at a time; buyers do not wait for this row.
            standard = select(TaxClass.id).order_by(TaxClass.id).limit(1).with_for_update(key_share=True)
            tax_class_id = t.execute(standard).scalar_one()
            if t.execute(import_plan.REVISION).scalar_one() != known:
                there = _checked(t, delivery_id, currency)
                _refuse(there, may_price)
                new = [row.row for row in there if row.row]
                plan = import_plan.make(t, new)
            importing.write(t, plan, tax_class_id=tax_class_id, actor=actor, advance=lambda done: None)
        ids = catalog.variant_ids(t, [row.sku for row in new])
        coming = {row.variant_id or ids[row.cells["sku"].upper()]: row.quantity for row in there}
        stock.add_all(t, coming, reason=Reason.DELIVERY, actor=actor, note=f"Delivery {delivery_id}: {draft.name}")
        catalog.refresh(t, list(coming))
        applied = Applied(len(there), sum(coming.values()), len(new))
        after = {"name": draft.name, "rows": applied.rows, "pieces": applied.pieces, "new": applied.new}
        audit.note(t, actor, "delivery applied", f"delivery:{delivery_id}", None, after)
    return applied


def _refuse(there: Sequence[Checked], may_price: bool) -> None:
    if not there:
        raise NothingInIt
    if any(row.problems for row in there):
        raise NotRight
    if any(row.is_new for row in there) and not may_price:
        raise NeedsManager
