"""Who the shop is: its name, mailboxes, clock and company. What a manager said wins over the environment.

Every process sees a change at once: what was saved is read once per catalogue revision, which saving raises.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import Connection, Engine, insert, select, update

from app.extensions import Prepared, db, retried, transaction
from app.models.catalog import LOW_STOCK_BELOW
from app.models.shop import ShopSetting
from app.services import audit, catalog, editing
from app.services.typed import Typed

ENVIRONMENT = {  # field → the setting of the same meaning
    "name": "SHOP_NAME",
    "email": "SHOP_EMAIL",
    "mail_from": "MAIL_FROM",
    "address": "SHOP_ADDRESS",
    "timezone": "SHOP_TIMEZONE",
    "company_name": "COMPANY_NAME",
    "company_address": "COMPANY_ADDRESS",
    "company_number": "COMPANY_NUMBER",
    "vat_number": "VAT_NUMBER",
    "invoice_prefix": "INVOICE_PREFIX",
}
LONGEST = {
    "name": 80,
    "email": 254,
    "mail_from": 254,
    "address": 500,
    "timezone": 60,
    "company_name": 120,
    "company_address": 500,
    "company_number": 60,
    "vat_number": 40,
    "invoice_prefix": 12,
}
MISSING = {"name": "Enter the name of your shop.", "email": "Enter the e-mail that answers your shoppers."}
WITH_LINES = ("address", "company_address")
MOST_LOW_STOCK = 100_000
SUBJECT = "shop"  # in the audit trail

STORED = Prepared(select(ShopSetting.name, ShopSetting.value))


@dataclass(frozen=True, slots=True)
class Shop:
    """The shop as it introduces itself. Texts may be empty, except for the name, the e-mail and the time zone."""

    name: str
    email: str  # answers shoppers, receives alerts
    mail_from: str  # sends the mails; "" is the e-mail
    address: str  # where post reaches it, in lines
    timezone: str  # a name of the IANA's
    low_stock_below: int  # what a new variant starts with
    company_name: str
    company_address: str  # in lines
    company_number: str  # of the register that the company stands in
    vat_number: str
    invoice_prefix: str

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Shop":
        """The shop as the environment has it."""
        return cls(low_stock_below=LOW_STOCK_BELOW, **{field: settings[name] for field, name in ENVIRONMENT.items()})

    def changed_by(self, stored: Mapping[str, str]) -> "Shop":
        """The same shop with what was saved."""
        values: dict[str, Any] = {name: stored[name] for name in NAMES if name in stored}
        if "low_stock_below" in values:
            values["low_stock_below"] = int(values["low_stock_below"])
        return replace(self, **values)

    @property
    def sender(self) -> str:
        """Who the mails are from."""
        return self.mail_from or self.email

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def company(self) -> list[str]:
        """The lines by which receipts and mails say who sold; empty while no company was named."""
        numbers = [self.company_number, f"VAT {self.vat_number}" if self.vat_number else ""]
        lines = [self.company_name, *self.company_address.splitlines(), *numbers]
        return [line for line in lines if line]


NAMES = tuple(field.name for field in fields(Shop))


# ------------------------------------------------------------------------------------------------ reading


def current(settings: Mapping[str, Any], revision: int | None = None) -> Shop:
    """The shop as it is now, or at this revision of the catalogue, which a request has read already."""
    return _at(db.engine, catalog.revision() if revision is None else revision, Shop.of(settings))


@lru_cache(maxsize=8)
def _at(engine: Engine, revision: int, default: Shop) -> Shop:
    return default.changed_by(stored())


def stored(t: Connection | None = None) -> dict[str, str]:
    """What was saved in the back office, by field."""
    return dict(STORED.rows(t))


def low_stock_below(t: Connection) -> int:
    """The level below which a new variant's stock is low."""
    return int(stored(t).get("low_stock_below", LOW_STOCK_BELOW))


# ------------------------------------------------------------------------------------------------ saving


@retried
def save(typed: Mapping[str, str], *, settings: Mapping[str, Any], seen: str, actor: str) -> None:
    """Let the shop be as it was typed, field by field. Raises InvalidInput, EditConflict.

    Only what differs from what holds is written: a field that nobody changed goes on following the environment.
    """
    values = checked(typed)
    with transaction() as t:
        catalog.claim(t)
        before = Shop.of(settings).changed_by(stored(t))
        editing.refuse_stale(before, values, seen)
        old = asdict(before)
        changed = {name: value for name, value in values.items() if old[name] != value}
        if not changed:
            return
        for name, value in changed.items():
            written = update(ShopSetting).where(ShopSetting.name == name).values(value=str(value))
            if not t.execute(written).rowcount:
                t.execute(insert(ShopSetting).values(name=name, value=str(value)))
        catalog.touch(t)
        audit.note(t, actor, "shop changed", SUBJECT, {name: old[name] for name in changed}, changed)


def checked(typed: Mapping[str, str]) -> dict[str, Any]:
    """Every field of Shop, tidied. Raises InvalidInput with a sentence for each that cannot be used."""
    form = Typed(typed)
    values: dict[str, Any] = {}
    for name, most in LONGEST.items():
        values[name] = form.line(name, most, missing=MISSING.get(name, ""), lines=name in WITH_LINES)
    values["email"] = form.email("email")
    values["mail_from"] = form.email("mail_from")
    values["low_stock_below"] = form.count("low_stock_below", MOST_LOW_STOCK)
    if values["timezone"] not in available_timezones():
        form.complain("timezone", "There is no such time zone. It is written like Europe/London or America/New_York.")
    form.check()
    return values
