"""All that a provider ever says of one payment, in every order that it could come in: the rows end the same."""

import itertools
import math
import random
from collections.abc import Sequence

from sqlalchemy import func, select

from app.extensions import db
from app.gateways.shape import Facts, State
from app.models.order import Order
from app.models.outbox import OutboxMessage
from app.models.payment import Payment
from app.services import paying, settling, stock
from tests.factories import Elsewhere, Item, a_cart, a_payment_method, a_variant
from tests.paying import BASE, shelf
from tests.shopping import order_of
from tests.torture.money import same
from tests.torture.room import Pace, Room, assert_sound

WORDS: dict[str, tuple[State, int]] = {  # state, and how many of TOTAL_MINOR went back
    "created": (State.OPEN, 0),
    "authorised": (State.APPROVED, 0),
    "captured": (State.CAPTURED, 0),
    "failed": (State.FAILED, 0),
    "expired": (State.EXPIRED, 0),
    "refunded": (State.CAPTURED, 2395),
    "captured again": (State.CAPTURED, 0),
}
TOTAL_MINOR = 2395
IN_ALL = math.factorial(len(WORDS))
ON_HAND = 2 * IN_ALL + 10  # so many are left that nobody is alerted


def permutations(room: Room, backend: str, until: float = math.inf) -> str:
    """Each permutation of the seven words, by chance as far as the time goes."""
    told = list(itertools.permutations(WORDS))
    room.chance("permutations").shuffle(told)
    pace = Pace(IN_ALL, until)
    with room.shop(backend) as app, app.app_context():
        app.extensions["gateways"][Elsewhere.name] = Elsewhere()
        method = a_payment_method(Elsewhere.name, "Pay elsewhere")
        beans = a_variant(on_hand=ON_HAND)
        for number in pace:
            tell(beans, method, told[number])
        end_the_same(beans, ON_HAND, pace.done)
        db.session.remove()
        assert_sound(app, "after all permutations")
    return f"{pace.of('permutations')} of {len(WORDS)} facts; all ended in the same rows"


def begins_with(first: str, chance: random.Random, number: int) -> list[Sequence[str]]:
    """So many different permutations that begin with this word."""
    others = list(itertools.permutations(word for word in WORDS if word != first))
    return [(first, *told) for told in chance.sample(others, number)]


def tell(item: Item, method: int, words: Sequence[str]) -> None:
    """One order of two, of whose payment the shop is told this, in this order."""
    order_id = order_of(a_cart((item, 2)), payment_id=method, shown=TOTAL_MINOR).order_id
    paying.begin(order_id, BASE)
    [(payment_id, reference)] = db.session.execute(
        select(Payment.id, Payment.gateway_reference).where(Payment.order_id == order_id)
    ).all()
    for word in words:
        state, back = WORDS[word]
        settling.learn(payment_id, Facts(state, reference, TOTAL_MINOR, "GBP", Elsewhere.merchant, refunded_minor=back), shelf())


def end_the_same(item: Item, on_hand: int, number: int) -> None:
    """So many orders were paid once, sold once, told once, and refunded once. Raises AssertionError."""
    db.session.rollback()
    paid = select(Payment.status, Payment.captured_minor, Payment.refunded_minor, Order.status).join(Order).distinct()
    same([tuple(row) for row in db.session.execute(paid)], [("REFUNDED", TOTAL_MINOR, TOTAL_MINOR, "REFUNDED")])
    same(stock.levels(item.sku), [(item.sku, on_hand - 2 * number, 0, on_hand - 2 * number)])
    topics = dict(db.session.execute(select(OutboxMessage.topic, func.count()).group_by(OutboxMessage.topic)).all())
    same(topics, {"order.confirmation": number, "order.refunded": number})
