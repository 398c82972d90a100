"""Products and their variants as people behind the counter change them. Their stock is services/stock.py's."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, exc, func, insert, select, update

from app.extensions import Query, Record, now, read, retried, transaction
from app.models.catalog import LOW_STOCK_BELOW, SKU_PATTERN, Category, Product, TaxClass, Variant
from app.models.digital import DigitalCode
from app.services import audit, catalog, editing, slugs, stock, text, wording
from app.services.errors import InvalidInput, NotFound, ShopError
from app.services.layouts import slug_of
from app.services.slugs import BadSlug
from app.services.typed import Typed

PAGE = 50
MOST = 10_000_000  # of grams, places and thresholds
LONGEST_DESCRIPTION = 20_000
MOST_VARIANTS = 200  # of one product

WORDS = ("name", "slug", "description", "origin", "category_id", "tax_class_id")
FACTS = ("sku", "options", "position", "weight_grams", "is_digital", "low_stock_below", "is_active")
PRICES = ("price_minor", "compare_at_minor")

STATES: dict[str, tuple[ColumnElement[bool], ...]] = {
    "": (),
    "shown": (Product.is_listed.is_(True),),
    "sold-out": (Product.is_active.is_(True), Product.is_listed.is_(False)),
    "hidden": (Product.is_active.is_(False),),
}

_SKU = re.compile(SKU_PATTERN)
_WHOLE = re.compile(r"[0-9]{1,9}")


class PricesAreManagers(ShopError):
    message = "Only managers set prices. Nothing was saved."


class NothingToSell(ShopError):
    message = "It cannot be shown yet: it has no variant that is switched on. Add one with its price first."


@dataclass(frozen=True)
class Page:
    """One page of the list, and the product that the next one begins after."""

    rows: Sequence[Record]
    after: int | None = None


# ------------------------------------------------------------------------------------------------ reading

LISTED = (
    select(
        Product.id,
        Product.slug,
        Product.name,
        Product.is_active,
        Product.is_listed,
        Product.variant_count,
        Product.price_minor,
        Category.name.label("category"),
        Variant.currency,
        Variant.sku,
    )
    .select_from(Product)
    .outerjoin(Category, Category.id == Product.category_id)
    .outerjoin(Variant, Variant.id == Product.lead_variant_id)
)


def page(*, words: str = "", state: str = "", after: int | None = None) -> Page:
    """Products in one of STATES, the newest first; or those that a search by name, SKU and other words finds, the best first."""
    if catalog.fold(words):
        return _found(words, STATES[state], after)
    wanted = LISTED.where(*STATES[state]).order_by(Product.id.desc()).limit(PAGE + 1)
    rows = read(wanted.where(Product.id < after) if after else wanted).all()
    return Page(rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None)


def _found(words: str, state: Sequence[ColumnElement[bool]], after: int | None) -> Page:
    terms = catalog.fold(words)[:100].split()[:8]
    candidates: dict[int, Record] = {}
    for names_only in (True, False):
        if len(candidates) < catalog.SEARCH_CAP:
            for row in read(catalog.matching(terms, names_only).where(*state).limit(catalog.SEARCH_CAP)):
                candidates.setdefault(row.id, row)
    ids = [row.id for row in sorted(candidates.values(), key=catalog.ranking("featured", terms))]
    begin = ids.index(after) + 1 if after in ids else 0
    shown = ids[begin : begin + PAGE]
    rows = {row.id: row for row in read(LISTED.where(Product.id.in_(shown)))} if shown else {}
    return Page([rows[i] for i in shown if i in rows], shown[-1] if begin + PAGE < len(ids) else None)


def product(product_id: int) -> Record:
    """All columns of a product. Raises NotFound."""
    return _one(select(*Product.__table__.c).where(Product.id == product_id))


def variant(product_id: int, variant_id: int) -> Record:
    """All columns of a variant of this product. Raises NotFound."""
    return _one(select(*Variant.__table__.c).where(Variant.id == variant_id, Variant.product_id == product_id))


def _one(wanted: Query) -> Record:
    row = read(wanted).first()
    if row is None:
        raise NotFound
    return row


def variants(product_id: int) -> Sequence[Record]:
    """Every variant in its order, those that are switched off too."""
    wanted = select(*Variant.__table__.c).where(Variant.product_id == product_id)
    return read(wanted.order_by(Variant.position, Variant.id)).all()


def tax_classes() -> Sequence[Record]:
    """(id, name, rate_bp) of each."""
    return read(select(TaxClass.id, TaxClass.name, TaxClass.rate_bp).order_by(TaxClass.id)).all()


# ------------------------------------------------------------------------------------------------ products


@retried
def create(typed: Mapping[str, str], *, actor: str) -> int:
    """Write a product, hidden until it is published, and answer its id. Without a slug its name is it. Raises InvalidInput."""
    values = words_of(typed)
    try:
        with transaction() as t:
            refuse_words(t, values)
            made = insert(Product).values(**values, is_active=False).returning(Product.id)
            product_id: int = t.execute(made).scalar_one()
            wording.rewrite(t, [product_id])
            audit.note(t, actor, "product created", f"product:{product_id}", after=values)
            catalog.touch(t)  # no page shows it yet, but an import that was planned before must look again
            return product_id
    except exc.IntegrityError:
        raise taken_meanwhile("slug") from None


@retried
def change(product_id: int, typed: Mapping[str, str], *, seen: str, actor: str) -> None:
    """Write a product's words; a former slug leads on to the new one. Raises InvalidInput, NotFound, EditConflict."""
    values = words_of(typed)
    try:
        with transaction() as t:
            editing.refuse_stale(editing.locked(t, Product, product_id), values, seen)
            refuse_words(t, values, product_id)
            if slugs.save(t, "product", product_id, values, seen=seen, actor=actor):
                wording.rewrite(t, [product_id])
    except exc.IntegrityError:
        raise taken_meanwhile("slug") from None


