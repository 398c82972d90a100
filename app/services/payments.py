"""Payments: which methods a cart may be paid by, and why the others do not fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select

from app.extensions import Prepared, read
from app.models.order import Order, OrderStatus
from app.models.payment import KEEPS_MONEY, Payment, PaymentMethod, PaymentStatus
from app.providers import GATEWAYS
from app.services.shipping import codes

METHODS = Prepared(
    select(*PaymentMethod.__table__.c).where(PaymentMethod.is_active).order_by(PaymentMethod.position, PaymentMethod.id)
)


@dataclass(frozen=True, slots=True)
class Offer:
    """One payment method for a cart; when it is not available, `reason` says why."""

    id: int
    name: str
    description: str
    gateway: str
    reason: str | None = None

    @property
    def is_available(self) -> bool:
        return self.reason is None

    @property
    def is_direct(self) -> bool:
        """Nothing is to be waited for: the order is PROCESSING at once."""
        return GATEWAYS[self.gateway].is_direct


def methods(t: Connection | None = None) -> Sequence[Any]:
    """The active methods in their order."""
    return METHODS.rows(t)


def offers(
    total_minor: int, needs_shipping: bool, country: str, currency: str, offered: Sequence[Any] | None = None
) -> list[Offer]:
    """Every active method whose gateway is there, for a total in minor units. Empty when there is nothing to pay."""
    if total_minor == 0:
        return []
    return [
        Offer(row.id, row.name, row.description, row.gateway, _reason(row, total_minor, needs_shipping, country, currency))
        for row in (methods() if offered is None else offered)
        if row.gateway in GATEWAYS
    ]


def _reason(method: Any, total_minor: int, needs_shipping: bool, country: str, currency: str) -> str | None:
    if needs_shipping and not method.allows_physical:
        return "It is for digital goods only."
    if not needs_shipping and not method.allows_digital:
        return "It is for things that are delivered to your door."
    if needs_shipping and codes(method.countries) and country not in codes(method.countries):
        return "It is not offered in this country."
    if method.min_total_minor is not None and total_minor < method.min_total_minor:
        return "Your total is too small for it."
    if method.max_total_minor is not None and total_minor > method.max_total_minor:
        return "Your total is too large for it."
    return GATEWAYS[method.gateway].refuses(total_minor, currency)


def is_unmatched(order_id: int, t: Connection | None = None) -> bool:
    """Whether money came that does not fit the order: until staff have looked at it, nobody should pay again."""
    odd = select(Payment.id).where(Payment.order_id == order_id, Payment.status == PaymentStatus.MISMATCH).limit(1)
    return (t.execute(odd) if t else read(odd)).first() is not None


def sums(order: Order) -> tuple[int, int]:
    """(what is still to be paid, what goes back or went back) of an order, in minor units; of one that is over nothing is."""
    paid = func.sum(case((KEEPS_MONEY, Payment.captured_minor), else_=0))  # what went back whole had paid for nothing
    columns = func.coalesce(paid, 0), func.coalesce(func.sum(Payment.refunded_minor), 0)
    paid_minor, back = read(select(*columns).where(Payment.order_id == order.id)).one()
    is_over = order.status in (OrderStatus.CANCELLED, OrderStatus.REFUNDED)
    return 0 if is_over else max(0, order.total_minor - int(paid_minor)), int(back)
