"""Tokens: what lets programs act for an account."""

from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.account import bp, pages
from app.account.forms import TokenForm
from app.account.pages import members_only
from app.services import tokens
from app.services.accounts import Member
from app.services.errors import InvalidInput


def listed(member: Member, form: TokenForm, status: int = 200, *, made: str = "") -> AnyResponse:
    return pages.page("tokens", form, status, tokens=tokens.alive(member.account_id), made=made)


@bp.get("/tokens")
@members_only
def show_tokens(member: Member) -> AnyResponse:
    """Which tokens work, and when each was used."""
    return listed(member, TokenForm())


@bp.post("/tokens")
@members_only
def make_token(member: Member) -> AnyResponse:
    """Make a token, and show it this once: it cannot be asked for again, so this one POST answers with its page."""
    form = TokenForm()
    if not form.is_right():
        return listed(member, form, 422)
    try:
        made = tokens.make(member.account_id, form["name"].data or "")
    except InvalidInput as error:
        form.say(error.fields)
        return listed(member, form, error.status)
    form["name"].data = ""
    return listed(member, form, made=made)


@bp.post("/tokens/<int(max=2147483647):token_id>/revoke")
@members_only
def revoke_token(member: Member, token_id: int) -> AnyResponse:
    """Take a token away from whoever has it."""
    form = TokenForm()
    if not form.is_right():
        return listed(member, form, 422)
    tokens.revoke(member.account_id, token_id)
    pages.say("The token is revoked: it works no more.")
    return web.go("/account/tokens")
