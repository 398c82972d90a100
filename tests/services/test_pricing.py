"""What an order costs: today's rows, the chosen methods, the tax inside; and only then is it still the same under the lock."""

import pytest

from app.extensions import db, transaction
from app.models.catalog import Variant
from app.services import pricing
from app.services.cart import Cart
from app.services.errors import EmptyCart, MethodUnavailable, OutOfStock
from tests.factories import a_cart, a_guide, a_shipping_method, a_variant, set_columns

pytestmark = pytest.mark.usefixtures("app_context")


def price(cart: Cart, country: str = "GB", shipping_id: int | None = 1, payment_id: int | None = 1) -> pricing.Priced:
    db.session.rollback()
    return pricing.price(cart, currency="GBP", country=country, shipping_id=shipping_id, payment_id=payment_id)


def test_the_total_is_goods_and_shipping():
    priced = price(a_cart((a_variant(price_minor=1000), 3)))

    assert (priced.view.items_minor, priced.shipping_minor, priced.total_minor) == (3000, 395, 3395)


def test_lines_come_in_the_order_of_variants_whatever_the_carts():
    first, second = a_variant("A"), a_variant("B")

    priced = price(a_cart((second, 1), (first, 1)))

    assert [line.variant_id for line in priced.lines] == [first.id, second.id]


def test_nothing_to_pay_needs_no_method():
    priced = price(a_cart((a_guide(), 1)), shipping_id=None, payment_id=None)

    assert (priced.total_minor, priced.payment, priced.is_direct) == (0, None, True)


def test_a_free_parcel_with_free_delivery_needs_no_payment():
    free = a_shipping_method("Free", 0)

    priced = price(a_cart((a_variant(price_minor=0), 1)), shipping_id=free, payment_id=None)

    assert (priced.total_minor, priced.payment) == (0, None)


def test_an_empty_cart_has_no_price():
    with pytest.raises(EmptyCart):
        price(Cart())


def test_a_short_cart_has_no_price():
    with pytest.raises(OutOfStock):
        price(a_cart((a_variant(on_hand=1), 2)))


@pytest.mark.parametrize("shipping_id", [0, 99, -1])
def test_a_delivery_that_is_none_is_refused(shipping_id):
    with pytest.raises(MethodUnavailable) as refused:
        price(a_cart((a_variant(), 1)), shipping_id=shipping_id)

    assert refused.value.kind == "shipping"


def test_it_is_current_until_the_catalogue_changes():
    beans = a_variant()
    priced = price(a_cart((beans, 1)))
    with transaction() as t:
        assert pricing.is_current(t, priced)

    set_columns(Variant, beans.id, price_minor=1)

    with transaction() as t:
        assert not pricing.is_current(t, priced)


def test_largest_amounts_stay_exact():
    beans = a_variant(price_minor=10**12, on_hand=99_999)

    priced = price(a_cart((beans, 99_999)))

    assert priced.total_minor == 10**12 * 99_999 + 395
