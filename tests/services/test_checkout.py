"""A cart becomes an order once, whole or not at all, and what is submitted again finds the order that is there."""

from dataclasses import replace

import pytest
from sqlalchemy import delete, exc, insert, select, update

from app.extensions import db, transaction
from app.models.catalog import Product, TaxClass, TaxRate, Variant
from app.models.customer import Customer
from app.models.order import LineItem, Order, OrderStatus
from app.models.outbox import OutboxMessage
from app.models.payment import Payment, PaymentMethod, ShippingMethod
from app.services import checkout, orders as order_service, pricing
from app.services.cart import Cart
from app.services.errors import AlreadyOrdered, EmptyCart, InvalidInput, MethodUnavailable, OutOfStock, TotalChanged
from tests.factories import (
    LONDON,
    STANDARD_MINOR,
    a_cart,
    a_guide,
    a_redirect_method,
    a_shipping_method,
    a_variant,
    an_account,
    set_columns,
)
from tests.shopping import ON_DELIVERY, STANDARD, counts, level, lines_of, order_of, orders, price_of, the_order

pytestmark = pytest.mark.usefixtures("app_context")


def status_of(order_id: int) -> tuple[str, list[tuple[str | None, str, str]]]:
    """The order's status, and its events as (from, to, reason)."""
    db.session.rollback()
    order = db.session.get(Order, order_id)
    return order.status, [(event.from_status, event.to_status, event.reason) for event in order.events]


# --- what is written ---


def test_an_order_is_a_snapshot_of_what_was_bought():
    beans = a_variant(price_minor=1250, options="250 g / whole bean")

    placed = order_of(a_cart((beans, 2)), notes="Ring twice")

    order = the_order()
    assert (order.key, order.status, order.currency) == (placed.key, "PROCESSING", "GBP")
    assert (order.items_minor, order.shipping_minor, order.total_minor) == (2500, STANDARD_MINOR, 2500 + STANDARD_MINOR)
    assert (order.email, order.name, order.line1, order.postcode) == ("gus@example.com", "Gus Guest", "1 High Street", "SW1A 1AA")
    assert (order.shipping_name, order.payment_name, order.notes) == ("Standard delivery", "Pay on delivery", "Ring twice")
    [line] = order.lines
    assert (line.sku, line.name, line.options, line.unit_price_minor, line.quantity) == (
        "BEANS",
        "House Blend",
        "250 g / whole bean",
        1250,
        2,
    )


def test_the_order_stays_what_it_was_when_the_product_changes():
    beans = a_variant(price_minor=1250)
    order_of(a_cart((beans, 1)))

    set_columns(Product, beans.product_id, name="Renamed")
    set_columns(Variant, beans.id, price_minor=9999)

    [line] = the_order().lines
    assert (line.name, line.unit_price_minor) == ("House Blend", 1250)


def test_a_direct_order_is_accepted_at_once_and_says_how_it_came_to_it():
    placed = order_of(a_cart((a_variant(), 1)))

    events = [(None, "HOLD", "placed"), ("HOLD", "PROCESSING", "direct payment")]
    assert status_of(placed.order_id) == ("PROCESSING", events)


def test_the_tax_inside_adds_up_to_the_last_penny():
    first, second = a_variant(price_minor=333), a_variant("CUP", price_minor=1111)

    order_of(a_cart((first, 1), (second, 3)))

    order = the_order()
    assert [line.tax_minor for line in order.lines] == [56, 556]  # 55.5 and 555.5, each to the even
    assert order.tax_minor == 56 + 556 + order.shipping_tax_minor
    assert order.shipping_tax_minor == 66


def test_a_country_may_have_a_tax_rate_of_its_own():
    beans = a_variant(price_minor=1100)
    with transaction() as t:
        t.execute(insert(TaxRate), {"tax_class_id": 1, "country": "GB", "rate_bp": 1000})

    order_of(a_cart((beans, 1)))

    assert [(line.tax_rate_bp, line.tax_minor) for line in the_order().lines] == [(1000, 100)]


