"""Slugs: the words in the addresses of products and shelves. A former one leads on to where its owner is now."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, delete, insert, select

from app.extensions import Prepared, Record, read, retried, transaction
from app.models.catalog import Category, OldSlug, Product
from app.services import audit, catalog, editing
from app.services.errors import NotFound, ShopError
from app.services.text import is_storable

Kind = Literal["product", "category"]

PATTERN = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*")


@dataclass(frozen=True)
class Owner:
    """A kind of thing that has a slug."""

    model: Any
    column: Any  # of OldSlug: whose former slug it is
    folder: str  # in addresses
    words: str

    @property
    def longest(self) -> int:
        return int(self.model.slug.type.length)


OWNERS: dict[Kind, Owner] = {
    "product": Owner(Product, OldSlug.product_id, "/p/", "product"),
    "category": Owner(Category, OldSlug.category_id, "/c/", "category"),
}


class BadSlug(ShopError):
    """This cannot be the slug of this thing; the sentence says why."""


def check(t: Connection, kind: Kind, slug: str, own_id: int = 0) -> None:
    """Raises BadSlug unless this product or category may have this slug.

    One that leads on to another is not free: that would break links without anybody's noticing. Its owner's page ends it.
    """
    owner = OWNERS[kind]
    if not PATTERN.fullmatch(slug) or len(slug) > owner.longest:
        raise BadSlug(
            "Use small letters a to z, digits and hyphens, such as “house-blend”: at most %(most)s.", most=owner.longest
        )
    if t.execute(select(owner.model.id).where(owner.model.slug == slug, owner.model.id != own_id)).first():
        raise BadSlug("Another %(what)s has the address %(folder)s%(slug)s.", what=owner.words, folder=owner.folder, slug=slug)
    leads = (
        select(owner.model.name)
        .join(OldSlug, owner.column == owner.model.id)
        .where(OldSlug.kind == kind, OldSlug.slug == slug, owner.model.id != own_id)
    )
    if name := t.execute(leads).scalar():
        raise BadSlug(
            "%(folder)s%(slug)s leads to “%(name)s”, whose address it was. Choose another, or end that on its page.",
            folder=owner.folder,
            slug=slug,
            name=name,
        )


def save(t: Connection, kind: Kind, row_id: int, values: Mapping[str, Any], *, seen: str, actor: str) -> dict[str, Any]:
    """What `editing.save` does, of a thing that has a slug: a former one leads on, and the catalogue has changed."""
    before = editing.save(t, OWNERS[kind].model, row_id, values, seen=seen, actor=actor)
    if "slug" in before:
        _lead_on(t, kind, row_id, before["slug"], values["slug"])
    if before:
        catalog.touch(t)
    return before


def _lead_on(t: Connection, kind: Kind, row_id: int, old: str, new: str) -> None:
    """Let the old address lead to the new one. Every former address leads straight to the present one: there are no chains."""
    t.execute(delete(OldSlug).where(OldSlug.kind == kind, OldSlug.slug.in_((old, new))))
    t.execute(insert(OldSlug).values(kind=kind, slug=old, **{OWNERS[kind].column.key: row_id}))


@retried
def end(kind: Kind, row_id: int, old_id: int, *, actor: str) -> str:
    """Let a former address lead nowhere any more, and answer it; another may then take it. Raises NotFound."""
    with transaction() as t:
        owner = OWNERS[kind]
        ending = delete(OldSlug).where(OldSlug.id == old_id, OldSlug.kind == kind, owner.column == row_id)
        slug = t.execute(ending.returning(OldSlug.slug)).scalar()
        if slug is None:
            raise NotFound
        audit.note(t, actor, "old address ended", f"{kind}:{row_id}", before={"slug": slug})
        catalog.touch(t)
        return owner.folder + slug


def of(kind: Kind, row_id: int) -> list[Record]:
    """The former addresses of one thing, (id, slug), the newest first."""
    wanted = select(OldSlug.id, OldSlug.slug).where(OWNERS[kind].column == row_id).order_by(OldSlug.id.desc())
    return list(read(wanted))


def old(t: Connection, kind: Kind) -> set[str]:
    """Every slug of this kind that leads on."""
    return set(t.execute(select(OldSlug.slug).where(OldSlug.kind == kind)).scalars())


_old = OldSlug.slug == bindparam("slug")
PRESENT: dict[Kind, Prepared] = {
    "product": Prepared(
        select(Product.slug)
        .join(OldSlug, OldSlug.product_id == Product.id)
        .where(OldSlug.kind == "product", _old, Product.is_active)
    ),
    "category": Prepared(
        select(Category.slug).join(OldSlug, OldSlug.category_id == Category.id).where(OldSlug.kind == "category", _old)
    ),
}


def present(kind: Kind, slug: str) -> str | None:
    """The slug that stands now for what once had this one."""
    found = PRESENT[kind].row_or_none(slug=slug) if is_storable(slug) else None
    return found.slug if found else None
