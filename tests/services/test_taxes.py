"""Tax classes and their rates."""

import pytest

from app.models.catalog import Product
from app.services import audit, catalog, editing, pricing, taxes
from app.services.editing import EditConflict
from app.services.errors import InvalidInput, NotFound
from app.services.taxes import LastClass, StillUsed, TooManyClasses
from tests.factories import a_cart, a_variant, set_columns

pytestmark = pytest.mark.usefixtures("app_context")


def checked(**typed: str) -> dict:
    return taxes.checked({"name": "Books", "rate": "0", "rates": ""} | typed)


def add(**typed: str) -> int:
    return taxes.add(checked(**typed), actor="cli")


def change(class_id: int, seen: str | None = None, **typed: str) -> None:
    known = editing.seen(taxes.one(class_id), taxes.EDITED) if seen is None else seen
    taxes.change(class_id, checked(**typed), seen=known, actor="cli")


@pytest.mark.parametrize(
    ("typed", "rates"),
    [
        ("", {}),
        ("FR 5.5", {"FR": 550}),
        ("ie 23\r\n\r\nFR: 5,5 %\n", {"FR": 550, "IE": 2300}),
        ("DE=7%", {"DE": 700}),
    ],
)
def test_rates_are_typed_one_a_line(typed, rates):
    assert checked(rates=typed)["rates"] == rates


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"rate": ""}, "rate"),
        ({"rate": "101"}, "rate"),
        ({"rates": "France 5.5"}, "rates"),
        ({"rates": "XX 5"}, "rates"),
        ({"rates": "FR"}, "rates"),
        ({"rates": "FR 5.555"}, "rates"),
        ({"rates": "FR 101"}, "rates"),
        ({"rates": "FR 5\nFR 6"}, "rates"),
        ({"rates": "FR 1,000.0"}, "rates"),
    ],
)
def test_each_field_says_what_is_wrong_with_it(typed, field):
    with pytest.raises(InvalidInput) as error:
        checked(**typed)

    assert list(error.value.fields) == [field]


def test_a_class_is_added_with_its_rates():
    before = catalog.revision()

    class_id = add(name="Books", rate="0", rates="FR 5.5")

    assert taxes.one(class_id) == taxes.Tax(class_id, "books", "Books", 0, {"FR": 550}, 0)
    assert catalog.revision() == before + 1
    assert (audit.entries()[0].action, audit.entries()[0].subject) == ("tax class added", f"tax_class:{class_id}")


def test_a_changed_rate_is_inside_the_next_price():
    cart = a_cart((a_variant(price_minor=1200), 1))
    change(1, name="Standard rate", rate="20", rates="FR 5.5")

    abroad = pricing.country_rates("FR")
    priced = pricing.price(cart, currency="GBP", country="GB", shipping_id=1, payment_id=1)

    assert (abroad, priced.line_taxes[0]) == ({1: 550}, (2000, 200))


def test_only_what_differs_is_written_down():
    change(1, name="Standard rate", rate="20", rates="FR 5.5")

    assert (audit.entries()[0].before, audit.entries()[0].after) == ({"rates": {}}, {"rates": {"FR": 550}})
    change(1, name="Standard rate", rate="20", rates="FR 5.5")
    assert len(audit.entries()) == 1


def test_the_second_of_two_managers_is_told_what_the_first_saved():
    seen = editing.seen(taxes.one(1), taxes.EDITED)
    change(1, name="Standard rate", rate="20", rates="FR 5.5")

    with pytest.raises(EditConflict) as conflict:
        change(1, seen, name="Standard rate", rate="20", rates="FR 10")

    assert conflict.value.theirs == {"rates": {"FR": 550}}


def test_a_class_that_products_use_stays():
    item = a_variant()
    class_id = add()
    set_columns(Product, item.product_id, tax_class_id=class_id)

    with pytest.raises(StillUsed):
        taxes.remove(class_id, actor="cli")

    assert taxes.one(class_id).used == 1


def test_a_class_that_nothing_uses_goes_with_its_rates():
    class_id = add(rates="FR 5.5")

    taxes.remove(class_id, actor="cli")

    assert [tax.id for tax in taxes.every()] == [1]
    assert audit.entries()[0].before == {"name": "Books", "rate_bp": 0, "rates": {"FR": 550}}
    with pytest.raises(NotFound):
        taxes.remove(class_id, actor="cli")


def test_the_last_class_stays():
    with pytest.raises(LastClass):
        taxes.remove(1, actor="cli")


def test_the_list_says_of_each_class_what_is_its_own():
    books = add(name="Books", rates="FR 5.5\nDE 7")
    food = add(name="Food", rates="FR 2.1")
    set_columns(Product, a_variant().product_id, tax_class_id=food)

    found = {tax.id: (tax.rates, tax.used) for tax in taxes.every()}

    assert found == {1: ({}, 0), books: ({"DE": 700, "FR": 550}, 0), food: ({"FR": 210}, 1)}


def test_counting_has_an_end(monkeypatch):
    monkeypatch.setattr(taxes, "MOST_COUNTED", 1)
    for sku in ("A", "B", "C"):
        a_variant(sku)

    assert taxes.one(1).used == 2


def test_there_is_an_end_of_classes(monkeypatch):
    monkeypatch.setattr(taxes, "MOST_CLASSES", 1)

    with pytest.raises(TooManyClasses):
        add()
