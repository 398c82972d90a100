"""Digital goods: yielded once and whole, never the same code twice; what is short is owed, and told to the staff."""

import re
import threading
from datetime import timedelta

import pytest
from flask import current_app
from sqlalchemy import select, update

from app.cli.shop import rounds
from app.extensions import db, now, transaction
from app.models.catalog import Variant
from app.models.digital import DigitalCode
from app.models.order import Order, OrderStatus
from app.models.outbox import OutboxMessage
from app.services import digital, errands, orders, stock
from app.services.digital import BadName, CodesShort, NameTaken, NotDigital
from app.services.errors import BadFile, NotFound
from tests import driver
from tests.factories import a_cart, a_guide, a_redirect_method, a_variant
from tests.goods import (
    a_download,
    a_file,
    a_licence,
    add_codes,
    codes_of,
    downloads,
    fulfil,
    get_free,
    given,
    messages,
    order_unpaid,
    pay,
    shelf,
    yielded,
)
from tests.shopping import alerts, level, order_of, the_order

pytestmark = pytest.mark.usefixtures("app_context")


def work() -> None:
    """One turn of the worker."""
    for go in rounds():
        go()


def status() -> str:
    return the_order().status


def move(order_id: int, to: OrderStatus) -> None:
    with transaction() as t:
        assert orders.move(t, order_id, to, actor="test")


# ------------------------------------------------------------------------------------------------ yielding


def test_what_costs_nothing_yields_its_file_at_once():
    order_id = get_free((a_download(), 2))

    [download] = downloads()
    [line] = yielded(order_id)
    assert re.fullmatch("[0-9a-f]{32}", download.key)
    assert (download.file, download.fetched, download.most) == ("guide.pdf", 0, 20)  # ten for each that was bought
    assert timedelta(days=29) < download.expires_at - now() <= timedelta(days=30)
    assert (line.name, line.link.file, line.link.left, line.link.size) == ("Brewing Guide", "guide.pdf", 20, 1400)


def test_the_oldest_codes_go_first_one_for_each_that_was_bought():
    item = a_licence("A", "B", "C", "D")

    first, second = get_free((item, 1)), get_free((item, 2))

    assert (codes_of(first), codes_of(second), given()) == (["A"], ["B", "C"], ["A", "B", "C"])


def test_a_file_and_codes_may_come_together():
    item = a_licence("A")
    digital.set_file("LICENCE", a_file("program.zip"), shelf())

    [line] = yielded(get_free((item, 1)))

    assert (line.link.file, line.codes) == ("program.zip", ["A"])


def test_each_line_yields_its_own():
    order_id = get_free((a_licence("L", sku="ONE"), 1), (a_download(), 1), (a_licence("M", sku="TWO"), 1))

    assert [(bool(line.link), line.codes) for line in yielded(order_id)] == [(False, ["L"]), (True, []), (False, ["M"])]


def test_nothing_is_yielded_twice():
    order_id = get_free((a_download(), 1), (a_licence("A", "B"), 1))

    assert fulfil(order_id) == {}

    assert (len(downloads()), given()) == (1, ["A"])
    assert messages("digital.delivered") == []


def test_what_has_neither_file_nor_codes_yields_nothing():
    order_id = get_free((a_guide(), 1))

    assert yielded(order_id) == []


def test_what_is_to_be_paid_yields_nothing_yet():
    order_id = order_unpaid((a_download(price_minor=500), 1))

    assert (status(), yielded(order_id)) == ("PROCESSING", [])


def test_an_order_on_hold_yields_nothing_whoever_asks(monkeypatch):
    method = a_redirect_method(monkeypatch)
    cart = a_cart((a_download(price_minor=500), 1))
    placed = order_of(cart, contact_address=None, shipping_id=None, payment_id=method, shelf=shelf())

    assert fulfil(placed.order_id) == {}

    assert (status(), downloads()) == ("HOLD", [])


def test_an_order_without_digital_lines_asks_nothing_of_digital_goods():
    item, asked = a_variant(), []

    with driver.listening(db.engine, after=asked.append):
        order_of(a_cart((item, 1)), shelf=shelf())

    assert asked
    assert [sql for sql in asked if "digital_code" in sql or "download" in sql] == []


def test_a_revoked_order_keeps_its_codes_and_loses_its_links():
    order_id = get_free((a_download(), 1), (a_licence("A"), 1))

    with transaction() as t:
        assert digital.revoke(t, order_id) == 1
        assert digital.revoke(t, order_id) == 0
    fulfil(order_id)

    assert [(line.link and line.link.address, line.codes) for line in yielded(order_id)] == [("", []), (None, ["A"])]


