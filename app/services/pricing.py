"""What an order costs: its lines, its shipping, the tax inside, and the total, from today's rows and nothing the client sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, bindparam, select

from app import money
from app.extensions import Prepared
from app.models.catalog import TaxRate
from app.services import cart as carts, catalog, discounts, payments, shipping
from app.services.cart import Cart, CartLine, CartView
from app.services.discounts import Discount
from app.services.errors import EmptyCart, MethodUnavailable, OutOfStock
from app.services.payments import Offer
from app.services.shipping import Quote

Choice = TypeVar("Choice", Quote, Offer)

NOT_CHOSEN = {"shipping": "Choose how it should be sent.", "payment": "Choose how you want to pay."}
NOT_OFFERED = {
    "shipping": "That way of delivery is not offered any more. Choose another.",
    "payment": "That way to pay is not offered any more. Choose another.",
}
RATES = Prepared(select(TaxRate.tax_class_id, TaxRate.rate_bp).where(TaxRate.country == bindparam("country")))


@dataclass(frozen=True)
class Priced:
    """A cart with its price, ready to be ordered. `lines` are merged and in variant-id order."""

    view: CartView
    lines: Sequence[CartLine]
    discount: Discount | None
    line_discounts: Sequence[int]  # each line's share of the discount in minor units
    line_taxes: Sequence[tuple[int, int]]  # (rate in basis points, tax inside in minor units) of each line
    country: str  # "" when nothing is sent
    shipping: Quote | None
    payment: Offer | None
    shipping_tax_minor: int
    total_minor: int

    @property
    def shipping_minor(self) -> int:
        return self.shipping.price_minor if self.shipping else 0

    @property
    def tax_minor(self) -> int:
        return sum(tax for _, tax in self.line_taxes) + self.shipping_tax_minor

    @property
    def is_direct(self) -> bool:
        """Nothing has to be waited for: the order is PROCESSING at once."""
        return self.payment is None or self.payment.is_direct


def price(
    cart: Cart,
    *,
    currency: str,
    country: str,
    shipping_id: int | None,
    payment_id: int | None,
    discount_code: str = "",
    t: Connection | None = None,
) -> Priced:
    """The price of this cart, sent to this country by these methods, less what its discount code takes off the goods.

    Shipping is charged only when something is physical; a payment method is needed only when there is something to pay.
    Raises EmptyCart, OutOfStock, MethodUnavailable, DiscountRefused.
    """
    view = carts.view(cart, currency, t)
    if not cart.lines:
        raise EmptyCart
    if view.short:
        raise OutOfStock(list(view.short))
    quote = choose(shipping.quotes(view, country, shipping.methods(t)), shipping_id, "shipping") if view.needs_shipping else None
    discount = discounts.on(view, discount_code, t) if discount_code else None
    off = discount.minor if discount else 0
    total = view.items_minor - off + (quote.price_minor if quote else 0)
    offers = payments.offers(total, view.needs_shipping, country, currency, payments.methods(t)) if total else []
    offer = choose(offers, payment_id, "payment") if total else None
    lines = sorted(view.lines, key=lambda line: line.variant_id)
    shares = discounts.shares(off, [line.total_minor for line in lines])
    rates = country_rates(country, t)
    taxes = []
    for line, share in zip(lines, shares, strict=True):
        rate = rates.get(line.tax_class_id, line.tax_rate_bp)
        taxes.append((rate, money.tax_inside(line.total_minor - share, rate)))
    highest = max(rate for rate, _ in taxes)
    return Priced(
        view=view,
        lines=lines,
        discount=discount,
        line_discounts=shares,
        line_taxes=taxes,
        country=country if view.needs_shipping else "",
        shipping=quote,
        payment=offer,
        shipping_tax_minor=money.tax_inside(quote.price_minor, highest) if quote else 0,
        total_minor=total,
    )


def choose(choices: Sequence[Choice], wanted: int | None, kind: str) -> Choice:
    """The chosen one. Raises MethodUnavailable saying why it cannot be had, or that nothing was chosen."""
    for choice in choices:
        if choice.id == wanted:
            if not choice.is_available:
                raise MethodUnavailable(f"{choice.name}: {choice.reason}", kind)
            return choice
    raise MethodUnavailable((NOT_CHOSEN if wanted is None else NOT_OFFERED)[kind], kind)


def country_rates(country: str, t: Connection | None = None) -> dict[int, int]:
    """The rates in basis points by tax class id where this country differs."""
    if not country:
        return {}
    return dict(RATES.rows(t, country=country))


def is_current(t: Connection, priced: Priced) -> bool:
    """Whether nothing that prices rest on changed since; asked under the lock."""
    return catalog.revision(t) == priced.view.revision
