"""A shopper who paid elsewhere, or is about to."""

import pytest

from tests.factories import a_redirect_method, a_variant
from tests.shopper import Browser
from tests.shopping import place, to_checkout


@pytest.fixture
def method(app_context, monkeypatch) -> int:
    return a_redirect_method(monkeypatch)


@pytest.fixture
def away(page: Browser, method: int) -> Browser:
    """Gus, with two of five in his cart, on the provider's page."""
    a_variant(on_hand=5)
    return place(to_checkout(page, "BEANS", 2), payment=str(method), status=303)
