"""Former addresses of products and shelves: a 301 to the present one."""

import pytest

from app.services import categories, editing, products, slugs
from tests.factories import a_category, a_variant

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def moved():
    category_id = a_category()
    item = a_variant(category_id=category_id)
    row = products.product(item.product_id)
    words = {"name": row.name, "slug": "new-beans", "tax_class": str(row.tax_class_id), "category": str(category_id)}
    products.change(row.id, words, seen=editing.seen(row, products.WORDS), actor="test")
    shelf = categories.one(category_id)
    typed = {"name": shelf.name, "slug": "coffee"}
    categories.change(category_id, typed, seen=editing.seen(shelf, categories.FIELDS), actor="test")
    return item


@pytest.mark.parametrize(("old", "new"), [("/p/beans", "/p/new-beans"), ("/c/beans", "/c/coffee")])
def test_it_leads_on_with_its_query(page, moved, old, new):
    answer = page.client.get(f"{old}?sort=name&q=%C3%A9")

    assert (answer.status_code, answer.headers["Location"]) == (301, f"http://localhost{new}?sort=name&q=%C3%A9")
    assert "no-cache" in answer.headers["Cache-Control"]  # it may come back to its old name
    assert page.client.get(old).headers["Location"] == f"http://localhost{new}"


def test_the_present_address_wins(page, moved):
    other = a_variant("OTHER")
    slugs.end("product", moved.product_id, slugs.of("product", moved.product_id)[0].id, actor="test")
    row = products.product(other.product_id)
    words = {"name": row.name, "slug": "beans", "tax_class": str(row.tax_class_id)}
    products.change(row.id, words, seen=editing.seen(row, products.WORDS), actor="test")

    page.get("/p/beans")

    assert page.path == "/p/beans"


def test_strange_addresses_lead_nowhere(page, moved):
    for path in ("/p/nothing", "/c/nothing", "/p/%FF", "/c/%EF%BF%BE", "/p/BEANS"):
        page.get(path, status=404)
