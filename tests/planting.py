"""Orders as checkout places them, and breaches that no service would make."""

import sqlite3
from contextlib import closing
from typing import Any

import psycopg

from app.extensions import db
from app.models.catalog import Variant
from app.services import checkout
from app.services.addresses import Address
from app.services.customers import Contact
from tests.factories import LONDON, STANDARD_MINOR, Item, a_cart, a_redirect_method


def an_order(
    item: Item,
    quantity: int = 1,
    *,
    email: str = "gus@example.com",
    name: str = "Gus Guest",
    address: Address = LONDON,
    notes: str = "",
    payment_id: int = 1,
    hold_minutes: int = 30,
) -> int:
    """An order of one line by the methods that the migrations bring, to be paid on delivery; answers its id."""
    price = db.session.get(Variant, item.id).price_minor
    placed = checkout.place_order(
        a_cart((item, quantity)),
        Contact(email, name, "+44 20 7946 0000", address),
        currency="GBP",
        shipping_id=1,
        payment_id=payment_id,
        notes=notes,
        shown_total_minor=price * quantity + STANDARD_MINOR,
        hold_minutes=hold_minutes,
    )
    return placed.order_id


def a_hold(monkeypatch: Any, item: Item, quantity: int = 1, *, minutes: int = 30) -> int:
    """An order on HOLD whose time ends in so many minutes; answers its id."""
    return an_order(item, quantity, payment_id=a_redirect_method(monkeypatch), hold_minutes=minutes)


def breach(*statements: str, without: str = "") -> None:
    """Run SQL that no service would, past foreign keys, and past one constraint "table.name" if need be."""
    db.session.remove()
    table, _, constraint = without.partition(".")
    url = db.engine.url
    if db.engine.dialect.name == "sqlite":
        lifting = [
            f'CREATE TABLE bare AS SELECT * FROM "{table}"',
            f'DROP TABLE "{table}"',
            f'ALTER TABLE bare RENAME TO "{table}"',
        ]
        lifting.append(f'CREATE UNIQUE INDEX bare_id ON "{table}" (id)')
        with closing(sqlite3.connect(url.database, isolation_level=None)) as connection:
            for statement in (*(lifting if without else ()), *statements):
                connection.execute(statement)
    else:
        lifting = [
            "SET session_replication_role = replica",
            *([f'ALTER TABLE "{table}" DROP CONSTRAINT {constraint}'] if without else ()),
        ]
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
            for statement in (*lifting, *statements):
                connection.execute(statement)
