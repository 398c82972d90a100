"""How orders are sent and paid: the methods on offer, and one row for each attempt to pay."""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class PaymentStatus(StrEnum):
    CREATED = "CREATED"  # nothing asked of anybody yet; pay on delivery stays here until the cash is recorded
    PENDING = "PENDING"  # the shopper was sent to the gateway
    AUTHORISED = "AUTHORISED"
    CAPTURED = "CAPTURED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    MISMATCH = "MISMATCH"  # amount, currency or reference differs from ours: never paid, staff see it


class PaymentMethod(Model):
    """A way to pay that checkout may offer."""

    __tablename__ = "payment_method"

    code: Mapped[str] = mapped_column(String(40), unique=True)
    gateway: Mapped[str] = mapped_column(String(40))  # a name in app.gateways.GATEWAYS
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(String(250), default="")
    position: Mapped[int] = mapped_column(default=0)
    is_active: Mapped[bool] = mapped_column(default=True)
    min_total_minor: Mapped[int | None] = mapped_column(BigInteger)
    max_total_minor: Mapped[int | None] = mapped_column(BigInteger)
    allows_digital: Mapped[bool] = mapped_column(default=True)  # carts with nothing to send
    allows_physical: Mapped[bool] = mapped_column(default=True)
    countries: Mapped[str] = mapped_column(String(1000), default="")  # ISO codes by blanks; "" is everywhere


class ShippingMethod(Model):
    """A way to send goods, and the rule of its price: flat, plus so much per kilogram, free from a sum of goods on."""

    __tablename__ = "shipping_method"
    __table_args__ = (CheckConstraint("price_minor >= 0 AND per_kg_minor >= 0", name="price"), {"sqlite_autoincrement": True})

    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(String(250), default="")
    position: Mapped[int] = mapped_column(default=0)
    is_active: Mapped[bool] = mapped_column(default=True)
    currency: Mapped[str] = mapped_column(String(3))
    price_minor: Mapped[int] = mapped_column(BigInteger)
    per_kg_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # for each kilogram begun
    free_from_minor: Mapped[int | None] = mapped_column(BigInteger)
    min_weight_grams: Mapped[int] = mapped_column(default=0)
    max_weight_grams: Mapped[int | None]
    countries: Mapped[str] = mapped_column(String(1000), default="")  # ISO codes by blanks; "" is everywhere


class Payment(Model):
    """One attempt to pay one order; never deleted."""

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("gateway", "gateway_reference"),
        CheckConstraint("amount_minor >= 0", name="amount"),
        {"sqlite_autoincrement": True},
    )

    key: Mapped[str] = mapped_column(String(32), unique=True)  # names the attempt in return addresses
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"), index=True)
    payment_method_id: Mapped[int] = mapped_column(ForeignKey("payment_method.id"))
    gateway: Mapped[str] = mapped_column(String(40))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[str] = mapped_column(String(20), default=PaymentStatus.CREATED)
    gateway_reference: Mapped[str | None] = mapped_column(String(255))
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    next_step: Mapped[str | None] = mapped_column(String(2000))  # where the shopper pays, once the gateway has said so
