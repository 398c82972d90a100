"""Taxes: the kinds of goods, the rate of each, and the countries where it differs. Prices include them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from app.extensions import read, retried, transaction
from app.models.catalog import Product, TaxClass, TaxRate
from app.services import addresses, audit, catalog, editing
from app.services.errors import NotFound, ShopError
from app.services.layouts import free_slug
from app.services.typed import Typed, plain_percent

MOST_CLASSES = 50
MOST_COUNTED = 1000  # products of a class; more are "more than"
LONGEST_NAME = 120
LONGEST_RATES = 4000
EDITED = ("name", "rate_bp", "rates")
RATE_LINE = re.compile(r"([A-Za-z]{2})[\s:,;=]+([0-9.,]+)\s*%?")


class TooManyClasses(ShopError):
    message = f"There are {MOST_CLASSES} tax classes, as many as there can be."


class StillUsed(ShopError):
    message = "Products use this tax class, so it cannot be deleted. Give them another one first."
    status = 409


class LastClass(ShopError):
    message = "This is the only tax class, and every product needs one."
    status = 409


@dataclass(frozen=True, slots=True)
class Tax:
    """One tax class; `rates` has the rate of each country that differs, by its code, in the order of the codes."""

    id: int
    code: str
    name: str
    rate_bp: int  # basis points: 2000 is 20 %
    rates: dict[str, int]
    used: int  # products that have it, at most MOST_COUNTED + 1


# ------------------------------------------------------------------------------------------------ reading


def every() -> list[Tax]:
    """All classes, the oldest first, which is what an import gives new products; each with how many products use it."""
    return _found()


def one(class_id: int, t: Connection | None = None) -> Tax:
    """One class. Raises NotFound."""
    found = _found(TaxClass.id == class_id, t=t)
    if not found:
        raise NotFound("There is no such tax class.")
    return found[0]


def _found(*which: ColumnElement[bool], t: Connection | None = None) -> list[Tax]:
    """The classes that meet this, in two questions however many they are."""
    ask = t.execute if t else read
    some = select(Product.id).where(Product.tax_class_id == TaxClass.id).limit(MOST_COUNTED + 1).correlate(TaxClass).subquery()
    used = select(func.count()).select_from(some).scalar_subquery().label("used")
    rows = ask(select(*TaxClass.__table__.c, used).where(*which).order_by(TaxClass.id)).all()
    of_them = TaxRate.tax_class_id.in_([row.id for row in rows])
    rates: dict[int, dict[str, int]] = {row.id: {} for row in rows}
    for rate in ask(select(TaxRate.tax_class_id, TaxRate.country, TaxRate.rate_bp).where(of_them).order_by(TaxRate.country)):
        rates[rate.tax_class_id][rate.country] = rate.rate_bp
    return [Tax(row.id, row.code, row.name, row.rate_bp, rates[row.id], row.used) for row in rows]


# ------------------------------------------------------------------------------------------------ writing


def checked(typed: Mapping[str, str]) -> dict[str, Any]:
    """Name, rate and rates of a class. Raises InvalidInput."""
    form = Typed(typed)
    values = {
        "name": form.line("name", LONGEST_NAME, missing="Enter a name, such as Books."),
        "rate_bp": form.percent("rate", missing="Enter the rate in percent; 0 is a rate, too."),
        "rates": _rates(form),
    }
    form.check()
    return values


def _rates(form: Typed) -> dict[str, int]:
    """The rate of each country, typed one a line: "FR 5.5"."""
    rates: dict[str, int] = {}
    for line in filter(None, map(str.strip, form.line("rates", LONGEST_RATES, lines=True).splitlines())):
        said = RATE_LINE.fullmatch(line)
        country = said[1].upper() if said else ""
        percent = Typed({"rate": said[2]}).percent("rate") if said else None
        if percent is None or not addresses.is_country(country):
            form.complain("rates", f"“{line[:40]}” is not a country and a rate. Write one a line, such as FR 5.5.")
        elif country in rates:
            form.complain("rates", f"{country} stands there twice.")
        else:
            rates[country] = percent
    return dict(sorted(rates.items()))


def lines(rates: Mapping[str, int]) -> str:
    """Rates as they are typed."""
    return "\n".join(f"{country} {plain_percent(rate_bp)}" for country, rate_bp in rates.items())


@retried
def add(values: Mapping[str, Any], *, actor: str) -> int:
    """A new class; answers its id. Raises TooManyClasses."""
    with transaction() as t:
        taken = set(_lock_all(t).values())
        if len(taken) >= MOST_CLASSES:
            raise TooManyClasses
        code = free_slug(values["name"], taken, otherwise="tax", longest=30)
        row = {"code": code, "name": values["name"], "rate_bp": values["rate_bp"]}
        class_id: int = t.execute(insert(TaxClass).returning(TaxClass.id), row).scalar_one()
        _write_rates(t, class_id, values["rates"])
        catalog.touch(t)
        audit.note(t, actor, "tax class added", f"tax_class:{class_id}", after=dict(values))
    return class_id


@retried
def change(class_id: int, values: Mapping[str, Any], *, seen: str, actor: str) -> None:
    """Write a class and its rates anew; orders keep what they were placed with. Raises NotFound, EditConflict."""
    with transaction() as t:
        editing.locked(t, TaxClass, class_id)
        before = one(class_id, t)
        editing.refuse_stale(before, values, seen)
        old = {name: getattr(before, name) for name in values if getattr(before, name) != values[name]}
        if not old:
            return
        row = {name: values[name] for name in ("name", "rate_bp")}
        t.execute(update(TaxClass).where(TaxClass.id == class_id).values(**row))
        _write_rates(t, class_id, values["rates"])
        catalog.touch(t)
        audit.note(t, actor, "tax class changed", f"tax_class:{class_id}", old, {name: values[name] for name in old})


@retried
def remove(class_id: int, *, actor: str) -> None:
    """Delete a class that no product uses. Raises NotFound, StillUsed, LastClass."""
    with transaction() as t:
        there = _lock_all(t)  # nobody can give a product this class meanwhile
        if class_id not in there:
            raise NotFound("There is no such tax class.")
        was = one(class_id, t)
        if was.used:
            raise StillUsed
        if len(there) == 1:
            raise LastClass
        t.execute(delete(TaxRate).where(TaxRate.tax_class_id == class_id))
        t.execute(delete(TaxClass).where(TaxClass.id == class_id))
        catalog.touch(t)
        values = {"name": was.name, "rate_bp": was.rate_bp, "rates": was.rates}
        audit.note(t, actor, "tax class deleted", f"tax_class:{class_id}", before=values)


def _lock_all(t: Connection) -> dict[int, str]:
    """The code of every class by its id, all of them locked; read once the lock is had, so with what others added before."""
    wanted = select(TaxClass.id, TaxClass.code).order_by(TaxClass.id)
    t.execute(wanted.with_for_update()).all()
    return {row.id: row.code for row in t.execute(wanted)}


def _write_rates(t: Connection, class_id: int, rates: Mapping[str, int]) -> None:
    t.execute(delete(TaxRate).where(TaxRate.tax_class_id == class_id))
    rows = [{"tax_class_id": class_id, "country": country, "rate_bp": rate_bp} for country, rate_bp in rates.items()]
    if rows:
        t.execute(insert(TaxRate), rows)
