"""Orders: writing them, moving them from state to state, and reading them back."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.orm import selectinload

from app.extensions import Prepared, Record, db, now, read
from app.models.order import ALLOWED_MOVES, FIRST_NUMBER, IS_LIVE, SOLD, LineItem, Order, OrderEvent, OrderStatus
from app.models.payment import Payment, PaymentStatus
from app.services import addresses, catalog, discounts, outbox, payments, shelf as shelves
from app.services.addresses import NOWHERE
from app.services.customers import Contact
from app.services.errors import NotFound, ShopError
from app.services.pricing import Priced
from app.services.shelf import Shelf, Yielded

SHOPPER = "shopper"
WORKER = "worker"
EXPIRED, REPLACED, UNPAID = "expired", "replaced", "unpaid for a day"  # why the shop itself cancels

NAME_KEY_LENGTH = 120  # letters; folding may make a name longer

NOT_GONE_ON = (OrderStatus.HOLD, OrderStatus.FAILED, OrderStatus.CANCELLED)

LIVE = Prepared(
    select(
        Order.id,
        Order.key,
        Order.status,
        Order.content_hash,
        Order.account_id,
        Order.email,
        Order.name,
        Order.phone,
        Order.notes,
        Order.company,
        Order.line1,
        Order.line2,
        Order.city,
        Order.region,
        Order.postcode,
        Order.country,
        Order.shipping_method_id,
        Order.payment_method_id,
        Order.discount_code,
        Order.hold_expires_at,
    ).where(Order.cart_id == bindparam("cart"), IS_LIVE)
)
CLAIM_CART = Prepared(select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("cart"), 0))))
INSERT_ORDER = Prepared(insert(Order).returning(Order.id))
INSERT_LINES = Prepared(insert(LineItem).returning(LineItem.id))
INSERT_EVENTS = Prepared(insert(OrderEvent))
INSERT_PAYMENT = Prepared(insert(Payment))


def claim_cart(t: Connection, cart_id: str) -> None:
    """Let submits of one cart through one by one, so that the second sees the first's order; SQLite's lock does that already."""
    if t.dialect.name == "postgresql":
        CLAIM_CART.rows(t, cart=cart_id)


def live(t: Connection | None, cart_id: str) -> Any:
    """The columns of LIVE of the order that this cart is on, unless it failed or was cancelled; there is at most one."""
    return LIVE.row_or_none(t, cart=cart_id)


def on_cart(cart_id: str) -> Any:
    """The live order that this cart is on, outside transactions."""
    return live(None, cart_id)


def is_ordered(cart_id: str) -> bool:
    """Whether this cart was sold: then it is not to be ordered again."""
    there = on_cart(cart_id)
    return there is not None and there.status != OrderStatus.HOLD


def snapshot(priced: Priced, contact: Contact, notes: str) -> dict[str, Any]:
    """The columns of an order that say who gets what, where and how; two submits with the same ones are the same wish."""
    address = contact.address if priced.view.needs_shipping else None
    parts = address or NOWHERE
    return {
        "email": contact.email,
        "name": contact.name,
        "phone": contact.phone,
        "notes": notes,
        "company": parts.company,
        "line1": parts.line1,
        "line2": parts.line2,
        "city": parts.city,
        "region": parts.region,
        "postcode": parts.postcode,
        "country": parts.country,
        "shipping_method_id": priced.shipping.id if priced.shipping else None,
        "payment_method_id": priced.payment.id if priced.payment else None,
    }


def prepare(
    priced: Priced, contact: Contact, notes: str, *, hold_minutes: int, locale: str, account_id: int | None, holder: str
) -> dict[str, Any]:
    """Every column of the order that is known before the lock."""
    placed = now()
    return {
        **snapshot(priced, contact, notes),
        **name_keys(contact.name),
        "key": secrets.token_hex(16),
        "cart_id": priced.view.cart.id,
        "content_hash": priced.view.cart.content_hash,
        "status": OrderStatus.PROCESSING if priced.is_direct else OrderStatus.HOLD,
        "currency": priced.view.currency,
        "items_minor": priced.view.items_minor,
        "discount_minor": priced.discount.minor if priced.discount else 0,
        "discount_code_id": priced.discount.code_id if priced.discount else None,
        "discount_code": priced.discount.code if priced.discount else "",
        "shipping_minor": priced.shipping_minor,
        "shipping_tax_minor": priced.shipping_tax_minor,
        "tax_minor": priced.tax_minor,
        "total_minor": priced.total_minor,
        "shipping_name": priced.shipping.name if priced.shipping else "",
        "payment_name": priced.payment.name if priced.payment else "",
        "locale": locale,
        "account_id": account_id,
        "holder": "" if priced.is_direct else holder,
        "hold_expires_at": None if priced.is_direct else placed + timedelta(minutes=hold_minutes),
        "placed_at": placed,
        "created_at": placed,
    }


def name_keys(name: str) -> dict[str, str]:
    """What a name is found by: the whole of it folded, and its last word."""
    whole = catalog.fold(name)
    return {"name_key": whole[:NAME_KEY_LENGTH], "surname_key": whole.rpartition(" ")[2][:NAME_KEY_LENGTH]}


def write(t: Connection, values: Mapping[str, Any], priced: Priced, customer_id: int) -> tuple[int, dict[int, int]]:
    """Write the order with its lines, events and payment, and owe its confirmation; answers its id and line ids by variant id."""
    placed: datetime = values["placed_at"]
    order_id: int = INSERT_ORDER.row_or_none(t, **values, customer_id=customer_id).id
    lines = INSERT_LINES.each(t, _lines(order_id, priced, placed))
    line_ids = {line.variant_id: row.id for line, row in zip(priced.lines, lines, strict=True)}
    steps: list[tuple[OrderStatus | None, OrderStatus, str]] = [(None, OrderStatus.HOLD, "placed")]
    if priced.is_direct:
        steps.append((OrderStatus.HOLD, OrderStatus.PROCESSING, "direct payment" if priced.payment else "nothing to pay"))
    INSERT_EVENTS.each(
        t,
        [
            {"order_id": order_id, "from_status": a, "to_status": b, "actor": SHOPPER, "reason": why, "created_at": placed}
            for a, b, why in steps
        ],
    )
    if priced.payment:
        INSERT_PAYMENT.rows(
            t,
            key=secrets.token_hex(16),
            order_id=order_id,
            payment_method_id=priced.payment.id,
            gateway=priced.payment.gateway,
            amount_minor=priced.total_minor,
            currency=priced.view.currency,
            status=PaymentStatus.CREATED,
            idempotency_key=secrets.token_hex(16),
            created_at=placed,
        )
    if priced.is_direct:
        owe_confirmation(t, order_id)
    return order_id, line_ids


def _lines(order_id: int, priced: Priced, placed: datetime) -> list[dict[str, Any]]:
    places = {variant: place for place, (variant, _) in enumerate(priced.view.cart.lines)}
    return [
        {
            "order_id": order_id,
            "position": places[line.variant_id],
            "variant_id": line.variant_id,
            "sku": line.sku,
            "name": line.name,
            "options": line.options,
            "unit_price_minor": line.unit_price_minor,
            "quantity": line.quantity,
            "discount_minor": share,
            "tax_rate_bp": rate,
            "tax_minor": tax,
            "is_digital": line.is_digital,
            "created_at": placed,
        }
        for line, share, (rate, tax) in zip(priced.lines, priced.line_discounts, priced.line_taxes, strict=True)
    ]


def holds(t: Connection, holder: str) -> int:
    """How many unpaid orders of this holder hold stock."""
    mine = Order.status == OrderStatus.HOLD, Order.holder == holder
    return int(t.execute(select(func.count(Order.id)).where(*mine)).scalar_one())


def owe_confirmation(t: Connection, order_id: int) -> None:
    outbox.owe(t, "order.confirmation", f"order.confirmation:{order_id}", {"order_id": order_id})


def move(t: Connection, order_id: int, to: OrderStatus, *, actor: str, reason: str = "") -> bool:
    """Move an order to a state it may move to, and write down who and why; False when it was not in such a state any more.

    The only writer of `status` after an order was placed; the use of a discount code goes and comes with it. Raises UsedUp when
    an order that had come to nothing cannot have its use again: keep nothing then.
    """
    sources = sorted(source for source, targets in ALLOWED_MOVES.items() if to in targets)
    columns = Order.id, Order.status, Order.email, Order.discount_code_id, Order.discount_code
    was = t.execute(select(*columns).where(Order.id == order_id)).one()
    still = Order.id == order_id, Order.status == was.status, Order.status.in_(sources)
    if t.execute(update(Order).where(*still).values(status=to)).rowcount != 1:
        return False
    if was.discount_code_id is not None:
        discounts.follow(t, was, to)
    INSERT_EVENTS.rows(t, order_id=order_id, from_status=was.status, to_status=to, actor=actor, reason=reason)
    return True


# ------------------------------------------------------------------------------------------------ as somebody saw it


class OrderMoved(ShopError):
    """The order is not as whoever sent this had seen it: nothing was done, so that nothing is done twice or undone unseen."""

    message = "Meanwhile something happened to this order, so nothing was done. Look at it again, then decide."
    status = 409


SEEN = (
    select(Order.status)
    .add_columns(select(func.max(OrderEvent.id)).where(OrderEvent.order_id == Order.id).scalar_subquery().label("event"))
    .add_columns(select(func.sum(Payment.captured_minor)).where(Payment.order_id == Order.id).scalar_subquery().label("paid"))
    .add_columns(select(func.sum(Payment.refunded_minor)).where(Payment.order_id == Order.id).scalar_subquery().label("back"))
)


def seen(order_id: int, t: Connection | None = None) -> str:
    """How an order stands, for a form to carry: its status, its last event, what was paid and what goes back, in minor units.

    Whoever shows the order asks this first, so that what happens while the rest is read counts as not seen. Raises NotFound.
    """
    wanted = SEEN.where(Order.id == order_id)
    row = (t.execute(wanted) if t else read(wanted)).first()
    if row is None:
        raise NotFound("There is no such order.")
    return f"{row.status}.{row.event or 0}.{row.paid or 0}.{row.back or 0}"


def lock(t: Connection, order_id: int, as_seen: str | None = None) -> Record:
    """The order, which nobody else moves until this transaction is over. Raises NotFound.

    With what `seen` answered when somebody looked at it, raises OrderMoved unless it still stands so.
    """
    columns = Order.id, Order.status, Order.cart_id, Order.country
    order = t.execute(select(*columns).where(Order.id == order_id).with_for_update()).first()
    if order is None:
        raise NotFound("There is no such order.")
    if as_seen is not None and seen(order_id, t) != as_seen:  # the guard: of two at one order the second is told
        raise OrderMoved
    return order


# ------------------------------------------------------------------------------------------------ reading


def last_reason() -> Any:
    """Of an `Order` in a query: why it was last moved."""
    events = select(OrderEvent.reason).where(OrderEvent.order_id == Order.id).order_by(OrderEvent.id.desc()).limit(1)
    return events.correlate(Order).scalar_subquery()


def stock_lines(t: Connection, order_id: int) -> dict[int, tuple[int, int]]:
    """(variant id, quantity) by line item id, of each line whose variant still exists."""
    columns = LineItem.id, LineItem.variant_id, LineItem.quantity
    rows = t.execute(select(*columns).where(LineItem.order_id == order_id, LineItem.variant_id.is_not(None)))
    return {row.id: (row.variant_id, row.quantity) for row in rows if row.variant_id is not None}


def quantities(t: Connection, order_id: int) -> list[tuple[int, int]]:
    """(variant id, quantity) of each line whose variant still exists."""
    return list(stock_lines(t, order_id).values())


def by_key(key: str) -> Order | None:
    """The order with its lines and events, or None for any key that opens none."""
    if not (len(key) == 32 and key.isascii() and key.isalnum()):
        return None
    whole = (selectinload(Order.lines), selectinload(Order.events))
    found = db.session.execute(select(Order).where(Order.key == key).options(*whole)).scalar_one_or_none()
    return found if found is not None and secrets.compare_digest(found.key, key) else None


def id_of(number: str) -> int | None:
    """The id of the order that people call so, whether there is one or not; None for what is no number."""
    digits = number.strip().lstrip("#")
    return int(digits) - FIRST_NUMBER if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


def find(number: str, email: str) -> Order | None:
    """The order of this number that was placed with this e-mail; None when either is another's."""
    order_id = id_of(number)
    found = None if order_id is None else db.session.get(Order, order_id)
    return found if found is not None and same_mailbox(found.email, email) else None


