"""Messages: the outbox as the staff read it, and each mail as it would be sent now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.message import EmailMessage
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

import jinja2
from sqlalchemy import ColumnElement, false, select, true

from app.extensions import Query, Record, db, now, read
from app.models.catalog import Product, Variant
from app.models.order import order_number
from app.models.order_desk import OrderRequest
from app.models.outbox import OutboxMessage
from app.models.payment import Payment, Refund
from app.models.stock import StockAlert
from app.services import errands, reasons
from app.services.errors import NotFound, ShopError
from app.services.mail import Mailer

PAGE = 50
MOST_COUNTED = 1000
SECRET = {"account.code"}  # what stands in these is for whoever the mailbox belongs to, and for nobody else
WORDS = {  # what a message is, with a place for the order's number or the goods
    "order.confirmation": "Confirmation of order %(about)s",
    "order.cancelled": "Order %(about)s was cancelled",
    "order.refunded": "Money back from order %(about)s",
    "order.shipped": "Order %(about)s is on its way",
    "order.answered": "Answer to what was asked about order %(about)s",
    "digital.delivered": "Downloads and codes of order %(about)s",
    "digital.codes": "Codes that order %(about)s still gets",
    "payment.expired": "Order %(about)s was not paid in time",
    "payment.problem": "To the shop: look at the payment of order %(about)s",
    "payment.refund": "Money that the provider sends back, order %(about)s",
    "account.code": "A code for an account",
    "stock.alert": "To the shop: stock of %(about)s",
    "category.renamed": "Search learns a category's new name",
}


class Fate(StrEnum):
    """Where a message stands, in the words of the addresses."""

    WAITING = "waiting"
    FAILED = "failed"  # given up on, until somebody retries it
    SENT = "sent"


IS_OWED = OutboxMessage.done_at.is_(None)
CONDITIONS: dict[Fate, Sequence[ColumnElement[bool]]] = {  # as the index ix_outbox_message_fate has them
    Fate.WAITING: (IS_OWED, OutboxMessage.is_dead == false()),
    Fate.FAILED: (IS_OWED, OutboxMessage.is_dead == true()),
    Fate.SENT: (OutboxMessage.done_at.is_not(None),),
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message for people."""

    id: int
    topic: str
    what: str  # a sentence with a place for `about`
    about: str
    link: str  # to what it is about; "" when there is nothing to open
    fate: Fate
    tries: int
    made_at: datetime
    due_at: datetime
    done_at: datetime | None
    is_taken: bool  # the worker has it at this moment
    reason: str  # why it failed last, as a sentence; "" when it did not
    detail: str

    @property
    def is_mail(self) -> bool:
        return self.topic in errands.MAILS


@dataclass(frozen=True, slots=True)
class Page:
    """Messages, the newest first; `after` names the last one when there are older ones."""

    messages: Sequence[Message]
    after: int | None


def page(fate: Fate, *, after: int | None = None) -> Page:
    """Messages of one fate, older than the one whose id is `after`."""
    wanted = select(*OutboxMessage.__table__.c).where(*CONDITIONS[fate]).order_by(OutboxMessage.id.desc()).limit(PAGE + 1)
    rows = read(wanted if after is None else wanted.where(OutboxMessage.id < after)).all()
    shown = rows[:PAGE]
    return Page(_told(shown), shown[-1].id if len(rows) > PAGE else None)


def failures() -> int:
    """How many messages were given up on; at most MOST_COUNTED are counted."""
    return len(read(select(OutboxMessage.id).where(*CONDITIONS[Fate.FAILED]).limit(MOST_COUNTED)).all())


def one(message_id: int) -> Message:
    """One message. Raises NotFound."""
    return _told([_row(message_id)])[0]


def _row(message_id: int) -> Record:
    row = read(select(*OutboxMessage.__table__.c).where(OutboxMessage.id == message_id)).first()
    if row is None:
        raise NotFound
    return row


# ------------------------------------------------------------------------------------------------ in words


def _told(rows: Sequence[Record]) -> list[Message]:
    """The rows in words; what they are about is looked up for all of them together."""
    subjects = _subjects(rows)
    return [_message(row, *subjects.get(row.id, ("", ""))) for row in rows]


