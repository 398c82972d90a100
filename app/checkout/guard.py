"""How often somebody may set out to pay, and how much unpaid stock they may hold: against card testing, and for the others."""

import hashlib
import hmac

from flask import current_app, request

from app.account import guard, login
from app.providers import GATEWAYS
from app.services import payments


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


def most(setting: str) -> int | None:
    """A limit; None while limits are off."""
    return current_app.config[setting] if current_app.config["RATELIMIT_ENABLED"] else None
