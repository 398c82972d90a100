"""Digital goods: what was bought is yielded once, as a link to a file or as codes; and the files and codes that are sold.

Whoever moves an order on calls `fulfil` in the same transaction, as soon as nothing is to be paid for it any more.
"""

import filecmp
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    and_,
    bindparam,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from app.extensions import Prepared, Record, db, now, retried, transaction
from app.models.catalog import Variant
from app.models.digital import CODE_MAX, DigitalCode, Download
from app.models.order import SOLD, LineItem, Order, OrderStatus, order_number
from app.models.outbox import OutboxMessage
from app.models.payment import KEEPS_MONEY, Payment
from app.models.stock import Reason
from app.services import catalog, orders, outbox, shelf as shelves, stock, text
from app.services.errors import BadFile, NotFound, ShopError
from app.services.mail import Mailer
from app.services.shelf import CODES_OWED, Shelf

WORKER = "worker"
PORTION = 10  # orders that the worker completes in one transaction
STATUSES_SOLD = sorted(SOLD)


class CodesShort(ShopError):
    """An order waits for codes; staff read it beside the message that stands for them."""

    message = "Order %(number)s waits for codes of %(sku)s, %(missing)s in number. Add some: flask digital codes %(sku)s FILE."


class DownloadOver(ShopError):
    """A link that did open its file, and does no more."""

    status = 410


class FileAway(ShopError):
    """A download whose file is not in its place; nothing was counted."""

    message = "This file is not in its place just now. Nothing was counted; please try again later."
    status = 503
    retry_seconds = 3600


class NotDigital(ShopError):
    message = "%(sku)s is not digital: it is sent, so it yields neither file nor code."


class BadName(ShopError):
    message = "“%(file)s” cannot be the name of a download: at most 200 letters, no / or \\, no dot in front."


class NameTaken(ShopError):
    message = "Another SKU sells a file named %(file)s with other contents. Give yours another name."
    status = 409


# ------------------------------------------------------------------------------------------------ yielding

_codes = exists().where(DigitalCode.variant_id == LineItem.variant_id)
_given = select(func.count()).select_from(DigitalCode).where(DigitalCode.line_item_id == LineItem.id).scalar_subquery()
LINES = Prepared(
    select(LineItem.id, LineItem.variant_id, LineItem.quantity, LineItem.sku, Variant.download)
    .add_columns(_codes.label("has_codes"), _given.label("given"), Download.id.label("download_id"))
    .outerjoin(Variant, Variant.id == LineItem.variant_id)
    .outerjoin(Download, Download.line_item_id == LineItem.id)
    .where(LineItem.order_id == bindparam("order"), LineItem.is_digital)
    .order_by(LineItem.variant_id, LineItem.id)
)
INSERT_DOWNLOAD = Prepared(insert(Download))
INSERT_CODES = Prepared(insert(DigitalCode))


def fulfil(t: Connection, order_id: int, shelf: Shelf) -> dict[str, int]:
    """Give each digital line of a sold order what it has not got yet; answers the SKUs of which codes are owed, and how many.

    Calling it again gives nothing twice. Call it where nothing is to be paid any more, after the confirmation was owed: that
    mail then says what was given, and none of its own is owed. An order that is not sold gets nothing.
    """
    # The order's row is the lock: what is read below must be as whoever fulfilled it before left it.
    locked = select(Order.status).where(Order.id == order_id).with_for_update(key_share=True)
    if t.execute(locked).scalar_one_or_none() not in SOLD:
        return {}
    moment, has_given = now(), False
    short: dict[str, int] = {}
    for line in LINES.rows(t, order=order_id):
        if line.download and line.download_id is None:
            put_download(t, line, moment, shelf)
            has_given = True
        if line.has_codes and (wanted := line.quantity - line.given):
            got = claim(t, line.variant_id, line.id, wanted, moment)
            has_given = has_given or got > 0
            if got < wanted:
                short[line.sku] = short.get(line.sku, 0) + wanted - got
    if short:
        owe_codes(t, order_id)
    if has_given:
        tell(t, order_id)
    return short


def put_download(t: Connection, line: Any, moment: datetime, shelf: Shelf) -> None:
    INSERT_DOWNLOAD.rows(
        t,
        line_item_id=line.id,
        key=secrets.token_hex(16),
        file=line.download,
        most=shelf.each * line.quantity,
        expires_at=moment + timedelta(days=shelf.days),
    )


