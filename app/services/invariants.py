"""What must always be true of the shop's data, each as one query that finds the rows for which it is not.

They know the tables, and share no code with the services that write them: a mistake there must not hide itself here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Executable,
    Integer,
    Numeric,
    String,
    Table,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    true,
    tuple_,
    union_all,
)

from app.extensions import UtcDateTime, db, now
from app.models.catalog import Product, Variant
from app.models.customer import Customer
from app.models.digital import DigitalCode, Download
from app.models.discount import DiscountCode
from app.models.order import ALLOWED_MOVES, DEAD, SOLD, LineItem, Order, OrderEvent, OrderStatus
from app.models.order_desk import Invoice, OrderRequest, RequestStatus, Shipment
from app.models.outbox import OutboxMessage
from app.models.payment import Payment, PaymentEvent, PaymentStatus, Refund, RefundStatus
from app.models.picture import PictureFile, ProductImage
from app.models.stock import StockAlert, StockMovement
from app.services.snapshot import snapshot

MOST_ROWS = 20  # of one breach; the twenty-first only says that there are more
OVERDUE_MINUTES = 15
FILES_OF_A_PICTURE = 6
HOLD_GRACE_SECONDS = 60
PAID_ON_DELIVERY = "delivery"  # the gateway whose money comes after the goods
PAID = (PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED)


@dataclass(frozen=True)
class Invariant:
    """A claim about the data, and the query that answers the rows that break it; `only` names the database it is about."""

    name: str
    says: str
    query: Executable
    only: str = ""


@dataclass(frozen=True)
class Breach:
    """An invariant that does not hold, and the rows that break it (at most MOST_ROWS of them)."""

    name: str
    says: str
    rows: Sequence[dict[str, Any]] = field(default_factory=list)
    has_more: bool = False


def broken(*, worker_since: datetime | None = None) -> list[Breach]:
    """Every invariant that does not hold at this moment; [] is what one wants to see.

    `worker_since` tells since when a worker has been running; without one, holds may outlive their time.
    """
    return [breach for _, breach in check(worker_since=worker_since) if breach]


def check(*, worker_since: datetime | None = None) -> Iterator[tuple[Invariant, Breach | None]]:
    """Each invariant of this database with its breach, all as of one moment. Reads only."""
    moment = now()
    values = {
        "overdue": moment - timedelta(minutes=OVERDUE_MINUTES),
        "expired": moment - timedelta(seconds=HOLD_GRACE_SECONDS),
        "worker_since": worker_since or moment,
    }
    with snapshot() as t:
        for invariant in INVARIANTS:
            if invariant.only in ("", t.dialect.name):
                rows = [dict(row._mapping) for row in t.execute(invariant.query, values).fetchmany(MOST_ROWS + 1)]
                breach = Breach(invariant.name, invariant.says, rows[:MOST_ROWS], len(rows) > MOST_ROWS) if rows else None
                yield invariant, breach


# ------------------------------------------------------------------------------------------------ words of the queries


def moment_named(name: str) -> ColumnElement[datetime]:
    return bindparam(name, type_=UtcDateTime())


def differ(one: Any, other: Any) -> ColumnElement[bool]:
    """Two values differ, where NULL equals NULL."""
    result: ColumnElement[bool] = one.is_distinct_from(other)
    return result


def tax_inside(gross: Any, rate: Any) -> ColumnElement[int]:
    """gross × rate / (10000 + rate) in whole units, rounded half-even."""
    whole, rest = (gross * rate) // (10000 + rate), (gross * rate) % (10000 + rate)
    is_up = or_(2 * rest > 10000 + rate, and_(2 * rest == 10000 + rate, whole % 2 == 1))
    result: ColumnElement[int] = whole + case((is_up, 1), else_=0)
    return result


def total(column: Any) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0)


LINE_TOTAL = cast(LineItem.unit_price_minor, BigInteger) * LineItem.quantity
STATUSES_SOLD = sorted(SOLD)
ORDER_KEY = literal("order.confirmation:") + cast(Order.id, String)
ALERT_KEY = literal("stock.alert:") + cast(StockAlert.id, String)


# ------------------------------------------------------------------------------------------------ stock

STOCK_RANGE = select(Variant.sku, Variant.on_hand, Variant.held).where(or_(Variant.held < 0, Variant.held > Variant.on_hand))

_moved = (
    select(StockMovement.variant_id, func.sum(StockMovement.delta).label("moved")).group_by(StockMovement.variant_id).subquery()
)
ON_HAND_IS_MOVEMENTS = (
    select(Variant.sku, Variant.on_hand, func.coalesce(_moved.c.moved, 0).label("moved"))
    .outerjoin(_moved, _moved.c.variant_id == Variant.id)
    .where(Variant.on_hand != func.coalesce(_moved.c.moved, 0))
)

_waiting = (
    select(LineItem.variant_id, func.sum(LineItem.quantity).label("wanted"))
    .join(Order, Order.id == LineItem.order_id)
    .where(Order.status == OrderStatus.HOLD)
    .group_by(LineItem.variant_id)
    .subquery()
)
HELD_IS_HOLDS = (
    select(Variant.sku, Variant.held, func.coalesce(_waiting.c.wanted, 0).label("wanted_by_holds"))
    .outerjoin(_waiting, _waiting.c.variant_id == Variant.id)
    .where(Variant.held != func.coalesce(_waiting.c.wanted, 0))
)

_sale, _return = StockMovement.__table__.alias("sale"), StockMovement.__table__.alias("given_back")
_sold, _came_back = _sale.c.id.is_not(None), _return.c.id.is_not(None)
SALES_ARE_MOVEMENTS = (
    select(LineItem.id.label("line_item_id"), LineItem.order_id, Order.status, LineItem.quantity)
    .add_columns(_sale.c.delta.label("sale"), _return.c.delta.label("given_back"))
    .join(Order, Order.id == LineItem.order_id)
    .outerjoin(_sale, and_(_sale.c.line_item_id == LineItem.id, _sale.c.reason == "sale"))
    .outerjoin(_return, and_(_return.c.line_item_id == LineItem.id, _return.c.reason == "return"))
    .where(
        LineItem.variant_id.is_not(None),
        or_(
            and_(_sold, or_(_sale.c.delta != -LineItem.quantity, _sale.c.variant_id != LineItem.variant_id)),
            and_(_came_back, or_(_return.c.delta != LineItem.quantity, _return.c.variant_id != LineItem.variant_id)),
            case(
                (Order.status.in_(STATUSES_SOLD), or_(~_sold, _came_back)),
                (Order.status == OrderStatus.CANCELLED, differ(_sold, _came_back)),
                (Order.status == OrderStatus.REFUNDED, ~_sold),
                else_=or_(_sold, _came_back),
            ),
        ),
    )
)
MOVEMENTS_ARE_SINGLE = (
    select(StockMovement.line_item_id, StockMovement.reason, func.count().label("movements"))
    .where(StockMovement.line_item_id.is_not(None))
    .group_by(StockMovement.line_item_id, StockMovement.reason)
    .having(func.count() > 1)
)
MOVEMENTS_HAVE_LINES = select(StockMovement.id, StockMovement.variant_id, StockMovement.reason, StockMovement.line_item_id).where(
    StockMovement.reason.in_(["sale", "return"]) != StockMovement.line_item_id.is_not(None)
)
HOLDS_ARE_WHOLE = (
    select(Order.id.label("order_id"), LineItem.id.label("line_item_id"), LineItem.quantity, Variant.held, Order.hold_expires_at)
    .join(LineItem, LineItem.order_id == Order.id)
    .outerjoin(Variant, Variant.id == LineItem.variant_id)
    .where(
        Order.status == OrderStatus.HOLD,
        or_(Variant.id.is_(None), Variant.held < LineItem.quantity, Order.hold_expires_at.is_(None)),
    )
)
ALERTS_ARE_TOLD = (
    select(StockAlert.id.label("alert_id"), StockAlert.variant_id, StockAlert.kind)
    .outerjoin(OutboxMessage, OutboxMessage.dedupe_key == ALERT_KEY)
    .where(OutboxMessage.id.is_(None))
)


# ------------------------------------------------------------------------------------------------ the catalogue


def _lead(column: Any) -> ColumnElement[Any]:
    """A column of the variant that a product's card shows: the first that is for sale, else the first."""
    of_product = select(column).where(Variant.product_id == Product.id, Variant.is_active)
    return of_product.order_by(Variant.is_listed.desc(), Variant.position, Variant.id).limit(1).scalar_subquery()


