"""The address book: one default, nobody else's, as many as fit."""

import pytest

from app.services import address_book
from app.services.address_book import BookFull
from app.services.addresses import Address
from app.services.errors import InvalidInput, NotFound
from tests.factories import LONDON, an_account

pytestmark = pytest.mark.usefixtures("app_context")

LEEDS = Address("GB", "2 Low Road", "Leeds", "LS1 1AA")


@pytest.fixture
def alice() -> int:
    return an_account("alice@example.com")


def book(customer_id: int) -> list[tuple[str, bool]]:
    return [(row.line1, row.is_default) for row in address_book.entries(customer_id)]


def test_the_first_address_is_the_default(alice):
    address_book.add(alice, LONDON)
    address_book.add(alice, LEEDS)

    assert book(alice) == [("1 High Street", True), ("2 Low Road", False)]


def test_another_can_become_the_default(alice):
    first = address_book.add(alice, LONDON)
    second = address_book.add(alice, LEEDS, is_default=True)
    assert book(alice) == [("2 Low Road", True), ("1 High Street", False)]

    address_book.change(alice, first, LONDON, is_default=True)

    assert book(alice) == [("1 High Street", True), ("2 Low Road", False)]
    assert not address_book.entry(alice, second).is_default


def test_when_the_default_goes_the_oldest_takes_its_place(alice):
    first = address_book.add(alice, LONDON)
    address_book.add(alice, LEEDS)

    address_book.remove(alice, first)

    assert book(alice) == [("2 Low Road", True)]


def test_what_was_typed_is_tidied(alice):
    made = address_book.add(alice, Address("GB", "  1 High Street ", "London", "sw1a1aa"), name=" Alice ", phone="020 7946 0000")

    row = address_book.entry(alice, made)
    assert (row.line1, row.name, row.phone) == ("1 High Street", "Alice", "020 7946 0000")
    assert address_book.address_of(row) == Address("GB", "1 High Street", "London", row.postcode)


@pytest.mark.parametrize(
    ("address", "more", "field"),
    [
        (Address("GB", "", "London", "SW1A 1AA"), {}, "line1"),
        (Address("GB", "1 High Street", "", "SW1A 1AA"), {}, "city"),
        (Address("GB", "1 High Street", "London", ""), {}, "postcode"),
        (Address("GB", "1 High Street", "London", "nonsense"), {}, "postcode"),
        (Address("XX", "1 High Street", "London", "SW1A 1AA"), {}, "country"),
        (Address("US", "1 Main St", "Austin", "78701"), {}, "region"),
        (LONDON, {"phone": "12"}, "phone"),
        (LONDON, {"name": "x" * 121}, "name"),
        (Address("GB", "a\0b", "London", "SW1A 1AA"), {}, "line1"),
    ],
)
def test_what_cannot_be_used_is_said_by_field(alice, address, more, field):
    with pytest.raises(InvalidInput) as error:
        address_book.add(alice, address, **more)

    assert field in error.value.fields
    assert book(alice) == []


def test_a_doubted_postcode_is_accepted_the_second_time(alice):
    odd = Address("GB", "1 High Street", "London", "QQ 11")

    address_book.add(alice, odd, accepted_postcode="QQ 11")

    assert book(alice) == [("1 High Street", True)]


def test_another_persons_address_is_as_one_that_does_not_exist(alice):
    bob = an_account("bob@example.com")
    alices = address_book.add(alice, LONDON)
    said = []

    for address_id in (alices, 999_999):
        for use in (
            lambda i: address_book.entry(bob, i),
            lambda i: address_book.change(bob, i, LEEDS, is_default=True),
            lambda i: address_book.remove(bob, i),
        ):
            with pytest.raises(NotFound) as error:
                use(address_id)
            said.append(str(error.value))

    assert set(said) == {"There is no such address."}
    assert (book(alice), book(bob)) == ([("1 High Street", True)], [])


def test_a_book_holds_so_many(alice, monkeypatch):
    monkeypatch.setattr(address_book, "MOST_ADDRESSES", 1)
    address_book.add(alice, LONDON)

    with pytest.raises(BookFull):
        address_book.add(alice, LEEDS)
