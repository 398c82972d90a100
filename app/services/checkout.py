"""Checkout: a cart becomes an order, exactly once, whoever asks and through whichever door."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from app.extensions import now, retried, transaction
from app.models.order import NOTES_MAX, OrderStatus
from app.services import account_carts, customers, digital, discounts, expiry, orders, paying, pricing, stock, text
from app.services.addresses import NOWHERE, Address
from app.services.cart import Cart
from app.services.customers import Buyer, Contact
from app.services.errors import AlreadyOrdered, InvalidInput, OutOfStock, ShopError, TotalChanged
from app.services.pricing import Priced
from app.services.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Placed:
    """The order that a cart is on now; `is_new` is False when an earlier submit had placed it."""

    order_id: int
    key: str
    status: OrderStatus
    is_new: bool


class TooManyHolds(ShopError):
    message = "You have several orders that are not paid yet. Please pay or cancel one of them first, or write to us."
    status = 429
    retry_seconds = 600


@dataclass(frozen=True, slots=True)
class Hold:
    """How long an unpaid order keeps its stock from others, and how many of them its holder may have; None: any number."""

    minutes: int
    holder: str
    most: int | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What one submit asks for."""

    cart: Cart
    contact: Contact
    shipping_id: int | None
    payment_id: int | None
    notes: str
    shown_total_minor: int | None  # None: a program, which is shown nothing and pays what it costs
    currency: str
    buyer: Buyer | None
    discount_code: str = ""  # as it is stored; "" for none

    def price(self, t: Connection | None = None) -> Priced:
        """Its price now. Raises what `pricing.price` raises, and TotalChanged when another total was shown."""
        country = self.contact.address.country if self.contact.address else ""
        priced = pricing.price(
            self.cart,
            currency=self.currency,
            country=country,
            shipping_id=self.shipping_id,
            payment_id=self.payment_id,
            discount_code=self.discount_code,
            t=t,
        )
        if self.shown_total_minor is not None and priced.total_minor != self.shown_total_minor:
            raise TotalChanged
        return priced

    def is_of_buyer(self, order: Any) -> bool:
        """Whether that order was placed by whoever asks: the same account, or a guest with the same mailbox."""
        if self.buyer:
            return bool(order.account_id == self.buyer.account_id)
        return order.account_id is None and orders.same_mailbox(order.email, self.contact.email)

    def is_on(self, order: Any) -> bool:
        """Whether that order, on HOLD, was placed by the same submit to the letter."""
        asked = [self.contact.email, self.contact.name, self.contact.phone, self.notes, self.shipping_id, self.payment_id]
        stands = [order.email, order.name, order.phone, order.notes, order.shipping_method_id, order.payment_method_id]
        address = self.contact.address or NOWHERE
        there = Address(order.country, order.line1, order.city, order.postcode, order.line2, order.region, order.company)
        goods = order.content_hash == self.cart.content_hash and order.discount_code == self.discount_code
        return asked == stands and address == there and goods and self.is_of_buyer(order)


def place_order(
    cart: Cart,
    contact: Contact,
    *,
    currency: str,
    shipping_id: int | None,
    payment_id: int | None,
    notes: str,
    shown_total_minor: int | None,
    hold_minutes: int,
    shelf: Shelf | None = None,
    buyer: Buyer | None = None,
    holder: str = "",
    most_holds: int | None = None,
    discount_code: str = "",
    locale: str = "en_GB",
) -> Placed:
    """Turn a cart into an order; placing one cart twice answers the same order.

    Everything is computed before the lock and written under it, or nothing is. A direct order takes its stock and is
    PROCESSING; a redirect order holds its stock and is on HOLD, for `hold_minutes`, one of at most `most_holds` of its
    `holder`. What is digital in an order that costs nothing is yielded from the `shelf`. `shown_total_minor` is what the
    shopper was shown, if anything was. A `buyer`'s order is their account's, and what it takes leaves their cart; an order
    without one is a guest's. A `discount_code` is used with it, or nothing is ordered. Raises EmptyCart, MethodUnavailable,
    InvalidInput (notes), DiscountRefused, AlreadyOrdered, TotalChanged, OutOfStock, TooManyHolds, Busy.
    """
    notes = checked_notes(notes)
    wish = Wish(cart, contact, shipping_id, payment_id, notes, shown_total_minor, currency, buyer, discount_code)
    hold = Hold(hold_minutes, holder, most_holds)
    try:
        return _place(wish, hold, shelf, locale)
    except OutOfStock as error:
        if not expiry.release_overdue([variant for variant, _, _, _ in error.short]):
            raise
    return _place(wish, hold, shelf, locale)  # somebody's time to pay was over, and nobody had noticed yet


