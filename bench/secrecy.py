"""What a stranger could time: the same request for an e-mail that has an account and for one that has none."""

import statistics
import time
from collections.abc import Callable, Iterator

from flask.testing import FlaskClient

from app.extensions import db
from app.services import accounts
from bench import forms, wire
from bench.data import Shop
from bench.run import Run
from bench.stages import answer, elapsed
from bench.table import Row

KNOWN, UNKNOWN = "known@example.com", "other@example.com"
PASSWORD = "four white geese"
DOORS = {
    "login": ("/account/login", {"password": "not the password"}, 422),
    "register": ("/account/register", {"name": "Somebody", "password": PASSWORD}, 303),
    "forgotten password": ("/account/password/forgot", {}, 303),
}


def measure(run: Run) -> Iterator[Row]:
    """Every door with both e-mails in turn, inside this process."""
    shop = run.for_orders
    with shop.app.app_context():
        accounts.create(KNOWN, name="Somebody", password=PASSWORD, is_verified=True)
        db.session.remove()
    count = 40 if run.is_quick else 200
    for name, (path, fields, status) in DOORS.items():
        browser = shop.app.test_client()
        form = wire.Links(browser.get(path).get_data(as_text=True)).fields[path]
        yield row(name, lambda email, b=browser, p=path, f=form | fields, s=status: post(b, p, f | {"email": email}, s), count)
    yield row("guest checkout", checkout(shop), count)


def post(browser: FlaskClient, path: str, fields: dict[str, str], status: int) -> float:
    """Microseconds until a form is answered."""
    began = time.perf_counter_ns()
    answered = browser.post(path, data=fields, buffered=True)
    took = (time.perf_counter_ns() - began) / 1000
    assert answered.status_code == status, f"{path} answered {answered.status_code}"
    return took


def checkout(shop: Shop) -> Callable[[str], float]:
    """Orders by guests, each with a new cart."""
    from bench.orders import order_environ

    till, variants = forms.Till(shop, 80), shop.variant_ids()[:1]
    answer(shop.app, order_environ(till, variants), "303")
    return lambda email: elapsed(shop.app, order_environ(till, variants, email), "303")


def row(what: str, ask: Callable[[str], float], count: int) -> Row:
    """Both medians; they differ by no more than either half of one e-mail's own times does."""
    for email in (KNOWN, UNKNOWN):
        ask(email)
    times: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
    for number in range(count):
        for email in (KNOWN, UNKNOWN) if number % 2 else (UNKNOWN, KNOWN):
            times[email].append(ask(email))
    known, unknown = (statistics.median(times[email]) for email in (KNOWN, UNKNOWN))
    halves = [abs(statistics.median(each[::2]) - statistics.median(each[1::2])) for each in times.values()]
    bound = f"half of one e-mail's {count} times have a median up to {max(halves):,.0f} µs from the other half's"
    return Row("", f"{what}: known, unknown e-mail", f"{known:,.0f} µs, {unknown:,.0f} µs; {known / unknown:.3f}×", "", "", bound)
