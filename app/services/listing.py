"""The catalogue as programs read it: by offset, with counts, each product with its variants."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Engine, func, select

from app.extensions import Query, Record, db, read
from app.models.catalog import Category, Product, Variant
from app.services import catalog

MOST_FOUND = 1000  # a search by words counts no further, and leads no further
LONGEST_QUERY = 100

PRODUCTS = (
    select(
        Product.id,
        Product.slug,
        Product.name,
        Product.summary,
        Product.origin,
        Category.slug.label("category"),
    )
    .outerjoin(Category, Category.id == Product.category_id)
    .order_by(Product.id)
)
VARIANTS = (
    select(
        Variant.product_id,
        Variant.id,
        Variant.sku,
        Variant.options,
        Variant.price_minor,
        Variant.currency,
        (Variant.on_hand - Variant.held).label("available"),
        Variant.is_digital,
    )
    .where(Variant.is_active)
    .order_by(Variant.product_id, Variant.position, Variant.id)
)


@dataclass(frozen=True)
class Listed:
    """A part of a list: its rows, how many there are in all, and whether there are more than were counted."""

    rows: Sequence[Record]
    count: int
    is_more: bool = False


def page(*, category: str, limit: int, offset: int) -> Listed:
    """Products for sale, the oldest first; of one shelf, or of all for ""."""
    ids = _of_shelf(select(Product.id), category).order_by(Product.id).limit(limit).offset(offset)  # an index has these alone
    count = _count(db.engine, catalog.revision(), category)
    return Listed(_products(read(ids).scalars().all()) if offset < count else [], count)


def search(text: str, *, category: str, limit: int, offset: int) -> Listed:
    """Products for sale with every word of the text, the best first."""
    terms = catalog.fold(text)[:LONGEST_QUERY].split()[:8]
    found: dict[int, Record] = {}
    for names_only in (True, False):
        if terms and len(found) <= MOST_FOUND:
            wanted = _of_shelf(catalog.matching(terms, names_only), category).limit(MOST_FOUND + 1)
            for row in read(wanted):
                found.setdefault(row.id, row)
    ranked = sorted(list(found.values())[:MOST_FOUND], key=catalog.ranking("featured", terms))
    ids = [row.id for row in ranked]
    shown = {row.id: row for row in _products(ids[offset : offset + limit])}
    return Listed([shown[i] for i in ids[offset : offset + limit] if i in shown], len(ids), is_more=len(found) > MOST_FOUND)


def variants(product_ids: Sequence[int]) -> dict[int, list[Record]]:
    """The active variants of these products in their order, sold-out ones too, by product id."""
    by_product: dict[int, list[Record]] = {product: [] for product in product_ids}
    for row in read(VARIANTS.where(Variant.product_id.in_(product_ids))) if product_ids else ():
        by_product[row.product_id].append(row)
    return by_product


def _of_shelf(wanted: Query, category: str) -> Query:
    wanted = wanted.where(Product.is_listed.is_(True))
    if category:
        wanted = wanted.where(Product.category_id == select(Category.id).where(Category.slug == category).scalar_subquery())
    return wanted


def _products(ids: Sequence[int]) -> Sequence[Record]:
    return read(PRODUCTS.where(Product.id.in_(ids))).all() if ids else []


@lru_cache(maxsize=256)
def _count(engine: Engine, revision: int, category: str) -> int:
    """How many products are for sale at this revision; counted once per revision and process."""
    return int(read(_of_shelf(select(func.count(Product.id)), category)).scalar_one())
