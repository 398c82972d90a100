"""Payments that need attention: flags are taken off, refused refunds are sent another way."""

import pytest

from app.extensions import transaction
from app.services import refunds
from tests.desk import paid
from tests.paying import refunds as all_refunds, the_payments
from tests.staff import as_manager, as_staff, trail

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def flagged(monkeypatch) -> int:
    """An order whose refund was refused; answers its id."""
    order_id = paid(monkeypatch)
    refunds.refund(order_id, 500, reason="torn", actor="cli")
    payment_id = the_payments()[0].id
    with transaction() as t:
        t.exec_driver_sql("UPDATE refund SET status = 'REFUSED'")
        refunds.report(t, payment_id, "refused:1", "It was <refused>.")
    return order_id


def test_nothing_to_see_is_said_so(page):
    assert "There are none." in as_staff(page).get("/staff/payments").text


def test_a_flag_is_taken_off_once_somebody_looked(page, flagged):
    as_staff(page).get("/staff/payments")
    assert "It was <refused>." in page.text
    data = page.form_data("Done, I looked")

    page.submit("Done, I looked")

    assert "The flag is off." in page.text and "It was <refused>." not in page.text.partition("need a look")[2]
    page.post("/staff/payments/1/looked", data, status=409)
    assert "not flagged for that any more" in page.text
    page.post("/staff/payments/77/looked", data, status=404)
    assert trail()[0] == ("payment looked at", f"order:{flagged}")


def test_a_manager_writes_down_how_it_was_sent(page, flagged):
    as_manager(page).get("/staff/payments")

    page.submit("It was sent", {"reference": " "}, status=422)
    assert "Say how" in page.text and page.document.by_id("reference-1").get("aria-invalid") == "true"
    page.submit("It was sent", {"reference": "bank transfer of 3 May"})

    assert all_refunds() == [(500, "DONE")]
    assert trail()[0] == ("refund sent by hand", f"order:{flagged}")


def test_staff_only_read_of_it(page, flagged):
    as_staff(page).get("/staff/payments")

    assert "A manager sends it another way" in page.text
    page.post("/staff/payments/refunds/1/sent", {"reference": "x"}, status=404)


def test_a_refund_that_was_not_refused_is_not_there(page, flagged):
    as_manager(page).get("/staff/payments")
    data = page.form_data("It was sent", reference="x")
    page.post("/staff/payments/refunds/1/sent", data)

    page.post("/staff/payments/refunds/1/sent", data, status=404)


def test_pages_follow_each_other(page, flagged, monkeypatch):
    monkeypatch.setattr(refunds, "SHOWN", 0)  # the first page is full with none of them

    as_staff(page).get("/staff/payments?after=1")

    assert "First page" in page.text
