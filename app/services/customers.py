"""People who order: what they tell us, checked, and the customer it belongs to."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from app.extensions import Prepared
from app.models.customer import Customer
from app.services import addresses, text
from app.services.addresses import NOWHERE, Address
from app.services.errors import InvalidInput

LONGEST = {
    "email": 254,
    "name": 120,
    "phone": 40,
    "line1": 200,
    "line2": 200,
    "city": 120,
    "region": 120,
    "postcode": 20,
    "company": 120,
}


@dataclass(frozen=True, slots=True)
class Contact:
    """Who orders and where it goes; `address` is None when nothing is sent."""

    email: str  # normalised: its domain in lower case
    name: str
    phone: str = ""
    address: Address | None = None

    @property
    def mailbox(self) -> str:
        """What the e-mail is known by."""
        return self.email.casefold()


@dataclass(frozen=True, slots=True)
class Buyer:
    """The account that an order is placed for; a guest's order has none."""

    customer_id: int
    account_id: int


def contact(email: str, name: str, phone: str = "", address: Address | None = None, *, accepted_postcode: str = "") -> Contact:
    """A checked contact with tidied text. Raises InvalidInput with a sentence for each field that cannot be used."""
    typed = {"email": email, "name": name, "phone": phone}
    if address is not None:
        typed |= {field: getattr(address, field) for field in Address.__slots__ if field != "country"}
    typed, wrong = _cleaned(typed)
    email = _checked_email(typed["email"], wrong)
    if not typed["name"]:
        wrong.setdefault("name", "Enter your full name.")
    _check_phone(typed["phone"], address.country if address else None, wrong)
    if address is not None:
        address = _checked_address(address.country, typed, accepted_postcode, wrong)
    if wrong:
        raise InvalidInput(wrong)
    return Contact(email, typed["name"], typed["phone"], address)


def mailbox(email: str) -> str:
    """What an e-mail is known by. Raises InvalidInput."""
    typed, wrong = _cleaned({"email": email})
    checked = _checked_email(typed["email"], wrong)
    if wrong:
        raise InvalidInput(wrong)
    return checked.casefold()


def name_and_phone(name: str, phone: str, *, needs_name: bool = True) -> tuple[str, str]:
    """Both, tidied. Raises InvalidInput."""
    typed, wrong = _cleaned({"name": name, "phone": phone})
    if needs_name and not typed["name"]:
        wrong.setdefault("name", "Enter your full name.")
    _check_phone(typed["phone"], None, wrong)
    if wrong:
        raise InvalidInput(wrong)
    return typed["name"], typed["phone"]


def place(address: Address, name: str, phone: str, *, accepted_postcode: str = "") -> tuple[Address, str, str]:
    """An address of an address book with its name and phone, which may be empty, tidied. Raises InvalidInput."""
    parts = {field: getattr(address, field) for field in Address.__slots__ if field != "country"}
    typed, wrong = _cleaned(parts | {"name": name, "phone": phone})
    _check_phone(typed["phone"], address.country, wrong)
    checked = _checked_address(address.country, typed, accepted_postcode, wrong)
    if wrong:
        raise InvalidInput(wrong)
    return checked, typed["name"], typed["phone"]


def _cleaned(typed: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The texts cleaned, and by field what is wrong with their letters or length."""
    cleaned = {field: text.clean(value) for field, value in typed.items()}
    wrong: dict[str, str] = {}
    for field, value in cleaned.items():
        if not text.is_storable(value):
            wrong[field] = text.REFUSED
        elif len(value) > LONGEST[field]:
            wrong[field] = f"This is too long; {LONGEST[field]} characters is the most."
    return cleaned, wrong


def _checked_email(email: str, wrong: dict[str, str]) -> str:
    try:
        return validate_email(email.replace(" ", ""), check_deliverability=False).normalized
    except EmailNotValidError:
        wrong.setdefault("email", "Enter your e-mail address, like name@example.com." if email else "Enter your e-mail address.")
        return ""


def _check_phone(phone: str, country: str | None, wrong: dict[str, str]) -> None:
    if phone and not _is_phone(phone, country):
        wrong.setdefault("phone", "This does not look like a phone number. Correct it, or leave it empty.")


def _checked_address(country: str, typed: dict[str, str], accepted_postcode: str, wrong: dict[str, str]) -> Address:
    if not addresses.is_country(country):
        wrong["country"] = "Choose the country."
        return NOWHERE
    parts = {field: typed[field] for field in Address.__slots__ if field != "country"}
    parts["postcode"] = addresses.tidy_postcode(country, parts["postcode"])
    address = Address(country=country, **parts)
    accepted = addresses.tidy_postcode(country, text.clean(accepted_postcode))
    for field, sentence in addresses.problems(address, accepted_postcode=accepted).items():
        wrong.setdefault(field, sentence)
    return address


def _is_phone(number: str, country: str | None) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, country or "GB"))
    except phonenumbers.NumberParseException:
        return False


@cache
def _guest(dialect: str) -> Prepared:
    build: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
    row = build(Customer)
    # Touching the row it meets, by writing what is there already, is what makes it answer the id.
    upsert = row.on_conflict_do_update(
        index_elements=[Customer.email], index_where=Customer.account_id.is_(None), set_={"email": row.excluded.email}
    )
    return Prepared(upsert.returning(Customer.id))


def guest(t: Connection, person: Contact) -> int:
    """The id of the guest with this e-mail, made if there is none. Accounts are never looked at: an e-mail proves nothing."""
    upsert = _guest(t.dialect.name)
    customer_id: int = upsert.row_or_none(t, email=person.mailbox, name=person.name, phone=person.phone).id
    return customer_id
