"""The forms of the settings. What is typed is checked by the services."""

from typing import Any

from wtforms import BooleanField, HiddenField, StringField, TextAreaField

from app.account.forms import Sent


class SettingForm(Sent):
    """A form that carries what it showed, so that it overwrites nobody."""

    seen = HiddenField()

    @property
    def typed(self) -> dict[str, str]:
        """What stands in its text fields, by their names."""
        return {field.name: field.data or "" for field in self if field.type in ("StringField", "TextAreaField")}


class ShopForm(SettingForm):
    name = StringField("Name of the shop")
    email = StringField("E-mail")
    mail_from = StringField("Sender of mails (if it is another)")
    address = TextAreaField("Postal address")
    timezone = StringField("Time zone")
    low_stock_below = StringField("Stock of a new variant is low below")
    company_name = StringField("Company")
    company_address = TextAreaField("Address of the company")
    company_number = StringField("Registration number")
    vat_number = StringField("VAT number")
    invoice_prefix = StringField("Invoice numbers begin with")


class MethodForm(SettingForm):
    name = StringField("Name")
    description = StringField("Description")
    countries = TextAreaField("Countries")
    is_active = BooleanField("Offer it at checkout")


class ShippingForm(MethodForm):
    price = StringField("Price")
    per_kg = StringField("Plus for each kilogram begun")
    free_from = StringField("Free from")
    min_weight = StringField("Lightest parcel, in kg")
    max_weight = StringField("Heaviest parcel, in kg")


class PaymentForm(MethodForm):
    min_total = StringField("Lowest total")
    max_total = StringField("Highest total")
    allows_physical = BooleanField("For carts with something to send")
    allows_digital = BooleanField("For carts with nothing to send")

    @property
    def ticked(self) -> dict[str, bool]:
        """What is ticked, by name."""
        return {name: bool(self[name].data) for name in ("is_active", "allows_digital", "allows_physical")}


class TaxForm(SettingForm):
    name = StringField("Name")
    rate = StringField("Rate in percent")
    rates = TextAreaField("Other rates, by country")


class LegalForm(SettingForm):
    title = StringField("Title")
    body = TextAreaField("Text")


def spoken(value: Any) -> str:
    """A field's value in words, to stand beside what somebody else typed."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "nothing"
