"""Catalogue files: bytes to rows, from our layout, a bare price list or Shopify's export; every mistake with its line.

Our layout has the columns of OURS, of which only REQUIRED must be there; a blank cell says nothing. A bare list has
`sku`, `name` and a price column that names its currency, such as `price_gbp`. Shopify's export is known by SHOPIFY.
"""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from itertools import count
from typing import Any, Protocol

from app import money
from app.models.catalog import SKU_PATTERN, Category, Product, Variant
from app.services import catalog, prose
from app.services.errors import BadFile
from app.services.text import clean

OURS = "sku product options price currency on_hand category description origin weight_grams is_digital image".split()
REQUIRED = {"sku", "product", "price"}
SHOPIFY = {"Handle", "Title", "Variant Price"}
EXPECTED = (
    "the header is not one we know: expected our columns (at least sku, product, price), a list with sku, name and price_gbp, "
    "or Shopify's product export (Handle, Title, Variant Price, …)"
)
MOST = 2**31 - 1  # of a count, on every database
ADVANCE_EVERY = 1000  # lines
NAME, OPTIONS, CATEGORY, ORIGIN, IMAGE, SLUG = (  # how many characters fit
    column.type.length for column in (Product.name, Variant.options, Category.name, Product.origin, Product.image, Product.slug)
)