def same_mailbox(one: str, other: str) -> bool:
    """Whether two e-mails name one mailbox, compared in constant time."""
    return secrets.compare_digest(one.strip().casefold().encode(), other.strip().casefold().encode())


@dataclass(frozen=True)
class Receipt:
    """An order as one reader may see it. Masked, it says nothing that names or reaches the buyer."""

    key: str
    number: str
    status: OrderStatus
    is_whole: bool
    placed_at: datetime
    hold_expires_at: datetime | None
    email: str
    name: str
    phone: str
    notes: str
    address: Sequence[str]  # its lines as they are written on a parcel
    country: str
    needs_shipping: bool
    shipping_name: str
    payment_name: str
    lines: Sequence[LineItem]
    events: Sequence[OrderEvent]
    currency: str
    items_minor: int
    discount_minor: int
    discount_code: str  # "" without a discount
    shipping_minor: int
    tax_minor: int
    total_minor: int
    outstanding_minor: int
    back_minor: int  # what was paid and goes back, or went back
    is_unmatched: bool  # it did not go on, though money came: money that is not what was asked for
    yielded: Sequence[Yielded]  # links and codes

    @property
    def is_sold(self) -> bool:
        """It is paid, or payable on delivery."""
        return self.status in SOLD

    @property
    def is_payable(self) -> bool:
        """It waits for whoever ordered to pay it."""
        return self.status in (OrderStatus.HOLD, OrderStatus.FAILED) and not self.is_unmatched


