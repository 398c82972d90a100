"""One order at the desk: all that is known of it, what may be done with it now, and doing it once."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection, insert, select
from sqlalchemy.orm import selectinload

from app.extensions import db, retried, transaction
from app.models.customer import Account, Customer
from app.models.order import SOLD, Order, OrderStatus, order_number
from app.models.order_desk import NOTE_MAX, Invoice, OrderNote, OrderRequest, Shipment
from app.models.payment import Payment, PaymentStatus, Refund
from app.providers import GATEWAYS
from app.services import audit, cancelling, digital, editing, orders, outbox, refunds
from app.services.errors import NotFound, ShopError
from app.services.orders import Receipt
from app.services.shelf import Shelf
from app.services.typed import Typed

REASON_MAX = 120
LINK_MAX = 500
PARCEL_MAX = 80
PARCEL = ("carrier", "tracking", "link")  # what may be corrected of a shipment
SEEN = re.compile(r"[A-Z]+\.(\d{1,10})\.\d{1,19}\.\d{1,19}")


class NotNow(ShopError):
    """This cannot be done with an order that stands as it does."""

    status = 409


# ------------------------------------------------------------------------------------------------ looking


@dataclass(frozen=True, slots=True)
class Moves:
    """What whoever looks may do with an order as it stands; `refund_minor` is how much of it may go back, 0 for none."""

    ship: bool = False
    complete: bool = False
    cash: bool = False
    hand_over: bool = False
    cancel: bool = False
    needs_manager: bool = False  # to cancel it: money would go back
    refund_minor: int = 0
    invoice: bool = False

    @property
    def any(self) -> bool:
        return self.ship or self.complete or self.cash or self.hand_over or self.cancel or bool(self.refund_minor)


@dataclass(frozen=True)
class Desk:
    """An order with all that belongs to it. `seen` is how it stood when it was read, for its forms to carry."""

    order: Order
    receipt: Receipt
    moves: Moves
    seen: str
    payments: Sequence[Payment]
    refunds: Sequence[Refund]
    notes: Sequence[OrderNote]
    requests: Sequence[OrderRequest]
    shipment: Shipment | None
    invoice: Invoice | None
    people: dict[str, str] = field(default_factory=dict)  # by actor: who that is

    @property
    def owes_codes(self) -> bool:
        return any(line.owed for line in self.receipt.yielded)


def look(order_id: int, shelf: Shelf, *, is_manager: bool) -> Desk:
    """Everything about an order, for somebody behind the counter. Raises NotFound."""
    db.session.rollback()
    seen = orders.seen(order_id)
    whole = (selectinload(Order.lines), selectinload(Order.events))
    order = db.session.get_one(Order, order_id, options=whole, populate_existing=True)
    payments = _of(Payment, order_id)
    back = select(Refund).join(Payment, Payment.id == Refund.payment_id).where(Payment.order_id == order_id).order_by(Refund.id)
    found = db.session.execute(back).scalars().all()
    notes, requests = _of(OrderNote, order_id), _of(OrderRequest, order_id)
    receipt = orders.receipt(order, whole=True, shelf=shelf)
    shipment, invoice = (next(iter(_of(model, order_id)), None) for model in (Shipment, Invoice))
    actors = [each.actor for each in (*order.events, *notes, *found)] + [each.answered_by for each in requests]
    return Desk(
        order,
        receipt,
        moves_of(order, receipt, payments, is_manager=is_manager),
        seen,
        payments,
        found,
        notes,
        requests,
        shipment,
        invoice,
        people(actors),
    )


def _of(model: type, order_id: int) -> Sequence:  # type: ignore[type-arg]
    return db.session.execute(select(model).where(model.order_id == order_id).order_by(model.id)).scalars().all()  # type: ignore[attr-defined]


def shipment_of(order_id: int) -> Shipment | None:
    """How an order was sent, if it was."""
    return db.session.execute(select(Shipment).where(Shipment.order_id == order_id)).scalar()


def moves_of(order: Order, receipt: Receipt, payments: Sequence[Payment], *, is_manager: bool) -> Moves:
    """Only what the services would do: a move that is not legal is not offered."""
    status, needs_shipping = OrderStatus(order.status), bool(order.country)
    kept = sum(payment.captured_minor - payment.refunded_minor for payment in payments)
    is_unpaid = receipt.outstanding_minor > 0
    owes_codes = any(line.owed for line in receipt.yielded)
    may_cancel = cancelling.may_staff_cancel(status, kept)
    in_hand = status == OrderStatus.PROCESSING and not needs_shipping and not is_unpaid and not owes_codes
    return Moves(
        ship=status == OrderStatus.PROCESSING and needs_shipping,
        complete=status == OrderStatus.SHIPPED or in_hand,
        cash=any(is_cash(payment) for payment in payments) and status in SOLD,
        hand_over=status in SOLD and owes_codes and not is_unpaid,
        cancel=may_cancel and (is_manager or kept == 0),
        needs_manager=may_cancel and kept > 0 and not is_manager,
        refund_minor=kept if is_manager and status in SOLD else 0,
        invoice=status in SOLD,
    )


def is_cash(payment: Payment) -> bool:
    """Whether the money of this payment is still to be taken at the door."""
    by_hand = payment.gateway in GATEWAYS and GATEWAYS[payment.gateway].is_direct
    return by_hand and payment.status == PaymentStatus.CREATED


def people(actors: Iterable[str]) -> dict[str, str]:
    """Who is behind each actor of the staff: their name, or else their e-mail."""
    ids = {audit.account_of(actor) for actor in actors if actor.startswith(audit.STAFF)}
    wanted = select(Account.id, Account.email, Customer.name).outerjoin(Customer, Customer.account_id == Account.id)
    rows = db.session.execute(wanted.where(Account.id.in_(ids))) if ids else ()
    return {f"{audit.STAFF}{row.id}": row.name or row.email for row in rows}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to an order: it was moved to a state, or, with `to` empty, money went back."""

    at: datetime
    actor: str
    to: str
    reason: str
    amount_minor: int = 0


