"""Samples: every kind of mail as the newest order would make it, so that owners see what their shoppers get."""

from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage

from sqlalchemy import select

from app.extensions import db
from app.models.digital import Download
from app.models.order import NAMES_SOMEBODY, SOLD, LineItem, Order
from app.models.payment import Payment
from app.models.stock import StockAlert
from app.services import mail, messages
from app.services.codes import Purpose
from app.services.mail import Mailer
from app.services.messages import Preview

KEY = "sample"
CODE = "ABCDE-FGHIJ"  # nobody's
NONE_YET = Preview(why_not="There is nothing yet that this mail could be about. Place a test order, and look again.")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of mail: when it is sent, to whom, and how a sample is made; None when there is nothing to make it of."""

    title: str
    when: str
    is_to_shop: bool
    make: Callable[[Mailer], EmailMessage | None]


def _of_newest_order(compose: Callable[[Mailer, Order], EmailMessage | None]) -> Callable[[Mailer], EmailMessage | None]:
    def make(mailer: Mailer) -> EmailMessage | None:
        newest = select(Order).where(NAMES_SOMEBODY).order_by(Order.id.desc()).limit(1)
        order = db.session.execute(newest).scalar()
        return None if order is None else compose(mailer, order)

    return make


def _delivered(mailer: Mailer) -> EmailMessage | None:
    """Of the newest download of an order that was sold and names somebody."""
    sold = (
        select(LineItem.order_id)
        .join(Download, Download.line_item_id == LineItem.id)
        .join(Order, Order.id == LineItem.order_id)
        .where(NAMES_SOMEBODY, Order.status.in_(SOLD))
    )
    order_id = db.session.execute(sold.order_by(Download.id.desc()).limit(1)).scalar()
    return None if order_id is None else mail.delivered(mailer, order_id, key=KEY)


def _problem(mailer: Mailer) -> EmailMessage | None:
    payment_id = db.session.execute(select(Payment.id).order_by(Payment.id.desc()).limit(1)).scalar()
    return None if payment_id is None else mail.payment_problem(mailer, payment_id, key=KEY)


def _alert(mailer: Mailer) -> EmailMessage | None:
    alert_id = db.session.execute(select(StockAlert.id).order_by(StockAlert.id.desc()).limit(1)).scalar()
    return None if alert_id is None else mail.stock_alert(mailer, alert_id, key=KEY)


def _code(purpose: Purpose, *, has_account: bool) -> Callable[[Mailer], EmailMessage | None]:
    def make(mailer: Mailer) -> EmailMessage | None:
        gets_one = has_account != (purpose == Purpose.REGISTER)
        code, to = CODE if gets_one else "", "somebody@example.com"
        return mail.code_mail(mailer, purpose, code, has_account=has_account, to=to, link="sample", key=KEY)

    return make


def _alarm(mailer: Mailer) -> EmailMessage | None:
    said = "The mail server fails, since 1 May, 10:00."
    return mail.alarm(mailer, mailer.settings["ALARM_EMAIL"] or mailer.shop.email, "The mail server fails", said, key=KEY)


KINDS: dict[str, Kind] = {
    "confirmation": Kind(
        "Order confirmed",
        "When an order is paid, or placed with pay on delivery.",
        False,
        _of_newest_order(lambda mailer, order: mail.confirmation(mailer, order.id, key=KEY)),
    ),
    "delivered": Kind("Downloads and codes", "When codes that were short at first could be given.", False, _delivered),
    "cancelled": Kind(
        "Order cancelled",
        "When the shopper or somebody of the staff cancels an order.",
        False,
        _of_newest_order(lambda mailer, order: mail.cancelled(mailer, order.id, key=KEY)),
    ),
    "not-paid": Kind(
        "Not paid in time",
        "When the time to pay is over.",
        False,
        _of_newest_order(lambda mailer, order: mail.payment_expired(mailer, order.id, key=KEY)),
    ),
    "money-back": Kind(
        "Money back",
        "When a refund was sent.",
        False,
        _of_newest_order(lambda mailer, order: mail.money_back(mailer, order.id, order.total_minor, key=KEY)),
    ),
    "code-new-account": Kind(
        "Code for a new account", "When somebody registers.", False, _code(Purpose.REGISTER, has_account=False)
    ),
    "code-there-already": Kind(
        "There is an account already",
        "When somebody registers with an e-mail that has an account.",
        False,
        _code(Purpose.REGISTER, has_account=True),
    ),
    "code-new-password": Kind(
        "Code for a new password", "When somebody forgot the password.", False, _code(Purpose.RESET, has_account=True)
    ),
    "code-no-account": Kind(
        "There is no account",
        "When somebody asks for a new password with an e-mail that has no account.",
        False,
        _code(Purpose.RESET, has_account=False),
    ),
    "code-confirm": Kind(
        "Code to confirm an e-mail",
        "When the owner of an account confirms the e-mail.",
        False,
        _code(Purpose.VERIFY, has_account=True),
    ),
    "invitation": Kind(
        "Invitation to work here",
        "When a manager lets somebody in behind the counter.",
        False,
        _code(Purpose.INVITE, has_account=True),
    ),
    "payment-problem": Kind("Look at a payment", "When a payment needs a person.", True, _problem),
    "stock-alert": Kind("Stock alert", "When something sells out or runs low.", True, _alert),
    "alarm": Kind("Alarm", "When mails, payments or the worker fail for a quarter of an hour, and when that ends.", True, _alarm),
}


def sample(mailer: Mailer, name: str) -> Preview | None:
    """One kind of mail as it would be sent; None for a kind that there is not."""
    kind = KINDS.get(name)
    if kind is None:
        return None
    made = messages.composed(lambda: kind.make(mailer))
    return NONE_YET if made is messages.NOBODYS else made
