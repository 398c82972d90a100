"""Orders are found by their account; a payment knows where its shopper pays."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_index(op.f("ix_order_account_id"), "order", ["account_id", "id"], unique=False)
    op.add_column("payment", sa.Column("next_step", sa.String(length=2000), nullable=True))


def downgrade() -> None:
    op.drop_column("payment", "next_step")
    op.drop_index(op.f("ix_order_account_id"), table_name="order")
