"""Requests made beforehand with the server's own key, so that the server does what a browser's would cost it."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from app.cart import cookie
from app.checkout import shown
from app.checkout.shown import Shown
from app.services.cart import Cart
from bench.data import Shop
from bench.wire import BUYER, Links

WRITTEN_AT = 2**31  # after every change of a price, so that none is told


def cart_cookie(shop: Shop, variant_ids: Sequence[int]) -> str:
    """A cart with one of each, as a browser would keep it. Raises CartFull when none would."""
    with shop.app.test_request_context():
        return cookie.encode(cart_of(variant_ids))


def cart_of(variant_ids: Sequence[int]) -> Cart:
    return Cart(lines=tuple((variant, 1) for variant in variant_ids), written_at=WRITTEN_AT)


@dataclass(frozen=True)
class Form:
    """The checkout as the shop once showed it to one browser for one cart: what is sent back, and what that browser keeps."""

    cart: Cart
    shown: Shown
    fields: dict[str, str]
    session: str


class Till:
    """Makes submits of the checkout: a form that the shop gave out, sent again and again as new carts of new guests."""

    def __init__(self, shop: Shop, port: int):
        self.shop = shop
        self.port = port
        self.forms: dict[tuple[int, ...], Form] = {}

    def orders(self, buyers: int, each: int, carts: Sequence[Sequence[int]]) -> list[list[bytes]]:
        """So many submits for each of so many buyers; the carts hold these variants, by turns."""
        for variant_ids in carts[: buyers * each]:
            self.form(tuple(variant_ids))
        with self.shop.app.test_request_context():
            return [
                [self.submit(carts[(number * buyers + buyer) % len(carts)]) for number in range(each)] for buyer in range(buyers)
            ]

    def order(self, variant_ids: Sequence[int], email: str = "") -> bytes:
        self.form(tuple(variant_ids))
        with self.shop.app.test_request_context():
            return self.submit(variant_ids, email)

    def form(self, variant_ids: tuple[int, ...]) -> Form:
        if variant_ids not in self.forms:
            cart = cart_of(variant_ids)
            browser = self.shop.app.test_client()
            with self.shop.app.test_request_context():
                browser.set_cookie(cookie.NAME, cookie.encode(cart))
            page = browser.get("/checkout")
            assert page.status_code == 200, f"the checkout answered {page.status_code}"
            fields = Links(page.get_data(as_text=True)).fields["/checkout"]
            session = browser.get_cookie("session")
            with self.shop.app.test_request_context():
                was = shown.read(fields["shown"])
            assert session and was
            self.forms[variant_ids] = Form(cart, was, fields, session.value)
        return self.forms[variant_ids]

    def submit(self, variant_ids: Sequence[int], email: str = "") -> bytes:
        form = self.form(tuple(variant_ids))
        cart = form.cart.with_new_id()
        own = {
            "shown": shown.write(replace(form.shown, cart_id=cart.id)),
            "email": email or f"{secrets.token_hex(16)}@example.com",
        }
        fields = form.fields | BUYER | own | {"action": "order"}
        return post(self.port, "/checkout", fields, {"session": form.session, cookie.NAME: cookie.encode(cart)})


def post(port: int, path: str, fields: dict[str, str], cookies: dict[str, str]) -> bytes:
    """One POST as a browser sends it."""
    body = urlencode(fields).encode()
    kept = "; ".join(f"{name}={value}" for name, value in cookies.items())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\nAccept-Encoding: gzip\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\nCookie: {kept}\r\n\r\n"
    )
    return head.encode() + body
