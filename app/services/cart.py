"""The cart: what somebody wants, and what it is worth and can be had now.

A `Cart` is a plain value, wherever it is kept. A `CartView` is that cart against today's catalogue: one query, whatever its size.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from app.extensions import Prepared
from app.models.catalog import CatalogueRevision, Product, TaxClass, Variant
from app.models.order import IS_LIVE, LineItem, Order, OrderStatus
from app.services import catalog
from app.services.errors import NotFound

MAX_QUANTITY = 99_999  # five digits, as the quantity fields take


def new_id() -> str:
    """128 random bits as hex: names a cart until it is ordered."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Cart:
    """Variants and quantities in the order they were added; each variant once."""

    id: str = field(default_factory=new_id)
    lines: tuple[tuple[int, int], ...] = ()
    written_at: int = 0  # unix seconds of its last change; prices that changed since are told

    @property
    def count(self) -> int:
        return sum(quantity for _, quantity in self.lines)

    @property
    def content_hash(self) -> str:
        """Equal for carts with the same variants and quantities, whatever their order."""
        return hashlib.sha256(repr(sorted(self.lines)).encode()).hexdigest()

    def with_line(self, variant_id: int, quantity: int) -> "Cart":
        """The cart with so many of this variant, at its old place or at the end; 0 removes it."""
        lines = dict(self.lines)
        if quantity:
            lines[variant_id] = min(quantity, MAX_QUANTITY)
        else:
            lines.pop(variant_id, None)
        return replace(self, lines=tuple(lines.items()))

    def with_new_id(self) -> "Cart":
        return replace(self, id=new_id())


@dataclass(frozen=True)
class Notice:
    """Something the shopper should know: a sentence with %(name)s places for its values."""

    message: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CartLine:
    """One line as it stands now: `quantity` is what can be had of what was `wanted`."""

    variant_id: int
    sku: str
    slug: str
    name: str
    options: str
    label_version: str
    wanted: int
    quantity: int
    available: int
    unit_price_minor: int
    currency: str
    weight_grams: int
    is_digital: bool
    tax_class_id: int
    tax_rate_bp: int  # the class's own rate
    was_minor: int | None  # the price before, when it changed since the cart was last written

    @property
    def total_minor(self) -> int:
        return self.unit_price_minor * self.quantity

    @property
    def title(self) -> str:
        """The name with its options, as orders and messages say it."""
        return f"{self.name}, {self.options}" if self.options else self.name


@dataclass(frozen=True)
class CartView:
    """A cart as it can be ordered now. `lines` are in the cart's order; `notices` say what differs from what was wanted."""

    cart: Cart  # lowered to what can be had
    lines: Sequence[CartLine]
    notices: Sequence[Notice]
    short: Sequence[tuple[int, str, int, int]]  # every line that cannot be had in full: (variant id, name, wanted, left)
    currency: str
    items_minor: int
    weight_grams: int
    needs_shipping: bool
    asks_shipping: bool  # the same of what was wanted, so that a form keeps its address when all of it is gone
    revision: int  # of the catalogue when this was read

    @property
    def count(self) -> int:
        return self.cart.count


LINES = (
    select(
        Variant.id,
        Variant.sku,
        Product.slug,
        Product.name,
        Variant.options,
        Product.label_version,
        Variant.on_hand,
        Variant.held,
        Variant.price_minor,
        Variant.currency,
        Variant.weight_grams,
        Variant.is_digital,
        Variant.is_active,
        Product.is_active.label("is_offered"),
        Variant.previous_price_minor,
        Variant.price_changed_at,
        Product.tax_class_id,
        TaxClass.rate_bp,
        CatalogueRevision.number.label("revision"),
    )
    .select_from(Variant)
    .join(Product, Product.id == Variant.product_id)
    .join(TaxClass, TaxClass.id == Product.tax_class_id)
    .join(CatalogueRevision, CatalogueRevision.id > 0)
)
OWN_HOLD = Prepared(
    select(LineItem.variant_id, func.sum(LineItem.quantity).label("held"))
    .join(Order, Order.id == LineItem.order_id)
    .where(Order.cart_id == bindparam("cart"), IS_LIVE, Order.status == OrderStatus.HOLD)
    .group_by(LineItem.variant_id)
)


@cache
def _lines_of(size: int) -> Prepared:
    return Prepared(LINES.where(Variant.id.in_([bindparam(f"id{place}", type_=Variant.id.type) for place in range(size)])))


def rows_of(ids: Sequence[int], t: Connection | None = None) -> list[Any]:
    """The columns of LINES of one variant or more. A dozen statements serve every size, each twice as many as the one before."""
    size = 1 << (len(ids) - 1).bit_length()
    padded = [*ids, *[ids[-1]] * (size - len(ids))]
    return _lines_of(size).rows(t, **{f"id{place}": variant for place, variant in enumerate(padded)})


