"""What a code takes off, for whom it counts, and that its uses are exactly the orders that live."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import select, update

from app import money
from app.extensions import db, now, transaction
from app.gateways.shape import State
from app.models.discount import DiscountCode, Kind
from app.models.order import Order, OrderStatus
from app.services import (
    cancelling,
    cart as carts,
    checkout,
    discounts,
    expiry,
    orders as order_service,
    paying,
    refunds as refunding,
)
from app.services.customers import Buyer
from app.services.discounts import BelowMinimum, Discount, DiscountRefused, UsedUp
from app.services.errors import TotalChanged
from tests import driver
from tests.factories import (
    a_cart,
    a_contact,
    a_discount,
    a_guide,
    a_redirect_method,
    a_shipping_method,
    a_variant,
    an_account,
)
from tests.goods import shelf
from tests.paying import BASE, elsewhere, overdue, refunds, settle, the_payments
from tests.shopping import ON_DELIVERY, STANDARD, level, order_of, orders, the_order

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def method(app_context, monkeypatch) -> int:
    return a_redirect_method(monkeypatch)


def uses(code: str = "SUMMER10") -> int:
    db.session.rollback()
    return db.session.execute(select(DiscountCode.uses).where(DiscountCode.code == code)).scalar_one()


def change(code: str = "SUMMER10", **columns: Any) -> None:
    with transaction() as t:
        t.execute(update(DiscountCode).where(DiscountCode.code == code).values(**columns))


def on(code: str = "SUMMER10", *, price_minor: int = 1000, currency: str = "GBP") -> Discount:
    """What the code takes off one bag."""
    beans = a_variant(price_minor=price_minor)
    return discounts.on(carts.view(a_cart((beans, 1)), currency), code)


def begun(method: int, quantity: int = 1, *, code: str = "SUMMER10", email: str = "gus@example.com", **columns: Any) -> int:
    """An order on HOLD with a code, its shopper at the provider; answers its id."""
    placed = order_of(a_cart((a_variant(**columns), quantity)), email, payment_id=method, code=code)
    paying.begin(placed.order_id, BASE)
    return placed.order_id


def statuses() -> list[str]:
    return [order.status for order in orders()]


# ------------------------------------------------------------------------------------------------ what it takes off


@pytest.mark.parametrize(
    ("kind", "value", "items", "off"),
    [
        (Kind.PERCENT, 1000, 2400, 240),
        (Kind.PERCENT, 1000, 999, 99),  # 99.9: down
        (Kind.PERCENT, 1, 9999, 0),
        (Kind.PERCENT, 10_000, 9999, 9999),
        (Kind.AMOUNT, 500, 2400, 500),
        (Kind.AMOUNT, 500, 499, 499),  # never below nothing
    ],
)
def test_it_is_worth_whole_minor_units_and_never_more_than_the_goods(kind, value, items, off):
    assert discounts.worth(kind, value, items) == off


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40), st.integers(0, 10**4))
def test_shares_add_up_and_no_line_gets_more_than_it_costs(totals, basis_points):
    off = sum(totals) * basis_points // 10_000

    shares = discounts.shares(off, totals)

    assert sum(shares) == off
    assert all(0 <= share <= total for share, total in zip(shares, totals, strict=True))
    assert all(abs(share * sum(totals) - off * total) < sum(totals) for share, total in zip(shares, totals, strict=True) if off)


def test_what_rounding_leaves_goes_to_the_lines_that_lost_most_by_it():
    assert discounts.shares(100, [333, 333, 334]) == [33, 33, 34]
    assert discounts.shares(2, [1, 1, 1]) == [1, 1, 0]


def test_an_order_says_what_its_code_took_off_and_the_tax_is_inside_the_rest():
    beans, cup = a_variant(price_minor=1250), a_variant("CUP", price_minor=333)
    a_discount()

    order_of(a_cart((beans, 2), (cup, 1)), code="SUMMER10")

    order = the_order()
    assert (order.items_minor, order.discount_minor, order.discount_code) == (2833, 283, "SUMMER10")
    assert order.total_minor == 2833 - 283 + 395
    assert [line.discount_minor for line in order.lines] == [250, 33]
    assert [line.tax_minor for line in order.lines] == [money.tax_inside(2250, 2000), money.tax_inside(300, 2000)]
    assert order.tax_minor == 375 + 50 + order.shipping_tax_minor
    assert the_payments()[0].amount_minor == order.total_minor


def test_shipping_is_never_discounted_and_its_free_limit_counts_the_goods_before():
    beans, a_method = a_variant(price_minor=3000), a_shipping_method("Courier", 900, free_from_minor=3000)
    a_discount("ALL", percent=100)

    order_of(a_cart((beans, 1)), shipping_id=STANDARD, code="ALL")
    order_of(a_cart((beans, 1)), shipping_id=a_method, payment_id=None, code="ALL")

    assert [(order.total_minor, order.status) for order in orders()] == [(395, "PROCESSING"), (0, "PROCESSING")]


def test_nothing_left_to_pay_needs_no_payment_and_yields_what_is_digital():
    a_discount("GIFT", amount=5000)

    order_of(a_cart((a_guide(price_minor=900), 1)), contact_address=None, shipping_id=None, payment_id=None, code="GIFT")

    assert (the_order().total_minor, the_order().discount_minor, the_order().status, the_payments()) == (0, 900, "PROCESSING", [])


# ------------------------------------------------------------------------------------------------ when it counts


@pytest.mark.parametrize(
    "columns",
    [
        {"is_active": False},
        {"starts_at": now() + timedelta(days=1)},
        {"ends_at": now() - timedelta(seconds=1)},
        {"most_uses": 0},
        {"currency": "EUR"},
    ],
    ids=lambda columns: next(iter(columns)),
)
def test_one_that_does_not_count_is_refused_in_the_words_of_an_unknown_one(columns):
    a_discount(**columns)

    with pytest.raises(DiscountRefused) as refused:
        on()
    with pytest.raises(DiscountRefused) as unknown:
        discounts.on(carts.view(a_cart(), "GBP"), "NO-SUCH")

    assert type(refused.value) is DiscountRefused
    assert str(refused.value) == str(unknown.value).replace("NO-SUCH", "SUMMER10")


def test_it_counts_from_its_first_moment_to_its_last():
    a_discount(starts_at=now() - timedelta(seconds=1), ends_at=now() + timedelta(minutes=5), most_uses=1)

    assert on().minor == 100


@pytest.mark.parametrize("code", ["", "  ", "ÄÖ", "A" * 41, "-A", "A.B", "x';--", "\0"])
def test_what_can_be_no_code_is_refused_without_a_question(code):
    view = carts.view(a_cart(), "GBP")
    db.session.rollback()

    with driver.listening(db.engine, before=pytest.fail), pytest.raises(DiscountRefused):
        discounts.on(view, discounts.tidy(code))


@pytest.mark.parametrize("typed", ["summer10", " SUMMER10 ", "Summer 10"])
def test_it_may_be_typed_as_people_type(typed):
    assert discounts.tidy(typed) == "SUMMER10"


def test_goods_below_its_minimum_are_told_what_is_missing():
    a_discount(min_items_minor=3000)

    with pytest.raises(BelowMinimum, match=r"goods of £30\.00 or more; £20\.00 is missing"):
        on()


def test_its_minimum_itself_is_enough():
    a_discount(min_items_minor=1000)

    assert on().minor == 100


def test_what_takes_nothing_off_is_not_used():
    a_discount()

    with pytest.raises(DiscountRefused, match="takes nothing off"):
        on(price_minor=9)


def test_another_total_than_was_shown_is_refused():
    a_discount()
    cart = a_cart((a_variant(), 1))

    with pytest.raises(TotalChanged):
        order_of(cart, shown=1395, code="SUMMER10")
    order_of(cart, shown=1295, code="SUMMER10")

    assert (the_order().total_minor, uses()) == (1295, 1)


def test_one_that_ended_while_the_order_waited_for_its_turn_is_refused(monkeypatch):
    a_discount()
    price = checkout.Wish.price

    def then_it_ends(*args, **kwargs):
        priced = price(*args, **kwargs)
        change(ends_at=now() - timedelta(seconds=1))
        return priced

    monkeypatch.setattr(checkout.Wish, "price", then_it_ends)
    with pytest.raises(DiscountRefused):
        order_of(a_cart((a_variant(), 1)), code="SUMMER10")

    assert (orders(), uses(), level("BEANS")) == ([], 0, (10, 0))


# ------------------------------------------------------------------------------------------------ how often


def test_it_can_be_used_so_often_and_not_once_more():
    beans = a_variant()
    a_discount(most_uses=2)
    for _ in range(2):
        order_of(a_cart((beans, 1)), code="SUMMER10")

    with pytest.raises(DiscountRefused):
        order_of(a_cart((beans, 1)), code="SUMMER10")

    assert (uses(), len(orders()), level("BEANS")) == (2, 2, (8, 0))


def test_the_condition_of_the_update_is_what_guards_the_last_use(monkeypatch):
    beans = a_variant()
    a_discount(most_uses=1)
    order_of(a_cart((beans, 1)), code="SUMMER10")
    monkeypatch.setattr(discounts, "_is_left", lambda *_: True)  # as for one who looked before the other came

    with pytest.raises(DiscountRefused):
        order_of(a_cart((beans, 1)), code="SUMMER10")

    assert (uses(), len(orders()), level("BEANS")) == (1, 1, (9, 0))


@pytest.mark.parametrize("again", ["gus@example.com", "GUS@example.com"])
def test_one_person_can_use_it_so_often(again):
    beans = a_variant()
    a_discount(most_uses_each=1)
    order_of(a_cart((beans, 1)), code="SUMMER10")

    with pytest.raises(DiscountRefused):
        order_of(a_cart((beans, 1)), again, code="SUMMER10")
    order_of(a_cart((beans, 1)), "alice@example.com", code="SUMMER10")

    assert uses() == 2


def test_an_account_and_a_guest_with_one_email_are_one_person():
    beans, customer = a_variant(), an_account("alice@example.com")
    a_discount(most_uses_each=1)
    place = {"currency": "GBP", "shipping_id": STANDARD, "payment_id": ON_DELIVERY, "notes": "", "hold_minutes": 30}
    place |= {"shown_total_minor": None, "discount_code": "SUMMER10"}
    checkout.place_order(a_cart((beans, 1)), a_contact("Alice@example.com"), buyer=Buyer(customer, 1), **place)

    with pytest.raises(DiscountRefused):
        order_of(a_cart((beans, 1)), "alice@example.com", code="SUMMER10")

    assert uses() == 1


def test_the_same_submit_twice_is_one_use():
    a_discount(most_uses=1, most_uses_each=1)
    cart = a_cart((a_variant(), 1))

    placed = [order_of(cart, code="SUMMER10").key for _ in range(2)]

    assert (len(set(placed)), uses()) == (1, 1)


def test_an_order_without_a_code_asks_nothing_about_codes():
    a_discount()
    cart, said = a_cart((a_variant("CUP"), 1)), []
    db.session.rollback()

    with driver.listening(db.engine, before=said.append):
        order_of(cart)

    assert said
    assert not [sql for sql in said if "discount_code" in sql.partition("WHERE")[2] or "UPDATE discount_code" in sql]


# ------------------------------------------------------------------------------------------------ orders that come and go


def test_an_order_on_hold_uses_it(method):
    a_discount(most_uses=1)

    begun(method)

    assert uses() == 1


def test_a_declined_payment_gives_it_back_and_another_try_takes_it_again(method):
    a_discount(most_uses=1)
    order_id = begun(method)

    settle(the_payments()[0].id, State.FAILED)
    given_back = uses()
    paying.pay_again(order_id, method, base_url=BASE, hold_minutes=30, most_tries=None)

    assert (given_back, uses(), statuses()) == (0, 1, ["HOLD"])


def test_another_try_takes_it_again_though_it_is_over_since(method):
    a_discount(most_uses=1)
    order_id = begun(method)
    settle(the_payments()[0].id, State.FAILED)
    change(is_active=False, ends_at=now() - timedelta(hours=1))

    paying.pay_again(order_id, ON_DELIVERY, base_url=BASE, hold_minutes=30, most_tries=None)

    assert (uses(), statuses(), the_order().discount_minor) == (1, ["PROCESSING"], 100)


@pytest.mark.parametrize("limit", ["most_uses", "most_uses_each"])
def test_another_try_is_refused_when_somebody_else_used_it_up(method, limit):
    beans = a_discount(**{limit: 1}) and a_variant("CUP")
    order_id = begun(method)
    settle(the_payments()[0].id, State.FAILED)
    order_of(a_cart((beans, 1)), code="SUMMER10")

    with pytest.raises(UsedUp, match="used up meanwhile"):
        paying.pay_again(order_id, method, base_url=BASE, hold_minutes=30, most_tries=None)

    assert (uses(), statuses(), level("BEANS"), len(the_payments(order_id))) == (1, ["FAILED", "PROCESSING"], (10, 0), 1)


def test_a_provider_that_cannot_be_reached_costs_no_use(method):
    a_discount(most_uses=1)
    elsewhere().is_down = True

    with pytest.raises(paying.PaymentUnavailable):
        begun(method)

    assert (uses(), statuses()) == (0, ["FAILED"])


def test_a_hold_that_ends_gives_it_back_and_late_money_takes_it_again(method):
    a_discount(most_uses=1)
    order_id = begun(method)
    overdue(order_id)

    expiry.expire_due()
    given_back = uses()
    settle(the_payments()[0].id)

    assert (given_back, uses(), statuses(), refunds()) == (0, 1, ["PROCESSING"], [])


@pytest.mark.parametrize("end", ["failed", "expired"])
def test_late_money_goes_back_when_somebody_else_used_it_up(method, end):
    a_discount(most_uses=1)
    order_id = begun(method)
    payment = the_payments()[0].id
    if end == "failed":
        settle(payment, State.FAILED)
    else:
        overdue(order_id)
        expiry.expire_due()
    order_of(a_cart((a_variant("CUP"), 1)), code="SUMMER10")

    settle(payment)

    assert statuses() == ["FAILED" if end == "failed" else "CANCELLED", "PROCESSING"]
    assert (uses(), level("BEANS"), refunds()) == (1, (10, 0), [(1295, "QUEUED")])
    assert "discount code was used up" in the_payments(order_id)[0].problem


def test_late_money_for_goods_that_are_gone_takes_no_use(method):
    a_discount()
    order_id = begun(method, on_hand=1)
    overdue(order_id)
    expiry.expire_due()
    beans = carts.rows_of([1])[0]
    order_of(replace(a_cart(), lines=((beans.id, 1),)))

    settle(the_payments()[0].id)

    assert (uses(), statuses(), refunds()) == (0, ["CANCELLED", "PROCESSING"], [(1295, "QUEUED")])


def test_whoever_cancels_gives_it_back():
    a_discount(most_uses=1)
    beans = a_variant()
    placed = order_of(a_cart((beans, 1)), code="SUMMER10")

    cancelling.cancel(placed.order_id, actor=order_service.SHOPPER, reason="by the shopper")
    order_of(a_cart((beans, 1)), code="SUMMER10")

    assert (uses(), statuses()) == (1, ["CANCELLED", "PROCESSING"])


def test_a_failed_order_that_ends_gives_nothing_back_twice(method):
    a_discount()
    failed = begun(method)
    settle(the_payments()[0].id, State.FAILED)
    begun(method, sku="CUP")

    with transaction() as t:
        order_service.move(t, failed, OrderStatus.CANCELLED, actor="worker", reason="unpaid for a day")

    assert (uses(), statuses()) == (1, ["CANCELLED", "HOLD"])


def test_a_refunded_order_has_used_it():
    a_discount()
    placed = order_of(a_cart((a_variant(), 1)), code="SUMMER10")
    cancelling.record_cash(placed.order_id, shelf(), actor="cli")

    refunding.refund(placed.order_id, None, reason="broken", actor="cli")

    assert (uses(), statuses()) == (1, ["REFUNDED"])


@pytest.mark.parametrize("other", [{"notes": "Ring"}, {"code": ""}, {"quantity": 2}], ids=["wish", "no code", "content"])
def test_an_unpaid_order_is_replaced_though_it_has_the_only_use(method, other):
    a_discount(most_uses=1, most_uses_each=1)
    beans = a_variant()
    cart = a_cart((beans, 1))
    order_of(cart, payment_id=method, code="SUMMER10")
    wish = {"code": "SUMMER10", "quantity": 1} | other
    again = replace(cart, lines=((beans.id, wish.pop("quantity")),))

    seen = discounts.on(carts.view(again, "GBP"), "SUMMER10")
    order_of(again, payment_id=method, **wish)

    assert seen.minor == 100 * again.count
    assert (statuses(), uses()) == (["CANCELLED", "HOLD"], 1 if orders()[1].discount_code else 0)


def test_an_unpaid_order_gets_a_code_by_being_replaced(method):
    a_discount(most_uses=1)
    cart = a_cart((a_variant(), 1))
    order_of(cart, payment_id=method)

    order_of(cart, payment_id=method, code="SUMMER10")

    assert (statuses(), [order.total_minor for order in orders()], uses()) == (["CANCELLED", "HOLD"], [1395, 1295], 1)


def test_another_cart_finds_the_last_use_taken(method):
    a_discount(most_uses=1)
    begun(method)

    with pytest.raises(DiscountRefused):
        discounts.on(carts.view(a_cart((a_variant("CUP"), 1)), "GBP"), "SUMMER10")


FACTS = [State.CAPTURED, State.FAILED, State.EXPIRED, "hold ends", "rival"]


@pytest.mark.parametrize("facts", list(permutations(FACTS))[::5], ids=lambda facts: "-".join(map(str, facts)))
def test_whatever_comes_first_a_code_for_one_is_used_once(method, facts):
    a_discount(most_uses=1)
    order_id, rival = begun(method), a_cart((a_variant("CUP"), 1))
    payment = the_payments()[0].id

    for fact in facts:
        if fact == "hold ends":
            if the_order_of(order_id).status == "HOLD":
                overdue(order_id)
                expiry.expire_due()
        elif fact == "rival":
            with suppress(DiscountRefused):
                order_of(rival, "rival@example.com", code="SUMMER10")
        else:
            settle(payment, fact)

    paid = [order for order in orders() if order.status == "PROCESSING"]
    assert len(paid) == uses() == 1
    assert refunds() == ([] if paid[0].id == order_id else [(1295, "QUEUED")])


def the_order_of(order_id: int) -> Order:
    return next(order for order in orders() if order.id == order_id)
