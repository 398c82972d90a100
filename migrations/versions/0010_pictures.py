"""Pictures of products, and addresses that products and shelves had before."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    # The defaults are the database's too, since the code before this writes products without these columns.
    op.add_column("product", sa.Column("picture", sa.String(length=32), nullable=False, server_default=""))
    op.add_column("product", sa.Column("picture_alt", sa.String(length=250), nullable=False, server_default=""))
    op.add_column("product", sa.Column("picture_bytes", sa.Integer(), nullable=False, server_default="0"))

    op.create_table(
        "product_image",
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("alt", sa.String(length=250), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("card_bytes", sa.Integer(), nullable=False),
        sa.Column("page_bytes", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_product_image_product_id_product")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_image")),
        sa.UniqueConstraint("key", name=op.f("uq_product_image_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_product_image_product_id", "product_image", ["product_id", "position", "id"], unique=False)

    op.create_table(
        "picture_file",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("format", sa.String(length=4), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["product_image.id"], name=op.f("fk_picture_file_image_id_product_image")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_picture_file")),
        sa.UniqueConstraint("key", "width", "format", name=op.f("uq_picture_file_key_width_format")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_picture_file_image_id"), "picture_file", ["image_id"], unique=False)

    op.create_table(
        "old_slug",
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("slug", sa.String(length=160), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("category_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'product') = (product_id IS NOT NULL) AND (kind = 'category') = (category_id IS NOT NULL)",
            name=op.f("ck_old_slug_kind"),
        ),
        sa.ForeignKeyConstraint(["category_id"], ["category.id"], name=op.f("fk_old_slug_category_id_category")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_old_slug_product_id_product")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_old_slug")),
        sa.UniqueConstraint("kind", "slug", name=op.f("uq_old_slug_kind_slug")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_old_slug_product_id"), "old_slug", ["product_id"], unique=False)
    op.create_index(op.f("ix_old_slug_category_id"), "old_slug", ["category_id"], unique=False)


def downgrade() -> None:
    for table in ("old_slug", "picture_file", "product_image"):
        op.drop_table(table)
    for column in ("picture_bytes", "picture_alt", "picture"):
        op.drop_column("product", column)
