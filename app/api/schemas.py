"""The shapes of what programs send and get: they validate, and the description is made of them.

Amounts are in minor units of the `currency` beside them; times are UTC.
"""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api.decoding import LARGEST_ID
from app.services.cart import MAX_QUANTITY

MOST_IN_A_LIST, USUAL_IN_A_LIST = 100, 20
LARGEST_OFFSET = 10_000

PLAIN = "^[^\x00-\x1f\x7f-\x9f]*$"  # no control characters
Id = Annotated[int, Meta(ge=1, le=LARGEST_ID)]
Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$", description="ISO 3166 code", examples=["GB"])]
Line = Annotated[str, Meta(max_length=200, pattern=PLAIN)]
Words = Annotated[str, Meta(max_length=120, pattern=PLAIN)]
Phone = Annotated[str, Meta(max_length=40, pattern=PLAIN, examples=["+44 20 7946 0000"])]


class Sent(Struct, forbid_unknown_fields=True, frozen=True):
    """Something that a program sends; it has the fields that are named here and no others."""


# ------------------------------------------------------------------------------------------------ sent


class Checkout(Sent, frozen=True):
    payment_method: Annotated[Id | None, Meta(description="May be left out when there is nothing to pay.")] = None
    address: Annotated[Id | None, Meta(description="One of yours. May be left out when nothing is sent by post.")] = None
    shipping_method: Annotated[Id | None, Meta(description="May be left out when nothing is sent by post.")] = None
    notes: Annotated[
        str | None,
        Meta(description="At most 500 characters, counted in NFC with each line break as one.", examples=["Ring twice."]),
    ] = None
    discount_code: Annotated[
        Annotated[str, Meta(max_length=40, pattern=PLAIN)] | None,
        Meta(description="Nothing is ordered when it does not hold. Case does not matter.", examples=["SUMMER10"]),
    ] = None


class PayAgain(Sent, frozen=True):
    payment_method: Id


class NewCartItem(Sent, frozen=True):
    sku: Annotated[Annotated[str, Meta(max_length=64, pattern=PLAIN)] | None, Meta(description="Either this or `variant`.")] = (
        None
    )
    variant: Annotated[Id | None, Meta(description="The id of a variant.")] = None
    quantity: Quantity = 1


class CartItemChange(Sent, frozen=True):
    quantity: Quantity


class ProfileChange(Sent, frozen=True):
    name: Words | UnsetType = UNSET
    phone: Phone | UnsetType = UNSET


class AddressFields(Sent, frozen=True):
    name: Words | UnsetType = UNSET
    company: Words | UnsetType = UNSET
    line1: Line | UnsetType = UNSET
    line2: Line | UnsetType = UNSET
    city: Words | UnsetType = UNSET
    region: Annotated[Words, Meta(description="The code, where a country has regions.")] | UnsetType = UNSET
    postcode: Annotated[str, Meta(max_length=20, pattern=PLAIN)] | UnsetType = UNSET
    country: Country | UnsetType = UNSET
    phone: Phone | UnsetType = UNSET
    is_default: Annotated[bool, Meta(description="`false` changes nothing: another one is made the default.")] = False
    accept_postcode: Annotated[bool, Meta(description="The postcode is right though it looks odd.")] = False


class AddressChange(AddressFields, frozen=True):
    """What is left out stays as it is."""


class NewAddress(AddressFields, frozen=True, kw_only=True):
    line1: Line
    country: Country


class PageQuery(Sent, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=MOST_IN_A_LIST)] = USUAL_IN_A_LIST
    offset: Annotated[int, Meta(ge=0, le=LARGEST_OFFSET)] = 0


class ProductQuery(PageQuery, frozen=True):
    q: Annotated[str, Meta(max_length=100, pattern=PLAIN, description="Words that all must be there.")] = ""
    category: Annotated[str, Meta(max_length=120, pattern=PLAIN, description="The slug of a shelf.")] = ""


class ShippingQuery(Sent, frozen=True):
    country: Annotated[Country, Meta(description="ISO 3166 code; that of your default address when left out")] | UnsetType = UNSET