def words_of(typed: Mapping[str, str]) -> dict[str, Any]:
    """The columns that a form's words mean, as far as no database is needed to tell. Raises InvalidInput."""
    wrong: dict[str, str] = {}
    name = one_line(typed, "name", Product.name.type.length, wrong)
    if not name:
        wrong.setdefault("name", "Type the product's name.")
    values = {
        "name": name,
        "slug": text.clean(typed.get("slug", "")).lower() or slug_of(name),
        "description": description_of(typed, wrong),
        "origin": one_line(typed, "origin", Product.origin.type.length, wrong),
        "category_id": _id(typed.get("category", "")),
        "tax_class_id": _id(typed.get("tax_class", "")),
    }
    if wrong:
        raise InvalidInput(wrong)
    return values


def description_of(typed: Mapping[str, str], wrong: dict[str, str]) -> str:
    """The description; what is wrong with it is noted."""
    description = text.clean(typed.get("description", ""))
    if not text.is_storable(description, lines=True):
        wrong["description"] = text.REFUSED
    elif len(description) > LONGEST_DESCRIPTION:
        wrong["description"] = f"The description has {len(description)} characters; at most {LONGEST_DESCRIPTION} fit."
    return description


def refuse_words(t: Connection, values: Mapping[str, Any], product_id: int = 0) -> None:
    """Raise InvalidInput for what the database says against these words."""
    wrong: dict[str, str] = {}
    try:
        slugs.check(t, "product", values["slug"], product_id)
    except BadSlug as error:
        wrong["slug"] = str(error)
    if values["category_id"] is not None and not _stays(t, Category, values["category_id"]):
        wrong["category"] = "This category is gone. Choose another."
    if not _stays(t, TaxClass, values["tax_class_id"]):
        wrong["tax_class"] = "Choose how it is taxed."
    if wrong:
        raise InvalidInput(wrong)


