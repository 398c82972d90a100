"""`flask catalog …` and `flask demo …`."""

from typing import BinaryIO

import click
from flask import current_app
from flask.cli import AppGroup

from app import demo as demo_shop
from app.cli.output import fail, progress, speaks
from app.services import exporting, importing, layouts
from app.services.importing import Report
from app.services.shelf import Shelf

ACTOR = "cli"

catalog = AppGroup("catalog", help="Bring the catalogue in and out.")
demo = AppGroup("demo", help="A coffee roaster's shop to try Till with.")


@catalog.command("import")
@click.argument("file", type=click.File("rb"), metavar="FILE.csv")
@click.option("--dry-run", is_flag=True, help="Check the file and say what would change; write nothing.")
@click.option("--skip-bad", is_flag=True, help="Take the good rows in although others are bad.")
@speaks
def import_catalog(file: BinaryIO, dry_run: bool, skip_bad: bool) -> None:
    """Take in a catalogue from a CSV file, or from standard input when FILE.csv is “-”.

    It may be in our own columns (sku, product and price are required; options, currency, on_hand, category, description,
    origin, weight_grams, is_digital and image may be blank or left out), a list with sku, name and price_gbp, or Shopify's
    product export. Products are not removed, and what the file does not say stays as it is.

    \b
    Example: flask catalog import products.csv --dry-run
             flask catalog import products.csv
    """
    data = file.read()
    with progress("Reading", layouts.count_lines(data)) as advance:
        sheet = layouts.read(data, currency=current_app.config["CURRENCY"], advance=advance)
    with progress("Comparing" if dry_run else "Writing", len(sheet.rows)) as advance:
        report = importing.take_in(sheet, actor=ACTOR, dry_run=dry_run, skip_bad=skip_bad, advance=advance)
    for line, said in sorted(report.notes + report.skipped):
        click.echo(f"line {line}: {said}", err=True)
    click.echo(("Nothing was written. It would be: " if dry_run else "") + summary(report))


def summary(report: Report) -> str:
    skipped = f", {len(report.skipped)} skipped" if report.skipped else ""
    return f"{report.new} new, {report.changed} changed, {report.unchanged} unchanged{skipped}."


@catalog.command("export")
@speaks
def export_catalog() -> None:
    """Print the catalogue as CSV in our own columns, which `flask catalog import` takes in again.

    A cell that a spreadsheet would run as a formula stands behind an apostrophe.

    \b
    Example: flask catalog export > catalogue.csv
    """
    for portion in exporting.as_csv():
        click.echo(portion.encode(), nl=False)


@demo.command("load")
@click.option("--if-empty", is_flag=True, help="Only into a shop without products.")
@speaks
def load_demo(if_empty: bool) -> None:
    """Fill the shop with the demo's products and ways to send them.

    \b
    Example: flask demo load --if-empty
    """
    if if_empty and not demo_shop.is_empty():
        click.echo("The shop has products already; the demo was not loaded.")
        return
    if current_app.config["CURRENCY"] != demo_shop.CURRENCY:
        sentence = (
            f"The demo's prices are in {demo_shop.CURRENCY}; a shop that sells in {current_app.config['CURRENCY']} starts empty."
        )
        if not if_empty:
            fail(sentence)
        click.echo(sentence)
        return
    report, methods = demo_shop.load(Shelf.of(current_app.config))
    click.echo(f"Demo: {summary(report)[:-1]}; {methods} shipping methods changed.")
