"""Who gets what: every route asked by everybody. A new route without a row here fails the build.

The columns, in this order: anonymous · a guest with the receipt of their order · Alice, a customer · another customer ·
somebody of the staff · Alice's program, which has a token and no cookie. What is Alice's or the guest's is asked for, so an
other's answer must be that of a thing which does not exist. Forms come without what they ask for: 422 is a door that opened.
"""

import contextvars
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.models.customer import Role
from app.pretend.memory import Payment
from app.services import account_carts, accounts, address_book, editing, legal, tokens
from app.services.addresses import Address
from app.services.cart import Cart
from app.services.checkout import place_order
from app.services.customers import Buyer, Contact
from tests.factories import a_cart, a_category, a_variant
from tests.goods import a_download, get_free, yielded
from tests.members import PASSWORD, log_in
from tests.shopper import Browser
from tests.shopping import ON_DELIVERY, STANDARD, buy, price_of

pytestmark = [
    pytest.mark.usefixtures("app_context"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),  # who may see what does not depend on the database
    pytest.mark.settings(PRETEND_GATEWAY=True),  # so that its routes are there
]

ROLES = ("anonymous", "guest", "alice", "bob", "staff", "program")
SECRETS = (
    "12 Hidden Lane",
    "alice@example.com",
    "7946 0123",
    "Alice Hidden",
)  # what is Alice's alone to read

