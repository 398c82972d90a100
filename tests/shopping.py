"""What people do in the shop again and again, and what came of it in the database."""

from dataclasses import replace
from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.models.catalog import Variant
from app.models.customer import Customer
from app.models.order import Order
from app.models.outbox import OutboxMessage
from app.models.payment import ShippingMethod
from app.models.stock import StockAlert, StockMovement
from app.services import checkout, stock
from app.services.addresses import Address
from app.services.cart import Cart
from app.services.shelf import Shelf
from tests.factories import LONDON, a_contact
from tests.shopper import Browser

GUS = {
    "email": "gus@example.com",
    "name": "Gus Guest",
    "line1": "1 High Street",
    "city": "London",
    "postcode": "SW1A 1AA",
}
GUS_DIGITAL = {"email": "gus@example.com", "name": "Gus Guest"}
STANDARD, ON_DELIVERY = 1, 1  # ids of the methods that the migrations bring
COUNTED = (Order, Customer, StockMovement, StockAlert, OutboxMessage)


def put_in(page: Browser, sku: str, quantity: int = 1) -> Browser:
    """Put so many of a SKU into the cart."""
    return page.post("/cart/items", {"sku": sku, "quantity": quantity})


def to_checkout(page: Browser, sku: str, quantity: int = 1) -> Browser:
    put_in(page, sku, quantity)
    return page.get("/checkout")


def typed(page: Browser, **changed: Any) -> dict[str, Any]:
    """What the open checkout would send, filled in by Gus: to be sent by `post`, perhaps more than once."""
    there = {name: value for name, value in GUS.items() if name in {"email", "name"} or page.document.by_id(name) is not None}
    return page.form_data("Order and pay", **(there | changed))


def place(page: Browser, *, status: int | None = 200, **changed: Any) -> Browser:
    """Fill in the open checkout as Gus and press "Order and pay"."""
    there = {name: value for name, value in GUS.items() if name in {"email", "name"} or page.document.by_id(name) is not None}
    return page.submit("Order and pay", there | changed, status=status)


def buy(page: Browser, sku: str, quantity: int = 1, **changed: Any) -> Browser:
    """Cart, checkout, order: ends on the thank-you panel."""
    return place(to_checkout(page, sku, quantity), **changed)


def order_of(
    cart: Cart,
    email: str = "gus@example.com",
    *,
    contact_address: Address | None = LONDON,
    name: str | None = None,
    shipping_id: int | None = STANDARD,
    payment_id: int | None = ON_DELIVERY,
    notes: str = "",
    shown: int | None = None,
    shelf: Shelf | None = None,
    code: str = "",
) -> checkout.Placed:
    """Place the cart as Gus; what he was shown is what it costs, unless said or a discount code typed."""
    contact = a_contact(email, address=contact_address)
    if name:
        contact = replace(contact, name=name)
    methods = {"shipping_id": shipping_id, "payment_id": payment_id}
    return checkout.place_order(
        cart,
        contact,
        currency="GBP",
        notes=notes,
        shown_total_minor=price_of(cart, shipping_id) if shown is None and not code else shown,
        hold_minutes=30,
        shelf=shelf,
        discount_code=code,
        **methods,
    )


def price_of(cart: Cart, shipping_id: int | None) -> int:
    db.session.rollback()
    prices = dict(db.session.execute(select(Variant.id, Variant.price_minor)).all())
    wanted = select(ShippingMethod.price_minor).where(ShippingMethod.id == shipping_id)
    return sum(prices.get(variant, 0) * quantity for variant, quantity in cart.lines) + (db.session.execute(wanted).scalar() or 0)


def orders() -> list[Order]:
    """Every order, the oldest first."""
    db.session.rollback()
    return list(db.session.execute(select(Order).order_by(Order.id)).scalars())


def the_order() -> Order:
    """The only order there is."""
    found = orders()
    assert len(found) == 1, f"there are {len(found)} orders"
    return found[0]


def lines_of(order: Order) -> list[tuple[str, int]]:
    return [(line.sku, line.quantity) for line in order.lines]


def level(sku: str) -> tuple[int, int]:
    """(on hand, held) of a SKU."""
    db.session.rollback()
    [(_, on_hand, held, _)] = stock.levels(sku)
    return on_hand, held


def alerts() -> list[tuple[Any, ...]]:
    """(sku, kind, level, status) of every alert, the oldest first."""
    db.session.rollback()
    return [(alert["sku"], alert["kind"], alert["level"], alert["status"]) for alert in stock.alerts()]


def counts() -> dict[str, int]:
    """How many rows there are of all that an order would write."""
    db.session.rollback()
    return {model.__tablename__: db.session.execute(select(func.count(model.id))).scalar_one() for model in COUNTED}