_has_listed = exists().where(Variant.product_id == Product.id, Variant.is_active, Variant.is_listed)
CARDS_ARE_TRUE = select(Product.slug, Product.is_listed, Product.lead_variant_id, Product.price_minor).where(
    or_(
        Product.is_listed != and_(Product.is_active, _has_listed),
        differ(Product.lead_variant_id, _lead(Variant.id)),
        Product.price_minor != func.coalesce(_lead(Variant.price_minor), 0),
    )
)
_images = select(ProductImage.key).where(ProductImage.product_id == Product.id)
_first_image = _images.order_by(ProductImage.position, ProductImage.id).limit(1).scalar_subquery()
PICTURES_ARE_TRUE = select(Product.slug, Product.picture).where(Product.picture != func.coalesce(_first_image, ""))
_files = select(func.count()).where(PictureFile.image_id == ProductImage.id, PictureFile.key == ProductImage.key)
PICTURES_ARE_WHOLE = select(ProductImage.id.label("image_id"), ProductImage.key).where(
    _files.scalar_subquery() != FILES_OF_A_PICTURE
)
LISTED_IS_THERE = select(Variant.sku, Variant.on_hand).where(Variant.is_listed, Variant.on_hand <= 0)


# ------------------------------------------------------------------------------------------------ orders

