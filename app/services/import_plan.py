"""What taking a catalogue file in would change: its rows compared with what stands. Reads only.

A variant is known by its SKU. A product is found through the variants that the file states for it, then by slug and name.
What a file does not state stays as it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from app.extensions import Record
from app.models.catalog import CatalogueRevision, Category, Product, Variant
from app.services import catalog, slugs, wording
from app.services.errors import StockConflict
from app.services.layouts import Row
from app.services.text import clean

CHUNK = 1000  # rows in one statement
REVISION = select(CatalogueRevision.number)
WORDS = {"name", "description", "origin", "category_id"}  # columns from which others are computed
NEW_VARIANT: dict[str, Any] = {"options": "", "compare_at_minor": None, "weight_grams": 0, "is_digital": False}
NEW_PRODUCT: dict[str, Any] = {"description": "", "origin": "", "image": "", "category_id": None, "is_active": True}


@dataclass(slots=True)
class Draft:
    """One product as it will be."""

    key: str
    name: str
    slug: str
    old: Record | None = None
    id: int = 0  # 0 until it is written
    rows: list[Row] = field(default_factory=list)
    others: list[Record] = field(default_factory=list)  # its variants of which the file says nothing
    options: set[str] = field(default_factory=set)  # those that its variants have, by which shoppers tell them apart
    next_position: int = 0
    has_lost: bool = False  # a variant of it moves to another product
    values: dict[str, Any] = field(default_factory=dict)  # column → value: all of a new product, the changed ones of an old
    new_variants: list[dict[str, Any]] = field(default_factory=list)  # column → value, but for product_id
    variant_id: int = 0  # any of its variants


@dataclass
class Known:
    """What stands in the database of all that the rows speak of."""

    revision: int
    categories: dict[int, str]  # id → name
    slugs: dict[str, tuple[int, str]]  # slug → (id, name) of every product
    old_slugs: set[str]  # those that lead to products renamed since
    variants: dict[str, Record] = field(default_factory=dict)  # by SKU
    products: dict[int, Record] = field(default_factory=dict)
    siblings: dict[int, list[Record]] = field(default_factory=lambda: defaultdict(list))  # all variants of these products


@dataclass
class Plan:
    """What is to be written, and how many rows that is."""

    revision: int  # of the catalogue that was read
    drafts: list[Draft] = field(default_factory=list)
    categories: dict[str, int] = field(default_factory=dict)  # folded name → id, negative for a new one
    new_categories: list[str] = field(default_factory=list)  # the first is -1
    variants: dict[int, dict[str, Any]] = field(default_factory=dict)  # id → column → changed value
    moves: dict[int, Draft] = field(default_factory=dict)  # variant id → the other product that it goes to
    counts: dict[int, Row] = field(default_factory=dict)  # variant id → the row that states another on_hand
    problems: list[tuple[int, str]] = field(default_factory=list)
    notes: list[tuple[int, str]] = field(default_factory=list)
    new: int = 0
    changed: int = 0

    def concerns(self, variant_id: int) -> bool:
        return variant_id in self.variants or variant_id in self.moves or variant_id in self.counts


def make(t: Connection, rows: Sequence[Row]) -> Plan:
    """The plan for these rows, with a problem for each whose stock would be less than unpaid orders hold."""
    known = _read(t, rows)
    plan = Plan(known.revision)
    plan.categories = {catalog.fold(name): id for id, name in reversed(known.categories.items())}
    good = []
    for row in rows:
        old = known.variants.get(row.sku)
        if old and row.on_hand is not None and row.on_hand < old.held:
            plan.problems.append((row.line, too_few(row, old.held)))
        else:
            good.append(row)
    plan.drafts = _assign(good, known)
    taken = set(known.slugs) | known.old_slugs
    for draft in plan.drafts:
        _compare(plan, draft, known)
        if draft.old is None:
            draft.values["slug"] = _free_slug(draft, taken)
    return plan


def too_few(row: Row, held: int) -> str:
    return str(StockConflict(sku=row.sku, held=held, wanted=row.on_hand))


def _read(t: Connection, rows: Sequence[Row]) -> Known:
    known = Known(
        t.execute(REVISION).scalar_one(),
        dict(t.execute(select(Category.id, Category.name).order_by(Category.position, Category.id)).all()),
        {slug: (id, name) for slug, id, name in t.execute(select(Product.slug, Product.id, Product.name))},
        slugs.old(t, "product"),
    )
    if not known.slugs:
        return known
    wanted = {found[0] for row in rows if (found := known.slugs.get(row.slug)) and found[1] == row.name}
    for chunk in catalog.chunks([row.sku for row in rows], CHUNK):
        wanted.update(t.execute(select(Variant.product_id).where(Variant.sku.in_(chunk))).scalars())
    for chunk in catalog.chunks(sorted(wanted), CHUNK):
        for product in t.execute(select(*Product.__table__.c).where(Product.id.in_(chunk))):
            known.products[product.id] = product
        for variant in t.execute(select(*Variant.__table__.c).where(Variant.product_id.in_(chunk))):
            known.siblings[variant.product_id].append(variant)
            known.variants[variant.sku] = variant
    return known


# ------------------------------------------------------------------------------------------------ which product a row is of


def _assign(rows: Sequence[Row], known: Known) -> list[Draft]:
    """The products that the rows are variants of, each with its rows, in the order of the file.

    A variant stays in its product when the file names both alike. When the file knows a product by another name the product
    takes that name, and variants with a third name move away. Variants with the same options could not be told apart, so a
    new one that repeats them, as in a price list without options, is another product of the same name.
    """
    stated = {row.sku for row in rows}
    drafts: dict[int, Draft] = {}
    by_key: dict[str, list[Draft]] = defaultdict(list)

    def take_up(product: Record, row: Row) -> Draft:
        siblings = known.siblings[product.id]
        draft = Draft(row.key, row.name, row.slug, product, product.id)
        draft.others = [variant for variant in siblings if variant.sku not in stated]
        draft.options = {variant.options for variant in draft.others}
        draft.next_position = max((variant.position for variant in siblings), default=-1) + 1
        by_key[row.key].append(draft)
        drafts[product.id] = draft
        return draft

    for product_id, its_rows in _rows_of_products(rows, known).items():
        old = known.products[product_id]
        draft = take_up(old, next((row for row in its_rows if row.name == old.name), its_rows[0]))
        staying = [row for row in its_rows if row.key == draft.key]
        draft.options |= {_options(row, known) for row in staying}
        draft.has_lost = len(staying) < len(its_rows)

    used: dict[int, Draft] = {}
    for row in rows:
        variant = known.variants.get(row.sku)
        home = drafts[variant.product_id] if variant else None
        if home is None or home.key != row.key:
            options = _options(row, known)
            same = known.slugs.get(row.slug)
            if same and same[1] == row.name and same[0] not in drafts:
                take_up(known.products[same[0]], row)
            home = next((draft for draft in by_key[row.key] if options not in draft.options), None)
            if home is None:
                home = Draft(row.key, row.name, row.slug)
                by_key[row.key].append(home)
            home.options.add(options)
        home.rows.append(row)
        used[id(home)] = home
    return list(used.values())


def _rows_of_products(rows: Iterable[Row], known: Known) -> dict[int, list[Row]]:
    """The rows that state variants which exist, by the product in which these are."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if variant := known.variants.get(row.sku):
            found[variant.product_id].append(row)
    return found


