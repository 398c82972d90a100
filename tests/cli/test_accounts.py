"""`flask accounts …`."""

import pytest

from app.extensions import now
from app.models.customer import Account, Role
from app.services import accounts, audit, staffing, tokens
from app.services.accounts import WrongPassword
from tests.members import change

pytestmark = pytest.mark.usefixtures("app_context")
ANN = ["ann@example.com", "--name", "Ann Archer", "--phone", "+44 20 7946 0000"]


@pytest.fixture
def flask(app):
    """Runs a command and answers (exit status, standard output, standard error)."""

    def run(*args: str, stdin: str | None = None) -> tuple[int, str, str]:
        done = app.test_cli_runner().invoke(args=["accounts", *args], input=stdin)
        return done.exit_code, done.stdout, done.stderr

    return run


def test_an_account_is_made(flask):
    assert flask("create", *ANN, "--verified") == (0, "Made the account of ann@example.com (customer).\n", "")

    ann = accounts.by_email("ann@example.com")
    assert (ann.name, ann.phone, ann.is_verified, ann.is_complete) == ("Ann Archer", "+44 20 7946 0000", True, True)


def test_unless_said_nobody_is_verified_nor_staff(flask):
    flask("create", *ANN)
    flask("create", "boss@example.com", "--role", "manager")

    assert not accounts.by_email("ann@example.com").is_verified
    assert [accounts.by_email(email).role for email in ("ann@example.com", "boss@example.com")] == ["customer", "manager"]


def test_who_got_which_role_is_in_the_trail(flask):
    flask("create", "boss@example.com", "--role", "manager")

    [entry] = audit.entries()
    assert (entry.actor, entry.action, entry.after) == ("cli", "account made", {"role": "manager"})


def test_the_code_of_the_first_manager_is_printed_until_there_is_one(flask, app):
    code = staffing.first_code(app.config["SECRET_KEY"])

    assert flask("first") == (0, f"{code}\n", "")
    flask("create", "boss@example.com", "--role", "manager")
    assert flask("first") == (1, "", "Error: The shop has a manager.\n")


def test_a_second_factor_is_switched_off_for_whoever_lost_it(flask):
    ann = accounts.create("ann@example.com", role=Role.STAFF)
    assert flask("second-factor-off", ann.email) == (1, "", "Error: ann@example.com has no second factor.\n")
    change(Account, ann.account_id, totp_nonce="0" * 32, totp_confirmed_at=now())

    assert flask("second-factor-off", ann.email) == (0, "The second factor of ann@example.com is off.\n", "")

    assert not accounts.by_email(ann.email).has_second_factor
    assert [(entry.actor, entry.action) for entry in audit.entries()] == [("cli", "second factor off")]
    assert flask("second-factor-off", "bob@example.com") == (1, "", "Error: There is no account of bob@example.com.\n")


def test_a_password_comes_by_standard_input(flask):
    flask("create", *ANN, "--password-stdin", stdin="four good words here\n")
    flask("create", "bob@example.com")

    assert accounts.log_in("ann@example.com", "four good words here").email == "ann@example.com"
    with pytest.raises(WrongPassword):
        accounts.log_in("bob@example.com", "")


@pytest.mark.parametrize(
    ("args", "stdin", "told"),
    [
        (["nobody"], None, "email: Enter your e-mail address, like name@example.com."),
        (["a@example.com", "--phone", "12"], None, "phone: This does not look like a phone number."),
        (["a@example.com", "--password-stdin"], "short\n", "password: Choose a password of at least 8 characters."),
        (["a@example.com", "--password-stdin"], "", "Standard input has no password."),
    ],
)
def test_what_is_wrong_is_one_sentence(flask, args, stdin, told):
    status, out, err = flask("create", *args, stdin=stdin)

    assert (status, out) == (1, "")
    assert err.startswith(f"Error: {told}") and "Traceback" not in err
    assert accounts.by_email(args[0]) is None


def test_an_email_has_one_account(flask):
    flask("create", *ANN)

    assert flask("create", "ANN@example.com") == (1, "", "Error: This e-mail has an account already.\n")


def test_a_token_is_the_only_long_word(flask):
    flask("create", *ANN)

    status, out, err = flask("token", "Ann@Example.com")

    [token] = [word for word in out.split() if len(word) > 20]
    assert (status, err, out) == (0, "", f"{token}\n")
    assert tokens.owner(token).email == "ann@example.com"


def test_each_token_is_another_and_has_a_name(flask):
    flask("create", *ANN)

    assert flask("token", "ann@example.com") != flask("token", "ann@example.com", "--name", "till roll")
    ann = accounts.by_email("ann@example.com")
    assert [row.name for row in tokens.alive(ann.account_id)] == ["till roll", "made by a command"]


def test_nobody_gets_no_token(flask):
    assert flask("token", "ann@example.com") == (1, "", "Error: There is no account of ann@example.com.\n")


@pytest.mark.parametrize("command", ["create", "token"])
def test_both_show_an_example(flask, command):
    assert f"Example: flask accounts {command} ann@example.com" in flask(command, "--help")[1]