def receipt(order: Order, *, whole: bool, shelf: Shelf | None = None) -> Receipt:
    """What this reader may see of the order; what it yielded only with the shelf that it lies on."""
    on_shelf = shelf if whole and any(line.is_digital for line in order.lines) else None
    outstanding, back = payments.sums(order)
    return Receipt(
        key=order.key,
        number=order.number,
        status=OrderStatus(order.status),
        is_whole=whole,
        placed_at=order.placed_at,
        hold_expires_at=order.hold_expires_at,
        email=order.email if whole else masked_email(order.email),
        name=order.name if whole else "",
        phone=order.phone if whole else "",
        notes=order.notes if whole else "",
        address=addresses.parcel_lines(order) if whole else [],
        country=order.country,
        needs_shipping=bool(order.country),
        shipping_name=order.shipping_name,
        payment_name=order.payment_name,
        lines=order.lines,
        events=order.events,
        currency=order.currency,
        items_minor=order.items_minor,
        discount_minor=order.discount_minor,
        discount_code=order.discount_code,
        shipping_minor=order.shipping_minor,
        tax_minor=order.tax_minor,
        total_minor=order.total_minor,
        outstanding_minor=outstanding,
        back_minor=back,
        is_unmatched=order.status in NOT_GONE_ON and payments.is_unmatched(order.id),
        yielded=shelves.yielded(order.id, on_shelf) if on_shelf else [],
    )


def masked_email(email: str) -> str:
    """Enough to recognise one's own: "g•••@e•••"."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}•••@{domain[:1]}•••"