@retried
def _place(wish: Wish, hold: Hold, shelf: Shelf | None, locale: str) -> Placed:
    cart, contact, buyer = wish.cart, wish.contact, wish.buyer
    there = orders.on_cart(cart.id)
    if found := earlier(there, wish):
        return found
    priced = None if there else wish.price()  # an order to be replaced still holds the stock it gives back under the lock
    with transaction() as t:
        orders.claim_cart(t, cart.id)
        there = orders.live(t, cart.id)
        if found := earlier(there, wish):
            return found
        if there:
            replace(t, there.id)
        if there or priced is None or not pricing.is_current(t, priced):
            priced = wish.price(t)
        if not priced.is_direct and hold.most is not None and orders.holds(t, hold.holder) >= hold.most:
            raise TooManyHolds
        values = orders.prepare(
            priced,
            contact,
            wish.notes,
            hold_minutes=hold.minutes,
            locale=locale,
            account_id=buyer.account_id if buyer else None,
            holder=hold.holder,
        )
        if priced.discount:
            discounts.take(t, priced.discount, contact.email)
        lines = [(line.variant_id, line.quantity, line.title) for line in priced.lines]
        taken = stock.take(t, lines) if priced.is_direct else stock.hold(t, lines)
        order_id, line_ids = orders.write(t, values, priced, buyer.customer_id if buyer else customers.guest(t, contact))
        stock.record_sale(t, taken, line_ids, orders.SHOPPER)
        if shelf and not priced.total_minor and any(line.is_digital for line in priced.lines):
            digital.fulfil(t, order_id, shelf)
        if buyer and priced.is_direct:  # until a payment is verified, nothing was lost yet
            account_carts.take_out(t, buyer.customer_id, cart)
    return Placed(order_id, values["key"], values["status"], is_new=True)


def earlier(order: Any, wish: Wish) -> Placed | None:
    """The order that an earlier submit of this cart placed; None when a new one is to be written.

    An unpaid order with anything different, or whose time is over, is to be replaced. Raises AlreadyOrdered when the cart was
    sold with other content, or by somebody else: a replayed cart opens nothing.
    """
    if order is None:
        return None
    placed = Placed(order.id, order.key, OrderStatus(order.status), is_new=False)
    if order.status == OrderStatus.HOLD:
        return placed if wish.is_on(order) and order.hold_expires_at > now() else None
    if order.content_hash == wish.cart.content_hash and wish.is_of_buyer(order):
        return placed
    raise AlreadyOrdered(order.key)


def replace(t: Connection, order_id: int) -> None:
    """Cancel an unpaid order in favour of the one that its shopper wants now, and give back what it held."""
    if orders.move(t, order_id, OrderStatus.CANCELLED, actor=orders.SHOPPER, reason=orders.REPLACED):
        stock.release(t, orders.quantities(t, order_id))
        paying.cancel_open(t, order_id)


def checked_notes(notes: str) -> str:
    """The notes, cleaned. Raises InvalidInput when they are too long or cannot be stored."""
    cleaned = text.clean(notes)
    if not text.is_storable(cleaned, lines=True):
        raise InvalidInput({"notes": text.REFUSED})
    if len(cleaned) > NOTES_MAX:
        raise InvalidInput({"notes": f"These are {len(cleaned)} characters; {NOTES_MAX} is the most."})
    return cleaned
