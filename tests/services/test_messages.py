"""The outbox as the staff read it: in words, in pages, and each mail as it would be sent."""

from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update

from app import templating
from app.extensions import db, now, transaction
from app.models.order_desk import RequestStatus
from app.models.outbox import OutboxMessage
from app.services import accounts, audit, cancelling, codes, errands, messages, order_requests, outbox, reasons, samples
from app.services.errors import NotFound
from app.services.messages import Fate
from tests.desk import asked, sent
from tests.factories import a_redirect_method, a_variant
from tests.goods import a_download, get_free
from tests.members import a_member, email_codes
from tests.paying import begun, settle
from tests.planting import an_order

pytestmark = pytest.mark.usefixtures("app_context")


def mailer(app):
    return templating.mailer(app)


def written(fate: Fate) -> list[str]:
    """The messages of this fate in words."""
    db.session.rollback()
    return [message.what % {"about": message.about} for message in messages.page(fate).messages]


def kill(*ids: int, error: str = "TimeoutError: timed out") -> None:
    """Let the shop give up on these messages, or on all."""
    chosen = OutboxMessage.id.in_(ids) if ids else OutboxMessage.id > 0
    with transaction() as t:
        t.execute(update(OutboxMessage).where(chosen).values(is_dead=True, attempts=12, last_error=error))


def test_each_message_says_what_it_is_about(monkeypatch):
    payment_id = begun(a_variant("MUG", name="Mug", on_hand=1), a_redirect_method(monkeypatch))
    order_id = settle(payment_id).order_id
    cancelling.cancel(order_id, actor="test", reason="")
    with transaction() as t:
        outbox.owe(t, "payment.problem", "p", {"payment_id": payment_id})
        outbox.owe(t, "account.code", "c", {"code_id": 1})
        outbox.owe(t, "something.new", "n", {})

    assert set(written(Fate.WAITING)) == {
        "Confirmation of order 10001",
        "To the shop: stock of Mug (MUG)",
        "Order 10001 was cancelled",
        "Money that the provider sends back, order 10001",
        "To the shop: look at the payment of order 10001",
        "A code for an account",
        "something.new",
    }
    links = {message.link for message in messages.page(Fate.WAITING).messages}
    assert links == {f"/staff/orders/{order_id}", "/staff/stock?q=MUG", ""}


def test_every_topic_has_words():
    assert set(messages.WORDS) == set(errands.HANDLERS)


def test_messages_are_where_they_belong(app):
    for sku in ("A", "B", "C"):
        an_order(a_variant(sku))
    kill(1)
    with transaction() as t:
        t.execute(update(OutboxMessage).where(OutboxMessage.id == 2).values(done_at=now()))

    assert [[message.id for message in messages.page(fate).messages] for fate in Fate] == [[3], [1], [2]]
    assert messages.failures() == 1


def test_pages_follow_each_other_from_the_newest_on(monkeypatch):
    monkeypatch.setattr(messages, "PAGE", 2)
    item = a_variant()
    for _ in range(3):
        an_order(item)

    first = messages.page(Fate.WAITING)
    second = messages.page(Fate.WAITING, after=first.after)

    assert [[message.id for message in page.messages] for page in (first, second)] == [[3, 2], [1]]
    assert second.after is None


@pytest.mark.parametrize("fate", [Fate.WAITING, Fate.FAILED])
def test_what_is_owed_is_found_by_an_index(fate):
    rows = [{"topic": "x", "dedupe_key": str(number), "payload": {}, "done_at": now()} for number in range(2000)]
    with transaction() as t:
        t.execute(insert(OutboxMessage), rows)
        outbox.owe(t, "x", "owed", {})
    wanted = select(OutboxMessage.id).where(*messages.CONDITIONS[fate]).order_by(OutboxMessage.id.desc()).limit(51)
    said = str(wanted.compile(db.engine, compile_kwargs={"literal_binds": True}))
    if db.engine.name == "postgresql":
        db.session.execute(text("ANALYZE outbox_message"))
    explain = "EXPLAIN QUERY PLAN " if db.engine.name == "sqlite" else "EXPLAIN "

    plan = " ".join(str(row) for row in db.session.connection().exec_driver_sql(explain + said).all())

    assert "ix_outbox_message_fate" in plan or "ix_outbox_message_owed" in plan


