"""/staff/settings: the doors, and what the shop says of itself, which every process says at once."""

from contextlib import contextmanager
from dataclasses import asdict
from email import message_from_bytes, policy

import pytest

from app import create_app
from app.cli.shop import rounds
from app.extensions import db
from app.services import editing, legal, mail, shop as shops
from app.services.editing import EditConflict
from tests.factories import a_variant
from tests.planting import an_order
from tests.shopper import Browser
from tests.shopping import buy, to_checkout
from tests.staff import as_manager, trail

pytestmark = pytest.mark.usefixtures("app_context")
SHOP = "/staff/settings/shop"


@pytest.fixture
def desk(page):
    return as_manager(page)


@contextmanager
def another(app):
    """Another process of the same shop, started with the same settings."""
    names = (
        "SECRET_KEY",
        "INSTANCE_PATH",
        "STATIC_FOLDER",
        "MAIL_FOLDER",
        "DATABASE_URL",
        "PRETEND_GATEWAY",
        "RATELIMIT_ENABLED",
    )
    made = create_app({"TESTING": True} | {name: app.config[name] for name in names})
    try:
        yield made
    finally:
        with made.app_context():
            db.engine.dispose()


def confirmation(order_id: int):
    """The mail as its reader's program sees it, composed by a worker."""
    composed = mail.confirmation(rounds()[0].args[0], order_id, key="k")
    return message_from_bytes(composed.as_bytes(), policy=policy.default)


@pytest.mark.parametrize("door", ["Shop and company", "Delivery", "Payment", "Taxes", "Legal texts"])
def test_every_door_opens(desk, door):
    desk.get("/staff/settings").click(door)

    assert desk.title.startswith(door)


def test_the_form_shows_what_holds(desk):
    desk.get(SHOP)

    assert desk.form_data("Save")["name"] == ["Till Coffee"]
    assert "GBP" in desk.text
    assert "United Kingdom" in desk.text


def test_what_is_saved_is_said_on_every_page(desk, browser):
    a_variant()

    desk.get(SHOP).submit("Save", name="Corner Shop", email="hello@corner.example", address="1 High Street\nLondon")

    assert (desk.path, trail()) == ("/staff/settings", [("shop changed", "shop")])
    shopper = browser().get("/")
    assert shopper.title.endswith("Corner Shop")
    assert "Till Coffee" not in shopper.html
    assert "hello@corner.example" in shopper.get("/help").text
    assert "1 High Street" in shopper.text
    shopper.get("/manifest.webmanifest")
    assert "Corner Shop" in shopper.html


@pytest.mark.parametrize("path", ["/", "/help", "/p/beans"])
def test_another_process_says_it_at_once(app, desk, path):
    a_variant()
    with another(app) as elsewhere:
        shopper = Browser(elsewhere).get(path)
        tag = shopper.response.headers["ETag"]

        desk.get(SHOP).submit("Save", name="Corner Shop")

        shopper.get(path, headers={"If-None-Match": tag})
        assert shopper.title.endswith("Corner Shop")
        assert shopper.response.headers["ETag"] != tag


def test_a_worker_that_runs_already_mails_by_the_new_name(app, desk):
    order_id = an_order(a_variant())
    with another(app) as elsewhere, elsewhere.app_context():
        before = confirmation(order_id)

        desk.get(SHOP).submit(
            "Save", name="Corner Shop", email="hello@corner.example", mail_from="robot@corner.example", timezone="Asia/Seoul"
        )

        after = confirmation(order_id)
        assert (before["From"], before["Reply-To"]) == ("Till Coffee <shop@example.com>", "shop@example.com")
        assert (after["From"], after["Reply-To"]) == ("Corner Shop <robot@corner.example>", "hello@corner.example")
        assert after["Subject"] == "Your order 10001 at Corner Shop"
        assert after["Date"].endswith("+0900")
        db.session.remove()


