"""Speaking HTTP with providers: one conversation at a time has an end, however slowly the other side answers."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from app.gateways.shape import GatewayDown

CONNECT_SECONDS = 3.05
READ_SECONDS = 10.0
CONVERSATION_SECONDS = 12.0  # all requests of one use case together; the shopper waits for it
MOST_BYTES = 1_000_000  # of one answer
USER_AGENT = "Till"

_clock = threading.local()


@contextmanager
def conversation(seconds: float = CONVERSATION_SECONDS) -> Iterator[None]:
    """All requests of this thread inside the block share one deadline."""
    _clock.ends = time.monotonic() + seconds
    try:
        yield
    finally:
        del _clock.ends


def seconds_left() -> float:
    """How long the conversation of this thread may still take. Raises GatewayDown when its time is over."""
    left: float = getattr(_clock, "ends", time.monotonic() + CONVERSATION_SECONDS) - time.monotonic()
    if left <= 0:
        raise GatewayDown("it took too long to answer")
    return left


class Session(requests.Session):
    """A session that follows nobody elsewhere, reads no proxy or password of the machine's, and never waits or reads for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.headers["User-Agent"] = USER_AGENT

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        left = seconds_left()
        kwargs |= {"timeout": (min(CONNECT_SECONDS, left), min(READ_SECONDS, left)), "allow_redirects": False, "stream": True}
        with super().request(method, url, *args, **kwargs) as response:
            body = bytearray()
            for chunk in response.iter_content(16_384):
                body += chunk
                seconds_left()
                if len(body) > MOST_BYTES:
                    raise GatewayDown("its answer is too long")
            response._content = bytes(body)
        return response


def ask(session: Session, method: str, url: str, **kwargs: Any) -> tuple[int, dict[str, Any]]:
    """(HTTP status, JSON object) that a provider answers. Raises GatewayDown, which tells no word of the body."""
    try:
        response = session.request(method, url, **kwargs)
    except requests.RequestException as error:
        raise GatewayDown(f"it could not be asked ({type(error).__name__})") from error
    if response.status_code >= 500 or response.status_code == 429:
        raise GatewayDown(f"it answered {response.status_code}")
    try:
        found = json.loads(response.content)
    except ValueError as error:
        raise GatewayDown(f"it answered {response.status_code} and no JSON") from error
    if not isinstance(found, dict):
        raise GatewayDown(f"it answered {response.status_code} and no JSON object")
    return response.status_code, found
