"""The pages of categories."""

import pytest

from app.services import categories
from tests.factories import a_category, a_variant
from tests.staff import as_staff, trail

pytestmark = pytest.mark.usefixtures("app_context")


def test_one_is_made_renamed_and_put_in_order(page):
    as_staff(page)
    page.get("/staff/categories")
    assert "There are none yet." in page.text

    page.submit("Add it", {"Name": "Beans"})
    page.submit("Add it", {"Name": "Cups"})
    page.click("Beans").submit("Save", {"Name": "Coffee", "Address": "coffee", "Place": "9"})

    assert [each.name for each in categories.every()] == ["Cups", "Coffee"]
    page.get("/c/beans?sort=name")
    assert page.path == "/c/coffee?sort=name"
    assert [action for action, _ in trail()] == ["category changed", "category created", "category created"]


def test_a_page_that_was_open_when_its_shelf_was_renamed_still_sorts(page, hx):
    category_id = a_category("Beans")
    item = a_variant(category_id=category_id)
    hx.get("/c/beans")
    as_staff(page).get(f"/staff/categories/{category_id}").submit("Save", {"Address": "coffee"})

    answer = hx.client.get("/fragments/c/beans?sort=name", headers={"HX-Request": "true"})

    assert (answer.status_code, answer.headers["HX-Push-Url"]) == (200, "/c/coffee?sort=name")
    assert f"/p/{item.slug}" in answer.text


def test_bad_words_come_back_with_their_sentence(page):
    category_id = a_category("Beans")
    a_category("Cups")
    as_staff(page)

    page.get("/staff/categories")
    page.submit("Add it", {"Name": "beans", "Place": "4"}, status=422)
    assert "Another category has this name." in page.text
    assert 'value="4"' in page.html
    page.get(f"/staff/categories/{category_id}")
    page.submit("Save", {"Name": "Cups"}, status=422)
    assert "Another category has this name." in page.text


def test_two_who_edit_at_once_are_told(page, browser):
    category_id = a_category("Beans")
    as_staff(page)
    page.get(f"/staff/categories/{category_id}")
    other = browser()
    as_staff(other, "other@example.com")
    other.get(f"/staff/categories/{category_id}").submit("Save", {"Place": "5"})

    page.submit("Save", {"Place": "6"}, status=409)

    assert "Somebody saved: 5" in page.text
    page.submit("Save")
    assert categories.one(category_id).position == 6


def test_its_products_go_elsewhere_before_it_is_deleted(page):
    beans, cups = a_category("Beans"), a_category("Cups")
    item = a_variant(category_id=beans)
    as_staff(page)
    page.get(f"/staff/categories/{beans}")

    page.submit("Delete this category", status=409)
    assert "Say first where they go." in page.text
    page.submit("Delete this category", {"Its products go to": str(cups)})

    assert "The category is gone." in page.text
    page.get("/c/cups")
    assert f"/p/{item.slug}" in page.html


def test_one_that_is_empty_is_deleted_at_once(page):
    beans = a_category("Beans")
    as_staff(page)

    page.get(f"/staff/categories/{beans}").submit("Delete this category")

    assert categories.every() == []


def test_the_shelf_that_products_go_to_may_be_gone(page):
    beans, cups = a_category("Beans"), a_category("Cups")
    a_variant(category_id=beans)
    as_staff(page)
    page.get(f"/staff/categories/{beans}")
    categories.remove(cups, to=None, may_move=False, actor="test")

    page.submit("Delete this category", {"Its products go to": str(cups)}, status=422)

    assert "That category is gone." in page.text


def test_a_former_address_is_ended(page):
    beans = a_category("Beans")
    as_staff(page)
    page.get(f"/staff/categories/{beans}").submit("Save", {"Address": "coffee"})

    page.get(f"/staff/categories/{beans}").submit("End it")

    assert "/c/beans leads nowhere any more." in page.text
    page.get("/c/beans", status=404)


def test_what_is_not_there_is_not_found(page):
    as_staff(page)
    page.get("/staff/categories/99", status=404)
    token = page.get("/staff/categories").form_data("Add it")["csrf_token"][0]

    for path in ("99", "99/remove", "99/old-addresses/1/end"):
        page.post(f"/staff/categories/{path}", {"csrf_token": token, "name": "x"}, status=404)
