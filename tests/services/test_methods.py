"""Ways to send and ways to pay, as managers set them up."""

from types import SimpleNamespace

import pytest

from app.models.payment import PaymentMethod, ShippingMethod
from app.services import audit, catalog, editing, methods, pricing, shipping
from app.services.editing import EditConflict
from app.services.errors import InvalidInput, MethodUnavailable, NotFound
from app.services.methods import TooManyMethods
from tests.factories import a_cart, a_payment_method, a_shipping_method, a_variant

pytestmark = pytest.mark.usefixtures("app_context")
BLANK = dict.fromkeys(("name", "description", "countries", "per_kg", "free_from", "min_weight", "max_weight"), "")
BLANK_PAYMENT = dict.fromkeys(("name", "description", "countries", "min_total", "max_total"), "")


def shipping_values(*, is_active: bool = True, **typed: str) -> dict:
    fields = BLANK | {"name": "Courier", "price": "9.00"} | typed
    return methods.checked_shipping(fields, is_active=is_active, currency="GBP")


def payment_values(*, digital: bool = True, physical: bool = True, is_active: bool = True, **typed: str) -> dict:
    fields = BLANK_PAYMENT | {"name": "Cash"} | typed
    return methods.checked_payment(fields, is_active=is_active, allows_digital=digital, allows_physical=physical, currency="GBP")


def add(**typed: str) -> int:
    return methods.add_shipping(shipping_values(**typed), currency="GBP", actor="cli")


def order() -> list[str]:
    return [row.name for row in methods.every(ShippingMethod)]


@pytest.mark.parametrize(
    ("typed", "grams", "items_minor", "price_minor"),
    [
        ({"price": "3.95"}, 1, 0, 395),
        ({"price": "0"}, 5000, 0, 0),
        ({"price": "3.95", "per_kg": "2"}, 1000, 0, 595),
        ({"price": "3.95", "per_kg": "2"}, 1001, 0, 795),
        ({"price": "3.95", "per_kg": "2"}, 0, 0, 395),
        ({"price": "3.95", "free_from": "40"}, 1, 3999, 395),
        ({"price": "3.95", "free_from": "40"}, 1, 4000, 0),
        ({"price": "3.95", "per_kg": "2", "free_from": "40"}, 9000, 4000, 0),
        ({"price": "3.95", "free_from": "0"}, 1, 0, 0),
    ],
)
def test_a_rule_prices_as_it_was_typed(typed, grams, items_minor, price_minor):
    row = SimpleNamespace(**shipping_values(**typed))

    assert shipping.price(row, grams, items_minor) == price_minor


@pytest.mark.parametrize(
    ("typed", "weight"),
    [({}, 1200), ({"max_weight": "1"}, 1000), ({"min_weight": "2"}, 2000), ({"min_weight": "1", "max_weight": "5"}, 1200)],
)
def test_the_example_is_a_parcel_that_the_method_takes(typed, weight):
    row = SimpleNamespace(currency="GBP", **shipping_values(**typed))

    assert shipping.example(row) == shipping.Example(weight, 3000, 900)


@pytest.mark.parametrize(("currency", "items_minor"), [("GBP", 3000), ("JPY", 3000), ("KWD", 30000)])
def test_the_example_is_worth_something_in_every_currency(currency, items_minor):
    assert shipping.example(SimpleNamespace(currency=currency, **shipping_values())).items_minor == items_minor


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"description": "x" * 251}, "description"),
        ({"price": ""}, "price"),
        ({"price": "three"}, "price"),
        ({"per_kg": "-1"}, "per_kg"),
        ({"free_from": "1.001"}, "free_from"),
        ({"min_weight": "light"}, "min_weight"),
        ({"min_weight": "2", "max_weight": "1"}, "max_weight"),
        ({"countries": "Britain"}, "countries"),
    ],
)
def test_each_field_says_what_is_wrong_with_it(typed, field):
    with pytest.raises(InvalidInput) as error:
        shipping_values(**typed)

    assert list(error.value.fields) == [field]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"min_total": "-1"}, "min_total"),
        ({"min_total": "5", "max_total": "4.99"}, "max_total"),
        ({"countries": "XX"}, "countries"),
        ({"digital": False, "physical": False}, "allows_physical"),
    ],
)
def test_each_field_of_a_payment_method_too(typed, field):
    with pytest.raises(InvalidInput) as error:
        payment_values(**typed)

    assert list(error.value.fields) == [field]


def test_a_method_that_is_switched_off_may_fit_no_cart():
    assert not payment_values(digital=False, physical=False, is_active=False)["is_active"]


