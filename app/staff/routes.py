"""The rooms of the back office; each file beside this one is one of them."""

from app.staff import (
    alerts,
    bp,
    categories,
    deliveries,
    discounts,
    getting_in,
    people,
    product_pictures,
    products,
    second_factor,
    stock,
    today,
    trail,
)

__all__ = [
    "alerts",
    "bp",
    "categories",
    "deliveries",
    "discounts",
    "getting_in",
    "people",
    "product_pictures",
    "products",
    "second_factor",
    "stock",
    "today",
    "trail",
]
