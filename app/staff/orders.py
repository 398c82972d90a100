"""Orders: the list, what is done with many of them at once, and taking them out as a file."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Response, abort, request, stream_with_context
from werkzeug.wrappers import Response as AnyResponse

from app import templating, web
from app.account.forms import PlainForm
from app.models.order import order_number
from app.services import invoices, order_desk, order_export, order_list, order_requests, text
from app.services.accounts import Member
from app.services.errors import InvalidInput
from app.services.invoices import Seller
from app.services.order_list import STATES, Wanted
from app.staff import bp, pages
from app.staff.order_words import FILTERS, WORDS
from app.staff.pages import staff_only

ORDERS = "/staff/orders"
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)
NO_DAY = "Enter a day such as 2026-05-03."
NOT_TICKED = "Tick the orders that you mean first."
NOTHING_TO_PACK = "None of these is to be packed: they come by e-mail, or are not paid, or are over."
TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}


# ------------------------------------------------------------------------------------------------ the list


@bp.get("/orders")
@staff_only
def orders(member: Member) -> AnyResponse:
    """The newest orders, or those that are looked for; above them what shoppers ask."""
    return listed(request.args)


def listed(said: Mapping[str, str], status: int = 200, *, told: str = "", unfit: str = "") -> Response:
    """The list that was asked for, with what was ticked; `unfit` is what is wrong with the carrier."""
    wanted, wrong = asked(said)
    after = pages.an_id(said.get("after", ""))
    found = order_list.page(wanted, after=after) if not wrong else order_list.Page((), None)
    return pages.page(
        "orders",
        status=422 if wrong else status,
        told=told,
        wrong=wrong,
        page=found,
        is_first=after is None,
        began_after=after,
        ticked=ticked_ids(),
        carrier=text.printable(said.get("carrier", "")),
        unfit=unfit,
        waiting=order_requests.waiting() if after is None else [],
        most_waiting=order_requests.SHOWN,
        kept=kept(said),
        filters=FILTERS,
        words=WORDS,
        number_of=order_number,
    )


def kept(said: Mapping[str, str]) -> dict[str, str]:
    """What the filter was told, for links and for the filter itself."""
    names = ("q", "state", "first", "last")
    return {name: text.printable(said.get(name, ""))[: order_list.QUERY_LENGTH] for name in names}


def asked(said: Mapping[str, str]) -> tuple[Wanted, dict[str, str]]:
    """Which orders are meant, and by name what of it cannot be read."""
    wrong: dict[str, str] = {}
    days = {name: day(name, said.get(name, ""), wrong) for name in ("first", "last")}
    state = said.get("state", "")
    known = state if state in STATES or state == order_list.ATTENTION else ""
    return Wanted(said.get("q", ""), known, **days, zone=web.SHOP.timezone), wrong


def day(name: str, typed: str, wrong: dict[str, str]) -> date | None:
    if not typed.strip():
        return None
    try:
        found = date.fromisoformat(typed.strip())
    except ValueError:
        found = None
    if found is None or not FIRST_DAY <= found <= LAST_DAY:
        wrong[name] = NO_DAY
        return None
    return found


# ------------------------------------------------------------------------------------------------ many at once


@bp.post("/orders/ticked")
@staff_only
def ticked(member: Member) -> AnyResponse:
    """Mark the ticked orders as sent, or print their slips or invoices."""
    form, ids, wish = PlainForm(), ticked_ids(), request.form.get("do", "")
    if not form.is_right():
        return listed(request.form, 422, told=form.csrf_token.errors[0])
    if not ids or wish not in MANY:
        return listed(request.form, 422, told=NOT_TICKED)
    return MANY[wish](member, ids)


def ticked_ids() -> list[int]:
    return pages.ids(request.form.getlist("order"), invoices.MOST)


def ship_them(member: Member, ids: list[int]) -> AnyResponse:
    """Each by itself; the next page says which were, and why others were not."""
    try:
        parcel = order_desk.checked_parcel(request.form.get("carrier", ""), "", "")
    except InvalidInput as error:
        return listed(request.form, error.status, unfit=error.fields["carrier"])
    bulk = order_desk.ship_many(ids, parcel.carrier, actor=member.actor)
    if bulk.done:
        pages.say("Marked as sent, each with a mail to its shopper: %(numbers)s.", numbers=", ".join(bulk.done))
    for number, why in bulk.not_done.items():
        pages.say("Not %(number)s: %(why)s", number=number, why=why)
    return web.go(back())


def back() -> str:
    """The page of the list on which the orders were ticked."""
    return templating.query(ORDERS, **kept(request.form), after=pages.an_id(request.form.get("after", "")))


def print_slips(member: Member, ids: list[int]) -> AnyResponse:
    if not invoices.slips(ids):
        return listed(request.form, 409, told=NOTHING_TO_PACK)
    return web.go(f"{ORDERS}/slips?ids={','.join(map(str, ids))}")


def print_invoices(member: Member, ids: list[int]) -> AnyResponse:
    refused = invoices.issue_many(ids, Seller.of(web.SHOP), actor=member.actor)
    for number, why in refused.items():
        pages.say("Not %(number)s: %(why)s", number=number, why=why)
    if len(refused) == len(ids):
        return web.go(back())
    return web.go(f"{ORDERS}/invoices?ids={','.join(map(str, ids))}")


MANY = {"ship": ship_them, "slips": print_slips, "invoices": print_invoices}


def printed_ids() -> list[int]:
    """The ids that an address of paper names. Aborts with 404 when it names none."""
    return pages.ids(request.args.get("ids", "").split(","), invoices.MOST) or abort(404)


@bp.get("/orders/slips")
@staff_only
def slips(member: Member) -> AnyResponse:
    """Packing slips, one a sheet, without prices."""
    sheets = invoices.slips(printed_ids())
    return pages.page("slips", sheets=sheets, back=ORDERS) if sheets else abort(404)


@bp.get("/orders/invoices")
@staff_only
def show_invoices(member: Member) -> AnyResponse:
    """Invoices that were issued, each from the top of a sheet."""
    sheets = invoices.invoices(printed_ids())
    return pages.page("invoices", sheets=sheets, back=ORDERS) if sheets else abort(404)


# ------------------------------------------------------------------------------------------------ as a file


@bp.get("/orders/export.<any(csv,jsonl):form>")
@staff_only
def export(member: Member, form: str) -> AnyResponse:
    """The orders that the list would show, all of them, as a file. That they were taken out stands in the trail."""
    wanted, wrong = asked(request.args)
    if wrong:
        return listed(request.args)
    order_export.note(wanted, form, actor=member.actor)
    found = order_export.export_wanted(wanted)
    lines: Any = order_export.as_csv(found) if form == "csv" else order_export.as_jsonl(found)
    response = Response(stream_with_context(lines), content_type=TYPES[form])
    response.headers["Content-Disposition"] = f'attachment; filename="orders.{form}"'
    response.headers["Cache-Control"] = "no-store"
    return response
