"""How often somebody may set out to pay, and how much unpaid stock they may hold: against card testing, and for the others."""

import hashlib
import hmac

from flask import current_app, request

from app.account import guard, login
from app.account.guard import most
from app.providers import GATEWAYS
from app.services import payments

__all__ = ["holder", "may_pay_by", "may_try_a_code", "most", "tried_a_wrong_code"]


def may_pay_by(method_id: int | None) -> bool:
    """Whether another payment may be begun from this address; what leads to no provider is not counted."""
    gateway = next((row.gateway for row in payments.methods() if row.id == method_id), None)
    if gateway not in GATEWAYS or GATEWAYS[gateway].is_direct:
        return True
    return guard.allow("pay", guard.address(), "PAYMENTS_PER_ADDRESS")


def holder() -> str:
    """Names whose unpaid order it is, so that they can be counted: an account, or one browser at one address; a keyed hash."""
    member = login.current()
    who = f"account {member.account_id}" if member else f"{guard.address()} {request.user_agent.string}"
    return hmac.new(current_app.config["SECRET_KEY"].encode(), f"holder:{who}".encode(), hashlib.sha256).hexdigest()


def may_try_a_code() -> bool:
    """Whether another discount code may be tried from here. Only wrong ones are counted, so that right ones cost nobody a try."""
    return guard.are_left("discount", guard.address(), "DISCOUNT_TRIES_PER_HOUR")


def tried_a_wrong_code() -> None:
    guard.allow("discount", guard.address(), "DISCOUNT_TRIES_PER_HOUR")
