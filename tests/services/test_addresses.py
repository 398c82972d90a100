"""Addresses: each country asks for what it has, and a postcode is doubted once, never refused for good."""

import csv
import os
from dataclasses import replace
from pathlib import Path

import pytest

from app.models.order import Order
from app.services import addresses
from app.services.addresses import Address
from tests.factories import LONDON


@pytest.mark.parametrize(
    ("country", "has_postcode", "needs_region", "word"),
    [
        ("GB", True, False, "postcode"),
        ("US", True, True, "ZIP code"),
        ("IE", True, False, "Eircode"),
        ("HK", False, True, "postcode"),
    ],
)
def test_each_country_has_its_own_questions(country, has_postcode, needs_region, word):
    rules = addresses.rules(country)

    assert (rules.has_postcode, rules.needs_region, rules.postcode_word) == (has_postcode, needs_region, word)
    assert bool(rules.regions) == needs_region


def test_a_good_address_has_no_problems():
    assert addresses.problems(LONDON) == {}


@pytest.mark.parametrize(
    ("part", "words"), [("line1", "Enter the street"), ("city", "Enter the town"), ("postcode", "Enter the postcode")]
)
def test_what_is_missing_is_said(part, words):
    found = addresses.problems(replace(LONDON, **{part: ""}))

    assert list(found) == [part]
    assert found[part].startswith(words)


@pytest.mark.parametrize("postcode", ["SW1A 1AA", "SW1A1AA", "M1 1AE", "EC1A1BB"])
def test_blanks_do_not_matter_in_a_british_postcode(postcode):
    assert addresses.problems(replace(LONDON, postcode=postcode)) == {}


def test_a_doubtful_postcode_is_accepted_when_it_is_sent_again():
    doubtful = replace(LONDON, postcode="NEW 9999")

    assert "postcode" in addresses.problems(doubtful)
    assert addresses.problems(doubtful, accepted_postcode="NEW 9999") == {}
    assert "postcode" in addresses.problems(doubtful, accepted_postcode="OLD 9999")


def test_a_region_is_one_of_the_countrys():
    springfield = Address("US", "1 Main St", "Springfield", "62701", region="IL")

    assert addresses.problems(springfield) == {}
    assert "region" in addresses.problems(replace(springfield, region="Illinois-ish"))


def test_a_country_without_postcodes_wants_none():
    assert addresses.problems(Address("AE", "1 Street", region="DU")).get("postcode") is None


@pytest.mark.parametrize("code", ["", "gb", "GBR", "XX", "ZZ", "EU", "1A", "G\0", "ÄÖ"])
def test_what_is_no_country_is_none(code):
    assert not addresses.is_country(code)


def test_countries_are_many_and_have_names():
    codes = addresses.everywhere()

    assert {"GB", "US", "JP", "CI"} <= set(codes)
    assert len(codes) > 200
    assert addresses.country_name("CI") == "Côte d’Ivoire"


def test_every_country_can_be_asked_for():
    for code in addresses.everywhere():
        rules = addresses.rules(code)
        assert not rules.needs_postcode or rules.has_postcode, code
        assert not rules.needs_city or rules.has_city, code


@pytest.mark.real_data
def test_real_postcode_examples_are_hardly_doubted():
    folder = os.environ.get("REAL_DATA_DIR") or pytest.skip("REAL_DATA_DIR is not set")
    with (Path(folder) / "addresses/postcode_examples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    doubted = [
        row for row in rows if addresses.is_country(row["country"]) and not addresses.looks_right(row["country"], row["postcode"])
    ]

    assert len(rows) > 400
    assert len(doubted) < len(rows) * 0.03


@pytest.mark.parametrize(("country", "last"), [("GB", ["Rome", "1000"]), ("DE", ["1000 Rome"]), ("US", ["Rome, NY 1000"])])
def test_a_parcel_is_addressed_as_its_country_does(country, last):
    region = "NY" if country == "US" else ""
    where = {"line1": "1 High Street", "line2": "", "city": "Rome", "postcode": "1000", "region": region}
    order = Order(country=country, name="Gus", company="", **where)

    assert addresses.parcel_lines(order) == ["Gus", "1 High Street", *last]


def test_a_parcel_is_addressed_as_it_was_typed():
    typed = {"name": "- Gus,", "line1": "-1/2  High\u2028Street", "line2": "", "city": "Rome -", "region": "", "postcode": "1000"}

    assert addresses.parcel_lines(Order(country="US", company="", **typed)) == [
        "- Gus,",
        "-1/2  High\u2028Street",
        "Rome -, 1000",
    ]
    assert addresses.parcel_lines(Order(country="GB", company="", **typed))[2:] == ["Rome -", "1000"]
