"""Settling: facts of a provider become paid orders, exactly once, and no money is kept for nothing."""

from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import select, update

from app.extensions import db, now, transaction
from app.gateways.shape import Event, State
from app.models.customer import CartLine
from app.models.order import OrderStatus
from app.models.payment import Payment, PaymentEvent
from app.providers import GATEWAYS
from app.services import account_carts, cancelling, expiry, paying, settling, stock
from app.services.cart import Cart
from app.services.checkout import place_order
from app.services.customers import Buyer
from tests.factories import a_cart, a_contact, a_redirect_method, a_variant, an_account
from tests.paying import BASE, begun, elsewhere, overdue, owed, refunds, settle, shelf, the_payments
from tests.shopping import alerts, level, order_of, orders, the_order
from tests.torture import permutations

pytestmark = pytest.mark.usefixtures("app_context")

PAID_ONCE = ["order.confirmation"]
TOLD = 6  # permutations for each fact that comes first


@pytest.fixture
def method(app_context, monkeypatch) -> int:
    return a_redirect_method(monkeypatch)


@pytest.fixture
def payment(method) -> int:
    """An order of two of five on HOLD, its shopper at the provider."""
    return begun(a_variant(on_hand=5), method, 2)


def states() -> tuple[list[str], list[str]]:
    return [order.status for order in orders()], [row.status for row in the_payments()]


# ------------------------------------------------------------------------------------------------ paid


def test_money_turns_a_hold_into_a_sale(payment):
    standing = settle(payment)

    order = the_order()
    assert (standing.order_status, standing.payment_status) == ("PROCESSING", "CAPTURED")
    assert (order.status, order.hold_expires_at, order.payment_name) == ("PROCESSING", None, "Pay elsewhere")
    assert (level("BEANS"), owed(), the_payments()[0].captured_minor) == ((3, 0), PAID_ONCE, order.total_minor)


def test_what_is_known_is_not_counted_again(payment):
    for _ in range(3):
        settle(payment)

    assert (states(), level("BEANS"), owed(), refunds()) == ((["PROCESSING"], ["CAPTURED"]), (3, 0), PAID_ONCE, [])


def test_what_the_shopper_approved_is_taken(payment):
    settle(payment, State.APPROVED)

    assert (states(), elsewhere().captures) == ((["PROCESSING"], ["CAPTURED"]), 1)


def test_the_last_units_sell_out_when_they_are_paid(method):
    payment = begun(a_variant(on_hand=4), method, 4)
    assert alerts() == []

    settle(payment)

    assert (level("BEANS"), alerts()) == ((0, 0), [("BEANS", "out", 0, "open")])


def test_a_payment_that_is_open_changes_nothing(payment):
    standing = settle(payment, State.OPEN)

    assert (states(), standing.is_open, standing.is_known) == ((["HOLD"], ["PENDING"]), True, True)


def test_a_provider_that_is_away_is_not_known(payment):
    elsewhere().is_down = True

    standing = settle(payment)

    assert (standing.is_known, states(), level("BEANS")) == (False, (["HOLD"], ["PENDING"]), (5, 2))


def test_an_accounts_cart_is_emptied_by_the_money_and_not_before(method):
    beans, tea = a_variant(), a_variant("TEA", price_minor=500)
    customer = an_account("alice@example.com", name="Alice", cart_id="c" * 32)
    account_carts.save(customer, Cart(), Cart("c" * 32, ((beans.id, 2), (tea.id, 1))))
    placed = place_order(
        Cart("c" * 32, ((beans.id, 2), (tea.id, 1))),
        a_contact("alice@example.com"),
        currency="GBP",
        shipping_id=1,
        payment_id=method,
        notes="",
        shown_total_minor=None,
        hold_minutes=30,
        buyer=Buyer(customer, 1),
    )
    paying.begin(placed.order_id, BASE)
    assert len(db.session.execute(select(CartLine.id)).all()) == 2

    settle(the_payments()[0].id)

    assert db.session.execute(select(CartLine.id)).all() == []


# ------------------------------------------------------------------------------------------------ not paid


def test_a_decline_gives_the_goods_back_and_keeps_the_order(payment):
    settle(payment, State.FAILED)

    assert (states(), level("BEANS"), owed()) == ((["FAILED"], ["FAILED"]), (5, 0), [])


