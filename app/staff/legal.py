"""Settings: legal texts, their preview, and every version that was public."""

from typing import Any

from flask import abort, request
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.catalog import markdown
from app.services import editing, legal
from app.services.accounts import Member
from app.services.editing import EditConflict
from app.services.errors import InvalidInput
from app.staff import bp, pages
from app.staff.pages import managers_only, number
from app.staff.settings_forms import LegalForm

LEGAL = "/settings/legal"
MOST_BYTES = 1024 * 1024  # of the one form that takes whole texts


@bp.url_value_preprocessor
def take_long_texts(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """A legal text may be longer than other forms; this comes before anything reads what was sent."""
    if endpoint == "staff.publish_legal":
        pages.make_room(MOST_BYTES)


@bp.get(LEGAL)
@managers_only
def legal_texts(member: Member) -> AnyResponse:
    """The texts that a shop may need, and since when each is public."""
    return pages.page("legal", texts=[legal.draft(slug) for slug in legal.TITLES])


@bp.get(LEGAL + "/<text>")
@managers_only
def show_legal(member: Member, text: str) -> AnyResponse:
    """The editor of one text, and its versions; `?after=ID` the older ones."""
    draft = legal.draft(text)
    known = {"title": draft.title, "body": draft.body, "seen": editing.seen(draft, legal.EDITED)}
    return editor(LegalForm(data=known), text)


def editor(
    form: LegalForm,
    text: str,
    status: int = 200,
    *,
    told: str = "",
    preview: Markup | None = None,
    conflict: dict[str, Any] | None = None,
) -> AnyResponse:
    after = number("after")
    versions, more = legal.versions(text, before=after)
    context = {"slug": text, "versions": versions, "after": more, "is_first": after is None, "is_agreed": text in legal.AGREED}
    return pages.page("legal_text", form, status, told=told, preview=preview, conflict=conflict, **context)


@bp.post(LEGAL + "/<text>")
@managers_only
def publish_legal(member: Member, text: str) -> AnyResponse:
    """Show how the text would look; or, by the other button, let it be public from now on."""
    legal.draft(text)
    form = LegalForm()
    if not form.is_right():
        return editor(form, text, 422)
    try:
        values = legal.checked(form.typed)
        if request.form.get("action") != "publish":
            return editor(form, text, preview=markdown.html(values["body"], top=2))
        is_new = legal.publish(text, form.typed, seen=form.seen.data or "", actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return editor(form, text, error.status)
    except EditConflict as error:
        form.seen.data = error.seen
        return editor(form, text, error.status, told=str(error), conflict=error.theirs)
    public = "%(title)s is public now." if values["body"] else "%(title)s is not public any more."
    pages.say(public if is_new else "Nothing was changed.", title=values["title"])
    return web.go("/staff" + LEGAL)


@bp.get(LEGAL + "/<text>/<int(max=2147483647):version_id>")
@managers_only
def legal_version(member: Member, text: str, version_id: int) -> AnyResponse:
    """One version as shoppers read it while it was public."""
    if text not in legal.TITLES:
        abort(404)
    version = legal.version(text, version_id)
    return pages.page("legal_version", version=version, body=markdown.html(version.body, top=2))
