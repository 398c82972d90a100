"""The checkout form: the shape of what is sent. What it means is checked by the services."""

from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import RadioField
from wtforms.validators import InputRequired

from app.services.addresses import Address, Rules
from app.web import PageForm

MOST_ID_DIGITS = 9


def number(typed: str | None) -> int | None:
    """A row's id from a form field; anything else is none."""
    return int(typed) if typed and typed.isascii() and typed.isdigit() and len(typed) <= MOST_ID_DIGITS else None


class PlaceForm(PageForm):
    """What every form with an address can do; each lists its own fields."""

    unwanted: set[str] = set()

    def address(self, needed: bool = True) -> Address | None:
        """The address as it was typed, when something is to be sent."""
        if not needed:
            return None
        texts = {name: self[name].data or "" for name in ("country", "line1", "line2", "city", "region", "postcode")}
        return Address(**texts)

    def fit(self, rules: Rules, needs_shipping: bool = True) -> None:
        """Ask only what this cart and this country need, in its own words."""
        unwanted = [] if needs_shipping else ["country", "line1", "line2", "city", "region", "postcode", "phone", "delivery"]
        if not rules.has_postcode:
            unwanted.append("postcode")
        if not rules.has_city:
            unwanted.append("city")
        if not rules.needs_region:
            unwanted.append("region")
        self.unwanted = set(unwanted)
        self["postcode"].label.text = rules.postcode_word[0].upper() + rules.postcode_word[1:]
        self["region"].label.text = rules.region_word
        self["region"].choices = [("", "Choose…"), *rules.regions]

    def asks(self, name: str) -> bool:
        return name not in self.unwanted


class CheckoutForm(PlaceForm):
    """Contact, address, methods and notes on one page."""

    country = SelectField("Country", validate_choice=False)
    email = StringField("E-mail")
    name = StringField("Full name")
    line1 = StringField("Address")
    line2 = StringField("Address line 2 (if you need it)")
    city = StringField("Town or city")
    region = SelectField("Region", validate_choice=False)
    postcode = StringField("Postcode")
    phone = StringField("Phone (if you like: for the driver, should nobody open)")
    delivery = RadioField("Delivery", validate_choice=False)
    payment = RadioField("Payment", validate_choice=False)
    notes = TextAreaField("Notes (if you have any)")
    shown = HiddenField()
    doubted_postcode = HiddenField()

    def shows(self, name: str) -> bool:
        """Whether the page has a place beside this field to say what is wrong with it."""
        is_asked = self.asks(name) and (name != "country" or len(self["country"].choices) > 1)
        return is_asked and not isinstance(self[name], HiddenField)

    def take_unseen(self) -> list[str]:
        """What is wrong with fields that the page does not show, to be said above the form instead."""
        unseen = [field for field in self.wrong if not self.shows(field.name)]
        sentences = [str(sentence) for field in unseen for sentence in field.errors]
        for field in unseen:
            field.errors = []
        return sentences


class FindForm(PageForm):
    """Looking an order up by what its confirmation mail says."""

    number = StringField("Order number", [InputRequired("Enter the order number.")])
    email = StringField("E-mail", [InputRequired("Enter the e-mail you ordered with.")])
