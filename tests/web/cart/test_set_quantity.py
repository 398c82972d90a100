"""POST /cart/items/<sku>: changes how many of one variant are in the cart; zero removes it."""

import pytest

from tests.factories import a_variant
from tests.shopping import put_in

pytestmark = pytest.mark.usefixtures("app_context")


def quantity_of(page, sku: str = "BEANS") -> str | None:
    page.get("/cart")
    field = page.document.by_id(f"q-{sku}")
    return field.get("value") if field is not None else None


def test_it_sets_the_quantity(page):
    a_variant()
    put_in(page, "BEANS", 2)

    page.post("/cart/items/BEANS", {"quantity": "5"})

    assert "Your cart was updated: House Blend." in page.text
    assert quantity_of(page) == "5"


def test_zero_removes_it(page):
    a_variant(), a_variant("CUP")
    put_in(page, "BEANS", 2)
    put_in(page, "CUP")

    page.post("/cart/items/BEANS", {"quantity": "0"})

    assert "Removed from your cart: House Blend." in page.text
    assert (quantity_of(page), quantity_of(page, "CUP")) == (None, "1")


def test_it_is_lowered_to_what_there_is(page):
    a_variant(on_hand=3)
    put_in(page, "BEANS")

    page.post("/cart/items/beans", {"quantity": "9"})

    assert "Only 3 left of House Blend, quantity set to 3." in page.text
    assert quantity_of(page) == "3"


def test_with_htmx_it_answers_a_fragment(hx):
    a_variant()
    put_in(hx, "BEANS", 2)

    hx.post("/cart/items/BEANS", {"quantity": "5"})

    assert hx.fragment.by_id("cart-link") is not None
    assert quantity_of(hx) == "5"


@pytest.mark.parametrize("quantity", ["", "1_000", "１", "-1", "1e3", "100000"])
def test_what_is_no_quantity_is_refused(page, quantity):
    a_variant()
    put_in(page, "BEANS", 2)

    page.post("/cart/items/BEANS", {"quantity": quantity}, status=422)

    assert "Enter a whole number" in page.text
    assert quantity_of(page) == "2"


def test_an_unknown_sku_is_not_found(page):
    page.post("/cart/items/NOTHING", {"quantity": "1"}, status=404)


def test_the_place_in_the_cart_stays(page):
    a_variant(), a_variant("CUP")
    put_in(page, "BEANS")
    put_in(page, "CUP")

    page.post("/cart/items/BEANS", {"quantity": "2"})

    assert page.html.index("q-BEANS") < page.html.index("q-CUP")


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
def test_only_post(page, verb):
    page.open(verb, "/cart/items/BEANS", status=405)


def test_another_site_cannot(page):
    a_variant()
    put_in(page, "BEANS", 2)

    page.post("/cart/items/BEANS", {"quantity": "9"}, status=403, headers={"Origin": "https://evil.example"})

    assert quantity_of(page) == "2"
