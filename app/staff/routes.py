"""The rooms of the back office; each file beside this one is one of them."""

from app.staff import alerts, bp, deliveries, getting_in, people, second_factor, stock, today, trail

__all__ = ["alerts", "bp", "deliveries", "getting_in", "people", "second_factor", "stock", "today", "trail"]
