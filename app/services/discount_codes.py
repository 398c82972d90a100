"""Discount codes as managers keep them: what they type, checked; the list; and every change in the audit trail."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from app import money
from app.extensions import Record, now, read, retried, transaction
from app.models.discount import CODE_PATTERN, DiscountCode, Kind
from app.services import audit, catalog, discounts, editing
from app.services.errors import InvalidInput, NotFound
from app.services.typed import Typed, plain_percent

PAGE = 50
NOTE_MAX = 250
LARGEST_COUNT = 10**9
CODES = select(*DiscountCode.__table__.c)

NO_CODE = "Letters A to Z, digits, - and _, at most 40 of them."
NO_AMOUNT = "Enter more than nothing, such as 5 or 5.50."
NO_PERCENTAGE = "Enter a percentage from 0.01 to 100, such as 10 or 12.5."
NO_COUNT = "Enter a whole number of 1 or more, or leave it empty."
NO_MOMENT = "Enter a day and a time such as 2026-12-24 18:00, or leave it empty."
NO_SUCH_MOMENT = "There is no such time: the clocks go forward then."


@dataclass(frozen=True, slots=True)
class Listed:
    """One code in the list; `takes` says what it takes off, `state` whether it counts now."""

    id: int
    code: str
    takes: str
    state: str
    uses: int
    most_uses: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    note: str


# ------------------------------------------------------------------------------------------------ reading


def page(after: int | None = None) -> tuple[Sequence[Listed], int | None]:
    """The newest codes, or those older than this id; and the id of the last of them if there are older ones."""
    wanted = CODES.order_by(DiscountCode.id.desc()).limit(PAGE + 1)
    rows = read(wanted if after is None else wanted.where(DiscountCode.id < after)).all()
    moment = now()
    listed = [_listed(row, moment) for row in rows[:PAGE]]
    return listed, listed[-1].id if len(rows) > PAGE else None


def _listed(row: Any, moment: datetime) -> Listed:
    columns = row.uses, row.most_uses, row.starts_at, row.ends_at, row.note
    return Listed(row.id, row.code, takes(row), state(row, moment), *columns)


def one(code_id: int) -> Record:
    """A code by its columns. Raises NotFound."""
    row = read(CODES.where(DiscountCode.id == code_id)).first()
    if row is None:
        raise NotFound
    return row


def takes(row: Any) -> str:
    """What a code takes off, for people: "12.5 %" or "£5.00"."""
    return f"{plain_percent(row.value)} %" if row.kind == Kind.PERCENT else money.text(row.value, row.currency)


def state(row: Any, moment: datetime) -> str:
    """Whether a code counts at this moment: counts, off, over, used up or not yet."""
    if not row.is_active:
        return "off"
    if row.ends_at is not None and row.ends_at <= moment:
        return "over"
    if row.most_uses is not None and row.uses >= row.most_uses:
        return "used up"
    return "not yet" if row.starts_at is not None and row.starts_at > moment else "counts"


def typed_of(row: Any, timezone: str) -> dict[str, str]:
    """The terms of a code as one would type them; times by the clock of this zone."""
    counts = {name: "" if (count := getattr(row, name)) is None else str(count) for name in ("most_uses", "most_uses_each")}
    moments = {name: _wall_clock(getattr(row, name), timezone) for name in ("starts_at", "ends_at")}
    return {
        "kind": str(row.kind),
        "value": plain_percent(row.value) if row.kind == Kind.PERCENT else money.plain(row.value, row.currency),
        "min_items_minor": money.plain(row.min_items_minor, row.currency) if row.min_items_minor else "",
        "note": row.note,
        **counts,
        **moments,
    }


def _wall_clock(moment: datetime | None, timezone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(timezone)):%Y-%m-%dT%H:%M}" if moment else ""


# ------------------------------------------------------------------------------------------------ writing


@retried
def create(typed: Mapping[str, str], *, currency: str, timezone: str, actor: str) -> int:
    """A new code, and its id; `typed` are texts by column, times by the clock of this zone. Raises InvalidInput."""
    code, form = discounts.tidy(typed["code"]), Typed(typed)
    if not re.fullmatch(CODE_PATTERN, code):
        form.complain("code", NO_CODE)
    values = terms(form, currency, timezone) | {"code": code, "currency": currency}
    try:
        with transaction() as t:
            code_id: int = t.execute(insert(DiscountCode).returning(DiscountCode.id), values).scalar_one()
            said = {name: value for name, value in values.items() if value}
            audit.note(t, actor, "discount code made", f"discount_code:{code_id}", None, said)
            catalog.touch(t)
    except IntegrityError:
        raise InvalidInput({"code": "There is such a code already."}) from None
    return code_id


@retried
def change(code_id: int, typed: Mapping[str, str], *, timezone: str, seen: str, actor: str) -> None:
    """Write the terms of a code anew; orders that have it keep what they had. Raises NotFound, InvalidInput, EditConflict."""
    values = terms(Typed(typed), one(code_id).currency, timezone)
    with transaction() as t:
        if editing.save(t, DiscountCode, code_id, values, seen=seen, actor=actor):
            catalog.touch(t)  # carts that were priced with it are priced anew


@retried
def switch(code_id: int, is_active: bool, *, actor: str) -> None:
    """Let a code count, or let it count no more; doing it twice changes nothing. Raises NotFound."""
    with transaction() as t:
        was = editing.locked(t, DiscountCode, code_id)
        if was.is_active == is_active:
            return
        t.execute(update(DiscountCode).where(DiscountCode.id == code_id).values(is_active=is_active))
        done = "discount code switched on" if is_active else "discount code switched off"
        audit.note(t, actor, done, f"discount_code:{code_id}", {"is_active": was.is_active}, {"is_active": is_active})
        catalog.touch(t)


def seen(row: Any) -> str:
    """Names the terms of a code as they stand, for the form that shows them."""
    return editing.seen(row, TERMS)


TERMS = ("kind", "value", "min_items_minor", "starts_at", "ends_at", "most_uses", "most_uses_each", "note")


# ------------------------------------------------------------------------------------------------ what was typed


def terms(form: Typed, currency: str, timezone: str) -> dict[str, Any]:
    """The columns TERMS that a form says. Raises InvalidInput with all that is wrong in it."""
    kind = form.values["kind"]
    if kind not in list(Kind):
        form.complain("kind", "Choose one of the two.")
    found: dict[str, Any] = {
        "kind": kind,
        "value": _value(form, kind, currency),
        "min_items_minor": form.amount("min_items_minor", currency) or 0,
        "most_uses": _count(form, "most_uses"),
        "most_uses_each": _count(form, "most_uses_each"),
        "starts_at": _moment(form, "starts_at", timezone),
        "ends_at": _moment(form, "ends_at", timezone, is_end=True),
        "note": form.line("note", NOTE_MAX),
    }
    if found["starts_at"] and found["ends_at"] and found["ends_at"] <= found["starts_at"]:
        form.complain("ends_at", "It must end after it begins.")
    form.check()
    return found


def _value(form: Typed, kind: str, currency: str) -> int | None:
    """Basis points, or minor units."""
    if kind == Kind.PERCENT:
        said = form.line("value", 30).removesuffix("%").rstrip()
        value, wrong = Typed({"value": said}).percent("value"), NO_PERCENTAGE
    else:
        value, wrong = form.amount("value", currency), NO_AMOUNT
    if not value:
        form.complain("value", wrong)
    return value


def _count(form: Typed, name: str) -> int | None:
    if not form.line(name, 30):
        return None
    count = form.count(name, LARGEST_COUNT)
    if not count:
        form.wrong[name] = NO_COUNT
    return count


def _moment(form: Typed, name: str, timezone: str, *, is_end: bool = False) -> datetime | None:
    try:
        return moment(form.line(name, 30), timezone, is_end=is_end)
    except ValueError as error:
        form.complain(name, str(error))
        return None


def moment(said: str, timezone: str, *, is_end: bool = False) -> datetime | None:
    """What the clock of this zone said, as UTC; a day alone is its first moment, or as an end the first moment after it.

    Raises ValueError with a sentence.
    """
    if not said:
        return None
    found = re.fullmatch(r"(2[01][0-9]{2}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2}))?", said, re.ASCII)
    try:
        wall = datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00'}") if found else None
    except ValueError:
        wall = None
    if found is None or wall is None:
        raise ValueError(NO_MOMENT)
    if is_end and not found[2]:
        wall += timedelta(days=1)
    zone = ZoneInfo(timezone)
    utc = wall.replace(tzinfo=zone).astimezone(UTC)
    if utc.astimezone(zone).replace(tzinfo=None) != wall:
        raise ValueError(NO_SUCH_MOMENT)
    return utc
