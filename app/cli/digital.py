"""`flask digital …`."""

from pathlib import Path
from typing import TextIO

import click
from flask import current_app
from flask.cli import AppGroup

from app.cli.output import fail, speaks
from app.services import digital as digital_service
from app.services.shelf import Shelf

ACTOR = "cli"

digital = AppGroup("digital", help="What digital products yield: files and codes.")


@digital.command("file")
@click.argument("sku")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--none", "is_none", is_flag=True, help="SKU yields no file any more; what was sold can still be fetched.")
@speaks
def set_file(sku: str, file: Path | None, is_none: bool) -> None:
    """Let every buyer of SKU download FILE, which is copied into DOWNLOAD_FOLDER.

    A new FILE of the same name replaces the old one, for those too who bought it before.

    \b
    Example: flask digital file GUIDE-PDF brewing-guide.pdf
    """
    if (file is None) != is_none:
        fail("Say one of: FILE, or --none.")
    if file is None:
        digital_service.unset_file(sku)
        click.echo(f"{sku.upper()} yields no file.")
        return
    try:
        digital_service.set_file(sku, file, Shelf.of(current_app.config))
    except OSError as error:
        fail(f"{error.filename or file}: {error.strerror or error}.")
    click.echo(f"{sku.upper()} yields {file.name}.")


@digital.command("codes")
@click.argument("sku")
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@speaks
def add_codes(sku: str, file: TextIO) -> None:
    """Add the codes in FILE, one a line, to those of SKU: each buyer gets one for each that they buy.

    The stock on hand rises by as many, but for those that orders wait for already; they are mailed within a minute. Blank
    lines are passed over. A code that is there twice is named, and nothing is added. FILE may be “-”, standard input.

    \b
    Example: flask digital codes LICENCE-1Y new-codes.txt
    """
    try:
        lines = list(enumerate(file, start=1))
    except UnicodeDecodeError:
        fail("The file is not UTF-8 text.")
    added = digital_service.add_codes(sku, lines, actor=ACTOR)
    owed = f", {min(added.owed, added.new)} of them owed to orders" if added.owed else ""
    click.echo(f"{added.new} {'code' if added.new == 1 else 'codes'} added{owed}.")
    for found in digital_service.goods(sku):
        if found.on_hand > found.to_sell:
            told = f"{found.sku} has {found.on_hand} on hand, but codes for {found.to_sell}: more can be sold than yielded."
            click.echo(f"{told} `flask stock set {found.sku} {found.to_sell}` puts it right.", err=True)


@digital.command("show")
@click.argument("sku", required=False)
@speaks
def show(sku: str | None) -> None:
    """Print sku, on_hand, codes that are free, given and owed, and the file of SKU, or of every digital variant.

    \b
    Example: flask digital show GUIDE-PDF
    """
    rows = digital_service.goods(sku)
    if sku and not rows:
        fail(f"There is no digital SKU {sku.upper()}.")
    width = max([3, *(len(row.sku) for row in rows)])
    click.echo(f"{'sku':{width}} on_hand  free given  owed file")
    for row in rows:
        click.echo(f"{row.sku:{width}} {row.on_hand:7} {row.free:5} {row.given:5} {row.owed:5} {row.file or '-'}")


@digital.command("revoke")
@click.argument("number", metavar="ORDER-NUMBER")
@speaks
def revoke(number: str) -> None:
    """Close the downloads of an order. Codes that were given stay given.

    \b
    Example: flask digital revoke 10042
    """
    closed = digital_service.revoke_order(number)
    click.echo(f"{closed} {'download' if closed == 1 else 'downloads'} revoked.")
