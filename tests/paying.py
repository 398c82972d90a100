"""Orders that wait for a payment elsewhere, and what became of their money."""

from collections.abc import Sequence
from typing import Any

from flask import current_app
from sqlalchemy import select, update

from app.extensions import db, now, transaction
from app.gateways.shape import State
from app.models.order import Order
from app.models.outbox import OutboxMessage
from app.models.payment import Payment, Refund
from app.providers import GATEWAYS
from app.services import paying, settling
from app.services.settling import Standing
from app.services.shelf import Shelf
from tests.factories import Elsewhere, Item, a_cart
from tests.shopping import order_of

BASE = "http://localhost"


def elsewhere() -> Elsewhere:
    """The provider of `a_redirect_method`."""
    gateway = GATEWAYS["elsewhere"]
    assert isinstance(gateway, Elsewhere)
    return gateway


def begun(item: Item, method: int, quantity: int = 1, **wish: Any) -> int:
    """An order on HOLD whose shopper was sent to the provider; answers the id of its payment."""
    placed = order_of(a_cart((item, quantity)), payment_id=method, **wish)
    paying.begin(placed.order_id, BASE)
    return the_payments(placed.order_id)[-1].id


def ask(payment_id: int) -> Standing:
    """What the shop makes of a payment by asking its provider."""
    return settling.settle(payment_id, shelf())


def check_due() -> int:
    """The worker's round of asking."""
    return settling.check_due(shelf())


def settle(payment_id: int, state: State = State.CAPTURED, **facts: Any) -> Standing:
    """What the shop makes of the provider's word."""
    elsewhere().says = {"state": state, **facts}
    return ask(payment_id)


def shelf() -> Shelf:
    """Where what is digital comes from."""
    return Shelf.of(current_app.config)


def the_payments(order_id: int | None = None) -> Sequence[Payment]:
    """Every payment, or those of one order, the oldest first."""
    db.session.rollback()
    wanted = select(Payment).order_by(Payment.id)
    return db.session.execute(wanted if order_id is None else wanted.where(Payment.order_id == order_id)).scalars().all()


def refunds() -> list[tuple[int, str]]:
    """(amount, status) of every refund, the oldest first."""
    db.session.rollback()
    return [(row.amount_minor, row.status) for row in db.session.execute(select(Refund).order_by(Refund.id)).scalars()]


def owed() -> list[str]:
    """The topics of everything that the outbox was ever told, sorted; stock alerts aside."""
    db.session.rollback()
    return sorted(topic for topic in db.session.execute(select(OutboxMessage.topic)).scalars() if topic != "stock.alert")


def overdue(order_id: int) -> None:
    """Let the time of a hold be over."""
    with transaction() as t:
        t.execute(update(Order).where(Order.id == order_id).values(hold_expires_at=now()))
