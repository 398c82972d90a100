"""`flask outbox …`."""

import json
from datetime import datetime
from typing import Any

import click
from flask.cli import AppGroup

from app.cli.output import fail, speaks
from app.services import outbox as outbox_service

MOST = 2**31 - 1

outbox = AppGroup("outbox", help="Mails and alerts that are owed.")


@outbox.command("list")
@click.option("--all", "everything", is_flag=True, help="What was done, too.")
@click.option("--format", "form", type=click.Choice(["text", "jsonl"]), default="text", show_default=True)
@speaks
def list_messages(everything: bool, form: str) -> None:
    """Print what is still owed, oldest first: id, state, tries, when it is tried next, what it is, what went wrong last.

    \b
    Example: flask outbox list --all --format jsonl
    """
    for message in outbox_service.messages(everything=everything):
        if form == "jsonl":
            click.echo(json.dumps(message, default=datetime.isoformat))
        else:
            click.echo(as_line(message))


def as_line(message: dict[str, Any]) -> str:
    """One message for people."""
    told = "{id:6} {state:6} {attempts:2} {available_at:%Y-%m-%d %H:%M:%S} {dedupe_key} {last_error}".format(**message)
    return told.rstrip()


@outbox.command("retry")
@click.argument("ids", metavar="[ID]…", nargs=-1, type=click.IntRange(1, MOST))
@click.option("--dead", is_flag=True, help="Every message that was given up on.")
@speaks
def retry_messages(ids: tuple[int, ...], dead: bool) -> None:
    """Have messages tried again at once, with all their tries before them.

    \b
    Example: flask outbox retry 17 18
             flask outbox retry --dead
    """
    if bool(ids) == dead:
        fail("Say which: one or more IDs, or --dead.")
    click.echo(f"{outbox_service.retry(ids, dead=dead)} to be tried again.")
