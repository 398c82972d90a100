"""Every table, imported once so that the migrations and the mappers see them all."""

from app.models import attempt, catalog, customer, digital, health, order, outbox, payment, staff, stock

__all__ = ["attempt", "catalog", "customer", "digital", "health", "order", "outbox", "payment", "staff", "stock"]
