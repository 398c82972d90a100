"""What a doctor looks at besides the data: settings that are unsafe, odd, or keep the shop from selling."""

import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.orm import InstrumentedAttribute

from app.config import LOOPBACK, SHORTEST_SECRET
from app.extensions import db
from app.models.catalog import Variant
from app.models.outbox import OutboxMessage
from app.models.payment import PaymentMethod, ShippingMethod
from app.services import health, schema
from app.services.shelf import Shelf
from app.services.shop import Shop

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: ok, a note for the owner, or broken."""

    state: str  # ok, note, broken
    says: str


def ok(says: str) -> Finding:
    return Finding("ok", says)


def note(says: str) -> Finding:
    return Finding("note", says)


def broken(says: str) -> Finding:
    return Finding("broken", says)


def settings(config: Settings, instance: Path) -> Iterator[Finding]:
    """What the settings alone tell."""
    yield from secret(config, instance / "secret")
    yield from addresses(config)
    yield from mails(config)
    yield alarm(config)
    yield from habits(config)


def secret(config: Settings, file: Path) -> Iterator[Finding]:
    """The key that signs carts and sessions is long enough, and nobody else can read it."""
    if len(config["SECRET_KEY"]) < SHORTEST_SECRET:
        yield broken(f"SECRET_KEY has {len(config['SECRET_KEY'])} characters; it needs {SHORTEST_SECRET}.")
    elif file.exists() and file.read_text(encoding="utf-8").strip() == config["SECRET_KEY"] and is_open(file):
        yield broken(f"{file} can be read by others; chmod 600 keeps it secret.")
    else:
        yield ok("The secret is long enough and kept.")
    if any(len(old) < SHORTEST_SECRET for old in config["SECRET_KEY_FALLBACKS"]):
        yield broken(f"An old key in SECRET_KEY_FALLBACKS has less than {SHORTEST_SECRET} characters.")


def is_open(file: Path) -> bool:
    return bool(file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def addresses(config: Settings) -> Iterator[Finding]:
    """The shop can be reached at the address that its mails name."""
    base = urlsplit(config["BASE_URL"])
    host = base.hostname or ""
    if base.scheme not in {"http", "https"} or not host:
        yield broken(f"BASE_URL is “{config['BASE_URL']}”; it begins with https:// and a host name.")
        return
    trusted = config["TRUSTED_HOSTS"]
    if not any(host == name or (name.startswith(".") and f".{host}".endswith(name)) for name in trusted):
        yield broken(f"BASE_URL names {host}, to which the shop does not answer: it is not in TRUSTED_HOSTS.")
    elif base.path or base.query or base.fragment:
        yield broken(f"BASE_URL is {config['BASE_URL']}; nothing may follow its host, for the shop's paths begin there.")
    elif base.scheme == "http" and host not in LOOPBACK:
        yield note(f"BASE_URL is {config['BASE_URL']}: without https others can read what shoppers send.")
    else:
        yield ok(f"Mails lead to {config['BASE_URL']}.")


def mails(config: Settings) -> Iterator[Finding]:
    """Mails can leave, and come from an address that exists."""
    for name in ("SHOP_EMAIL", "MAIL_FROM") if config["MAIL_FROM"] else ("SHOP_EMAIL",):
        try:
            validate_email(config[name], check_deliverability=False, test_environment=True)
        except EmailNotValidError:
            yield broken(f"{name} is “{config[name]}”, which is not an e-mail address.")
    if not config["SMTP_HOST"]:
        yield note(f"No SMTP_HOST is set: mails are written to {config['MAIL_FOLDER']} and reach nobody.")
    elif config["SMTP_SECURITY"] == "none" and config["SMTP_HOST"] not in LOOPBACK:
        yield note(f"Mails go to {config['SMTP_HOST']} unencrypted; SMTP_SECURITY may be starttls or tls.")
    else:
        yield ok(f"Mails go to {config['SMTP_HOST']}.")


def alarm(config: Settings) -> Finding:
    """Somebody hears of trouble who looks at no page."""
    ways = [name for name in ("ALARM_URL", "ALARM_EMAIL") if config[name]]
    try:
        if config["ALARM_EMAIL"]:
            validate_email(config["ALARM_EMAIL"], check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return broken(f"ALARM_EMAIL is “{config['ALARM_EMAIL']}”, which is not an e-mail address.")
    if not ways:
        return note(
            "No ALARM_URL is set: when mails, payments or the worker fail, only the log and the pages of the staff say so."
        )
    if ways == ["ALARM_EMAIL"]:
        return note("Alarms go by mail alone: nobody hears of it when it is the mail that fails. ALARM_URL is another way.")
    return ok(f"Alarms go to {' and '.join(ways)}.")


def gateways(connected: Sequence[str]) -> Finding:
    """Which payment providers have their keys."""
    if not connected:
        return note("No payment provider is connected: shoppers pay on delivery or not at all.")
    return ok(f"Payment providers connected: {', '.join(health.title_of(name) for name in connected)}.")


def habits(config: Settings) -> Iterator[Finding]:
    """Time, money and country are ones that exist; limits are on."""
    try:
        ZoneInfo(config["SHOP_TIMEZONE"])
    except (ZoneInfoNotFoundError, ValueError):
        yield broken(f"SHOP_TIMEZONE is “{config['SHOP_TIMEZONE']}”; a name such as Europe/London is needed.")
    english = Locale.parse("en_GB")
    if config["CURRENCY"] not in english.currencies:
        yield broken(f"CURRENCY is “{config['CURRENCY']}”; an ISO 4217 code such as GBP is needed.")
    if len(config["HOME_COUNTRY"]) != 2 or config["HOME_COUNTRY"] not in english.territories:
        yield broken(f"HOME_COUNTRY is “{config['HOME_COUNTRY']}”; an ISO 3166 code such as GB is needed.")
    if config["THREADS"] < 1 or config["WORKERS"] < 0:
        yield broken("THREADS is 1 or more, WORKERS 0 (one per processor) or more.")
    if not config["RATELIMIT_ENABLED"]:
        yield note("RATELIMIT_ENABLED is off: nothing slows down whoever tries passwords or floods the shop.")


# ------------------------------------------------------------------------------------------------ what the database tells


def migrations() -> Finding:
    """The tables are the ones that the code knows."""
    with db.engine.connect() as t:
        at = schema.current(t)
    if at == schema.head():
        return ok(f"The database is at migration {at}, the newest.")
    if not at or schema.is_known(at):
        return broken(f"The database is at migration {at or 'none'}, the code at {schema.head()}: run `flask db upgrade`.")
    return broken(f"The database is at migration {at}, which this code does not know: it is for a newer Till.")


def mailbox(shop: Shop) -> Iterator[Finding]:
    """Somebody reads what shoppers write."""
    if shop.email.endswith("@example.com"):
        yield note(f"Shoppers write to {shop.email}, which nobody reads: change it under Settings in the back office.")


def rows(t: Connection, currency: str) -> Iterator[Finding]:
    """There is something to sell by, in one currency, and no message was given up on."""
    foreign = 0
    for name, model in (("variants", Variant), ("shipping methods", ShippingMethod)):
        if others := count(t, model, model.currency != currency):
            foreign += others
            yield broken(f"{others} {name} are priced in another currency than the shop's, {currency}.")
    if not foreign:
        yield ok(f"All prices are in {currency}.")
    if not count(t, PaymentMethod, PaymentMethod.is_active):
        yield broken("No payment method is active, so nothing can be ordered.")
    else:
        yield ok("There is a way to pay.")
    if count(t, ShippingMethod, ShippingMethod.is_active):
        yield ok("There is a way to send.")
    elif count(t, Variant, Variant.is_active & ~Variant.is_digital):
        yield broken("No shipping method is active, so nothing physical can be ordered.")
    else:
        yield note("No shipping method is active; only digital goods can be ordered.")
    if dead := count(t, OutboxMessage, OutboxMessage.is_dead & OutboxMessage.done_at.is_(None)):
        yield note(f"{dead} messages were given up on: see `flask outbox list`, then `flask outbox retry --dead`.")


def troubles(t: Connection) -> Iterator[Finding]:
    """Nothing has been down for long, as far as it was written down."""
    found = list(health.troubles(health.ALL.rows(t)))
    for trouble in found:
        yield note(trouble.sentence % {"since": f"{trouble.since:%Y-%m-%d %H:%M} UTC", "error": trouble.error})
    if not found:
        yield ok("Nothing is known to be down.")


def files(t: Connection, shelf: Shelf) -> Iterator[Finding]:
    """What buyers may download is there."""
    sold = t.execute(select(Variant.sku, Variant.download).where(Variant.download != "").order_by(Variant.sku)).all()
    away = [row.sku for row in sold if shelf.path(row.download) is None]
    if away:
        yield broken(f"{shelf.folder} has no file for {', '.join(away)}; `flask digital file` puts it there.")
    elif sold:
        yield ok("Every file that is sold is in its place.")


def count(t: Connection, model: Any, condition: ColumnElement[bool] | InstrumentedAttribute[bool]) -> int:
    return t.execute(select(func.count()).select_from(model).where(condition)).scalar_one()
