"""Messages: mails and other things that the shop owes or did, what they say, and trying once more."""

from flask import Response, abort, current_app, make_response, request
from werkzeug.wrappers import Response as AnyResponse

from app import templating, web
from app.account.forms import PlainForm
from app.services import messages as message_service, outbox, samples
from app.services.accounts import Member
from app.services.errors import NotFound
from app.services.mail import Mailer
from app.services.messages import Fate, Preview
from app.staff import bp, pages
from app.staff.pages import managers_only, number, staff_only

MESSAGE = "/messages/<int(max=2147483647):message_id>"
# A mail has styles on its elements and comes from templates that owners write: it may show itself, and do nothing else.
MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"


def mailer() -> Mailer:
    return templating.mailer(current_app)


@bp.get("/messages")
@staff_only
def messages(member: Member) -> AnyResponse:
    """The outbox, the newest first: `?state=` waiting, failed or sent."""
    asked, after = request.args.get("state", ""), number("after")
    failures = message_service.failures()
    usual = Fate.FAILED if failures else Fate.WAITING
    fate = Fate(asked) if asked in list(Fate) else usual
    return pages.page(
        "messages", page=message_service.page(fate, after=after), fate=fate, failures=failures, is_first=after is None
    )


@bp.post("/messages/retry")
@staff_only
def retry_messages(member: Member) -> AnyResponse:
    """Have everything that was given up on tried once more."""
    form = PlainForm()
    if not form.is_right():
        page, failures = message_service.page(Fate.FAILED), message_service.failures()
        told = form.csrf_token.errors[0]
        return pages.page("messages", form, 422, told=told, page=page, fate=Fate.FAILED, failures=failures, is_first=True)
    count = outbox.retry(dead=True, actor=member.actor)
    pages.say("%(count)s messages are tried once more, as soon as the worker comes to them.", count=count)
    return web.go("/staff/messages?state=waiting")


@bp.get(MESSAGE)
@staff_only
def message(member: Member, message_id: int) -> AnyResponse:
    """One message, and the mail as it would be sent now."""
    return one(message_id)


def one(message_id: int, form: PlainForm | None = None, status: int = 200, *, told: str = "") -> Response:
    found, preview = message_service.one(message_id), message_service.preview(mailer(), message_id)
    return pages.page("message", form, status, told=told, message=found, preview=preview)


@bp.post(MESSAGE + "/retry")
@staff_only
def retry_message(member: Member, message_id: int) -> AnyResponse:
    """Have one message tried at once, with all its tries before it."""
    form = PlainForm()
    if not form.is_right():
        message_service.one(message_id)
        return answer(message_id, form, 422, form.csrf_token.errors[0])
    try:
        outbox.retry([message_id], actor=member.actor)
    except NotFound:
        message_service.one(message_id)
        return answer(message_id, form, 409, "This was done meanwhile, so there is nothing to try.")
    if web.wants_fragment():
        return answer(message_id, form, 200, "Tried once more in a moment.")
    pages.say("It is tried once more, as soon as the worker comes to it.")
    return web.go(f"/staff/messages/{message_id}")


def answer(message_id: int, form: PlainForm, status: int, told: str) -> Response:
    """The message's row for htmx, its page for everybody else."""
    if web.wants_fragment():
        row = message_service.one(message_id)
        return pages.fragment("_message", status=status, message=row, form=form, note=told)
    return one(message_id, form, status, told=told)


@bp.get(MESSAGE + "/html")
@staff_only
def message_html(member: Member, message_id: int) -> AnyResponse:
    """A mail as programs that show HTML show it."""
    return as_mail(message_service.preview(mailer(), message_id))


def as_mail(preview: Preview) -> Response:
    """The HTML of a mail, which may do nothing here."""
    if not preview.html:
        abort(404)
    response = make_response(preview.html)
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


# ------------------------------------------------------------------------------------------------ samples


@bp.get("/messages/samples")
@managers_only
def sample_mails(member: Member) -> AnyResponse:
    """Every kind of mail."""
    return pages.page("samples", kinds=samples.KINDS)


@bp.get("/messages/samples/<sample>")
@managers_only
def sample_mail(member: Member, sample: str) -> AnyResponse:
    """One kind of mail, as the newest order would make it."""
    preview = samples.sample(mailer(), sample)
    if preview is None:
        abort(404)
    return pages.page("sample", kind=samples.KINDS[sample], name=sample, preview=preview)


@bp.get("/messages/samples/<sample>/html")
@managers_only
def sample_html(member: Member, sample: str) -> AnyResponse:
    """The same with its styles."""
    preview = samples.sample(mailer(), sample)
    return as_mail(preview) if preview else abort(404)
