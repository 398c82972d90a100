"""The ledger of stock, and the alerts that staff read."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class Reason(StrEnum):
    OPENING = "opening"  # the first count of a new variant
    SET = "set"  # corrected by a person who gave no reason, or by a command
    IMPORT = "import"
    SALE = "sale"
    RETURN = "return"  # goods of a cancelled or refunded order
    DELIVERY = "delivery"
    COUNTED = "counted"
    BROKEN = "broken"
    STOLEN = "stolen"
    OTHER = "other"


class StockMovement(Model):
    """One change of a variant's `on_hand`; their sum is `on_hand`."""

    __tablename__ = "stock_movement"
    __table_args__ = (
        UniqueConstraint("line_item_id", "reason"),
        Index(None, "variant_id", "id", "delta"),  # the level after a movement is summed in the index alone
        {"sqlite_autoincrement": True},
    )

    variant_id: Mapped[int] = mapped_column(ForeignKey("variant.id"))
    delta: Mapped[int]
    reason: Mapped[str] = mapped_column(String(20))
    line_item_id: Mapped[int | None] = mapped_column(ForeignKey("line_item.id"))
    actor: Mapped[str] = mapped_column(String(60))
    note: Mapped[str] = mapped_column(String(200), default="", server_default="")


class StockAlert(Model):
    """A variant sold out, or fell below its threshold; told once until it is closed by restocking."""

    __tablename__ = "stock_alert"
    __table_args__ = (Index(None, "status", "id"), {"sqlite_autoincrement": True})

    variant_id: Mapped[int] = mapped_column(ForeignKey("variant.id"), index=True)
    kind: Mapped[str] = mapped_column(String(4))  # low, out
    level: Mapped[int]  # what was left
    line_item_id: Mapped[int | None] = mapped_column(ForeignKey("line_item.id"))
    status: Mapped[str] = mapped_column(String(6), default="open")  # open, closed
    closed_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]  # somebody behind the counter saw it
    acknowledged_by: Mapped[str | None] = mapped_column(String(60))


_is_open = StockAlert.status == "open"
Index(
    "uq_stock_alert_open", StockAlert.variant_id, StockAlert.kind, unique=True, sqlite_where=_is_open, postgresql_where=_is_open
)