def test_other_orders_links_stay_open():
    item = a_download()
    first, second = get_free((item, 1)), get_free((item, 1), email="other@example.com")

    with transaction() as t:
        digital.revoke(t, first)

    assert [bool(yielded(order_id)[0].link.address) for order_id in (first, second)] == [False, True]


# ------------------------------------------------------------------------------------------------ codes that are short


def test_what_codes_there_are_is_given_and_the_rest_is_owed():
    order_id = get_free((a_licence("A", "B"), 5))

    [line] = yielded(order_id)
    [message] = messages("digital.codes")
    assert (line.codes, line.owed) == (["A", "B"], 3)
    assert (message.dedupe_key, message.payload) == (f"digital.codes:{order_id}", {"order_id": order_id})


def test_staff_read_what_is_missing():
    order_id = get_free((a_licence("A"), 3))
    fulfil(order_id)

    work()

    [message] = messages("digital.codes")
    assert (message.attempts, message.done_at) == (1, None)
    assert (
        message.last_error
        == "CodesShort: Order 10001 waits for codes of LICENCE, 2 in number. Add some: flask digital codes LICENCE FILE."
    )


def test_added_codes_are_given_at_once_and_mailed_once():
    order_id = get_free((a_licence("A"), 3))
    work()
    with transaction() as t:
        t.execute(update(OutboxMessage).where(OutboxMessage.topic == "digital.codes").values(is_dead=True, attempts=12))

    add_codes("LICENCE", "B", "C", "D")
    work(), work(), work()

    [told] = messages("digital.delivered")
    assert (codes_of(order_id), given()) == (["A", "B", "C"], ["A", "B", "C"])
    assert (messages("digital.codes")[0].done_at is not None, told.done_at is not None) == (True, True)


def test_too_few_added_codes_are_given_as_far_as_they_go():
    order_id = get_free((a_licence("A"), 4))
    work()

    add_codes("LICENCE", "B")
    with pytest.raises(CodesShort, match="LICENCE, 2 in number"):
        digital.give_owed(order_id, shelf())
    add_codes("LICENCE", "C", "D")
    digital.give_owed(order_id, shelf())

    assert codes_of(order_id) == ["A", "B", "C", "D"]
    assert len({message.dedupe_key for message in messages("digital.delivered")}) == 2


def test_codes_of_one_variant_hurry_no_order_of_another():
    get_free((a_licence("A", sku="ONE"), 2))
    work()
    before = messages("digital.codes")[0].available_at
    a_licence("X", sku="TWO")

    assert messages("digital.codes")[0].available_at == before


def test_an_order_that_was_undone_is_owed_nothing_more():
    order_id = get_free((a_licence("A"), 2))
    work()
    move(order_id, OrderStatus.REFUNDED)

    add_codes("LICENCE", "B")
    work()

    assert (given(), messages("digital.codes")[0].done_at is not None) == (["A"], True)


def test_buyers_at_once_never_get_the_same_code():
    item = a_licence(*(f"CODE-{n}" for n in range(5)), on_hand=20)
    app, start, failures = current_app._get_current_object(), threading.Barrier(20), []

    def buy(number: int) -> None:
        with app.app_context():
            start.wait()
            try:
                get_free((item, 1), email=f"buyer{number}@example.com")
            except Exception as error:
                failures.append(error)
            finally:
                db.session.remove()

    buyers = [threading.Thread(target=buy, args=(number,)) for number in range(20)]
    for each in buyers:
        each.start()
    for each in buyers:
        each.join()

    db.session.rollback()
    holders = db.session.execute(select(DigitalCode.line_item_id).where(DigitalCode.line_item_id.is_not(None))).scalars().all()
    assert failures == []
    assert (len(holders), len(set(holders)), len(messages("digital.codes"))) == (5, 5, 15)


def test_two_fulfilments_at_once_give_one_order_its_codes_once():
    order_id = order_unpaid((a_licence(*"ABCDEFGH", price_minor=500), 2), (a_download(price_minor=500), 1))
    app, start, failures = current_app._get_current_object(), threading.Barrier(4), []

    def again() -> None:
        with app.app_context():
            start.wait()
            try:
                fulfil(order_id)
            except Exception as error:
                failures.append(error)
            finally:
                db.session.remove()

    hands = [threading.Thread(target=again) for _ in range(4)]
    for each in hands:
        each.start()
    for each in hands:
        each.join()

    assert (failures, len(given()), len(downloads())) == ([], 2, 1)


