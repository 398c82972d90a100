"""The list of orders: looking for them, many at once, paper, and taking them out as a file."""

import contextvars
import csv
import io
import json

import pytest
from werkzeug.test import TestResponse

from app.services import audit, cancelling, order_export, order_list
from tests.desk import asked, change_order, numbers, sent, status_of, to_pack, topics
from tests.factories import a_variant
from tests.page import text
from tests.shopper import Browser
from tests.staff import as_manager, as_staff, trail

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def staff(page: Browser) -> Browser:
    return as_staff(page)


@pytest.fixture
def three() -> list[int]:
    """The ids of three orders that wait to be packed."""
    item = a_variant(on_hand=50, name="House Blend")
    return [to_pack(item, name=name) for name in ("Ann Smith", "Bob Miller", "Cleo <b>Lee")]


def listed(page: Browser) -> list[str]:
    """The numbers in the list."""
    links = [link for link in page.document.every("a") if link.get("href", "").startswith("/staff/orders/")]
    return [text(link) for link in links if text(link).isdigit()]


def place(page: Browser) -> str:
    """The open page without what its address asks for."""
    return page.path.partition("?")[0]


def taken(page: Browser, address: str) -> TestResponse:
    """A file, read to its end while it is sent."""
    return contextvars.Context().run(page.client.get, address, buffered=True)


def rows_of(answer: TestResponse) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))


# ------------------------------------------------------------------------------------------------ the list


def test_no_orders_are_said_so(staff):
    assert "There are none." in staff.get("/staff/orders").text


def test_each_row_says_what_one_needs(staff, three):
    staff.get("/staff/orders")

    assert listed(staff) == ["10003", "10002", "10001"]
    for word in ("Ann Smith", "Cleo <b>Lee", "1 × House Blend", "To pack", "£13.95"):
        assert word in staff.text


def test_looking_keeps_what_was_typed(staff, three):
    staff.get("/staff/orders")
    staff.submit("Show", {"q": "bob", "state": "pack", "first": "2020-01-01"})

    assert listed(staff) == ["10002"]
    assert (staff.document.by_id("q").get("value"), staff.document.by_id("first").get("value")) == ("bob", "2020-01-01")


def test_pages_follow_each_other(staff, three, monkeypatch):
    monkeypatch.setattr(order_list, "PAGE", 2)

    assert listed(staff.get("/staff/orders?state=pack")) == ["10003", "10002"]
    assert listed(staff.click("Next page")) == ["10001"]
    assert listed(staff.click("First page")) == ["10003", "10002"]


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "0001-01-01", "9999-12-31", "2026-05-03T10:00", "\x00"])
def test_a_day_that_is_none_is_said_beside_its_field(staff, three, day):
    staff.get("/staff/orders?first=" + day.replace("\x00", "%00"), status=422)

    assert "Enter a day such as 2026-05-03." in staff.text


@pytest.mark.parametrize("asked_for", ["q=%00", "state=nonsense", "after=99", "after=x", "q=" + "x" * 3000, "q=%F0%9F%98%80"])
def test_odd_addresses_are_answered(staff, three, asked_for):
    staff.get(f"/staff/orders?{asked_for}")


def test_what_shoppers_ask_stands_on_top(staff, three):
    asked(sent(three[0]), text="It is <i>torn</i>.")

    staff.get("/staff/orders")

    assert "Ann Smith asks to send it back: “It is <i>torn</i>.”" in staff.text


# ------------------------------------------------------------------------------------------------ many at once


def tick(page: Browser, ids: list[int], do: str, status: int = 200, **more: str) -> Browser:
    page.get("/staff/orders?q=BEANS")
    buttons = {"ship": "Mark as sent", "slips": "Print packing slips", "invoices": "Print invoices"}
    return page.submit(buttons[do], {"order": ids, **more}, form="/staff/orders/ticked", status=status)


def test_the_ticked_ones_are_marked_as_sent(staff, three):
    cancelling.cancel(three[1], actor="shopper", reason="by the shopper")

    tick(staff, three, "ship", carrier="Royal Mail")

    assert "Marked as sent, each with a mail to its shopper: 10001, 10003." in staff.text.replace("10003, 10001", "10001, 10003")
    assert "Not 10002: It was cancelled." in staff.text
    assert [status_of(each) for each in three] == ["SHIPPED", "CANCELLED", "SHIPPED"]
    assert [topics(each).count("order.shipped") for each in three] == [1, 0, 1]
    assert (place(staff), listed(staff)) == ("/staff/orders", ["10003", "10002", "10001"])
    assert len(trail()) == 2


def test_nothing_ticked_is_said_so(staff, three):
    tick(staff, [], "ship", 422)

    assert "Tick the orders that you mean first." in staff.text and len(listed(staff)) == 3


