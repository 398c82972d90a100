"""The table: what can become of a payment, at every provider, at every door: the page without a script, htmx, and a program.

Each row says how orders, payments, stock, the outbox and the provider's books stand in the end; the fixture adds that those books
agree with ours, and that the shop's invariants hold. Of the ways in which a provider's answer may be bad the page is played with
all, the other doors with those that differ to them.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest

from app.gateways import http
from app.services import outbox, refunds, settling, stock
from app.services.refunds import RefundTooLarge
from tests.paying import refunds as refund_rows, shelf, the_payments
from tests.payments.doors import DOORS, Page
from tests.payments.shop import CONFIRMED, SKU, Shop
from tests.payments.tellers import TELLERS, WRONG
from tests.shopping import orders

NO_WEBHOOKS = {"zarinpal": "Zarinpal sends no webhooks; its worker's rows take their place"}
TROUBLES = ("drop", "hang", "garbage", "html", "error500", "busy", "odd")
ANYWHERE = ("drop", "hang")  # those of them that each door is played with
HANG_SECONDS = 0.8  # the shop's patience, shortened for what hangs
AFTER_A_REFUND = [CONFIRMED, "order.refunded", "payment.refund"]
SENT_BACK = ["order.refunded", "payment.expired", "payment.problem", "payment.refund"]


def rows(*doors: str, without: Mapping[str, str] = {}) -> list[Any]:
    """One for each provider at these doors, but for those that cannot have it, of which `without` says why."""
    return [pytest.param((name, door), id=f"{name}-{door}") for name in TELLERS if name not in without for door in doors]


def at(*doors: str, without: Mapping[str, str] = {}) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("where", rows(*doors, without=without), indirect=True)


at_every_door = at(*DOORS)
where_webhooks_are = at(*DOORS, without=NO_WEBHOOKS)
at_zarinpal = pytest.mark.parametrize("where", [("zarinpal", door) for door in DOORS], indirect=True)


# ------------------------------------------------------------------------------------------------ the shopper


@at_every_door
def test_whoever_pays_is_thanked(shop):
    reference = shop.order()
    assert (shop.stands(), shop.door.has_cart()) == (shop.waiting(), True)
    shop.teller.approve(reference)

    shop.come_back()

    shop.assert_thanked()
    assert shop.stands() == shop.paid()


@at_every_door
def test_whoever_is_declined_keeps_cart_and_order_and_may_pay_again(shop):
    shop.teller.decline(shop.order())

    shop.come_back()

    shop.assert_may_pay("The payment was declined")
    assert shop.stands() == shop.waiting(orders=["FAILED"], payments=["FAILED"], stock=(5, 0))

    again = shop.order()
    assert shop.stands() == shop.waiting(orders=["FAILED", "HOLD"], payments=["FAILED", "PENDING"])
    shop.teller.approve(again)
    shop.come_back()
    shop.assert_thanked()
    assert shop.stands() == shop.paid(orders=["FAILED", "PROCESSING"], payments=["FAILED", "CAPTURED"])


@at_every_door
def test_whoever_gives_up_keeps_cart_and_order_and_is_led_to_the_same_payment(shop):
    reference = shop.order()

    shop.give_up()

    shop.assert_may_pay("You have not paid yet")
    assert shop.stands() == shop.waiting()

    assert shop.order() == reference
    shop.teller.approve(reference)
    shop.come_back()
    shop.assert_thanked()
    assert shop.stands() == shop.paid()


@at_every_door
def test_whoever_closes_the_tab_has_bought_all_the_same(shop):
    shop.teller.approve(shop.order())

    shop.tell()

    assert shop.stands() == shop.paid()
    shop.door.browser.get("/")
    assert not shop.door.has_cart()


def troubles(shop: Shop, *, lost: str) -> list[tuple[str, str]]:
    """(trouble, word of the path that has it), the last of which loses the answer to what was done."""
    names = TROUBLES if type(shop.door) is Page else ANYWHERE
    return [*((name, "") for name in names), ("lose", lost)]


@at_every_door
def test_a_provider_in_trouble_at_the_start_costs_nobody_anything(shop, monkeypatch):
    failed = 0
    for trouble, where in troubles(shop, lost=shop.teller.at_start):
        began = time.monotonic()
        with shop.teller.troubled(trouble, where), monkeypatch.context() as patch:
            if trouble == "hang":
                patch.setattr(http, "CONVERSATION_SECONDS", HANG_SECONDS)
            answer = shop.try_to_order()

        failed += 1
        assert (answer.status, answer.leads_to, shop.door.keeps_everything()) == (503, "", True), trouble
        assert time.monotonic() - began < 10, trouble
        nothing = shop.waiting(orders=["FAILED"] * failed, payments=["FAILED"] * failed, stock=(5, 0))
        assert shop.stands() == nothing, trouble

    shop.teller.approve(shop.order())
    shop.come_back()
    shop.assert_thanked()
    assert shop.stands() == shop.paid(orders=["FAILED"] * failed + ["PROCESSING"], payments=["FAILED"] * failed + ["CAPTURED"])


@at_every_door
def test_a_provider_in_trouble_at_the_return_is_asked_again(shop, monkeypatch):
    shop.teller.approve(shop.order())
    for trouble, where in troubles(shop, lost=shop.teller.at_return):
        with shop.teller.troubled(trouble, where), monkeypatch.context() as patch:
            if trouble == "hang":
                patch.setattr(http, "CONVERSATION_SECONDS", HANG_SECONDS)
            shop.come_back()

        shop.assert_checked()
        assert [order.status for order in orders()] == ["HOLD"], trouble

    shop.door.look_again()
    shop.assert_thanked()
    assert shop.stands() == shop.paid()


# ------------------------------------------------------------------------------------------------ who comes first


@at_every_door
def test_what_nobody_tells_of_the_worker_finds(shop):
    """Approved, and then neither shopper nor webhook came: PayPal and Zarinpal have taken nothing yet."""
    shop.teller.approve(shop.order())
    assert shop.teller.kept() == (shop.total if shop.teller.takes_at_once else 0)

    shop.work()

    assert shop.stands() == shop.paid()


@at(*DOORS, without={"zarinpal": "Zarinpal sends no webhooks: the next row is what happens there"})
def test_a_webhook_finds_the_payment_whose_reference_was_never_written(shop):
    reference = shop.order()
    shop.teller.approve(reference)
    shop.lose_reference()

    assert shop.hear(reference=reference) == 200

    assert shop.reference == reference
    assert shop.stands() == shop.paid()


@at_zarinpal
def test_what_zarinpal_was_told_and_we_forgot_is_never_taken(shop):
    """Whose verification nobody asks for, Zarinpal gives back by itself; its shopper pays once more."""
    reference = shop.order()
    shop.teller.approve(reference)
    back = shop.teller.return_url(reference)
    shop.lose_reference()

    shop.door.browser.get(back)
    shop.work()

    assert shop.stands() == shop.waiting(payments=["CREATED"])
    shop.teller.approve(shop.order())
    shop.come_back()
    assert shop.stands() == shop.paid()


@where_webhooks_are
def test_a_webhook_after_the_return_changes_nothing(shop):
    shop.teller.approve(shop.order())
    shop.come_back()

    assert shop.hear() == 200

    assert (shop.stands(), shop.events()) == (shop.paid(), 1)


@where_webhooks_are
def test_a_return_after_the_webhook_is_thanked(shop):
    shop.teller.approve(shop.order())
    assert shop.hear() == 200

    shop.come_back()

    shop.assert_thanked()
    assert shop.stands() == shop.paid()


@at_every_door
def test_return_webhook_and_worker_at_once_are_one_sale(shop):
    shop.teller.approve(shop.order())
    payment, url = the_payments()[0].id, shop.teller.return_url(shop.reference)
    told = [shop.teller.webhook(shop.teller.tells, shop.reference) for _ in range(2) if shop.teller.tells]

    returns = [partial(shop.ask, "GET", url)] * 3
    webhooks = [partial(shop.post, each.path, each.body, each.headers) for each in told]
    rounds: list[Callable[[], object]] = [lambda: settling.settle(payment, shelf())] * 2
    shop.at_once([*returns, *webhooks, *rounds])

    shop.work()
    assert shop.stands() == shop.paid()


@where_webhooks_are
def test_a_hundred_webhooks_are_one(shop):
    shop.teller.approve(shop.order())
    told = shop.teller.webhook(shop.teller.tells, shop.reference, id="evt_same")

    def five_times() -> list[int]:
        return [shop.post(told.path, told.body, told.headers) for _ in range(5)]

    statuses = [status for each in shop.at_once([five_times] * 20) for status in each]

    assert statuses == [200] * 100
    shop.work()
    assert (shop.stands(), shop.events()) == (shop.paid(), 1)


# ------------------------------------------------------------------------------------------------ money too late, or twice


@at_every_door
def test_money_that_comes_late_still_buys_what_is_there(shop):
    reference = shop.order()
    shop.let_it_expire()
    assert shop.stands() == shop.waiting(orders=["CANCELLED"], payments=["EXPIRED"], stock=(5, 0), owed=["payment.expired"])
    shop.teller.approve(reference)

    shop.tell()

    assert shop.stands() == shop.paid(owed=[CONFIRMED, "payment.expired"])


@at_every_door
def test_money_that_comes_too_late_goes_back(shop):
    reference = shop.order()
    shop.let_it_expire()
    stock.set_levels([(SKU, 1)], actor="test")
    shop.teller.approve(reference)

    shop.tell()
    for _ in range(2):
        shop.work()

    gone = shop.waiting(orders=["CANCELLED"], payments=["REFUNDED"], stock=(1, 0), owed=SENT_BACK)
    assert (shop.stands(), shop.teller.refunds(reference)) == (gone, [shop.total])
    assert "sold before the money came" in the_payments()[0].problem


@at_every_door
def test_a_second_payment_goes_back_or_is_not_taken(shop):
    first, second = shop.order(), shop.pay_again()
    shop.teller.approve(first)
    shop.teller.approve(second)

    shop.come_back(second)
    shop.tell(first)
    for _ in range(2):
        shop.work()

    if shop.teller.takes_at_once:
        owed = sorted([*AFTER_A_REFUND, "payment.problem"])
        assert shop.stands() == shop.paid(payments=["REFUNDED", "CAPTURED"], owed=owed)
        assert (shop.teller.refunds(first), shop.teller.refunds(second)) == ([shop.total], [])
    else:
        assert shop.stands() == shop.paid(payments=["CANCELLED", "CAPTURED"])
        assert shop.teller.refunds(first) == shop.teller.refunds(second) == []


@at_every_door
def test_two_payments_at_once_buy_once_and_keep_one(shop):
    first, second = shop.order(), shop.pay_again()
    shop.teller.approve(first)
    shop.teller.approve(second)
    ids = [payment.id for payment in the_payments()]

    shop.at_once([partial(settling.settle, each, shelf()) for each in ids * 2])
    for _ in range(2):
        shop.work()

    there = shop.stands()
    assert (there.orders, there.stock, there.kept, there.owed.count(CONFIRMED)) == (["PROCESSING"], (3, 0), shop.total, 1)
    assert sorted(there.payments) in (["CAPTURED", "REFUNDED"], ["CANCELLED", "CAPTURED"])
    back = [*shop.teller.refunds(first), *shop.teller.refunds(second)]
    assert back == [shop.total] * there.payments.count("REFUNDED")


# ------------------------------------------------------------------------------------------------ what is not as we asked

ONLY_AMOUNT = {"zarinpal": "Zarinpal says nothing but whether this amount was paid"}


@pytest.mark.parametrize(
    ("where", "what"),
    [
        pytest.param(*row.values, what, id=f"{row.id}-{what}", marks=row.marks)
        for what in WRONG
        for row in rows(*DOORS, without={} if what == "amount" else ONLY_AMOUNT)
    ],
    indirect=["where"],
)
def test_what_differs_from_what_we_asked_is_never_paid(shop, what):
    shop.is_at_odds = True
    shop.teller.pay_wrongly(shop.order(), what)

    shop.come_back()
    if what != "reference":  # a webhook of another reference is about another payment
        shop.tell()
    shop.work()

    assert "cannot be matched" in shop.door.browser.text and shop.door.has_cart()
    there = shop.stands()
    assert there == shop.waiting(payments=["MISMATCH"], owed=["payment.problem"], kept=there.kept)
    assert (shop.ours(), what.split()[0] in the_payments()[0].problem) == (0, True)

    shop.let_it_expire()
    assert shop.stands().orders == ["CANCELLED"]


@where_webhooks_are
def test_what_the_provider_did_not_sign_lately_is_refused_and_not_kept(shop):
    shop.teller.approve(shop.order())

    assert shop.hear(forged=True) == 400
    assert shop.hear(age=shop.teller.stale_seconds) == 400

    assert (shop.stands(), shop.events()) == (shop.waiting(kept=shop.teller.kept()), 0)


@at_zarinpal
def test_nothing_that_is_sent_in_zarinpals_name_is_believed(shop):
    reference = shop.order()
    shop.teller.approve(reference)

    assert shop.post("/webhooks/zarinpal", b'{"Authority": "%s", "Status": "OK"}' % reference.encode(), {}) == 400

    assert (shop.stands(), shop.events()) == (shop.waiting(), 0)


# ------------------------------------------------------------------------------------------------ money back


@pytest.fixture
def sold(shop: Shop) -> str:
    """The reference of a payment whose shopper paid."""
    reference = shop.order()
    shop.teller.approve(reference)
    shop.come_back()
    return reference


def send_back(shop: Shop, minor: int | None = None) -> int | None:
    """How much goes back; None when the shop refuses."""
    try:
        return refunds.refund(orders()[-1].id, minor, reason="test", actor="staff")
    except RefundTooLarge:
        return None


@at_every_door
def test_a_whole_refund_reaches_the_provider(shop, sold):
    send_back(shop)
    shop.work()

    back = shop.paid(orders=["REFUNDED"], payments=["REFUNDED"], owed=AFTER_A_REFUND, kept=0)
    assert (shop.stands(), shop.teller.refunds(sold)) == (back, [shop.total])


@at(*DOORS, without={"zarinpal": "Zarinpal sends back whole payments only: see the next row"})
def test_parts_reach_the_provider_one_by_one(shop, sold):
    send_back(shop, 500)
    shop.work()
    part = shop.paid(payments=["PARTIALLY_REFUNDED"], owed=AFTER_A_REFUND, kept=shop.total - 500)
    assert (shop.stands(), shop.teller.refunds(sold)) == (part, [500])

    send_back(shop)
    shop.work()

    there = shop.stands()
    assert (there.orders, there.payments, there.kept) == (["REFUNDED"], ["REFUNDED"], 0)
    assert shop.teller.refunds(sold) == [500, shop.total - 500]


@at_zarinpal
def test_a_part_that_zarinpal_does_not_send_is_for_people_to_send(shop, sold):
    send_back(shop, 500_000)
    shop.work()

    assert shop.stands() == shop.paid(owed=[CONFIRMED, "payment.problem", "payment.refund"])
    assert (shop.teller.refunds(sold), refund_rows()) == ([], [(500_000, "REFUSED")])


@at_every_door
def test_two_refunds_at_once_send_back_no_more_than_came(shop, sold):
    wanted = shop.total * 3 // 5 if shop.teller.sends_parts else None

    sent = shop.at_once([partial(send_back, shop, wanted)] * 2)
    shop.at_once([shop.work] * 2)
    shop.work()

    assert sorted(sent, key=str) == [wanted or shop.total, None]
    assert shop.teller.refunds(sold) == [wanted or shop.total]
    assert shop.teller.kept() == shop.total - (wanted or shop.total)


@at_every_door
def test_a_refund_whose_answer_was_lost_is_sent_once(shop, sold):
    send_back(shop)
    with shop.teller.troubled("lose", shop.teller.at_refund), pytest.raises(AssertionError, match="failed"):
        shop.work()
    assert refund_rows() == [(shop.total, "QUEUED")]

    outbox.retry([message["id"] for message in outbox.messages() if message["topic"] == "payment.refund"])
    shop.at_once([shop.work] * 2)
    shop.work()

    assert (shop.teller.refunds(sold), refund_rows()) == ([shop.total], [(shop.total, "DONE")])


@where_webhooks_are
def test_what_people_send_back_at_the_provider_is_seen(shop, sold):
    shop.teller.refund(sold, shop.total)

    for _ in range(2):
        assert shop.hear("refunded") == 200

    owed = [CONFIRMED, "order.refunded"]
    assert shop.stands() == shop.paid(orders=["REFUNDED"], payments=["REFUNDED"], owed=owed, kept=0)
