"""Anonymising by the staff and by age: the person goes, the books stay, and what is open is left alone."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app import templating
from app.cli.shop import rounds
from app.extensions import db, now, transaction
from app.models.customer import Account, Address, ApiToken, CartLine, Customer, EmailCode, Role
from app.models.order import Order, OrderEvent, OrderStatus
from app.models.order_desk import Shipment
from app.models.outbox import OutboxMessage
from app.models.payment import Refund, RefundStatus
from app.models.staff import AuditEntry
from app.services import (
    account_carts,
    accounts,
    address_book,
    anonymising,
    audit,
    cancelling,
    errands,
    order_desk,
    orders,
    personal,
    staffing,
    stock,
    tokens,
)
from app.services.accounts import Member
from app.services.anonymising import AlreadyAnonymous, StillOpen
from app.services.cart import Cart
from app.services.errors import NotFound
from app.services.order_desk import Parcel
from app.services.personal import StillStaff
from tests.desk import POST
from tests.factories import LONDON, a_cart, a_redirect_method, a_variant
from tests.goods import a_download, get_free, shelf, yielded
from tests.paying import begun, settle
from tests.planting import an_order
from tests.shopping import order_of
from tests.staff import a_manager

pytestmark = pytest.mark.usefixtures("app_context")

PASSWORD = "three quiet words"
ABLE = {"email": "alice@example.com", "name": "Alice Able", "notes": "Ring at Able's"}


@pytest.fixture
def manager() -> Member:
    return a_manager()


def finish(order_id: int) -> None:
    with transaction() as t:
        assert orders.move(t, order_id, OrderStatus.SHIPPED, actor="test")
        assert orders.move(t, order_id, OrderStatus.COMPLETED, actor="test")


def order(order_id: int) -> Order:
    db.session.rollback()
    return db.session.get(Order, order_id, populate_existing=True)


def customer_of(order_id: int) -> int:
    return order(order_id).customer_id


def everything(but: tuple[str, ...] = ()) -> str:
    """Every row of every table, as text."""
    db.session.rollback()
    tables = [table for table in db.metadata.sorted_tables if table.name not in but]
    return repr([tuple(row) for table in tables for row in db.session.execute(select(table))]).casefold()


def placed_ago(days: int, **of: Any) -> None:
    with transaction() as t:
        t.execute(update(Order).filter_by(**of).values(placed_at=now() - timedelta(days=days)))


# --- one customer ---


def test_a_guest_is_named_nowhere_and_the_books_stay(manager):
    order_id = an_order(a_variant(), **ABLE)
    finish(order_id)

    assert anonymising.anonymise(customer_of(order_id), actor=manager.actor) == 1

    assert "able" not in everything() and "alice" not in everything() and "high street" not in everything()
    kept = order(order_id)
    assert (kept.country, kept.total_minor, kept.number, [line.sku for line in kept.lines]) == ("GB", 1395, "10001", ["BEANS"])


def test_an_account_ends_with_all_that_is_its_own(manager):
    item = a_variant(on_hand=9)
    member = accounts.create("alice@example.com", name="Alice Able", phone="020 7946 0001", password=PASSWORD, is_verified=True)
    order_id = order_of(a_cart((item, 1)), "alice@example.com", name="Alice Able").order_id
    with transaction() as t:
        t.execute(update(Order).values(account_id=member.account_id, customer_id=member.customer_id))
        t.execute(delete(Customer).where(Customer.account_id.is_(None)))
    address_book.add(member.customer_id, LONDON, name="Alice Able")
    tokens.make(member.account_id, "Able's program")
    account_carts.save(member.customer_id, Cart(), a_cart((item, 2)))
    accounts.forgot_password(member.email)
    staffing.employ(member.email, "", Role.STAFF, actor=manager.actor)
    staffing.set_role(member.account_id, Role.CUSTOMER, actor=manager.actor)
    finish(order_id)

    anonymising.anonymise(member.customer_id, actor=manager.actor)

    assert accounts.by_session(member.session_id) is None
    assert [db.session.execute(select(table.id)).all() for table in (Address, ApiToken, CartLine, EmailCode)] == [[], [], [], []]
    assert "able" not in everything() and "alice" not in everything()
    assert db.session.execute(select(Account.email)).scalars().all() == [manager.email]


def test_downloads_of_whoever_is_anonymised_are_closed(manager):
    order_id = get_free((a_download(), 1))
    with transaction() as t:
        orders.move(t, order_id, OrderStatus.COMPLETED, actor="test")

    anonymising.anonymise(customer_of(order_id), actor=manager.actor)

    assert not yielded(order_id)[0].link.address


def test_it_is_in_the_trail_without_any_name(manager):
    order_id = an_order(a_variant(), **ABLE)
    finish(order_id)
    customer_id = customer_of(order_id)

    anonymising.anonymise(customer_id, actor=manager.actor)

    [entry] = audit.entries()
    assert (entry.action, entry.subject, entry.before, entry.after) == (
        "customer anonymised",
        f"customer:{customer_id}",
        {},
        {"orders": 1},
    )


def test_what_staff_wrote_about_them_loses_its_words_but_not_its_numbers(manager):
    order_id, other = (an_order(a_variant(sku), **ABLE | {"email": email}) for sku, email in (("A", "a@x.org"), ("B", "b@x.org")))
    with transaction() as t:
        for each in (order_id, other):
            fields = {"line1": "1 Able Road", "total_minor": 5, "status": "SHIPPED"}
            audit.note(t, manager.actor, "order changed", f"order:{each}", fields, fields | {"line1": "2 Able Road"})
            orders.move(t, each, OrderStatus.SHIPPED, actor=manager.actor, reason="Mrs Able called")
            orders.move(t, each, OrderStatus.COMPLETED, actor="test", reason="arrived")

    anonymising.anonymise(customer_of(order_id), actor=manager.actor)

    told = {row.subject: row for row in db.session.execute(select(AuditEntry)).scalars() if row.action == "order changed"}
    assert told[f"order:{order_id}"].before == {"line1": "", "total_minor": 5, "status": "SHIPPED"}
    assert told[f"order:{other}"].after["line1"] == "2 Able Road"
    typed = dict(
        db.session.execute(select(OrderEvent.order_id, OrderEvent.reason).where(OrderEvent.to_status == "SHIPPED")).all()
    )
    assert typed == {order_id: "", other: "Mrs Able called"}
    assert "arrived" in everything()


def test_where_the_parcel_went_and_why_money_went_back_are_forgotten_too(manager):
    order_id, other = (an_order(a_variant(sku), **ABLE | {"email": email}) for sku, email in (("A", "a@x.org"), ("B", "b@x.org")))
    for each in (order_id, other):
        cancelling.record_cash(each, shelf(), actor=manager.actor)
        order_desk.ship(each, POST, actor=manager.actor)
        order_desk.refund(each, 100, "torn, says Mrs Able", actor=manager.actor, restock=False)
        order_desk.complete(each, shelf(), actor=manager.actor)
    for go in rounds():
        go()

    anonymising.anonymise(customer_of(order_id), actor=manager.actor)

    parcels = select(Shipment.carrier, Shipment.tracking, Shipment.link).order_by(Shipment.order_id)
    assert [Parcel(*row) for row in db.session.execute(parcels)] == [Parcel(), POST]
    reasons = select(Refund.reason).order_by(Refund.id)
    assert list(db.session.execute(reasons).scalars()) == ["", "torn, says Mrs Able"]


@pytest.mark.parametrize("status", ["PROCESSING", "HOLD"])
def test_nobody_is_anonymised_while_an_order_is_open(status, manager, monkeypatch):
    order_id = an_order(a_variant(), payment_id=a_redirect_method(monkeypatch) if status == "HOLD" else 1)
    assert order(order_id).status == status

    with pytest.raises(StillOpen, match="10001 is still open"):
        anonymising.anonymise(customer_of(order_id), actor=manager.actor)

    assert order(order_id).email == "gus@example.com"
    assert anonymising.consequences(customer_of(order_id)).open == ["10001"]


def test_nobody_is_anonymised_while_money_is_still_to_go_back(manager, monkeypatch):
    payment_id = begun(a_variant(), a_redirect_method(monkeypatch))
    order_id = settle(payment_id).order_id
    cancelling.cancel(order_id, actor=manager.actor, reason="")

    with pytest.raises(StillOpen):
        anonymising.anonymise(customer_of(order_id), actor=manager.actor)

    with transaction() as t:
        t.execute(update(Refund).values(status=RefundStatus.DONE, done_at=now()))
    assert anonymising.anonymise(customer_of(order_id), actor=manager.actor) == 1


def test_money_of_an_anonymous_order_that_comes_late_goes_back(manager, monkeypatch):
    payment_id = begun(a_variant(), a_redirect_method(monkeypatch))
    [found] = db.session.execute(select(Order)).scalars()
    with transaction() as t:
        orders.move(t, found.id, OrderStatus.CANCELLED, actor=orders.WORKER, reason=orders.EXPIRED)
        stock.release(t, orders.quantities(t, found.id))
    anonymising.anonymise(customer_of(found.id), actor=manager.actor)

    settle(payment_id)

    assert order(found.id).status == OrderStatus.CANCELLED
    assert db.session.execute(select(Refund.amount_minor)).scalars().all() == [1395]


def test_staff_are_not_anonymised(manager):
    with pytest.raises(StillStaff):
        anonymising.anonymise(manager.customer_id, actor=manager.actor)


def test_nobody_is_anonymised_twice(manager):
    order_id = an_order(a_variant())
    finish(order_id)
    anonymising.anonymise(customer_of(order_id), actor=manager.actor)

    with pytest.raises(AlreadyAnonymous):
        anonymising.anonymise(customer_of(order_id), actor=manager.actor)


def test_whoever_is_not_there_is_not_found(manager):
    for ask in (anonymising.consequences, lambda customer_id: anonymising.anonymise(customer_id, actor=manager.actor)):
        with pytest.raises(NotFound):
            ask(999)


def test_a_guest_who_comes_again_is_a_new_customer(manager):
    item = a_variant()
    first = an_order(item)
    finish(first)
    anonymising.anonymise(customer_of(first), actor=manager.actor)

    second = an_order(item)

    assert customer_of(second) != customer_of(first)


def test_mails_of_an_anonymous_order_go_to_nobody(app, manager):
    order_id = an_order(a_variant())
    finish(order_id)
    anonymising.anonymise(customer_of(order_id), actor=manager.actor)

    assert errands.deliver_due(templating.mailer(app)) == 1

    assert db.session.execute(select(OutboxMessage.last_error)).scalars().all() == [""]
    assert not list(Path(app.config["MAIL_FOLDER"]).glob("*.eml"))


# --- by age ---


def test_old_orders_that_are_over_are_anonymised_with_their_guests():
    item = a_variant()
    old, new, other = an_order(item, **ABLE), an_order(item, **ABLE), an_order(item, email="bob@example.com", name="Bob")
    for each in (old, other):
        finish(each)
    placed_ago(100, id=old)
    placed_ago(100, id=other)

    assert anonymising.anonymise_old(99) == 2

    assert [order(each).email for each in (old, new, other)] == ["", "alice@example.com", ""]
    emails = db.session.execute(select(Customer.email).order_by(Customer.id)).scalars().all()
    assert emails == ["alice@example.com", f"anonymous-{customer_of(other)}"]  # she is needed for the new one
    assert anonymising.last_run().done == 2


def test_young_orders_are_left_alone():
    order_id = an_order(a_variant())
    finish(order_id)
    placed_ago(98, id=order_id)

    assert anonymising.anonymise_old(99) == 0
    assert order(order_id).email == "gus@example.com"
    assert anonymising.last_run().done == 0


def test_what_was_sent_is_old_enough_and_what_is_open_is_not():
    item = a_variant()
    sent, packed = an_order(item), an_order(item)
    with transaction() as t:
        orders.move(t, sent, OrderStatus.SHIPPED, actor="test")
    placed_ago(100)

    assert anonymising.anonymise_old(99) == 1
    assert [order(each).email for each in (sent, packed)] == ["", "gus@example.com"]


def test_accounts_stay_when_their_old_orders_are_anonymised():
    member = accounts.create("alice@example.com", name="Alice Able", password=PASSWORD, is_verified=True)
    order_id = an_order(a_variant())
    finish(order_id)
    with transaction() as t:
        t.execute(update(Order).values(account_id=member.account_id, customer_id=member.customer_id))
        t.execute(delete(Customer).where(Customer.account_id.is_(None)))
    placed_ago(100)

    assert anonymising.anonymise_old(99) == 1

    assert accounts.log_in("alice@example.com", PASSWORD).name == "Alice Able"
    assert json.loads(json.dumps(personal.export(member)))["orders"][0]["email"] == ""


def test_many_old_orders_are_done_in_portions(monkeypatch):
    monkeypatch.setattr(anonymising, "PORTION", 2)
    item = a_variant()
    for number in range(5):
        finish(an_order(item, email=f"guest{number}@example.com"))
    placed_ago(100)

    assert anonymising.anonymise_old(99) == 5

    assert "guest" not in everything(but=("heartbeat",)).replace("anonymous", "")


def test_what_one_round_leaves_the_next_one_takes(monkeypatch):
    monkeypatch.setattr(anonymising, "PORTION", 1)
    monkeypatch.setattr(anonymising, "LONGEST_ROUND_SECONDS", 0.0)
    item = a_variant()
    for _ in range(2):
        finish(an_order(item))
    placed_ago(100)

    assert [anonymising.anonymise_old(99) for _ in range(3)] == [1, 1, 0]


@pytest.mark.settings(ANONYMISE_AFTER_DAYS=99)
def test_the_worker_anonymises_when_it_is_told_to():
    order_id = an_order(a_variant())
    finish(order_id)
    placed_ago(100)

    for go in rounds():
        go()

    assert order(order_id).email == ""


def test_the_worker_anonymises_nobody_unless_it_is_told_to():
    order_id = an_order(a_variant())
    finish(order_id)
    placed_ago(10_000)

    for go in rounds():
        go()

    assert order(order_id).email == "gus@example.com"
