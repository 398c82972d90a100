"""The shelf of digital goods as readers see it: where the files are, the links that open them, and what an order yielded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import ColumnElement, String, cast, exists, literal, select

from app.config import signing_keys
from app.extensions import db, now
from app.models.digital import FILE_MAX, DigitalCode, Download
from app.models.order import LineItem
from app.models.outbox import OutboxMessage
from app.services import text

CODES_OWED = "digital.codes:"  # the order's id follows: the message that stands for codes which it has not got yet


@dataclass(frozen=True)
class Shelf:
    """What the settings say of digital goods: where files are, how long and how often each may be fetched, who signs links."""

    folder: Path
    days: int
    each: int
    keys: tuple[str, ...]

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Shelf":
        folder, days, each = Path(settings["DOWNLOAD_FOLDER"]), settings["DOWNLOAD_DAYS"], settings["DOWNLOADS_EACH"]
        return cls(folder, days, each, signing_keys(settings))

    def path(self, file: str) -> Path | None:
        """Where the file of that name really is; None when there is none, or when it is not inside the folder itself."""
        if not is_plain(file):
            return None
        try:
            found = (self.folder / file).resolve(strict=True)
            is_inside = found.parent == self.folder.resolve(strict=True)
        except OSError:
            return None
        return found if is_inside and found.is_file() else None

    def address(self, key: str, file: str) -> str:
        """The path that fetches a download; nobody can make one without the shop's secret."""
        return f"/downloads/{signer(self.keys).dumps(key)}/{quote(file)}"

    def key(self, token: str) -> str | None:
        """The download's key that was signed with the shop's key of today or one before it; None for anything else."""
        try:
            key = signer(self.keys).loads(token)
        except BadData:
            return None
        return key if isinstance(key, str) else None


@cache
def signer(keys: tuple[str, ...]) -> URLSafeSerializer:
    return URLSafeSerializer(keys, salt="download")


def is_plain(file: str) -> bool:
    """Whether this is a name and nothing that leads elsewhere; hidden files are none of the shop's."""
    return 0 < len(file) <= FILE_MAX and not file.startswith(".") and not set("/\\") & set(file) and text.is_storable(file)


# ------------------------------------------------------------------------------------------------ what an order yielded


@dataclass(frozen=True)
class Link:
    """A file that was bought. When it cannot be fetched any more, `address` is ""."""

    file: str
    address: str
    size: int | None  # bytes; None while the file is not in its place
    left: int
    until: datetime


@dataclass(frozen=True)
class Yielded:
    """What one line of an order yielded; `owed` codes are still to come."""

    name: str
    link: Link | None
    codes: Sequence[str]
    owed: int


def is_owed(order_id: Any) -> ColumnElement[bool]:
    """Whether an order still waits for codes, as SQL says it."""
    named = literal(CODES_OWED) + cast(order_id, String)
    return exists().where(OutboxMessage.dedupe_key == named, OutboxMessage.done_at.is_(None))


def yielded(order_id: int, shelf: Shelf) -> list[Yielded]:
    """What each line of the order yielded or owes, in their order; lines with nothing to tell of are left out."""
    has_codes = exists().where(DigitalCode.variant_id == LineItem.variant_id)
    lines = (
        select(
            LineItem.id,
            LineItem.name,
            LineItem.options,
            LineItem.quantity,
            (has_codes & is_owed(LineItem.order_id)).label("owes"),
        )
        .add_columns(Download.key, Download.file, Download.fetched, Download.most, Download.expires_at, Download.revoked_at)
        .outerjoin(Download, Download.line_item_id == LineItem.id)
        .where(LineItem.order_id == order_id, LineItem.is_digital)
        .order_by(LineItem.position, LineItem.id)
    )
    given = (
        select(DigitalCode.line_item_id, DigitalCode.code)
        .join(LineItem, LineItem.id == DigitalCode.line_item_id)
        .where(LineItem.order_id == order_id)
        .order_by(DigitalCode.id)
    )
    codes: dict[int | None, list[str]] = {}
    for line_id, code in db.session.execute(given):
        codes.setdefault(line_id, []).append(code)
    told = []
    for line in db.session.execute(lines):
        mine = codes.get(line.id, [])
        owed = line.quantity - len(mine) if line.owes else 0
        if line.key or mine or owed:
            told.append(Yielded(", ".join(filter(None, (line.name, line.options))), link(line, shelf), mine, owed))
    return told


def link(row: Any, shelf: Shelf) -> Link | None:
    """The link of a line's download, if it has one."""
    if row.key is None:
        return None
    left = row.most - row.fetched
    is_open = row.revoked_at is None and row.expires_at > now() and left > 0
    path = shelf.path(row.file)
    size = path.stat().st_size if path else None
    return Link(row.file, shelf.address(row.key, row.file) if is_open else "", size, left, row.expires_at)
