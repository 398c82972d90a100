"""The forms of products, pictures and categories: the shape of what is sent. What it means is checked by the services."""

from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField

from app.account.forms import Sent


class ProductForm(Sent):
    name = StringField("Name")
    slug = StringField("Address")
    description = TextAreaField("Description")
    origin = StringField("Origin (if it has one)")
    category = SelectField("Category", validate_choice=False)
    tax_class = SelectField("Tax", validate_choice=False)
    seen = HiddenField()


class FactsForm(Sent):
    """A variant, as everybody of the staff may change it."""

    options = StringField("Options")
    sku = StringField("SKU")
    weight_grams = StringField("Weight in grams, packed")
    position = StringField("Place in the list")
    low_stock_below = StringField("Low stock below")
    is_digital = BooleanField("Digital: nothing is sent by post")
    is_active = BooleanField("Switched on: shoppers see it")
    seen = HiddenField()


class VariantForm(FactsForm):
    """A variant with its prices, which managers set."""

    price = StringField("Price, tax included")
    compare_at = StringField("Old price (if it is reduced)")


class PictureForm(Sent):
    alt = StringField("What the picture shows")
    file = StringField("Picture")  # the file itself is in request.files; this is where its mistakes stand


class AltForm(Sent):
    alt = StringField("What the picture shows")
    seen = HiddenField()


class CategoryForm(Sent):
    name = StringField("Name")
    slug = StringField("Address")
    position = StringField("Place in the list")
    seen = HiddenField()


class RemoveForm(Sent):
    move_to = SelectField("Its products go to", validate_choice=False)
