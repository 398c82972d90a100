"""What passwords and mailed codes are made of, what becomes of them in time, and at once."""

import time
import unicodedata
from datetime import timedelta
from threading import Event, Thread

import pytest
from flask import current_app
from sqlalchemy import func, select, update

from app.extensions import db, now, transaction
from app.models.customer import Account, EmailCode
from app.models.order import Order
from app.models.outbox import OutboxMessage
from app.services import accounts, codes, customers
from app.services.accounts import WrongCode, WrongPassword
from app.services.codes import Purpose
from tests.factories import a_variant
from tests.members import ALICE, PASSWORD, a_member, account, code, email_codes, mails, words
from tests.planting import an_order

pytestmark = pytest.mark.usefixtures("app_context")
SECRETS = ["present", "earlier"]


def ask(email: str = ALICE) -> str:
    return accounts.register(email, "Alice Example", PASSWORD)


def invited() -> str:
    with transaction() as t:
        accounts.invite(t, ALICE)
    return email_codes()[-1].key


def secrets() -> list[str]:
    return [current_app.config["SECRET_KEY"]]


# --- passwords ---


def test_nobodys_hash_costs_what_a_real_one_does():
    assert not accounts.HASHER.check_needs_rehash(accounts.NOBODYS_HASH)
    assert not accounts.is_password("", "anything")
    assert not accounts.is_password(accounts.NOBODYS_HASH, "anything")


