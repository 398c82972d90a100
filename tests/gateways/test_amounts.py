"""Currencies as each provider counts them: exactly, or not at all."""

import pytest

from app import money
from app.gateways import paypal, stripe_checkout
from app.gateways.shape import Refused
from tests.gateways.conftest import asking, begun

STRIPE = [
    ("GBP", 1250, 1250),
    ("JPY", 500, 500),  # no decimals, there and here
    ("ISK", 500, 50_000),  # no decimals here, two there, and those always 0
    ("MGA", 500_00, 500),  # two here, none there
    ("HUF", 175_00, 17500),
    ("KWD", 5120, 5120),  # three, of which the last is 0
]


@pytest.mark.parametrize(("currency", "ours", "theirs"), STRIPE)
def test_amounts_in_stripes_units_and_back(currency, ours, theirs):
    assert stripe_checkout.to_stripe(ours, currency) == theirs
    assert stripe_checkout.from_stripe(theirs, currency) == ours


@pytest.mark.parametrize(
    ("name", "amount_minor", "currency"),
    [
        ("stripe", 500_000, "IRR"),
        ("stripe", 5000, "UGX"),  # Stripe says two things of it
        ("stripe", 5000, "LYD"),
        ("stripe", 5124, "KWD"),
        ("stripe", 5050, "MGA"),
        ("stripe", 29, "GBP"),
        ("stripe", 100_000_000, "GBP"),
        ("stripe", 0, "GBP"),
        ("paypal", 500_000, "IRR"),
        ("paypal", 5000, "KWD"),
        ("paypal", 1050, "HUF"),
        ("paypal", 1050, "TWD"),
        ("paypal", 0, "GBP"),
        ("zarinpal", 1250, "GBP"),
        ("zarinpal", 500_050, "IRR"),
        ("zarinpal", 99_900, "IRR"),
    ],
)
def test_what_cannot_be_paid_exactly_is_refused_before_anybody_is_asked(made, provider, name, amount_minor, currency):
    gateway = made(name)
    sentence = gateway.refuses(amount_minor, currency)

    assert sentence is not None
    assert sentence.endswith(".")
    with pytest.raises(Refused):
        gateway.start(asking(gateway, amount_minor=amount_minor, currency=currency))
    assert provider.asked == []


@pytest.mark.parametrize(
    ("name", "amount_minor", "currency"),
    [
        ("stripe", 30, "GBP"),
        ("stripe", 500, "JPY"),
        ("stripe", 99_999_999, "GBP"),
        ("paypal", 1, "GBP"),
        ("paypal", 1000, "HUF"),
        ("paypal", 100_00, "TWD"),
        ("paypal", 500, "JPY"),
        ("zarinpal", 100_000, "IRR"),
    ],
)
def test_what_can_be_paid_is_paid_to_the_last_unit(made, provider, name, amount_minor, currency):
    gateway = made(name)
    assert gateway.refuses(amount_minor, currency) is None

    facts = gateway.fetch(begun(gateway, amount_minor=amount_minor, currency=currency))

    assert (facts.amount_minor, facts.currency) == (amount_minor, currency)


def test_zarinpal_is_asked_for_rials_and_told_so(made, provider):
    begun(made("zarinpal"))

    fields = provider.asked[-1].fields
    assert (fields["amount"], fields["currency"]) == (5000, "IRR")


@pytest.mark.parametrize(("currency", "minor", "value"), [("GBP", 1, "0.01"), ("GBP", 10**9, "10000000.00"), ("HUF", 1200, "12")])
def test_amounts_as_paypal_reads_them(currency, minor, value):
    assert paypal.amount(minor, currency) == {"currency_code": currency, "value": value}
    assert paypal.minor(paypal.amount(minor, currency), currency) == minor


def test_every_currency_of_stripes_goes_there_and_back():
    currencies = stripe_checkout.ZERO_DECIMALS | stripe_checkout.TWO_DECIMALS | stripe_checkout.THREE_DECIMALS

    for currency in currencies:
        whole = 10 ** money.exponent(currency)
        assert stripe_checkout.from_stripe(stripe_checkout.to_stripe(70 * whole, currency), currency) == 70 * whole
