"""What the shop offers: categories, products, and the variants that are bought."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Model

LOW_STOCK_BELOW = 3
SKU_PATTERN = r"[A-Z0-9][A-Z0-9._-]{0,63}"


class CatalogueRevision(Model):
    """One row: the number that rises whenever a catalogue page would say something else. Pages are known by it."""

    __tablename__ = "catalogue_revision"

    number: Mapped[int] = mapped_column(default=1)


class TaxClass(Model):
    """A kind of goods for tax. Prices include the tax."""

    __tablename__ = "tax_class"
    __table_args__ = (CheckConstraint("rate_bp BETWEEN 0 AND 10000", name="rate"), {"sqlite_autoincrement": True})

    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    rate_bp: Mapped[int]  # basis points: 2000 is 20 %


class TaxRate(Model):
    """The rate of a tax class in one country where it differs from the class's own."""

    __tablename__ = "tax_rate"
    __table_args__ = (
        UniqueConstraint("tax_class_id", "country"),
        CheckConstraint("rate_bp BETWEEN 0 AND 10000", name="rate"),
        {"sqlite_autoincrement": True},
    )

    tax_class_id: Mapped[int] = mapped_column(ForeignKey("tax_class.id"))
    country: Mapped[str] = mapped_column(String(2))
    rate_bp: Mapped[int]


class Category(Model):
    """A shelf of the shop."""

    __tablename__ = "category"

    slug: Mapped[str] = mapped_column(String(120), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    position: Mapped[int] = mapped_column(default=0)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"))


class Product(Model):
    """What is described. Lists show it while at least one of its variants is for sale."""

    __tablename__ = "product"

    slug: Mapped[str] = mapped_column(String(160), unique=True)
    name: Mapped[str] = mapped_column(String(250))
    description: Mapped[str] = mapped_column(Text, default="")  # Markdown
    summary: Mapped[str] = mapped_column(String(160), default="")  # the description's first paragraph as plain text
    origin: Mapped[str] = mapped_column(String(120), default="")
    image: Mapped[str] = mapped_column(String(1000), default="")  # where the owner's picture comes from; "" draws a label
    label_version: Mapped[str] = mapped_column(String(8), default="")  # changes when the drawn label would
    category_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"))
    tax_class_id: Mapped[int] = mapped_column(ForeignKey("tax_class.id"), index=True)
    is_active: Mapped[bool] = mapped_column(default=True)

    # What lists need, kept beside the product so that a page of cards is one indexed read.
    is_listed: Mapped[bool] = mapped_column(default=False)
    lead_variant_id: Mapped[int | None] = mapped_column(
        ForeignKey("variant.id", use_alter=True, name="fk_product_lead_variant_id_variant", ondelete="SET NULL")
    )  # the first for sale, else the first: a card shows its price and adds it
    price_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # the lead variant's
    variant_count: Mapped[int] = mapped_column(default=0)
    picture: Mapped[str] = mapped_column(String(32), default="")  # key of the first picture; "" shows the drawn label
    picture_alt: Mapped[str] = mapped_column(String(250), default="")
    picture_bytes: Mapped[int] = mapped_column(default=0)  # what a card's JPEG of it weighs
    name_key: Mapped[str] = mapped_column(String(250), default="")  # the name folded for sorting
    search_text: Mapped[str] = mapped_column(Text, default="")  # everything search looks through, folded

    category: Mapped[Category | None] = relationship()
    variants: Mapped[list["Variant"]] = relationship(
        back_populates="product", order_by="Variant.position, Variant.id", foreign_keys="Variant.product_id"
    )


# Lists are paged by keyset in three orders, of one category or of all, of what is for sale or with the sold-out.
for _key in ("id", "name_key", "price_minor"):
    for _state in ("is_listed", "is_active"):
        _tail = [_key] if _key == "id" else [_key, "id"]
        Index(f"ix_product_{_state}_{_key}", *(getattr(Product, c) for c in (_state, *_tail)))
        Index(f"ix_product_category_{_state}_{_key}", *(getattr(Product, c) for c in ("category_id", _state, *_tail)))


class Variant(Model):
    """What is bought: one SKU with its price and its stock.

    `on_hand` and `held` change only in services/stock.py, by conditional updates of this one row.
    """

    __tablename__ = "variant"
    __table_args__ = (
        CheckConstraint("held >= 0 AND held <= on_hand", name="stock"),
        CheckConstraint("price_minor >= 0", name="price"),
        Index("ix_variant_product_id", "product_id", "position", "id"),
        {"sqlite_autoincrement": True},
    )

    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    sku: Mapped[str] = mapped_column(String(64), unique=True)
    options: Mapped[str] = mapped_column(String(250), default="")  # "250 g / whole bean"; "" when there is no choice
    position: Mapped[int] = mapped_column(default=0)
    price_minor: Mapped[int] = mapped_column(BigInteger)
    compare_at_minor: Mapped[int | None] = mapped_column(BigInteger)  # the old price, shown as "was"
    currency: Mapped[str] = mapped_column(String(3))
    previous_price_minor: Mapped[int | None] = mapped_column(BigInteger)
    price_changed_at: Mapped[datetime | None]
    weight_grams: Mapped[int] = mapped_column(default=0)
    is_digital: Mapped[bool] = mapped_column(default=False)
    download: Mapped[str] = mapped_column(String(200), default="")  # a file in DOWNLOAD_FOLDER that buyers may fetch; "" none
    is_active: Mapped[bool] = mapped_column(default=True)
    on_hand: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    low_stock_below: Mapped[int] = mapped_column(default=LOW_STOCK_BELOW)
    is_listed: Mapped[bool] = mapped_column(default=False)  # False once the last unit was sold, until it is restocked

    product: Mapped[Product] = relationship(back_populates="variants", foreign_keys=[product_id])

    @property
    def available(self) -> int:
        """How many may be sold now."""
        return self.on_hand - self.held

    @property
    def is_for_sale(self) -> bool:
        return self.is_active and self.is_listed and self.available > 0


class OldSlug(Model):
    """An address that a product or a shelf had before: whoever asks for it is led to the present one."""

    __tablename__ = "old_slug"
    __table_args__ = (
        UniqueConstraint("kind", "slug"),
        CheckConstraint(
            "(kind = 'product') = (product_id IS NOT NULL) AND (kind = 'category') = (category_id IS NOT NULL)", name="kind"
        ),
        {"sqlite_autoincrement": True},
    )

    kind: Mapped[str] = mapped_column(String(8))  # product or category
    slug: Mapped[str] = mapped_column(String(160))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"), index=True)
    category_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"), index=True)
