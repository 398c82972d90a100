"""Checkout, from the form to the receipt."""

from dataclasses import dataclass
from typing import Any

from flask import Response, abort, current_app, flash, g, make_response, request
from flask_limiter import RateLimitExceeded
from werkzeug.wrappers import Response as AnyResponse

from app import templating, web
from app.account import login
from app.cart import discount, keeper
from app.cart.routes import current_cart
from app.checkout import afterwards, bp, downloads, guard, payment, receipt, shown
from app.checkout.forms import CheckoutForm, FindForm, number
from app.checkout.shown import Shown
from app.extensions import Busy, limiter
from app.models.order import OrderStatus
from app.services import (
    address_book,
    addresses,
    attempts,
    cart as carts,
    checkout,
    customers,
    legal,
    orders,
    paying,
    payments,
    prefill,
    pricing,
    shipping,
    text,
)
from app.services.cart import Cart, CartView, Notice
from app.services.discounts import Discount, DiscountRefused
from app.services.errors import AlreadyOrdered, InvalidInput, MethodUnavailable, OutOfStock, ShopError, TotalChanged
from app.services.shelf import Shelf

__all__ = ["bp", "downloads"]

EXPIRED = "This page was open for too long, or cookies are switched off. Press the button once more."


@dataclass
class Desk:
    """One look at the checkout: the cart as it is now and what the form may offer for it."""

    cart: Cart  # as it is wanted
    view: CartView
    form: CheckoutForm
    country: str
    countries: list[tuple[str, str]]
    quotes: list[shipping.Quote]
    offers: list[payments.Offer]
    notices: list[Notice]
    discount: Discount | None = None
    ordered_key: str | None = None  # the order that this cart was on already, for the browser that placed it

    @property
    def off_minor(self) -> int:
        return self.discount.minor if self.discount else 0

    @property
    def goods_minor(self) -> int:
        """What the goods cost, less the discount."""
        return self.view.items_minor - self.off_minor

    @property
    def totals(self) -> list[int]:
        """Every total that is possible now, in minor units."""
        return sorted({self.goods_minor + quote.price_minor for quote in self.quotes if quote.is_available}) or [self.goods_minor]

    @property
    def shown(self) -> Shown:
        """What the page shows of it."""
        return shown.look(self.cart, self.view, self.country, self.quotes, discount.read(), self.off_minor)


def desk(cart: Cart, form: CheckoutForm, notices: list[Notice]) -> Desk:
    """Look at the cart anew and let the form offer what fits it and the chosen country."""
    view = carts.view(cart, current_app.config["CURRENCY"])
    offered = shipping.methods() if view.needs_shipping else []
    home = current_app.config["HOME_COUNTRY"]
    codes = shipping.countries(home, offered) or [home]
    country = form.country.data if form.country.data in codes else codes[0]
    form.country.data = country
    form.country.choices = [(code, addresses.country_name(code)) for code in codes]
    form.fit(addresses.rules(country), view.asks_shipping)
    quotes = shipping.quotes(view, country, offered)
    fitting = [quote for quote in quotes if quote.is_available]
    form.delivery.data = str(chosen(form.delivery.data, fitting) or "") or None
    quote = next((quote for quote in fitting if str(quote.id) == form.delivery.data), None)
    applied, why_not = discount.applied(view)
    total = view.items_minor - (applied.minor if applied else 0) + (quote.price_minor if quote else 0)
    offers = payments.offers(total, view.needs_shipping, country if view.needs_shipping else "", view.currency)
    form.payment.data = str(chosen(form.payment.data, [offer for offer in offers if offer.is_available]) or "") or None
    if not offers:
        form.unwanted.add("payment")
    for field in form:
        field.data = text.printable(field.data) if isinstance(field.data, str) else field.data
    told = [*why_not] + [Notice("%(sentence)s", {"sentence": sentence}) for sentence in form.take_unseen()]
    if view.needs_shipping and not fitting:
        told.append(Notice("None of our ways of delivery takes this cart to %(to)s.", {"to": addresses.country_name(country)}))
    if view.lines and total and not any(offer.is_available for offer in offers):
        told.append(Notice("There is no way to pay for this cart yet. Please write to us."))
    here = Desk(cart, view, form, country, list(form.country.choices), quotes, offers, [*notices, *told, *view.notices], applied)
    form.shown.data = shown.write(here.shown)
    return here


