"""People whose programs ask."""

import pytest
from flask import Flask

from tests.programs import Program, a_program


@pytest.fixture
def alice(app: Flask, app_context: object) -> Program:
    """Her profile is complete and she has one address."""
    return a_program(app)


@pytest.fixture
def mallory(app: Flask, app_context: object) -> Program:
    """A stranger with an account of his own, to whom what is Alice's does not exist."""
    return a_program(app, "mallory@example.com")


@pytest.fixture
def nobody(app: Flask, app_context: object) -> Program:
    """Somebody without a token."""
    return Program(app)
