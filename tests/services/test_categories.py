"""The shelves of the shop: made, renamed, put in order, deleted without losing a product."""

import pytest
from sqlalchemy import select

from app.cli.shop import rounds
from app.extensions import db
from app.models.catalog import Category, OldSlug, Product
from app.services import audit, catalog, categories, editing, slugs
from app.services.categories import MoreToMove, NotEmpty
from app.services.editing import EditConflict
from app.services.errors import InvalidInput, NotFound
from tests.factories import a_category, a_variant

pytestmark = pytest.mark.usefixtures("app_context")


def change(category_id: int, **typed: str) -> None:
    row = categories.one(category_id)
    known = {"name": row.name, "slug": row.slug, "position": str(row.position)}
    categories.change(category_id, known | typed, seen=editing.seen(row, categories.FIELDS), actor="cli")


def product(product_id: int) -> Product:
    db.session.rollback()
    return db.session.get_one(Product, product_id)


def test_a_new_one_goes_behind_the_others():
    a_category("Beans")

    category_id = categories.create({"name": "Cups & mugs"}, actor="cli")

    assert [(each.name, each.slug) for each in catalog.categories(catalog.revision())][-1] == ("Cups & mugs", "cups-mugs")
    assert categories.one(category_id).position == 1
    assert [entry.action for entry in audit.entries()] == ["category created"]


def test_position_numbers_put_them_in_order():
    first, second = a_category("Beans"), a_category("Cups")

    change(first, position="2")
    change(second, position="1")

    assert [each.name for each in catalog.categories(catalog.revision())] == ["Cups", "Beans"]


def test_another_name_reaches_search_and_labels_of_its_products():
    category_id = a_category("Beans")
    item = a_variant(category_id=category_id)
    label = product(item.product_id).label_version

    change(category_id, name="Legumes")
    for go in rounds():
        go()

    assert "legumes" in product(item.product_id).search_text
    assert product(item.product_id).label_version != label


def test_a_former_slug_leads_on_and_back():
    category_id = a_category("Beans")

    change(category_id, slug="coffee")
    assert slugs.present("category", "beans") == "coffee"
    with pytest.raises(InvalidInput, match="check what you typed"):
        categories.create({"name": "Other", "slug": "beans"}, actor="cli")
    change(category_id, slug="beans")

    assert slugs.present("category", "coffee") == "beans"
    assert slugs.present("category", "beans") is None


def test_two_who_edit_at_once_lose_nothing():
    category_id = a_category("Beans")
    known = editing.seen(categories.one(category_id), categories.FIELDS)
    change(category_id, position="7")

    with pytest.raises(EditConflict) as caught:
        categories.change(category_id, {"name": "Mine", "slug": "beans", "position": "0"}, seen=known, actor="cli")

    assert caught.value.theirs == {"position": 7}


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "BEANS "}, "name"),
        ({"name": "New", "slug": "beans"}, "slug"),
        ({"name": "New", "slug": "no/slash"}, "slug"),
        ({"name": "抹茶"}, "slug"),
        ({"name": "New", "position": "first"}, "position"),
    ],
)
def test_bad_words_get_a_sentence_beside_their_field(typed, field):
    a_category("Beans")

    with pytest.raises(InvalidInput) as caught:
        categories.create(typed, actor="cli")

    assert field in caught.value.fields
    assert len(categories.every()) == 1


def test_one_with_products_is_not_deleted_without_moving_them():
    beans, cups = a_category("Beans"), a_category("Cups")
    item = a_variant(category_id=beans)

    with pytest.raises(NotEmpty):
        categories.remove(beans, to=None, may_move=False, actor="cli")
    assert product(item.product_id).category_id == beans

    categories.remove(beans, to=cups, may_move=True, actor="cli")
    assert product(item.product_id).category_id == cups
    assert "cups" in product(item.product_id).search_text
    assert [each.name for each in categories.every()] == ["Cups"]
    assert [entry.action for entry in audit.entries()] == ["category deleted", "products moved"]

    categories.remove(cups, to=None, may_move=True, actor="cli")
    assert product(item.product_id).category_id is None


def test_very_many_products_are_moved_in_portions(monkeypatch):
    monkeypatch.setattr(categories, "PORTION", 2)
    monkeypatch.setattr(categories, "MOST_MOVED", 4)
    beans = a_category("Beans")
    for number in range(5):
        a_variant(f"B{number}", category_id=beans)

    with pytest.raises(MoreToMove, match="4 products were moved"):
        categories.remove(beans, to=None, may_move=True, actor="cli")
    categories.remove(beans, to=None, may_move=True, actor="cli")

    assert categories.every() == []


def test_deleting_one_ends_its_former_addresses_and_frees_those_below():
    beans, cups = a_category("Beans"), a_category("Cups")
    change(beans, slug="coffee")
    db.session.get_one(Category, cups).parent_id = beans
    db.session.commit()

    categories.remove(beans, to=None, may_move=False, actor="cli")

    assert db.session.execute(select(OldSlug.id)).first() is None
    assert categories.one(cups).parent_id is None


def test_what_is_gone_is_not_found():
    with pytest.raises(NotFound):
        categories.one(99)
    with pytest.raises(NotFound):
        categories.remove(99, to=None, may_move=True, actor="cli")
    a_variant(category_id=a_category("Beans"))
    with pytest.raises(NotFound):
        categories.remove(1, to=99, may_move=True, actor="cli")
