"""Discounts: what a code takes off the goods, and the only writer of how often it was used.

A use is held exactly while its order is live: neither FAILED nor CANCELLED. It is taken, given back and taken again in the
transaction that makes the order so. Of what one transaction locks, the code's row comes before the rows of variants.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select, union_all, update

from app import money
from app.extensions import Prepared, now
from app.models.customer import Account, Customer
from app.models.discount import CODE_PATTERN, DiscountCode, Kind
from app.models.order import DEAD, IS_LIVE, Order, OrderStatus
from app.services import text
from app.services.cart import CartView
from app.services.errors import ShopError

LONGEST = 40
NOTHING_OFF = "The code %(code)s takes nothing off this cart."

FIND = Prepared(select(*DiscountCode.__table__.c).where(DiscountCode.code == bindparam("code")))
OWN_HOLD = Prepared(
    select(Order.id).where(
        Order.cart_id == bindparam("cart"),
        IS_LIVE,
        Order.status == OrderStatus.HOLD,
        Order.discount_code_id == bindparam("code"),
    )
)

_wanted = DiscountCode.id == bindparam("code")
_has_left = or_(DiscountCode.most_uses.is_(None), DiscountCode.uses < DiscountCode.most_uses)
_has_begun = or_(DiscountCode.starts_at.is_(None), DiscountCode.starts_at <= bindparam("moment"))
_is_not_over = or_(DiscountCode.ends_at.is_(None), DiscountCode.ends_at > bindparam("moment"))
_one_more = {"uses": DiscountCode.uses + 1}
TAKE = Prepared(
    update(DiscountCode)
    .where(_wanted, _has_left, DiscountCode.is_active, _has_begun, _is_not_over)
    .values(_one_more)
    .returning(DiscountCode.most_uses_each)
)
TAKE_AGAIN = Prepared(update(DiscountCode).where(_wanted, _has_left).values(_one_more).returning(DiscountCode.most_uses_each))
GIVE_BACK = Prepared(
    update(DiscountCode).where(_wanted, DiscountCode.uses > 0).values(uses=DiscountCode.uses - 1).returning(DiscountCode.id)
)

_mailbox: Any = bindparam("mailbox")  # two look-ups by an index each: a guest's row, and an account's
_people = union_all(
    select(Customer.id).where(Customer.email == _mailbox, Customer.account_id.is_(None)),
    select(Customer.id).join(Account, Account.id == Customer.account_id).where(Account.email == _mailbox),
)
USES_OF = Prepared(
    select(func.count(Order.id).label("uses")).where(
        or_(Order.email == bindparam("email"), Order.customer_id.in_(_people)),
        Order.discount_code_id == bindparam("code"),
        Order.id != bindparam("besides"),
        IS_LIVE,
    )
)


@dataclass(frozen=True, slots=True)
class Discount:
    """What a code takes off a cart's goods, in minor units; always more than nothing, and never more than they cost."""

    code_id: int
    code: str
    minor: int


class DiscountRefused(ShopError):
    """The code takes nothing off. Why, strangers are not told: a sentence for each reason would help them to guess codes."""

    message = "The code %(code)s cannot be used: we do not know it, it is not valid today, or it is used up."
    status = 409


class TooManyCodes(ShopError):
    message = "Those were many codes that we do not know. Your cart is kept; please wait an hour before you try another."
    status = 429
    retry_seconds = 3600


class BelowMinimum(DiscountRefused):
    message = "The code %(code)s counts for goods of %(least)s or more; %(missing)s is missing."


class UsedUp(DiscountRefused):
    """An order that had come to nothing cannot have its use of the code again."""

    message = "The code %(code)s of this order was used up meanwhile, so it cannot be paid any more. Please order anew."


# ------------------------------------------------------------------------------------------------ what it takes off


def tidy(typed: str) -> str:
    """A code as it is stored: upper case, without blanks; fit to be shown again, whatever was typed."""
    return "".join(text.printable(typed).split()).upper()[: LONGEST + 1]


