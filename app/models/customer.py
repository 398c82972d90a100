"""People: customers, with or without an account."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class Account(Model):
    """Somebody who can log in."""

    __tablename__ = "account"

    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(20), default="customer")  # customer, staff, manager
    email_verified_at: Mapped[datetime | None]
    session_version: Mapped[int] = mapped_column(default=1)


class Customer(Model):
    """A person who orders; a guest when they have no account. One guest row per e-mail."""

    __tablename__ = "customer"

    email: Mapped[str] = mapped_column(String(254))  # normalised and lower-case
    name: Mapped[str] = mapped_column(String(120), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), unique=True)
    cart_id: Mapped[str | None] = mapped_column(String(32))

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
