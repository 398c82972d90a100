"""The catalogue: pages of cards, one product, search; and keeping what lists need true after a change.

Pages are paged by keyset: a page begins after a product, so that the thousandth costs what the first does.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Engine, and_, bindparam, column, false, func, or_, select, table, tuple_, update

from app.extensions import Prepared, Query, Record, db, read
from app.models.catalog import SKU_PATTERN, CatalogueRevision, Category, Product, Variant
from app.models.picture import PictureFile, ProductImage
from app.services.text import is_storable

PAGE_SIZE = 24
SEARCH_CAP = 200  # a search shows at most so many; another word narrows it
SHORTEST_INSIDE = 3  # letters: found anywhere; two are found where a word begins, one where a name does
CHUNK = 500  # ids in one statement

SORTS = {
    "featured": (Product.id, False),
    "newest": (Product.id, True),
    "name": (Product.name_key, False),
    "price": (Product.price_minor, False),
    "price-down": (Product.price_minor, True),
}

Card = Any  # a row of CARDS

# SQLite's FTS5 indexes of names and of all words, made by their migration; a table's own name stands for all its columns.
NAMES = table("product_search_name", column("rowid"), column("product_search_name"))
TEXTS = table("product_search_text", column("rowid"), column("product_search_text"))

CARDS = (
    select(
        Product.id,
        Product.slug,
        Product.name,
        Product.summary,
        Product.label_version,
        Product.picture,
        Product.picture_alt,
        Product.picture_bytes,
        Product.is_listed,
        Product.variant_count,
        Variant.sku,
        Variant.options,
        Variant.price_minor,
        Variant.compare_at_minor,
        Variant.currency,
        Variant.on_hand,
        Variant.low_stock_below,
    )
    .select_from(Product)
    .join(Variant, Variant.id == Product.lead_variant_id)
)


@dataclass(frozen=True)
class Page:
    """One page of cards, and the products that the pages before and after it begin beside."""

    cards: Sequence[Card]
    before: int | None = None  # this page's first product when there is a page before it
    after: int | None = None  # this page's last product when there is a page after it


@dataclass(frozen=True)
class Found:
    """What a search found: a page of it, how many in all, and whether that is where counting stopped."""

    page: Page
    count: int
    is_capped: bool


# ------------------------------------------------------------------------------------------------ reading

REVISION = Prepared(select(CatalogueRevision.number))


def revision(t: Connection | None = None) -> int:
    """The number that rises whenever a catalogue page would say something else."""
    number: int = REVISION.rows(t)[0].number
    return number


@lru_cache(maxsize=8)
def _categories(engine: Engine, number: int) -> tuple[Record, ...]:
    wanted = select(Category.id, Category.slug, Category.name).order_by(Category.position, Category.id)
    return tuple(read(wanted))


def categories(number: int) -> tuple[Record, ...]:
    """The shelves in order, (id, slug, name), as they are at this revision; read once per revision and process."""
    return _categories(db.engine, number)


@lru_cache(maxsize=64)
def _page_statement(sort: str, in_category: bool, sold_out: bool, start: str | None) -> Prepared:
    key_column, descending = SORTS[sort]
    state = Product.is_active if sold_out else Product.is_listed
    wanted = CARDS.where(state.is_(True))
    if in_category:
        wanted = wanted.where(Product.category_id == bindparam("category"))
    backwards = start == "before"
    down = descending != backwards
    keys = [Product.id] if key_column is Product.id else [key_column, Product.id]
    if start:
        here = [bindparam("id")] if len(keys) == 1 else [bindparam("key", type_=key_column.type), bindparam("id")]
        there, edge = (tuple_(*keys), tuple_(*here)) if len(keys) > 1 else (keys[0], here[0])
        wanted = wanted.where(there < edge if down else there > edge)
    return Prepared(wanted.order_by(*(key.desc() if down else key for key in keys)).limit(PAGE_SIZE + 1))


def page(
    *,
    category_id: int | None = None,
    sort: str = "featured",
    sold_out: bool = False,
    after: int | None = None,
    before: int | None = None,
) -> Page:
    """One page of the catalogue, beginning after or ending before a product; the first when neither is given or known."""
    key_column, _ = SORTS[sort]
    edge = after or before
    start = "after" if after else "before" if before else None
    values: dict[str, Any] = {} if category_id is None else {"category": category_id}
    if edge and key_column is Product.id:
        values["id"] = edge
    elif edge:
        key = read(select(key_column).where(Product.id == edge)).first()
        start, values = (start, values | {"id": edge, "key": key[0]}) if key else (None, values)
    rows = _page_statement(sort, category_id is not None, sold_out, start).rows(**values)
    more, cards = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    if start == "before":
        cards = cards[::-1]
        return Page(cards, before=cards[0].id if more else None, after=cards[-1].id if cards else None)
    return Page(cards, before=cards[0].id if start and cards else None, after=cards[-1].id if more else None)


CATEGORY = Prepared(select(Category.id, Category.slug, Category.name).where(Category.slug == bindparam("slug")))


def category(slug: str) -> Any:
    """(id, slug, name) of a shelf, or None."""
    return CATEGORY.row_or_none(slug=slug) if is_storable(slug) else None


PRODUCTS = (
    select(
        Product.id,
        Product.slug,
        Product.name,
        Product.summary,
        Product.description,
        Product.origin,
        Product.label_version,
        Product.picture,
        Product.is_listed,
        Product.category_id,
        Category.slug.label("category_slug"),
        Category.name.label("category_name"),
    )
    .select_from(Product)
    .outerjoin(Category, Category.id == Product.category_id)
)
PRODUCT = Prepared(PRODUCTS.where(Product.slug == bindparam("slug"), Product.is_active))
ANY_PRODUCT = Prepared(PRODUCTS.where(Product.id == bindparam("id")))
LABELLED = Prepared(PRODUCTS.where(Product.slug == bindparam("slug")))
PICTURES = Prepared(
    select(ProductImage.key, ProductImage.alt, ProductImage.page_bytes)
    .where(ProductImage.product_id == bindparam("product"))
    .order_by(ProductImage.position, ProductImage.id)
)
PICTURE = Prepared(
    select(PictureFile.content).where(
        PictureFile.key == bindparam("key"), PictureFile.width == bindparam("width"), PictureFile.format == bindparam("format")
    )
)
VARIANTS = Prepared(
    select(
        Variant.sku,
        Variant.options,
        Variant.price_minor,
        Variant.compare_at_minor,
        Variant.currency,
        Variant.weight_grams,
        Variant.is_digital,
        Variant.is_listed,
        Variant.on_hand,
        Variant.low_stock_below,
    )
    .where(Variant.product_id == bindparam("product"), Variant.is_active)
    .order_by(Variant.position, Variant.id)
)
RELATED = Prepared(
    CARDS.where(Product.is_listed.is_(True), Product.category_id == bindparam("category"), Product.id != bindparam("product"))
    .order_by(Product.id)
    .limit(3)
)


def product(slug: str) -> Any:
    """The columns of PRODUCTS for an active product, or None."""
    return PRODUCT.row_or_none(slug=slug) if is_storable(slug) else None


def any_product(product_id: int) -> Any:
    """The same for a product that may be hidden, as only staff may see it."""
    return ANY_PRODUCT.row_or_none(id=product_id)


def labelled(slug: str, version: str) -> Any:
    """The product whose label this is: an active one, or a hidden one for whoever knows its label's version, as staff do."""
    found = LABELLED.row_or_none(slug=slug) if is_storable(slug) else None
    return found if found and (found.label_version == version or product(slug)) else None