OPEN = "200 200 200 200 200 200"
MEMBERS = "303 303 200 200 200 303"
HERS = "303 303 200 404 404 303"
TOKEN = "401 401 401 401 401 200"
NOBODY = "401 401 401 401 401 401"  # the shop itself has the key
MATRIX = {
    "GET /": OPEN,
    "GET /c/<slug>": OPEN,
    "GET /p/<slug>": OPEN,
    "GET /search": OPEN,
    "GET /labels/<slug>.<version>.svg": OPEN,
    "GET /pictures/<key>-<width>.<kind>": "404 404 404 404 404 404",  # tests/web/catalog/test_picture.py
    "GET /fragments/c/<slug>": "303 303 303 303 303 303",
    "GET /fragments/search": "303 303 303 303 303 303",
    "GET /help": OPEN,
    "GET /legal/<text>": OPEN,
    "GET /healthz": OPEN,
    "GET /manifest.webmanifest": OPEN,
    "GET /offline": OPEN,
    "GET /robots.txt": OPEN,
    "GET /sitemap.xml": OPEN,
    "GET /sw.js": OPEN,
    "POST /preferences": "303 303 303 303 303 303",
    "GET /cart": OPEN,
    "POST /cart": "303 303 303 303 303 303",
    "POST /cart/discount": "303 303 422 303 303 303",  # no code is one only for who has a cart
    "POST /cart/items": "422 422 422 422 422 422",
    "POST /cart/items/<sku>": "422 422 422 422 422 422",
    "GET /checkout": "303 303 200 303 303 303",  # of them only Alice has a cart
    "POST /checkout": "303 303 409 303 303 303",  # without the token of what was shown
    "GET /orders/<key>": OPEN,  # masked for all but Alice, which SECRETS tell
    "GET /orders/find": OPEN,
    "POST /orders/find": "422 422 422 422 422 422",
    "POST /orders/hide": "303 303 303 303 303 303",
    "POST /orders/<key>/again": "404 404 422 404 404 404",
    "GET /downloads/<token>/<file>": OPEN,  # to whoever has the link, which comes by mail
    "POST /orders/<key>/account": "404 404 404 404 404 404",  # for guests' own orders only
    "GET /account": MEMBERS,
    "GET /account/profile": MEMBERS,
    "POST /account/profile": "303 303 422 422 422 303",
    "GET /account/orders": MEMBERS,
    "GET /account/addresses": MEMBERS,
    "GET /account/addresses/new": MEMBERS,
    "POST /account/addresses/new": "303 303 422 422 422 303",
    "GET /account/addresses/<address_id>": HERS,
    "POST /account/addresses/<address_id>": "303 303 422 404 404 303",
    "POST /account/addresses/<address_id>/default": "303 303 422 422 422 303",
    "POST /account/addresses/<address_id>/delete": "303 303 422 422 422 303",
    "GET /account/tokens": MEMBERS,
    "POST /account/tokens": "303 303 422 422 422 303",
    "POST /account/tokens/<token_id>/revoke": "303 303 422 422 422 303",
    "POST /account/verify": "303 303 422 422 422 303",
    "GET /account/password": MEMBERS,
    "POST /account/password": "303 303 422 422 422 303",
    "GET /account/data": MEMBERS,
    "GET /account/data.json": MEMBERS,
    "POST /account/data/delete": "303 303 422 422 422 303",
    "GET /account/login": "200 200 303 303 303 200",
    "POST /account/login": "422 422 422 422 422 422",
    "GET /account/register": "200 200 303 303 303 200",
    "POST /account/register": "422 422 422 422 422 422",
    "GET /account/password/forgot": OPEN,
    "POST /account/password/forgot": "422 422 422 422 422 422",
    "GET /account/code/<key>": "404 404 404 404 404 404",
    "POST /account/code/<key>": "404 404 404 404 404 404",
    "GET /api/openapi.json": OPEN,
    "GET /api/shop/orders/<key>/tracking": OPEN,  # masked, for Alice's own program too
    "GET /api/shop/products": TOKEN,
    "GET /api/shop/products/<slug>": TOKEN,
    "GET /api/shop/payment-methods": TOKEN,
    "GET /api/shop/shipping-methods": TOKEN,
    "GET /api/shop/cart": TOKEN,
    "POST /api/shop/cart/items": "401 401 401 401 401 415",
    "PATCH /api/shop/cart/items/<line_id>": "401 401 401 401 401 415",
    "DELETE /api/shop/cart/items/<line_id>": "401 401 401 401 401 204",
    "DELETE /api/shop/cart": "401 401 401 401 401 204",
    "POST /api/shop/checkout/cart": "401 401 401 401 401 415",
    "POST /api/shop/checkout/order/<key>": "401 401 401 401 401 415",
    "GET /api/shop/customers/me": TOKEN,
    "PATCH /api/shop/customers/me": "401 401 401 401 401 415",
    "GET /api/shop/customers/me/addresses": TOKEN,
    "POST /api/shop/customers/me/addresses": "401 401 401 401 401 415",
    "PATCH /api/shop/customers/me/addresses/<address_id>": "401 401 401 401 401 415",
    "DELETE /api/shop/customers/me/addresses/<address_id>": "401 401 401 401 401 204",
    "GET /api/shop/customers/me/orders": TOKEN,
    "GET /api/shop/customers/me/orders/<key>": TOKEN,
    "GET /pretend/pay/<reference>": OPEN,  # whoever has the address may pay
    "POST /pretend/pay/<reference>": "422 422 422 422 422 422",
    "POST /pretend/api/payments": NOBODY,
    "GET /pretend/api/payments/<reference>": NOBODY,
    "POST /pretend/api/payments/<reference>/refunds": NOBODY,
    "GET /checkout/return/<key>": "404 404 404 404 404 404",  # an order's key is not a payment's
    "GET /fragments/checkout/return/<key>": "303 303 303 303 303 303",
    "POST /webhooks/<gateway>": "400 400 400 400 400 400",  # nobody signed it
    "POST /orders/<key>/pay": "422 422 422 422 422 422",  # whoever has the key may pay
    "POST /orders/<key>/cancel": "404 404 422 404 404 404",
    "POST /orders/<key>/request": "404 404 422 404 404 404",
    "POST /orders/<key>/invoice": "404 404 422 404 404 404",
    "GET /orders/<key>/invoice": "404 404 404 404 404 404",  # nobody asked for it yet
    "POST /account/logout": "303 303 303 303 303 303",  # last: it ends what the others need
}


@dataclass
class World:
    """Alice has one of everything; `values` fill the places of addresses."""

    app: Flask
    values: dict[str, Any]
    token: str
    guests: FlaskClient


@pytest.fixture
def world(app, page) -> World:
    a_category("Beans")
    item = a_variant(on_hand=50)
    buy(page, "BEANS", email="gus@example.com")  # the guest, with the receipt of another order
    for name in ("alice", "bob", "staff"):
        role = Role.STAFF if name == "staff" else Role.CUSTOMER
        who = "Alice Hidden" if name == "alice" else name.title()
        phone = "+44 20 7946 0123" if name == "alice" else "+44 20 7946 0999"
        accounts.create(f"{name}@example.com", name=who, phone=phone, role=role, password=PASSWORD, is_verified=True)
    alice = accounts.by_email("alice@example.com")
    home = Address("GB", "12 Hidden Lane", "London", "SW1A 1AA")
    address_id = address_book.add(alice.customer_id, home, name=alice.name, phone=alice.phone)
    token = tokens.make(alice.account_id, "her program")
    cart = account_carts.save(alice.customer_id, Cart(), a_cart((item, 1)))
    placed = place_order(
        cart,
        Contact(alice.email, alice.name, alice.phone, home),
        currency="GBP",
        shipping_id=STANDARD,
        payment_id=ON_DELIVERY,
        notes="",
        shown_total_minor=price_of(cart, STANDARD),
        hold_minutes=30,
        buyer=Buyer(alice.customer_id, alice.account_id),
    )
    account_carts.save(alice.customer_id, Cart(), a_cart((item, 2)))
    link = yielded(get_free((a_download(), 1)))[0].link.address
    values = {
        "slug": "beans",
        "version": "1",
        "width": 400,
        "kind": "jpg",
        "sku": "BEANS",
        "key": placed.key,
        "address_id": address_id,
        "token_id": tokens.alive(alice.account_id)[0].id,
        "line_id": item.id,
        "token": link.split("/")[2],
        "file": "guide.pdf",
        "gateway": "pretend",
        "reference": a_pretend_payment(app, placed.key),
        "text": "terms",
    }
    written = {"title": "Terms", "body": "We sell."}
    legal.publish("terms", written, seen=editing.seen(legal.draft("terms"), legal.EDITED), actor="test")
    return World(app, values, token, page.client)


