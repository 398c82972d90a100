"""The back office: every route × every role, plain and by htmx. A new route without a row here fails the build.

Forms come without what they ask for, so 422 is a door that opened. Anonymous people are led to log in; to customers, and to staff
where only managers may go, the page does not exist; a manager who did not give the second factor yet is asked for it.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.extensions import db, now, transaction
from app.models.customer import Account
from app.models.order import Order
from app.models.outbox import OutboxMessage
from app.services import deliveries, delivery_file, editing, legal, stock
from tests.desk import sent, to_pack
from tests.factories import a_category, a_discount, a_variant
from tests.members import a_member, log_in
from tests.photos import a_picture
from tests.shopper import Browser
from tests.staff import MANAGER, STAFF, a_manager, a_staff_member
from tests.web.test_roles import fresh, rules

pytestmark = [
    pytest.mark.usefixtures("app_context"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),  # who may see what does not depend on the database
]

ANYBODY, STAFFS, MANAGERS = "anybody", "staff", "manager"
MATRIX: dict[str, tuple[str, int]] = {  # who may open it, and what a request that sends nothing then gets
    "GET /staff": (STAFFS, 200),
    "GET /staff/first": (ANYBODY, 404),  # there is a manager
    "POST /staff/first": (ANYBODY, 404),
    "GET /staff/second-factor": (STAFFS, 200),
    "POST /staff/second-factor": (STAFFS, 422),
    "POST /staff/second-factor/off": (STAFFS, 303),  # it is not on
    "GET /staff/discounts": (MANAGERS, 200),
    "GET /staff/discounts/new": (MANAGERS, 200),
    "POST /staff/discounts/new": (MANAGERS, 422),
    "GET /staff/discounts/<code_id>": (MANAGERS, 200),
    "POST /staff/discounts/<code_id>": (MANAGERS, 422),
    "POST /staff/discounts/<code_id>/off": (MANAGERS, 422),
    "POST /staff/discounts/<code_id>/on": (MANAGERS, 422),
    "GET /staff/people": (MANAGERS, 200),
    "POST /staff/people": (MANAGERS, 422),
    "GET /staff/people/<account_id>": (MANAGERS, 200),
    "POST /staff/people/<account_id>": (MANAGERS, 422),
    "POST /staff/people/<account_id>/second-factor": (MANAGERS, 422),
    "GET /staff/audit": (MANAGERS, 200),
    "GET /staff/products": (STAFFS, 200),
    "GET /staff/products/new": (STAFFS, 200),
    "POST /staff/products/new": (STAFFS, 422),
    "GET /staff/products/<product_id>": (STAFFS, 200),
    "POST /staff/products/<product_id>": (STAFFS, 422),
    "GET /staff/products/<product_id>/preview": (STAFFS, 200),
    "POST /staff/products/<product_id>/publish": (STAFFS, 422),
    "POST /staff/products/<product_id>/hide": (STAFFS, 422),
    "POST /staff/products/<product_id>/old-addresses/<old_id>/end": (STAFFS, 422),
    "GET /staff/products/<product_id>/variants/new": (MANAGERS, 200),
    "POST /staff/products/<product_id>/variants/new": (MANAGERS, 422),
    "GET /staff/products/<product_id>/variants/<variant_id>": (STAFFS, 200),
    "POST /staff/products/<product_id>/variants/<variant_id>": (STAFFS, 422),
    "GET /staff/products/<product_id>/pictures": (STAFFS, 200),
    "POST /staff/products/<product_id>/pictures": (STAFFS, 422),
    "GET /staff/products/<product_id>/pictures/<image_id>": (STAFFS, 200),
    "POST /staff/products/<product_id>/pictures/<image_id>": (STAFFS, 422),
    "POST /staff/products/<product_id>/pictures/<image_id>/up": (STAFFS, 422),
    "POST /staff/products/<product_id>/pictures/<image_id>/remove": (STAFFS, 422),
    "GET /staff/categories": (STAFFS, 200),
    "POST /staff/categories": (STAFFS, 422),
    "GET /staff/categories/<category_id>": (STAFFS, 200),
    "POST /staff/categories/<category_id>": (STAFFS, 422),
    "POST /staff/categories/<category_id>/remove": (STAFFS, 422),
    "POST /staff/categories/<category_id>/old-addresses/<old_id>/end": (STAFFS, 422),
    "GET /staff/stock": (STAFFS, 200),
    "GET /staff/stock/<variant_id>": (STAFFS, 200),
    "POST /staff/stock/<variant_id>": (STAFFS, 422),
    "POST /staff/stock/<variant_id>/threshold": (STAFFS, 422),
    "POST /staff/stock/<variant_id>/listing": (STAFFS, 422),
    "GET /staff/alerts": (STAFFS, 200),
    "POST /staff/alerts/<alert_id>": (STAFFS, 422),
    "GET /staff/deliveries": (STAFFS, 200),
    "GET /staff/deliveries/new": (STAFFS, 200),
    "POST /staff/deliveries/new": (STAFFS, 422),
    "GET /staff/deliveries/<delivery_id>": (STAFFS, 200),
    "POST /staff/deliveries/<delivery_id>": (STAFFS, 422),
    "POST /staff/deliveries/<delivery_id>/discard": (STAFFS, 422),
    "GET /staff/orders": (STAFFS, 200),
    "POST /staff/orders/ticked": (STAFFS, 422),
    "GET /staff/orders/slips": (STAFFS, 404),  # of no orders
    "GET /staff/orders/invoices": (STAFFS, 404),
    "GET /staff/orders/export.<form>": (STAFFS, 200),
    "GET /staff/orders/<order_id>": (STAFFS, 200),
    "POST /staff/orders/<order_id>/ship": (STAFFS, 422),
    "GET /staff/orders/<order_id>/parcel": (STAFFS, 200),
    "POST /staff/orders/<order_id>/parcel": (STAFFS, 422),
    "POST /staff/orders/<order_id>/complete": (STAFFS, 422),
    "POST /staff/orders/<order_id>/cash": (STAFFS, 422),
    "POST /staff/orders/<order_id>/hand-over": (STAFFS, 422),
    "POST /staff/orders/<order_id>/cancel": (STAFFS, 422),
    "POST /staff/orders/<order_id>/refund": (MANAGERS, 422),
    "POST /staff/orders/<order_id>/notes": (STAFFS, 422),
    "POST /staff/orders/<order_id>/invoice": (STAFFS, 422),
    "POST /staff/orders/<order_id>/requests/<request_id>": (STAFFS, 422),
    "GET /staff/payments": (STAFFS, 200),
    "POST /staff/payments/<payment_id>/looked": (STAFFS, 422),
    "POST /staff/payments/refunds/<refund_id>/sent": (MANAGERS, 422),
    "GET /staff/settings": (MANAGERS, 200),
    "GET /staff/settings/shop": (MANAGERS, 200),
    "POST /staff/settings/shop": (MANAGERS, 422),
    "GET /staff/settings/shipping": (MANAGERS, 200),
    "GET /staff/settings/shipping/new": (MANAGERS, 200),
    "POST /staff/settings/shipping/new": (MANAGERS, 422),
    "GET /staff/settings/shipping/<method_id>": (MANAGERS, 200),
    "POST /staff/settings/shipping/<method_id>": (MANAGERS, 422),
    "POST /staff/settings/shipping/<method_id>/move": (MANAGERS, 422),
    "GET /staff/settings/payment": (MANAGERS, 200),
    "GET /staff/settings/payment/<method_id>": (MANAGERS, 200),
    "POST /staff/settings/payment/<method_id>": (MANAGERS, 422),
    "POST /staff/settings/payment/<method_id>/move": (MANAGERS, 422),
    "GET /staff/settings/taxes": (MANAGERS, 200),
    "GET /staff/settings/taxes/new": (MANAGERS, 200),
    "POST /staff/settings/taxes/new": (MANAGERS, 422),
    "GET /staff/settings/taxes/<class_id>": (MANAGERS, 200),
    "POST /staff/settings/taxes/<class_id>": (MANAGERS, 422),
    "POST /staff/settings/taxes/<class_id>/delete": (MANAGERS, 422),
    "GET /staff/settings/legal": (MANAGERS, 200),
    "GET /staff/settings/legal/<text>": (MANAGERS, 200),
    "POST /staff/settings/legal/<text>": (MANAGERS, 422),
    "GET /staff/settings/legal/<text>/<version_id>": (MANAGERS, 200),
    "GET /staff/messages": (STAFFS, 200),
    "POST /staff/messages/retry": (STAFFS, 422),
    "GET /staff/messages/<message_id>": (STAFFS, 200),
    "POST /staff/messages/<message_id>/retry": (STAFFS, 422),
    "GET /staff/messages/<message_id>/html": (STAFFS, 200),
    "GET /staff/messages/samples": (MANAGERS, 200),
    "GET /staff/messages/samples/<sample>": (MANAGERS, 200),
    "GET /staff/messages/samples/<sample>/html": (MANAGERS, 200),
    "GET /staff/customers": (STAFFS, 200),
    "GET /staff/customers/<customer_id>": (STAFFS, 200),
    "GET /staff/customers/<customer_id>/anonymise": (MANAGERS, 200),
    "POST /staff/customers/<customer_id>/anonymise": (MANAGERS, 422),
}
ELSEWHERE = {"GET /staff/code", "POST /staff/code"}  # tests/web/staff/test_second_factor.py
MAY = {ANYBODY: ("anonymous", "customer", "staff", "manager", "half"), STAFFS: ("staff", "manager"), MANAGERS: ("manager",)}
ROLES = ("anonymous", "customer", "staff", "manager", "half")


@dataclass
class World:
    """One of everything; `values` fill the places of addresses."""

    app: Flask
    values: dict[str, Any]


@pytest.fixture
def world(app) -> World:
    staff = a_staff_member()
    a_manager()
    half = a_manager("half@example.com")
    a_member("customer@example.com")
    with transaction() as t:
        t.execute(
            Account.__table__.update().where(Account.id == half.account_id).values(totp_nonce="0" * 32, totp_confirmed_at=now())
        )
    beans = a_variant()
    order_id = sent(to_pack(beans))
    stock.change_by(beans.id, -7, actor="test")  # leaves an alert
    written = {"title": "Terms", "body": "We sell."}
    legal.publish("terms", written, seen=editing.seen(legal.draft("terms"), legal.EDITED), actor="test")
    delivery = delivery_file.read(b"sku,product,quantity\nBEANS,House Blend,1")
    confirmation = select(OutboxMessage.id).where(OutboxMessage.topic == "order.confirmation")
    first = ("request_id", "payment_id", "refund_id", "alert_id", "old_id", "method_id", "class_id", "version_id")
    return World(
        app,
        dict.fromkeys(first, 1)
        | {
            "account_id": staff.account_id,
            "category_id": a_category(),
            "code_id": a_discount(),
            "customer_id": db.session.get(Order, order_id).customer_id,
            "delivery_id": deliveries.take_in(delivery, "One", actor="test"),
            "form": "csv",
            "image_id": a_picture(beans.product_id),
            "message_id": db.session.execute(confirmation).scalar_one(),
            "order_id": order_id,
            "product_id": beans.product_id,
            "sample": "confirmation",
            "text": "terms",
            "variant_id": beans.id,
        },
    )


def client_of(world: World, role: str) -> FlaskClient:
    if role == "anonymous":
        return world.app.test_client()
    page = Browser(world.app)
    log_in(
        page,
        {"customer": "customer@example.com", "staff": STAFF, "manager": MANAGER, "half": "half@example.com"}[role],
        status=None,
    )
    return page.client


def test_every_route_has_a_row(app):
    routes = {route for route in rules(app) if route.split(" ")[1].startswith("/staff")} - ELSEWHERE

    assert routes - set(MATRIX) == set(), "these routes have no row: say who gets what"
    assert set(MATRIX) - routes == set(), "these rows have no route"


@pytest.mark.parametrize("by_htmx", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("role", ROLES)
def test_everybody_gets_what_is_theirs(world, role, by_htmx):
    client, wrong = client_of(world, role), {}
    headers = {"HX-Request": "true"} if by_htmx else {}

    for route, (who, status) in MATRIX.items():
        method, address = route.split(" ")
        for name, value in world.values.items():
            address = address.replace(f"<{name}>", str(value))
        answer = fresh(client, method, address, headers)
        leads = answer.headers.get("HX-Redirect") if by_htmx else answer.headers.get("Location")
        got = (303 if by_htmx and leads else answer.status_code, (leads or "").removeprefix("http://localhost").partition("?")[0])
        if role in MAY[who]:
            expected = got[1] if status == 303 else ""
            is_right = got == (status, expected)
        elif role == "anonymous":
            is_right = got == (303, "/account/login")
        elif role == "half":
            is_right = got == (303, "/staff/code")
        else:
            is_right = got == (404, "")
        if not is_right:
            wrong[route] = got

    assert wrong == {}
