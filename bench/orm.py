"""What placing an order is measured against: the same rows by an ORM unit of work, with no form or cookie before it."""

import secrets

from flask import Flask, request

from app import create_app
from app.extensions import db, now, transaction
from app.models.catalog import Variant
from app.models.customer import Customer
from app.models.order import LineItem, Order, OrderEvent
from app.models.outbox import OutboxMessage
from app.models.payment import Payment, PaymentMethod, ShippingMethod
from app.models.stock import StockMovement


def with_route(app: Flask) -> Flask:
    @app.post("/bench/orders")
    def place() -> tuple[str, int]:
        with transaction():
            place_by_orm(int(request.form["variant"]))
        return "", 204

    return app


def place_by_orm(variant_id: int) -> None:
    """Sell one unit of a variant to a new guest; the caller's transaction commits it."""
    session = db.session
    variant = session.get_one(Variant, variant_id)
    shipping = session.query(ShippingMethod).order_by(ShippingMethod.id).first()
    payment = session.query(PaymentMethod).order_by(PaymentMethod.id).first()
    assert variant.available >= 1 and shipping and payment
    variant.on_hand -= 1
    customer = Customer(email=f"{secrets.token_hex(16)}@example.com", name="Gus Guest", phone="")
    session.add(customer)
    session.flush()
    total = variant.price_minor + shipping.price_minor
    order = Order(
        key=secrets.token_hex(16),
        cart_id=secrets.token_hex(16),
        content_hash=secrets.token_hex(32),
        customer_id=customer.id,
        email=customer.email,
        name=customer.name,
        status="PROCESSING",
        currency=variant.currency,
        items_minor=variant.price_minor,
        shipping_minor=shipping.price_minor,
        total_minor=total,
        line1="1 Mill Lane",
        city="London",
        postcode="SW1A 1AA",
        country="GB",
        shipping_method_id=shipping.id,
        shipping_name=shipping.name,
        payment_method_id=payment.id,
        payment_name=payment.name,
        placed_at=now(),
    )
    line = LineItem(
        variant_id=variant.id,
        sku=variant.sku,
        name=variant.product.name,
        options=variant.options,
        unit_price_minor=variant.price_minor,
        quantity=1,
    )
    order.lines = [line]
    order.events = [
        OrderEvent(to_status="HOLD", actor="shopper", reason="placed"),
        OrderEvent(from_status="HOLD", to_status="PROCESSING", actor="shopper", reason="direct payment"),
    ]
    session.add(order)
    session.flush()
    session.add_all(
        [
            Payment(
                key=secrets.token_hex(16),
                order_id=order.id,
                payment_method_id=payment.id,
                gateway=payment.gateway,
                amount_minor=total,
                currency=variant.currency,
                idempotency_key=secrets.token_hex(16),
            ),
            StockMovement(variant_id=variant.id, delta=-1, reason="sale", line_item_id=line.id, actor="shopper"),
            OutboxMessage(
                topic="order.confirmation", dedupe_key=f"order.confirmation:{order.id}", payload={"order_id": order.id}
            ),
        ]
    )


def make() -> Flask:
    return with_route(create_app())
