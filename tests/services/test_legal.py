"""Legal texts: published, changed and taken back; what was public once stays provable."""

from datetime import timedelta

import pytest

from app.extensions import now
from app.services import audit, catalog, editing, legal
from app.services.editing import EditConflict
from app.services.errors import InvalidInput, NotFound

pytestmark = pytest.mark.usefixtures("app_context")


def publish(slug: str = "terms", body: str = "We sell.", title: str = "Terms", seen: str | None = None) -> bool:
    known = editing.seen(legal.draft(slug), legal.EDITED) if seen is None else seen
    return legal.publish(slug, {"title": title, "body": body}, seen=known, actor="cli")


def links() -> list[str]:
    return [text.slug for text in legal.links(catalog.revision())]


def test_nothing_is_public_at_first():
    assert (links(), legal.public("terms"), legal.agreed(now())) == ([], None, [])


def test_what_is_published_is_public_and_linked_in_the_order_of_the_kinds():
    publish("privacy", "We forget.", "Privacy")
    publish("terms", "We sell.")

    assert links() == ["terms", "privacy"]
    assert (legal.public("terms").title, legal.public("terms").body) == ("Terms", "We sell.")
    assert [(entry.action, entry.subject) for entry in audit.entries()] == [
        ("legal text published", "legal:terms"),
        ("legal text published", "legal:privacy"),
    ]


def test_an_empty_text_takes_it_back_and_keeps_what_was():
    publish()

    publish(body="")

    assert (links(), legal.public("terms")) == ([], None)
    assert [version.body for version in legal.versions("terms")[0]] == ["", "We sell."]
    assert audit.entries()[0].action == "legal text taken back"


@pytest.mark.parametrize("body", ["We sell.", "  We sell.\r\n"])
def test_publishing_what_is_public_changes_nothing(body):
    publish()
    before = catalog.revision()

    assert not publish(body=body)

    assert (catalog.revision(), len(legal.versions("terms")[0])) == (before, 1)


def test_taking_back_what_never_was_changes_nothing():
    assert not publish(body="")

    assert legal.versions("terms") == ([], None)


def test_an_order_keeps_the_texts_of_its_moment():
    before = now() - timedelta(seconds=1)
    publish("terms", "Old.")
    publish("withdrawal", "Fourteen days.", "Withdrawal")
    between = now()
    publish("terms", "New.")
    publish("withdrawal", "")

    assert legal.agreed(before) == []
    assert [text.body for text in legal.agreed(between)] == ["Old.", "Fourteen days."]
    assert [text.body for text in legal.agreed(now())] == ["New."]


def test_the_second_of_two_managers_is_told_what_the_first_published():
    seen = editing.seen(legal.draft("terms"), legal.EDITED)
    publish(body="First.")

    with pytest.raises(EditConflict) as conflict:
        publish(body="Second.", seen=seen)

    assert conflict.value.theirs == {"body": "First."}
    assert publish(body="Second.", seen=conflict.value.seen)


def test_versions_are_paged():
    for number in range(legal.VERSIONS + 1):
        publish(body=f"Version {number}.")

    newest, more = legal.versions("terms")
    oldest, end = legal.versions("terms", before=more)

    assert (len(newest), newest[0].body) == (legal.VERSIONS, f"Version {legal.VERSIONS}.")
    assert ([version.body for version in oldest], end) == (["Version 0."], None)


@pytest.mark.parametrize(
    ("values", "field"),
    [({"title": ""}, "title"), ({"title": "x" * 121}, "title"), ({"body": "x" * 100_001}, "body"), ({"body": "a\x00"}, "body")],
)
def test_each_field_says_what_is_wrong_with_it(values, field):
    with pytest.raises(InvalidInput) as error:
        publish(**values)

    assert list(error.value.fields) == [field]


def test_there_are_no_other_texts():
    assert legal.public("cookies") is None
    with pytest.raises(NotFound):
        publish("cookies")
    with pytest.raises(NotFound):
        legal.version("terms", 1)
