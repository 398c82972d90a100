"""One order: everything about it, and every legal move as a form that is pressed once."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Response, current_app, request
from werkzeug.wrappers import Response as AnyResponse

from app import money, templating, web
from app.account.forms import EXPIRED
from app.models.order_desk import RequestStatus
from app.services import cancelling, invoices, order_desk, order_requests
from app.services.accounts import Member
from app.services.cart import Notice
from app.services.errors import InvalidInput, NotFound, ShopError
from app.services.invoices import Seller
from app.services.order_desk import Desk, Step
from app.services.orders import OrderMoved
from app.services.shelf import Shelf
from app.services.typed import Typed
from app.staff import bp, pages
from app.staff.order_forms import AnswerForm, CancelForm, DeskForm, NoteForm, RefundForm, ShipForm
from app.staff.order_words import WORDS
from app.staff.pages import managers_only, staff_only

ORDER = "/orders/<int(max=2147483647):order_id>"
FORMS: dict[str, type[DeskForm]] = {"ship": ShipForm, "cancel": CancelForm, "refund": RefundForm, "note": NoteForm}


# ------------------------------------------------------------------------------------------------ looking


@bp.get(ORDER)
@staff_only
def order(member: Member, order_id: int) -> AnyResponse:
    """Everything about one order, and what can be done with it now."""
    return shown(look(member, order_id), DeskForm())


def look(member: Member, order_id: int) -> Desk:
    return order_desk.look(order_id, shelf(), is_manager=member.is_manager)


def shelf() -> Shelf:
    return Shelf.of(current_app.config)


def shown(
    desk: Desk, posted: DeskForm, status: int = 200, *, problem: str = "", steps: Sequence[Step] = (), done: str = ""
) -> Response:
    """The order's page, or its panel for htmx. `steps` is what others did meanwhile; `done` says what was done just now."""
    posted.tidy()
    forms = {name: posted if type(posted) is kind else kind() for name, kind in FORMS.items()}
    context: dict[str, Any] = {"desk": desk, "forms": forms, "answers": answer_forms(desk, posted), "posted": posted}
    context |= {"problem": problem, "wrong": posted.wrong, "steps": steps, "done": done, "words": WORDS}
    if web.wants_fragment() and request.method == "POST":
        return pages.fragment("_order", status=status, **context)
    return pages.page("order", status=status, **context)  # what is wrong stands in the panel


def answer_forms(desk: Desk, posted: DeskForm) -> dict[int, AnswerForm]:
    """A form for each open request, by its id; no two have a field of the same id."""
    asked = (request.view_args or {}).get("request_id")
    forms: dict[int, AnswerForm] = {}
    for each in desk.requests:
        if each.status == RequestStatus.OPEN:
            form = posted if isinstance(posted, AnswerForm) and each.id == asked else AnswerForm()
            form["answer"].id = f"answer-{each.id}"
            form["answer"].label.field_id = form["answer"].id
            forms[each.id] = form
    return forms


# ------------------------------------------------------------------------------------------------ doing


def moved(member: Member, order_id: int, form: DeskForm, move: Callable[[str], str]) -> AnyResponse:
    """Do something with an order that stands as the form had seen it. `move` is given that, and answers what to say."""
    seen = request.form.get("seen", "")
    if not form.is_right():
        return shown(look(member, order_id), form, 422, problem=EXPIRED)
    try:
        sentence = move(seen)
    except InvalidInput as error:
        form.say(error.fields)
        return shown(look(member, order_id), form, error.status)
    except OrderMoved as error:
        desk = look(member, order_id)
        return shown(desk, form, error.status, problem=str(error), steps=order_desk.since(desk, seen))
    except NotFound:
        raise
    except ShopError as error:
        return shown(look(member, order_id), form, error.status, problem=str(error))
    if web.wants_fragment():
        return shown(look(member, order_id), done_form(form), done=sentence)
    pages.say(sentence)
    return web.go(f"/staff/orders/{order_id}")


def done_form(form: DeskForm) -> DeskForm:
    """The form after it did its work: empty."""
    for field in form:
        if field.name != "csrf_token":
            field.data = None
    return form


def shown_money(minor: int) -> str:
    return money.text(minor, current_app.config["CURRENCY"])


def said(sentence: str, **values: Any) -> str:
    return str(templating.notice(Notice(sentence, values)))


@bp.post(ORDER + "/ship")
@staff_only
def ship(member: Member, order_id: int) -> AnyResponse:
    """It left the house."""
    form = ShipForm()

    def move(seen: str) -> str:
        typed = (form[name].data or "" for name in ("carrier", "tracking", "link"))
        order_desk.ship(order_id, order_desk.checked_parcel(*typed), actor=member.actor, as_seen=seen)
        return "Marked as sent. The shopper gets a mail."

    return moved(member, order_id, form, move)


