"""P5, P12, P13 and P14: what a purchase asks of the network and of the server's processors. Measured on the demo's shop."""

import gzip
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

import brotli

from bench.load import length_of
from bench.run import Run
from bench.servers import SHOP, Server, running
from bench.table import Figure, Row, milliseconds, size, verdict

BUYER = {"email": "gus@example.com", "name": "Gus Guest", "line1": "1 Mill Lane", "city": "London", "postcode": "SW1A 1AA"}
CHECKOUTS = 50  # for each second of a round
FOREIGN = re.compile(rb"""(?:src|href)=["']?(?:https?:)?//""")


@dataclass
class Answer:
    """One answer as it came: `wire` counts every byte of it, headers included."""

    status: int
    headers: dict[str, str]
    cookies: list[str]
    body: bytes
    wire: int

    @property
    def is_html(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/html")

    @property
    def html(self) -> str:
        packing = self.headers.get("content-encoding")
        unpack = {"gzip": gzip.decompress, "br": brotli.decompress}.get(packing or "", bytes)
        return unpack(self.body).decode()


def ask(line: socket.socket, request: bytes) -> Answer:
    """Send one request and read its answer."""
    line.sendall(request)
    received = b""
    while length_of(received) is None:
        portion = line.recv(1 << 18)
        if not portion:
            raise ConnectionError("the server closed the connection")
        received += portion
    head, _, body = received.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    pairs = [header.split(": ", 1) for header in rest]
    headers = {name.lower(): value for name, value in pairs}
    kept = [value for name, value in pairs if name.lower() == "set-cookie"]
    return Answer(int(first.split()[1]), headers, kept, body, len(received))


def fetch(port: int, path: str, headers: Mapping[str, str]) -> Answer:
    """One GET on a connection of its own."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        return ask(line, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode())


class Links(HTMLParser):
    """The links, scripts and form fields of a page."""

    def __init__(self, html: str):
        super().__init__()
        self.styles: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.others: list[str] = []
        self.fields: dict[str, dict[str, str]] = {}  # form's action → field → value
        self.action = ""
        self.select = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        form = self.fields.setdefault(self.action, {})
        if tag == "form":
            self.action = has.get("action") or ""
        elif tag == "link" and has.get("rel") == "stylesheet":
            self.styles.append(has["href"] or "")
        elif tag == "link" and has.get("rel") in ("manifest", "icon"):
            self.others.append(has["href"] or "")
        elif tag == "script":
            self.scripts.append(has)
        elif tag == "input" and has.get("name") and (has.get("type") not in ("radio", "checkbox") or "checked" in has):
            form.setdefault(has["name"] or "", has.get("value") or "")
        elif tag == "select":
            self.select = has.get("name") or ""
        elif tag == "option" and self.select and "selected" in has:
            form.setdefault(self.select, has.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.action = ""


@dataclass
class Visitor:
    """A browser's network: one connection, its cookies, and a count of what went over the wire. No script runs."""

    port: int
    accepts: str = "gzip, deflate, br"
    cookies: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, Answer]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.line = socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def request(self, method: str, path: str, fields: Mapping[str, str] | None = None, **headers: str) -> Answer:
        """One request; a redirect is followed, as one more."""
        body = urlencode(fields or {}).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Accept-Encoding: {self.accepts}"]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if method == "POST":
            lines += ["Sec-Fetch-Site: same-origin", "Content-Type: application/x-www-form-urlencoded"]
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        answer = ask(self.line, "\r\n".join([*lines, "", ""]).encode() + (body if method == "POST" else b""))
        self.asked.append((f"{method} {path}", answer))
        for text in answer.cookies:
            for name, morsel in SimpleCookie(text).items():
                self.cookies[name] = morsel.coded_value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        if answer.status in (301, 302, 303):
            target = urlsplit(answer.headers["location"])
            return self.request("GET", target.path + (f"?{target.query}" if target.query else ""))
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} answered {answer.status}")
        return answer

    def close(self) -> None:
        self.line.close()


def buy(visitor: Visitor) -> tuple[list[str], str]:
    """Buy one thing without scripts, as a guest; answers what had to be pressed, and the last page."""
    home = visitor.request("GET", "/")
    sku = Links(home.html).fields["/cart/items"]["sku"]
    visitor.request("POST", "/cart/items", {"sku": sku})
    checkout = visitor.request("GET", "/checkout")
    thanks = visitor.request("POST", "/checkout", Links(checkout.html).fields["/checkout"] | BUYER | {"action": "order"})
    return ["Add", "Checkout", "Order and pay"], thanks.html


def measure(run: Run) -> Iterator[Row]:
    shop = run.demo
    with running(SHOP, run.place(), database_url=shop.database_url, threads=run.shipped_threads, **run.settings) as server:
        yield from first_view(server)
        yield from adding(server)
        yield from purchase(server)
        yield from processors(run, server)


