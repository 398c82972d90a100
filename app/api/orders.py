"""Orders as programs read them."""

from typing import Any

from app.api import schemas
from app.api.operations import operation
from app.models.order import Order, order_number
from app.services import account_orders, orders
from app.services.errors import NotFound
from app.services.orders import Receipt

AMOUNTS = ("currency", "items_minor", "shipping_minor", "total_minor")


@operation("GET", "/shop/orders/<key>/tracking", answers=schemas.Tracking, errors=(404,), is_public=True)
def track_order(key: str) -> schemas.Tracking:
    """How far an order is, for whoever has its key: nothing that names or reaches the buyer."""
    found = orders.by_key(key)
    if found is None:
        raise NotFound("There is no such order.")
    return schemas.Tracking(**tracked(orders.receipt(found, whole=False)))


def summary(row: Any) -> schemas.OrderSummary:
    amounts = {name: getattr(row, name) for name in AMOUNTS}
    return schemas.OrderSummary(
        key=row.key, number=order_number(row.id), status=str(row.status), placed_at=row.placed_at, **amounts
    )


def whole(order: Order) -> schemas.Order:
    """All of it, for its owner."""
    receipt = orders.receipt(order, whole=True)
    own = {name: getattr(receipt, name) for name in ("name", "phone", "notes", "country")}
    return schemas.Order(**tracked(receipt), **own, address=list(receipt.address), next_step=account_orders.next_step(order))


def tracked(receipt: Receipt) -> dict[str, Any]:
    """The fields of tracking, of a receipt that is masked or not."""
    amounts = {name: getattr(receipt, name) for name in (*AMOUNTS, "discount_minor", "tax_minor", "outstanding_minor")}
    return amounts | {
        "key": receipt.key,
        "number": receipt.number,
        "status": str(receipt.status),
        "placed_at": receipt.placed_at,
        "discount_code": receipt.discount_code,
        "email": receipt.email,
        "shipping_method": receipt.shipping_name,
        "payment_method": receipt.payment_name,
        "lines": [
            schemas.OrderLine(
                line.sku, line.name, line.options, line.quantity, line.unit_price_minor, line.total_minor, line.is_digital
            )
            for line in receipt.lines
        ],
        "events": [schemas.OrderEvent(event.to_status, event.created_at) for event in receipt.events],
    }
