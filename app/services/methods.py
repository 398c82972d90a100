"""Ways to send and ways to pay, as managers set them up. Shoppers see a change with their next page."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from app.extensions import Record, read, retried, transaction
from app.models.payment import PaymentMethod, ShippingMethod
from app.services import audit, catalog, editing
from app.services.errors import NotFound, ShopError
from app.services.layouts import free_slug
from app.services.typed import Typed

Method = type[ShippingMethod] | type[PaymentMethod]

MOST_METHODS = 100
LONGEST_NAME, LONGEST_DESCRIPTION = 120, 250
SHIPPING = (
    "name",
    "description",
    "is_active",
    "price_minor",
    "per_kg_minor",
    "free_from_minor",
    "min_weight_grams",
    "max_weight_grams",
    "countries",
)
PAYMENT = (
    "name",
    "description",
    "is_active",
    "min_total_minor",
    "max_total_minor",
    "allows_digital",
    "allows_physical",
    "countries",
)
SUBJECTS = {ShippingMethod: "shipping method", PaymentMethod: "payment method"}


class TooManyMethods(ShopError):
    message = f"There are {MOST_METHODS} ways of delivery, as many as there can be. Change one that is switched off instead."


# ------------------------------------------------------------------------------------------------ reading


def every(model: Method, t: Connection | None = None) -> Sequence[Record]:
    """All of them in the order of checkout, those that are switched off too."""
    wanted = select(*model.__table__.c).order_by(model.position, model.id)
    return (t.execute(wanted) if t else read(wanted)).all()


def one(model: Method, method_id: int) -> Record:
    """One of them by its columns. Raises NotFound."""
    row = read(select(*model.__table__.c).where(model.id == method_id)).first()
    if row is None:
        raise NotFound(f"There is no such {SUBJECTS[model]}.")
    return row


# ------------------------------------------------------------------------------------------------ what is typed


def checked_shipping(typed: Mapping[str, str], *, is_active: bool, currency: str) -> dict[str, Any]:
    """The columns of a shipping method. Raises InvalidInput."""
    form = Typed(typed)
    values = _named(form, is_active)
    values |= {
        "price_minor": form.amount("price", currency, missing="Enter a price; 0 is free."),
        "per_kg_minor": form.amount("per_kg", currency) or 0,
        "free_from_minor": form.amount("free_from", currency),
        "min_weight_grams": form.grams("min_weight") or 0,
        "max_weight_grams": form.grams("max_weight"),
        "countries": form.countries("countries"),
    }
    most = values["max_weight_grams"]
    if most is not None and most < values["min_weight_grams"]:
        form.complain("max_weight", "The heaviest parcel is lighter than the lightest.")
    form.check()
    return values


def checked_payment(
    typed: Mapping[str, str], *, is_active: bool, allows_digital: bool, allows_physical: bool, currency: str
) -> dict[str, Any]:
    """The columns of a payment method. Raises InvalidInput."""
    form = Typed(typed)
    values = _named(form, is_active)
    values |= {
        "min_total_minor": form.amount("min_total", currency),
        "max_total_minor": form.amount("max_total", currency),
        "allows_digital": allows_digital,
        "allows_physical": allows_physical,
        "countries": form.countries("countries"),
    }
    least, most = values["min_total_minor"], values["max_total_minor"]
    if least is not None and most is not None and most < least:
        form.complain("max_total", "The highest total is below the lowest.")
    if is_active and not (allows_digital or allows_physical):
        form.complain("allows_physical", "Tick one of these, or switch the method off.")
    form.check()
    return values


def _named(form: Typed, is_active: bool) -> dict[str, Any]:
    return {
        "name": form.line("name", LONGEST_NAME, missing="Enter a name; shoppers choose by it."),
        "description": form.line("description", LONGEST_DESCRIPTION),
        "is_active": is_active,
    }


# ------------------------------------------------------------------------------------------------ writing


@retried
def add_shipping(values: Mapping[str, Any], *, currency: str, actor: str) -> int:
    """A new way to send, behind the others; answers its id. Raises TooManyMethods."""
    with transaction() as t:
        catalog.claim(t)
        there = every(ShippingMethod, t)
        if len(there) >= MOST_METHODS:
            raise TooManyMethods
        taken = {row.code for row in there}
        code = free_slug(values["name"], taken, otherwise="method", longest=30)
        position = max((row.position for row in there), default=-1) + 1
        row = {"code": code, "currency": currency, "position": position, **values}
        method_id: int = t.execute(insert(ShippingMethod).returning(ShippingMethod.id), row).scalar_one()
        catalog.touch(t)
        audit.note(t, actor, "shipping method added", f"shipping_method:{method_id}", after=row)
    return method_id


@retried
def change(model: Method, method_id: int, values: Mapping[str, Any], *, seen: str, actor: str) -> None:
    """Write one anew. Raises NotFound, EditConflict."""
    with transaction() as t:
        catalog.claim(t)  # before the method, as checkout does
        if editing.save(t, model, method_id, values, seen=seen, actor=actor):
            catalog.touch(t)


@retried
def move(model: Method, method_id: int, *, down: bool, actor: str) -> None:
    """Let it change places with the one before it, or after; the first stays first and the last last. Raises NotFound."""
    with transaction() as t:
        catalog.claim(t)
        order = [row.id for row in every(model, t)]
        if method_id not in order:
            raise NotFound(f"There is no such {SUBJECTS[model]}.")
        was = order.index(method_id)
        to = min(max(was + (1 if down else -1), 0), len(order) - 1)
        if to == was:
            return
        order.insert(to, order.pop(was))
        for position, row_id in enumerate(order):
            t.execute(update(model).where(model.id == row_id, model.position != position).values(position=position))
        catalog.touch(t)
        subject = f"{model.__tablename__}:{method_id}"
        audit.note(t, actor, f"{SUBJECTS[model]} moved", subject, before={"place": was + 1}, after={"place": to + 1})
