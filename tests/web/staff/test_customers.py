"""Customers behind the counter: finding them, their page, and anonymising."""

import pytest

from app.extensions import db, transaction
from app.models.customer import Account, Customer
from app.models.order import Order, OrderStatus
from app.services import clientele, health, orders
from tests.factories import a_variant
from tests.members import a_member
from tests.planting import an_order
from tests.staff import as_manager, as_staff, trail

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def gus() -> int:
    """The customer of an order that is over; answers their id."""
    order_id = an_order(a_variant(), notes="Ring twice")
    with transaction() as t:
        for to in (OrderStatus.SHIPPED, OrderStatus.COMPLETED):
            orders.move(t, order_id, to, actor="test")
    return the_order(order_id).customer_id


def the_order(order_id: int = 1) -> Order:
    db.session.rollback()
    return db.session.get(Order, order_id, populate_existing=True)


# --- finding ---


def test_customers_are_listed_the_newest_first(page, gus):
    an_order(a_variant("MUG"), email="zoe@example.com")

    as_staff(page).get("/staff/customers")

    assert page.text.index("zoe@example.com") < page.text.index("gus@example.com")


def test_customers_are_found_by_how_their_name_begins(page, gus):
    an_order(a_variant("MUG"), email="zoe@example.com", name="Zoe Zed")

    as_staff(page).get("/staff/customers").submit("Find", {"q": "gus g"})

    assert "gus@example.com" in page.text and "zoe@example.com" not in page.text


def test_nobody_is_found_in_words(page):
    as_staff(page).get("/staff/customers?q=%3Cb%3E")

    assert "Nobody's e-mail or name begins with “<b>”." in page.text


@pytest.mark.parametrize("query", ["q=%00", "q=%ED%A0%80", "after=x", "q=" + "a" * 3000, "q=%27%20OR%201=1", "after=0"])
def test_odd_addresses_are_no_error(query, page, gus):
    as_staff(page).get(f"/staff/customers?{query}", status=200)


def test_older_ones_are_on_the_next_page(page, gus, monkeypatch):
    monkeypatch.setattr(clientele, "PAGE", 1)
    an_order(a_variant("MUG"), email="guy@example.com")

    as_staff(page).get("/staff/customers?q=gu").click("Next page")

    assert "gus@example.com" in page.text and "guy@example.com" not in page.text.replace("value", "")


@pytest.mark.settings(ANONYMISE_AFTER_DAYS=1095)
def test_the_list_says_when_old_orders_were_looked_for(page):
    as_staff(page).get("/staff/customers")
    assert "The worker has not looked for them yet." in page.text

    health.ran(health.ANONYMISING, 12)
    page.get("/staff/customers")

    assert "Orders older than 1095 days" in page.text and "12 were anonymised then" in page.text


# --- one ---


def test_a_customer_has_contact_orders_and_what_they_paid(page, gus):
    as_staff(page).get(f"/staff/customers/{gus}")

    assert page.title.startswith("Gus Guest")
    for words in ("gus@example.com", "+44 20 7946 0000", "guest", "10001", "£13.95", "nothing so far"):
        assert words in page.text
    assert 'href="/staff/orders/1"' in page.html


def test_staff_may_not_anonymise(page, gus):
    as_staff(page).get(f"/staff/customers/{gus}")

    assert "Anonymise" not in page.text
    page.get(f"/staff/customers/{gus}/anonymise", status=404)
    page.post(f"/staff/customers/{gus}/anonymise", {}, status=404)


@pytest.mark.parametrize("path", ["/staff/customers/99", "/staff/customers/99/anonymise", "/staff/customers/99999999999"])
def test_a_customer_that_is_not_there(path, page):
    as_manager(page).get(path, status=404)


# --- anonymising ---


def test_a_manager_anonymises_a_customer(page, gus):
    as_manager(page).get(f"/staff/customers/{gus}").click("Anonymise this customer")
    assert "from 1 orders" in page.text
    page.submit("Anonymise for good", {"understood": True})

    assert page.path == f"/staff/customers/{gus}"
    assert "Done. 1 of their orders name nobody any more." in page.text
    assert page.title.startswith("Anonymous") and "gus@example.com" not in page.html and "Anonymise this" not in page.text
    assert (the_order().email, the_order().notes, the_order().total_minor) == ("", "", 1395)
    assert trail() == [("customer anonymised", f"customer:{gus}")]


def test_nothing_happens_without_the_tick(page, gus):
    as_manager(page).get(f"/staff/customers/{gus}/anonymise")

    page.submit("Anonymise for good", status=422)

    assert "Tick this first" in page.text
    assert the_order().email == "gus@example.com" and trail() == []


def test_nothing_happens_while_an_order_is_open(page):
    an_order(a_variant())
    customer_id = the_order().customer_id

    as_manager(page).get(f"/staff/customers/{customer_id}/anonymise")

    assert "Not yet: 10001 is still open" in page.text and "Anonymise for good" not in page.text


def test_an_order_that_came_meanwhile_stops_it(page, gus):
    as_manager(page).get(f"/staff/customers/{gus}/anonymise")
    an_order(a_variant("MUG"))

    page.submit("Anonymise for good", {"understood": True}, status=409)

    assert "10002 is still open" in page.text
    assert the_order().email == "gus@example.com"


def test_twice_is_said(page, gus):
    as_manager(page).get(f"/staff/customers/{gus}/anonymise")
    form = page.form_data("Anonymise for good", understood=True)
    page.post(f"/staff/customers/{gus}/anonymise", form)

    page.post(f"/staff/customers/{gus}/anonymise", form, status=409)

    assert "anonymous already" in page.text


def test_an_account_is_told_to_end(page):
    member = a_member("bob@example.com", name="Bob")

    as_manager(page).get(f"/staff/customers/{member.customer_id}/anonymise")
    assert "The account ends" in page.text
    page.submit("Anonymise for good", {"understood": True})

    db.session.rollback()
    assert db.session.get(Account, member.account_id) is None
    assert db.session.get(Customer, member.customer_id).email == f"anonymous-{member.customer_id}"


def test_staff_are_not_offered(page):
    as_manager(page)
    manager = clientele.search("manager@").rows[0]

    page.get(f"/staff/customers/{manager.id}/anonymise")

    assert "belongs to the staff" in page.text and "for good" not in page.text
