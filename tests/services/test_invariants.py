"""Each invariant holds in a shop that sells, and fires on a breach that was planted past all guards."""

from datetime import timedelta

import pytest
from flask import Flask

from app import money
from app.extensions import db, now
from app.services import invariants, invoices, order_desk
from app.services.invoices import Seller
from app.services.order_desk import Parcel
from tests.factories import a_cart, a_discount, a_variant
from tests.goods import a_download, a_licence, get_free
from tests.planting import a_hold, an_order, breach
from tests.shopping import order_of

LONG_AGO = "'2020-01-01 00:00:00.000000'"
SALE = "INSERT INTO stock_movement (id, variant_id, delta, reason, line_item_id, actor, created_at)"
PAID_ALL = "UPDATE payment SET captured_minor = amount_minor, status = 'CAPTURED'"
PAID_3 = f"{PAID_ALL} WHERE id = 3"
REFUND = (
    "(id, payment_id, key, amount_minor, currency, status, reason, actor, gateway_reference, created_at)"
    f" VALUES (901, 3, 'k', 100, 'GBP', 'QUEUED', '', 'x', '', {LONG_AGO})"
)
EVENT = f"INSERT INTO payment_event (id, gateway, event_id, kind, created_at) VALUES (%s, 'elsewhere', 'e', '', {LONG_AGO})"
ASKED = (
    "INSERT INTO order_request (id, order_id, kind, text, status, answer, answered_by, created_at)"
    f" VALUES (%s, 2, 'return', 'x', 'open', '', '', {LONG_AGO})"
)

