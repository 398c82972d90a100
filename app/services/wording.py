"""Columns of a product that follow from its words: what lists show of it, what search looks through, which label is drawn."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from app.models.catalog import Category, Product, Variant
from app.services import catalog, labels, prose


def computed(words: Mapping[str, Any], *, shelf: str, variants: Iterable[str]) -> dict[str, str]:
    """The columns for a product's name, description and origin, the name of its shelf, and "options SKU" of each variant."""
    summary = prose.summary(words["description"])
    text = (words["name"], prose.words(words["description"]), words["origin"], shelf, *variants)
    return {
        "summary": summary,
        "name_key": catalog.fold(words["name"])[: Product.name_key.type.length],
        "search_text": catalog.fold(" ".join(text)),
        "label_version": labels.version_of(words["name"], category=shelf, origin=words["origin"], notes=summary),
    }


def rewrite(t: Connection, product_ids: Sequence[int]) -> None:
    """Bring those columns up to date, of at most some hundred products. Whoever calls it says that the catalogue changed."""
    columns = (Product.id, Product.name, Product.description, Product.origin, Product.category_id)
    locked = select(*columns).where(Product.id.in_(product_ids)).order_by(Product.id).with_for_update()
    products = t.execute(locked).all()
    of_them = select(Variant.product_id, Variant.options, Variant.sku).where(Variant.product_id.in_(product_ids))
    variants: dict[int, list[str]] = {product.id: [] for product in products}
    for row in t.execute(of_them.order_by(Variant.position, Variant.id)):
        variants[row.product_id].append(f"{row.options} {row.sku}")
    shelves = dict(t.execute(select(Category.id, Category.name)).all())
    for product in products:
        values = computed(product._asdict(), shelf=shelves.get(product.category_id, ""), variants=variants[product.id])
        t.execute(update(Product).where(Product.id == product.id).values(**values))
