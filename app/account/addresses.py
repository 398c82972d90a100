"""The address book. What is another's answers as what does not exist."""

from flask import current_app, request
from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.account import bp, pages
from app.account.forms import AddressForm, PlainForm
from app.account.pages import members_only
from app.extensions import Record
from app.services import address_book, addresses, shipping
from app.services.accounts import Member
from app.services.address_book import BookFull
from app.services.addresses import Address
from app.services.errors import InvalidInput

ENTRY = "/addresses/<int(max=2147483647):address_id>"
KEPT = ("country", "name", "line1", "line2", "city", "region", "postcode", "phone", "is_default")


@bp.get("/addresses")
@members_only
def show_addresses(member: Member) -> AnyResponse:
    """Every address, the default first."""
    return book(member, PlainForm())


def book(member: Member, form: PlainForm, status: int = 200) -> AnyResponse:
    entries = [(row, addresses.parcel_lines(row)) for row in address_book.entries(member.customer_id)]
    return pages.page("addresses", form, status, entries=entries)


@bp.get("/addresses/new")
@members_only
def show_new_address(member: Member) -> AnyResponse:
    """An empty form, for the shop's country first."""
    return editor(AddressForm(data={"name": member.name, "phone": member.phone}), None)


@bp.post("/addresses/new")
@members_only
def add_address(member: Member) -> AnyResponse:
    """Write a new entry; or, by the other button, ask what another country needs."""
    return written(member, None)


@bp.get(ENTRY)
@members_only
def show_address(member: Member, address_id: int) -> AnyResponse:
    entry = address_book.entry(member.customer_id, address_id)
    known = {field: getattr(entry, field) for field in KEPT}
    return editor(AddressForm(data=known | {"doubted_postcode": entry.postcode}), entry)


@bp.post(ENTRY)
@members_only
def change_address(member: Member, address_id: int) -> AnyResponse:
    """Write an entry anew; or, by the other button, ask what another country needs."""
    return written(member, address_book.entry(member.customer_id, address_id))


def written(member: Member, entry: Record | None) -> AnyResponse:
    """Keep what was typed in the address book; the same form again where something is to be corrected."""
    form = AddressForm()
    if request.form.get("action") == "update":
        return editor(form, entry)
    if not form.is_right():
        return editor(form, entry, 422)
    address = form.address() or addresses.NOWHERE
    values = {
        "name": form["name"].data or "",
        "phone": form.phone.data or "",
        "is_default": bool(form.is_default.data),
        "accepted_postcode": form.doubted_postcode.data or "",
    }
    try:
        if entry is None:
            address_book.add(member.customer_id, address, **values)
        else:
            address_book.change(member.customer_id, entry.id, with_company(address, entry), **values)
    except InvalidInput as error:
        form.say(error.fields)
        form.doubted_postcode.data = form.postcode.data if "postcode" in error.fields else ""
        return editor(form, entry, error.status)
    except BookFull as error:
        return editor(form, entry, error.status, told=str(error))
    pages.say("Your address is saved.")
    return web.go("/account/addresses")


def with_company(address: Address, entry: Record) -> Address:
    """The address with the company that a program may have written; our form does not ask for it."""
    parts = {field: getattr(address, field) for field in Address.__slots__}
    return Address(**parts | {"company": entry.company})


def editor(form: AddressForm, entry: Record | None, status: int = 200, *, told: str = "") -> AnyResponse:
    """The form of one entry, asking what its country needs."""
    home = current_app.config["HOME_COUNTRY"]
    codes = shipping.countries(home, shipping.methods()) or [home]
    if entry is not None and entry.country not in codes:
        codes.append(entry.country)
    form.country.data = form.country.data if form.country.data in codes else codes[0]
    form.country.choices = [(code, addresses.country_name(code)) for code in codes]
    form.fit(addresses.rules(form.country.data))
    return pages.page("address", form, status, told=told, entry=entry)


@bp.post(ENTRY + "/delete")
@members_only
def delete_address(member: Member, address_id: int) -> AnyResponse:
    """Delete an entry; orders keep theirs."""
    form = PlainForm()
    if not form.is_right():
        return book(member, form, 422)
    address_book.remove(member.customer_id, address_id)
    pages.say("The address is deleted.")
    return web.go("/account/addresses")


@bp.post(ENTRY + "/default")
@members_only
def make_default(member: Member, address_id: int) -> AnyResponse:
    """Let an entry be the one that checkout proposes."""
    form = PlainForm()
    if not form.is_right():
        return book(member, form, 422)
    address_book.make_default(member.customer_id, address_id)
    return web.go("/account/addresses")
