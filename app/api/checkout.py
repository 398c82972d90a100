"""Ordering the account's cart, and paying for an order again."""

from flask import current_app, g

from app.api import schemas
from app.api.operations import operation
from app.checkout import guard
from app.models.order import OrderStatus
from app.services import account_orders, discounts, paying, programs
from app.services.accounts import Member
from app.services.discounts import BelowMinimum, DiscountRefused, TooManyCodes
from app.services.errors import NotFound
from app.services.shelf import Shelf


@operation("POST", "/shop/checkout/cart", answers=schemas.Ordered, body=schemas.Checkout, errors=(400,), not_found=400)
def place_order(member: Member, body: schemas.Checkout) -> schemas.Ordered:
    """Order the cart. Nothing at all is created when this is refused."""
    if not guard.may_pay_by(body.payment_method):
        raise paying.TooManyTries
    code = discounts.tidy(body.discount_code or "")
    if code and not guard.may_try_a_code():
        raise TooManyCodes
    try:
        placed = programs.place_order(
            member,
            address_id=body.address,
            shipping_id=body.shipping_method,
            payment_id=body.payment_method,
            notes=body.notes or "",
            currency=current_app.config["CURRENCY"],
            hold_minutes=current_app.config["WHOLE_HOLD_MINUTES"],
            holder=f"account {member.account_id}",
            most_holds=guard.most("HOLDS_PER_BROWSER"),
            discount_code=code,
            shelf=Shelf.of(current_app.config),
            died_since=g.get("died_since"),
        )
    except BelowMinimum:
        raise
    except DiscountRefused:
        guard.tried_a_wrong_code()
        raise
    if placed.status != OrderStatus.HOLD:
        return schemas.Ordered(order_key=placed.key)
    return schemas.Ordered(next_step=paying.begin(placed.order_id, current_app.config["BASE_URL"]))


@operation("POST", "/shop/checkout/order/<key>", answers=schemas.Ordered, body=schemas.PayAgain, errors=(400, 404))
def pay_again(member: Member, key: str, body: schemas.PayAgain) -> schemas.Ordered:
    """Pay an unpaid order of yours, in the same way or another."""
    order = account_orders.by_key(member.account_id, key)
    if order is None:
        raise NotFound("There is no such order.")
    if not guard.may_pay_by(body.payment_method):
        raise paying.TooManyTries
    next_step = paying.pay_again(
        order.id,
        body.payment_method,
        base_url=current_app.config["BASE_URL"],
        hold_minutes=current_app.config["WHOLE_HOLD_MINUTES"],
        most_tries=guard.most("PAYMENTS_PER_ORDER"),
    )
    return schemas.Ordered(next_step=next_step) if next_step else schemas.Ordered(order_key=key)
