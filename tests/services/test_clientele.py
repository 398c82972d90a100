"""Customers as the staff find them."""

import pytest
from sqlalchemy import insert, select, text, update

from app.extensions import db, transaction
from app.models.customer import Customer
from app.models.payment import Payment, PaymentStatus
from app.services import clientele
from app.services.errors import NotFound
from tests.factories import a_variant, an_account
from tests.planting import an_order

pytestmark = pytest.mark.usefixtures("app_context")


def guests(*people: tuple[str, str]) -> None:
    with transaction() as t:
        t.execute(insert(Customer), [{"email": email, "name": name} for email, name in people])


def found(typed: str, **kwargs: int) -> list[str]:
    db.session.rollback()
    return [row.email for row in clientele.search(typed, **kwargs).rows]


@pytest.fixture
def people(app_context) -> None:
    guests(("ann@x.org", "Ann Able"), ("bob@x.org", "anton Bee"), ("cy@x.org", "Émile Zola"), ("d_%@x.org", "100% Dee"))
    an_account("annette@x.org", name="Nette")


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("typed", "emails"),
    [
        ("", ["annette@x.org", "d_%@x.org", "cy@x.org", "bob@x.org", "ann@x.org"]),
        ("an", ["annette@x.org", "bob@x.org", "ann@x.org"]),
        ("ANN", ["annette@x.org", "ann@x.org"]),
        ("Ann A", ["ann@x.org"]),
        ("émile", ["cy@x.org"]),
        ("ÉMILE Z", ["cy@x.org"]),
        ("d_%", ["d_%@x.org"]),
        ("d%", []),
        ("100%", ["d_%@x.org"]),
        ("x.org", []),
        ("'; --", []),
    ],
)
def test_people_are_found_by_how_their_email_or_name_begins(typed, emails):
    assert found(typed) == emails


@pytest.mark.parametrize("few", [2000, 3], ids=["few", "many"])
def test_pages_follow_each_other_from_the_newest_on(few, monkeypatch):
    monkeypatch.setattr(clientele, "FEW", few)
    monkeypatch.setattr(clientele, "PAGE", 4)
    guests(
        *((f"shopper{number}@x.org", "Shopper") for number in range(10)), *((f"else{number}@x.org", "") for number in range(3))
    )

    pages, after = [], None
    while True:
        page = clientele.search("shopper", after=after)
        pages.append([row.email.removeprefix("shopper").removesuffix("@x.org") for row in page.rows])
        if (after := page.after) is None:
            break

    assert pages == [["9", "8", "7", "6"], ["5", "4", "3", "2"], ["1", "0"]]


@pytest.mark.parametrize(("typed", "index"), [("shopper1", "ix_customer_search_email"), ("Shop", "ix_customer_search_name")])
def test_what_begins_so_is_found_by_an_index(typed, index):
    guests(*((f"shopper{number}@x.org", f"Shop {number}") for number in range(500)))
    db.session.rollback()
    way = clientele._email_begins(typed) if "email" in index else clientele._name_begins(typed)
    statement = select(Customer.id).where(way).limit(10)
    said = str(statement.compile(db.engine, compile_kwargs={"literal_binds": True}))
    explain = "EXPLAIN QUERY PLAN " if db.engine.name == "sqlite" else "EXPLAIN "
    if db.engine.name == "postgresql":
        db.session.execute(text("SET LOCAL enable_seqscan = off"))

    plan = " ".join(str(row) for row in db.session.connection().exec_driver_sql(explain + said.replace("%", "%%")).all())

    assert index in plan


def test_a_customer_has_orders_and_what_they_paid():
    item = a_variant()
    ids = [an_order(item), an_order(item)]
    with transaction() as t:
        paid = {"status": PaymentStatus.PARTIALLY_REFUNDED, "captured_minor": 1395, "refunded_minor": 0}
        t.execute(update(Payment).where(Payment.order_id == ids[0]).values(**paid | {"status": PaymentStatus.CAPTURED}))
    [customer] = clientele.search().rows

    assert [row.number for row in clientele.orders(customer.id).rows] == [10002, 10001]
    assert [(row.currency, row.minor) for row in clientele.spent(customer.id)] == [("GBP", 1395)]


def test_orders_come_in_pages(monkeypatch):
    monkeypatch.setattr(clientele, "ORDERS", 2)
    item = a_variant()
    for _ in range(3):
        an_order(item)
    [customer] = clientele.search().rows

    first = clientele.orders(customer.id)
    second = clientele.orders(customer.id, after=first.after)

    assert [[row.number for row in page.rows] for page in (first, second)] == [[10003, 10002], [10001]]
    assert second.after is None


def test_a_customer_that_is_not_there():
    with pytest.raises(NotFound):
        clientele.one(1)