def test_shipping_carries_the_highest_rate_in_the_cart():
    beans, book = a_variant(price_minor=1200), a_variant("BOOK", price_minor=1000)
    with transaction() as t:
        books = t.execute(insert(TaxClass).returning(TaxClass.id), {"code": "books", "name": "Books", "rate_bp": 0}).scalar_one()
        t.execute(update(Product).where(Product.id == book.product_id).values(tax_class_id=books))

    order_of(a_cart((beans, 1), (book, 1)))

    order = the_order()
    assert ([line.tax_minor for line in order.lines], order.shipping_tax_minor) == ([200, 0], 66)


def test_the_lines_stand_in_the_order_they_were_added():
    first, second = a_variant("A"), a_variant("B")

    order_of(a_cart((second, 1), (first, 2)))

    assert lines_of(the_order()) == [("B", 1), ("A", 2)]


def test_the_confirmation_is_owed_once():
    cart = a_cart((a_variant(), 1))

    order_of(cart)
    order_of(cart)

    owed = db.session.execute(select(OutboxMessage.topic, OutboxMessage.payload)).all()
    assert owed == [("order.confirmation", {"order_id": the_order().id})]


def test_pay_on_delivery_opens_one_payment_of_the_whole_total():
    order_of(a_cart((a_variant(price_minor=1000), 1)))

    [payment] = db.session.execute(select(Payment)).scalars()
    assert (payment.gateway, payment.amount_minor, payment.currency, payment.status) == ("delivery", 1395, "GBP", "CREATED")


def test_order_keys_cannot_be_guessed():
    beans = a_variant()

    keys = {order_of(a_cart((beans, 1))).key for _ in range(3)}

    assert len(keys) == 3
    assert all(len(bytes.fromhex(key)) >= 16 for key in keys)


# --- the same cart again ---


def test_the_same_cart_twice_is_one_order():
    beans = a_variant()
    cart = a_cart((beans, 2))

    first, second = order_of(cart), order_of(cart)

    assert (first.key, first.is_new, second.is_new) == (second.key, True, False)
    assert level("BEANS") == (8, 0)
    assert lines_of(the_order()) == [("BEANS", 2)]


def test_the_same_cart_twice_is_one_order_though_it_took_the_last_one():
    cart = a_cart((a_variant(on_hand=1), 1))

    first, second = order_of(cart), order_of(cart)

    assert first.key == second.key


def test_the_same_cart_in_another_order_of_lines_is_the_same():
    first, second = a_variant("A"), a_variant("B")
    cart = a_cart((first, 1), (second, 1))

    one, other = order_of(cart), order_of(replace(cart, lines=cart.lines[::-1]))

    assert one.key == other.key


def test_the_same_cart_twice_is_one_order_though_the_price_rose_meanwhile():
    beans = a_variant()
    cart = a_cart((beans, 1))
    first = order_of(cart)
    set_columns(Variant, beans.id, price_minor=2000)

    second = order_of(cart, shown=1395)

    assert first.key == second.key


def test_an_ordered_cart_with_other_content_is_refused():
    beans = a_variant()
    cart = a_cart((beans, 1))
    placed = order_of(cart)

    with pytest.raises(AlreadyOrdered) as refused:
        order_of(cart.with_line(beans.id, 2))

    assert refused.value.key == placed.key
    assert level("BEANS") == (9, 0)


def test_an_ordered_cart_is_refused_to_another_email():
    cart = a_cart((a_variant(), 1))
    order_of(cart)

    with pytest.raises(AlreadyOrdered):
        order_of(cart, "mallory@example.com")

    assert the_order().email == "gus@example.com"


def test_the_case_of_an_email_does_not_make_it_another():
    cart = a_cart((a_variant(), 1))

    first, second = order_of(cart, "gus@example.com"), order_of(cart, "Gus@example.com")

    assert first.key == second.key


def test_the_database_itself_refuses_two_live_orders_of_one_cart():
    beans = a_variant()
    order_of(a_cart((beans, 1)))
    order_of(a_cart((beans, 1)))
    first, second = orders()

    with pytest.raises(exc.IntegrityError), transaction() as t:
        t.execute(update(Order).where(Order.id == second.id).values(cart_id=first.cart_id))


