"""Ways of delivery: what each costs for a parcel, and why one does not take it."""

import pytest

from app.extensions import db
from app.models.payment import ShippingMethod
from app.services import cart as carts, shipping
from tests.factories import a_cart, a_guide, a_shipping_method, a_variant, set_columns

pytestmark = pytest.mark.usefixtures("app_context")


def quotes(*lines, country: str = "GB") -> dict[str, tuple[int, str | None]]:
    """Price and reason by name."""
    db.session.rollback()
    found = shipping.quotes(carts.view(a_cart(*lines), "GBP"), country)
    return {quote.name: (quote.price_minor, quote.reason) for quote in found}


def test_a_flat_price():
    assert quotes((a_variant(), 3)) == {"Standard delivery": (395, None)}


@pytest.mark.parametrize(("grams", "price"), [(1, 1200), (1000, 1200), (1001, 1400), (2000, 1400), (2001, 1600)])
def test_so_much_for_each_kilogram_begun(grams, price):
    a_shipping_method("By weight", 1000, per_kg_minor=200)

    assert quotes((a_variant(weight_grams=grams), 1))["By weight"] == (price, None)


@pytest.mark.parametrize(("goods", "price"), [(3999, 500), (4000, 0), (4001, 0)])
def test_free_from_a_sum_of_goods_on(goods, price):
    a_shipping_method("Generous", 500, free_from_minor=4000)

    assert quotes((a_variant(price_minor=goods), 1))["Generous"] == (price, None)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"currency": "EUR"}, "Its price is in another currency."),
        ({"countries": "FR DE"}, "It does not go to this country."),
        ({"countries": "FR, DE"}, "It does not go to this country."),
        ({"min_weight_grams": 251}, "Your parcel is too light for it."),
        ({"max_weight_grams": 249}, "Your parcel is too heavy for it."),
    ],
)
def test_one_that_does_not_fit_says_why(columns, reason):
    a_shipping_method("Courier", **columns)

    assert quotes((a_variant(weight_grams=250), 1))["Courier"][1] == reason


@pytest.mark.parametrize(
    "columns", [{"countries": "GB"}, {"countries": "FR,GB"}, {"min_weight_grams": 250}, {"max_weight_grams": 250}]
)
def test_limits_are_taken_by_their_word(columns):
    a_shipping_method("Courier", **columns)

    assert quotes((a_variant(weight_grams=250), 1))["Courier"][1] is None


def test_digital_goods_are_not_sent_and_add_no_weight():
    a_shipping_method("Letter", max_weight_grams=250)

    assert quotes((a_guide(), 1)) == {}
    assert quotes((a_variant(weight_grams=250), 1), (a_guide("OTHER"), 5))["Letter"][1] is None


def test_a_switched_off_method_is_not_offered():
    set_columns(ShippingMethod, 1, is_active=False)

    assert quotes((a_variant(), 1)) == {}


def test_methods_come_in_their_order():
    a_shipping_method("Later", position=5)
    a_shipping_method("First", position=-1)

    assert list(quotes((a_variant(), 1))) == ["First", "Standard delivery", "Later"]


def test_the_home_country_stands_first():
    a_shipping_method(countries="FR AT")

    db.session.rollback()
    assert shipping.countries("GB", shipping.methods()) == ["GB", "AT", "FR"]


def test_a_shop_that_does_not_deliver_at_home_does_not_offer_it():
    set_columns(ShippingMethod, 1, countries="FR")

    assert shipping.countries("GB", shipping.methods()) == ["FR"]


def test_a_method_without_countries_goes_everywhere():
    a_shipping_method(countries="")

    db.session.rollback()
    reached = shipping.countries("GB", shipping.methods())
    assert reached[0] == "GB"
    assert {"US", "JP", "FR"} <= set(reached)
    assert len(reached) == len(set(reached)) > 200
