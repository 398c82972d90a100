"""The audit trail: who changed what, when, and how it was before."""

from werkzeug.wrappers import Response as AnyResponse

from app.services import audit, staffing
from app.services.accounts import Member
from app.staff import bp, pages
from app.staff.pages import managers_only, number, words


@bp.get("/audit")
@managers_only
def trail(member: Member) -> AnyResponse:
    """Everything, the newest first; `?who=ID` one person's, `?subject=order:12` one thing's."""
    after, who, subject = number("after"), number("who"), words("subject")
    found = audit.entries(after=after, account_id=who, subject=subject)
    entries = found[: audit.PAGE]
    more = entries[-1].id if len(found) > audit.PAGE else None
    kept = {"who": who, "subject": subject}
    return pages.page("trail", entries=entries, after=more, is_first=after is None, kept=kept, people=staffing.people())