def test_a_later_page_stays_open_with_what_was_ticked_and_typed(staff, three, monkeypatch):
    monkeypatch.setattr(order_list, "PAGE", 1)
    staff.get(f"/staff/orders?q=BEANS&after={three[2]}")

    staff.submit("Mark as sent", {"order": [three[1]], "carrier": "x" * 81}, form="/staff/orders/ticked", status=422)
    assert (listed(staff), staff.document.by_id("carrier").get("value")) == (["10002"], "x" * 81)
    staff.submit("Mark as sent", {"carrier": "Post"}, form="/staff/orders/ticked")  # the tick is still there

    assert (status_of(three[1]), listed(staff), place(staff)) == ("SHIPPED", ["10002"], "/staff/orders")


def test_an_unusable_carrier_is_said_so(staff, three):
    tick(staff, three, "ship", 422, carrier="x" * 81)

    assert "80 is the most" in staff.text and status_of(three[0]) == "PROCESSING"


def test_slips_are_printed_without_prices(staff, three):
    tick(staff, three[:2], "slips")

    assert place(staff) == "/staff/orders/slips"
    assert "Packing slip for order 10001" in staff.text and "Packing slip for order 10002" in staff.text
    assert "10003" not in staff.text and "£" not in staff.html


def test_what_is_not_to_be_packed_has_no_slip(staff, three):
    cancelling.cancel(three[0], actor="shopper", reason="x")

    tick(staff, three[:1], "slips", 409)

    assert "None of these is to be packed" in staff.text and len(listed(staff)) == 3


def test_invoices_of_the_ticked_are_printed(staff, three):
    cancelling.cancel(three[1], actor="shopper", reason="x")

    tick(staff, three, "invoices")

    assert (place(staff), numbers()) == ("/staff/orders/invoices", [1, 2])
    assert "Not 10002" in staff.text and "Tax inside, by rate" in staff.text


def test_invoices_that_cannot_be_issued_lead_back(staff, three):
    cancelling.cancel(three[0], actor="shopper", reason="x")

    tick(staff, three[:1], "invoices")

    assert (place(staff), numbers()) == ("/staff/orders", []) and "Not 10001" in staff.text


@pytest.mark.parametrize("ids", ["", "x", "77", "99999999999", "0", "1;2"])
@pytest.mark.parametrize("paper", ["slips", "invoices"])
def test_paper_of_nothing_is_not_there(staff, paper, ids):
    staff.get(f"/staff/orders/{paper}?ids={ids}", status=404)


# ------------------------------------------------------------------------------------------------ as a file


def test_the_file_has_what_the_list_has(staff, three):
    sent(three[0])
    staff.get("/staff/orders?state=pack")
    [link] = [link.get("href") for link in staff.document.every("a") if text(link) == "CSV"]

    answer = taken(staff, link)

    assert [row["number"] for row in rows_of(answer)] == ["10003", "10002"]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="orders.csv"'
    assert answer.headers["Cache-Control"] == "no-store"


def test_that_it_was_taken_stands_in_the_trail(staff, three):
    answer = taken(staff, "/staff/orders/export.jsonl?q=bob&first=2020-01-01")

    assert [json.loads(line)["number"] for line in answer.get_data(as_text=True).splitlines()] == ["10002"]
    [entry, *_] = audit.entries()
    assert (entry.action, entry.subject, entry.after) == (
        "orders exported",
        "orders",
        {"format": "jsonl", "searched": True, "first": "2020-01-01"},  # not for whom: the trail outlives them
    )


@pytest.mark.parametrize("email", ["=1+1@example.com", "+1@example.com", "-1@example.com", "@x@example.com", "\tx@example.com"])
def test_no_cell_of_it_is_a_formula(page, three, email):
    change_order(three[0], email=email)

    [row] = rows_of(taken(as_manager(page), "/staff/orders/export.csv?q=10001"))

    assert (row["email"], row["total_minor"]) == (f"'{email}", "1395")


@pytest.mark.settings(SHOP_TIMEZONE="Asia/Seoul")
def test_times_of_it_are_the_shops_own(staff, three):
    assert all(row["placed_at"].endswith("+09:00") for row in rows_of(taken(staff, "/staff/orders/export.csv")))


def test_it_is_read_in_portions(staff, three, monkeypatch):
    monkeypatch.setattr(order_export, "PORTION", 2)
    monkeypatch.setattr(order_export, "CHUNK", 10)

    rows = rows_of(taken(staff, "/staff/orders/export.csv"))

    assert [row["number"] for row in rows] == ["10003", "10002", "10001"]
    assert all(len(json.loads(row["lines"])) == 1 and len(json.loads(row["events"])) == 2 for row in rows)


def test_a_day_that_is_none_takes_nothing_out(staff, three):
    staff.get("/staff/orders/export.csv?last=soon", status=422)
    staff.get("/staff/orders/export.xml", status=404)

    assert trail() == []
