"""Pretend Pay over real HTTP: the gateway asks the provider that the app plays, and a shop on loopback takes its webhooks."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app
from app.config import ConfigError
from app.gateways import http, pretend
from app.gateways.pretend import Pretend
from app.gateways.shape import Attempt, Event, Forged, GatewayDown, PaymentStart, Refused, State
from app.pretend import api, outcomes, provider as provider_module
from app.pretend.provider import Provider
from tests import live

SOON_SECONDS = 5.0  # what a webhook may take on a busy machine


class Quiet(WSGIRequestHandler):
    def log(self, *args: object) -> None:
        """Say nothing of each request."""


@contextmanager
def serving(app: Any, port: int) -> Iterator[str]:
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Shop:
    """Who is told by webhooks: keeps them, and answers `status`."""

    url: str = ""
    status: int = 204
    heard: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        body = request.get_data()
        self.meanwhile()
        self.heard.append((body, dict(request.headers)))
        headers = {"Location": f"{self.url}/elsewhere"} if self.status in {302, 307} else {}
        return Response(status=self.status, headers=headers)(environ, start_response)

    def hears(self, count: int = 1) -> list[tuple[bytes, dict[str, str]]]:
        """The webhooks, once there are so many."""
        deadline = time.monotonic() + SOON_SECONDS
        while len(self.heard) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(self.heard) == count
        return self.heard


@dataclass
class Play:
    app: Flask
    gateway: Pretend
    provider: Provider
    shop: Shop
    url: str

    def begin(self, key: str = "attempt", **changes: Any) -> Attempt:
        """An attempt that the provider knows."""
        request = replace(self.request(key), **changes)
        started = self.gateway.start(request)
        return Attempt(
            request.key, request.order_key, started.reference, "", request.amount_minor, request.currency, request.idempotency_key
        )

    def request(self, key: str = "attempt") -> PaymentStart:
        return PaymentStart(
            key=key,
            order_key="order",
            order_number="T-1001",
            amount_minor=1234,
            currency="GBP",
            email="gus@example.com",
            locale="en",
            description="Order T-1001 at Till Coffee",
            return_url=f"{self.shop.url}/checkout/return/{key}",
            webhook_url=f"{self.shop.url}/webhooks/pretend",
            expires_at=datetime.now(UTC) + timedelta(minutes=40),
            idempotency_key=f"once-{key}",
        )

    def press(self, attempt: Attempt, outcome: str) -> requests.Response:
        """Open the payment's page and press one of its buttons."""
        page = f"{self.url}/pretend/pay/{attempt.reference}"
        with requests.Session() as browser:
            token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(page, timeout=5).text)
            data = {"csrf_token": token[1] if token else "", "outcome": outcome}
            return browser.post(page, data=data, allow_redirects=False, timeout=15)

    def events(self, count: int = 1) -> list[Event]:
        """What genuine webhooks say, once there are so many."""
        return [event for body, headers in self.shop.hears(count) for event in self.gateway.events(body, headers)]


@pytest.fixture
def play(tmp_path: Path, static_folder: str) -> Iterator[Play]:
    port, shop = live.free_port(), Shop()
    url = f"http://127.0.0.1:{port}"
    app = create_app(settings(tmp_path, BASE_URL=url, STATIC_FOLDER=static_folder))
    with serving(app, port), serving(shop, live.free_port()) as shop.url:
        yield Play(app, app.extensions["gateways"]["pretend"], app.extensions["pretend"], shop, url)
        if thread := app.extensions["pretend"].postman.thread:
            thread.join()