def chosen(asked: str | None, fitting: list[Any]) -> int | None:
    """The choice that was made if it is among these, else the first of them."""
    ids = [choice.id for choice in fitting]
    return number(asked) if number(asked) in ids else ids[0] if ids else None


@bp.get("/checkout")
def show() -> AnyResponse:
    """The form, with everything that can be known filled in; `?address=ID` takes another one of the address book."""
    cart, notices = current_cart()
    if not cart.lines:
        for told in notices:
            flash({"text": templating.notice(told)})
        return keeper.clear(make_response(web.go("/cart")))
    known = remembered()
    here = desk(cart, CheckoutForm(data=known), notices)
    if here.country != known.get("country", here.country):  # where nothing is sent to any more
        here = desk(cart, CheckoutForm(data={name: known[name] for name in known if name not in prefill.PLACE}), notices)
    if not here.view.lines:
        return web.go("/cart")
    return page(here, 200)


def remembered() -> dict[str, str]:
    """What the form may fill in for whoever is logged in; for a guest nothing, whatever their e-mail."""
    member = login.current()
    return prefill.checkout(member, number(request.args.get("address"))) if member else {}


@bp.post("/checkout")
def place() -> AnyResponse:
    """Order and pay; or, by the other button, only look at the totals for another country or delivery."""
    wanted, form = keeper.read(), CheckoutForm()
    was = shown.read(form.shown.data or "")
    if wanted.lines and request.form.get("action") == "update":
        return page(desk(wanted, form, []), 200)
    if found := ordered_and_reloaded(was, wanted):
        return found
    picked = {"shipping": form.delivery.data, "payment": form.payment.data}
    try:
        with limiter.limit(lambda: current_app.config["CHECKOUT_LIMIT"]):
            return thanks(submitted(wanted, form, was))
    except InvalidInput as error:
        form.say(error.fields)
        form.doubted_postcode.data = form.postcode.data if "postcode" in error.fields else ""
        return page(desk(wanted, form, []), error.status)
    except MethodUnavailable as error:
        form.say({"delivery" if error.kind == "shipping" else "payment": str(error)})
        return page(desk(wanted, form, []), 409 if picked[error.kind] else error.status)  # 409: it was on offer before
    except (OutOfStock, TotalChanged) as error:
        here = desk(wanted, form, [])
        here.notices = [Notice(error.message), *here.notices, *differences(was, here)]
        return page(here, error.status)
    except DiscountRefused as error:
        return without_code(wanted, form, was, error)
    except AlreadyOrdered as error:
        return ordered_before(wanted, form, error)
    except (Busy, RateLimitExceeded) as error:
        return later(wanted, form, error)
    except (
        ShopError
    ) as error:  # too many unpaid orders or tries to pay; the provider cannot be reached; the order was paid meanwhile
        return not_now(wanted, form, error)


def submitted(wanted: Cart, form: CheckoutForm, was: Shown | None) -> checkout.Placed:
    """Place the order that this form asks for: the cart as it was shown. Raises what `place_order` raises."""
    if was is None or not was.is_of(wanted, discount.read()):
        raise TotalChanged
    shipping_id = number(form.delivery.data) if was.needs_shipping else None
    total = shown_total(was, form, shipping_id)
    contact = checked_contact(form, was.needs_shipping)
    payment_id = number(form.payment.data)
    if not guard.may_pay_by(payment_id):
        raise paying.TooManyTries
    return checkout.place_order(
        was.cart,
        contact,
        currency=current_app.config["CURRENCY"],
        shipping_id=shipping_id,
        payment_id=payment_id,
        notes=form.notes.data or "",
        shown_total_minor=total,
        hold_minutes=current_app.config["WHOLE_HOLD_MINUTES"],
        holder=guard.holder(),
        most_holds=guard.most("HOLDS_PER_BROWSER"),
        shelf=Shelf.of(current_app.config),
        buyer=login.buyer(),
        discount_code=was.discount_code,
    )


