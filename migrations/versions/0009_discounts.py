"""Discount codes, and what they took off each order and each of its lines."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "discount_code",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=7), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("min_items_minor", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("most_uses", sa.Integer(), nullable=True),
        sa.Column("most_uses_each", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(length=250), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("uses >= 0", name=op.f("ck_discount_code_uses")),
        sa.CheckConstraint("value >= 1 AND (kind = 'amount' OR value <= 10000)", name=op.f("ck_discount_code_value")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discount_code")),
        sa.UniqueConstraint("code", name=op.f("uq_discount_code_code")),
        sqlite_autoincrement=True,
    )
    # Said as both databases take it: Alembic would copy the whole table on SQLite to add one reference.
    reference = "CONSTRAINT fk_order_discount_code_id_discount_code REFERENCES discount_code (id)"
    op.execute(f'ALTER TABLE "order" ADD COLUMN discount_code_id INTEGER {reference}')
    # Defaults are the database's too, since the code before this writes rows without these columns.
    op.add_column("order", sa.Column("discount_code", sa.String(length=40), nullable=False, server_default=""))
    op.add_column("line_item", sa.Column("discount_minor", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("line_item", "discount_minor")
    op.drop_column("order", "discount_code")
    op.drop_column("order", "discount_code_id")
    op.drop_table("discount_code")
