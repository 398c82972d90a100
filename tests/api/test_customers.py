"""The profile, the address book and the orders of whoever has the token."""

import pytest

from app.services import accounts
from tests.factories import a_guide, a_redirect_method, a_variant
from tests.programs import CHECKOUT
from tests.shopping import the_order

pytestmark = pytest.mark.usefixtures("app_context")
ME, BOOK, ORDERS = "/shop/customers/me", "/shop/customers/me/addresses", "/shop/customers/me/orders"
BATH = {"line1": "2 Low Street", "city": "Bath", "postcode": "BA1 1AA", "country": "GB"}
WHOLE = BATH | {"name": "Bo", "company": "Bo Ltd", "line2": "Flat 2", "region": "", "phone": "+44 20 7946 0000"}


# --- the profile ---


def test_a_profile_says_who_one_is(alice):
    assert alice.get(ME) == {
        "email": "alice@example.com",
        "name": "Alice Archer",
        "phone": "+44 20 7946 0000",
        "is_verified": True,
        "is_complete": True,
    }


def test_what_is_left_out_stays(alice):
    assert alice.patch(ME, {"name": "  Al\u0065\u0301 "})["name"] == "Al\u00e9"
    assert alice.patch(ME, {"phone": ""})["is_complete"] is False
    assert alice.patch(ME, {}) == alice.get(ME)
    assert accounts.by_email("alice@example.com").name == "Al\u00e9"


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": " "},
        {"name": None},
        {"name": 1},
        {"phone": "12"},
        {"email": "x@example.com"},
        {"role": "staff"},
        {"name": "x" * 121},
        {"name": "a\nb"},
        {"name": "\u0000"},
        [],
    ],
)
def test_what_a_profile_does_not_take_changes_nothing(alice, body):
    before = alice.get(ME)

    alice.patch(ME, body, 400)

    assert alice.get(ME) == before


# --- addresses ---


def test_an_address_is_made_changed_and_deleted(alice):
    made = alice.post(BOOK, WHOLE, 201)
    assert made == WHOLE | {"id": made["id"], "is_default": False}
    assert type(made["id"]) is int

    changed = alice.patch(f"{BOOK}/{made['id']}", {"line2": "", "is_default": True})
    assert changed == made | {"line2": "", "is_default": True}
    assert [entry["id"] for entry in alice.get(BOOK)["results"]] == [made["id"], alice.address_id]

    alice.delete(f"{BOOK}/{made['id']}")
    alice.delete(f"{BOOK}/{made['id']}", 404)
    [left] = alice.get(BOOK)["results"]
    assert (left["id"], left["is_default"]) == (alice.address_id, True)


def test_an_address_that_was_made_can_be_ordered_to(alice):
    alice.put_in((a_variant(), 1))

    alice.post(CHECKOUT, alice.wish(address=alice.post(BOOK, BATH, 201)["id"]))

    assert the_order().city == "Bath"


@pytest.mark.parametrize("missing", ["line1", "city", "postcode", "country"])
def test_what_a_country_needs_must_be_there(alice, missing):
    told = alice.post(BOOK, {name: value for name, value in BATH.items() if name != missing}, 400)["error"]

    assert missing in told
    assert alice.get(BOOK)["count"] == 1


def test_a_country_with_regions_wants_one(alice):
    there = {"line1": "1 Main Street", "city": "Springfield", "postcode": "97475", "country": "US"}

    assert "region" in alice.post(BOOK, there, 400)["error"]
    alice.post(BOOK, there | {"region": "OR"}, 201)


def test_an_odd_postcode_is_taken_when_one_says_that_it_is_right(alice):
    odd = BATH | {"postcode": "99 99"}

    assert "postcode" in alice.post(BOOK, odd, 400)["error"]
    made = alice.post(BOOK, odd | {"accept_postcode": True}, 201)
    assert made["postcode"] == "99 99"
    assert alice.patch(f"{BOOK}/{made['id']}", {"name": "Bo"})["postcode"] == "99 99"  # it was accepted before
    alice.patch(f"{BOOK}/{made['id']}", {"postcode": "88 88"}, 400)


@pytest.mark.parametrize("country", ["gb", "XX", "GBR", "", "ZZ", 1, None])
def test_what_is_no_country_is_refused(alice, country):
    alice.post(BOOK, BATH | {"country": country}, 400)


