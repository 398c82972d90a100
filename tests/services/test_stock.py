"""Stock leaves the shelf only by sales and counts, never below nothing, and staff hear of it once."""

import pytest
from sqlalchemy import exc, func, insert, select, update

from app.extensions import db, transaction
from app.models.catalog import Product, Variant
from app.models.outbox import OutboxMessage
from app.models.stock import Reason, StockMovement
from app.services import catalog, stock
from app.services.errors import NotFound, OutOfStock, StockConflict
from tests.factories import a_cart, a_guide, a_redirect_method, a_variant
from tests.shopping import alerts, level, order_of, the_order

pytestmark = pytest.mark.usefixtures("app_context")


def movements(sku: str) -> list[tuple[str, int]]:
    wanted = select(StockMovement.reason, StockMovement.delta).join(Variant, Variant.id == StockMovement.variant_id)
    return [tuple(row) for row in db.session.execute(wanted.where(Variant.sku == sku).order_by(StockMovement.id))]


def is_listed(sku: str) -> tuple[bool, bool]:
    """Whether the variant, and its product, are on sale."""
    row = select(Variant.is_listed, Product.is_listed).join(Product, Product.id == Variant.product_id).where(Variant.sku == sku)
    return tuple(db.session.execute(row).one())


def test_last_one_in_stock_can_be_bought():
    beans = a_variant(on_hand=1)

    order_of(a_cart((beans, 1)))

    assert level("BEANS") == (0, 0)


def test_the_last_one_sold_takes_the_variant_and_its_product_off_sale():
    beans = a_variant(on_hand=1)

    order_of(a_cart((beans, 1)))

    assert is_listed("BEANS") == (False, False)
    assert catalog.page().cards == []
    assert [card.sku for card in catalog.page(sold_out=True).cards] == ["BEANS"]


def test_a_product_stays_on_sale_while_another_of_its_variants_is_left():
    small = a_variant("SMALL", on_hand=1, price_minor=500)
    a_variant("LARGE", of=small, price_minor=900)

    order_of(a_cart((small, 1)))

    [card] = catalog.page().cards
    assert (card.sku, card.price_minor) == ("LARGE", 900)
    assert is_listed("SMALL") == (False, True)


def test_selling_forty_of_forty_tells_staff_that_it_is_out():
    beans = a_variant(on_hand=40)

    order_of(a_cart((beans, 40)))

    assert level("BEANS") == (0, 0)
    assert alerts() == [("BEANS", "out", 0, "open")]


def test_selling_thirty_eight_of_forty_tells_staff_that_it_runs_low():
    beans = a_variant(on_hand=40)

    order_of(a_cart((beans, 38)))

    assert level("BEANS") == (2, 0)
    assert alerts() == [("BEANS", "low", 2, "open")]
    assert is_listed("BEANS") == (True, True)


@pytest.mark.parametrize(("sold", "told"), [(36, None), (37, None), (38, "low"), (39, "low"), (40, "out")])
def test_low_means_below_three_and_out_means_none(sold, told):
    beans = a_variant(on_hand=40)

    order_of(a_cart((beans, sold)))

    assert [kind for _, kind, _, _ in alerts()] == ([told] if told else [])


def test_low_is_told_once_while_more_is_sold():
    beans = a_variant(on_hand=5)

    for _ in range(3):
        order_of(a_cart((beans, 1)))
    order_of(a_cart((beans, 1)))

    assert alerts() == [("BEANS", "low", 2, "open")]


def test_low_and_out_are_told_one_after_the_other():
    beans = a_variant(on_hand=4)

    order_of(a_cart((beans, 2)))
    order_of(a_cart((beans, 2)))

    assert alerts() == [("BEANS", "low", 2, "open"), ("BEANS", "out", 0, "open")]


def test_each_variant_has_a_threshold_of_its_own():
    beans = a_variant(on_hand=40, low_stock_below=20)

    order_of(a_cart((beans, 21)))

    assert alerts() == [("BEANS", "low", 19, "open")]


