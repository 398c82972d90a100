"""Codes by mail: what they are made of, how long they last, and what their mails need to know."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import select

from app.extensions import Record, db, now
from app.models.customer import EmailCode

LETTERS = 10  # of 32 kinds: 50 bits


class Purpose(StrEnum):
    """What a mailed code proves the mailbox for."""

    REGISTER = "register"
    RESET = "reset"
    VERIFY = "verify"
    INVITE = "invite"  # whoever was let in to work here chooses a password


LASTS = {Purpose.REGISTER: timedelta(hours=24), Purpose.VERIFY: timedelta(hours=24), Purpose.RESET: timedelta(hours=1)}
LASTS[Purpose.INVITE] = timedelta(days=7)
CHOOSING = (Purpose.RESET, Purpose.INVITE)  # a password comes with the code


def code_of(key: str, secret: str) -> str:
    """The code that was mailed for this key: ABCDE-FGHIJ."""
    digest = hmac.new(secret.encode(), f"mailed code {key}".encode(), hashlib.sha256).digest()
    letters = base64.b32encode(digest).decode("ascii")[:LETTERS]
    return f"{letters[:5]}-{letters[5:]}"


def is_code(key: str, typed: str, keys: Sequence[str]) -> bool:
    """Whether this was typed from the mail; blanks, hyphens and case do not matter, nor which of the shop's keys made it.

    Nor does a 0 for an O or a 1 for an I, which no code has.
    """
    letters = "".join(letter for letter in typed.upper() if letter.isalnum()).translate(str.maketrans("01", "OI")).encode()
    right = [hmac.compare_digest(code_of(key, secret).replace("-", "").encode(), letters) for secret in keys]
    return any(right)


def mailed(code_id: int) -> Record | None:
    """(key, purpose, email, has_account) of a code whose mail is still worth sending; None when it is over or used."""
    wanted = select(EmailCode.key, EmailCode.purpose, EmailCode.email, EmailCode.account_id.is_not(None).label("has_account"))
    still = EmailCode.id == code_id, EmailCode.used_at.is_(None), EmailCode.expires_at > now()
    return db.session.execute(wanted.where(*still)).first()