def claim(t: Connection, variant_id: int, line_item_id: int, wanted: int, moment: datetime) -> int:
    """Give a line up to so many of a variant's free codes, the oldest first, and answer how many; no two buyers get the same."""
    is_free = DigitalCode.line_item_id.is_(None)
    free = select(DigitalCode.id).where(DigitalCode.variant_id == variant_id, is_free).order_by(DigitalCode.id).limit(wanted)
    chosen = free.with_for_update(skip_locked=True).cte("chosen")
    taken = update(DigitalCode).where(DigitalCode.id.in_(select(chosen.c.id)), is_free)
    given = taken.values(line_item_id=line_item_id, given_at=moment).returning(DigitalCode.id)
    return len(t.execute(given).all())  # of a statement that begins with WITH, Python's SQLite does not count the rows


def owe_codes(t: Connection, order_id: int) -> None:
    """Owe an order its missing codes, once; the caller has its row locked."""
    key = f"{CODES_OWED}{order_id}"
    if not t.execute(select(OutboxMessage.id).where(OutboxMessage.dedupe_key == key)).first():
        outbox.owe(t, "digital.codes", key, {"order_id": order_id})


def tell(t: Connection, order_id: int) -> None:
    """Owe a mail of its own for what was just given, unless the confirmation is still to be written, and says it too.

    A confirmation that nobody has claimed is locked, so that it is not written before this transaction is over.
    """
    unwritten = select(OutboxMessage.id).where(
        OutboxMessage.dedupe_key == f"order.confirmation:{order_id}",
        OutboxMessage.done_at.is_(None),
        OutboxMessage.is_dead.is_(False),
        OutboxMessage.lease_until.is_(None),
    )
    if t.execute(unwritten.with_for_update(skip_locked=True)).first():
        return
    things = given_to(t, order_id)  # more than at the mail before, so it names this one
    outbox.owe(t, "digital.delivered", f"digital.delivered:{order_id}:{things}", {"order_id": order_id})


def given_to(t: Connection, order_id: int) -> int:
    """How many downloads and codes the lines of an order have got."""
    found = 0
    for model in (Download, DigitalCode):
        got = select(func.count()).select_from(model).join(LineItem, LineItem.id == model.line_item_id)
        found += t.execute(got.where(LineItem.order_id == order_id)).scalar_one()
    return found


def revoke(t: Connection, order_id: int) -> int:
    """Close the downloads of an order and answer how many were open. Codes that were given cannot be taken back."""
    return revoke_of(t, LineItem.order_id == order_id)


def revoke_of(t: Connection, whose: ColumnElement[bool]) -> int:
    """Close the downloads of these lines and answer how many were open."""
    lines = select(LineItem.id).where(whose)
    closing = update(Download).where(Download.line_item_id.in_(lines), Download.revoked_at.is_(None)).values(revoked_at=now())
    return t.execute(closing).rowcount


@retried
def give_owed(order_id: int, shelf: Shelf) -> None:
    """Give an order the codes that were short, as far as there are any. Raises CodesShort while some are still missing."""
    with transaction() as t:
        short = fulfil(t, order_id, shelf)
    for sku, missing in short.items():
        raise CodesShort(number=order_number(order_id), sku=sku, missing=missing)


def handle_codes(mailer: Mailer, payload: Mapping[str, Any], _key: str) -> None:
    give_owed(payload["order_id"], Shelf.of(mailer.settings))


# ------------------------------------------------------------------------------------------------ completing

# Money that goes back, since another payment was chosen before it came, pays for nothing.
IS_PAID = or_(Order.total_minor == 0, exists().where(Payment.order_id == Order.id, KEEPS_MONEY))
TO_COMPLETE = (
    select(Order.id)
    .where(Order.status == OrderStatus.PROCESSING, Order.country == "", IS_PAID)
    .where(~shelves.is_owed(Order.id))
    .order_by(Order.id)
    .limit(PORTION)
)


@retried
def complete_digital(shelf: Shelf) -> int:
    """Move orders that are paid, have nothing to send and are owed no codes to COMPLETED, a few; answers how many.

    What they have not got yet, having been placed by a Till that yielded nothing, they get here.
    """
    if db.session.execute(TO_COMPLETE).first() is None:
        return 0  # the usual case takes nobody's turn to write
    with transaction() as t:
        return sum(complete(t, order_id, shelf) for order_id in t.execute(TO_COMPLETE).scalars().all())


def complete(t: Connection, order_id: int, shelf: Shelf) -> bool:
    if fulfil(t, order_id, shelf):
        return False
    return orders.move(t, order_id, OrderStatus.COMPLETED, actor=WORKER, reason="delivered by e-mail")


