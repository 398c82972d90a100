"""`flask orders …`."""

import csv
import sys

import click
from flask import current_app
from flask.cli import AppGroup

from app import money
from app.cli.output import fail, speaks
from app.services import cancelling, order_export, orders as order_service, refunds, shop
from app.services.shelf import Shelf

ACTOR = "cli"

orders = AppGroup("orders", help="What was ordered.")


@orders.command("export")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@speaks
def export_orders(form: str) -> None:
    """Print every order, one a line, oldest first, with its lines and events.

    \b
    Example: flask orders export --format jsonl > orders.jsonl
    """
    found = order_export.export(shop.current(current_app.config).zone)
    if form == "jsonl":
        for order in found:
            click.echo(order_export.as_json(order))
        return
    table = csv.writer(sys.stdout)
    table.writerow(order_export.FIELDS)
    for order in found:
        table.writerow(order_export.as_cells(order))


@orders.command("cancel")
@click.argument("number")
@click.option("--reason", default="by the shop", show_default=True, help="For the order's history.")
@speaks
def cancel(number: str, reason: str) -> None:
    """Call off the order NUMBER, which was not sent yet: its goods go back on sale, and what was paid goes back.

    \b
    Example: flask orders cancel 10023 --reason "roaster broken"
    """
    back = cancelling.cancel(id_of(number), actor=ACTOR, reason=reason)
    click.echo(f"Order {number} is cancelled." + (f" {shown(back)} go back." if back else ""))


@orders.command("refund")
@click.argument("number")
@click.option("--amount", help="Such as 12.50; all that is left of it when not given.")
@click.option("--reason", default="by the shop", show_default=True, help="For the order's history.")
@click.option("--restock", is_flag=True, help="Put the goods of a whole refund back on sale.")
@speaks
def refund(number: str, amount: str | None, reason: str, restock: bool) -> None:
    """Send money of the order NUMBER back; with the last of it the order is over.

    \b
    Example: flask orders refund 10023 --amount 4.50 --reason "one bag was torn"
    """
    try:
        minor = money.parse(amount, current_app.config["CURRENCY"]) if amount else None
    except ValueError as error:
        fail(f"{error}.")
    back = refunds.refund(id_of(number), minor, actor=ACTOR, reason=reason, restock=restock)
    click.echo(f"{shown(back)} of order {number} go back.")


@orders.command("cash")
@click.argument("number")
@speaks
def cash(number: str) -> None:
    """Write down that the order NUMBER, payable at the door, was paid there.

    \b
    Example: flask orders cash 10023
    """
    paid = cancelling.record_cash(id_of(number), Shelf.of(current_app.config), actor=ACTOR)
    click.echo(f"{shown(paid)} were paid for order {number}.")


def id_of(number: str) -> int:
    """The id of an order, or of none; services say so."""
    order_id = order_service.id_of(number)
    if order_id is None:
        fail(f"“{number}” is no order number.")
    return order_id


def shown(minor: int) -> str:
    return money.text(minor, current_app.config["CURRENCY"])
