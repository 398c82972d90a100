"""The shop's own settings and legal texts, and what finds the products of a tax class."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "shop_setting",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_setting")),
        sa.UniqueConstraint("name", name=op.f("uq_shop_setting_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "legal_text",
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_text")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_legal_text_slug", "legal_text", ["slug", "id"])
    op.create_index("ix_product_tax_class_id", "product", ["tax_class_id"])


def downgrade() -> None:
    op.drop_index("ix_product_tax_class_id", table_name="product")
    op.drop_table("legal_text")
    op.drop_table("shop_setting")
