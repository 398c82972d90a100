"""Speaking HTTP with providers: one conversation at a time has an end, however slowly the other side answers."""

import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from app.gateways.shape import GatewayDown

CONNECT_SECONDS = 3.05
READ_SECONDS = 10.0
CONVERSATION_SECONDS = 12.0  # all requests of one use case together; the shopper waits for it
MOST_BYTES = 1_000_000  # of one answer
LONGEST_URL = 2000
USER_AGENT = "Till"

_clock = threading.local()


class Talk:
    """A conversation, and whether the other side `answered` in it, whatever it said."""

    answered = False


@contextmanager
def conversation(seconds: float | None = None) -> Iterator[Talk]:
    """All requests of this thread inside the block share one deadline; a block inside another may end sooner, never later."""
    around, outer = getattr(_clock, "ends", None), getattr(_clock, "talk", None)
    ends = time.monotonic() + (CONVERSATION_SECONDS if seconds is None else seconds)
    _clock.ends, _clock.talk = ends if around is None else min(ends, around), Talk()
    try:
        yield _clock.talk
    finally:
        _clock.ends, _clock.talk = around, outer


def seconds_left() -> float:
    """How long the conversation of this thread may still take. Raises GatewayDown when its time is over."""
    ends = getattr(_clock, "ends", None)
    left: float = CONVERSATION_SECONDS if ends is None else ends - time.monotonic()
    if left <= 0:
        raise GatewayDown("it took too long to answer")
    return left


class Timed(io.RawIOBase):
    """What arrives on a socket. Each wait ends with the conversation: a socket's own timeout starts anew with every byte."""

    def __init__(self, incoming: io.RawIOBase, sock: socket.socket) -> None:
        self.incoming = incoming
        self.sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self.sock.settimeout(min(READ_SECONDS, seconds_left()))
        return self.incoming.readinto(buffer)  # type: ignore[attr-defined,no-any-return]

    def close(self) -> None:
        self.incoming.close()
        super().close()


class TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(Timed(self.fp.detach(), sock))  # type: ignore[attr-defined]


class Timely:
    """A connection that tries all addresses of a name within the conversation; each has the timeout to itself."""

    response_class: Any = TimedResponse
    host: str
    port: int

    def _new_conn(self) -> socket.socket:
        failed: OSError = OSError("no address")
        try:
            for *_, address in socket.getaddrinfo(self.host.strip("[]"), self.port, type=socket.SOCK_STREAM):
                try:
                    sock = socket.create_connection((str(address[0]), self.port), min(CONNECT_SECONDS, seconds_left()))
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return sock
                except OSError as error:
                    failed = error
        except socket.gaierror as error:
            failed = error
        if isinstance(failed, TimeoutError):
            raise ConnectTimeoutError(self, "nobody answers") from failed
        raise NewConnectionError(self, "nobody is there") from failed  # type: ignore[arg-type]


class TimelyHTTP(Timely, HTTPConnection):  # type: ignore[misc]
    pass


class TimelyHTTPS(Timely, HTTPSConnection):  # type: ignore[misc]
    pass


class TimelyHTTPPool(HTTPConnectionPool):
    ConnectionCls = TimelyHTTP


class TimelyHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = TimelyHTTPS


class Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": TimelyHTTPPool, "https": TimelyHTTPSPool}


class Session(requests.Session):
    """A session that follows nobody elsewhere, reads no proxy or password of the machine's, and never waits or reads for ever.

    All threads share it, so it keeps no cookies: one shopper's would be sent with the next one's.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers["User-Agent"] = USER_AGENT
        for scheme in ("http://", "https://"):
            self.mount(scheme, Adapter())

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
        if talk := getattr(_clock, "talk", None):
            talk.answered = True
        return response


def ask(session: Session, method: str, url: str, **kwargs: Any) -> tuple[int, dict[str, Any]]:
    """(HTTP status, JSON object) that a provider answers. Raises GatewayDown, which tells no word of the body."""
    try:
        response = session.request(method, url, **kwargs)
    except requests.RequestException as error:
        raise GatewayDown(f"it could not be asked ({type(error).__name__})") from error
    if response.status_code >= 500 or response.status_code == 429 or 300 <= response.status_code < 400:
        raise GatewayDown(f"it answered {response.status_code}")
    try:
        found = json.loads(response.content)
    except (ValueError, RecursionError) as error:
        raise GatewayDown(f"it answered {response.status_code} and no JSON") from error
    if not isinstance(found, dict):
        raise GatewayDown(f"it answered {response.status_code} and no JSON object")
    return response.status_code, found


@contextmanager
def understood() -> Iterator[None]:
    """Around the reading of an answer: what lacks a part, or has another kind of part there, is no answer. Raises GatewayDown."""
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise GatewayDown(f"its answer cannot be understood ({type(error).__name__})") from None


def text(said: Any, longest: int = 255) -> str:
    """A text that a provider must have said. Raises ValueError."""
    if not isinstance(said, str) or not 0 < len(said) <= longest:
        raise ValueError("no text, or one too long")
    return said


def whole(said: Any) -> int:
    """A whole number that a provider must have said. Raises ValueError."""
    if not isinstance(said, int) or isinstance(said, bool):
        raise ValueError("no whole number")
    return said


def address(said: Any) -> str:
    """An absolute web address that a provider must have said. Raises ValueError."""
    parts = urlsplit(text(said, LONGEST_URL))
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("no web address")
    return str(said)


def origin(url: str) -> str:
    """Scheme and host of an address, as a Content-Security-Policy names them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
