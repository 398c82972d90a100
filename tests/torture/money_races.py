"""Payments at the same moment: money that comes twice, late, or while somebody calls the order off."""

import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from sqlalchemy import func, select, update

from app.extensions import db, now, transaction
from app.models.payment import Payment, PaymentEvent
from app.services import cancelling, expiry, orders, paying, refunds
from app.services.cancelling import NotCancellable
from app.services.errors import OutOfStock
from app.services.refunds import RefundTooLarge
from tests.factories import a_cart
from tests.paying import BASE, ask, check_due, overdue
from tests.shopping import order_of
from tests.torture.money import PATIENCE, TOTAL_MINOR, Sent, Stage, same, stage, told
from tests.torture.room import Pace, Room, at_once

SAME_EVENT, SAME_REFUND, SAME_START = 100, 20, 20  # how many at once
LONGEST_HEAD_START = 0.01  # seconds; without, the same of two would win every time
EVENTS = count(1)


def settled(stage: Stage, sent: Sent) -> Callable[[], str]:
    """The return page's part: ask, and let the order follow."""
    return stage.apart(lambda: str(ask(sent.payment_id).order_status))


def worked(stage: Stage) -> Callable[[], int]:
    """The worker's part."""
    return stage.apart(check_due)


def webhook(stage: Stage, sent: Sent, event: str) -> Callable[[], int]:
    """The provider's message, over HTTP; told to come again, it does."""
    body = json.dumps({"id": event, "kind": "paid", "reference": sent.reference})

    def run() -> int:
        for _ in range(PATIENCE):
            status = stage.app.test_client().post("/webhooks/elsewhere", data=body).status_code
            if status != 503:
                return status
        raise AssertionError("the shop is always busy")

    return run


def came_back(stage: Stage, sent: Sent) -> Callable[[], int]:
    """The shopper's browser, back from the provider."""

    def run() -> int:
        for _ in range(PATIENCE):
            status = stage.app.test_client().get(f"/checkout/return/{sent.key}").status_code
            if status != 503:
                return status
        raise AssertionError("the shop is always busy")

    return run


def done_or(refusal: type[Exception], job: Callable[[], object]) -> Callable[[], bool]:
    """Whether it was done, and not refused so."""

    def run() -> bool:
        try:
            job()
        except refusal:
            return False
        return True

    return run


def by_chance(chance: random.Random, jobs: Sequence[Callable[[], object]]) -> list[object]:
    """All at once, but for a moment's head start of one or the other."""

    def late(job: Callable[[], object], wait: float) -> object:
        time.sleep(wait)
        return job()

    return at_once([partial(late, job, chance.uniform(0, LONGEST_HEAD_START)) for job in jobs])


def is_paid_once(stage: Stage, sent: Sent, refunded: Sequence[int] = ()) -> None:
    same(stage.status(sent.order_id), "PROCESSING")
    same(stage.confirmations(sent.order_id), 1)
    same(stage.refunds(sent.order_id), list(refunded))


# ------------------------------------------------------------------------------------------------ the races


def last_unit(stage: Stage, chance: random.Random) -> str:
    """Two orders waited for the last unit, both in vain; then both are paid at the same moment."""
    item = stage.item(1)
    both = [stage.expired(item, email=f"{name}@example.com") for name in ("one", "two")]
    for sent in both:
        stage.provider.pay(sent.reference)

    by_chance(chance, [settled(stage, sent) for sent in both])

    same(sorted(stage.status(sent.order_id) for sent in both), ["CANCELLED", "PROCESSING"])
    same(stage.level(item), (0, 0))
    honoured, other = sorted(both, key=lambda sent: stage.status(sent.order_id), reverse=True)
    is_paid_once(stage, honoured)
    same((stage.refunds(other.order_id), stage.confirmations(other.order_id)), ([TOTAL_MINOR], 0))
    return "one honoured, one sent back"


