"""POST /api/shop/checkout/cart: the contract, row by row, and that nothing is created by a refusal."""

import contextvars
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.extensions import db, now
from app.models.customer import CartLine
from app.models.order import Order
from app.models.payment import Payment, PaymentMethod, ShippingMethod
from app.providers import GATEWAYS
from app.services import account_carts, address_book, stock, tokens
from tests.factories import (
    Elsewhere,
    a_discount,
    a_guide,
    a_payment_method,
    a_redirect_method,
    a_shipping_method,
    a_variant,
    set_columns,
)
from tests.goods import a_download, downloads
from tests.programs import CHECKOUT, Program, a_program
from tests.shopping import counts, level, lines_of, orders, the_order

pytestmark = pytest.mark.usefixtures("app_context")


def written() -> dict[str, int]:
    """How many rows there are of everything that an order may write."""
    there = counts()
    for model in (Payment, CartLine):
        there[model.__tablename__] = db.session.execute(select(func.count(model.id))).scalar_one()
    return there


def refused(program: Program, wish: object, status: int = 400, **sent: object) -> str:
    """Send a wish that must be refused, without a trace; answers the sentence."""
    before, cart = written(), program.cart() if program.member else {}
    answer = program.post(CHECKOUT, wish, status, **sent)
    assert written() == before
    if program.member:
        assert program.cart() == cart
    return answer["error"]


# --- 200 ---


@pytest.mark.settings(DOWNLOADS_EACH=3)
def test_what_costs_nothing_is_yielded_at_once(alice):
    alice.put_in((a_download(), 1))

    alice.post(CHECKOUT, {"payment_method": None})

    assert [(row.file, row.most) for row in downloads()] == [("guide.pdf", 3)]


def test_pay_on_delivery_is_an_order_at_once(alice):
    alice.put_in((a_variant(on_hand=5), 2))

    answer = alice.post(CHECKOUT, alice.wish(notes="Ring\r\ntwice"))

    order = the_order()
    assert answer == {"order_key": order.key}
    assert (order.status, order.account_id, order.notes) == ("PROCESSING", alice.member.account_id, "Ring\ntwice")
    assert (order.name, order.phone, order.email) == ("Alice Archer", "+44 20 7946 0000", "alice@example.com")
    assert (order.line1, order.country, order.total_minor) == ("1 High Street", "GB", 2395)
    assert (lines_of(order), level("BEANS"), alice.cart()) == ([("BEANS", 2)], (3, 0), {})


def test_nothing_to_pay_and_nothing_to_send_needs_no_ids_at_all(alice):
    alice.put_in((a_guide(), 1))

    answer = alice.post(CHECKOUT, {"address": None, "shipping_method": None})

    assert answer == {"order_key": the_order().key}
    assert (the_order().country, the_order().total_minor) == ("", 0)


def test_what_is_given_without_need_is_checked_and_left_out(alice):
    alice.put_in((a_guide(), 1))

    alice.post(CHECKOUT, alice.wish())

    assert (the_order().line1, the_order().shipping_method_id) == ("", None)


def test_a_redirect_gateway_is_a_next_step_and_the_cart_stays(alice, monkeypatch):
    method = a_redirect_method(monkeypatch)
    beans = a_variant(on_hand=5)
    alice.put_in((beans, 2))

    answer = alice.post(CHECKOUT, alice.wish(payment_method=method))

    [asked] = GATEWAYS["elsewhere"].asked
    order = the_order()
    assert answer == {"next_step": f"https://pay.example/{asked.key}"}
    assert (order.status, level("BEANS"), alice.cart()) == ("HOLD", (5, 2), {beans.id: 2})
    assert (asked.amount_minor, asked.currency, asked.order_number, asked.email) == (2395, "GBP", order.number, order.email)
    assert asked.return_url == f"{alice.app.config['BASE_URL']}/checkout/return/{asked.key}"
    payment = db.session.execute(select(Payment)).scalar_one()
    assert (payment.status, payment.gateway_reference) == ("PENDING", f"ref-{asked.idempotency_key}")
    assert (payment.next_step, payment.key) == (answer["next_step"], asked.key)


