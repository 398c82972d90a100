"""Lists that lose and repeat nothing, and a search that takes words as they are typed; on both databases alike."""

import pytest

from app.models.catalog import Product
from app.services import catalog
from tests.factories import a_category, a_variant, many_products, set_columns

pytestmark = pytest.mark.usefixtures("app_context")


def found(text: str, **how) -> list[str]:
    return [card.name for card in catalog.search(text, **how).page.cards]


# --- pages ---


def walk(sort: str, **how) -> tuple[list[int], list[int]]:
    """The ids of all cards, by the links to the next page and then by those to the one before."""
    page = catalog.page(sort=sort, **how)
    forwards = [card.id for card in page.cards]
    while page.after is not None:
        page = catalog.page(sort=sort, after=page.after, **how)
        forwards += [card.id for card in page.cards]
    backwards = [card.id for card in page.cards]
    while page.before is not None:
        page = catalog.page(sort=sort, before=page.before, **how)
        backwards = [card.id for card in page.cards] + backwards
    return forwards, backwards


@pytest.mark.parametrize("count", [1, 24, 25, 75])
def test_pages_lose_and_repeat_nothing_in_any_order_of_sorting(count):
    everything = {item.product_id for item in many_products(count)}

    for sort in catalog.SORTS:
        forwards, backwards = walk(sort)
        assert sorted(forwards) == sorted(everything), sort
        assert backwards == forwards, sort


def test_the_pages_of_one_shelf_have_only_what_stands_there():
    items = many_products(30)
    shelf = a_category("Gear")
    for item in items[::2]:
        set_columns(Product, item.product_id, category_id=shelf)

    forwards, backwards = walk("price", category_id=shelf)

    assert sorted(forwards) == sorted(item.product_id for item in items[::2])
    assert backwards == forwards


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("featured", ["Mug", "apple", "Zest", "Éclair"]),
        ("newest", ["Éclair", "Zest", "apple", "Mug"]),
        ("name", ["apple", "Éclair", "Mug", "Zest"]),
        ("price", ["apple", "Éclair", "Zest", "Mug"]),
        ("price-down", ["Mug", "Zest", "Éclair", "apple"]),
    ],
)
def test_each_order_of_sorting(sort, names):
    for number, (name, price) in enumerate([("Mug", 900), ("apple", 100), ("Zest", 500), ("Éclair", 300)]):
        a_variant(f"S{number}", name=name, price_minor=price)

    assert [card.name for card in catalog.page(sort=sort).cards] == names


def test_a_page_after_a_product_that_is_not_there_is_no_error():
    many_products(3)

    for sort in catalog.SORTS:
        assert catalog.page(sort=sort, after=2**31 - 1).cards is not None


def test_sold_out_products_are_listed_only_when_asked_for():
    a_variant("HERE", name="Here")
    a_variant("GONE", name="Gone", on_hand=0)

    assert [card.name for card in catalog.page().cards] == ["Here"]
    assert [card.name for card in catalog.page(sold_out=True).cards] == ["Here", "Gone"]


def test_a_card_shows_the_first_variant_that_is_for_sale():
    first = a_variant("SMALL", on_hand=0, price_minor=500)
    a_variant("LARGE", of=first, price_minor=900)

    [card] = catalog.page().cards

    assert (card.sku, card.price_minor, card.variant_count) == ("LARGE", 900, 2)


def test_related_are_three_more_of_the_same_shelf():
    shelf = a_category()
    for number in range(5):
        a_variant(f"R{number}", name=f"R{number}", category_id=shelf)

    related = catalog.related(catalog.product("r1"))

    assert [card.name for card in related] == ["R0", "R2", "R3"]


# --- search ---


@pytest.fixture
def shelf():
    for number, (name, more) in enumerate(
        [
            ("Café Perú Ñandú", "blackcurrant, cacao"),
            ("House Blend", "hazelnut; decaf? never"),
            ('The "Big" Grinder 100%', "steel burrs NEAR the hopper AND dial"),
            ("Mug_Blue", "stoneware (café size) * two"),
            ("V60 Dripper", "for one to two cups"),
        ]
    ):
        a_variant(f"S-{number}", name=name, search_text=more)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cafe peru", "Café Perú Ñandú"),
        ("CAFÉ", "Café Perú Ñandú"),
        ("ñandu", "Café Perú Ñandú"),
        ("cafe\u0301 peru", "Café Perú Ñandú"),
        ("blackcurr", "Café Perú Ñandú"),
        ("currant", "Café Perú Ñandú"),
        ("lend hou", "House Blend"),
        ("hazelnut house", "House Blend"),
        ("S-1", "House Blend"),
        ("decaf?", "House Blend"),
        ('"Big"', 'The "Big" Grinder 100%'),
        ("100%", 'The "Big" Grinder 100%'),
        ("NEAR", 'The "Big" Grinder 100%'),
        ("burrs AND dial", 'The "Big" Grinder 100%'),
        ("mug_", "Mug_Blue"),
        ("(café", "Mug_Blue"),
        ("v60", "V60 Dripper"),
        ("v6", "V60 Dripper"),
        ("dr", "V60 Dripper"),
        ("  house \t blend ", "House Blend"),
    ],
)
def test_words_are_found_as_they_are_typed(shelf, text, name):
    assert found(text)[0] == name