@pytest.mark.parametrize(
    ("error", "reason", "detail"),
    [
        ("", "", ""),
        ("ConnectionRefusedError: Connection refused", "Nobody answers at the mail server's address.", "Connection refused"),
        ("SMTPDataError: the mail server answered 451", "The mail server did not take the mail.", "the mail server answered 451"),
        ("ZeroDivisionError", "Something went wrong that nobody foresaw.", ""),
    ],
)
def test_reasons_are_words(error, reason, detail):
    assert (reasons.in_words(error), reasons.detail(error)) == (reason, detail)


# --- trying again ---


def test_a_message_is_retried_with_all_its_tries_before_it():
    an_order(a_variant())
    kill()

    outbox.retry([1])

    message = messages.one(1)
    assert (message.fate, message.tries) == (Fate.WAITING, 0)


def test_retries_of_staff_are_in_the_trail():
    member = a_member(role="manager")
    item = a_variant()
    for _ in range(3):
        an_order(item)
    kill()

    outbox.retry([1], actor=member.actor)
    outbox.retry(dead=True, actor=member.actor)
    outbox.retry(dead=True, actor=member.actor)  # nothing failed any more

    told = [(entry.action, entry.subject, entry.after) for entry in audit.entries()]
    assert told == [("failed messages retried", "messages", {"count": 2}), ("message retried", "message:1", {})]


# --- previews ---


def test_a_mail_is_shown_as_it_would_be_sent_and_nothing_is_sent(app):
    an_order(a_variant(name="House Blend"), notes="Ring twice")

    shown = messages.preview(mailer(app), 1)

    assert (shown.to, shown.subject) == ("gus@example.com", "Your order 10001 at Till Coffee")
    assert all("House Blend" in part and "Ring twice" in part for part in (shown.text, shown.html))
    assert messages.one(1).fate == Fate.WAITING
    assert not Path(app.config["MAIL_FOLDER"]).exists()


def test_a_code_is_never_shown(app):
    accounts.forgot_password(a_member().email)
    [row] = email_codes()
    secret = codes.code_of(row.key, app.config["SECRET_KEY"])

    shown = messages.preview(mailer(app), messages.page(Fate.WAITING).messages[0].id)

    assert shown == messages.NOT_SHOWN
    assert secret not in repr(shown) and row.key not in repr(shown)


def test_what_is_no_mail_says_so(app):
    with transaction() as t:
        outbox.owe(t, "payment.refund", "r", {"refund_id": 1})

    assert messages.preview(mailer(app), 1) == messages.NOT_A_MAIL


def test_what_nobody_gets_any_more_says_so(app):
    an_order(a_variant())
    with transaction() as t:
        t.execute(text("""UPDATE "order" SET email = ''"""))

    assert messages.preview(mailer(app), 1) == messages.NOBODYS


@pytest.mark.parametrize("payload", [{"order_id": 999}, {}])
@pytest.mark.breaks_invariants
def test_what_cannot_be_composed_says_why(payload, app):
    with transaction() as t:
        outbox.owe(t, "order.confirmation", "x", payload)

    shown = messages.preview(mailer(app), 1)

    assert shown.why_not and not shown.html


def test_a_message_that_is_not_there(app):
    with pytest.raises(NotFound):
        messages.preview(mailer(app), 1)
    with pytest.raises(NotFound):
        messages.one(1)


# --- samples ---


def test_every_kind_of_mail_has_a_sample(app):
    an_order(a_variant("MUG", on_hand=1))
    get_free((a_download(), 1))
    order_requests.answer(1, asked(sent(1)), RequestStatus.ACCEPTED, "Send it back.", actor="cli")

    shown = {name: samples.sample(mailer(app), name) for name in samples.KINDS}

    assert {name: preview.why_not for name, preview in shown.items() if preview.why_not} == {}
    assert samples.CODE in shown["code-new-password"].text
    assert "guide.pdf" in shown["delivered"].text


def test_a_new_shop_says_what_is_missing(app):
    shown = {name: samples.sample(mailer(app), name).why_not for name in samples.KINDS}

    of_nothing = {name for name in samples.KINDS if name.startswith("code-")} | {"invitation", "alarm"}
    assert {name for name, why_not in shown.items() if not why_not} == of_nothing


def test_a_kind_that_there_is_not(app):
    assert samples.sample(mailer(app), "nonsense") is None


def test_looking_sends_nothing_and_changes_nothing(app):
    an_order(a_variant())
    before = db.session.execute(text("SELECT count(*) FROM outbox_message")).scalar()

    for name in samples.KINDS:
        samples.sample(mailer(app), name)

    assert db.session.execute(text("SELECT count(*) FROM outbox_message")).scalar() == before
    assert db.session.execute(text("SELECT count(*) FROM heartbeat")).scalar() == 0
