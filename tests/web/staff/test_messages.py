"""The outbox behind the counter: reading it, retrying, previews and samples of mails."""

import pytest
from sqlalchemy import select, update

from app.extensions import db, now, transaction
from app.models.outbox import OutboxMessage
from app.services import accounts, codes, messages, outbox
from tests.factories import a_variant
from tests.members import a_member, email_codes
from tests.planting import an_order
from tests.shopper import Browser, HtmxBrowser
from tests.staff import as_manager, as_staff, trail

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def failed() -> int:
    """A confirmation that was given up on; answers its id."""
    an_order(a_variant(name="House Blend"))
    with transaction() as t:
        values = {"is_dead": True, "attempts": 12, "last_error": "SMTPDataError: the mail server answered 451"}
        t.execute(update(OutboxMessage).where(OutboxMessage.topic == "order.confirmation").values(**values))
    db.session.rollback()
    return 1


def message(message_id: int) -> OutboxMessage:
    db.session.rollback()
    return db.session.get(OutboxMessage, message_id, populate_existing=True)


# --- the list ---


def test_an_empty_outbox_says_so(page):
    as_staff(page).get("/staff/messages?state=waiting")

    assert "Nothing waits" in page.text


def test_what_failed_is_shown_first_with_its_reason(page, failed):
    as_staff(page).get("/staff/messages")

    assert "Confirmation of order 10001" in page.text
    assert "The mail server did not take the mail." in page.text
    assert "Failed (1)" in page.text
    assert "given up after 12 tries" in page.text


def test_what_waits_says_when_it_is_due(page):
    an_order(a_variant())

    as_staff(page).get("/staff/messages")

    assert "Confirmation of order 10001" in page.text and "waiting due" in page.text.replace("\n", " ")


def test_what_was_sent_says_when(page):
    an_order(a_variant())
    with transaction() as t:
        t.execute(update(OutboxMessage).values(done_at=now()))

    as_staff(page).get("/staff/messages?state=sent")

    assert "Confirmation of order 10001" in page.text and "done" in page.text


def test_older_ones_are_on_the_next_page(page, monkeypatch):
    monkeypatch.setattr(messages, "PAGE", 2)
    item = a_variant()
    for _ in range(3):
        an_order(item)

    as_staff(page).get("/staff/messages?state=waiting").click("Next page")

    assert "order 10001" in page.text and "order 10002" not in page.text


@pytest.mark.parametrize("query", ["state=nonsense", "after=x", "after=99999999999", "state=sent&after=-1", "state="])
def test_odd_addresses_are_no_error(query, page):
    as_staff(page).get(f"/staff/messages?{query}", status=200)


# --- retrying ---


def test_one_message_is_retried(page, failed):
    as_staff(page).get("/staff/messages").submit("Retry Confirmation of order 10001")

    assert page.path == "/staff/messages/1"
    assert "It is tried once more" in page.text
    assert (message(1).is_dead, message(1).attempts) == (False, 0)
    assert trail() == [("message retried", "message:1")]


def test_with_htmx_the_row_is_swapped(hx, failed):
    as_staff(hx).get("/staff/messages").submit("Retry Confirmation of order 10001")

    assert hx.path == "/staff/messages"
    assert "Tried once more in a moment." in hx.text and "given up" not in hx.text
    assert not message(1).is_dead


@pytest.mark.parametrize("browser", [Browser, HtmxBrowser])
def test_what_was_done_meanwhile_is_not_done_again(browser, app, failed):
    page = as_staff(browser(app)).get("/staff/messages")
    with transaction() as t:
        t.execute(update(OutboxMessage).values(done_at=now(), is_dead=False))

    page.submit("Retry Confirmation of order 10001", status=409)

    assert "This was done meanwhile" in page.text
    assert trail() == []


def test_all_that_failed_is_retried(page, failed):
    with transaction() as t:
        outbox.owe(t, "x", "x", {})

    as_staff(page).get("/staff/messages").submit("Retry all that failed")

    assert "1 messages are tried once more" in page.text
    assert trail() == [("failed messages retried", "messages")]


