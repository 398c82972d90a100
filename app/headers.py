"""What every request must pass and every answer carries: same origin, security headers, compression, a request id."""

import gzip
import secrets
import time
from functools import lru_cache
from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, request
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header
from werkzeug.wsgi import get_input_stream

from app.providers import GATEWAYS

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
MOST_FIELDS = 2500
COMPRESSED_TYPES = ("text/", "application/json", "image/svg+xml", "application/manifest+json")
SMALLEST_COMPRESSED = 600  # bytes; below it the header costs more than it saves
MOST_READ_OUT, READ_OUT_SECONDS = 64 * 1024 * 1024, 10.0  # of a body that is refused; beyond it the connection is cut
PIECE = 64 * 1024
GZIP_LEVEL = 1  # the next ones cost twice the time for a tenth of the bytes


def fixed(app: Flask) -> tuple[tuple[str, str], ...]:
    """What every answer carries, static files too. A form may lead to where the shop's gateways are, and nowhere else."""
    with app.app_context():
        origins = " ".join(sorted({origin for gateway in GATEWAYS.values() for origin in gateway.origins}))
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; "
        f"worker-src 'self'; form-action 'self'{' ' + origins if origins else ''}; base-uri 'none'; frame-ancestors 'none'"
    )
    return (
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    )


def init_app(app: Flask) -> None:
    carried = fixed(app)

    @app.before_request
    def guard() -> None:
        if "\0" in request.path:  # no name has one, and PostgreSQL would not even look
            abort(404)
        if request.method not in SAFE_METHODS and not is_api():
            if not is_same_origin():
                abort(403)
            if sum(1 for _ in request.form.items(multi=True)) > MOST_FIELDS:
                abort(413)

    @app.after_request
    def finish(response: Response) -> Response:
        for name, value in carried:
            response.headers.setdefault(name, value)  # a mail that is shown brings a stricter policy of its own
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if request.method not in SAFE_METHODS:
            response.vary.add("HX-Request")
            read_out()
        return compress(response)


def read_out() -> None:
    """Let a body that was refused unread run into the void. A client that still writes when the connection is closed
    may never see why (RFC 9112, 9.6): it would say "connection reset" in place of our sentence.
    """
    if "stream" in vars(request):  # somebody read it
        return
    body, left, until = get_input_stream(request.environ), MOST_READ_OUT, time.monotonic() + READ_OUT_SECONDS
    while left > 0 and time.monotonic() < until and (piece := body.read(PIECE)):
        left -= len(piece)


def is_api() -> bool:
    """Whether a program asks. It proves itself by a token or a signature, which no other site can make a browser send."""
    return request.path.startswith(("/api/", "/webhooks/"))


def is_same_origin() -> bool:
    """Whether an unsafe request comes from our own pages, as far as the browser says; text browsers say nothing."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    for header in ("Origin", "Referer"):
        said = request.headers.get(header)
        if said is not None:
            return urlsplit(said).netloc == request.host
    return True


def request_id() -> str:
    """Names this request in the log and on its error page."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(6)
    return str(g.request_id)


def encoding() -> str:
    """How this answer's text is sent: gzip where the client takes it."""
    return "gzip" if takes_gzip(request.headers.get("Accept-Encoding", "")) else "identity"


@lru_cache(maxsize=64)
def takes_gzip(accepted: str) -> bool:
    """What an Accept-Encoding says; browsers send a handful of them, again and again."""
    return bool(parse_accept_header(accepted, Accept)["gzip"])


def compress(response: Response) -> Response:
    if response.direct_passthrough or not response.headers.get("Content-Type", "").startswith(COMPRESSED_TYPES):
        return response
    if "Accept-Encoding" not in response.headers.get("Vary", ""):
        response.vary.add("Accept-Encoding")
    if encoding() == "gzip" and not response.is_streamed and "Content-Encoding" not in response.headers:
        body = response.get_data()
        if len(body) >= SMALLEST_COMPRESSED:
            response.set_data(gzip.compress(body, GZIP_LEVEL, mtime=0))
            response.headers["Content-Encoding"] = "gzip"
    return response
