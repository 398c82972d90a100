"""A bare client beside the browsers, for what is asked in ways that no browser asks."""

import contextvars
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse


class Client(FlaskClient):
    """Asks in a context of its own: a request within the test's app context would share its `g`."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        kwargs.setdefault("buffered", True)
        return contextvars.Context().run(super().open, *args, **kwargs)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Sends one request and follows nothing."""
    app.test_client_class = Client
    return app.test_client()
