"""People: customers, with or without an account."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model, now


class Role(StrEnum):
    CUSTOMER = "customer"
    STAFF = "staff"
    MANAGER = "manager"


class Account(Model):
    """Somebody who can log in."""

    __tablename__ = "account"

    email: Mapped[str] = mapped_column(String(254), unique=True)  # casefolded, as customers' are
    password_hash: Mapped[str] = mapped_column(String(255))  # argon2id; "" lets nobody in
    role: Mapped[str] = mapped_column(String(20), default=Role.CUSTOMER)
    email_verified_at: Mapped[datetime | None]
    session_version: Mapped[int] = mapped_column(default=1)  # raised by logout and new passwords: older sessions are over
    totp_nonce: Mapped[str] = mapped_column(
        String(32), default=""
    )  # the second factor's secret follows from it and the shop's key
    totp_confirmed_at: Mapped[datetime | None]  # since then it is asked for
    totp_step: Mapped[int] = mapped_column(default=0)  # of the newest code that was used: none is taken twice


class Customer(Model):
    """A person who orders; a guest when they have no account. One guest row per e-mail."""

    __tablename__ = "customer"

    email: Mapped[str] = mapped_column(String(254))  # normalised and lower-case
    name: Mapped[str] = mapped_column(String(120), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), unique=True)
    cart_id: Mapped[str | None] = mapped_column(String(32))  # of an account's cart, from its first line to its order

    @property
    def is_guest(self) -> bool:
        return self.account_id is None


Index(
    "uq_customer_guest_email",
    Customer.email,
    unique=True,
    sqlite_where=Customer.account_id.is_(None),
    postgresql_where=Customer.account_id.is_(None),
)


class Address(Model):
    """A place that an account's owner has things sent to; orders keep a copy of their own."""

    __tablename__ = "address"

    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    name: Mapped[str] = mapped_column(String(120), default="")
    company: Mapped[str] = mapped_column(String(120), default="")
    line1: Mapped[str] = mapped_column(String(200))
    line2: Mapped[str] = mapped_column(String(200), default="")
    city: Mapped[str] = mapped_column(String(120), default="")
    region: Mapped[str] = mapped_column(String(120), default="")
    postcode: Mapped[str] = mapped_column(String(20), default="")
    country: Mapped[str] = mapped_column(String(2))
    phone: Mapped[str] = mapped_column(String(40), default="")
    is_default: Mapped[bool] = mapped_column(default=False)


Index(
    "uq_address_default",
    Address.customer_id,
    unique=True,
    sqlite_where=Address.is_default.is_(True),
    postgresql_where=Address.is_default.is_(True),
)


class CartLine(Model):
    """One line of the cart of an account; a guest's cart is the cookie and nothing else."""

    __tablename__ = "cart_line"
    __table_args__ = (
        UniqueConstraint("customer_id", "variant_id"),
        CheckConstraint("quantity >= 1", name="quantity"),
        {"sqlite_autoincrement": True},
    )

    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    variant_id: Mapped[int] = mapped_column(ForeignKey("variant.id", ondelete="CASCADE"), index=True)
    quantity: Mapped[int]
    changed_at: Mapped[datetime] = mapped_column(default=now)  # prices that changed since are told


class EmailCode(Model):
    """A code that was mailed to prove a mailbox. The code itself follows from `key` and the shop's secret, and is not kept.

    A row is written for e-mails without an account too, so that asking tells nobody which have one.
    """

    __tablename__ = "email_code"

    key: Mapped[str] = mapped_column(String(32), unique=True)  # names it in addresses; worth nothing without the code
    purpose: Mapped[str] = mapped_column(String(12))  # register, reset, verify, invite
    email: Mapped[str] = mapped_column(String(254), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)  # that had this e-mail when it was asked
    name: Mapped[str] = mapped_column(String(120), default="")
    password_hash: Mapped[str] = mapped_column(String(255), default="")  # of an account that is to be made
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)  # wrong ones


class ApiToken(Model):
    """What lets a program act for an account; only its hash is kept."""

    __tablename__ = "api_token"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    prefix: Mapped[str] = mapped_column(String(12))  # its beginning, by which its owner knows it
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class IdempotencyKey(Model):
    """The answer that an account's program got to a POST it named, to be given again when it is sent again."""

    __tablename__ = "idempotency_key"
    __table_args__ = (UniqueConstraint("account_id", "key"), {"sqlite_autoincrement": True})

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    key: Mapped[str] = mapped_column(String(255))
    payload_hash: Mapped[str] = mapped_column(String(64))  # of method, path and body
    status: Mapped[int | None]  # None while the first is still at work
    response: Mapped[str] = mapped_column(Text, default="")  # the body, JSON
