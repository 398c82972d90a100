"""What a manager says of the shop itself: its settings, and its legal texts with every version that was ever public."""

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class ShopSetting(Model):
    """One setting that was changed in the back office; it wins over the environment's."""

    __tablename__ = "shop_setting"

    name: Mapped[str] = mapped_column(String(40), unique=True)  # a field of services.shop.Shop
    value: Mapped[str] = mapped_column(Text)


class LegalText(Model):
    """One version of a legal text, public from `created_at` until the next; never changed and never deleted.

    The newest of a slug counts. One with an empty body took the text back.
    """

    __tablename__ = "legal_text"
    __table_args__ = (Index("ix_legal_text_slug", "slug", "id"), {"sqlite_autoincrement": True})

    slug: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(120))
    body: Mapped[str] = mapped_column(Text)  # Markdown
    actor: Mapped[str] = mapped_column(String(60))
