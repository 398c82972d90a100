"""How this cart may be sent and paid, and why not in the other ways."""

from flask import current_app
from msgspec import UNSET

from app.api import schemas
from app.api.decoding import Refused
from app.api.operations import operation
from app.services import account_carts, addresses, cart as carts, programs
from app.services.accounts import Member
from app.services.cart import CartView


@operation("GET", "/shop/payment-methods", answers=schemas.PaymentMethods, query=schemas.PaymentQuery, errors=(400,))
def list_payment_methods(member: Member, query: schemas.PaymentQuery) -> schemas.PaymentMethods:
    """Every payment method, and whether it fits this cart."""
    shipping_id = None if query.shipping_method is UNSET else query.shipping_method
    offers = programs.payment_offers(own_view(member), country(member, query), shipping_id)
    results = [schemas.PaymentMethod(offer.id, offer.name, offer.is_available, offer.reason) for offer in offers]
    return schemas.PaymentMethods(len(results), None, results)


@operation("GET", "/shop/shipping-methods", answers=schemas.ShippingMethods, query=schemas.ShippingQuery, errors=(400,))
def list_shipping_methods(member: Member, query: schemas.ShippingQuery) -> schemas.ShippingMethods:
    """Every shipping method, what it costs for this cart, and whether it takes it."""
    view = own_view(member)
    results = [
        schemas.ShippingMethod(quote.id, quote.name, quote.price_minor, view.currency, quote.is_available, quote.reason)
        for quote in programs.shipping_quotes(view, country(member, query))
    ]
    return schemas.ShippingMethods(len(results), None, results)


def own_view(member: Member) -> CartView:
    return carts.view(account_carts.load(member.customer_id), current_app.config["CURRENCY"])


def country(member: Member, query: schemas.ShippingQuery) -> str:
    """The country that was asked for, or else that of the default address. Raises Refused for one that is none."""
    if query.country is UNSET:
        return programs.country_of(member, current_app.config["HOME_COUNTRY"])
    if not addresses.is_country(query.country):
        raise Refused(f"There is no country {query.country}.")
    return str(query.country)
