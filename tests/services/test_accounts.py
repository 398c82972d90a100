"""Accounts: made by a mailed code, opened by a password, and silent about who has one."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.extensions import db, now, transaction
from app.models.customer import Account, Customer, EmailCode, Role
from app.models.outbox import OutboxMessage
from app.services import accounts, codes
from app.services.accounts import AccountExists, Member, WrongCode, WrongPassword
from app.services.errors import InvalidInput
from tests.factories import a_cart, a_variant
from tests.shopping import order_of, the_order

pytestmark = pytest.mark.usefixtures("app_context")

KEYS = ["the secret of today", "the one before"]
PASSWORD = "three quiet words"


def code(key: str, secret: str = KEYS[0]) -> str:
    return codes.code_of(key, secret)


def alice(email: str = "alice@example.com") -> Member:
    key = accounts.register(email, "Alice Able", PASSWORD)
    return accounts.confirm_registration(key, code(key), KEYS)


def count(model) -> int:
    db.session.rollback()
    return db.session.execute(select(func.count(model.id))).scalar_one()


# --- registering ---


def test_an_account_is_made_by_the_mailed_code():
    key = accounts.register("Alice@Example.COM", " Alice Able ", PASSWORD)
    assert count(Account) == 0

    member = accounts.confirm_registration(key, code(key), KEYS)

    assert (member.email, member.name, member.role, member.is_verified) == ("alice@example.com", "Alice Able", "customer", True)
    assert accounts.log_in("ALICE@example.com", PASSWORD) == member


def test_a_code_is_read_however_it_is_typed():
    key = accounts.register("alice@example.com", "Alice", PASSWORD)

    assert accounts.confirm_registration(key, f" {code(key).lower().replace('-', ' ')} ", KEYS)


def test_a_code_of_the_key_before_still_works():
    key = accounts.register("alice@example.com", "Alice", PASSWORD)

    assert accounts.confirm_registration(key, code(key, KEYS[1]), KEYS)


def test_a_code_works_once():
    key = accounts.register("alice@example.com", "Alice", PASSWORD)
    accounts.confirm_registration(key, code(key), KEYS)

    assert accounts.asked(key) is None
    with pytest.raises(WrongCode):
        accounts.confirm_registration(key, code(key), KEYS)


def test_a_code_ends():
    key = accounts.register("alice@example.com", "Alice", PASSWORD)
    with transaction() as t:
        t.execute(update(EmailCode).values(expires_at=now() - timedelta(seconds=1)))

    with pytest.raises(WrongCode):
        accounts.confirm_registration(key, code(key), KEYS)


def test_a_code_is_void_after_ten_wrong_tries():
    key = accounts.register("alice@example.com", "Alice", PASSWORD)
    for _ in range(accounts.CODE_TRIES):
        with pytest.raises(WrongCode):
            accounts.confirm_registration(key, "AAAAA-AAAAA", KEYS)

    with pytest.raises(WrongCode):
        accounts.confirm_registration(key, code(key), KEYS)


def test_another_keys_code_is_wrong():
    first, second = (accounts.register("alice@example.com", "Alice", PASSWORD) for _ in range(2))

    with pytest.raises(WrongCode):
        accounts.confirm_registration(first, code(second), KEYS)


def test_a_code_for_one_purpose_serves_no_other():
    member = alice()
    reset, verify = accounts.forgot_password(member.email), accounts.ask_to_verify(member)

    with pytest.raises(WrongCode):
        accounts.confirm_registration(reset, code(reset), KEYS)
    with pytest.raises(WrongCode):
        accounts.reset_password(verify, code(verify), "another good one", KEYS)


@pytest.mark.parametrize("key", ["", "x", "ü" * 32, "a" * 32, "A\0" * 16])
def test_no_key_no_code(key):
    assert accounts.asked(key) is None


def test_whoever_prepared_an_account_with_anothers_mailbox_does_not_get_it():
    mallorys = accounts.register("alice@example.com", "Mallory", "mallory knows this")
    alices = accounts.register("alice@example.com", "Alice", PASSWORD)

    accounts.confirm_registration(alices, code(alices), KEYS)

    with pytest.raises(WrongCode):
        accounts.confirm_registration(mallorys, code(mallorys), KEYS)
    with pytest.raises(WrongPassword):
        accounts.log_in("alice@example.com", "mallory knows this")


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        (("nonsense", "Alice", PASSWORD), {"email"}),
        (("alice@example.com", "  ", PASSWORD), {"name"}),
        (("alice@example.com", "Alice", "short"), {"password"}),
        (("alice@example.com", "Alice", "Password1"), {"password"}),
        (("alice@example.com", "Alice", "Alice@Example.com"), {"password"}),
        (("alice@example.com", "Alice", "aaaaaaaaab"), {"password"}),
        (("alice@example.com", "Alice", "x" * 201), {"password"}),
        (("", "", ""), {"email", "name", "password"}),
    ],
)
def test_what_cannot_be_used_is_said_by_field(values, fields):
    with pytest.raises(InvalidInput) as error:
        accounts.register(*values)

    assert set(error.value.fields) == fields
    assert (count(EmailCode), count(OutboxMessage)) == (0, 0)


def test_asking_tells_nobody_which_emails_have_an_account():
    alice()
    codes, mails = count(EmailCode), count(OutboxMessage)

    for ask in (lambda email: accounts.register(email, "Mallory", PASSWORD), accounts.forgot_password):
        for email in ("alice@example.com", "nobody@example.com"):
            assert len(ask(email)) == 32
            codes, mails = codes + 1, mails + 1
            assert (count(EmailCode), count(OutboxMessage)) == (codes, mails)


# --- what was ordered as a guest ---


def test_orders_of_a_guest_join_the_account_when_its_mailbox_is_proven():
    item = a_variant(on_hand=5)
    order_of(a_cart((item, 1)), "alice@example.com")

    member = alice()

    order = the_order()
    assert (order.account_id, order.customer_id) == (member.account_id, member.customer_id)
    assert [row.account_id for row in db.session.execute(select(Customer)).scalars()] == [member.account_id]


def test_orders_of_a_guest_stay_the_guests_until_the_mailbox_is_proven():
    item = a_variant(on_hand=5)
    order_of(a_cart((item, 1)), "alice@example.com")
    member = accounts.create("alice@example.com", name="Alice", password=PASSWORD)
    assert the_order().account_id is None

    key = accounts.ask_to_verify(member)
    member = accounts.confirm_email(member.account_id, key, code(key), KEYS)

    assert (member.is_verified, the_order().account_id) == (True, member.account_id)


def test_a_guest_with_a_known_email_joins_nothing():
    member = alice()
    item = a_variant(on_hand=5)

    order_of(a_cart((item, 1)), "alice@example.com", name="Mallory")

    assert the_order().account_id is None
    assert the_order().customer_id != member.customer_id
    assert accounts.by_email("alice@example.com") == member


def test_a_code_proves_only_the_mailbox_of_its_own_account():
    member, other = alice(), alice("bob@example.com")
    key = accounts.ask_to_verify(other)

    with pytest.raises(WrongCode):
        accounts.confirm_email(member.account_id, key, code(key), KEYS)


# --- passwords ---


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + " ", "x" * 5000, "\0", "\ud800"])
@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com", "", "\0"])
def test_a_wrong_password_opens_nothing(email, password):
    alice()

    with pytest.raises(WrongPassword) as error:
        accounts.log_in(email, password)

    assert str(error.value) == WrongPassword.message


def test_an_account_without_a_password_lets_nobody_in():
    accounts.create("alice@example.com")

    for password in ("", "x", accounts.NOBODYS_HASH):
        with pytest.raises(WrongPassword):
            accounts.log_in("alice@example.com", password)


def test_a_password_is_hashed_once_for_known_and_unknown_alike(monkeypatch):
    alice()
    verified = []

    class Counting:
        def verify(self, digest, password):
            verified.append(digest)
            return False

    monkeypatch.setattr(accounts, "HASHER", Counting())
    for email in ("alice@example.com", "nobody@example.com"):
        with pytest.raises(WrongPassword):
            accounts.log_in(email, "wrong")

    assert len(verified) == 2


def test_a_weaker_hash_is_renewed_at_login():
    member = alice()
    weak = accounts.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with transaction() as t:
        t.execute(update(Account).values(password_hash=weak))

    accounts.log_in(member.email, PASSWORD)

    db.session.rollback()
    renewed = db.session.execute(select(Account.password_hash)).scalar_one()
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert accounts.log_in(member.email, PASSWORD) == member


def test_a_new_password_ends_the_sessions_of_before():
    member = alice()

    changed = accounts.change_password(member.account_id, PASSWORD, "another good one")

    assert accounts.by_session(member.session_id) is None
    assert accounts.by_session(changed.session_id) == changed
    assert accounts.log_in(member.email, "another good one") == changed


def test_a_password_is_changed_by_its_owner_alone():
    member = alice()

    with pytest.raises(WrongPassword):
        accounts.change_password(member.account_id, "not it", "another good one")
    with pytest.raises(InvalidInput):
        accounts.change_password(member.account_id, PASSWORD, "short")

    assert accounts.log_in(member.email, PASSWORD) == member


def test_a_forgotten_password_is_set_by_the_mailed_code():
    member = alice()
    older, newer = accounts.forgot_password(member.email), accounts.forgot_password(member.email)

    changed = accounts.reset_password(newer, code(newer), "another good one", KEYS)

    assert accounts.by_session(member.session_id) is None
    assert accounts.log_in(member.email, "another good one") == changed
    with pytest.raises(WrongCode):  # the other code of that hour is void too
        accounts.reset_password(older, code(older), "mallory knows this", KEYS)


def test_a_reset_for_nobody_sets_nothing():
    key = accounts.forgot_password("nobody@example.com")

    with pytest.raises(WrongCode):
        accounts.reset_password(key, code(key), "another good one", KEYS)


def test_a_bad_new_password_does_not_use_the_code_up():
    member = alice()
    key = accounts.forgot_password(member.email)

    with pytest.raises(InvalidInput):
        accounts.reset_password(key, code(key), "short", KEYS)

    assert accounts.reset_password(key, code(key), "another good one", KEYS)


def test_logging_out_ends_every_session():
    member = alice()

    accounts.end_sessions(member.account_id)

    assert accounts.by_session(member.session_id) is None
    assert accounts.log_in(member.email, PASSWORD).session_id != member.session_id


@pytest.mark.parametrize("session", ["", ".", "1", "1.", "0.1", "-1.1", "1.x", "²." + "1", "9" * 30 + ".1", "1.1.1"])
def test_an_absurd_session_is_nobodys(session):
    alice()

    assert accounts.by_session(session) is None


# --- staff's commands, profile, tidying ---


def test_staff_make_accounts_of_every_role():
    member = accounts.create("boss@example.com", name="Bo", role=Role.MANAGER, password=PASSWORD, is_verified=True)

    assert (member.role, member.is_verified) == ("manager", True)
    with pytest.raises(AccountExists):
        accounts.create("BOSS@example.com")


def test_a_profile_is_changed_in_part():
    member = alice()
    assert not member.is_complete

    member = accounts.change_profile(member, phone="+44 20 7946 0000")

    assert (member.name, member.phone, member.is_complete) == ("Alice Able", "+44 20 7946 0000", True)
    for wrong in ({"name": ""}, {"phone": "12"}, {"name": "x" * 121}, {"name": "a\0"}):
        with pytest.raises(InvalidInput):
            accounts.change_profile(member, **wrong)


def test_codes_that_are_long_over_are_deleted():
    accounts.register("alice@example.com", "Alice", PASSWORD)
    assert accounts.forget_codes() == 0
    with transaction() as t:
        t.execute(update(EmailCode).values(expires_at=now() - accounts.FORGET_CODES_AFTER - timedelta(seconds=1)))

    assert (accounts.forget_codes(), count(EmailCode)) == (1, 0)
