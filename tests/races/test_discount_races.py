"""The last use of a code, wanted by many at the same moment, over real HTTP and through both doors."""

from collections import Counter
from functools import partial

import pytest
import requests
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.models.discount import DiscountCode
from app.models.order import Order
from tests.databases import BACKENDS, Databases
from tests.factories import a_discount, a_variant
from tests.programs import CHECKOUT, a_program
from tests.torture.buyers import Buyer
from tests.torture.room import Room, assert_healthy, assert_sound, at_once, one_by_one

pytestmark = pytest.mark.race
SEED, BUYERS, PROGRAMS = 1, 20, 8
KNOWN = "cannot be used: we do not know it, it is not valid today, or it is used up."


@pytest.fixture(scope="module", params=BACKENDS)
def shop(request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory):
    """(app, server) on one database, with plenty of beans."""
    with Room(databases, tmp_path_factory.mktemp("room"), SEED, workers=2).open_shop(request.param) as (app, server):
        with app.app_context():
            a_variant("PLENTY", on_hand=1000)
        yield app, server
        assert_healthy(server)
        assert_sound(app, "after the races for codes")


def with_code(buyer: Buyer, code: str, email: str) -> None:
    """At the checkout of a cart with this code, everything typed; only the button is left to press."""
    assert buyer.ask("POST", "/cart/items", {"sku": "PLENTY", "quantity": "1"}).status == 303
    assert buyer.ask("POST", "/cart/discount", {"code": code}).status == 303
    buyer.go_to_checkout({}, email=email)


def at_the_checkout(url: str, code: str, emails: list[str]) -> list[Buyer]:
    buyers = [Buyer(url) for _ in emails]
    one_by_one([partial(with_code, buyer, code, email) for buyer, email in zip(buyers, emails, strict=True)])
    return buyers


def uses(app: Flask, code: str) -> tuple[int, int]:
    """(uses that the code counts, orders that have it)."""
    with app.app_context():
        counted = db.session.execute(select(DiscountCode.uses).where(DiscountCode.code == code)).scalar_one()
        return counted, len(db.session.execute(select(Order.id).where(Order.discount_code == code)).all())


def test_one_use_goes_to_one_of_twenty_and_the_others_keep_what_they_typed(shop):
    app, server = shop
    with app.app_context():
        a_discount("ONCE", most_uses=1)
    buyers = at_the_checkout(server.url, "ONCE", [f"buyer{n}@example.com" for n in range(BUYERS)])

    answers = at_once([buyer.order for buyer in buyers])

    for buyer in buyers:
        buyer.close()
    assert Counter(answer.status for answer in answers) == {303: 1, 409: BUYERS - 1}
    assert uses(app, "ONCE") == (1, 1)
    lost = [answer.text for answer in answers if answer.status == 409]
    assert all(f"The code ONCE {KNOWN}" in text and 'value="1 High Street"' in text for text in lost)


def test_one_person_in_twenty_browsers_uses_theirs_once(shop):
    app, server = shop
    with app.app_context():
        a_discount("EACH", most_uses_each=1)
    buyers = at_the_checkout(server.url, "EACH", ["same@example.com"] * BUYERS)

    answers = at_once([buyer.order for buyer in buyers])

    for buyer in buyers:
        buyer.close()
    assert Counter(answer.status for answer in answers) == {303: 1, 409: BUYERS - 1}
    assert uses(app, "EACH") == (1, 1)


def test_people_and_programs_share_the_last_uses(shop):
    app, server = shop
    with app.app_context():
        a_discount("FIVE", most_uses=5)
        beans = a_variant("MORE", on_hand=1000)
        programs = [a_program(app, f"program{n}@example.com").put_in((beans, 1)) for n in range(PROGRAMS)]
    people = at_the_checkout(server.url, "FIVE", [f"person{n}@example.com" for n in range(PROGRAMS)])

    def ask(program) -> int:
        sent = {"headers": {"Authorization": f"Token {program.token}"}, "timeout": 60}
        return requests.post(f"{server.url}/api{CHECKOUT}", json=program.wish(discount_code="five"), **sent).status_code

    statuses = Counter(
        at_once([*(lambda each=each: each.order().status for each in people), *(partial(ask, each) for each in programs)])
    )

    for person in people:
        person.close()
    assert statuses[303] + statuses[200] == 5, statuses
    assert statuses[409] + statuses[400] == 2 * PROGRAMS - 5, statuses
    assert uses(app, "FIVE") == (5, 5)
