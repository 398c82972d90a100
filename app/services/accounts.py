"""Accounts: who may log in, and how they prove it.

Nothing here tells whether an e-mail has an account: for a known and an unknown one the same work is done, the same number of
mails is owed, and the same is answered. What only the owner of the mailbox may know stands in the mail.
"""

import base64
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, delete, exc, insert, select, update

from app.extensions import Record, db, now, retried, transaction
from app.models.customer import Account, Customer, EmailCode, Role
from app.models.order import Order
from app.services import audit, codes, customers, outbox
from app.services.codes import Purpose
from app.services.customers import Contact
from app.services.errors import InvalidInput, ShopError

# Source: OWASP, Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane.
HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 200  # characters
COMMON = frozenset(
    "password passwort password1 passw0rd 12345678 123456789 1234567890 qwertyui qwertyuiop qwerty123 iloveyou sunshine princess "
    "football baseball superman trustno1 abcd1234 11111111 00000000 asdfghjk letmein1 welcome1 monkey123 dragon123".split()
)
CODE_TRIES = 10  # wrong ones, then the code is void
FORGET_CODES_AFTER = timedelta(days=2)


class WrongPassword(ShopError):
    message = "The e-mail or the password is not right."


class WrongCode(ShopError):
    message = "This code is not right, or it is too old. Look into the newest mail, or ask for another."


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with an account, as every door knows them."""

    account_id: int
    customer_id: int
    email: str
    name: str
    phone: str
    role: Role
    is_verified: bool
    session_version: int
    has_second_factor: bool = False

    @property
    def is_staff(self) -> bool:
        """Whether they work here."""
        return self.role in (Role.STAFF, Role.MANAGER)

    @property
    def is_manager(self) -> bool:
        return self.role == Role.MANAGER

    @property
    def actor(self) -> str:
        """Who they are in events, the ledger and the audit trail."""
        return f"{audit.STAFF}{self.account_id}"

    @property
    def session_id(self) -> str:
        """Names this account's present sessions; those of an earlier version are over."""
        return f"{self.account_id}.{self.session_version}"

    @property
    def is_complete(self) -> bool:
        """Whether a program may order for them: we know their name, their phone, and that the mailbox is theirs."""
        return bool(self.name and self.phone and self.is_verified)


MEMBERS = select(
    Account.id,
    Customer.id.label("customer_id"),
    Account.email,
    Customer.name,
    Customer.phone,
    Account.role,
    Account.email_verified_at,
    Account.session_version,
    Account.totp_confirmed_at,
    Account.password_hash,
).join(Customer, Customer.account_id == Account.id)


def member_of(row: Record) -> Member:
    """A row of MEMBERS as a member."""
    return Member(
        account_id=row.id,
        customer_id=row.customer_id,
        email=row.email,
        name=row.name,
        phone=row.phone,
        role=Role(row.role),
        is_verified=row.email_verified_at is not None,
        session_version=row.session_version,
        has_second_factor=row.totp_confirmed_at is not None,
    )


def by_session(session_id: str) -> Member | None:
    """Whose session this is, while it lasts."""
    account_id, _, version = session_id.partition(".")
    if not (account_id.isascii() and account_id.isdigit() and len(account_id) < 10):
        return None
    row = db.session.execute(MEMBERS.where(Account.id == int(account_id))).first()
    return member_of(row) if row is not None and str(row.session_version) == version else None


def known_as(email: str) -> str:
    """What the account of an e-mail would be known by; "" for a text that is no e-mail, which no account has."""
    try:
        return customers.mailbox(email)
    except InvalidInput:
        return ""


def by_email(email: str) -> Member | None:
    """The account of this e-mail; for staff's commands, never for what a stranger typed."""
    row = db.session.execute(MEMBERS.where(Account.email == known_as(email))).first()
    return member_of(row) if row is not None else None


def by_id(t: Connection, account_id: int) -> Member:
    """The account as it stands in this transaction."""
    return member_of(t.execute(MEMBERS.where(Account.id == account_id)).one())


# ------------------------------------------------------------------------------------------------ passwords


