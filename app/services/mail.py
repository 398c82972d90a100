"""The shop's mails: composed from what was committed, then sent, or written to a folder while no mail server is set."""

import contextlib
import hashlib
import os
import re
import smtplib
import ssl
import tempfile
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from app.extensions import db, now
from app.models.catalog import Product, Variant
from app.models.order import SOLD, LineItem, Order, order_number
from app.models.order_desk import OrderRequest, Shipment
from app.models.payment import Payment, PaymentStatus, Refund
from app.models.stock import StockAlert
from app.services import addresses, codes, legal, shelf, shop
from app.services.codes import Purpose
from app.services.errors import NotFound
from app.services.shop import Shop

SMTP_SECONDS = 10  # for each answer of the mail server
POLICY = SMTP.clone(cte_type="7bit")  # any server may carry it
PAID = (PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED)
CODE_SUBJECTS = {  # by what was asked for, and whether the mailbox has an account; the shop's name follows
    (Purpose.REGISTER, False): "Your code for a new account at",
    (Purpose.REGISTER, True): "You have an account at",
    (Purpose.RESET, True): "Your code for a new password at",
    (Purpose.RESET, False): "There is no account of yours at",
    (Purpose.INVITE, True): "Welcome to",
    (Purpose.VERIFY, True): "Your code to confirm your e-mail at",
}
BIDI_CONTROLS = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class Mailer:
    """What composing and sending needs of the app: its settings by name, and how a template is rendered with a context."""

    settings: Mapping[str, Any]
    render: Callable[[str, Mapping[str, Any]], str]

    @property
    def shop(self) -> Shop:
        """The shop as it is now: a worker lives longer than its settings."""
        return shop.current(self.settings)

    @property
    def host(self) -> str:
        """The shop's name in the network; a mail never takes it from a request."""
        return urlsplit(self.settings["BASE_URL"]).hostname or "localhost"


# ------------------------------------------------------------------------------------------------ what the mails say


def confirmation(mailer: Mailer, order_id: int, *, key: str) -> EmailMessage | None:
    """The mail that tells a shopper what they ordered, if they have not been forgotten since; `key` names it. Raises NotFound."""
    order = db.session.get(Order, order_id, options=[selectinload(Order.lines)], populate_existing=True)
    if order is None:
        raise NotFound("There is no order %(id)s.", id=order_id)
    if not order.email:
        return None
    paid = select(func.coalesce(func.sum(Payment.amount_minor), 0)).where(Payment.order_id == order_id, Payment.status.in_(PAID))
    agreed = legal.agreed(order.placed_at)
    message = _compose(
        mailer,
        "confirmation",
        key=key,
        to=order.email,
        subject=f"Your order {order.number} at {mailer.shop.name}",
        order=order,
        address=address_lines(order) if order.needs_shipping else [],
        outstanding_minor=max(0, order.total_minor - db.session.execute(paid).scalar_one()),
        link=f"{mailer.settings['BASE_URL']}/orders/{order.key}",
        yielded=yielded(mailer, order),
        agreed=agreed,
        base_url=mailer.settings["BASE_URL"],
    )
    for each in agreed:  # EU law wants them on a durable medium. Source: directive 2011/83/EU, article 8(7)
        body = f"{each.title}\n\n{each.body}\n"
        message.add_attachment(body, filename=f"{each.slug}.txt", cte="quoted-printable")
    return message


def delivered(mailer: Mailer, order_id: int, *, key: str) -> EmailMessage | None:
    """The mail with all that an order yielded so far; None when it was refunded or its buyer forgotten since. Raises NotFound."""
    order = db.session.get(Order, order_id, options=[selectinload(Order.lines)], populate_existing=True)
    if order is None:
        raise NotFound("There is no order %(id)s.", id=order_id)
    if not order.email or order.status not in SOLD:
        return None
    return _compose(
        mailer,
        "digital",
        key=key,
        to=order.email,
        subject=f"Your downloads and codes, order {order.number} at {mailer.shop.name}",
        order=order,
        link=f"{mailer.settings['BASE_URL']}/orders/{order.key}",
        yielded=yielded(mailer, order),
        base_url=mailer.settings["BASE_URL"],
    )


def yielded(mailer: Mailer, order: Order) -> list[shelf.Yielded]:
    """What the order yielded, if anything in it is digital."""
    return shelf.yielded(order.id, shelf.Shelf.of(mailer.settings)) if any(line.is_digital for line in order.lines) else []


def cancelled(mailer: Mailer, order_id: int, *, key: str) -> EmailMessage | None:
    """The mail that says that an order was called off, and what goes back of its money. Raises NotFound."""
    promised = select(func.coalesce(func.sum(Refund.amount_minor), 0)).join(Payment).where(Payment.order_id == order_id)
    back = db.session.execute(promised).scalar_one()
    return _news(mailer, "cancelled", order_id, key=key, subject="Your order %s was cancelled", back_minor=back)


