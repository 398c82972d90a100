"""Today: what waits for somebody, and what the last days came to."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from app.extensions import now
from app.models.order import Order, OrderStatus
from app.models.outbox import OutboxMessage
from app.models.payment import Payment, Refund, RefundStatus
from app.services import cancelling, refunds, today
from tests.desk import asked, paid, sent, to_pack
from tests.factories import a_cart, a_discount, a_guide, a_variant
from tests.goods import get_free
from tests.members import change
from tests.shopping import order_of
from tests.staff import as_manager, as_staff

pytestmark = pytest.mark.usefixtures("app_context")

LONDON = ZoneInfo("Europe/London")


def test_an_empty_shop_says_that_nothing_waits(page):
    as_manager(page).get("/staff")

    assert "Nothing waits for you" in page.text
    assert "Nothing was sold yet" in page.text


def test_it_says_what_there_is_to_do(page):
    item = a_variant(on_hand=5)
    placed = order_of(a_cart((item, 3)))
    order_of(a_cart((item, 2)))
    change(Payment, placed.order_id, problem="Look at it")  # the first order has the first payment

    as_staff(page).get("/staff")

    assert "2 orders to pack" in page.text
    assert "1 thing is sold out" in page.text
    assert "1 thing runs low" in page.text
    assert "1 payment needs a look" in page.text


def test_each_thing_that_waits_is_counted(monkeypatch):
    refunds.refund(paid(monkeypatch), 500, reason="torn", actor="cli")
    change(Refund, 1, status=RefundStatus.REFUSED)
    get_free((a_guide(), 1))
    asked(sent(to_pack(a_variant("MUG"))))
    change(OutboxMessage, 1, is_dead=True)

    waiting = today.waiting()

    assert (waiting.to_pack, waiting.to_yield, waiting.refunds, waiting.requests, waiting.messages) == (1, 1, 1, 1, 1)


def test_counting_ends_where_nobody_counts_further():
    item = a_variant(on_hand=200)
    for _ in range(today.MOST + 2):
        order_of(a_cart((item, 1)))

    assert today.waiting().to_pack == today.MOST + 1


def test_a_day_comes_to_what_its_orders_came_to():
    item = a_variant(on_hand=50, price_minor=1000)
    for _ in range(3):
        order_of(a_cart((item, 1)))
    called_off = order_of(a_cart((item, 5)))
    cancelling.cancel(called_off.order_id, actor="cli", reason="mistake")

    days = today.takings(LONDON)

    assert len(days) == today.DAYS
    assert (days[-1].day, days[-1].orders, days[-1].takings_minor) == (now().astimezone(LONDON).date(), 3, 3 * 1395)
    assert sum(day.orders for day in days[:-1]) == 0


def test_a_day_begins_at_midnight_of_the_shops_clock():
    placed = order_of(a_cart((a_variant(), 1)))
    tehran = ZoneInfo("Asia/Tehran")
    midnight = today.begins(now().astimezone(tehran).date(), tehran)

    change(Order, placed.order_id, placed_at=midnight - timedelta(seconds=1))
    before = today.takings(tehran)
    change(Order, placed.order_id, placed_at=midnight)
    after = today.takings(tehran)

    assert (before[-2].orders, before[-1].orders) == (1, 0)
    assert (after[-2].orders, after[-1].orders) == (0, 1)


def test_the_best_sellers_come_first_and_what_was_called_off_does_not_count():
    beans, gear = a_variant("BEANS", on_hand=50), a_variant("MUG", name="Mug", on_hand=50, price_minor=500)
    order_of(a_cart((beans, 2)))
    order_of(a_cart((gear, 5)))
    called_off = order_of(a_cart((beans, 20)))
    cancelling.cancel(called_off.order_id, actor="cli", reason="mistake")

    assert [(each.sku, each.quantity, each.takings_minor) for each in today.best_sellers(LONDON)] == [
        ("MUG", 5, 2500),
        ("BEANS", 2, 2000),
    ]


def test_a_best_seller_came_to_what_was_paid_for_it():
    a_discount(percent=15)
    order_of(a_cart((a_variant(price_minor=1000), 3)), code="SUMMER10")

    assert [each.takings_minor for each in today.best_sellers(LONDON)] == [2550]


def test_what_was_sold_long_ago_is_no_best_seller():
    item = a_variant(on_hand=50)
    old = order_of(a_cart((item, 9)))
    change(Order, old.order_id, placed_at=now() - timedelta(days=31))
    order_of(a_cart((item, 1)))

    assert [each.quantity for each in today.best_sellers(LONDON)] == [1]


def test_the_page_draws_a_bar_for_each_day_and_has_the_figures_as_a_table(page):
    order_of(a_cart((a_variant(on_hand=50), 2)))

    as_staff(page).get("/staff")

    assert page.html.count("<rect x=") == today.DAYS
    assert len(page.document.every("tr")) == 1 + today.DAYS + 2
    assert "One order came to £23.95" in page.text


def test_whoever_has_only_a_password_is_told_of_the_second_factor(page):
    as_staff(page).get("/staff").click("Set up a second factor")

    assert page.path == "/staff/second-factor"


def test_an_order_that_waits_too_long_is_told(page):
    placed = order_of(a_cart((a_variant(), 1)))
    change(Order, placed.order_id, status=OrderStatus.HOLD, hold_expires_at=now() - timedelta(minutes=5))

    assert today.waiting().overdue_holds == 1
    change(Order, placed.order_id, status=OrderStatus.PROCESSING, hold_expires_at=None)