def _options(row: Row, known: Known) -> str:
    old = known.variants.get(row.sku)
    options: str = row.variant.get("options", old.options if old else "")
    return options


# ------------------------------------------------------------------------------------------------ what differs


def _compare(plan: Plan, draft: Draft, known: Known) -> None:
    """Note in the plan what differs between one product and its rows."""
    said = _statements(plan, draft)
    if category := said.pop("category", None):
        said["category_id"] = _category(plan, known, category)
    draft.values = _differences(draft.old, said) if draft.old else said
    has_new_words = draft.old is None or draft.has_lost or bool(draft.values.keys() & WORDS)
    for row in draft.rows:
        has_new_words |= _compare_variant(plan, draft, row, known.variants.get(row.sku))
    if has_new_words:
        _compute(draft, said, known)
    for row in draft.rows:
        old = known.variants.get(row.sku)
        if old is None:
            plan.new += 1
        elif draft.values or plan.concerns(old.id):
            plan.changed += 1
            draft.variant_id = old.id


def _statements(plan: Plan, draft: Draft) -> dict[str, Any]:
    """What the rows say of their product, by column: the first word counts, and a later one that differs is noted."""
    said: dict[str, Any] = {"name": draft.name}
    line: dict[str, int] = {}
    for row in draft.rows:
        for column, value in row.product.items():
            if said.setdefault(column, value) != value:
                plan.notes.append((row.line, f"the {column} is not that of line {line[column]}, which counts for this product"))
            line.setdefault(column, row.line)
    return said


