"""What happens to one order and its money, each use case by itself: to be broken off anywhere, and to end well all the same."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.gateways.shape import Event
from app.models.catalog import Variant
from app.models.order import LineItem, Order, OrderEvent
from app.models.outbox import OutboxMessage
from app.models.payment import Payment, PaymentEvent, Refund
from app.models.stock import StockMovement
from app.services import cancelling, checkout, expiry, orders, paying, refunds, settling, stock
from app.services.cart import Cart
from app.services.errors import ShopError
from tests.factories import Item, a_contact
from tests.paying import BASE, ask, overdue
from tests.torture.money import TOTAL_MINOR, Stage


@dataclass(frozen=True)
class Affair:
    """One unit that somebody wants, the only one there is, and how far that has come; another process can be told of it."""

    sku: str
    variant_id: int
    cart_id: str
    method: int
    order_id: int = 0
    payment_id: int = 0
    reference: str = ""
    refund_id: int = 0
    last_message: int = 0  # in the outbox before it began


@dataclass(frozen=True)
class Case:
    """A use case, what has come before it, and how all ends however it was broken off.

    `again` is what whoever had no answer does once more; being told that it is done already is fine.
    """

    name: str
    before: Callable[[Stage, Item], dict[str, Any]]
    act: Callable[[Affair], object]
    status: str
    on_hand: int
    kept_minor: int
    again: Callable[[Stage, Affair], object] | None = None

    def prepare(self, stage: Stage) -> Affair:
        """Everything up to the use case."""
        db.session.rollback()
        last = db.session.execute(select(func.max(OutboxMessage.id))).scalar() or 0
        item = stage.item(1)
        told = {"cart_id": Cart().id, **self.before(stage, item)}
        db.session.rollback()
        return Affair(item.sku, item.id, method=stage.method, last_message=last, **told)

    def assert_ends_well(self, stage: Stage, affair: Affair, where: str) -> None:
        """The shop is started anew, its worker does what is due, and whoever had no answer tries once more."""
        stage.work(orders_of(affair))
        stage.assert_agrees(f"{self.name}, after {where} and a new start")
        with suppress(ShopError):
            if self.again:
                self.again(stage, affair)
            else:
                self.act(affair)
        stage.work(orders_of(affair))
        stage.assert_agrees(f"{self.name}, after {where} and another try")
        db.session.rollback()
        [status] = db.session.execute(select(Order.status).where(Order.cart_id == affair.cart_id)).scalars().all()
        on_hand, held = db.session.execute(select(Variant.on_hand, Variant.held).where(Variant.id == affair.variant_id)).one()
        captured = Payment.captured_minor - Payment.refunded_minor
        kept = select(func.sum(captured)).join(Order).where(Order.cart_id == affair.cart_id)
        owed = select(OutboxMessage.topic).where(OutboxMessage.id > affair.last_message, OutboxMessage.done_at.is_(None))
        assert not (left := db.session.execute(owed).scalars().all()), f"{self.name}, after {where}: {left} is still owed"
        end = status, on_hand, held, db.session.execute(kept).scalar_one()
        assert end == (self.status, self.on_hand, 0, self.kept_minor), f"{self.name}, after {where}: {end}"


def orders_of(affair: Affair) -> list[int]:
    db.session.rollback()
    return list(db.session.execute(select(Order.id).where(Order.cart_id == affair.cart_id)).scalars())


def picture(affair: Affair) -> Sequence[Any]:
    """All that is committed of an affair, without names and moments: the same for two affairs that went the same way."""
    mine = Order.cart_id == affair.cart_id
    of_variant = StockMovement.variant_id == affair.variant_id
    told = OutboxMessage.id > affair.last_message
    questions = (
        select(Order.status, Order.hold_expires_at.is_(None), Order.payment_name).where(mine),
        select(LineItem.sku == affair.sku, LineItem.quantity).join(Order).where(mine),
        select(OrderEvent.from_status, OrderEvent.to_status, OrderEvent.reason).join(Order).where(mine).order_by(OrderEvent.id),
        select(Payment.status, Payment.captured_minor, Payment.refunded_minor, Payment.gateway_reference.is_(None))
        .add_columns(Payment.next_step.is_(None), Payment.asked_at.is_(None), Payment.problem)
        .join(Order)
        .where(mine)
        .order_by(Payment.id),
        select(PaymentEvent.kind, PaymentEvent.handled_at.is_(None)).join(Payment).join(Order).where(mine),
        select(Refund.amount_minor, Refund.status).join(Payment).join(Order).where(mine).order_by(Refund.id),
        select(Variant.on_hand, Variant.held, Variant.is_listed).where(Variant.id == affair.variant_id),
        select(StockMovement.delta, StockMovement.reason).where(of_variant).order_by(StockMovement.id),
        select(OutboxMessage.topic).where(told).order_by(OutboxMessage.topic),
    )
    with db.engine.connect() as connection:  # not the session's: what it has not committed does not count
        return tuple(tuple(map(tuple, connection.execute(question))) for question in questions)


# ------------------------------------------------------------------------------------------------ what came before


def nothing(stage: Stage, item: Item) -> dict[str, Any]:
    return {}


def held(stage: Stage, item: Item) -> dict[str, Any]:
    """An order on HOLD that the provider has not heard of."""
    cart = Cart(lines=((item.id, 1),))
    return {"order_id": placed(cart, stage.method), "cart_id": cart.id}


def sent(stage: Stage, item: Item) -> dict[str, Any]:
    """Its shopper is at the provider."""
    told = held(stage, item)
    paying.begin(told["order_id"], BASE)
    there = stage.newest(told["order_id"])
    return {**told, "payment_id": there.payment_id, "reference": there.reference}


def approved(stage: Stage, item: Item) -> dict[str, Any]:
    told = sent(stage, item)
    stage.provider.approve(told["reference"])
    return told


def late(stage: Stage, item: Item) -> dict[str, Any]:
    """Paid after its hold was over."""
    told = over(stage, item)
    assert expiry.expire(told["order_id"])
    stage.provider.pay(told["reference"])
    return told


def too_late(stage: Stage, item: Item) -> dict[str, Any]:
    """And the unit is gone."""
    told = late(stage, item)
    stock.set_levels([(item.sku, 0)], actor="test")
    return told


def declined(stage: Stage, item: Item) -> dict[str, Any]:
    told = sent(stage, item)
    stage.provider.decline(told["reference"])
    return told


def failed(stage: Stage, item: Item) -> dict[str, Any]:
    """Declined, and the shop knows it."""
    told = declined(stage, item)
    ask(told["payment_id"])
    return told


def over(stage: Stage, item: Item) -> dict[str, Any]:
    """Its time to pay is over."""
    told = sent(stage, item)
    overdue(told["order_id"])
    return told


def paid(stage: Stage, item: Item) -> dict[str, Any]:
    told = sent(stage, item)
    stage.provider.pay(told["reference"])
    ask(told["payment_id"])
    return told


def promised(stage: Stage, item: Item) -> dict[str, Any]:
    """All its money is to go back."""
    told = paid(stage, item)
    refunds.refund(told["order_id"], None, reason="a test", actor="staff")
    mine = select(Refund.id).where(Refund.payment_id == told["payment_id"])
    return {**told, "refund_id": db.session.execute(mine).scalar_one()}


# ------------------------------------------------------------------------------------------------ use cases


def placed(cart: Cart, method: int) -> int:
    contact = a_contact()
    methods = {"shipping_id": 1, "payment_id": method}
    wish = {"currency": "GBP", "notes": "", "shown_total_minor": TOTAL_MINOR, "hold_minutes": 30}
    return checkout.place_order(cart, contact, **methods, **wish).order_id  # type: ignore[arg-type]


def place(affair: Affair) -> int:
    return placed(Cart(affair.cart_id, ((affair.variant_id, 1),)), affair.method)


def begin(affair: Affair) -> str:
    return paying.begin(affair.order_id, BASE)


def settle(affair: Affair) -> object:
    return ask(affair.payment_id)


def hear(affair: Affair) -> object:
    """As the webhook's door does."""
    payment_id = settling.hear("elsewhere", Event(f"event of {affair.cart_id}", "paid", reference=affair.reference))
    return ask(payment_id) if payment_id else None


