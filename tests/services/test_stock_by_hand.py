"""Stock changed by people behind the counter: exact beside sales, explained by the ledger, told to the others."""

from itertools import pairwise

import pytest
from sqlalchemy import event, select

from app.extensions import db, transaction
from app.models.catalog import Variant
from app.models.outbox import OutboxMessage
from app.models.stock import Reason, StockMovement
from app.services import catalog, editing, stock, stock_list
from app.services.editing import EditConflict
from app.services.errors import DoneAlready, NotFound, StockConflict, StockMoved, StockRefused
from tests.factories import a_cart, a_redirect_method, a_variant, set_columns
from tests.shopping import alerts, level, order_of
from tests.staff import a_manager, trail

pytestmark = pytest.mark.usefixtures("app_context")


def is_listed(sku: str = "BEANS") -> bool:
    db.session.rollback()
    return bool(db.session.execute(select(Variant.is_listed).where(Variant.sku == sku)).scalar_one())


# --- differences ---


def test_a_difference_is_added_whatever_was_sold_meanwhile():
    beans = a_variant(on_hand=10)
    order_of(a_cart((beans, 4)))

    assert stock.change_by(beans.id, 12, actor="test", reason=Reason.DELIVERY, note="two boxes") == 18

    last = db.session.execute(select(StockMovement).order_by(StockMovement.id.desc())).scalars().first()
    assert (last.delta, last.reason, last.note, last.actor) == (12, "delivery", "two boxes", "test")


def test_what_was_pressed_twice_is_added_once_unless_it_is_meant():
    beans = a_variant(on_hand=10)
    order_of(a_cart((beans, 4)))
    delivery = {"actor": a_manager().actor, "reason": Reason.DELIVERY, "note": "two boxes"}
    assert stock.change_by(beans.id, 12, seen=10, **delivery) == 18
    order_of(a_cart((beans, 1)))

    with pytest.raises(DoneAlready, match=r"You added 12 already: it is 17 now\. Press Save again to do it once more\.") as error:
        stock.change_by(beans.id, 12, seen=10, **delivery)

    assert level("BEANS") == (17, 0)
    assert stock.change_by(beans.id, 12, seen=error.value.level, **delivery) == 29


@pytest.mark.parametrize("other", [{"actor": "cli"}, {"note": ""}, {"reason": Reason.OTHER}, {"delta": 11}])
def test_another_change_is_no_repetition(other):
    beans = a_variant(on_hand=10)
    change = {"delta": 12, "seen": 10, "actor": a_manager().actor, "reason": Reason.DELIVERY, "note": "two boxes"}
    stock.change_by(beans.id, **change)

    assert stock.change_by(beans.id, **change | other) == 22 + (change | other)["delta"]


def test_more_than_there_is_cannot_be_taken_away():
    beans = a_variant(on_hand=2)

    with pytest.raises(StockRefused, match=r"There are only 2 on hand, so 3 cannot be taken away\."):
        stock.change_by(beans.id, -3, actor="test")

    assert level("BEANS") == (2, 0)


def test_what_unpaid_orders_hold_cannot_be_taken_away(monkeypatch):
    beans, method = a_variant(on_hand=5), a_redirect_method(monkeypatch)
    order_of(a_cart((beans, 3)), payment_id=method)

    with pytest.raises(StockConflict, match="BEANS holds 3 for unpaid orders"):
        stock.change_by(beans.id, -3, actor="test")

    assert stock.change_by(beans.id, -2, actor="test") == 3


def test_more_than_can_be_counted_cannot_be_added():
    beans = a_variant(on_hand=stock.MOST - 5)

    with pytest.raises(StockRefused, match="would be more than"):
        stock.change_by(beans.id, 6, actor="test")
    with pytest.raises(StockRefused), transaction() as t:
        stock.add(t, beans.id, 6, reason=Reason.IMPORT, actor="test")

    assert stock.change_by(beans.id, 5, actor="test") == stock.MOST


def test_restocking_by_hand_lists_again_and_closes_alerts():
    beans = a_variant(on_hand=1)
    order_of(a_cart((beans, 1)))

    stock.change_by(beans.id, 3, actor="test")

    assert is_listed()
    assert {status for *_, status in alerts()} == {"closed"}
    assert [card.sku for card in catalog.page().cards] == ["BEANS"]


