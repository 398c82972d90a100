"""/staff/settings/legal, and where its texts are read: the public page, every footer, checkout, and the confirmation mail."""

from email import message_from_bytes, policy

import pytest

from app.cli.shop import rounds
from app.extensions import transaction
from app.models.order import Order
from app.services import editing, legal, mail
from tests.factories import a_variant
from tests.planting import an_order
from tests.shopping import to_checkout
from tests.staff import as_manager, trail

pytestmark = pytest.mark.usefixtures("app_context")
LEGAL = "/staff/settings/legal"


@pytest.fixture
def desk(page):
    return as_manager(page)


def publish(slug: str = "terms", body: str = "We sell.", title: str = "Terms of sale") -> None:
    seen = editing.seen(legal.draft(slug), legal.EDITED)
    legal.publish(slug, {"title": title, "body": body}, seen=seen, actor="cli")


def confirmation(order_id: int):
    composed = mail.confirmation(rounds()[0].args[0], order_id, key="k")
    return message_from_bytes(composed.as_bytes(), policy=policy.default)


# ------------------------------------------------------------------------------------------------ the back office


def test_a_text_is_looked_at_then_published(desk, browser):
    desk.get(LEGAL).click("Terms of sale").submit("Preview", body="# Prices\n\nWith **tax**.")

    assert "Preview: nothing is published yet" in desk.text
    assert [h.text for h in desk.document.every("h2")] == ["Prices"]
    assert browser().get("/legal/terms", status=404)
    desk.submit("Publish")
    assert desk.path == LEGAL
    assert "Terms of sale is public now." in desk.text
    assert trail() == [("legal text published", "legal:terms")]
    assert "With tax." in browser().get("/legal/terms").text


def test_an_empty_text_takes_it_back(desk, browser):
    publish()

    desk.get(f"{LEGAL}/terms").submit("Publish", body="")

    assert "Terms of sale is not public any more." in desk.text
    assert "taken back" in desk.text
    browser().get("/legal/terms", status=404)
    assert "Terms of sale" not in browser().get("/").text


def test_publishing_what_is_public_says_so(desk):
    publish()

    desk.get(f"{LEGAL}/terms").submit("Publish")

    assert "Nothing was changed." in desk.text


def test_every_version_can_be_read(desk):
    publish(body="Old words.")
    publish(body="New words.")

    desk.get(f"{LEGAL}/terms")
    versions = [a.get("href") for a in desk.document.every("a") if f"{LEGAL}/terms/" in a.get("href", "")]
    desk.get(versions[-1])

    assert len(versions) == 2
    assert "Old words." in desk.text


def test_older_versions_are_on_the_next_page(desk, monkeypatch):
    monkeypatch.setattr(legal, "VERSIONS", 1)
    publish(body="Old words.", title="Old title")
    publish(body="New words.", title="New title")

    desk.get(f"{LEGAL}/terms")
    assert "Old title" not in desk.text

    assert "Old title" in desk.click("Next page").text


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [("title", "", "Enter a title"), ("title", "x" * 121, "120 is the most"), ("body", "x" * 100_001, "100000 is the most")],
)
@pytest.mark.parametrize("button", ["Preview", "Publish"])
def test_bad_input_is_told_beside_its_field_and_loses_nothing(desk, button, field, typed, words):
    desk.get(f"{LEGAL}/terms").submit(button, {"title": "Terms", "body": "Long written.", field: typed}, status=422)

    assert words in desk.part(f"{field}-error")
    assert desk.form_data("Publish")[field] == [typed]
    assert trail() == []


def test_a_text_may_be_as_long_as_lawyers_write(desk, browser):
    body = "Straße, für größere Übel. " * 3500

    desk.get(f"{LEGAL}/terms").submit("Publish", body=body)

    assert len(browser().get("/legal/terms").text) > 90_000


def test_other_forms_take_no_more_than_before(desk):
    desk.post("/staff/settings/taxes/new", {"rates": "x" * 70_000}, status=413)


def test_two_managers_overwrite_nobody(desk, browser):
    other = as_manager(browser(), "other@example.com").get(f"{LEGAL}/terms")
    desk.get(f"{LEGAL}/terms").submit("Publish", body="First words.")

    other.submit("Publish", body="Second words.", status=409)

    assert "Somebody saved: First words." in other.text
    assert other.form_data("Publish")["body"] == ["Second words."]
    other.submit("Publish")
    assert legal.public("terms").body == "Second words."