IMAGE = (
    "INSERT INTO product_image (product_id, position, alt, key, card_bytes, page_bytes, created_at)"
    f" VALUES (1, 0, 'a', 'k', 1, 1, {LONG_AGO})"
)
# (invariant, constraint to lift first, what to do). Orders 1 and 2 are sold, 3 is on HOLD; variant 2 is sold out. Order 4 yielded
# a code, its line 4, and a file, its line 5. Order 5 has a discount of 100.
BREACHES = [
    ("I1-stock-range", "variant.ck_variant_stock", "UPDATE variant SET held = on_hand + 1 WHERE id = 1"),
    ("I1-stock-range", "variant.ck_variant_stock", "UPDATE variant SET held = -1 WHERE id = 2"),
    ("I2-on-hand", "", "UPDATE variant SET on_hand = on_hand + 1 WHERE id = 1"),
    ("I2-on-hand", "", "DELETE FROM stock_movement WHERE variant_id = 1"),
    ("I3-held", "", "UPDATE variant SET held = held - 1 WHERE id = 1"),
    ("I3-held", "", "UPDATE \"order\" SET status = 'FAILED' WHERE id = 3"),
    ("I4-sales", "", "DELETE FROM stock_movement WHERE line_item_id = 1"),
    ("I4-sales", "", "UPDATE stock_movement SET delta = delta - 1 WHERE line_item_id = 1"),
    ("I4-sales", "", "UPDATE stock_movement SET variant_id = 2 WHERE line_item_id = 1"),
    ("I4-sales", "", f"{SALE} VALUES (901, 1, -3, 'sale', 3, 'x', {LONG_AGO})"),
    ("I4-sales", "", f"{SALE} VALUES (901, 1, 2, 'return', 1, 'x', {LONG_AGO})"),
    ("I4-sales", "", "UPDATE \"order\" SET status = 'CANCELLED' WHERE id = 1"),
    (
        "I4-single-movements",
        "stock_movement.uq_stock_movement_line_item_id_reason",
        f"{SALE} VALUES (901, 1, -2, 'sale', 1, 'x', {LONG_AGO})",
    ),
    ("I4-movements-have-lines", "", "UPDATE stock_movement SET line_item_id = NULL WHERE line_item_id = 1"),
    ("I4-movements-have-lines", "", "UPDATE stock_movement SET reason = 'set' WHERE line_item_id = 1"),
    ("I5-orders-have-lines", "", "DELETE FROM line_item WHERE order_id = 3"),
    ("I5-order-sums", "", 'UPDATE "order" SET total_minor = total_minor + 1 WHERE id = 1'),
    ("I5-order-sums", "", 'UPDATE "order" SET items_minor = items_minor + 1, total_minor = total_minor + 1 WHERE id = 1'),
    ("I5-order-sums", "", 'UPDATE "order" SET tax_minor = tax_minor - 1 WHERE id = 1'),
    (
        "I5-order-sums",
        "",
        'UPDATE "order" SET tax_minor = tax_minor + 1, shipping_tax_minor = shipping_tax_minor + 1 WHERE id = 1',
    ),
    ("I5-order-sums", "", 'UPDATE "order" SET discount_minor = -1, total_minor = total_minor + 1 WHERE id = 1'),
    ("I5-order-sums", "", "UPDATE line_item SET discount_minor = discount_minor + 1 WHERE order_id = 5"),
    ("I5-order-sums", "", 'UPDATE "order" SET discount_minor = 99, total_minor = total_minor + 1 WHERE id = 5'),
    ("I6-line-sums", "", "UPDATE line_item SET tax_minor = tax_minor + 1 WHERE id = 1"),
    ("I6-line-sums", "", "UPDATE line_item SET discount_minor = 60 WHERE order_id = 5"),
    ("I6-line-sums", "", "UPDATE line_item SET discount_minor = -1, tax_minor = tax_minor WHERE order_id = 5"),
    ("I6-line-sums", "", "UPDATE line_item SET discount_minor = 2000, tax_minor = 0 WHERE order_id = 5"),
    ("discounts-have-codes", "", 'UPDATE "order" SET discount_code_id = NULL WHERE id = 5'),
    ("discounts-have-codes", "", "UPDATE \"order\" SET discount_code = '' WHERE id = 5"),
    ("discounts-have-codes", "", 'UPDATE "order" SET discount_minor = 0 WHERE id = 5'),
    ("discounts-have-codes", "", 'UPDATE "order" SET discount_minor = 100 WHERE id = 1'),
    ("discount-uses", "", "UPDATE discount_code SET uses = 0"),
    ("discount-uses", "", "UPDATE discount_code SET uses = 2"),
    ("discount-uses", "", "UPDATE \"order\" SET status = 'CANCELLED' WHERE id = 5"),
    ("I6-line-sums", "", "UPDATE line_item SET tax_rate_bp = 500 WHERE id = 1"),
    ("I6-line-sums", "line_item.ck_line_item_quantity", "UPDATE line_item SET quantity = 0 WHERE id = 1"),
    ("I7-one-currency", "", "UPDATE payment SET currency = 'EUR' WHERE order_id = 1"),
    ("I7-one-currency", "", "UPDATE payment SET amount_minor = 1 WHERE order_id = 1"),
    ("I8-paid", "", "UPDATE payment SET gateway = 'pretend', status = 'PENDING' WHERE order_id = 1"),
    ("I8-paid", "", "DELETE FROM payment WHERE order_id = 1"),
    ("I9-kept", "", f"{PAID_3}; UPDATE \"order\" SET status = 'CANCELLED' WHERE id = 3"),
    ("I9-kept", "", f"UPDATE payment SET order_id = 2 WHERE id = 1; {PAID_ALL}"),
    ("I10-refunds", "", f"{PAID_3}; UPDATE payment SET refunded_minor = 1 WHERE id = 3"),
    (
        "I10-refunds",
        "payment.ck_payment_refunded",
        f"INSERT INTO refund {REFUND}; UPDATE payment SET refunded_minor = 100 WHERE id = 3",
    ),
    ("I10-captured", "", "UPDATE payment SET status = 'CAPTURED' WHERE id = 1"),
    ("I10-captured", "", "UPDATE payment SET captured_minor = amount_minor WHERE id = 1"),
    ("I10-refunds-are-owed", "", f"INSERT INTO refund {REFUND}"),
    ("I11-events", "payment_event.uq_payment_event_gateway_event_id", f"{EVENT % 901}; {EVENT % 902}"),
    ("I12-whole-holds", "", "UPDATE line_item SET variant_id = NULL WHERE order_id = 3"),
    ("I12-whole-holds", "", 'UPDATE "order" SET hold_expires_at = NULL WHERE id = 3'),
    ("I13-one-live-order", "", "DROP INDEX uq_order_live_cart_id; UPDATE \"order\" SET cart_id = 'same'"),
    ("I14-confirmed-once", "", "DELETE FROM outbox_message WHERE dedupe_key = 'order.confirmation:1'"),
    (
        "I14-confirmed-once",
        "outbox_message.uq_outbox_message_dedupe_key",
        "UPDATE outbox_message SET dedupe_key = 'order.confirmation:1' WHERE topic = 'order.confirmation'",
    ),
    (
        "I14-confirmed-once",
        "",
        "UPDATE outbox_message SET dedupe_key = 'order.confirmation:3' WHERE dedupe_key = 'order.confirmation:1'",
    ),
    (
        "I14-confirmations",
        "",
        "UPDATE outbox_message SET dedupe_key = 'order.confirmation:77' WHERE dedupe_key = 'order.confirmation:1'",
    ),
    ("I15-guests", "", 'UPDATE "order" SET account_id = 5 WHERE id = 1'),
    ("I15-one-guest", "", "DROP INDEX uq_customer_guest_email; UPDATE customer SET email = 'same@example.com'"),
    ("I16-paths", "", "UPDATE \"order\" SET status = 'SHIPPED' WHERE id = 1"),
    ("I16-paths", "", "DELETE FROM order_event WHERE order_id = 1"),
    ("I16-paths", "", "DELETE FROM order_event WHERE order_id = 1 AND from_status IS NULL"),
    ("I16-paths", "", "UPDATE order_event SET from_status = 'SHIPPED' WHERE order_id = 1 AND to_status = 'PROCESSING'"),
    (
        "I16-paths",
        "",
        "UPDATE \"order\" SET status = 'REFUNDED' WHERE id = 3;"
        f"INSERT INTO order_event VALUES (3, 'HOLD', 'REFUNDED', 'x', '', 901, {LONG_AGO})",
    ),
    ("I17-messages", "", f"UPDATE outbox_message SET available_at = {LONG_AGO}"),
    ("I17-holds", "", f'UPDATE "order" SET hold_expires_at = {LONG_AGO} WHERE id = 3'),
    ("I18-orphans", "", "DELETE FROM customer WHERE id = 1"),
    ("I18-foreign-keys", "", "DELETE FROM customer WHERE id = 1"),
    ("I19-whole-numbers", "", "UPDATE line_item SET unit_price_minor = 10.5 WHERE id = 1"),
    ("I19-whole-numbers", "", "UPDATE variant SET price_minor = 'many' WHERE id = 1"),
    ("codes-are-their-lines", "", "UPDATE digital_code SET variant_id = 1 WHERE line_item_id = 4"),
    ("codes-are-their-lines", "", "UPDATE digital_code SET line_item_id = 5 WHERE line_item_id = 4"),
    ("codes-are-their-lines", "", "UPDATE line_item SET is_digital = false WHERE id = 4"),
    ("codes-are-their-lines", "", "DELETE FROM order_event WHERE order_id = 4 AND to_status = 'PROCESSING'"),
    ("codes-are-their-lines", "digital_code.ck_digital_code_given", "UPDATE digital_code SET given_at = NULL"),
    ("codes-as-bought", "", f"UPDATE digital_code SET line_item_id = 4, given_at = {LONG_AGO}"),
    ("downloads-were-sold", "", "UPDATE download SET line_item_id = 3"),
    ("downloads-were-sold", "", "UPDATE line_item SET is_digital = false WHERE id = 5"),
    ("downloads-are-counted", "download.ck_download_fetched", "UPDATE download SET fetched = most + 1"),
    ("downloads-are-counted", "download.ck_download_fetched", "UPDATE download SET fetched = -1"),
    ("invoices-without-gaps", "", "UPDATE invoice SET number = 2"),
    ("invoices-are-of-sales", "", "UPDATE invoice SET order_id = 3"),
    ("one-open-request", "", f"DROP INDEX uq_order_request_open; {ASKED % 901}; {ASKED % 902}"),
    ("shipments-are-told", "", "DELETE FROM outbox_message WHERE topic = 'order.shipped'"),
    ("shipments-are-told", "", "UPDATE shipment SET order_id = 1"),
    ("alerts-are-told", "", "DELETE FROM outbox_message WHERE topic = 'stock.alert'"),
    ("cards-are-true", "", "UPDATE product SET price_minor = 1 WHERE id = 1"),
    ("cards-are-true", "", "UPDATE product SET lead_variant_id = NULL WHERE id = 1"),
    ("cards-are-true", "", "UPDATE product SET is_listed = true WHERE id = 2"),
    ("pictures-are-true", "", "UPDATE product SET picture = 'x' WHERE id = 1"),
    ("pictures-are-true", "", IMAGE),
    ("pictures-are-whole", "", f"{IMAGE};UPDATE product SET picture = 'k' WHERE id = 1"),
    ("listed-is-there", "", "UPDATE variant SET is_listed = true WHERE id = 2"),
]


