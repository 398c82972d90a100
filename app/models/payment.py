"""How orders are sent and paid: the methods on offer, and one row for each attempt to pay."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, literal_column
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
    gateway: Mapped[str] = mapped_column(String(40))  # a name in app.providers.GATEWAYS
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
        CheckConstraint("0 <= refunded_minor AND refunded_minor <= captured_minor", name="refunded"),
        Index("ix_payment_next_check_at", "next_check_at"),
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
    asked_at: Mapped[datetime | None]  # when the gateway was last told of it; whoever told it may have died since
    next_check_at: Mapped[datetime | None]  # when the worker asks the gateway again; None: there is nothing to ask
    checks: Mapped[int] = mapped_column(default=0)  # how often it has asked
    captured_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # what the gateway took for us
    refunded_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # what goes back of it: sent or promised
    capture_reference: Mapped[str] = mapped_column(String(255), default="")  # what a refund names, where that is another name
    problem: Mapped[str] = mapped_column(String(250), default="")  # what staff should look at; never personal data


# Written out wherever they stand, so that SQLite knows a partial index before it has the values.
HAS_PROBLEM = Payment.problem != literal_column("''")
Index("ix_payment_problem", Payment.id, sqlite_where=HAS_PROBLEM, postgresql_where=HAS_PROBLEM)


KEEPS_MONEY = Payment.captured_minor > Payment.refunded_minor  # more came than went back, or is promised to


class RefundStatus(StrEnum):
    QUEUED = "QUEUED"  # promised; the worker asks the gateway
    DONE = "DONE"
    REFUSED = "REFUSED"  # the gateway will not: staff must send it another way


class Refund(Model):
    """Money that goes back, whole or in part; never deleted."""

    __tablename__ = "refund"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount"), {"sqlite_autoincrement": True})

    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), index=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)  # asking the gateway twice with it is asking once
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[str] = mapped_column(String(10), default=RefundStatus.QUEUED)
    reason: Mapped[str] = mapped_column(String(120))
    actor: Mapped[str] = mapped_column(String(60))
    gateway_reference: Mapped[str] = mapped_column(String(255), default="")
    done_at: Mapped[datetime | None]


WAS_REFUSED = Refund.status == literal_column(f"'{RefundStatus.REFUSED}'")
Index("ix_refund_refused", Refund.id, sqlite_where=WAS_REFUSED, postgresql_where=WAS_REFUSED)


class PaymentEvent(Model):
    """A genuine webhook, kept once; what it says is asked from the gateway, so its text is not kept."""

    __tablename__ = "payment_event"
    __table_args__ = (UniqueConstraint("gateway", "event_id"), {"sqlite_autoincrement": True})

    gateway: Mapped[str] = mapped_column(String(40))
    event_id: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(80))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"), index=True)  # None: of none of ours
    handled_at: Mapped[datetime | None]