ORDERS_HAVE_LINES = select(Order.id.label("order_id"), Order.status).where(~exists().where(LineItem.order_id == Order.id))

_sums = (
    select(
        LineItem.order_id,
        total(LINE_TOTAL).label("items"),
        total(LineItem.discount_minor).label("discounts"),
        total(LineItem.tax_minor).label("taxes"),
        func.max(LineItem.tax_rate_bp).label("highest_rate"),
    )
    .group_by(LineItem.order_id)
    .subquery()
)
ORDER_SUMS = (
    select(Order.id.label("order_id"), Order.items_minor, Order.discount_minor, Order.shipping_minor, Order.shipping_tax_minor)
    .add_columns(
        Order.tax_minor, Order.total_minor, _sums.c["items"].label("sum_of_lines"), _sums.c.taxes.label("taxes_of_lines")
    )
    .add_columns(_sums.c.discounts.label("discounts_of_lines"))
    .join(_sums, _sums.c.order_id == Order.id)
    .where(
        or_(
            Order.items_minor != _sums.c["items"],
            Order.discount_minor != _sums.c.discounts,
            Order.total_minor != Order.items_minor - Order.discount_minor + Order.shipping_minor,
            Order.tax_minor != _sums.c.taxes + Order.shipping_tax_minor,
            Order.shipping_tax_minor != tax_inside(Order.shipping_minor, _sums.c.highest_rate),
            Order.discount_minor < 0,
            Order.discount_minor > Order.items_minor,
            Order.shipping_minor < 0,
        )
    )
)
LINE_SUMS = select(
    LineItem.id.label("line_item_id"),
    LineItem.order_id,
    LineItem.quantity,
    LineItem.unit_price_minor,
    LineItem.discount_minor,
    LineItem.tax_rate_bp,
    LineItem.tax_minor,
).where(
    or_(
        LineItem.quantity < 1,
        LineItem.unit_price_minor < 0,
        LineItem.discount_minor < 0,
        LineItem.discount_minor > LINE_TOTAL,
        LineItem.tax_minor != tax_inside(LINE_TOTAL - LineItem.discount_minor, LineItem.tax_rate_bp),
    )
)
_has_code = Order.discount_code_id.is_not(None)
DISCOUNTS_HAVE_CODES = select(
    Order.id.label("order_id"), Order.discount_minor, Order.discount_code_id, Order.discount_code
).where(or_(_has_code != (Order.discount_minor > 0), _has_code != (Order.discount_code != "")))
_used = (
    select(Order.discount_code_id, func.count().label("orders"))
    .where(_has_code, Order.status.not_in(sorted(DEAD)))
    .group_by(Order.discount_code_id)
    .subquery()
)
USES_ARE_ORDERS = (
    select(DiscountCode.code, DiscountCode.uses, func.coalesce(_used.c.orders, 0).label("orders"))
    .outerjoin(_used, _used.c.discount_code_id == DiscountCode.id)
    .where(DiscountCode.uses != func.coalesce(_used.c.orders, 0))
)
ONE_CURRENCY = (
    select(Order.id.label("order_id"), Order.currency, Payment.id.label("payment_id"), Payment.currency.label("paid_in"))
    .add_columns(Order.total_minor, Payment.amount_minor)
    .join(Payment, Payment.order_id == Order.id)
    .where(or_(Payment.currency != Order.currency, Payment.amount_minor != Order.total_minor))
)

