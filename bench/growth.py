"""P10 and P11: what a large catalogue, a search and a full cart cost beside small ones."""

import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from app.extensions import db
from app.services import catalog
from app.services.errors import CartFull
from bench import data, forms, load, spy, stages
from bench.data import Shop
from bench.orders import Line, order_environ
from bench.run import Run
from bench.servers import SHOP, running
from bench.spy import Said
from bench.table import Figure, Row, milliseconds, number, size, times, verdict

GZIP = "Accept-Encoding: gzip"
CART_SIZES = (1, 10, 100, 1112)
ORDER_SIZES = (1, 10, 100)
FROM = 4000  # variants among which a large cart's lines lie
REPEATS = 15
SMALL_TABLES = {"category", "catalogue_revision", "shipping_method", "payment_method", "tax_class", "tax_rate"}
MATCH = re.compile(r"VIRTUAL TABLE INDEX \d+:M")  # SQLite's word for looking something up in a full-text index


# ------------------------------------------------------------------------------------------------ P10


def growth(run: Run) -> Iterator[Row]:
    shops = {"small": run.small, "large": run.large}
    sides: dict[str, Callable[[], float]] = {}
    with ExitStack() as stack:
        for name, shop in shops.items():
            server = stack.enter_context(
                running(SHOP, run.place(), database_url=shop.database_url, threads=run.shipped_threads, **run.settings)
            )
            cookie = f"Cookie: cart={forms.cart_cookie(shop, spaced(shop.variant_ids(), 3))}"
            for page, path in paths(shop).items():
                headers = (GZIP, cookie) if page == "cart" else (GZIP,)
                sides[f"{page} {name}"] = lambda server=server, path=path, headers=headers: load.cost(
                    server, path, run.seconds * 0.7, headers
                )
        costs = run.interleaved(sides)
    for page in paths(run.small):
        ratio = Figure(tuple(costs[f"{page} large"])) / Figure(tuple(costs[f"{page} small"]))
        database = [shortest(shop, paths(shop)[page]) for shop in shops.values()] if page != "cart" else []
        bound = f"database {database[0]:,.0f} → {database[1]:,.0f} µs" if database else ""
        what = f"{page}: CPU at {run.large_size:,} products beside 200"
        yield Row("P10", what, ratio.text(times), "≤ 1.3×", verdict(ratio.median <= 1.3), bound)
    yield from scans(run.large)
    yield from searches(run.large)


