"""What is added to an order behind the counter: how it went out, notes, what its shopper asks, its invoice."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, literal_column
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model

NOTE_MAX = 2000  # characters of an internal note
REQUEST_MAX = 1000  # of what a shopper asks, and of the answer


class Shipment(Model):
    """How an order went out: who carries it, and how it is followed."""

    __tablename__ = "shipment"

    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"), unique=True)
    carrier: Mapped[str] = mapped_column(String(80), default="")
    tracking: Mapped[str] = mapped_column(String(80), default="")
    link: Mapped[str] = mapped_column(String(500), default="")  # https, to follow it on


class OrderNote(Model):
    """What people behind the counter tell each other about an order; the shopper never reads it."""

    __tablename__ = "order_note"
    __table_args__ = (Index("ix_order_note_order_id", "order_id", "id"), {"sqlite_autoincrement": True})

    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"))
    actor: Mapped[str] = mapped_column(String(60))
    text: Mapped[str] = mapped_column(String(NOTE_MAX))


class RequestKind(StrEnum):
    CANCEL = "cancel"  # it is too late to call it off oneself
    RETURN = "return"  # it was sent


class RequestStatus(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class OrderRequest(Model):
    """What a shopper asks of an order, and what they were answered; accepting it moves neither goods nor money."""

    __tablename__ = "order_request"
    __table_args__ = (
        CheckConstraint("(status = 'open') = (answered_at IS NULL)", name="answered"),
        Index("ix_order_request_order_id", "order_id", "id"),
        Index("ix_order_request_status", "status", "id"),
        {"sqlite_autoincrement": True},
    )

    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"))
    kind: Mapped[str] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(String(REQUEST_MAX))
    status: Mapped[str] = mapped_column(String(10), default=RequestStatus.OPEN)
    answer: Mapped[str] = mapped_column(String(REQUEST_MAX), default="")
    answered_by: Mapped[str] = mapped_column(String(60), default="")
    answered_at: Mapped[datetime | None]


IS_OPEN = OrderRequest.status == literal_column(f"'{RequestStatus.OPEN}'")
Index(
    "uq_order_request_open",
    OrderRequest.order_id,
    OrderRequest.kind,
    unique=True,
    sqlite_where=IS_OPEN,
    postgresql_where=IS_OPEN,
)


class Invoice(Model):
    """The invoice of an order: numbers without gaps, and the seller as they were when it was issued."""

    __tablename__ = "invoice"
    __table_args__ = (CheckConstraint("number >= 1", name="number"), {"sqlite_autoincrement": True})

    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"), unique=True)
    number: Mapped[int] = mapped_column(unique=True)
    issued_at: Mapped[datetime]
    prefix: Mapped[str] = mapped_column(String(20), default="")
    seller: Mapped[str] = mapped_column(String(200), default="")
    seller_address: Mapped[str] = mapped_column(String(500), default="")  # line by line
    vat_number: Mapped[str] = mapped_column(String(40), default="")

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.prefix}{self.number}"
