"""The pages of products and variants."""

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models.catalog import Product, Variant
from app.services import products
from tests.factories import a_category, a_variant, many_products
from tests.staff import as_manager, as_staff, trail

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def item():
    return a_variant("HOUSE-250", name="House Blend", options="250 g", price_minor=900, category_id=a_category("Beans"))


def product(product_id: int) -> Product:
    db.session.rollback()
    return db.session.get_one(Product, product_id)


def variant(variant_id: int) -> Variant:
    db.session.rollback()
    return db.session.get_one(Variant, variant_id)


def test_the_list_says_of_each_how_it_stands(page, item):
    a_variant("GONE", name="Mug", on_hand=0)
    products.hide(a_variant("OLD", name="Pot").product_id, actor="test")
    as_manager(page)

    page.get("/staff/products")
    assert all(words in page.text for words in ("House Blend", "in the shop", "sold out", "hidden", "£9.00", "Beans"))

    page.submit("Show", {"q": "house-250"})
    assert "House Blend" in page.text
    assert "Mug" not in page.text

    page.get("/staff/products?q=nothing&state=hidden")
    assert "Nothing is like that" in page.text
    page.get("/staff/products?state=absurd&after=absurd&q=%00%FF")


def test_the_list_is_paged(page):
    many_products(60)
    as_staff(page)

    page.get("/staff/products?q=&state=shown")
    first = page.text
    page.click("Next page")

    assert page.text != first
    assert "First page" in page.text
    assert "state=shown" in page.path


def test_a_product_is_made_described_and_shown(page):
    a_category("Beans")
    as_manager(page)
    page.get("/staff/products").click("New product")

    page.submit("Save", {"Name": "Night Shift", "Description": "Dark, with **cocoa**.", "Category": "1"})
    assert "Shoppers do not see it yet" in page.text
    page.submit("Show it in the shop", status=422)
    assert "has no variant" in page.text

    page.click("Add a variant")
    page.submit("Add it", {"Price, tax included": "8.50", "SKU": "night-1", "Options": "1 kg"})
    page.submit("Show it in the shop")

    assert "Shoppers see it now" in page.text
    page.click("See it in the shop")
    assert page.path == "/p/night-shift"
    assert "Dark, with cocoa." in page.text
    assert [action for action, _ in trail()] == ["product shown", "variant added", "product created"]


def test_a_hidden_product_is_seen_as_shoppers_would(page, browser, item):
    as_staff(page)
    page.get(f"/staff/products/{item.product_id}")
    page.submit("Hide it")

    page.click("See it as shoppers would")

    assert "A preview" in page.text
    assert "£9.00" in page.text
    assert page.response.headers["Cache-Control"] == "no-store"
    image = next(each for each in page.document.every("img") if "labels" in each.get("src", ""))
    assert page.client.get(image.get("src")).status_code == 200
    browser().get("/p/house-250", status=404)


def test_the_preview_of_the_description_saves_nothing(page, item):
    as_staff(page)
    page.get(f"/staff/products/{item.product_id}")

    page.submit("Preview", {"Description": "## Brew\n\n<script>alert(1)</script> *slowly*", "Name": "Other"})

    assert "So it will look" in page.part("shown")
    assert "<em>slowly</em>" in page.html
    assert "<script>alert" not in page.html
    assert product(item.product_id).name == "House Blend"
    page.submit("Save")
    assert product(item.product_id).name == "Other"


@pytest.mark.parametrize("path", ["/staff/products/new", "/staff/products/1"])
@pytest.mark.parametrize(("typed", "told"), [("x" * 20_001, "at most 20000 fit"), ("a\x07b", "cannot be stored")])
def test_what_cannot_be_kept_is_not_previewed(page, item, path, typed, told):
    as_staff(page)
    page.get(path)

    page.submit("Preview", {"Description": typed, "Origin": "Peru"}, status=422)

    assert told in page.text and "So it will look" not in page.text
    assert 'value="Peru"' in page.html


def test_the_preview_works_before_the_product_is_there(page):
    as_staff(page)
    page.get("/staff/products/new")

    page.submit("Preview", {"Description": "*slowly*", "Name": "Other"})

    assert "<em>slowly</em>" in page.html
    assert db.session.execute(select(Product.id)).first() is None


@pytest.mark.parametrize("letter", ["抹", "🫘"])
def test_the_longest_description_is_taken_in_every_alphabet(page, item, letter):
    as_staff(page)
    page.get(f"/staff/products/{item.product_id}")

    page.submit("Save", {"Description": letter * 20_001}, status=422)
    assert "at most 20000 fit" in page.text and letter * 20_001 in page.html
    page.submit("Save", {"Description": letter * 20_000})

    assert product(item.product_id).description == letter * 20_000


