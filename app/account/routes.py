"""What somebody with an account sees and changes of their own; each file beside this one adds its part."""

from flask import request
from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.account import addresses, bp, getting_in, guard, login, pages, personal, tokens
from app.account.forms import PasswordForm, PlainForm, ProfileForm
from app.account.pages import members_only
from app.services import account_orders, accounts
from app.services.accounts import Member, WrongPassword
from app.services.errors import InvalidInput

__all__ = ["addresses", "bp", "getting_in", "personal", "tokens"]

RECENT = 3  # orders on the overview
MOST_ID = 2**31 - 1


@bp.get("")
@members_only
def show(member: Member) -> AnyResponse:
    """Who they are to the shop, and what they ordered lately."""
    return pages.page("show", PlainForm(), recent=account_orders.page(member.account_id, most=RECENT))


@bp.post("/verify")
@members_only
def verify(member: Member) -> AnyResponse:
    """Mail a code that proves that the mailbox is theirs."""
    form = PlainForm()
    recent = account_orders.page(member.account_id, most=RECENT)
    if not form.is_right():
        return pages.page("show", form, 422, recent=recent)
    if member.is_verified:
        return web.go("/account")
    if not guard.may_be_mailed(member.email):
        return pages.too_often("show", form, recent=recent)
    return web.go(f"/account/code/{accounts.ask_to_verify(member)}")


@bp.get("/profile")
@members_only
def show_profile(member: Member) -> AnyResponse:
    return pages.page("profile", ProfileForm(data={"name": member.name, "phone": member.phone}))


@bp.post("/profile")
@members_only
def change_profile(member: Member) -> AnyResponse:
    """Change name and phone."""
    form = ProfileForm()
    if not form.is_right():
        return pages.page("profile", form, 422)
    try:
        accounts.change_profile(member, name=form["name"].data or "", phone=form.phone.data or "")
    except InvalidInput as error:
        form.say(error.fields)
        return pages.page("profile", form, error.status)
    pages.say("Your name and phone are saved.")
    return web.go("/account")


@bp.get("/password")
@members_only
def show_password(member: Member) -> AnyResponse:
    return pages.page("password", PasswordForm())


@bp.post("/password")
@members_only
def change_password(member: Member) -> AnyResponse:
    """Change the password; this browser stays logged in, all others are out."""
    form = PasswordForm()
    if not form.is_right():
        return pages.page("password", form, 422)
    if not guard.may_prove(member.account_id):
        return pages.too_often("password", form)
    try:
        login.renew(accounts.change_password(member.account_id, form.old.data or "", form.password.data or ""))
    except WrongPassword as error:
        form.say({"old": str(error)})
        return pages.page("password", form, error.status)
    except InvalidInput as error:
        form.say(error.fields)
        return pages.page("password", form, error.status)
    pages.say("Your new password is set, and every other device is logged out.")
    return web.go("/account")


@bp.get("/orders")
@members_only
def orders(member: Member) -> AnyResponse:
    """Every order of theirs, the newest first."""
    after = request.args.get("after", "")
    is_id = after.isascii() and after.isdigit() and len(after) < 11 and int(after) <= MOST_ID
    return web.show(
        "account/orders.html",
        page=account_orders.page(member.account_id, after=int(after) if is_id else None),
        is_first=not is_id,
    )
