"""P6, P7 and P8: orders a second over HTTP, beside the bare driver, hello and an ORM; and 16 buyers on one product."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from sqlalchemy import func, select
from werkzeug.test import EnvironBuilder

from app.extensions import db
from app.models.catalog import Variant
from app.models.stock import StockMovement
from app.services import invariants, stock
from bench import data, forms, load, raw, spy, stages
from bench.data import Shop
from bench.load import BUYERS, Load
from bench.raw import Statement
from bench.run import FOR_ORDERS, PLENTY, Run
from bench.servers import HELLO, ORM, SHOP, Server, running
from bench.stages import Profile
from bench.table import Figure, Row, milliseconds, not_run, per_second, percent, times, verdict

CORES = len(os.sched_getaffinity(0))
SCARCE = 200  # units for whom twice as many come


@dataclass
class Line:
    """A running shop whose buyers have carts and forms ready; `cost` has the server's CPU seconds of each order, by round."""

    shop: Shop
    server: Server
    variants: Sequence[Sequence[int]]
    seconds: float
    expected: float = 0.0
    cost: list[float] = field(default_factory=list)

    def round(self) -> Load:
        """One round; nobody runs out of carts before it is over."""
        till = forms.Till(self.shop, self.server.port)
        if not self.expected:
            warm = load.buyers(self.server.port, till.orders(BUYERS, 25, self.variants), 60, wanted=303)
            self.expected = warm.per_second
        each = int(self.expected * (self.seconds + 1) * 1.6 / BUYERS) + 10
        requests = till.orders(BUYERS, each, self.variants)
        before = self.server.cpu_seconds()
        done = load.buyers(self.server.port, requests, self.seconds, wanted=303)
        count = sum(done.done_by_buyer)
        self.cost.append((self.server.cpu_seconds() - before) / max(count, 1))
        self.expected = max(self.expected, done.per_second)
        return done


# ------------------------------------------------------------------------------------------------ what an order says and costs


def recording(shop: Shop, variant: int) -> tuple[Statement, ...]:
    """The statements between BEGIN and COMMIT of one order, as the shop's own code says them."""
    environ = order_environ(forms.Till(shop, 80), [variant])
    with spy.listening() as said:
        stages.answer(shop.app, environ, "303")
    statements, _ = spy.transaction_of(said, '"order"')
    return raw.recorded(statements)


def order_environ(till: forms.Till, variants: Sequence[int], email: str = "") -> dict[str, object]:
    """One submit of a new cart, by a new guest if no e-mail is given, for the app inside this process."""
    request = till.order(variants, email)
    head, _, body = request.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    kind = headers.pop("Content-Type")
    del headers["Content-Length"]
    return EnvironBuilder("/checkout", method="POST", headers=headers, data=body, content_type=kind).get_environ()


def profile(shop: Shop, variants: Sequence[int], count: int = 200) -> Profile:
    till = forms.Till(shop, 80)
    return stages.profile(shop.app, lambda: order_environ(till, variants), "303", count)


# ------------------------------------------------------------------------------------------------ SQLite


