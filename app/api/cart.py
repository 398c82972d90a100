"""The account's cart: the same one as on the shop's pages."""

from flask import current_app

from app import templating
from app.api import schemas
from app.api.decoding import Refused
from app.api.operations import operation
from app.services import account_carts, cart as carts, programs
from app.services.accounts import Member
from app.services.cart import Cart


@operation("GET", "/shop/cart", answers=schemas.Cart)
def show_cart(member: Member) -> schemas.Cart:
    """The cart as it is wanted, with what can be had of each line now."""
    return shown(account_carts.load(member.customer_id))


@operation("DELETE", "/shop/cart", answers=None)
def empty_cart(member: Member) -> None:
    """Empty the cart."""
    account_carts.clear(member.customer_id)


LINE = {"change_item": ("line_id", "/items/0/id"), "remove_item": ("line_id", "/items/0/id")}


@operation("POST", "/shop/cart/items", answers=schemas.Cart, body=schemas.NewCartItem, errors=(400,), not_found=400, leads=LINE)
def add_item(member: Member, body: schemas.NewCartItem) -> schemas.Cart:
    """Put so many more of a variant into the cart, by its SKU or its id; lowered to what can be had."""
    if (body.sku is None) == (body.variant is None):
        raise Refused("Send either the sku or the variant.")
    sku = programs.sku_of(body.variant) if body.variant is not None else (body.sku or "").strip().upper()
    return shown(programs.add(member, sku, body.quantity, current_app.config["CURRENCY"]))


@operation("PATCH", "/shop/cart/items/<line_id>", answers=schemas.Cart, body=schemas.CartItemChange, errors=(400, 404))
def change_item(member: Member, line_id: int, body: schemas.CartItemChange) -> schemas.Cart:
    """Change how many of a variant are in the cart; lowered to what can be had."""
    return shown(programs.set_line(member, line_id, body.quantity, current_app.config["CURRENCY"]))


@operation("DELETE", "/shop/cart/items/<line_id>", answers=None, errors=(404,))
def remove_item(member: Member, line_id: int) -> None:
    """Take a variant out of the cart."""
    programs.take_out(member, line_id)


def shown(cart: Cart) -> schemas.Cart:
    """The cart line by line as it is wanted, sold-out lines too: whoever reads it must be able to take them out."""
    view = carts.view(cart, current_app.config["CURRENCY"])
    there = {line.variant_id: line for line in view.lines}
    gone = programs.named([variant for variant, _ in cart.lines if variant not in there])
    items = []
    for variant, quantity in cart.lines:
        if line := there.get(variant):
            named, price, left = (line.sku, line.name, line.options), line.unit_price_minor, line.available
        elif row := gone.get(variant):
            named, price, left = (row.sku, row.name, row.options), row.price_minor, 0
        else:
            continue  # deleted a moment ago, and its line with it
        items.append(schemas.CartItem(variant, *named, quantity, price, price * quantity, left))
    return schemas.Cart(
        items=items,
        items_minor=sum(item.line_total_minor for item in items),
        currency=view.currency,
        needs_shipping=view.asks_shipping,
        notices=[templating.notice(notice) for notice in view.notices],
    )
