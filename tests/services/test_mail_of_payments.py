"""The mails that follow from payments: what they say, to whom, and that nobody who was forgotten gets one."""

from email.message import EmailMessage

import pytest
from flask import current_app
from sqlalchemy import update

from app.extensions import transaction
from app.models.order import Order
from app.services import cancelling, mail, refunds
from app.services.errors import NotFound
from app.services.mail import Mailer
from tests.factories import a_redirect_method, a_variant
from tests.paying import begun, settle, the_payments
from tests.shopping import the_order

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def mailer() -> Mailer:
    return Mailer(current_app.config, lambda name, context: current_app.jinja_env.get_template(name).render(context))


@pytest.fixture
def paid(app_context, monkeypatch) -> int:
    """An order of 23.95, paid elsewhere; answers its id."""
    settle(begun(a_variant(on_hand=5), a_redirect_method(monkeypatch), 2))
    return the_order().id


def says(message: EmailMessage | None, *sentences: str) -> None:
    """Both its text and its HTML say this."""
    assert message is not None
    for kind in ("plain", "html"):
        body = message.get_body((kind,)).get_content()  # type: ignore[union-attr]
        for sentence in sentences:
            assert " ".join(sentence.split()) in " ".join(body.split()), kind


def test_a_cancelled_order_is_told_with_what_goes_back(mailer, paid):
    cancelling.cancel(paid, actor="staff", reason="a test")

    message = mail.cancelled(mailer, paid, key="order.cancelled:1")

    assert (message["To"], message["Subject"]) == ("gus@example.com", "Your order 10001 was cancelled")
    says(message, "nothing more will be sent", "£23.95 go back", f"/orders/{the_order().key}")


def test_an_unpaid_one_says_nothing_of_money(mailer, monkeypatch):
    begun(a_variant(), a_redirect_method(monkeypatch))
    cancelling.cancel(the_order().id, actor="staff", reason="a test")

    message = mail.cancelled(mailer, the_order().id, key="order.cancelled:1")

    says(message, "nothing more will be sent")
    assert "go back" not in message.get_body(("plain",)).get_content()


def test_money_on_its_way_back_is_told(mailer, paid):
    refunds.refund(paid, 500, reason="a test", actor="staff")

    message = mail.refunded(mailer, 1, key="order.refunded:1")

    assert message["Subject"] == "Money back from your order 10001"
    says(message, "£5.00 go back", f"/orders/{the_order().key}")


def test_an_order_that_was_not_paid_in_time_can_be_ordered_again(mailer, paid):
    message = mail.payment_expired(mailer, paid, key="payment.expired:1")

    assert message["Subject"] == "Your order 10001 was not paid in time"
    says(message, "back on the shelf", "order the same again", f"/orders/{the_order().key}")


def test_staff_are_told_of_what_does_not_fit(mailer, monkeypatch):
    payment = begun(a_variant(), a_redirect_method(monkeypatch))
    settle(payment, amount_minor=1)

    message = mail.payment_problem(mailer, payment, key="payment.problem:1:mismatch")

    assert (message["To"], message["Subject"]) == ("shop@example.com", "Look at the payment of order 10001")
    says(message, "amount differs", "£13.95", the_payments()[0].gateway_reference)
    assert "gus@example.com" not in message.as_string()


@pytest.mark.parametrize("compose", [mail.cancelled, mail.payment_expired, mail.refunded])
def test_whoever_was_forgotten_gets_none(compose, mailer, paid):
    refunds.refund(paid, 500, reason="a test", actor="staff")
    with transaction() as t:
        t.execute(update(Order).values(email=""))

    assert compose(mailer, 1, key="k") is None


@pytest.mark.parametrize("compose", [mail.cancelled, mail.payment_expired, mail.refunded, mail.payment_problem])
def test_what_is_not_there_is_said(compose, mailer, app_context):
    with pytest.raises(NotFound):
        compose(mailer, 77, key="k")
