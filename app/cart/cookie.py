"""The cart cookie: the only file that reads, signs or clears it.

Format 1, before base64url and the signature: a version byte, the cart id (16 bytes), the unix time of the last change
(4 bytes), then for each line in the order added the zig-zag varint difference to the previous variant id and the varint
quantity. The largest of 19,770 real carts, 1,106 lines, fits into the 4,093 bytes that browsers keep.
"""

import base64
import binascii
import hashlib
import time
from dataclasses import replace
from functools import cache

from flask import Response, current_app, g, request
from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from app.config import signing_keys
from app.services.cart import Cart
from app.services.errors import CartFull

NAME = "cart"
FORMAT = 1
CART_COOKIE_DAYS = 30
LONGEST = 4093  # bytes, name and value: what every browser keeps
HEAD = 1 + 16 + 4
MAX_VARIANT_ID = 2**31 - 1


def signer() -> Signer:
    """Signs with today's key, and accepts the keys before it."""
    return _signer(signing_keys(current_app.config))


@cache
def _signer(keys: tuple[str, ...]) -> Signer:
    return Signer(keys, salt="cart cookie", key_derivation="hmac", digest_method=hashlib.sha256)


def encode(cart: Cart) -> str:
    """The cookie's value. Raises CartFull when the browser would not keep it."""
    packed = bytearray([FORMAT, *bytes.fromhex(cart.id), *cart.written_at.to_bytes(4, "big")])
    previous = 0
    for variant, quantity in cart.lines:
        step = variant - previous
        packed += varint((step << 1) ^ (step >> 63))
        packed += varint(quantity)
        previous = variant
    value = signer().sign(base64.urlsafe_b64encode(packed).rstrip(b"=")).decode("ascii")
    if len(NAME) + len(value) > LONGEST:
        raise CartFull
    return value


def fits(cart: Cart) -> bool:
    """Whether a browser would keep this cart."""
    try:
        encode(cart)
    except CartFull:
        return False
    return True


def decode(value: str) -> Cart | None:
    """The cart in a cookie's value, or None for anything that we did not write or no longer understand."""
    if len(NAME) + len(value) > LONGEST:
        return None
    try:
        text = signer().unsign(value)
        packed = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (BadSignature, binascii.Error, UnicodeError):
        return None
    if not is_as_written(value) or len(packed) < HEAD or packed[0] != FORMAT:
        return None
    lines: dict[int, int] = {}
    place, variant = HEAD, 0
    while place < len(packed):
        folded, place = read_varint(packed, place)
        quantity, place = read_varint(packed, place)
        variant += (folded >> 1) ^ -(folded & 1)
        if not (0 < variant <= MAX_VARIANT_ID and 0 < quantity):
            return None
        lines[variant] = quantity
    return Cart(id=packed[1:17].hex(), written_at=int.from_bytes(packed[17:21], "big"), lines=tuple(lines.items()))


def is_as_written(value: str) -> bool:
    """Whether the signature is spelled as we spell it; base64 is read leniently, past spare bits and foreign characters."""
    signature = value.rpartition(".")[2]
    return base64_encode(base64_decode(signature)).decode("ascii") == signature


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(packed: bytes, place: int) -> tuple[int, int]:
    """The number at this place and the place after it; a truncated one reads as 0, which no line has."""
    number = shift = 0
    while place < len(packed):
        byte = packed[place]
        place += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, place
    return 0, place


def read() -> Cart:
    """The cart of this request; an empty one where there is none or it is not ours."""
    if "cart" not in g:
        value = request.cookies.get(NAME)
        cart = decode(value) if value else None
        g.cart_is_broken = bool(value) and cart is None
        g.cart = cart or Cart()
    cart = g.cart
    assert isinstance(cart, Cart)
    return cart


def is_broken() -> bool:
    """Whether this browser sent a cart cookie that could not be read."""
    read()
    return bool(g.cart_is_broken)


def write(cart: Cart, response: Response) -> Response:
    """Let the browser keep this cart; an empty one is cleared. Raises CartFull before anything is changed."""
    if not cart.lines:
        return clear(response)
    response.set_cookie(
        NAME,
        encode(replace(cart, written_at=int(time.time()))),
        max_age=CART_COOKIE_DAYS * 24 * 3600,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return response


def clear(response: Response) -> Response:
    response.delete_cookie(NAME, httponly=True, samesite="Lax", secure=request.is_secure)
    return response