def pay_again(affair: Affair) -> object:
    return paying.pay_again(affair.order_id, affair.method, base_url=BASE, hold_minutes=30, most_tries=None)


def refund(affair: Affair) -> int:
    return refunds.refund(affair.order_id, None, reason="a test", actor="staff", restock=True)


def send(affair: Affair) -> None:
    refunds.send(affair.refund_id)


def expire(affair: Affair) -> bool:
    return expiry.expire(affair.order_id)


def cancel(affair: Affair) -> int:
    return cancelling.cancel(affair.order_id, actor=orders.SHOPPER, reason="by the shopper")


def come_to_an_end(stage: Stage, affair: Affair) -> None:
    """The shopper presses the button again, is sent to the provider, and pays there."""
    order_id = affair.order_id or place(affair)
    if stage.status(order_id) == "FAILED":
        pay_again(affair)
    paying.begin(order_id, BASE)
    there = stage.newest(order_id)
    stage.provider.approve(there.reference)
    ask(there.payment_id)


CASES = (
    Case("placing", nothing, place, "PROCESSING", 0, TOTAL_MINOR, come_to_an_end),
    Case("beginning", held, begin, "PROCESSING", 0, TOTAL_MINOR, come_to_an_end),
    Case("paying again", failed, pay_again, "PROCESSING", 0, TOTAL_MINOR, come_to_an_end),
    Case("settling, paid", approved, settle, "PROCESSING", 0, TOTAL_MINOR),
    Case("settling, late", late, settle, "PROCESSING", 0, TOTAL_MINOR),
    Case("settling, too late", too_late, settle, "CANCELLED", 0, 0),
    Case("settling, declined", declined, settle, "FAILED", 1, 0),
    Case("hearing", approved, hear, "PROCESSING", 0, TOTAL_MINOR),
    Case("refunding", paid, refund, "REFUNDED", 1, 0),
    Case("sending a refund", promised, send, "REFUNDED", 0, 0),
    Case("expiring", over, expire, "CANCELLED", 1, 0),
    Case("cancelling a hold", sent, cancel, "CANCELLED", 1, 0),
    Case("cancelling what is paid", paid, cancel, "CANCELLED", 1, 0),
)
BY_NAME = {case.name: case for case in CASES}
