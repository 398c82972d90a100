"""Products and variants as people behind the counter change them: what follows from it, and what is refused."""

import pytest
from sqlalchemy import select

from app.extensions import db, transaction
from app.models.catalog import OldSlug, Product, TaxClass, Variant
from app.models.stock import StockAlert
from app.services import audit, catalog, editing, importing, layouts, products, slugs, stock, wording
from app.services.editing import EditConflict
from app.services.errors import InvalidInput, NotFound
from app.services.products import NothingToSell, PricesAreManagers
from tests.factories import a_category, a_variant, many_products

pytestmark = pytest.mark.usefixtures("app_context")

MONA = "cli"  # whose writes are in the trail, as those of staff are
FACTS = {"sku": "HOUSE-250", "options": "250 g", "weight_grams": "260", "is_active": "y", "low_stock_below": "3"}
PRICED = FACTS | {"price": "12.50"}


def words(**changed: str) -> dict[str, str]:
    tax_class = str(db.session.execute(select(TaxClass.id)).scalars().first())
    return {"name": "House Blend", "description": "Nutty.\n\nMore of it.", "tax_class": tax_class} | changed


def a_product(**changed: str) -> int:
    return products.create(words(**changed), actor=MONA)


def add(product_id: int, **changed: str) -> int:
    return products.add_variant(product_id, PRICED | changed, currency="GBP", actor=MONA)


def row(product_id: int) -> Product:
    db.session.rollback()
    return db.session.get_one(Product, product_id)


def variant(variant_id: int) -> Variant:
    db.session.rollback()
    return db.session.get_one(Variant, variant_id)


def seen(product_id: int) -> str:
    return editing.seen(products.product(product_id), products.WORDS)


def wrong(use_case, *args, **named) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        use_case(*args, **named)
    return caught.value.fields


def change_variant(variant_id: int, typed: dict[str, str], *, may_price: bool = True, seen: str | None = None) -> None:
    names = (*products.FACTS, *products.PRICES) if "price" in typed else products.FACTS
    known = editing.seen(variant(variant_id), names) if seen is None else seen
    products.change_variant(variant_id, typed, may_price=may_price, seen=known, actor=MONA)


def trail() -> list[tuple[str, str]]:
    return [(entry.action, entry.subject) for entry in audit.entries()]


# ------------------------------------------------------------------------------------------------ products


def test_a_new_product_is_hidden_and_has_what_lists_need():
    product_id = a_product(category=str(a_category("Beans")), origin="Brazil")

    made = row(product_id)
    assert (made.slug, made.is_active, made.summary, made.name_key) == ("house-blend", False, "Nutty.", "house blend")
    assert made.label_version
    assert all(word in made.search_text for word in ("nutty", "more of it", "brazil", "beans"))
    assert trail() == [("product created", f"product:{product_id}")]


def test_what_follows_from_words_is_what_an_import_computes():
    file = "sku,product,price,category,description,origin,options\nX,Imported,1,Beans,Nutty.,Brazil,1 kg\n"
    importing.take_in(layouts.read(file.encode(), currency="GBP"), actor="test")
    computed = ("summary", "name_key", "search_text", "label_version")
    before = db.session.execute(select(*(getattr(Product, name) for name in ("id", *computed)))).one()

    with transaction() as t:
        wording.rewrite(t, [before.id])

    assert {name: getattr(row(before.id), name) for name in computed} == {name: getattr(before, name) for name in computed}


def test_publishing_needs_something_to_buy():
    product_id = a_product()
    with pytest.raises(NothingToSell):
        products.publish(product_id, actor=MONA)
    assert not row(product_id).is_active

    add(product_id)
    products.publish(product_id, actor=MONA)

    assert catalog.product("house-blend")
    assert not row(product_id).is_listed  # none on hand yet


def test_hiding_takes_it_off_the_lists_and_is_written_down_once():
    item = a_variant()

    products.hide(item.product_id, actor=MONA)
    products.hide(item.product_id, actor=MONA)

    assert not row(item.product_id).is_listed
    assert catalog.product(item.slug) is None
    assert trail() == [("product hidden", f"product:{item.product_id}")]


def test_other_words_change_what_search_and_lists_know():
    item = a_variant("HOUSE-250", options="250 g")
    number = catalog.revision()

    products.change(item.product_id, words(name="Night Shift", slug=item.slug), seen=seen(item.product_id), actor=MONA)

    assert [card.name for card in catalog.search("night shift house-250").page.cards] == ["Night Shift"]
    assert catalog.revision() > number
    assert trail() == [("product changed", f"product:{item.product_id}")]


def test_nothing_changed_says_nothing():
    product_id = a_product()
    number = catalog.revision()

    products.change(product_id, words(), seen=seen(product_id), actor=MONA)

    assert catalog.revision() == number
    assert trail() == [("product created", f"product:{product_id}")]