def settings(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    """It has no database: nothing here needs the shop's."""
    return {"TESTING": True, "SECRET_KEY": live.SECRET, "INSTANCE_PATH": str(tmp_path / "instance"), **changes}


# ------------------------------------------------------------------------------------------------ whether it is there


def test_it_is_not_there_when_it_is_off(tmp_path):
    app = create_app(settings(tmp_path, PRETEND_GATEWAY=False))

    assert "pretend" not in app.extensions["gateways"]
    assert not [rule for rule in app.url_map.iter_rules() if "pretend" in rule.rule]
    assert "pretend" not in app.extensions


@pytest.mark.parametrize("named", [(), ("ratelimit-off",)])
def test_production_refuses_it(tmp_path, named):
    production = {"TILL_ENV": "production", "BASE_URL": "https://shop.example", "ALLOW_IN_PRODUCTION": named}

    with pytest.raises(ConfigError, match="ALLOW_IN_PRODUCTION=pretend"):
        create_app(settings(tmp_path, PRETEND_GATEWAY=True, **production))


def test_production_takes_it_when_that_is_named(tmp_path):
    production = {"TILL_ENV": "production", "BASE_URL": "https://shop.example", "ALLOW_IN_PRODUCTION": ("pretend",)}

    app = create_app(settings(tmp_path, PRETEND_GATEWAY=True, **production))

    assert "pretend" in app.extensions["gateways"]


def test_production_does_without_unless_told(tmp_path):
    app = create_app(settings(tmp_path, TILL_ENV="production", BASE_URL="https://shop.example"))

    assert "pretend" not in app.extensions["gateways"]


def test_forms_may_lead_to_it_where_it_is_elsewhere(tmp_path):
    here = create_app(settings(tmp_path)).extensions["gateways"]["pretend"]
    there = create_app(settings(tmp_path, PRETEND_URL="http://127.0.0.1:9999/")).extensions["gateways"]["pretend"]

    assert (here.origins, there.origins) == ((), ("http://127.0.0.1:9999",))


# ------------------------------------------------------------------------------------------------ start


def test_it_says_what_it_was_told(play):
    facts = play.gateway.fetch(play.begin())

    assert (facts.state, facts.amount_minor, facts.currency) == (State.OPEN, 1234, "GBP")
    assert (facts.merchant, facts.order_key, facts.payment_key) == (play.gateway.merchant, "order", "attempt")


def test_its_page_is_where_the_shopper_is(play):
    request = play.request()

    started = play.gateway.start(replace(request, return_url="http://localhost:8000/checkout/return/attempt"))

    assert started.url == f"http://localhost:8000/pretend/pay/{started.reference}"


def test_starting_twice_is_starting_once(play):
    assert play.gateway.start(play.request()) == play.gateway.start(play.request())
    assert play.gateway.start(play.request()).reference != play.gateway.start(play.request("other")).reference


def test_a_shopper_who_comes_by_another_address_goes_back_to_it(play):
    attempt = play.begin()
    other = play.begin(return_url="http://localhost:8000/checkout/return/attempt")

    answer = play.press(other, "approve")

    assert other.reference == attempt.reference
    assert answer.headers["Location"] == "http://localhost:8000/checkout/return/attempt"


def test_a_key_that_names_another_sum_is_refused(play):
    play.begin()

    with pytest.raises(Refused, match="409"):
        play.begin(amount_minor=1)


@pytest.mark.parametrize(
    "changes",
    [{"amount_minor": 0}, {"currency": ""}, {"webhook_url": "file:///x"}, {"return_url": "javascript:alert(1)"}],
)
def test_what_makes_no_sense_is_refused(play, changes):
    with pytest.raises(Refused, match="422"):
        play.begin(**changes)


def test_nobody_else_speaks_with_it(play):
    attempt = play.begin()
    play.gateway.key = pretend.api_key("somebody else's secret")

    for ask in (lambda: play.begin("mine"), lambda: play.gateway.fetch(attempt), lambda: play.gateway.refund(attempt, 1, "key")):
        with pytest.raises(GatewayDown, match="401"):
            ask()


def test_it_speaks_with_the_shop_of_yesterdays_secret(tmp_path, play):
    keys = {"SECRET_KEY": "today", "SECRET_KEY_FALLBACKS": [live.SECRET]}
    provider = Provider({**play.app.config, **keys}, str(tmp_path / "instance"), play.provider.spare)
    play.app.extensions["pretend"] = provider

    assert play.gateway.fetch(play.begin()).state == State.OPEN


def test_a_payment_that_it_does_not_know_is_refused(play):
    with pytest.raises(Refused):
        play.gateway.fetch(replace(play.begin(), reference="pay_unknown"))


def test_nobody_can_pay_after_the_hold(play):
    attempt = play.begin(expires_at=datetime.now(UTC))

    answer = play.press(attempt, "approve")

    assert answer.status_code == 422  # the page has no buttons any more, and no token
    assert play.gateway.fetch(attempt).state == State.EXPIRED
    outcomes.happen(play.provider, play.provider.memory.payment(attempt.reference), "approve")
    assert play.gateway.fetch(attempt).state == State.EXPIRED


def test_an_answer_that_is_not_understood_is_not_believed():
    whole = {"reference": "r", "state": "paid", "merchant": "m", "order_key": "o", "payment_key": "p", "currency": "GBP"}
    sums = {"amount_minor": 1, "refunded_minor": 0}

    assert pretend.facts(whole | sums).state == State.CAPTURED
    for wrong in ({"state": "great"}, {"amount_minor": "1"}, {"amount_minor": True}, {"currency": None}, {"refunded_minor": 0.5}):
        with pytest.raises(GatewayDown):
            pretend.facts(whole | sums | wrong)


# ------------------------------------------------------------------------------------------------ the buttons


def test_approve(play):
    attempt = play.begin()

    answer = play.press(attempt, "approve")

    assert (answer.status_code, answer.headers["Location"]) == (303, play.request().return_url)
    [event] = play.events()
    assert (event.kind, event.reference, event.payment_key) == ("payment.paid", attempt.reference, "attempt")
    assert (play.gateway.fetch(attempt).state, play.gateway.capture(attempt).amount_minor) == (State.CAPTURED, 1234)


def test_decline(play):
    attempt = play.begin()

    answer = play.press(attempt, "decline")

    assert answer.status_code == 303
    assert play.events()[0].kind == "payment.declined"
    assert play.gateway.fetch(attempt).state == State.FAILED


def test_close_the_tab(play):
    attempt = play.begin()

    answer = play.press(attempt, "close")

    assert (answer.status_code, "Location" in answer.headers) == (200, False)
    assert "You closed the tab" in answer.text
    assert play.events()[0].kind == "payment.paid"
    assert play.gateway.fetch(attempt).state == State.CAPTURED


def test_pay_twice(play):
    attempt = play.begin()

    play.press(attempt, "twice")

    first, second = sorted(play.events(2), key=lambda event: event.reference != attempt.reference)
    assert first.reference == attempt.reference != second.reference
    assert first.payment_key == second.payment_key == "attempt"
    found = play.gateway.fetch(replace(attempt, reference=second.reference))
    assert (found.state, found.amount_minor, found.payment_key) == (State.CAPTURED, 1234, "attempt")
    assert play.gateway.refund(replace(attempt, reference=second.reference), 1234, "back")


def test_webhook_first(play):
    attempt = play.begin()

    play.press(attempt, "first")

    assert len(play.shop.heard) == 1  # before the redirect, so nobody need wait
    assert play.events()[0].kind == "payment.paid"
    assert play.provider.deliver_due() == 0


def test_webhook_first_finds_the_payment_paid(play):
    attempt, found = play.begin(), []
    play.shop.meanwhile = lambda: found.append(play.gateway.fetch(attempt).state)

    play.press(attempt, "first")

    assert found == [State.CAPTURED]


def test_who_cannot_wait_for_a_webhook_goes_back_before_it(play):
    attempt = play.begin()
    play.provider.waiting.acquire()
    play.shop.meanwhile = lambda: time.sleep(0.2)

    answer = play.press(attempt, "first")

    assert (answer.status_code, play.shop.heard) == (303, [])
    assert play.events()[0].kind == "payment.paid"


def test_whoever_waits_for_a_webhook_counts_among_those_who_speak_with_providers(play):
    places, seen = play.app.extensions["gateway_places"], []
    play.shop.meanwhile = lambda: seen.append((places.inside._value, places.line._value))
    free = (places.inside._value, places.line._value)

    play.press(play.begin(), "first")

    assert seen == [(free[0] - 1, free[1] - 1)]
    assert (places.inside._value, places.line._value) == free


@pytest.mark.parametrize("kind", ["inside", "line"])
def test_nobody_waits_for_a_webhook_when_all_places_are_taken(play, kind):
    place = getattr(play.app.extensions["gateway_places"], kind)
    attempt = play.begin()
    while place.acquire(blocking=False):
        pass
    play.shop.meanwhile = lambda: time.sleep(0.2)

    answer = play.press(attempt, "first")

    assert (answer.status_code, play.shop.heard) == (303, [])
    assert play.events()[0].kind == "payment.paid"


def test_a_shop_that_hangs_is_not_waited_for_without_end(play, monkeypatch):
    monkeypatch.setattr(provider_module, "WEBHOOK_SECONDS", 0.3)
    attempt, over = play.begin(), threading.Event()
    play.shop.meanwhile = lambda: over.wait(10) and None
    began = time.monotonic()

    answer = play.press(attempt, "first")
    over.set()

    assert answer.status_code == 303
    assert time.monotonic() - began < 5
    assert play.provider.memory.claim(time.time() + 100, lease=1).tries == 2  # it comes again


def test_webhook_late(play, monkeypatch):
    monkeypatch.setattr(outcomes, "LATE_SECONDS", 1.0)
    attempt = play.begin(expires_at=datetime.now(UTC) + timedelta(seconds=1))

    play.press(attempt, "late")
    before = (play.gateway.fetch(attempt).state, play.provider.deliver_due())
    time.sleep(2.1)

    assert before == (State.OPEN, 0)
    assert play.provider.deliver_due() == 1
    assert play.events()[0].kind == "payment.paid"
    assert play.gateway.fetch(attempt).state == State.CAPTURED


@pytest.mark.parametrize(("outcome", "told"), [("amount", (1233, "GBP")), ("currency", (1234, "USD"))])
def test_wrong_amount_and_wrong_currency(play, outcome, told):
    attempt = play.begin()

    play.press(attempt, outcome)

    facts = play.gateway.fetch(attempt)
    assert (facts.state, facts.amount_minor, facts.currency) == (State.CAPTURED, *told)
    assert play.events()[0].kind == "payment.paid"


@pytest.mark.parametrize(("outcome", "asked"), [("amount", (1, "GBP")), ("currency", (1234, "USD"))])
def test_what_is_wrong_always_differs(play, outcome, asked):
    attempt = play.begin(amount_minor=asked[0], currency=asked[1])

    play.press(attempt, outcome)

    facts = play.gateway.fetch(attempt)
    assert (facts.amount_minor, facts.currency) != asked


def test_forged_signature(play):
    attempt = play.begin()

    answer = play.press(attempt, "forged")

    [(body, headers)] = play.shop.hears()
    assert json.loads(body)["type"] == "payment.paid"
    with pytest.raises(Forged, match="not the provider's"):
        play.gateway.events(body, headers)
    assert (answer.status_code, play.gateway.fetch(attempt).state) == (303, State.OPEN)


def test_a_forger_tries_once(play):
    play.shop.status = 400

    play.press(play.begin(), "forged")

    play.shop.hears()
    play.provider.postman.kick()
    ends = time.monotonic() + 10  # what was answered is written down a moment after it was heard
    while (left := play.provider.memory.claim(time.time() + 10**6, lease=1)) and time.monotonic() < ends:
        time.sleep(0.05)
    assert left is None


def test_slow(play, monkeypatch):
    monkeypatch.setattr(api, "SLOW_SECONDS", 0.5)
    attempt = play.begin()

    answer = play.press(attempt, "slow")
    began = time.monotonic()

    assert answer.status_code == 303
    assert play.gateway.fetch(attempt).state == State.CAPTURED
    assert time.monotonic() - began >= 0.5


def test_slowness_is_for_few_at_a_time(play, monkeypatch):
    monkeypatch.setattr(api, "SLOW_SECONDS", 60)
    attempt = play.begin()
    play.press(attempt, "slow")
    play.provider.waiting.acquire()

    assert play.gateway.fetch(attempt).state == State.CAPTURED


def test_the_slow_answer_comes_before_the_shop_gives_up():
    assert api.SLOW_SECONDS + 1 < http.READ_SECONDS


def test_down(play, monkeypatch):
    monkeypatch.setattr(outcomes, "DOWN_FOR_SECONDS", 1.0)
    attempt, other = play.begin(), play.begin("other")

    play.press(attempt, "down")

    with pytest.raises(GatewayDown, match="503"):
        play.gateway.fetch(attempt)
    with pytest.raises(GatewayDown, match="503"):
        play.gateway.refund(attempt, 1, "key")
    assert play.gateway.fetch(other).state == State.OPEN
    time.sleep(1.1)
    assert play.gateway.fetch(attempt).state == State.CAPTURED


def test_whoever_presses_again_changes_nothing(play):
    attempt = play.begin()
    pressed = play.provider.memory.payment(attempt.reference)

    outcomes.happen(play.provider, pressed, "approve")
    for outcome in ("decline", "amount", "twice", "late", "first"):
        outcomes.happen(play.provider, pressed, outcome)

    assert (play.gateway.fetch(attempt).state, len(play.events(1))) == (State.CAPTURED, 1)


def test_of_many_buttons_at_once_one_counts(play):
    attempt = play.begin()
    pressed = play.provider.memory.payment(attempt.reference)
    names = ["approve", "decline"] * 6
    start = threading.Barrier(len(names))

    def press(name: str) -> None:
        start.wait()
        outcomes.happen(play.provider, pressed, name)

    threads = [threading.Thread(target=press, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    [event] = play.events()
    assert play.gateway.fetch(attempt).state == (State.CAPTURED if event.kind == "payment.paid" else State.FAILED)


def test_every_button_was_pressed_here():
    assert set(outcomes.NAMES) == {
        *("approve", "decline", "close", "twice", "first", "late", "amount", "currency", "forged", "slow", "down")
    }


# ------------------------------------------------------------------------------------------------ refunds


def test_money_goes_back_in_parts(play):
    attempt = play.begin()
    play.press(attempt, "approve")

    one, two = play.gateway.refund(attempt, 1000, "one"), play.gateway.refund(attempt, 234, "two")

    assert one != two
    facts = play.gateway.fetch(attempt)
    assert (facts.state, facts.amount_minor, facts.refunded_minor) == (State.CAPTURED, 1234, 1234)


def test_refunding_twice_with_one_key_is_refunding_once(play):
    attempt = play.begin()
    play.press(attempt, "approve")

    assert play.gateway.refund(attempt, 1234, "key") == play.gateway.refund(attempt, 1234, "key")
    assert play.gateway.fetch(attempt).refunded_minor == 1234


def test_a_key_of_another_refund_is_refused(play):
    attempt = play.begin()
    play.press(attempt, "approve")
    play.gateway.refund(attempt, 100, "key")

    with pytest.raises(Refused, match="409"):
        play.gateway.refund(attempt, 200, "key")


def test_never_more_goes_back_than_came(play):
    attempt = play.begin()
    play.press(attempt, "amount")
    play.gateway.refund(attempt, 1000, "one")

    with pytest.raises(Refused, match="409"):
        play.gateway.refund(attempt, 234, "two")
    assert play.gateway.refund(attempt, 233, "three")


@pytest.mark.parametrize("outcome", ["decline", "forged", "late"])
def test_what_was_not_paid_does_not_go_back(play, outcome):
    attempt = play.begin()
    play.press(attempt, outcome)

    with pytest.raises(Refused, match="409"):
        play.gateway.refund(attempt, 1, "key")


def test_refunds_at_once_do_not_exceed_the_payment(play):
    attempt = play.begin()
    play.press(attempt, "approve")
    done: list[str] = []

    def refund(number: int) -> None:
        with suppress(Refused):
            done.append(play.gateway.refund(attempt, 700, f"key-{number}"))

    threads = [threading.Thread(target=refund, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(done), play.gateway.fetch(attempt).refunded_minor) == (1, 700)


# ------------------------------------------------------------------------------------------------ webhooks


def heard(play: Play) -> tuple[bytes, str]:
    """A genuine webhook and its signature."""
    play.press(play.begin(), "first")
    [(body, headers)] = play.shop.hears()
    return body, headers[pretend.SIGNATURE]


def sent(play: Play, body: bytes, signature: str) -> list[Event]:
    return play.gateway.events(body, {pretend.SIGNATURE: signature})


def test_a_genuine_webhook_says_what_happened(play):
    body, signature = heard(play)

    [event] = sent(play, body, signature)

    assert event.id == json.loads(body)["id"]
    assert re.fullmatch(r"t=\d+,v1=[0-9a-f]{64}", signature)


def test_one_right_signature_among_several_is_enough(play):
    body, signature = heard(play)
    at, _, right = signature.partition(",")

    assert sent(play, body, f"{at},v0=00,v1={'0' * 64}, {right}")


@pytest.mark.parametrize(
    "forge",
    [
        lambda body, sign: (body.replace(b"paid", b"PAID"), sign),
        lambda body, sign: (body + b" ", sign),
        lambda body, sign: (body, ""),
        lambda body, sign: (body, sign.partition(",")[0]),
        lambda body, sign: (body, sign.partition(",")[2]),
        lambda body, sign: (body, re.sub("v1=.", "v1=é", sign)),
        lambda body, sign: (body, re.sub(r"t=\d+", "t=²", sign)),
        lambda body, sign: (body, re.sub(r"t=\d+", f"t={'9' * 5000}", sign)),
        lambda body, sign: (body, re.sub(r"t=\d+", f"t={int(time.time()) - 1}", sign)),
        lambda body, sign: (body, sign.replace("v1=", "v0=")),
    ],
)
def test_a_forged_webhook_is_refused(play, forge):
    body, signature = heard(play)

    with pytest.raises(Forged):
        sent(play, *forge(body, signature))


@pytest.mark.parametrize(("seconds", "is_fresh"), [(-310, False), (-290, True), (290, True), (310, False)])
def test_a_stale_webhook_is_refused(play, seconds, is_fresh):
    body, _ = heard(play)
    at = int(time.time()) + seconds
    signature = f"t={at},v1={pretend.signed(body, play.provider.secret, at)}"

    if is_fresh:
        assert sent(play, body, signature)
    else:
        with pytest.raises(Forged, match="minutes"):
            sent(play, body, signature)


def test_a_webhook_by_yesterdays_secret_is_genuine(play):
    body, signature = heard(play)
    today = Pretend(play.url, is_the_shop=True, secrets=(live.SECRET, "today"))
    stranger = Pretend(play.url, is_the_shop=True, secrets=("today",))

    assert today.events(body, {pretend.SIGNATURE: signature})
    with pytest.raises(Forged):
        stranger.events(body, {pretend.SIGNATURE: signature})


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 1, "type": "x", "data": {"reference": "r", "payment_key": "k"}}'])
def test_signed_nonsense_is_refused(play, body):
    at = int(time.time())

    with pytest.raises(Forged):
        sent(play, body, f"t={at},v1={pretend.signed(body, play.provider.secret, at)}")


@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_a_webhook_that_was_not_taken_comes_again(play, monkeypatch, status):
    monkeypatch.setattr(provider_module, "WAITS_SECONDS", (0.1,) * 3)
    play.shop.status = status
    play.press(play.begin(), "first")
    play.shop.status = 200
    time.sleep(0.2)

    assert [play.provider.deliver_due(), play.provider.deliver_due()] == [1, 0]
    first, second = play.shop.hears(2)
    assert first[0] == second[0]
    assert len({event.id for event in play.events(2)}) == 1


def test_it_gives_up_after_some_tries(play, monkeypatch):
    monkeypatch.setattr(provider_module, "WAITS_SECONDS", (0.0,) * 3)
    play.shop.status = 500

    play.press(play.begin(), "first")
    tried = play.provider.deliver_due()

    assert (tried, len(play.shop.heard)) == (3, 4)
    assert play.provider.deliver_due() == 0


def test_the_waits_grow():
    assert list(provider_module.WAITS_SECONDS) == sorted(set(provider_module.WAITS_SECONDS))


def test_a_shop_that_is_away_is_told_later(play, monkeypatch):
    monkeypatch.setattr(provider_module, "WAITS_SECONDS", (0.1,) * 3)
    port = live.free_port()
    play.press(play.begin(webhook_url=f"http://127.0.0.1:{port}/webhooks/pretend"), "first")
    time.sleep(0.2)

    with serving(play.shop, port):
        assert play.provider.deliver_due() == 1

    assert len(play.shop.heard) == 1


def test_two_who_deliver_do_not_deliver_twice(play):
    for number in range(8):
        payment = play.provider.memory.payment(play.begin(f"attempt-{number}").reference)
        play.provider.memory.add_delivery(provider_module.event(payment, "payment.paid", due_at=0.0))
    tried: list[int] = []

    threads = [threading.Thread(target=lambda: tried.append(play.provider.deliver_due())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (sum(tried), len(play.shop.heard)) == (8, 8)


def test_the_worker_delivers_too(play):
    from app.cli.shop import rounds

    with play.app.app_context():
        assert play.provider.deliver_due in rounds()
