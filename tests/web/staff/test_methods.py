"""/staff/settings/shipping and /staff/settings/payment."""

import pytest

from app.models.payment import PaymentMethod, ShippingMethod
from app.services import methods
from tests.factories import a_payment_method, a_shipping_method, a_variant, set_columns
from tests.shopping import place, to_checkout
from tests.staff import as_manager, trail

pytestmark = pytest.mark.usefixtures("app_context")
SHIPPING, PAYMENT = "/staff/settings/shipping", "/staff/settings/payment"


@pytest.fixture
def desk(page):
    return as_manager(page)


# ------------------------------------------------------------------------------------------------ delivery


def test_a_new_way_of_delivery_is_offered_at_once(desk, browser):
    a_variant()

    desk.get(SHIPPING).click("Add a way of delivery").submit("Save", name="Bike", price="2.50", countries="gb ie")

    assert desk.path == SHIPPING
    assert "A parcel of 1.2 kg worth £30.00 costs £2.50." in desk.text
    assert "United Kingdom, Ireland" in desk.text
    assert trail()[0][0] == "shipping method added"
    assert "Bike" in to_checkout(browser(), "BEANS").part("delivery")


def test_an_editor_shows_what_is_saved_and_the_countries_by_name(desk):
    method_id = a_shipping_method("Air", 1200, per_kg_minor=250, max_weight_grams=1500, countries="FR DE")

    desk.get(f"{SHIPPING}/{method_id}")

    known = desk.form_data("Save")
    assert (known["price"], known["per_kg"], known["max_weight"]) == (["12.00"], ["2.50"], ["1.5"])
    assert (known["free_from"], known["min_weight"]) == ([""], [""])
    assert "As it is saved: A parcel of 1.2 kg worth £30.00 costs £17.00." in desk.text
    assert "France, Germany" in desk.text


def test_a_change_is_priced_at_checkout_at_once(desk, browser):
    a_variant()

    desk.get(SHIPPING).click("Standard delivery").submit("Save", price="4,50")

    assert "£4.50" in to_checkout(browser(), "BEANS").part("delivery")
    assert trail() == [("shipping method changed", "shipping_method:1")]


def test_what_was_shown_before_a_change_is_not_ordered(desk, browser):
    a_variant()
    shopper = to_checkout(browser(), "BEANS")
    desk.get(f"{SHIPPING}/1").submit("Save", price="4.50")

    place(shopper, status=409)

    assert "The total is now £14.50, it was £13.95." in shopper.text


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "", "Enter a name"),
        ("price", "cheap", "Enter an amount in GBP, such as 3.95."),
        ("price", "", "Enter a price"),
        ("per_kg", "1_0", "Enter an amount"),
        ("free_from", "-1", "Enter an amount"),
        ("max_weight", "2 stone", "Enter a weight"),
        ("countries", "England", "is no country"),
    ],
)
@pytest.mark.parametrize("where", ["new", "1"])
def test_bad_input_is_told_beside_its_field_and_loses_nothing(desk, where, field, typed, words):
    typed_before = {"name": "Bike", "price": "1.00", "description": "By bike", field: typed}

    desk.get(f"{SHIPPING}/{where}").submit("Save", typed_before, status=422)

    assert words in desk.part(f"{field}-error")
    assert desk.form_data("Save")["description"] == ["By bike"]
    assert trail() == []


def test_two_managers_overwrite_nobody(desk, browser):
    other = as_manager(browser(), "other@example.com").get(f"{SHIPPING}/1")
    desk.get(f"{SHIPPING}/1").submit("Save", price="4.50", is_active=False, countries="")

    other.submit("Save", price="5.00", status=409)

    assert "Somebody saved: 4.50" in other.text
    assert "Somebody saved: no" in other.text
    assert "Somebody saved: nothing" in other.text
    other.submit("Save")
    assert methods.one(ShippingMethod, 1).price_minor == 500


def test_it_is_said_what_happens_when_none_is_on(desk):
    desk.get(f"{SHIPPING}/1").submit("Save", is_active=False)

    assert "None is switched on: carts with something to send cannot be ordered." in desk.text


def test_methods_change_places(desk, browser):
    a_variant()
    a_shipping_method("Bike", 100)

    desk.get(SHIPPING).submit("Up Bike")

    assert desk.text.index("Bike") < desk.text.index("Standard delivery")
    assert to_checkout(browser(), "BEANS").part("delivery").startswith("Delivery Bike")
    desk.submit("Down Bike")
    assert [row.name for row in methods.every(ShippingMethod)] == ["Standard delivery", "Bike"]


