"""What the shop knows of one person, for themselves, and its end."""

from typing import Any

from sqlalchemy import delete as delete_from, select, update

from app.extensions import db, retried, transaction
from app.models.customer import Account, Address, ApiToken, CartLine, Customer, EmailCode, IdempotencyKey
from app.models.order import Order
from app.services import accounts
from app.services.accounts import Member, WrongPassword


def export(member: Member) -> dict[str, Any]:
    """Profile, addresses and orders."""
    places = db.session.execute(select(Address.__table__).where(Address.customer_id == member.customer_id))
    orders = db.session.execute(select(Order.__table__).where(Order.account_id == member.account_id).order_by(Order.id))
    return {
        "profile": {"email": member.email, "name": member.name, "phone": member.phone},
        "addresses": [dict(row._mapping) for row in places],
        "orders": [dict(row._mapping) for row in orders],
    }


@retried
def delete(member: Member, password: str) -> None:
    """Delete the account; its orders stay as those of a guest. Raises WrongPassword."""
    digest = db.session.execute(select(Account.password_hash).where(Account.id == member.account_id)).scalar_one()
    if not accounts.is_password(digest, password):
        raise WrongPassword("That is not your password.")
    mine, theirs = member.customer_id, member.account_id
    with transaction() as t:
        t.execute(delete_from(Address).where(Address.customer_id == mine))
        t.execute(delete_from(CartLine).where(CartLine.customer_id == mine))
        for table in (ApiToken, IdempotencyKey, EmailCode):
            t.execute(delete_from(table).where(table.account_id == theirs))
        is_guest = Customer.email == member.email, Customer.account_id.is_(None)
        guest = t.execute(select(Customer.id).where(*is_guest)).scalar()
        t.execute(update(Order).where(Order.account_id == theirs).values(account_id=None, customer_id=guest or mine))
        if guest:
            t.execute(delete_from(Customer).where(Customer.id == mine))
        else:
            t.execute(update(Customer).where(Customer.id == mine).values(account_id=None, cart_id=None))
        t.execute(delete_from(Account).where(Account.id == theirs))
