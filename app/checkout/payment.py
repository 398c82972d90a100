"""Paying elsewhere: the way there, the way back, the provider's own messages, and what whoever ordered may do about it."""

from contextlib import nullcontext

from flask import Response, abort, current_app, flash, make_response, request
from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.account.forms import EXPIRED, PlainForm
from app.cart import discount, keeper
from app.checkout import afterwards, bp, guard, receipt
from app.checkout.forms import number
from app.extensions import limiter
from app.gateways.shape import Forged, GatewayDown
from app.models.order import SOLD, Order, OrderStatus
from app.models.payment import PaymentStatus
from app.providers import GATEWAYS, conversation
from app.services import cancelling, orders, paying, settling
from app.services.errors import ShopError
from app.services.settling import Standing
from app.services.shelf import Shelf

TAKEN = (PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED, PaymentStatus.MISMATCH)
NOT_PAID = "You have not paid yet. Your order and your cart are kept: pay below, in the same way or another."
DECLINED = "The payment was declined, and nothing was charged. Your order and your cart are kept: you may pay in another way."
OVER = "This order is over. Money that arrives for it all the same goes back by itself."


def leave(order_id: int, key: str) -> AnyResponse:
    """To the provider, with the receipt in the hand; the cart stays until the payment was verified. Raises PaymentUnavailable."""
    url = paying.begin(order_id, web.here())
    return receipt.add(key, make_response(web.leave(url)))


# ------------------------------------------------------------------------------------------------ the way back


@bp.get("/checkout/return/<key>")
@limiter.limit(lambda: current_app.config["CHECKOUT_LIMIT"])
def returned(key: str) -> AnyResponse:
    """Back from the provider. What the address says proves nothing: the provider is asked."""
    standing = settled(key)
    said_no = "cancelled" in request.args or request.args.get("Status") == "NOK"  # decides the words, and nothing else
    return answer(standing) or (unpaid(standing) if said_no and standing.is_known else checking(standing, key))


@bp.get("/fragments/checkout/return/<key>")
@limiter.limit(lambda: current_app.config["CHECKOUT_LIMIT"])
def still_checking(key: str) -> AnyResponse:
    """The same question, asked by htmx from time to time."""
    if moved := web.fragment_of(f"/checkout/return/{key}"):
        return moved
    standing = settled(key)
    return answer(standing) or web.as_fragment(web.render_fragments("checkout/_checking.html", standing=standing, key=key))


def settled(key: str) -> Standing:
    """How the payment of this key stands now. Aborts with 404 when there is none."""
    payment_id = settling.by_key(key)
    if payment_id is None:
        abort(404)
    standing = settling.standing(payment_id)
    return standing if standing.payment_status in TAKEN else settling.settle(payment_id, Shelf.of(current_app.config))


def answer(standing: Standing) -> AnyResponse | None:
    """Where a payment that is decided leads; None for one that is not."""
    if standing.order_status in SOLD or standing.order_status == OrderStatus.REFUNDED:
        return paid(standing)
    if standing.payment_status == PaymentStatus.MISMATCH:
        return web.go(f"/orders/{standing.order_key}")  # which says so by itself, today and tomorrow
    if standing.order_status == OrderStatus.CANCELLED:
        flash({"text": OVER})
    elif standing.payment_status == PaymentStatus.FAILED:
        flash({"text": DECLINED})
    else:
        return None if standing.is_open else unpaid(standing)
    return web.go(f"/orders/{standing.order_key}")


def paid(standing: Standing) -> AnyResponse:
    """Home with the order's key, which opens with the confirmation; the cart that was paid for is gone."""
    response = make_response(web.go(f"/?order={standing.order_key}"))
    if receipt.holds(standing.order_key):
        discount.clear(receipt.add(standing.order_key, response))
    return keeper.clear(response) if keeper.read().id == standing.cart_id else response


def unpaid(standing: Standing) -> AnyResponse:
    flash({"text": NOT_PAID})
    return web.go(f"/orders/{standing.order_key}")


def checking(standing: Standing, key: str) -> Response:
    """Nobody knows yet: it is said so, and asked again."""
    return web.show("checkout/checking.html", standing=standing, key=key)


# ------------------------------------------------------------------------------------------------ the provider's messages


@bp.post("/webhooks/<gateway>")
def webhook(gateway: str) -> AnyResponse:
    """What a provider tells by itself: a hint to ask it. Kept once, whatever becomes of the asking."""
    body = request.get_data(cache=False, parse_form_data=False)
    found = GATEWAYS.get(gateway)
    if found is None or found.is_direct:
        abort(404)
    try:
        with conversation(gateway) if found.asks_who_wrote else nullcontext():
            events = found.events(body, request.headers)
    except Forged:
        return said("That was not written by the provider.", 400)
    except GatewayDown:
        response = said("Please come again.", 503)
        response.headers["Retry-After"] = "30"
        return response
    for event in events:
        if (payment_id := settling.hear(gateway, event)) is not None:
            settling.settle(payment_id, Shelf.of(current_app.config))
    return said("Thank you.", 200)


def said(sentence: str, status: int) -> Response:
    response = make_response(sentence + "\n", status)
    response.mimetype = "text/plain"
    return response


# ------------------------------------------------------------------------------------------------ whoever ordered


@bp.post("/orders/<key>/pay")
def pay(key: str) -> AnyResponse:
    """Pay an unpaid order, in the same way as before or another; whoever has its key may."""
    found = orders.by_key(key)
    if found is None:
        abort(404)
    method_id = number(request.form.get("payment"))
    if not PlainForm().is_right():
        return afterwards.page(found, 422, told=EXPIRED)
    try:
        if not guard.may_pay_by(method_id):
            raise paying.TooManyTries
        next_step = pay_by(found, method_id)
    except ShopError as error:
        return refused(found.key, error)
    if next_step is not None:
        return receipt_kept(found, make_response(web.leave(next_step)))
    response = receipt_kept(found, make_response(web.go("/" if receipt.holds(key) else f"/orders/{key}")))
    if receipt.holds(key):
        discount.clear(response)
    return keeper.clear(response) if keeper.read().id == found.cart_id else response


def pay_by(order: Order, method_id: int | None) -> str | None:
    """Where to pay by this method; None when nothing more is to be done. Raises what `paying.pay_again` raises."""
    return paying.pay_again(
        order.id,
        method_id,
        base_url=web.here(),
        hold_minutes=current_app.config["WHOLE_HOLD_MINUTES"],
        most_tries=guard.most("PAYMENTS_PER_ORDER"),
        tells_email=afterwards.may_read(order),
    )


def receipt_kept(order: Order, response: Response) -> Response:
    """Home opens with this order again, in the browser that placed it."""
    return receipt.add(order.key, response) if receipt.holds(order.key) else response


def refused(key: str, error: ShopError) -> Response:
    """The order as it is now, with the sentence that says why not."""
    found = orders.by_key(key)
    assert found is not None
    response = afterwards.page(found, error.status, told=str(error))
    if error.retry_seconds:
        response.headers["Retry-After"] = str(error.retry_seconds)
    return response


@bp.post("/orders/<key>/cancel")
def cancel(key: str) -> AnyResponse:
    """Call an order off, until it is packed; for whoever may read it."""
    found = afterwards.readable(key)
    if not PlainForm().is_right():
        return afterwards.page(found, 422, told=EXPIRED)
    try:
        cancelling.cancel(found.id, actor=orders.SHOPPER, reason="by the shopper")
    except ShopError as error:
        return refused(key, error)
    flash({"text": "Your order is cancelled."})
    return web.go(f"/orders/{key}")