@pytest.mark.parametrize(
    "text",
    [
        "100_",
        "m%g",
        "mug*",
        "house NOT blend",
        "house OR mug",
        "NEAR(house blend)",
        "name_key:house",
        "^house",
        "x'; --",
        "\\",
        "%%%",
        "___",
        '"""',
        "house\\%",
    ],
)
def test_signs_stand_for_themselves_alone(shelf, text):
    assert found(text) == []


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_nothing_finds_nothing(shelf, text):
    assert found(text) == []


def test_every_word_must_be_there(shelf):
    assert found("house blend") == ["House Blend"]
    assert found("house dripper") == []


def test_two_letters_are_found_where_a_word_begins(shelf):
    assert found("bl") == ["House Blend", "Café Perú Ñandú"]
    assert found("ho bl") == ["House Blend"]
    assert found("le") == []


def test_one_letter_is_found_where_a_name_begins(shelf):
    assert found("h") == ["House Blend"]
    assert found("l") == []


def test_names_that_begin_so_come_first():
    a_variant("A", name="Strong Blend", search_text="espresso")
    a_variant("B", name="Doppelespresso Cup")
    a_variant("C", name="Espresso Tamper")

    assert found("espresso") == ["Espresso Tamper", "Doppelespresso Cup", "Strong Blend"]


def test_very_long_words_are_no_error(shelf):
    assert found("x" * 5000) == []
    assert found("café " * 500) != []


@pytest.mark.parametrize("text", ["🌱", "محمد", "\u202e", "ﷺ", "ß", "İ"])
def test_letters_of_all_scripts_are_no_error(shelf, text):
    assert catalog.search(text).count == 0


def test_two_hundred_are_shown_and_more_is_said():
    many_products(203)

    result = catalog.search("bag")

    assert (result.count, result.is_capped) == (200, True)


def test_two_hundred_exactly_are_all():
    many_products(200)

    result = catalog.search("bag")

    assert (result.count, result.is_capped) == (200, False)


@pytest.mark.parametrize("sort", catalog.SORTS)
def test_results_are_walked_forwards_and_back_without_loss(sort):
    many_products(60)

    result = catalog.search("bag", sort=sort)
    forwards = [[card.id for card in result.page.cards]]
    while result.page.after is not None:
        result = catalog.search("bag", sort=sort, after=result.page.after)
        forwards.append([card.id for card in result.page.cards])
    backwards = [[card.id for card in result.page.cards]]
    while result.page.before is not None:
        result = catalog.search("bag", sort=sort, before=result.page.before)
        backwards.insert(0, [card.id for card in result.page.cards])

    assert backwards == forwards
    assert len({product for page in forwards for product in page}) == 60


@pytest.mark.parametrize(("sort", "prices"), [("price", [100, 500, 900]), ("price-down", [900, 500, 100])])
def test_results_are_sorted(sort, prices):
    for number, price in enumerate([500, 900, 100]):
        a_variant(f"S{number}", name=f"Bag {number}", price_minor=price)

    assert [card.price_minor for card in catalog.search("bag", sort=sort).page.cards] == prices


def test_sold_out_products_are_found_only_when_asked_for():
    a_variant("GONE", name="Gone Bag", on_hand=0)

    assert found("gone") == []
    assert found("gone", sold_out=True) == ["Gone Bag"]


def test_renamed_products_are_found_by_their_new_name_only():
    beans = a_variant(name="House Blend")
    set_columns(Product, beans.product_id, name="Winter Blend", name_key="winter blend", search_text="winter blend")

    assert found("winter") == ["Winter Blend"]
    assert found("house") == []


# --- the revision ---


def test_a_changed_product_is_another_revision():
    beans = a_variant()
    before = catalog.revision()

    set_columns(Product, beans.product_id, name="Winter Blend")

    assert catalog.revision() > before


def test_a_new_shelf_is_seen_with_the_next_revision():
    first = catalog.categories(catalog.revision())
    a_category("Gear")
    a_variant()

    assert [shelf.name for shelf in catalog.categories(catalog.revision())] == [*(shelf.name for shelf in first), "Gear"]
