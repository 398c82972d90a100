"""The catalogue, as programs read it."""

import pytest

from app.models.catalog import Product, Variant
from app.services import listing, stock
from tests.factories import a_category, a_variant, many_products, set_columns

pytestmark = pytest.mark.usefixtures("app_context")
PRODUCTS = "/shop/products"


def slugs(answer: dict) -> list[str]:
    return [product["slug"] for product in answer["results"]]


def test_a_product_lists_its_variants(alice):
    beans = a_variant(options="250 g", on_hand=4)
    more = a_variant("BEANS-1K", of=beans, options="1 kg", price_minor=3000, on_hand=0)

    [product] = alice.get(PRODUCTS)["results"]

    assert (product["slug"], product["name"], product["category"]) == ("beans", "House Blend", None)
    assert product["variants"] == [
        {
            "id": beans.id,
            "sku": "BEANS",
            "options": "250 g",
            "price_minor": 1000,
            "currency": "GBP",
            "available": 4,
            "is_digital": False,
        },
        {
            "id": more.id,
            "sku": "BEANS-1K",
            "options": "1 kg",
            "price_minor": 3000,
            "currency": "GBP",
            "available": 0,
            "is_digital": False,
        },
    ]


def test_pages_follow_each_other_to_the_last(alice):
    made = [item.slug for item in many_products(7)]

    seen, path = [], f"{PRODUCTS}?limit=3"
    while path:
        answer = alice.get(path)
        assert answer["count"] == 7
        seen.append(slugs(answer))
        path = (answer["next"] or "").partition("/api")[2]

    assert seen == [made[:3], made[3:6], made[6:]]


def test_the_count_is_of_this_revision(alice):
    beans = a_variant()
    assert alice.get(PRODUCTS)["count"] == 1

    a_variant("TEA")
    assert alice.get(PRODUCTS)["count"] == 2

    stock.set_levels([(beans.sku, 0)], actor="test")
    assert (alice.get(PRODUCTS)["count"], slugs(alice.get(PRODUCTS))) == (1, ["tea"])


def test_a_shelf_is_chosen_by_its_slug(alice):
    a_variant("TEA", category_id=a_category("Tea"))
    a_variant("BEANS")

    assert slugs(alice.get(f"{PRODUCTS}?category=tea")) == ["tea"]
    assert alice.get(f"{PRODUCTS}?category=none") == {"count": 0, "more": False, "next": None, "results": []}
    assert slugs(alice.get(f"{PRODUCTS}?category=tea&q=house")) == ["tea"]
    assert slugs(alice.get(f"{PRODUCTS}?category=none&q=house")) == []


def test_words_find_products_and_the_next_page_keeps_them(alice):
    a_variant("BEANS", name="House Blend")
    a_variant("TEA", name="Green Tea", search_text="house")
    a_variant("MUG", name="Mug")

    first = alice.get(f"{PRODUCTS}?q=house&limit=1")

    assert (slugs(first), first["count"], first["more"]) == (["beans"], 2, False)
    assert slugs(alice.get(first["next"].partition("/api")[2])) == ["tea"]
    assert alice.get(f"{PRODUCTS}?q=nothing")["results"] == []


def test_digits_are_words_too(alice):
    a_variant("V60", name="Filter 100", category_id=a_category("8"))

    assert slugs(alice.get(f"{PRODUCTS}?q=100&category=8")) == ["v60"]


def test_blank_words_are_no_words(alice):
    a_variant()

    assert alice.get(f"{PRODUCTS}?q=%20%20")["count"] == 1


def test_a_search_counts_no_further_than_it_must(alice, monkeypatch):
    monkeypatch.setattr(listing, "MOST_FOUND", 5)
    many_products(8)

    answer = alice.get(f"{PRODUCTS}?q=bag&limit=4&offset=4")

    assert (answer["count"], answer["more"], len(answer["results"]), answer["next"]) == (5, True, 1, None)


ABSURD = [
    "limit=0",
    "limit=101",
    "limit=-1",
    "limit=1.0",
    "limit=x",
    "limit=",
    "limit=%D9%A3",
    "limit=1_0",
    "limit=99999999999999",
]
ABSURD += ["offset=-1", "offset=10001", "limit=1&limit=2", "page=2", "q=%00", "q=a%0Ab", f"q={'x' * 101}", "category=%07"]


@pytest.mark.parametrize("query", ABSURD)
def test_what_is_absurd_is_refused(alice, query):
    alice.get(f"{PRODUCTS}?{query}", 400)


def test_as_far_as_one_may_go(alice):
    a_variant()

    assert alice.get(f"{PRODUCTS}?limit=100&offset=10000") == {"count": 1, "more": False, "next": None, "results": []}


def test_one_product_has_its_description(alice):
    beans = a_variant()
    set_columns(Product, beans.product_id, description="**Good**", origin="Kenya")

    product = alice.get(f"{PRODUCTS}/beans")

    assert (product["description"], product["origin"], product["variants"][0]["sku"]) == ("**Good**", "Kenya", "BEANS")


def test_a_sold_out_product_is_shown_and_one_that_is_not_sold_is_not(alice):
    a_variant("OUT", on_hand=0)
    gone = a_variant("GONE")
    set_columns(Product, gone.product_id, is_active=False)

    assert alice.get(f"{PRODUCTS}/out")["variants"][0]["available"] == 0
    for slug in ("gone", "none", "%00", "a%0Ab", "x" * 300):
        alice.get(f"{PRODUCTS}/{slug}", 404)


def test_a_variant_that_is_not_sold_is_not_listed(alice):
    beans = a_variant()
    more = a_variant("MORE", of=beans)
    set_columns(Variant, more.id, is_active=False)

    assert [each["sku"] for each in alice.get(f"{PRODUCTS}/beans")["variants"]] == ["BEANS"]


def test_the_catalogue_is_for_programs_with_a_token(nobody):
    nobody.get(PRODUCTS, 401)
    nobody.get(f"{PRODUCTS}/beans", 401)
