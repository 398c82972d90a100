"""What must still be done after a commit: mails and alerts, written in the transaction that owes them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model, now


class OutboxMessage(Model):
    """One effect owed to the world, done at least once; `dedupe_key` lets it be owed only once."""

    __tablename__ = "outbox_message"

    topic: Mapped[str] = mapped_column(String(40))  # a name in services.errands.HANDLERS
    dedupe_key: Mapped[str] = mapped_column(String(120), unique=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)  # ids only, never personal data
    available_at: Mapped[datetime] = mapped_column(default=now)  # not before
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]  # a worker has it until then
    done_at: Mapped[datetime | None]
    is_dead: Mapped[bool] = mapped_column(default=False)  # given up on; staff see it and may retry
    last_error: Mapped[str] = mapped_column(Text, default="")


_is_owed = OutboxMessage.done_at.is_(None)
Index("ix_outbox_message_owed", OutboxMessage.available_at, sqlite_where=_is_owed, postgresql_where=_is_owed)
Index("ix_outbox_message_fate", OutboxMessage.is_dead, OutboxMessage.id, sqlite_where=_is_owed, postgresql_where=_is_owed)