def test_a_new_way_of_delivery_stands_behind_the_others():
    before = catalog.revision()

    method_id = add(name="Bike")

    assert order() == ["Standard delivery", "Bike"]
    assert (methods.one(ShippingMethod, method_id).code, catalog.revision()) == ("bike", before + 1)
    assert (audit.entries()[0].action, audit.entries()[0].subject) == ("shipping method added", f"shipping_method:{method_id}")


def test_two_of_one_name_have_codes_of_their_own():
    codes = [methods.one(ShippingMethod, add(name=name)).code for name in ("Standard", "Standard", "速達")]

    assert codes == ["standard-2", "standard-3", "method"]


def test_there_is_an_end_of_methods(monkeypatch):
    monkeypatch.setattr(methods, "MOST_METHODS", 1)

    with pytest.raises(TooManyMethods):
        add()


def test_a_change_is_priced_at_once_and_written_down():
    row, cart = methods.one(ShippingMethod, 1), a_cart((a_variant(), 1))
    before = catalog.revision()
    values = shipping_values(name=row.name, description=row.description, price="4.50", countries="GB")

    methods.change(ShippingMethod, 1, values, seen=editing.seen(row, methods.SHIPPING), actor="cli")

    priced = pricing.price(cart, currency="GBP", country="GB", shipping_id=1, payment_id=1)
    assert (priced.shipping_minor, catalog.revision()) == (450, before + 1)
    entry = audit.entries()[0]
    assert (entry.action, entry.subject) == ("shipping method changed", "shipping_method:1")
    assert (entry.before, entry.after) == ({"price_minor": 395}, {"price_minor": 450})


def test_a_price_that_changed_since_is_not_current_for_checkout():
    from app.extensions import transaction

    priced = pricing.price(a_cart((a_variant(), 1)), currency="GBP", country="GB", shipping_id=1, payment_id=1)
    seen = editing.seen(methods.one(ShippingMethod, 1), methods.SHIPPING)

    methods.change(ShippingMethod, 1, shipping_values(price="4.50", countries="GB"), seen=seen, actor="cli")

    with transaction() as t:
        assert not pricing.is_current(t, priced)


def test_a_method_that_is_switched_off_is_not_offered():
    cart, row = a_cart((a_variant(), 1)), methods.one(PaymentMethod, 1)
    values = payment_values(digital=False, is_active=False)

    methods.change(PaymentMethod, 1, values, seen=editing.seen(row, methods.PAYMENT), actor="cli")

    with pytest.raises(MethodUnavailable):
        pricing.price(cart, currency="GBP", country="GB", shipping_id=1, payment_id=1)


def test_the_second_of_two_managers_is_told_what_the_first_saved():
    seen = editing.seen(methods.one(ShippingMethod, 1), methods.SHIPPING)
    methods.change(ShippingMethod, 1, shipping_values(price="5"), seen=seen, actor="cli")

    with pytest.raises(EditConflict) as conflict:
        methods.change(ShippingMethod, 1, shipping_values(price="6"), seen=seen, actor="cli")

    assert conflict.value.theirs == {"price_minor": 500}


@pytest.mark.parametrize(
    ("name", "down", "expected"),
    [
        ("Bike", False, ["Bike", "Standard delivery", "Courier"]),
        ("Bike", True, ["Standard delivery", "Courier", "Bike"]),
        ("Standard delivery", False, ["Standard delivery", "Bike", "Courier"]),
        ("Courier", True, ["Standard delivery", "Bike", "Courier"]),
    ],
)
def test_methods_change_places(name, down, expected):
    ids = {"Standard delivery": 1, "Bike": a_shipping_method("Bike"), "Courier": a_shipping_method("Courier")}

    methods.move(ShippingMethod, ids[name], down=down, actor="cli")

    assert order() == expected
    assert [row.name for row in shipping.methods()] == expected


def test_a_move_is_written_down_where_something_moved():
    method_id = a_payment_method(name="Other")

    methods.move(PaymentMethod, method_id, down=True, actor="cli")
    assert audit.entries() == []

    methods.move(PaymentMethod, method_id, down=False, actor="cli")
    entry = audit.entries()[0]
    assert (entry.action, entry.subject) == ("payment method moved", f"payment_method:{method_id}")
    assert entry.before["place"] - entry.after["place"] == 1


@pytest.mark.parametrize("model", [ShippingMethod, PaymentMethod])
def test_what_is_not_there_is_not_found(model):
    with pytest.raises(NotFound):
        methods.one(model, 99)
    with pytest.raises(NotFound):
        methods.move(model, 99, down=True, actor="cli")
    with pytest.raises(NotFound):
        methods.change(model, 99, {}, seen="", actor="cli")
