"""The rows without which no shop can sell: the catalogue's revision, one tax class, one way to send, one way to pay.

They are ordinary rows, to be changed by the owner.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from flask import current_app

revision = "0003"
down_revision = "0002"


def made_at() -> sa.ColumnClause[datetime]:
    return sa.column("created_at", sa.DateTime(timezone=True))


def upgrade() -> None:
    made = datetime.now(UTC)
    text, number, flag = sa.String, sa.Integer, sa.Boolean
    revisions = sa.table("catalogue_revision", sa.column("number", number), made_at())
    op.bulk_insert(revisions, [{"number": 1, "created_at": made}])
    tax = sa.table("tax_class", sa.column("code", text), sa.column("name", text), sa.column("rate_bp", number), made_at())
    op.bulk_insert(tax, [{"code": "standard", "name": "Standard rate", "rate_bp": 2000, "created_at": made}])
    payment = sa.table(
        "payment_method",
        *(sa.column(name, text) for name in ("code", "gateway", "name", "description", "countries")),
        sa.column("position", number),
        *(sa.column(name, flag) for name in ("is_active", "allows_digital", "allows_physical")),
        made_at(),
    )
    on_delivery = {
        "code": "delivery",
        "gateway": "delivery",
        "name": "Pay on delivery",
        "description": "Cash or card, to the person who brings it.",
        "countries": "",
        "position": 0,
        "is_active": True,
        "allows_digital": False,
        "allows_physical": True,
        "created_at": made,
    }
    op.bulk_insert(payment, [on_delivery])
    shipping = sa.table(
        "shipping_method",
        *(sa.column(name, text) for name in ("code", "name", "description", "currency", "countries")),
        *(sa.column(name, number) for name in ("position", "price_minor", "per_kg_minor", "min_weight_grams")),
        sa.column("is_active", flag),
        made_at(),
    )
    standard = {
        "code": "standard",
        "name": "Standard delivery",
        "description": "Two to four working days.",
        "currency": current_app.config["CURRENCY"],
        "countries": current_app.config["HOME_COUNTRY"],
        "position": 0,
        "price_minor": 395,
        "per_kg_minor": 0,
        "min_weight_grams": 0,
        "is_active": True,
        "created_at": made,
    }
    op.bulk_insert(shipping, [standard])


def downgrade() -> None:
    for name in ("shipping_method", "payment_method", "tax_class", "catalogue_revision"):
        op.execute(f"DELETE FROM {name}")
