"""GET /p/<slug>: one product with its variants."""

import pytest

from app.models.catalog import Product, Variant
from tests.factories import a_category, a_variant, set_columns

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def beans():
    first = a_variant("SMALL", options="250 g", price_minor=900, category_id=a_category())
    a_variant("LARGE", of=first, options="1 kg", price_minor=3200)
    a_variant("GONE", of=first, options="5 kg", price_minor=9900, on_hand=0)
    return first


def choices(page) -> dict[str, bool]:
    """SKU → whether it can be chosen."""
    radios = [radio for radio in page.document.every("input") if radio.get("name") == "sku"]
    return {radio.get("value"): radio.get("disabled") is None for radio in radios}


def test_each_variant_is_a_radio_with_its_price(page, beans):
    page.get("/p/small")

    labels = {
        radio.get("value"): page.document.label(radio) for radio in page.document.every("input") if radio.get("name") == "sku"
    }
    assert "250 g" in labels["SMALL"]
    assert "£9.00" in labels["SMALL"]
    assert "£32.00" in labels["LARGE"]


def test_what_is_sold_out_cannot_be_chosen(page, beans):
    page.get("/p/small")

    assert choices(page) == {"SMALL": True, "LARGE": True, "GONE": False}


def test_the_chosen_variant_is_added(page, beans):
    page.get("/p/small").submit("Add to cart", sku="LARGE", quantity=2)

    assert page.document.by_id("q-LARGE").get("value") == "2"


def test_htmx_adds_it_and_stays(hx, beans):
    hx.get("/p/small").submit("Add to cart", sku="LARGE")

    assert hx.path == "/p/small"
    assert hx.part("cart-link").startswith("Cart (1")


def test_one_variant_is_no_choice(page):
    a_variant()

    page.get("/p/beans").submit("Add to cart")

    assert page.document.by_id("q-BEANS") is not None


def test_sold_out_says_so_instead_of_a_button(page):
    a_variant(on_hand=0)

    page.get("/p/beans")

    assert "Sold out" in page.text
    assert not any("Add to cart" in (button.text or "") for button in page.document.every("button"))


def test_few_left_is_said(page):
    a_variant(on_hand=2)

    assert "Few left" in page.get("/p/beans").text


def test_an_old_price_is_said_in_words(page):
    a_variant(price_minor=900, compare_at_minor=1200)

    assert "was £12.00" in page.get("/p/beans").text


def test_descriptions_are_markdown_without_script(page):
    beans = a_variant()
    hostile = "# Head\n\n**bold** <script>alert(1)</script> [x](javascript:alert(1)) ![i](http://evil/x.png) <b onclick=x>y</b>"
    set_columns(Product, beans.product_id, description=hostile)

    page.get("/p/beans")

    assert "<strong>bold</strong>" in page.html
    assert "<script>alert" not in page.html
    assert 'href="javascript:' not in page.html
    assert 'evil/x.png"' not in page.html


@pytest.mark.parametrize("slug", ["nothing", "BEANS", "%00", "é", "x" * 3000, "beans/"])
def test_an_unknown_product_is_not_found(page, slug):
    a_variant()

    page.get(f"/p/{slug}", status=404)


def test_an_inactive_product_is_not_found(page):
    beans = a_variant()
    set_columns(Product, beans.product_id, is_active=False)

    page.get("/p/beans", status=404)


def test_a_product_whose_only_variant_is_inactive_is_sold_out(page):
    beans = a_variant()
    set_columns(Variant, beans.id, is_active=False)

    assert "Sold out" in page.get("/p/beans").text


@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE"])
def test_it_is_only_read(page, verb):
    a_variant()

    page.open(verb, "/p/beans", status=405)
