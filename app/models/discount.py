"""Discount codes: what each takes off an order's goods, from when to when, and how often."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model

CODE_PATTERN = r"[A-Z0-9][A-Z0-9_-]{0,39}"


class Kind(StrEnum):
    PERCENT = "percent"
    AMOUNT = "amount"


class DiscountCode(Model):
    """One code that shoppers may type. `uses` counts the orders that have it and are neither FAILED nor CANCELLED."""

    __tablename__ = "discount_code"
    __table_args__ = (
        CheckConstraint("uses >= 0", name="uses"),
        CheckConstraint("value >= 1 AND (kind = 'amount' OR value <= 10000)", name="value"),
        {"sqlite_autoincrement": True},
    )

    code: Mapped[str] = mapped_column(String(40), unique=True)  # CODE_PATTERN; never changed, since orders name it
    kind: Mapped[str] = mapped_column(String(7))
    value: Mapped[int] = mapped_column(BigInteger)  # basis points of the goods (1000 = 10 %), or minor units
    currency: Mapped[str] = mapped_column(String(3))  # of both amounts; a cart in another one cannot use the code
    min_items_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # what the goods must come to
    starts_at: Mapped[datetime | None]  # None: since ever
    ends_at: Mapped[datetime | None]  # the first moment at which it counts no more; None: never
    most_uses: Mapped[int | None]  # None: any number
    most_uses_each: Mapped[int | None]  # by one e-mail; None: any number
    uses: Mapped[int] = mapped_column(default=0)
    is_active: Mapped[bool] = mapped_column(default=True)
    note: Mapped[str] = mapped_column(String(250), default="")  # for staff