def test_bad_words_come_back_with_their_sentence(page, item):
    as_staff(page)
    page.get(f"/staff/products/{item.product_id}")

    page.submit("Save", {"Name": "", "Address": "no/slash", "Origin": "Peru"}, status=422)

    assert page.title.startswith("Error: ")
    assert "Type the product's name." in page.text
    assert 'value="Peru"' in page.html
    page.get("/staff/products/new")
    page.submit("Save", {"Name": "", "Origin": "Peru"}, status=422)
    assert 'value="Peru"' in page.html


def test_two_who_edit_at_once_are_told(page, browser, item):
    other = browser()
    as_staff(page)
    as_manager(other)
    for each in (page, other):
        each.get(f"/staff/products/{item.product_id}")
    other.submit("Save", {"Origin": "Peru", "Category": ""})

    page.submit("Save", {"Origin": "Brazil"}, status=409)
    assert "Somebody saved: Peru" in page.text
    assert "Somebody saved: None" in page.text
    assert 'value="Brazil"' in page.html
    page.submit("Save")

    assert product(item.product_id).origin == "Brazil"


def test_a_former_address_is_listed_and_ended(page, item):
    as_staff(page)
    page.get(f"/staff/products/{item.product_id}")
    page.submit("Save", {"Address": "new-home"})
    assert "/p/house-250" in page.text
    page.get("/p/house-250?sort=x")
    assert page.path == "/p/new-home?sort=x"

    page.get(f"/staff/products/{item.product_id}")
    page.submit("End it")

    assert "/p/house-250 leads nowhere any more." in page.text
    page.get("/p/house-250", status=404)


def test_a_manager_sets_prices(page, item):
    as_manager(page)
    page.get(f"/staff/products/{item.product_id}").click("250 g")

    page.submit("Save", {"Price, tax included": "8", "Old price": "7"}, status=422)
    assert "it must be higher" in page.text
    page.submit("Save", {"Price, tax included": "8", "Old price": "9.00"})

    changed = variant(item.id)
    assert (changed.price_minor, changed.compare_at_minor, changed.previous_price_minor) == (800, 900, 900)
    assert "was £9.00" in page.text


def test_for_staff_prices_are_words_and_a_posted_one_is_refused(page, item):
    as_staff(page)
    address = f"/staff/products/{item.product_id}/variants/{item.id}"
    page.get(address)
    assert "Price: £9.00. Managers set it." in page.text

    sent = page.form_data("Save", options="1 kg")
    page.post(address, sent | {"price": "1"}, status=422)
    assert "Only managers set prices" in page.text
    assert (variant(item.id).price_minor, variant(item.id).options) == (900, "250 g")

    page.submit("Save", {"Options": "1 kg"})
    assert (variant(item.id).price_minor, variant(item.id).options) == (900, "1 kg")
    page.get(f"/staff/products/{item.product_id}/variants/new", status=404)
    page.post(f"/staff/products/{item.product_id}/variants/new", sent | {"price": "1"}, status=404)


def test_a_bad_variant_comes_back_with_its_sentence(page, item):
    as_manager(page)
    page.get(f"/staff/products/{item.product_id}/variants/new")

    page.submit("Add it", {"SKU": "HOUSE-250", "Price, tax included": "5", "Options": "1 kg"}, status=422)

    assert "Another variant has this SKU." in page.text
    assert 'value="1 kg"' in page.html


def test_two_who_change_a_variant_at_once_are_told(page, browser, item):
    other = browser()
    as_manager(page)
    as_staff(other)
    for each in (page, other):
        each.get(f"/staff/products/{item.product_id}/variants/{item.id}")
    page.submit("Save", {"Price, tax included": "5", "Options": "300 g", "Switched on": False})

    other.submit("Save", {"Options": "350 g"}, status=409)

    assert "Somebody saved: 300 g" in other.text
    assert "Somebody saved: no" in other.text
    other.submit("Save")
    assert (variant(item.id).price_minor, variant(item.id).options) == (500, "350 g")


def test_what_is_not_there_is_not_found(page, item):
    other = a_variant("OTHER")
    as_manager(page)

    for path in ("99", "99/preview", "99/variants/new", f"99/variants/{item.id}", f"{other.product_id}/variants/{item.id}"):
        page.get(f"/staff/products/{path}", status=404)
    page.get(f"/staff/products/{2**31}", status=404)
    token = page.get("/staff/products/new").form_data("Save")
    for path in ("99", "99/publish", "99/hide", "99/variants/new", f"99/variants/{item.id}", "1/old-addresses/9/end"):
        page.post(f"/staff/products/{path}", {"csrf_token": token["csrf_token"][0], "name": "x"}, status=404)
