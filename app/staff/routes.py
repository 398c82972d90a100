"""The rooms of the back office; each file beside this one is one of them."""

from app.staff import bp, getting_in, people, second_factor, today, trail

__all__ = ["bp", "getting_in", "people", "second_factor", "today", "trail"]