# What a password is compared with when there is no account, so that it takes as long: as dear as a real one, and nobody's.
NOBODYS_HASH = (
    f"$argon2id$v=19$m={HASHER.memory_cost},t={HASHER.time_cost},p={HASHER.parallelism}"
    f"${'A' * 22}${base64.b64encode(bytes(HASHER.hash_len)).decode().rstrip('=')}"
)


def password_problem(password: str, email: str = "") -> str | None:
    """What is wrong with a new password, as a sentence; None when it will do."""
    if len(password) < SHORTEST_PASSWORD:
        return f"Choose a password of at least {SHORTEST_PASSWORD} characters. Several words make a good one."
    if len(password) > LONGEST_PASSWORD:
        return f"This is too long; {LONGEST_PASSWORD} characters is the most."
    folded = password.casefold()
    if folded in COMMON or len(set(folded)) < 3 or (email and folded == email.casefold()):
        return "This password is among the first that a stranger would try. Choose another."
    return None


def hashed(password: str) -> str:
    """What is kept of a password. Keyboards compose letters differently, so it is brought into one form first."""
    return HASHER.hash(_as_bytes(password))


def _as_bytes(password: str) -> bytes:
    """Anything can be typed, halves of characters too; what is longer than any password is cut where it is too long already."""
    return unicodedata.normalize("NFC", password[: 4 * LONGEST_PASSWORD]).encode("utf-8", "surrogatepass")


def is_password(digest: str, password: str) -> bool:
    """Whether the password is the one that was hashed; as slow for every digest, "" included."""
    try:
        return HASHER.verify(digest or NOBODYS_HASH, _as_bytes(password)) and bool(digest)
    except (VerificationError, InvalidHashError):
        return False


def log_in(email: str, password: str) -> Member:
    """The account of this e-mail and password. Raises WrongPassword, in the same words and time when there is no account."""
    row = db.session.execute(MEMBERS.where(Account.email == known_as(email))).first()
    if not is_password(row.password_hash if row is not None else "", password) or row is None:
        raise WrongPassword
    if HASHER.check_needs_rehash(row.password_hash):
        _rehash(row.id, row.password_hash, hashed(password))
    return member_of(row)


@retried
def _rehash(account_id: int, was: str, digest: str) -> None:
    with transaction() as t:
        t.execute(update(Account).where(Account.id == account_id, Account.password_hash == was).values(password_hash=digest))


@retried
def change_password(account_id: int, old: str, new: str) -> Member:
    """A new password for whoever knows the old one; every session of before is over. Raises WrongPassword, InvalidInput."""
    row = db.session.execute(MEMBERS.where(Account.id == account_id)).one()
    if not is_password(row.password_hash, old):
        raise WrongPassword("That is not your password of today.")
    if problem := password_problem(new, row.email):
        raise InvalidInput({"password": problem})
    digest = hashed(new)
    with transaction() as t:
        _set_password(t, account_id, digest)
        return by_id(t, account_id)


def _set_password(t: Connection, account_id: int, digest: str) -> None:
    t.execute(
        update(Account).where(Account.id == account_id).values(password_hash=digest, session_version=Account.session_version + 1)
    )


@retried
def end_sessions(account_id: int) -> None:
    """Log this account out everywhere."""
    with transaction() as t:
        t.execute(update(Account).where(Account.id == account_id).values(session_version=Account.session_version + 1))


# ------------------------------------------------------------------------------------------------ codes by mail


@retried
def register(email: str, name: str, password: str, *, phone: str = "") -> str:
    """Mail a code with which an account can be made, and answer its key; the owner of an account is told so instead.

    Raises InvalidInput.
    """
    person = check_registration(email, name, password, phone=phone)
    return _mail_code(Purpose.REGISTER, person.mailbox, name=person.name, password_hash=hashed(password))


def check_registration(email: str, name: str, password: str, *, phone: str = "") -> Contact:
    """Who wants an account, tidied. Raises InvalidInput with a sentence for each field that cannot be used."""
    wrong: dict[str, str] = {}
    try:
        person = customers.contact(email, name, phone)
    except InvalidInput as error:
        wrong = error.fields
    if problem := password_problem(password, email.strip()):
        wrong["password"] = problem
    if wrong:
        raise InvalidInput(wrong)
    return person


