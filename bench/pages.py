"""P1, P2, P3 and P9: pages a second beside a bare Flask route on the same server, and how long the slowest wait."""

from collections.abc import Iterator
from contextlib import ExitStack

from werkzeug.test import EnvironBuilder

from bench import forms, load, stages, wire
from bench.data import Shop
from bench.run import Run
from bench.servers import BARE, HELLO, SHOP, running
from bench.stages import Profile
from bench.table import Figure, Row, milliseconds, percent, times, verdict

GZIP = "Accept-Encoding: gzip"
CART_LINES = 3
PAGES = {"home": "/", "category": "/c/shelf-1", "product": "", "cart": "/cart"}  # the product's address is looked up
PLAIN, WITH_CART = "list, no cookie", "list, cart cookie"


def measure(run: Run) -> Iterator[Row]:
    """Every page on servers of 4 threads and of 1."""
    shop = run.small
    profiles = {page: profile(shop, page) for page in PAGES}
    for threads in run.thread_counts:
        yield from on_threads(run, shop, threads, profiles)


def profile(shop: Shop, page: str) -> Profile:
    headers = {"Accept-Encoding": "gzip"}
    if page == "cart":
        headers["Cookie"] = f"cart={forms.cart_cookie(shop, shop.variant_ids()[:CART_LINES])}"
    path = address(shop, page)
    return stages.profile(shop.app, lambda: EnvironBuilder(path, headers=headers).get_environ(), "200", 300)


def address(shop: Shop, page: str) -> str:
    return PAGES[page] or f"/p/{slug(shop)}"


def slug(shop: Shop) -> str:
    """A product from the middle of the catalogue."""
    from app.services import catalog

    with shop.app.app_context():
        slugs = catalog.listed_slugs(100)
    return slugs[len(slugs) // 2]


def on_threads(run: Run, shop: Shop, threads: int, profiles: dict[str, Profile]) -> Iterator[Row]:
    cookie = f"Cookie: cart={forms.cart_cookie(shop, shop.variant_ids()[:CART_LINES])}"
    with ExitStack() as stack:
        till = stack.enter_context(running(SHOP, run.place(), database_url=shop.database_url, threads=threads, **run.settings))
        hello = stack.enter_context(running(HELLO, run.place(), threads=threads))
        body = run.place() / "home.html.gz"
        body.parent.mkdir(parents=True, exist_ok=True)
        body.write_bytes(wire.fetch(till.port, "/", {"Accept-Encoding": "gzip"}).body)
        bare = stack.enter_context(running(BARE, run.place(), threads=threads, BENCH_BODY=body))
        sides = {
            "hello": (hello, "/", ()),
            "bare": (bare, "/", ()),
            **{page: (till, address(shop, page), (GZIP, *((cookie,) if page == "cart" else ()))) for page in PAGES},
            WITH_CART: (till, "/", (GZIP, cookie)),
        }
        for server, path, headers in sides.values():
            load.pages(server, path, 1, headers)  # every process has answered it, and nothing is read or compiled any more
        loads = run.interleaved(
            {name: lambda side=side: load.pages(side[0], side[1], run.seconds, side[2]) for name, side in sides.items()}
        )
    rates = {name: Figure(tuple(each.per_second for each in rounds)) for name, rounds in loads.items()}
    cpu = {name: Figure(tuple(each.cpu for each in rounds)) for name, rounds in loads.items()}
    hello_rate = rates["hello"]
    suffix = f", {threads} threads" if threads > 1 else ", 1 thread"
    yield Row("", f"hello{suffix}", hello_rate.text(lambda v: f"{v:,.0f}/s"))
    yield Row("", f"bare WSGI, the list's bytes{suffix}", rates["bare"].text(lambda v: f"{v:,.0f}/s"))
    warm, beside_bare = rates["home"] / hello_rate, rates["home"] / rates["bare"]
    bound = profiles["home"].text(6)
    yield Row("P1", f"{PLAIN}, beside hello{suffix}", warm.text(times), "≥ 4×", verdict(warm.median >= 4), bound)
    yield Row("P1", f"{PLAIN}, beside bare WSGI{suffix}", beside_bare.text(percent), "≥ 60 %", verdict(beside_bare.median >= 0.6))
    counted = rates[WITH_CART] / hello_rate
    yield Row("P2", f"{WITH_CART}, beside hello{suffix}", counted.text(times), "≥ 1.8×", verdict(counted.median >= 1.8))
    for page in PAGES:
        ratio = rates[page] / hello_rate
        errors = sum(each.errors for each in loads[page])
        by_cpu = cpu["hello"] / cpu[page]
        shown = f"{ratio.text(percent)}; by CPU {percent(by_cpu.median)}; {rates[page].median:,.0f}/s" + (
            f"; {errors} errors" if errors else ""
        )
        yield Row("P3", f"{page}{suffix}", shown, "≥ 30 %", verdict(ratio.median >= 0.3, not errors), profiles[page].text(6))
    for page in ("hello", *PAGES):  # hello's tail is the server's and the machine's own
        p50 = Figure(tuple(each.p50 for each in loads[page]))
        p99 = Figure(tuple(each.p99 for each in loads[page]))
        tail = p99 / p50
        shown = f"p99 {milliseconds(p99.median)}, {tail.text(times)} of p50"
        wanted, good = ("", "") if page == "hello" else ("≤ 3× p50, ≤ 20 ms", verdict(tail.median <= 3, p99.median <= 20))
        yield Row("P9", f"{page}{suffix}", shown, wanted, good)
