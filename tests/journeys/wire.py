"""The browser without JavaScript over real HTTP, which counts what goes over the wire; and the rows a purchase leaves."""

import gzip
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response

from tests.live import LiveServer
from tests.page import parse_page
from tests.shopper import Browser

GUS = {
    "email": "gus@example.com",
    "name": "Gus Guest",
    "line1": "1 High Street",
    "city": "London",
    "postcode": "SW1A 1AA",
}
OF_THIS_ORDER_ALONE = {"key", "number", "placed_at", "events", "id"}


class LiveBrowser(Browser):
    """One person's browser in front of a real server. `wire` has (type, bytes as they were sent) of every answer."""

    def __init__(self, url: str):
        self.origin = url
        self.session = requests.Session()
        self.url = url + "/"
        self.response: TestResponse = None  # type: ignore[assignment]
        self.document = parse_page("")
        self.visited: list[tuple[str, str, int]] = []
        self.wire: list[tuple[str, int]] = []

    @property
    def cookies(self) -> dict[str, str]:
        return dict(self.session.cookies)

    def leads_home(self, url: str | None) -> bool:
        return urlsplit(urljoin(self.url, url or "")).netloc == urlsplit(self.origin).netloc

    def request(self, method: str, url: str, data: Any, headers: dict[str, str] | None) -> None:
        url = urljoin(self.url, url)
        assert self.leads_home(url), f"{url} is not in the shop"
        fields = list(data.items(multi=True)) if hasattr(data, "getlist") else data
        sent = {"Accept-Encoding": "gzip", **self.own_headers, **(headers or {})}
        with self.session.request(method, url, data=fields, headers=sent, allow_redirects=False, stream=True) as answer:
            body = answer.raw.read(decode_content=False)
        packed = answer.headers.get("Content-Encoding") == "gzip"
        self.response = Response(gzip.decompress(body) if packed else body, answer.status_code)  # type: ignore[assignment]
        self.response.headers.clear()
        self.response.headers.extend(answer.headers.items())
        parts = urlsplit(url)
        self.visited.append((method, parts.path + (f"?{parts.query}" if parts.query else ""), answer.status_code))
        self.wire.append((answer.headers.get("Content-Type", "").partition(";")[0], len(body)))
        self.url = url

    def fetch_style(self) -> None:
        """Get the page's style sheets, as a browser does once."""
        page = self.url
        for link in self.document.every("link"):
            if link.get("rel") == "stylesheet":
                self.request("GET", link.get("href", ""), None, None)
        self.url = page

    def bytes_of(self, *kinds: str) -> int:
        return sum(size for kind, size in self.wire if kind in kinds)


def orders(server: LiveServer) -> list[dict[str, Any]]:
    """Every order as the export prints it, the oldest first, without what differs between two equal orders."""
    printed = server.run_flask("orders", "export", "--format", "jsonl")
    assert printed.returncode == 0, printed.stderr
    return [bare(json.loads(line)) for line in printed.stdout.splitlines()]


def bare(order: dict[str, Any]) -> dict[str, Any]:
    steps = [{name: step[name] for name in step if name not in ("at", "created_at")} for step in order.get("events", [])]
    return {name: value for name, value in order.items() if name not in OF_THIS_ORDER_ALONE} | {"steps": steps}


def stock(server: LiveServer, skus: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """(on hand, held, available) by SKU."""
    rows = [line.split() for line in server.run_flask("stock", "show").stdout.splitlines()[1:]]
    return {row[0]: tuple(map(int, row[1:])) for row in rows if row[0] in set(skus)}