def test_no_name_becomes_another_header_or_mailbox(desk):
    name = 'Corner, Shop <evil@example.com>; "Bcc: all@example.com"'
    desk.get(SHOP).submit("Save", name=name)

    sender = confirmation(an_order(a_variant()))["From"].addresses

    assert [(each.display_name, each.addr_spec) for each in sender] == [(name, "shop@example.com")]


def test_the_company_stands_on_receipts_and_mails(desk, browser):
    a_variant()
    company = {"company_name": "Corner Ltd", "company_address": "1 High Street\nLondon", "vat_number": "GB123456789"}

    desk.get(SHOP).submit("Save", company)

    shopper = buy(browser(), "BEANS").click("receipt")
    message = confirmation(1)
    for line in ("Corner Ltd", "1 High Street", "London", "VAT GB123456789"):
        assert line in shopper.text
        for kind in ("plain", "html"):
            assert line in message.get_body((kind,)).get_content()


def test_the_offline_page_is_kept_anew_when_the_shop_has_another_name(desk, browser):
    before = browser().get("/sw.js").html

    desk.get(SHOP).submit("Save", vat_number="GB1")
    same = browser().get("/sw.js").html
    desk.get(SHOP).submit("Save", name="Corner Shop")

    assert same == before
    assert browser().get("/sw.js").html != before


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "", "Enter the name of your shop."),
        ("email", "hello", "Enter an e-mail address alone"),
        ("mail_from", "Till <till@shop.example>\r\nBcc: all@shop.example", "cannot be stored"),
        ("timezone", "Mars/Olympus", "There is no such time zone."),
        ("low_stock_below", "few", "Enter a whole number"),
        ("company_number", "x" * 61, "60 is the most"),
    ],
)
def test_bad_input_is_told_beside_its_field_and_loses_nothing(desk, field, typed, words):
    desk.get(SHOP).submit("Save", {"vat_number": "GB1", field: typed}, status=422)

    assert desk.title.startswith("Error: ")
    assert words in desk.part(f"{field}-error")
    assert desk.form_data("Save")["vat_number"] == ["GB1"]
    assert trail() == []


def test_two_managers_overwrite_nobody(desk, browser, app):
    other = as_manager(browser(), "other@example.com").get(SHOP)
    desk.get(SHOP).submit("Save", name="First", vat_number="GB1")

    other.submit("Save", name="Second", status=409)

    assert "Somebody saved: First" in other.text
    assert "Somebody saved: GB1" in other.text
    assert other.form_data("Save")["name"] == ["Second"]
    other.submit("Save", vat_number="GB1")
    assert browser().get("/").title.endswith("Second")


def test_a_form_that_was_not_ours_changes_nothing(desk):
    desk.post(SHOP, {"name": "Evil"}, status=422)

    assert desk.get("/").title.endswith("Till Coffee")


@pytest.mark.parametrize("path", ["/", "/help", "/checkout"])
def test_a_name_is_shown_as_text(desk, browser, path):
    a_variant()
    desk.get(SHOP).submit("Save", name="<script>alert(1)</script>", company_name="<b>Ltd</b>")

    shopper = browser()
    shopper.post("/cart/items", {"sku": "BEANS"})
    shopper.get(path)

    assert "<script>alert" not in shopper.html


def test_of_two_who_save_at_once_one_is_told(app, at_once):
    now = shops.current(app.config)
    seen = editing.seen(now, shops.NAMES)
    typed = {name: str(value) for name, value in asdict(now).items()}

    def save(number: int) -> str:
        try:
            shops.save(typed | {"name": f"Shop {number}"}, settings=app.config, seen=seen, actor="test")
        except EditConflict:
            return "told"
        return "saved"

    assert sorted(at_once(save, 3)) == ["saved", "told", "told"]


def test_no_page_asks_anew_while_nothing_changed(page, monkeypatch):
    a_variant()
    page.get("/")

    def asked(*_args):
        raise AssertionError("this was known")

    monkeypatch.setattr(shops, "stored", asked)
    monkeypatch.setattr(legal, "LINKS", None)

    for path in ("/help", "/p/beans", "/cart", "/orders/find"):
        page.get(path)
    to_checkout(page, "BEANS")
