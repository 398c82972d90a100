"""Personal data: what the shop knows of a person with an account, handed out, and forgotten when they ask.

Orders are kept for the books: what was bought and what it cost stays, who bought it goes.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, String as Text, cast as as_type, delete, literal, select, update

from app.extensions import Query, Record, db, retried, transaction
from app.models.catalog import Product, Variant
from app.models.customer import Account, Address, ApiToken, CartLine, Customer, EmailCode, IdempotencyKey, Role
from app.models.digital import DigitalCode, Download
from app.models.order import NAMES_SOMEBODY, LineItem, Order, OrderEvent, OrderStatus, order_number
from app.models.order_desk import OrderNote, OrderRequest, Shipment
from app.models.payment import Payment, Refund
from app.services import accounts, audit, digital
from app.services.accounts import Member, WrongPassword
from app.services.errors import ShopError

FORGOTTEN = "anonymous-"  # what a forgotten customer's e-mail begins with; no real one has no @
OVER = [OrderStatus.COMPLETED, OrderStatus.CANCELLED, OrderStatus.REFUNDED]  # nothing of theirs must reach anybody any more
BLANK = dict.fromkeys("email name name_key surname_key phone notes company line1 line2 city region postcode holder".split(), "")
PORTION = 200  # orders in one statement


class StillStaff(ShopError):
    message = "This account belongs to the staff. A manager has to make it an ordinary one first."
    status = 409


# ------------------------------------------------------------------------------------------------ handing out


def export(member: Member) -> dict[str, Any]:
    """Everything kept about a member, as JSON takes it; times are ISO texts in UTC."""
    account = db.session.execute(
        select(Account.email, Account.role, Account.created_at, Account.email_verified_at).where(Account.id == member.account_id)
    ).one()
    cart = (
        select(Variant.sku, Product.name, Variant.options, CartLine.quantity, CartLine.changed_at)
        .join(Variant, Variant.id == CartLine.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .where(CartLine.customer_id == member.customer_id)
        .order_by(CartLine.id)
    )
    tokens = select(ApiToken.name, ApiToken.prefix, ApiToken.created_at, ApiToken.last_used_at, ApiToken.revoked_at).where(
        ApiToken.account_id == member.account_id
    )
    return {
        "account": _plain(account),
        "profile": {"name": member.name, "phone": member.phone},
        "addresses": _all(select(Address.__table__).where(Address.customer_id == member.customer_id).order_by(Address.id)),
        "cart": _all(cart),
        "orders": _orders(member.account_id),
        "tokens": _all(tokens.order_by(ApiToken.id)),
    }


def _orders(account_id: int) -> list[dict[str, Any]]:
    mine = select(Order.__table__).where(Order.account_id == account_id).order_by(Order.id)
    lines = (
        select(LineItem.order_id, LineItem.sku, LineItem.name, LineItem.options, LineItem.quantity, LineItem.unit_price_minor)
        .join(Order, Order.id == LineItem.order_id)
        .where(Order.account_id == account_id)
        .order_by(LineItem.order_id, LineItem.position)
    )
    by_order: dict[int, list[dict[str, Any]]] = {}
    for row in _all(lines):
        by_order.setdefault(row.pop("order_id"), []).append(row)
    downloads = select(Download.file, Download.fetched, Download.most, Download.expires_at, Download.revoked_at)
    codes = select(DigitalCode.code, DigitalCode.given_at)
    inner = {"id", "cart_id", "content_hash", "customer_id", "account_id", "name_key", "surname_key"}
    inner |= {"shipping_method_id", "payment_method_id", "discount_code_id"}
    asked = select(OrderRequest.kind, OrderRequest.text, OrderRequest.status, OrderRequest.answer, OrderRequest.created_at)
    return [
        {"number": order_number(row["id"]), **{name: value for name, value in row.items() if name not in inner}}
        | {"lines": by_order.get(row["id"], [])}
        | {"requests": _all(asked.where(OrderRequest.order_id == row["id"]).order_by(OrderRequest.id))}
        | {"downloads": _of_order(row["id"], Download, downloads), "codes": _of_order(row["id"], DigitalCode, codes)}
        for row in _all(mine)
    ]


def _of_order(order_id: int, model: type[Download | DigitalCode], columns: Query) -> list[dict[str, Any]]:
    """What the lines of an order yielded, each with its SKU; the keys of downloads open them, so they are not told."""
    of_lines = columns.add_columns(LineItem.sku).join(LineItem, LineItem.id == model.line_item_id)
    return _all(of_lines.where(LineItem.order_id == order_id).order_by(model.id))


def _all(statement: Any) -> list[dict[str, Any]]:
    return [_plain(row) for row in db.session.execute(statement)]


def _plain(row: Record) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row._mapping.items()}


# ------------------------------------------------------------------------------------------------ forgetting


@retried
def forget(member: Member, password: str) -> None:
    """Forget this person: nobody can log in any more, and orders that are over name nobody.

    Orders under way keep what is needed to deliver them, until `forget_finished` meets them. Raises WrongPassword, StillStaff.
    """
    digest = db.session.execute(select(Account.password_hash).where(Account.id == member.account_id)).scalar_one()
    if not accounts.is_password(digest, password):
        raise WrongPassword("That is not your password.")
    with transaction() as t:
        refuse_staff(t, member.account_id)
        erase(t, member.customer_id, member.account_id, member.email)
        blank(t, Order.customer_id == member.customer_id, Order.status.in_(OVER))


def refuse_staff(t: Connection, account_id: int) -> None:
    """Raise StillStaff for an account that works here; any other gets no role until the transaction ends."""
    role = t.execute(select(Account.role).where(Account.id == account_id).with_for_update()).scalar()
    if role not in (None, Role.CUSTOMER):
        raise StillStaff


def erase(t: Connection, customer_id: int, account_id: int | None, email: str) -> None:
    """Forget who this customer is, with all that is theirs but their orders; an account ends with it.

    The trail of whoever worked here once keeps their roles, but no e-mail.
    """
    t.execute(delete(EmailCode).where(EmailCode.email == email, EmailCode.account_id.is_(None)))
    if account_id is not None:
        audit.forget(t, [f"account:{account_id}"])
        t.execute(update(Order).where(Order.account_id == account_id).values(account_id=None))
        for table in (IdempotencyKey, ApiToken, EmailCode):
            t.execute(delete(table).where(table.account_id == account_id))
    for belonging in (CartLine, Address):
        t.execute(delete(belonging).where(belonging.customer_id == customer_id))
    anonymous = {"email": f"{FORGOTTEN}{customer_id}", "name": "", "phone": "", "account_id": None, "cart_id": None}
    t.execute(update(Customer).where(Customer.id == customer_id).values(**anonymous))
    if account_id is not None:
        t.execute(delete(Account).where(Account.id == account_id))


@retried
def forget_finished() -> int:
    """Blank the orders of forgotten people that are over by now, and answer how many."""
    forgotten = literal(FORGOTTEN) + as_type(Order.customer_id, Text)
    of_forgotten = select(Customer.id).where(Customer.id == Order.customer_id, Customer.email == forgotten).exists()
    due = select(Order.id).where(of_forgotten, Order.status.in_(OVER), Order.email != "").limit(1)
    if db.session.execute(due).first() is None:
        return 0
    with transaction() as t:
        return blank(t, of_forgotten, Order.status.in_(OVER))


def blank(t: Connection, *which: ColumnElement[bool]) -> int:
    """Take the person out of these orders, close their downloads, and answer how many orders named somebody.

    The country stays, taxes depend on it. What the staff typed about these orders goes too, for it may name the person;
    only how refunds were sent stays for the books.
    """
    named = select(Order.id).where(*which, NAMES_SOMEBODY)
    ids = list(t.execute(named.order_by(Order.id).with_for_update()).scalars())
    for portion in (ids[start : start + PORTION] for start in range(0, len(ids), PORTION)):
        digital.revoke_of(t, LineItem.order_id.in_(portion))
        t.execute(delete(OrderNote).where(OrderNote.order_id.in_(portion)))
        t.execute(update(OrderRequest).where(OrderRequest.order_id.in_(portion)).values(text="", answer=""))
        audit.forget(t, [f"order:{order_id}" for order_id in portion])
        typed = OrderEvent.order_id.in_(portion), OrderEvent.actor.startswith(audit.STAFF)
        t.execute(update(OrderEvent).where(*typed).values(reason=""))
        payments = select(Payment.id).where(Payment.order_id.in_(portion))
        typed = Refund.payment_id.in_(payments), Refund.actor.startswith(audit.STAFF)
        t.execute(update(Refund).where(*typed).values(reason=""))
        t.execute(update(Shipment).where(Shipment.order_id.in_(portion)).values(carrier="", tracking="", link=""))
        t.execute(update(Order).where(Order.id.in_(portion)).values(**BLANK))
    return len(ids)
