"""Invoices: one for each sold order, numbered without gaps, and adding up."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask

from app.extensions import db
from app.services import cancelling, invoices, refunds, shop
from app.services.errors import NotFound
from app.services.invoices import NotSold, Seller
from tests.desk import SELLER, numbers, paid, to_pack
from tests.factories import a_discount, a_guide, a_variant
from tests.goods import get_free
from tests.planting import a_hold
from tests.staff import trail

pytestmark = pytest.mark.usefixtures("app_context")


def issue(order_id: int) -> int:
    return invoices.issue(order_id, SELLER, actor="cli")


def the_sheet(order_id: int) -> invoices.Sheet:
    db.session.rollback()
    [sheet] = invoices.invoices([order_id])
    return sheet


def test_numbers_follow_each_other_and_stay():
    item = a_variant(on_hand=20)
    first, second = to_pack(item), to_pack(item)

    assert [issue(second), issue(first), issue(second)] == [1, 2, 1]
    assert trail() == [("invoice issued", f"order:{first}"), ("invoice issued", f"order:{second}")]


def test_twenty_at_once_leave_no_gap(app: Flask):
    item = a_variant(on_hand=50)
    ids = [to_pack(item) for _ in range(20)]
    at_once(app, [*ids, *ids[:5]])

    assert numbers() == list(range(1, 21))


def at_once(app: Flask, ids: list[int]) -> list[int]:
    barrier = Barrier(len(ids))

    def one(order_id: int) -> int:
        with app.app_context():
            barrier.wait(10)
            return issue(order_id)

    db.session.remove()
    with ThreadPoolExecutor(len(ids)) as threads:
        return list(threads.map(one, ids))


def test_a_number_that_was_not_kept_is_given_again(monkeypatch):
    item = a_variant(on_hand=20)
    first, second = to_pack(item), to_pack(item)
    issue(first)

    with monkeypatch.context() as broken, pytest.raises(RuntimeError):
        broken.setattr(invoices.audit, "note", lambda *given: (_ for _ in ()).throw(RuntimeError))
        issue(second)

    assert (issue(second), numbers()) == (2, [1, 2])


def test_what_was_not_sold_has_none(monkeypatch):
    item = a_variant(on_hand=20)
    held, gone = a_hold(monkeypatch, item), to_pack(item)
    cancelling.cancel(gone, actor="cli", reason="x")

    for order_id in (held, gone):
        with pytest.raises(NotSold):
            issue(order_id)
    with pytest.raises(NotFound):
        issue(77)


def test_what_was_refunded_keeps_its_own(monkeypatch):
    order_id = paid(monkeypatch)
    issue(order_id)
    refunds.refund(order_id, 500, reason="x", actor="cli")
    refunds.refund(order_id, None, reason="x", actor="cli")
    refunds.send(1)

    assert issue(order_id) == 1
    assert [row.amount_minor for row in the_sheet(order_id).refunds] == [500]  # the other is promised, not sent
    refunds.send(2)
    assert the_sheet(order_id).back_minor == 2395


def test_the_seller_is_who_they_were_that_day():
    order_id = to_pack()
    issue(order_id)

    invoices.issue(order_id, Seller("Other", "Elsewhere", "", "X"), actor="cli")

    invoice = the_sheet(order_id).invoice
    assert (invoice.name, invoice.seller, invoice.seller_address, invoice.vat_number) == (
        "INV-1",
        "Till Ltd",
        "1 High Street\nLondon",
        "GB 123",
    )


def test_a_company_without_a_name_is_called_as_its_shop(app: Flask):
    assert Seller.of(shop.current(app.config)) == Seller("Till Coffee", "", "", "")


def test_the_sums_of_the_rates_are_the_orders(app: Flask):
    order_id = to_pack(a_variant(price_minor=999), 3)
    issue(order_id)

    sheet = the_sheet(order_id)

    assert sum(rate.gross_minor for rate in sheet.rates) == sheet.order.total_minor
    assert sum(rate.tax_minor for rate in sheet.rates) == sheet.order.tax_minor
    assert all(rate.net_minor + rate.tax_minor == rate.gross_minor for rate in sheet.rates)


def test_many_are_issued_each_by_itself(monkeypatch):
    item = a_variant(on_hand=20)
    first, held, second = to_pack(item), a_hold(monkeypatch, item), to_pack(item)

    refused = invoices.issue_many([first, held, second, first], SELLER, actor="cli")

    assert (list(refused), numbers()) == (["10002"], [1, 2])
    assert [sheet.order.id for sheet in invoices.invoices([first, held, second])] == [first, second]


def test_slips_are_of_what_is_sold_and_sent(monkeypatch):
    item = a_variant(on_hand=20)
    parcel, mailed = to_pack(item), get_free((a_guide(), 1))
    unpaid, gone = a_hold(monkeypatch, item), to_pack(item)
    cancelling.cancel(gone, actor="cli", reason="x")

    [slip] = invoices.slips([gone, unpaid, mailed, parcel])

    assert (slip.order.id, slip.invoice, slip.address[-1]) == (parcel, None, "United Kingdom")


def test_a_discount_is_in_the_sums_of_the_rates():
    a_discount(percent=15)
    order_id = to_pack(quantity=3, code="SUMMER10")
    issue(order_id)

    sheet = the_sheet(order_id)

    assert sheet.order.discount_minor == 450
    assert sum(rate.gross_minor for rate in sheet.rates) == sheet.order.total_minor
    assert sum(rate.tax_minor for rate in sheet.rates) == sheet.order.tax_minor
