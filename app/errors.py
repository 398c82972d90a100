"""When something goes wrong: a page or a fragment that says so, what happened to the cart, and a request id; never more.

Programs, which ask below /api/, get the same as one sentence of JSON.
"""

import logging
from typing import Any

from flask import Flask, Response, current_app, jsonify, make_response, render_template, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, default_exceptions

from app import headers, web
from app.extensions import Busy
from app.services.errors import ShopError

log = logging.getLogger("till")

SENTENCES = {
    400: ("That could not be read", "The request was not understood."),
    403: (
        "That came from another site",
        "For your safety the shop only acts on its own pages. Go back to the shop and try there.",
    ),
    404: ("There is nothing here", "This page does not exist, or does not exist any more."),
    405: ("That does not work here", "This address takes another kind of request."),
    413: ("That was too much", "What you sent is larger than this page takes."),
    415: ("That could not be read", "The request was not understood."),
    429: ("Too many at once", "Please wait a minute, then try again. Nothing was lost."),
    500: ("Something broke", "It is our fault, and we have been told."),
    503: ("The shop is busy", "Nothing was ordered and nothing was lost. Please try again in a few seconds."),
}
FOR_PROGRAMS = {
    401: "This needs a token that works, as the header “Authorization: Token <key>”.",
    404: "There is no such thing here.",
    405: "This address does not take this method; the header Allow names those that it takes.",
    413: "The body is too large; 64 kB is the most.",
    429: "Too many requests. Wait as long as the header Retry-After says, then send it again.",
    500: "Something broke on our side, and we have been told.",
}
RETRY_SECONDS = 5
CARRIED = {"allow", "retry-after", "location", "www-authenticate"}


def init_app(app: Flask) -> None:
    for code in default_exceptions:
        app.register_error_handler(code, http_error)
    app.register_error_handler(Busy, busy)
    app.register_error_handler(OperationalError, database_error)
    app.register_error_handler(ShopError, shop_error)
    app.register_error_handler(Exception, unexpected)


def http_error(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error
    response = answer(error.code)
    for name, value in error.get_headers():
        if name.lower() in CARRIED:
            response.headers[name] = value
    return response


def busy(error: Busy) -> Response:
    log.warning("%s busy %s", headers.request_id(), request.endpoint)
    response = answer(503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def database_error(error: OperationalError) -> Response | HTTPException:
    """A database that cannot be reached, or went away meanwhile, will be back; anything else that it says is our fault."""
    if error.statement is not None and not error.connection_invalidated:
        return unexpected(error)
    log.error("%s has no database %s", headers.request_id(), request.endpoint)
    response = answer(503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def shop_error(error: ShopError) -> Response:
    """A rule said no where no page had a better place to say it."""
    response = answer(error.status, sentence=str(error))
    if error.retry_seconds:
        response.headers["Retry-After"] = str(error.retry_seconds)
    return response


def unexpected(error: Exception) -> Response | HTTPException:
    """The last resort: logged whole for us, told in one sentence to the shopper."""
    log.exception("%s failed %s", headers.request_id(), request.endpoint)
    return answer(500)


def answer(code: int, sentence: str | None = None) -> Response:
    """The error page with this status, its fragment for htmx, or one sentence for a program."""
    if headers.is_api():
        return in_json(code, sentence)
    title, usual = SENTENCES.get(code, SENTENCES[400 if code < 500 else 500])
    context: dict[str, Any] = {"title": title, "sentence": sentence or usual, "request_id": headers.request_id(), "code": code}
    try:
        if web.wants_fragment():
            body = web.render_fragments("errors/_messages.html", **context)
        else:
            body = render_template("errors/error.html", **context, **web.frame())
    except Exception:  # the database may be what failed: then the page that needs nothing
        log.exception("%s failed on its error page", headers.request_id())
        body = current_app.jinja_env.get_template("errors/bare.html").render(**context)
    response = make_response(body, code)
    response.headers["Cache-Control"] = "no-store"
    if web.wants_fragment():
        response.headers["HX-Retarget"] = "#messages"
        response.headers["HX-Reswap"] = "outerHTML"
    return response


def in_json(code: int, sentence: str | None) -> Response:
    """The error as every door for programs says it; a failure of ours has its number for whoever asks us about it."""
    usual = FOR_PROGRAMS.get(code) or SENTENCES.get(code, SENTENCES[400 if code < 500 else 500])[1]
    number = f" Its number is {headers.request_id()}." if code == 500 else ""
    response = make_response(jsonify(error=(sentence or usual) + number), code)
    response.headers["Cache-Control"] = "no-store"
    return response
