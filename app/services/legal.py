"""Legal texts: what the shop says of terms, withdrawal, privacy, itself and returns, and what it said when somebody ordered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, func, insert, select

from app.extensions import Prepared, Record, db, read, retried, transaction
from app.models.shop import LegalText
from app.services import audit, catalog, editing
from app.services.errors import NotFound
from app.services.typed import Typed

TITLES = {  # slug → what the text is called until a manager says otherwise, in the order of the links
    "terms": "Terms of sale",
    "withdrawal": "Right of withdrawal",
    "privacy": "Privacy",
    "imprint": "Imprint",
    "delivery": "Delivery and returns",
}
AGREED = ("terms", "withdrawal")  # what a shopper accepts by ordering, and keeps
LONGEST = 100_000  # characters
LONGEST_TITLE = 120
VERSIONS = 20  # on a page
EDITED = ("title", "body")

NEWEST = select(func.max(LegalText.id)).group_by(LegalText.slug).scalar_subquery()
LINKS = Prepared(select(LegalText.slug, LegalText.title).where(LegalText.id.in_(NEWEST), LegalText.body != ""))
TEXT = Prepared(
    select(LegalText.id, LegalText.slug, LegalText.title, LegalText.body, LegalText.created_at)
    .where(LegalText.slug == bindparam("slug"))
    .order_by(LegalText.id.desc())
    .limit(1)
)


# ------------------------------------------------------------------------------------------------ reading


def links(revision: int) -> tuple[Any, ...]:
    """The public texts in their order, (slug, title), as they are at this revision; read once per revision and process."""
    return _links(db.engine, revision)


@lru_cache(maxsize=8)
def _links(engine: Engine, revision: int) -> tuple[Any, ...]:
    found = {row.slug: row for row in LINKS.rows()}
    return tuple(found[slug] for slug in TITLES if slug in found)


def public(slug: str) -> Any:
    """The text that is public now, by the columns of TEXT; None when there is none."""
    newest = TEXT.row_or_none(slug=slug) if slug in TITLES else None
    return newest if newest is not None and newest.body else None


def agreed(moment: datetime) -> Sequence[Record]:
    """What whoever ordered at that moment agreed to: (slug, title, body, created_at) of each text that was public then."""
    found = []
    for slug in AGREED:
        columns = LegalText.slug, LegalText.title, LegalText.body, LegalText.created_at
        wanted = select(*columns).where(LegalText.slug == slug, LegalText.created_at <= moment)
        newest = read(wanted.order_by(LegalText.id.desc()).limit(1)).first()
        if newest is not None and newest.body:
            found.append(newest)
    return found


def versions(slug: str, *, before: int | None = None) -> tuple[Sequence[Record], int | None]:
    """Versions of a text, the newest first, (id, title, body, actor, created_at), and the one that the next page begins after."""
    columns = LegalText.id, LegalText.title, LegalText.body, LegalText.actor, LegalText.created_at
    wanted = select(*columns).where(LegalText.slug == slug).order_by(LegalText.id.desc()).limit(VERSIONS + 1)
    rows = read(wanted if before is None else wanted.where(LegalText.id < before)).all()
    return rows[:VERSIONS], rows[VERSIONS - 1].id if len(rows) > VERSIONS else None


def version(slug: str, version_id: int) -> Record:
    """One version, by the columns of TEXT. Raises NotFound."""
    columns = LegalText.id, LegalText.slug, LegalText.title, LegalText.body, LegalText.created_at
    row = read(select(*columns).where(LegalText.slug == slug, LegalText.id == version_id)).first()
    if row is None:
        raise NotFound("There is no such version.")
    return row


def draft(slug: str) -> Any:
    """The newest version, public or not, to be edited; of a text that never was, an empty one. Raises NotFound."""
    if slug not in TITLES:
        raise NotFound("There is no such text.")
    return newest(slug)


def newest(slug: str, t: Connection | None = None) -> Any:
    return TEXT.row_or_none(t, slug=slug) or TEXT.row(0, slug, TITLES[slug], "", None)


# ------------------------------------------------------------------------------------------------ publishing


def checked(typed: Mapping[str, str]) -> dict[str, str]:
    """Title and body, tidied. Raises InvalidInput."""
    form = Typed(typed)
    title = form.line("title", LONGEST_TITLE, missing="Enter a title; links show it.")
    body = form.line("body", LONGEST, lines=True)
    form.check()
    return {"title": title, "body": body}


@retried
def publish(slug: str, typed: Mapping[str, str], *, seen: str, actor: str) -> bool:
    """Let this be the text from now on; an empty body takes it back. Answers whether anything changed.

    What was public before stays provable. Raises NotFound, InvalidInput, EditConflict.
    """
    values = checked(typed)
    draft(slug)
    with transaction() as t:
        catalog.claim(t)
        before = newest(slug, t)
        editing.refuse_stale(before, values, seen)
        if (before.title, before.body) == (values["title"], values["body"]) or not (before.id or values["body"]):
            return False
        made = insert(LegalText).values(slug=slug, actor=actor, **values).returning(LegalText.id)
        version_id = t.execute(made).scalar_one()
        catalog.touch(t)
        was = {"version": before.id or None, "title": before.title}
        now = {"version": version_id, "title": values["title"], "characters": len(values["body"])}
        audit.note(t, actor, "legal text published" if values["body"] else "legal text taken back", f"legal:{slug}", was, now)
    return True