def view(cart: Cart, currency: str, t: Connection | None = None) -> CartView:
    """The cart against the catalogue as it is now; inside a transaction when its connection is given."""
    if not cart.lines:
        return CartView(cart, (), (), (), currency, 0, 0, False, False, 0)
    rows = rows_of([variant for variant, _ in cart.lines], t)
    by_id = {row.id: row for row in rows}
    # What this cart's own unpaid order holds is not gone for its shopper: ordering anew gives it back first.
    is_short = any(row.held and row.on_hand - row.held < wanted for variant, wanted in cart.lines if (row := by_id.get(variant)))
    own = dict(OWN_HOLD.rows(t, cart=cart.id)) if is_short else {}
    lines: list[CartLine] = []
    notices: list[Notice] = []
    short: list[tuple[int, str, int, int]] = []
    for variant, wanted in cart.lines:
        row = by_id.get(variant)
        line = _line(row, wanted, own.get(variant, 0), cart.written_at) if row is not None else None
        notices += _told(line, row, cart.written_at)
        if line is not None and line.quantity:
            lines.append(line)
        if line is None or line.quantity < wanted:
            short.append((variant, line.title if line else "", wanted, line.quantity if line else 0))
    had = replace(cart, lines=tuple((line.variant_id, line.quantity) for line in lines))
    return CartView(
        cart=had,
        lines=lines,
        notices=notices,
        short=short,
        currency=currency,
        items_minor=sum(line.total_minor for line in lines),
        weight_grams=sum(line.weight_grams * line.quantity for line in lines if not line.is_digital),
        needs_shipping=any(not line.is_digital for line in lines),
        asks_shipping=any(not line.is_digital for line in lines) or (not lines and any(not row.is_digital for row in rows)),
        revision=rows[0].revision if rows else 0,
    )


def _line(row: Any, wanted: int, own_hold: int, written_at: int) -> CartLine:
    is_sold = row.is_active and row.is_offered
    available = max(row.on_hand - row.held + own_hold, 0) if is_sold else 0
    changed = row.price_changed_at is not None and written_at and row.price_changed_at.timestamp() > written_at
    return CartLine(
        row.id,
        row.sku,
        row.slug,
        row.name,
        row.options,
        row.label_version,
        wanted,
        min(wanted, available),
        available,
        row.price_minor,
        row.currency,
        row.weight_grams,
        row.is_digital,
        row.tax_class_id,
        row.rate_bp,
        row.previous_price_minor if changed else None,
    )


def _told(line: CartLine | None, row: Any, written_at: int) -> list[Notice]:
    """What must be said of one line."""
    if line is None or row is None:
        return [Notice("Something in your cart is no longer sold here and was left out.")]
    if not (row.is_active and row.is_offered):
        return [Notice("%(name)s is no longer sold and was left out.", {"name": line.title})]
    told = []
    if line.available == 0:
        told.append(Notice("%(name)s is sold out and was left out.", {"name": line.title}))
    elif line.quantity < line.wanted:
        told.append(
            Notice("Only %(left)s left of %(name)s, quantity set to %(left)s.", {"left": line.available, "name": line.title})
        )
    if line.was_minor is not None and line.was_minor != line.unit_price_minor and line.available:
        values = {"name": line.title, "was_minor": line.was_minor, "now_minor": line.unit_price_minor, "currency": line.currency}
        told.append(Notice("%(name)s now costs %(now)s, it was %(was)s.", values))
    return told


@dataclass(frozen=True)
class Changed:
    """A cart after a change, what was changed, and what must be said about it."""

    cart: Cart
    title: str
    quantity: int  # of the changed variant, afterwards
    notices: tuple[Notice, ...] = ()


def add(cart: Cart, sku: str, quantity: int, currency: str) -> Changed:
    """So many more of one variant, at most what is available. Raises NotFound for what is not sold."""
    return _put(cart, sku, quantity, currency, more=True)


def set_line(cart: Cart, sku: str, quantity: int, currency: str) -> Changed:
    """So many of one variant, at most what is available; 0 removes it. Raises NotFound for what is not sold."""
    return _put(cart, sku, quantity, currency, more=False)


def _put(cart: Cart, sku: str, quantity: int, currency: str, *, more: bool) -> Changed:
    row = catalog.by_sku(sku)
    if row is None:
        raise NotFound("That is not sold here any more.")
    before = dict(cart.lines).get(row.id, 0)
    wanted = min(before + quantity if more else quantity, MAX_QUANTITY)
    seen = view(Cart(cart.id, ((row.id, wanted),)), currency)
    had = seen.lines[0].quantity if seen.lines else 0
    title = f"{row.name}, {row.options}" if row.options else row.name
    return Changed(cart.with_line(row.id, had if wanted else 0), title, had, tuple(seen.notices) if wanted else ())


def update(cart: Cart, quantities: Mapping[str, int], currency: str) -> Cart:
    """The cart with these quantities by SKU, passing over what is not in it. Its view lowers what cannot be had."""
    by_sku = {line.sku: line.variant_id for line in view(cart, currency).lines}
    for sku, quantity in quantities.items():
        if sku in by_sku:
            cart = cart.with_line(by_sku[sku], quantity)
    return cart
