"""`provider`: import it into a conftest.py to have one for each test."""

from collections.abc import Iterator

import pytest

from tests.providers import Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    """All three payment providers on a loopback port; see tests/providers."""
    with Provider() as provider:
        yield provider
