"""POST /cart: the whole cart is one form; all quantities at once, or the line whose button was pressed."""

import pytest

from app.cart import cookie
from tests.factories import a_variant
from tests.shopping import buy, put_in

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture(params=["page", "hx"])
def cart(request, app_context):
    """The open cart of somebody with two lines, without scripts and with htmx."""
    a_variant(on_hand=8), a_variant("CUP", name="Blue Cup", price_minor=700)
    page = request.getfixturevalue(request.param)
    put_in(page, "BEANS", 2)
    put_in(page, "CUP")
    return page.get("/cart")


def quantities(page) -> dict[str, str]:
    fields = [field for field in page.document.every("input") if field.get("name", "").startswith("quantity-")]
    return {field.get("name").removeprefix("quantity-"): field.get("value") for field in fields}


def test_all_quantities_change_at_once(cart):
    cart.submit("Update cart", {"quantity-BEANS": 3, "quantity-CUP": 4})

    assert quantities(cart) == {"BEANS": "3", "CUP": "4"}
    assert "£58.00" in cart.text
    assert cart.part("cart-link").startswith("Cart (7")


@pytest.mark.parametrize("nothing", ["0", "", " "])
def test_nothing_removes_the_line(cart, nothing):
    cart.submit("Update cart", {"quantity-BEANS": nothing})

    assert quantities(cart) == {"CUP": "1"}


def test_the_line_whose_button_is_pressed_goes(cart):
    cart.submit("Remove House Blend")

    assert quantities(cart) == {"CUP": "1"}
    assert "Removed" in cart.text


def test_a_removed_line_can_be_put_back(cart):
    cart.submit("Remove House Blend")

    cart.submit("Put")

    assert quantities(cart.get("/cart")) == {"CUP": "1", "BEANS": "2"}


def test_removing_one_line_keeps_what_was_typed_for_the_other(cart):
    cart.submit("Remove House Blend", {"quantity-CUP": 3})

    assert quantities(cart) == {"CUP": "3"}


def test_a_quantity_is_lowered_to_what_there_is_and_said(cart):
    cart.submit("Update cart", {"quantity-BEANS": 9})

    assert "Only 8 left of House Blend, quantity set to 8." in cart.text
    assert quantities(cart)["BEANS"] == "8"


@pytest.mark.parametrize("typed", ["1_000", "１", "-1", "1e3", "100000", "two"])
def test_what_is_no_quantity_is_kept_and_said_beside_it(cart, typed):
    cart.submit("Update cart", {"quantity-BEANS": typed, "quantity-CUP": 2}, status=422)

    field = cart.document.by_id("q-BEANS")
    assert (field.get("value"), field.get("aria-invalid")) == (typed, "true")
    assert "Enter a whole number from 0 to 99,999." in cart.part("q-BEANS-error")
    assert quantities(cart)["CUP"] == "2"


def test_after_a_mistake_the_old_quantity_still_counts(cart):
    cart.submit("Update cart", {"quantity-BEANS": "two"}, status=422)

    cart.get("/cart")

    assert quantities(cart) == {"BEANS": "2", "CUP": "1"}


def test_the_last_line_removed_leaves_an_empty_cart(cart):
    cart.submit("Update cart", {"quantity-BEANS": 0, "quantity-CUP": 0})

    assert "There is nothing in it yet." in cart.text or "empty" in cart.text
    assert "cart" not in cart.cookies


def test_a_form_that_is_longer_than_the_cart_adds_nothing(cart):
    a_variant("MUG")

    cart.post("/cart", {"quantity-MUG": "3", "quantity-NOTHING": "2"})

    assert quantities(cart.get("/cart")) == {"BEANS": "2", "CUP": "1"}


def test_a_cart_that_would_not_fit_stays_as_it_was(cart, monkeypatch):
    monkeypatch.setattr(cookie, "LONGEST", len("cart") + len(cart.cookies["cart"]))

    cart.post("/cart", {"quantity-BEANS": "2", "quantity-CUP": "200"} | {f"quantity-{n}": "1" for n in range(3)})

    assert set(quantities(cart.get("/cart"))) == {"BEANS", "CUP"}


def test_what_is_held_by_nobody_else_is_still_mine_after_another_bought(cart, browser):
    buy(browser(), "BEANS", 7)

    cart.submit("Update cart")

    assert "Only 1 left of House Blend, quantity set to 1." in cart.text


def test_another_site_cannot(cart):
    cart.post(
        "/cart", {"quantity-BEANS": "0"}, status=403, headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    )

    assert quantities(cart.get("/cart")) == {"BEANS": "2", "CUP": "1"}


def test_too_many_fields_are_refused(page):
    page.post("/cart", {f"quantity-{number}": "1" for number in range(2600)}, status=413)


def test_too_much_is_refused(page):
    page.post("/cart", {"quantity-X": "1" * 70_000}, status=413)
