"""GET /c/<slug> and its fragment: one shelf."""

import pytest

from app.models.catalog import Product
from tests.factories import a_category, a_variant, many_products, set_columns
from tests.web.catalog.test_home import cards

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def gear():
    shelf = a_category("Gear")
    a_variant("CUP", name="Cup", category_id=shelf, price_minor=900)
    a_variant("MUG", name="Mug", category_id=shelf, price_minor=500)
    a_variant("OLD", name="Old", category_id=shelf, on_hand=0)
    a_variant("BEANS")


def test_it_shows_what_stands_there(page, gear):
    page.get("/c/gear")

    assert cards(page) == ["/p/cup", "/p/mug"]


def test_it_is_sorted_and_filtered_by_a_plain_form(page, gear):
    page.get("/c/gear").submit("Show results", {"sort": "price", "sold_out": True})

    assert page.path == "/c/gear?sort=price&sold_out=1"
    assert cards(page) == ["/p/mug", "/p/cup", "/p/old"]


def test_htmx_swaps_the_results_and_shows_the_pages_own_address(hx, gear):
    hx.get("/c/gear").submit("Show results", sort="price")

    assert hx.path == "/c/gear?sort=price"
    assert cards(hx) == ["/p/mug", "/p/cup"]
    assert hx.response.headers["Cache-Control"] == "private, no-store"
    assert hx.response.headers["X-Robots-Tag"] == "noindex"


def test_the_fragment_opened_directly_leads_to_the_page(page, gear):
    page.get("/fragments/c/gear?sort=price")

    assert page.path == "/c/gear?sort=price"


def test_the_pages_are_linked_to_and_fro(page):
    shelf = a_category("Gear")
    for item in many_products(30):
        set_columns(Product, item.product_id, category_id=shelf)
    first = cards(page.get("/c/gear?sort=name"))

    page.click("Next page")
    second = cards(page)
    page.click("Previous page")

    assert (len(first), len(second)) == (24, 6)
    assert cards(page) == first
    assert "sort=name" in page.path


@pytest.mark.parametrize(
    "query", ["sort=x", "after=x", "after=-1", "after=99999999999999", "before=１", "after=1&before=1", "sold_out=x"]
)
def test_absurd_questions_get_the_shelf(page, gear, query):
    page.get(f"/c/gear?{query}")

    assert page.status == 200


def test_an_empty_shelf_says_so(page):
    a_category("Gear")

    page.get("/c/gear")

    assert "There is nothing for sale on this shelf at the moment." in page.text


@pytest.mark.parametrize("slug", ["nothing", "GEAR", "%00", "é", "x" * 3000])
def test_an_unknown_shelf_is_not_found(page, gear, slug):
    page.get(f"/c/{slug}", status=404)


def test_an_unknown_shelf_has_no_fragment(hx):
    hx.get("/fragments/c/nothing", status=404)


@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE"])
def test_it_is_only_read(page, gear, verb):
    page.open(verb, "/c/gear", status=405)
