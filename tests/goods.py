"""Digital goods for tests: files on the shelf, stocks of codes, and orders that cost nothing and so yield at once."""

from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import select, update

from app.extensions import db, transaction
from app.models.digital import DigitalCode, Download
from app.models.outbox import OutboxMessage
from app.models.payment import Payment, PaymentStatus
from app.services import digital, shelf as shelves
from app.services.shelf import Shelf, Yielded
from tests.factories import Item, a_cart, a_guide, a_payment_method
from tests.shopping import order_of

CONTENTS = b"%PDF-1.4 grind, pour, wait. " * 50


def shelf() -> Shelf:
    return Shelf.of(current_app.config)


def a_file(name: str = "guide.pdf", contents: bytes = CONTENTS) -> Path:
    """A file somewhere on the owner's disk."""
    folder = Path(current_app.instance_path) / "desk"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(contents)
    return folder / name


def a_download(sku: str = "GUIDE", *, file: str = "guide.pdf", price_minor: int = 0) -> Item:
    """Something digital that yields a file."""
    item = a_guide(sku, price_minor=price_minor)
    digital.set_file(sku, a_file(file), shelf())
    return item


def add_codes(sku: str, *codes: str) -> digital.Added:
    return digital.add_codes(sku, list(enumerate(codes, start=1)), actor="test")


def a_licence(*codes: str, sku: str = "LICENCE", on_hand: int = 10, price_minor: int = 0) -> Item:
    """Something digital that yields codes; `on_hand` of it can be sold, however many codes there are."""
    from app.services import stock

    item = a_guide(sku, price_minor=price_minor)
    add_codes(sku, *codes)
    stock.set_levels([(sku, on_hand)], actor="test")
    return item


def get_free(*lines: tuple[Item, int], email: str = "gus@example.com") -> int:
    """An order that costs nothing, as the shop's doors place it; answers its id."""
    nothing: dict[str, Any] = {"contact_address": None, "shipping_id": None, "payment_id": None}
    return order_of(a_cart(*lines), email, shelf=shelf(), **nothing).order_id


def order_unpaid(*lines: tuple[Item, int]) -> int:
    """An order of digital goods that is to be paid in cash; answers its id."""
    method = a_payment_method("delivery")
    return order_of(a_cart(*lines), contact_address=None, shipping_id=None, payment_id=method, shelf=shelf()).order_id


def pay(order_id: int) -> None:
    """The cash came, as far as the payment knows."""
    with transaction() as t:
        amounts = {"captured_minor": Payment.amount_minor, "status": PaymentStatus.CAPTURED}
        t.execute(update(Payment).where(Payment.order_id == order_id).values(**amounts))


def fulfil(order_id: int) -> dict[str, int]:
    with transaction() as t:
        return digital.fulfil(t, order_id, shelf())


def yielded(order_id: int) -> list[Yielded]:
    db.session.rollback()
    return shelves.yielded(order_id, shelf())


def codes_of(order_id: int) -> list[str]:
    """The codes that an order has got."""
    return [code for line in yielded(order_id) for code in line.codes]


def downloads() -> list[Any]:
    db.session.rollback()
    return list(db.session.execute(select(*Download.__table__.c).order_by(Download.id)))


def given() -> list[str]:
    """Every code that was given to somebody."""
    db.session.rollback()
    codes = select(DigitalCode.code).where(DigitalCode.line_item_id.is_not(None)).order_by(DigitalCode.id)
    return list(db.session.execute(codes).scalars())


def messages(topic: str) -> list[Any]:
    db.session.rollback()
    columns = OutboxMessage.__table__.c
    return list(db.session.execute(select(*columns).where(OutboxMessage.topic == topic).order_by(OutboxMessage.id)))


def change_downloads(**values: Any) -> None:
    with transaction() as t:
        t.execute(update(Download).values(**values))
