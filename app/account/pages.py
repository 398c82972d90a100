"""What the pages of accounts share: forms that come back as they were typed, members only, and the answer to a login."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from flask import Response, flash, make_response, request
from werkzeug.wrappers import Response as AnyResponse

from app import templating, web
from app.account import device, guard, login
from app.account.forms import Sent
from app.services.accounts import Member
from app.services.cart import Notice

P = ParamSpec("P")

TOO_OFTEN = "That was too often. Please wait an hour, then try again; or write to us."


def page(template: str, form: Sent, status: int = 200, *, told: str = "", **context: Any) -> Response:
    """A page with a form, what was typed kept but for passwords. `told` is a sentence about the form as a whole."""
    form.tidy()
    return web.show(f"account/{template}.html", status, form=form, told=told, **context)


def too_often(template: str, form: Sent, **context: Any) -> Response:
    """The same page: not now."""
    return slowed(page(template, form, 429, told=TOO_OFTEN, **context))


def slowed(response: Response) -> Response:
    response.headers["Retry-After"] = str(guard.HOUR)
    return response


def say(sentence: str, **values: Any) -> None:
    """A sentence on top of the next page."""
    flash({"text": templating.notice(Notice(sentence, values))})


def members_only(view: Callable[Concatenate[Member, P], AnyResponse]) -> Callable[P, AnyResponse]:
    """Hand the view whoever is logged in; everybody else logs in first, and then comes back to this page, sending nothing."""

    @functools.wraps(view)
    def answer(*args: P.args, **kwargs: P.kwargs) -> AnyResponse:
        member = login.current()
        if member is not None:
            return view(member, *args, **kwargs)
        return web.go(templating.query("/account/login", next=request.path if web.is_own_page(request.path) else ""))

    return answer


def welcome(member: Member, address: str = "", *, stay: bool = False) -> AnyResponse:
    """Begin the session of whoever proved who they are, and lead on."""
    login.begin(member, stay=stay)
    response = make_response(web.go(address if web.is_own_page(address) else "/account"))
    return device.remember(member.email, login.with_own_cart(response))
