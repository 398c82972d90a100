"""Every operation of the JSON door, registered by the import of its noun."""

from app.api import bp, cart, checkout, customers, methods, openapi, orders, products

__all__ = ["bp", "cart", "checkout", "customers", "methods", "openapi", "orders", "products"]