def _stays(t: Connection, model: Any, row_id: int | None) -> bool:
    """Whether there is such a row; nobody deletes it before the transaction ends."""
    return t.execute(select(model.id).where(model.id == row_id).with_for_update(read=True, key_share=True)).first() is not None


def taken_meanwhile(field: str) -> InvalidInput:
    """What to say when the database finds another row with this, which was not there a moment ago."""
    return InvalidInput({field: "Somebody else took this a moment ago. Choose another."})


@retried
def publish(product_id: int, *, actor: str) -> None:
    """Show a product in the shop. Raises NotFound, NothingToSell."""
    with transaction() as t:
        _show(t, product_id, True, actor)
        on = select(Variant.id).where(Variant.product_id == product_id, Variant.is_active).limit(1)
        if t.execute(on).first() is None:
            raise NothingToSell


@retried
def hide(product_id: int, *, actor: str) -> None:
    """Take a product out of the shop; orders and carts still know its name. Raises NotFound."""
    with transaction() as t:
        _show(t, product_id, False, actor)


def _show(t: Connection, product_id: int, is_active: bool, actor: str) -> None:
    """Write whether shoppers see it; once more is no change."""
    if editing.locked(t, Product, product_id).is_active == is_active:
        return
    t.execute(update(Product).where(Product.id == product_id).values(is_active=is_active))
    audit.note(t, actor, "product shown" if is_active else "product hidden", f"product:{product_id}")
    catalog.refresh_product(t, product_id)


# ------------------------------------------------------------------------------------------------ variants


@retried
def add_variant(product_id: int, typed: Mapping[str, str], *, currency: str, actor: str) -> int:
    """Write one more variant, with nothing on hand, and answer its id. Only managers: it has a price.

    Raises InvalidInput, NotFound.
    """
    values = facts_of(typed) | prices_of(typed, currency)
    try:
        with transaction() as t:
            editing.locked(t, Product, product_id)
            count = t.execute(select(func.count()).where(Variant.product_id == product_id)).scalar_one()
            if count >= MOST_VARIANTS:
                raise InvalidInput({"sku": f"A product has at most {MOST_VARIANTS} variants."})
            refuse_facts(t, product_id, values)
            row = values | {"product_id": product_id, "currency": currency}
            variant_id: int = t.execute(insert(Variant).values(**row).returning(Variant.id)).scalar_one()
            audit.note(t, actor, "variant added", f"variant:{variant_id}", after=values)
            _changed(t, product_id, variant_id)
            return variant_id
    except exc.IntegrityError:
        raise taken_meanwhile("sku") from None


@retried
def change_variant(variant_id: int, typed: Mapping[str, str], *, may_price: bool, seen: str, actor: str) -> None:
    """Write a variant's facts, and its prices if they are given; carts then tell of another price.

    Raises InvalidInput, PricesAreManagers, NotFound, EditConflict.
    """
    has_prices = "price" in typed or "compare_at" in typed
    if has_prices and not may_price:
        raise PricesAreManagers
    facts = facts_of(typed)
    try:
        with transaction() as t:
            row = editing.locked(t, Variant, variant_id)
            editing.locked(t, Product, row.product_id)  # of two variants that become alike, one is refused
            values = facts | (prices_of(typed, row.currency) if has_prices else {})
            editing.refuse_stale(row, values, seen)
            refuse_facts(t, row.product_id, values, row)
            before = editing.save(t, Variant, variant_id, values, seen=seen, actor=actor)
            if "price_minor" in before:
                priced = {"previous_price_minor": before["price_minor"], "price_changed_at": now()}
                t.execute(update(Variant).where(Variant.id == variant_id).values(**priced))
            if "low_stock_below" in before:
                stock.close_alerts(t, variant_id, row.on_hand, values["low_stock_below"])
            if before:
                _changed(t, row.product_id, variant_id)
    except exc.IntegrityError:
        raise taken_meanwhile("sku") from None


