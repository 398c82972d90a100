"""Webhooks: only what the provider itself wrote, and lately, is heard; and it is a hint where to look, no more."""

import hashlib
import hmac
import json
import time

import pytest
from werkzeug.datastructures import EnvironHeaders

from app.gateways import stripe_checkout
from app.gateways.shape import Forged, GatewayDown
from tests.gateways.conftest import KEY, begun, paid

WITH_WEBHOOKS = ("stripe", "paypal")
DAY = 86400


@pytest.fixture(params=WITH_WEBHOOKS)
def gateway(request, made):
    return made(request.param)


def heard(gateway, webhook):
    (event,) = gateway.events(webhook.body, webhook.headers)
    return event


@pytest.mark.parametrize("kind", ["paid", "approved", "declined", "expired", "refunded", "disputed"])
def test_it_says_which_payment_to_ask_about(gateway, provider, kind):
    attempt = paid(gateway, provider)
    provider.refund(attempt.reference, 100)

    event = heard(gateway, provider.webhook(kind, attempt.reference))

    assert attempt.reference == event.reference or event.payment_key == KEY
    assert bool(event.problem) == (kind == "disputed")


def test_news_of_what_the_shop_does_not_know_is_of_no_payment(gateway, provider):
    event = heard(gateway, provider.webhook("unknown", begun(gateway).reference))

    assert (event.reference, event.payment_key, event.problem) == ("", "", "")


def test_news_that_come_before_our_own_answer_name_the_payment_by_our_key(gateway, provider):
    event = heard(gateway, provider.webhook("approved", begun(gateway).reference))

    assert event.payment_key == KEY


def test_an_event_has_the_providers_name_for_it(gateway, provider):
    webhook = provider.webhook("paid", paid(gateway, provider).reference, id="evt-1")

    assert heard(gateway, webhook) == heard(gateway, webhook)
    assert heard(gateway, webhook).id == "evt-1"


def test_what_nobody_signed_is_forged(gateway, provider):
    webhook = provider.webhook("paid", paid(gateway, provider).reference, forged=True)

    with pytest.raises(Forged):
        gateway.events(webhook.body, webhook.headers)


def test_one_letter_more_is_forged(gateway, provider):
    webhook = provider.webhook("paid", paid(gateway, provider).reference)

    for body in (webhook.body + b" ", webhook.body.replace(b"{", b"{ ", 1)):
        with pytest.raises(Forged):
            gateway.events(body, webhook.headers)


def test_it_needs_every_header(gateway, provider):
    webhook = provider.webhook("paid", paid(gateway, provider).reference)

    for name in set(webhook.headers) - {"Content-Type"}:
        left = {other: value for other, value in webhook.headers.items() if other != name}
        with pytest.raises(Forged):
            gateway.events(webhook.body, left)


def test_headers_are_found_however_they_are_written(gateway, provider):
    webhook = provider.webhook("paid", paid(gateway, provider).reference)
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in webhook.headers.items()}

    assert gateway.events(webhook.body, EnvironHeaders(environ))
    assert gateway.events(webhook.body, {name.lower(): value for name, value in webhook.headers.items()})


@pytest.mark.parametrize(("name", "age"), [("stripe", 290), ("paypal", 3 * DAY)])
def test_news_may_be_as_late_as_the_provider_repeats_them(made, provider, name, age):
    gateway = made(name)

    assert heard(gateway, provider.webhook("paid", paid(gateway, provider).reference, age=age)).payment_key == KEY


@pytest.mark.parametrize(("name", "age"), [("stripe", 310), ("stripe", -310), ("paypal", 5 * DAY)])
def test_old_news_is_forged(made, provider, name, age):
    gateway = made(name)
    webhook = provider.webhook("paid", paid(gateway, provider).reference, age=age)

    with pytest.raises(Forged):
        gateway.events(webhook.body, webhook.headers)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"{} }", b'{"id": 1}, {"x": 1}', b"[" * 100_000])
def test_anything_else_is_forged_before_paypal_is_asked(made, provider, body):
    gateway = made("paypal")
    headers = provider.webhook("unknown", begun(gateway).reference).headers
    before = len(provider.asked)

    with pytest.raises(Forged):
        gateway.events(body, headers)

    assert len(provider.asked) == before


# --- Stripe's signature ---


def signed(body: bytes, *secrets: str, at: int | None = None) -> dict[str, str]:
    stamp = int(time.time()) if at is None else at
    ones = [hmac.new(secret.encode(), b"%d." % stamp + body, hashlib.sha256).hexdigest() for secret in secrets]
    return {"Stripe-Signature": ",".join([f"t={stamp}", *(f"v1={one}" for one in ones)])}


