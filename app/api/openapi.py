"""What the door is described by: OpenAPI 3.1, made from the operations and the structs that validate."""

import re
from functools import cache
from typing import Any

import msgspec
from flask import Response

from app.api import bp, schemas
from app.api.decoding import LARGEST_ID
from app.api.operations import IDS, OPERATIONS, Operation, in_json
from app.services import addresses
from app.services.idempotency import LONGEST_KEY

REF = "#/components/schemas/{name}"
PART = re.compile(r"<(\w+)>")
PARTS = {  # what may stand in an address
    "key": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "slug": {"type": "string", "pattern": "^[a-z0-9-]{1,160}$"},
} | {name: {"type": "integer", "minimum": 1, "maximum": LARGEST_ID} for name in IDS}
SAYS = {
    200: "Done.",
    201: "Made.",
    204: "Gone; the answer is empty.",
    400: "Refused: the sentence says why. Nothing was changed.",
    401: "The token is missing, malformed or revoked.",
    404: "There is no such thing, or it is not yours.",
    409: "The Idempotency-Key was sent with another body, or the first such request is still at work.",
    413: "The body is larger than 64 kB.",
    415: "The body is not application/json.",
    429: "Too many requests.",
    500: "Our fault.",
    503: "Busy, or a payment service cannot be reached: nothing is held, the cart is kept, and the same may be sent again.",
}
HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}},
    503: {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}},
}
EXAMPLES: dict[type, dict[str, Any]] = {
    schemas.Checkout: {"address": 3, "payment_method": 1, "shipping_method": 1, "notes": "Ring twice."},
    schemas.NewCartItem: {"sku": "YIRG-250-WB", "quantity": 2},
    schemas.NewAddress: {"line1": "1 High Street", "city": "London", "postcode": "SW1A 1AA", "country": "GB"},
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Names this request for 24 hours: sent again with the same body it is answered again and done once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}


@bp.get("/openapi.json")
def describe() -> Response:
    """This description; it needs no token."""
    return in_json(document(), 200)


@cache
def document() -> bytes:
    """The whole description as JSON."""
    kinds = {schemas.Error} | {kind for made in OPERATIONS for kind in (made.body, made.answers) if kind}
    _, components = msgspec.json.schema_components(sorted(kinds, key=lambda kind: kind.__name__), ref_template=REF)
    for component in components.values():
        name_countries(component["properties"])
    paths: dict[str, Any] = {}
    for made in OPERATIONS:
        path = PART.sub(r"{\1}", f"{bp.url_prefix}{made.path}")
        paths.setdefault(path, {})[made.method.lower()] = operation(made)
    token = {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Token, a blank, and the key."}
    about = {
        "openapi": "3.1.0",
        "info": {"title": "Till", "version": "1", "description": schemas.__doc__},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"token": token}},
    }
    return msgspec.json.encode(about)


def operation(made: Operation) -> dict[str, Any]:
    """One operation: where what is sent goes, and every answer that it may get."""
    says = " ".join((made.view.__doc__ or "").split())
    described: dict[str, Any] = {
        "operationId": made.view.__name__,
        "summary": says.split(". ")[0].rstrip("."),
        "description": says,
        "parameters": parameters(made),
        "responses": {str(code): answer(made, code) for code in codes(made)},
        "security": [] if made.is_public else [{"token": []}],
    }
    if made.body:
        described["requestBody"] = {"required": True, "content": content(made.body)}
        if made.body in EXAMPLES:
            described["requestBody"]["content"]["application/json"]["example"] = EXAMPLES[made.body]
    return described


def parameters(made: Operation) -> list[dict[str, Any]]:
    found = [{"name": name, "in": "path", "required": True, "schema": PARTS[name]} for name in PART.findall(made.path)]
    if made.query:
        (_,), parts = msgspec.json.schema_components([made.query], ref_template=REF)
        wanted = name_countries(parts[made.query.__name__]["properties"])
        found += [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in wanted.items()]
    return [*found, IDEMPOTENCY_KEY] if made.method == "POST" else found


def name_countries(fields: dict[str, Any]) -> dict[str, Any]:
    """Which countries there are is known by the rules of their addresses, not by a struct."""
    if "pattern" in fields.get("country", {}):
        fields["country"]["enum"] = list(addresses.everywhere())
    return fields


def codes(made: Operation) -> list[int]:
    """Every status that this operation may answer."""
    own = {made.status, 429, 500, 503, *made.errors}
    own |= set() if made.is_public else {401}
    own |= {400, 413, 415} if made.body else set()
    own |= {409} if made.method == "POST" else set()
    return sorted(own)


def answer(made: Operation, code: int) -> dict[str, Any]:
    kind = made.answers if code < 400 else schemas.Error
    described: dict[str, Any] = {"description": SAYS[code]}
    if kind:
        described["content"] = content(kind)
    if made.leads and code < 400:
        described["links"] = {
            name: {"operationId": name, "parameters": {part: f"$response.body#{pointer}"}}
            for name, (part, pointer) in made.leads.items()
        }
    if code in HEADERS:
        described["headers"] = HEADERS[code]
    return described


def content(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": REF.format(name=kind.__name__)}}}
