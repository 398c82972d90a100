"""POST /webhooks/<gateway>: a provider's own message is a hint to ask it, and is kept once."""

import json

import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.gateways.shape import Forged, GatewayDown, State
from app.models.payment import PaymentEvent
from tests.paying import elsewhere, owed, the_payments
from tests.shopping import level, the_order

BODY = {"id": "evt_1", "kind": "paid"}


def tell(page, status: int = 200, **told: str):
    told = BODY | {"reference": the_payments()[0].gateway_reference} | told
    answer = page.client.post("/webhooks/elsewhere", data=json.dumps(told), content_type="application/json")
    assert answer.status_code == status
    return answer


def events() -> int:
    db.session.rollback()
    return db.session.execute(select(func.count(PaymentEvent.id))).scalar_one()


def test_whoever_closed_the_tab_has_paid_all_the_same(away):
    elsewhere().says = {"state": State.CAPTURED}

    tell(away)

    assert (the_order().status, level("BEANS"), owed()) == ("PROCESSING", (3, 0), ["order.confirmation"])


def test_what_it_says_proves_nothing(away):
    tell(away, kind="captured")

    assert (the_order().status, events()) == ("HOLD", 1)


def test_twice_is_once(away):
    elsewhere().says = {"state": State.CAPTURED}
    for _ in range(3):
        tell(away)

    assert (events(), level("BEANS"), owed()) == (1, (3, 0), ["order.confirmation"])


def test_of_nothing_of_ours_it_is_kept_and_thanked_for(away):
    tell(away, reference="unknown")

    assert (the_order().status, events()) == ("HOLD", 1)


def test_what_was_forged_is_refused_and_not_kept(away, monkeypatch):
    monkeypatch.setattr(elsewhere(), "events", lambda body, headers: (_ for _ in ()).throw(Forged("no signature")))
    elsewhere().says = {"state": State.CAPTURED}

    tell(away, 400)

    assert (the_order().status, events()) == ("HOLD", 0)


def test_a_provider_that_cannot_be_asked_is_told_to_come_again(away, monkeypatch):
    monkeypatch.setattr(elsewhere(), "events", lambda body, headers: (_ for _ in ()).throw(GatewayDown("nobody")))

    assert tell(away, 503).headers["Retry-After"] == "30"


def test_a_provider_that_goes_away_after_telling_is_asked_again_by_the_worker(away):
    elsewhere().is_down = True

    tell(away)

    payment = the_payments()[0]
    assert (the_order().status, events(), payment.next_check_at is not None) == ("HOLD", 1, True)


@pytest.mark.parametrize("gateway", ["delivery", "stripe", "nobody", "x" * 300])
def test_where_there_is_no_such_provider_nothing_is_found(gateway, page, app_context):
    assert page.client.post(f"/webhooks/{gateway}", data=b"{}").status_code == 404


def test_other_sites_may_send_one_too_since_it_is_signed(away):
    answer = away.client.post("/webhooks/elsewhere", data=json.dumps(BODY), headers={"Origin": "https://pay.example"})

    assert answer.status_code == 200


def test_it_is_not_asked_for(page, app_context):
    assert page.client.get("/webhooks/elsewhere").status_code == 405