def test_every_alert_is_owed_to_staff_as_a_message():
    beans, cup = a_variant(on_hand=4), a_variant("CUP", on_hand=1)

    order_of(a_cart((beans, 2), (cup, 1)))

    topics = db.session.execute(select(OutboxMessage.topic).order_by(OutboxMessage.topic)).scalars().all()
    assert topics == ["order.confirmation", "stock.alert", "stock.alert"]


def test_restocking_closes_the_alerts_and_lists_the_product_again():
    beans = a_variant(on_hand=4)
    order_of(a_cart((beans, 2)))
    order_of(a_cart((beans, 2)))

    stock.set_levels([("BEANS", 40)], actor="test")

    assert {status for *_, status in alerts()} == {"closed"}
    assert is_listed("BEANS") == (True, True)
    assert [card.sku for card in catalog.page().cards] == ["BEANS"]


def test_restocking_below_the_threshold_leaves_the_low_alert_open():
    beans = a_variant(on_hand=4)
    order_of(a_cart((beans, 2)))
    order_of(a_cart((beans, 2)))

    stock.set_levels([("BEANS", 2)], actor="test")

    assert [(kind, status) for _, kind, _, status in alerts()] == [("low", "open"), ("out", "closed")]
    assert is_listed("BEANS") == (True, True)


def test_after_restocking_the_next_crossing_is_told_again():
    beans = a_variant(on_hand=1)
    order_of(a_cart((beans, 1)))
    stock.set_levels([("BEANS", 1)], actor="test")

    order_of(a_cart((beans, 1)))

    assert [(kind, status) for _, kind, _, status in alerts()] == [("out", "closed"), ("out", "open")]


def test_counting_down_to_none_takes_it_off_sale():
    a_variant(on_hand=4)

    stock.set_levels([("BEANS", 0)], actor="test")

    assert is_listed("BEANS") == (False, False)


def test_every_change_is_in_the_ledger_and_adds_up():
    beans = a_variant(on_hand=40)

    order_of(a_cart((beans, 3)))
    stock.set_levels([("BEANS", 50)], actor="test")

    assert movements("BEANS") == [("opening", 40), ("sale", -3), ("set", 13)]
    assert level("BEANS") == (50, 0)


def test_setting_the_level_it_has_already_writes_nothing():
    a_variant(on_hand=4)
    before = catalog.revision()

    changed = stock.set_levels([("BEANS", 4)], actor="test")

    assert (changed, movements("BEANS"), catalog.revision()) == (0, [("opening", 4)], before)


def test_one_line_item_is_sold_once():
    beans = a_variant()
    order_of(a_cart((beans, 1)))
    again = {"variant_id": beans.id, "delta": -1, "reason": Reason.SALE, "line_item_id": the_order().lines[0].id, "actor": "x"}

    with pytest.raises(exc.IntegrityError), transaction() as t:
        t.execute(insert(StockMovement), again)


@pytest.mark.parametrize("statement", [stock.take, stock.hold])
def test_more_than_there_is_is_never_taken_nor_held(statement):
    beans = a_variant(on_hand=2)

    with pytest.raises(OutOfStock) as refused, transaction() as t:
        statement(t, [(beans.id, 3, "House Blend")])

    assert refused.value.short == [(beans.id, "House Blend", 3, 2)]
    assert level("BEANS") == (2, 0)


def test_what_others_hold_cannot_be_taken():
    beans = a_variant(on_hand=2)
    with transaction() as t:
        stock.hold(t, [(beans.id, 1, "")])

    with pytest.raises(OutOfStock) as refused, transaction() as t:
        stock.take(t, [(beans.id, 2, "House Blend")])

    assert refused.value.short == [(beans.id, "House Blend", 2, 1)]
    give_back(beans.id)


def give_back(variant_id: int) -> None:
    with transaction() as t:
        stock.release(t, [(variant_id, 1)])