def test_the_same_wish_again_is_the_same_order_and_next_step(alice, monkeypatch):
    method = a_redirect_method(monkeypatch)
    alice.put_in((a_variant(), 1))

    first = alice.post(CHECKOUT, alice.wish(payment_method=method))

    assert alice.post(CHECKOUT, alice.wish(payment_method=method)) == first
    assert (len(orders()), len(GATEWAYS["elsewhere"].asked)) == (1, 1)


def test_another_wish_replaces_the_unpaid_order_and_its_payment(alice, monkeypatch):
    method = a_redirect_method(monkeypatch)
    alice.put_in((a_variant(on_hand=5), 1))
    alice.post(CHECKOUT, alice.wish(payment_method=method))

    alice.post(CHECKOUT, alice.wish())

    assert [order.status for order in orders()] == ["CANCELLED", "PROCESSING"]
    assert list(db.session.execute(select(Payment.status).order_by(Payment.id)).scalars()) == ["CANCELLED", "CREATED"]
    assert level("BEANS") == (4, 0)


# --- 503 ---


def test_a_gateway_that_is_down_leaves_a_failed_order_that_holds_nothing(alice, monkeypatch):
    method = a_redirect_method(monkeypatch)
    beans = a_variant(on_hand=5)
    alice.put_in((beans, 2))
    GATEWAYS["elsewhere"].is_down = True

    answer = alice.ask("POST", CHECKOUT, json=alice.wish(payment_method=method))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (the_order().status, level("BEANS"), alice.cart()) == ("FAILED", (5, 0), {beans.id: 2})

    GATEWAYS["elsewhere"].is_down = False
    assert "next_step" in alice.post(CHECKOUT, alice.wish(payment_method=method))
    assert [order.status for order in orders()] == ["FAILED", "HOLD"]


def test_of_the_same_submit_sent_twice_the_gateway_is_told_once(alice, monkeypatch):
    method = a_redirect_method(monkeypatch)
    alice.put_in((a_variant(on_hand=5), 2))
    wish, gateway = alice.wish(payment_method=method), GATEWAYS["elsewhere"]
    start, twin = gateway.start, ThreadPoolExecutor(1)
    answers = []

    def slow(request):
        token = {"Authorization": f"Token {alice.token}"}
        answers.append(twin.submit(alice.app.test_client().post, f"/api{CHECKOUT}", json=wish, headers=token))
        time.sleep(0.5)
        return start(request)

    monkeypatch.setattr(gateway, "start", slow)
    first = alice.post(CHECKOUT, wish)

    assert answers[0].result().json == first
    assert (len(gateway.asked), the_order().status, level("BEANS")) == (1, "HOLD", (5, 2))


# --- 400 ---


def test_an_empty_cart_is_refused(alice):
    assert refused(alice, alice.wish()) == "Your cart is empty."


def test_too_little_stock_is_refused_with_what_is_left(alice):
    alice.put_in((a_variant(on_hand=5), 3), (a_variant("TEA", name="Tea", on_hand=4), 4))
    stock.set_levels([("BEANS", 1), ("TEA", 0)], actor="test")

    told = refused(alice, alice.wish())

    assert "House Blend: 3 wanted, 1 left" in told
    assert "Tea: 4 wanted, 0 left" in told


@pytest.mark.parametrize("missing", [{"name": ""}, {"phone": ""}, {"is_verified": False}], ids=str)
def test_an_incomplete_profile_is_refused(app, missing):
    program = a_program(app, "bob@example.com", **missing)
    program.put_in((a_variant(), 1))

    assert "profile is incomplete" in refused(program, program.wish())


def test_anothers_address_is_the_same_as_an_unknown_and_a_deleted_one(alice, mallory):
    alice.put_in((a_variant(), 1))
    gone = address_book.add(alice.member.customer_id, address_book.address_of(address_book.entry(alice.member.customer_id, 1)))
    address_book.remove(alice.member.customer_id, gone)

    told = {refused(alice, alice.wish(address=address)) for address in (mallory.address_id, gone, 999_999, 2**31 - 1)}

    assert told == {"There is no such address."}