def pictures(row: Any) -> Sequence[Any]:
    """The pictures of a product in their order: key, alt, page_bytes."""
    return PICTURES.rows(product=row.id) if row.picture else ()


def picture(key: str, width: int, format: str) -> bytes | None:
    """One picture in one format and width, as it is sent."""
    found = PICTURE.row_or_none(key=key, width=width, format=format) if is_storable(key) else None
    return found.content if found else None


def variants(product_id: int) -> Sequence[Any]:
    """The product's variants in their order, sold-out ones too."""
    return VARIANTS.rows(product=product_id)


def related(row: Any) -> Sequence[Card]:
    """Three more from the same shelf."""
    return RELATED.rows(category=row.category_id, product=row.id)


def listed_slugs(most: int) -> Sequence[str]:
    """The products that lists show, the oldest first."""
    return read(select(Product.slug).where(Product.is_listed.is_(True)).order_by(Product.id).limit(most)).scalars().all()


def by_sku(sku: str) -> Record | None:
    """The variant with its product's slug and name, while it is active; None when there is none."""
    if not re.fullmatch(SKU_PATTERN, sku):
        return None
    wanted = (
        select(Variant.id, Variant.sku, Variant.options, Product.slug, Product.name, Product.id.label("product_id"))
        .join(Product, Product.id == Variant.product_id)
        .where(Variant.sku == sku, Variant.is_active, Product.is_active)
    )
    return read(wanted).first()


# ------------------------------------------------------------------------------------------------ searching


def fold(text: str) -> str:
    """The text as search and sorting compare it: without accents and case, blanks single."""
    plain = text if text.isascii() else "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())


def search(
    text: str, *, sort: str = "featured", sold_out: bool = False, after: int | None = None, before: int | None = None
) -> Found:
    """Products with every word of the text: those whose name begins a word so first, then by name, then elsewhere.

    The page begins after a product or ends before one, as `page` does.
    """
    terms = fold(text)[:100].split()[:8]
    if not terms:
        return Found(Page([]), 0, False)
    state = Product.is_active if sold_out else Product.is_listed
    candidates: dict[int, Record] = {}
    for names_only in (True, False):
        if len(candidates) <= SEARCH_CAP:
            wanted = matching(terms, names_only).where(state.is_(True)).limit(SEARCH_CAP + 1)
            for row in read(wanted):
                candidates.setdefault(row.id, row)
    ranked = sorted(list(candidates.values())[:SEARCH_CAP], key=ranking(sort, terms))
    ids = [row.id for row in ranked]
    begin = ids.index(after) + 1 if after in ids else max(ids.index(before) - PAGE_SIZE, 0) if before in ids else 0
    shown = ids[begin : begin + PAGE_SIZE]
    cards = {row.id: row for row in read(CARDS.where(Product.id.in_(shown)))} if shown else {}
    first, last = shown[0] if begin and shown else None, shown[-1] if begin + PAGE_SIZE < len(ids) else None
    cut = Page([cards[i] for i in shown if i in cards], before=first, after=last)
    return Found(cut, len(ids), len(candidates) > SEARCH_CAP)