def _category(plan: Plan, known: Known, name: str) -> int:
    """The id of the category, however the name is spelt; a new one gets its id when it is written."""
    key = catalog.fold(name)
    if key not in plan.categories:
        plan.new_categories.append(name)
        plan.categories[key] = -len(plan.new_categories)
        known.categories[plan.categories[key]] = name
    return plan.categories[key]


def _compare_variant(plan: Plan, draft: Draft, row: Row, old: Record | None) -> bool:
    """Note what differs in one variant, and answer whether search must hear of it."""
    if old is None:
        on_hand = row.on_hand or 0
        stands = {"sku": row.sku, "position": draft.next_position, "on_hand": on_hand, "is_listed": on_hand > 0}
        draft.new_variants.append(NEW_VARIANT | row.variant | stands)
        draft.next_position += 1
        return True
    changes = _differences(old, row.variant)
    if "price_minor" in changes:
        changes["previous_price_minor"] = old.price_minor
    if old.product_id != draft.id:
        plan.moves[old.id] = draft
        changes["position"] = draft.next_position
        draft.next_position += 1
    if changes:
        plan.variants[old.id] = changes
    if row.on_hand is not None and row.on_hand != old.on_hand:
        plan.counts[old.id] = row
    return "options" in changes or old.id in plan.moves


def _differences(old: Record, said: Mapping[str, Any]) -> dict[str, Any]:
    """What is said otherwise than it stands; blanks and line breaks that no file can state are no difference."""
    stands = old._mapping
    return {
        column: value
        for column, value in said.items()
        if stands[column] != value and not (isinstance(value, str) and clean(stands[column]) == value)
    }


def _compute(draft: Draft, said: dict[str, Any], known: Known) -> None:
    """Add the columns that follow from others: summary, label, what search looks through; of a new product, all columns."""
    old = draft.old
    words = {column: old._mapping[column] if old else value for column, value in NEW_PRODUCT.items()} | said
    shelf = known.categories[words["category_id"]] if words["category_id"] else ""
    variants = [f"{_options(row, known)} {row.sku}" for row in draft.rows] + [f"{v.options} {v.sku}" for v in draft.others]
    computed = wording.computed(words, shelf=shelf, variants=variants)
    if old:
        draft.values |= _differences(old, computed)
    else:
        # As refresh will find it: PostgreSQL need not index the product a second time then, if its page has room.
        first = min(draft.new_variants, key=lambda variant: not variant["is_listed"], default=None)
        lists = {
            "is_listed": bool(first and first["is_listed"] and words["is_active"]),
            "price_minor": first["price_minor"] if first else 0,
        }
        draft.values = words | computed | lists


def _free_slug(draft: Draft, taken: set[str]) -> str:
    """The slug that the name asks for; with the first SKU behind it when another product has it."""
    sku = draft.rows[0].sku.lower()
    longest: int = Product.slug.type.length
    slug = draft.slug or sku
    if slug in taken:
        slug = f"{draft.slug[: longest - len(sku) - 1]}-{sku}".lstrip("-")
    free, number = slug, 1
    while free in taken:
        number += 1
        free = f"{slug[: longest - 8]}-{number}"
    taken.add(free)
    return free