@retried
def forgot_password(email: str) -> str:
    """Mail a code with which a new password can be set, and answer its key; where there is no account the mail says so.

    Raises InvalidInput.
    """
    return _mail_code(Purpose.RESET, customers.mailbox(email))


def invite(t: Connection, mailbox: str) -> None:
    """Mail a code with which whoever works here now chooses a first password."""
    _owe_code(t, Purpose.INVITE, mailbox)


@retried
def ask_to_verify(member: Member) -> str:
    """Mail a code that proves the mailbox of an account, and answer its key."""
    return _mail_code(Purpose.VERIFY, member.email)


def _mail_code(purpose: Purpose, mailbox: str, *, name: str = "", password_hash: str = "") -> str:
    with transaction() as t:
        return _owe_code(t, purpose, mailbox, name=name, password_hash=password_hash)


def _owe_code(t: Connection, purpose: Purpose, mailbox: str, *, name: str = "", password_hash: str = "") -> str:
    key = secrets.token_hex(16)
    account_id = t.execute(select(Account.id).where(Account.email == mailbox)).scalar()
    values = {
        "key": key,
        "purpose": purpose,
        "email": mailbox,
        "account_id": account_id,
        "name": name,
        "password_hash": password_hash,
        "expires_at": now() + codes.LASTS[purpose],
    }
    code_id = t.execute(insert(EmailCode).returning(EmailCode.id), values).scalar_one()
    outbox.owe(t, "account.code", f"account.code:{code_id}", {"code_id": code_id})
    return key


def asked(key: str) -> Record | None:
    """(purpose, email) of a code that may still be typed; None for any key that names none."""
    found = select(EmailCode.purpose, EmailCode.email).where(
        EmailCode.key == key, EmailCode.used_at.is_(None), EmailCode.expires_at > now()
    )
    return db.session.execute(found).first() if _is_key(key) else None


def _is_key(key: str) -> bool:
    return len(key) == 32 and key.isascii() and key.isalnum()


def _use_code(t: Connection, key: str, purpose: Purpose, typed: str, keys: Sequence[str]) -> Record | None:
    """The row whose code was typed, used up; None for a wrong one, which is counted."""
    row = t.execute(select(EmailCode.__table__).where(EmailCode.key == key).with_for_update()).first() if _is_key(key) else None
    if row is None or row.purpose != purpose or row.used_at or row.expires_at <= now() or row.tries >= CODE_TRIES:
        return None
    if not codes.is_code(key, typed, keys):
        t.execute(update(EmailCode).where(EmailCode.id == row.id).values(tries=EmailCode.tries + 1))
        return None
    t.execute(update(EmailCode).where(EmailCode.id == row.id).values(used_at=now(), password_hash=""))
    return row


@retried
def confirm_registration(key: str, typed: str, keys: Sequence[str]) -> Member:
    """Make the account that was asked for; orders that were placed as a guest with this e-mail become its. Raises WrongCode.

    `keys` are the shop's secrets, the present one first.
    """
    try:
        with transaction() as t:
            row = _use_code(t, key, Purpose.REGISTER, typed, keys)
            is_new = row is not None and t.execute(select(Account.id).where(Account.email == row.email)).first() is None
            member = (
                create_in(t, row.email, name=row.name, password_hash=row.password_hash, is_verified=True)
                if row and is_new
                else None
            )
    except exc.IntegrityError:  # made a moment ago by another code of the same mailbox
        raise WrongCode from None
    if member is None:  # raised here, after the commit, so that the wrong try stays counted
        raise WrongCode
    return member


@retried
def reset_password(key: str, typed: str, password: str, keys: Sequence[str]) -> Member:
    """Set a new password for whoever got the code by mail, which proves the mailbox too; every session of before is over.

    Raises WrongCode, InvalidInput.
    """
    found = asked(key)
    if problem := password_problem(password, found.email if found else ""):
        raise InvalidInput({"password": problem})
    digest = hashed(password)
    purpose = Purpose(found.purpose) if found and found.purpose in codes.CHOOSING else Purpose.RESET
    with transaction() as t:
        row = _use_code(t, key, purpose, typed, keys)
        member = None
        if row is not None and row.account_id is not None:
            _set_password(t, row.account_id, digest)
            verified(t, row.account_id)
            others = EmailCode.account_id == row.account_id, EmailCode.purpose.in_(codes.CHOOSING), EmailCode.used_at.is_(None)
            t.execute(update(EmailCode).where(*others).values(used_at=now()))
            member = by_id(t, row.account_id)
    if member is None:
        raise WrongCode
    return member


