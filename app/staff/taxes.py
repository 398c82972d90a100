"""Settings: tax classes and their rates."""

from typing import Any

from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.account.forms import PlainForm
from app.services import addresses, editing, taxes
from app.services.accounts import Member
from app.services.editing import EditConflict
from app.services.errors import InvalidInput
from app.services.taxes import LastClass, StillUsed, Tax, TooManyClasses
from app.services.typed import plain_percent
from app.staff import bp, pages
from app.staff.pages import managers_only
from app.staff.settings_forms import TaxForm, spoken

TAXES = "/settings/taxes"
ONE = TAXES + "/<int(max=2147483647):class_id>"


@bp.get(TAXES)
@managers_only
def tax_classes(member: Member) -> AnyResponse:
    """Every class with its rates and how many products use it."""
    rows = [(tax, plain_percent(tax.rate_bp), told_rates(tax)) for tax in taxes.every()]
    return pages.page("taxes", rows=rows, most=taxes.MOST_COUNTED)


def told_rates(tax: Tax) -> list[str]:
    return [f"{addresses.country_name(country)} {plain_percent(rate_bp)} %" for country, rate_bp in tax.rates.items()]


@bp.get(TAXES + "/new")
@managers_only
def show_new_tax(member: Member) -> AnyResponse:
    return tax_page(TaxForm(), None)


def tax_page(
    form: TaxForm, tax: Tax | None, status: int = 200, *, told: str = "", conflict: dict[str, Any] | None = None
) -> AnyResponse:
    there = told_rates(tax) if tax else []
    return pages.page("tax", form, status, told=told, tax=tax, there=there, conflict=conflict, most=taxes.MOST_COUNTED)


@bp.post(TAXES + "/new")
@managers_only
def add_tax(member: Member) -> AnyResponse:
    """One more kind of goods."""
    form = TaxForm()
    if not form.is_right():
        return tax_page(form, None, 422)
    try:
        values = taxes.checked(form.typed)
        taxes.add(values, actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return tax_page(form, None, error.status)
    except TooManyClasses as error:
        return tax_page(form, None, error.status, told=str(error))
    pages.say("%(name)s is added. Give it to products where they are edited.", name=values["name"])
    return web.go("/staff" + TAXES)


@bp.get(ONE)
@managers_only
def show_tax(member: Member, class_id: int) -> AnyResponse:
    tax = taxes.one(class_id)
    return tax_page(TaxForm(data=shown(tax) | {"seen": editing.seen(tax, taxes.EDITED)}), tax)


def shown(tax: Tax) -> dict[str, str]:
    """A class as its form shows it."""
    return {"name": tax.name, "rate": plain_percent(tax.rate_bp), "rates": taxes.lines(tax.rates)}


@bp.post(ONE)
@managers_only
def change_tax(member: Member, class_id: int) -> AnyResponse:
    """Another name or other rates; orders that were placed keep theirs."""
    tax, form = taxes.one(class_id), TaxForm()
    if not form.is_right():
        return tax_page(form, tax, 422)
    try:
        values = taxes.checked(form.typed)
        taxes.change(class_id, values, seen=form.seen.data or "", actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return tax_page(form, tax, error.status)
    except EditConflict as error:
        form.seen.data = error.seen
        stands = taxes.one(class_id)
        theirs = {name: spoken(shown(stands)[name]) for name in (column.removesuffix("_bp") for column in error.theirs)}
        return tax_page(form, stands, error.status, told=str(error), conflict=theirs)
    pages.say("%(name)s is saved.", name=values["name"])
    return web.go("/staff" + TAXES)


@bp.post(ONE + "/delete")
@managers_only
def delete_tax(member: Member, class_id: int) -> AnyResponse:
    """Delete a class that no product uses."""
    tax, form = taxes.one(class_id), PlainForm()
    again = TaxForm(formdata=None, data=shown(tax) | {"seen": editing.seen(tax, taxes.EDITED)})
    if not form.is_right():
        return tax_page(again, tax, 422, told=form.csrf_token.errors[0])
    try:
        taxes.remove(class_id, actor=member.actor)
    except (StillUsed, LastClass) as error:
        return tax_page(again, tax, error.status, told=str(error))
    pages.say("%(name)s is deleted.", name=tax.name)
    return web.go("/staff" + TAXES)
