"""Payments by redirect: what a gateway took and what goes back, the webhooks that were seen, and one method for each gateway."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

METHODS = (
    ("pretend", "Pretend payment", "No money moves. It is there to try the shop."),
    ("stripe", "Card", "On the page of Stripe, our payment provider."),
    ("paypal", "PayPal", "On PayPal's page."),
    ("zarinpal", "Zarinpal", "On the page of Zarinpal."),
)


def upgrade() -> None:
    # Defaults are the database's too, since the code before this writes rows without these columns.
    with op.batch_alter_table("payment", table_kwargs={"sqlite_autoincrement": True}) as payment:
        payment.add_column(sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
        payment.add_column(sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True))
        payment.add_column(sa.Column("checks", sa.Integer(), nullable=False, server_default="0"))
        payment.add_column(sa.Column("captured_minor", sa.BigInteger(), nullable=False, server_default="0"))
        payment.add_column(sa.Column("refunded_minor", sa.BigInteger(), nullable=False, server_default="0"))
        payment.add_column(sa.Column("capture_reference", sa.String(length=255), nullable=False, server_default=""))
        payment.add_column(sa.Column("problem", sa.String(length=250), nullable=False, server_default=""))
        payment.create_check_constraint(
            op.f("ck_payment_refunded"), "0 <= refunded_minor AND refunded_minor <= captured_minor"
        )
        payment.create_index(op.f("ix_payment_next_check_at"), ["next_check_at"])
    op.add_column("order", sa.Column("holder", sa.String(length=64), nullable=False, server_default=""))

    op.create_table(
        "refund",
        sa.Column("payment_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("gateway_reference", sa.String(length=255), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_amount")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_refund_payment_id_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("key", name=op.f("uq_refund_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_refund_payment_id"), "refund", ["payment_id"], unique=False)

    op.create_table(
        "payment_event",
        sa.Column("gateway", sa.String(length=40), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("payment_id", sa.Integer(), nullable=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_payment_event_payment_id_payment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_event")),
        sa.UniqueConstraint("gateway", "event_id", name=op.f("uq_payment_event_gateway_event_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_payment_event_payment_id"), "payment_event", ["payment_id"], unique=False)
    offer_methods()


def offer_methods() -> None:
    """A method for each gateway, behind those that are there; without its keys a gateway is not offered."""
    names = ("code", "gateway", "name", "description", "countries")
    method = sa.table(
        "payment_method",
        *(sa.column(name, sa.String) for name in names),
        sa.column("position", sa.Integer),
        *(sa.column(name, sa.Boolean) for name in ("is_active", "allows_digital", "allows_physical")),
        sa.column("created_at", sa.DateTime(timezone=True)),
    )
    there = set(op.get_bind().execute(sa.select(method.c.code)).scalars())
    last = op.get_bind().execute(sa.select(sa.func.coalesce(sa.func.max(method.c.position), 0))).scalar_one()
    rows = [
        {"code": code, "gateway": code, "name": name, "description": description, "countries": "", "position": last + place}
        | {"is_active": True, "allows_digital": True, "allows_physical": True, "created_at": datetime.now(UTC)}
        for place, (code, name, description) in enumerate(METHODS, start=1)
        if code not in there
    ]
    if rows:
        op.bulk_insert(method, rows)


def downgrade() -> None:
    op.drop_table("payment_event")
    op.drop_table("refund")
    codes = ", ".join(f"'{code}'" for code, _, _ in METHODS)
    unused = "id NOT IN (SELECT payment_method_id FROM payment)"
    op.execute(f"DELETE FROM payment_method WHERE code IN ({codes}) AND {unused}")
    op.drop_column("order", "holder")
    with op.batch_alter_table("payment", table_kwargs={"sqlite_autoincrement": True}) as payment:
        payment.drop_index(op.f("ix_payment_next_check_at"))
        payment.drop_constraint(op.f("ck_payment_refunded"), type_="check")
        for name in ("problem", "capture_reference", "refunded_minor", "captured_minor", "checks", "next_check_at", "asked_at"):
            payment.drop_column(name)