def test_a_form_that_was_not_ours_publishes_nothing(desk):
    desk.post(f"{LEGAL}/terms", {"title": "Evil", "body": "Evil", "action": "publish"}, status=422)

    assert legal.public("terms") is None


def test_what_is_not_there_is_not_found(desk):
    token = desk.get(LEGAL).form_data(form="/account/logout")["csrf_token"]

    desk.get(f"{LEGAL}/cookies", status=404)
    desk.post(f"{LEGAL}/cookies", {"csrf_token": token, "title": "x"}, status=404)
    for path in ("terms/1", "cookies/1"):
        desk.get(f"{LEGAL}/{path}", status=404)


# ------------------------------------------------------------------------------------------------ in the shop


@pytest.mark.parametrize("path", ["/", "/help", "/cart", "/orders/find", "/nowhere"])
def test_what_has_text_is_linked_at_the_foot_of_every_page(page, path):
    publish("privacy", "We forget.", "Privacy")

    page.get(path, status=None).click("Privacy")

    assert (page.path, page.title) == ("/legal/privacy", "Privacy – Till Coffee")


def test_a_page_is_another_page_once_a_text_is_published(client):
    first = client.get("/legal/terms")
    home = client.get("/").headers["ETag"]
    publish()

    page = client.get("/legal/terms")
    again = client.get("/legal/terms", headers={"If-None-Match": page.headers["ETag"]})

    assert (first.status_code, page.status_code, again.status_code) == (404, 200, 304)
    assert client.get("/", headers={"If-None-Match": home}).status_code == 200


def test_a_text_runs_no_script(page):
    publish(body="<script>alert(1)</script>\n\n[click](javascript:alert(1)) <img src=x onerror=alert(1)>")

    page.get("/legal/terms")

    assert not page.document.every("img")
    assert not any(a.get("href", "").startswith("javascript:") for a in page.document.every("a"))
    assert "<script>alert" not in page.html


def test_the_sitemap_lists_what_is_public(client):
    publish("imprint", "It is us.", "Imprint")

    places = client.get("/sitemap.xml").get_data(as_text=True)

    assert "/legal/imprint<" in places
    assert "/legal/terms" not in places


def test_checkout_says_what_one_agrees_to_beside_its_button(page, browser):
    a_variant()
    assert "By ordering" not in to_checkout(browser(), "BEANS").text
    publish("terms", "We sell.", "Terms of sale")
    publish("withdrawal", "Fourteen days.", "Right of withdrawal")
    publish("privacy", "We forget.", "Privacy")

    to_checkout(page, "BEANS")

    assert "By ordering you accept: Terms of sale. You keep: Right of withdrawal." in page.part("checkout")
    assert "Privacy" not in page.part("checkout")


def test_htmx_keeps_it_there(hx):
    a_variant()
    publish()

    to_checkout(hx, "BEANS").submit("Order and pay", status=422)

    assert "By ordering you accept: Terms of sale." in hx.part("checkout")


def test_the_confirmation_has_what_was_agreed_as_it_was(app_context):
    publish("terms", "Old terms: für alle.", "Terms of sale")
    publish("withdrawal", "Fourteen days.", "Right of withdrawal")
    order_id = an_order(a_variant())
    publish("terms", "New terms.", "Terms of sale")

    message = confirmation(order_id)

    attached = {part.get_filename(): part.get_content().replace("\r\n", "\n") for part in message.iter_attachments()}
    assert attached == {
        "terms.txt": "Terms of sale\n\nOld terms: für alle.\n",
        "withdrawal.txt": "Right of withdrawal\n\nFourteen days.\n",
    }
    for kind in ("plain", "html"):
        assert "/legal/withdrawal" in message.get_body((kind,)).get_content()


def test_a_shop_without_texts_mails_none(app_context):
    message = confirmation(an_order(a_variant()))

    assert list(message.iter_attachments()) == []
    assert "/legal/" not in message.get_body(("plain",)).get_content()


def test_an_older_order_agreed_to_nothing(app_context):
    order_id = an_order(a_variant())
    publish()

    assert list(confirmation(order_id).iter_attachments()) == []
    with transaction() as t:
        t.execute(Order.__table__.update().values(placed_at=legal.public("terms").created_at))
    assert [part.get_filename() for part in confirmation(order_id).iter_attachments()] == ["terms.txt"]