def find(code: str, t: Connection | None = None) -> Any:
    """The columns of a code's row; None when there is none."""
    return FIND.row_or_none(t, code=code) if re.fullmatch(CODE_PATTERN, code) else None


def on(view: CartView, code: str, t: Connection | None = None) -> Discount:
    """What this code takes off this cart now. Raises DiscountRefused, BelowMinimum."""
    row = find(code, t)
    if row is None or row.currency != view.currency or not _is_valid(row) or not _is_left(row, view.cart.id, t):
        raise DiscountRefused(code=code)
    if missing := max(0, row.min_items_minor - view.items_minor):
        least, missing_text = money.text(row.min_items_minor, row.currency), money.text(missing, row.currency)
        raise BelowMinimum(code=code, least=least, missing=missing_text)
    minor = worth(row.kind, row.value, view.items_minor)
    if not minor:
        raise DiscountRefused(NOTHING_OFF, code=code)
    return Discount(row.id, row.code, minor)


def _is_valid(row: Any) -> bool:
    moment = now()
    has_begun = row.starts_at is None or row.starts_at <= moment
    return row.is_active and has_begun and (row.ends_at is None or row.ends_at > moment)


def _is_left(row: Any, cart_id: str, t: Connection | None) -> bool:
    """Whether it may be used once more. What this cart's own unpaid order uses is given back when it is ordered anew."""
    if row.most_uses is None or row.uses < row.most_uses:
        return True
    return OWN_HOLD.row_or_none(t, cart=cart_id, code=row.id) is not None


def worth(kind: str, value: int, items_minor: int) -> int:
    """What a code takes off goods of this sum: whole minor units, a percentage rounded down, never more than the goods cost."""
    return items_minor * value // 10_000 if kind == Kind.PERCENT else min(value, items_minor)


def shares(minor: int, totals: Sequence[int]) -> list[int]:
    """A discount shared over lines by what they cost, to the last minor unit: what rounding down leaves goes, one each, to those
    that lost most by it, the earlier first."""
    whole = sum(totals)
    if not minor:
        return [0] * len(totals)
    parts = [divmod(minor * total, whole) for total in totals]
    left = minor - sum(share for share, _ in parts)
    favoured = sorted(range(len(parts)), key=lambda place: (-parts[place][1], place))[:left]
    return [share + (place in favoured) for place, (share, _) in enumerate(parts)]


# ------------------------------------------------------------------------------------------------ how often it was used


def take(t: Connection, discount: Discount, email: str) -> None:
    """Use the code once more, for an order that is being placed with this e-mail. Raises DiscountRefused: keep nothing then."""
    row = TAKE.row_or_none(t, code=discount.code_id, moment=now())
    # The guard: where no row met the condition, the last use went to somebody else.
    if row is None or not _has_left_of(t, discount.code_id, row.most_uses_each, email):
        raise DiscountRefused(code=discount.code)


def follow(t: Connection, order: Any, to: OrderStatus) -> None:
    """Let the use of an order's code follow it from its status to this one.

    It is given back when the order comes to nothing, and taken again when it lives again: then the code need not be valid
    any more, but it must have a use left. Raises UsedUp: keep nothing then.
    """
    if (order.status in DEAD) == (to in DEAD):
        return
    if to in DEAD:
        if GIVE_BACK.row_or_none(t, code=order.discount_code_id) is None:
            raise AssertionError(f"code {order.discount_code_id} was not used, but order {order.id} has it")
        return
    row = TAKE_AGAIN.row_or_none(t, code=order.discount_code_id)
    if row is None or not _has_left_of(t, order.discount_code_id, row.most_uses_each, order.email, besides=order.id):
        raise UsedUp(code=order.discount_code)


def _has_left_of(t: Connection, code_id: int, most: int | None, email: str, *, besides: int = 0) -> bool:
    """Whether whoever has this e-mail may use the code once more; the code's row is locked, so nobody uses it meanwhile."""
    if most is None:
        return True
    return bool(USES_OF.rows(t, code=code_id, email=email, mailbox=email.casefold(), besides=besides)[0].uses < most)