def since(desk: Desk, seen: str) -> list[Step]:
    """What happened to the order since it stood as `seen` says, the oldest first; its last step when that says nothing."""
    known = SEEN.fullmatch(seen)
    after = int(known[1]) if known else 0
    moved = [event for event in desk.order.events if event.id > after] if known else desk.order.events[-1:]
    steps = [Step(event.created_at, event.actor, event.to_status, event.reason) for event in moved]
    if not steps and desk.refunds:
        last = desk.refunds[-1]
        steps = [Step(last.created_at, last.actor, "", last.reason, last.amount_minor)]
    return steps


# ------------------------------------------------------------------------------------------------ what was typed


@dataclass(frozen=True, slots=True)
class Parcel:
    """Who carries a parcel, and how it is followed; each may be empty."""

    carrier: str = ""
    tracking: str = ""
    link: str = ""


def checked_parcel(carrier: str, tracking: str, link: str) -> Parcel:
    """Raises InvalidInput with a sentence for each field that cannot be used."""
    form = Typed({"carrier": carrier, "tracking": tracking, "link": link})
    parcel = Parcel(form.line("carrier", PARCEL_MAX), form.line("tracking", PARCEL_MAX), form.line("link", LINK_MAX))
    if parcel.link and not is_link(parcel.link):
        form.complain("link", "Enter a whole web address, which begins with https://.")
    form.check()
    return parcel


