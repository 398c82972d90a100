"""The server, what it remembers, and the hands of a test on it."""

import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from html import escape
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import requests
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

TROUBLES = {
    "hang": "never answers",
    "trickle": "answers a byte now and then, for ever",
    "trickle-head": "the same, and never comes to the end of its first header",
    "drop": "hangs up without an answer, and does nothing",
    "lose": "does what it was asked, and hangs up without an answer",
    "error500": "is broken, and says so in JSON",
    "busy": "wants to be asked less often (429)",
    "garbage": "answers bytes that are no text",
    "html": "answers a page",
    "list": "answers JSON that is no object",
    "odd": "answers a JSON object of another world",
    "huge": "answers more than anybody should read",
    "redirect": "sends us elsewhere",
    "keys": "does not know our keys",
    "refuse": "understands, and will not",
}
TRICKLE_SECONDS = 0.1


@dataclass
class Back:
    """Money that was sent back, in our minor units."""

    id: str
    minor: int
    metadata: dict[str, str] = field(default_factory=dict)
    status: str = "done"  # or failed


@dataclass
class Sale:
    """One payment as the provider has it; its amount in our minor units."""

    gateway: str
    reference: str
    minor: int
    currency: str
    order_key: str
    payment_key: str
    return_url: str
    cancel_url: str
    state: str = "open"  # pending, approved, paid, declined, expired, reversed
    refuses_instrument: bool = False
    capture_id: str = ""
    refunds: list[Back] = field(default_factory=list)
    lies: dict[str, Any] = field(default_factory=dict)

    def shown(self, name: str) -> Any:
        """What it says of itself, which may be a lie."""
        truth = {
            "amount_minor": self.minor,
            "currency": self.currency,
            "order_key": self.order_key,
            "reference": self.reference,
            "merchant": None,
        }
        return (truth | self.lies)[name]

    @property
    def refunded(self) -> int:
        return sum(back.minor for back in self.refunds if back.status == "done")


@dataclass(frozen=True)
class Asked:
    """One request of the shop's."""

    gateway: str
    method: str
    path: str
    fields: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Webhook:
    path: str
    body: bytes
    headers: Mapping[str, str]


