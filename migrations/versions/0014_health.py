"""Whether the parts of the shop work, and what makes messages and customers quick to find among millions."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

# Beginnings of e-mails and names, whatever their case. SQLAlchemy cannot describe these for both databases.
SQLITE_UP = (
    "CREATE INDEX ix_customer_search_email ON customer (email)",
    "CREATE INDEX ix_customer_search_name ON customer (name COLLATE NOCASE)",
)
POSTGRESQL_UP = (
    "CREATE INDEX ix_customer_search_email ON customer (email text_pattern_ops, id)",
    "CREATE INDEX ix_customer_search_name ON customer (lower(name) text_pattern_ops, id)",
)


def upgrade() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("ok_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=False),
        sa.Column("alarmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeat")),
        sa.UniqueConstraint("name", name=op.f("uq_heartbeat_name")),
        sqlite_autoincrement=True,
    )
    is_owed = sa.text("done_at IS NULL")
    columns = ["is_dead", "id"]
    op.create_index("ix_outbox_message_fate", "outbox_message", columns, sqlite_where=is_owed, postgresql_where=is_owed)
    named = sa.text("email != ''")
    op.create_index("ix_order_named", "order", ["placed_at"], sqlite_where=named, postgresql_where=named)
    for statement in SQLITE_UP if op.get_bind().dialect.name == "sqlite" else POSTGRESQL_UP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX ix_customer_search_name")
    op.execute("DROP INDEX ix_customer_search_email")
    op.drop_index("ix_order_named", table_name="order")
    op.drop_index("ix_outbox_message_fate", table_name="outbox_message")
    op.drop_table("heartbeat")