@pytest.fixture
def busy_shop(app_context: object, monkeypatch: pytest.MonkeyPatch) -> None:
    beans, mugs = a_variant("BEANS"), a_variant("MUG", on_hand=1, price_minor=799)
    an_order(beans, 2)
    an_order(mugs, 1, email="alice@example.com")
    a_hold(monkeypatch, beans, 3)
    get_free((a_licence("A", "B"), 1), (a_download(), 1))
    a_discount()
    order_of(a_cart((beans, 1)), code="SUMMER10")
    order_desk.ship(2, Parcel("Post"), actor="cli")
    invoices.issue(2, Seller("Till", "", "", ""), actor="cli")


def test_a_busy_shop_breaks_nothing(busy_shop):
    assert invariants.broken(worker_since=now() - timedelta(days=1)) == []


@pytest.mark.breaks_invariants
@pytest.mark.parametrize(("name", "without", "statements"), BREACHES, ids=[f"{row[0]}-{n}" for n, row in enumerate(BREACHES)])
def test_a_planted_breach_is_found(name, without, statements, busy_shop):
    only = next(invariant.only for invariant in invariants.INVARIANTS if invariant.name == name)
    if only not in ("", db.engine.dialect.name):
        return

    breach(*statements.split(";"), without=without)
    found = {breach.name: breach for breach in invariants.broken(worker_since=now() - timedelta(days=1))}

    assert found[name].rows