class Refusal(Exception):
    """What a protocol answers to a request that it does not take."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class Provider:
    def __init__(self) -> None:
        from tests.providers.paypal import PayPal
        from tests.providers.stripe import Stripe
        from tests.providers.zarinpal import Zarinpal

        self.lock = threading.RLock()
        self.closing = threading.Event()
        self.sales: dict[str, Sale] = {}
        self.asked: list[Asked] = []
        self.trouble: str | None = None
        self.trouble_at = ""
        self.went_elsewhere = 0
        self.refund_fails = False  # refunds are taken, and then come to nothing
        self.speakers = {"stripe": Stripe(self), "paypal": PayPal(self), "zarinpal": Zarinpal(self)}
        self.server = make_server("127.0.0.1", 0, Request.application(self.answer), threaded=True, request_handler=QuietHandler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.005,), daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    # --- for the shop ---

    def settings(self) -> dict[str, Any]:
        """The app's settings for all three."""
        return {name: value for speaker in self.speakers.values() for name, value in speaker.settings(self.url).items()}

    def environment(self) -> dict[str, str]:
        """The same for a shop that is a process of its own."""
        return {name: ",".join(value) if isinstance(value, tuple) else value for name, value in self.settings().items()}

    # --- the shopper, and people at the provider ---

    def latest(self, gateway: str) -> Sale:
        return [sale for sale in self.sales.values() if sale.gateway == gateway][-1]

    def approve(self, reference: str) -> None:
        """The shopper pays; with PayPal and Zarinpal, the shop still has to take it."""
        sale = self.sales[reference]
        with self.lock:
            is_taken_at_once = sale.gateway == "stripe" or (sale.gateway == "paypal" and sale.state == "pending")
            sale.state = "paid" if is_taken_at_once else "approved"
            sale.refuses_instrument = False
            if sale.state == "paid":
                sale.capture_id = self.speakers[sale.gateway].new_capture()

    def decline(self, reference: str) -> None:
        """The bank says no; with PayPal, that is heard when the shop takes it."""
        sale = self.sales[reference]
        with self.lock:
            sale.state = "approved" if sale.gateway == "paypal" else "declined"
            sale.refuses_instrument = True

    def pend(self, reference: str) -> None:
        """The shopper paid in a way that takes days."""
        self.sales[reference].state = "pending"

    def expire(self, reference: str) -> None:
        """Nobody paid in time."""
        self.sales[reference].state = "expired"

    def forget(self, reference: str) -> None:
        """It never heard of it, as far as it says."""
        del self.sales[reference]

    def refund(self, reference: str, minor: int) -> Back:
        """Somebody sends money back in the provider's own pages."""
        sale = self.sales[reference]
        back = self.send_back(sale, minor)
        if sale.gateway == "zarinpal":
            sale.state = "reversed"
        return back

    def send_back(self, sale: Sale, minor: int, metadata: dict[str, str] | None = None) -> Back:
        with self.lock:
            assert sale.refunded + minor <= sale.minor
            status = "failed" if self.refund_fails else "done"
            back = Back(f"re{secrets.token_hex(8)}", minor, metadata or {}, status)
            sale.refunds.append(back)
            return back

    def lie(self, reference: str, /, **lies: Any) -> None:
        self.sales[reference].lies |= lies

    def money(self, reference: str) -> int:
        """What the shop has of a payment, in minor units."""
        sale = self.sales[reference]
        return sale.minor - sale.refunded if sale.state == "paid" else 0

    def return_url(self, reference: str) -> str:
        """Where the browser of a shopper is sent who did their part."""
        sale = self.sales[reference]
        return self.speakers[sale.gateway].returned(sale, True)

    def cancel_url(self, reference: str) -> str:
        """Where the browser of a shopper is sent who gave up."""
        sale = self.sales[reference]
        return self.speakers[sale.gateway].returned(sale, False)

    # --- webhooks ---

    def webhook(self, kind: str, reference: str, **how: Any) -> Webhook:
        sale = self.sales[reference]
        return self.speakers[sale.gateway].webhook(kind, sale, **how)

    def deliver(self, webhook: Webhook, shop_url: str) -> int:
        """Post it to the shop and answer the shop's HTTP status."""
        return requests.post(shop_url + webhook.path, webhook.body, headers=dict(webhook.headers), timeout=20).status_code

    # --- the network ---

    @contextmanager
    def troubled(self, trouble: str, at: str = "") -> Iterator[None]:
        """Every answer is bad inside the block; with `at`, of the requests whose path has that word."""
        assert trouble in TROUBLES
        self.trouble, self.trouble_at = trouble, at
        try:
            yield
        finally:
            self.trouble, self.trouble_at = None, ""

    def answer(self, request: Request) -> Response:
        if request.path == "/elsewhere":
            self.went_elsewhere += 1
            return Response("{}", mimetype="application/json")
        for gateway, speaker in self.speakers.items():
            if reference := speaker.page(request):
                return self.show(request, reference)
            if speaker.speaks(request):
                return self.speak(request, gateway)
        return Response("There is no such address.", 404)

    def speak(self, request: Request, gateway: str) -> Response:
        speaker = self.speakers[gateway]
        asked = Asked(gateway, request.method, request.path, speaker.fields(request), dict(request.headers))
        self.asked.append(asked)
        trouble = self.trouble if self.trouble_at in request.path else None
        if trouble and trouble != "lose":
            return self.spoil(request, trouble, speaker)
        try:
            with self.lock:
                response = speaker.answer(request, asked.fields)
        except Refusal as refusal:
            response = refusal.response
        if trouble == "lose":
            hang_up(request)
        return response

    def spoil(self, request: Request, trouble: str, speaker: Any) -> Response:
        match trouble:
            case "hang":
                self.closing.wait(60)
                hang_up(request)
            case "trickle" | "trickle-head":
                start = b"HTTP/1.1 200 OK\r\n"
                start += b"Content-Type: application/json\r\n\r\n" if trouble == "trickle" else b"X-Slow: "
                self.trickle(request, start)
            case "drop":
                hang_up(request)
            case "error500":
                return Response('{"error": {"type": "api_error"}}', 500, mimetype="application/json")
            case "busy":
                return Response("{}", 429, mimetype="application/json")
            case "garbage":
                return Response(b"\xff\xfe\x00{{", mimetype="application/json")
            case "html":
                return Response("<!doctype html><title>Sorry</title>", mimetype="text/html")
            case "list":
                return Response("[1]", mimetype="application/json")
            case "odd":
                return Response('{"id": 7, "data": {"code": []}, "links": 3}', mimetype="application/json")
            case "huge":
                return Response("{" + " " * 3_000_000 + "}", mimetype="application/json")
            case "redirect":
                return Response("{}", 302, {"Location": self.url + "/elsewhere"}, mimetype="application/json")
            case "keys":
                return speaker.refusal(keys=True)
            case "refuse":
                return speaker.refusal()
        return Response()

    def trickle(self, request: Request, start: bytes) -> None:
        sock: socket.socket = request.environ["werkzeug.socket"]
        with suppress(OSError):
            sock.sendall(start)
            while not self.closing.wait(TRICKLE_SECONDS):
                sock.sendall(b" ")
        hang_up(request)

    # --- pages ---

    def show(self, request: Request, reference: str) -> Response:
        """A page for the shopper, and what its buttons do."""
        sale = self.sales.get(reference)
        if sale is None or sale.state == "expired":
            return Response("This payment is over.", 410)
        match request.form.get("does"):
            case "approve":
                self.approve(reference)
                return redirect(self.return_url(reference), 303)
            case "decline":
                self.decline(reference)
                return redirect(self.return_url(reference), 303)
            case "cancel":
                return redirect(self.cancel_url(reference), 303)
        buttons = "".join(f'<button name="does" value="{word}">{word}</button>' for word in ("approve", "decline", "cancel"))
        title = f"Pay with {escape(sale.gateway)}"
        page = f'<!doctype html><html lang="en"><title>{title}</title><h1>{title}</h1><form method="post">{buttons}</form></html>'
        return Response(page, mimetype="text/html")


def hang_up(request: Request) -> None:
    with suppress(OSError):
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


def with_query(url: str, **parameters: str) -> str:
    return url + ("&" if urlsplit(url).query else "?") + urlencode(parameters)


def now() -> int:
    return int(time.time())
