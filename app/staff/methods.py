"""Settings: the ways of delivery and of payment."""

from collections.abc import Callable
from typing import Any

from flask import current_app, request
from werkzeug.wrappers import Response as AnyResponse

from app import money, web
from app.account.forms import PlainForm
from app.extensions import Record
from app.models.payment import PaymentMethod, ShippingMethod
from app.providers import GATEWAYS
from app.services import addresses, editing, methods, shipping
from app.services.accounts import Member
from app.services.editing import EditConflict
from app.services.errors import InvalidInput
from app.services.methods import Method, TooManyMethods
from app.services.typed import plain_grams
from app.staff import bp, pages
from app.staff.pages import managers_only
from app.staff.settings_forms import MethodForm, PaymentForm, ShippingForm, spoken

SHIPPING, PAYMENT = "/settings/shipping", "/settings/payment"
ONE = "/<int(max=2147483647):method_id>"
NAMED = 4  # countries named in a list; more are counted
KEYS = {  # gateway → what its settings are called
    "stripe": "STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRETS",
    "paypal": "PAYPAL_CLIENT_ID, PAYPAL_CLIENT_SECRET, PAYPAL_WEBHOOK_ID",
    "zarinpal": "ZARINPAL_MERCHANT_ID",
    "pretend": "PRETEND_GATEWAY=1",
}


def names(countries: str) -> list[str]:
    """The countries of a method by name; none means everywhere."""
    return [addresses.country_name(code) for code in countries.split()]


def reach(countries: str) -> str:
    """Where a method is offered, in a few words."""
    there = names(countries)
    more = f" and {len(there) - NAMED} more" if len(there) > NAMED else ""
    return ", ".join(there[:NAMED]) + more if there else "everywhere"


def field_of(column: str) -> str:
    """The form field in which a column is typed."""
    return column.removesuffix("_minor").removesuffix("_grams")


def typed_money(minor: int | None, currency: str) -> str:
    return "" if minor is None else money.plain(minor, currency)


# ------------------------------------------------------------------------------------------------ delivery


@bp.get(SHIPPING)
@managers_only
def shipping_methods(member: Member) -> AnyResponse:
    """The ways of delivery in the order of checkout."""
    return shipping_list(PlainForm())


def shipping_list(form: PlainForm, status: int = 200, *, told: str = "") -> AnyResponse:
    rows = [(row, reach(row.countries), shipping.example(row)) for row in methods.every(ShippingMethod)]
    is_any_active = any(row.is_active for row, _, _ in rows)
    return pages.page("shipping", form, status, told=told, rows=rows, is_any_active=is_any_active)


@bp.get(SHIPPING + "/new")
@managers_only
def show_new_shipping(member: Member) -> AnyResponse:
    """An empty form, for the shop's own country first."""
    return shipping_page(ShippingForm(data={"countries": current_app.config["HOME_COUNTRY"], "is_active": True}), None)


def shipping_page(
    form: ShippingForm, row: Record | None, status: int = 200, *, told: str = "", conflict: dict[str, Any] | None = None
) -> AnyResponse:
    there = names(row.countries) if row else []
    currency = row.currency if row else current_app.config["CURRENCY"]
    context = {"row": row, "there": there, "currency": currency, "example": shipping.example(row) if row else None}
    return pages.page("shipping_method", form, status, told=told, conflict=conflict, **context)


