"""What the pages of the back office share: who may open them, and what stands around them."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, Concatenate, ParamSpec

from flask import Response, abort, flash, make_response, render_template, request, session
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from app import templating, watching, web
from app.account import login
from app.account.forms import PlainForm, Sent
from app.services import staffing, text
from app.services.accounts import Member
from app.services.cart import Notice
from app.staff import rooms

P = ParamSpec("P")
View = Callable[Concatenate[Member, P], AnyResponse]

PROVED = "second_factor"  # in the session: for which session of the account the second factor was given


def page(template: str, form: Sent | None = None, status: int = 200, *, told: str = "", **context: Any) -> Response:
    """A page of the back office: never stored. `told` is a sentence about its form as a whole."""
    form = form or PlainForm()
    form.tidy()
    member = login.current()
    inside = member if member and member.is_staff and has_proved(member) else None
    around: dict[str, Any] = {"member": member, "way": rooms.way(inside, request.path), "form": form, "told": told}
    around["troubles"] = watching.troubles() if inside else []
    response = make_response(render_template(f"staff/{template}.html", **around, **context), status)
    response.headers["Cache-Control"] = "no-store"
    return response


def fragment(target: str, *others: str, status: int = 200, **context: Any) -> Response:
    """The answer to htmx's POST: the swapped fragment of `staff/`, then others that are swapped wherever they stand."""
    names = [f"staff/{name}.html" for name in others]
    response = make_response(web.render_fragments(f"staff/{target}.html", *names, **context), status)
    response.headers["Cache-Control"] = "no-store"
    return response


def say(sentence: str, **values: Any) -> None:
    """A sentence on top of the next page."""
    flash({"text": templating.notice(Notice(sentence, values))})


# ------------------------------------------------------------------------------------------------ who may open them


def staff_only(view: View[P]) -> Callable[P, AnyResponse]:
    """Hand the view whoever works here and proved it; to everybody else who is logged in, the page does not exist."""
    return guarded(view, managers=False)


def managers_only(view: View[P]) -> Callable[P, AnyResponse]:
    """Hand the view the manager who asks; for others, the rest of the staff too, the page does not exist."""
    return guarded(view, managers=True)


def guarded(view: View[P], *, managers: bool) -> Callable[P, AnyResponse]:
    @functools.wraps(view)
    def answer(*args: P.args, **kwargs: P.kwargs) -> AnyResponse:
        member = login.current()
        if member is None:
            return web.go(way_in())
        if not (member.is_manager if managers else member.is_staff):
            abort(404)
        if not has_proved(member):
            return web.go(templating.query("/staff/code", next=onward()))
        return view(member, *args, **kwargs)

    return answer


def way_in() -> str:
    """Where somebody who is not logged in gets in; the very first one makes the first manager's account."""
    return "/staff/first" if not staffing.has_manager() else templating.query("/account/login", next=onward())


def onward() -> str:
    """The page that was asked for, to come back to."""
    return request.path if request.method == "GET" and web.is_own_page(request.path) else "/staff"


def has_proved(member: Member) -> bool:
    """Whether this browser gave the second factor in this session, or is asked for none."""
    return not member.has_second_factor or bool(session.get(PROVED) == member.session_id)


def prove(member: Member) -> None:
    """From now on this session has given the second factor."""
    session[PROVED] = member.session_id


# ------------------------------------------------------------------------------------------------ what is sent


def make_room(most: int, too_large: type[Exception] = RequestEntityTooLarge, *, in_memory: int = 0) -> None:
    """Let people who work here send so many bytes, of which `in_memory` may be no file: all when that is 0.

    It must be said before anything reads the body. Raises `too_large` before a byte of a larger one is taken.
    """
    member = login.current()
    if member is None or not member.is_staff:
        return
    if (request.content_length or 0) > most:
        raise too_large
    request.max_content_length, request.max_form_memory_size = most, in_memory or most


# ------------------------------------------------------------------------------------------------ what addresses say

MOST_ID = 2**31 - 1


def number(name: str) -> int | None:
    """The id that the address gives under this name; None for anything that is none."""
    return an_id(request.args.get(name, ""))


def an_id(typed: str) -> int | None:
    """The id that this text says; None for anything that is none."""
    is_id = typed.isascii() and typed.isdigit() and len(typed) < 11 and int(typed) <= MOST_ID
    return int(typed) if is_id else None


def ids(typed: Iterable[str], most: int) -> list[int]:
    """The ids that these texts say, each once and at most so many; anything that is none is passed over."""
    said = dict.fromkeys(map(an_id, typed))
    return [each for each in said if each is not None][:most]


def words(name: str, longest: int = 100) -> str:
    """The text that the address gives under this name, tidied and cut; "" for one that no database would take."""
    typed = text.clean(request.args.get(name, ""))[:longest]
    return typed if text.is_storable(typed) else ""
