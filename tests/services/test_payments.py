"""Ways to pay: which fit a cart, why others do not, and what is still outstanding."""

import pytest
from sqlalchemy import update

from app.extensions import db, transaction
from app.models.payment import Payment, PaymentMethod, PaymentStatus
from app.services import payments
from tests.factories import a_cart, a_payment_method, a_variant, set_columns
from tests.shopping import order_of

pytestmark = pytest.mark.usefixtures("app_context")


def offers(total: int = 1000, *, physical: bool = True, country: str = "GB") -> dict[str, str | None]:
    db.session.rollback()
    return {offer.name: offer.reason for offer in payments.offers(total, physical, country, "GBP")}


def test_pay_on_delivery_is_for_what_is_delivered():
    assert offers() == {"Pay on delivery": None}
    assert offers(physical=False) == {"Pay on delivery": "It is for things that are delivered to your door."}


def test_nothing_to_pay_offers_nothing():
    assert offers(0) == {}


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"allows_physical": False}, "It is for digital goods only."),
        ({"countries": "FR"}, "It is not offered in this country."),
        ({"min_total_minor": 1001}, "Your total is too small for it."),
        ({"max_total_minor": 999}, "Your total is too large for it."),
    ],
)
def test_one_that_does_not_fit_says_why(columns, reason):
    a_payment_method(**columns)

    assert offers()["Another way"] == reason


@pytest.mark.parametrize("columns", [{"min_total_minor": 1000}, {"max_total_minor": 1000}, {"countries": "FR GB"}])
def test_limits_are_taken_by_their_word(columns):
    a_payment_method(**columns)

    assert offers()["Another way"] is None


def test_a_method_of_a_gateway_that_is_not_there_is_not_offered():
    a_payment_method("gone")

    assert list(offers()) == ["Pay on delivery"]


def test_a_switched_off_method_is_not_offered():
    set_columns(PaymentMethod, 1, is_active=False)

    assert offers() == {}


@pytest.mark.parametrize(
    ("status", "outstanding"),
    [(PaymentStatus.CREATED, 1395), (PaymentStatus.PENDING, 1395), (PaymentStatus.CAPTURED, 0), (PaymentStatus.FAILED, 0)],
)
def test_what_is_outstanding_is_what_nothing_has_come_of_yet(status, outstanding):
    placed = order_of(a_cart((a_variant(price_minor=1000), 1)))
    with transaction() as t:
        t.execute(update(Payment).values(status=status))

    assert payments.outstanding(placed.order_id) == outstanding


def test_an_order_without_payment_owes_nothing():
    assert payments.outstanding(404) == 0
