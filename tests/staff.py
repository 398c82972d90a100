"""People behind the counter, and how they get in."""

from app.models.customer import Role
from app.services import audit
from app.services.accounts import Member
from tests.members import a_member, log_in
from tests.shopper import Browser

MANAGER, STAFF = "manager@example.com", "staff@example.com"


def a_manager(email: str = MANAGER, *, name: str = "Mona Manager") -> Member:
    return a_member(email, name=name, role=Role.MANAGER)


def a_staff_member(email: str = STAFF, *, name: str = "Stan Staff") -> Member:
    return a_member(email, name=name, role=Role.STAFF)


def as_manager(page: Browser, email: str = MANAGER) -> Browser:
    """A browser in which a manager is logged in; the account is made for it."""
    a_manager(email)
    return log_in(page, email)


def as_staff(page: Browser, email: str = STAFF) -> Browser:
    """A browser in which somebody of the staff is logged in; the account is made for it."""
    a_staff_member(email)
    return log_in(page, email)


def trail() -> list[tuple[str, str]]:
    """(action, subject) of everything in the audit trail, the newest first."""
    return [(entry.action, entry.subject) for entry in audit.entries()]
