"""Seeing and changing the cart."""

from collections.abc import Callable
from typing import Any

from flask import Response, current_app, flash, g, make_response, request
from werkzeug.wrappers import Response as AnyResponse

from app import money, templating, web
from app.account import login
from app.cart import bp, cookie, discount, forms, keeper
from app.checkout import guard, receipt
from app.services import cart as carts, discounts, orders
from app.services.cart import Cart, CartView, Changed, Notice
from app.services.discounts import BelowMinimum, DiscountRefused, TooManyCodes
from app.services.errors import CartFull, NotFound, ShopError

SIDES = ("cart/_link.html", "cart/_live.html")  # what every change of the cart updates beside its own place


@bp.get("/cart")
def show() -> Response:
    """The cart, with everything that changed since it was last seen."""
    cart, notices = current_cart()
    if login.current() is None and cookie.is_broken():
        notices.append(Notice("Your cart could not be read, so you begin with an empty one. We are sorry."))
    elif request.args.get("added") is not None and not cart.lines and not request.cookies.get(cookie.NAME):
        notices.append(
            Notice("Your browser did not keep the cart: please allow this site to set cookies. It needs one, for the cart.")
        )
    response = web.show("cart/show.html", **cart_context(cart, notices=notices))
    if not cart.lines:
        cookie.clear(response)
    return response if discount.read() else discount.clear(response)


@bp.post("/cart/items")
def add() -> AnyResponse:
    """Put one variant into the cart, or more of it."""
    sku = forms.sku(request.form.get("sku", ""))
    quantity = forms.quantity(request.form.get("quantity", ""), empty=1)
    if not sku:
        return refused(Notice("Choose one first."), 422)
    if not quantity:
        return refused(Notice(forms.ADD_SENTENCE), 422)
    cart, notices = current_cart()
    try:
        changed = carts.add(cart, sku, quantity, current_app.config["CURRENCY"])
        return after_change(changed, "Added to your cart: %(name)s.", notices)
    except (NotFound, CartFull) as error:
        return refused(Notice(error.message), error.status)


@bp.post("/cart/items/<sku>")
def set_quantity(sku: str) -> AnyResponse:
    """Change how many of one variant are in the cart; zero removes it."""
    quantity = forms.quantity(request.form.get("quantity", ""))
    if quantity is None:
        return refused(Notice(forms.SENTENCE), 422)
    cart, notices = current_cart()
    try:
        changed = carts.set_line(cart, forms.sku(sku), quantity, current_app.config["CURRENCY"])
        return after_change(
            changed, "Your cart was updated: %(name)s." if quantity else "Removed from your cart: %(name)s.", notices
        )
    except (NotFound, CartFull) as error:
        return refused(Notice(error.message), error.status)


@bp.post("/cart")
def update() -> AnyResponse:
    """Change all quantities at once, or remove the line whose button was pressed."""
    cart, notices = current_cart()
    good, bad = forms.quantities(request.form)
    undo = None
    if removed := forms.sku(request.form.get("remove", "")):
        undo = next((line for line in carts.view(cart, current_app.config["CURRENCY"]).lines if line.sku == removed), None)
        good[removed] = 0
        bad.pop(removed, None)
    wanted = carts.update(cart, good, current_app.config["CURRENCY"])
    if keeper.fits(wanted):
        cart = wanted
    else:
        notices.append(Notice(CartFull.message))
    context = cart_context(cart, notices=notices, bad=bad, undo=undo)
    cart, bad = context["view"].cart, context["bad"]
    if web.wants_fragment():
        return keeper.write(cart, receipt.without_panel(cart_answer(context, 422 if bad else 200)))
    if bad:
        return keeper.write(cart, cart_answer(context, 422))
    for told in context["notices"]:
        flash({"text": templating.notice(told)})
    if undo:
        flash(
            {
                "text": f"Removed from your cart: {undo.title}.",
                "undo": {"sku": undo.sku, "quantity": undo.quantity, "title": undo.title},
            }
        )
    return keeper.write(cart, receipt.without_panel(web.go("/cart")))


@bp.post("/cart/discount")
def use_code() -> AnyResponse:
    """Use the discount code that was typed for this cart, or take the one away that is used."""
    cart, notices = current_cart()
    if not cart.lines or "remove" in request.form:
        discount.forget()
        return after_code(discount.clear, cart, notices)
    typed = discounts.tidy(request.form.get("code", ""))
    try:
        code = checked_code(typed, carts.view(cart, current_app.config["CURRENCY"]))
    except ShopError as error:
        context = cart_context(cart, notices=notices)
        context["code"] = {"value": typed, "error": templating.notice(Notice(error.message, error.values))}
        response = cart_answer(context, error.status if error.retry_seconds else 422)
        if error.retry_seconds:
            response.headers["Retry-After"] = str(error.retry_seconds)
        return response
    g.discount_code = code
    return after_code(lambda response: discount.write(code, response), cart, notices)


