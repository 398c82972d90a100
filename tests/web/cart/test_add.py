"""POST /cart/items: puts one variant into the cart, or more of it, and never more than there is."""

import pytest

from app.cart import cookie
from app.models.catalog import Variant
from tests.factories import a_variant, set_columns
from tests.shopping import put_in

pytestmark = pytest.mark.usefixtures("app_context")
NOT_QUANTITIES = ["1_000", "１", "٣", "-1", "1e3", "100000", "1.0", "0x1", "one", "1 0", "+1"]


def cart_of(app, page) -> list[tuple[int, int]]:
    """The lines in the browser's cookie."""
    with app.app_context():
        found = cookie.decode(page.cookies.get("cart", ""))
    return list(found.lines) if found else []


def test_it_leads_to_the_cart_and_names_what_was_added(page):
    a_variant(options="250 g / whole bean")

    put_in(page, "BEANS")

    assert page.path == "/cart?added"
    assert page.visited[0] == ("POST", "/cart/items", 303)
    assert "Added to your cart: House Blend, 250 g / whole bean." in page.text
    assert page.part("cart-link").startswith("Cart (1")


def test_home_adds_with_one_press(page):
    a_variant()

    page.get("/").submit("Add", near="House Blend")

    assert page.document.by_id("q-BEANS").get("value") == "1"


def test_htmx_says_so_beside_the_button_and_counts(hx):
    beans = a_variant()

    hx.get("/").submit("Add", near="House Blend")

    assert hx.path == "/"
    assert "Added to your cart: House Blend." in hx.part(f"added-{beans.product_id}")
    assert hx.part("cart-link").startswith("Cart (1")
    assert "Added to your cart: House Blend." in hx.part("live")


def test_more_of_the_same_is_one_line(app, page):
    beans = a_variant()

    put_in(page, "BEANS", 2)
    put_in(page, "BEANS", 3)

    assert cart_of(app, page) == [(beans.id, 5)]


def test_no_more_than_there_is(app, page):
    beans = a_variant(on_hand=3)
    put_in(page, "BEANS", 2)

    put_in(page, "BEANS", 2)

    assert cart_of(app, page) == [(beans.id, 3)]
    assert "Only 3 left of House Blend, quantity set to 3." in page.text


def test_what_is_sold_out_is_not_added(app, page):
    a_variant(on_hand=0)

    put_in(page, "BEANS")

    assert cart_of(app, page) == []
    assert "House Blend is sold out" in page.text
    assert "Added" not in page.text


@pytest.mark.parametrize("typed", [" beans ", "Beans", "BEANS"])
def test_case_and_blanks_of_a_sku_do_not_matter(app, page, typed):
    beans = a_variant()

    page.post("/cart/items", {"sku": typed})

    assert cart_of(app, page) == [(beans.id, 1)]


@pytest.mark.parametrize("quantity", NOT_QUANTITIES)
def test_only_plain_numbers_are_quantities(app, page, quantity):
    a_variant(on_hand=1000)

    page.post("/cart/items", {"sku": "BEANS", "quantity": quantity}, status=422)

    assert cart_of(app, page) == []
    assert "Enter a whole number" in page.text


@pytest.mark.parametrize("quantity", ["0", "00000"])
def test_none_of_something_is_not_added(app, page, quantity):
    a_variant()

    page.post("/cart/items", {"sku": "BEANS", "quantity": quantity}, status=422)

    assert "Added" not in page.text
    assert cart_of(app, page) == []


def test_the_largest_number_is_taken(app, page):
    beans = a_variant(on_hand=99_999)

    put_in(page, "BEANS", 99_999)

    assert cart_of(app, page) == [(beans.id, 99_999)]


@pytest.mark.parametrize("sku", ["NOTHING", "é", "A" * 500, "' OR 1=1", "BEANS\0"])
def test_what_is_not_sold_here_is_not_found(app, page, sku):
    a_variant()

    page.post("/cart/items", {"sku": sku}, status=404)

    assert "That is not sold here any more." in page.text
    assert cart_of(app, page) == []


def test_nothing_chosen_says_so(page):
    page.post("/cart/items", {}, status=422)

    assert "Choose one first." in page.text


def test_what_is_not_active_is_not_found(page):
    beans = a_variant()
    set_columns(Variant, beans.id, is_active=False)

    page.post("/cart/items", {"sku": "BEANS"}, status=404)


def test_htmx_says_what_is_wrong_beside_the_button(hx):
    beans = a_variant()
    hx.get("/p/beans")

    hx.submit("Add to cart", quantity="lots", status=422)

    assert "Enter a whole number" in hx.part(f"added-{beans.product_id}")
    assert hx.document.by_id("quantity") is not None


@pytest.mark.parametrize("target", ["added-1<script>", "added-", "main", "added-１", ""])
def test_a_foreign_target_is_not_repeated(hx, target):
    a_variant()

    hx.post("/cart/items", {"sku": "BEANS"}, headers={"HX-Target": target})

    assert hx.fragment.by_id("added") is not None


def test_a_browser_that_keeps_no_cookies_is_told(app, page):
    a_variant()

    page.get("/cart?added")

    assert "please allow this site to set cookies" in page.text


def test_a_full_cart_says_so_and_stays_as_it_was(app, page, monkeypatch):
    a_variant(), a_variant("CUP", name="Blue Cup")
    put_in(page, "BEANS")
    before = page.cookies["cart"]
    monkeypatch.setattr(cookie, "LONGEST", len("cart") + len(before))

    page.post("/cart/items", {"sku": "CUP"}, status=422)

    assert "Your cart holds as many different things as it can." in page.text
    assert "Added" not in page.text
    assert page.cookies["cart"] == before


def test_a_full_cart_says_so_by_htmx_too(hx, monkeypatch):
    a_variant(), a_variant("CUP", name="Blue Cup")
    put_in(hx, "BEANS")
    monkeypatch.setattr(cookie, "LONGEST", len("cart") + len(hx.cookies["cart"]))
    hx.get("/p/cup")

    hx.submit("Add to cart", status=422)

    assert "Your cart holds as many different things as it can." in hx.part("live")


def test_the_cookie_is_the_browsers_alone(page):
    a_variant()

    page.request("POST", "/cart/items", {"sku": "BEANS"}, None)

    [cart] = [value for value in page.response.headers.getlist("Set-Cookie") if value.startswith("cart=")]
    assert [word for word in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000") if word not in cart] == []
    assert "Secure" not in cart


def test_on_https_the_cookie_is_secure(client):
    a_variant()

    response = client.post("/cart/items", data={"sku": "BEANS"}, base_url="https://localhost")

    [cart] = [value for value in response.headers.getlist("Set-Cookie") if value.startswith("cart=")]
    assert "Secure" in cart


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_post(page, verb):
    page.open(verb, "/cart/items", status=405)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Referer": "https://evil.example/x"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
    ids=str,
)
def test_another_site_cannot_add(app, page, headers):
    a_variant()

    page.post("/cart/items", {"sku": "BEANS"}, status=403, headers=headers)

    assert cart_of(app, page) == []


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "http://localhost"}, {"Referer": "http://localhost/p/beans"}, {"Sec-Fetch-Site": "same-origin"}],
    ids=str,
)
def test_our_own_pages_and_text_browsers_can(app, page, headers):
    beans = a_variant()

    page.post("/cart/items", {"sku": "BEANS"}, headers=headers)

    assert cart_of(app, page) == [(beans.id, 1)]