def without_code(wanted: Cart, form: CheckoutForm, was: Shown | None, error: DiscountRefused) -> Response:
    """The form with everything kept but the code, which ended or was used up meanwhile, and with the totals that hold now."""
    discount.forget()
    here = desk(wanted, form, [])
    here.notices = [Notice(error.message, error.values), *here.notices, *differences(was, here)]
    return discount.clear(page(here, error.status))


def later(wanted: Cart, form: CheckoutForm, error: Busy | RateLimitExceeded) -> Response:
    """The form with everything kept, to be sent once more in a moment."""
    is_busy = isinstance(error, Busy)
    told = Notice("The shop is very busy and nothing was ordered yet. Please press the button again in a few seconds.")
    slow = Notice("That was too often, and nothing was ordered. Please wait a minute, then press the button again.")
    response = page(desk(wanted, form, [told if is_busy else slow]), 503 if is_busy else 429)
    response.headers["Retry-After"] = "5" if is_busy else "60"
    return response


def not_now(wanted: Cart, form: CheckoutForm, error: ShopError) -> Response:
    """The form with everything kept, and why it leads to no payment now."""
    response = page(desk(wanted, form, [Notice(error.message, error.values)]), error.status)
    if error.retry_seconds:
        response.headers["Retry-After"] = str(error.retry_seconds)
    return response


def checked_contact(form: CheckoutForm, needs_shipping: bool) -> customers.Contact:
    """Who orders and where it goes. Raises InvalidInput with a sentence for every field that cannot be used."""
    wrong: dict[str, str] = {}
    if not form.validate():
        form.csrf_token.errors = []
        wrong["shown"] = EXPIRED
    try:
        checkout.checked_notes(form.notes.data or "")
    except InvalidInput as error:
        wrong |= error.fields
    try:
        contact = customers.contact(
            form.email.data or "",
            form.name.data or "",
            form.phone.data or "",
            form.address(needs_shipping),
            accepted_postcode=form.doubted_postcode.data or "",
        )
    except InvalidInput as error:
        wrong |= error.fields
    if wrong:
        raise InvalidInput(wrong)
    return contact


def shown_total(was: Shown, form: CheckoutForm, shipping_id: int | None) -> int:
    """The total that this shopper was shown for this choice. Raises TotalChanged when it was for another country, or none."""
    if was.needs_shipping and shipping_id is None:
        raise MethodUnavailable(pricing.NOT_CHOSEN["shipping"], "shipping")
    total = was.total(shipping_id)
    if total is None or (was.needs_shipping and was.country != form.country.data):
        raise TotalChanged
    return total


def differences(was: Shown | None, here: Desk) -> list[Notice]:
    """What is no longer as it was shown, line by line."""
    if was is None or was.cart_id != here.view.cart.id:
        return []
    told = []
    for line in here.view.lines:
        before = was.prices.get(line.variant_id, line.unit_price_minor)
        if before != line.unit_price_minor:
            values = {"name": line.title, "was_minor": before, "now_minor": line.unit_price_minor, "currency": line.currency}
            told.append(Notice("%(name)s now costs %(now)s, it was %(was)s.", values))
    if was.country != here.country and here.view.needs_shipping:
        told.append(Notice("The totals are now for delivery to %(country)s.", {"country": addresses.country_name(here.country)}))
    shipping_id = number(here.form.delivery.data)
    before, after = was.total(shipping_id), here.shown.total(shipping_id)
    if before is not None and after is not None and before != after:
        values = {"was_minor": before, "now_minor": after, "currency": here.view.currency}
        told.append(Notice("The total is now %(now)s, it was %(was)s.", values))
    return [each for each in told if each not in here.notices]