# ------------------------------------------------------------------------------------------------ fetching


@dataclass(frozen=True)
class Found:
    """A download that may be fetched: its file, and how often that began so far."""

    id: int
    path: Path
    fetched: int
    most: int


def find(token: str, file: str, shelf: Shelf) -> Found:
    """The download that a link opens. Raises NotFound, DownloadOver (revoked, expired), FileAway (its `values` say which).

    How often it was fetched is not looked at: whoever continues the last time has begun before.
    """
    key = shelf.key(token)
    row = db.session.execute(select(*Download.__table__.c).where(Download.key == key)).first() if key else None
    if row is None or row.file != file:
        raise NotFound
    if row.revoked_at:
        raise DownloadOver("This download was withdrawn.")
    if row.expires_at <= now():
        raise DownloadOver("The time for this download is over.")
    path = shelf.path(row.file)
    if path is None:
        raise FileAway(download=row.id)
    return Found(row.id, path, row.fetched, row.most)


def check_left(found: Found) -> None:
    """Raises DownloadOver when it was fetched as often as it may be."""
    if found.fetched >= found.most:
        raise DownloadOver("This download was fetched as often as it may be.")


@retried
def count(found: Found) -> None:
    """Count one fetch that begins. Raises DownloadOver when there is none left, or it was closed meanwhile."""
    check_left(found)
    is_open = and_(Download.revoked_at.is_(None), Download.fetched < Download.most)
    with transaction() as t:
        counted = update(Download).where(Download.id == found.id, is_open).values(fetched=Download.fetched + 1)
        if t.execute(counted).rowcount != 1:  # the guard: of many at once only so many begin
            raise DownloadOver("This download was fetched as often as it may be.")


# ------------------------------------------------------------------------------------------------ for people


@dataclass(frozen=True)
class Added:
    """Codes that were taken in: how many, and how many of them are owed to orders already."""

    new: int
    owed: int


@retried
def add_codes(sku: str, codes: Sequence[tuple[int, str]], *, actor: str) -> Added:
    """Take in (line number, code) pairs, all or none; blank ones are passed over, and orders that wait for codes get them soon.

    The stock on hand rises by what is not owed already. Raises NotFound, NotDigital, BadFile.
    """
    cleaned = [(line, text.clean(code)) for line, code in codes]
    wanted = [(line, code) for line, code in cleaned if code]
    problems = list(wrong_codes(wanted))
    if problems or not wanted:
        raise BadFile(sorted(problems) or [(1, "there is no code in it")])
    with transaction() as t:
        variant = digital_variant(t, sku)
        there = codes_there(t, variant.id, [code for _, code in wanted])
        if there:
            raise BadFile([(line, f"“{code}” is there already") for line, code in wanted if code in there])
        owed = codes_owed(t, variant.id)
        INSERT_CODES.each(t, [{"variant_id": variant.id, "code": code} for _, code in wanted])
        if stock.add(t, variant.id, max(0, len(wanted) - owed), reason=Reason.IMPORT, actor=actor):
            catalog.refresh(t, [variant.id])
        hasten(t, variant.id)
    return Added(len(wanted), owed)