class PaymentQuery(ShippingQuery, frozen=True):
    shipping_method: Annotated[Id, Meta(description="The first that fits when left out.")] | UnsetType = UNSET


# ------------------------------------------------------------------------------------------------ answered


class Error(Struct):
    error: Annotated[str, Meta(description="A sentence that people can read.")]


class Ordered(Struct, omit_defaults=True):
    """One of the two: the order is on its way, or the shopper must go and pay it."""

    order_key: Annotated[str, Meta(description="Nothing is left to do; the key opens the order.")] | UnsetType = UNSET
    next_step: Annotated[str, Meta(description="Where the shopper pays.")] | UnsetType = UNSET


class CartItem(Struct):
    id: Id
    sku: str
    product: str
    options: str
    quantity: Quantity
    unit_price_minor: int
    line_total_minor: int
    available: Annotated[int, Meta(ge=0, description="As many as can be had; checkout refuses a line with less.")]


class Cart(Struct):
    items: list[CartItem]
    items_minor: int
    currency: str
    needs_shipping: bool
    notices: Annotated[list[str], Meta(description="What differs from what was wanted.")]


class Variant(Struct):
    id: Id
    sku: str
    options: str
    price_minor: int
    currency: str
    available: Annotated[int, Meta(ge=0)]
    is_digital: bool


class Product(Struct):
    slug: str
    name: str
    summary: str
    origin: str
    category: str | None
    variants: list[Variant]


class ProductDetail(Product):
    description: Annotated[str, Meta(description="Markdown")]


class Products(Struct):
    count: int
    more: Annotated[bool, Meta(description="There are more than were counted.")]
    next: str | None
    results: list[Product]


class Profile(Struct):
    email: str
    name: str
    phone: str
    is_verified: bool
    is_complete: Annotated[bool, Meta(description="Only then a program may order.")]


class Address(Struct):
    id: Id
    name: str
    company: str
    line1: str
    line2: str
    city: str
    region: str
    postcode: str
    country: str
    phone: str
    is_default: bool


class Addresses(Struct):
    count: int
    next: str | None
    results: list[Address]


class OrderSummary(Struct):
    key: str
    number: str
    status: str
    placed_at: datetime
    currency: str
    items_minor: int
    shipping_minor: int
    total_minor: int


class Orders(Struct):
    count: int
    next: str | None
    results: list[OrderSummary]


class OrderLine(Struct):
    sku: str
    name: str
    options: str
    quantity: int
    unit_price_minor: int
    line_total_minor: Annotated[int, Meta(description="Before the order's discount.")]
    is_digital: bool


class OrderEvent(Struct):
    status: str
    at: datetime


class Tracking(OrderSummary):
    """What anybody with the key may know."""

    discount_minor: int
    discount_code: Annotated[str, Meta(description="What took the discount off; empty without one.")]
    tax_minor: int
    outstanding_minor: Annotated[int, Meta(description="Still to be paid.")]
    email: Annotated[str, Meta(description="Masked, but for its owner.")]
    shipping_method: str
    payment_method: str
    lines: list[OrderLine]
    events: list[OrderEvent]


class Order(Tracking):
    name: str
    phone: str
    notes: str
    address: Annotated[list[str], Meta(description="As it is written on the parcel; empty when nothing is sent.")]
    country: str
    next_step: Annotated[str | None, Meta(description="Where an order on HOLD is paid.")]


class PaymentMethod(Struct):
    id: Id
    name: str
    available: bool
    reason: Annotated[str | None, Meta(description="Why it does not fit this cart.")]


class PaymentMethods(Struct):
    count: int
    next: str | None
    results: list[PaymentMethod]


class ShippingMethod(Struct):
    id: Id
    name: str
    price_minor: int
    currency: str
    available: bool
    reason: Annotated[str | None, Meta(description="Why it does not fit this cart.")]


class ShippingMethods(Struct):
    count: int
    next: str | None
    results: list[ShippingMethod]
