"""GET /: the shop window."""

import pytest

from tests.factories import a_category, a_variant, many_products

pytestmark = pytest.mark.usefixtures("app_context")


def cards(page) -> list[str]:
    return [h.find("a").get("href") for h in page.document.every("h3") if "card-name" in (h.get("class") or "")]


def test_it_shows_what_is_for_sale_with_price_and_a_button(page):
    a_variant(price_minor=1250, options="250 g")

    page.get("/")

    assert cards(page) == ["/p/beans"]
    assert "£12.50" in page.text
    page.submit("Add")
    assert page.path == "/cart?added"


def test_what_is_sold_out_is_not_there(page):
    a_variant("GONE", on_hand=0)

    page.get("/")

    assert cards(page) == []


def test_a_product_with_several_variants_leads_to_the_choice(page):
    first = a_variant("SMALL", options="250 g")
    a_variant("LARGE", of=first, options="1 kg")

    page.get("/")

    assert "250 g + 1 more" in page.text
    page.click("House Blend")
    assert page.path == "/p/small"


def test_it_leads_on_to_the_rest(page):
    many_products(25)

    page.get("/").click("Next page")

    assert page.path.startswith("/search?after=")
    assert len(cards(page)) == 1


def test_an_empty_shop_is_no_error(page):
    page.get("/")

    assert cards(page) == []


def test_its_shelves_lead_to_their_pages(page):
    a_category("Gear"), a_variant()

    page.get("/").click("Gear")

    assert page.path == "/c/gear"


def test_hostile_names_are_text(page):
    a_variant(name='<script>alert(1)</script>"><img src=x>', options="<b>x</b>")

    page.get("/")

    assert "<script>alert(1)" not in page.html
    assert "<script>alert(1)</script>" in page.text


@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE"])
def test_it_is_only_read(page, verb):
    page.open(verb, "/", status=405)
