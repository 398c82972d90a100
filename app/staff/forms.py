"""The forms of getting in, and of who works here."""

from collections.abc import Sequence
from typing import Any

from wtforms import HiddenField, PasswordField, SelectField, StringField
from wtforms.validators import AnyOf, InputRequired

from app.account.forms import NO_PASSWORD, Sent
from app.models.customer import Role

NO_CODE = "Enter the code."
ROLES = [(str(Role.STAFF), "Staff: orders and stock"), (str(Role.MANAGER), "Manager: everything")]


class FirstForm(Sent):
    code = StringField("Code", [InputRequired(NO_CODE)])
    name = StringField("Full name")
    email = StringField("E-mail")
    password = PasswordField("Password", [InputRequired(NO_PASSWORD)])


class CodeForm(Sent):
    code = StringField("Code", [InputRequired(NO_CODE)])
    next = HiddenField()


class SetupForm(Sent):
    code = StringField("The code that the app shows now", [InputRequired(NO_CODE)])
    nonce = HiddenField()


class OffForm(Sent):
    code = StringField("The code that the app shows now, or a recovery code", [InputRequired(NO_CODE)])


class ChoosingRole(Sent):
    """A form whose role is one of these."""

    roles: Sequence[tuple[str, str]] = ROLES

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self["role"].choices = list(self.roles)
        self["role"].validators = [AnyOf([value for value, _ in self.roles], "Choose what they do here.")]


class EmployForm(ChoosingRole):
    email = StringField("E-mail")
    name = StringField("Full name")
    role = SelectField("Works here as", validate_choice=False)


class RoleForm(ChoosingRole):
    roles = (*ROLES, (str(Role.CUSTOMER), "Works here no more"))

    role = SelectField("Works here as", validate_choice=False)