@bp.post(SHIPPING + "/new")
@managers_only
def add_shipping(member: Member) -> AnyResponse:
    """One more way of delivery, behind the others."""
    form, currency = ShippingForm(), current_app.config["CURRENCY"]
    if not form.is_right():
        return shipping_page(form, None, 422)
    try:
        values = methods.checked_shipping(form.typed, is_active=bool(form.is_active.data), currency=currency)
        methods.add_shipping(values, currency=currency, actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return shipping_page(form, None, error.status)
    except TooManyMethods as error:
        return shipping_page(form, None, error.status, told=str(error))
    pages.say("%(name)s is added.", name=values["name"])
    return web.go("/staff" + SHIPPING)


@bp.get(SHIPPING + ONE)
@managers_only
def show_shipping(member: Member, method_id: int) -> AnyResponse:
    row = methods.one(ShippingMethod, method_id)
    return shipping_page(ShippingForm(data=shown_shipping(row) | {"seen": editing.seen(row, methods.SHIPPING)}), row)


def shown_shipping(row: Record) -> dict[str, Any]:
    """A row as its form shows it."""
    return {
        "name": row.name,
        "description": row.description,
        "is_active": row.is_active,
        "countries": row.countries,
        "price": typed_money(row.price_minor, row.currency),
        "per_kg": typed_money(row.per_kg_minor or None, row.currency),
        "free_from": typed_money(row.free_from_minor, row.currency),
        "min_weight": plain_grams(row.min_weight_grams or None),
        "max_weight": plain_grams(row.max_weight_grams),
    }


@bp.post(SHIPPING + ONE)
@managers_only
def change_shipping(member: Member, method_id: int) -> AnyResponse:
    """Another name, price or reach; carts are priced anew at once."""
    row, form = methods.one(ShippingMethod, method_id), ShippingForm()

    def check() -> dict[str, Any]:
        return methods.checked_shipping(form.typed, is_active=bool(form.is_active.data), currency=row.currency)

    return changed(ShippingMethod, row, form, member, check, shown_shipping, shipping_page, SHIPPING)


@bp.post(SHIPPING + ONE + "/move")
@managers_only
def move_shipping(member: Member, method_id: int) -> AnyResponse:
    """One place up or down at checkout."""
    return moved(ShippingMethod, method_id, member, shipping_list, SHIPPING)


# ------------------------------------------------------------------------------------------------ payment


@bp.get(PAYMENT)
@managers_only
def payment_methods(member: Member) -> AnyResponse:
    """The ways to pay in the order of checkout, and which wait for the keys of their providers."""
    return payment_list(PlainForm())


def payment_list(form: PlainForm, status: int = 200, *, told: str = "") -> AnyResponse:
    rows = [(row, reach(row.countries), row.gateway in GATEWAYS) for row in methods.every(PaymentMethod)]
    is_payable = any(row.is_active and is_there for row, _, is_there in rows)
    currency = current_app.config["CURRENCY"]
    return pages.page("payment", form, status, told=told, rows=rows, is_payable=is_payable, currency=currency)


@bp.get(PAYMENT + ONE)
@managers_only
def show_payment(member: Member, method_id: int) -> AnyResponse:
    row = methods.one(PaymentMethod, method_id)
    return payment_page(PaymentForm(data=shown_payment(row) | {"seen": editing.seen(row, methods.PAYMENT)}), row)


def payment_page(
    form: PaymentForm, row: Record, status: int = 200, *, told: str = "", conflict: dict[str, Any] | None = None
) -> AnyResponse:
    missing = "" if row.gateway in GATEWAYS else KEYS.get(row.gateway, "")
    context = {"row": row, "there": names(row.countries), "is_there": row.gateway in GATEWAYS, "missing": missing}
    return pages.page(
        "payment_method", form, status, told=told, conflict=conflict, currency=current_app.config["CURRENCY"], **context
    )


def shown_payment(row: Record) -> dict[str, Any]:
    """A row as its form shows it."""
    currency = current_app.config["CURRENCY"]
    return {
        "name": row.name,
        "description": row.description,
        "is_active": row.is_active,
        "allows_digital": row.allows_digital,
        "allows_physical": row.allows_physical,
        "countries": row.countries,
        "min_total": typed_money(row.min_total_minor, currency),
        "max_total": typed_money(row.max_total_minor, currency),
    }


@bp.post(PAYMENT + ONE)
@managers_only
def change_payment(member: Member, method_id: int) -> AnyResponse:
    """Another name, place or limit; carts are offered it so at once."""
    row, form = methods.one(PaymentMethod, method_id), PaymentForm()

    def check() -> dict[str, Any]:
        return methods.checked_payment(form.typed, **form.ticked, currency=current_app.config["CURRENCY"])

    return changed(PaymentMethod, row, form, member, check, shown_payment, payment_page, PAYMENT)


@bp.post(PAYMENT + ONE + "/move")
@managers_only
def move_payment(member: Member, method_id: int) -> AnyResponse:
    """One place up or down at checkout."""
    return moved(PaymentMethod, method_id, member, payment_list, PAYMENT)


# ------------------------------------------------------------------------------------------------ what both do


def changed(
    model: Method,
    row: Record,
    form: MethodForm,
    member: Member,
    check: Callable[[], dict[str, Any]],
    shown: Callable[[Any], dict[str, Any]],
    editor: Callable[..., AnyResponse],
    path: str,
) -> AnyResponse:
    """Save what was typed; the editor again where something is to be corrected, or where somebody else saved meanwhile."""
    if not form.is_right():
        return editor(form, row, 422)
    try:
        values = check()
        methods.change(model, row.id, values, seen=form.seen.data or "", actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return editor(form, row, error.status)
    except EditConflict as error:
        form.seen.data = error.seen
        stands = methods.one(model, row.id)
        theirs = {field_of(column): spoken(shown(stands)[field_of(column)]) for column in error.theirs}
        return editor(form, stands, error.status, told=str(error), conflict=theirs)
    pages.say("%(name)s is saved.", name=values["name"])
    return web.go("/staff" + path)


def moved(model: Method, method_id: int, member: Member, shelf: Callable[..., AnyResponse], path: str) -> AnyResponse:
    """Move it by the button that was pressed."""
    form = PlainForm()
    methods.one(model, method_id)
    if not form.is_right():
        return shelf(form, 422)
    methods.move(model, method_id, down=request.form.get("to") == "down", actor=member.actor)
    return web.go("/staff" + path)
