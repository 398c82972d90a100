"""`flask accounts …`."""

import sys

import click
from flask import current_app
from flask.cli import AppGroup

from app.cli.output import fail, speaks
from app.models.customer import Role
from app.services import accounts as accounts_service, audit, second_factor, staffing, tokens
from app.services.errors import InvalidInput

TOKEN_NAME = "made by a command"

accounts = AppGroup("accounts", help="People with an account, and their programs' tokens.")


@accounts.command("create")
@click.argument("email")
@click.option("--name", default="", help="Their full name.")
@click.option("--phone", default="", help="With the country's code: +44 20 7946 0000.")
@click.option("--role", type=click.Choice([str(role) for role in Role]), default=str(Role.CUSTOMER), show_default=True)
@click.option("--verified", is_flag=True, help="You know that the mailbox is theirs.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input; else they set one by mail.")
@speaks
def create(email: str, name: str, phone: str, role: str, verified: bool, password_stdin: bool) -> None:
    """Make an account for EMAIL.

    \b
    Example: flask accounts create ann@example.com --name "Ann Archer" --phone "+44 20 7946 0000" --verified
             flask accounts create boss@example.com --role manager --password-stdin < password.txt
    """
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else ""
    if password_stdin and not password:
        fail("Standard input has no password.")
    try:
        of = {"name": name, "phone": phone, "password": password}
        member = accounts_service.create(email, **of, role=Role(role), is_verified=verified, actor=audit.COMMAND)
    except InvalidInput as error:
        fail(" ".join(f"{field}: {sentence}" for field, sentence in error.fields.items()))
    click.echo(f"Made the account of {member.email} ({member.role}).")


@accounts.command("token")
@click.argument("email")
@click.option("--name", default=TOKEN_NAME, show_default=True, help="What the program is, for its owner to know it by.")
@speaks
def token(email: str, name: str) -> None:
    """Print a new API token of EMAIL's account. It is shown now and never again.

    \b
    Example: flask accounts token ann@example.com
    """
    member = accounts_service.by_email(email)
    if member is None:
        fail(f"There is no account of {email}.")
    try:
        click.echo(tokens.make(member.account_id, name))
    except InvalidInput as error:
        fail(" ".join(error.fields.values()))


@accounts.command("first")
@speaks
def first() -> None:
    """Print the code with which the first manager's account is made at /staff.

    \b
    Example: flask accounts first
    """
    if staffing.has_manager():
        fail("The shop has a manager.")
    click.echo(staffing.first_code(current_app.config["SECRET_KEY"]))


@accounts.command("second-factor-off")
@click.argument("email")
@speaks
def second_factor_off(email: str) -> None:
    """Let EMAIL log in by the password alone, for whoever lost the phone and the recovery codes.

    \b
    Example: flask accounts second-factor-off boss@example.com
    """
    member = accounts_service.by_email(email)
    if member is None:
        fail(f"There is no account of {email}.")
    if not member.has_second_factor:
        fail(f"{member.email} has no second factor.")
    second_factor.switch_off(member.account_id, actor=audit.COMMAND)
    click.echo(f"The second factor of {member.email} is off.")
