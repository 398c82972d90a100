"""Customers: finding them, what they ordered, and anonymising them."""

from flask import Response, current_app
from werkzeug.wrappers import Response as AnyResponse
from wtforms import BooleanField

from app import web
from app.account.forms import Sent
from app.services import anonymising, clientele
from app.services.accounts import Member
from app.services.errors import ShopError
from app.staff import bp, pages
from app.staff.pages import managers_only, number, staff_only, words

CUSTOMER = "/customers/<int(max=2147483647):customer_id>"
UNDERSTOOD = "Tick this first: it cannot be undone."


class AnonymiseForm(Sent):
    understood = BooleanField("I understand that this cannot be undone")


@bp.get("/customers")
@staff_only
def customers(member: Member) -> AnyResponse:
    """Everybody who ordered or has an account, the newest first; `?q=` the beginning of an e-mail or a name."""
    typed, after = words("q", clientele.LONGEST_SEARCH), number("after")
    days = current_app.config["ANONYMISE_AFTER_DAYS"]
    return pages.page(
        "customers",
        page=clientele.search(typed, after=after),
        kept={"q": typed} if typed else {},
        typed=typed,
        is_first=after is None,
        is_anonymous=clientele.is_anonymous,
        days=days,
        last_run=anonymising.last_run() if days else None,
    )


@bp.get(CUSTOMER)
@staff_only
def customer(member: Member, customer_id: int) -> AnyResponse:
    """One of them, with all orders."""
    after = number("after")
    found = clientele.one(customer_id)
    return pages.page(
        "customer",
        customer=found,
        is_anonymous=clientele.is_anonymous(found),
        orders=clientele.orders(customer_id, after=after),
        spent=clientele.spent(customer_id),
        places=clientele.places(customer_id),
        is_first=after is None,
    )


@bp.get(CUSTOMER + "/anonymise")
@managers_only
def show_anonymise(member: Member, customer_id: int) -> AnyResponse:
    """What would happen, before it does."""
    return asked(customer_id, AnonymiseForm())


def asked(customer_id: int, form: AnonymiseForm, status: int = 200, *, told: str = "") -> Response:
    found, then = clientele.one(customer_id), anonymising.consequences(customer_id)
    return pages.page("anonymise", form, status, told=told, customer=found, then=then)


@bp.post(CUSTOMER + "/anonymise")
@managers_only
def anonymise(member: Member, customer_id: int) -> AnyResponse:
    """Forget who this customer is."""
    form = AnonymiseForm()
    if not form.is_right():
        return asked(customer_id, form, 422)
    if not form.understood.data:
        clientele.one(customer_id)
        form.say({"understood": UNDERSTOOD})
        return asked(customer_id, form, 422)
    try:
        orders = anonymising.anonymise(customer_id, actor=member.actor)
    except ShopError as error:
        return asked(customer_id, form, error.status, told=str(error))
    pages.say("Done. %(count)s of their orders name nobody any more.", count=orders)
    return web.go(f"/staff/customers/{customer_id}")