def page(here: Desk, status: int) -> Response:
    """The checkout with all that was typed; its fragment for htmx."""
    g.cart = here.view.cart
    member = login.current()
    book = address_book.entries(member.customer_id) if member and here.view.asks_shipping else []
    agreed = {text.slug: text.title for text in legal.links(here.view.revision) if text.slug in legal.AGREED}
    context: dict[str, Any] = {"desk": here, "form": here.form, "view": here.view, "book": book, "agreed": agreed}
    if web.wants_fragment():
        live = " ".join(templating.notice(told) for told in here.notices)
        response = make_response(web.render_fragments("checkout/_form.html", "cart/_live.html", **context, live=live), status)
    else:
        response = web.show("checkout/show.html", status, **context)
    response.headers["Cache-Control"] = (
        "private, no-cache" if request.method == "GET" else "no-store"
    )  # Back keeps what was typed
    return response


def thanks(placed: checkout.Placed) -> AnyResponse:
    """Home, which opens with the confirmation, the cart gone; or to the provider, where it is paid. Raises PaymentUnavailable."""
    if placed.status == OrderStatus.HOLD:
        return payment.leave(placed.order_id, placed.key)
    return keeper.clear(receipt.add(placed.key, make_response(web.go("/"))))


def ordered_and_reloaded(was: Shown | None, cart: Cart) -> AnyResponse | None:
    """The answer to a submit of a cart that this browser no longer has: a reload, or a second tab, after the order was placed."""
    order = orders.on_cart(was.cart_id) if was and was.cart_id != cart.id else None
    if order is not None and receipt.holds(order.key):
        return receipt.add(order.key, make_response(web.go("/")))
    if cart.lines:
        return None
    flash({"text": "Your cart is empty. If you have just ordered, your confirmation is on its way by e-mail."})
    return web.go("/cart")


def ordered_before(cart: Cart, form: CheckoutForm, error: AlreadyOrdered) -> AnyResponse:
    """The same cart once more with other content: as a new cart, if that is what they want. Only the buyer is told more."""
    fresh = keeper.with_new_id(cart)
    here = desk(fresh, form, [])
    told = Notice("You already ordered this cart. If you want to order this too, press the button again.")
    here.notices = [told, *here.notices]
    here.ordered_key = error.key if receipt.holds(error.key) else None
    return keeper.write(fresh, page(here, error.status))


@bp.get("/orders/<key>")
def order(key: str) -> AnyResponse:
    """The receipt; personal data only for the browser that ordered, or that proved it may see them."""
    found = orders.by_key(key)
    if found is None:
        abort(404)
    return afterwards.page(found)


@bp.route("/orders/find", methods=["GET", "POST"])
def find() -> AnyResponse:
    """Find an order by its number and e-mail; then this browser may read it whole."""
    form = FindForm()
    if request.method == "GET":
        return web.show("checkout/find.html", form=form, told=None)
    if not form.validate():
        expired = Notice(EXPIRED) if form.csrf_token.errors else None
        return web.show("checkout/find.html", 422, form=form, told=expired)
    most = current_app.config["ORDER_LOOKUPS_PER_HOUR"] if current_app.config["RATELIMIT_ENABLED"] else None
    if not attempts.allow("order", request.remote_addr or "", current_app.config["SECRET_KEY"], most=most, seconds=3600):
        response = web.show(
            "checkout/find.html", 429, form=form, told=Notice("Too many tries. Please wait an hour, or write to us.")
        )
        response.headers["Retry-After"] = "3600"
        return response
    found = orders.find(form.number.data or "", form.email.data or "")
    if found is None:
        told = Notice("There is no such order with this e-mail. Both are in your confirmation mail.")
        return web.show("checkout/find.html", 422, form=form, told=told)
    return receipt.add(found.key, make_response(web.go(f"/orders/{found.key}")), panel=False)


@bp.post("/orders/hide")
def hide() -> AnyResponse:
    """Hide the confirmation on the home page."""
    return receipt.without_panel(make_response(web.go("/")))
