"""Digital goods: the codes that wait to be sold, and the downloads that were."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model

CODE_MAX = 200  # characters
FILE_MAX = 200


class DigitalCode(Model):
    """One code of a variant's stock of codes; it is given to one line, once, and never taken back."""

    __tablename__ = "digital_code"
    __table_args__ = (
        UniqueConstraint("variant_id", "code"),
        CheckConstraint("(line_item_id IS NULL) = (given_at IS NULL)", name="given"),
        {"sqlite_autoincrement": True},
    )

    variant_id: Mapped[int] = mapped_column(ForeignKey("variant.id"))
    code: Mapped[str] = mapped_column(String(CODE_MAX))
    line_item_id: Mapped[int | None] = mapped_column(ForeignKey("line_item.id"), index=True)  # None: free
    given_at: Mapped[datetime | None]


_is_free = DigitalCode.line_item_id.is_(None)
Index("ix_digital_code_free", DigitalCode.variant_id, DigitalCode.id, sqlite_where=_is_free, postgresql_where=_is_free)


class Download(Model):
    """The right to fetch a file that was bought: so many times, until a day, unless it is revoked."""

    __tablename__ = "download"
    __table_args__ = (CheckConstraint("0 <= fetched AND fetched <= most", name="fetched"), {"sqlite_autoincrement": True})

    line_item_id: Mapped[int] = mapped_column(ForeignKey("line_item.id"), unique=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)  # ≥ 128 random bits; links carry it signed
    file: Mapped[str] = mapped_column(String(FILE_MAX))  # a plain name inside DOWNLOAD_FOLDER
    fetched: Mapped[int] = mapped_column(default=0)
    most: Mapped[int]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
