"""Discount codes as managers type them: checked with a sentence for each field, told in the trail, overwriting nobody."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.extensions import db, now
from app.models.discount import DiscountCode
from app.services import audit, catalog, discount_codes
from app.services.editing import EditConflict
from app.services.errors import InvalidInput, NotFound
from tests.factories import a_cart, a_discount, a_variant
from tests.shopping import order_of, the_order
from tests.staff import a_manager

pytestmark = pytest.mark.usefixtures("app_context")

LONDON, SEOUL = "Europe/London", "Asia/Seoul"
TYPED = dict.fromkeys(("code", *discount_codes.TERMS), "") | {"code": "spring", "kind": "percent", "value": "12.5"}


@pytest.fixture
def actor(app_context) -> str:
    return a_manager().actor


def made(actor: str, **typed: str) -> DiscountCode:
    code_id = discount_codes.create(TYPED | typed, currency="GBP", timezone=LONDON, actor=actor)
    return row(code_id)


def row(code_id: int) -> DiscountCode:
    db.session.rollback()
    db.session.expire_all()
    return db.session.execute(select(DiscountCode).where(DiscountCode.id == code_id)).scalar_one()


def change(code_id: int, actor: str, seen: str = "", **typed: str) -> None:
    stands = discount_codes.one(code_id)
    typed = discount_codes.typed_of(stands, LONDON) | typed
    discount_codes.change(code_id, typed, timezone=LONDON, seen=seen or discount_codes.seen(stands), actor=actor)


def wrong(actor: str, **typed: str) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        made(actor, **typed)
    return refused.value.fields


# --- a new one ---


def test_one_is_made_as_it_was_typed(actor):
    code = made(actor, min_items_minor="30", starts_at="2026-12-01T09:00", ends_at="2026-12-24", most_uses="100", note="Advent")

    assert (code.code, code.kind, code.value, code.currency, code.min_items_minor) == ("SPRING", "percent", 1250, "GBP", 3000)
    assert (code.starts_at, code.ends_at) == (datetime(2026, 12, 1, 9, tzinfo=UTC), datetime(2026, 12, 25, tzinfo=UTC))
    assert (code.most_uses, code.most_uses_each, code.uses, code.is_active, code.note) == (100, None, 0, True, "Advent")


@pytest.mark.parametrize("said", ["5.50", "5,50"])
def test_an_amount_is_money(actor, said):
    assert made(actor, kind="amount", value=said).value == 550


def test_it_counts_at_once(actor):
    made(actor)

    order_of(a_cart((a_variant(), 1)), code="SPRING")

    assert the_order().discount_minor == 125


def test_times_are_the_shops_own():
    assert discount_codes.moment("2026-07-01 09:00", LONDON) == datetime(2026, 7, 1, 8, tzinfo=UTC)
    assert discount_codes.moment("2026-07-01T09:00", SEOUL) == datetime(2026, 7, 1, tzinfo=UTC)
    assert discount_codes.moment("", SEOUL) is None


def test_two_of_one_name_are_refused(actor):
    made(actor)

    assert wrong(actor, code=" Spring ") == {"code": "There is such a code already."}


@pytest.mark.parametrize("code", ["", "-X", "ÄÖ", "A" * 41, "A.B", "%", "A\0"[:1] + "/"])
def test_what_is_no_code_is_refused(actor, code):
    assert set(wrong(actor, code=code)) == {"code"}


@pytest.mark.parametrize("said", ["", "0", "0.00", "100.01", "1000", "-5", "ten", "1e1", "1_0", "١٠", "12.345", "10 £", "nan"])
def test_what_is_no_percentage_is_refused(actor, said):
    assert wrong(actor, value=said) == {"value": discount_codes.NO_PERCENTAGE}


@pytest.mark.parametrize(
    ("said", "points"), [("10", 1000), ("12,5", 1250), ("10%", 1000), ("12.5 %", 1250), ("0.01", 1), ("100", 10_000)]
)
def test_percentages_as_people_type_them(actor, said, points):
    assert made(actor, value=said).value == points


@pytest.mark.parametrize("said", ["", "0", "0.00", "-5", "1e3", "1_000", "5 quid", "٥", "5.505", "9" * 13, "999999999999"])
def test_what_is_no_amount_is_refused(actor, said):
    assert set(wrong(actor, kind="amount", value=said)) == {"value"}


@pytest.mark.parametrize("said", ["0", "-1", "1.5", "x", "1_0", "٣", "9" * 10, "9" * 40])
@pytest.mark.parametrize("name", ["most_uses", "most_uses_each"])
def test_what_is_no_count_is_refused(actor, name, said):
    assert wrong(actor, **{name: said}) == {name: discount_codes.NO_COUNT}


@pytest.mark.parametrize(
    "said", ["tomorrow", "2026-13-01", "2026-02-30 10:00", "2026-01-01T25:00", "0001-01-01", "9999-12-31", "24.12.2026"]
)
@pytest.mark.parametrize("name", ["starts_at", "ends_at"])
def test_what_is_no_moment_is_refused(actor, name, said):
    assert wrong(actor, **{name: said}) == {name: discount_codes.NO_MOMENT}


def test_a_time_that_the_clocks_leave_out_is_refused(actor):
    assert wrong(actor, starts_at="2027-03-28 01:30") == {"starts_at": discount_codes.NO_SUCH_MOMENT}


def test_it_must_end_after_it_begins(actor):
    assert set(wrong(actor, starts_at="2026-12-02", ends_at="2026-12-01")) == {"ends_at"}
    assert made(actor, starts_at="2026-12-02", ends_at="2026-12-02").ends_at


@pytest.mark.parametrize(("kind", "note"), [("", ""), ("gift", ""), ("percent", "x" * 251), ("percent", "a\0b")])
def test_anything_else_that_is_odd_is_refused(actor, kind, note):
    assert set(wrong(actor, kind=kind, note=note)) & {"kind", "note"}


def test_everything_that_is_wrong_is_told_at_once(actor):
    assert set(wrong(actor, code="", value="x", ends_at="x", most_uses="x")) == {"code", "value", "ends_at", "most_uses"}


# --- another ---


def test_what_is_shown_says_the_same_when_it_is_sent_back(actor):
    code = made(actor, kind="amount", value="5.50", starts_at="2026-07-01 09:00", ends_at="2026-07-02", min_items_minor="8")
    before = {column.name: getattr(code, column.name) for column in DiscountCode.__table__.c}

    change(code.id, actor)

    assert {name: getattr(row(code.id), name) for name in before} == before
    assert [entry.action for entry in audit.entries()] == ["discount code made"]


def test_other_terms_are_written_and_told_in_the_trail(actor):
    code = made(actor)

    change(code.id, actor, value="20", most_uses="5")

    assert (row(code.id).value, row(code.id).most_uses) == (2000, 5)
    entry = audit.entries()[0]
    assert (entry.action, entry.subject, entry.actor) == ("discount code changed", f"discount_code:{code.id}", actor)
    assert (entry.before, entry.after) == ({"value": 1250, "most_uses": None}, {"value": 2000, "most_uses": 5})


def test_uses_that_come_meanwhile_are_no_conflict(actor):
    code = made(actor)
    seen = discount_codes.seen(discount_codes.one(code.id))
    order_of(a_cart((a_variant(), 1)), code="SPRING")

    change(code.id, actor, seen, value="20")

    assert (row(code.id).value, row(code.id).uses) == (2000, 1)
    assert the_order().discount_minor == 125


def test_whoever_saved_meanwhile_is_not_overwritten(actor):
    code = made(actor)
    seen = discount_codes.seen(discount_codes.one(code.id))
    change(code.id, actor, value="20")

    with pytest.raises(EditConflict) as conflict:
        change(code.id, actor, seen, value="30")
    change(code.id, actor, conflict.value.seen, value="30")

    assert conflict.value.theirs == {"value": 2000}
    assert row(code.id).value == 3000


def test_carts_are_priced_anew_after_each_change(actor):
    revisions = [catalog.revision()]
    code = made(actor)
    for step in (lambda: change(code.id, actor, value="20"), lambda: discount_codes.switch(code.id, False, actor=actor)):
        revisions.append(catalog.revision())
        step()
    revisions.append(catalog.revision())

    assert sorted(set(revisions)) == revisions


def test_the_switch_is_told_once(actor):
    code = made(actor)

    for is_active in (False, False, True):
        discount_codes.switch(code.id, is_active, actor=actor)

    actions = [entry.action for entry in audit.entries()]
    assert actions == ["discount code switched on", "discount code switched off", "discount code made"]
    assert row(code.id).is_active


def test_what_is_not_there_is_not_found(actor):
    with pytest.raises(NotFound):
        discount_codes.one(999)
    with pytest.raises(NotFound):
        discount_codes.switch(999, True, actor=actor)


# --- the list ---


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({}, "counts"),
        ({"is_active": False}, "off"),
        ({"ends_at": now() - timedelta(days=1)}, "over"),
        ({"starts_at": now() + timedelta(days=1)}, "not yet"),
        ({"most_uses": 0}, "used up"),
    ],
    ids=["counts", "off", "over", "not yet", "used up"],
)
def test_the_list_says_how_each_stands(columns, state):
    a_discount(**columns)

    [listed], more = discount_codes.page()

    assert (listed.code, listed.takes, listed.state, listed.uses, more) == ("SUMMER10", "10 %", state, 0, None)


def test_the_list_is_paged_the_newest_first(monkeypatch):
    monkeypatch.setattr(discount_codes, "PAGE", 2)
    for number in range(5):
        a_discount(f"CODE{number}", amount=550)

    first, after = discount_codes.page()
    second, then = discount_codes.page(after)
    third, end = discount_codes.page(then)

    assert [each.code for each in [*first, *second, *third]] == [f"CODE{number}" for number in (4, 3, 2, 1, 0)]
    assert (first[0].takes, end) == ("£5.50", None)
