"""Many buyers at the same moment: the last units, scarce goods in opposite orders, and one submit fifty times."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from flask import Flask

from app.services import stock
from tests.factories import a_variant
from tests.live import LiveServer
from tests.torture.buyers import GUS, Answer, Buyer, fields, order_key
from tests.torture.room import Pace, Room, assert_healthy, assert_sound, at_once, one_by_one, sold

BUYERS = 64
UNITS = 10
SUBMITS = 50
PROMPT_SECONDS = 15  # by then the last of them has an answer


@dataclass(frozen=True)
class Rush:
    """What they all want: by turns, one of these carts. With UNITS of everything there, so many of them can have it."""

    says: str
    carts: Sequence[Mapping[str, int]]
    winners: int
    told: str  # what the others read

    @property
    def skus(self) -> list[str]:
        return sorted(self.carts[0])


RUSHES = (
    Rush("one unit each", [{"SCARCE": 1}], 10, "is sold out"),
    Rush("three units each", [{"SCARCE": 3}], 3, "Only 1 left of"),
    Rush("two scarce things in opposite orders", [{"SCARCE": 1, "RARE": 1}, {"RARE": 1, "SCARCE": 1}], 10, "is sold out"),
)


def race_last_units(
    room: Room, backend: str, until: float = math.inf, *, rounds: int = 20, rushes: Sequence[Rush] = RUSHES
) -> str:
    """Whoever comes first gets the last units; each other is told what is left, and has lost nothing of what they typed."""
    pace, worst = Pace(rounds, until), 0.0
    with room.open_shop(backend) as (app, server):
        with app.app_context():
            for sku in ("SCARCE", "RARE"):
                a_variant(sku, on_hand=0, name=f"{sku.title()} Beans")
        for _ in pace:
            worst = max(worst, *(rush_once(app, server, rush) for rush in rushes))
        assert_healthy(server)
        assert_sound(app, "after the races")
    return f"{pace.of('rounds')} of {len(rushes)} rushes, {BUYERS} buyers each on the last {UNITS}; worst wait {worst:.2f} s"


def rush_once(app: Flask, server: LiveServer, rush: Rush) -> float:
    """One rush; answers the longest that anybody waited, in seconds."""
    with app.app_context():
        stock.set_levels([(sku, UNITS) for sku in rush.skus], actor="test")
    before = {sku: sold(app, sku) for sku in rush.skus}
    buyers = [Buyer(server.url) for _ in range(BUYERS)]
    try:
        one_by_one(
            [
                partial(buyer.go_to_checkout, rush.carts[n % len(rush.carts)], email=f"buyer{n}@example.com")
                for n, buyer in enumerate(buyers)
            ]
        )
        answers = at_once([buyer.order for buyer in buyers])
    finally:
        for buyer in buyers:
            buyer.close()
    judge(app, rush, answers, before, server)
    return max(answer.seconds for answer in answers)


def judge(app: Flask, rush: Rush, answers: Sequence[Answer], before: Mapping[str, tuple[int, int]], server: LiveServer) -> None:
    statuses = Counter(answer.status for answer in answers)
    assert statuses == {303: rush.winners, 409: BUYERS - rush.winners}, f"{rush.says}: {dict(statuses)}\n{server.log_tail()}"
    assert len({order_key(app, answer) for answer in answers if answer.status == 303}) == rush.winners
    quantity = rush.carts[0]["SCARCE"]
    for sku in rush.skus:
        orders, units = sold(app, sku)
        had_orders, had_units = before[sku]
        assert (orders - had_orders, units - had_units) == (rush.winners, rush.winners * quantity), f"{rush.says}: {sku}"
        with app.app_context():
            assert stock.levels(sku) == [(sku, UNITS - rush.winners * quantity, 0, UNITS - rush.winners * quantity)]
    for answer in answers:
        if answer.status == 409:
            assert rush.told in answer.text, f"{rush.says}: a loser is not told “{rush.told}”"
            kept = fields(answer.text)
            lost = {name: kept.get(name) for name in GUS if name != "email" and same(kept.get(name, "")) != same(GUS[name])}
            assert not lost and kept["email"].startswith("buyer"), f"{rush.says}: a loser has to type again: {lost}"
    assert max(answer.seconds for answer in answers) < PROMPT_SECONDS


def same(text: str) -> str:
    return text.replace("\r\n", "\n")


def double_submit(room: Room, backend: str, until: float = math.inf, *, rounds: int = 20, submits: int = SUBMITS) -> str:
    """One form sent many times at once is one order, and every answer leads to it."""
    pace, worst = Pace(rounds, until), 0.0
    with room.open_shop(backend) as (app, server):
        with app.app_context():
            a_variant("PLENTY", on_hand=1000)
        for _ in pace:
            buyer = Buyer(server.url).go_to_checkout({"PLENTY": 1})
            worst = max(worst, submit_at_once(app, server, buyer, submits, buyer.order))
        assert sold(app, "PLENTY") == (pace.done, pace.done)
        assert_healthy(server)
        assert_sound(app, "after the double submits")
    return f"{pace.of('rounds')} of {submits} identical submits; worst wait {worst:.2f} s"


def submit_at_once(app: Flask, server: LiveServer, buyer: Buyer, submits: int, first: Callable[[], Answer]) -> float:
    """Send what this buyer would send so many times at once; afterwards a reload comes to the same order."""
    twins = [buyer.again(server.url) for _ in range(submits - 1)]
    answers = at_once([first, *(twin.order for twin in twins)])
    statuses = Counter(answer.status for answer in answers)
    assert statuses == {303: submits}, f"{dict(statuses)}\n{server.log_tail()}"
    keys = {order_key(app, answer) for answer in answers}
    assert len(keys) == 1, f"one form led to {len(keys)} orders"
    for person in (buyer, twins[0]):
        home = person.ask("GET", "/")
        assert "Thank you" in home.text and f"/orders/{min(keys)}" in home.text
        assert order_key(app, person.order()) in keys, "a reload led elsewhere"
    for person in (buyer, *twins):
        person.close()
    return max(answer.seconds for answer in answers)
