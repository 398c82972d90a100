"""Digital goods: a file that a variant yields, codes that wait to be sold, and downloads that were."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    # The default is the database's too, since the code before this writes variants without this column.
    op.add_column("variant", sa.Column("download", sa.String(length=200), nullable=False, server_default=""))

    op.create_table(
        "digital_code",
        sa.Column("variant_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=200), nullable=False),
        sa.Column("line_item_id", sa.Integer(), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(line_item_id IS NULL) = (given_at IS NULL)", name=op.f("ck_digital_code_given")),
        sa.ForeignKeyConstraint(["variant_id"], ["variant.id"], name=op.f("fk_digital_code_variant_id_variant")),
        sa.ForeignKeyConstraint(["line_item_id"], ["line_item.id"], name=op.f("fk_digital_code_line_item_id_line_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digital_code")),
        sa.UniqueConstraint("variant_id", "code", name=op.f("uq_digital_code_variant_id_code")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_digital_code_line_item_id"), "digital_code", ["line_item_id"], unique=False)
    is_free = sa.text("line_item_id IS NULL")
    op.create_index("ix_digital_code_free", "digital_code", ["variant_id", "id"], sqlite_where=is_free, postgresql_where=is_free)

    op.create_table(
        "download",
        sa.Column("line_item_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("file", sa.String(length=200), nullable=False),
        sa.Column("fetched", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("0 <= fetched AND fetched <= most", name=op.f("ck_download_fetched")),
        sa.ForeignKeyConstraint(["line_item_id"], ["line_item.id"], name=op.f("fk_download_line_item_id_line_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_download")),
        sa.UniqueConstraint("line_item_id", name=op.f("uq_download_line_item_id")),
        sa.UniqueConstraint("key", name=op.f("uq_download_key")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("download")
    op.drop_table("digital_code")
    op.drop_column("variant", "download")
