"""Customers as the staff find them: by the beginning of an e-mail or a name, and each with all that they ordered."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, collate, func, or_, select

from app.extensions import Query, Record, db, read
from app.models.customer import Account, Address, Customer
from app.models.order import FIRST_NUMBER, Order
from app.models.payment import Payment
from app.services import anonymising
from app.services.errors import NotFound

PAGE = 50
ORDERS = 20
LONGEST_SEARCH = 254
FEW = 2000  # so many that match are put in order; of more, the newest are found by looking from the newest on
LAST_LETTER = "\U0010ffff"
COLUMNS = Customer.id, Customer.email, Customer.name, Customer.phone, Customer.account_id, Customer.created_at


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, the newest first; `after` names the last one when there are older ones."""

    rows: Sequence[Record]
    after: int | None


def page_of(rows: Sequence[Record], most: int) -> Page:
    shown = rows[:most]
    return Page(shown, shown[-1].id if len(rows) > most else None)


def search(typed: str = "", *, after: int | None = None) -> Page:
    """Customers whose e-mail or name begins so, or all of them, the newest first; older than the one whose id is `after`."""
    wanted = select(*COLUMNS).order_by(Customer.id.desc()).limit(PAGE + 1)
    if after is not None:
        wanted = wanted.where(Customer.id < after)
    if typed:
        wanted = _matching(wanted, typed[:LONGEST_SEARCH])
    return page_of(read(wanted).all(), PAGE)


def _matching(wanted: Query, start: str) -> Query:
    """Of these, those that begin so. An index finds few; of many, the newest are met soon on the way from the newest."""
    ways = [_email_begins(start.casefold()), *(_name_begins(each) for each in {start.lower(), start.title()})]
    ids: set[int] = set()
    for way in ways:
        found = read(select(Customer.id).where(way).limit(FEW)).scalars().all()
        if len(found) == FEW:
            return wanted.where(or_(*ways))
        ids.update(found)
    return wanted.where(Customer.id.in_(ids))


def _email_begins(start: str) -> ColumnElement[bool]:
    """Customers' e-mails are kept in lower case. These are the words that the indexes of migration 0014 were made for."""
    if db.engine.name == "sqlite":
        return (Customer.email >= start) & (Customer.email < start + LAST_LETTER)
    return Customer.email.startswith(start, autoescape=True)


def _name_begins(start: str) -> ColumnElement[bool]:
    """Whatever the case; SQLite knows that of ASCII's letters only, so it is asked for É and for é."""
    if db.engine.name == "sqlite":
        name = collate(Customer.name, "NOCASE")
        return (name >= start) & (name < start + LAST_LETTER)
    return func.lower(Customer.name).startswith(start.lower(), autoescape=True)


# ------------------------------------------------------------------------------------------------ one of them


def one(customer_id: int) -> Record:
    """The columns of a customer, and the account's `role` and `email_verified_at` if there is one. Raises NotFound."""
    columns = Account.role, Account.email_verified_at, Account.created_at.label("account_since")
    wanted = select(*COLUMNS, *columns).outerjoin(Account, Account.id == Customer.account_id)
    found = read(wanted.where(Customer.id == customer_id)).first()
    if found is None:
        raise NotFound
    return found


def is_anonymous(customer: Record) -> bool:
    return anonymising.is_anonymous(customer.id, customer.email)


def orders(customer_id: int, *, after: int | None = None) -> Page:
    """A customer's orders, the newest first."""
    columns = (
        Order.id,
        (Order.id + FIRST_NUMBER).label("number"),
        Order.status,
        Order.placed_at,
        Order.total_minor,
        Order.currency,
    )
    wanted = select(*columns).where(Order.customer_id == customer_id).order_by(Order.id.desc()).limit(ORDERS + 1)
    return page_of(read(wanted if after is None else wanted.where(Order.id < after)).all(), ORDERS)


def spent(customer_id: int) -> list[Record]:
    """(currency, minor) that this customer paid and did not get back."""
    kept = func.sum(Payment.captured_minor - Payment.refunded_minor).label("minor")
    mine = select(Payment.currency, kept).join(Order, Order.id == Payment.order_id).where(Order.customer_id == customer_id)
    return list(read(mine.group_by(Payment.currency).having(kept > 0).order_by(Payment.currency)).all())


def places(customer_id: int) -> list[Record]:
    """The entries of the address book, the one that is proposed first."""
    mine = select(*Address.__table__.c).where(Address.customer_id == customer_id)
    return list(read(mine.order_by(Address.is_default.desc(), Address.id)).all())