def a_pretend_payment(app: Flask, order_key: str) -> str:
    """What the pretend provider knows of an order; nothing there is anybody's secret."""
    texts = dict.fromkeys(("order_number", "payment_key", "description", "return_url", "webhook_url"), "http://localhost/")
    payment = Payment(
        reference="pay_1", idempotency_key="1", order_key=order_key, amount_minor=1, currency="GBP", expires_at=1e10, **texts
    )
    return app.extensions["pretend"].memory.add(payment)[0].reference


def rules(app: Flask) -> dict[str, str]:
    """Every route as "METHOD /address", with Werkzeug's own form of the address."""
    return {
        f"{method} {plain(rule.rule)}": rule.rule
        for rule in app.url_map.iter_rules()
        for method in set(rule.methods or ()) - {"HEAD", "OPTIONS"}
    }


def plain(rule: str) -> str:
    """The address with its places' names alone: <int(max=9):id> becomes <id>."""
    return "".join(f"<{part.rpartition(':')[2]}" if i else part for i, part in enumerate(rule.split("<")))


def test_every_route_has_a_row(app):
    routes = {route for route in rules(app) if not route.split(" ")[1].startswith("/staff")}  # which have a matrix of their own

    assert routes - set(MATRIX) == set(), "these routes have no row: say who gets what"
    assert set(MATRIX) - routes == set(), "these rows have no route"


@pytest.mark.parametrize("role", ROLES)
def test_everybody_gets_what_is_theirs(world, role):
    ask = door(world, role)
    wrong, seen = {}, {}

    for route, row in MATRIX.items():
        method, address = route.split(" ")
        for name, value in world.values.items():
            address = address.replace(f"<{name}>", str(value))
        expected = int(row.split()[ROLES.index(role)])
        answer = ask(method, address)
        if answer.status_code != expected:
            wrong[route] = f"{answer.status_code}, not {expected}"
        told = answer.get_data(as_text=True)
        if role not in ("alice", "program") and any(secret in told for secret in SECRETS):
            seen[route] = [secret for secret in SECRETS if secret in told]

    assert (wrong, seen) == ({}, {})


@pytest.mark.parametrize("role", ["alice", "program"])
def test_what_is_hidden_from_others_is_there_to_be_seen(world, role):
    ask = door(world, role)
    addresses = {"alice": "/account/addresses", "program": "/api/shop/customers/me/addresses"}

    told = ask("GET", addresses[role]).get_data(as_text=True)

    assert "12 Hidden Lane" in told
    assert "12 Hidden Lane" not in ask("GET", f"/api/shop/orders/{world.values['key']}/tracking").get_data(as_text=True)


def test_alices_order_is_whole_for_alice(world):
    for role in ROLES:
        told = door(world, role)("GET", f"/orders/{world.values['key']}").get_data(as_text=True)

        assert ("12 Hidden Lane" in told) == (role == "alice"), role


def door(world: World, role: str) -> Callable[..., Any]:
    """How this role asks: with the cookies or the token that are theirs."""
    client = world.guests if role == "guest" else world.app.test_client()
    if role in ("alice", "bob", "staff"):
        browser = Browser(world.app)
        log_in(browser, f"{role}@example.com")
        client = browser.client
    headers = {"Authorization": f"Token {world.token}"} if role == "program" else {}
    return lambda method, address: fresh(client, method, address, headers)


def fresh(client: FlaskClient, method: str, address: str, headers: dict[str, str]) -> Any:
    """One request in a context of its own; within the test's it would share the `g` of the one before."""
    return contextvars.Context().run(client.open, address, method=method, headers=headers, buffered=True)
