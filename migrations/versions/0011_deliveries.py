"""Deliveries; why stock moved, in words; and alerts that somebody has seen."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    # The default is the database's too, since the code before this writes movements without this column.
    op.add_column("stock_movement", sa.Column("note", sa.String(length=200), nullable=False, server_default=""))
    op.create_index(op.f("ix_stock_movement_variant_id_id_delta"), "stock_movement", ["variant_id", "id", "delta"], unique=False)
    op.drop_index(op.f("ix_stock_movement_variant_id"), table_name="stock_movement")

    op.add_column("stock_alert", sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("stock_alert", sa.Column("acknowledged_by", sa.String(length=60), nullable=True))
    op.create_index(op.f("ix_stock_alert_status_id"), "stock_alert", ["status", "id"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("status", sa.String(length=9), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_by", sa.String(length=60), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sqlite_autoincrement=True,
    )
    is_applied = sa.text("status = 'applied'")
    op.create_index(
        "uq_delivery_applied", "delivery", ["sha256"], unique=True, sqlite_where=is_applied, postgresql_where=is_applied
    )

    cells = ("sku", "product", "options", "quantity", "price", "category")
    op.create_table(
        "delivery_line",
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(length=500), nullable=False) for name in cells),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_delivery_line_delivery_id_delivery")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_line")),
        sa.UniqueConstraint("delivery_id", "position", name=op.f("uq_delivery_line_delivery_id_position")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("delivery_line")
    op.drop_table("delivery")
    op.drop_index(op.f("ix_stock_alert_status_id"), table_name="stock_alert")
    op.drop_column("stock_alert", "acknowledged_by")
    op.drop_column("stock_alert", "acknowledged_at")
    op.create_index(op.f("ix_stock_movement_variant_id"), "stock_movement", ["variant_id"], unique=False)
    op.drop_index(op.f("ix_stock_movement_variant_id_id_delta"), table_name="stock_movement")
    op.drop_column("stock_movement", "note")
