"""Tries that are counted to protect people: looking an order up, later logging in."""

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class Attempt(Model):
    """One try of one kind by one subject, named by a keyed hash so that the table holds no personal data."""

    __tablename__ = "attempt"
    __table_args__ = (Index("ix_attempt_subject", "kind", "subject", "created_at"), {"sqlite_autoincrement": True})

    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(64))