def payment_expired(mailer: Mailer, order_id: int, *, key: str) -> EmailMessage | None:
    """The mail that says that an order was not paid in time, and how to order the same again. Raises NotFound."""
    return _news(mailer, "payment_expired", order_id, key=key, subject="Your order %s was not paid in time")


def refunded(mailer: Mailer, refund_id: int, *, key: str) -> EmailMessage | None:
    """The mail that says that money is on its way back. Raises NotFound."""
    wanted = select(Refund.amount_minor, Payment.order_id).join(Payment, Payment.id == Refund.payment_id)
    row = db.session.execute(wanted.where(Refund.id == refund_id)).first()
    if row is None:
        raise NotFound("There is no refund %(id)s.", id=refund_id)
    return money_back(mailer, row.order_id, row.amount_minor, key=key)


def money_back(mailer: Mailer, order_id: int, back_minor: int, *, key: str) -> EmailMessage | None:
    """The same for so much of an order's money, in minor units. Raises NotFound."""
    return _news(mailer, "refunded", order_id, key=key, subject="Money back from your order %s", back_minor=back_minor)


def shipped(mailer: Mailer, order_id: int, *, key: str) -> EmailMessage | None:
    """The mail that says that an order was sent, and how it is followed. Raises NotFound."""
    shipment = db.session.execute(select(Shipment).where(Shipment.order_id == order_id)).scalar()
    return _news(mailer, "shipped", order_id, key=key, subject="Your order %s is on its way", shipment=shipment)


def answered(mailer: Mailer, request_id: int, *, key: str) -> EmailMessage | None:
    """The mail with the answer to what a shopper asked; None when they have been forgotten since. Raises NotFound."""
    asked = db.session.get(OrderRequest, request_id, populate_existing=True)
    if asked is None:
        raise NotFound("There is no request %(id)s.", id=request_id)
    return _news(mailer, "answered", asked.order_id, key=key, subject="Our answer about your order %s", asked=asked)


def payment_problem(mailer: Mailer, payment_id: int, *, key: str) -> EmailMessage:
    """The mail that tells the shop of a payment that a person must look at. Raises NotFound."""
    columns = Payment.id, Payment.order_id, Payment.gateway, Payment.gateway_reference, Payment.amount_minor, Payment.currency
    payment = db.session.execute(select(*columns, Payment.problem).where(Payment.id == payment_id)).first()
    if payment is None:
        raise NotFound("There is no payment %(id)s.", id=payment_id)
    number = order_number(payment.order_id)
    subject = f"Look at the payment of order {number}"
    return _compose(mailer, "payment_problem", key=key, to=mailer.shop.email, subject=subject, payment=payment, number=number)


def _news(mailer: Mailer, template: str, order_id: int, *, key: str, subject: str, **context: Any) -> EmailMessage | None:
    """A mail to whoever ordered, if they have not been forgotten since; the subject has a place for the order's number."""
    order = db.session.get(Order, order_id, populate_existing=True)
    if order is None:
        raise NotFound("There is no order %(id)s.", id=order_id)
    if not order.email:
        return None
    link = f"{mailer.settings['BASE_URL']}/orders/{order.key}"
    return _compose(mailer, template, key=key, to=order.email, subject=subject % order.number, order=order, link=link, **context)


def account_code(mailer: Mailer, code_id: int, *, key: str) -> EmailMessage | None:
    """The mail with the code that somebody asked for, or that says why there is none; None when the code is over or used.

    Only its owner reads it, so this is the one place that says whether there is an account.
    """
    code = codes.mailed(code_id)
    if code is None or (Purpose(code.purpose), code.has_account) not in CODE_SUBJECTS:  # the account went meanwhile
        return None
    sends_code = code.has_account != (code.purpose == Purpose.REGISTER)
    told = codes.code_of(code.key, mailer.settings["SECRET_KEY"]) if sends_code else ""
    return code_mail(mailer, Purpose(code.purpose), told, has_account=code.has_account, to=code.email, link=code.key, key=key)