def is_link(link: str) -> bool:
    """Whether a mail may carry it as a link."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    is_plain = link.isascii() and link.isprintable() and not set(' "<>\\') & set(link)
    return is_plain and parts.scheme in ("https", "http") and bool(parts.hostname)


def checked_reason(reason: str) -> str:
    """Raises InvalidInput."""
    return checked_text("reason", reason, REASON_MAX, "Say why in a few words; it stands in the order's history.")


def checked_text(name: str, said: str, most: int, missing: str, *, lines: bool = False) -> str:
    """A text that must not be empty, cleaned. Raises InvalidInput."""
    form = Typed({name: said})
    value = form.line(name, most, missing=missing, lines=lines)
    form.check()
    return value


# ------------------------------------------------------------------------------------------------ moving


@retried
def ship(order_id: int, parcel: Parcel, *, actor: str, as_seen: str | None = None) -> None:
    """Mark an order as sent, and owe its shopper the mail that says so, once. Raises NotFound, NotNow, OrderMoved."""
    with transaction() as t:
        order = orders.lock(t, order_id, as_seen)
        if order.status != OrderStatus.PROCESSING:
            raise NotNow(WAS_MOVED[OrderStatus(order.status)])
        if not order.country:
            raise NotNow("There is nothing to send in it: it comes by e-mail.")
        _move(t, order_id, OrderStatus.SHIPPED, actor, " ".join(filter(None, (parcel.carrier, parcel.tracking)))[:REASON_MAX])
        values = asdict(parcel)
        t.execute(insert(Shipment), {"order_id": order_id, **values})
        outbox.owe(t, "order.shipped", f"order.shipped:{order_id}", {"order_id": order_id})
        audit.note(t, actor, "order shipped", f"order:{order_id}", {"status": order.status}, values)


@retried
def correct_parcel(order_id: int, parcel: Parcel, *, seen: str, actor: str) -> bool:
    """Say anew how an order was sent; answers whether that is something else. Its page shows it, and nobody is written to.

    `seen` is what `editing.seen` said of the shipment. Raises NotFound, EditConflict.
    """
    with transaction() as t:
        shipment_id = t.execute(select(Shipment.id).where(Shipment.order_id == order_id)).scalar()
        if shipment_id is None:
            raise NotFound("This order was not sent.")
        told = {"action": "parcel corrected", "subject": f"order:{order_id}"}
        return bool(editing.save(t, Shipment, shipment_id, asdict(parcel), seen=seen, actor=actor, **told))


@retried
def complete(order_id: int, shelf: Shelf, *, actor: str, as_seen: str | None = None) -> None:
    """Nothing is left to do for an order that was sent, or yielded by e-mail. Raises NotFound, NotNow, OrderMoved."""
    with transaction() as t:
        order = orders.lock(t, order_id, as_seen)
        if order.status == OrderStatus.PROCESSING and order.country:
            raise NotNow("It was not sent yet.")
        if order.status not in (OrderStatus.PROCESSING, OrderStatus.SHIPPED):
            raise NotNow(WAS_MOVED[OrderStatus(order.status)])
        if order.status == OrderStatus.PROCESSING:
            _yield(t, order_id, shelf)
        _move(t, order_id, OrderStatus.COMPLETED, actor, "")
        audit.note(t, actor, "order completed", f"order:{order_id}", {"status": order.status}, {"status": OrderStatus.COMPLETED})


@retried
def hand_over(order_id: int, shelf: Shelf, *, actor: str, as_seen: str | None = None) -> None:
    """Give an order the codes that it waits for. Raises NotFound, NotNow, OrderMoved."""
    with transaction() as t:
        order = orders.lock(t, order_id, as_seen)
        if order.status not in SOLD:
            raise NotNow(WAS_MOVED[OrderStatus(order.status)])
        _yield(t, order_id, shelf)
        audit.note(t, actor, "digital goods handed over", f"order:{order_id}")


def _yield(t: Connection, order_id: int, shelf: Shelf) -> None:
    """Give the digital lines of a paid order all that they have not got. Raises NotNow: keep nothing then."""
    if t.execute(select(Order.id).where(Order.id == order_id, digital.IS_PAID)).first() is None:
        raise NotNow("It is not paid yet: record the cash first.")
    for sku, missing in digital.fulfil(t, order_id, shelf).items():
        raise NotNow("%(missing)s codes of %(sku)s are still missing. Add some first.", missing=missing, sku=sku)


def _move(t: Connection, order_id: int, to: OrderStatus, actor: str, reason: str) -> None:
    if not orders.move(t, order_id, to, actor=actor, reason=reason):  # the guard, should the lock not have held
        raise orders.OrderMoved


WAS_MOVED = {
    OrderStatus.HOLD: "It waits for its payment.",
    OrderStatus.FAILED: "Its payment failed.",
    OrderStatus.PROCESSING: "It was not sent yet.",
    OrderStatus.SHIPPED: "It was marked as sent already.",
    OrderStatus.COMPLETED: "It is completed already.",
    OrderStatus.CANCELLED: "It was cancelled.",
    OrderStatus.REFUNDED: "It was refunded.",
}


@dataclass(frozen=True, slots=True)
class Bulk:
    """What became of many orders: the numbers of those that were moved, and by number why the others were not."""

    done: Sequence[str]
    not_done: dict[str, str]


def ship_many(order_ids: Sequence[int], carrier: str, *, actor: str) -> Bulk:
    """Mark each of these orders as sent by itself: one that cannot be keeps no other from it."""
    done: list[str] = []
    not_done: dict[str, str] = {}
    for order_id in dict.fromkeys(order_ids):
        number = order_number(order_id)
        try:
            ship(order_id, Parcel(carrier), actor=actor)
        except ShopError as error:
            not_done[number] = str(error)
        else:
            done.append(number)
    return Bulk(done, not_done)


# ------------------------------------------------------------------------------------------------ money


def cancel(order_id: int, reason: str, *, actor: str, is_manager: bool, as_seen: str | None = None) -> int:
    """Call an order off; answers what goes back, in minor units. Raises as `cancelling.cancel` does, and InvalidInput."""
    why = checked_reason(reason)
    return cancelling.cancel(order_id, actor=actor, reason=why, as_seen=as_seen, may_send_money=is_manager)


def refund(order_id: int, amount_minor: int | None, reason: str, *, actor: str, restock: bool, as_seen: str | None = None) -> int:
    """Send money back; answers how much, in minor units. Raises as `refunds.refund` does, and InvalidInput."""
    why = checked_reason(reason)
    return refunds.refund(order_id, amount_minor, reason=why, actor=actor, restock=restock, as_seen=as_seen)


# ------------------------------------------------------------------------------------------------ notes


@retried
def add_note(order_id: int, said: str, *, actor: str) -> None:
    """Leave a note that the shopper never reads. Raises NotFound, InvalidInput."""
    value = checked_text("text", said, NOTE_MAX, "Write something first.", lines=True)
    with transaction() as t:
        if t.execute(select(Order.id).where(Order.id == order_id)).first() is None:
            raise NotFound("There is no such order.")
        t.execute(insert(OrderNote), {"order_id": order_id, "actor": actor, "text": value})
        audit.note(t, actor, "note left", f"order:{order_id}")
