"""What every provider must do alike: begin, tell how it stands, take the money once, send it back once."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from app.gateways.shape import Refused, State
from tests.gateways.conftest import KEY, NAMES, asking, begun, paid
from tests.providers import Provider

WEBHOOKS = ("stripe", "paypal")


def test_the_provider_is_told_what_the_shop_wants(gateway, provider):
    attempt = begun(gateway)

    sale = provider.latest(gateway.name)
    assert (sale.minor, sale.currency) == (attempt.amount_minor, attempt.currency)
    assert (sale.reference, sale.payment_key) == (attempt.reference, KEY)


def test_the_shopper_is_sent_to_a_page_of_the_providers(gateway, provider):
    url = gateway.start(asking(gateway)).url

    page = requests.get(url, timeout=5)
    assert page.status_code == 200
    assert "<h1>Pay with" in page.text
    assert url.startswith(gateway.origins[0])


@pytest.mark.parametrize(("does", "state"), [("approve", "paid"), ("decline", "declined"), ("cancel", "open")])
def test_the_page_brings_the_shopper_back(gateway, provider, does, state):
    started = gateway.start(asking(gateway))

    answer = requests.post(started.url, {"does": does}, allow_redirects=False, timeout=5)

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"https://shop.example/checkout/return/{KEY}?")


def test_it_says_that_nobody_paid_yet(gateway):
    attempt = begun(gateway)

    facts = gateway.fetch(attempt)

    assert (facts.state, facts.amount_minor, facts.currency) == (State.OPEN, attempt.amount_minor, attempt.currency)
    assert facts.reference == attempt.reference


def test_what_the_shopper_approved_is_taken(gateway, provider):
    attempt = begun(gateway)
    provider.approve(attempt.reference)

    facts = gateway.capture(attempt)

    assert (facts.state, facts.amount_minor, facts.refunded_minor) == (State.CAPTURED, attempt.amount_minor, 0)
    assert facts.capture_reference
    assert provider.money(attempt.reference) == attempt.amount_minor


@pytest.mark.parametrize("name", WEBHOOKS)
def test_it_names_order_payment_and_merchant(made, provider, name):
    gateway = made(name)
    facts = gateway.fetch(paid(gateway, provider))

    assert (facts.order_key, facts.payment_key, facts.merchant) == ("order-key", KEY, gateway.merchant)


def test_taking_twice_is_taking_once(gateway, provider):
    attempt = begun(gateway)
    provider.approve(attempt.reference)

    first, second = gateway.capture(attempt), gateway.capture(attempt)

    assert first == second
    assert gateway.fetch(attempt).state is State.CAPTURED


@pytest.mark.parametrize(
    ("name", "state"), [("stripe", State.CAPTURED), ("paypal", State.APPROVED), ("zarinpal", State.APPROVED)]
)
def test_asking_changes_nothing(made, provider, name, state):
    gateway = made(name)
    attempt = begun(gateway)
    provider.approve(attempt.reference)
    before = provider.sales[attempt.reference].state

    assert gateway.fetch(attempt).state is state
    assert provider.sales[attempt.reference].state == before


def test_nothing_is_taken_that_nobody_approved(gateway, provider):
    attempt = begun(gateway)

    assert gateway.capture(attempt).state is State.OPEN
    assert provider.money(attempt.reference) == 0


@pytest.mark.parametrize(
    ("happens", "stripe", "paypal", "zarinpal"),
    [
        ("decline", State.FAILED, State.FAILED, State.OPEN),  # Zarinpal says only that it is not paid, when it is to be taken
        ("expire", State.EXPIRED, State.EXPIRED, State.OPEN),
        ("pend", State.OPEN, State.OPEN, State.OPEN),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_what_was_not_paid_is_not_taken(made, provider, name, happens, stripe, paypal, zarinpal):
    gateway = made(name)
    attempt = begun(gateway)
    getattr(provider, happens)(attempt.reference)

    assert gateway.capture(attempt).state is {"stripe": stripe, "paypal": paypal, "zarinpal": zarinpal}[name]
    assert provider.money(attempt.reference) == 0


@pytest.mark.parametrize(
    ("happens", "stripe", "paypal", "zarinpal"),
    [
        ("decline", State.FAILED, State.APPROVED, State.FAILED),  # PayPal hears it from the bank when the money is taken
        ("expire", State.EXPIRED, State.EXPIRED, State.FAILED),
        ("pend", State.OPEN, State.OPEN, State.OPEN),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_it_tells_what_became_of_it(made, provider, name, happens, stripe, paypal, zarinpal):
    gateway = made(name)
    attempt = begun(gateway)
    getattr(provider, happens)(attempt.reference)

    assert gateway.fetch(attempt).state is {"stripe": stripe, "paypal": paypal, "zarinpal": zarinpal}[name]


def test_a_declined_shopper_may_still_pay_at_paypal(made, provider):
    gateway = made("paypal")
    attempt = begun(gateway)
    provider.decline(attempt.reference)
    gateway.capture(attempt)

    provider.approve(attempt.reference)

    assert gateway.capture(attempt).state is State.CAPTURED


@pytest.mark.parametrize(("name", "state"), [("paypal", State.EXPIRED)])
def test_what_paypal_forgot_cannot_be_paid_any_more(made, provider, name, state):
    gateway = made(name)
    attempt = begun(gateway)
    provider.forget(attempt.reference)

    assert gateway.fetch(attempt).state is state
    assert gateway.capture(attempt).state is state


@pytest.mark.parametrize("name", ["stripe", "zarinpal"])
def test_a_payment_that_the_provider_does_not_know_is_refused(made, provider, name):
    gateway = made(name)
    attempt = begun(gateway)
    provider.forget(attempt.reference)

    with pytest.raises(Refused):
        gateway.fetch(attempt)


# --- beginning again ---


@pytest.mark.parametrize("name", WEBHOOKS)
def test_beginning_twice_with_one_key_is_beginning_once(made, provider, name):
    gateway = made(name)
    request = asking(gateway)

    first, second = gateway.start(request), gateway.start(request)

    assert first.reference == second.reference
    assert len(provider.sales) == 1


@pytest.mark.parametrize("name", WEBHOOKS)
def test_beginning_again_after_a_lost_answer_is_the_same_payment(made, provider, name):
    gateway = made(name)
    request = asking(gateway)
    with provider.troubled("lose", "sessions" if name == "stripe" else "orders"), pytest.raises(Exception, match="asked"):
        gateway.start(request)

    assert gateway.start(request).reference == provider.latest(name).reference
    assert len(provider.sales) == 1


def test_zarinpal_knows_no_keys_and_the_shopper_is_sent_to_the_last_one(made, provider):
    gateway = made("zarinpal")
    request = asking(gateway)

    references = {gateway.start(request).reference, gateway.start(request).reference}

    assert set(provider.sales) == references
    assert len(references) == 2


def test_beginning_at_stripe_again_some_minutes_later_is_the_same_payment(made, provider, monkeypatch):
    gateway = made("stripe")
    request = asking(gateway)
    first = gateway.start(request)
    later = datetime.now(UTC) + timedelta(minutes=5)
    monkeypatch.setattr("app.gateways.stripe_checkout.datetime", type("Clock", (), {"now": staticmethod(lambda zone: later)}))

    assert gateway.start(request) == first
    assert len(provider.sales) == 1


@pytest.mark.parametrize("minutes", [1, 30, 45, 60 * 24, 60 * 48])
def test_stripe_waits_as_long_as_the_shop_within_its_limits(made, provider, minutes):
    gateway = made("stripe")
    expires_at = datetime.now(UTC) + timedelta(minutes=minutes)
    begun(gateway, expires_at=expires_at)

    end = datetime.fromtimestamp(int(provider.asked[-1].fields["expires_at"]), UTC)
    wanted = min(max(expires_at, datetime.now(UTC) + timedelta(minutes=30)), datetime.now(UTC) + timedelta(minutes=1430))
    assert abs(end - wanted) <= timedelta(minutes=6)


def test_an_e_mail_that_stripe_does_not_take_is_left_out(made, provider):
    gateway = made("stripe")

    begun(gateway, email="gus@exämple.com")

    assert "customer_email" not in provider.asked[-1].fields


@pytest.mark.parametrize("locale", ["en_GB", "fa_IR", "de", "zh_Hant_TW", "", "nonsense"])
def test_any_language_of_ours_is_taken(gateway, locale):
    assert begun(gateway, locale=locale).reference


def test_whoever_pays_for_somebody_else_is_not_told_their_e_mail(gateway, provider):
    begun(gateway, email="")

    assert "example.com" not in str(provider.asked[-1].fields).replace("shop.example", "")


# --- money back ---


def test_a_refund_goes_back_and_is_told(gateway, provider):
    attempt = paid(gateway, provider)

    reference = gateway.refund(attempt, attempt.amount_minor, "back")

    assert reference
    assert provider.money(attempt.reference) == 0
    facts = gateway.fetch(attempt)
    assert (facts.state, facts.refunded_minor) == (State.CAPTURED, attempt.amount_minor)


def test_refunding_twice_with_one_key_is_refunding_once(gateway, provider):
    attempt = paid(gateway, provider)

    first, second = (gateway.refund(attempt, attempt.amount_minor, "back") for _ in range(2))

    assert first == second
    assert len(provider.sales[attempt.reference].refunds) == 1


def test_refunding_again_after_a_lost_answer_is_refunding_once(gateway, provider):
    attempt = paid(gateway, provider)
    at = "reverse" if gateway.name == "zarinpal" else "refund"
    with provider.troubled("lose", at), pytest.raises(Exception, match="asked"):
        gateway.refund(attempt, attempt.amount_minor, "back")

    assert gateway.refund(attempt, attempt.amount_minor, "back")
    assert len(provider.sales[attempt.reference].refunds) == 1


def test_a_lost_answer_of_stripes_is_found_when_it_forgot_the_key(made, provider):
    gateway = made("stripe")
    attempt = paid(gateway, provider)
    first = gateway.refund(attempt, 500, "back")
    provider.speakers["stripe"].answered.clear()

    assert gateway.refund(attempt, 500, "back") == first
    assert provider.money(attempt.reference) == 750


@pytest.mark.parametrize("name", WEBHOOKS)
def test_parts_go_back_one_by_one(made, provider, name):
    gateway = made(name)
    attempt = paid(gateway, provider)

    gateway.refund(attempt, 500, "one")
    gateway.refund(attempt, 250, "two")

    assert provider.money(attempt.reference) == 500
    assert gateway.fetch(attempt).refunded_minor == 750


@pytest.mark.parametrize("name", WEBHOOKS)
def test_more_than_was_paid_does_not_go_back(made, provider, name):
    gateway = made(name)
    attempt = paid(gateway, provider)
    gateway.refund(attempt, 1000, "one")

    with pytest.raises(Refused):
        gateway.refund(attempt, 500, "two")


@pytest.mark.parametrize("name", WEBHOOKS)
def test_a_refund_that_comes_to_nothing_is_refused(made, provider, name):
    gateway = made(name)
    attempt = paid(gateway, provider)
    provider.refund_fails = True

    with pytest.raises(Refused, match="did not send it back"):
        gateway.refund(attempt, 1250, "back")

    assert gateway.fetch(attempt).refunded_minor == 0


@pytest.mark.parametrize("name", WEBHOOKS)
def test_what_nobody_paid_cannot_go_back(made, provider, name):
    gateway = made(name)

    with pytest.raises(Refused, match="no money"):
        gateway.refund(begun(gateway), 1250, "back")


def test_zarinpal_sends_back_whole_payments_only(made, provider):
    gateway = made("zarinpal")
    attempt = paid(gateway, provider)

    with pytest.raises(Refused, match="whole payments only"):
        gateway.refund(attempt, attempt.amount_minor - 100, "back")


def test_zarinpal_sends_nothing_back_after_thirty_minutes(made, provider):
    gateway = made("zarinpal")
    attempt = paid(gateway, provider)
    provider.speakers["zarinpal"].reverses_no_more = True

    with pytest.raises(Refused, match="thirty minutes are over"):
        gateway.refund(attempt, attempt.amount_minor, "back")


def test_what_the_providers_own_people_send_back_is_told(gateway, provider):
    attempt = paid(gateway, provider)
    provider.refund(attempt.reference, attempt.amount_minor)

    assert gateway.fetch(attempt).refunded_minor == attempt.amount_minor


# --- what waits ---


def test_zarinpal_lists_what_waits_to_be_taken(made, provider):
    gateway = made("zarinpal")
    waiting, taken = begun(gateway), paid(gateway, provider)
    provider.approve(waiting.reference)

    assert gateway.unsettled() == [waiting.reference]
    assert taken.reference in provider.sales


@pytest.mark.parametrize("name", WEBHOOKS)
def test_the_others_list_nothing(made, name):
    assert made(name).unsettled() == []


# --- lies ---


@pytest.mark.parametrize(
    ("lie", "shown"),
    [
        ({"amount_minor": 1}, {"amount_minor": 1}),
        ({"currency": "EUR"}, {"currency": "EUR"}),
        ({"order_key": "another"}, {"order_key": "another"}),
        ({"reference": "another"}, {"reference": "another"}),
    ],
)
@pytest.mark.parametrize("name", WEBHOOKS)
def test_what_the_provider_says_is_passed_on_and_not_what_we_hoped(made, provider, name, lie, shown):
    gateway = made(name)
    attempt = paid(gateway, provider)
    provider.lie(attempt.reference, **lie)

    facts = gateway.fetch(attempt)

    assert {field: getattr(facts, field) for field in shown} == shown


@pytest.mark.parametrize("name", WEBHOOKS)
def test_money_of_another_merchant_is_told_apart(made, provider, name):
    gateway = made(name)
    attempt = paid(gateway, provider)
    provider.lie(attempt.reference, merchant="SOMEBODYELSE")

    assert gateway.fetch(attempt).merchant != gateway.merchant


def test_without_a_merchant_id_paypal_is_not_asked_whose_it_is(made, provider):
    gateway = made("paypal", PAYPAL_MERCHANT_ID="")

    assert gateway.merchant is None
    assert gateway.fetch(paid(gateway, provider)).merchant is None


def test_another_amount_at_zarinpal_is_never_taken(made, provider):
    gateway = made("zarinpal")
    attempt = begun(gateway)
    provider.approve(attempt.reference)
    provider.lie(attempt.reference, amount_minor=100_000)

    facts = gateway.capture(attempt)

    assert facts.state is not State.CAPTURED
    assert facts.amount_minor != attempt.amount_minor
    assert provider.money(attempt.reference) == 0


def test_zarinpal_refuses_the_payment_of_another_merchant(made, provider):
    gateway = made("zarinpal")
    attempt = begun(gateway)
    provider.approve(attempt.reference)
    provider.lie(attempt.reference, merchant="another")

    with pytest.raises(Refused, match="-53"):
        gateway.capture(attempt)


def test_the_fake_provider_is_strict(made, provider: Provider):
    url = provider.settings()["STRIPE_URL"]
    key = {"Authorization": "Bearer sk_test_of_the_fake_provider", "Stripe-Version": "1"}

    answer = requests.post(f"{url}/v1/checkout/sessions", {"mode": "payment", "amount": "5"}, headers=key, timeout=5)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "parameter_unknown")
