"""People with accounts, how they get in, and what was mailed to them."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from flask import current_app
from sqlalchemy import select

from app.cli.shop import rounds
from app.extensions import db, transaction
from app.models.customer import Account, EmailCode
from app.services import accounts, codes
from app.services.accounts import Member
from tests.shopper import Browser

ALICE, PASSWORD = "alice@example.com", "three brown horses"


def a_member(email: str = ALICE, *, name: str = "Alice Example", verified: bool = True, **more: str) -> Member:
    """Somebody with an account and PASSWORD."""
    member = accounts.create(email, name=name, password=PASSWORD, is_verified=verified, **more)
    db.session.rollback()
    return member


def log_in(page: Browser, email: str = ALICE, password: str = PASSWORD, *, status: int = 200, **more: object) -> Browser:
    """Log in by the page, as everybody does."""
    page.get("/account/login")
    return page.submit("Log in", {"email": email, "password": password, **more}, form="/account/login", status=status)


def is_in(page: Browser) -> bool:
    """Whether this browser is logged in."""
    page.get("/account")
    return page.path == "/account"


def account(email: str = ALICE) -> Account | None:
    db.session.rollback()
    return db.session.execute(select(Account).where(Account.email == email)).scalar()


def email_codes() -> list[EmailCode]:
    db.session.rollback()
    return list(db.session.execute(select(EmailCode).order_by(EmailCode.id)).scalars())


def code() -> str:
    """The newest code, as its mail has it."""
    return codes.code_of(email_codes()[-1].key, current_app.config["SECRET_KEY"])


def mails() -> list[EmailMessage]:
    """Every mail there is after a turn of the worker."""
    db.session.rollback()
    for go in rounds():
        go()
    db.session.rollback()
    files = Path(current_app.config["MAIL_FOLDER"]).glob("*.eml")
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]  # type: ignore[misc]


def words(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return " ".join(body.get_content().split())


def change(model: type, row_id: int, **columns: object) -> None:
    with transaction():
        row = db.session.get(model, row_id)
        for name, value in columns.items():
            setattr(row, name, value)
