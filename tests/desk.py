"""Orders as the desk meets them."""

from typing import Any

from sqlalchemy import select, update

from app.extensions import db, transaction
from app.models.order import Order, OrderEvent
from app.models.order_desk import Invoice, OrderRequest, RequestKind, Shipment
from app.models.outbox import OutboxMessage
from app.services import order_desk, order_requests, orders
from app.services.invoices import Seller
from app.services.order_desk import Parcel
from tests.factories import Item, a_cart, a_redirect_method, a_variant
from tests.paying import begun, settle
from tests.shopping import order_of

POST = Parcel("Royal Mail", "AB 123", "https://track.example/AB123")
SELLER = Seller("Till Ltd", "1 High Street\nLondon", "GB 123", "INV-")


def to_pack(item: Item | None = None, quantity: int = 1, **wish: Any) -> int:
    """An order that is payable at the door and waits to be packed; answers its id."""
    return order_of(a_cart((item or a_variant(), quantity)), **wish).order_id


def paid(monkeypatch: Any, quantity: int = 2) -> int:
    """An order of a few at 10.00 that was paid elsewhere, 3.95 for delivery; answers its id."""
    payment_id = begun(a_variant(on_hand=5), a_redirect_method(monkeypatch), quantity)
    return settle(payment_id).order_id


def sent(order_id: int) -> int:
    order_desk.ship(order_id, POST, actor="cli")
    return order_id


def asked(order_id: int, kind: RequestKind = RequestKind.RETURN, text: str = "It is too dark.") -> int:
    """What a shopper asks; answers the request's id."""
    order_requests.ask(order_id, kind, text, has_digital=False)
    db.session.rollback()
    return db.session.execute(select(OrderRequest.id).order_by(OrderRequest.id.desc()).limit(1)).scalar_one()


def seen(order_id: int) -> str:
    db.session.rollback()
    return orders.seen(order_id)


def status_of(order_id: int) -> str:
    db.session.rollback()
    return db.session.execute(select(Order.status).where(Order.id == order_id)).scalar_one()


def steps_of(order_id: int) -> list[tuple[str, str]]:
    """(to which state, by whom) of every step after it was placed."""
    db.session.rollback()
    events = select(OrderEvent.to_status, OrderEvent.actor).where(
        OrderEvent.order_id == order_id, OrderEvent.from_status != "HOLD"
    )
    return [(row.to_status, row.actor) for row in db.session.execute(events.order_by(OrderEvent.id))]


def topics(order_id: int) -> list[str]:
    """What the outbox was told of an order, sorted."""
    db.session.rollback()
    keys = db.session.execute(select(OutboxMessage.topic, OutboxMessage.dedupe_key)).all()
    return sorted(row.topic for row in keys if row.dedupe_key.endswith(f":{order_id}") and row.topic.startswith("order."))


def numbers() -> list[int]:
    """The numbers of all invoices, in their order."""
    db.session.rollback()
    return list(db.session.execute(select(Invoice.number).order_by(Invoice.number)).scalars())


def shipments() -> list[Shipment]:
    db.session.rollback()
    return list(db.session.execute(select(Shipment).order_by(Shipment.id)).scalars())


def change_order(order_id: int, **values: Any) -> None:
    with transaction() as t:
        t.execute(update(Order).where(Order.id == order_id).values(**values))