_kept = select(total(Payment.captured_minor - Payment.refunded_minor)).where(Payment.order_id == Order.id).scalar_subquery()
_captured = select(total(Payment.captured_minor)).where(Payment.order_id == Order.id).scalar_subquery()
_on_delivery = exists().where(Payment.order_id == Order.id, Payment.gateway == PAID_ON_DELIVERY)
PREPAID_IS_PAID = select(Order.id.label("order_id"), Order.status, Order.total_minor, _captured.label("captured_minor")).where(
    Order.status.in_(STATUSES_SOLD), Order.total_minor > 0, ~_on_delivery, _captured < Order.total_minor
)
NOTHING_IS_KEPT = select(Order.id.label("order_id"), Order.status, Order.total_minor, _kept.label("kept_minor")).where(
    or_(
        and_(Order.status.not_in(STATUSES_SOLD), _kept > 0),
        and_(Order.status.in_(STATUSES_SOLD), _kept > Order.total_minor),
    )
)
_back = select(total(Refund.amount_minor)).where(Refund.payment_id == Payment.id).scalar_subquery()
REFUNDS_ARE_COVERED = select(
    Payment.id.label("payment_id"), Payment.captured_minor, Payment.refunded_minor, _back.label("refunds")
).where(
    or_(Payment.refunded_minor < 0, Payment.refunded_minor > Payment.captured_minor, Payment.refunded_minor != _back),
)
PAYMENTS_ARE_WHOLE = select(Payment.id.label("payment_id"), Payment.status, Payment.amount_minor, Payment.captured_minor).where(
    Payment.captured_minor != case((Payment.status.in_(PAID), Payment.amount_minor), else_=0)
)
REFUND_KEY = literal("payment.refund:") + cast(Refund.id, String)
REFUNDS_ARE_OWED = (
    select(Refund.id.label("refund_id"), Refund.payment_id, Refund.status)
    .outerjoin(OutboxMessage, OutboxMessage.dedupe_key == REFUND_KEY)
    .where(Refund.status == RefundStatus.QUEUED, OutboxMessage.id.is_(None))
)
EVENTS_ARE_SINGLE = (
    select(PaymentEvent.gateway, PaymentEvent.event_id, func.count().label("events"))
    .group_by(PaymentEvent.gateway, PaymentEvent.event_id)
    .having(func.count() > 1)
)
ONE_LIVE_ORDER = (
    select(Order.cart_id, func.count().label("orders"), func.min(Order.id).label("first"), func.max(Order.id).label("last"))
    .where(Order.status.not_in(sorted(DEAD)))
    .group_by(Order.cart_id)
    .having(func.count() > 1)
)

_event = OrderEvent.__table__.alias("step")
_went_through = exists().where(_event.c.order_id == Order.id, _event.c.to_status == OrderStatus.PROCESSING)
_told = (
    select(func.count())
    .select_from(OutboxMessage)
    .where(OutboxMessage.dedupe_key == ORDER_KEY, OutboxMessage.topic == "order.confirmation")
    .scalar_subquery()
)
CONFIRMED_ONCE = select(Order.id.label("order_id"), Order.status, _told.label("confirmations")).where(
    _told != case((or_(_went_through, Order.status.in_(STATUSES_SOLD)), 1), else_=0)
)
_order_of_message = OutboxMessage.payload["order_id"].as_integer()
CONFIRMATIONS_HAVE_ORDERS = (
    select(OutboxMessage.id.label("message_id"), OutboxMessage.dedupe_key)
    .outerjoin(Order, Order.id == _order_of_message)
    .where(
        OutboxMessage.topic == "order.confirmation",
        or_(Order.id.is_(None), OutboxMessage.dedupe_key != ORDER_KEY),
    )
)

