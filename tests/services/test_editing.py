"""Edits that overwrite nobody."""

import pytest

from app.extensions import transaction
from app.models.catalog import TaxClass
from app.services import audit, editing
from app.services.editing import EditConflict
from app.services.errors import NotFound

pytestmark = pytest.mark.usefixtures("app_context")

NAMES = ("name", "rate_bp")


def shown() -> str:
    """What a form would carry of the tax class that is there."""
    with transaction() as t:
        return editing.seen(editing.locked(t, TaxClass, 1), NAMES)


def save(seen: str, **values: object) -> dict[str, object]:
    with transaction() as t:
        return editing.save(t, TaxClass, 1, values, seen=seen, actor="cli")


def test_what_differs_is_written_and_noted():
    before = save(shown(), name="Usual", rate_bp=2000)

    assert before == {"name": "Standard rate"}
    entry = audit.entries()[0]
    assert (entry.action, entry.subject) == ("tax class changed", "tax_class:1")
    assert (entry.before, entry.after) == ({"name": "Standard rate"}, {"name": "Usual"})


def test_nothing_different_leaves_no_trace():
    save(shown(), name="Standard rate", rate_bp=2000)

    assert audit.entries() == []


def test_what_somebody_else_saved_is_told_and_not_lost():
    seen = shown()
    save(seen, name="Usual", rate_bp=2000)

    with pytest.raises(EditConflict) as error:
        save(seen, name="Common", rate_bp=2000)

    assert error.value.theirs == {"name": "Usual"}
    assert save(error.value.seen, name="Common", rate_bp=2000) == {"name": "Usual"}


def test_what_only_i_changed_is_not_said_to_be_theirs():
    seen = shown()
    save(seen, name="Usual", rate_bp=2000)

    with pytest.raises(EditConflict) as error:
        save(seen, name="Standard rate", rate_bp=500)

    assert error.value.theirs == {"name": "Usual"}


def test_saving_what_stands_already_is_no_conflict():
    seen = shown()
    save(seen, name="Usual", rate_bp=2000)

    assert save(seen, name="Usual", rate_bp=2000) == {}


def test_a_row_that_is_not_there_cannot_be_saved():
    with pytest.raises(NotFound), transaction() as t:
        editing.save(t, TaxClass, 99, {"name": "x"}, seen="", actor="cli")


def test_shoppers_and_the_worker_leave_no_trace():
    with transaction() as t:
        for actor in ("shopper", "worker", "gateway"):
            audit.note(t, actor, "did", "order:1")

    assert audit.entries() == []