def test_a_foreign_address_is_refused_where_none_is_needed(alice, mallory):
    alice.put_in((a_guide(), 1))

    assert refused(alice, {"address": mallory.address_id}) == "There is no such address."


@pytest.mark.parametrize("name", ["address", "shipping_method", "payment_method"])
@pytest.mark.parametrize("how", ["null", "absent"])
def test_what_a_physical_cart_needs_must_be_there(alice, name, how):
    alice.put_in((a_variant(), 1))
    wish = alice.wish(**{name: None})
    if how == "absent":
        del wish[name]

    refused(alice, wish)


ABSURD = [0, -1, True, False, "1", "", [1], {"id": 1}, 1.0, 1.5, 2**31, 2**63, 10**30]


@pytest.mark.parametrize("value", ABSURD, ids=repr)
@pytest.mark.parametrize("name", ["address", "shipping_method", "payment_method"])
def test_what_is_no_id_is_refused(alice, name, value):
    alice.put_in((a_variant(), 1))

    refused(alice, alice.wish(**{name: value}))


def test_an_inactive_payment_method_is_refused(alice):
    method = a_payment_method()
    set_columns(PaymentMethod, method, is_active=False)
    alice.put_in((a_variant(), 1))

    assert "not offered any more" in refused(alice, alice.wish(payment_method=method))


def test_a_payment_method_that_does_not_fit_is_refused(alice):
    alice.put_in((a_guide(price_minor=500), 1))

    assert "delivered to your door" in refused(alice, {"payment_method": 1})


def test_a_shipping_method_that_is_inactive_or_goes_elsewhere_is_refused(alice):
    gone, abroad = a_shipping_method(), a_shipping_method("Ferry", countries="FR")
    set_columns(ShippingMethod, gone, is_active=False)
    alice.put_in((a_variant(), 1))

    assert "not offered any more" in refused(alice, alice.wish(shipping_method=gone))
    assert "Ferry: It does not go to this country" in refused(alice, alice.wish(shipping_method=abroad))


@pytest.mark.parametrize("name", ["shipping_method", "payment_method"])
def test_an_unknown_method_is_refused_where_none_is_needed(alice, name):
    alice.put_in((a_guide(), 1))

    assert "not offered any more" in refused(alice, {name: 999})


NOTES = {
    "letters": "x",
    "emoji": "☕",
    "an emoji of two halves in JSON": "🫖",
    "line breaks of three kinds": "\r\n",
    "accents that were typed apart": "e\u0301",
}


@pytest.mark.parametrize("unit", NOTES.values(), ids=NOTES.keys())
def test_notes_of_500_characters_are_taken_and_of_501_refused(alice, unit):
    alice.put_in((a_variant(), 1))
    fits, too_long = ("a" + unit * count + "z" for count in (498, 499))

    assert "501 characters" in refused(alice, alice.wish(notes=too_long))
    alice.post(CHECKOUT, alice.wish(notes=fits))

    assert len(the_order().notes) == 500
    assert the_order().notes == unicodedata.normalize("NFC", fits.replace("\r\n", "\n"))


