"""Ordering again what was ordered before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from app.extensions import db
from app.models.order import LineItem
from app.services import cart as carts
from app.services.cart import MAX_QUANTITY, Cart, Notice


@dataclass(frozen=True)
class Again:
    """The cart with the lines of an order in it, and what the shopper should know."""

    cart: Cart
    notices: Sequence[Notice]


def put_in(cart: Cart, order_id: int, currency: str) -> Again:
    """Of each line of an order that is still sold at least as many as it had, as far as they can be had.

    Doing it twice changes nothing more.
    """
    wanted = select(LineItem.variant_id, LineItem.quantity, LineItem.name, LineItem.options).where(LineItem.order_id == order_id)
    lines = db.session.execute(wanted.order_by(LineItem.position, LineItem.id)).all()
    there = dict(cart.lines)
    ordered = {line.variant_id: min(line.quantity, MAX_QUANTITY) for line in lines if line.variant_id is not None}
    more = {variant: max(quantity, there.get(variant, 0)) for variant, quantity in ordered.items()}
    seen = carts.view(Cart(cart.id, tuple(more.items())), currency)
    had = dict(seen.cart.lines)
    kept = {variant: quantity for variant, quantity in cart.lines if variant not in more} | had
    ordering = {variant: kept[variant] for variant in [*there, *had] if variant in kept}  # each at its old place
    gone = [
        Notice("%(name)s is no longer sold.", {"name": f"{line.name}, {line.options}" if line.options else line.name})
        for line in lines
        if line.variant_id is None
    ]
    told = [Notice("What you ordered then is in your cart.")] if had else []
    return Again(replace(cart, lines=tuple(ordering.items())), [*told, *gone, *seen.notices])
