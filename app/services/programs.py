"""What programs do for an account: they name rows by their ids, and everything else comes from the account."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from app.extensions import Record, read
from app.models.catalog import Product, Variant
from app.models.order import DEAD, Order, OrderStatus
from app.providers import GATEWAYS
from app.services import account_carts, address_book, cart as carts, checkout, payments, pricing, shipping
from app.services.accounts import Member
from app.services.cart import Cart, CartView, Changed
from app.services.checkout import Placed
from app.services.customers import Buyer, Contact
from app.services.errors import EmptyCart, MethodUnavailable, NotFound, ShopError
from app.services.payments import Offer
from app.services.shelf import Shelf
from app.services.shipping import Quote

EMPTY = "Your cart is empty."
NOT_SENT = "Nothing in your cart is sent by post."
NOT_PAID = "There is nothing to pay."


class ProfileIncomplete(ShopError):
    message = "Your profile is incomplete: an order needs your name, your phone number and an e-mail address that was verified."


class AddressMissing(ShopError):
    message = "Say which of your addresses it is to be sent to."


class NoSuchLine(NotFound):
    message = "There is no such line in your cart."


class NothingLeft(ShopError):
    message = "%(name)s is sold out."
    status = 409


def place_order(
    member: Member,
    *,
    address_id: int | None,
    shipping_id: int | None,
    payment_id: int | None,
    notes: str,
    currency: str,
    hold_minutes: int,
    holder: str = "",
    most_holds: int | None = None,
    discount_code: str = "",
    shelf: Shelf | None = None,
    died_since: datetime | None = None,
) -> Placed:
    """Order this account's cart at what it costs now, with the name, phone and e-mail of the profile.

    `died_since` is when an earlier try of the very same request began that was cut off: if the cart has been ordered since, and
    so is empty, that is the order. Address and shipping method are left out when nothing is physical, but must be right if they
    are given. Raises EmptyCart, ProfileIncomplete, NotFound (address), AddressMissing, and what `checkout.place_order` raises.
    """
    cart = account_carts.load(member.customer_id)
    if not cart.lines:
        if died_since and (found := placed_since(member, died_since)):
            return found
        raise EmptyCart
    if not member.is_complete:
        raise ProfileIncomplete
    address = None if address_id is None else address_book.address_of(address_book.entry(member.customer_id, address_id))
    view = carts.view(cart, currency)
    if view.asks_shipping and address is None:
        raise AddressMissing
    if not view.asks_shipping:
        refuse_unknown("shipping", shipping_id, shipping.methods())
    if not view.items_minor:
        refuse_unknown("payment", payment_id, [row for row in payments.methods() if row.gateway in GATEWAYS])
    return checkout.place_order(
        cart,
        Contact(member.email, member.name, member.phone, address if view.asks_shipping else None),
        currency=currency,
        shipping_id=shipping_id if view.asks_shipping else None,
        payment_id=payment_id,
        notes=notes,
        shown_total_minor=None,
        hold_minutes=hold_minutes,
        holder=holder,
        most_holds=most_holds,
        discount_code=discount_code,
        shelf=shelf,
        buyer=Buyer(member.customer_id, member.account_id),
    )


def placed_since(member: Member, moment: datetime) -> Placed | None:
    """The newest order of this account that was placed then or later and still stands."""
    columns = Order.id, Order.key, Order.status
    mine = Order.account_id == member.account_id, Order.placed_at >= moment, Order.status.not_in(sorted(DEAD))
    row = read(select(*columns).where(*mine).order_by(Order.id.desc()).limit(1)).first()
    return Placed(row.id, row.key, OrderStatus(row.status), is_new=False) if row else None


def refuse_unknown(kind: str, method_id: int | None, offered: Sequence[Record]) -> None:
    """Raise MethodUnavailable for a method that is not needed, but is not on offer either."""
    if method_id is not None and method_id not in {row.id for row in offered}:
        raise MethodUnavailable(pricing.NOT_OFFERED[kind], kind)


def country_of(member: Member, home: str) -> str:
    """Where this account's orders go unless it says otherwise: the country of its default address."""
    book = address_book.entries(member.customer_id)
    return str(book[0].country) if book else home


def shipping_quotes(view: CartView, country: str) -> list[Quote]:
    """Every active shipping method for this cart, those that do not fit with the reason; for an empty one too."""
    if view.needs_shipping:
        return shipping.quotes(view, country)
    reason = NOT_SENT if view.lines else EMPTY
    return [Quote(row.id, row.name, row.description, row.price_minor, reason) for row in shipping.methods()]


def payment_offers(view: CartView, country: str, shipping_id: int | None) -> list[Offer]:
    """Every active payment method for this cart, sent by this method or else by the first that fits."""
    fitting = [quote for quote in shipping.quotes(view, country) if quote.is_available]
    quote = next((quote for quote in fitting if quote.id == shipping_id), fitting[0] if fitting else None)
    total = view.items_minor + (quote.price_minor if quote else 0)
    if total and view.lines:
        return payments.offers(total, view.needs_shipping, country if view.needs_shipping else "", view.currency)
    reason = NOT_PAID if view.lines else EMPTY
    rows = [row for row in payments.methods() if row.gateway in GATEWAYS]
    return [Offer(row.id, row.name, row.description, row.gateway, reason) for row in rows]


# ------------------------------------------------------------------------------------------------ the cart

NAMED = (
    select(Variant.id, Variant.sku, Product.name, Variant.options, Variant.price_minor)
    .join(Product, Product.id == Variant.product_id)
    .order_by(Variant.id)
)


def named(variant_ids: Sequence[int]) -> dict[int, Record]:
    """(id, sku, name, options, price_minor) of these variants by id, also of those that are not sold any more."""
    return {row.id: row for row in read(NAMED.where(Variant.id.in_(variant_ids)))} if variant_ids else {}


def sku_of(variant_id: int) -> str:
    """The SKU of a variant. Raises NotFound."""
    row = named([variant_id]).get(variant_id)
    if row is None:
        raise NotFound("That is not sold here any more.")
    return str(row.sku)


def add(member: Member, sku: str, quantity: int, currency: str) -> Cart:
    """So many more of one variant in the account's cart, at most what can be had.

    Raises NotFound for what is not sold, NothingLeft, CartFull.
    """
    was = account_carts.load(member.customer_id)
    return kept(member, was, carts.add(was, sku, quantity, currency))


def set_line(member: Member, variant_id: int, quantity: int, currency: str) -> Cart:
    """So many of a variant that is in the cart, at most what can be had. Raises NoSuchLine, NotFound, NothingLeft."""
    was = account_carts.load(member.customer_id)
    if variant_id not in dict(was.lines):
        raise NoSuchLine
    row = named([variant_id])[variant_id]
    return kept(member, was, carts.set_line(was, row.sku, quantity, currency))


def kept(member: Member, was: Cart, changed: Changed) -> Cart:
    if not changed.quantity:
        raise NothingLeft(name=changed.title)
    return account_carts.save(member.customer_id, was, changed.cart)


def take_out(member: Member, variant_id: int) -> None:
    """A cart without this line. Raises NoSuchLine."""
    was = account_carts.load(member.customer_id)
    if variant_id not in dict(was.lines):
        raise NoSuchLine
    account_carts.save(member.customer_id, was, was.with_line(variant_id, 0))
