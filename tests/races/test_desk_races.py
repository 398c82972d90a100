"""Two people at one order: one wins, the other is told, and the shopper hears of one thing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.models.order_desk import RequestStatus
from app.services import order_desk, order_requests, refunds
from app.services.errors import ShopError
from tests.desk import POST, asked, paid, seen, sent, shipments, status_of, to_pack, topics
from tests.factories import a_variant
from tests.paying import refunds as all_refunds, the_payments
from tests.shopping import level
from tests.staff import a_manager, a_staff_member

pytestmark = [pytest.mark.usefixtures("app_context"), pytest.mark.race]

ROUNDS = 20


def together(app: Flask, *works: Callable[[], Any]) -> list[str]:
    """Do these at the same moment, each in a thread of its own; answers how each ended: done, or the error's name."""
    barrier = Barrier(len(works))

    def one(work: Callable[[], Any]) -> str:
        with app.app_context():
            barrier.wait(10)
            try:
                work()
            except ShopError as error:
                return type(error).__name__
            return "done"

    db.session.remove()
    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(one, works))


@pytest.fixture
def stan(app_context: Any) -> str:
    return a_staff_member().actor


@pytest.fixture
def mona(app_context: Any) -> str:
    return a_manager().actor


def ship(order_id: int, actor: str, known: str) -> None:
    order_desk.ship(order_id, POST, actor=actor, as_seen=known)


def cancel(order_id: int, actor: str, known: str) -> None:
    order_desk.cancel(order_id, "sold out", actor=actor, is_manager=False, as_seen=known)


def test_sent_and_cancelled_at_once(app, stan, mona):
    item = a_variant(on_hand=ROUNDS)
    for round_ in range(ROUNDS):
        order_id = to_pack(item)
        known, in_stock = seen(order_id), level("BEANS")[0]

        ends = together(app, partial(ship, order_id, stan, known), partial(cancel, order_id, mona, known))

        assert sorted(ends) == ["OrderMoved", "done"], round_
        was_sent = ends[0] == "done"
        assert status_of(order_id) == ("SHIPPED" if was_sent else "CANCELLED")
        told = [topic for topic in topics(order_id) if topic != "order.confirmation"]
        assert told == ["order.shipped" if was_sent else "order.cancelled"]
        assert level("BEANS") == (in_stock + (not was_sent), 0)


def test_sent_by_two_at_once(app, stan):
    order_id = to_pack()

    ends = together(app, *[lambda: order_desk.ship(order_id, POST, actor=stan)] * 5)

    assert sorted(ends) == ["NotNow"] * 4 + ["done"]
    assert (len(shipments()), topics(order_id).count("order.shipped")) == (1, 1)


def test_refunded_by_two_at_once(app, stan, monkeypatch):
    order_id = paid(monkeypatch)
    known = seen(order_id)

    def refund() -> None:
        order_desk.refund(order_id, 500, "torn", actor=stan, restock=False, as_seen=known)

    assert sorted(together(app, *[refund] * 4)) == ["OrderMoved"] * 3 + ["done"]
    assert all_refunds() == [(500, "QUEUED")]


def test_parts_of_a_payment_sent_at_once_are_the_whole_of_it(app, monkeypatch):
    order_id = paid(monkeypatch)
    for part in (500, 500, 500, None):
        refunds.refund(order_id, part, reason="torn", actor="cli")

    together(app, *[partial(refunds.sent, refund_id, "sent") for refund_id in (1, 2, 3, 4)])

    assert [status for _, status in all_refunds()] == ["DONE"] * 4
    assert the_payments()[0].status == "REFUNDED"


def test_asked_and_answered_by_many_at_once(app, stan):
    order_id = sent(to_pack())

    assert sorted(together(app, *[lambda: asked(order_id)] * 4)) == ["AskedAlready"] * 3 + ["done"]
    [request] = order_requests.of_order(order_id)
    request_id = request.id

    def answer() -> None:
        order_requests.answer(order_id, request_id, RequestStatus.ACCEPTED, "Yes.", actor=stan)

    assert sorted(together(app, *[answer] * 4)) == ["AnsweredAlready"] * 3 + ["done"]
    assert topics(request_id).count("order.answered") == 1
