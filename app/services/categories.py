"""The shelves of the shop as people behind the counter change them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, exc, func, insert, select, update

from app.extensions import Record, read, retried, transaction
from app.models.catalog import Category, OldSlug, Product
from app.services import audit, catalog, editing, outbox, products, slugs, text, wording
from app.services.errors import InvalidInput, NotFound, ShopError
from app.services.layouts import slug_of
from app.services.slugs import BadSlug

FIELDS = ("name", "slug", "position")
PORTION = 500  # products in one transaction
MOST_MOVED = 5000  # products in one request


class NotEmpty(ShopError):
    message = "There are products in it. Say first where they go."
    status = 409


class MoreToMove(ShopError):
    message = "%(count)s products were moved, and there are more. Press the button again to move the next ones."
    status = 409


def every() -> list[Record]:
    """Every shelf in its order: id, name, slug, position."""
    wanted = select(Category.id, Category.name, Category.slug, Category.position)
    return list(read(wanted.order_by(Category.position, Category.id)))


def one(category_id: int) -> Record:
    """Raises NotFound."""
    row = read(select(*Category.__table__.c).where(Category.id == category_id)).first()
    if row is None:
        raise NotFound
    return row


def has_products(category_id: int) -> bool:
    return read(select(Product.id).where(Product.category_id == category_id).limit(1)).first() is not None


@retried
def create(typed: Mapping[str, str], *, actor: str) -> int:
    """Write a shelf, behind the others when no position is given, and answer its id. Raises InvalidInput."""
    values = values_of(typed)
    try:
        with transaction() as t:
            refuse(t, values)
            if not typed.get("position", "").strip():
                values["position"] = t.execute(select(func.coalesce(func.max(Category.position), -1))).scalar_one() + 1
            category_id: int = t.execute(insert(Category).values(**values).returning(Category.id)).scalar_one()
            audit.note(t, actor, "category created", f"category:{category_id}", after=values)
            catalog.touch(t)
            return category_id
    except exc.IntegrityError:
        raise products.taken_meanwhile("slug") from None


@retried
def change(category_id: int, typed: Mapping[str, str], *, seen: str, actor: str) -> None:
    """Write a shelf's name, slug and place; a former slug leads on. Raises InvalidInput, NotFound, EditConflict."""
    values = values_of(typed)
    try:
        with transaction() as t:
            editing.refuse_stale(editing.locked(t, Category, category_id), values, seen)
            refuse(t, values, category_id)
            before = slugs.save(t, "category", category_id, values, seen=seen, actor=actor)
            if "name" in before:  # search and labels know products by it too; there may be very many
                key = f"category.renamed:{category_id}:{catalog.revision(t)}"
                outbox.owe(t, "category.renamed", key, {"category_id": category_id})
    except exc.IntegrityError:
        raise products.taken_meanwhile("slug") from None


def values_of(typed: Mapping[str, str]) -> dict[str, Any]:
    """The columns that a form's words mean. Raises InvalidInput."""
    wrong: dict[str, str] = {}
    name = products.one_line(typed, "name", Category.name.type.length, wrong)
    if not name:
        wrong.setdefault("name", "Type the category's name.")
    slug = text.clean(typed.get("slug", "")).lower() or slug_of(name)[: Category.slug.type.length].strip("-")
    position = products.whole(typed, "position", 0, wrong)
    if wrong:
        raise InvalidInput(wrong)
    return {"name": name, "slug": slug, "position": position}


def refuse(t: Connection, values: Mapping[str, Any], category_id: int = 0) -> None:
    """Raise InvalidInput for what the database says against these words."""
    wrong: dict[str, str] = {}
    try:
        slugs.check(t, "category", values["slug"], category_id)
    except BadSlug as error:
        wrong["slug"] = str(error)
    others = t.execute(select(Category.name).where(Category.id != category_id)).scalars()
    if catalog.fold(values["name"]) in {catalog.fold(other) for other in others}:
        wrong["name"] = "Another category has this name."
    if wrong:
        raise InvalidInput(wrong)


# ------------------------------------------------------------------------------------------------ an end to one


def remove(category_id: int, *, to: int | None, may_move: bool, actor: str) -> None:
    """Delete a shelf. With `may_move` its products go to another before, or to none; at most MOST_MOVED at once.

    Raises NotFound, NotEmpty, MoreToMove.
    """
    moved = 0
    while may_move and (count := _move_some(category_id, to, actor)):
        moved += count
        if moved >= MOST_MOVED and has_products(category_id):
            raise MoreToMove(count=moved)
    _delete(category_id, actor)


@retried
def _move_some(category_id: int, to: int | None, actor: str) -> int:
    with transaction() as t:
        if to is not None:
            editing.locked(t, Category, to)
        first = select(Product.id).where(Product.category_id == category_id).order_by(Product.id).limit(PORTION)
        ids = t.execute(first.with_for_update()).scalars().all()
        if not ids:
            return 0
        t.execute(update(Product).where(Product.id.in_(ids)).values(category_id=to))
        wording.rewrite(t, ids)
        audit.note(t, actor, "products moved", f"category:{category_id}", after={"products": len(ids), "category_id": to})
        catalog.touch(t)
        return len(ids)


@retried
def _delete(category_id: int, actor: str) -> None:
    with transaction() as t:
        row = editing.locked(t, Category, category_id)  # no product comes in meanwhile
        if t.execute(select(Product.id).where(Product.category_id == category_id).limit(1)).first():
            raise NotEmpty
        t.execute(delete(OldSlug).where(OldSlug.category_id == category_id))
        t.execute(update(Category).where(Category.parent_id == category_id).values(parent_id=None))
        t.execute(delete(Category).where(Category.id == category_id))
        audit.note(t, actor, "category deleted", f"category:{category_id}", before={name: getattr(row, name) for name in FIELDS})
        catalog.touch(t)


# ------------------------------------------------------------------------------------------------ what follows from a name


def handle_renamed(payload: Mapping[str, Any]) -> None:
    """Bring up to date what search and labels know of the products on a shelf, some hundred in one transaction."""
    after = 0
    while after := _rewrite_some(payload["category_id"], after):
        pass


@retried
def _rewrite_some(category_id: int, after: int) -> int:
    """The last product that was done; 0 after the last of all."""
    with transaction() as t:
        wanted = select(Product.id).where(Product.category_id == category_id, Product.id > after).order_by(Product.id)
        ids = t.execute(wanted.limit(PORTION)).scalars().all()
        wording.rewrite(t, ids)
        catalog.touch(t)
    return ids[-1] if ids else 0
