"""Personal data: handed out whole, and forgotten but for the books."""

import json

import pytest
from sqlalchemy import select, update

from app.extensions import db, transaction
from app.models.customer import Account, Customer, Role
from app.models.order import Order, OrderStatus
from app.services import account_carts, accounts, address_book, audit, digital, orders, personal, staffing, tokens
from app.services.accounts import Member, WrongPassword
from app.services.cart import Cart
from tests.factories import LONDON, a_cart, a_variant
from tests.goods import a_download, a_licence, downloads, get_free, shelf, yielded
from tests.shopping import order_of, the_order

pytestmark = pytest.mark.usefixtures("app_context")

PASSWORD = "three quiet words"


@pytest.fixture
def alice() -> Member:
    """Alice, with something of everything: she ordered as a guest first, so that her order is hers."""
    item = a_variant(on_hand=9)
    order_of(a_cart((item, 1)), "alice@example.com", name="Alice Able", notes="Ring at Able's")
    member = accounts.create("alice@example.com", name="Alice Able", phone="020 7946 0001", password=PASSWORD, is_verified=True)
    address_book.add(member.customer_id, LONDON, name="Alice Able")
    tokens.make(member.account_id, "Able's program")
    account_carts.save(member.customer_id, Cart(), a_cart((item, 2)))
    accounts.forgot_password(member.email)
    return accounts.by_email("alice@example.com")


def everything() -> str:
    """Every row of every table but the mail's, as text."""
    db.session.rollback()
    rows = [
        tuple(row)
        for table in db.metadata.sorted_tables
        if table.name != "outbox_message"
        for row in db.session.execute(select(table))
    ]
    return repr(rows)


def test_all_that_is_kept_is_handed_out(alice):
    data = json.loads(json.dumps(personal.export(alice)))

    assert data["account"]["email"] == "alice@example.com"
    assert data["profile"] == {"name": "Alice Able", "phone": "020 7946 0001"}
    assert [(each["line1"], each["is_default"]) for each in data["addresses"]] == [("1 High Street", True)]
    assert [(each["sku"], each["quantity"]) for each in data["cart"]] == [("BEANS", 2)]
    [order] = data["orders"]
    assert (order["number"], order["notes"], order["lines"][0]["sku"]) == (the_order().number, "Ring at Able's", "BEANS")
    assert [each["name"] for each in data["tokens"]] == ["Able's program"]


def test_what_orders_yielded_is_handed_out_without_what_opens_it(alice):
    order_id = get_free((a_download(), 1), (a_licence("ABCD-1234"), 1), email="alice@example.com")
    with transaction() as t:
        t.execute(update(Order).where(Order.id == order_id).values(account_id=alice.account_id, customer_id=alice.customer_id))

    told = personal.export(alice)["orders"][1]

    assert [(each["sku"], each["file"], each["fetched"]) for each in told["downloads"]] == [("GUIDE", "guide.pdf", 0)]
    assert [(each["sku"], each["code"]) for each in told["codes"]] == [("LICENCE", "ABCD-1234")]
    assert downloads()[0].key not in json.dumps(told)


def test_the_downloads_of_whoever_is_forgotten_are_closed(alice):
    item = a_download()
    hers, others = get_free((item, 1)), get_free((item, 1), email="other@example.com")
    with transaction() as t:
        t.execute(update(Order).where(Order.id == hers).values(account_id=alice.account_id, customer_id=alice.customer_id))
    digital.complete_digital(shelf())

    personal.forget(alice, PASSWORD)

    assert [bool(yielded(order_id)[0].link.address) for order_id in (hers, others)] == [False, True]


def test_secrets_are_not_handed_out(alice):
    told = json.dumps(personal.export(alice))

    assert "argon2" not in told
    assert "sha256" not in told


def test_others_data_is_not_handed_out(alice):
    bob = accounts.create("bob@example.com", name="Bob", password=PASSWORD)

    told = json.dumps(personal.export(bob))

    assert "Able" not in told
    assert "alice" not in told


def test_a_wrong_password_forgets_nobody(alice):
    with pytest.raises(WrongPassword):
        personal.forget(alice, "not it")

    assert accounts.log_in(alice.email, PASSWORD) == alice


def test_staff_are_not_forgotten_by_a_click(alice):
    boss = accounts.create("boss@example.com", role=accounts.Role.STAFF, password=PASSWORD)

    with pytest.raises(personal.StillStaff):
        personal.forget(boss, PASSWORD)


def test_whoever_was_employed_a_moment_ago_is_not_forgotten(alice):
    staffing.employ(alice.email, "", Role.MANAGER, actor=audit.COMMAND)

    with pytest.raises(personal.StillStaff):
        personal.forget(alice, PASSWORD)

    assert accounts.by_email(alice.email).role == Role.MANAGER


def test_the_trail_keeps_no_email_of_whoever_worked_here_once(alice):
    staffing.employ(alice.email, "", Role.STAFF, actor=audit.COMMAND)
    staffing.set_role(alice.account_id, Role.CUSTOMER, actor=audit.COMMAND)

    personal.forget(alice, PASSWORD)

    assert [(entry.before, entry.after) for entry in audit.entries()] == [
        ({"role": "staff"}, {"role": "customer"}),
        ({"role": "customer"}, {"role": "staff", "email": ""}),
    ]


def test_a_person_whose_orders_are_over_is_named_nowhere(alice):
    finish(the_order())

    personal.forget(alice, PASSWORD)

    assert "able" not in everything().casefold()
    assert "alice" not in everything().casefold()
    assert accounts.by_session(alice.session_id) is None
    order = the_order()
    assert (order.country, order.total_minor, order.account_id, order.line1) == ("GB", 1395, None, "")


def test_an_order_under_way_is_still_delivered_and_then_forgotten(alice):
    personal.forget(alice, PASSWORD)
    assert (the_order().name, the_order().line1) == ("Alice Able", "1 High Street")
    assert personal.forget_finished() == 0

    finish(the_order())

    assert personal.forget_finished() == 1
    assert personal.forget_finished() == 0
    assert "able" not in everything().casefold()


def test_orders_of_others_are_left_alone(alice):
    order_of(a_cart((a_variant("MORE"), 1)), "gus@example.com")
    for order in db.session.execute(select(Order)).scalars().all():
        finish(order)

    personal.forget(alice, PASSWORD)

    assert personal.forget_finished() == 0
    kept = db.session.execute(select(Order.email).order_by(Order.id)).scalars().all()
    assert kept == ["", "gus@example.com"]


def test_two_people_can_be_forgotten(alice):
    bob = accounts.create("bob@example.com", name="Bob", password=PASSWORD)

    personal.forget(alice, PASSWORD)
    personal.forget(bob, PASSWORD)

    assert db.session.execute(select(Account.id)).all() == []
    assert len(set(db.session.execute(select(Customer.email)).scalars())) == 2


def test_whoever_was_forgotten_may_come_again(alice):
    personal.forget(alice, PASSWORD)

    again = accounts.create("alice@example.com", name="Alice", password=PASSWORD, is_verified=True)

    assert db.session.execute(select(Order.id).where(Order.account_id == again.account_id)).all() == []


def finish(order: Order) -> None:
    with transaction() as t:
        assert orders.move(t, order.id, OrderStatus.SHIPPED, actor="test")
        assert orders.move(t, order.id, OrderStatus.COMPLETED, actor="test")
