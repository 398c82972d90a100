"""The `flask …` commands: a door to the same services as the pages."""

from flask import Flask

from app.cli import accounts, catalog, digital, orders, outbox, payments, shop, stock


def init_app(app: Flask) -> None:
    """Register every group of commands."""
    for group in (accounts.accounts, catalog.catalog, catalog.demo, stock.stock, stock.alerts, digital.digital):
        app.cli.add_command(group)
    for group in (orders.orders, payments.payments, outbox.outbox):
        app.cli.add_command(group)
    for command in (shop.worker, shop.doctor, shop.backup, shop.restore, shop.serve):
        app.cli.add_command(command)
