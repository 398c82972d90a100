"""One order's page: everything about it, only legal moves, and nothing done twice or unseen."""

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models.order_desk import OrderNote, OrderRequest
from app.models.payment import PaymentStatus, RefundStatus
from app.services import order_desk, refunds
from app.staff.order_words import PAYMENT_WORDS, REFUND_WORDS
from tests.desk import asked, numbers, paid, sent, shipments, status_of, to_pack, topics
from tests.factories import a_variant
from tests.goods import a_download, a_licence, add_codes, get_free
from tests.page import text
from tests.paying import refunds as all_refunds
from tests.shopper import Browser
from tests.staff import a_staff_member, as_manager, as_staff, trail

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def staff(page: Browser) -> Browser:
    return as_staff(page)


def show(page: Browser, order_id: int, status: int = 200) -> Browser:
    return page.get(f"/staff/orders/{order_id}", status=status)


def buttons(page: Browser) -> set[str]:
    return {text(button) for button in page.document.every("button")} - {
        "Log out staff@example.com",
        "Log out manager@example.com",
    }


# ------------------------------------------------------------------------------------------------ looking


def test_it_shows_everything(staff):
    order_id = sent(to_pack(notes="Ring <twice>", name="Gus Guest"))

    show(staff, order_id)

    for said in (
        *("Order 10001", "BEANS", "£13.95", "Gus Guest", "gus@example.com", "SW1A 1AA", "Ring <twice>", "Royal Mail", "AB 123"),
        *("delivery", "placed, the shopper", "marked as sent, by command"),
    ):
        assert said in staff.text, said


def test_what_it_yielded_is_shown(staff):
    order_id = get_free((a_licence("SECRET-1", on_hand=5), 2), (a_download(), 1))

    show(staff, order_id)

    assert "SECRET-1" in staff.text and "guide.pdf" in staff.text and "1 codes are missing" in staff.text


def test_each_state_of_money_has_its_words():
    assert (set(PAYMENT_WORDS), set(REFUND_WORDS)) == (set(PaymentStatus), set(RefundStatus))


def test_a_missing_order_is_not_there(staff):
    show(staff, 77, 404)
    staff.get("/staff/orders/99999999999", status=404)


def test_managers_may_more(page, browser, monkeypatch):
    order_id = paid(monkeypatch)

    boss, helper = as_manager(page), as_staff(browser())

    assert buttons(show(boss, order_id)) == {
        "Mark as sent",
        "Send money back",
        "Cancel the order",
        "Keep this note",
        "Make the invoice",
    }
    assert buttons(show(helper, order_id)) == {"Mark as sent", "Keep this note", "Make the invoice"}
    assert "only a manager can cancel it" in helper.text
    helper.post(f"/staff/orders/{order_id}/refund", {}, status=404)


def test_a_manager_s_press_is_refused_to_staff_who_forge_it(staff, monkeypatch):
    order_id = paid(monkeypatch)
    show(staff, order_id)
    data = staff.form_data("Mark as sent") | {"why": "x"}

    staff.post(f"/staff/orders/{order_id}/cancel", data, status=409)

    assert ("only a manager sends money back" in staff.text, status_of(order_id), all_refunds()) == (True, "PROCESSING", [])


# ------------------------------------------------------------------------------------------------ doing


def test_it_is_marked_as_sent(staff):
    order_id = to_pack()
    show(staff, order_id)

    staff.submit("Mark as sent", {"carrier": "Royal Mail", "tracking": "AB 1", "link": "https://t.example/AB1"})

    assert (status_of(order_id), staff.path) == ("SHIPPED", f"/staff/orders/{order_id}")
    assert "Marked as sent. The shopper gets a mail." in staff.text
    assert [(each.carrier, each.tracking) for each in shipments()] == [("Royal Mail", "AB 1")]


def test_htmx_swaps_the_panel(hx):
    order_id = to_pack()
    as_staff(hx)
    show(hx, order_id)

    hx.submit("Mark as sent", {"tracking": "AB 1"})

    assert "Marked as sent. The shopper gets a mail." in hx.text and "Mark as completed" in buttons(hx)
    assert status_of(order_id) == "SHIPPED"


