"""Fetching what was bought and comes as a file."""

import logging

from flask import Response, current_app, request, send_file
from werkzeug.wrappers import Response as AnyResponse

from app import headers, web
from app.checkout import bp
from app.services import digital
from app.services.digital import DownloadOver, FileAway, Found
from app.services.errors import ShopError
from app.services.shelf import Shelf

log = logging.getLogger("till")


@bp.get("/downloads/<token>/<file>")
def fetch(token: str, file: str) -> AnyResponse:
    """The file that this link was sold for. A GET counts when it begins the file: docs/decisions.md says why."""
    try:
        found = digital.find(token, file, Shelf.of(current_app.config))
        return counted(sent(found), found)
    except DownloadOver as error:
        return sorry(error)
    except FileAway as error:
        log.error("%s download %s has no file", headers.request_id(), error.values["download"])
        return sorry(error)


def sent(found: Found) -> Response:
    """The file, or the part of it that was asked for, to be kept and never shown among the shop's own pages."""
    response = send_file(found.path, as_attachment=True, download_name=found.path.name, conditional=True)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def counted(response: Response, found: Found) -> Response:
    """The answer, counted if it begins the file. Raises DownloadOver when it may not begin any more."""
    try:
        if begins(response, found):
            digital.check_left(found)
            if request.method == "GET":
                digital.count(found)
    except BaseException:
        response.close()
        raise
    return response


def begins(response: Response, found: Found) -> bool:
    """Whether the answer has the file's first byte, or is another part of a file that was never begun."""
    if response.status_code == 206:
        return response.content_range.start == 0 or found.fetched == 0
    return response.status_code == 200


def sorry(error: ShopError) -> Response:
    """A page that says why the file does not come, and whom to ask."""
    response = web.show("checkout/download.html", error.status, sentence=str(error))
    if error.retry_seconds:
        response.headers["Retry-After"] = str(error.retry_seconds)
    return response
