"""The cart of an account, in the database: the same on every device, and for programs too."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from app.extensions import db, now, retried, transaction
from app.models.customer import CartLine, Customer
from app.services import cart as carts
from app.services.cart import Cart, Notice, new_id
from app.services.errors import CartFull

MOST_LINES = 2000

LINES = select(CartLine.variant_id, CartLine.quantity, CartLine.changed_at).where(CartLine.customer_id == bindparam("customer"))
KEPT_ID = select(Customer.cart_id).where(Customer.id == bindparam("customer"))


def load(customer_id: int, t: Connection | None = None) -> Cart:
    """The cart of this customer, its lines in the order they were added."""
    connection = t or db.session.connection()
    rows = connection.execute(LINES.order_by(CartLine.id), {"customer": customer_id}).all()
    if not rows:
        return Cart()
    cart_id = connection.execute(KEPT_ID, {"customer": customer_id}).scalar()
    written = max(int(row.changed_at.timestamp()) for row in rows)
    return Cart(cart_id or new_id(), tuple((row.variant_id, row.quantity) for row in rows), written)


@retried
def save(customer_id: int, was: Cart, cart: Cart) -> Cart:
    """Keep what changed between two carts, line by line, so that another device's changes stay. Raises CartFull."""
    with transaction() as t:
        _lock(t, customer_id)
        _write(t, customer_id, dict(was.lines), dict(cart.lines))
        return load(customer_id, t)


@retried
def clear(customer_id: int) -> None:
    """Empty the cart; the next one is another cart."""
    with transaction() as t:
        _lock(t, customer_id)
        t.execute(delete(CartLine).where(CartLine.customer_id == customer_id))
        t.execute(update(Customer).where(Customer.id == customer_id).values(cart_id=None))


@retried
def renew(customer_id: int) -> Cart:
    """The same lines as another cart."""
    with transaction() as t:
        t.execute(update(Customer).where(Customer.id == customer_id).values(cart_id=new_id()))
        return load(customer_id, t)


@retried
def merge(customer_id: int, guests: Cart, currency: str) -> Sequence[Notice]:
    """Put a guest's cart into the account's: of each variant the larger quantity, as far as it can be had.

    Doing it twice changes nothing more. Answers what the shopper should know. Raises CartFull before anything is changed.
    """
    with transaction() as t:
        _lock(t, customer_id)
        mine = load(customer_id, t)
        before, theirs = dict(mine.lines), dict(guests.lines)
        wanted = before | {variant: max(quantity, before.get(variant, 0)) for variant, quantity in theirs.items()}
        seen = carts.view(Cart(mine.id, tuple(wanted.items())), currency, t)
        after = dict(seen.cart.lines)
        _write(t, customer_id, before, after)
    told = [Notice("Your cart from before you logged in was put into your account's cart.")] if after != before else []
    return [*told, *seen.notices]


def take_out(t: Connection, customer_id: int, ordered: Cart) -> None:
    """Take what was ordered out of the account's cart, which becomes another cart; what another device added meanwhile stays."""
    _lock(t, customer_id)
    before, gone = dict(load(customer_id, t).lines), dict(ordered.lines)
    after = {variant: quantity - gone.get(variant, 0) for variant, quantity in before.items()}
    after = {variant: quantity for variant, quantity in after.items() if quantity > 0}
    _write(t, customer_id, before, after)
    t.execute(update(Customer).where(Customer.id == customer_id).values(cart_id=new_id() if after else None))


def _lock(t: Connection, customer_id: int) -> None:
    """Let changes of one cart through one by one; SQLite's own lock does that already."""
    t.execute(select(Customer.id).where(Customer.id == customer_id).with_for_update(key_share=True))


def _write(t: Connection, customer_id: int, before: dict[int, int], after: dict[int, int]) -> None:
    """Write the lines that differ; the first line gives the cart its id."""
    mine = CartLine.customer_id == customer_id
    kept = set(t.execute(select(CartLine.variant_id).where(mine)).scalars())
    changed = {variant: quantity for variant, quantity in after.items() if before.get(variant) != quantity}
    if len(kept | set(changed)) > MOST_LINES:
        raise CartFull
    for variant in sorted(set(before) - set(after)):
        t.execute(delete(CartLine).where(mine, CartLine.variant_id == variant))
    for variant, quantity in changed.items():
        if variant in kept:
            t.execute(update(CartLine).where(mine, CartLine.variant_id == variant).values(quantity=quantity, changed_at=now()))
        else:
            t.execute(insert(CartLine), {"customer_id": customer_id, "variant_id": variant, "quantity": quantity})
    if after:
        t.execute(update(Customer).where(Customer.id == customer_id, Customer.cart_id.is_(None)).values(cart_id=new_id()))
