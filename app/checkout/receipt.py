"""The receipt cookie: which orders this browser placed, and whether home still shows the newest one."""

import time
from dataclasses import dataclass, replace
from functools import cache

from flask import Response, current_app, g, request
from itsdangerous import BadData, URLSafeTimedSerializer

from app.config import signing_keys

NAME = "receipt"
MOST_KEYS = 20
LASTS_SECONDS = 24 * 3600
PANEL_SECONDS = 3600


@dataclass(frozen=True)
class Receipts:
    """The order keys this browser may read whole, the newest first; `panel_until` is unix seconds, 0 when hidden."""

    keys: tuple[str, ...] = ()
    panel_until: int = 0

    @property
    def panel_key(self) -> str | None:
        """The order that home opens with."""
        return self.keys[0] if self.keys and self.panel_until > time.time() else None


def serializer() -> URLSafeTimedSerializer:
    return _serializer(signing_keys(current_app.config))


@cache
def _serializer(keys: tuple[str, ...]) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(keys, salt="receipt cookie")


def read() -> Receipts:
    """The receipts of this browser; none where there is no cookie, or it is not ours or a day old."""
    if "receipts" not in g:
        g.receipts = Receipts()
        value = request.cookies.get(NAME, "")
        if value and len(value) < 4093:
            try:
                keys, until = serializer().loads(value, max_age=LASTS_SECONDS)
                g.receipts = Receipts(tuple(keys), until)
            except BadData:
                pass  # somebody else's, altered or old: the same as none
    receipts = g.receipts
    assert isinstance(receipts, Receipts)
    return receipts


def holds(key: str) -> bool:
    """Whether this browser placed that order, or proved that it is theirs."""
    return key in read().keys


def add(key: str, response: Response, *, panel: bool = True) -> Response:
    """Let this browser read that order whole, and let home open with it."""
    had = read()
    until = int(time.time()) + PANEL_SECONDS if panel else had.panel_until
    keys = (key, *(old for old in had.keys if old != key))[:MOST_KEYS]
    return write(Receipts(keys, until), response)


def without_panel(response: Response) -> Response:
    """Hide the confirmation panel; nothing to do where none is shown."""
    had = read()
    return write(replace(had, panel_until=0), response) if had.panel_key else response


def forget(response: Response) -> Response:
    """Let this browser read no order any more."""
    g.receipts = Receipts()
    response.delete_cookie(NAME, httponly=True, samesite="Lax", secure=request.is_secure)
    return response


def write(receipts: Receipts, response: Response) -> Response:
    g.receipts = receipts
    response.set_cookie(
        NAME,
        str(serializer().dumps([list(receipts.keys), receipts.panel_until])),
        max_age=LASTS_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return response
