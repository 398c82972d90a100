"""GET /search and its fragment."""

import pytest

from tests.factories import a_variant, many_products
from tests.web.catalog.test_home import cards

pytestmark = pytest.mark.usefixtures("app_context")


def test_every_page_can_search(page):
    a_variant(name="Café Perú")

    page.get("/help").submit("Search", form="/search", q="cafe")

    assert page.path == "/search?q=cafe"
    assert cards(page) == ["/p/beans"]
    assert "“cafe”" in page.title


def test_the_words_stay_in_the_field(page):
    page.get("/search?q=%22house%22+%26+home")

    assert page.document.by_id("list-q").get("value") == '"house" & home'


def test_what_was_found_is_counted(page):
    a_variant("A", name="Bag one"), a_variant("B", name="Bag two")

    assert "2 found." in page.get("/search?q=bag").text
    assert "One found." in page.get("/search?q=two").text


def test_nothing_found_says_what_to_do(page):
    a_variant()

    page.get("/search?q=nonsense")

    assert "Nothing has all of these words." in page.text


def test_without_words_it_is_the_whole_shop(page):
    a_variant()

    page.get("/search?q=+")

    assert cards(page) == ["/p/beans"]
    assert page.title.startswith("Everything")


def test_more_than_it_shows_is_said(page):
    many_products(201)

    assert "More than 200 found" in page.get("/search?q=bag").text


def test_its_pages_are_linked_to_and_fro(page):
    many_products(60)
    pages = [cards(page.get("/search?q=bag&sort=price"))]
    for _ in range(2):
        pages.append(cards(page.click("Next page")))
    back = [cards(page)]
    for _ in range(2):
        back.insert(0, cards(page.click("Previous page")))

    assert back == pages
    assert [len(each) for each in pages] == [24, 24, 12]


def test_htmx_swaps_the_results(hx):
    a_variant(name="House Blend"), a_variant("CUP", name="Cup")
    hx.get("/search")

    hx.submit("Show results", q="cup")

    assert hx.path == "/search?q=cup"
    assert cards(hx) == ["/p/cup"]


def test_the_fragment_opened_directly_leads_to_the_page(page):
    page.get("/fragments/search?q=a+b%26c")

    assert page.path == "/search?q=a+b%26c"


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "' OR 1=1 --", "%00", "a%00b", "%FF%FE", "🌱" * 300, "x" * 5000, "%0d%0aX: y"]
)
def test_hostile_words_are_words(page, text):
    page.get(f"/search?q={text}")

    assert "<script>alert" not in page.html
    assert page.status == 200


@pytest.mark.settings(RATELIMIT_ENABLED=True, SEARCH_LIMIT="2 per minute")
def test_too_many_searches_must_wait(page):
    page.get("/search?q=a").get("/search?q=b")

    page.get("/search?q=c", status=429)

    assert int(page.response.headers["Retry-After"]) > 0
    assert page.document.by_id("error-q") is not None


@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE"])
def test_it_is_only_read(page, verb):
    page.open(verb, "/search", status=405)
