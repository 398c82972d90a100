"""Delivery files: bytes, or pasted text, to rows of cells. What a cell means is not judged here.

The first row names the columns, in any order and case; commas, semicolons or tabs stand between cells. A file that cannot be a
draft is refused with the row where it goes wrong: row 1 is the header, as in a spreadsheet.
"""

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from app.models.delivery import CELL
from app.services import layouts
from app.services.errors import BadFile, ShopError
from app.services.text import clean, is_storable

MOST_BYTES = 1_000_000
MOST_ROWS = 2000
MOST_COLUMNS = 100
MOST_TOLD = 20  # mistakes; whoever corrects so many sees the next ones then
COLUMNS = ("sku", "product", "options", "quantity", "price", "category")
NEEDED = ("sku", "product", "quantity")
ALSO_CALLED = {"name": "product", "qty": "quantity", "option": "options"}
HEADER = "the first row names the columns: at least sku, product and quantity; options, price and category if you like"
NO_TEXT = "this is not text in UTF-8; save the file as “CSV UTF-8”"


class TooLarge(ShopError):
    message = "A delivery file has at most 1 MB. Split the file."
    status = 413


@dataclass(frozen=True, slots=True)
class Line:
    """One row, its cells trimmed; "" where the file says nothing."""

    position: int  # the line of the file where it begins; the header is 1
    cells: dict[str, str]  # by the names of COLUMNS


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file's rows, and the hash of all its cells, however they were separated, padded and quoted."""

    sha256: str
    lines: list[Line]


def read(data: bytes) -> Sheet:
    """The rows of a file. Raises TooLarge, BadFile."""
    if len(data) > MOST_BYTES:
        raise TooLarge
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data:
        raise BadFile([(data[: max(data.find(b"\0"), 0)].count(b"\n") + 1, NO_TEXT)])
    lines: list[Line] = []
    cells: list[list[str]] = []
    problems: list[tuple[int, str]] = []
    columns: list[str] = []
    for record in layouts.records(data, _separator(data)):
        found = [_one_line(cell) for cell in record.cells]
        if record.reason:
            problems.append((record.line, record.reason))
            if not columns:
                break
        elif not any(found):
            continue
        elif not columns:
            columns = _columns(record.line, found)
            cells.append(columns)
        elif len(lines) == MOST_ROWS:
            raise BadFile([(record.line, f"a delivery has at most {MOST_ROWS:,} rows; split the file")])
        elif problem := _problem(found, columns):
            problems.append((record.line, problem))
        else:
            found = [*found, *[""] * len(columns)][: len(columns)]
            cells.append(found)
            stated = dict(zip(columns, found, strict=True))
            lines.append(Line(record.line, {name: layouts.plain_formula(stated.get(name, "")) for name in COLUMNS}))
        if len(problems) == MOST_TOLD:
            break
    if problems:
        raise BadFile(problems)
    if not lines:
        raise BadFile([(1, "there are no rows below the header" if columns else HEADER)])
    return Sheet(hashlib.sha256(json.dumps(cells).encode()).hexdigest(), lines)


def _one_line(cell: str) -> str:
    return clean(cell).replace("\n", " ").replace("\t", " ")


def _name(cell: str) -> str:
    """The column that a cell of the header names, or its own words."""
    word = " ".join(cell.casefold().split())
    return ALSO_CALLED.get(word, word)


def _separator(data: bytes) -> str:
    """What stands between the cells of the header: whatever makes most of our columns of it."""
    header = data.removeprefix(b"\xef\xbb\xbf").lstrip().replace(b"\r", b"\n").partition(b"\n")[0].decode("utf-8", "replace")

    def known(separator: str) -> int:
        try:
            return len({_name(clean(cell)) for row in csv.reader([header], delimiter=separator) for cell in row} & set(COLUMNS))
        except csv.Error:
            return 0

    return max(",;\t", key=known)


def _columns(line: int, cells: Sequence[str]) -> list[str]:
    columns = [_name(cell) for cell in cells]
    if len(columns) > MOST_COLUMNS or not set(NEEDED) <= set(columns):
        raise BadFile([(line, HEADER)])
    if twice := [name for name in columns if name in COLUMNS and columns.count(name) > 1]:
        raise BadFile([(line, f"the column {twice[0]} stands twice in the header")])
    return columns


def _problem(cells: Sequence[str], columns: Sequence[str]) -> str:
    """Why a row cannot even be a draft; "" when it can."""
    if any(cells[len(columns) :]):
        return f"there are {len(cells)} cells where the header has {len(columns)}"
    longest = max(map(len, cells))
    if longest > CELL:
        return f"a cell has {longest:,} characters; at most {CELL} fit"
    if not all(map(is_storable, cells)):
        return "a cell holds a character that cannot be stored"
    return ""