def on_sqlite(run: Run) -> Iterator[Row]:
    shop = run.for_orders
    variants = shop.variant_ids()
    hot = variants[len(variants) // 2]
    statements = recording(shop, hot)
    cost = profile(shop, [hot])
    spread = [[variant] for variant in variants]
    lines: dict[str, Line] = {}
    sides: dict[str, Callable[[], Load]] = {}
    with ExitStack() as stack:

        def serve(target: str, threads: int, **more: object) -> Server:
            settings = {**run.settings, **more}
            return stack.enter_context(running(target, run.place(), database_url=shop.database_url, threads=threads, **settings))

        for threads in run.thread_counts:
            server = serve(SHOP, threads)
            for name, carts in (("spread", spread), ("hot", [[hot]])):
                line = Line(shop, server, carts, run.seconds)
                lines[f"{name} {threads}"] = line
                sides[f"{name} {threads}"] = line.round
        hello = serve(HELLO, run.shipped_threads)
        sides["hello"] = lambda: load.pages(hello, "/", run.seconds)
        sides["raw"] = lambda: by_driver(shop, statements, hot, variants, run.seconds)
        for name, queue in (("orm queue", 1), ("orm alone", 0)):
            server = serve(ORM, run.shipped_threads, SQLITE_QUEUE=queue)
            sides[name] = lambda port=server.port: by_orm(port, variants, run.seconds)
        loads = run.interleaved(sides)
    rates = {name: Figure(tuple(each.per_second for each in rounds)) for name, rounds in loads.items()}
    yield Row(
        "P6",
        "the bare driver under the same lock, 16 writers",
        rates["raw"].text(per_second),
        "",
        "",
        f"{len(statements)} statements an order",
    )
    for threads in run.thread_counts:
        yield from durable_orders(run, threads, lines[f"spread {threads}"], rates, cost)
    for threads in run.thread_counts:
        name = f"hot {threads}"
        yield one_product(threads, loads[name], rates[name])
    yield from afterwards(run, shop, hot)


def durable_orders(run: Run, threads: int, line: Line, rates: dict[str, Figure], cost: Profile) -> Iterator[Row]:
    suffix = f", {threads} threads" if threads > 1 else ", 1 thread"
    rate = rates[f"spread {threads}"]
    cpu = sorted(line.cost)[len(line.cost) // 2] * 1e6
    bound = (
        f"server's CPU {cpu:,.0f} µs an order: {CORES} cores alone give {CORES * 1e6 / cpu:,.0f}/s; "
        f"lock held {cost.held:,.0f} µs: {1e6 / cost.held:,.0f}/s at most"
    )
    yield Row("P6", f"orders over HTTP{suffix}", rate.text(per_second), "", "", bound)
    for name, wanted, told in (("raw", 0.45, "bare driver"), ("hello", 0.25, "hello")):
        ratio = rate / rates[name]
        yield Row("P6", f"orders beside {told}{suffix}", ratio.text(percent), f"≥ {wanted:.0%}", verdict(ratio.median >= wanted))
    if threads == run.shipped_threads:
        for name, told in (("orm queue", "ORM unit of work, same queue"), ("orm alone", "ORM unit of work, no queue")):
            ratio = rate / rates[name]
            shown = f"{ratio.text(times)}; {rates[name].median:,.0f}/s"
            yield Row("P6", f"orders beside {told}{suffix}", shown, "≥ 7×", verdict(ratio.median >= 7))


def by_driver(shop: Shop, statements: tuple[Statement, ...], recorded: int, variants: Sequence[int], seconds: float) -> Load:
    """The same statements without the shop; only their rate is measured."""
    return Load(raw.rate(shop.database_url, statements, recorded, variants, seconds), 0, 0, 0, 0)


def by_orm(port: int, variants: Sequence[int], seconds: float) -> Load:
    def orders(buyer: int) -> Iterator[bytes]:
        number = buyer
        while True:
            number += BUYERS
            yield forms.post(port, "/bench/orders", {"variant": str(variants[number % len(variants)])}, {})

    return load.buyers(port, [orders(buyer) for buyer in range(BUYERS)], seconds, wanted=204)


def one_product(threads: int, loads: Sequence[Load], rate: Figure) -> Row:
    suffix = f", {threads} threads" if threads > 1 else ", 1 thread"
    p50, p99 = (Figure(tuple(getattr(each, name) for each in loads)) for name in ("p50", "p99"))
    longest = max(each.longest for each in loads)
    fairness = min(each.fairness for each in loads)
    errors = sum(each.errors for each in loads)
    shown = (
        f"p50 {milliseconds(p50.median)}, p99 {p99.text(milliseconds)}, max {milliseconds(longest)}, "
        f"slowest/fastest {fairness:.2f}, {errors} errors; {rate.median:,.0f}/s"
    )
    good = verdict(p99.median <= 25, longest <= 100, fairness >= 0.7, not errors)
    return Row("P7", f"16 buyers, one product{suffix}", shown, "p99 ≤ 25 ms, max ≤ 100, ≥ 0.7, 0", good)


def afterwards(run: Run, shop: Shop, hot: int) -> Iterator[Row]:
    """More buyers than units on one product, and then every invariant."""
    with running(SHOP, run.place(), database_url=shop.database_url, threads=run.shipped_threads, **run.settings) as server:
        set_level(shop, hot, SCARCE)
        till = forms.Till(shop, server.port)
        done = load.buyers(server.port, till.orders(BUYERS, 2 * SCARCE // BUYERS, [[hot]]), 120, wanted=303, to_the_end=True)
    with shop.app.app_context():
        left = db.session.execute(select(Variant.on_hand).where(Variant.id == hot)).scalar_one()
        sales = select(func.coalesce(-func.sum(StockMovement.delta), 0)).where(
            StockMovement.variant_id == hot, StockMovement.reason == "sale"
        )
        before = db.session.execute(sales).scalar_one()
        breaches = [breach.name for breach in invariants.broken()]
        db.session.remove()
    sold = done.statuses[303]
    others = {status: count for status, count in done.statuses.items() if status not in (303, 409)}
    shown = f"{SCARCE} units: {sold} sold, {done.statuses[409]} told they are gone, {left} left" + (
        f", {others}" if others else ""
    )
    yield Row("P7", "the last units, twice as many buyers", shown, "0 oversold", verdict(sold == SCARCE, left == 0, not others))
    told = ", ".join(breaches) if breaches else f"none broken; {before:,} units of the hot product sold in all"
    yield Row("P7", "invariants after all of that", told, "none", verdict(not breaches))


def set_level(shop: Shop, variant: int, level: int) -> None:
    with shop.app.app_context():
        sku = db.session.execute(select(Variant.sku).where(Variant.id == variant)).scalar_one()
        stock.set_levels([(sku, level)], actor="bench")
        db.session.remove()


# ------------------------------------------------------------------------------------------------ PostgreSQL


@contextmanager
def postgres_server() -> Iterator[str]:
    """A throwaway PostgreSQL that writes to the disk as a real one does."""
    from tests import postgres

    usual, postgres.FAST = postgres.FAST, "-c max_connections=100"
    try:
        with postgres.server() as url:
            yield url
    finally:
        postgres.FAST = usual


def on_postgres(run: Run) -> Iterator[Row]:
    from tests import tools

    if not (os.environ.get("TEST_POSTGRES_URL") or (tools.find("initdb") and tools.find("pg_ctl"))):
        yield not_run("P8", "PostgreSQL", "initdb and pg_ctl were not found, and TEST_POSTGRES_URL is not set")
        return
    with ExitStack() as stack:
        url = stack.enter_context(data.postgres_database(stack.enter_context(postgres_server())))
        run.say("making a shop on PostgreSQL")
        shop = data.make("postgres", run.folder, products=FOR_ORDERS, on_hand=PLENTY, url=url, apart=True)
        variants = shop.variant_ids()
        hot = variants[len(variants) // 2]
        statements = recording(shop, hot)
        cost = profile(shop, [hot])
        server = stack.enter_context(running(SHOP, run.place(), database_url=url, threads=run.shipped_threads, **run.settings))
        lines = {
            "spread": Line(shop, server, [[variant] for variant in variants], run.seconds),
            "hot": Line(shop, server, [[hot]], run.seconds),
        }
        sides: dict[str, Callable[[], Load]] = {name: line.round for name, line in lines.items()}
        sides["raw"] = lambda: by_driver(shop, statements, hot, variants, run.seconds)
        sides["raw hot"] = lambda: by_driver(shop, statements, hot, [hot], run.seconds)
        loads = run.interleaved(sides)
        with shop.app.app_context():
            breaches = [breach.name for breach in invariants.broken()]
            db.session.remove()
            db.engine.dispose()
    rates = {name: Figure(tuple(each.per_second for each in rounds)) for name, rounds in loads.items()}
    yield Row(
        "P8",
        "the bare driver, 16 writers",
        rates["raw"].text(per_second),
        "",
        "",
        f"{len(statements)} statements an order; on one product {rates['raw hot'].median:,.0f}/s",
    )
    cpu = sorted(lines["spread"].cost)[run.rounds // 2] * 1e6
    bound = f"server's CPU {cpu:,.0f} µs an order, PostgreSQL's own beside it; {cost.statements} statements; {cost.text(5)}"
    yield Row("P8", "orders over HTTP", rates["spread"].text(per_second), "", "", bound)
    beside, ratio = rates["spread"] / rates["raw"], rates["hot"] / rates["spread"]
    yield Row("P8", "orders beside the bare driver", beside.text(percent), "≥ 40 %", verdict(beside.median >= 0.4))
    errors = sum(each.errors for name in ("spread", "hot") for each in loads[name])
    shown = f"{ratio.text(percent)}; {rates['hot'].median:,.0f}/s; {errors} errors"
    yield Row("P8", "one hot product beside many", shown, "≥ 45 %", verdict(ratio.median >= 0.45, not errors))
    yield Row("P8", "invariants after all of that", ", ".join(breaches) or "none broken", "none", verdict(not breaches))