def paths(shop: Shop) -> dict[str, str]:
    """The pages that are compared; deep ones begin in the middle of the catalogue."""
    with shop.app.app_context():
        slugs = catalog.listed_slugs(1_000_000)
        product = catalog.product(slugs[len(slugs) // 2])
        db.session.remove()
    assert product is not None
    return {
        "list": "/",
        "category": "/c/shelf-3",
        "product": f"/p/{product.slug}",
        "deep page": f"/search?after={product.id}",
        "deep page by price": f"/search?sort=price&after={product.id}",
        "cart": "/cart",
    }


def spaced(items: Sequence[int], count: int) -> list[int]:
    """So many of them, evenly spaced."""
    return [items[i * len(items) // count] for i in range(count)]


def said_by(shop: Shop, path: str) -> list[Said]:
    """What the shop says to its database for a page."""
    client = shop.app.test_client()
    client.get(path)
    with spy.listening() as said:
        assert client.get(path).status_code == 200
    return [each for each in said if not each.is_mark]


def shortest(shop: Shop, path: str) -> float:
    """Microseconds of database time for a page, when nothing disturbs it."""
    return min(database_time(said_by(shop, path)) for _ in range(REPEATS))


def database_time(said: Sequence[Said]) -> float:
    """Microseconds in the driver."""
    return sum(each.seconds for each in said) * 1e6


def scans(shop: Shop) -> Iterator[Row]:
    """Every statement of these pages and of searches, as SQLite would go about it."""
    found: list[str] = []
    words: list[str] = []
    ids = shop.variant_ids()[:3]
    said = {path: said_by(shop, path) for path in paths(shop).values() if path != "/cart"}
    said |= {f"/search?q={text}": said_by(shop, f"/search?q={text}") for text in QUERIES.values()}
    said |= {"the cart": said_of_cart(shop, forms.cart_cookie(shop, ids)), "an order": said_of_order(shop, ids)}
    for what, statements in said.items():
        for each in statements:
            if not each.sql.startswith("INSERT"):  # of these the plan tells what a conflict would look through
                found += [f"{what}: {step}" for step in plan(shop, each) if is_scan(step)]
            if what != "an order":
                words += [f"{what}: {word}" for word in ("OFFSET", "COUNT(") if word in each.sql.upper() and skips(each, word)]
    found, words = sorted(set(found)), sorted(set(words))
    yield Row("P10", "statements that read a whole table or index", str(len(found)), "none", verdict(not found), "; ".join(found))
    yield Row("P10", "OFFSET or COUNT(*) on a page", str(len(words)), "none", verdict(not words), "; ".join(words[:4]))


def said_of_order(shop: Shop, variants: Sequence[int]) -> list[Said]:
    """What the shop says to its database to place an order."""
    environ = order_environ(forms.Till(shop, 80), variants)
    with spy.listening() as said:
        stages.answer(shop.app, environ, "303")
    return [each for each in said if not each.is_mark]


def skips(said: Said, word: str) -> bool:
    """Whether rows are skipped or counted; SQLAlchemy writes LIMIT ? OFFSET 0 for a plain limit on SQLite."""
    return word != "OFFSET" or not (isinstance(said.values, tuple | list) and said.values and said.values[-1] == 0)


def plan(shop: Shop, said: Said) -> list[str]:
    with shop.app.app_context():
        values = tuple(said.values[0] if said.is_many else said.values)
        steps = db.session.connection().exec_driver_sql("EXPLAIN QUERY PLAN " + said.sql, values).all()
        db.session.remove()
    return [str(step[3]) for step in steps]


def is_scan(step: str) -> bool:
    """Reading a table or an index from end to end; a few tables are always small and meant to be read so."""
    if not step.startswith("SCAN ") or step.split()[1] in SMALL_TABLES:
        return False
    return not MATCH.search(step) and "CONSTANT ROW" not in step


QUERIES = {
    "common": data.COMMON,
    "rare": data.RARE,
    "absent": data.ABSENT,
    "two letters": "ka",
    "two letters, absent": "zx",
    "one letter": "k",
    "two words": f"{data.COMMON} lot",
    "four words": f"{data.RARE} {data.COMMON} washed beds",
    "common and absent": f"{data.COMMON} {data.ABSENT}",
    "rare and two letters": f"{data.RARE} ka",
    "common and two letters, absent": f"{data.COMMON} zx",
    "a number": "99",
    "three letters": "kar",
}


def searches(shop: Shop) -> Iterator[Row]:
    """The time of each search in the database's driver, on the large catalogue; the process has it warm."""
    with shop.app.app_context():
        for name, text in QUERIES.items():
            taken, whole = [], []
            for _ in range(REPEATS):
                began = time.perf_counter()
                with spy.listening() as said:
                    found = catalog.search(text)
                whole.append((time.perf_counter() - began) * 1000)
                taken.append(database_time(said) / 1000)
                db.session.rollback()
            median = statistics.median(taken)
            count = f"{found.count}{'+' if found.is_capped else ''} found"
            each = ", ".join(f"{one.seconds * 1000:.2f}" for one in said if not one.is_mark)
            bound = f"statements {each} ms; the whole search {statistics.median(whole):.1f} ms"
            yield Row(
                "P10", f"search, {name} (“{text}”)", f"{milliseconds(median)}; {count}", "≤ 5 ms", verdict(median <= 5), bound
            )
        db.session.remove()


# ------------------------------------------------------------------------------------------------ P11


def cart_sizes(run: Run) -> Iterator[Row]:
    shop = run.large
    ids = shop.variant_ids()[:FROM]
    cookies: dict[int, str] = {}
    for count in CART_SIZES:
        try:
            cookies[count] = forms.cart_cookie(shop, sorted(spaced(ids, count)))
        except CartFull:
            yield Row("P11", f"cookie of {count:,} lines", "does not fit", "≤ 4,093 B", "NOT MET")
    with running(SHOP, run.place(), database_url=shop.database_url, threads=run.shipped_threads, **run.settings) as server:
        sides = {
            str(count): lambda kept=kept: load.cost(server, "/cart", run.seconds * 0.7, (GZIP, f"Cookie: cart={kept}"))
            for count, kept in cookies.items()
        }
        costs = run.interleaved(sides)
    one = Figure(tuple(costs["1"]))
    for count, kept in cookies.items():
        own = Figure(tuple(costs[str(count)]))
        ratio = own / one
        wanted, good = ("≤ 4.5×", verdict(ratio.median <= 4.5)) if count == 100 else ("", "")
        yield Row(
            "P11", f"cart page, {count:,} lines: CPU beside 1", f"{ratio.text(times)}; {milliseconds(own.median)}", wanted, good
        )
        said = said_of_cart(shop, kept)
        yield Row("P11", f"cart page, {count:,} lines: statements", number(len(said)), "≤ 3", verdict(len(said) <= 3))
        length = len("cart") + len(kept)
        most = {100: 600, 1112: 4093}.get(count)
        wanted = f"≤ {most:,} B" if most else ""
        yield Row("P11", f"cookie of {count:,} lines", size(length), wanted, verdict(length <= most) if most else "")
    yield from order_sizes(run)


def said_of_cart(shop: Shop, kept: str) -> list[Said]:
    client = shop.app.test_client()
    client.set_cookie("cart", kept)
    client.get("/cart")
    with spy.listening() as said:
        assert client.get("/cart").status_code == 200
    return [each for each in said if not each.is_mark]


def order_sizes(run: Run) -> Iterator[Row]:
    shop = run.for_orders
    ids = shop.variant_ids()
    with running(SHOP, run.place(), database_url=shop.database_url, threads=run.shipped_threads, **run.settings) as server:
        sides = {str(count): Line(shop, server, [spaced(ids, count)], run.seconds * 0.7) for count in ORDER_SIZES}
        loads = run.interleaved({name: line.round for name, line in sides.items()})
    one = Figure(tuple(sides["1"].cost))
    for count in ORDER_SIZES[1:]:
        own = Figure(tuple(sides[str(count)].cost))
        ratio = own / one
        errors = sum(each.errors for each in loads[str(count)])
        wanted, good = ("≤ 8×", verdict(ratio.median <= 8, not errors)) if count == 100 else ("", "")
        rates = [each.per_second for each in loads[str(count)]]
        shown = f"{ratio.text(times)}; {own.median * 1000:.1f} ms, {statistics.median(rates):,.0f}/s; {errors} errors"
        yield Row("P11", f"order of {count} lines: CPU beside 1", shown, wanted, good)
