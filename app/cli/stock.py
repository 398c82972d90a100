"""`flask stock …` and `flask alerts …`."""

import csv
import json
from typing import TextIO

import click
from flask.cli import AppGroup

from app.cli.output import fail, progress, speaks
from app.services import stock as stock_service
from app.services.errors import BadFile

ACTOR = "cli"
MOST = 2**31 - 1

stock = AppGroup("stock", help="See and set what is on hand.")
alerts = AppGroup("alerts", help="What sold out or runs low.")


@stock.command("set")
@click.argument("sku", required=False)
@click.argument("level", required=False, type=click.IntRange(0, MOST))
@click.option("--all", "everything", type=click.IntRange(0, MOST), metavar="N", help="Set every variant to N.")
@click.option(
    "--file", "file", type=click.File(encoding="utf-8-sig"), metavar="F.csv", help="A CSV file with the columns sku and on_hand."
)
@speaks
def set_stock(sku: str | None, level: int | None, everything: int | None, file: TextIO | None) -> None:
    """Set the stock on hand of SKU to LEVEL, of every variant, or of those in a file.

    \b
    Example: flask stock set YIRG-250-WB 40
             flask stock set --all 1000
    """
    if sum((sku is not None, everything is not None, file is not None)) != 1 or (sku and level is None):
        fail("Say one of: SKU and LEVEL, --all N, or --file F.csv.")
    if everything is not None:
        with progress("Setting stock", stock_service.count()) as advance:
            changed = stock_service.set_all(everything, actor=ACTOR, advance=advance)
    else:
        changed = stock_service.set_levels(read_levels(file) if file else [(str(sku).upper(), int(level or 0))], actor=ACTOR)
    click.echo(f"{changed} changed.")


def read_levels(file: TextIO) -> list[tuple[str, int]]:
    """The (SKU, level) pairs of a CSV file; raises BadFile with every line that has none."""
    rows = csv.DictReader(file)
    if not {"sku", "on_hand"} <= set(rows.fieldnames or ()):
        raise BadFile([(1, "the header needs the columns sku and on_hand")])
    levels, problems = [], []
    for row in rows:
        sku, level = (row["sku"] or "").strip().upper(), (row["on_hand"] or "").strip()
        if not sku or not (level.isascii() and level.isdigit()) or int(level) > MOST:
            problems.append((rows.line_num, f"“{sku}” needs a whole number of 0 or more, not “{level}”"))
        else:
            levels.append((sku, int(level)))
    if problems:
        raise BadFile(problems)
    return levels


@stock.command("show")
@click.argument("sku", required=False)
@speaks
def show_stock(sku: str | None) -> None:
    """Print sku, on_hand, held and available of SKU, or of every variant.

    \b
    Example: flask stock show YIRG-250-WB
    """
    rows = stock_service.levels(sku)
    if sku and not rows:
        fail(f"There is no SKU {sku.upper()}.")
    width = max([3, *(len(row[0]) for row in rows)])
    click.echo(f"{'sku':{width}} on_hand held available")
    for name, on_hand, held, available in rows:
        click.echo(f"{name:{width}} {on_hand:7} {held:4} {available:9}")


@alerts.command("list")
@click.option("--format", "form", type=click.Choice(["text", "jsonl"]), default="text")
@speaks
def list_alerts(form: str) -> None:
    """Print every stock alert, oldest first.

    \b
    Example: flask alerts list --format jsonl
    """
    for alert in stock_service.alerts():
        if form == "jsonl":
            click.echo(json.dumps(alert, default=lambda moment: moment.isoformat()))
        else:
            click.echo("{created_at:%Y-%m-%d %H:%M} {status:6} {kind:4} {level:6} {sku}".format(**alert))
