"""Getting into the back office: the very first manager, and the second factor."""

from flask import abort, request
from werkzeug.wrappers import Response as AnyResponse

from app import templating, web
from app.account import guard, login
from app.account.pages import TOO_OFTEN, slowed, welcome
from app.services import second_factor, staffing
from app.services.accounts import WrongCode, WrongPassword
from app.services.errors import InvalidInput
from app.staff import bp, pages
from app.staff.forms import CodeForm, FirstForm


@bp.get("/first")
def show_first() -> AnyResponse:
    """Where the first manager's account is made; once there is one, this page does not exist."""
    return abort(404) if staffing.has_manager() else pages.page("first", FirstForm())


@bp.post("/first")
def make_first() -> AnyResponse:
    """Make the first manager's account for whoever can read what the shop prints."""
    if staffing.has_manager():
        abort(404)
    form = FirstForm()
    if not form.is_right():
        return pages.page("first", form, 422)
    if not guard.may_type_a_code():
        return slowed(pages.page("first", form, 429, told=TOO_OFTEN))
    email, name, password, code = (form[field].data or "" for field in ("email", "name", "password", "code"))
    try:
        member = staffing.first_manager(email, name, password, code, login.secrets())
    except InvalidInput as error:
        form.say(error.fields)
    except WrongCode as error:
        form.say({"code": str(error)})
    except WrongPassword:
        form.say({"password": "This e-mail has an account; type its password."})
    else:
        pages.say("Welcome. This is the back office of your shop.")
        return welcome(member, "/staff")
    return pages.page("first", form, 422)


@bp.get("/code")
def show_code() -> AnyResponse:
    """Where the second factor is typed after the password."""
    member, onward = login.current(), onward_page()
    if member is None or not member.is_staff:
        return web.go(templating.query("/account/login", next="/staff"))
    if pages.has_proved(member):
        return web.go(onward)
    return pages.page("code", CodeForm(data={"next": onward}))


def onward_page(typed: str | None = None) -> str:
    """Where one came from, if that is a page of the back office."""
    asked = request.args.get("next", "") if typed is None else typed
    return asked if asked.startswith("/staff") and web.is_own_page(asked) else "/staff"


@bp.post("/code")
def prove() -> AnyResponse:
    """Let whoever has the second factor in."""
    member = login.current()
    if member is None or not member.is_staff:
        return web.go(templating.query("/account/login", next="/staff"))
    form = CodeForm()
    onward = onward_page(form.next.data or "")
    if not member.has_second_factor:
        return web.go(onward)
    if not form.is_right():
        return pages.page("code", form, 422)
    if not guard.allow("second factor", str(member.account_id), "LOGIN_TRIES_PER_HOUR"):
        return slowed(pages.page("code", form, 429, told=TOO_OFTEN))
    try:
        second_factor.check(member.account_id, form.code.data or "", login.secrets())
    except WrongCode as error:
        form.say({"code": str(error)})
        return pages.page("code", form, error.status)
    pages.prove(member)
    return web.go(onward)
