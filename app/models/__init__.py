"""Every table, imported once so that the migrations and the mappers see them all."""

from app.models import (
    attempt,
    catalog,
    customer,
    delivery,
    digital,
    discount,
    health,
    order,
    order_desk,
    outbox,
    payment,
    picture,
    shop,
    staff,
    stock,
)

__all__ = [
    "attempt",
    "catalog",
    "customer",
    "delivery",
    "digital",
    "discount",
    "health",
    "order",
    "order_desk",
    "outbox",
    "payment",
    "picture",
    "shop",
    "staff",
    "stock",
]
