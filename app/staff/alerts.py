"""Alerts: what sold out or runs low, and who has seen it."""

from flask import abort, request
from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.account.forms import PlainForm
from app.models.order import order_number
from app.services import stock, stock_list
from app.services.accounts import Member
from app.staff import bp, pages
from app.staff.pages import number, staff_only


@bp.get("/alerts")
@staff_only
def show_alerts(member: Member) -> AnyResponse:
    """The open ones, the newest first; `?show=closed` those that are over."""
    return listed(is_open=request.args.get("show") != "closed")


def listed(*, is_open: bool, status: int = 200, told: str = "") -> AnyResponse:
    after = number("after")
    alerts, older = stock_list.alerts(is_open=is_open, after=after)
    who = stock_list.people(alert.acknowledged_by for alert in alerts)
    around = {"alerts": alerts, "who": who, "order_number": order_number, "is_open": is_open, "problem": ""}
    return pages.page("alerts", PlainForm(), status, told=told, after=older, is_first=after is None, **around)


@bp.post("/alerts/<int(max=2147483647):alert_id>")
@staff_only
def acknowledge(member: Member, alert_id: int) -> AnyResponse:
    """Write down that somebody saw it; htmx swaps its row."""
    form = PlainForm()
    problem = "" if form.is_right() else form.csrf_token.errors[0]
    if not problem:
        stock.acknowledge(alert_id, actor=member.actor)
    if web.wants_fragment():
        alert = stock_list.alert(alert_id) or abort(404)
        around = {"who": stock_list.people([alert.acknowledged_by]), "order_number": order_number, "form": form}
        return pages.fragment("_alert_row", status=422 if problem else 200, alert=alert, problem=problem, **around)
    if problem:
        return listed(is_open=True, status=422, told=problem)
    pages.say("Marked as seen.")
    return web.go("/staff/alerts")