# ------------------------------------------------------------------------------------------------ the mail that tells


def test_the_confirmation_that_is_not_written_yet_says_it():
    get_free((a_download(), 1))

    assert messages("digital.delivered") == []


def test_after_the_confirmation_there_is_a_mail_of_its_own():
    order_id = order_unpaid((a_download(price_minor=500), 1))
    errands.claim()

    fulfil(order_id), fulfil(order_id)

    [message] = messages("digital.delivered")
    assert (message.dedupe_key, message.payload) == (f"digital.delivered:{order_id}:1", {"order_id": order_id})


@pytest.mark.parametrize("values", [{"is_dead": True}, {"done_at": now()}])
def test_a_confirmation_that_will_not_be_written_says_nothing(values):
    order_id = order_unpaid((a_download(price_minor=500), 1))
    with transaction() as t:
        t.execute(update(OutboxMessage).values(**values))

    fulfil(order_id)

    assert len(messages("digital.delivered")) == 1


# ------------------------------------------------------------------------------------------------ completing


def test_the_worker_completes_what_has_nothing_to_send():
    get_free((a_download(), 1), (a_licence("A"), 1), (a_guide("MAILED-BY-HAND"), 1))

    work()

    event = the_order().events[-1]
    assert (status(), event.actor, event.reason) == ("COMPLETED", "worker", "delivered by e-mail")
    assert digital.complete_digital(shelf()) == 0


def test_an_order_that_is_owed_codes_is_not_complete():
    order_id = get_free((a_licence("A"), 2))

    assert (digital.complete_digital(shelf()), status()) == (0, "PROCESSING")

    add_codes("LICENCE", "B")
    work(), work()

    assert (codes_of(order_id), status()) == (["A", "B"], "COMPLETED")


def test_an_order_that_is_not_paid_is_not_complete_and_yields_nothing():
    order_id = order_unpaid((a_download(price_minor=500), 1))

    assert (digital.complete_digital(shelf()), status(), downloads()) == (0, "PROCESSING", [])

    pay(order_id)

    assert (digital.complete_digital(shelf()), status(), len(downloads())) == (1, "COMPLETED", 1)


def test_an_order_with_a_parcel_is_left_to_people():
    order_of(a_cart((a_download(), 1), (a_variant(), 1)), shelf=shelf())
    pay(the_order().id)

    assert (digital.complete_digital(shelf()), status()) == (0, "PROCESSING")


def test_what_an_older_till_sold_is_yielded_and_told_by_the_worker():
    nothing = {"contact_address": None, "shipping_id": None, "payment_id": None}
    placed = order_of(a_cart((a_download(), 1)), **nothing)
    assert downloads() == []
    errands.claim()

    assert digital.complete_digital(shelf()) == 1

    assert (len(yielded(placed.order_id)), len(messages("digital.delivered"))) == (1, 1)


def test_orders_that_come_short_while_they_are_completed_stay_open():
    nothing = {"contact_address": None, "shipping_id": None, "payment_id": None}
    order_of(a_cart((a_licence("A"), 2)), **nothing)

    assert (digital.complete_digital(shelf()), status(), len(messages("digital.codes"))) == (0, "PROCESSING", 1)


def test_looking_for_nothing_takes_nobodys_turn_to_write(monkeypatch):
    order_of(a_cart((a_variant(), 1)))
    get_free((a_licence("A"), 2))
    monkeypatch.setattr(digital, "transaction", None)

    assert digital.complete_digital(shelf()) == 0


# ------------------------------------------------------------------------------------------------ codes and files


def test_new_codes_are_new_stock_and_sell_again():
    item = a_guide("LICENCE")
    stock.set_levels([("LICENCE", 1)], actor="test")
    get_free((item, 1))
    assert alerts() == [("LICENCE", "out", 0, "open")]

    added = add_codes("LICENCE", "A", "", "  ", " B ", "C")

    db.session.rollback()
    assert (added.new, level("LICENCE")) == (3, (3, 0))
    assert alerts() == [("LICENCE", "out", 0, "closed")]
    assert db.session.get(Variant, item.id).is_listed


def test_codes_that_are_owed_are_not_sold_again():
    get_free((a_licence("A", on_hand=3), 3))

    added = add_codes("LICENCE", "B", "C", "D", "E", "F")

    assert (added.new, added.owed, level("LICENCE")) == (5, 2, (3, 0))


