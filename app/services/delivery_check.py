"""What a delivery's rows mean: which are right, which variants they add to, and which things are new. Reads only.

A row adds to the variant with its SKU and changes nothing else of it. A SKU that the shop does not know becomes a new variant
of the product with that name, or of a new one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from app import money
from app.extensions import Record
from app.models.catalog import Product, Variant
from app.services import catalog, layouts
from app.services.delivery_file import COLUMNS
from app.services.layouts import CATEGORY, NAME, OPTIONS, Row
from app.services.stock import MOST
from app.services.text import clean, is_storable

QUANTITY = re.compile(r"[0-9]{1,5}")


@dataclass
class Checked:
    """One row: its cells, what is wrong with which of them, and what will happen."""

    id: int
    position: int
    cells: dict[str, str]
    problems: dict[str, str] = field(default_factory=dict)  # column → what is wrong, as a part of a sentence
    told: str = ""  # what applying it does
    quantity: int = 0
    variant_id: int = 0  # 0: the SKU is new
    row: Row | None = None  # a new variant, as an import would state it

    @property
    def is_new(self) -> bool:
        return self.row is not None


def check(t: Connection, lines: Iterable[tuple[int, int, Mapping[str, str]]], currency: str) -> list[Checked]:
    """Judge every (id, position, cells by COLUMNS)."""
    rows = [Checked(id, position, {name: clean(cells[name]) for name in COLUMNS}) for id, position, cells in lines]
    skus: dict[str, int] = {}
    for row in rows:
        _shape(row, skus)
    known = _variants(t, list(skus))
    unknown = []
    for row in rows:
        sku = row.cells["sku"].upper()
        if variant := known.get(sku):
            _add(row, variant)
        elif "sku" not in row.problems:
            unknown.append(row)
    _Newcomers(t, unknown, currency).judge()
    return rows


def _shape(row: Checked, skus: dict[str, int]) -> None:
    """What a row says by itself, and whether another one says its SKU; collects the SKUs by where they first stand."""
    cells = row.cells
    try:
        sku = layouts.checked_sku(cells["sku"])
        if (first := skus.setdefault(sku, row.position)) != row.position:
            row.problems["sku"] = f"the SKU {sku} stands in row {first} too; put both quantities into one row"
    except ValueError as error:
        row.problems["sku"] = str(error)
    if not cells["product"]:
        row.problems["product"] = "the name is blank"
    for name, longest in (("product", NAME), ("options", OPTIONS), ("category", CATEGORY)):
        if len(cells[name]) > longest:
            row.problems[name] = f"it has {len(cells[name])} characters; at most {longest} fit"
    if not cells["quantity"]:
        row.problems["quantity"] = "the quantity is missing"
    elif not QUANTITY.fullmatch(cells["quantity"]):
        row.problems["quantity"] = f"quantity {layouts.quoted(cells['quantity'])} is not a whole number up to 99999"
    else:
        row.quantity = int(cells["quantity"])
    for name, cell in cells.items():
        if not is_storable(cell):
            row.problems[name] = "it holds a character that cannot be stored"


def _variants(t: Connection, skus: Sequence[str]) -> dict[str, Record]:
    wanted = select(
        Variant.id, Variant.sku, Variant.on_hand, Variant.options, Variant.price_minor, Variant.currency, Product.name
    ).join(Product, Product.id == Variant.product_id)
    found: dict[str, Record] = {}
    for chunk in catalog.chunks(skus):
        found |= {row.sku: row for row in t.execute(wanted.where(Variant.sku.in_(chunk)))}
    return found


def _add(row: Checked, variant: Record) -> None:
    """Say what comes to a variant that the shop has, and where the row describes it otherwise."""
    row.variant_id = variant.id
    if variant.on_hand + row.quantity > MOST:
        row.problems["quantity"] = f"more than {MOST} cannot be counted"
    name = f"{variant.name}, {variant.options}" if variant.options else variant.name
    row.told = f"{name}: {variant.on_hand} on hand, then {variant.on_hand + row.quantity}."
    if row.cells["product"] and catalog.fold(row.cells["product"]) != catalog.fold(variant.name):
        row.told += " The name in the list is another: is the SKU right?"
    if row.cells["price"] and row.cells["price"] != money.plain(variant.price_minor, variant.currency):
        row.told += f" Its price stays {money.text(variant.price_minor, variant.currency)}."


class _Newcomers:
    """The rows whose SKU the shop does not know, and the products that stand by the names in them."""

    def __init__(self, t: Connection, rows: Sequence[Checked], currency: str) -> None:
        self.rows, self.currency = rows, currency
        self.products = self._products(t, sorted({self._key(row) for row in rows if row.cells["product"]}))
        self.taken = self._taken(t, [product.id for product in self.products.values()])

    @staticmethod
    def _key(row: Checked) -> str:
        return catalog.fold(row.cells["product"])[:NAME]

    @staticmethod
    def _products(t: Connection, keys: Sequence[str]) -> dict[str, Record]:
        """The oldest product of each name."""
        wanted = select(Product.id, Product.slug, Product.name, Product.name_key, Product.is_active).order_by(Product.id.desc())
        found: dict[str, Record] = {}
        for chunk in catalog.chunks(keys):
            named = wanted.where(Product.is_active.in_((True, False)), Product.name_key.in_(chunk))  # as the index has them
            found |= {row.name_key: row for row in t.execute(named)}
        return found

    @staticmethod
    def _taken(t: Connection, product_ids: Sequence[int]) -> dict[tuple[int, str], str]:
        """The SKU of each (product, folded options) that there is."""
        wanted = select(Variant.product_id, Variant.options, Variant.sku)
        found: dict[tuple[int, str], str] = {}
        for chunk in catalog.chunks(product_ids):
            of_them = t.execute(wanted.where(Variant.product_id.in_(chunk)))
            found |= {(row.product_id, catalog.fold(row.options)): row.sku for row in of_them}
        return found

    def judge(self) -> None:
        """Say of each what it becomes, or why it cannot."""
        first: dict[tuple[str, str], int] = {}
        named: dict[str, str] = {}  # a new product's name as its first row writes it
        for row in self.rows:
            key, options = self._key(row), row.cells["options"]
            product = self.products.get(key)
            price = self._price(row)
            if product and (sku := self.taken.get((product.id, catalog.fold(options)))):
                choice = layouts.quoted(options) if options else "no options"
                row.problems["options"] = f"the shop has it with {choice} already, as SKU {sku}; correct the SKU or the options"
            elif (before := first.setdefault((key, catalog.fold(options)), row.position)) != row.position:
                row.problems["options"] = f"row {before} has the same name and options; nobody could tell them apart"
            if row.problems:
                continue
            name = product.name if product else named.setdefault(key, row.cells["product"])
            row.row = self._stated(row, name, product, price)
            what = f"New variant of {name}" if product else "New product"
            sale = "on sale at once" if product is None or product.is_active else "on sale once the product is shown,"
            row.told = f"{what}, {sale} for {money.text(price, self.currency)}; it weighs 0 g until somebody says otherwise."

    def _price(self, row: Checked) -> int:
        if not row.cells["price"]:
            row.problems["price"] = "the price is missing; a new SKU needs one"
            return 0
        try:
            return layouts.checked_price(row.cells["price"], self.currency)
        except ValueError as error:
            row.problems["price"] = str(error)
            return 0

    def _stated(self, row: Checked, name: str, product: Record | None, price_minor: int) -> Row:
        """The row as an import states it; its stock comes by the delivery."""
        variant: dict[str, Any] = {"price_minor": price_minor, "currency": self.currency, "options": row.cells["options"]}
        category = {"category": row.cells["category"]} if row.cells["category"] and product is None else {}
        slug = product.slug if product else layouts.slug_of(name)
        return Row(row.position, row.cells["sku"].upper(), name, name, slug, None, variant, category)
