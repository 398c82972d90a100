"""Where this visitor's cart is kept: a guest's in the cookie, an account's in the database. Views read and write it here."""

from flask import Response, g

from app.account import login
from app.cart import cookie, discount
from app.services import account_carts
from app.services.cart import Cart


def read() -> Cart:
    """The cart of whoever asks."""
    member = login.current()
    if member is None:
        return cookie.read()
    if "kept_cart" not in g:
        g.kept_cart = g.cart = account_carts.load(member.customer_id)
    cart = g.cart
    assert isinstance(cart, Cart)
    return cart


def write(cart: Cart, response: Response) -> Response:
    """Keep this cart. Raises CartFull before anything is changed."""
    member = login.current()
    if member is None:
        return cookie.write(cart, response)
    read()
    g.kept_cart = g.cart = account_carts.save(member.customer_id, g.kept_cart, cart)
    return response


def clear(response: Response) -> Response:
    """Keep no cart any more, nor its discount code; an account's cart is emptied by the order itself."""
    return discount.clear(cookie.clear(response))


def empty() -> None:
    """Show an empty cart for the rest of this request."""
    read()
    g.cart = Cart()


def with_new_id(cart: Cart) -> Cart:
    """The same cart as another one, after this one was ordered."""
    member = login.current()
    if member is None:
        return cart.with_new_id()
    g.kept_cart = g.cart = account_carts.renew(member.customer_id)
    return g.kept_cart


def fits(cart: Cart) -> bool:
    """Whether this cart can be kept."""
    if login.current() is None:
        return cookie.fits(cart)
    return len(cart.lines) <= account_carts.MOST_LINES