def _message(row: Record, about: str, link: str) -> Message:
    fate = Fate.SENT if row.done_at else Fate.FAILED if row.is_dead else Fate.WAITING
    return Message(
        id=row.id,
        topic=row.topic,
        what=WORDS.get(row.topic, row.topic.replace("%", "%%")),
        about=about,
        link=link,
        fate=fate,
        tries=row.attempts,
        made_at=row.created_at,
        due_at=row.available_at,
        done_at=row.done_at,
        is_taken=bool(row.lease_until and row.lease_until > now()),
        reason=reasons.in_words(row.last_error),
        detail=reasons.detail(row.last_error),
    )


def _subjects(rows: Sequence[Record]) -> dict[int, tuple[str, str]]:
    """(what it is about, where that is shown) by message id."""
    orders = {row.id: row.payload["order_id"] for row in rows if "order_id" in row.payload}
    by_payment = select(Payment.id, Payment.order_id)
    by_refund = select(Refund.id, Payment.order_id).join(Payment, Payment.id == Refund.payment_id)
    paid = _looked_up(rows, "payment_id", by_payment, Payment.id) | _looked_up(rows, "refund_id", by_refund, Refund.id)
    asked = _looked_up(rows, "request_id", select(OrderRequest.id, OrderRequest.order_id), OrderRequest.id)
    orders |= {message_id: row.order_id for message_id, row in (paid | asked).items()}
    found = {message_id: (order_number(order_id), f"/staff/orders/{order_id}") for message_id, order_id in orders.items()}
    return found | _goods(rows)


def _looked_up(rows: Sequence[Record], name: str, wanted: Query, key: Any) -> dict[int, Any]:
    """By message id, the row that its payload names so; asked for once for all of them. The first column is its id."""
    ids = {row.id: row.payload[name] for row in rows if name in row.payload}
    if not ids:
        return {}
    there = {row[0]: row for row in read(wanted.where(key.in_(set(ids.values()))))}
    return {message_id: there[known] for message_id, known in ids.items() if known in there}


def _goods(rows: Sequence[Record]) -> dict[int, tuple[str, str]]:
    """The same for stock alerts, which are about a variant."""
    joined = select(StockAlert.id, Variant.sku, Product.name).join(Variant, Variant.id == StockAlert.variant_id)
    there = _looked_up(rows, "alert_id", joined.join(Product, Product.id == Variant.product_id), StockAlert.id)
    return {each: (f"{row.name} ({row.sku})", f"/staff/stock?{urlencode({'q': row.sku})}") for each, row in there.items()}


# ------------------------------------------------------------------------------------------------ previews


@dataclass(frozen=True, slots=True)
class Preview:
    """A mail as it would be sent now; or, in `why_not`, why there is none to show."""

    to: str = ""
    sender: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    why_not: str = ""


NOT_A_MAIL = Preview(why_not="This is not a mail, but something that the shop does.")
NOT_SHOWN = Preview(why_not="Not shown, for its owner's safety: whoever reads the code could use it.")
NOBODYS = Preview(why_not="Nobody gets this mail any more: whoever it was for is anonymous, or its time is over.")


def preview(mailer: Mailer, message_id: int) -> Preview:
    """The mail that this message is. Raises NotFound."""
    row = _row(message_id)
    if row.topic in SECRET:
        return NOT_SHOWN
    if row.topic not in errands.MAILS:
        return NOT_A_MAIL
    return composed(lambda: errands.MAILS[row.topic](mailer, row.payload, row.dedupe_key))


# What a mail's template can do wrong, and what it is about can lack.
MISTAKES = (ShopError, jinja2.TemplateError, MessageError, LookupError, ValueError, TypeError, AttributeError)


def composed(compose: Callable[[], EmailMessage | None]) -> Preview:
    """What composing gives; a template with a mistake is told, and not the end of the page."""
    try:
        message: EmailMessage | None = compose()
    except MISTAKES as error:
        db.session.rollback()
        said = errands.describe(error)
        return Preview(why_not=f"{reasons.in_words(said)} {reasons.detail(said)}".strip())
    return NOBODYS if message is None else preview_of(message)


def preview_of(message: EmailMessage) -> Preview:
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    return Preview(
        to=str(message["To"]),
        sender=str(message["From"]),
        subject=str(message["Subject"]),
        text=text.get_content() if text else "",
        html=html.get_content() if html else "",
    )
