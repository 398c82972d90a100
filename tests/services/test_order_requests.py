"""What shoppers ask: one at a time, answered once, and nothing moves by itself."""

import pytest

from app.models.order import OrderStatus
from app.models.order_desk import RequestKind, RequestStatus
from app.services import order_requests
from app.services.errors import InvalidInput, NotFound
from app.services.order_requests import AnsweredAlready, AskedAlready, NotAskable
from tests.desk import asked, sent, status_of, to_pack, topics
from tests.factories import a_variant
from tests.members import mails, words
from tests.staff import a_staff_member, trail

pytestmark = pytest.mark.usefixtures("app_context")

CANCEL, RETURN = RequestKind.CANCEL, RequestKind.RETURN


@pytest.mark.parametrize(
    ("status", "needs_shipping", "has_digital", "kind"),
    [
        (OrderStatus.HOLD, True, False, None),
        (OrderStatus.PROCESSING, True, False, None),  # they cancel it themselves
        (OrderStatus.PROCESSING, True, True, CANCEL),
        (OrderStatus.PROCESSING, False, True, CANCEL),
        (OrderStatus.SHIPPED, True, False, RETURN),
        (OrderStatus.COMPLETED, True, False, RETURN),
        (OrderStatus.COMPLETED, False, True, CANCEL),
        (OrderStatus.CANCELLED, True, False, None),
        (OrderStatus.REFUNDED, True, False, None),
    ],
)
def test_what_may_be_asked(status, needs_shipping, has_digital, kind):
    assert order_requests.kind_of(status, needs_shipping, has_digital) == kind


def test_one_of_a_kind_is_open_at_a_time():
    order_id = sent(to_pack())
    request_id = asked(order_id)

    with pytest.raises(AskedAlready):
        asked(order_id)
    order_requests.answer(order_id, request_id, RequestStatus.DECLINED, "It was opened.", actor="cli")
    asked(order_id)

    assert [each.status for each in order_requests.of_order(order_id)] == ["declined", "open"]


def test_what_does_not_fit_the_order_is_not_asked():
    with pytest.raises(NotAskable):
        asked(to_pack())
    with pytest.raises(NotFound):
        asked(77)


@pytest.mark.parametrize("said", ["", "  ", "x" * 1001, "a\x00"])
def test_it_is_said_in_words(said):
    with pytest.raises(InvalidInput):
        asked(sent(to_pack()), text=said)


@pytest.mark.parametrize(("status", "says"), [("accepted", "yes, please do"), ("declined", "we cannot take it back")])
def test_the_answer_is_mailed_once_and_moves_nothing(status, says):
    member = a_staff_member()
    order_id = sent(to_pack())
    request_id = asked(order_id)

    order_requests.answer(order_id, request_id, RequestStatus(status), "So it is.", actor=member.actor)

    [told] = [words(mail) for mail in mails() if "Our answer" in mail["Subject"]]
    assert says in told and "So it is." in told
    assert (status_of(order_id), topics(request_id).count("order.answered")) == ("SHIPPED", 1)
    assert trail()[0] == (f"request {status}", f"order:{order_id}")


def test_it_is_answered_once():
    order_id = sent(to_pack())
    request_id = asked(order_id)
    order_requests.answer(order_id, request_id, RequestStatus.ACCEPTED, "Yes.", actor="cli")

    with pytest.raises(AnsweredAlready):
        order_requests.answer(order_id, request_id, RequestStatus.DECLINED, "No.", actor="cli")
    with pytest.raises(NotFound):
        order_requests.answer(order_id, 77, RequestStatus.DECLINED, "No.", actor="cli")
    with pytest.raises(NotFound):  # of another order
        order_requests.answer(order_id + 1, request_id, RequestStatus.DECLINED, "No.", actor="cli")


def test_the_oldest_waits_first(monkeypatch):
    item = a_variant(on_hand=20)
    ids = [asked(sent(to_pack(item))) for _ in range(3)]
    monkeypatch.setattr(order_requests, "SHOWN", 1)

    assert [row.id for row in order_requests.waiting()] == ids[:2]
