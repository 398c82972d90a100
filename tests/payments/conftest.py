"""`shop`: somebody at a door of a shop, and a provider that speaks real HTTP; `where` chooses both. See test_scenarios.py."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.payments.doors import DOORS
from tests.payments.shop import Shop
from tests.payments.tellers import TELLERS, Teller
from tests.providers import Provider
from tests.providers.fixtures import provider

__all__ = ["provider"]

THREADS = 48  # so many may speak with a provider at once that no scenario is kept waiting by that


@pytest.fixture
def where(request: pytest.FixtureRequest) -> tuple[str, str]:
    """(provider, door) by their names."""
    name, door = request.param
    return name, door


@pytest.fixture
def teller(where: tuple[str, str], provider: Provider, request: pytest.FixtureRequest) -> Teller:
    made = TELLERS[where[0]](where[0], provider)
    settings = {"BASE_URL": "http://localhost", "THREADS": THREADS, "CURRENCY": made.currency, **made.settings()}
    request.node.add_marker(pytest.mark.settings(**settings))
    return made


@pytest.fixture
def app(teller: Teller, app: Flask) -> Flask:
    """The shop, whose settings lead to the provider."""
    return app


@pytest.fixture
def shop(app: Flask, app_context: object, where: tuple[str, str], teller: Teller) -> Iterator[Shop]:
    """Two of five are in a cart. After the test, the provider's books and ours say the same."""
    with teller.open(app):
        shop = Shop(app, DOORS[where[1]](app), teller)
        yield shop
        shop.work()
        assert shop.is_at_odds or teller.kept() == shop.ours(), "the provider has other money for us than our books say"