def test_the_book_has_an_end(alice, monkeypatch):
    from app.services import address_book

    monkeypatch.setattr(address_book, "MOST_ADDRESSES", 1)

    assert "address book" in alice.post(BOOK, BATH, 400)["error"]


def test_anothers_address_does_not_exist(alice, mallory):
    path = f"{BOOK}/{alice.address_id}"

    mallory.patch(path, {"city": "Hull"}, 404)
    mallory.delete(path, 404)

    assert alice.get(BOOK)["results"][0]["city"] == "London"
    assert [entry["id"] for entry in mallory.get(BOOK)["results"]] == [mallory.address_id]


@pytest.mark.parametrize("address", ["0", "-1", "x", "1.0", "9223372036854775808", "999"])
def test_an_address_that_is_not_there_is_not_found(alice, address):
    alice.patch(f"{BOOK}/{address}", {}, 404)
    alice.delete(f"{BOOK}/{address}", 404)


def test_the_book_is_read_in_parts(alice):
    second = alice.post(BOOK, BATH, 201)

    answer = alice.get(f"{BOOK}?limit=1&offset=1")

    assert (answer["count"], answer["next"], answer["results"]) == (2, None, [second])


# --- orders ---


def test_orders_are_listed_the_newest_first(alice):
    keys = []
    for _ in range(3):
        alice.put_in((a_guide(f"G{len(keys)}"), 1))
        keys.append(alice.post(CHECKOUT, {})["order_key"])

    answer = alice.get(f"{ORDERS}?limit=2")

    assert ([order["key"] for order in answer["results"]], answer["count"]) == (keys[:0:-1], 3)
    assert [order["key"] for order in alice.get(answer["next"].partition("/api")[2])["results"]] == keys[:1]
    assert set(answer["results"][0]) >= {"status", "number", "total_minor", "currency", "placed_at"}


def test_one_order_is_told_whole(alice):
    alice.put_in((a_variant(options="250 g"), 2))
    key = alice.post(CHECKOUT, alice.wish(notes="Ring twice."))["order_key"]

    order = alice.get(f"{ORDERS}/{key}")

    assert (order["status"], order["total_minor"], order["outstanding_minor"], order["next_step"]) == (
        "PROCESSING",
        2395,
        2395,
        None,
    )
    assert (order["email"], order["notes"], order["phone"]) == ("alice@example.com", "Ring twice.", "+44 20 7946 0000")
    assert "1 High Street" in order["address"]
    assert order["lines"] == [
        {
            "sku": "BEANS",
            "name": "House Blend",
            "options": "250 g",
            "quantity": 2,
            "unit_price_minor": 1000,
            "line_total_minor": 2000,
            "is_digital": False,
        }
    ]


def test_an_unpaid_order_says_where_it_is_paid(alice, monkeypatch):
    alice.put_in((a_variant(), 1))
    answer = alice.post(CHECKOUT, alice.wish(payment_method=a_redirect_method(monkeypatch)))

    assert alice.get(f"{ORDERS}/{the_order().key}")["next_step"] == answer["next_step"]


def test_anothers_order_does_not_exist(alice, mallory):
    alice.put_in((a_guide(), 1))
    key = alice.post(CHECKOUT, {})["order_key"]

    for unknown in (key, key.upper(), "0" * 32, "x", "%00" * 32):
        mallory.get(f"{ORDERS}/{unknown}", 404)
    assert mallory.get(ORDERS)["results"] == []


# --- tracking ---


def test_tracking_needs_the_key_alone_and_names_nobody(alice, nobody):
    alice.put_in((a_variant(), 2))
    key = alice.post(CHECKOUT, alice.wish(notes="Secret knock"))["order_key"]

    answer = nobody.ask("GET", f"/shop/orders/{key}/tracking")

    told, text = answer.json, answer.get_data(as_text=True)
    assert (told["status"], told["total_minor"], told["outstanding_minor"]) == ("PROCESSING", 2395, 2395)
    assert [(line["sku"], line["quantity"]) for line in told["lines"]] == [("BEANS", 2)]
    assert [event["status"] for event in told["events"]] == ["HOLD", "PROCESSING"]
    assert told["email"] == "a•••@e•••"
    for secret in ("alice@", "Archer", "7946", "High Street", "SW1A", "Secret knock", "notes", "phone", "address"):
        assert secret not in text


@pytest.mark.parametrize("key", ["0" * 32, "x", "%00", "é", "None"])
def test_an_unknown_key_tracks_nothing(nobody, key):
    nobody.get(f"/shop/orders/{key}/tracking", 404)
