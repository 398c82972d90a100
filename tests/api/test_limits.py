"""What holds for every address of the door: limits, errors, and requests of other sites."""

import pytest

from app.extensions import Busy
from app.services import account_carts
from tests.factories import a_variant
from tests.programs import CHECKOUT

pytestmark = pytest.mark.usefixtures("app_context")
CROSS_SITE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
limited = pytest.mark.settings(RATELIMIT_ENABLED=True, API_LIMIT="3 per minute")


@limited
def test_a_program_that_asks_too_often_is_told_when_to_come_back(alice, mallory):
    for path in ("/shop/cart", "/shop/products", "/shop/cart"):
        alice.get(path)

    answer = alice.ask("GET", "/shop/cart")

    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    mallory.get("/shop/cart")  # another account's programs have a limit of their own


@limited
def test_without_a_token_it_is_the_address_that_counts(nobody, alice):
    for _ in range(3):
        nobody.get("/shop/cart", 401)

    nobody.get("/shop/cart", 429)
    alice.get("/shop/cart")


@limited
def test_a_limited_request_is_not_kept_under_its_name(alice):
    beans = a_variant()
    for _ in range(3):
        alice.get("/shop/cart")

    alice.post("/shop/cart/items", {"sku": "BEANS"}, 429, headers={"Idempotency-Key": "a"})

    assert beans.id not in alice.cart()


@pytest.mark.settings(RATELIMIT_ENABLED=False, API_LIMIT="1 per minute")
def test_limits_can_be_switched_off(alice):
    for _ in range(5):
        alice.get("/shop/cart")


def test_a_busy_shop_asks_to_come_back_soon(alice, monkeypatch):
    def busy(*_args):
        raise Busy

    monkeypatch.setattr(account_carts, "load", busy)

    answer = alice.ask("POST", CHECKOUT, json={})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("path", ["/", "/shop", "/shop/nowhere", "/shop/cart/", "/shop/orders/x"])
def test_an_unknown_address_is_told_in_json(nobody, path):
    nobody.get(path, 404)


def test_a_wrong_method_says_which_are_right(nobody):
    answer = nobody.ask("PUT", "/shop/cart")

    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "DELETE", "HEAD", "OPTIONS"}


def test_a_program_may_come_from_anywhere_with_its_token(alice):
    beans = a_variant()

    alice.post("/shop/cart/items", {"sku": "BEANS"}, headers=CROSS_SITE)

    assert alice.cart() == {beans.id: 1}


def test_a_browser_that_another_site_sends_has_no_token(nobody):
    nobody.post(CHECKOUT, {}, 401, headers=CROSS_SITE)


def test_errors_are_json_whatever_is_accepted(nobody):
    nobody.get("/shop/cart", 401, headers={"Accept": "text/html", "HX-Request": "true"})


def test_a_foreign_host_is_refused_in_json(nobody):
    assert "evil" not in nobody.get("/openapi.json", 400, headers={"Host": "evil.example"})["error"]
