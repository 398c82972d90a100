"""`flask payments …`."""

import click
from flask.cli import AppGroup

from app import money
from app.cli.output import speaks
from app.models.order import order_number
from app.services import refunds

ACTOR = "cli"

payments = AppGroup("payments", help="What was paid elsewhere, and what a person must look at.")


@payments.command("problems")
@speaks
def problems() -> None:
    """List the payments that do not fit their order, were sent back by the shop, or could not be.

    \b
    Example: flask payments problems
    """
    for row in refunds.problems():
        amount = money.text(row.amount_minor, row.currency)
        click.echo(
            f"{order_number(row.order_id)} {row.gateway} {row.gateway_reference or '-'} {amount} {row.status}: {row.problem}"
        )


@payments.command("sent")
@click.argument("refund", type=int)
@click.argument("reference", default="by hand")
@speaks
def sent(refund: int, reference: str) -> None:
    """Write down that the REFUND which its provider refused was sent another way; `flask payments refused` has their numbers.

    \b
    Example: flask payments sent 12 "bank transfer of 3 May"
    """
    refunds.sent_by_hand(refund, reference, actor=ACTOR)
    click.echo(f"Refund {refund} is done.")


@payments.command("refused")
@speaks
def refused() -> None:
    """List the refunds that their providers would not send, with their numbers.

    \b
    Example: flask payments refused
    """
    for row in refunds.refused():
        amount = money.text(row.amount_minor, row.currency)
        click.echo(f"{row.id} {amount} of order {order_number(row.order_id)}, {row.gateway}: {row.problem}")
