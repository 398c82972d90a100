"""Today: what waits for somebody, and how the shop does."""

from werkzeug.wrappers import Response as AnyResponse

from app.services.accounts import Member
from app.staff import bp, pages
from app.staff.pages import staff_only


@bp.get("")
@staff_only
def today(member: Member) -> AnyResponse:
    """What waits for somebody behind the counter."""
    return pages.page("today")
