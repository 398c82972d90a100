"""How often somebody may try: strangers who hammer an account lock each other out, and never its owner's own device."""

import ipaddress

from flask import current_app, request

from app.account import device
from app.services import accounts, attempts

HOUR = 3600


def may_log_in(email: str) -> bool:
    """Whether a password may be tried for this e-mail; the same whether it has an account or not."""
    mailbox = accounts.known_as(email)
    if known := device.knows(mailbox):
        return allow("login device", f"{known} {mailbox}", "LOGIN_TRIES_PER_HOUR")
    return (
        allow("login address", address(), "LOGIN_TRIES_PER_ADDRESS")
        and allow("login", f"{address()} {mailbox}", "LOGIN_TRIES_PER_HOUR")
        and allow("login email", mailbox, "LOGIN_TRIES_PER_EMAIL")
    )


def may_be_mailed(email: str) -> bool:
    """Whether one more code may be mailed to this e-mail; the same whether it has an account or not."""
    mailbox = accounts.known_as(email)
    if known := device.knows(mailbox):
        return allow("mail device", f"{known} {mailbox}", "ACCOUNT_MAILS_PER_HOUR")
    return allow("mail address", address(), "ACCOUNT_MAILS_PER_ADDRESS") and allow("mail", mailbox, "ACCOUNT_MAILS_PER_HOUR")


def may_type_a_code() -> bool:
    """Whether one more code may be tried from here; each code counts its own wrong tries besides."""
    return allow("code address", address(), "LOGIN_TRIES_PER_ADDRESS")


def may_prove(account_id: int) -> bool:
    """Whether somebody who is logged in may try once more which password they have."""
    return allow("password", str(account_id), "LOGIN_TRIES_PER_HOUR")


def allow(kind: str, who: str, setting: str) -> bool:
    return attempts.allow(kind, who, current_app.config["SECRET_KEY"], most=most(setting), seconds=HOUR)


def are_left(kind: str, who: str, setting: str) -> bool:
    return attempts.are_left(kind, who, current_app.config["SECRET_KEY"], most=most(setting), seconds=HOUR)


def most(setting: str) -> int | None:
    """A limit; None while limits are off."""
    return current_app.config[setting] if current_app.config["RATELIMIT_ENABLED"] else None


def address() -> str:
    """Where the request comes from. Of IPv6 the network: whoever has one address there has them all."""
    said = request.remote_addr or ""
    try:
        return str(ipaddress.ip_network(f"{said}/64", strict=False)) if ":" in said else said
    except ValueError:
        return said
