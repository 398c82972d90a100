"""The gateways as the shop's settings make them, speaking to the fake provider; each test is one conversation."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app import gateways
from app.config import from_environ
from app.gateways import http
from app.gateways.shape import Attempt, Gateway, PaymentStart
from tests.providers import Provider
from tests.providers.fixtures import provider

__all__ = ["provider"]

NAMES = ("stripe", "paypal", "zarinpal")
KEY = "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def conversation() -> Iterator[None]:
    with http.conversation():
        yield


@pytest.fixture
def made(provider: Provider) -> Callable[..., Gateway]:
    """A gateway by name, with other settings than the provider's where the test says so."""

    def make(name: str, **settings: Any) -> Gateway:
        return gateways.made(from_environ({}) | provider.settings() | settings)[name]

    return make


@pytest.fixture(params=NAMES)
def gateway(request: pytest.FixtureRequest, made: Callable[..., Gateway]) -> Gateway:
    return made(request.param)


def asking(gateway: Gateway, **different: Any) -> PaymentStart:
    """An attempt to pay £12.50, or 5,000 rial."""
    amount_minor, currency = (500_000, "IRR") if gateway.name == "zarinpal" else (1250, "GBP")
    values: dict[str, Any] = {
        "key": KEY,
        "order_key": "order-key",
        "order_number": "1001",
        "amount_minor": amount_minor,
        "currency": currency,
        "email": "gus@example.com",
        "locale": "en_GB",
        "description": "Order 1001",
        "return_url": f"https://shop.example/checkout/return/{KEY}",
        "webhook_url": "",
        "expires_at": datetime.now(UTC) + timedelta(minutes=30),
        "idempotency_key": "once",
    }
    return PaymentStart(**values | different)


def begun(gateway: Gateway, **different: Any) -> Attempt:
    """The attempt as the shop keeps it, once the provider knows it."""
    request = asking(gateway, **different)
    reference = gateway.start(request).reference
    return Attempt(request.key, request.order_key, reference, "", request.amount_minor, request.currency, request.idempotency_key)


def paid(gateway: Gateway, provider: Provider, **different: Any) -> Attempt:
    """The attempt after the shopper paid and the shop took it."""
    attempt = begun(gateway, **different)
    provider.approve(attempt.reference)
    gateway.capture(attempt)
    return attempt