def expiry_and_payment(stage: Stage, chance: random.Random) -> str:
    """The hold ends, its money comes, and somebody else wants the unit: all at the same moment."""
    item = stage.item(1)
    sent = stage.begun(item)
    overdue(sent.order_id)
    stage.provider.pay(sent.reference)
    expire = stage.apart(lambda: expiry.expire(sent.order_id))
    other = stage.apart(done_or(OutOfStock, lambda: order_of(a_cart((item, 1)), email="other@example.com", shown=TOTAL_MINOR)))

    _, _, is_sold_to_other = by_chance(chance, [expire, settled(stage, sent), other])

    same(stage.level(item), (0, 0))
    if not is_sold_to_other:
        is_paid_once(stage, sent)
        return "paid and kept"
    same((stage.status(sent.order_id), stage.refunds(sent.order_id)), ("CANCELLED", [TOTAL_MINOR]))
    same(stage.confirmations(sent.order_id), 0)
    return "sold to another and sent back"


def cancel_and_payment(stage: Stage, chance: random.Random) -> str:
    """The shopper calls the order off while their money is under way; once paid, what comes by e-mail stays sold."""
    is_digital = chance.random() < 0.5
    item = stage.item(1, is_digital=is_digital, weight_grams=0 if is_digital else 250)
    wish = {"shipping_id": None, "contact_address": None} if is_digital else {}
    sent = stage.begun(item, **wish)
    stage.provider.pay(sent.reference)
    cancel = partial(cancelling.cancel, sent.order_id, actor=orders.SHOPPER, reason="by the shopper")

    is_cancelled, _ = by_chance(chance, [stage.apart(done_or(NotCancellable, cancel)), settled(stage, sent)])

    assert is_cancelled or is_digital
    if not is_cancelled:
        same(stage.level(item), (0, 0))
        is_paid_once(stage, sent)
        return "paid and kept"
    back = [1000 if is_digital else TOTAL_MINOR]
    same((stage.status(sent.order_id), stage.level(item), stage.refunds(sent.order_id)), ("CANCELLED", (1, 0), back))
    assert stage.confirmations(sent.order_id) <= 1
    return "called off and sent back"


def one_event(stage: Stage, chance: random.Random) -> str:
    """One message of the provider, many times at the same moment."""
    item = stage.item(2)
    sent = stage.begun(item)
    stage.provider.approve(sent.reference)
    event = f"event-{next(EVENTS)}"

    answers = Counter(at_once([webhook(stage, sent, event)] * SAME_EVENT))

    assert answers == {200: SAME_EVENT}, dict(answers)
    kept = select(func.count()).select_from(PaymentEvent).where(PaymentEvent.event_id == event)
    db.session.rollback()
    same(db.session.execute(kept).scalar_one(), 1)
    settled(stage, sent)()  # whoever heard it may have been told that too many were speaking with the provider
    same(stage.level(item), (1, 0))
    is_paid_once(stage, sent)
    return "paid once"


def everybody(stage: Stage, chance: random.Random) -> str:
    """Messages, the shopper's way back, and the worker, all about one payment."""
    item = stage.item(2)
    sent = stage.begun(item)
    stage.provider.approve(sent.reference)
    with transaction() as t:
        t.execute(update(Payment).where(Payment.id == sent.payment_id).values(next_check_at=now()))
    first, second = f"event-{next(EVENTS)}", f"event-{next(EVENTS)}"
    heard = [webhook(stage, sent, event) for event in (first, first, second)]

    by_chance(chance, [*heard, *[came_back(stage, sent)] * 3, *[worked(stage)] * 2])

    same(stage.level(item), (1, 0))
    is_paid_once(stage, sent)
    return "paid once"


def two_payments(stage: Stage, chance: random.Random) -> str:
    """One order, paid in the first tab and, in another way, in the second."""
    item = stage.item(2)
    first = stage.begun(item)
    paying.pay_again(first.order_id, stage.method, base_url=BASE, hold_minutes=30, most_tries=None)
    second = stage.newest(first.order_id)
    for sent in (first, second):
        stage.provider.pay(sent.reference)

    by_chance(chance, [settled(stage, sent) for sent in (first, second)])

    same(stage.level(item), (1, 0))
    is_paid_once(stage, first, refunded=[TOTAL_MINOR])
    return "one kept, one sent back"