@pytest.mark.parametrize(("delta", "told"), [(-7, []), (-8, ["low"]), (-10, ["out"])])
def test_what_a_hand_takes_away_alerts_as_a_sale_would(delta, told):
    beans = a_variant(on_hand=10)

    stock.change_by(beans.id, delta, actor="test", reason=Reason.STOLEN)

    assert [kind for _, kind, _, _ in alerts()] == told
    topics = db.session.execute(select(OutboxMessage.topic)).scalars().all()
    assert topics == ["stock.alert"] * len(told)


def test_a_command_that_sets_levels_alerts_nobody():
    a_variant(on_hand=10)

    stock.set_levels([("BEANS", 1)], actor="test")

    assert alerts() == []


def test_taking_the_last_away_takes_it_off_sale():
    beans = a_variant(on_hand=2)

    stock.change_by(beans.id, -2, actor="test")

    assert not is_listed()


def test_what_was_taken_off_sale_by_hand_stays_so_when_some_are_broken():
    beans = a_variant(on_hand=9)
    stock.list_by_hand(beans.id, False, actor="test")

    stock.change_by(beans.id, -1, actor="test")
    assert not is_listed()
    stock.set_to(beans.id, 7, seen=8, actor="test")
    assert not is_listed()
    stock.change_by(beans.id, 1, actor="test")

    assert is_listed()


# --- counts ---


def test_a_count_is_set_when_it_is_still_as_it_was_seen():
    beans = a_variant(on_hand=5)

    assert stock.set_to(beans.id, 9, seen=5, actor="test", reason=Reason.COUNTED) == 4
    assert level("BEANS") == (9, 0)


def test_a_count_that_was_right_writes_nothing():
    beans = a_variant(on_hand=5)
    before = catalog.revision()

    assert stock.set_to(beans.id, 5, seen=5, actor="test") == 0

    assert catalog.revision() == before
    assert len(db.session.execute(select(StockMovement.id)).all()) == 1


def test_a_count_overwrites_no_sale():
    beans = a_variant(on_hand=7)
    order_of(a_cart((beans, 1)))
    order_of(a_cart((beans, 1)))

    with pytest.raises(StockMoved) as error:
        stock.set_to(beans.id, 7, seen=7, actor="test")

    assert (error.value.level, error.value.sold) == (5, 2)
    assert level("BEANS") == (5, 0)


def test_a_sale_and_a_delivery_are_not_called_sales():
    beans = a_variant(on_hand=7)
    order_of(a_cart((beans, 4)))
    stock.change_by(beans.id, 2, actor="test")

    with pytest.raises(StockMoved) as error:
        stock.set_to(beans.id, 7, seen=7, actor="test")

    assert (error.value.level, error.value.sold) == (5, 0)


def test_a_count_never_goes_below_what_unpaid_orders_hold(monkeypatch):
    beans, method = a_variant(on_hand=5), a_redirect_method(monkeypatch)
    order_of(a_cart((beans, 3)), payment_id=method)

    with pytest.raises(StockConflict):
        stock.set_to(beans.id, 2, seen=5, actor="test")

    assert level("BEANS") == (5, 3)


def test_counting_none_takes_it_off_sale_and_tells_staff():
    beans = a_variant(on_hand=5)

    stock.set_to(beans.id, 0, seen=5, actor="test")

    assert (is_listed(), alerts()) == (False, [("BEANS", "out", 0, "open")])


# --- threshold, listing, alerts ---


def test_a_lower_threshold_closes_an_alert_that_is_no_longer_true():
    beans = a_variant(on_hand=10)
    stock.change_by(beans.id, -8, actor="test")

    set_threshold(beans.id, 2)

    assert [status for *_, status in alerts()] == ["closed"]


def test_a_higher_threshold_alerts_nobody_since_nothing_left():
    beans = a_variant(on_hand=10)

    set_threshold(beans.id, 20)

    assert alerts() == []


def set_threshold(variant_id: int, below: int) -> None:
    db.session.rollback()
    known = editing.seen(db.session.get(Variant, variant_id), ["low_stock_below"])
    stock.set_threshold(variant_id, below, seen=known, actor="test")