@pytest.mark.parametrize("client", ["page", "hx"])
def test_what_cannot_be_used_is_said_and_kept(client, request):
    browser = as_staff(request.getfixturevalue(client))
    order_id = to_pack()
    show(browser, order_id)

    browser.submit("Mark as sent", {"tracking": "AB 1", "link": "javascript:alert(1)"}, status=422)

    assert "Enter a whole web address" in browser.text and status_of(order_id) == "PROCESSING"
    assert browser.document.by_id("tracking").get("value") == "AB 1"


def test_it_is_completed_and_cash_is_recorded(staff):
    order_id = sent(to_pack())
    show(staff, order_id)

    staff.submit("Record £13.95 in cash")
    staff.submit("Mark as completed")

    assert (status_of(order_id), "still to be paid" in staff.text) == ("COMPLETED", False)
    assert [action for action, _ in trail()][:2] == ["order completed", "cash recorded"]


def test_an_unpaid_order_is_cancelled_by_staff(staff):
    order_id = to_pack()
    show(staff, order_id)

    staff.submit("Cancel the order", {"why": " "}, status=422)
    staff.submit("Cancel the order", {"why": "roaster broken"})

    assert (status_of(order_id), topics(order_id).count("order.cancelled")) == ("CANCELLED", 1)
    assert "cancelled, Stan Staff (roaster broken)" in staff.text


def test_a_part_of_the_money_goes_back(page, monkeypatch):
    order_id = paid(monkeypatch)
    as_manager(page)
    show(page, order_id)

    page.submit("Send money back", {"amount": "4,50", "reason": "one bag was torn"})

    assert (all_refunds(), status_of(order_id)) == ([(450, "QUEUED")], "PROCESSING")
    assert "£4.50 go back." in page.text and "one bag was torn" in page.text


def test_all_of_it_goes_back_with_the_goods(page, monkeypatch):
    order_id = paid(monkeypatch)
    as_manager(page)
    show(page, order_id)

    page.submit("Send money back", {"amount": "1", "reason": "x", "restock": True}, status=422)
    assert "only when all that is left goes back" in page.text
    page.submit("Send money back", {"amount": "", "reason": "x", "restock": True})

    assert (all_refunds(), status_of(order_id)) == ([(2395, "QUEUED")], "REFUNDED")


@pytest.mark.parametrize("amount", ["abc", "1e3", "-1", "1_0", "１", "1.005", "99999999999999", "0", "24"])
def test_an_amount_that_cannot_be_is_said_so(page, monkeypatch, amount):
    order_id = paid(monkeypatch)
    as_manager(page)
    show(page, order_id)

    page.submit("Send money back", {"amount": amount, "reason": "kept"}, status=None)

    assert page.status in (409, 422) and all_refunds() == []
    assert page.document.by_id("reason").get("value") == "kept"


def test_codes_are_handed_over(staff):
    order_id = get_free((a_licence("A", on_hand=5), 2))
    show(staff, order_id)
    staff.submit("Hand over the missing codes", status=409)
    assert "codes of LICENCE are still missing" in staff.text

    add_codes("LICENCE", "B")
    staff.submit("Hand over the missing codes")

    assert "Handed over" in staff.text and "A, B" in staff.text


def test_a_note_is_kept_and_never_shown_to_the_shopper(staff, browser):
    order_id = to_pack(notes="From Gus")
    show(staff, order_id)

    staff.submit("Keep this note", {"said": "Rang, <nobody> there."})

    assert "Stan Staff: Rang, <nobody> there." in staff.text
    db.session.rollback()
    assert db.session.execute(select(OrderNote.text)).scalars().all() == ["Rang, <nobody> there."]


def test_a_note_that_is_too_long_is_said_and_kept(staff):
    show(staff, to_pack())

    staff.submit("Keep this note", {"said": "x" * 2001}, status=422)

    assert "2000 is the most" in staff.text and "x" * 2001 in staff.html