@pytest.mark.parametrize("dead", [OrderStatus.FAILED, OrderStatus.CANCELLED])
def test_a_cart_whose_order_came_to_nothing_is_ordered_anew(monkeypatch, dead):
    beans, method = a_variant(), a_redirect_method(monkeypatch)
    cart = a_cart((beans, 1))
    first = order_of(cart, payment_id=method)
    with transaction() as t:
        assert order_service.move(t, first.order_id, dead, actor="test")
        checkout.stock.release(t, [(beans.id, 1)])

    second = order_of(cart, payment_id=method)

    assert second.is_new
    assert second.key != first.key
    assert [order.status for order in orders()] == [dead, "HOLD"]
    assert level("BEANS") == (10, 1)


# --- unpaid orders on HOLD ---


def test_a_redirect_order_holds_its_stock_and_waits(monkeypatch):
    method = a_redirect_method(monkeypatch)

    placed = order_of(a_cart((a_variant(), 2)), payment_id=method)

    assert status_of(placed.order_id) == ("HOLD", [(None, "HOLD", "placed")])
    assert level("BEANS") == (10, 2)
    assert the_order().hold_expires_at is not None
    assert counts()["outbox_message"] == 0


def test_the_same_wish_on_hold_is_the_same_order(monkeypatch):
    method = a_redirect_method(monkeypatch)
    cart = a_cart((a_variant(), 2))

    first, second = order_of(cart, payment_id=method), order_of(cart, payment_id=method)

    assert (first.key, second.is_new) == (second.key, False)
    assert level("BEANS") == (10, 2)


@pytest.mark.parametrize(
    "other",
    [
        {"notes": "Ring twice"},
        {"name": "Gus Guest the Second"},
        {"email": "gus.guest@example.com"},
        {"contact_address": replace(LONDON, line1="2 High Street")},
        {"payment_id": ON_DELIVERY},
    ],
    ids=lambda other: next(iter(other)),
)
def test_any_other_wish_replaces_the_order_on_hold(monkeypatch, other):
    method = a_redirect_method(monkeypatch)
    cart = a_cart((a_variant(), 2))
    first = order_of(cart, payment_id=method)

    second = order_of(cart, **({"payment_id": method} | other))

    assert second.key != first.key
    assert status_of(first.order_id) == ("CANCELLED", [(None, "HOLD", "placed"), ("HOLD", "CANCELLED", "replaced")])
    assert level("BEANS") == ((8, 0) if "payment_id" in other else (10, 2))


def test_other_content_replaces_the_order_on_hold(monkeypatch):
    beans, method = a_variant(), a_redirect_method(monkeypatch)
    cart = a_cart((beans, 2))
    order_of(cart, payment_id=method)

    order_of(cart.with_line(beans.id, 5), payment_id=method)

    assert [order.status for order in orders()] == ["CANCELLED", "HOLD"]
    assert level("BEANS") == (10, 5)


def test_other_delivery_replaces_the_order_on_hold(monkeypatch):
    method, courier = a_redirect_method(monkeypatch), a_shipping_method()
    cart = a_cart((a_variant(), 2))
    order_of(cart, payment_id=method)

    order_of(cart, payment_id=method, shipping_id=courier)

    assert [(order.status, order.shipping_minor) for order in orders()] == [("CANCELLED", 395), ("HOLD", 900)]


def test_an_order_on_hold_is_replaced_though_it_holds_the_last_one(monkeypatch):
    method = a_redirect_method(monkeypatch)
    cart = a_cart((a_variant(on_hand=1), 1))
    order_of(cart, payment_id=method)

    order_of(cart, payment_id=method, notes="Ring twice")

    assert [order.status for order in orders()] == ["CANCELLED", "HOLD"]
    assert level("BEANS") == (1, 1)