BODIES = {
    "nothing": b"",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "half an object": b'{"payment_method": 1',
    "two objects": b"{}{}",
    "a field twice": b'{"payment_method": 1, "payment_method": 1}',
    "a field twice, deeper": b'{"notes": {"a": 1, "a": 1}}',
    "NaN": b'{"payment_method": NaN}',
    "Infinity": b'{"payment_method": -Infinity}',
    "an endless number": b'{"payment_method": ' + b"1" * 60_000 + b"}",
    "a fraction": b'{"payment_method": 1.0}',
    "an exponent": b'{"payment_method": 1e0}',
    "deep": b'{"notes": ' + b"[" * 32 + b"]" * 32 + b"}",
    "not UTF-8": b'{"notes": "\xff"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "half a character": b'{"notes": "\\ud83d"}',
    "half a character as a name": b'{"\\udc00": 1}',
    "a NUL": b'{"notes": "a\\u0000b"}',
    "a bell": b'{"notes": "a\\u0007b"}',
    "an unknown field": b'{"payment_method": 1, "coupon": 1}',
    "notes that are none": b'{"notes": ["x"]}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_is_not_as_described_is_refused(alice, body):
    alice.put_in((a_guide(), 1))
    before = written()

    alice.told("POST", CHECKOUT, 400, data=body, content_type="application/json")

    assert written() == before


def test_nesting_a_hundred_thousand_deep_is_too_large(alice):
    alice.told("POST", CHECKOUT, 413, data=b"[" * 100_000, content_type="application/json")


def test_nesting_as_deep_as_fits_is_refused_quickly(alice):
    alice.told("POST", CHECKOUT, 400, data=b'{"notes":' + b"[" * 65_000, content_type="application/json")


def test_brackets_in_a_text_are_no_nesting(alice):
    alice.put_in((a_guide(), 1))

    alice.post(CHECKOUT, {"notes": '[[["\\"' * 60})

    assert the_order().notes.startswith("[[[")


@pytest.mark.parametrize("size", [64 * 1024 + 1, 1024 * 1024])
def test_a_large_body_is_refused(alice, size):
    alice.told("POST", CHECKOUT, 413, data=b" " * size, content_type="application/json")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])
def test_another_kind_of_body_is_refused(alice, kind):
    alice.put_in((a_guide(), 1))
    before = written()

    alice.told("POST", CHECKOUT, 415, data=b"{}", headers={"Content-Type": kind} if kind else {})

    assert written() == before


def test_json_may_name_its_charset(alice):
    alice.put_in((a_guide(), 1))

    alice.told("POST", CHECKOUT, 200, data=b"{}", content_type="application/json; charset=utf-8")


# --- 401 ---


@pytest.mark.parametrize(
    "header", ["", "Token", "Token ", "Token x", "Bearer {}", "Basic {}", "{}", "Token {} {}", "Token é", "Token {}x"]
)
def test_without_a_token_that_works_nobody_is_let_in(nobody, alice, header):
    alice.put_in((a_guide(), 1))
    sent = {"Authorization": header.format(alice.token, alice.token)} if header else {}

    answer = nobody.ask("POST", CHECKOUT, json={}, headers=sent)

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Token")
    assert "Authorization: Token <key>" in answer.json["error"]
    assert orders() == []


def test_a_revoked_token_lets_nobody_in(alice):
    [token] = tokens.alive(alice.member.account_id)
    tokens.revoke(alice.member.account_id, token.id)

    alice.post(CHECKOUT, alice.wish(), 401)


def test_the_word_token_may_be_written_in_any_case(alice):
    alice.get("/shop/cart", headers={"Authorization": f"token {alice.token}"})


def test_a_session_of_the_shops_pages_opens_nothing(alice):
    alice.put_in((a_variant(), 1))
    client = alice.app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = alice.member.session_id

    def asked(path: str) -> TestResponse:
        return contextvars.Context().run(client.get, path)

    assert "House Blend" in asked("/cart").get_data(as_text=True)  # it is a session of hers
    assert asked("/api/shop/cart").status_code == 401


def test_a_token_orders_its_own_cart_only(alice, mallory):
    beans = a_variant()
    alice.put_in((beans, 1))

    assert refused(mallory, mallory.wish()) == "Your cart is empty."
    assert alice.cart() == {beans.id: 1}


# --- 500 ---


def test_a_failure_says_nothing_of_its_cause(alice, monkeypatch, caplog):
    def fail(*_args):
        raise ZeroDivisionError("secret insides")

    alice.app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(account_carts, "load", fail)

    told = alice.post(CHECKOUT, alice.wish(), 500)["error"]

    assert "secret" not in told and "Traceback" not in told
    assert "secret insides" in caplog.text


