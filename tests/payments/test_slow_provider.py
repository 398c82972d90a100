"""A provider that never answers takes half of the server's threads and no more: who reads, reads on, and no cart is lost.

On SQLite alone: it is the server's threads that are scarce here, and SQLite would let everybody wait for who writes.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.models.payment import PaymentMethod
from tests import live
from tests.databases import Databases
from tests.factories import a_variant
from tests.live import LiveServer
from tests.providers import Provider
from tests.shopping import level, orders
from tests.torture.buyers import Answer, Buyer
from tests.torture.room import Room, assert_healthy, assert_sound, at_once

pytestmark = pytest.mark.race

PAYERS, ON_HAND = 8, 100
ANSWER_SECONDS, READ_SECONDS, USUAL_SECONDS = 15, 3, 0.5  # for a payer; for the slowest page; for half of the pages
PAGES = ("/", "/p/beans", "/cart")
PAUSE_SECONDS = 0.05  # between two pages of a reader


@pytest.fixture
def shop(databases: Databases, tmp_path: Path, provider: Provider) -> Iterator[tuple[Flask, LiveServer]]:
    """(app, server): one process of four threads, which takes cards by the provider."""
    room = Room(databases, tmp_path, seed=1)
    with room.shop("sqlite", **provider.settings()) as app:
        settings = {"WORKERS": 1, "THREADS": 4, "STATIC_FOLDER": tmp_path / "static", **provider.environment()}
        with live.serving(app.config["DATABASE_URL"], Path(app.instance_path), **settings) as server:
            yield app, server
            assert_healthy(server)
            assert_sound(app)


def test_whoever_reads_is_not_kept_waiting_by_whoever_pays(shop, provider):
    app, server = shop
    payers = ready(app, server)
    before = read(server, until=lambda: False, most=30)

    provider.trouble = "hang"
    done = threading.Event()
    meanwhile: list[Answer] = []
    reader = threading.Thread(target=lambda: meanwhile.extend(read(server, until=done.is_set, most=1000)))
    reader.start()
    try:
        answers = at_once([partial(Buyer.order, payer) for payer in payers])
    finally:
        done.set()
        reader.join()

    assert {answer.status for answer in answers} == {503}
    assert max(answer.seconds for answer in answers) < ANSWER_SECONDS
    assert sum(answer.seconds > 5 for answer in answers) == 2  # it really hung, and for half of the threads
    assert all("Nothing was paid and your cart is kept" in answer.text and answer.header("Retry-After") for answer in answers)
    assert all("cart" in payer.cookies for payer in payers)

    assert {answer.status for answer in [*before, *meanwhile]} == {200} and len(meanwhile) > 30
    seconds = [answer.seconds for answer in meanwhile]
    told = f"{statistics.median(seconds):.3f} s and {max(seconds):.3f} s, before {statistics.median(times(before)):.3f} s"
    assert max(seconds) < READ_SECONDS and statistics.median(seconds) < USUAL_SECONDS, told

    with app.app_context():
        assert (level("BEANS"), {order.status for order in orders()}) == ((ON_HAND, 0), {"FAILED"})

    provider.trouble = None
    again = payers[0].go_to_checkout({}, payment=payers[0].form["payment"]).order()
    assert (again.status, again.header("Location").startswith(provider.url)) == (303, True)
    for payer in payers:
        payer.close()


def ready(app: Flask, server: LiveServer) -> list[Buyer]:
    """Shoppers with a filled-in checkout, who will pay by card."""
    with app.app_context():
        a_variant(on_hand=ON_HAND)
        card = db.session.execute(select(PaymentMethod.id).where(PaymentMethod.gateway == "stripe")).scalar_one()
        db.session.rollback()
    payers = [Buyer(server.url) for _ in range(PAYERS)]
    return [
        payer.go_to_checkout({"BEANS": 1}, email=f"gus{number}@example.com", payment=str(card))
        for number, payer in enumerate(payers)
    ]


def read(server: LiveServer, *, until: Callable[[], bool], most: int) -> list[Answer]:
    """The answers to somebody who reads one page after the other."""
    reader = Buyer(server.url)
    answers: list[Answer] = []
    while not until() and len(answers) < most:
        answers.append(reader.ask("GET", PAGES[len(answers) % len(PAGES)]))
        time.sleep(PAUSE_SECONDS)
    reader.close()
    return answers


def times(answers: list[Answer]) -> list[float]:
    return [answer.seconds for answer in answers]
