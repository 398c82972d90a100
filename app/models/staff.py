"""People behind the counter: what proves them besides a password, and what they did."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class AuditEntry(Model):
    """One thing that somebody behind the counter changed; never deleted, and never changed but for who was anonymised since."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_subject", "subject", "id"),
        Index("ix_audit_entry_account_id", "account_id", "id"),
        {"sqlite_autoincrement": True},
    )

    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id", ondelete="SET NULL"))  # None: a command
    actor: Mapped[str] = mapped_column(String(60))  # staff:<account id>, cli
    action: Mapped[str] = mapped_column(String(60))  # "order shipped"
    subject: Mapped[str] = mapped_column(String(80))  # "order:12"
    before: Mapped[dict[str, Any]] = mapped_column(JSON)  # what was otherwise before, by field
    after: Mapped[dict[str, Any]] = mapped_column(JSON)


class RecoveryCode(Model):
    """One of the codes that stand in for a lost second factor, each once; only its hash is kept."""

    __tablename__ = "recovery_code"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]
