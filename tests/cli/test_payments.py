"""`flask orders cancel|refund|cash` and `flask payments …`: what staff do about money until there are pages for it."""

import pytest

from app.extensions import transaction
from app.gateways.shape import Refused
from app.services import refunds as refund_service
from tests.factories import a_redirect_method, a_variant
from tests.paying import begun, elsewhere, refunds, settle, the_payments
from tests.planting import an_order
from tests.shopping import level, the_order


@pytest.fixture
def flask(app, app_context):
    def run(*args: str, status: int = 0) -> str:
        done = app.test_cli_runner().invoke(args=args)
        assert done.exit_code == status, done.output
        return done.stdout if status == 0 else done.stderr

    return run


@pytest.fixture
def paid(app_context, monkeypatch) -> None:
    """Order 10001: two of five, paid 23.95 elsewhere."""
    settle(begun(a_variant(on_hand=5), a_redirect_method(monkeypatch), 2))


def test_an_order_is_called_off(flask, paid):
    assert flask("orders", "cancel", "10001", "--reason", "broken") == "Order 10001 is cancelled. £23.95 go back.\n"
    assert (the_order().status, the_order().events[-1].reason, level("BEANS")) == ("CANCELLED", "broken", (5, 0))
    assert "cannot be cancelled any more" in flask("orders", "cancel", "10001", status=1)


def test_a_part_and_then_the_rest_goes_back(flask, paid):
    assert flask("orders", "refund", "#10001", "--amount", "3.95") == "£3.95 of order #10001 go back.\n"
    assert flask("orders", "refund", "10001", "--restock") == "£20.00 of order 10001 go back.\n"
    assert (refunds(), the_order().status, level("BEANS")) == ([(395, "QUEUED"), (2000, "QUEUED")], "REFUNDED", (5, 0))


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["10001", "--amount", "24"], "So much was not paid"),
        (["10001", "--amount", "1.234"], "more decimals"),
        (["10001", "--amount", "-1"], "not an amount"),
        (["10777"], "There is no such order"),
        (["x"], "no order number"),
    ],
)
def test_what_cannot_go_back_is_said(args, told, flask, paid):
    assert told in flask("orders", "refund", *args, status=1)
    assert refunds() == []


def test_cash_is_written_down(flask):
    an_order(a_variant(), 1)

    assert flask("orders", "cash", "10001") == "£13.95 were paid for order 10001.\n"
    assert the_payments()[0].status == "CAPTURED"
    assert "does not wait for cash" in flask("orders", "cash", "10001", status=1)


def test_what_does_not_fit_is_listed(flask, monkeypatch):
    payment = begun(a_variant(), a_redirect_method(monkeypatch))
    assert flask("payments", "problems") == ""

    settle(payment, amount_minor=1)

    assert flask("payments", "problems").startswith("10001 elsewhere ref-")
    assert "MISMATCH" in flask("payments", "problems") and "amount differs" in flask("payments", "problems")


def test_what_a_provider_refused_is_sent_another_way(flask, paid, monkeypatch):
    def refuse(*given: object) -> str:
        raise Refused("Its time is over.")

    flask("orders", "refund", "10001")
    monkeypatch.setattr(elsewhere(), "refund", refuse)
    refund_service.send(1)
    assert "Its time is over." in flask("payments", "refused")

    assert flask("payments", "sent", "1", "bank transfer") == "Refund 1 is done.\n"

    assert (refunds(), flask("payments", "refused")) == ([(2395, "DONE")], "")
    assert "no refused refund" in flask("payments", "sent", "1", status=1)


def test_what_is_underway_is_not_sent_by_hand(flask, paid):
    flask("orders", "refund", "10001")

    assert "no refused refund" in flask("payments", "sent", "1", status=1)
    with transaction():
        assert refunds() == [(2395, "QUEUED")]
