"""The signed token of what a shopper was shown, which travels with the form and comes back with the submit."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from flask import current_app
from itsdangerous import BadData, URLSafeSerializer

from app.config import signing_keys
from app.services.cart import Cart, CartView
from app.services.shipping import Quote


@dataclass(frozen=True)
class Shown:
    """One look at the checkout: the cart and its content, the country, the total for each delivery shown, and the lines."""

    cart_id: str
    content_hash: str  # of the cart as it was wanted; the lines are what could be had of it
    country: str
    totals: dict[str, int]  # minor units by shipping method id; "" where nothing is sent
    lines: list[tuple[int, int, int]]  # variant id, quantity, unit price in minor units
    code: str = ""  # the discount code that the browser had
    off_minor: int = 0  # what it took off the totals

    @property
    def cart(self) -> Cart:
        """The cart that was shown, and that a submit orders: all of it or nothing."""
        return Cart(self.cart_id, tuple((variant, quantity) for variant, quantity, _ in self.lines))

    @property
    def prices(self) -> dict[int, int]:
        """Unit prices in minor units by variant id."""
        return {variant: price for variant, _, price in self.lines}

    @property
    def needs_shipping(self) -> bool:
        return "" not in self.totals

    @property
    def discount_code(self) -> str:
        """The code that a submit uses: one that took nothing off was shown so, and is not needed."""
        return self.code if self.off_minor else ""

    def is_of(self, cart: Cart, code: str) -> bool:
        """Whether nothing was put into the cart or taken out since, nor another discount code typed."""
        is_same = cart.content_hash in (self.content_hash, self.cart.content_hash)
        return cart.id == self.cart_id and is_same and code == self.code

    def total(self, shipping_id: int | None) -> int | None:
        """The total that was shown for this choice; None when it was not shown."""
        return self.totals.get("" if shipping_id is None else str(shipping_id))


def serializer() -> URLSafeSerializer:
    return _serializer(signing_keys(current_app.config))


@cache
def _serializer(keys: tuple[str, ...]) -> URLSafeSerializer:
    return URLSafeSerializer(keys, salt="checkout shown")


def look(cart: Cart, view: CartView, country: str, quotes: Sequence[Quote], code: str, off_minor: int) -> Shown:
    """What the page shows now of this cart, from which its discount code takes so much off."""
    goods = view.items_minor - off_minor
    totals = {str(quote.id): goods + quote.price_minor for quote in quotes if quote.is_available}
    if not view.needs_shipping:
        totals = {"": goods}
    lines = [(line.variant_id, line.quantity, line.unit_price_minor) for line in view.lines]
    return Shown(cart.id, cart.content_hash, country, totals, lines, code, off_minor)


def write(shown: Shown) -> str:
    parts = [shown.cart_id, shown.content_hash, shown.country, shown.totals, shown.lines]
    if shown.code:
        parts += [shown.code, shown.off_minor]
    return str(serializer().dumps(parts))


def read(token: str) -> Shown | None:
    """What was shown, or None for a token that we did not write."""
    try:
        return Shown(*serializer().loads(token))
    except BadData:
        return None