@pytest.mark.parametrize("digest", ["x", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA", "plain"])
def test_what_is_no_hash_lets_nobody_in(digest):
    assert not accounts.is_password(digest, digest)


def test_letters_may_be_composed_as_the_keyboard_likes():
    digest = accounts.hashed(unicodedata.normalize("NFD", "größere Übung"))

    assert accounts.is_password(digest, unicodedata.normalize("NFC", "größere Übung"))


@pytest.mark.parametrize("email", ["", "x", "\0", "alice@example.com\0", "a" * 300 + "@example.com", "alice@example.com\ud800"])
def test_what_is_no_email_has_no_account(email):
    a_member()

    with pytest.raises(WrongPassword):
        accounts.log_in(email, PASSWORD)


def test_a_new_password_ends_every_session():
    before = a_member()

    after = accounts.change_password(before.account_id, PASSWORD, "four white geese")

    assert accounts.by_session(before.session_id) is None
    assert accounts.by_session(after.session_id) == after


# --- codes ---


def test_a_code_follows_from_its_key_and_the_shops_secret():
    assert codes.code_of("k", "present") == codes.code_of("k", "present")
    assert len({codes.code_of(key, secret) for key in "ab" for secret in SECRETS}) == 4


@pytest.mark.parametrize("secret", SECRETS)
def test_a_code_outlives_a_change_of_the_secret(secret):
    assert codes.is_code("k", codes.code_of("k", secret), SECRETS)
    assert not codes.is_code("k", codes.code_of("k", "another"), SECRETS)


def test_the_letters_that_look_alike_do_not_matter():
    key = next(str(n) for n in range(999) if {"O", "I"} <= set(codes.code_of(str(n), "present")))
    typed = codes.code_of(key, "present").replace("O", "0").replace("I", "1")

    assert codes.is_code(key, typed, SECRETS)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_code_is_good_for_what_it_was_asked_for_only(purpose):
    member = a_member(verified=False)
    key = {
        Purpose.REGISTER: lambda: ask("new@example.com"),
        Purpose.RESET: lambda: accounts.forgot_password(ALICE),
        Purpose.VERIFY: lambda: accounts.ask_to_verify(member),
        Purpose.INVITE: invited,
    }[purpose]()
    uses = {
        Purpose.REGISTER: lambda: accounts.confirm_registration(key, code(), secrets()),
        Purpose.RESET: lambda: accounts.reset_password(key, code(), "four white geese", secrets()),
        Purpose.VERIFY: lambda: accounts.confirm_email(member.account_id, key, code(), secrets()),
    }
    uses[Purpose.INVITE] = uses[Purpose.RESET]  # both choose a password

    for other in (use for use in uses.values() if use is not uses[purpose]):
        with pytest.raises(WrongCode):
            other()
    uses[purpose]()
    with pytest.raises(WrongCode):
        uses[purpose]()


def test_another_account_cannot_use_a_code_to_verify():
    alice, bob = a_member(verified=False), a_member("bob@example.com", verified=False)
    key = accounts.ask_to_verify(alice)

    with pytest.raises(WrongCode):
        accounts.confirm_email(bob.account_id, key, code(), secrets())

    assert account("bob@example.com").email_verified_at is None


def test_wrong_tries_stay_counted_though_they_raise():
    key = ask()
    for _ in range(accounts.CODE_TRIES):
        with pytest.raises(WrongCode):
            accounts.confirm_registration(key, "wrong", secrets())

    assert email_codes()[0].tries == accounts.CODE_TRIES
    with pytest.raises(WrongCode):
        accounts.confirm_registration(key, code(), secrets())


def test_no_password_hash_is_kept_longer_than_its_code_is_good():
    key = ask()
    accounts.confirm_registration(key, code(), secrets())
    ask("other@example.com")
    with transaction() as t:
        t.execute(update(EmailCode).values(expires_at=now() - accounts.FORGET_CODES_AFTER - timedelta(seconds=1)))

    assert accounts.forget_codes() == 2
    assert email_codes() == []


def test_codes_that_are_good_are_not_forgotten():
    ask()

    assert accounts.forget_codes() == 0


def test_at_once_two_codes_of_one_mailbox_make_one_account(app):
    keys = [ask(), ask()]
    typed = [codes.code_of(key, secrets()[0]) for key in keys]
    db.session.remove()
    ended = []

    def confirm(key, code):
        with app.app_context():
            try:
                ended.append(accounts.confirm_registration(key, code, [app.config["SECRET_KEY"]]).email)
            except WrongCode:
                ended.append("wrong")
            finally:
                db.session.remove()

    threads = [Thread(target=confirm, args=pair) for pair in zip(keys, typed, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ended) == [ALICE, "wrong"]
    assert db.session.execute(select(func.count(Account.id))).scalar_one() == 1


def test_verifying_waits_for_a_guests_order_that_is_being_placed(app, monkeypatch):
    beans = a_variant(on_hand=100)
    an_order(beans, email=ALICE)
    member = a_member(verified=False)
    db.session.remove()
    real, met, failed = customers.guest, Event(), []

    def slowly(t, contact):
        customer_id = real(t, contact)
        met.set()
        time.sleep(0.5)  # in which the other one looks for the guest
        return customer_id

    def run(do):
        with app.app_context():
            try:
                do()
            except Exception as error:
                failed.append(error)
            finally:
                db.session.remove()

    def verify():
        met.wait(10)
        with transaction() as t:
            accounts.verified(t, member.account_id)

    monkeypatch.setattr(customers, "guest", slowly)
    threads = [Thread(target=run, args=(do,)) for do in (lambda: an_order(beans, email=ALICE), verify)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    found = db.session.execute(select(Order.account_id)).scalars().all()
    assert found == [member.account_id] * 2


# --- mails ---


def outbox() -> list[OutboxMessage]:
    db.session.rollback()
    return list(db.session.execute(select(OutboxMessage)).scalars())


@pytest.mark.parametrize("change", [{"used_at": now()}, {"expires_at": now() - timedelta(seconds=1)}, None])
def test_a_code_that_is_over_is_mailed_to_nobody(change):
    ask()
    with transaction() as t:
        if change:
            t.execute(update(EmailCode).values(**change))
        else:
            t.execute(EmailCode.__table__.delete())

    assert mails() == []
    assert [message.done_at is not None for message in outbox()] == [True]


def test_the_outbox_holds_neither_mailbox_nor_code():
    ask()

    [message] = outbox()
    assert message.payload == {"code_id": email_codes()[0].id}
    assert ALICE not in message.dedupe_key


def test_a_mail_has_text_and_html_that_say_the_same():
    a_member()
    ask(), ask("new@example.com"), accounts.forgot_password(ALICE), accounts.forgot_password("none@example.com")
    accounts.ask_to_verify(accounts.by_email(ALICE))

    for mail in mails():
        said = mail.get_body(("html",)).get_content()
        shown = words(mail)
        for row in email_codes():
            secret = codes.code_of(row.key, secrets()[0])
            assert (secret in said) == (secret in shown)
        assert mail["Subject"].endswith(current_app.config["SHOP_NAME"])


def test_the_secret_of_a_registration_stands_in_its_own_mail_only():
    ask("one@example.com"), ask("two@example.com")
    first, second = (codes.code_of(row.key, secrets()[0]) for row in email_codes())

    found = {mail["To"]: words(mail) for mail in mails()}

    assert first in found["one@example.com"] and second not in found["one@example.com"]
    assert second in found["two@example.com"] and first not in found["two@example.com"]


# --- making ---


@pytest.mark.parametrize("spelled", ["ALICE@example.com", " alice@EXAMPLE.com "])
def test_every_spelling_finds_it(spelled):
    assert accounts.by_email(spelled) is None
    member = a_member()

    assert accounts.by_email(spelled) == member
