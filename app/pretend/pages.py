"""The page where the shopper pays, or does not."""

import time
from urllib.parse import urlsplit

from flask import Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse
from wtforms import StringField
from wtforms.validators import AnyOf

from app.gateways.pretend import origin
from app.pretend import PROVIDER, bp, outcomes
from app.pretend.memory import Payment, Unknown
from app.web import PageForm

NO_CHOICE = "Press one of the buttons."
EXPIRED = "This page was open for too long, or cookies are switched off. Press the button once more."


class ChoiceForm(PageForm):
    outcome = StringField(validators=[AnyOf(outcomes.NAMES)])


@bp.get("/pay/<reference>")
def pay(reference: str) -> Response:
    """Who wants how much, and a button for everything that can happen."""
    return show(payment_or_404(reference), ChoiceForm())


@bp.post("/pay/<reference>")
def choose(reference: str) -> AnyResponse:
    """Let it happen, and send the shopper back to the shop."""
    payment = payment_or_404(reference)
    form = ChoiceForm()
    if not form.validate_on_submit():
        return show(payment, form, EXPIRED if form.csrf_token.errors else NO_CHOICE, 422)
    outcomes.happen(PROVIDER, payment, form.outcome.data)
    if form.outcome.data == "close":
        return no_store(render_template("pretend/closed.html", shop=origin(payment.return_url) + "/"))
    return redirect(payment.return_url, 303)


def payment_or_404(reference: str) -> Payment:
    try:
        return PROVIDER.memory.payment(reference)
    except Unknown:
        abort(404)


def show(payment: Payment, form: ChoiceForm, told: str = "", status: int = 200) -> Response:
    now = time.time()
    context = {
        "payment": payment,
        "host": urlsplit(payment.return_url).netloc,
        "waits": payment.waits_at(now),
        "state": payment.state_at(now),
        "choices": outcomes.OUTCOMES,
        "back": payment.return_url,
        "cancelled": f"{payment.return_url}{'&' if urlsplit(payment.return_url).query else '?'}cancelled=1",
        "action": request.path,
    }
    return no_store(render_template("pretend/pay.html", form=form, told=told, **context), status)


def no_store(body: str, status: int = 200) -> Response:
    response = make_response(body, status)
    response.headers["Cache-Control"] = "no-store"
    return response
