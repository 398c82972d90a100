"""/account/addresses: an address book whose form asks what the country needs, and where another's entry is not there at all."""

import pytest

from app.services import accounts, address_book
from app.services.addresses import Address
from tests.factories import LONDON, a_shipping_method
from tests.members import a_member, log_in

pytestmark = pytest.mark.usefixtures("app_context")
HOME = {"name": "Alice Example", "line1": "1 High Street", "city": "London", "postcode": "sw1a 1aa"}


@pytest.fixture
def alice(page):
    member = a_member()
    log_in(page)
    return member


def add(page, status: int = 200, **typed):
    page.get("/account/addresses/new")
    return page.submit("Save", {**HOME, **typed}, status=status)


def entries(member):
    return address_book.entries(member.customer_id)


def test_an_address_is_added_and_the_first_is_the_default(page, alice):
    add(page)
    add(page, line1="2 Low Street")

    assert page.path == "/account/addresses"
    assert "Your address is saved." in page.text
    assert [(row.line1, row.postcode, row.is_default) for row in entries(alice)] == [
        ("1 High Street", "SW1A 1AA", True),
        ("2 Low Street", "SW1A 1AA", False),
    ]
    assert "1 High Street" in page.text


def test_it_begins_with_ones_name_and_the_shops_country(page, alice):
    page.get("/account/addresses/new")

    assert page.document.by_id("name").get("value") == "Alice Example"
    assert page.form_data("Save")["country"] == ["GB"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"line1": ""}, "Enter the street and house number."),
        ({"city": ""}, "Enter the town or city."),
        ({"postcode": ""}, "Enter the postcode, like"),
        ({"phone": "none"}, "does not look like a phone number"),
        ({"line1": "x" * 201}, "too long"),
        ({"city": "a\0b"}, "cannot be stored"),
    ],
)
def test_what_cannot_be_is_said_and_the_rest_kept(page, alice, typed, said):
    add(page, 422, **typed)

    assert said in page.text
    assert page.title.startswith("Error: ")
    for name, value in {**HOME, **typed}.items():
        assert page.document.by_id(name).get("value", "") == value.replace("\0", "")
    assert entries(alice) == []


def test_a_doubtful_postcode_is_taken_when_it_is_sent_once_more(page, alice):
    add(page, 422, postcode="NOWHERE 1")
    assert "send it once more as it is" in page.text

    page.submit("Save")

    assert [row.postcode for row in entries(alice)] == ["NOWHERE 1"]


def test_another_country_asks_what_it_needs_and_keeps_what_was_typed(page, alice):
    a_shipping_method(countries="GB,US,IE")
    page.get("/account/addresses/new")

    page.submit("Update", {**HOME, "country": "US"})

    assert page.document.by_id("region") is not None
    assert "ZIP code" in page.text
    assert page.document.by_id("line1").get("value") == "1 High Street"
    assert entries(alice) == []
    page.submit("Save", region="NY", postcode="10001", city="New York")
    assert [(row.country, row.region) for row in entries(alice)] == [("US", "NY")]


def test_an_entry_is_changed(page, alice):
    add(page)
    page.click("Change 1 High Street")
    assert page.document.by_id("postcode").get("value") == "SW1A 1AA"

    page.submit("Save", line1="3 Middle Street")

    assert page.path == "/account/addresses"
    assert [row.line1 for row in entries(alice)] == ["3 Middle Street"]


def test_a_change_that_cannot_be_is_said_and_kept(page, alice):
    add(page)
    page.click("Change 1 High Street")

    page.submit("Save", line1="", city="Elsewhere", status=422)

    assert page.document.by_id("city").get("value") == "Elsewhere"
    assert [row.line1 for row in entries(alice)] == ["1 High Street"]


def test_a_company_that_a_program_wrote_stays(page, alice):
    address_book.add(alice.customer_id, Address("GB", "1 High Street", "London", "SW1A 1AA", company="Example Ltd"))
    page.get("/account/addresses").click("Change 1 High Street")

    page.submit("Save", line1="2 Low Street")

    assert [(row.line1, row.company) for row in entries(alice)] == [("2 Low Street", "Example Ltd")]


def test_another_one_is_made_the_default(page, alice):
    add(page)
    add(page, line1="2 Low Street")

    page.submit("Propose this one 2 Low Street")

    assert [(row.line1, row.is_default) for row in entries(alice)] == [("2 Low Street", True), ("1 High Street", False)]


def test_the_form_can_say_so_too(page, alice):
    add(page)

    add(page, line1="2 Low Street", is_default=True)

    assert [row.line1 for row in entries(alice) if row.is_default] == ["2 Low Street"]


def test_one_is_deleted_and_another_is_the_default(page, alice):
    add(page)
    add(page, line1="2 Low Street")

    page.submit("Delete 1 High Street")

    assert "The address is deleted." in page.text
    assert [(row.line1, row.is_default) for row in entries(alice)] == [("2 Low Street", True)]


def test_a_full_book_says_so(page, alice, monkeypatch):
    monkeypatch.setattr(address_book, "MOST_ADDRESSES", 1)
    add(page)

    add(page, 422, line1="2 Low Street")

    assert "Your address book holds" in page.text
    assert page.document.by_id("line1").get("value") == "2 Low Street"


@pytest.fixture
def bobs(alice):
    """The id of an address of somebody else."""
    bob = a_member("bob@example.com", name="Bob")
    return address_book.add(bob.customer_id, LONDON, name="Bob Secret")


@pytest.mark.parametrize("what", ["", "/delete", "/default"])
def test_anothers_is_answered_as_one_that_is_not_there(page, alice, bobs, what):
    page.get("/account/addresses/new")
    sent = {**HOME, "csrf_token": page.form_data("Save")["csrf_token"], "country": "GB"}
    said = set()

    for address_id in (bobs, 999, 2**31 - 1, 0):
        page.post(f"/account/addresses/{address_id}{what}", sent, status=404)
        said.add(page.text.split("give this number")[0])
        if not what:
            page.get(f"/account/addresses/{address_id}", status=404)

    assert len(said) == 1
    assert "Bob" not in page.text
    assert address_book.entry(accounts.by_email("bob@example.com").customer_id, bobs).line1 == LONDON.line1


@pytest.mark.parametrize("address_id", [2**31, 10**30, "x", "-1"])
def test_what_is_no_number_of_an_entry_leads_nowhere(page, alice, address_id):
    page.get(f"/account/addresses/{address_id}", status=404)
    page.post(f"/account/addresses/{address_id}/delete", status=404)


@pytest.mark.parametrize("what", ["/delete", "/default"])
def test_small_forms_need_their_token(page, alice, what):
    add(page)
    add(page, line1="2 Low Street")
    address_id = entries(alice)[1].id

    page.post(f"/account/addresses/{address_id}{what}", status=422)

    assert "Press the button once more." in page.text
    assert [row.line1 for row in entries(alice)] == ["1 High Street", "2 Low Street"]


@pytest.mark.parametrize("what", ["/delete", "/default"])
def test_looking_changes_nothing(page, alice, what):
    add(page)

    page.get(f"/account/addresses/{entries(alice)[0].id}{what}", status=405)

    assert len(entries(alice)) == 1