def test_a_failure_of_the_gateways_code_is_ours_and_loses_nothing(alice, monkeypatch):
    def broken(_self, _request):
        raise ZeroDivisionError

    method = a_redirect_method(monkeypatch)
    beans = a_variant()
    alice.put_in((beans, 1))
    alice.app.config["PROPAGATE_EXCEPTIONS"] = False
    with monkeypatch.context() as patch:
        patch.setattr(Elsewhere, "start", broken)
        alice.post(CHECKOUT, alice.wish(payment_method=method), 500)

    assert "next_step" in alice.post(CHECKOUT, alice.wish(payment_method=method))
    assert (len(orders()), alice.cart()) == (1, {beans.id: 1})
    assert db.session.execute(select(func.count(Order.id))).scalar_one() == 1


# --- discount codes ---


@pytest.mark.parametrize("typed", ["SUMMER10", " summer10 "])
def test_a_discount_code_is_used_with_the_order(alice, typed):
    a_discount(most_uses=1)
    alice.put_in((a_variant(price_minor=1200), 2))

    key = alice.post(CHECKOUT, alice.wish(discount_code=typed))["order_key"]

    order = alice.get(f"/shop/customers/me/orders/{key}")
    assert (order["items_minor"], order["discount_minor"], order["discount_code"]) == (2400, 240, "SUMMER10")
    assert (order["total_minor"], order["outstanding_minor"]) == (2555, 2555)
    tracking = alice.get(f"/shop/orders/{key}/tracking")
    assert {name: tracking[name] for name in ("discount_minor", "total_minor")} == {"discount_minor": 240, "total_minor": 2555}


@pytest.mark.parametrize("code", [None, "", "  "])
def test_no_discount_code_is_none(alice, code):
    alice.put_in((a_variant(), 1))

    alice.post(CHECKOUT, alice.wish(discount_code=code))

    assert the_order().discount_code == ""


@pytest.mark.parametrize("columns", [{"is_active": False}, {"ends_at": now()}, {"most_uses": 0}, None])
def test_a_discount_code_that_does_not_hold_orders_nothing(alice, columns):
    alice.put_in((a_variant(), 1))
    if columns:
        a_discount("NOPE", **columns)

    error = refused(alice, alice.wish(discount_code="nope"))

    assert error == "The code NOPE cannot be used: we do not know it, it is not valid today, or it is used up."


def test_a_discount_code_for_larger_carts_says_what_is_missing(alice):
    a_discount(min_items_minor=3000)
    alice.put_in((a_variant(), 1))

    assert "£20.00 is missing" in refused(alice, alice.wish(discount_code="SUMMER10"))


@pytest.mark.parametrize("code", [7, True, ["SUMMER10"], "A" * 41, "A\nB"])
def test_what_can_be_no_discount_code_is_refused(alice, code):
    alice.put_in((a_variant(), 1))

    assert "discount_code" in refused(alice, alice.wish(discount_code=code))


def test_the_same_wish_with_another_code_replaces_the_order_on_hold(alice, monkeypatch):
    method = a_redirect_method(monkeypatch)
    a_discount(most_uses=1)
    alice.put_in((a_variant(), 1))
    first = alice.post(CHECKOUT, alice.wish(payment_method=method, discount_code="SUMMER10"))

    same = alice.post(CHECKOUT, alice.wish(payment_method=method, discount_code="SUMMER10"))
    other = alice.post(CHECKOUT, alice.wish(payment_method=method))

    assert (first == same, first == other) == (True, False)
    assert [(order.status, order.discount_minor) for order in orders()] == [("CANCELLED", 100), ("HOLD", 0)]


@pytest.mark.settings(RATELIMIT_ENABLED=True, DISCOUNT_TRIES_PER_HOUR=2)
def test_discount_codes_cannot_be_guessed(alice):
    a_discount()
    alice.put_in((a_variant(), 1))
    for code in ("A", "B"):
        refused(alice, alice.wish(discount_code=code))

    refused(alice, alice.wish(discount_code="SUMMER10"), 429)


@pytest.mark.settings(RATELIMIT_ENABLED=True, DISCOUNT_TRIES_PER_HOUR=1)
def test_right_discount_codes_cost_no_try(alice):
    a_discount()
    beans = a_variant()

    for _ in range(3):
        alice.put_in((beans, 1)).post(CHECKOUT, alice.wish(discount_code="SUMMER10"))

    assert len(orders()) == 3