@retried
def confirm_email(account_id: int, key: str, typed: str, keys: Sequence[str]) -> Member:
    """Write down that this account's mailbox is theirs; their orders as a guest become its. Raises WrongCode."""
    with transaction() as t:
        row = _use_code(t, key, Purpose.VERIFY, typed, keys)
        is_theirs = row is not None and row.account_id == account_id
        if is_theirs:
            verified(t, account_id)
        member = by_id(t, account_id)
    if not is_theirs:
        raise WrongCode
    return member


def verified(t: Connection, account_id: int) -> None:
    """The mailbox is proven: write it down once, and let the orders that were placed with it as a guest join the account."""
    t.execute(
        update(Account).where(Account.id == account_id, Account.email_verified_at.is_(None)).values(email_verified_at=now())
    )
    mine = t.execute(MEMBERS.where(Account.id == account_id)).one()
    # Locked: a guest's order that is being placed now waits, then finds no such guest and makes a new one.
    theirs = select(Customer.id).where(Customer.email == mine.email, Customer.account_id.is_(None)).with_for_update()
    guest = t.execute(theirs).scalar()
    if guest is not None:
        t.execute(update(Order).where(Order.customer_id == guest).values(customer_id=mine.customer_id, account_id=account_id))
        t.execute(delete(Customer).where(Customer.id == guest))


@retried
def forget_codes() -> int:
    """Delete the codes that are long over, and answer how many."""
    with transaction() as t:
        return t.execute(delete(EmailCode).where(EmailCode.expires_at < now() - FORGET_CODES_AFTER)).rowcount


# ------------------------------------------------------------------------------------------------ making and changing


def create_in(
    t: Connection, mailbox: str, *, name: str, password_hash: str, is_verified: bool, phone: str = "", role: Role = Role.CUSTOMER
) -> Member:
    """Make an account with its customer. Its mailbox's guest is left alone until the mailbox is proven."""
    values = {"email": mailbox, "password_hash": password_hash, "role": role, "session_version": 1}
    account_id = t.execute(insert(Account).returning(Account.id), values).scalar_one()
    t.execute(insert(Customer), {"email": mailbox, "name": name, "phone": phone, "account_id": account_id})
    if is_verified:
        verified(t, account_id)
    return by_id(t, account_id)


@retried
def create(
    email: str,
    *,
    name: str = "",
    phone: str = "",
    role: Role = Role.CUSTOMER,
    password: str = "",
    is_verified: bool = False,
    actor: str = "",
) -> Member:
    """Make an account for staff's commands; without a password its owner sets one by a mailed code.

    Raises InvalidInput, AccountExists.
    """
    wrong: dict[str, str] = {}
    try:
        mailbox = customers.mailbox(email)
        name, phone = customers.name_and_phone(name, phone, needs_name=False)
    except InvalidInput as error:
        wrong = error.fields
    if password and (problem := password_problem(password, email)):
        wrong["password"] = problem
    if wrong:
        raise InvalidInput(wrong)
    digest = hashed(password) if password else ""
    with transaction() as t:
        if t.execute(select(Account.id).where(Account.email == mailbox)).first():
            raise AccountExists
        made = create_in(t, mailbox, name=name, phone=phone, role=role, password_hash=digest, is_verified=is_verified)
        audit.note(t, actor, "account made", f"account:{made.account_id}", None, {"role": role})
        return made


class AccountExists(ShopError):
    message = "This e-mail has an account already."
    status = 409


@retried
def change_profile(member: Member, *, name: str | None = None, phone: str | None = None) -> Member:
    """Change the name or the phone; None leaves it. Raises InvalidInput."""
    name, phone = customers.name_and_phone(
        member.name if name is None else name, member.phone if phone is None else phone, needs_name=name is not None
    )
    with transaction() as t:
        t.execute(update(Customer).where(Customer.id == member.customer_id).values(name=name, phone=phone))
        return by_id(t, member.account_id)
