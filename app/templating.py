"""The Jinja environment: how templates compile, and the words, filters and globals that all of them may use."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from babel.dates import format_date, format_datetime
from flask import Flask
from jinja2 import StrictUndefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import Markup, _escape_inner

from app import money
from app.models.order import OrderStatus
from app.services import addresses
from app.services.cart import Notice
from app.services.mail import Mailer
from app.services.typed import plain_grams
from app.web import SHOP

LOCALE = "en_GB"
HTMX_CONFIG = (
    '{"allowEval":false,"includeIndicatorStyles":false,"historyCacheSize":0,"selfRequestsOnly":true,"allowScriptTags":false,'
    '"refreshOnHistoryMiss":true,"attributesToSettle":["class"],"timeout":20000,"responseHandling":[{"code":"204","swap":false},'
    '{"code":"[23]..","swap":true},{"code":"(409|422|429|503)","swap":true},{"code":"[45]..","swap":false,"error":true}]}'
)

STATUS_WORDS = {
    OrderStatus.HOLD: "Waiting for payment.",
    OrderStatus.FAILED: "The payment failed; nothing was charged.",
    OrderStatus.PROCESSING: "Accepted; we are packing it.",
    OrderStatus.SHIPPED: "On its way.",
    OrderStatus.COMPLETED: "Completed.",
    OrderStatus.CANCELLED: "Cancelled.",
    OrderStatus.REFUNDED: "Refunded.",
}
BY_MAIL = "Accepted; it comes by e-mail."
NOT_PAID = "Your order is not paid yet"
HEADLINES = {
    OrderStatus.HOLD: NOT_PAID,
    OrderStatus.FAILED: NOT_PAID,
    OrderStatus.CANCELLED: "Your order is cancelled",
    OrderStatus.REFUNDED: "Your order is refunded",
}


def init_app(app: Flask) -> None:
    environment = app.jinja_env
    environment.code_generator_class = Compiler
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.globals.update(_=words, oob=False, htmx_config=HTMX_CONFIG, query=query, shop=SHOP)
    environment.filters["country"] = addresses.country_name
    environment.filters.update(money=money.text, plain_money=money.plain, moment=moment, day=day, notice=notice)
    environment.filters["kilograms"] = plain_grams
    environment.filters.update(standing=standing, headline=headline, rate=rate)


def mailer(app: Flask) -> Mailer:
    """What composes and sends the mails of this app."""
    return Mailer(app.config, lambda name, context: app.jinja_env.get_template(name).render(context))


class Compiler(CodeGenerator):
    """Compiles templates whose values are escaped by `escape` below: half the time of a page of cards."""

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:
        super().visit_Template(node, frame)
        self.writeline(f"from {__name__} import escape")


def escape(value: Any) -> str:
    """A value as the HTML text that stands for it.

    MarkupSafe's own function wraps each in an object that remembers that it is safe; here it is joined to the page at once.
    """
    if type(value) is str:
        return _escape_inner(value)
    if hasattr(value, "__html__"):
        return str(value.__html__())
    return _escape_inner(str(value))


def words(message: str, **values: object) -> str:
    """What templates call `_`: the sentence in the reader's language, its places filled. So far there is English."""
    return message % values if values else message


def query(path: str, **values: Any) -> str:
    """The path with those values that are not None, "" or False."""
    kept = {name: value for name, value in values.items() if value not in (None, "", False)}
    return f"{path}?{urlencode(kept)}" if kept else path


def standing(status: OrderStatus, needs_shipping: bool) -> str:
    """How an order stands, for whoever ordered it."""
    return BY_MAIL if status == OrderStatus.PROCESSING and not needs_shipping else STATUS_WORDS[status]


def headline(status: OrderStatus) -> str:
    """What home opens with after an order; it thanks only for what is sold."""
    return HEADLINES.get(status, "Thank you")


def rate(basis_points: int) -> str:
    """A rate of tax as people write it: 550 → "5.5%"."""
    return f"{Decimal(basis_points) / 100:f}%"


def moment(value: datetime, form: str = "d MMMM yyyy, HH:mm") -> str:
    """A time as the shop's own clock shows it."""
    return format_datetime(value, form, tzinfo=SHOP.zone, locale=LOCALE)


def day(value: date) -> str:
    """A day of the shop's own calendar."""
    return format_date(value, "d MMM", locale=LOCALE)


def notice(told: Notice) -> str | Markup:
    """The sentence of a notice, its amounts written as money."""
    values = dict(told.values)
    if "currency" in values:
        values |= {name: money.text(values[f"{name}_minor"], values["currency"]) for name in ("was", "now")}
    return told.message % values
