"""One order at the desk: each move is legal, done once, told once, and written down."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from app.extensions import transaction
from app.gateways.shape import State
from app.models.order import OrderStatus
from app.services import audit, cancelling, digital, order_desk, orders, paying, refunds
from app.services.cancelling import MoneyIsManagers, NotCancellable
from app.services.errors import InvalidInput, NotFound
from app.services.order_desk import NotNow, Parcel
from app.services.orders import OrderMoved
from tests.desk import POST, paid, seen, sent, shipments, status_of, steps_of, to_pack, topics
from tests.factories import a_guide, a_payment_method, a_redirect_method, a_variant
from tests.goods import a_licence, add_codes, codes_of, get_free, order_unpaid, shelf
from tests.members import mails, words
from tests.paying import BASE, begun, refunds as all_refunds, settle, the_payments
from tests.planting import a_hold
from tests.shopping import level
from tests.staff import a_manager, a_staff_member, trail

pytestmark = pytest.mark.usefixtures("app_context")


def look(order_id: int, *, is_manager: bool = True) -> order_desk.Desk:
    return order_desk.look(order_id, shelf(), is_manager=is_manager)


# ------------------------------------------------------------------------------------------------ sending


def test_what_was_packed_is_marked_as_sent_and_told_once():
    member = a_staff_member()
    order_id = to_pack()

    order_desk.ship(order_id, POST, actor=member.actor, as_seen=seen(order_id))

    assert (status_of(order_id), steps_of(order_id)) == ("SHIPPED", [("SHIPPED", member.actor)])
    [shipment] = shipments()
    assert (shipment.carrier, shipment.tracking, shipment.link) == ("Royal Mail", "AB 123", "https://track.example/AB123")
    assert topics(order_id) == ["order.confirmation", "order.shipped"]
    assert trail() == [("order shipped", f"order:{order_id}")]


def test_the_shopper_reads_how_to_follow_it():
    sent(to_pack())

    [told] = [words(mail) for mail in mails() if mail["Subject"] == "Your order 10001 is on its way"]

    assert "Carried by Royal Mail. Tracking number: AB 123" in told
    assert "https://track.example/AB123" in told


def test_a_parcel_may_say_nothing_of_itself():
    order_desk.ship(to_pack(), Parcel(), actor="cli")

    assert any(mail["Subject"] == "Your order 10001 is on its way" for mail in mails())


def test_sent_twice_is_refused():
    order_id = sent(to_pack())

    with pytest.raises(NotNow, match="already"):
        order_desk.ship(order_id, POST, actor="cli")

    assert len(shipments()) == 1


@pytest.mark.parametrize("state", ["unpaid", "digital", "cancelled"])
def test_what_cannot_be_sent_is_not(state, monkeypatch):
    if state == "unpaid":
        begun(a_variant(), a_redirect_method(monkeypatch))
        order_id = the_payments()[0].order_id
    elif state == "digital":
        order_id = get_free((a_guide(), 1))
    else:
        cancelling.cancel(order_id := to_pack(), actor="cli", reason="x")

    with pytest.raises(NotNow):
        order_desk.ship(order_id, POST, actor="cli")
    assert not look(order_id).moves.ship


def test_an_unknown_order_is_said_so():
    for work in (
        lambda: order_desk.ship(77, POST, actor="cli"),
        lambda: order_desk.add_note(77, "x", actor="cli"),
        lambda: look(77),
    ):
        with pytest.raises(NotFound):
            work()


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "track.example/1", "https://", "https://a b", "//x", 'https://a/"', "ftp://x/y"]
)
def test_a_link_leads_to_a_web_page(link):
    with pytest.raises(InvalidInput) as caught:
        order_desk.checked_parcel("", "", link)

    assert list(caught.value.fields) == ["link"]


@pytest.mark.parametrize(("carrier", "tracking"), [("x" * 81, ""), ("", "x" * 81), ("a\x00b", ""), ("", "a\nb")])
def test_what_cannot_be_stored_is_refused(carrier, tracking):
    with pytest.raises(InvalidInput):
        order_desk.checked_parcel(carrier, tracking, "")


def test_many_are_sent_each_by_itself():
    item = a_variant(on_hand=20)
    first, second, third = (to_pack(item) for _ in range(3))
    cancelling.cancel(second, actor="cli", reason="x")

    bulk = order_desk.ship_many([first, second, third, first, 77], "Post", actor="cli")

    assert bulk.done == ["10001", "10003"]
    assert bulk.not_done == {"10002": "It was cancelled.", "10077": "There is no such order."}
    assert [shipment.carrier for shipment in shipments()] == ["Post", "Post"]


# ------------------------------------------------------------------------------------------------ completing, handing over


def test_what_was_sent_is_completed():
    order_id = sent(to_pack())

    order_desk.complete(order_id, shelf(), actor="cli", as_seen=seen(order_id))

    assert status_of(order_id) == "COMPLETED"
    assert trail()[0] == ("order completed", f"order:{order_id}")


def test_what_was_not_sent_is_not_completed():
    order_id = to_pack()

    with pytest.raises(NotNow, match="not sent"):
        order_desk.complete(order_id, shelf(), actor="cli")


def test_missing_codes_are_handed_over_once_they_are_there():
    order_id = get_free((a_licence("A", on_hand=5), 2))
    assert look(order_id).moves.hand_over
    with pytest.raises(NotNow, match="1 codes of LICENCE"):
        order_desk.hand_over(order_id, shelf(), actor="cli")

    add_codes("LICENCE", "B")
    order_desk.hand_over(order_id, shelf(), actor="cli")

    assert codes_of(order_id) == ["A", "B"]
    mails()  # the worker finds that nothing is owed any more
    assert not look(order_id).moves.hand_over


def test_nothing_is_handed_over_before_the_cash():
    order_id = order_unpaid((a_licence("A", price_minor=500), 1))

    for work in (order_desk.hand_over, order_desk.complete):
        with pytest.raises(NotNow, match="not paid"):
            work(order_id, shelf(), actor="cli")
    assert (codes_of(order_id), status_of(order_id)) == ([], "PROCESSING")

    cancelling.record_cash(order_id, shelf(), actor="cli")
    order_desk.complete(order_id, shelf(), actor="cli")

    assert (codes_of(order_id), status_of(order_id)) == (["A"], "COMPLETED")


def test_what_is_not_sold_is_neither_completed_nor_handed_over(monkeypatch):
    order_id = a_hold(monkeypatch, a_variant())

    for work in (order_desk.hand_over, order_desk.complete):
        with pytest.raises(NotNow, match="waits for its payment"):
            work(order_id, shelf(), actor="cli")


def test_money_that_goes_back_pays_for_nothing(monkeypatch):
    """It came from elsewhere after its shopper had chosen to pay in cash."""
    by_mail = {"contact_address": None, "shipping_id": None}
    late = begun(a_licence("A", price_minor=500), a_redirect_method(monkeypatch), **by_mail)
    order_id = the_payments()[0].order_id
    paying.pay_again(order_id, a_payment_method("delivery"), base_url=BASE, hold_minutes=30, most_tries=None)
    settle(late)
    assert all_refunds() == [(500, "QUEUED")]

    for work in (order_desk.hand_over, order_desk.complete):
        with pytest.raises(NotNow, match="not paid"):
            work(order_id, shelf(), actor="cli")
    assert (digital.complete_digital(shelf()), codes_of(order_id)) == (0, [])
    assert look(order_id).receipt.outstanding_minor == 500


# ------------------------------------------------------------------------------------------------ as somebody saw it


def test_a_form_that_saw_an_older_state_does_nothing():
    order_id = to_pack()
    before = seen(order_id)
    cancelling.cancel(order_id, actor="shopper", reason="by the shopper")

    with pytest.raises(OrderMoved):
        order_desk.ship(order_id, POST, actor="cli", as_seen=before)

    assert (status_of(order_id), shipments()) == ("CANCELLED", [])
    assert [(step.to, step.actor, step.reason) for step in order_desk.since(look(order_id), before)] == [
        ("CANCELLED", "shopper", "by the shopper")
    ]


def test_a_refund_that_was_pressed_twice_is_sent_once(monkeypatch):
    order_id = paid(monkeypatch)
    before = seen(order_id)
    order_desk.refund(order_id, 500, "torn", actor="cli", restock=False, as_seen=before)

    with pytest.raises(OrderMoved):
        order_desk.refund(order_id, 500, "torn", actor="cli", restock=False, as_seen=before)

    assert all_refunds() == [(500, "QUEUED")]
    [step] = order_desk.since(look(order_id), before)
    assert (step.to, step.amount_minor, step.reason) == ("", 500, "torn")


def test_what_happens_while_a_page_is_made_was_not_seen(app, monkeypatch):
    order_id = paid(monkeypatch)
    whole = orders.receipt

    def meanwhile(*given: Any, **more: Any) -> orders.Receipt:
        in_a_thread(app, lambda: refunds.refund(order_id, 500, reason="torn", actor="cli"))
        return whole(*given, **more)

    with monkeypatch.context() as slow:
        slow.setattr(orders, "receipt", meanwhile)
        known = look(order_id).seen

    with pytest.raises(OrderMoved):
        order_desk.refund(order_id, 500, "torn", actor="cli", restock=False, as_seen=known)
    assert all_refunds() == [(500, "QUEUED")]


def in_a_thread(app: Flask, work: Callable[[], Any]) -> None:
    def do() -> None:
        with app.app_context():
            work()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(do).result()


@pytest.mark.parametrize("forged", ["", "x", "HOLD.1", "PROCESSING.99999999999.0.0", "PROCESSING.2.0.0\n", "ⅣⅣ.1.1.1"])
def test_a_forged_sight_is_an_old_one(forged):
    order_id = to_pack()

    with pytest.raises(OrderMoved):
        order_desk.ship(order_id, POST, actor="cli", as_seen=forged)
    assert len(order_desk.since(look(order_id), forged)) <= 1


# ------------------------------------------------------------------------------------------------ money


def test_staff_cancel_what_nobody_paid(monkeypatch):
    order_id = to_pack()

    assert order_desk.cancel(order_id, "roaster broken", actor="cli", is_manager=False, as_seen=seen(order_id)) == 0

    assert (status_of(order_id), trail()[0]) == ("CANCELLED", ("order cancelled", f"order:{order_id}"))


def test_only_a_manager_cancels_what_was_paid(monkeypatch):
    order_id = paid(monkeypatch)
    assert look(order_id, is_manager=False).moves.needs_manager

    with pytest.raises(MoneyIsManagers):
        order_desk.cancel(order_id, "x", actor="cli", is_manager=False)
    assert (status_of(order_id), all_refunds()) == ("PROCESSING", [])

    assert order_desk.cancel(order_id, "x", actor="cli", is_manager=True) == 2395
    assert level("BEANS") == (5, 0)


def test_a_reason_is_needed(monkeypatch):
    for work in (
        lambda: order_desk.cancel(1, " ", actor="cli", is_manager=True),
        lambda: order_desk.refund(1, None, "x" * 121, actor="cli", restock=False),
    ):
        with pytest.raises(InvalidInput):
            work()


def test_goods_go_back_on_sale_only_with_all_the_money(monkeypatch):
    order_id = paid(monkeypatch)

    with pytest.raises(refunds.RestockNeedsAll):
        order_desk.refund(order_id, 500, "torn", actor="cli", restock=True)
    assert order_desk.refund(order_id, None, "torn", actor="cli", restock=True) == 2395

    assert (status_of(order_id), level("BEANS")) == ("REFUNDED", (5, 0))


def test_what_a_refund_was_stands_in_the_trail(monkeypatch):
    member = a_manager()
    order_id = paid(monkeypatch)

    order_desk.refund(order_id, 500, "torn", actor=member.actor, restock=False)

    [entry] = audit.entries()
    assert (entry.action, entry.account_id, entry.before, entry.after) == (
        "order refunded",
        member.account_id,
        {"kept_minor": 2395},
        {"back_minor": 500, "reason": "torn", "restock": False},
    )


def test_cash_is_written_down(monkeypatch):
    order_id = to_pack()
    assert look(order_id).moves.cash

    cancelling.record_cash(order_id, shelf(), actor="cli", as_seen=seen(order_id))

    desk = look(order_id)
    assert (desk.moves.cash, desk.receipt.outstanding_minor, desk.moves.refund_minor) == (False, 0, 1395)
    assert trail() == [("cash recorded", f"order:{order_id}")]


@pytest.fixture
def refused(monkeypatch) -> int:
    """A refund that its provider would not send."""
    order_id = paid(monkeypatch)
    refunds.refund(order_id, 500, reason="torn", actor="cli")
    payment_id = the_payments()[0].id
    with transaction() as t:
        t.exec_driver_sql("UPDATE refund SET status = 'REFUSED'")
        refunds.report(t, payment_id, "refused:1", "It was refused.")
    return 1


def test_what_was_refused_is_sent_by_hand_once(refused):
    refunds.sent_by_hand(refused, "bank transfer", actor="cli")

    with pytest.raises(NotFound):
        refunds.sent_by_hand(refused, "bank transfer", actor="cli")
    assert (all_refunds(), the_payments()[0].status) == ([(500, "DONE")], "PARTIALLY_REFUNDED")
    assert trail()[0][0] == "refund sent by hand"


def test_a_flag_is_taken_off_by_whoever_saw_it(refused):
    with pytest.raises(refunds.NotFlagged):
        refunds.looked_at(1, "Something else.", actor="cli")
    refunds.looked_at(1, "It was refused.", actor="cli")

    with pytest.raises(refunds.NotFlagged):
        refunds.looked_at(1, "It was refused.", actor="cli")
    with pytest.raises(NotFound):
        refunds.looked_at(77, "", actor="cli")
    assert (refunds.problems(), trail()[0][0]) == ([], "payment looked at")


# ------------------------------------------------------------------------------------------------ looking


def test_only_legal_moves_are_offered(monkeypatch):
    """Each state of an order, and what a manager may do with it."""
    order_id = paid(monkeypatch)
    offered = {}

    for state in (None, OrderStatus.SHIPPED, OrderStatus.COMPLETED, OrderStatus.REFUNDED):
        if state == OrderStatus.SHIPPED:
            sent(order_id)
        elif state == OrderStatus.COMPLETED:
            order_desk.complete(order_id, shelf(), actor="cli")
        elif state == OrderStatus.REFUNDED:
            refunds.refund(order_id, None, reason="x", actor="cli")
        moves = look(order_id).moves
        offered[status_of(order_id)] = (moves.ship, moves.complete, moves.cash, moves.cancel, moves.refund_minor)

    assert offered == {
        "PROCESSING": (True, False, False, True, 2395),
        "SHIPPED": (False, True, False, False, 2395),
        "COMPLETED": (False, False, False, False, 2395),
        "REFUNDED": (False, False, False, False, 0),
    }


def test_a_parcel_that_is_not_paid_yet_may_come_back():
    moves = look(sent(to_pack())).moves

    assert (moves.cash, moves.cancel, moves.needs_manager) == (True, True, False)


def test_an_unpaid_order_offers_its_cancelling_alone(monkeypatch):
    begun(a_variant(), a_redirect_method(monkeypatch))
    moves = look(the_payments()[0].order_id).moves

    assert moves == order_desk.Moves(cancel=True)


def test_a_declined_order_may_be_called_off(monkeypatch):
    order_id = settle(begun(a_variant(), a_redirect_method(monkeypatch)), State.FAILED).order_id

    order_desk.cancel(order_id, "x", actor="cli", is_manager=False, as_seen=seen(order_id))

    with pytest.raises(NotCancellable):
        order_desk.cancel(order_id, "x", actor="cli", is_manager=False)


def test_people_are_called_by_their_names():
    stan, mona = a_staff_member(), a_manager()

    assert order_desk.people([stan.actor, mona.actor, "shopper", "staff:77"]) == {
        stan.actor: "Stan Staff",
        mona.actor: "Mona Manager",
    }


def test_notes_are_kept_with_who_wrote_them():
    member = a_staff_member()
    order_id = to_pack()

    order_desk.add_note(order_id, "Rang,\nnobody there.", actor=member.actor)

    [note] = look(order_id).notes
    assert (note.text, note.actor, trail()) == ("Rang,\nnobody there.", member.actor, [("note left", f"order:{order_id}")])


@pytest.mark.parametrize("said", ["", " \n ", "x" * 2001, "a\x00b"])
def test_a_note_says_something_that_can_be_kept(said):
    with pytest.raises(InvalidInput):
        order_desk.add_note(to_pack(), said, actor="cli")


def test_how_an_order_stands_changes_with_all_that_matters(monkeypatch):
    order_id = paid(monkeypatch)
    known = [seen(order_id)]

    refunds.refund(order_id, 500, reason="x", actor="cli")
    known.append(seen(order_id))
    sent(order_id)
    known.append(seen(order_id))

    assert len(set(known)) == 3 and known[0].startswith("PROCESSING.") and orders.seen(order_id) == known[2]