def wrong_codes(codes: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """What is wrong with lines, each on its own or with one before it."""
    first: dict[str, int] = {}
    for line, code in codes:
        if len(code) > CODE_MAX:
            yield line, f"it has {len(code)} characters; {CODE_MAX} is the most"
        elif not text.is_storable(code):
            yield line, "it has characters that cannot be stored"
        elif first.setdefault(code, line) != line:
            yield line, f"“{code}” stands in line {first[code]} already"


def codes_there(t: Connection, variant_id: int, codes: Sequence[str]) -> set[str]:
    """Which of these codes the variant has already."""
    there: set[str] = set()
    for chunk in catalog.chunks(codes):
        mine = select(DigitalCode.code).where(DigitalCode.variant_id == variant_id, DigitalCode.code.in_(chunk))
        there.update(t.execute(mine).scalars())
    return there


def codes_owed(t: Connection | None, variant_id: int) -> int:
    """How many codes of a variant orders wait for."""
    missing = (
        select(func.coalesce(func.sum(LineItem.quantity - _given), 0))
        .join(Order, Order.id == LineItem.order_id)
        .where(LineItem.variant_id == variant_id, Order.status.in_(STATUSES_SOLD), shelves.is_owed(LineItem.order_id))
    )
    owed: int = (t or db.session).execute(missing).scalar_one()
    return owed


def hasten(t: Connection, variant_id: int) -> None:
    """Let orders that wait for codes of this variant be seen to now, also those that were given up on."""
    named = select(literal(CODES_OWED) + cast(LineItem.order_id, String)).where(LineItem.variant_id == variant_id)
    waiting = update(OutboxMessage).where(OutboxMessage.dedupe_key.in_(named), OutboxMessage.done_at.is_(None))
    t.execute(waiting.values(available_at=now(), attempts=0, is_dead=False))


def digital_variant(t: Connection, sku: str) -> Record:
    """The variant of a SKU, locked. Raises NotFound, NotDigital."""
    wanted = select(Variant.id, Variant.sku, Variant.is_digital).where(Variant.sku == sku.strip().upper()).with_for_update()
    row = t.execute(wanted).first()
    if row is None:
        raise NotFound("There is no SKU %(sku)s.", sku=sku.strip().upper())
    if not row.is_digital:
        raise NotDigital(sku=row.sku)
    return row


@retried
def set_file(sku: str, source: Path, shelf: Shelf) -> None:
    """Copy a file onto the shelf and let a variant yield it; what was sold under that name is from now on the new file.

    Raises NotFound, NotDigital, BadName, NameTaken, OSError.
    """
    file = text.clean(source.name)
    if not shelves.is_plain(file):
        raise BadName(file=source.name)
    shelf.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = shelf.folder / file
    with copied(source, shelf.folder) as part, transaction() as t:
        variant = digital_variant(t, sku)
        if is_of_another(t, variant.id, file) and not (target.exists() and filecmp.cmp(part, target, shallow=False)):
            raise NameTaken(file=file)
        t.execute(update(Variant).where(Variant.id == variant.id).values(download=file))
        os.replace(part, target)  # noqa: PTH105


@contextmanager
def copied(source: Path, folder: Path) -> Iterator[Path]:
    """A copy of the file in the folder, its owner's alone, under a hidden name; gone afterwards if it is still there."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".part-")
    part = Path(name)
    try:
        with open(descriptor, "wb") as copy, source.open("rb") as original:
            shutil.copyfileobj(original, copy)
        yield part
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def is_of_another(t: Connection, variant_id: int, file: str) -> bool:
    """Whether another variant yields a file of this name, or did and somebody may fetch it."""
    yields = exists().where(Variant.download == file, Variant.id != variant_id)
    sold = exists().where(Download.file == file, Download.line_item_id == LineItem.id, LineItem.variant_id != variant_id)
    return bool(t.execute(select(or_(yields, sold))).scalar_one())


@retried
def unset_file(sku: str) -> None:
    """Let a variant yield no file any more; what was sold can be fetched as before. Raises NotFound, NotDigital."""
    with transaction() as t:
        variant = digital_variant(t, sku)
        t.execute(update(Variant).where(Variant.id == variant.id).values(download=""))


@dataclass(frozen=True)
class Goods:
    """What there is of one digital variant."""

    sku: str
    on_hand: int
    file: str
    free: int
    given: int
    owed: int

    @property
    def to_sell(self) -> int:
        """For how many there are codes that nobody waits for."""
        return max(0, self.free - self.owed)


def goods(sku: str | None = None) -> list[Goods]:
    """One digital variant, or all of them by SKU."""
    codes = select(func.count()).select_from(DigitalCode).where(DigitalCode.variant_id == Variant.id)
    free = codes.where(DigitalCode.line_item_id.is_(None)).scalar_subquery()
    given = codes.where(DigitalCode.line_item_id.is_not(None)).scalar_subquery()
    wanted = select(Variant.id, Variant.sku, Variant.on_hand, Variant.download, free.label("free"), given.label("given"))
    wanted = wanted.where(Variant.is_digital).order_by(Variant.sku)
    if sku:
        wanted = wanted.where(Variant.sku == sku.strip().upper())
    rows = db.session.execute(wanted).all()
    return [Goods(row.sku, row.on_hand, row.download, row.free, row.given, codes_owed(None, row.id)) for row in rows]


@retried
def revoke_order(number: str) -> int:
    """Close the downloads of the order with this number and answer how many were open. Raises NotFound."""
    order_id = orders.id_of(number) or 0
    with transaction() as t:
        if t.execute(select(Order.id).where(Order.id == order_id)).first() is None:
            raise NotFound("There is no order %(number)s.", number=number)
        return revoke(t, order_id)
