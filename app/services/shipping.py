"""Shipping: which methods take a cart to a country, what each costs, and why the others do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, select

from app import money
from app.extensions import Prepared
from app.models.payment import ShippingMethod
from app.services import addresses
from app.services.cart import CartView

METHODS = Prepared(
    select(*ShippingMethod.__table__.c).where(ShippingMethod.is_active).order_by(ShippingMethod.position, ShippingMethod.id)
)


@dataclass(frozen=True, slots=True)
class Quote:
    """One method's price for a cart and a country; when it is not available, `reason` says why."""

    id: int
    name: str
    description: str
    price_minor: int
    reason: str | None = None

    @property
    def is_available(self) -> bool:
        return self.reason is None


@cache
def codes(countries: str) -> frozenset[str]:
    """The ISO codes in a method's list; empty means everywhere."""
    return frozenset(countries.replace(",", " ").split())


def methods(t: Connection | None = None) -> Sequence[Any]:
    """The active methods in their order."""
    return METHODS.rows(t)


def quotes(view: CartView, country: str, offered: Sequence[Any] | None = None) -> list[Quote]:
    """Every active method for this cart, in order. Empty when nothing is to be sent."""
    if not view.needs_shipping:
        return []
    return [quote(method, view, country) for method in (methods() if offered is None else offered)]


def quote(method: Any, view: CartView, country: str) -> Quote:
    """What this method asks for this cart, or why it does not take it."""
    asked = price(method, view.weight_grams, view.items_minor)
    return Quote(method.id, method.name, method.description, asked, _reason(method, view, country))


def price(method: Any, weight_grams: int, items_minor: int) -> int:
    """A method's price in minor units: flat, plus so much per kilogram begun, nothing from its free limit on."""
    if method.free_from_minor is not None and items_minor >= method.free_from_minor:
        return 0
    kilograms = -(-weight_grams // 1000)
    return int(method.price_minor + method.per_kg_minor * kilograms)


@dataclass(frozen=True, slots=True)
class Example:
    """What one parcel costs by a method, to see whether its rule is what was meant."""

    weight_grams: int
    items_minor: int
    price_minor: int


def example(method: Any) -> Example:
    """A middling parcel, made lighter or heavier where the method would not take it."""
    weight = max(method.min_weight_grams, min(1200, method.max_weight_grams or 1200))
    items = max(3000, 30 * 10 ** money.exponent(method.currency))
    return Example(weight, items, price(method, weight, items))


def _reason(method: Any, view: CartView, country: str) -> str | None:
    if method.currency != view.currency:
        return "Its price is in another currency."
    if codes(method.countries) and country not in codes(method.countries):
        return "It does not go to this country."
    if view.weight_grams < method.min_weight_grams:
        return "Your parcel is too light for it."
    if method.max_weight_grams is not None and view.weight_grams > method.max_weight_grams:
        return "Your parcel is too heavy for it."
    return None


def countries(home: str, offered: Sequence[Any]) -> list[str]:
    """The countries that some method reaches, the home country first, the others by code."""
    reached: set[str] = set()
    for method in offered:
        reached |= codes(method.countries) or set(addresses.everywhere())
    return ([home] if home in reached else []) + sorted(reached - {home})
