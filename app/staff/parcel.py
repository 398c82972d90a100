"""How an order was sent, to be corrected: a tracking number is easily mistyped."""

from typing import Any

from werkzeug.wrappers import Response as AnyResponse
from wtforms import HiddenField

from app import web
from app.models.order import order_number
from app.models.order_desk import Shipment
from app.services import editing, order_desk
from app.services.accounts import Member
from app.services.editing import EditConflict
from app.services.errors import InvalidInput, NotFound
from app.staff import bp, pages
from app.staff.order import ORDER
from app.staff.order_forms import ShipForm
from app.staff.pages import staff_only

PARCEL = ORDER + "/parcel"


class ParcelForm(ShipForm):
    seen = HiddenField()


def sent(order_id: int) -> Shipment:
    """Raises NotFound when it was not."""
    shipment = order_desk.shipment_of(order_id)
    if shipment is None:
        raise NotFound("This order was not sent.")
    return shipment


@bp.get(PARCEL)
@staff_only
def show_parcel(member: Member, order_id: int) -> AnyResponse:
    """Carrier, tracking number and link as they stand, in a form."""
    shipment = sent(order_id)
    stands = {name: getattr(shipment, name) for name in order_desk.PARCEL}
    return parcel_page(ParcelForm(data=stands | {"seen": editing.seen(shipment, order_desk.PARCEL)}), order_id)


def parcel_page(form: ParcelForm, order_id: int, status: int = 200, *, told: str = "", conflict: Any = None) -> AnyResponse:
    context = {"order_id": order_id, "number": order_number(order_id), "conflict": conflict}
    return pages.page("parcel", form, status, told=told, **context)


@bp.post(PARCEL)
@staff_only
def correct_parcel(member: Member, order_id: int) -> AnyResponse:
    """Say anew how it was sent."""
    sent(order_id)
    form = ParcelForm()
    if not form.is_right():
        return parcel_page(form, order_id, 422)
    try:
        parcel = order_desk.checked_parcel(*(form[name].data or "" for name in order_desk.PARCEL))
        is_new = order_desk.correct_parcel(order_id, parcel, seen=form.seen.data or "", actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return parcel_page(form, order_id, error.status)
    except EditConflict as error:
        form.seen.data = error.seen
        return parcel_page(form, order_id, error.status, told=str(error), conflict=error.theirs)
    pages.say("Saved." if is_new else "Nothing was changed.")
    return web.go(f"/staff/orders/{order_id}")