def test_one_short_line_keeps_the_others_on_the_shelf():
    beans, cup = a_variant(on_hand=5), a_variant("CUP", on_hand=1)

    with pytest.raises(OutOfStock) as refused, transaction() as t:
        stock.take(t, [(beans.id, 2, "Beans"), (cup.id, 2, "Cup")])

    assert [line[1:] for line in refused.value.short] == [("Cup", 2, 1)]
    assert (level("BEANS"), level("CUP")) == ((5, 0), (1, 0))


def test_every_short_line_is_named():
    beans, cup = a_variant(on_hand=1), a_variant("CUP", on_hand=0)

    with pytest.raises(OutOfStock) as refused, transaction() as t:
        stock.take(t, [(beans.id, 2, "Beans"), (cup.id, 2, "Cup")])

    assert [line[1:] for line in refused.value.short] == [("Beans", 2, 1), ("Cup", 2, 0)]


def test_an_inactive_variant_is_not_sold_though_it_lies_there():
    beans = a_variant(is_active=False)

    with pytest.raises(OutOfStock) as refused, transaction() as t:
        stock.take(t, [(beans.id, 1, "Beans")])

    assert refused.value.short == [(beans.id, "Beans", 1, 0)]


def test_the_database_itself_refuses_to_hold_more_than_there_is():
    beans = a_variant(on_hand=2)

    with pytest.raises(exc.IntegrityError), transaction() as t:
        t.execute(update(Variant).where(Variant.id == beans.id).values(held=3))


def test_stock_cannot_be_set_below_what_unpaid_orders_hold(monkeypatch):
    beans, method = a_variant(on_hand=5), a_redirect_method(monkeypatch)
    order_of(a_cart((beans, 3)), payment_id=method)

    with pytest.raises(StockConflict, match=r"BEANS holds 3 for unpaid orders, so its stock cannot be set to 2\."):
        stock.set_levels([("BEANS", 2)], actor="test")

    assert level("BEANS") == (5, 3)


def test_several_levels_are_set_all_or_none():
    a_variant(on_hand=5)

    with pytest.raises(NotFound, match="There is no SKU CUP"):
        stock.set_levels([("BEANS", 7), ("CUP", 1)], actor="test")

    assert level("BEANS") == (5, 0)


def test_holding_leaves_the_goods_on_the_shelf_and_tells_nobody(monkeypatch):
    beans, method = a_variant(on_hand=1), a_redirect_method(monkeypatch)

    order_of(a_cart((beans, 1)), payment_id=method)

    assert level("BEANS") == (1, 1)
    assert alerts() == []
    assert movements("BEANS") == [("opening", 1)]


def test_more_than_is_held_cannot_be_released():
    beans = a_variant()

    with pytest.raises(AssertionError), transaction() as t:
        stock.release(t, [(beans.id, 1)])


def test_digital_goods_are_counted_like_all_others():
    guide = a_guide(price_minor=0)

    order_of(a_cart((guide, 1)), shipping_id=None, payment_id=None, contact_address=None)

    assert movements("GUIDE") == [("opening", 10), ("sale", -1)]


def test_setting_all_sets_every_variant():
    a_variant(on_hand=5), a_variant("CUP", on_hand=0)
    told = []

    changed = stock.set_all(7, actor="test", advance=told.append)

    assert (changed, level("BEANS"), level("CUP"), sum(told)) == (2, (7, 0), (7, 0), 2)
    assert is_listed("CUP") == (True, True)


def test_a_sale_that_changes_no_list_leaves_the_pages_as_they_are():
    beans = a_variant(on_hand=40)
    before = catalog.revision()

    order_of(a_cart((beans, 1)))

    assert catalog.revision() == before


@pytest.mark.parametrize("sold", [38, 40])
def test_a_sale_that_changes_a_list_makes_the_pages_new(sold):
    beans = a_variant(on_hand=40)
    before = catalog.revision()

    order_of(a_cart((beans, sold)))

    assert catalog.revision() > before


def test_the_number_of_variants_is_known():
    a_variant(), a_variant("CUP")

    assert stock.count() == db.session.execute(select(func.count(Variant.id))).scalar_one() == 2