def parts(stage: Stage, chance: random.Random) -> str:
    """Everybody in the office gives three of the same 23.95 back."""
    item = stage.item(2)
    sent = stage.paid(item, 2)
    give = stage.apart(done_or(RefundTooLarge, partial(refunds.refund, sent.order_id, 300, reason="a race", actor="staff")))

    done = sum(at_once([give] * SAME_REFUND))

    same((done, stage.refunds(sent.order_id)), (7, [300] * 7))
    return "seven went through"


def refund_and_cancel(stage: Stage, chance: random.Random) -> str:
    """One gives money back, a part or all of it, while another calls the order off."""
    item, amount = stage.item(1), chance.choice([None, 500])
    sent = stage.paid(item)
    give = partial(refunds.refund, sent.order_id, amount, reason="a race", actor="staff")
    cancel = partial(cancelling.cancel, sent.order_id, actor="staff", reason="a race")

    jobs = done_or(RefundTooLarge, give), done_or(NotCancellable, cancel)
    is_given, is_cancelled = by_chance(chance, [stage.apart(job) for job in jobs])

    all_of_it = stage.refunds(sent.order_id)
    same(sum(all_of_it), TOTAL_MINOR)
    if is_cancelled:
        same((stage.status(sent.order_id), stage.level(item)), ("CANCELLED", (1, 0)))
        same(len(all_of_it), (2 if is_given else 1))
        return "called off"
    same((stage.status(sent.order_id), stage.level(item), is_given), ("REFUNDED", (0, 0), True))
    return "refunded"


def begin_together(stage: Stage, chance: random.Random) -> str:
    """The way to the provider, asked for by one shopper's many clicks."""
    placed = order_of(a_cart((stage.item(1), 1)), payment_id=stage.method)
    go = stage.apart(partial(paying.begin, placed.order_id, BASE))

    addresses = set(at_once([go] * SAME_START))

    sent = stage.newest(placed.order_id)
    assert len(addresses) == 1, addresses
    assert stage.provider.accounts()[sent.reference].starts == 1, "the provider was told more than once"
    same(stage.status(placed.order_id), "HOLD")
    return "told once"


@dataclass(frozen=True)
class Race:
    """What happens at once, and how often that is tried when there is time for all."""

    run: Callable[[Stage, random.Random], str]
    rounds: int

    @property
    def name(self) -> str:
        return self.run.__name__


RACES = (
    Race(last_unit, 100),
    Race(expiry_and_payment, 200),
    Race(cancel_and_payment, 200),
    Race(one_event, 10),
    Race(everybody, 50),
    Race(two_payments, 100),
    Race(parts, 20),
    Race(refund_and_cancel, 100),
    Race(begin_together, 20),
)


def race_payments(room: Room, backend: str, until: float = math.inf, *, share: float = 1, races: Sequence[Race] = RACES) -> str:
    """Whatever comes together: each order is paid once or not at all, and shop and provider agree about the money."""
    said = []
    with stage(room, backend) as scene:
        for number, race in enumerate(races):
            ends = time.monotonic() + (until - time.monotonic()) / (len(races) - number)
            said.append(run_race(scene, race, Pace(max(1, round(race.rounds * share)), ends), room.chance(race.name)))
    return "; ".join(said)


def run_race(stage: Stage, race: Race, pace: Pace, chance: random.Random) -> str:
    outcomes: Counter[str] = Counter()
    for number in pace:
        try:
            outcomes[race.run(stage, chance)] += 1
        except AssertionError as problem:
            raise AssertionError(f"{race.name}, round {number + 1}: {problem}") from problem
        db.session.remove()
    stage.send_refunds()
    stage.assert_agrees(f"after {race.name}")
    return f"{race.name}: {pace.of('rounds')} ({told(outcomes)})"
