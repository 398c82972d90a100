"""Edits that overwrite nobody: a form carries what it showed, and what somebody else saved meanwhile is told, not lost."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from app.extensions import Model, Record
from app.services import audit
from app.services.errors import NotFound, ShopError


class EditConflict(ShopError):
    """Somebody saved other values since the form was shown.

    `theirs` are the fields that they changed to something else than is asked for now, with the values that stand; `seen` names
    what stands, for a form that is sent again knowingly.
    """

    message = (
        "Somebody else changed this while you were editing. What they wrote stands beside the fields; save again to keep yours."
    )
    status = 409

    def __init__(self, theirs: dict[str, Any], seen: str) -> None:
        super().__init__()
        self.theirs = theirs
        self.seen = seen


def seen(row: Any, names: Iterable[str]) -> str:
    """Names the values of these fields as they stand in a row, each by a short hash; a form carries it as a hidden field."""
    return ".".join(_named(getattr(row, name)) for name in sorted(names))


def _named(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:8]


def save(
    t: Connection,
    model: type[Model],
    row_id: int,
    values: Mapping[str, Any],
    *,
    seen: str,
    actor: str,
    action: str = "",
    subject: str = "",
) -> dict[str, Any]:
    """Write these fields of a row and put what differs in the audit trail; answers what differs, as it was before.

    `seen` is what `editing.seen` said of the same fields when the form was shown. Raises NotFound, EditConflict. Whoever prices
    or lists by these fields must raise the catalogue's revision besides.
    """
    row = locked(t, model, row_id)
    refuse_stale(row, values, seen)
    before = {field: getattr(row, field) for field, value in values.items() if getattr(row, field) != value}
    if before:
        name = model.__tablename__
        t.execute(update(model).where(model.id == row_id).values(**{field: values[field] for field in before}))
        what = action or f"{name.replace('_', ' ')} changed"
        audit.note(t, actor, what, subject or f"{name}:{row_id}", before, {field: values[field] for field in before})
    return before


def locked(t: Connection, model: type[Model], row_id: int) -> Record:
    """The row by its columns, which nobody else changes until the transaction ends. Raises NotFound."""
    row = t.execute(select(*model.__table__.c).where(model.id == row_id).with_for_update()).first()
    if row is None:
        raise NotFound
    return row


def refuse_stale(row: Any, values: Mapping[str, Any], known: str) -> None:
    """Raise EditConflict when fields of the row are no longer what the form showed, unless they are just what is asked for."""
    shown = dict(zip(sorted(values), known.split("."), strict=False))
    stands = {name: getattr(row, name) for name in values}
    theirs = {name: stands[name] for name in values if stands[name] != values[name] and _named(stands[name]) != shown.get(name)}
    if theirs:
        raise EditConflict(theirs, seen(row, values))
