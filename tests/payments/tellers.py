"""Those who take the money, each with the same hands on it: what the shopper, the bank and the network do there.

A reference names a payment as the provider does; amounts are in our minor units.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from werkzeug import Request, Response

from app.gateways.pretend import SIGNATURE, signed
from app.pretend.memory import Delivery, Unknown
from app.pretend.provider import event
from tests import live
from tests.gateways.test_pretend import serving
from tests.providers import Provider, Webhook
from tests.providers.provider import hang_up
from tests.torture.buyers import fields

DAY = 24 * 3600
WRONG: dict[str, dict[str, Any]] = {
    "amount": {"amount_minor": 1000},
    "currency": {"currency": "EUR"},
    "merchant": {"merchant": "somebody-else"},
    "order key": {"order_key": "0" * 32},
    "reference": {"reference": "another-payment"},
}


class Teller:
    """One of the three of tests/providers."""

    currency = "GBP"
    tells = "paid"  # the kind of webhook that tells of money; "": none is ever sent
    takes_at_once = True  # when the shopper agrees; otherwise when the shop says so
    sends_parts = True  # of a payment back
    stale_seconds = 3600  # of a webhook that is too old
    at_start, at_return, at_refund = "sessions", "sessions", "refunds"  # words of the paths that the shop asks then

    def __init__(self, name: str, provider: Provider) -> None:
        self.name = name
        self.provider = provider

    def settings(self) -> dict[str, Any]:
        return self.provider.settings()

    def open(self, app: Flask) -> AbstractContextManager[Any]:
        """For business, as long as the block lasts."""
        return nullcontext()

    # --- the shopper, and people at the provider ---

    def approve(self, reference: str) -> None:
        self.provider.approve(reference)

    def decline(self, reference: str) -> None:
        self.provider.decline(reference)

    def pay_wrongly(self, reference: str, what: str) -> None:
        """The shopper pays, and one of the words in WRONG is not as the shop had asked."""
        self.provider.approve(reference)
        self.provider.lie(reference, **WRONG[what])

    def refund(self, reference: str, minor: int) -> None:
        self.provider.refund(reference, minor)

    def return_url(self, reference: str) -> str:
        return self.provider.return_url(reference)

    def cancel_url(self, reference: str) -> str:
        return self.provider.cancel_url(reference)

    # --- its own books ---

    def kept(self) -> int:
        """What it has for the shop, of all payments together."""
        return sum(self.provider.money(reference) for reference in self.provider.sales)

    def refunds(self, reference: str) -> list[int]:
        return [back.minor for back in self.provider.sales[reference].refunds]

    # --- the network ---

    def webhook(self, kind: str, reference: str, **how: Any) -> Webhook:
        return self.provider.webhook(kind, reference, **how)

    def troubled(self, trouble: str, at: str = "") -> AbstractContextManager[None]:
        return self.provider.troubled(trouble, at)


class PayPal(Teller):
    tells = "approved"
    takes_at_once = False
    stale_seconds = 5 * DAY
    at_start, at_return, at_refund = "checkout/orders", "capture", "refund"


class Zarinpal(Teller):
    currency = "IRR"
    tells = ""
    takes_at_once = False
    sends_parts = False
    at_start, at_return, at_refund = "request", "verify", "reverse"


class Pretend(Teller):
    """The provider that the app plays, on a port of its own; the troubles of its network are those of tests/providers."""

    at_start, at_return, at_refund = "payments", "payments", "refunds"

    def __init__(self, name: str, provider: Provider) -> None:
        super().__init__(name, provider)
        self.port = live.free_port()
        self.lies: dict[str, Mapping[str, Any]] = {}

    def settings(self) -> dict[str, Any]:
        return super().settings() | {"PRETEND_GATEWAY": True, "PRETEND_URL": f"http://127.0.0.1:{self.port}"}

    @contextmanager
    def open(self, app: Flask) -> Iterator[None]:
        self.app, self.pretended = app, app.extensions["pretend"]
        self.pretended.postman.kick = lambda: None  # webhooks come when the scenario says so
        with suppress(Unknown):
            self.pretended.memory.payment("")  # its file is made when it is first asked
        with serving(self.wire, self.port) as self.url:
            yield

    def wire(self, environ: Any, start_response: Any) -> Any:
        """What lies between the shop and the provider's API."""
        request, trouble = Request(environ), self.provider.trouble
        if not request.path.startswith("/pretend/api/"):
            return self.app(environ, start_response)
        if self.provider.trouble_at not in request.path:
            trouble = None
        if trouble and trouble != "lose":
            return self.provider.spoil(request, trouble, None)(environ, start_response)
        response = Response.from_app(self.app, environ)
        if trouble:
            hang_up(request)
        lies = self.lies.get(request.path.rpartition("/")[2])
        if lies and response.status_code == 200:
            response.set_data(json.dumps(json.loads(response.get_data()) | dict(lies)))
        return response(environ, start_response)

    def press(self, reference: str, button: str) -> None:
        address = f"{self.url}/pretend/pay/{reference}"
        with requests.Session() as browser:
            page = browser.get(address, timeout=10).text
            answer = browser.post(
                address, {**fields(page, urlsplit(address).path), "outcome": button}, allow_redirects=False, timeout=10
            )
        assert answer.status_code == 303, answer.text

    def approve(self, reference: str) -> None:
        self.press(reference, "approve")

    def decline(self, reference: str) -> None:
        self.press(reference, "decline")

    def pay_wrongly(self, reference: str, what: str) -> None:
        if what in ("amount", "currency"):
            return self.press(reference, what)
        self.approve(reference)
        self.lies[reference] = WRONG[what]

    def refund(self, reference: str, minor: int) -> None:
        self.pretended.memory.refund("ref_by_hand", reference, minor, "by hand", now=time.time())

    def return_url(self, reference: str) -> str:
        return str(self.pretended.memory.payment(reference).return_url)

    def cancel_url(self, reference: str) -> str:
        return self.return_url(reference) + "?cancelled=1"

    def kept(self) -> int:
        paid = sum(row[0] for row in self.rows("SELECT paid_minor FROM payment WHERE state = 'paid'"))
        return int(paid - sum(row[0] for row in self.rows("SELECT amount_minor FROM refund")))

    def refunds(self, reference: str) -> list[int]:
        found = "SELECT amount_minor FROM refund WHERE payment_reference = ? ORDER BY rowid"
        return [row[0] for row in self.rows(found, reference)]

    def rows(self, query: str, *values: str) -> list[Any]:
        """Read its file as it is, without its own code."""
        with closing(sqlite3.connect(self.pretended.memory.path)) as file:
            return file.execute(query, values).fetchall()

    def webhook(self, kind: str, reference: str, *, forged: bool = False, age: int = 0, id: str = "", **_: Any) -> Webhook:
        told: Delivery = event(self.pretended.memory.payment(reference), f"payment.{kind}", due_at=0)
        body = json.dumps(json.loads(told.body) | ({"id": id} if id else {})).encode()
        at = int(time.time()) - age
        signature = signed(body, "nobody" if forged else self.pretended.secret, at)
        return Webhook("/webhooks/pretend", body, {SIGNATURE: f"t={at},v1={signature}", "Content-Type": "application/json"})


TELLERS = {"pretend": Pretend, "stripe": Teller, "paypal": PayPal, "zarinpal": Zarinpal}
