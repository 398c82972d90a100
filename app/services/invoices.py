"""Invoices: issued once for a sold order, with numbers that have no gaps, and written out from the order's snapshot."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.orm import selectinload

from app.extensions import Record, db, now, retried, transaction
from app.models.order import SOLD, LineItem, Order, order_number
from app.models.order_desk import Invoice
from app.models.payment import Payment, Refund, RefundStatus
from app.services import addresses, audit, orders
from app.services.errors import ShopError
from app.services.shop import Shop

QUEUE = 0x696E766F69636573  # names the lock by which issuers wait for each other on PostgreSQL
MOST = 50  # in one print


class NotSold(ShopError):
    message = "There is an invoice only for an order that is paid, or accepted to be paid on delivery."
    status = 409


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sells, as the settings say it today."""

    name: str
    address: str
    vat_number: str
    prefix: str

    @classmethod
    def of(cls, shop: Shop) -> "Seller":
        return cls(shop.company_name or shop.name, shop.company_address, shop.vat_number, shop.invoice_prefix)


# ------------------------------------------------------------------------------------------------ issuing


@retried
def issue(order_id: int, seller: Seller, *, actor: str) -> int:
    """The number of this order's invoice, which is issued now if it was not before. Raises NotFound, NotSold."""
    with transaction() as t:
        order = orders.lock(t, order_id)
        known = select(Invoice.number).where(Invoice.order_id == order_id)
        if (number := t.execute(known).scalar()) is not None:
            return int(number)
        if order.status not in SOLD:
            raise NotSold
        return _next(t, order_id, seller, actor)


def _next(t: Connection, order_id: int, seller: Seller, actor: str) -> int:
    """Issue the next number. Whoever does so waits until the one before has committed or given its number back."""
    if t.dialect.name == "postgresql":
        t.execute(select(func.pg_advisory_xact_lock(QUEUE)))
    number: int = t.execute(select(func.coalesce(func.max(Invoice.number), 0) + 1)).scalar_one()
    values = {"prefix": seller.prefix, "seller": seller.name, "seller_address": seller.address, "vat_number": seller.vat_number}
    t.execute(insert(Invoice), {"order_id": order_id, "number": number, "issued_at": now(), **values})
    audit.note(t, actor, "invoice issued", f"order:{order_id}", None, {"invoice": f"{seller.prefix}{number}"})
    return number


def issue_many(order_ids: Sequence[int], seller: Seller, *, actor: str) -> dict[str, str]:
    """See that each of these orders has its invoice; answers by number why some cannot have one."""
    refused = {}
    for order_id in dict.fromkeys(order_ids):
        try:
            issue(order_id, seller, actor=actor)
        except ShopError as error:
            refused[order_number(order_id)] = str(error)
    return refused


def of_order(order_id: int) -> Invoice | None:
    return db.session.execute(select(Invoice).where(Invoice.order_id == order_id)).scalar()


# ------------------------------------------------------------------------------------------------ writing out


@dataclass(frozen=True, slots=True)
class Rate:
    """What of an order is taxed at one rate, in minor units; `gross` includes the tax."""

    rate_bp: int
    gross_minor: int
    tax_minor: int

    @property
    def net_minor(self) -> int:
        return self.gross_minor - self.tax_minor


@dataclass(frozen=True, slots=True)
class Sheet:
    """One order as it is printed; a packing slip has no invoice."""

    order: Order
    address: Sequence[str]  # where it goes, or nothing
    rates: Sequence[Rate]
    refunds: Sequence[Record]  # that were sent: amount_minor, done_at
    invoice: Invoice | None
    shipping_rate_bp: int

    @property
    def back_minor(self) -> int:
        return sum(row.amount_minor for row in self.refunds)


def slips(order_ids: Sequence[int]) -> list[Sheet]:
    """These orders as packing slips, the oldest first; those with nothing to send, or not sold, are left out."""
    return [sheet(order, None, []) for order in _orders(order_ids) if order.country and order.status in SOLD]


def invoices(order_ids: Sequence[int]) -> list[Sheet]:
    """The invoices of these orders that have one."""
    issued = select(Invoice).where(Invoice.order_id.in_(order_ids))
    by_order = {invoice.order_id: invoice for invoice in db.session.execute(issued).scalars()}
    back: dict[int, list[Record]] = {}
    sent = Payment.order_id.in_(order_ids), Refund.status == RefundStatus.DONE
    wanted = select(Payment.order_id, Refund.amount_minor, Refund.done_at).join(Payment, Payment.id == Refund.payment_id)
    for row in db.session.execute(wanted.where(*sent).order_by(Refund.id)):
        back.setdefault(row.order_id, []).append(row)
    return [sheet(order, by_order[order.id], back.get(order.id, [])) for order in _orders(list(by_order))]


def _orders(order_ids: Sequence[int]) -> list[Order]:
    wanted = select(Order).where(Order.id.in_(order_ids)).options(selectinload(Order.lines))
    return sorted(db.session.execute(wanted).scalars(), key=lambda order: order.id)


def sheet(order: Order, invoice: Invoice | None, refunds: Sequence[Record]) -> Sheet:
    highest = max((line.tax_rate_bp for line in order.lines), default=0)
    address = [*addresses.parcel_lines(order), addresses.country_name(order.country)] if order.country else []
    return Sheet(order, address, rates(order.lines, order, highest), refunds, invoice, highest)


def rates(lines: Sequence[LineItem], order: Order, shipping_rate_bp: int) -> list[Rate]:
    """The sums per rate, the highest first. Shipping is taxed at the highest rate of what is in the parcel."""
    sums: dict[int, tuple[int, int]] = {}
    parts = [(line.tax_rate_bp, line.total_minor - line.discount_minor, line.tax_minor) for line in lines]
    parts.append((shipping_rate_bp, order.shipping_minor, order.shipping_tax_minor))
    for rate, gross, tax in parts:
        before = sums.get(rate, (0, 0))
        sums[rate] = before[0] + gross, before[1] + tax
    return [Rate(rate, *sums[rate]) for rate in sorted(sums, reverse=True) if sums[rate][0]]
