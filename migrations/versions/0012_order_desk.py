"""The order desk: orders are found by day, status, name and SKU; shipments, notes, what shoppers ask, and invoices."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

PORTION = 1000  # orders whose names are folded at a time
KEY_LENGTH = 120
INDEXES = (
    ("ix_order_placed_at", "order", ("placed_at", "id")),
    ("ix_order_status_placed_at", "order", ("status", "placed_at", "id")),
    ("ix_order_name_key", "order", ("name_key", "id")),
    ("ix_order_surname_key", "order", ("surname_key", "id")),
    ("ix_line_item_sku", "line_item", ("sku", "order_id")),
)
PARTIAL = (("ix_payment_problem", "payment", "problem <> ''"), ("ix_refund_refused", "refund", "status = 'REFUSED'"))


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    if is_postgresql:
        op.execute("SET LOCAL statement_timeout = 0")  # an index on a million orders takes more than the shop's ten seconds
    # Defaults are the database's too, since the code before this writes orders without these columns.
    folded = sa.String(length=KEY_LENGTH, collation="C" if is_postgresql else None)
    for name in ("name_key", "surname_key"):
        op.add_column("order", sa.Column(name, folded, nullable=False, server_default=""))
    fill()
    for name, table, columns in INDEXES:
        op.create_index(name, table, list(columns), unique=False)
    for name, table, condition in PARTIAL:
        op.create_index(name, table, ["id"], sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))
    make_tables()


def fill() -> None:
    """Write down the folded names of the orders that are there."""
    names = ("name", "name_key", "surname_key")
    order = sa.table("order", sa.column("id", sa.Integer), *(sa.column(name, sa.String) for name in names))
    bind, last = op.get_bind(), 0
    portion = sa.select(order.c.id, order.c.name).where(order.c.id > sa.bindparam("last")).order_by(order.c.id).limit(PORTION)
    folding = (
        sa.update(order)
        .where(order.c.id == sa.bindparam("order"))
        .values(name_key=sa.bindparam("whole"), surname_key=sa.bindparam("end"))
    )
    while rows := bind.execute(portion, {"last": last}).all():
        values = [{"order": row.id, **keys(row.name)} for row in rows if row.name]
        if values:
            bind.execute(folding, values)
        last = rows[-1].id


def keys(name: str) -> dict[str, str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    words = plain.casefold().split()
    return {"whole": " ".join(words)[:KEY_LENGTH], "end": words[-1][:KEY_LENGTH] if words else ""}


def make_tables() -> None:
    op.create_table(
        "shipment",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("carrier", sa.String(length=80), nullable=False),
        sa.Column("tracking", sa.String(length=80), nullable=False),
        sa.Column("link", sa.String(length=500), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_shipment_order_id_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipment")),
        sa.UniqueConstraint("order_id", name=op.f("uq_shipment_order_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "order_note",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_order_note_order_id_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_note")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_order_note_order_id", "order_note", ["order_id", "id"], unique=False)
    op.create_table(
        "order_request",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("text", sa.String(length=1000), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("answer", sa.String(length=1000), nullable=False),
        sa.Column("answered_by", sa.String(length=60), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(status = 'open') = (answered_at IS NULL)", name=op.f("ck_order_request_answered")),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_order_request_order_id_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_request")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_order_request_order_id", "order_request", ["order_id", "id"], unique=False)
    op.create_index("ix_order_request_status", "order_request", ["status", "id"], unique=False)
    is_open = sa.text("status = 'open'")
    op.create_index(
        "uq_order_request_open",
        "order_request",
        ["order_id", "kind"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_table(
        "invoice",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("prefix", sa.String(length=20), nullable=False),
        sa.Column("seller", sa.String(length=200), nullable=False),
        sa.Column("seller_address", sa.String(length=500), nullable=False),
        sa.Column("vat_number", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_invoice_number")),
        sa.ForeignKeyConstraint(["order_id"], ["order.id"], name=op.f("fk_invoice_order_id_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("order_id", name=op.f("uq_invoice_order_id")),
        sa.UniqueConstraint("number", name=op.f("uq_invoice_number")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for table in ("invoice", "order_request", "order_note", "shipment"):
        op.drop_table(table)
    for name, table, _ in (*PARTIAL, *INDEXES):
        op.drop_index(name, table_name=table)
    for name in ("surname_key", "name_key"):
        op.drop_column("order", name)
