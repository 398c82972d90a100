"""/staff/discounts: the codes, for managers: made, changed without overwriting anybody, switched off."""

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models.discount import DiscountCode
from tests.factories import a_cart, a_discount, a_variant
from tests.shopping import order_of, put_in
from tests.staff import as_manager, trail

pytestmark = [
    pytest.mark.usefixtures("app_context"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.fixture
def manager(page):
    return as_manager(page)


def codes() -> list[tuple[str, int, bool]]:
    db.session.rollback()
    columns = DiscountCode.code, DiscountCode.value, DiscountCode.is_active
    return [tuple(row) for row in db.session.execute(select(*columns).order_by(DiscountCode.id))]


def test_the_way_there_is_among_the_doors(manager):
    manager.get("/staff").click("Products").click("Discounts")

    assert "There is no code yet." in manager.text


def test_a_code_is_made_and_shoppers_can_use_it(manager, browser):
    manager.get("/staff/discounts").click("A new code")
    manager.submit("Make the code", code="spring-1", kind="amount", value="2.50", most_uses="10", ends_at="2099-12-24T18:00")
    a_variant()

    assert (manager.path, codes()) == ("/staff/discounts", [("SPRING-1", 250, True)])
    assert "SPRING-1" in manager.text and "0 of 10" in manager.text and "24 Dec 2099, 18:00" in manager.text
    shopper = put_in(browser(), "BEANS").get("/cart").submit("Use it", code="spring-1")
    assert "−£2.50" in shopper.text
    assert trail() == [("discount code made", "discount_code:1")]


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(manager):
    manager.get("/staff/discounts/new")

    manager.submit("Make the code", code="a b!", value="lots", starts_at="soon", note="For Ann", status=422)

    assert manager.title.startswith("Error: ")
    assert "Enter a percentage from 0.01 to 100" in manager.part("value-error")
    assert manager.part("code-error") and manager.part("starts_at-error")
    kept = {name: manager.document.by_id(name).get("value") for name in ("code", "value", "starts_at", "note")}
    assert kept == {"code": "a b!", "value": "lots", "starts_at": "soon", "note": "For Ann"}
    assert codes() == []


def test_a_code_is_changed_and_says_what_was_done_to_it(manager):
    code_id = a_discount()

    manager.get("/staff/discounts").click("SUMMER10").submit("Save", value="15", most_uses_each="1")

    assert codes() == [("SUMMER10", 1500, True)]
    assert trail() == [("discount code changed", f"discount_code:{code_id}")]
    assert "discount code changed" in manager.get(f"/staff/discounts/{code_id}").text


def test_the_page_says_how_often_it_was_used(manager):
    code_id = a_discount()
    order_of(a_cart((a_variant(), 1)), code="SUMMER10")

    manager.get(f"/staff/discounts/{code_id}")

    assert "Orders that have it and were not called off: 1." in manager.text


def test_whoever_saved_meanwhile_is_told_and_overwritten_only_knowingly(manager, browser):
    code_id = a_discount()
    manager.get(f"/staff/discounts/{code_id}")
    as_manager(browser(), "second@example.com").get(f"/staff/discounts/{code_id}").submit(
        "Save", kind="amount", value="20", note="The Tasters", starts_at="2026-12-01T09:00", ends_at=""
    )

    manager.submit("Save", value="30", note="Mine", starts_at="2026-12-02T09:00", status=409)
    for told in ("An amount of money", "20.00", "The Tasters", "2026-12-01 09:00"):
        assert f"Somebody saved: {told}" in manager.text
    assert manager.document.by_id("value").get("value") == "30"
    assert codes() == [("SUMMER10", 2000, True)]
    manager.submit("Save")

    assert codes() == [("SUMMER10", 3000, True)]


def test_wrong_terms_of_one_that_is_there_are_kept_too(manager):
    code_id = a_discount()

    manager.get(f"/staff/discounts/{code_id}").submit("Save", value="0", status=422)

    assert manager.document.by_id("value").get("value") == "0"
    assert codes() == [("SUMMER10", 1000, True)]


def test_it_is_switched_off_and_on(manager):
    code_id = a_discount()

    manager.get(f"/staff/discounts/{code_id}").submit("Switch it off")
    assert "SUMMER10 is off: nobody can use it any more." in manager.text
    off = codes()
    manager.get(f"/staff/discounts/{code_id}").submit("Switch it on")

    assert (off, codes()) == ([("SUMMER10", 1000, False)], [("SUMMER10", 1000, True)])


def test_a_switch_without_its_page_does_nothing(manager):
    code_id = a_discount()

    manager.post(f"/staff/discounts/{code_id}/off", {}, status=422)

    assert codes() == [("SUMMER10", 1000, True)]


@pytest.mark.parametrize("path", ["/staff/discounts/9", "/staff/discounts/2147483648", "/staff/discounts/x"])
def test_what_is_not_there_is_not_found(manager, path):
    manager.get(path, status=404)


@pytest.mark.parametrize("path", ["/staff/discounts/9", "/staff/discounts/9/off", "/staff/discounts/9/on"])
def test_what_is_not_there_is_not_changed(manager, path):
    manager.post(path, {}, status=404)


def test_the_list_is_paged(manager, monkeypatch):
    monkeypatch.setattr("app.services.discount_codes.PAGE", 2)
    for number in range(3):
        a_discount(f"CODE{number}")

    manager.get("/staff/discounts").click("Next page")

    assert "CODE0" in manager.text and "CODE1" not in manager.text


def test_times_are_shown_and_typed_by_the_shops_clock(app, manager):
    app.config["SHOP_TIMEZONE"] = "Asia/Seoul"
    manager.get("/staff/discounts/new").submit("Make the code", code="KOREA", value="5", starts_at="2026-01-01T09:00")

    manager.get("/staff/discounts").click("KOREA")

    assert manager.document.by_id("starts_at").get("value") == "2026-01-01T09:00"
    db.session.rollback()
    assert f"{db.session.execute(select(DiscountCode.starts_at)).scalar_one():%H:%M}" == "00:00"
