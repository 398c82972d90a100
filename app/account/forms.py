"""The forms of accounts: the shape of what is sent. What it means is checked by the services."""

from wtforms import BooleanField, HiddenField, PasswordField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from app.checkout.forms import PlaceForm
from app.services import text
from app.web import PageForm

EXPIRED = "This page was open for too long, or cookies are switched off. Press the button once more."
NO_EMAIL = "Enter your e-mail address."
NO_PASSWORD = "Enter your password."
NO_CODE = "Enter the code from the mail."


class Sent(PageForm):
    """A form of an account: what it says when it comes back."""

    def is_right(self) -> bool:
        """Whether it was sent by its page, with all that it needs; else each field says what is missing."""
        done = bool(self.validate())
        if self.csrf_token.errors:
            self.csrf_token.errors = [EXPIRED]
        return done

    def tidy(self) -> None:
        """Keep of what was typed only what can be shown again."""
        for field in self:
            field.data = text.printable(field.data) if isinstance(field.data, str) else field.data


class PlainForm(Sent):
    """A button, and the token that says that our page had it."""


class LoginForm(Sent):
    email = StringField("E-mail", [InputRequired(NO_EMAIL)])
    password = PasswordField("Password", [InputRequired(NO_PASSWORD)])
    stay = BooleanField("Stay logged in on this device")
    next = HiddenField()


class RegisterForm(Sent):
    name = StringField("Full name")
    email = StringField("E-mail")
    password = PasswordField("Password")


class NewPasswordForm(Sent):
    """For the account of a guest's order, whose name and e-mail are known."""

    password = PasswordField("Password")


class RequestForm(Sent):
    """What a shopper asks of an order."""

    text = TextAreaField("What is the matter?")


class EmailForm(Sent):
    email = StringField("E-mail", [InputRequired(NO_EMAIL)])


class CodeForm(Sent):
    code = StringField("Code", [InputRequired(NO_CODE)])


class ResetForm(Sent):
    code = StringField("Code", [InputRequired(NO_CODE)])
    password = PasswordField("New password")


class ProfileForm(Sent):
    name = StringField("Full name")
    phone = StringField("Phone (if you like)")


class PasswordForm(Sent):
    old = PasswordField("Password of today", [InputRequired(NO_PASSWORD)])
    password = PasswordField("New password")


class TokenForm(Sent):
    name = StringField("What it is for")


class LeaveForm(Sent):
    password = PasswordField("Password", [InputRequired(NO_PASSWORD)])


class AddressForm(PlaceForm, Sent):
    """One entry of the address book."""

    country = SelectField("Country", validate_choice=False)
    name = StringField("Full name")
    line1 = StringField("Address")
    line2 = StringField("Address line 2 (if you need it)")
    city = StringField("Town or city")
    region = SelectField("Region", validate_choice=False)
    postcode = StringField("Postcode")
    phone = StringField("Phone (if you like: for the driver, should nobody open)")
    is_default = BooleanField("Propose this address at checkout")
    doubted_postcode = HiddenField()