GUESTS_ARE_GUESTS = (
    select(
        Order.id.label("order_id"),
        Order.account_id,
        Customer.id.label("customer_id"),
        Customer.account_id.label("customers_account"),
    )
    .join(Customer, Customer.id == Order.customer_id)
    .where(Order.account_id.is_not(None), differ(Order.account_id, Customer.account_id))
)
ONE_GUEST_PER_EMAIL = (
    select(func.min(Customer.id).label("first"), func.max(Customer.id).label("last"), func.count().label("guests"))
    .where(Customer.account_id.is_(None))
    .group_by(Customer.email)
    .having(func.count() > 1)
)

_steps = select(
    OrderEvent.order_id,
    OrderEvent.from_status,
    OrderEvent.to_status,
    func.lag(OrderEvent.to_status).over(partition_by=OrderEvent.order_id, order_by=OrderEvent.id).label("before"),
    func.lead(OrderEvent.id).over(partition_by=OrderEvent.order_id, order_by=OrderEvent.id).label("next_id"),
).subquery()
_moves = [(str(source), str(target)) for source, targets in ALLOWED_MOVES.items() for target in targets]
_is_first = and_(_steps.c.from_status.is_(None), _steps.c.before.is_(None), _steps.c.to_status == OrderStatus.HOLD)
_is_move = and_(
    _steps.c.from_status.is_not(None),
    _steps.c.from_status == _steps.c.before,
    tuple_(_steps.c.from_status, _steps.c.to_status).in_(_moves),
)
PATHS_ARE_LEGAL = (
    select(Order.id.label("order_id"), Order.status, _steps.c.from_status, _steps.c.to_status, _steps.c.before)
    .outerjoin(_steps, _steps.c.order_id == Order.id)
    .where(
        or_(
            _steps.c.order_id.is_(None),  # an order of which nothing is told
            func.coalesce(~or_(_is_first, _is_move), true()),
            and_(_steps.c.next_id.is_(None), _steps.c.to_status != Order.status),
        )
    )
)


# ------------------------------------------------------------------------------------------------ the order desk

INVOICES_HAVE_NO_GAPS = select(func.max(Invoice.number).label("last"), func.count().label("invoices")).having(
    func.max(Invoice.number) != func.count()
)
INVOICES_ARE_OF_SALES = select(Invoice.number, Invoice.order_id).where(
    ~exists().where(OrderEvent.order_id == Invoice.order_id, OrderEvent.to_status == OrderStatus.PROCESSING)
)
ONE_OPEN_REQUEST = (
    select(OrderRequest.order_id, OrderRequest.kind, func.count().label("requests"))
    .where(OrderRequest.status == RequestStatus.OPEN)
    .group_by(OrderRequest.order_id, OrderRequest.kind)
    .having(func.count() > 1)
)
SHIPPED_KEY = literal("order.shipped:") + cast(Shipment.order_id, String)
SHIPMENTS_ARE_TOLD = (
    select(Shipment.id.label("shipment_id"), Shipment.order_id)
    .outerjoin(OutboxMessage, OutboxMessage.dedupe_key == SHIPPED_KEY)
    .where(
        or_(
            OutboxMessage.id.is_(None),
            ~exists().where(OrderEvent.order_id == Shipment.order_id, OrderEvent.to_status == OrderStatus.SHIPPED),
        )
    )
)


# ------------------------------------------------------------------------------------------------ digital goods

