"""Accounts."""

from app.account import bp

__all__ = ["bp"]
