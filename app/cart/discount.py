"""The discount cookie: the only file that reads, signs or clears it. It holds a code that a shopper typed and the shop knew.

It is signed, so that nobody can try codes by cookie; what we did not sign is the same as none.
"""

import hashlib
from functools import cache

from flask import Response, current_app, g, request
from itsdangerous import BadSignature, Signer

from app.cart.cookie import CART_COOKIE_DAYS, is_as_written
from app.config import signing_keys
from app.services import discounts
from app.services.cart import CartView, Notice
from app.services.discounts import Discount, DiscountRefused

NAME = "discount"
LONGEST = 128  # bytes: the longest code and its signature are 40 + 44


def signer() -> Signer:
    """Signs with today's key, and accepts the keys before it."""
    return _signer(signing_keys(current_app.config))


@cache
def _signer(keys: tuple[str, ...]) -> Signer:
    return Signer(keys, salt="discount cookie", key_derivation="hmac", digest_method=hashlib.sha256)


def decode(value: str) -> str:
    """The code in a cookie's value; "" for anything that we did not write."""
    if len(value) > LONGEST:
        return ""
    try:
        code = signer().unsign(value).decode("ascii")
    except (BadSignature, UnicodeError):
        return ""
    return code if is_as_written(value) else ""


def read() -> str:
    """The code of this browser; "" where there is none."""
    if "discount_code" not in g:
        value = request.cookies.get(NAME)
        g.discount_code = decode(value) if value else ""
    return str(g.discount_code)


def write(code: str, response: Response) -> Response:
    """Let the browser keep this code, in place of any other."""
    response.set_cookie(
        NAME,
        signer().sign(code).decode("ascii"),
        max_age=CART_COOKIE_DAYS * 24 * 3600,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return response


def forget() -> None:
    """Go on without a code for the rest of this request."""
    g.discount_code = ""


def clear(response: Response) -> Response:
    """Keep no code any more."""
    if NAME in request.cookies:
        response.delete_cookie(NAME, httponly=True, samesite="Lax", secure=request.is_secure)
    return response


def applied(view: CartView) -> tuple[Discount | None, list[Notice]]:
    """What this browser's code takes off these goods; or why it takes nothing off. Without a code nothing is asked."""
    code = read()
    if not code or not view.lines:
        return None, []
    try:
        return discounts.on(view, code), []
    except DiscountRefused as error:
        return None, [Notice(error.message, error.values)]
