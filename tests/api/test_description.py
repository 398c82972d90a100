"""The description: complete, true, and kept by the door under everything that schemathesis thinks of."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import requests
from flask import Flask

from app.api.openapi import EXAMPLES as EXAMPLE_BODIES, PART
from tests.live import LiveServer

EXAMPLES = 6  # requests that are thought up for each operation, beside those that follow from the description
SEED = 1
CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture
def document(nobody):
    """The description, which needs no token."""
    return nobody.get("/openapi.json")


def test_every_address_is_described_and_nothing_else(app: Flask, document):
    routes = {
        (method.lower(), PART.sub(r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in set(rule.methods or ()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/") and rule.rule != "/api/openapi.json"
    }

    assert routes == {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert {("post", "/api/shop/checkout/cart"), ("get", "/api/shop/orders/{key}/tracking")} <= routes


def test_only_tracking_needs_no_token(document):
    public = [path for path, methods in document["paths"].items() for each in methods.values() if not each["security"]]

    assert public == ["/api/shop/orders/{key}/tracking"]


def test_every_operation_says_what_it_may_answer(document):
    operations = [each for methods in document["paths"].values() for each in methods.values()]

    assert all({"429", "500", "503"} <= set(each["responses"]) for each in operations)
    assert all("401" in each["responses"] for each in operations if each["security"])
    assert all({"400", "413", "415"} <= set(each["responses"]) for each in operations if "requestBody" in each)
    assert len({each["operationId"] for each in operations}) == len(operations)


def test_the_checkout_is_described_as_it_validates(document):
    properties = document["components"]["schemas"]["Checkout"]
    ids = [properties["properties"][name]["anyOf"][0] for name in ("address", "payment_method", "shipping_method")]

    assert properties["additionalProperties"] is False
    assert ids == [{"type": "integer", "minimum": 1, "maximum": 2**31 - 1}] * 3
    assert set(document["paths"]["/api/shop/checkout/cart"]["post"]["responses"]) == set(
        "200 400 401 409 413 415 429 500 503".split()
    )


def test_the_examples_validate():
    for kind, example in EXAMPLE_BODIES.items():
        assert msgspec.convert(example, kind)


@pytest.mark.timeout(300)  # a thousand requests, beside browsers on the same two processors
def test_nothing_that_a_program_sends_makes_the_door_break_its_word(live_server: LiveServer, tmp_path: Path):
    token = somebody(live_server)
    an_order(live_server.url, token)  # so that the description's links lead somewhere
    run = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{live_server.url}/api/openapi.json"]
    options = ["--header", f"Authorization: Token {token}", "--checks", "all", f"--max-examples={EXAMPLES}", f"--seed={SEED}"]

    done = subprocess.run([*run, *options, "--no-shrink"], cwd=tmp_path, capture_output=True, text=True, timeout=280)

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert re.search(r"Tested: +20\b", done.stdout), done.stdout[-2000:]


def somebody(live_server: LiveServer) -> str:
    """The token of somebody who may order, in a shop with goods."""
    ann = ["accounts", "create", "a@example.com", "--name", "A", "--phone", "+442079460000", "--verified"]
    for command in (["demo", "load"], ann):
        done = live_server.run_flask(*command)
        assert done.returncode == 0, done.stderr
    return live_server.run_flask("accounts", "token", "a@example.com").stdout.strip()


def an_order(url: str, token: str) -> None:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Token {token}"
        there = {"line1": "1 High Street", "city": "London", "postcode": "SW1A 1AA", "country": "GB"}
        address = session.post(f"{url}/api/shop/customers/me/addresses", json=there).json()["id"]
        [product] = session.get(f"{url}/api/shop/products?limit=1").json()["results"]
        session.post(f"{url}/api/shop/cart/items", json={"sku": product["variants"][0]["sku"]})
        wish = {"address": address, "payment_method": 1, "shipping_method": 1}
        assert session.post(f"{url}/api/shop/checkout/cart", json=wish).status_code == 200