def test_two_who_edit_at_once_lose_nothing():
    product_id = a_product()
    known = seen(product_id)
    products.change(product_id, words(origin="Peru"), seen=known, actor=MONA)

    with pytest.raises(EditConflict) as caught:
        products.change(product_id, words(name="Mine", slug="house-blend"), seen=known, actor=MONA)

    assert caught.value.theirs == {"origin": "Peru"}
    products.change(product_id, words(name="Mine", slug="house-blend"), seen=caught.value.seen, actor=MONA)
    assert (row(product_id).name, row(product_id).origin) == ("Mine", "")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 251}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"description": "x" * 20_001}, "description"),
        ({"description": "a\x07b"}, "description"),
        ({"origin": "x" * 121}, "origin"),
        ({"slug": "Höhe/../x"}, "slug"),
        ({"slug": "x" * 161}, "slug"),
        ({"name": "抹茶"}, "slug"),  # no letters for a slug
        ({"tax_class": ""}, "tax_class"),
        ({"tax_class": "99"}, "tax_class"),
        ({"category": "99"}, "category"),
    ],
)
def test_bad_words_get_a_sentence_beside_their_field(changed, field):
    assert list(wrong(a_product, **changed)) == [field]
    assert db.session.execute(select(Product.id)).first() is None


# ------------------------------------------------------------------------------------------------ slugs


def rename(product_id: int, slug: str) -> None:
    products.change(product_id, words(name=row(product_id).name, slug=slug), seen=seen(product_id), actor=MONA)


def shown(slug: str = "house-blend") -> int:
    product_id = a_product(slug=slug, name=slug)
    add(product_id, sku=slug.upper())
    products.publish(product_id, actor=MONA)
    return product_id


def test_a_former_slug_leads_on_without_chains_and_back():
    product_id = shown()

    rename(product_id, "second")
    rename(product_id, "third")
    assert [slugs.present("product", slug) for slug in ("house-blend", "second", "third")] == ["third", "third", None]

    rename(product_id, "house-blend")
    assert [slugs.present("product", slug) for slug in ("second", "third", "house-blend")] == ["house-blend", "house-blend", None]


def test_a_slug_that_leads_on_is_taken_until_that_is_ended():
    first = shown()
    rename(first, "second")

    assert "leads to “house-blend”" in wrong(a_product, slug="house-blend")["slug"]
    old = slugs.of("product", first)
    assert slugs.end("product", first, old[0].id, actor=MONA) == "/p/house-blend"
    assert row(a_product(slug="house-blend")).slug == "house-blend"

    with pytest.raises(NotFound):
        slugs.end("product", first, old[0].id, actor=MONA)
    assert ("old address ended", f"product:{first}") in trail()


def test_a_former_address_is_ended_by_its_owner_alone():
    first, other = shown(), a_product(name="Other")
    rename(first, "second")
    [old] = slugs.of("product", first)

    for kind, row_id in (("product", other), ("category", first)):
        with pytest.raises(NotFound):
            slugs.end(kind, row_id, old.id, actor=MONA)

    assert slugs.present("product", "house-blend") == "second"


def test_an_import_takes_no_slug_that_leads_on():
    product_id = shown()
    rename(product_id, "second")
    importing.take_in(layouts.read(b"sku,product,price\nX,House Blend,1\n", currency="GBP"), actor="test")

    assert db.session.execute(select(Product.slug).where(Product.id != product_id)).scalar_one() == "house-blend-x"


def test_a_hidden_product_leads_nowhere():
    product_id = shown()
    rename(product_id, "second")
    products.hide(product_id, actor=MONA)

    assert slugs.present("product", "house-blend") is None


def test_a_slug_of_another_is_refused():
    shown()

    assert "Another product has the address /p/house-blend" in wrong(a_product)["slug"]


# ------------------------------------------------------------------------------------------------ variants


def test_a_variant_is_added_for_sale_once_there_is_some():
    product_id = a_product()

    made = variant(add(product_id, price="12,50", compare_at="15"))

    assert (made.price_minor, made.compare_at_minor, made.currency, made.on_hand, made.is_listed) == (1250, 1500, "GBP", 0, False)
    assert row(product_id).lead_variant_id == made.id
    assert "house-250" in row(product_id).search_text


def test_another_price_tells_the_carts():
    item = a_variant(price_minor=1000)

    change_variant(item.id, PRICED | {"sku": item.sku, "price": "12.5"})

    changed = variant(item.id)
    assert (changed.price_minor, changed.previous_price_minor, bool(changed.price_changed_at)) == (1250, 1000, True)
    assert row(item.product_id).price_minor == 1250
    entry = audit.entries()[0]
    assert (entry.action, entry.before["price_minor"], entry.after["price_minor"]) == ("variant changed", 1000, 1250)


def test_prices_are_for_managers():
    item = a_variant()

    with pytest.raises(PricesAreManagers):
        change_variant(item.id, PRICED, may_price=False)
    change_variant(item.id, FACTS | {"sku": item.sku, "options": "1 kg"}, may_price=False)

    assert (variant(item.id).price_minor, variant(item.id).options) == (1000, "1 kg")