@pytest.mark.parametrize("path", ["/staff/messages/1/retry", "/staff/messages/retry"])
def test_a_form_without_its_token_changes_nothing(path, page, failed):
    as_staff(page).post(path, {}, status=422)

    assert "open for too long" in page.text
    assert message(1).is_dead


def test_a_row_without_its_token_says_so(hx, failed):
    as_staff(hx).get("/staff/messages")

    answer = hx.client.post("/staff/messages/1/retry", headers={"HX-Request": "true"})

    assert answer.status_code == 422
    assert "open for too long" in answer.text and 'id="message-1"' in answer.text


@pytest.mark.parametrize(
    "path", ["/staff/messages/99", "/staff/messages/99/html", "/staff/messages/0", "/staff/messages/99999999999"]
)
def test_a_message_that_is_not_there(path, page):
    as_staff(page).get(path, status=404)


# --- one message ---


def test_a_message_shows_the_mail_and_leads_to_the_order(page, failed):
    as_staff(page).get("/staff/messages/1")

    assert "gus@example.com" in page.text and "House Blend" in page.text
    assert "the mail server answered 451" in page.text
    assert 'href="/staff/orders/1"' in page.html


def test_the_mail_with_its_looks_can_do_nothing(page, failed):
    as_staff(page)

    answer = page.client.get("/staff/messages/1/html")

    assert "House Blend" in answer.text
    [policy] = answer.headers.getlist("Content-Security-Policy")
    assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'") and "script" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_what_a_shopper_typed_stays_text(page):
    order_id = an_order(a_variant(), notes="</pre><script>alert(1)</script>")
    as_staff(page)
    [message_id] = db.session.execute(select(OutboxMessage.id)).scalars()

    page.get(f"/staff/messages/{message_id}")

    assert order_id and "<script>alert(1)" not in page.html
    assert "<script>alert(1)" not in page.client.get(f"/staff/messages/{message_id}/html").text


def test_codes_are_shown_nowhere(app, page):
    accounts.forgot_password(a_member().email)
    [row] = email_codes()
    secret = codes.code_of(row.key, app.config["SECRET_KEY"])
    as_staff(page)

    for path in ("/staff/messages?state=waiting", "/staff/messages/1"):
        page.get(path)
        assert secret not in page.html and row.key not in page.html and "alice@example.com" not in page.html
    assert "Not shown, for its owner's safety" in page.text
    assert page.client.get("/staff/messages/1/html").status_code == 404


@pytest.mark.parametrize(
    ("template", "told"),
    [("{{ nothing }}", "names something that it is not given"), ("{{ 'x'|moment }}", "went wrong that nobody foresaw")],
)
def test_a_mail_whose_template_is_broken_says_so(template, told, app, page, failed, monkeypatch):
    from jinja2 import DictLoader

    as_staff(page)
    app.jinja_env.cache.clear()
    broken = DictLoader({"email/confirmation.txt": template, "email/confirmation.html": "x"})
    monkeypatch.setattr(
        app.jinja_env.loader,
        "get_source",
        lambda env, name, real=app.jinja_env.loader.get_source: (
            broken.get_source(env, name) if name.startswith("email/confirmation") else real(env, name)
        ),
    )

    page.get("/staff/messages/1")

    assert told in page.text


# --- samples ---


def test_a_manager_sees_every_kind_of_mail(page, failed):
    as_manager(page).get("/staff/messages").click("What do the mails look like?")
    page.click("Order confirmed")

    assert "House Blend" in page.text
    assert 'href="/staff/messages/samples/confirmation/html"' in page.html
    answer = page.client.get("/staff/messages/samples/confirmation/html")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")


def test_a_shop_without_orders_says_what_is_missing(page):
    as_manager(page).get("/staff/messages/samples/confirmation")

    assert "There is nothing yet" in page.text
    assert page.client.get("/staff/messages/samples/confirmation/html").status_code == 404


@pytest.mark.parametrize("path", ["/staff/messages/samples/nonsense", "/staff/messages/samples/nonsense/html"])
def test_a_kind_that_there_is_not(path, page):
    as_manager(page).get(path, status=404)
