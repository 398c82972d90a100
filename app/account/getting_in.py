"""Logging in and out, making an account, choosing a new password: what needs no account, or a mailbox only.

Nothing here says whether an e-mail has an account: what only its owner may know stands in the mail.
"""

from flask import abort, make_response, request
from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.account import bp, guard, login, pages
from app.account.forms import CodeForm, EmailForm, LoginForm, PlainForm, RegisterForm, ResetForm, Sent
from app.extensions import Record
from app.services import accounts, customers
from app.services.accounts import Member, WrongCode, WrongPassword
from app.services.codes import CHOOSING, Purpose
from app.services.errors import InvalidInput


@bp.get("/login")
def show_login() -> AnyResponse:
    """The form; whoever is logged in already is led on."""
    onward = request.args.get("next", "")
    if login.current():
        return web.go(onward if web.is_own_page(onward) else "/account")
    return pages.page("login", LoginForm(data={"next": onward if web.is_own_page(onward) else ""}))


@bp.post("/login")
def log_in() -> AnyResponse:
    """Log in with e-mail and password, and go on to where one came from."""
    form = LoginForm()
    if not form.is_right():
        return pages.page("login", form, 422)
    email = form.email.data or ""
    if not guard.may_log_in(email):
        return pages.too_often("login", form)
    try:
        member = accounts.log_in(email, form.password.data or "")
    except WrongPassword as error:
        return pages.page("login", form, error.status, told=str(error))
    return pages.welcome(member, form.next.data or "", stay=bool(form.stay.data))


@bp.post("/logout")
def log_out() -> AnyResponse:
    """Log out, on every device."""
    form = PlainForm()
    if login.current() and not form.is_right():
        pages.say("You are still logged in: that page was open for too long. Please press the button once more.")
        return web.go("/account")
    return login.end(make_response(web.go("/")))


@bp.get("/register")
def show_register() -> AnyResponse:
    return web.go("/account") if login.current() else pages.page("register", RegisterForm())


@bp.post("/register")
def register() -> AnyResponse:
    """Mail a code to whoever wants an account."""
    form = RegisterForm()
    if not form.is_right():
        return pages.page("register", form, 422)
    email, name, password = (form[field].data or "" for field in ("email", "name", "password"))
    try:
        accounts.check_registration(email, name, password)
        if not guard.may_be_mailed(email):
            return pages.too_often("register", form)
        key = accounts.register(email, name, password)
    except InvalidInput as error:
        form.say(error.fields)
        return pages.page("register", form, error.status)
    return web.go(f"/account/code/{key}")


@bp.get("/password/forgot")
def show_forgot() -> AnyResponse:
    return pages.page("forgot", EmailForm())


@bp.post("/password/forgot")
def forgot() -> AnyResponse:
    """Mail a code with which a new password can be chosen."""
    form = EmailForm()
    if not form.is_right():
        return pages.page("forgot", form, 422)
    email = form.email.data or ""
    try:
        customers.mailbox(email)
        if not guard.may_be_mailed(email):
            return pages.too_often("forgot", form)
        key = accounts.forgot_password(email)
    except InvalidInput as error:
        form.say(error.fields)
        return pages.page("forgot", form, error.status)
    return web.go(f"/account/code/{key}")


# ------------------------------------------------------------------------------------------------ the mailed code


def code_form(key: str) -> tuple[Record, Sent]:
    """What was asked for with this key, and its form. Aborts with 404 for a key that opens nothing, or nothing of theirs."""
    asked = accounts.asked(key)
    if asked is None:
        abort(404)
    member = login.current()
    if asked.purpose == Purpose.VERIFY and member is not None and member.email != asked.email:
        abort(404)
    return asked, ResetForm() if asked.purpose in CHOOSING else CodeForm()


def needs_login(asked: Record) -> bool:
    return bool(asked.purpose == Purpose.VERIFY and login.current() is None)


@bp.get("/code/<key>")
def show_code(key: str) -> AnyResponse:
    """Where the code from the mail is typed; looking uses nothing up."""
    asked, form = code_form(key)
    if needs_login(asked):
        return web.go(f"/account/login?next=/account/code/{key}")
    return pages.page("code", form, asked=asked, key=key)


@bp.post("/code/<key>")
def type_code(key: str) -> AnyResponse:
    """Do what the code was asked for."""
    asked, form = code_form(key)
    if needs_login(asked):
        return web.go(f"/account/login?next=/account/code/{key}")
    if not form.is_right():
        return pages.page("code", form, 422, asked=asked, key=key)
    if not guard.may_type_a_code():
        return pages.too_often("code", form, asked=asked, key=key)
    try:
        return prove(asked, key, form)
    except InvalidInput as error:
        form.say(error.fields)
    except WrongCode as error:
        form.say({"code": str(error)})
    return pages.page("code", form, 422, asked=asked, key=key)


def prove(asked: Record, key: str, form: Sent) -> AnyResponse:
    """Make the account, set the password or confirm the e-mail. Raises WrongCode, InvalidInput."""
    typed, secrets, member = form["code"].data or "", login.secrets(), login.current()
    if asked.purpose == Purpose.REGISTER:
        made = accounts.confirm_registration(key, typed, secrets)
        return greeted(made, "Welcome! Your account is ready.")
    if asked.purpose in CHOOSING:
        made = accounts.reset_password(key, typed, form["password"].data or "", secrets)
        return greeted(made, "Your new password is set, and every other device is logged out.")
    assert member is not None
    accounts.confirm_email(member.account_id, key, typed, secrets)
    pages.say("Thank you. Your e-mail is confirmed.")
    return web.go("/account")


def greeted(member: Member, sentence: str) -> AnyResponse:
    response = pages.welcome(member)
    pages.say(sentence)
    return response