def test_switching_one_off_offers_the_next():
    first = a_variant("SMALL")
    second = a_variant("LARGE", of=first, options="1 kg")

    change_variant(first.id, FACTS | {"sku": "SMALL", "is_active": ""})

    assert row(first.product_id).lead_variant_id == second.id
    assert row(first.product_id).variant_count == 1


def test_a_lower_threshold_closes_the_alert():
    item = a_variant(on_hand=2)
    with transaction() as t:
        stock.raise_alert(t, item.id, "low", 2, None)

    change_variant(item.id, FACTS | {"sku": item.sku, "low_stock_below": "2"})

    assert db.session.execute(select(StockAlert.status)).scalars().all() == ["closed"]


def test_two_who_change_a_variant_at_once_lose_nothing():
    item = a_variant()
    known = editing.seen(variant(item.id), products.FACTS)
    change_variant(item.id, FACTS | {"sku": item.sku}, seen=known)

    with pytest.raises(EditConflict) as caught:
        change_variant(item.id, FACTS | {"sku": item.sku, "options": "1 kg"}, seen=known)

    assert caught.value.theirs == {"options": "250 g"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"sku": ""}, "sku"),
        ({"sku": "a b"}, "sku"),
        ({"sku": "x" * 65}, "sku"),
        ({"sku": "taken"}, "sku"),
        ({"options": "x" * 251}, "options"),
        ({"options": "1 kg"}, "options"),
        ({"weight_grams": "-1"}, "weight_grams"),
        ({"weight_grams": "1.5"}, "weight_grams"),
        ({"weight_grams": "٣"}, "weight_grams"),
        ({"position": "99999999"}, "position"),
        ({"low_stock_below": "many"}, "low_stock_below"),
        ({"price": ""}, "price"),
        ({"price": "-1"}, "price"),
        ({"price": "1e3"}, "price"),
        ({"price": "NaN"}, "price"),
        ({"price": "1.505"}, "price"),
        ({"price": "999999999999"}, "price"),
        ({"price": "1,250"}, "price"),
        ({"compare_at": "12.50"}, "compare_at"),
        ({"compare_at": "cheap"}, "compare_at"),
    ],
)
def test_bad_facts_get_a_sentence_beside_their_field(changed, field):
    item = a_variant("TAKEN", options="1 kg")

    assert list(wrong(add, item.product_id, **changed)) == [field]
    assert db.session.execute(select(Variant.sku)).scalars().all() == ["TAKEN"]


def test_what_yields_a_file_stays_digital():
    item = a_variant(is_digital=True, download="guide.pdf", weight_grams=0)

    assert "is_digital" in wrong(change_variant, item.id, FACTS | {"sku": item.sku})


def test_what_is_gone_is_not_found():
    with pytest.raises(NotFound):
        products.publish(99, actor=MONA)
    with pytest.raises(NotFound):
        add(99)
    with pytest.raises(NotFound):
        products.change_variant(99, FACTS, may_price=True, seen="", actor=MONA)


# ------------------------------------------------------------------------------------------------ the list


def test_the_list_is_paged_from_the_newest():
    made = many_products(120)
    pages, after = [], None
    while True:
        page = products.page(after=after)
        pages.append([each.id for each in page.rows])
        if (after := page.after) is None:
            break

    assert [len(each) for each in pages] == [50, 50, 20]
    assert [id for each in pages for id in each] == [item.product_id for item in reversed(made)]


def test_the_list_knows_states_and_words():
    listed, gone, hidden = a_variant("LISTED", name="Cup"), a_variant("GONE", on_hand=0, name="Mug"), a_variant("HID", name="Pot")
    products.hide(hidden.product_id, actor=MONA)
    ids = {name: item.product_id for name, item in {"shown": listed, "sold-out": gone, "hidden": hidden}.items()}

    assert {state: [each.id for each in products.page(state=state).rows] for state in ids} == {k: [v] for k, v in ids.items()}
    assert [each.id for each in products.page(words="hid").rows] == [ids["hidden"]]
    assert [each.id for each in products.page(words="mug", state="hidden").rows] == []
    assert [each.id for each in products.page(words="mug", state="sold-out").rows] == [ids["sold-out"]]


def test_the_words_of_the_list_are_paged_too():
    many_products(120)

    first = products.page(words="bag")
    second = products.page(words="bag", after=first.after)

    assert (len(first.rows), len(second.rows)) == (50, 50)
    assert not {each.id for each in first.rows} & {each.id for each in second.rows}


def test_old_slugs_know_whose_they_are():
    product_id = shown()
    rename(product_id, "second")

    kept = db.session.execute(select(OldSlug)).scalar_one()
    assert (kept.kind, kept.slug, kept.product_id, kept.category_id) == ("product", "house-blend", product_id, None)