def test_a_decline_after_the_money_changes_nothing(payment):
    settle(payment)
    settle(payment, State.FAILED)
    settle(payment, State.EXPIRED)
    settle(payment, State.OPEN)

    assert (states(), level("BEANS"), owed()) == ((["PROCESSING"], ["CAPTURED"]), (3, 0), PAID_ONCE)


def test_an_old_attempt_that_fails_leaves_the_new_one_its_hold(payment, method):
    paying.pay_again(the_order().id, method, base_url=BASE, hold_minutes=30, most_tries=None)

    settle(payment, State.FAILED)

    assert (states(), level("BEANS")) == ((["HOLD"], ["CANCELLED", "PENDING"]), (5, 2))


def test_an_attempt_that_ended_at_the_provider_leaves_the_order_to_its_hold(payment):
    settle(payment, State.EXPIRED)

    assert (states(), level("BEANS")) == ((["HOLD"], ["EXPIRED"]), (5, 2))


def test_whoever_submits_again_after_an_attempt_ended_gets_a_new_one(payment):
    settle(payment, State.EXPIRED)

    paying.begin(the_order().id, BASE)

    assert (states(), level("BEANS")) == ((["HOLD"], ["EXPIRED", "PENDING"]), (5, 2))
    assert the_payments()[1].next_step != the_payments()[0].next_step


LIES = [
    {"amount_minor": 1},
    {"currency": "EUR"},
    {"merchant": "somebody else"},
    {"order_key": "0" * 32},
    {"reference": "another"},
]


@pytest.mark.parametrize("state", [State.CAPTURED, State.APPROVED])
@pytest.mark.parametrize("lie", LIES, ids=[next(iter(lie)) for lie in LIES])
def test_money_that_is_not_ours_to_the_letter_pays_nothing(lie, state, payment):
    settle(payment, state, **lie)

    assert (states(), level("BEANS")) == ((["HOLD"], ["MISMATCH"]), (5, 2))
    assert (elsewhere().captures, owed()) == (0, ["payment.problem"])


@pytest.mark.parametrize("lie", LIES, ids=[next(iter(lie)) for lie in LIES])
def test_a_decline_of_something_else_declines_nothing(lie, payment):
    settle(payment, State.FAILED, **lie)

    assert (states(), level("BEANS")) == ((["HOLD"], ["PENDING"]), (5, 2))


def test_what_does_not_fit_is_not_paid_once_more(payment, method):
    settle(payment, amount_minor=1)

    with pytest.raises(paying.Unmatched):
        paying.begin(the_order().id, BASE)
    with pytest.raises(paying.Unmatched):
        paying.pay_again(the_order().id, method, base_url=BASE, hold_minutes=30, most_tries=None)

    assert states() == (["HOLD"], ["MISMATCH"])


def test_a_mismatch_stays_one(payment):
    settle(payment, amount_minor=1)
    settle(payment)

    assert states() == (["HOLD"], ["MISMATCH"])


# ------------------------------------------------------------------------------------------------ late money


def test_late_money_buys_what_is_still_there(payment):
    overdue(the_order().id)
    expiry.expire_due()
    assert (states(), level("BEANS")) == ((["CANCELLED"], ["EXPIRED"]), (5, 0))

    settle(payment)

    assert (states(), level("BEANS")) == ((["PROCESSING"], ["CAPTURED"]), (3, 0))
    assert owed() == ["order.confirmation", "payment.expired"]


def test_late_money_for_what_is_gone_goes_back(payment):
    overdue(the_order().id)
    expiry.expire_due()
    stock.set_levels([("BEANS", 1)], actor="test")

    settle(payment)

    assert (states(), level("BEANS")) == ((["CANCELLED"], ["CAPTURED"]), (1, 0))
    assert refunds() == [(the_order().total_minor, "QUEUED")]
    assert owed() == ["payment.expired", "payment.problem", "payment.refund"]


def test_late_money_after_a_decline_buys_it_too(payment):
    settle(payment, State.FAILED)
    settle(payment)

    assert (states(), level("BEANS"), owed()) == ((["PROCESSING"], ["CAPTURED"]), (3, 0), PAID_ONCE)


