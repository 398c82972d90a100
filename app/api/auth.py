"""Who asks: `Authorization: Token <key>` and nothing else. A browser's session never opens this door."""

import re

from flask import request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from app.services import tokens
from app.services.accounts import Member

HEADER = re.compile(r"token +([A-Za-z0-9_-]{1,200})", re.IGNORECASE | re.ASCII)


def member() -> Member | None:
    """Whom the program that asks acts for; None without a token that works."""
    sent = HEADER.fullmatch(request.headers.get("Authorization", ""))
    return tokens.owner(sent[1]) if sent else None


def required() -> Unauthorized:
    """What is raised when there is none."""
    return Unauthorized(www_authenticate=WWWAuthenticate("token"))