def test_an_order_on_hold_stays_when_what_is_to_replace_it_cannot_be_had(monkeypatch):
    beans, method = a_variant(on_hand=2), a_redirect_method(monkeypatch)
    cart = a_cart((beans, 1))
    first = order_of(cart, payment_id=method)

    with pytest.raises(OutOfStock):
        order_of(cart.with_line(beans.id, 3), payment_id=method)

    assert status_of(first.order_id)[0] == "HOLD"
    assert level("BEANS") == (2, 1)


def test_others_cannot_have_what_is_on_hold(monkeypatch):
    beans, method = a_variant(on_hand=1), a_redirect_method(monkeypatch)
    order_of(a_cart((beans, 1)), payment_id=method)

    with pytest.raises(OutOfStock) as refused:
        order_of(a_cart((beans, 1)), "alice@example.com")

    assert [(wanted, left) for _, _, wanted, left in refused.value.short] == [(1, 0)]


# --- nothing is written ---


def refused_and_nothing_written(error, *args, **kwargs):
    before = counts()
    with pytest.raises(error) as refused:
        order_of(*args, **kwargs)
    assert counts() == before
    return refused.value


def test_an_empty_cart_is_no_order():
    refused_and_nothing_written(EmptyCart, Cart())


def test_another_total_than_was_shown_is_refused():
    cart = a_cart((a_variant(), 1))

    refused_and_nothing_written(TotalChanged, cart, shown=1394)


def test_a_price_that_rose_is_refused():
    beans = a_variant()
    cart = a_cart((beans, 1))
    shown = price_of(cart, STANDARD)
    set_columns(Variant, beans.id, price_minor=1001)

    refused_and_nothing_written(TotalChanged, cart, shown=shown)


def test_a_price_that_rose_while_the_order_waited_for_its_turn_is_refused(monkeypatch):
    beans = a_variant()
    cart = a_cart((beans, 1))
    before = counts()
    price = pricing.price

    def price_then_rise(*args, **kwargs):
        priced = price(*args, **kwargs)
        monkeypatch.undo()
        db.session.rollback()
        set_columns(Variant, beans.id, price_minor=1001)
        return priced

    monkeypatch.setattr(pricing, "price", price_then_rise)
    with pytest.raises(TotalChanged):
        order_of(cart)

    assert counts() == before


def test_more_than_is_left_is_refused_by_name():
    beans, cup = a_variant(on_hand=2), a_variant("CUP", name="Cup")

    refused = refused_and_nothing_written(OutOfStock, a_cart((beans, 3), (cup, 1)))

    assert refused.short == [(beans.id, "House Blend", 3, 2)]


@pytest.mark.parametrize("model", [ShippingMethod, PaymentMethod])
def test_a_method_that_was_switched_off_is_refused(model):
    cart = a_cart((a_variant(), 1))
    set_columns(model, 1, is_active=False)

    refused = refused_and_nothing_written(MethodUnavailable, cart)

    assert "not offered any more" in str(refused)


def test_delivery_must_be_chosen():
    refused = refused_and_nothing_written(MethodUnavailable, a_cart((a_variant(), 1)), shipping_id=None)

    assert (refused.kind, str(refused)) == ("shipping", "Choose how it should be sent.")


def test_payment_must_be_chosen():
    refused = refused_and_nothing_written(MethodUnavailable, a_cart((a_variant(), 1)), payment_id=None)

    assert (refused.kind, str(refused)) == ("payment", "Choose how you want to pay.")


def test_a_method_that_does_not_go_there_is_refused():
    france = replace(LONDON, country="FR", postcode="75001", city="Paris")

    refused = refused_and_nothing_written(MethodUnavailable, a_cart((a_variant(), 1)), contact_address=france)

    assert str(refused) == "Standard delivery: It does not go to this country."


@pytest.mark.parametrize("model", ["variant", "product"])
def test_what_is_no_longer_sold_cannot_be_ordered(model):
    beans, cup = a_variant(), a_variant("CUP")
    cart = a_cart((beans, 1), (cup, 1))
    shown = price_of(cart, STANDARD)
    set_columns(*((Variant, beans.id) if model == "variant" else (Product, beans.product_id)), is_active=False)

    refused = refused_and_nothing_written(OutOfStock, cart, shown=shown)

    assert [(variant, left) for variant, _, _, left in refused.short] == [(beans.id, 0)]


