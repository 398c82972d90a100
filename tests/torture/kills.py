"""kill -9 of the whole server while people order: what was thanked for exists whole, what was not is whole or not there."""

import contextlib
import http.client
import math
import random
import socket
import threading
import time
from dataclasses import dataclass, field

from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.models.order import LineItem, Order, OrderEvent
from app.models.outbox import OutboxMessage
from app.models.payment import Payment
from app.services import stock
from tests.factories import STANDARD_MINOR, a_variant
from tests.live import LiveServer
from tests.torture.buyers import GUS, Buyer, newest_key
from tests.torture.room import Pace, Room, assert_healthy, assert_sound, one_by_one

BUYERS = 8
LONGEST_LIFE = 1.5  # seconds from the first buyer to the kill
GONE_SECONDS = 10
PRICES = {"MUG": 1500, "BAG": 1000}
LEVEL = 100_000
ORDERS = select(Order).where(Order.email.startswith("kill"))

Broken = (OSError, http.client.HTTPException)  # what a buyer meets when the server dies


@dataclass
class Tally:
    """What the buyers know: the receipt of each order they were thanked for, and the submits they never had an answer to."""

    thanked: dict[str, str] = field(default_factory=dict)  # receipt cookie → e-mail
    unanswered: list[Buyer] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def kill9(room: Room, backend: str, until: float = math.inf, *, kills: int = 20) -> str:
    """Kill, start again, look: and whoever had no answer presses the button once more."""
    chance, pace, tally, resent = room.chance("kill9"), Pace(kills, until), Tally(), 0
    with room.open_shop(backend) as (app, server):
        with app.app_context():
            for sku, price in PRICES.items():
                a_variant(sku, on_hand=LEVEL, price_minor=price)
        for number in pace:
            kill_once(server, chance, tally, number)
            assert_sound(app, f"after kill {number + 1}")
            assert_whole(app, tally)
            server.start()
            resent += send_again(app, server, tally)
        assert_healthy(server)
        assert_sound(app, "after all kills")
        orders = assert_whole(app, tally)
        with app.app_context():
            units = sum(LEVEL - on_hand for sku in PRICES for _, on_hand, _, _ in stock.levels(sku))
        assert units == 3 * orders, f"{orders} orders of three units took {units} from stock"
    assert tally.thanked, "nobody managed to order anything"
    told = f"{len(tally.thanked) - resent} thanked for at the first press, {resent} when it was pressed again"
    return f"{pace.of('kills')} among {BUYERS} buyers; {orders} orders, each whole: {told}"


def kill_once(server: LiveServer, chance: random.Random, tally: Tally, number: int) -> None:
    closing = threading.Event()
    names = [f"kill{number}-buyer{n}@example.com" for n in range(BUYERS)]
    buyers = [threading.Thread(target=keep_buying, args=(server, name, tally, closing)) for name in names]
    for each in buyers:
        each.start()
    try:
        # Few see what lies between one order and the next, so the moment is counted from the first order on.
        seen, deadline = len(tally.thanked), time.monotonic() + GONE_SECONDS
        while len(tally.thanked) == seen and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, LONGEST_LIFE))
    finally:
        server.kill9()
        closing.set()
        for each in buyers:
            each.join()
    assert not tally.problems, tally.problems
    wait_until_gone(server)


def keep_buying(server: LiveServer, email: str, tally: Tally, closing: threading.Event) -> None:
    """Order one cart after the other until the line goes dead."""
    while not closing.is_set():
        buyer = Buyer(server.url)
        is_sent = False
        try:
            buyer.go_to_checkout({"MUG": 1, "BAG": 2}, email=email)
            is_sent = True
            answer = buyer.order()
            if answer.status != 303:
                tally.problems.append(f"{answer.status} {answer.text[:300]}")
                return
            tally.thanked[answer.cookies["receipt"]] = email
            if "Thank you" not in buyer.ask("GET", "/").text:
                tally.problems.append("the order was placed, but nobody said thanks")
        except Broken:
            if is_sent and not buyer.cookies.get("receipt"):
                tally.unanswered.append(buyer)
            return
        except AssertionError as problem:
            tally.problems.append(str(problem))
            return
        finally:
            buyer.close()


def wait_until_gone(server: LiveServer) -> None:
    """Killed processes need a moment to let go of the port."""
    deadline = time.monotonic() + GONE_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as trial, contextlib.suppress(OSError):
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(("127.0.0.1", server.port))
            return
        time.sleep(0.02)


def send_again(app: Flask, server: LiveServer, tally: Tally) -> int:
    """Whoever had no answer sends the same once more: that is one order, whether or not the first had arrived."""
    waiting, tally.unanswered = tally.unanswered, []

    def send(lost: Buyer) -> None:
        buyer = lost.again(server.url)
        answer = buyer.order()
        assert answer.status == 303, f"sent again after a kill: {answer.status} {answer.text[:300]}"
        tally.thanked[answer.cookies["receipt"]] = buyer.form["email"]
        buyer.close()

    one_by_one([lambda lost=lost: send(lost) for lost in waiting])
    return len(waiting)


def assert_whole(app: Flask, tally: Tally) -> int:
    """Every order has all its parts, and every one that somebody was thanked for is there; answers how many there are."""
    with app.app_context():
        orders = {order.key: order for order in db.session.execute(ORDERS).scalars()}
        lines, events, payments = ({}, {}, {})
        for model, found in ((LineItem, lines), (OrderEvent, events), (Payment, payments)):
            for row in db.session.execute(select(model)).scalars():
                found.setdefault(row.order_id, []).append(row)
        told = set(db.session.execute(select(OutboxMessage.dedupe_key)).scalars())
        carts = [order.cart_id for order in orders.values()]
        assert len(carts) == len(set(carts)), "two orders of one cart"
        for order in orders.values():
            parts = {(line.sku, line.quantity, line.unit_price_minor) for line in lines.get(order.id, [])}
            assert parts == {("MUG", 1, PRICES["MUG"]), ("BAG", 2, PRICES["BAG"])}, f"order {order.id} has {parts}"
            total = PRICES["MUG"] + 2 * PRICES["BAG"] + STANDARD_MINOR
            assert order.total_minor == total and [p.amount_minor for p in payments[order.id]] == [total]
            assert (order.status, len(events[order.id])) == ("PROCESSING", 2)
            assert f"order.confirmation:{order.id}" in told
            assert (order.name, order.line1, order.postcode) == (GUS["name"], GUS["line1"], GUS["postcode"])
        for cookie, email in tally.thanked.items():
            key = newest_key(app, cookie)
            assert key in orders, "an order that somebody was thanked for is gone"
            assert orders[key].email == email
        db.session.rollback()
    return len(orders)
