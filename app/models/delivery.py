"""Deliveries: goods that came, as somebody typed them, until they are on the shelf."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model

CELL = 500  # characters that a cell may have while it is a draft; more is no cell of a delivery


class DeliveryStatus(StrEnum):
    DRAFT = "draft"  # may be corrected; nothing is on the shelf
    APPLIED = "applied"
    DISCARDED = "discarded"


class Delivery(Model):
    """One list of goods. What it held when it came is taken in once, whatever was corrected since."""

    __tablename__ = "delivery"

    sha256: Mapped[str] = mapped_column(String(64))  # of the cells as they came
    name: Mapped[str] = mapped_column(String(120))
    status: Mapped[str] = mapped_column(String(9), default=DeliveryStatus.DRAFT)
    revision: Mapped[int] = mapped_column(default=1)  # rises with every correction, so that nobody corrects what they do not see
    actor: Mapped[str] = mapped_column(String(60))
    applied_at: Mapped[datetime | None]
    applied_by: Mapped[str | None] = mapped_column(String(60))


_is_applied = Delivery.status == "applied"
Index("uq_delivery_applied", Delivery.sha256, unique=True, sqlite_where=_is_applied, postgresql_where=_is_applied)


class DeliveryLine(Model):
    """One row of the list, its cells as they were typed."""

    __tablename__ = "delivery_line"
    __table_args__ = (UniqueConstraint("delivery_id", "position"), {"sqlite_autoincrement": True})

    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id"))
    position: Mapped[int]  # the line of the file where it begins
    sku: Mapped[str] = mapped_column(String(CELL))
    product: Mapped[str] = mapped_column(String(CELL))
    options: Mapped[str] = mapped_column(String(CELL))
    quantity: Mapped[str] = mapped_column(String(CELL))
    price: Mapped[str] = mapped_column(String(CELL))
    category: Mapped[str] = mapped_column(String(CELL))
