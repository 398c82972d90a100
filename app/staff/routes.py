"""The rooms of the back office; each file beside this one is one of them."""

from app.staff import bp, categories, discounts, getting_in, people, product_pictures, products, second_factor, today, trail

__all__ = [
    "bp",
    "categories",
    "discounts",
    "getting_in",
    "people",
    "product_pictures",
    "products",
    "second_factor",
    "today",
    "trail",
]
