"""The catalogue as a file in our layout, which `importing` takes in again without changing anything."""

import csv
import io
from collections.abc import Iterator

from sqlalchemy import bindparam, select

from app import money
from app.extensions import Record, db
from app.models.catalog import Category, Product, Variant
from app.services.layouts import OURS, quoted_formula
from app.services.text import clean

CHUNK = 500  # products read at a time

IDS = select(Product.id).where(Product.id > bindparam("after")).order_by(Product.id).limit(CHUNK)
VARIANTS = (
    select(
        Product.id,
        Product.name,
        Product.description,
        Product.origin,
        Product.image,
        Category.name.label("category"),
        Variant.sku,
        Variant.options,
        Variant.price_minor,
        Variant.currency,
        Variant.on_hand,
        Variant.weight_grams,
        Variant.is_digital,
    )
    .join(Variant, Variant.product_id == Product.id)
    .outerjoin(Category, Category.id == Product.category_id)
    .where(Product.id.between(bindparam("first"), bindparam("last")))
    .order_by(Product.id, Variant.position, Variant.id)
)


def as_csv() -> Iterator[str]:
    """The whole catalogue as CSV in portions of some hundred lines, sold-out and inactive products too, in the shop's order.

    A cell that a spreadsheet would run as a formula stands behind an apostrophe, which the import takes off again. A slow
    reader holds no transaction open: each portion is read for itself.
    """
    yield _lines([OURS])
    after = 0
    while ids := db.session.execute(IDS, {"after": after}).scalars().all():
        rows = db.session.execute(VARIANTS, {"first": ids[0], "last": ids[-1]}).all()
        db.session.rollback()
        yield _lines([_cells(row) for row in rows])
        after = ids[-1]


def _cells(row: Record) -> list[str]:
    texts = (row.sku, row.name, row.options, money.plain(row.price_minor, row.currency), row.currency, str(row.on_hand))
    more = (row.category or "", row.description, row.origin, str(row.weight_grams), "yes" if row.is_digital else "no", row.image)
    return [quoted_formula(clean(text)) for text in texts + more]


def _lines(rows: list[list[str]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()
