"""Idempotency-Key: the same request again is the same answer, and is done once."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.extensions import db, now, transaction
from app.models.customer import IdempotencyKey
from app.providers import GATEWAYS
from app.services import idempotency
from app.services.idempotency import Answer, KeyReused, StillAtWork
from tests.factories import a_redirect_method, a_variant
from tests.programs import CHECKOUT
from tests.shopping import orders

pytestmark = pytest.mark.usefixtures("app_context")
ITEMS = "/shop/cart/items"


def keys() -> list[tuple[str, int | None]]:
    """(key, status) of each that is kept."""
    db.session.rollback()
    return [
        tuple(row) for row in db.session.execute(select(IdempotencyKey.key, IdempotencyKey.status).order_by(IdempotencyKey.id))
    ]


def age(**by: int) -> None:
    """Let what is kept be as old as that."""
    with transaction() as t:
        t.execute(update(IdempotencyKey).values(created_at=now() - timedelta(**by)))


def named(program, key, body, path=ITEMS):
    return program.ask("POST", path, json=body, headers={"Idempotency-Key": key})


def test_the_same_order_again_is_the_same_answer(alice):
    alice.put_in((a_variant(), 1))

    first, again = (named(alice, "a", alice.wish(), CHECKOUT) for _ in range(2))

    assert (first.status_code, first.json, len(orders())) == (again.status_code, again.json, 1)
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")


def test_adding_twice_adds_once(alice):
    beans = a_variant()

    answers = [named(alice, "a", {"sku": "BEANS"}).data for _ in range(3)]

    assert (len(set(answers)), alice.cart()) == (1, {beans.id: 1})


def test_a_status_of_its_own_is_kept_too(alice):
    path, body = "/shop/customers/me/addresses", {"line1": "2 Low Street", "city": "Bath", "postcode": "BA1 1AA", "country": "GB"}

    first, again = (named(alice, "a", body, path) for _ in range(2))

    assert (first.status_code, again.status_code, first.json["id"]) == (201, 201, again.json["id"])
    assert alice.get(path)["count"] == 2


def test_a_refusal_is_kept(alice):
    assert named(alice, "a", {"sku": "BEANS"}).status_code == 400
    a_variant()

    again = named(alice, "a", {"sku": "BEANS"})

    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (400, "true")
    assert set(again.json) == {"error"}
    assert named(alice, "b", {"sku": "BEANS"}).status_code == 200


def test_another_body_or_address_is_refused(alice):
    a_variant()
    named(alice, "a", {"sku": "BEANS"})

    assert named(alice, "a", {"sku": "BEANS", "quantity": 2}).status_code == 409
    assert named(alice, "a", {"sku": "BEANS"}, CHECKOUT).status_code == 409
    assert list(alice.cart().values()) == [1]


def test_keys_are_each_accounts_own(alice, mallory):
    beans = a_variant()
    named(alice, "a", {"sku": "BEANS"})

    answer = named(mallory, "a", {"sku": "BEANS", "quantity": 2})

    assert (answer.status_code, alice.cart(), mallory.cart()) == (200, {beans.id: 1}, {beans.id: 2})


def test_a_failure_of_ours_lets_the_key_go(alice, monkeypatch):
    method = a_redirect_method(monkeypatch)
    alice.put_in((a_variant(), 1))
    GATEWAYS["elsewhere"].is_down = True
    assert named(alice, "a", alice.wish(payment_method=method), CHECKOUT).status_code == 503
    assert keys() == []
    GATEWAYS["elsewhere"].is_down = False

    assert "next_step" in named(alice, "a", alice.wish(payment_method=method), CHECKOUT).json


def test_a_bug_of_ours_lets_the_key_go(alice, monkeypatch):
    from app.services import programs

    def fail(*_args, **_more):
        raise ZeroDivisionError

    alice.app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(programs, "add", fail)

    assert named(alice, "a", {"sku": "BEANS"}).status_code == 500
    assert keys() == []


def test_while_the_first_is_at_work_the_second_is_asked_to_wait(alice, monkeypatch):
    method = a_redirect_method(monkeypatch)
    alice.put_in((a_variant(), 1))
    wish, gateway, told = alice.wish(payment_method=method), GATEWAYS["elsewhere"], []
    start = gateway.start

    def slow(request):
        twin = threading.Thread(target=lambda: told.append(named_elsewhere(alice, "a", wish)))
        twin.start()
        twin.join()
        return start(request)

    monkeypatch.setattr(gateway, "start", slow)

    assert named(alice, "a", wish, CHECKOUT).status_code == 200
    assert told == [(409, "2")]


def named_elsewhere(program, key, body):
    with program.app.app_context():
        answer = named(program, key, body, CHECKOUT)
        return answer.status_code, answer.headers.get("Retry-After")


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb"])
def test_what_is_no_key_is_refused(alice, key):
    a_variant()

    assert named(alice, key, {"sku": "BEANS"}).status_code == 400
    assert alice.cart() == {}


@pytest.mark.parametrize("key", ["x" * 255, "a b", "~!"])
def test_any_printable_key_is_taken(alice, key):
    a_variant()

    assert named(alice, key, {"sku": "BEANS"}).status_code == 200


def test_after_a_day_a_key_is_new(alice):
    beans = a_variant()
    named(alice, "a", {"sku": "BEANS"})
    age(hours=25)

    assert named(alice, "a", {"sku": "BEANS", "quantity": 2}).status_code == 200
    assert alice.cart() == {beans.id: 3}


def test_old_keys_are_forgotten(alice):
    a_variant()
    named(alice, "a", {"sku": "BEANS"})
    assert idempotency.forget() == 0
    age(hours=25)
    named(alice, "b", {"sku": "BEANS"})

    assert idempotency.forget() == 1
    assert keys() == [("b", 200)]


def test_whoever_died_at_work_does_not_keep_the_key_for_a_day(alice):
    account = alice.member.account_id
    begun = idempotency.begin(account, "a", "hash")
    with pytest.raises(StillAtWork):
        idempotency.begin(account, "a", "hash")
    age(minutes=2)

    with pytest.raises(KeyReused):
        idempotency.begin(account, "a", "other")
    again = idempotency.begin(account, "a", "hash")
    assert (again.id, begun.died_since, again.died_since is not None) == (begun.id, None, True)
    with pytest.raises(StillAtWork):
        idempotency.begin(account, "a", "hash")

    idempotency.finish(again, Answer(200, "{}"))
    assert idempotency.begin(account, "a", "hash") == Answer(200, "{}")


def test_an_order_whose_answer_died_is_answered_when_it_is_sent_again(alice, monkeypatch):
    """The server was killed between the order's commit and the answer: the cart is empty, and the program does not know why."""
    alice.put_in((a_variant(), 1))
    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "finish", lambda *_: None)
        first = named(alice, "a", alice.wish(), CHECKOUT).json
    assert named(alice, "a", alice.wish(), CHECKOUT).status_code == 409
    age(minutes=2)

    assert named(alice, "a", alice.wish(), CHECKOUT).json == first
    assert named(alice, "b", alice.wish(), CHECKOUT).status_code == 400
    assert len(orders()) == 1