def ranking(sort: str, terms: Sequence[str]) -> Any:
    key_column, descending = SORTS[sort]
    sign = -1 if descending else 1
    if key_column is Product.name_key:
        return lambda row: (row.name_key, row.id)
    if key_column is Product.price_minor:
        return lambda row: (sign * row.price_minor, row.id)
    if descending:
        return lambda row: -row.id
    starts = re.compile("|".join(rf"\b{re.escape(term)}" for term in terms))
    return lambda row: (-len(set(starts.findall(row.name_key))), not all(term in row.name_key for term in terms), row.id)


def matching(terms: Sequence[str], names_only: bool) -> Query:
    """Products that contain every term, in id order so that the database may stop early; one letter beside words says nothing."""
    wanted = select(Product.id, Product.name_key, Product.price_minor).order_by(Product.id)
    words = [term for term in terms if len(term) > 1]
    if not words:
        return wanted.where(*(Product.name_key.startswith(term, autoescape=True) for term in terms))
    if db.engine.dialect.name == "sqlite":
        index = NAMES if names_only else TEXTS
        matches = index.c[index.name].match(" AND ".join(_phrase(word) for word in words))
        return wanted.join(index, index.c.rowid == Product.id).where(matches).order_by(None).order_by(index.c.rowid)
    within = Product.name_key if names_only else Product.search_text
    return wanted.where(*(_contains(within, word) for word in words))


def _phrase(word: str) -> str:
    """A word for FTS5's trigrams: as it stands, or behind the blank where words begin when it is too short for one."""
    blank = "" if len(word) >= SHORTEST_INSIDE else " "
    return f'"{blank}{word.replace(chr(34), chr(34) * 2)}"'


def _contains(within: Any, word: str) -> ColumnElement[bool]:
    if len(word) >= SHORTEST_INSIDE:
        return cast(ColumnElement[bool], within.contains(word, autoescape=True))
    return or_(within.startswith(word, autoescape=True), within.contains(" " + word, autoescape=True))


# ------------------------------------------------------------------------------------------------ keeping lists true


def variant_ids(t: Connection, skus: Sequence[str]) -> dict[str, int]:
    """The ids of those SKUs that exist."""
    ids: dict[str, int] = {}
    for chunk in chunks(skus):
        ids.update(t.execute(select(Variant.sku, Variant.id).where(Variant.sku.in_(chunk))).all())
    return ids


def chunks(items: Sequence[Any], size: int = CHUNK) -> Iterable[Sequence[Any]]:
    return (items[i : i + size] for i in range(0, len(items), size))


def _lead(column: Any) -> Any:
    """A column of the product's first variant for sale, or of its first when none is."""
    return (
        select(column)
        .where(Variant.product_id == Product.id, Variant.is_active)
        .order_by(Variant.is_listed.desc(), Variant.position, Variant.id)
        .limit(1)
        .scalar_subquery()
    )


REFRESH = update(Product).values(
    is_listed=and_(Product.is_active, func.coalesce(_lead(Variant.is_listed), false())),  # the lead is listed if any is
    lead_variant_id=_lead(Variant.id),
    price_minor=func.coalesce(_lead(Variant.price_minor), 0),
    variant_count=select(func.count()).where(Variant.product_id == Product.id, Variant.is_active).scalar_subquery(),
)


def refresh(t: Connection, changed: Sequence[int]) -> None:
    """Bring what lists say of these variants' products up to date, and raise the revision. Nothing changed: nothing happens."""
    if not changed:
        return
    for chunk in chunks(changed):
        _refresh(t, Product.id.in_(select(Variant.product_id).where(Variant.id.in_(chunk))))
    touch(t)


def refresh_product(t: Connection, product_id: int) -> None:
    """The same for one product, which may have no variants yet."""
    _refresh(t, Product.id == product_id)
    touch(t)


def _refresh(t: Connection, which: ColumnElement[bool]) -> None:
    # Locked first and recomputed after: two buyers selling out two variants of one product must see each other.
    locked = t.execute(select(Product.id).where(which).order_by(Product.id).with_for_update()).scalars().all()
    t.execute(REFRESH.where(Product.id.in_(locked)))


def claim(t: Connection) -> None:
    """Let those who change what every page says through one by one, so that each reads what the one before wrote."""
    t.execute(select(CatalogueRevision.id).with_for_update()).all()


def touch(t: Connection) -> None:
    """Say that catalogue pages changed."""
    t.execute(update(CatalogueRevision).values(number=CatalogueRevision.number + 1))
