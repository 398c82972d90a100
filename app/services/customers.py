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
from app.services.addresses import Address
from app.services.errors import ShopError

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


class InvalidContact(ShopError):
    """Something that was typed cannot be used; `fields` says what to do by the field's name."""

    message = "Please check what you typed."

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__()
        self.fields = fields


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


def contact(email: str, name: str, phone: str = "", address: Address | None = None, *, accepted_postcode: str = "") -> Contact:
    """A checked contact with tidied text. Raises InvalidContact with a sentence for each field that cannot be used."""
    typed = {"email": email, "name": name, "phone": phone}
    if address is not None:
        typed |= {field: getattr(address, field) for field in Address.__slots__ if field != "country"}
    typed = {field: text.clean(value) for field, value in typed.items()}
    wrong: dict[str, str] = {}
    for field, value in typed.items():
        if not text.is_storable(value):
            wrong[field] = text.REFUSED
        elif len(value) > LONGEST[field]:
            wrong[field] = f"This is too long; {LONGEST[field]} characters is the most."
    try:
        email = validate_email(typed["email"].replace(" ", ""), check_deliverability=False).normalized
    except EmailNotValidError:
        wrong.setdefault(
            "email", "Enter your e-mail address, like name@example.com." if typed["email"] else "Enter your e-mail address."
        )
    if not typed["name"]:
        wrong.setdefault("name", "Enter your full name.")
    if typed["phone"] and not _is_phone(typed["phone"], address.country if address else None):
        wrong.setdefault("phone", "This does not look like a phone number. Correct it, or leave it empty.")
    if address is not None:
        parts = {field: typed[field] for field in Address.__slots__ if field != "country"}
        if not addresses.is_country(address.country):
            raise InvalidContact(wrong | {"country": "Choose the country."})
        parts["postcode"] = addresses.tidy_postcode(address.country, parts["postcode"])
        address = Address(country=address.country, **parts)
        accepted = addresses.tidy_postcode(address.country, text.clean(accepted_postcode))
        for field, sentence in addresses.problems(address, accepted_postcode=accepted).items():
            wrong.setdefault(field, sentence)
    if wrong:
        raise InvalidContact(wrong)
    return Contact(email, typed["name"], typed["phone"], address)


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
