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
from app.services import audit, catalog, discounts, editing, text
from app.services.errors import NotFound, ShopError

PAGE = 50
NOTE_MAX = 250
LARGEST_COUNT = 10**9
CODES = select(*DiscountCode.__table__.c)

NO_AMOUNT = "Enter an amount such as 5 or 5.50."
NO_PERCENTAGE = "Enter a percentage from 0.01 to 100, such as 10 or 12.5."
NO_COUNT = "Enter a whole number of 1 or more, or leave it empty."
NO_MOMENT = "Enter a day and a time such as 2026-12-24 18:00, or leave it empty."
NO_SUCH_MOMENT = "There is no such time: the clocks go forward then."


class InvalidTerms(ShopError):
    """Something that was typed cannot be used; `fields` says what to do by the column's name."""

    message = "Please check what you typed."

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__()
        self.fields = fields


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
    return f"{_percentage(row.value)} %" if row.kind == Kind.PERCENT else money.text(row.value, row.currency)


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
        "value": _percentage(row.value) if row.kind == Kind.PERCENT else money.plain(row.value, row.currency),
        "min_items_minor": money.plain(row.min_items_minor, row.currency) if row.min_items_minor else "",
        "note": row.note,
        **counts,
        **moments,
    }


def _percentage(basis_points: int) -> str:
    return f"{basis_points / 100:.2f}".rstrip("0").rstrip(".")


def _wall_clock(moment: datetime | None, timezone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(timezone)):%Y-%m-%dT%H:%M}" if moment else ""


# ------------------------------------------------------------------------------------------------ writing


@retried
def create(typed: Mapping[str, str], *, currency: str, timezone: str, actor: str) -> int:
    """A new code, and its id; `typed` are texts by column, times by the clock of this zone. Raises InvalidTerms."""
    code = discounts.tidy(typed["code"])
    wrong = {} if re.fullmatch(CODE_PATTERN, code) else {"code": "Letters A to Z, digits, - and _, at most 40 of them."}
    values = terms(typed, currency, timezone, wrong) | {"code": code, "currency": currency}
    try:
        with transaction() as t:
            code_id: int = t.execute(insert(DiscountCode).returning(DiscountCode.id), values).scalar_one()
            said = {name: value for name, value in values.items() if value}
            audit.note(t, actor, "discount code made", f"discount_code:{code_id}", None, said)
            catalog.touch(t)
    except IntegrityError:
        raise InvalidTerms({"code": "There is such a code already."}) from None
    return code_id


@retried
def change(code_id: int, typed: Mapping[str, str], *, timezone: str, seen: str, actor: str) -> None:
    """Write the terms of a code anew; orders that have it keep what they had. Raises NotFound, InvalidTerms, EditConflict."""
    values = terms(typed, one(code_id).currency, timezone, {})
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


def terms(typed: Mapping[str, str], currency: str, timezone: str, wrong: dict[str, str]) -> dict[str, Any]:
    """The columns TERMS that these texts say. Raises InvalidTerms with what is `wrong` already and with what is wrong in them."""
    found: dict[str, Any] = {"kind": typed["kind"], "note": text.clean(typed["note"])}
    if found["kind"] not in list(Kind):
        wrong["kind"] = "Choose one of the two."
    if not text.is_storable(found["note"]) or len(found["note"]) > NOTE_MAX:
        wrong["note"] = text.REFUSED if len(found["note"]) <= NOTE_MAX else f"{NOTE_MAX} characters is the most."

    def take(name: str, read_it: Any, *more: Any) -> None:
        try:
            found[name] = read_it(text.clean(typed[name]), *more)
        except ValueError as error:
            wrong[name] = str(error)

    if found["kind"] == Kind.PERCENT:
        take("value", basis_points)
    else:
        take("value", amount, currency)
    take("min_items_minor", lambda said: amount(said, currency) if said else 0)
    for name in ("most_uses", "most_uses_each"):
        take(name, count)
    take("starts_at", moment, timezone)
    take("ends_at", moment, timezone, True)
    if not wrong and found["starts_at"] and found["ends_at"] and found["ends_at"] <= found["starts_at"]:
        wrong["ends_at"] = "It must end after it begins."
    if wrong:
        raise InvalidTerms(wrong)
    return found


def basis_points(said: str) -> int:
    """12.5 or 12.5 % → 1250. Raises ValueError with a sentence."""
    found = re.fullmatch(r"([0-9]{1,3})(?:\.([0-9]{1,2}))? ?%?", said, re.ASCII)
    points = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else 0
    if not 1 <= points <= 10_000:
        raise ValueError(NO_PERCENTAGE)
    return points


def amount(said: str, currency: str) -> int:
    """5.50 → 550 minor units, more than none. Raises ValueError with a sentence."""
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,3})?", said, re.ASCII):
        raise ValueError(NO_AMOUNT)
    try:
        minor = money.parse(said, currency)
    except ValueError as error:
        raise ValueError(f"{error}.") from None
    if not minor:
        raise ValueError(NO_AMOUNT)
    return minor


def count(said: str) -> int | None:
    if not said:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", said, re.ASCII) or not 1 <= int(said) <= LARGEST_COUNT:
        raise ValueError(NO_COUNT)
    return int(said)


def moment(said: str, timezone: str, is_end: bool = False) -> datetime | None:
    """What the clock of this zone said, as UTC; a day alone is its first moment, or as an end the first moment after it."""
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
