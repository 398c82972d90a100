"""The device cookie: with which e-mails this browser has logged in before, so that strangers' tries do not count against it."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, current_app, request
from itsdangerous import BadData, URLSafeSerializer

NAME = "device"
LASTS_SECONDS = 365 * 24 * 3600
MOST_ACCOUNTS = 5  # of a household
LONGEST = 1000


@dataclass(frozen=True)
class Device:
    """A browser that is known by a random id; the e-mails are keyed hashes."""

    id: str
    mailboxes: tuple[str, ...]


def keys() -> Sequence[str]:
    """The shop's secrets, the present one first."""
    return [current_app.config["SECRET_KEY"], *current_app.config["SECRET_KEY_FALLBACKS"]]


def serializer() -> URLSafeSerializer:
    return URLSafeSerializer([*reversed(keys())], salt="device cookie")


def name_of(mailbox: str, key: str) -> str:
    return hmac.new(key.encode(), f"device {mailbox}".encode(), hashlib.sha256).hexdigest()[:32]


def read() -> Device | None:
    """The device that asks; None for one that never logged in."""
    value = request.cookies.get(NAME, "")
    if not value or len(value) > LONGEST:
        return None
    try:
        device_id, mailboxes = serializer().loads(value)
        return Device(device_id, tuple(mailboxes))
    except BadData:
        return None


def knows(mailbox: str) -> str | None:
    """The id of this device, when somebody logged in here with this e-mail."""
    device = read()
    names = {name_of(mailbox, key) for key in keys()}
    return device.id if device and names & set(device.mailboxes) else None


def remember(mailbox: str, response: Response) -> Response:
    """Let this browser be known as one of this e-mail's."""
    had = read() or Device(secrets.token_hex(8), ())
    name = name_of(mailbox, keys()[0])
    known = [name, *(old for old in had.mailboxes if old != name)][:MOST_ACCOUNTS]
    value = str(serializer().dumps([had.id, known]))
    response.set_cookie(NAME, value, max_age=LASTS_SECONDS, httponly=True, samesite="Lax", secure=request.is_secure)
    return response
