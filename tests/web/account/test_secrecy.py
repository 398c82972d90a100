"""Nothing tells whether an e-mail has an account, and nobody reaches one by its e-mail: not by words, size, work or rows."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.models.customer import Account, Address, ApiToken, CartLine, Customer
from app.models.order import Order
from app.models.outbox import OutboxMessage
from app.services import accounts, address_book, tokens
from tests.driver import listening
from tests.factories import LONDON, a_variant
from tests.members import ALICE, PASSWORD, a_member, log_in
from tests.shopping import buy, put_in

pytestmark = pytest.mark.usefixtures("app_context")
NOBODY, FIRST = "noboy@example.com", "first@example.com"  # as long as hers; the first one warms what is kept in memory
RANDOM = re.compile(r'name="(csrf_token|shown)"[^>]*|[0-9a-f]{32}')


@pytest.fixture
def alice():
    return a_member()


class Hasher:
    """Counts the work of the one that it stands for."""

    def __init__(self, real):
        self.real, self.times = real, []

    def __getattr__(self, name):
        return getattr(self.real, name)

    def hash(self, password):
        self.times.append("hash")
        return self.real.hash(password)

    def verify(self, digest, password):
        self.times.append("verify")
        return self.real.verify(digest, password)


@pytest.fixture
def watched(monkeypatch):
    """What doing something takes: answers, words, statements, hashes and outbox rows, without what is random or the e-mail."""
    hasher, statements = Hasher(accounts.HASHER), []
    monkeypatch.setattr(accounts, "HASHER", hasher)
    db.session.rollback()

    def watch(page, email: str, doing: Callable) -> dict:
        before = owed()
        hasher.times.clear(), statements.clear()
        start = len(page.visited)
        doing(page, email)
        done = list(statements), list(hasher.times)
        body = RANDOM.sub("…", page.html).replace(email, "EMAIL").replace(email.casefold(), "EMAIL")
        return {
            "answers": [(method, RANDOM.sub("…", path), status) for method, path, status in page.visited[start:]],
            "size": len(body),
            "body": body,
            "statements": done[0],
            "hashes": done[1],
            "owed": owed() - before,
            "cookies": sorted(page.cookies),
        }

    with listening(db.engine, after=statements.append):
        yield watch


def owed() -> int:
    db.session.rollback()
    return db.session.execute(select(func.count(OutboxMessage.id))).scalar_one()


def logs_in(page, email):
    log_in(page, email, "a wrong password", status=422)


def registers(page, email):
    page.get("/account/register")
    page.submit("Mail me a code", name="Somebody", email=email, password="four white geese")


def forgets(page, email):
    page.get("/account/password/forgot")
    page.submit("Mail me a code", email=email)


def sets_a_password(page, email):
    page.get("/account/password/forgot").submit("Mail me a code", email=email)
    page.submit("Set this password", code="AAAAA-AAAAA", password="four white geese", status=422)


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize("doing", [logs_in, registers, forgets, sets_a_password])
def test_known_and_unknown_are_treated_alike(app, browser, alice, watched, doing, limited):
    app.config["RATELIMIT_ENABLED"] = limited

    _, known, unknown = (watched(browser(), email, doing) for email in (FIRST, ALICE, NOBODY))

    assert known == unknown
    assert known["statements"]


def test_the_same_hashes_for_both(browser, alice, watched):
    found = {doing.__name__: watched(browser(), NOBODY, doing)["hashes"] for doing in (logs_in, registers, forgets)}

    assert found == {"logs_in": ["verify"], "registers": ["hash"], "forgets": []}


def orders_as_a_guest(page, email):
    buy(page, "BEANS", email=email)


def test_a_guests_checkout_never_looks_at_accounts(browser, alice, watched):
    a_variant()

    _, known, unknown = (watched(browser(), email, orders_as_a_guest) for email in (FIRST, ALICE, NOBODY))

    for each in (known, unknown):
        each["body"] = re.sub(r"10\d{3}", "NUMBER", each["body"])
    assert known == unknown
    assert not [statement for statement in known["statements"] if re.search(r"\b(FROM|JOIN|INTO|UPDATE) account\b", statement)]


def test_a_checkout_that_is_refused_says_no_more(browser, alice, watched):
    a_variant()

    def errs(page, email):
        buy(page, "BEANS", email=email, name="", status=422)

    _, known, unknown = (watched(browser(), email, errs) for email in (FIRST, ALICE, NOBODY))

    assert known == unknown


# --- Mallory has Alice's e-mail ---


def rows(member) -> dict[str, list]:
    """Every row that is Alice's, to the byte."""
    db.session.rollback()
    mine, theirs = member.customer_id, member.account_id
    wanted = {
        "account": select(Account.__table__).where(Account.id == theirs),
        "customer": select(Customer.__table__).where(Customer.id == mine),
        "address": select(Address.__table__).where(Address.customer_id == mine),
        "cart": select(CartLine.__table__).where(CartLine.customer_id == mine),
        "token": select(ApiToken.__table__).where(ApiToken.account_id == theirs),
        "orders": select(Order.__table__).where(Order.account_id == theirs),
    }
    return {name: [tuple(row) for row in db.session.execute(statement)] for name, statement in wanted.items()}


@pytest.fixture
def settled(page, alice):
    """Alice with an order, an address, a cart and a token; what she has."""
    a_variant(on_hand=50)
    log_in(page)
    buy(page, "BEANS", email=ALICE)
    put_in(page, "BEANS", 3)
    address_book.add(alice.customer_id, LONDON, name="Alice Example")
    tokens.make(alice.account_id, "Her list")
    before = rows(alice)
    assert all(before.values())
    return before


@pytest.mark.parametrize("email", [ALICE, "Alice@EXAMPLE.com", " alice@example.com "])
def test_ordering_with_her_email_touches_nothing_of_hers(page, browser, alice, settled, email):
    mallory = browser()
    buy(mallory, "BEANS", 2, email=email, name="Mallory", line1="13 Evil Lane", phone="+44 20 7946 0999")

    assert rows(alice) == settled
    page.get("/account/orders")
    assert page.html.count("/orders/") == len(settled["orders"]) + 1  # and the way to find one, in the footer
    page.get("/checkout")
    assert "Mallory" not in page.html
    assert "Evil" not in page.html


def test_nor_does_asking_for_codes_with_it(browser, alice, settled):
    mallory = browser()
    for doing in (registers, forgets, sets_a_password, logs_in):
        doing(mallory, ALICE)

    assert rows(alice) == settled


def test_mallorys_order_reads_nothing_of_hers(browser, alice, settled):
    mallory = browser()
    buy(mallory, "BEANS", email=ALICE, name="Mallory", line1="13 Evil Lane")

    mallory.get("/checkout")
    mallory.get("/account/orders")

    assert mallory.path.startswith("/account/login")
    mallory.get("/cart")
    assert "There is nothing in it yet." in mallory.text


def test_her_orders_are_masked_for_whoever_has_their_address(browser, alice, settled):
    key = db.session.execute(select(Order.key).where(Order.account_id == alice.account_id)).scalar_one()
    a_member("mallory@example.com")
    log_in(mallory := browser(), "mallory@example.com")

    mallory.get(f"/orders/{key}")

    assert ALICE not in mallory.html
    assert "High Street" not in mallory.html
    assert "Order again" not in mallory.text


def test_the_log_names_nobody(page, browser, alice, caplog):
    caplog.set_level("DEBUG")
    for doing in (registers, forgets, logs_in):
        doing(browser(), ALICE)
    log_in(page)

    assert ALICE not in caplog.text
    assert PASSWORD not in caplog.text
