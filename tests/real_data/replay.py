"""Real orders bought again, by guests over real HTTP without a script.

    REAL_DATA_DIR=… python -m tests.real_data.replay --orders 500      # or all: 19,770
    REAL_DATA_DIR=… python -m tests.real_data.replay --orders all --workers 4

Prints how far it came, at what rate, and what did not fit. Money comes from the catalogue's price, not from the price of then.
"""

import argparse
import csv
import gzip
import html
import itertools
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import click
import requests

from tests import live

SHIPPING_MINOR = 395  # the standard delivery that the migrations bring
PLENTY = 10_000_000
HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*>')
CHECKED = re.compile(r"<input[^>]*\schecked[^>]*>")
ATTRIBUTE = re.compile(r'(name|value)="([^"]*)"')


@dataclass(frozen=True)
class RealOrder:
    """One historic order: its lines merged by SKU, in the order they first came."""

    invoice: str
    lines: dict[str, int]

    @property
    def email(self) -> str:
        return f"guest-{self.invoice.lower()}@example.com"


def read_orders(path: Path) -> Iterator[RealOrder]:
    """The orders of a file, whose lines stand together."""
    read = gzip.open if path.suffix == ".gz" else open
    with read(path, "rt", encoding="utf-8", newline="") as file:
        for invoice, rows in itertools.groupby(csv.DictReader(file), key=lambda row: row["invoice"]):
            lines: dict[str, int] = {}
            for row in rows:
                lines[row["sku"].upper()] = lines.get(row["sku"].upper(), 0) + int(row["quantity"])
            yield RealOrder(invoice, lines)


def read_prices(path: Path) -> dict[str, int]:
    """Minor units by SKU."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["sku"].upper(): int(Decimal(row["price_gbp"]) * 100) for row in csv.DictReader(file)}


def expected_total(order: RealOrder, prices: dict[str, int]) -> int:
    return sum(prices[sku] * quantity for sku, quantity in order.lines.items()) + SHIPPING_MINOR


def buy(url: str, order: RealOrder) -> str:
    """Put the order's lines into a cart one by one, check out as a guest, and answer the thank-you page."""
    guest = requests.Session()
    for sku, quantity in order.lines.items():
        added = guest.post(f"{url}/cart/items", {"sku": sku, "quantity": quantity}, allow_redirects=False)
        assert added.status_code == 303, f"{order.invoice}: {sku} was not added: {added.status_code}"
    form = guest.get(f"{url}/checkout").text
    sent = {found["name"]: html.unescape(found["value"]) for found in fields(form)}
    sent |= {"action": "order", "email": order.email, "name": f"Guest {order.invoice}", "notes": "", "phone": ""}
    sent |= {"line1": "1 High Street", "line2": "", "city": "London", "postcode": "SW1A 1AA"}
    thanks = guest.post(f"{url}/checkout", sent)
    assert thanks.status_code == 200 and "Thank you" in thanks.text, f"{order.invoice}: {thanks.status_code} at {thanks.url}"
    assert "cart" not in guest.cookies, f"{order.invoice}: the cart is still there"
    return thanks.text


def fields(form: str) -> Iterator[dict[str, str]]:
    """The hidden fields and checked choices of checkout's page, and its country."""
    form = form[form.index('id="checkout"') : form.index("</main>")]
    for tag in [*HIDDEN.findall(form), *CHECKED.findall(form)]:
        yield {"name": "", "value": ""} | dict(ATTRIBUTE.findall(tag))
    if 'name="country"' in form and not re.search(r'<input[^>]*name="country"', form):
        yield {"name": "country", "value": "GB"}


def prepare(server: live.LiveServer, data: Path) -> None:
    """Take the real catalogue in, and put plenty of everything on the shelves."""
    for command in (["catalog", "import", str(data / "retail_products.csv")], ["stock", "set", "--all", str(PLENTY)]):
        done = server.run_flask(*command)
        assert done.returncode == 0, done.stderr


def check(server: live.LiveServer, bought: Iterable[RealOrder], prices: dict[str, int]) -> None:
    """Every order is there once with its lines, the catalogue's total and one confirmation; the doctor is content."""
    printed = server.run_flask("orders", "export", "--format", "jsonl").stdout
    by_email = {order["email"]: order for order in map(json.loads, printed.splitlines())}
    wanted = {order.email: order for order in bought}
    assert by_email.keys() == wanted.keys() and len(printed.splitlines()) == len(wanted)
    for email, order in wanted.items():
        there = by_email[email]
        assert there["total_minor"] == expected_total(order, prices), order.invoice
        assert {line["sku"]: line["quantity"] for line in there["lines"]} == order.lines, order.invoice
        assert there["status"] == "PROCESSING", order.invoice
    messages = [json.loads(line) for line in server.run_flask("outbox", "list", "--all", "--format", "jsonl").stdout.splitlines()]
    assert sum(message["topic"] == "order.confirmation" for message in messages) == len(wanted)
    doctor = server.run_flask("doctor")
    assert doctor.returncode == 0, doctor.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", default="500", help="how many of the 19,770, from the oldest, or all")
    parser.add_argument("--workers", type=int, default=4, help="guests at once")
    parser.add_argument("--seconds", type=float, default=0, help="stop after so long; 0 does not")
    asked = parser.parse_args()
    if not os.environ.get("REAL_DATA_DIR"):
        print("REAL_DATA_DIR names no folder with the real data.", file=sys.stderr)
        return 2
    data = Path(os.environ["REAL_DATA_DIR"])
    most = None if asked.orders == "all" else int(asked.orders)
    orders = list(itertools.islice(read_orders(data / "retail_orders.csv.gz"), most))
    prices = read_prices(data / "retail_products.csv")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/till.sqlite3"
        upgraded = live.run_flask("db", "upgrade", env=live.environment(url, Path(folder)))
        assert upgraded.returncode == 0, upgraded.stderr
        with live.serving(url, Path(folder)) as server:
            prepare(server, data)
            return replay(server, orders, prices, workers=asked.workers, seconds=asked.seconds)


def replay(server: live.LiveServer, orders: list[RealOrder], prices: dict[str, int], *, workers: int, seconds: float) -> int:
    """Buy them all, or as many as the time lets, check what came of it, and say so."""
    began = time.monotonic()
    bought: list[RealOrder] = []

    def one(order: RealOrder) -> RealOrder | None:
        if seconds and time.monotonic() - began > seconds:
            return None
        buy(server.url, order)
        return order

    with ThreadPoolExecutor(workers) as pool, click.progressbar(length=len(orders), label="Orders", file=sys.stderr) as bar:
        for done in as_completed([pool.submit(one, order) for order in orders]):
            if order := done.result():
                bought.append(order)
            bar.update(1)
    took = time.monotonic() - began
    check(server, bought, prices)
    lines = sum(len(order.lines) for order in bought)
    print(
        f"{len(bought)} of {len(orders)} orders with {lines} lines in {took:.0f} s: {len(bought) / took:.1f} orders/s,", end=" "
    )
    print(
        f"{(lines + 3 * len(bought)) / took:.0f} requests/s. Every total is right, one confirmation each, the doctor is content."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
