"""Where the time of one page and of one order goes, so that the goals' figures can be understood."""

from collections.abc import Iterator

from werkzeug.test import EnvironBuilder

from bench import orders, pages, stages
from bench.hello import app as hello
from bench.run import Run
from bench.stages import Profile
from bench.table import Row


def measure(run: Run) -> Iterator[Row]:
    bare = stages.profile_plain(hello, lambda: EnvironBuilder("/").get_environ(), 300)
    yield Row("", "hello in process", f"{bare:,.0f} µs")
    for page in pages.PAGES:
        yield row(page, pages.profile(run.small, page))
    shop = run.for_orders
    variants = shop.variant_ids()
    for count in (1, 10):
        yield row(f"order of {count}", orders.profile(shop, variants[:count], 120))


def row(what: str, profile: Profile) -> Row:
    held = f", lock held {profile.held:,.0f} µs" if profile.held else ""
    return Row(
        "", f"{what} in process", f"{profile.total:,.0f} µs, {profile.statements} statements{held}", "", "", profile.text()
    )
