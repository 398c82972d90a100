"""Pictures of products, kept in the database so that every server has them and a backup holds them."""

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class ProductImage(Model):
    """One picture of a product. It is never changed but in its words and place; another picture is another row."""

    __tablename__ = "product_image"
    __table_args__ = (
        UniqueConstraint("key"),
        Index("ix_product_image_product_id", "product_id", "position", "id"),
        {"sqlite_autoincrement": True},
    )

    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    position: Mapped[int] = mapped_column(default=0)
    alt: Mapped[str] = mapped_column(String(250))  # what it shows, for whoever does not see it
    key: Mapped[str] = mapped_column(String(32))  # of its addresses: a hash of the product and of what is shown
    card_bytes: Mapped[int]  # what its JPEG of a card's size weighs
    page_bytes: Mapped[int]  # and that of a product page's


class PictureFile(Model):
    """One picture in one format and size, as it is sent."""

    __tablename__ = "picture_file"
    __table_args__ = (UniqueConstraint("key", "width", "format"), {"sqlite_autoincrement": True})

    image_id: Mapped[int] = mapped_column(ForeignKey("product_image.id"), index=True)
    key: Mapped[str] = mapped_column(String(32))  # the picture's, so that its address is found by one read of one index
    format: Mapped[str] = mapped_column(String(4))  # avif, webp or jpg
    width: Mapped[int]
    height: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)
