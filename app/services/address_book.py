"""The address book of an account. Another person's address answers exactly as one that does not exist."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from app.extensions import Record, db, retried, transaction
from app.models.customer import Address as AddressRow, Customer
from app.services import customers
from app.services.addresses import Address
from app.services.errors import NotFound, ShopError

MOST_ADDRESSES = 50
COLUMNS = [column for column in AddressRow.__table__.c if column.name not in ("customer_id", "created_at")]
BOOK = select(*COLUMNS).order_by(AddressRow.is_default.desc(), AddressRow.id)


class BookFull(ShopError):
    message = f"Your address book holds {MOST_ADDRESSES} addresses, as many as it can. Delete one first."


def entries(customer_id: int) -> Sequence[Record]:
    """Every address of this customer by its columns, the default first."""
    return db.session.execute(BOOK.where(AddressRow.customer_id == customer_id)).all()


def entry(customer_id: int, address_id: int) -> Record:
    """One of this customer's addresses. Raises NotFound."""
    row = db.session.execute(BOOK.where(AddressRow.customer_id == customer_id, AddressRow.id == address_id)).first()
    if row is None:
        raise NotFound("There is no such address.")
    return row


def address_of(row: Record) -> Address:
    """An entry as checkout takes it."""
    return Address(row.country, row.line1, row.city, row.postcode, row.line2, row.region, row.company)


@retried
def add(
    customer_id: int, address: Address, *, name: str = "", phone: str = "", is_default: bool = False, accepted_postcode: str = ""
) -> int:
    """A new entry, and its id; the first one is the default. Raises InvalidInput, BookFull."""
    columns = _columns(address, name, phone, accepted_postcode)
    with transaction() as t:
        _lock(t, customer_id)
        count = t.execute(select(func.count()).where(AddressRow.customer_id == customer_id)).scalar_one()
        if count >= MOST_ADDRESSES:
            raise BookFull
        made = insert(AddressRow).returning(AddressRow.id)
        address_id: int = t.execute(made, {"customer_id": customer_id, "is_default": False, **columns}).scalar_one()
        if is_default or count == 0:
            _set_default(t, customer_id, address_id)
    return address_id


@retried
def change(
    customer_id: int,
    address_id: int,
    address: Address,
    *,
    name: str = "",
    phone: str = "",
    is_default: bool = False,
    accepted_postcode: str = "",
) -> None:
    """Write an entry anew; orders that were sent there keep what they had. Raises InvalidInput, NotFound."""
    columns = _columns(address, name, phone, accepted_postcode)
    with transaction() as t:
        _lock(t, customer_id)
        mine = AddressRow.id == address_id, AddressRow.customer_id == customer_id
        if t.execute(update(AddressRow).where(*mine).values(**columns)).rowcount != 1:
            raise NotFound("There is no such address.")
        if is_default:
            _set_default(t, customer_id, address_id)


@retried
def make_default(customer_id: int, address_id: int) -> None:
    """Let this entry be the one that is proposed. Raises NotFound."""
    with transaction() as t:
        _lock(t, customer_id)
        mine = AddressRow.id == address_id, AddressRow.customer_id == customer_id
        if t.execute(select(AddressRow.id).where(*mine)).first() is None:
            raise NotFound("There is no such address.")
        _set_default(t, customer_id, address_id)


@retried
def remove(customer_id: int, address_id: int) -> None:
    """Delete an entry; when it was the default, the oldest of the others becomes it. Raises NotFound."""
    with transaction() as t:
        _lock(t, customer_id)
        mine = AddressRow.customer_id == customer_id
        was = t.execute(delete(AddressRow).where(mine, AddressRow.id == address_id).returning(AddressRow.is_default)).first()
        if was is None:
            raise NotFound("There is no such address.")
        oldest = t.execute(select(func.min(AddressRow.id)).where(mine)).scalar() if was.is_default else None
        if oldest is not None:
            _set_default(t, customer_id, oldest)


def _columns(address: Address, name: str, phone: str, accepted_postcode: str) -> dict[str, str]:
    checked, name, phone = customers.place(address, name, phone, accepted_postcode=accepted_postcode)
    return {field: getattr(checked, field) for field in Address.__slots__} | {"name": name, "phone": phone}


def _set_default(t: Connection, customer_id: int, address_id: int) -> None:
    mine = AddressRow.customer_id == customer_id
    t.execute(update(AddressRow).where(mine, AddressRow.is_default).values(is_default=False))
    t.execute(update(AddressRow).where(mine, AddressRow.id == address_id).values(is_default=True))


def _lock(t: Connection, customer_id: int) -> None:
    """Let changes of one book through one by one, so that it has one default; SQLite's own lock does that already."""
    t.execute(select(Customer.id).where(Customer.id == customer_id).with_for_update(key_share=True))
