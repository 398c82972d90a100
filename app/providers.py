"""The payment providers of this shop as its settings make them, and the one way to speak with them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, current_app
from werkzeug.local import LocalProxy

from app import gateways
from app.gateways import http
from app.gateways.shape import Gateway, GatewayDown
from app.services import health

WAIT_SECONDS = 1.0  # for a place to speak with a provider

GATEWAYS: dict[str, Gateway] = LocalProxy(lambda: current_app.extensions["gateways"])  # type: ignore[assignment]  # by name


def init_app(app: Flask) -> None:
    """Make the gateways that have their keys. Raises ConfigError."""
    app.extensions["gateways"] = gateways.made(app.config)
    app.extensions["gateway_places"] = Places(app.config["THREADS"])


class Places:
    """Who may speak with a provider: at most half of this process's threads, while a few wait and the others serve shoppers."""

    def __init__(self, threads: int) -> None:
        self.inside = threading.BoundedSemaphore(max(1, threads // 2))
        self.line = threading.BoundedSemaphore(max(1, threads - 1))  # inside or waiting

    @contextmanager
    def spare(self) -> Iterator[bool]:
        """Whether a thread may be kept from serving shoppers, without waiting for that; inside the block it is counted."""
        in_line = self.line.acquire(blocking=False)
        is_inside = in_line and self.inside.acquire(blocking=False)
        try:
            yield is_inside
        finally:
            if is_inside:
                self.inside.release()
            if in_line:
                self.line.release()


@contextmanager
def conversation(name: str) -> Iterator[None]:
    """Speak with this provider: all requests of the block share one deadline. Raises GatewayDown when too many do so already.

    Whether it answered is written down for staff afterwards, so this is never inside a transaction.
    """
    talk: http.Talk | None = None
    down: GatewayDown | None = None
    try:
        with _place(), http.conversation() as talk:
            yield
    except GatewayDown as error:
        down = error
        raise
    finally:
        if talk is not None and down is not None:
            health.failed(health.GATEWAY + name, str(down))
        elif talk is not None and talk.answered:
            health.ok(health.GATEWAY + name)


@contextmanager
def _place() -> Iterator[None]:
    """A place among those who speak with providers. Raises GatewayDown when there is none: the shop itself is too busy."""
    places: Places = current_app.extensions["gateway_places"]
    if not places.line.acquire(blocking=False):
        raise GatewayDown("too many are waiting for it")
    try:
        if not places.inside.acquire(timeout=WAIT_SECONDS):
            raise GatewayDown("too many are speaking with it")
        try:
            yield
        finally:
            places.inside.release()
    finally:
        places.line.release()
