"""Anonymising: a customer and their orders name nobody any more, when the staff say so, or when their orders are old enough.

What taxes depend on stays: numbers, lines, amounts and countries. personal.py does it for people who ask it of themselves.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, exists, func, select

from app.extensions import Query, Record, db, now, retried, transaction
from app.models.customer import Account, Customer, Role
from app.models.order import NAMES_SOMEBODY, Order, OrderStatus, order_number
from app.models.payment import Payment, Refund, RefundStatus
from app.services import audit, health, personal
from app.services.errors import NotFound, ShopError
from app.services.personal import FORGOTTEN, OVER

OPEN = (OrderStatus.HOLD, OrderStatus.FAILED, OrderStatus.PROCESSING)  # somebody may still have to be paid, sent to or written to
AT_REST = (*OVER, OrderStatus.SHIPPED)  # many shops never say that what they sent is COMPLETED
PORTION = 100  # orders in one transaction
LONGEST_ROUND_SECONDS = 5.0  # of the worker; the rest waits for the next
MOST_NAMED = 5  # open orders in one sentence


class StillOpen(ShopError):
    message = "Not yet: %(orders)s is still open, or money of it is still to go back. Finish or cancel it first."
    status = 409


class AlreadyAnonymous(ShopError):
    message = "This customer is anonymous already."
    status = 409


@dataclass(frozen=True, slots=True)
class Consequences:
    """What anonymising a customer would do, and what stands in its way."""

    orders: int  # that name them now
    has_account: bool
    is_staff: bool
    is_done: bool
    open: list[str]  # numbers of orders that are not over, a few


def is_anonymous(customer_id: int, email: str) -> bool:
    return email == f"{FORGOTTEN}{customer_id}"


def consequences(customer_id: int) -> Consequences:
    """What would happen. Raises NotFound."""
    found = db.session.execute(_customers().where(Customer.id == customer_id)).first()
    if found is None:
        raise NotFound
    t = db.session.connection()
    mine = select(func.count(Order.id)).where(Order.customer_id == customer_id, NAMES_SOMEBODY)
    return Consequences(
        orders=t.execute(mine).scalar_one(),
        has_account=found.account_id is not None,
        is_staff=_is_staff(found),
        is_done=is_anonymous(customer_id, found.email),
        open=_open(t, customer_id),
    )


def _customers() -> Query:
    columns = Customer.id, Customer.email, Customer.account_id, Account.role
    return select(*columns).outerjoin(Account, Account.id == Customer.account_id)


def _is_staff(found: Record) -> bool:
    return found.role is not None and found.role != Role.CUSTOMER


def _money_is_owed() -> ColumnElement[bool]:
    """A refund of the order was promised and has not gone, by the provider or by hand."""
    undone = exists().where(Payment.order_id == Order.id, Refund.payment_id == Payment.id, Refund.status != RefundStatus.DONE)
    return undone.correlate(Order)


def _open(t: Connection, customer_id: int) -> list[str]:
    """The numbers of orders for which this customer is still needed, a few."""
    still = Order.status.in_(OPEN) | _money_is_owed()
    mine = select(Order.id).where(Order.customer_id == customer_id, still).order_by(Order.id.desc()).limit(MOST_NAMED)
    return [order_number(order_id) for order_id in t.execute(mine).scalars()]


@retried
def anonymise(customer_id: int, *, actor: str) -> int:
    """Take a customer out of everything that the shop keeps, for good; answers how many orders named them.

    Raises NotFound, AlreadyAnonymous, StillStaff, StillOpen.
    """
    with transaction() as t:
        t.execute(select(Customer.id).where(Customer.id == customer_id).with_for_update())
        found = t.execute(_customers().where(Customer.id == customer_id)).first()
        if found is None:
            raise NotFound
        if is_anonymous(customer_id, found.email):
            raise AlreadyAnonymous
        if found.account_id is not None:
            personal.refuse_staff(t, found.account_id)
        if there := _open(t, customer_id):
            raise StillOpen(orders=", ".join(there))
        orders = personal.blank(t, Order.customer_id == customer_id)
        personal.erase(t, customer_id, found.account_id, found.email)
        audit.note(t, actor, "customer anonymised", f"customer:{customer_id}", after={"orders": orders})
    return orders


# ------------------------------------------------------------------------------------------------ by age


def anonymise_old(days: int) -> int:
    """Anonymise what was ordered more than so many days ago and is over, a part of it; answers how many orders that were.

    Guests go with the last of their orders. Accounts stay: whoever has one can delete it.
    """
    began, done = time.monotonic(), 0
    while portion := _portion(now() - timedelta(days=days)):
        done += portion
        if time.monotonic() - began > LONGEST_ROUND_SECONDS:
            break
    health.ran(health.ANONYMISING, done)
    return done


@retried
def _portion(before: datetime) -> int:
    due = NAMES_SOMEBODY, Order.placed_at < before, Order.status.in_(AT_REST), ~_money_is_owed()
    old = select(Order.id, Order.customer_id).where(*due).order_by(Order.placed_at).limit(PORTION)
    if db.session.execute(old).first() is None:
        return 0  # the usual case takes nobody's turn to write
    with transaction() as t:
        rows = t.execute(old).all()
        done = personal.blank(t, Order.id.in_([row.id for row in rows]), *due)
        _forget_guests(t, sorted({row.customer_id for row in rows}))
    return done


def _forget_guests(t: Connection, customer_ids: list[int]) -> None:
    """Forget the guests among these whom no order names any more. They are locked first: one may be ordering just now."""
    guests = Customer.id.in_(customer_ids), Customer.account_id.is_(None)
    locked = t.execute(select(Customer.id, Customer.email).where(*guests).order_by(Customer.id).with_for_update()).all()
    named = select(Order.customer_id).where(Order.customer_id.in_([row.id for row in locked]), NAMES_SOMEBODY)
    needed = set(t.execute(named).scalars())
    for row in locked:
        if row.id not in needed and not is_anonymous(row.id, row.email):
            personal.erase(t, row.id, None, row.email)


def last_run() -> Record | None:
    """When old orders were last looked for, as `ok_at`, and how many were anonymised then, as `done`."""
    found: Record | None = health.last_run(health.ANONYMISING)
    return found