# --- notes ---


@pytest.mark.parametrize("notes", ["x" * 500, "🌱" * 500, "a\r\n" * 248 + "ends", " " * 40 + "x" * 500])
def test_five_hundred_characters_of_notes_are_taken(notes):
    order_of(a_cart((a_variant(), 1)), notes=notes)

    assert the_order().notes == notes.replace("\r\n", "\n").strip()


@pytest.mark.parametrize("notes", ["x" * 501, "🌱" * 501, "a\r\n" * 249 + "end"])
def test_five_hundred_and_one_are_too_many(notes):
    refused = refused_and_nothing_written(InvalidInput, a_cart((a_variant(), 1)), notes=notes)

    assert "500 is the most" in refused.fields["notes"]


@pytest.mark.parametrize("notes", ["a\0b", "a\x07b", "a\ud800b"])
def test_notes_that_cannot_be_stored_are_refused(notes):
    refused = refused_and_nothing_written(InvalidInput, a_cart((a_variant(), 1)), notes=notes)

    assert set(refused.fields) == {"notes"}


# --- who it belongs to ---


def test_a_guest_who_orders_twice_is_one_customer():
    beans = a_variant()

    order_of(a_cart((beans, 1)), "gus@example.com")
    order_of(a_cart((beans, 1)), "GUS@example.com")

    [customer] = db.session.execute(select(Customer)).scalars()
    assert (customer.email, customer.is_guest) == ("gus@example.com", True)
    assert {order.customer_id for order in orders()} == {customer.id}


def test_an_email_of_an_account_never_touches_the_account():
    row = an_account("alice@example.com", name="Alice", phone="+44 20 7946 0000", cart_id="c" * 32)
    before = db.session.execute(select(*Customer.__table__.c).where(Customer.id == row)).one()

    order_of(a_cart((a_variant(), 1)), "alice@example.com", name="Not Alice")

    db.session.rollback()
    after = db.session.execute(select(*Customer.__table__.c).where(Customer.id == row)).one()
    order = the_order()
    assert after == before
    assert order.customer_id != row
    assert order.account_id is None
    assert db.session.get(Customer, order.customer_id).is_guest


# --- digital goods ---


def test_a_free_digital_order_needs_no_address_and_no_payment():
    order_of(a_cart((a_guide(), 1)), contact_address=None, shipping_id=None, payment_id=None)

    order = the_order()
    assert (order.status, order.total_minor, order.country, order.shipping_name, order.payment_name) == (
        "PROCESSING",
        0,
        "",
        "",
        "",
    )
    assert not db.session.execute(select(Payment.id)).all()


def test_shipping_is_not_charged_for_digital_goods_though_it_was_chosen(monkeypatch):
    method = a_redirect_method(monkeypatch)

    order_of(a_cart((a_guide(price_minor=700), 1)), contact_address=None, payment_id=method, shown=700)

    order = the_order()
    assert (order.shipping_minor, order.shipping_method_id, order.total_minor) == (0, None, 700)


def test_a_paid_digital_order_cannot_be_paid_on_delivery():
    guide = a_guide(price_minor=700)

    refused = refused_and_nothing_written(MethodUnavailable, a_cart((guide, 1)), contact_address=None, shipping_id=None)

    assert str(refused) == "Pay on delivery: It is for things that are delivered to your door."


def test_one_physical_thing_is_enough_to_ask_for_shipping():
    beans, guide = a_variant(), a_guide()

    refused = refused_and_nothing_written(MethodUnavailable, a_cart((guide, 1), (beans, 1)), shipping_id=None)

    assert refused.kind == "shipping"


def test_an_order_outlives_its_variant():
    beans = a_variant()
    order_of(a_cart((beans, 1)))

    with pytest.raises(exc.IntegrityError), transaction() as t:  # its ledger is kept, so a sold variant is never deleted
        t.execute(delete(Variant).where(Variant.id == beans.id))

    assert db.session.execute(select(LineItem.sku)).scalars().all() == ["BEANS"]