def test_money_of_a_replaced_order_goes_back(payment):
    cart = Cart(the_order().cart_id, ((the_order().lines[0].variant_id, 2),))
    order_of(cart, notes="Another wish")

    settle(payment)

    assert (states()[0], level("BEANS")) == (["CANCELLED", "PROCESSING"], (3, 0))
    assert [status for _, status in refunds()] == ["QUEUED"]


def test_money_of_an_order_whose_cart_was_ordered_anew_goes_back(payment, method):
    settle(payment, State.FAILED)
    order_of(Cart(the_order().cart_id, ((the_order().lines[0].variant_id, 2),)))

    settle(payment)

    assert (states()[0], level("BEANS")) == (["FAILED", "PROCESSING"], (3, 0))
    assert [status for _, status in refunds()] == ["QUEUED"]


def test_money_of_a_cancelled_order_goes_back(payment):
    cancelling.cancel(the_order().id, actor="shopper", reason="by the shopper")

    settle(payment)

    assert (states(), level("BEANS")) == ((["CANCELLED"], ["CAPTURED"]), (5, 0))
    assert refunds() == [(the_order().total_minor, "QUEUED")]


def test_what_was_approved_for_a_cancelled_order_is_not_taken(payment):
    cancelling.cancel(the_order().id, actor="shopper", reason="by the shopper")

    settle(payment, State.APPROVED)

    assert (elsewhere().captures, states()[0], refunds()) == (0, ["CANCELLED"], [])


def test_a_second_payment_of_a_paid_order_goes_back(payment, method):
    paying.pay_again(the_order().id, method, base_url=BASE, hold_minutes=30, most_tries=None)
    first, second = the_payments()

    settle(second.id)
    settle(first.id)

    assert (states(), level("BEANS")) == ((["PROCESSING"], ["CAPTURED", "CAPTURED"]), (3, 0))
    assert (refunds(), owed().count("order.confirmation")) == ([(the_order().total_minor, "QUEUED")], 1)


# ------------------------------------------------------------------------------------------------ refunds at the provider


def test_a_part_that_went_back_at_the_provider_is_seen(payment):
    settle(payment)
    settle(payment, refunded_minor=100)
    settle(payment, refunded_minor=100)

    assert (states(), refunds()) == ((["PROCESSING"], ["PARTIALLY_REFUNDED"]), [(100, "DONE")])


def test_all_that_went_back_at_the_provider_ends_the_order(payment):
    settle(payment)
    settle(payment, refunded_minor=the_order().total_minor)

    assert (states(), level("BEANS")) == ((["REFUNDED"], ["REFUNDED"]), (3, 0))


@pytest.mark.parametrize("first", permutations.WORDS)
def test_facts_end_in_the_same_rows_in_whatever_order_they_come(first, method):
    """Seven facts, as they were told by whoever was late: of the 720 permutations that begin with each, TOLD by a fixed chance.

    `make torture` tells all 5,040, on both databases, as far as its time goes (the part `permutations`).
    """
    beans = a_variant(on_hand=5000)

    for words in permutations.begins_with(first, Random(first), TOLD):
        permutations.tell(beans, method, words)

    permutations.end_the_same(beans, 5000, TOLD)


# ------------------------------------------------------------------------------------------------ webhooks


def webhook(payment_id: int, number: str = "evt_1", **told: str) -> int | None:
    row = db.session.get(Payment, payment_id)
    return settling.hear("elsewhere", Event(number, "paid", **({"reference": row.gateway_reference} | told)))


def test_an_event_leads_to_its_payment_once(payment):
    assert webhook(payment) == payment
    assert [webhook(payment) for _ in range(3)] == [None, None, None]
    assert webhook(payment, "evt_2") == payment


def test_an_event_of_nobody_is_kept_and_leads_nowhere(payment):
    assert webhook(payment, reference="unknown") is None
    assert db.session.execute(select(PaymentEvent.payment_id, PaymentEvent.handled_at.is_not(None))).all() == [(None, True)]


def test_another_providers_reference_is_not_ours(payment):
    row = db.session.get(Payment, payment)

    assert settling.hear("other", Event("evt_1", "paid", reference=row.gateway_reference)) is None