@bp.post(ORDER + "/complete")
@staff_only
def complete(member: Member, order_id: int) -> AnyResponse:
    """Nothing is left to do."""

    def move(seen: str) -> str:
        order_desk.complete(order_id, shelf(), actor=member.actor, as_seen=seen)
        return "Completed."

    return moved(member, order_id, DeskForm(), move)


@bp.post(ORDER + "/cash")
@staff_only
def cash(member: Member, order_id: int) -> AnyResponse:
    """The money was given at the door."""

    def move(seen: str) -> str:
        paid = cancelling.record_cash(order_id, shelf(), actor=member.actor, as_seen=seen)
        return said("Recorded: %(amount)s in cash.", amount=shown_money(paid))

    return moved(member, order_id, DeskForm(), move)


@bp.post(ORDER + "/hand-over")
@staff_only
def hand_over(member: Member, order_id: int) -> AnyResponse:
    """The codes that were missing are given now."""

    def move(seen: str) -> str:
        order_desk.hand_over(order_id, shelf(), actor=member.actor, as_seen=seen)
        return "Handed over. The shopper gets a mail."

    return moved(member, order_id, DeskForm(), move)


@bp.post(ORDER + "/cancel")
@staff_only
def cancel(member: Member, order_id: int) -> AnyResponse:
    """Called off by the shop; where that sends money back, by a manager only."""
    form = CancelForm()

    def move(seen: str) -> str:
        why = form.why.data or ""
        back = order_desk.cancel(order_id, why, actor=member.actor, is_manager=member.is_manager, as_seen=seen)
        if not back:
            return "Cancelled. The shopper gets a mail."
        return said("Cancelled; %(amount)s go back. The shopper gets a mail.", amount=shown_money(back))

    return moved(member, order_id, form, move)


@bp.post(ORDER + "/refund")
@managers_only
def refund(member: Member, order_id: int) -> AnyResponse:
    """Money goes back, a part of it or all that is left."""
    form = RefundForm()

    def move(seen: str) -> str:
        minor = typed_amount(form.amount.data or "")
        values = {"actor": member.actor, "restock": bool(form.restock.data), "as_seen": seen}
        back = order_desk.refund(order_id, minor, form.reason.data or "", **values)
        return said("%(amount)s go back.", amount=shown_money(back))

    return moved(member, order_id, form, move)


def typed_amount(typed: str) -> int | None:
    """What was typed in minor units; None for nothing, which means all that is left. Raises InvalidInput."""
    form = Typed({"amount": typed})
    minor = form.amount("amount", current_app.config["CURRENCY"])
    form.check()
    return minor


@bp.post(ORDER + "/notes")
@staff_only
def add_note(member: Member, order_id: int) -> AnyResponse:
    """A note for whoever opens this order next."""
    form = NoteForm()

    def move(seen: str) -> str:
        order_desk.add_note(order_id, form.said.data or "", actor=member.actor)
        return "The note is kept."

    return moved(member, order_id, form, move)


@bp.post(ORDER + "/requests/<int(max=2147483647):request_id>")
@staff_only
def answer_request(member: Member, order_id: int, request_id: int) -> AnyResponse:
    """Accept or decline what the shopper asks; the forms below then do what was promised."""
    form = AnswerForm()

    def move(seen: str) -> str:
        verdict = VERDICTS.get(request.form.get("verdict", ""))
        if verdict is None:
            raise InvalidInput({"answer": "Say yes or no."})
        order_requests.answer(order_id, request_id, verdict, form.answer.data or "", actor=member.actor)
        return NEXT[verdict]

    return moved(member, order_id, form, move)


VERDICTS = {"accept": RequestStatus.ACCEPTED, "decline": RequestStatus.DECLINED}
NEXT = {
    RequestStatus.ACCEPTED: "Accepted, and the shopper gets your answer. "
    "Nothing else happened yet: cancel or refund the order when it is time.",
    RequestStatus.DECLINED: "Declined, and the shopper gets your answer.",
}


@bp.post(ORDER + "/invoice")
@staff_only
def issue_invoice(member: Member, order_id: int) -> AnyResponse:
    """The invoice, which gets its number when it is asked for the first time."""
    form = DeskForm()
    if not form.is_right():
        return shown(look(member, order_id), form, 422, problem=EXPIRED)
    try:
        invoices.issue(order_id, Seller.of(web.SHOP), actor=member.actor)
    except invoices.NotSold as error:
        return shown(look(member, order_id), form, error.status, problem=str(error))
    return web.go(f"/staff/orders/invoices?ids={order_id}")
