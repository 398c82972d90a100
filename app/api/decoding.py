"""What programs send: read strictly, or refused with a sentence that says what is wrong and where."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
from flask import request
from werkzeug.datastructures import MultiDict

from app.services import text
from app.services.errors import NotFound, ShopError

DEEPEST = 32
MOST_DIGITS = 20  # no number of ours is longer; Python takes its time over endless ones
LARGEST_ID = 2**31 - 1
STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
WHOLE = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
PLACE = re.compile(r" - at `\$\.?(.*)`$")

S = TypeVar("S", bound=msgspec.Struct)


class Refused(ShopError):
    """What a program sent cannot be taken; nothing was done."""

    status = 400


class NotJson(ShopError):
    message = "Send the body as JSON, with “Content-Type: application/json”."
    status = 415


def raw() -> bytes:
    """The body as it came. One that is larger than MAX_CONTENT_LENGTH is a 413, as at every door."""
    return request.get_data(cache=True)


def body(kind: type[S]) -> S:
    """The JSON object in the body, as a struct. Raises NotJson, Refused."""
    content = raw()
    if request.mimetype != "application/json":
        raise NotJson
    return _struct(_parsed(content), kind)


def query(kind: type[S]) -> S:
    """What follows the question mark, as a struct. Raises Refused."""
    return _struct(_typed(request.args, kind), kind)


def row_id(typed: str) -> int:
    """A row's id in an address. Raises NotFound for what cannot be one."""
    if not WHOLE.fullmatch(typed) or not 1 <= int(typed) <= LARGEST_ID:
        raise NotFound
    return int(typed)


def _parsed(content: bytes) -> dict[str, Any]:
    if _depth(content) > DEEPEST:
        raise Refused(f"This is nested more than {DEEPEST} deep.")
    try:
        found = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_no_number,
            parse_float=_no_number,
            parse_int=_integer,
        )
    except UnicodeDecodeError:
        raise Refused("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise Refused(f"This is not JSON: line {error.lineno}, column {error.colno}.") from None
    if not isinstance(found, dict):
        raise Refused("The body must be a JSON object: {…}.")
    _refuse_broken_text(found)
    return found


def _depth(content: bytes) -> int:
    """How deep objects and lists stand in each other, found without building them."""
    deepest = depth = 0
    for byte in STRINGS.sub(b"", content):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Refused(f"The field {text.printable(name)[:40]!r} is there twice.")
        found[name] = value
    return found


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise Refused("A number is too long.")
    return int(digits)


def _no_number(written: str) -> Any:
    raise Refused(f"{written[:40]} is not a whole number as this shop writes them: digits only.")


def _refuse_broken_text(value: Any) -> None:
    """Halves of characters and NULs: no database takes them, whatever field they are in."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise Refused(text.REFUSED)
    elif isinstance(value, list):
        for each in value:
            _refuse_broken_text(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            _refuse_broken_text(name)
            _refuse_broken_text(each)


def _typed(args: MultiDict[str, str], kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The query's texts, with digits as numbers where the struct wants numbers."""
    typed: dict[str, Any] = {}
    for name, values in args.lists():
        if len(values) > 1:
            raise Refused(f"{text.printable(name)[:40]!r} is there twice.")
        if not text.is_storable(values[0]):
            raise Refused(text.REFUSED)
        is_number = name in _numbers(kind) and WHOLE.fullmatch(values[0])
        typed[name] = int(values[0]) if is_number else values[0]
    return typed


@cache
def _numbers(kind: type[msgspec.Struct]) -> frozenset[str]:
    """The fields that want numbers."""
    fields = msgspec.json.schema_components([kind])[1][kind.__name__]["properties"]
    return frozenset(name for name, schema in fields.items() if schema.get("type") == "integer")


def _struct(found: Mapping[str, Any], kind: type[S]) -> S:
    try:
        return msgspec.convert(found, kind, strict=True)
    except msgspec.ValidationError as error:
        raise Refused(_sentence(str(error))) from None


def _sentence(complaint: str) -> str:
    """msgspec's complaint, beginning with the field: "address: expected `int`, got `str`." """
    place = PLACE.search(complaint)
    said = PLACE.sub("", complaint).rstrip(".") + "."
    return f"{place[1]}: {said[0].lower()}{said[1:]}" if place and place[1] else said