@pytest.mark.parametrize(
    ("codes", "line", "told"),
    [
        (["X", "Y", "X"], 3, "“X” stands in line 1 already"),
        (["X", "A"], 2, "“A” is there already"),
        (["x" * 201], 1, "it has 201 characters; 200 is the most"),
        (["X", "a\x07b"], 2, "it has characters that cannot be stored"),
        (["", " "], 1, "there is no code in it"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_added(codes, line, told):
    a_licence("A", on_hand=1)

    with pytest.raises(BadFile) as caught:
        add_codes("LICENCE", *codes)

    assert caught.value.problems == [(line, told)]
    assert (digital.goods("LICENCE")[0].free, level("LICENCE")) == (1, (1, 0))


def test_a_code_of_one_variant_may_be_anothers_too():
    a_licence("SAME", sku="ONE"), a_licence("SAME", sku="TWO")

    assert [row.free for row in digital.goods()] == [1, 1]


def test_only_digital_variants_have_codes_and_files():
    a_variant("BEANS")

    for wrong, go in (
        (NotDigital, lambda: add_codes("BEANS", "A")),
        (NotDigital, lambda: digital.set_file("BEANS", a_file(), shelf())),
        (NotDigital, lambda: digital.unset_file("BEANS")),
        (NotFound, lambda: add_codes("NONE", "A")),
        (NotFound, lambda: digital.set_file("NONE", a_file(), shelf())),
    ):
        with pytest.raises(wrong):
            go()
    assert [path.name for path in shelf().folder.iterdir()] == []  # no half copy stays


def test_a_new_edition_is_what_earlier_buyers_get():
    item = a_download()
    get_free((item, 1))

    digital.set_file("GUIDE", a_file("guide.pdf", b"second edition"), shelf())

    assert shelf().path(downloads()[0].file).read_bytes() == b"second edition"


def test_two_variants_may_share_a_file_but_not_its_name():
    a_download("GUIDE"), a_download("SAME")

    with pytest.raises(NameTaken):
        digital.set_file("GUIDE", a_file("guide.pdf", b"other"), shelf())

    assert [row.file for row in digital.goods()] == ["guide.pdf", "guide.pdf"]
    assert shelf().path("guide.pdf").read_bytes() != b"other"


def test_a_name_that_somebody_bought_is_not_given_to_another():
    get_free((a_download(), 1))
    digital.unset_file("GUIDE")
    a_guide("OTHER")

    with pytest.raises(NameTaken):
        digital.set_file("OTHER", a_file("guide.pdf", b"other"), shelf())


def test_a_file_can_be_taken_off_without_taking_it_from_buyers():
    item = a_download()
    first = get_free((item, 1))

    digital.unset_file("guide")

    second = get_free((item, 1), email="late@example.com")
    assert (bool(yielded(first)[0].link.address), yielded(second)) == (True, [])


def test_hidden_names_are_refused():
    a_guide()

    with pytest.raises(BadName):
        digital.set_file("GUIDE", a_file(".secret"), shelf())


def test_no_name_leads_out_of_the_folder(tmp_path):
    a_download()
    folder = shelf().folder
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "inner").mkdir()
    (folder / "inner" / "deep").write_text("deep")
    (folder / ".hidden").write_text("hidden")

    names = [
        "link",
        "inner",
        "inner/deep",
        "..",
        ".",
        "",
        ".hidden",
        "../secret",
        str(tmp_path / "secret"),
        "a\0b",
        "..\\x",
        "none",
    ]

    assert [name for name in names if shelf().path(name)] == []
    assert shelf().path("guide.pdf") == folder.resolve() / "guide.pdf"


def test_owners_see_what_there_is():
    get_free((a_licence("A", "B", "C", on_hand=3), 1))
    a_download("GUIDE"), a_variant("BEANS")

    shown = [(row.sku, row.on_hand, row.file, row.free, row.given, row.owed) for row in digital.goods()]

    assert shown == [("GUIDE", 10, "guide.pdf", 0, 0, 0), ("LICENCE", 2, "", 2, 1, 0)]


def test_an_order_is_revoked_by_its_number():
    get_free((a_download(), 1))

    assert (digital.revoke_order("#10001"), digital.revoke_order("10001")) == (1, 0)
    for wrong in ("10002", "0", "x", "", "١٠٠٠١"):
        with pytest.raises(NotFound):
            digital.revoke_order(wrong)


def test_links_say_nothing_of_the_order():
    order_id = get_free((a_download(), 1))

    address = yielded(order_id)[0].link.address

    assert db.session.get(Order, order_id).key not in address
    assert shelf().key(address.split("/")[2]) == downloads()[0].key
