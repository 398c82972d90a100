"""Whatever a provider or the network does: an answer in time, or GatewayDown in time, and money moves once at most."""

import time
import traceback

import pytest

from app.gateways import http
from app.gateways.shape import Forged, GatewayDown, Refused, State
from tests.gateways.conftest import asking, begun, paid
from tests.providers import TROUBLES

SECONDS = 0.25  # of a conversation here, instead of 12
DOWN = sorted(set(TROUBLES) - {"lose", "refuse"})
SLOW = ("hang", "trickle", "trickle-head")
SECRETS = ("gus@example.com", "sk_test_of", "secret-of-the-fake", "fa4e0000-")


def down(call, *args) -> str:
    """What the log would show, of a call that must say within its time that the provider is down."""
    began = time.monotonic()
    with http.conversation(SECONDS), pytest.raises(GatewayDown) as raised:
        call(*args)
    assert time.monotonic() - began < SECONDS + 0.6
    return "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("trouble", DOWN)
def test_beginning_ends_in_time(gateway, provider, trouble):
    with provider.troubled(trouble):
        said = down(gateway.start, asking(gateway))

    assert not [secret for secret in SECRETS if secret in said]
    assert provider.went_elsewhere == 0


@pytest.mark.parametrize("trouble", DOWN)
def test_asking_taking_and_refunding_end_in_time(gateway, provider, trouble):
    attempt = paid(gateway, provider)

    with provider.troubled(trouble):
        said = down(gateway.fetch, attempt) + down(gateway.capture, attempt)
        said += down(gateway.refund, attempt, attempt.amount_minor, "back")

    assert not [secret for secret in SECRETS if secret in said]
    assert provider.money(attempt.reference) == attempt.amount_minor


def test_afterwards_it_goes_on_as_if_nothing_had_been(gateway, provider):
    attempt = begun(gateway)
    with provider.troubled("hang"):
        down(gateway.fetch, attempt)
    provider.approve(attempt.reference)

    assert gateway.capture(attempt).state is State.CAPTURED


def test_nobody_at_the_address_is_down_too(made, provider):
    nowhere = {"STRIPE_URL": "http://127.0.0.1:9", "PAYPAL_URL": "http://127.0.0.1:9", "ZARINPAL_URL": "http://127.0.0.1:9"}
    for name in ("stripe", "paypal", "zarinpal"):
        gateway = made(name, **nowhere)
        down(gateway.start, asking(gateway))


@pytest.mark.parametrize("name", ["stripe", "paypal"])
def test_what_the_provider_will_not_do_is_refused_without_a_word_of_its_text(made, provider, name):
    gateway = made(name)
    with provider.troubled("refuse", "v1/checkout" if name == "stripe" else "v2"), pytest.raises(Refused) as raised:
        gateway.start(asking(gateway))

    said = "".join(traceback.format_exception(raised.value))
    assert not [secret for secret in SECRETS if secret in said]


def test_taking_again_after_a_lost_answer_takes_once(gateway, provider):
    attempt = begun(gateway)
    provider.approve(attempt.reference)
    at = {"stripe": "sessions", "paypal": "capture", "zarinpal": "verify"}[gateway.name]
    with provider.troubled("lose", at):
        down(gateway.capture, attempt)

    facts = gateway.capture(attempt)

    assert (facts.state, facts.refunded_minor) == (State.CAPTURED, 0)
    assert provider.money(attempt.reference) == attempt.amount_minor


def test_one_conversation_is_one_deadline_for_all_its_requests(made, provider):
    gateway = made("paypal")
    began = time.monotonic()

    with provider.troubled("hang", "orders"), http.conversation(SECONDS), pytest.raises(GatewayDown):
        gateway.start(asking(gateway))  # the token comes at once, the order never

    assert time.monotonic() - began < SECONDS + 0.6


@pytest.mark.parametrize("trouble", [*SLOW, "error500", "keys", "odd"])
def test_a_webhook_that_cannot_be_judged_is_neither_forged_nor_believed(made, provider, trouble):
    gateway = made("paypal")
    webhook = provider.webhook("paid", paid(gateway, provider).reference)

    with provider.troubled(trouble):
        down(gateway.events, webhook.body, webhook.headers)


# --- PayPal's tokens ---


def test_a_token_is_asked_for_once(made, provider):
    gateway = made("paypal")
    paid(gateway, provider)

    assert [asked.path for asked in provider.asked].count("/v1/oauth2/token") == 1


def test_a_token_is_renewed_before_it_ends(made, provider):
    provider.speakers["paypal"].expires_in = 59
    gateway = made("paypal")
    begun(gateway)
    begun(gateway, idempotency_key="again")

    assert [asked.path for asked in provider.asked].count("/v1/oauth2/token") == 2


def test_a_token_that_paypal_took_back_is_renewed(made, provider):
    gateway = made("paypal")
    attempt = begun(gateway)
    provider.speakers["paypal"].tokens.clear()

    assert gateway.fetch(attempt).state is State.OPEN


def test_wrong_keys_are_no_word_about_a_payment(made, provider):
    wrong = {
        "STRIPE_SECRET_KEY": "sk_test_wrong",
        "PAYPAL_CLIENT_SECRET": "wrong",
        "ZARINPAL_MERCHANT_ID": "00000000-0000-4000-8000-00000000000a",
    }
    for name in ("stripe", "paypal", "zarinpal"):
        attempt = begun(made(name))
        down(made(name, **wrong).fetch, attempt)


def test_no_cookie_of_one_shopper_goes_with_the_next(made, provider):
    gateway = made("paypal")
    paid(gateway, provider)

    assert not [asked for asked in provider.asked if "Cookie" in asked.headers]


def test_zarinpal_has_no_webhook_to_believe(made):
    with pytest.raises(Forged):
        made("zarinpal").events(b"{}", {})
