"""The catalogue."""

from collections.abc import Sequence
from typing import Any

from app.api import paging, schemas
from app.api.operations import operation
from app.services import catalog, listing
from app.services.accounts import Member
from app.services.errors import NotFound

PRODUCT = {"show_product": ("slug", "/results/0/slug")}


@operation("GET", "/shop/products", answers=schemas.Products, query=schemas.ProductQuery, errors=(400,), leads=PRODUCT)
def list_products(member: Member, query: schemas.ProductQuery) -> schemas.Products:
    """What is for sale; with words, what they find, the best first and counted up to 1,000."""
    part: dict[str, Any] = {"category": query.category, "limit": query.limit, "offset": query.offset}
    found = listing.search(query.q, **part) if query.q.strip() else listing.page(**part)
    variants = listing.variants([row.id for row in found.rows])
    results = [schemas.Product(**described(row, variants[row.id])) for row in found.rows]
    return schemas.Products(found.count, found.is_more, paging.next_of(query, found.count), results)


@operation("GET", "/shop/products/<slug>", answers=schemas.ProductDetail, errors=(404,))
def show_product(member: Member, slug: str) -> schemas.ProductDetail:
    """One product, sold out or not."""
    row = catalog.product(slug)
    if row is None:
        raise NotFound("There is no such product.")
    variants = listing.variants([row.id])[row.id]
    return schemas.ProductDetail(**described(row, variants, category=row.category_slug), description=row.description)


def described(row: Any, variants: Sequence[Any], **known: Any) -> dict[str, Any]:
    """The fields of a product."""
    known.setdefault("category", getattr(row, "category", None))
    shown = [schemas.Variant(**{name: getattr(each, name) for name in schemas.Variant.__struct_fields__}) for each in variants]
    return {name: getattr(row, name) for name in ("slug", "name", "summary", "origin")} | known | {"variants": shown}