def test_an_event_may_come_before_we_wrote_the_reference_down(payment):
    """Whoever began the payment died before the commit; the shopper paid, and the provider says so."""
    with transaction() as t:
        values = {"gateway_reference": None, "next_step": None, "status": "CREATED"}
        t.execute(update(Payment).where(Payment.id == payment).values(**values))
    key = the_payments()[0].key

    assert webhook(payment, reference="ref-1", payment_key=key) == payment
    settle(payment, reference="ref-1")

    assert states() == (["PROCESSING"], ["CAPTURED"])


def test_another_reference_for_the_same_attempt_is_a_second_payment(payment):
    settle(payment)
    key = the_payments()[0].key

    second = webhook(payment, reference="second", payment_key=key)
    settle(second)

    assert (states(), refunds()) == ((["PROCESSING"], ["CAPTURED", "CAPTURED"]), [(the_order().total_minor, "QUEUED")])


def test_events_are_handled_once_the_provider_was_asked(payment):
    webhook(payment)
    elsewhere().is_down = True
    settle(payment)
    assert db.session.execute(select(PaymentEvent.handled_at)).scalar_one() is None

    elsewhere().is_down = False
    settle(payment)

    db.session.rollback()
    assert db.session.execute(select(PaymentEvent.handled_at)).scalar_one() is not None


def test_a_dispute_is_told_to_staff(payment):
    row = db.session.get(Payment, payment)

    settling.hear("elsewhere", Event("evt_9", "dispute", reference=row.gateway_reference, problem="The buyer disputes it."))

    assert (the_payments()[0].problem, owed()) == ("The buyer disputes it.", ["payment.problem"])


# ------------------------------------------------------------------------------------------------ the worker asks


def due(payment_id: int) -> None:
    with transaction() as t:
        t.execute(update(Payment).where(Payment.id == payment_id).values(next_check_at=now() - timedelta(seconds=1)))


def test_a_shopper_who_never_came_back_is_asked_about(payment):
    assert settling.check_due(shelf()) == 0
    due(payment)
    elsewhere().says = {"state": State.CAPTURED}

    assert settling.check_due(shelf()) == 1

    assert (states(), the_payments()[0].next_check_at) == ((["PROCESSING"], ["CAPTURED"]), None)


def test_a_provider_that_is_away_is_asked_later_and_later(payment):
    elsewhere().is_down = True
    waits = []
    for _ in range(3):
        due(payment)
        settling.check_due(shelf())
        waits.append(round((the_payments()[0].next_check_at - now()).total_seconds() / 60))

    assert waits == [2, 4, 8]


def test_the_last_look_is_just_before_the_hold_ends():
    ends = now() + timedelta(minutes=5)

    assert settling.next_check(6, now(), ends) == ends - settling.LAST_LOOK
    assert settling.next_check(6, now() - timedelta(hours=25), None) is None


def test_what_a_provider_lists_as_unsettled_is_settled(payment, monkeypatch):
    reference = the_payments()[0].gateway_reference
    monkeypatch.setattr(elsewhere(), "unsettled", lambda: [reference, "not ours"])
    elsewhere().says = {"state": State.APPROVED}

    assert settling.take_unsettled(shelf()) == 1
    assert the_order().status == OrderStatus.PROCESSING


def test_a_gateway_that_is_gone_leaves_its_payments_alone(payment):
    del GATEWAYS["elsewhere"]

    assert settling.settle(payment, shelf()).order_status == OrderStatus.HOLD


def test_two_expired_orders_for_the_last_unit_are_not_both_honoured(method):
    last = a_variant("LAST", on_hand=1)
    first = begun(last, method, email="one@example.com")
    overdue(the_order().id)
    expiry.expire_due()
    second = begun(last, method, email="two@example.com")
    overdue(orders()[1].id)
    expiry.expire_due()

    settle(first)
    settle(second)

    assert ([order.status for order in orders()], level("LAST")) == (["PROCESSING", "CANCELLED"], (0, 0))
    assert [status for _, status in refunds()] == ["QUEUED"]


def test_a_cart_of_two_lines_sells_both(method):
    beans, tea = a_variant(), a_variant("TEA", price_minor=500)
    placed = order_of(a_cart((tea, 1), (beans, 2)), payment_id=method)
    paying.begin(placed.order_id, BASE)

    settle(the_payments()[0].id)

    assert (level("BEANS"), level("TEA")) == ((8, 0), (9, 0))
