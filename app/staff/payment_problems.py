"""Payments that need attention: what does not fit its order, and refunds that a provider would not send."""

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse
from wtforms import StringField

from app import web
from app.account.forms import PlainForm, Sent
from app.models.order import order_number
from app.services import order_desk, refunds
from app.services.accounts import Member
from app.services.errors import InvalidInput
from app.services.refunds import NotFlagged
from app.staff import bp, pages
from app.staff.order_words import WORDS
from app.staff.pages import managers_only, staff_only

PAYMENTS = "/staff/payments"


class SentForm(Sent):
    reference = StringField("How it was sent")


def shown(form: Sent, status: int = 200, *, told: str = "", wrong_id: int | None = None) -> Response:
    after = pages.number("after")
    found = refunds.problems(after=after, most=refunds.SHOWN + 1)
    rows = found[: refunds.SHOWN]
    return pages.page(
        "payments",
        form,
        status,
        told=told,
        rows=rows,
        after=rows[-1].id if len(found) > refunds.SHOWN else None,
        is_first=after is None,
        refused=refunds.refused()[: refunds.SHOWN],
        wrong_id=wrong_id,
        number_of=order_number,
        words=WORDS,
    )


@bp.get("/payments")
@staff_only
def payments(member: Member) -> AnyResponse:
    """What somebody should look at."""
    return shown(PlainForm())


@bp.post("/payments/<int(max=2147483647):payment_id>/looked")
@staff_only
def looked(member: Member, payment_id: int) -> AnyResponse:
    """Somebody saw to it: the flag is taken off."""
    form = PlainForm()
    if not form.is_right():
        return shown(form, 422)
    try:
        refunds.looked_at(payment_id, request.form.get("problem", ""), actor=member.actor)
    except NotFlagged as error:
        return shown(form, error.status, told=str(error))
    pages.say("The flag is off.")
    return web.go(PAYMENTS)


@bp.post("/payments/refunds/<int(max=2147483647):refund_id>/sent")
@managers_only
def sent(member: Member, refund_id: int) -> AnyResponse:
    """Money that the provider would not send went back another way."""
    form = SentForm()
    if not form.is_right():
        return shown(form, 422, wrong_id=refund_id)
    try:
        typed = form.reference.data or ""
        reference = order_desk.checked_text("reference", typed, 200, "Say how, such as “bank transfer of 3 May”.")
        refunds.sent_by_hand(refund_id, reference, actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return shown(form, error.status, wrong_id=refund_id)
    pages.say("Written down. The shopper gets a mail.")
    return web.go(PAYMENTS)
