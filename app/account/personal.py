"""All that the shop knows of somebody, for themselves; and the end of an account."""

import json

from flask import Response, make_response
from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.account import bp, guard, login, pages
from app.account.forms import LeaveForm
from app.account.pages import members_only
from app.services import personal
from app.services.accounts import Member, WrongPassword
from app.services.personal import StillStaff


@bp.get("/data")
@members_only
def show_data(member: Member) -> AnyResponse:
    return pages.page("data", LeaveForm())


@bp.get("/data.json")
@members_only
def export_data(member: Member) -> AnyResponse:
    """Everything, as a file."""
    response = Response(json.dumps(personal.export(member), ensure_ascii=False, indent=2, default=str) + "\n")
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.post("/data/delete")
@members_only
def delete_account(member: Member) -> AnyResponse:
    """Delete the account for whoever knows its password."""
    form = LeaveForm()
    if not form.is_right():
        return pages.page("data", form, 422)
    if not guard.may_prove(member.account_id):
        return pages.too_often("data", form)
    try:
        personal.forget(member, form.password.data or "")
    except (StillStaff, WrongPassword) as error:
        form.say({"password": str(error)})
        return pages.page("data", form, error.status)
    return login.leave(make_response(web.go("/")))