def test_a_threshold_that_somebody_changed_is_not_overwritten():
    beans = a_variant()
    known = editing.seen(db.session.get(Variant, beans.id), ["low_stock_below"])
    set_columns(Variant, beans.id, low_stock_below=5)

    with pytest.raises(EditConflict):
        stock.set_threshold(beans.id, 7, seen=known, actor="test")


def test_nothing_that_is_sold_out_is_put_on_sale():
    beans = a_variant(on_hand=0)

    with pytest.raises(StockRefused):
        stock.list_by_hand(beans.id, True, actor="test")


def test_putting_on_sale_what_is_on_sale_changes_nothing():
    beans, mona = a_variant(), a_manager()

    stock.list_by_hand(beans.id, True, actor=mona.actor)

    assert trail() == []


@pytest.mark.parametrize(
    "act",
    [
        lambda: stock.change_by(99, 1, actor="test"),
        lambda: stock.change_by(99, -1, actor="test"),
        lambda: stock.set_to(99, 1, seen=0, actor="test"),
        lambda: stock.list_by_hand(99, False, actor="test"),
        lambda: stock.list_by_hand(99, True, actor="test"),
        lambda: stock.set_threshold(99, 1, seen="", actor="test"),
        lambda: stock.acknowledge(99, actor="test"),
    ],
)
def test_what_does_not_exist_is_not_found(act):
    with pytest.raises(NotFound):
        act()


def test_every_write_of_staff_is_in_the_trail():
    beans, mona = a_variant(on_hand=10), a_manager()

    stock.change_by(beans.id, -8, actor=mona.actor)
    stock.set_to(beans.id, 1, seen=2, actor=mona.actor)
    stock.list_by_hand(beans.id, False, actor=mona.actor)
    stock.acknowledge(1, actor=mona.actor)
    stock.set_levels([("BEANS", 4)], actor="cli")
    known = editing.seen(db.session.get(Variant, beans.id), ["low_stock_below"])
    stock.set_threshold(beans.id, 7, seen=known, actor=mona.actor)

    assert [action for action, _ in trail()] == [
        "threshold changed",
        "stock set",
        "alert acknowledged",
        "off sale",
        "stock changed",
        "stock changed",
    ]


# --- what staff read ---


def test_the_level_after_each_movement_adds_up_on_every_page():
    beans = a_variant(on_hand=100)
    for number in range(120):
        stock.change_by(beans.id, -1 if number % 3 else 2, actor="test")
    db.session.rollback()
    entries, after = [], None

    while True:
        page, after = stock_list.ledger(beans.id, level("BEANS")[0], after=after)
        entries += page
        if after is None:
            break

    assert len(entries) == 121
    assert all(newer.level - newer.delta == older.level for newer, older in pairwise(entries))
    assert entries[-1].level - entries[-1].delta == 0


def test_a_page_takes_as_many_questions_with_fifty_rows_as_with_one():
    mona, items = a_manager(), [a_variant(f"BAG-{number:02}", on_hand=4) for number in range(55)]
    for item in items:
        stock.change_by(item.id, -2, actor=mona.actor)
    db.session.rollback()

    assert asked(lambda: stock_list.variants()) == 1
    assert asked(lambda: stock_list.variants(words="bag", state="low")) == 2
    assert asked(lambda: stock_list.alerts()) == 1
    assert asked(lambda: stock_list.ledger(items[0].id, 2)) <= 2


def asked(read) -> int:
    """How many statements the database is given."""
    statements = []

    def note(_connection, _cursor, statement, *_):
        statements.extend([statement] if statement.startswith("SELECT") else [])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        read()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len(statements)


def test_the_list_goes_on_where_it_ended():
    for number in range(120):
        a_variant(f"BAG-{number:03}", on_hand=number % 2)
    db.session.rollback()
    skus, after = [], None

    while True:
        found = stock_list.variants(state="out", after=after)
        skus += [row.sku for row in found.rows]
        after = found.after
        if after is None:
            break

    assert skus == [f"BAG-{number:03}" for number in range(0, 120, 2)]