_line_went_through = exists().where(
    OrderEvent.order_id == LineItem.order_id, OrderEvent.to_status == OrderStatus.PROCESSING, LineItem.is_digital
)
CODES_ARE_THEIR_LINES = (
    select(DigitalCode.id.label("code_id"), DigitalCode.variant_id, LineItem.id.label("line_item_id"), LineItem.order_id)
    .join(LineItem, LineItem.id == DigitalCode.line_item_id)
    .where(or_(DigitalCode.variant_id != LineItem.variant_id, DigitalCode.given_at.is_(None), ~_line_went_through))
)
CODES_AS_BOUGHT = (
    select(LineItem.id.label("line_item_id"), LineItem.order_id, LineItem.quantity, func.count().label("codes"))
    .join(DigitalCode, DigitalCode.line_item_id == LineItem.id)
    .group_by(LineItem.id, LineItem.order_id, LineItem.quantity)
    .having(func.count() > LineItem.quantity)
)
DOWNLOADS_WERE_SOLD = (
    select(Download.id.label("download_id"), Download.line_item_id, LineItem.order_id)
    .join(LineItem, LineItem.id == Download.line_item_id)
    .where(~_line_went_through)
)
DOWNLOADS_ARE_COUNTED = select(Download.id.label("download_id"), Download.fetched, Download.most).where(
    or_(Download.fetched < 0, Download.fetched > Download.most)
)


# ------------------------------------------------------------------------------------------------ time

MESSAGES_ARE_DONE = select(
    OutboxMessage.id.label("message_id"), OutboxMessage.topic, OutboxMessage.available_at, OutboxMessage.attempts
).where(
    OutboxMessage.done_at.is_(None),
    OutboxMessage.is_dead.is_(False),
    OutboxMessage.available_at < moment_named("overdue"),
)
HOLDS_END = select(Order.id.label("order_id"), Order.hold_expires_at).where(
    Order.status == OrderStatus.HOLD,
    Order.hold_expires_at < moment_named("expired"),
    moment_named("worker_since") < moment_named("expired"),  # whoever began a second ago has not come to it yet
)


# ------------------------------------------------------------------------------------------------ what tables promise


def _orphans(table: Table) -> Iterator[Any]:
    for key in sorted(table.foreign_keys, key=lambda key: key.parent.name):
        parent = key.column.table.alias("parent")
        is_there = exists().where(parent.c[key.column.name] == key.parent)
        where = f"{table.name}.{key.parent.name}"
        yield select(literal(where).label("where"), table.c.id.label("id"), key.parent.label("missing")).where(
            key.parent.is_not(None), ~is_there
        )


def _no_orphans() -> Executable:
    return union_all(*(query for table in db.metadata.sorted_tables for query in _orphans(table)))


def _no_floats() -> Executable:
    """SQLite stores a float in an integer column when it is handed one."""
    queries = []
    for table in db.metadata.sorted_tables:
        numbers = [column for column in table.c if isinstance(column.type, Integer | Numeric) and not column.primary_key]
        if numbers:
            is_odd = or_(*(func.typeof(column).not_in(["integer", "null"]) for column in numbers))
            queries.append(select(literal(table.name).label("table"), table.c.id.label("id")).where(is_odd))
    return union_all(*queries)


