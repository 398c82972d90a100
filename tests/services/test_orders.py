"""Orders: their states, their keys, and what one reader may see of them."""

import pytest

from app.extensions import Compiled, db, transaction
from app.models.order import ALLOWED_MOVES, Order, OrderStatus
from app.services import orders
from tests.factories import a_cart, a_redirect_method, a_variant
from tests.shopping import order_of, the_order

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def order():
    order_of(a_cart((a_variant(), 1)))
    return the_order()


def move(order_id: int, to: OrderStatus) -> bool:
    with transaction() as t:
        return orders.move(t, order_id, to, actor="test", reason="because")


@pytest.mark.breaks_invariants  # states alone, without the goods and the money that would move with them
@pytest.mark.parametrize("source", OrderStatus)
def test_only_allowed_moves_are_made(order, source):
    for target in OrderStatus:
        with transaction():
            db.session.get(Order, order.id).status = source

        assert move(order.id, target) == (target in ALLOWED_MOVES[source])

        db.session.rollback()
        assert db.session.get(Order, order.id).status == (target if target in ALLOWED_MOVES[source] else source)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_carts_order_is_found_by_the_index_that_keeps_it_unique():
    sql = Compiled(orders.LIVE.statement, db.engine.dialect).sql

    plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", ("",)).all()

    assert [row.detail for row in plan] == ["SEARCH order USING INDEX uq_order_live_cart_id (cart_id=?)"]


def test_a_move_says_who_when_and_why(order):
    assert move(order.id, OrderStatus.SHIPPED)

    event = the_order().events[-1]
    assert (event.from_status, event.to_status, event.actor, event.reason) == ("PROCESSING", "SHIPPED", "test", "because")


def test_a_refused_move_writes_nothing(order):
    before = len(order.events)

    assert not move(order.id, OrderStatus.HOLD)

    assert len(the_order().events) == before


def test_nothing_leads_out_of_refunded_and_back():
    assert ALLOWED_MOVES[OrderStatus.REFUNDED] == set()
    assert set(ALLOWED_MOVES) == set(OrderStatus)


def test_a_key_opens_its_order_with_lines_and_events(order):
    found = orders.by_key(order.key)

    assert (found.id, len(found.lines), len(found.events)) == (order.id, 1, 2)


@pytest.mark.parametrize("wrong", ["", "0" * 32, "é" * 32, "%" * 32, "0" * 31 + " ", "0" * 33, "a" * 31])
def test_any_other_key_opens_nothing(order, wrong):
    assert orders.by_key(wrong) is None


def test_a_key_must_be_whole(order):
    assert orders.by_key(order.key[:-1]) is None
    assert orders.by_key(order.key + "0") is None


def test_an_order_is_found_by_number_and_email(order):
    assert orders.find(order.number, "GUS@example.com ").id == order.id
    assert orders.find(f" #{order.number}", "gus@example.com").id == order.id


@pytest.mark.parametrize(
    ("number", "email"),
    [("10001", "x@example.com"), ("10002", "gus@example.com"), ("", ""), ("9" * 30, ""), ("١٠٠٠١", "gus@example.com")],
)
def test_anything_else_finds_none(order, number, email):
    assert orders.find(number, email) is None


def test_a_masked_receipt_names_and_reaches_nobody(order):
    seen = orders.receipt(order, whole=False)

    assert (seen.email, seen.name, seen.phone, seen.notes, seen.address) == ("g•••@e•••", "", "", "", [])
    assert (seen.total_minor, seen.outstanding_minor) == (order.total_minor, order.total_minor)


def test_a_whole_receipt_has_the_address_as_on_a_parcel(order):
    seen = orders.receipt(order, whole=True)

    assert list(seen.address) == ["Gus Guest", "1 High Street", "London", "SW1A 1AA"]


def test_a_cart_counts_as_ordered_only_when_it_was_sold(monkeypatch):
    beans, method = a_variant(), a_redirect_method(monkeypatch)
    waiting, sold = a_cart((beans, 1)), a_cart((beans, 1))
    order_of(waiting, payment_id=method)
    order_of(sold)

    assert (orders.is_ordered(waiting.id), orders.is_ordered(sold.id), orders.is_ordered("0" * 32)) == (False, True, False)
