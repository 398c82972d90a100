"""The shops that are measured: made anew in a temporary folder, by the migrations and the importer that owners use."""

import csv
import io
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import make_url, select, text

from app import create_app
from app.extensions import Model, db
from app.models.catalog import Variant
from bench import spy
from bench.servers import SECRET
from tests import live

SYLLABLES = "ka ri to ne lu mo sa vi de go ha pe bo chi ren wa".split()
SHELVES = 8
COMMON, RARE, ABSENT = "coffee", "quetzal", "zeppelin"  # words of every description, of few names, and of none
RARE_EVERY = 9973
OPTIONS = ("250 g", "1 kg")
ID_STEP = 1_000_000  # see `tell_ids_apart`


@dataclass
class Shop:
    """One database with a catalogue, and the app on it inside this process."""

    name: str
    database_url: str
    folder: Path

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "DATABASE_URL": self.database_url,
            "INSTANCE_PATH": str(self.folder),
            "SECRET_KEY": SECRET,
            "RATELIMIT_ENABLED": False,
        }

    @cached_property
    def app(self) -> Flask:
        """The shop inside this process; what it says to its database can be heard."""
        app = create_app(self.settings)
        with app.app_context():
            spy.attach(db.engine)
        return app

    def flask(self, *args: str) -> None:
        """Run a `flask …` command on it. Raises RuntimeError with what it printed when it fails."""
        done = live.run_flask(*args, env=live.environment(self.database_url, self.folder), seconds=900)
        if done.returncode:
            raise RuntimeError(f"flask {' '.join(args)}:\n{done.stdout}{done.stderr}")

    def variant_ids(self) -> list[int]:
        """Every variant for sale, in the order of the lists."""
        with self.app.app_context():
            found = list(db.session.execute(select(Variant.id).where(Variant.is_listed).order_by(Variant.id)).scalars())
            db.session.remove()
        return found


def make(name: str, folder: Path, *, products: int | None, on_hand: int = 1000, url: str = "", apart: bool = False) -> Shop:
    """A shop with so many products of two variants each, or with the demo's (None)."""
    home = folder / name
    home.mkdir(parents=True)
    shop = Shop(name, url or f"sqlite:///{home / 'till.sqlite3'}", home)
    shop.flask("db", "upgrade")
    if apart:
        tell_ids_apart(shop)
    if products is None:
        shop.flask("demo", "load")
    else:
        file = home / "catalogue.csv"
        file.write_bytes(catalogue(products, on_hand))
        shop.flask("catalog", "import", str(file))
    return shop


def catalogue(products: int, on_hand: int) -> bytes:
    """Products as a CSV of the shop's own layout; a small catalogue is the beginning of a large one."""
    dice = random.Random(6941)
    farms = ["".join(dice.choices(SYLLABLES, k=dice.randint(2, 4))).title() for _ in range(3000)]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow("sku product options price currency on_hand category description origin weight_grams".split())
    for number in range(products):
        rare = f" {RARE.title()}" if number % RARE_EVERY == 17 else ""
        name = f"{dice.choice(farms)} {dice.choice(farms)}{rare} Lot {number}"
        words = f"A {COMMON} from {dice.choice(farms)} with {dice.choice(farms).lower()}, sweet and clean."
        description = f"{words}\n\nGrown high by {dice.choice(farms)}, washed and dried on raised beds."
        price, origin = dice.randint(5, 40), dice.choice(farms)
        for place, options in enumerate(OPTIONS):
            shown = f"{price * (1 + 3 * place)}.50"
            shelf = f"Shelf {number % SHELVES + 1}"
            writer.writerow(
                [f"T{number:06d}-{place}", name, options, shown, "GBP", on_hand, shelf, description, origin, 250 + 750 * place]
            )
    return out.getvalue().encode()


def tell_ids_apart(shop: Shop) -> None:
    """Let the ids of every table begin in a million of its own, so that a recorded statement shows whose id each number is."""
    with shop.app.app_context(), db.engine.begin() as connection:
        for place, table in enumerate(sorted(Model.metadata.tables), 1):
            first = place * ID_STEP
            if connection.dialect.name == "sqlite":
                connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": table})
                connection.execute(text("INSERT INTO sqlite_sequence VALUES (:table, :first)"), {"table": table, "first": first})
            else:
                sequence = text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :first)")
                connection.execute(sequence, {"table": f'"{table}"', "first": first})


@contextmanager
def postgres_database(server_url: str) -> Iterator[str]:
    """The address of a new database on this server, dropped afterwards."""
    name = f"till_bench_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")  # type: ignore[arg-type]
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]