def checked_code(typed: str, view: CartView) -> str:
    """The code, if it takes something off, or would if there were more in the cart. Raises DiscountRefused, TooManyCodes."""
    if not typed:
        raise DiscountRefused("Type the code first.")
    if not guard.may_try_a_code():
        raise TooManyCodes
    try:
        return discounts.on(view, typed).code
    except BelowMinimum:
        if discount.read():  # which may take something off
            raise
        return typed
    except DiscountRefused:
        guard.tried_a_wrong_code()
        raise


def after_code(keep: Callable[[Response], Response], cart: Cart, notices: list[Notice]) -> AnyResponse:
    """The cart with its code, or without, as the browser keeps it from now on."""
    if web.wants_fragment():
        return keep(cart_answer(cart_context(cart, notices=notices), 200))
    for told in notices:
        flash({"text": templating.notice(told)})
    return keep(make_response(web.go("/cart")))


def cart_answer(context: dict[str, Any], status: int) -> Response:
    """The cart as it stands: its fragment for htmx, else its page."""
    if not web.wants_fragment():
        return web.show("cart/show.html", status, **context)
    count, live = context["view"].count, live_sentence(context)
    return make_response(web.render_fragments("cart/_cart.html", *SIDES, **context, cart_count=count, live=live), status)


def current_cart() -> tuple[Cart, list[Notice]]:
    """This browser's cart; an empty one, and why, when the cookie's cart was ordered already."""
    cart = keeper.read()
    if cart.lines and orders.is_ordered(cart.id):
        g.cart = Cart()
        discount.forget()
        return g.cart, [Notice("What was in your cart is ordered already, so it was emptied.")]
    return cart, []


def cart_context(cart: Cart, *, notices: list[Notice], bad: dict[str, str] | None = None, undo: Any = None) -> dict[str, Any]:
    """What the cart's page and fragment show. `bad` keeps what was typed where no number was, by SKU."""
    view = carts.view(cart, current_app.config["CURRENCY"])
    g.cart = view.cart
    shown = {line.sku: bad[line.sku] for line in view.lines if line.sku in bad} if bad else {}
    applied, told = discount.applied(view)
    return {
        "view": view,
        "notices": [*notices, *view.notices, *told],
        "bad": shown,
        "undo": undo,
        "quantity_error": forms.SENTENCE,
        "discount": applied,
        "goods_minor": view.items_minor - (applied.minor if applied else 0),
        "code": {"value": discount.read(), "error": ""},
    }


def live_sentence(context: dict[str, Any]) -> str:
    """What a screen reader is told after a change by htmx."""
    view = context["view"]
    told = [templating.notice(each) for each in context["notices"]] + [context["quantity_error"]] * bool(context["bad"])
    told += [context["code"]["error"]] * bool(context["code"]["error"])
    return " ".join([*told, f"In your cart: {view.count}. {money.text(context['goods_minor'], view.currency)}"])


def after_change(changed: Changed, sentence: str, notices: list[Notice]) -> AnyResponse:
    """Keep the cart and say what happened: beside the button for htmx, on the cart's page otherwise."""
    done = [Notice(sentence, {"name": changed.title})] if changed.quantity or not changed.notices else []
    told = [*notices, *done, *changed.notices]
    if not web.wants_fragment():
        response = keeper.write(changed.cart, receipt.without_panel(web.go("/cart?added")))
        for each in told:  # after it was kept: a full cart keeps nothing, and says so
            flash({"text": templating.notice(each)})
        return response
    live = " ".join(templating.notice(each) for each in told)
    context = {"status_id": status_id(), "told": told, "is_error": False, "cart_count": changed.cart.count, "live": live}
    response = make_response(web.render_fragments("cart/_status.html", *SIDES, **context))
    return keeper.write(changed.cart, receipt.without_panel(response))


def refused(told: Notice, status: int) -> AnyResponse:
    """Say why nothing was changed, where the shopper looks."""
    if web.wants_fragment():
        live = templating.notice(told)
        context = {"status_id": status_id(), "told": [told], "is_error": True, "live": live}
        return make_response(web.render_fragments("cart/_status.html", "cart/_live.html", **context), status)
    cart, notices = current_cart()
    return web.show("cart/show.html", status, **cart_context(cart, notices=[told, *notices]))


def status_id() -> str:
    """The id of the line that the pressed button's form lets be swapped; htmx names it, so only our own pattern is taken."""
    asked = request.headers.get("HX-Target", "")
    return (
        asked
        if asked.startswith("added-") and asked.removeprefix("added-").isascii() and asked.removeprefix("added-").isdigit()
        else "added"
    )
