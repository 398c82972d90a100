"""Every table, imported once so that the migrations and the mappers see them all."""

from app.models import (
    attempt,
    catalog,
    customer,
    delivery,
    digital,
    discount,
    order,
    outbox,
    payment,
    picture,
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
    "order",
    "outbox",
    "payment",
    "picture",
    "staff",
    "stock",
]