def code_mail(mailer: Mailer, purpose: Purpose, code: str, *, has_account: bool, to: str, link: str, key: str) -> EmailMessage:
    """The mail with this code, or without one when it is ""; `link` ends the address where the code is typed."""
    return _compose(
        mailer,
        "account_code",
        key=key,
        to=to,
        subject=f"{CODE_SUBJECTS[purpose, has_account]} {mailer.shop.name}",
        purpose=str(purpose),
        code=code,
        hours=int(codes.LASTS[purpose].total_seconds() // 3600),
        address=f"{mailer.settings['BASE_URL']}/account/code/{link}",
        account=f"{mailer.settings['BASE_URL']}/account",
    )


def stock_alert(mailer: Mailer, alert_id: int, *, key: str) -> EmailMessage:
    """The mail that tells the shop what sold out or runs low; `key` names it. Raises NotFound."""
    wanted = (
        select(
            StockAlert.kind,
            StockAlert.level,
            StockAlert.created_at,
            Variant.sku,
            Variant.options,
            Variant.on_hand,
            Variant.low_stock_below,
            Product.name,
            LineItem.order_id,
        )
        .join(Variant, Variant.id == StockAlert.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .outerjoin(LineItem, LineItem.id == StockAlert.line_item_id)
        .where(StockAlert.id == alert_id)
    )
    alert = db.session.execute(wanted).first()
    if alert is None:
        raise NotFound("There is no stock alert %(id)s.", id=alert_id)
    what = f"{alert.name} ({alert.sku})"
    return _compose(
        mailer,
        "stock_alert",
        key=key,
        to=mailer.shop.email,
        subject=f"Sold out: {what}" if alert.kind == "out" else f"Low stock: {what}, {alert.level} left",
        alert=alert,
        number=order_number(alert.order_id) if alert.order_id else "",
    )


def alarm(mailer: Mailer, to: str, title: str, sentence: str, *, key: str) -> EmailMessage:
    """The mail that tells the shop's owner of trouble, or of its end."""
    return _compose(mailer, "alarm", key=key, to=to, subject=title, sentence=sentence)


def address_lines(order: Order) -> list[str]:
    """Where the order goes, as its country writes it on a parcel, the country last."""
    return [*addresses.parcel_lines(order), addresses.country_name(order.country)]


# ------------------------------------------------------------------------------------------------ how they are put together


def _compose(mailer: Mailer, template: str, *, key: str, to: str, subject: str, **context: Any) -> EmailMessage:
    """A mail as text and as HTML from the two templates of that name.

    Nothing of a shopper's stands in a header but the address, and that is refused when it is more than one.
    """
    of = mailer.shop
    context |= {"shop": of, "subject": one_line(subject)}
    message = EmailMessage(policy=POLICY)
    message["From"] = Address(one_line(of.name), addr_spec=ascii_domain(of.sender))
    message["Reply-To"] = Address(addr_spec=ascii_domain(of.email))
    message["To"] = Address(addr_spec=ascii_domain(to))
    message["Subject"] = one_line(subject)
    message["Date"] = format_datetime(now().astimezone(of.zone))
    message["Message-ID"] = message_id(key, mailer.host)
    message["Auto-Submitted"] = "auto-generated"  # Source: RFC 3834; keeps holiday answers away
    message.set_content(tidy(mailer.render(f"email/{template}.txt", context)), cte="quoted-printable")
    message.add_alternative(mailer.render(f"email/{template}.html", context), subtype="html", cte="quoted-printable")
    return message


def tidy(text: str) -> str:
    """The text with at most one empty line in a row, and none at its ends."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"


def one_line(text: str) -> str:
    """The text as it may stand in a header: one line, no control characters, nothing that turns the reading direction."""
    kept = (c for c in " ".join(text.split()) if unicodedata.category(c) not in {"Cc", "Cs"} and c not in BIDI_CONTROLS)
    return "".join(kept)


def ascii_domain(address: str) -> str:
    """The address with its domain as mail servers know it: bücher.example → xn--bcher-kva.example."""
    local, at, domain = address.rpartition("@")
    return local + at + (domain if domain.isascii() else domain.encode("idna").decode("ascii"))


def message_id(key: str, host: str) -> str:
    """The same for the same effect of the same shop, so that a mail sent twice is known to be one."""
    return f"<{re.sub(r'[^a-z0-9.]', '.', key.lower())}@{f'[IPv6:{host}]' if ':' in host else host}>"


# ------------------------------------------------------------------------------------------------ how they leave


def send(mailer: Mailer, message: EmailMessage) -> None:
    """Hand a mail to the mail server, or write it into MAIL_FOLDER when there is none. Raises OSError, SMTPException."""
    if mailer.settings["SMTP_HOST"]:
        _send_by_smtp(mailer, message)
    else:
        _write(message, Path(mailer.settings["MAIL_FOLDER"]))


def _send_by_smtp(mailer: Mailer, message: EmailMessage) -> None:
    config = mailer.settings
    # Our own name is said, for asking DNS for it may take longer than the sending.
    where: dict[str, Any] = {"port": config["SMTP_PORT"], "local_hostname": mailer.host, "timeout": SMTP_SECONDS}
    context = ssl.create_default_context()
    if config["SMTP_SECURITY"] == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(config["SMTP_HOST"], context=context, **where)
    else:
        server = smtplib.SMTP(config["SMTP_HOST"], **where)
    try:
        if config["SMTP_SECURITY"] == "starttls":
            server.starttls(context=context)
        if config["SMTP_USER"]:
            server.login(config["SMTP_USER"], config["SMTP_PASSWORD"])
        server.send_message(message)
        with contextlib.suppress(OSError):  # the mail is taken; how the server says goodbye changes nothing
            server.quit()
    finally:
        server.close()


def _write(message: EmailMessage, folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = hashlib.sha256(message["Message-ID"].encode()).hexdigest()[:32] + ".eml"
    descriptor, part = tempfile.mkstemp(dir=folder, prefix=".part-")  # readable by its owner alone
    try:
        with open(descriptor, "wb") as file:
            file.write(message.as_bytes())
        os.replace(part, folder / name)  # noqa: PTH105
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