def test_an_answer_goes_to_the_shopper(staff):
    order_id = sent(to_pack())
    asked(order_id)
    show(staff, order_id)

    staff.submit("Say yes", {"Your answer": ""}, status=422)
    staff.submit("Say yes", {"Your answer": "Send it to us, please."})

    db.session.rollback()
    [row] = db.session.execute(select(OrderRequest)).scalars()
    assert (row.status, row.answer, status_of(order_id)) == ("accepted", "Send it to us, please.", "SHIPPED")
    assert "Nothing else happened yet" in staff.text


def test_an_answer_is_yes_or_no(staff):
    order_id = sent(to_pack())
    request_id = asked(order_id)
    show(staff, order_id)
    data = staff.form_data("Say no", **{"Your answer": "Perhaps."}) | {"verdict": "perhaps"}

    staff.post(f"/staff/orders/{order_id}/requests/{request_id}", data, status=422)

    assert "Say yes or no." in staff.text and "Perhaps." in staff.html
    assert topics(request_id).count("order.answered") == 0


def test_an_answer_to_what_was_answered_is_refused(staff):
    order_id = sent(to_pack())
    request_id = asked(order_id)
    show(staff, order_id)
    data = staff.form_data("Say no", **{"Your answer": "No."})
    staff.post(f"/staff/orders/{order_id}/requests/{request_id}", data)

    staff.post(f"/staff/orders/{order_id}/requests/{request_id}", data, status=409)

    assert "Somebody answered this request meanwhile" in staff.text
    staff.post(f"/staff/orders/{order_id}/requests/77", data, status=404)


def test_the_invoice_gets_its_number_when_it_is_asked_for(staff):
    order_id = to_pack()
    show(staff, order_id)
    staff.get(f"/staff/orders/invoices?ids={order_id}", status=404)

    show(staff, order_id).submit("Make the invoice")

    assert (staff.path, numbers()) == ("/staff/orders/invoices?ids=1", [1])
    assert "Invoice 1" in staff.text and "20%" in staff.text
    assert "Invoice 1" in show(staff, order_id).text


# ------------------------------------------------------------------------------------------------ two at one order


@pytest.mark.parametrize("client", ["page", "hx"])
def test_whoever_comes_second_is_told_who_was_first(client, request, browser):
    mine = as_staff(request.getfixturevalue(client))
    order_id = to_pack()
    show(mine, order_id)
    other = a_staff_member("zoe@example.com", name="Zoe Other")
    order_desk.cancel(order_id, "sold out", actor=other.actor, is_manager=False)

    mine.submit("Mark as sent", {"carrier": "Royal Mail", "tracking": "AB 1"}, status=409)

    assert "Meanwhile something happened to this order" in mine.text
    assert "cancelled, Zoe Other (sold out)" in mine.text
    assert "Carrier: Royal Mail; Tracking number: AB 1" in mine.text  # the form is gone, what was typed is not
    assert shipments() == []


def test_what_was_typed_stays_in_the_form_where_it_still_fits(page, monkeypatch):
    order_id = paid(monkeypatch)
    as_manager(page)
    show(page, order_id)
    refunds.refund(order_id, 100, reason="by another", actor="cli")

    page.submit("Send money back", {"amount": "5", "reason": "mine"}, status=409)
    assert "£1.00" in page.text and "by another" in page.text
    page.submit("Send money back")

    assert [amount for amount, _ in all_refunds()] == [100, 500]


def test_forms_without_a_token_do_nothing(staff):
    order_id = to_pack()

    for verb in ("ship", "complete", "cash", "hand-over", "cancel", "notes", "invoice"):
        staff.post(f"/staff/orders/{order_id}/{verb}", {"why": "x", "said": "x"}, status=422)

    assert (status_of(order_id), trail(), numbers()) == ("PROCESSING", [], [])


def test_moves_are_posts(staff):
    for verb in ("ship", "cancel", "refund", "notes", "invoice"):
        staff.get(f"/staff/orders/{to_pack(a_variant(verb.upper()))}/{verb}", status=405)
