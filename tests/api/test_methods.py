"""How a cart may be sent and paid, and why not otherwise."""

import pytest

from app.models.payment import PaymentMethod, ShippingMethod
from tests.factories import a_guide, a_payment_method, a_shipping_method, a_variant, set_columns
from tests.programs import a_program

pytestmark = pytest.mark.usefixtures("app_context")
PAYMENT, SHIPPING = "/shop/payment-methods", "/shop/shipping-methods"


def told(answer: dict) -> dict[str, tuple]:
    """(available, reason) by name."""
    assert (answer["count"], answer["next"]) == (len(answer["results"]), None)
    return {each["name"]: (each["available"], each["reason"]) for each in answer["results"]}


def test_what_fits_and_why_the_others_do_not(alice):
    alice.put_in((a_variant(), 1))
    a_shipping_method("Ferry", countries="FR", price_minor=500)
    a_payment_method(name="Downloads only", allows_physical=False)

    assert alice.get(SHIPPING)["results"][0] == {
        "id": 1,
        "name": "Standard delivery",
        "price_minor": 395,
        "currency": "GBP",
        "available": True,
        "reason": None,
    }
    assert told(alice.get(SHIPPING))["Ferry"] == (False, "It does not go to this country.")
    assert told(alice.get(PAYMENT)) == {
        "Pay on delivery": (True, None),
        "Downloads only": (False, "It is for digital goods only."),
    }


def test_the_country_is_that_of_the_default_address_or_the_one_asked_for(app):
    program = a_program(app)
    program.put_in((a_variant(), 1))
    a_shipping_method("Ferry", countries="FR")

    assert told(program.get(f"{SHIPPING}?country=FR")) == {
        "Standard delivery": (False, "It does not go to this country."),
        "Ferry": (True, None),
    }
    there = {"line1": "1 Rue Haute", "city": "Paris", "postcode": "75001", "country": "FR", "is_default": True}
    program.post("/shop/customers/me/addresses", there, 201)
    assert told(program.get(SHIPPING))["Ferry"] == (True, None)


def test_the_total_is_with_the_delivery_that_was_chosen(alice):
    alice.put_in((a_variant(price_minor=1000), 1))
    courier = a_shipping_method("Courier", price_minor=900)
    a_payment_method(name="Small", max_total_minor=1500)

    assert told(alice.get(PAYMENT))["Small"] == (True, None)
    assert told(alice.get(f"{PAYMENT}?shipping_method={courier}"))["Small"] == (False, "Your total is too large for it.")


def test_without_a_need_every_method_says_so(alice):
    assert told(alice.get(SHIPPING)) == {"Standard delivery": (False, "Your cart is empty.")}
    assert told(alice.get(PAYMENT)) == {"Pay on delivery": (False, "Your cart is empty.")}

    alice.put_in((a_guide(), 1))

    assert told(alice.get(SHIPPING)) == {"Standard delivery": (False, "Nothing in your cart is sent by post.")}
    assert told(alice.get(PAYMENT)) == {"Pay on delivery": (False, "There is nothing to pay.")}


def test_what_is_not_active_is_not_told(alice):
    set_columns(ShippingMethod, 1, is_active=False)
    set_columns(PaymentMethod, 1, is_active=False)
    alice.put_in((a_variant(), 1))

    assert (told(alice.get(SHIPPING)), told(alice.get(PAYMENT))) == ({}, {})


@pytest.mark.parametrize("query", ["country=XX", "country=gb", "country=", "country=GB&country=FR", "town=Bath"])
def test_what_is_no_country_is_refused(alice, query):
    alice.get(f"{SHIPPING}?{query}", 400)
    alice.get(f"{PAYMENT}?{query}", 400)