_SKU = re.compile(SKU_PATTERN)
_AMOUNT = re.compile(r"(?:[0-9]{1,15}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})")
_WHOLE = re.compile(r"[0-9]{1,12}")
_PRICE_COLUMN = re.compile(r"price_([a-z]{3})")
_FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r]")  # a spreadsheet may run a cell that begins with one of these
_ALPHANUMERIC = re.compile(r"[a-z0-9]+")
_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i"})
_SCHEME = re.compile(r"(?!https?:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(slots=True)
class Row:
    """One variant as a file states it. What a file does not state is absent from `variant` and `product`."""

    line: int
    sku: str
    key: str  # rows of one key are variants of one product
    name: str
    slug: str  # wished for; "" when the name has no letters that a slug can have
    on_hand: int | None
    variant: dict[str, Any]  # column → value; always price_minor and currency
    product: dict[str, Any]  # column → value; `category` by its name


@dataclass
class Sheet:
    """A file that was read: its good rows, its bad ones as (line, reason), and what else should be said, as (line, note)."""

    rows: list[Row] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    notes: list[tuple[int, str]] = field(default_factory=list)


class Layout(Protocol):
    def row(self, line: int, cells: Mapping[str, str]) -> Row | None:
        """The variant that the cells state; None when they state none. Raises ValueError with the reason of a bad row."""


def count_lines(data: bytes) -> int:
    """About how many lines `read` will tell `advance` of."""
    return data.count(b"\n") or 1


def read(data: bytes, *, currency: str, advance: Callable[[int], None] = lambda done: None) -> Sheet:
    """Every row of a CSV file, good or bad. `currency` is the shop's; `advance` is told how many more lines are done.

    Raises BadFile when the header is not one of the three, or when it is unclear where the rows end.
    """
    found = records(data)
    sheet = Sheet()
    header = next((record for record in found if record.cells or record.reason), None)
    if header is None:
        raise BadFile([(1, "the file is empty")])
    layout, columns = _layout(header, currency, sheet)
    seen: dict[str, int] = {}
    told = 0
    for record in found:
        if record.line - told >= ADVANCE_EVERY:
            advance(record.line - told)
            told = record.line
        try:
            if row := _row(layout, columns, record):
                if (first := seen.setdefault(row.sku, row.line)) != row.line:
                    raise ValueError(f"the SKU {row.sku} already stands in line {first}")
                sheet.rows.append(row)
        except ValueError as error:
            sheet.problems.append((record.line, str(error)))
    advance(max(count_lines(data) - told, 0))
    return sheet


# ------------------------------------------------------------------------------------------------ lines and cells


@dataclass(slots=True)
class Record:
    """One record of the file, the physical line where it begins, and why it cannot be read if it cannot."""

    line: int
    cells: list[str]
    reason: str = ""


def records(data: bytes, delimiter: str = ",") -> Iterator[Record]:
    """Every record of a CSV file, an unreadable one with the reason. Raises BadFile where it is unclear where rows end."""
    text, broken = _decode(data)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = f"the row cannot be read: {error}"
            if reader.line_num > line or "unexpected end" in str(error):
                raise BadFile([(line, "a quoted cell begins here and does not end; what follows cannot be read")]) from None
            yield Record(line, [], reason)
            continue
        if broken and (bad := [broken[n] for n in range(line, reader.line_num + 1) if n in broken]):
            yield Record(line, [], bad[0])
        else:
            yield Record(line, cells)


def _decode(data: bytes) -> tuple[str, dict[int, str]]:
    """The file's text, and for each line that is not UTF-8 a sentence that says so."""
    try:
        return data.decode("utf-8-sig"), {}
    except UnicodeDecodeError:
        text = data.decode("utf-8-sig", "surrogateescape")
    broken = {}
    position = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        if found := re.search("[\udc80-\udcff]", line):
            at = position + len(line[: found.start()].encode())
            broken[number] = f"not UTF-8: byte {at + 1} of the file is 0x{data[at]:02X}; save the file as “CSV UTF-8”"
        position += len(line.encode("utf-8", "surrogateescape"))
    return text, broken


def _layout(header: Record, currency: str, sheet: Sheet) -> tuple[Layout, list[str]]:
    """The layout that the header announces, and the names of its columns by which that layout asks for them."""
    if header.reason:
        raise BadFile([(header.line, header.reason)])
    columns = [clean(name) for name in header.cells]
    lower = [name.lower() for name in columns]
    if twice := [name for name in lower if name and lower.count(name) > 1]:
        raise BadFile([(header.line, f"the column {quoted(twice[0])} stands twice in the header")])
    if set(columns) >= SHOPIFY:
        return Shopify(set(columns), currency), columns
    columns = lower
    if set(columns) >= REQUIRED:
        if unknown := [name for name in columns if name and name not in OURS]:
            sheet.notes.append((header.line, f"unknown columns are not read: {', '.join(map(shown, unknown))}"))
        return Ours(currency), columns
    prices = [found[1].upper() for name in columns if (found := _PRICE_COLUMN.fullmatch(name))]
    if not {"sku", "name"} <= set(columns) or not prices:
        raise BadFile([(header.line, EXPECTED)])
    if currency not in prices:
        raise BadFile([(header.line, f"the prices are in {', '.join(prices)}, but the shop sells in {currency}")])
    ours = {"name": "product", f"price_{currency.lower()}": "price"}
    return Ours(currency), [ours.get(name, name) for name in columns]


def _row(layout: Layout, columns: list[str], record: Record) -> Row | None:
    if record.reason:
        raise ValueError(record.reason)
    if not any(cell.strip() for cell in record.cells):
        return None
    if len(record.cells) != len(columns):
        raise ValueError(f"{len(record.cells)} cells where the header has {len(columns)}")
    if any("\0" in cell for cell in record.cells):
        raise ValueError("a cell holds the character NUL, which no text has")
    return layout.row(record.line, {name: clean(cell) for name, cell in zip(columns, record.cells, strict=True)})


# ------------------------------------------------------------------------------------------------ ours and the bare list


@dataclass
class Ours:
    """A row a variant; rows of one product name are one product."""

    currency: str

    def row(self, line: int, cells: Mapping[str, str]) -> Row:
        stated = {name: plain_formula(text) for name, text in cells.items() if text}
        sku = checked_sku(stated.get("sku", ""))
        name = _words(stated, "product", NAME) or _missing("the product's name")
        if (said := stated.get("currency", self.currency).upper()) != self.currency:
            raise ValueError(f"the price is in {quoted(said)}, but the shop sells in {self.currency}")
        variant: dict[str, Any] = {
            "price_minor": checked_price(stated.get("price", ""), self.currency),
            "currency": self.currency,
        }
        if "options" in stated:
            variant["options"] = _words(stated, "options", OPTIONS)
        if "weight_grams" in stated:
            variant["weight_grams"] = _whole(stated["weight_grams"], "weight_grams")
        if "is_digital" in stated:
            variant["is_digital"] = _yes(stated["is_digital"], "is_digital")
        product: dict[str, Any] = {}
        if "description" in stated:
            product["description"] = stated["description"]
        for column, longest in (("category", CATEGORY), ("origin", ORIGIN)):
            if column in stated:
                product[column] = _words(stated, column, longest)
        if "image" in stated:
            product["image"] = _image(stated["image"])
        on_hand = _whole(stated["on_hand"], "on_hand") if "on_hand" in stated else None
        return Row(line, sku, name, name, slug_of(name), on_hand, variant, product)


def quoted_formula(text: str) -> str:
    """The cell as a spreadsheet shows it rather than runs it: behind one more apostrophe, which `plain_formula` takes off."""
    return "'" + text if _FORMULA.match(text) else text


def plain_formula(text: str) -> str:
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text


# ------------------------------------------------------------------------------------------------ Shopify


@dataclass
class Head:
    """What the first row of a handle says for those that continue it. `mistake` is why none of them can be taken."""

    name: str = ""
    mistake: str = ""
    is_digital: bool | None = None
    has_options: bool = True
    product: dict[str, Any] = field(default_factory=dict)


@dataclass
class Shopify:
    """A handle's first row describes the product, each row with a price is a variant; rows with a picture only are passed over.

    Stock that Shopify does not track comes with the number it shows, oversold stock with 0. Vendor and tags are not read.
    """

    columns: set[str]
    currency: str
    heads: dict[str, Head] = field(default_factory=dict)

    def row(self, line: int, cells: Mapping[str, str]) -> Row | None:
        handle = cells["Handle"] or _missing("the Handle")
        head = self.heads.get(handle)
        if head is None:
            head = self.heads[handle] = self.head(cells)
        if not (cells["Variant Price"] or cells["Title"] or cells.get("Variant SKU") or cells.get("Option1 Value")):
            return None
        if head.mistake:
            raise ValueError(head.mistake)
        options = self.options(head, cells)
        if cells.get("Variant SKU"):
            sku = checked_sku(cells["Variant SKU"].removeprefix("'"))
        else:
            sku = sku_of(f"{handle} {options}")
        variant: dict[str, Any] = {
            "price_minor": checked_price(cells["Variant Price"], self.currency),
            "currency": self.currency,
            "options": _fitting(options, "the options", OPTIONS),
        }
        if "Variant Compare At Price" in self.columns:
            before = cells["Variant Compare At Price"]
            was = checked_price(before, self.currency) if before else 0
            variant["compare_at_minor"] = was if was > variant["price_minor"] else None
        if cells.get("Variant Grams"):
            variant["weight_grams"] = _grams(cells["Variant Grams"])
        sent = cells.get("Variant Requires Shipping")
        if head.is_digital or sent:
            variant["is_digital"] = bool(head.is_digital) or not _yes(sent or "true", "Variant Requires Shipping")
        return Row(line, sku, handle, head.name, slug_of(handle), self.on_hand(cells), variant, head.product)

    def head(self, cells: Mapping[str, str]) -> Head:
        head = Head()
        try:
            head.name = _words(cells, "Title", NAME) or _missing(f"the Title of the handle {quoted(cells['Handle'])}")
            head.has_options = (cells.get("Option1 Name"), cells.get("Option1 Value")) != ("Title", "Default Title")
            head.is_digital = _yes(cells["Gift Card"], "Gift Card") if cells.get("Gift Card") else None
            if category := _words(cells, "Type", CATEGORY):
                head.product["category"] = category
            if description := clean(prose.from_html(cells.get("Body (HTML)", ""))):
                head.product["description"] = description
            if cells.get("Image Src"):
                head.product["image"] = _image(cells["Image Src"])
            published, status = cells.get("Published"), cells.get("Status")
            if published or status:
                head.product["is_active"] = _yes(published or "true", "Published") and (status or "active").lower() == "active"
        except ValueError as error:
            head.mistake = str(error)
        return head

    def options(self, head: Head, cells: Mapping[str, str]) -> str:
        if not head.has_options:
            return ""
        return " / ".join(value for n in "123" if (value := _one_line(cells.get(f"Option{n} Value", ""))))

    def on_hand(self, cells: Mapping[str, str]) -> int | None:
        said = cells.get("Variant Inventory Qty", "").removeprefix("'")
        if not said:
            return None
        return 0 if said.startswith("-") and _whole(said[1:], "Variant Inventory Qty") else _whole(said, "Variant Inventory Qty")


def sku_of(words: str) -> str:
    """A SKU from words, always the same for the same words; a digest stands for what a SKU cannot hold."""
    plain = slug_of(words).upper()
    if catalog.fold(words).isascii() and 0 < len(plain) <= 64:
        return plain
    digest = hashlib.sha256(words.encode()).hexdigest()[:8].upper()
    return f"{plain[:55].rstrip('-')}-{digest}".lstrip("-")


# ------------------------------------------------------------------------------------------------ one cell


def slug_of(text: str) -> str:
    """The text's ASCII letters and digits, accents and case put away, joined by hyphens; "" when it has none."""
    plain = catalog.fold(text).translate(_LETTERS).replace("'", "").replace("’", "")
    return "-".join(_ALPHANUMERIC.findall(plain))[:SLUG].strip("-")


def free_slug(text: str, taken: Container[str], *, otherwise: str, longest: int) -> str:
    """The slug of this text, or of `otherwise` where it has none; numbered from 2 on when it is taken."""
    wished = slug_of(text)[:longest].strip("-") or otherwise
    return next(slug for n in count(1) if (slug := wished if n == 1 else f"{wished}-{n}") not in taken)


def _missing(what: str) -> str:
    raise ValueError(f"{what} is missing")


def quoted(text: str) -> str:
    return f"“{shown(text)}”"


def shown(text: str) -> str:
    """The start of a cell as a message may carry it to a terminal."""
    return "".join(char if char.isprintable() else "?" for char in (text if len(text) <= 40 else text[:40] + "…"))


def _one_line(text: str) -> str:
    return text.replace("\n", " ") if "\n" in text else text


def _words(cells: Mapping[str, str], column: str, longest: int) -> str:
    """The cell as one line that fits the column in which it is kept."""
    return _fitting(_one_line(cells.get(column, "")), column, longest)


def _fitting(text: str, what: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"{what} has {len(text)} characters; at most {longest} fit")
    return text


def checked_sku(text: str) -> str:
    sku = text.upper() if text.isascii() else text
    if not _SKU.fullmatch(sku or _missing("the SKU")):
        raise ValueError(f"{quoted(text)} is not a SKU: 1 to 64 letters A to Z, digits, dots, hyphens and underscores")
    return sku


@lru_cache(maxsize=4096)
def checked_price(text: str, currency: str) -> int:
    if not _AMOUNT.fullmatch(text or _missing("the price")):
        raise ValueError(f"{quoted(text)} is not an amount of money such as 12.50")
    return money.parse(text, currency)


def _whole(text: str, column: str) -> int:
    if not _WHOLE.fullmatch(text) or int(text) > MOST:
        raise ValueError(f"{column} is {quoted(text)}, not a whole number from 0 to {MOST}")
    return int(text)


def _grams(text: str) -> int:
    if not _AMOUNT.fullmatch(text) or Decimal(text) > MOST:
        raise ValueError(f"Variant Grams is {quoted(text)}, not a weight")
    return int(Decimal(text).to_integral_value(ROUND_HALF_UP))


def _yes(text: str, column: str) -> bool:
    word = text.lower()
    if word not in {"yes", "true", "1", "no", "false", "0"}:
        raise ValueError(f"{column} is {quoted(text)}, neither yes nor no")
    return word in {"yes", "true", "1"}


def _image(text: str) -> str:
    if _SCHEME.match(text):
        raise ValueError(f"the image {quoted(text)} is neither a web address nor a path")
    return _fitting(_one_line(text), "the image", IMAGE)
