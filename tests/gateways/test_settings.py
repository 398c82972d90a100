"""A provider with its keys is there, one without is not, and production does not start with half of them."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from app import gateways
from app.config import ConfigError, from_environ
from tests.gateways.conftest import NAMES, asking

ROOT = Path(__file__).parent.parent.parent
PRODUCTION = {"TILL_ENV": "production"}


def test_without_keys_nobody_is_there():
    assert not set(gateways.made(from_environ({}))) & set(NAMES)


def test_the_environment_says_the_same_as_the_settings(provider):
    assert from_environ(provider.environment()) == from_environ({}) | provider.settings()


def test_whoever_does_not_use_stripe_does_not_wait_for_its_library():
    code = "import sys; from app import gateways; from app.config import from_environ; gateways.made(from_environ({}));"
    done = subprocess.run([sys.executable, "-c", f"{code} sys.exit('stripe' in sys.modules)"], cwd=ROOT, check=False)

    assert done.returncode == 0


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("stripe", {"STRIPE_WEBHOOK_SECRETS": ()}, "STRIPE_WEBHOOK_SECRETS is missing"),
        ("stripe", {"STRIPE_SECRET_KEY": "pk_live_1"}, "no secret key of Stripe's"),
        ("paypal", {"PAYPAL_WEBHOOK_ID": ""}, "PAYPAL_WEBHOOK_ID is missing"),
        ("paypal", {"PAYPAL_CLIENT_SECRET": ""}, "belong together"),
        ("zarinpal", {"ZARINPAL_MERCHANT_ID": "too-short"}, "9 characters"),
    ],
)
def test_production_does_not_start_with_half_a_provider(made, name, settings, words):
    with pytest.raises(ConfigError, match=words) as raised:
        made(name, **PRODUCTION, **settings)

    assert "pk_live_1" not in str(raised.value)


def test_production_may_rehearse_with_test_keys(made):
    for name in NAMES:
        assert made(name, **PRODUCTION).name == name


@pytest.mark.parametrize(
    ("key", "merchant"), [("sk_live_1", "live"), ("rk_live_1", "live"), ("sk_test_1", "test"), ("rk_test_1", "test")]
)
def test_live_money_and_test_money_are_told_apart(made, key, merchant):
    assert made("stripe", STRIPE_SECRET_KEY=key).merchant == merchant


def test_pages_may_lead_to_where_shoppers_pay_and_to_where_they_are_sent_on():
    keys = {
        "STRIPE_SECRET_KEY": "sk_live_1",
        "PAYPAL_CLIENT_ID": "a",
        "PAYPAL_CLIENT_SECRET": "b",
        "ZARINPAL_MERCHANT_ID": "c" * 36,
    }
    made = gateways.made(from_environ(keys))

    assert made["stripe"].origins == ("https://checkout.stripe.com",)
    assert made["paypal"].origins == ("https://www.paypal.com",)
    assert made["zarinpal"].origins == ("https://payment.zarinpal.com", "https://*.zarinpal.com", "https://*.shaparak.ir")


def test_stripes_library_writes_no_e_mail_into_our_log(made, caplog):
    caplog.set_level(logging.INFO)

    made("stripe").start(asking(made("stripe"), email="gus@exämple.com"))

    assert "gus@" not in caplog.text


def test_stripes_library_does_not_tell_about_this_machine(made, provider):
    made("stripe").start(asking(made("stripe")))

    (asked,) = provider.asked
    assert "X-Stripe-Client-Telemetry" not in asked.headers
    assert not {"telemetry_id", "platform"} & set(json.loads(asked.headers["X-Stripe-Client-User-Agent"]))