INVARIANTS: list[Invariant] = [
    Invariant("I1-stock-range", "Of every variant 0 ≤ held ≤ on hand.", STOCK_RANGE),
    Invariant("I2-on-hand", "What is on hand is the sum of all movements.", ON_HAND_IS_MOVEMENTS),
    Invariant("I3-held", "What is held is what orders on HOLD ask for.", HELD_IS_HOLDS),
    Invariant("I4-sales", "Each line of a sold order left stock once, by its quantity; others did not.", SALES_ARE_MOVEMENTS),
    Invariant("I4-single-movements", "A line has at most one movement of each kind.", MOVEMENTS_ARE_SINGLE),
    Invariant("I4-movements-have-lines", "Sales and returns, and only they, belong to a line.", MOVEMENTS_HAVE_LINES),
    Invariant("I5-orders-have-lines", "No order is without lines.", ORDERS_HAVE_LINES),
    Invariant("I5-order-sums", "Each order's lines, discount, shipping and taxes add up to its totals.", ORDER_SUMS),
    Invariant("I6-line-sums", "Each line has a quantity, a price, and the tax that is inside it.", LINE_SUMS),
    Invariant("discounts-have-codes", "Each discount is a code's, and each code took something off.", DISCOUNTS_HAVE_CODES),
    Invariant("discount-uses", "A code's uses are the orders that have it and did not come to nothing.", USES_ARE_ORDERS),
    Invariant("I7-one-currency", "Payments ask for the order's total in the order's currency.", ONE_CURRENCY),
    Invariant("I8-paid", "Orders that are prepaid and went on were paid in full.", PREPAID_IS_PAID),
    Invariant("I9-kept", "No money is kept for nothing: of orders that are over, or paid twice, it goes back.", NOTHING_IS_KEPT),
    Invariant("I10-refunds", "What goes back was captured, and each part of it is a refund.", REFUNDS_ARE_COVERED),
    Invariant("I10-captured", "A payment is captured whole or not at all, and says so.", PAYMENTS_ARE_WHOLE),
    Invariant("I10-refunds-are-owed", "Each refund that was promised has its errand.", REFUNDS_ARE_OWED),
    Invariant("I11-events", "Each event of a provider is kept once.", EVENTS_ARE_SINGLE),
    Invariant("I12-whole-holds", "An order on HOLD is fully held, and knows until when.", HOLDS_ARE_WHOLE),
    Invariant("I13-one-live-order", "A cart is on one live order at most.", ONE_LIVE_ORDER),
    Invariant("I14-confirmed-once", "Each order that went through has one confirmation, and no other has any.", CONFIRMED_ONCE),
    Invariant("I14-confirmations", "Each confirmation is about an order, and named for it.", CONFIRMATIONS_HAVE_ORDERS),
    Invariant("I15-guests", "An order's account is its customer's; a guest's order has none.", GUESTS_ARE_GUESTS),
    Invariant("I15-one-guest", "An e-mail is on one guest at most.", ONE_GUEST_PER_EMAIL),
    Invariant("I16-paths", "Each order's events form a legal path that ends in its status.", PATHS_ARE_LEGAL),
    Invariant("I17-messages", f"No message is overdue by {OVERDUE_MINUTES} minutes; is a worker running?", MESSAGES_ARE_DONE),
    Invariant("I17-holds", "While a worker runs, no hold outlives its time.", HOLDS_END),
    Invariant("I18-orphans", "No row points at one that is gone.", _no_orphans()),
    Invariant("I18-foreign-keys", "SQLite finds no broken foreign key.", text("PRAGMA foreign_key_check"), only="sqlite"),
    Invariant("I19-whole-numbers", "No amount or count is a fraction or a text.", _no_floats(), only="sqlite"),
    Invariant("codes-are-their-lines", "Each code was given to a sold digital line of its variant.", CODES_ARE_THEIR_LINES),
    Invariant("codes-as-bought", "No line has more codes than were bought.", CODES_AS_BOUGHT),
    Invariant("downloads-were-sold", "Each download is of a digital line of an order that went through.", DOWNLOADS_WERE_SOLD),
    Invariant("downloads-are-counted", "No download was fetched more often than it may be.", DOWNLOADS_ARE_COUNTED),
    Invariant("invoices-without-gaps", "The numbers of invoices have no gaps.", INVOICES_HAVE_NO_GAPS),
    Invariant("invoices-are-of-sales", "Each invoice is of an order that was sold.", INVOICES_ARE_OF_SALES),
    Invariant("one-open-request", "Of each kind an order has one open request at most.", ONE_OPEN_REQUEST),
    Invariant("shipments-are-told", "Each shipment is of an order that was sent, and has its mail.", SHIPMENTS_ARE_TOLD),
    Invariant("alerts-are-told", "Each stock alert has its message.", ALERTS_ARE_TOLD),
    Invariant("cards-are-true", "What a product's card shows is what its variants say.", CARDS_ARE_TRUE),
    Invariant("pictures-are-true", "What a product's card shows is its first picture.", PICTURES_ARE_TRUE),
    Invariant("pictures-are-whole", "Each picture is there in every format and size.", PICTURES_ARE_WHOLE),
    Invariant("listed-is-there", "Nothing is listed of which nothing is on hand.", LISTED_IS_THERE),
]