def test_ways_that_are_added_at_once_have_codes_of_their_own(app, at_once):
    typed = dict.fromkeys(("description", "per_kg", "free_from", "min_weight", "max_weight", "countries"), "")
    values = methods.checked_shipping(typed | {"name": "Bicycle", "price": "5"}, is_active=True, currency="GBP")

    at_once(lambda _: methods.add_shipping(values, currency="GBP", actor="cli"), 4)

    codes = [row.code for row in methods.every(ShippingMethod) if row.name == "Bicycle"]
    assert sorted(codes) == ["bicycle", "bicycle-2", "bicycle-3", "bicycle-4"]


def test_an_end_of_methods_is_told(desk, monkeypatch):
    monkeypatch.setattr(methods, "MOST_METHODS", 1)

    desk.get(f"{SHIPPING}/new").submit("Save", name="Bike", price="1", status=422)

    assert "as many as there can be" in desk.text
    assert desk.form_data("Save")["name"] == ["Bike"]


# ------------------------------------------------------------------------------------------------ payment


def test_the_list_says_what_waits_for_its_keys(desk):
    desk.get(PAYMENT)

    assert "waits for its keys" in desk.text
    desk.click("Card")
    assert "STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRETS" in desk.text
    assert "stripe" in desk.text


@pytest.mark.settings(PRETEND_GATEWAY=True)
def test_a_provider_with_its_keys_is_there(desk):
    desk.get(PAYMENT).click("Pretend payment")

    assert "Keys there" in desk.text


def test_a_limit_holds_at_checkout_at_once(desk, browser):
    a_variant()
    a_payment_method(name="Cash box")

    desk.get(PAYMENT).click("Pay on delivery").submit("Save", min_total="100", description="Cash only.")

    assert "Your total is too small for it." in to_checkout(browser(), "BEANS").part("payment")
    assert trail() == [("payment method changed", "payment_method:1")]
    assert "from £100.00" in desk.text


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [("name", "", "Enter a name"), ("min_total", "x", "Enter an amount"), ("countries", "XX", "is no country")],
)
def test_bad_input_of_a_payment_method_too(desk, field, typed, words):
    desk.get(f"{PAYMENT}/1").submit("Save", {"description": "Kept", field: typed}, status=422)

    assert words in desk.part(f"{field}-error")
    assert desk.form_data("Save")["description"] == ["Kept"]


def test_a_method_for_no_cart_is_told_so(desk):
    desk.get(f"{PAYMENT}/1").submit("Save", allows_physical=False, allows_digital=False, status=422)

    assert "Tick one of these" in desk.part("allows_physical-error")


def test_two_managers_overwrite_nobody_here_either(desk, browser):
    other = as_manager(browser(), "other@example.com").get(f"{PAYMENT}/1")
    desk.get(f"{PAYMENT}/1").submit("Save", max_total="500", allows_digital=True)

    other.submit("Save", max_total="600", status=409)

    assert "Somebody saved: 500.00" in other.text
    assert "Somebody saved: yes" in other.text


def test_it_is_said_what_happens_when_none_can_be_paid_by(desk):
    for row in methods.every(PaymentMethod):
        set_columns(PaymentMethod, row.id, is_active=False)

    desk.get(PAYMENT)

    assert "None is offered: only carts that cost nothing can be ordered." in desk.text


def test_ways_to_pay_change_places(desk):
    desk.get(PAYMENT).submit("Down Pay on delivery")

    assert [row.name for row in methods.every(PaymentMethod)][1] == "Pay on delivery"
    assert trail() == [("payment method moved", "payment_method:1")]


# ------------------------------------------------------------------------------------------------ both


@pytest.mark.parametrize("path", [f"{SHIPPING}/99", f"{PAYMENT}/99"])
def test_what_is_not_there_is_not_found(desk, path):
    token = desk.get(SHIPPING).form_data(form="/account/logout")["csrf_token"]

    desk.get(path, status=404)
    desk.post(path, {"csrf_token": token}, status=404)
    desk.post(path + "/move", {"csrf_token": token, "to": "up"}, status=404)


@pytest.mark.parametrize("path", [f"{SHIPPING}/new", f"{SHIPPING}/1", f"{SHIPPING}/1/move", f"{PAYMENT}/1", f"{PAYMENT}/1/move"])
def test_a_form_that_was_not_ours_changes_nothing(desk, path):
    desk.post(path, {"name": "Evil", "price": "0"}, status=422)

    assert trail() == []


def test_of_two_who_add_the_same_at_once_both_are_heard(app, at_once):
    typed = dict.fromkeys(("description", "countries", "per_kg", "free_from", "min_weight", "max_weight"), "")
    values = methods.checked_shipping(typed | {"name": "Bike", "price": "1"}, is_active=True, currency="GBP")

    at_once(lambda number: methods.add_shipping(values, currency="GBP", actor="test"), 3)

    assert [row.code for row in methods.every(ShippingMethod)] == ["standard", "bike", "bike-2", "bike-3"]
    assert [row.position for row in methods.every(ShippingMethod)] == [0, 1, 2, 3]