@pytest.mark.parametrize("secret", ["whsec_old", "whsec_new"])
def test_while_secrets_are_changed_both_are_heard(made, provider, secret):
    gateway = made("stripe", STRIPE_WEBHOOK_SECRETS=("whsec_new", "whsec_old"))

    assert heard(gateway, provider.webhook("paid", begun(gateway).reference, secret=secret)).payment_key == KEY


def test_a_secret_that_was_taken_away_is_not_heard(made, provider):
    gateway = made("stripe", STRIPE_WEBHOOK_SECRETS=("whsec_new",))
    webhook = provider.webhook("paid", begun(gateway).reference, secret="whsec_old")

    with pytest.raises(Forged):
        gateway.events(webhook.body, webhook.headers)


def test_of_several_signatures_one_must_be_ours(made):
    gateway = made("stripe", STRIPE_WEBHOOK_SECRETS=("ours",))
    body = b'{"id": "evt_1", "type": "x", "data": {"object": {}}}'

    assert gateway.events(body, signed(body, "another", "ours"))
    with pytest.raises(Forged):
        gateway.events(body, signed(body, "another"))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        "t=x,v1=x",
        "v1=x",
        "t=1",
        "t=٣,v1=x",
        "t=1,t=2,v1=x",
        "t=99999999999999999999,v1=x",
        "nonsense",
        "t=1,v1=é,,=",
    ],
)
def test_no_signature_is_forged(made, header):
    gateway = made("stripe")

    with pytest.raises(Forged):
        gateway.events(b"{}", {"Stripe-Signature": header})


def test_without_secrets_nothing_is_heard(made, provider):
    body = b'{"id": "evt_1", "type": "x", "data": {"object": {}}}'

    with pytest.raises(Forged):
        made("stripe", STRIPE_WEBHOOK_SECRETS=()).events(body, signed(body, ""))
    with pytest.raises(Forged):
        made("paypal", PAYPAL_WEBHOOK_ID="").events(b"{}", {})


def test_the_library_of_stripes_agrees_with_our_reading_of_signatures(provider, made):
    import stripe

    webhook = provider.webhook("paid", begun(made("stripe")).reference)
    (secret,) = provider.settings()["STRIPE_WEBHOOK_SECRETS"]

    assert stripe.WebhookSignature.verify_header(webhook.body, webhook.headers["Stripe-Signature"], secret, 300)
    theirs = stripe.WebhookSignature.generate_signature_header(webhook.body.decode(), secret)
    assert stripe_checkout.is_signed(webhook.body, theirs, (secret,), now=time.time())


def test_signed_nonsense_is_not_understood(made):
    gateway = made("stripe", STRIPE_WEBHOOK_SECRETS=("ours",))

    for body in (b"{", b"[]", b'{"id": 1, "type": "x"}', json.dumps({"id": "x" * 300, "type": "x"}).encode()):
        with pytest.raises(GatewayDown):
            gateway.events(body, signed(body, "ours"))


def test_a_refund_that_stripe_could_not_send_is_a_problem(made, provider):
    gateway = made("stripe")
    attempt = paid(gateway, provider)
    gateway.refund(attempt, 500, "back")

    event = heard(gateway, provider.webhook("refund-failed", attempt.reference))

    assert (event.payment_key, bool(event.problem)) == (KEY, True)


def test_news_of_other_peoples_refunds_at_stripe_are_of_no_payment(made, provider):
    gateway = made("stripe")
    attempt = paid(gateway, provider)
    webhook = provider.webhook("disputed", attempt.reference)
    provider.forget(attempt.reference)

    assert heard(gateway, webhook).payment_key == ""


# --- PayPal's ---


def test_what_paypal_takes_back_is_a_problem(made, provider):
    gateway = made("paypal")
    attempt = paid(gateway, provider)

    event = heard(gateway, provider.webhook("reversed", attempt.reference))

    assert (event.reference, bool(event.problem)) == (attempt.reference, True)


def test_paypal_is_asked_at_its_own_address_whatever_a_webhook_links_to(made, provider):
    gateway = made("paypal")
    attempt = paid(gateway, provider)
    provider.refund(attempt.reference, 100)

    heard(gateway, provider.webhook("refunded", attempt.reference))

    sale = provider.sales[attempt.reference]
    assert provider.asked[-1].path == f"/v2/payments/captures/{sale.capture_id}"


def test_a_webhook_is_delivered_over_http(provider, made):
    """To whoever plays the shop: here the provider itself, which has no such address."""
    webhook = provider.webhook("paid", begun(made("stripe")).reference)

    assert provider.deliver(webhook, provider.url) == 404
