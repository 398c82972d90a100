"""/staff/settings/taxes."""

import pytest

from app.models.catalog import Product
from app.services import taxes
from tests.factories import a_variant, set_columns
from tests.staff import as_manager, trail

pytestmark = pytest.mark.usefixtures("app_context")
TAXES = "/staff/settings/taxes"


@pytest.fixture
def desk(page):
    return as_manager(page)


def test_the_list_says_rates_and_how_many_products_use_each(desk):
    a_variant()

    desk.get(TAXES)

    assert "Standard rate" in desk.text
    assert "20 %" in desk.text
    assert desk.document.every("td")[-1].text == "1"


def test_a_class_is_added(desk):
    desk.get(TAXES).click("Add a tax class").submit("Save", name="Books", rate="0", rates="FR 5.5\nIE 9")

    assert "France 5.5 %, Ireland 9 %" in desk.text
    assert trail()[0][0] == "tax class added"


def test_a_class_is_changed(desk):
    desk.get(TAXES).click("Standard rate").submit("Save", rate="17,5")

    assert "17.5 %" in desk.text
    assert (taxes.one(1).rate_bp, trail()) == (1750, [("tax class changed", "tax_class:1")])


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "", "Enter a name"),
        ("rate", "high", "Enter a rate in percent"),
        ("rate", "", "Enter the rate in percent"),
        ("rates", "France 5", "“France 5” is not a country and a rate."),
    ],
)
@pytest.mark.parametrize("where", ["new", "1"])
def test_bad_input_is_told_beside_its_field_and_loses_nothing(desk, where, field, typed, words):
    desk.get(f"{TAXES}/{where}").submit("Save", {"name": "Books", "rate": "5", "rates": "FR 5.5", field: typed}, status=422)

    assert words in desk.part(f"{field}-error")
    assert desk.form_data("Save")[field] == [typed]
    assert trail() == []


def test_two_managers_overwrite_nobody(desk, browser):
    other = as_manager(browser(), "other@example.com").get(f"{TAXES}/1")
    desk.get(f"{TAXES}/1").submit("Save", rate="19", rates="FR 5.5")

    other.submit("Save", rate="21", status=409)

    assert "Somebody saved: 19" in other.text
    assert "Somebody saved: FR 5.5" in other.text
    assert other.form_data("Save")["rate"] == ["21"]
    other.submit("Save")
    assert taxes.one(1).rate_bp == 2100


def test_a_class_that_nothing_uses_can_be_deleted(desk):
    class_id = taxes.add(taxes.checked({"name": "Books", "rate": "0", "rates": "FR 5.5"}), actor="test")

    desk.get(f"{TAXES}/{class_id}").submit("Delete this class")

    assert "Books is deleted." in desk.text
    assert trail() == [("tax class deleted", f"tax_class:{class_id}")]
    desk.get(f"{TAXES}/{class_id}", status=404)


def test_a_class_that_products_use_stays(desk):
    item = a_variant()
    class_id = taxes.add(taxes.checked({"name": "Books", "rate": "0", "rates": ""}), actor="test")
    desk.get(f"{TAXES}/{class_id}")
    set_columns(Product, item.product_id, tax_class_id=class_id)

    desk.submit("Delete this class", status=409)

    assert "Products use this tax class" in desk.text
    assert "Delete this class" not in desk.text


def test_the_last_class_stays(desk):
    desk.get(f"{TAXES}/1").submit("Delete this class", status=409)

    assert "This is the only tax class" in desk.text


def test_an_end_of_classes_is_told(desk, monkeypatch):
    monkeypatch.setattr(taxes, "MOST_CLASSES", 1)

    desk.get(f"{TAXES}/new").submit("Save", name="Books", rate="0", status=422)

    assert "as many as there can be" in desk.text


def test_what_is_not_there_is_not_found(desk):
    token = desk.get(TAXES).form_data(form="/account/logout")["csrf_token"]

    desk.get(f"{TAXES}/99", status=404)
    desk.post(f"{TAXES}/99", {"csrf_token": token}, status=404)
    desk.post(f"{TAXES}/99/delete", {"csrf_token": token}, status=404)


@pytest.mark.parametrize("path", [f"{TAXES}/new", f"{TAXES}/1", f"{TAXES}/1/delete"])
def test_a_form_that_was_not_ours_changes_nothing(desk, path):
    desk.post(path, {"name": "Evil", "rate": "0"}, status=422)

    assert trail() == []
