"""The rooms of the back office; each file beside this one is one of them."""

from app.staff import bp, customers, getting_in, messages, people, second_factor, today, trail

__all__ = ["bp", "customers", "getting_in", "messages", "people", "second_factor", "today", "trail"]