def _changed(t: Connection, product_id: int, variant_id: int) -> None:
    catalog.refresh(t, [variant_id])
    wording.rewrite(t, [product_id])


def facts_of(typed: Mapping[str, str]) -> dict[str, Any]:
    """The columns that a form says of a variant, but for its prices. Raises InvalidInput."""
    wrong: dict[str, str] = {}
    sku = text.clean(typed.get("sku", "")).upper()
    if not _SKU.fullmatch(sku):
        wrong["sku"] = "A SKU has 1 to 64 letters A to Z, digits, dots, hyphens and underscores, such as HOUSE-250."
    values = {
        "sku": sku,
        "options": one_line(typed, "options", Variant.options.type.length, wrong),
        "position": whole(typed, "position", 0, wrong),
        "weight_grams": whole(typed, "weight_grams", 0, wrong),
        "low_stock_below": whole(typed, "low_stock_below", LOW_STOCK_BELOW, wrong),
        "is_digital": bool(typed.get("is_digital")),
        "is_active": bool(typed.get("is_active")),
    }
    if wrong:
        raise InvalidInput(wrong)
    return values


def prices_of(typed: Mapping[str, str], currency: str) -> dict[str, Any]:
    """The price and the old price; without an old one nothing is crossed out. Raises InvalidInput."""
    form = Typed({field: typed.get(field, "") for field in ("price", "compare_at")})
    price = form.amount("price", currency, missing="Type the price. 0 is free.")
    was = form.amount("compare_at", currency)
    if price is not None and was is not None and was <= price:
        form.complain(
            "compare_at", "The old price is crossed out beside the new one, so it must be higher. Leave it empty for none."
        )
    form.check()
    return {"price_minor": price, "compare_at_minor": was}


def refuse_facts(t: Connection, product_id: int, values: Mapping[str, Any], old: Any = None) -> None:
    """Raise InvalidInput for what the database says against a variant like this."""
    wrong: dict[str, str] = {}
    own_id = old.id if old else 0
    if t.execute(select(Variant.id).where(Variant.sku == values["sku"], Variant.id != own_id)).first():
        wrong["sku"] = "Another variant has this SKU."
    alike = Variant.product_id == product_id, Variant.options == values["options"], Variant.id != own_id
    if (old is None or old.options != values["options"]) and t.execute(select(Variant.id).where(*alike)).first():
        wrong["options"] = "Another variant of this product has these options; shoppers could not tell them apart."
    if old and old.is_digital and not values["is_digital"]:
        codes = select(DigitalCode.id).where(DigitalCode.variant_id == old.id).limit(1)
        if old.download or t.execute(codes).first():
            wrong["is_digital"] = "Buyers get a file or codes of it. It can be sent by post only without these."
    if wrong:
        raise InvalidInput(wrong)


# ------------------------------------------------------------------------------------------------ what was typed


def one_line(typed: Mapping[str, str], field: str, longest: int, wrong: dict[str, str]) -> str:
    """One line that fits its column; what is wrong with it is noted by the field's name."""
    line = " ".join(text.clean(typed.get(field, "")).split())
    if not text.is_storable(line):
        wrong[field] = text.REFUSED
    elif len(line) > longest:
        wrong[field] = f"This has {len(line)} characters; at most {longest} fit."
    return line


def whole(typed: Mapping[str, str], field: str, default: int, wrong: dict[str, str]) -> int:
    """A whole number from 0; an empty field means the default."""
    said = typed.get(field, "").strip()
    if not said:
        return default
    if not _WHOLE.fullmatch(said) or int(said) > MOST:
        wrong[field] = f"Type a whole number from 0 to {MOST}."
        return default
    return int(said)


def _id(said: str) -> int | None:
    return int(said) if _WHOLE.fullmatch(said) and int(said) else None
