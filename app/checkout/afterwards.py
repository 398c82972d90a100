"""The receipt of an order, and what may follow from it: ordering it again, and an account for whoever ordered as a guest."""

from typing import Any

from flask import Response, abort, current_app, make_response
from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.account import guard, login, pages
from app.account.forms import EXPIRED, NewPasswordForm, PlainForm, RequestForm
from app.cart import keeper
from app.cart.routes import current_cart
from app.checkout import bp, receipt
from app.checkout.forms import FindForm
from app.models.order import SOLD, Order
from app.models.order_desk import RequestStatus
from app.services import accounts, cancelling, invoices, order_desk, order_requests, orders, payments, reorder
from app.services.errors import CartFull, InvalidInput, ShopError
from app.services.invoices import NotSold, Seller
from app.services.order_requests import NotAskable
from app.services.shelf import Shelf


def page(
    found: Order,
    status: int = 200,
    *,
    account_form: NewPasswordForm | None = None,
    request_form: RequestForm | None = None,
    told: str = "",
) -> Response:
    """The receipt; personal data only for whoever may read it. `told` is said of the account's form, or of the order."""
    request_form = request_form or RequestForm()
    request_form.tidy()
    whole = may_read(found)
    has_digital = any(line.is_digital for line in found.lines)
    seen = orders.receipt(found, whole=whole, shelf=Shelf.of(current_app.config))
    return web.show(
        "checkout/order.html",
        status,
        order=seen,
        form=FindForm(number=found.number),
        account_form=(account_form or NewPasswordForm()) if whole and may_get_account(found) else None,
        offers=payments.offers(found.total_minor, seen.needs_shipping, found.country, found.currency) if seen.is_payable else [],
        may_cancel=whole and cancelling.may_shopper_cancel(found.status, has_digital),
        **(said_about(found, has_digital) if whole else NOTHING_SAID),
        request_form=request_form,
        told="" if account_form else told,
        account_told=told if account_form else "",
    )


NOTHING_SAID: dict[str, Any] = {"shipment": None, "invoice": None, "may_bill": False, "requests": [], "may_ask": None}


def said_about(found: Order, has_digital: bool) -> dict[str, Any]:
    """What the shop and its buyer said of an order: how it was sent, its invoice, what was asked, and what may still be."""
    requests = order_requests.of_order(found.id)
    kind = order_requests.kind_of(found.status, bool(found.country), has_digital)
    asked = {each.kind for each in requests if each.status == RequestStatus.OPEN}
    invoice = invoices.of_order(found.id)
    return {
        "shipment": order_desk.shipment_of(found.id),
        "invoice": invoice,
        "may_bill": found.status in SOLD and invoice is None,
        "requests": requests,
        "may_ask": None if kind in asked else kind,
    }


def may_read(order: Order) -> bool:
    """Whether whoever asks may see the order whole: this browser placed it, or it is their account's."""
    member = login.current()
    return receipt.holds(order.key) or (member is not None and order.account_id == member.account_id)


def may_get_account(order: Order) -> bool:
    """Whether an account may be offered: the order is a guest's, and nobody is logged in."""
    return order.account_id is None and login.current() is None


def readable(key: str) -> Order:
    """The order of this key. Aborts with 404 when there is none, or when it is nothing of theirs."""
    found = orders.by_key(key)
    if found is None or not may_read(found):
        abort(404)
    return found


@bp.post("/orders/<key>/again")
def order_again(key: str) -> AnyResponse:
    """Put what was ordered into the cart once more, as far as it is still sold."""
    found = readable(key)
    if not PlainForm().is_right():
        return page(found, 422, told=EXPIRED)
    cart, _ = current_cart()
    again = reorder.put_in(cart, found.id, current_app.config["CURRENCY"])
    try:
        response = keeper.write(again.cart, receipt.without_panel(make_response(web.go("/cart"))))
    except CartFull as error:
        pages.say(str(error))
        return web.go("/cart")
    for told in again.notices:
        pages.say(told.message, **told.values)
    return response


@bp.post("/orders/<key>/request")
def ask(key: str) -> AnyResponse:
    """Ask the shop to cancel the order, or to take it back: what one may not do oneself any more."""
    found = readable(key)
    form = RequestForm()
    if not form.is_right():
        return page(found, 422, request_form=form)
    if not guard.allow("order request", guard.address(), "ORDER_REQUESTS_PER_HOUR"):
        return pages.slowed(page(found, 429, request_form=form, told=pages.TOO_OFTEN))
    has_digital = any(line.is_digital for line in found.lines)
    kind = order_requests.kind_of(found.status, bool(found.country), has_digital)
    try:
        if kind is None:
            raise NotAskable
        order_requests.ask(found.id, kind, form["text"].data or "", has_digital=has_digital)
    except InvalidInput as error:
        form.say(error.fields)
        return page(found, error.status, request_form=form)
    except ShopError as error:
        return page(found, error.status, request_form=form, told=str(error))
    pages.say("We have got your request, and answer by e-mail.")
    return web.go(f"/orders/{key}")


@bp.post("/orders/<key>/invoice")
def bill(key: str) -> AnyResponse:
    """The invoice, which gets its number when it is asked for the first time."""
    found = readable(key)
    if not PlainForm().is_right():
        return page(found, 422, told=EXPIRED)
    try:
        invoices.issue(found.id, Seller.of(web.SHOP), actor=orders.SHOPPER)
    except NotSold as error:
        return page(found, error.status, told=str(error))
    return web.go(f"/orders/{key}/invoice")


@bp.get("/orders/<key>/invoice")
def show_bill(key: str) -> AnyResponse:
    """The invoice, to be printed; 404 until it was issued."""
    sheets = invoices.invoices([readable(key).id])
    return web.show("checkout/invoice.html", sheet=sheets[0], back=f"/orders/{key}") if sheets else abort(404)


@bp.post("/orders/<key>/account")
def open_account(key: str) -> AnyResponse:
    """Mail a code with which the guest of this order gets an account; orders join it only by that code."""
    found = readable(key)
    if not may_get_account(found):
        abort(404)
    form = NewPasswordForm()
    if not form.is_right():
        return page(found, 422, account_form=form)
    password = form.password.data or ""
    try:
        accounts.check_registration(found.email, found.name, password)
        if not guard.may_be_mailed(found.email):
            return pages.slowed(page(found, 429, account_form=form, told=pages.TOO_OFTEN))
        code = accounts.register(found.email, found.name, password)
    except InvalidInput as error:
        form.say({"password": next(iter(error.fields.values()))})
        return page(found, error.status, account_form=form)
    return web.go(f"/account/code/{code}")
