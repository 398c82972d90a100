"""`flask orders …`."""

import csv
import sys

import click
from flask import current_app
from flask.cli import AppGroup

from app.cli.output import speaks
from app.services import order_export

orders = AppGroup("orders", help="What was ordered.")


@orders.command("export")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@speaks
def export_orders(form: str) -> None:
    """Print every order, one a line, oldest first, with its lines and events.

    \b
    Example: flask orders export --format jsonl > orders.jsonl
    """
    found = order_export.export(current_app.config["SHOP_TIMEZONE"])
    if form == "jsonl":
        for order in found:
            click.echo(order_export.as_json(order))
        return
    table = csv.writer(sys.stdout)
    table.writerow(order_export.FIELDS)
    for order in found:
        table.writerow(order_export.as_cells(order))
