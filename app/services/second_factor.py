"""The second factor of people behind the counter: a code that changes every half minute, and codes for when the phone is lost.

Source: RFC 6238 (TOTP). The secret that phone and shop share follows from a nonce and the shop's own key, so that a copy of the
database opens nothing; codes made with an earlier key hold as long as that key is named in SECRET_KEY_FALLBACKS.
"""

import base64
import hashlib
import hmac
import io
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pyotp
import segno
from sqlalchemy import Connection, delete, func, insert, select, update

from app.extensions import db, now, retried, transaction
from app.models.customer import Account
from app.models.staff import RecoveryCode
from app.services import audit
from app.services.accounts import WrongCode
from app.services.errors import ShopError

STEP_SECONDS = 30
LATE_STEPS = (0, -1, 1)  # a phone's clock may be half a minute off
RECOVERY_CODES = 10
LETTERS = 10  # of 32 kinds: 50 bits
NONCE = 32  # hexadecimal digits


class AlreadyOn(ShopError):
    message = "Your second factor is on already."
    status = 409


@dataclass(frozen=True, slots=True)
class Setup:
    """What an app on a phone needs: the drawn code to scan (SVG), or the secret to type."""

    nonce: str
    secret: str
    picture: str

    @property
    def spelled(self) -> str:
        """The secret in groups of four, as people type it."""
        return " ".join(self.secret[place : place + 4] for place in range(0, len(self.secret), 4))


def setup(account_id: int, email: str, shop_name: str, key: str, nonce: str = "") -> Setup:
    """A secret that is not asked for yet; `nonce` lets a form that came back show the same one again."""
    nonce = nonce if is_nonce(nonce) else secrets.token_hex(NONCE // 2)
    secret = secret_of(account_id, nonce, key)
    address = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=shop_name)
    drawn = io.BytesIO()
    segno.make(address, error="m").save(drawn, kind="svg", xmldecl=False, border=4, dark="#000", light="#fff", omitsize=True)
    return Setup(nonce, secret, "data:image/svg+xml;base64," + base64.b64encode(drawn.getvalue()).decode("ascii"))


def is_nonce(text: str) -> bool:
    return len(text) == NONCE and text.isascii() and text.isalnum()


def secret_of(account_id: int, nonce: str, key: str) -> str:
    """The secret in base32 that phone and shop share."""
    digest = hmac.new(key.encode(), f"second factor {account_id} {nonce}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:20]).decode("ascii")


def step_of(account_id: int, nonce: str, typed: str, keys: Sequence[str]) -> int | None:
    """The half minute whose code was typed, if it is one of the present."""
    digits = "".join(typed.split())
    if not (digits.isascii() and digits.isdigit() and len(digits) == 6):
        return None
    present = int(time.time()) // STEP_SECONDS
    for key in keys:
        phone = pyotp.TOTP(secret_of(account_id, nonce, key))
        for late in LATE_STEPS:
            if hmac.compare_digest(phone.generate_otp(present + late), digits):
                return present + late
    return None


# ------------------------------------------------------------------------------------------------ switching on and off


@retried
def switch_on(account_id: int, nonce: str, typed: str, keys: Sequence[str], *, actor: str) -> list[str]:
    """From now on ask this account for its second factor; answers the recovery codes, which are never shown again.

    Raises WrongCode when the phone's code is not that of this nonce, and AlreadyOn: one is never put in another's place.
    """
    step = step_of(account_id, nonce, typed, keys[:1]) if is_nonce(nonce) else None
    if step is None:
        raise WrongCode("That is not the code that the app shows now. Look again: it changes every half minute.")
    made = [spelled(base64.b32encode(secrets.token_bytes(7)).decode("ascii")[:LETTERS]) for _ in range(RECOVERY_CODES)]
    with transaction() as t:
        values = {"totp_nonce": nonce, "totp_confirmed_at": now(), "totp_step": step}
        is_off = Account.id == account_id, Account.totp_confirmed_at.is_(None)
        if not t.execute(update(Account).where(*is_off).values(**values)).rowcount:
            raise AlreadyOn
        t.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
        t.execute(insert(RecoveryCode), [{"account_id": account_id, "sha256": digest(code)} for code in made])
        audit.note(t, actor, "second factor on", f"account:{account_id}")
    return made


@retried
def switch_off(account_id: int, *, actor: str) -> None:
    """Ask this account for its password only: for a lost phone, or whoever no longer wants it."""
    with transaction() as t:
        values = {"totp_nonce": "", "totp_confirmed_at": None, "totp_step": 0}
        done = t.execute(update(Account).where(Account.id == account_id, Account.totp_confirmed_at.is_not(None)).values(**values))
        t.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
        if done.rowcount:
            audit.note(t, actor, "second factor off", f"account:{account_id}")


# ------------------------------------------------------------------------------------------------ asking


@retried
def check(account_id: int, typed: str, keys: Sequence[str]) -> None:
    """Accept the phone's code or a recovery code, each once. Raises WrongCode.

    `keys` are the shop's secrets, the present one first.
    """
    with transaction() as t:
        nonce = t.execute(select(Account.totp_nonce).where(Account.id == account_id).with_for_update()).scalar_one()
        is_right = _used_step(t, account_id, step_of(account_id, nonce, typed, keys)) or _used_recovery(t, account_id, typed)
    if not is_right:
        raise WrongCode("This code is not right, or it was used already. The app shows another every half minute.")


def _used_step(t: Connection, account_id: int, step: int | None) -> bool:
    """Use up the code of this half minute and all before it."""
    if step is None:
        return False
    newer = update(Account).where(Account.id == account_id, Account.totp_step < step).values(totp_step=step)
    return t.execute(newer).rowcount == 1  # the guard: what was looked at over a shoulder is not taken twice


def _used_recovery(t: Connection, account_id: int, typed: str) -> bool:
    mine = RecoveryCode.account_id == account_id, RecoveryCode.sha256 == digest(typed), RecoveryCode.used_at.is_(None)
    return t.execute(update(RecoveryCode).where(*mine).values(used_at=now())).rowcount == 1


def recovery_codes_left(account_id: int) -> int:
    unused = RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None)
    return int(db.session.execute(select(func.count(RecoveryCode.id)).where(*unused)).scalar_one())


def spelled(code: str) -> str:
    return f"{code[:5]}-{code[5:]}"


def digest(code: str) -> str:
    """What is kept of a recovery code; blanks, hyphens and case do not matter."""
    letters = "".join(letter for letter in code.upper() if letter.isalnum())
    return hashlib.sha256(f"recovery {letters}".encode("utf-8", "replace")).hexdigest()
