"""Everybody's own second factor: switching it on, its recovery codes, switching it off."""

from flask import Response, current_app
from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.account import guard, login
from app.account.pages import TOO_OFTEN, slowed
from app.services import second_factor
from app.services.accounts import Member, WrongCode
from app.services.second_factor import AlreadyOn
from app.staff import bp, pages
from app.staff.forms import OffForm, SetupForm
from app.staff.pages import staff_only


@bp.get("/second-factor")
@staff_only
def show_second_factor(member: Member) -> AnyResponse:
    """What to scan; or, where it is on, how to switch it off."""
    if member.has_second_factor:
        return settled(member, OffForm())
    return offered(member, SetupForm())


def offered(member: Member, form: SetupForm, status: int = 200) -> Response:
    config = current_app.config
    known = form.nonce.data or ""
    setup = second_factor.setup(member.account_id, member.email, web.SHOP.name, config["SECRET_KEY"], known)
    form.nonce.data = setup.nonce
    return pages.page("second_factor", form, status, setup=setup)


def settled(member: Member, form: OffForm, status: int = 200, *, told: str = "") -> Response:
    left = second_factor.recovery_codes_left(member.account_id)
    return pages.page("second_factor_on", form, status, told=told, left=left)


@bp.post("/second-factor")
@staff_only
def switch_on(member: Member) -> AnyResponse:
    """From now on the code is asked for after the password; the recovery codes are shown this once."""
    form = SetupForm()
    if member.has_second_factor:
        return web.go("/staff/second-factor")
    if not form.is_right():
        return offered(member, form, 422)
    try:
        typed = form.code.data or "", login.secrets()
        made = second_factor.switch_on(member.account_id, form.nonce.data or "", *typed, actor=member.actor)
    except WrongCode as error:
        form.say({"code": str(error)})
        return offered(member, form, error.status)
    except AlreadyOn:
        return web.go("/staff/second-factor")
    pages.prove(member)
    return pages.page("recovery_codes", codes=made)


@bp.post("/second-factor/off")
@staff_only
def switch_off(member: Member) -> AnyResponse:
    """The password alone is asked for again."""
    form = OffForm()
    if not member.has_second_factor:
        return web.go("/staff/second-factor")
    if not form.is_right():
        return settled(member, form, 422)
    if not guard.allow("second factor", str(member.account_id), "LOGIN_TRIES_PER_HOUR"):
        return slowed(settled(member, form, 429, told=TOO_OFTEN))
    try:
        second_factor.check(member.account_id, form.code.data or "", login.secrets())
    except WrongCode as error:
        form.say({"code": str(error)})
        return settled(member, form, error.status)
    second_factor.switch_off(member.account_id, actor=member.actor)
    pages.say("Your second factor is off. Only the password protects your account now.")
    return web.go("/staff/second-factor")
