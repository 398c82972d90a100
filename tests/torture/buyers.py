"""Buyers over real HTTP: a connection, cookies, and the checkout form as their browser would send it."""

import http.client
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask

from app.checkout import receipt

GUS = {
    "email": "gus@example.com",
    "name": "Gus O’Guest",
    "line1": "1 High Street",
    "line2": "Flat “B”",
    "city": "London",
    "postcode": "SW1A 1AA",
    "notes": "Ring twice.\r\nThen wait.",
}
URLENCODED = "application/x-www-form-urlencoded"
ANSWER_SECONDS = 60

Form = Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What the shop answered, and how long that took."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    seconds: float

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def header(self, name: str) -> str:
        return next((value for header, value in self.headers if header.lower() == name.lower()), "")

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that it sets, "" for those that it takes away."""
        pairs = [value.split(";")[0].partition("=") for name, value in self.headers if name.lower() == "set-cookie"]
        return {name: value.strip('"') for name, _, value in pairs}


class Buyer:
    """One person's browser without JavaScript. `form` is the checkout form as they filled it in."""

    def __init__(self, url: str, cookies: Mapping[str, str] | None = None, form: Form | None = None):
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=ANSWER_SECONDS)
        self.cookies = dict(cookies or {})
        self.form = dict(form or {})

    def ask(self, method: str, path: str, form: Form | None = None) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = urlencode(form).encode() if form is not None else None
        if body is not None:
            headers["Content-Type"] = URLENCODED
        began = time.monotonic()
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        content = response.read()
        answer = Answer(response.status, response.getheaders(), content, time.monotonic() - began)
        for name, value in answer.cookies.items():
            self.cookies[name] = value
            if not value:
                del self.cookies[name]
        return answer

    def go_to_checkout(self, lines: Mapping[str, int], **typed: str) -> "Buyer":
        """Fill the cart, in this order, open the checkout and type everything; only the button is left to press."""
        for sku, quantity in lines.items():
            added = self.ask("POST", "/cart/items", {"sku": sku, "quantity": str(quantity)})
            assert added.status == 303, f"adding {sku} answered {added.status}"
        page = self.ask("GET", "/checkout")
        assert page.status == 200, f"the checkout answered {page.status} {page.header('location')}"
        self.form = {**fields(page.text), **GUS, **typed, "action": "order"}
        return self

    def order(self) -> Answer:
        """Press the button."""
        return self.ask("POST", "/checkout", self.form)

    def again(self, url: str) -> "Buyer":
        """The same cookies and the same form on a new connection: a double click, a reload, a proxy's second try."""
        return Buyer(url, self.cookies, self.form)

    def close(self) -> None:
        self.connection.close()


def order_key(app: Flask, answer: Answer) -> str:
    """The key of the order that an answer leads to."""
    assert answer.status == 303 and answer.header("location").endswith("/"), f"{answer.status} {answer.header('location')}"
    return newest_key(app, answer.cookies[receipt.NAME])


def newest_key(app: Flask, cookie: str) -> str:
    """The key of the newest order in a receipt cookie."""
    with app.app_context():
        keys, _ = receipt.serializer().loads(cookie)
    return str(keys[0])


# ------------------------------------------------------------------------------------------------ reading forms


class Reader(HTMLParser):
    """Collects what one form would send."""

    def __init__(self, action: str):
        super().__init__(convert_charrefs=True)
        self.action = action
        self.inside = False
        self.found: dict[str, str] = {}
        self.select = ""
        self.area: tuple[str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own: dict[str, Any] = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = own.get("action") == self.action
        if not self.inside:
            return
        name, value = own.get("name", ""), own.get("value", "")
        if tag == "input" and (own.get("type") not in ("radio", "checkbox") or "checked" in own):
            self.found[name] = value
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and ("selected" in own or self.select not in self.found):
            self.found[self.select] = value
        elif tag == "textarea":
            self.area = name, []

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select":
            self.select = ""
        elif tag == "textarea" and self.area:
            name, pieces = self.area
            self.found[name] = "".join(pieces).removeprefix("\n")  # the line break right after the tag is not the text's
            self.area = None

    def handle_data(self, data: str) -> None:
        if self.area:
            self.area[1].append(data)


def fields(html: str, action: str = "/checkout") -> dict[str, str]:
    """What the form with this action would send if nothing were touched; {} where there is none."""
    reader = Reader(action)
    reader.feed(html)
    reader.close()
    return reader.found
