"""Programs and people at the same moment, over real HTTP."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
import requests
from flask import Flask
from sqlalchemy import func, select

from app.extensions import db
from app.models.order import Order
from app.providers import GATEWAYS
from app.services import stock
from tests.databases import BACKENDS, Databases
from tests.factories import a_redirect_method, a_variant
from tests.live import LiveServer
from tests.programs import CHECKOUT, Program, a_program
from tests.torture.buyers import Buyer
from tests.torture.room import Room, assert_healthy, assert_sound, at_once, one_by_one, sold

pytestmark = pytest.mark.race
SEED, TOGETHER, EACH_DOOR, UNITS = 1, 20, 10, 5
Ask = Callable[[], requests.Response]


@pytest.fixture(scope="module", params=BACKENDS)
def shop(request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory):
    """(app, server) on one database."""
    with Room(databases, tmp_path_factory.mktemp("room"), SEED, workers=2).open_shop(request.param) as (app, server):
        yield app, server
        assert_healthy(server)
        assert_sound(app, "after the races of programs")


def checkout(server: LiveServer, program: Program, **headers: str) -> Ask:
    """One program's submit, to be sent when it is called."""
    sent = {"Authorization": f"Token {program.token}", **headers}
    return partial(requests.post, f"{server.url}/api{CHECKOUT}", json=program.wish(), headers=sent, timeout=60)


def status_of(ask: Ask) -> int:
    return ask().status_code


def count(app: Flask, email: str) -> int:
    with app.app_context():
        return db.session.execute(select(func.count(Order.id)).where(Order.email == email)).scalar_one()


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "one wish"}], ids=["unnamed", "named"])
def test_one_cart_sent_twenty_times_at_once_is_one_order(shop, headers):
    app, server = shop
    email = f"twenty{len(headers)}@example.com"
    with app.app_context():
        program = a_program(app, email).put_in((a_variant(f"PLENTY-{len(headers)}", on_hand=1000), 2))

    answers = at_once([checkout(server, program, **headers)] * TOGETHER)

    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= ({200, 409} if headers else {200, 400}), statuses  # the cart of whoever came late is empty
    assert len({answer.json()["order_key"] for answer in answers if answer.status_code == 200}) == 1
    assert (count(app, email), sold(app, f"PLENTY-{len(headers)}")) == (1, (1, 2))
    if headers:
        again = checkout(server, program, **headers)()
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")


def test_one_failed_order_paid_twenty_times_at_once_is_sold_once(shop, monkeypatch):
    app, server = shop
    with app.app_context():
        method = a_redirect_method(monkeypatch)
        GATEWAYS["elsewhere"].is_down = True
        program = a_program(app, "again@example.com").put_in((a_variant("AGAIN", on_hand=1000), 2))
        program.post(CHECKOUT, program.wish(payment_method=method), 503)
        key = db.session.execute(select(Order.key).where(Order.email == "again@example.com")).scalar_one()
    sent = {"url": f"{server.url}/api/shop/checkout/order/{key}", "headers": {"Authorization": f"Token {program.token}"}}
    ask = partial(requests.post, **sent, json={"payment_method": 1}, timeout=60)

    statuses = Counter(at_once([partial(status_of, ask)] * TOGETHER))

    assert statuses == {200: 1, 400: TOGETHER - 1}
    assert sold(app, "AGAIN") == (1, 2)
    with app.app_context():
        assert stock.levels("AGAIN") == [("AGAIN", 998, 0, 998)]
        assert_sound(app)


def test_people_and_programs_share_the_last_units(shop):
    app, server = shop
    with app.app_context():
        scarce = a_variant("SCARCE", on_hand=UNITS)
        programs = [a_program(app, f"program{n}@example.com").put_in((scarce, 1)) for n in range(EACH_DOOR)]
    people = [Buyer(server.url) for _ in range(EACH_DOOR)]
    one_by_one([partial(each.go_to_checkout, {"SCARCE": 1}, email=f"person{n}@example.com") for n, each in enumerate(people)])

    pressed = [lambda each=each: each.order().status for each in people]
    sent = [partial(status_of, checkout(server, each)) for each in programs]
    statuses = Counter(at_once([*pressed, *sent]))

    for person in people:
        person.close()
    assert statuses[303] + statuses[200] == UNITS, statuses
    assert statuses[409] + statuses[400] == 2 * EACH_DOOR - UNITS, statuses
    assert sold(app, "SCARCE") == (UNITS, UNITS)
    with app.app_context():
        assert stock.levels("SCARCE") == [("SCARCE", 0, 0, 0)]
