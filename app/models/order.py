"""Orders: snapshots of what was bought, by whom, and the states they pass through."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, literal_column
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Model

NOTES_MAX = 500  # characters, after line breaks became LF
FIRST_NUMBER = 10_000
FOLDED = String(120).with_variant(String(120, collation="C"), "postgresql")  # compared letter by letter, as ranges of names need


class OrderStatus(StrEnum):
    HOLD = "HOLD"  # stock held, payment awaited
    FAILED = "FAILED"  # declined; holds nothing, may be tried again
    PROCESSING = "PROCESSING"  # paid, or payable on delivery
    SHIPPED = "SHIPPED"  # handed to the carrier
    COMPLETED = "COMPLETED"  # nothing left to do
    CANCELLED = "CANCELLED"  # by a person or by expiry; stock released
    REFUNDED = "REFUNDED"  # the money went back


ALLOWED_MOVES: dict[OrderStatus, set[OrderStatus]] = {
    OrderStatus.HOLD: {OrderStatus.PROCESSING, OrderStatus.FAILED, OrderStatus.CANCELLED},
    OrderStatus.FAILED: {OrderStatus.HOLD, OrderStatus.PROCESSING, OrderStatus.CANCELLED},
    OrderStatus.PROCESSING: {OrderStatus.SHIPPED, OrderStatus.COMPLETED, OrderStatus.CANCELLED, OrderStatus.REFUNDED},
    OrderStatus.SHIPPED: {OrderStatus.COMPLETED, OrderStatus.CANCELLED, OrderStatus.REFUNDED},  # cancelled: it came back unpaid
    OrderStatus.COMPLETED: {OrderStatus.REFUNDED},
    OrderStatus.CANCELLED: {OrderStatus.PROCESSING},  # only late money after a successful new hold
    OrderStatus.REFUNDED: set(),
}
SOLD = {OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.COMPLETED}  # the goods have left on_hand
DEAD = {OrderStatus.FAILED, OrderStatus.CANCELLED}  # the cart may be ordered again


class Order(Model):
    """One cart that was ordered. Name, contact, address and prices are what they were at that moment."""

    __tablename__ = "order"
    __table_args__ = (
        CheckConstraint("total_minor >= 0", name="total"),
        Index("ix_order_email", "email", "id"),
        Index("ix_order_status", "status", "hold_expires_at"),
        Index("ix_order_account_id", "account_id", "id"),
        Index("ix_order_placed_at", "placed_at", "id"),
        Index("ix_order_status_placed_at", "status", "placed_at", "id"),
        Index("ix_order_name_key", "name_key", "id"),
        Index("ix_order_surname_key", "surname_key", "id"),
        {"sqlite_autoincrement": True},
    )

    key: Mapped[str] = mapped_column(String(32), unique=True)  # opens the receipt; ≥ 128 random bits
    cart_id: Mapped[str] = mapped_column(String(32), index=True)  # look-ups of live orders have the partial index below
    content_hash: Mapped[str] = mapped_column(String(64))  # of the variants and quantities, to tell a resubmit from a new wish
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(120))
    name_key: Mapped[str] = mapped_column(FOLDED, default="")  # the name as search compares it
    surname_key: Mapped[str] = mapped_column(FOLDED, default="")  # its last word
    phone: Mapped[str] = mapped_column(String(40), default="")
    status: Mapped[str] = mapped_column(String(12))
    currency: Mapped[str] = mapped_column(String(3))
    items_minor: Mapped[int] = mapped_column(BigInteger)
    discount_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # off items_minor
    discount_code_id: Mapped[int | None] = mapped_column(ForeignKey("discount_code.id"))
    discount_code: Mapped[str] = mapped_column(String(40), default="")  # as it was typed; "" without one
    shipping_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    shipping_tax_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # inside shipping_minor
    tax_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # inside total_minor: the lines' and the shipping's
    total_minor: Mapped[int] = mapped_column(BigInteger)
    notes: Mapped[str] = mapped_column(String(NOTES_MAX), default="")
    company: Mapped[str] = mapped_column(String(120), default="")
    line1: Mapped[str] = mapped_column(String(200), default="")
    line2: Mapped[str] = mapped_column(String(200), default="")
    city: Mapped[str] = mapped_column(String(120), default="")
    region: Mapped[str] = mapped_column(String(120), default="")
    postcode: Mapped[str] = mapped_column(String(20), default="")
    country: Mapped[str] = mapped_column(String(2), default="")  # "" when nothing is sent
    shipping_method_id: Mapped[int | None] = mapped_column(ForeignKey("shipping_method.id"))
    shipping_name: Mapped[str] = mapped_column(String(120), default="")
    payment_method_id: Mapped[int | None] = mapped_column(ForeignKey("payment_method.id"))
    payment_name: Mapped[str] = mapped_column(String(120), default="")
    locale: Mapped[str] = mapped_column(String(20), default="en_GB")
    hold_expires_at: Mapped[datetime | None]
    holder: Mapped[str] = mapped_column(String(64), default="")  # keyed hash of whose unpaid order it is, to count them
    placed_at: Mapped[datetime]

    lines: Mapped[list["LineItem"]] = relationship(order_by="LineItem.position", back_populates="order")
    events: Mapped[list["OrderEvent"]] = relationship(order_by="OrderEvent.id")

    @property
    def number(self) -> str:
        """What people call the order; it opens nothing."""
        return order_number(self.id)

    @property
    def needs_shipping(self) -> bool:
        return any(not line.is_digital for line in self.lines)

    @property
    def is_waiting(self) -> bool:
        """The payment is awaited."""
        return self.status == OrderStatus.HOLD


def order_number(order_id: int) -> str:
    return str(FIRST_NUMBER + order_id)


# Written out wherever it stands: SQLite uses a partial index only for a condition that it can read before it has the values.
IS_LIVE = Order.status.not_in([literal_column(f"'{status}'") for status in sorted(DEAD)])
Index("uq_order_live_cart_id", Order.cart_id, unique=True, sqlite_where=IS_LIVE, postgresql_where=IS_LIVE)

# Old orders that still name somebody, for whoever anonymises them.
NAMES_SOMEBODY = Order.email != literal_column("''")
Index("ix_order_named", Order.placed_at, sqlite_where=NAMES_SOMEBODY, postgresql_where=NAMES_SOMEBODY)


class LineItem(Model):
    """One line of an order: a snapshot, true even after the product changed or went."""

    __tablename__ = "line_item"
    __table_args__ = (
        CheckConstraint("quantity >= 1", name="quantity"),
        CheckConstraint("unit_price_minor >= 0", name="price"),
        Index("ix_line_item_order_id", "order_id", "position"),
        Index("ix_line_item_sku", "sku", "order_id"),
        {"sqlite_autoincrement": True},
    )

    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"))
    position: Mapped[int] = mapped_column(default=0)
    variant_id: Mapped[int | None] = mapped_column(ForeignKey("variant.id", ondelete="SET NULL"), index=True)
    sku: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(250))
    options: Mapped[str] = mapped_column(String(250), default="")
    unit_price_minor: Mapped[int] = mapped_column(BigInteger)
    quantity: Mapped[int]
    discount_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # this line's share of the order's
    tax_rate_bp: Mapped[int] = mapped_column(default=0)
    tax_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # inside what is left of the line after its discount
    is_digital: Mapped[bool] = mapped_column(default=False)

    order: Mapped[Order] = relationship(back_populates="lines")

    @property
    def total_minor(self) -> int:
        return self.unit_price_minor * self.quantity


class OrderEvent(Model):
    """Who moved an order from which state to which, when and why."""

    __tablename__ = "order_event"

    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"), index=True)
    from_status: Mapped[str | None] = mapped_column(String(12))
    to_status: Mapped[str] = mapped_column(String(12))
    actor: Mapped[str] = mapped_column(String(60))  # shopper, worker, cli, staff:<id>
    reason: Mapped[str] = mapped_column(String(120), default="")