def test_every_invariant_has_a_planted_breach():
    assert {name for name, _, _ in BREACHES} == {invariant.name for invariant in invariants.INVARIANTS}


@pytest.mark.breaks_invariants
def test_only_so_many_rows_are_told(busy_shop, monkeypatch):
    monkeypatch.setattr(invariants, "MOST_ROWS", 1)
    breach("UPDATE product SET price_minor = 1")

    [found] = invariants.broken()

    assert (len(found.rows), found.has_more) == (1, True)


def test_holds_may_outlive_their_time_while_no_worker_has_had_the_time(app_context, monkeypatch):
    a_hold(monkeypatch, a_variant(), minutes=-5)

    assert [found.name for found in invariants.broken(worker_since=now() - timedelta(seconds=10))] == []
    assert [found.name for found in invariants.broken(worker_since=now() - timedelta(minutes=2))] == ["I17-holds"]


@pytest.mark.breaks_invariants
@pytest.mark.parametrize("rate", [0, 1, 500, 700, 2000, 2500, 3333])
def test_tax_is_the_same_in_sql_as_in_python(rate, app: Flask, busy_shop):

    grosses = [*range(60), 999, 1000, 10**12 - 1]
    rows = [
        f"({100 + n}, 1, 9, 'X', 'X', '', {gross}, 1, {rate}, {money.tax_inside(gross, rate)}, false, {LONG_AGO})"
        for n, gross in enumerate(grosses)
    ]
    columns = (
        "id, order_id, position, sku, name, options, unit_price_minor, quantity, tax_rate_bp, tax_minor, is_digital, created_at"
    )
    breach(f"INSERT INTO line_item ({columns}) VALUES {', '.join(rows)}")

    assert "I6-line-sums" not in {found.name for found in invariants.broken()}


def test_reading_the_invariants_writes_nothing_and_locks_nobody_out(app_context):
    variant = a_variant()

    looking = invariants.check()
    next(looking)
    an_order(variant)

    assert all(found is None for _, found in looking)