def first_view(server: Server) -> Iterator[Row]:
    """What a browser without anything in its cache fetches to show the first page."""
    visitor = Visitor(server.port)
    home = visitor.request("GET", "/")
    links = Links(home.html)
    styles = [visitor.request("GET", path) for path in links.styles]
    scripts = [visitor.request("GET", script["src"] or "") for script in links.scripts]
    gzipped = fetch(server.port, "/", {"Accept-Encoding": "gzip"})
    visitor.close()
    blocking = home.wire + sum(each.wire for each in styles)
    everything = blocking + sum(each.wire for each in scripts)
    requests = 1 + len(styles) + len(scripts)
    css = sum(len(each.body) for each in styles)
    encoding = home.headers.get("content-encoding", "no encoding")
    parts = f"HTML {home.wire:,} ({encoding}) + CSS {sum(each.wire for each in styles):,} + scripts {everything - blocking:,}"
    yield Row("P12", "first view: HTML and CSS with headers", size(blocking), "≤ 14,600 B", verdict(blocking <= 14_600), parts)
    yield Row(
        "P12", "list's HTML, gzip, without headers", size(len(gzipped.body)), "≤ 6,000 B", verdict(len(gzipped.body) <= 6000)
    )
    yield Row("P12", "CSS, without headers", size(css), "≤ 5,000 B", verdict(css <= 5000))
    shown = f"{size(everything)} in {requests} requests"
    yield Row("P12", "first view without images", shown, "≤ 29,000 B in ≤ 4", verdict(everything <= 29_000, requests <= 4))
    foreign = len(FOREIGN.findall(home.html.encode()))
    fonts = sum(b"@font-face" in each.html.encode() for each in styles)
    shown = f"{fonts} fonts, {foreign} links to others"
    yield Row("P12", "fonts and third parties", shown, "none", verdict(not fonts, not foreign))
    deferred = all("defer" in script for script in links.scripts)
    kept = all("immutable" in each.headers.get("cache-control", "") for each in (*styles, *scripts))
    shown = f"deferred: {'yes' if deferred else 'no'}; immutable: {'yes' if kept else 'no'}"
    yield Row("P12", "scripts and style", shown, "both", verdict(deferred, kept))


def adding(server: Server) -> Iterator[Row]:
    visitor = Visitor(server.port)
    home = visitor.request("GET", "/")
    sku = Links(home.html).fields["/cart/items"]["sku"]
    visitor.asked.clear()
    answer = visitor.request("POST", "/cart/items", {"sku": sku}, HX_Request="true", HX_Target="added-1")
    visitor.close()
    count = len(visitor.asked)
    head = answer.wire - len(answer.body)
    shown = f"{size(answer.wire)} in {count} request"
    yield Row("P13", "add by htmx", shown, "≤ 1,000 B in 1", verdict(answer.wire <= 1000, count == 1), f"headers {head:,} B")


def purchase(server: Server) -> Iterator[Row]:
    visitor = Visitor(server.port)
    pressed, last = buy(visitor)
    styles = set(Links(last).styles)
    pages = list(visitor.asked)
    css = sum(visitor.request("GET", path).wire for path in sorted(styles))
    visitor.close()
    total = sum(answer.wire for _, answer in pages) + css
    yield Row("P14", "purchase without script: activations", ", ".join(pressed), "3", verdict(len(pressed) <= 3))
    told = ", ".join(f"{name} {answer.wire:,}" for name, answer in pages)
    yield Row("P14", "purchase without script: requests", str(len(pages)), "≤ 6", verdict(len(pages) <= 6), told)
    yield Row(
        "P14", "purchase without script: HTML and CSS", size(total), "≤ 30,000 B", verdict(total <= 30_000), f"CSS {css:,} B"
    )
    yield Row("P5", "guest checkout: requests", str(len(pages)), "≤ 6", verdict(len(pages) <= 6))


def processors(run: Run, server: Server) -> Iterator[Row]:
    """The server's processor time for whole purchases, from the first page to the thanks."""
    count = max(1, int(CHECKOUTS * run.seconds))
    for _ in range(min(count, 10)):
        one = Visitor(server.port)
        buy(one)
        one.close()
    spent = []
    for _ in range(run.rounds):
        run.say(f"{count} purchases, one after the other")
        before = server.cpu_seconds()
        for _ in range(count):
            visitor = Visitor(server.port)
            buy(visitor)
            visitor.close()
        spent.append((server.cpu_seconds() - before) / count * 1000)
    figure = Figure(tuple(spent))
    yield Row(
        "P5",
        "guest checkout: server's CPU for all its requests",
        figure.text(milliseconds),
        "≤ 6 ms",
        verdict(figure.median <= 6),
    )
    yield Row(
        "P5", "guest checkout beside django-oscar's", "–", "≥ 50×", "not run", "needs a django-oscar beside it; P4 likewise"
    )
