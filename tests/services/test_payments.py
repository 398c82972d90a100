"""Ways to pay: which fit a cart, why others do not, and what is still outstanding."""

import pytest
from sqlalchemy import update

from app.extensions import db, transaction
from app.models.order import Order
from app.models.payment import Payment, PaymentMethod
from app.services import payments
from tests.factories import a_cart, a_payment_method, a_variant, set_columns
from tests.shopping import order_of, the_order

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
    ("order", "captured", "back", "sums"),
    [
        ("PROCESSING", 0, 0, (1395, 0)),
        ("HOLD", 0, 0, (1395, 0)),
        ("FAILED", 0, 0, (1395, 0)),
        ("PROCESSING", 1395, 0, (0, 0)),
        ("PROCESSING", 1395, 300, (0, 300)),
        ("CANCELLED", 0, 0, (0, 0)),
        ("CANCELLED", 1395, 1395, (0, 1395)),
        ("REFUNDED", 1395, 1395, (0, 1395)),
    ],
)
@pytest.mark.breaks_invariants
def test_an_order_says_what_is_to_be_paid_and_what_goes_back(order, captured, back, sums):
    order_of(a_cart((a_variant(price_minor=1000), 1)))
    with transaction() as t:
        t.execute(update(Payment).values(captured_minor=captured, refunded_minor=back))
        t.execute(update(Order).values(status=order))

    assert payments.sums(the_order()) == sums
