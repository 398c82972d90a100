"""POST /checkout: an order, once; or the same form with all that was typed, and nothing written."""

import time

import pytest

from app import extensions
from app.models.catalog import Variant
from app.models.payment import PaymentMethod, ShippingMethod
from app.services import stock
from tests.factories import a_guide, a_redirect_method, a_shipping_method, a_variant, an_account, set_columns
from tests.shopping import (
    GUS,
    buy,
    counts,
    level,
    lines_of,
    orders,
    place,
    put_in,
    the_order,
    to_checkout,
    typed,
)

pytestmark = pytest.mark.usefixtures("app_context")


def kept(page) -> dict[str, str]:
    """What the form's fields hold now."""
    return {name: page.document.by_id(name).get("value") for name in GUS}


# --- it works ---


def test_a_guest_buys_without_scripts(page):
    a_variant()

    buy(page, "BEANS", 2)

    assert page.path == "/"
    assert page.document.every("h1")[0].text == "Thank you"
    assert lines_of(the_order()) == [("BEANS", 2)]
    assert level("BEANS") == (8, 0)


def test_a_guest_buys_with_htmx(hx):
    a_variant()

    buy(hx, "BEANS", 2)

    assert hx.response.status_code == 200
    assert hx.path == "/"
    assert lines_of(the_order()) == [("BEANS", 2)]


def test_htmx_is_told_where_to_go_and_given_the_same_cookies(hx):
    a_variant()
    to_checkout(hx, "BEANS")

    hx.post("/checkout", typed(hx))

    assert ("POST", "/checkout", 200) in hx.visited
    assert hx.path == "/"
    assert "cart" not in hx.cookies
    assert "receipt" in hx.cookies


def test_the_cart_is_empty_afterwards(page):
    a_variant()

    buy(page, "BEANS")

    assert "cart" not in page.cookies
    assert page.part("cart-link") == "Cart"


def test_a_free_guide_is_ordered_with_an_email_and_a_name(page):
    a_guide()

    buy(page, "GUIDE")

    assert "It comes by e-mail." in page.text
    assert (the_order().total_minor, the_order().status) == (0, "PROCESSING")


def test_a_guest_who_orders_twice_gets_two_orders_and_is_one_customer(page):
    a_variant()

    buy(page, "BEANS")
    buy(page, "BEANS")

    assert len({order.cart_id for order in orders()}) == 2
    assert counts()["customer"] == 1


def test_it_says_nothing_of_an_account_with_that_email(page, browser):
    a_variant()
    an_account("alice@example.com")
    known, unknown = page, browser()

    buy(known, "BEANS", email="alice@example.com")
    buy(unknown, "BEANS", email="alicf@example.com")

    assert [step[2] for step in known.visited] == [step[2] for step in unknown.visited]
    assert known.part("panel").replace("10001", "N") == unknown.part("panel").replace("10002", "N").replace("alicf", "alice")


# --- once ---


def test_a_reload_finds_the_same_order(page):
    a_variant()
    to_checkout(page, "BEANS")
    sent = typed(page)
    page.post("/checkout", sent)

    page.post("/checkout", sent)

    assert page.path == "/"
    assert "Thank you" in page.title
    assert level("BEANS") == (9, 0)
    assert the_order().number in page.part("panel")


@pytest.mark.parametrize("on_hand", [10, 1])
def test_two_presses_at_once_are_one_order(page, browser, on_hand):
    a_variant(on_hand=on_hand)
    to_checkout(page, "BEANS")
    sent, second = typed(page), browser()
    for name, value in page.cookies.items():
        second.client.set_cookie(name, value)

    page.post("/checkout", sent)
    second.post("/checkout", sent)

    assert second.path == "/"
    assert the_order().number in second.part("panel")
    assert level("BEANS") == (on_hand - 1, 0)


def test_two_presses_are_one_order_though_the_cart_had_been_lowered(page, browser):
    a_variant(on_hand=3)
    put_in(page, "BEANS", 3)
    buy(browser(), "BEANS", email="alice@example.com")
    page.get("/checkout")
    sent, second = typed(page), browser()
    for name, value in page.cookies.items():
        second.client.set_cookie(name, value)

    page.post("/checkout", sent)
    second.post("/checkout", sent)

    assert second.path == "/"
    assert [lines_of(order) for order in orders()] == [[("BEANS", 1)], [("BEANS", 2)]]


def test_two_tabs_are_one_order(page):
    a_variant()
    to_checkout(page, "BEANS")
    first = typed(page)
    page.get("/checkout")
    second = typed(page, notes="From the other tab")

    page.post("/checkout", first)
    page.post("/checkout", second)

    assert page.path == "/"
    assert the_order().notes == ""


def test_back_and_submit_again_is_one_order(page):
    a_variant()
    to_checkout(page, "BEANS")
    sent = typed(page)
    page.post("/checkout", sent)
    page.get("/cart")

    page.post("/checkout", sent)

    assert page.path == "/"
    assert the_order().status == "PROCESSING"


def test_a_reload_after_a_new_cart_was_begun_finds_the_order_and_keeps_the_new_cart(page):
    a_variant(), a_variant("CUP")
    to_checkout(page, "BEANS")
    sent = typed(page)
    page.post("/checkout", sent)
    put_in(page, "CUP")

    page.post("/checkout", sent)

    assert page.path == "/"
    assert lines_of(the_order()) == [("BEANS", 1)]
    assert page.part("cart-link") == "Cart (1)"


def test_a_submit_without_cart_or_receipt_leads_to_the_empty_cart(page, browser):
    a_variant()
    to_checkout(page, "BEANS")
    sent = typed(page)
    page.post("/checkout", sent)
    mallory = browser()

    mallory.post("/checkout", sent)

    assert mallory.path == "/cart"
    assert "Your cart is empty." in mallory.text
    assert the_order().key not in mallory.html


# --- an ordered cart with something else ---


def ordered_with_old_cart(page, browser, sku: str = "CUP", **changed):
    """Gus ordered; another window of his browser still has the old cart, and puts something more into it."""
    to_checkout(page, "BEANS")
    tab = browser()
    for name, value in page.cookies.items():
        tab.client.set_cookie(name, value)
    put_in(tab, sku)
    tab.get("/checkout")
    sent = typed(tab, **changed)
    old = dict(tab.cookies)
    place(page)
    for name, value in (page.cookies | old).items():
        tab.client.set_cookie(name, value)
    return tab.post("/checkout", sent, status=409)


def test_an_ordered_cart_with_more_in_it_is_asked_about(page, browser):
    a_variant(), a_variant("CUP")

    tab = ordered_with_old_cart(page, browser)

    assert "You already ordered this cart. If you want to order this too, press the button again." in tab.text
    assert the_order().key in tab.html
    assert kept(tab) == GUS


def test_ordering_it_too_works(page, browser):
    a_variant(), a_variant("CUP")
    tab = ordered_with_old_cart(page, browser)

    place(tab)

    assert tab.path == "/"
    assert [lines_of(order) for order in orders()] == [[("BEANS", 1)], [("BEANS", 1), ("CUP", 1)]]
    assert len({order.cart_id for order in orders()}) == 2


def test_another_email_on_an_ordered_cart_learns_nothing(page, browser):
    a_variant()
    to_checkout(page, "BEANS")
    mallory = browser()
    for name, value in page.cookies.items():
        mallory.client.set_cookie(name, value)
    sent = typed(page, email="mallory@example.com", name="Mallory")
    place(page)

    mallory.post("/checkout", sent, status=409)

    order = the_order()
    assert order.key not in mallory.html
    assert order.number not in mallory.text
    assert "gus@example.com" not in mallory.html


# --- on HOLD ---


def test_an_order_to_be_paid_elsewhere_keeps_the_cart(page, monkeypatch):
    a_variant()
    method = a_redirect_method(monkeypatch)
    to_checkout(page, "BEANS")

    place(page, payment=str(method), status=303)

    assert the_order().status == "HOLD"
    assert "cart" in page.cookies
    assert "receipt" in page.cookies


@pytest.mark.parametrize("on_hand", [10, 1])
def test_ordering_again_the_same_way_is_the_same_unpaid_order(page, monkeypatch, on_hand):
    a_variant(on_hand=on_hand)
    method = str(a_redirect_method(monkeypatch))
    to_checkout(page, "BEANS")
    place(page, payment=method, status=303)

    place(page.get("/checkout"), payment=method, status=303)

    assert the_order().status == "HOLD"
    assert level("BEANS") == (on_hand, 1)


@pytest.mark.parametrize("on_hand", [10, 1])
def test_ordering_again_in_another_way_replaces_the_unpaid_order(page, monkeypatch, on_hand):
    a_variant(on_hand=on_hand)
    method = str(a_redirect_method(monkeypatch))
    to_checkout(page, "BEANS")
    place(page, payment=method, status=303)

    place(page.get("/checkout"), payment="Pay on delivery")

    assert [order.status for order in orders()] == ["CANCELLED", "PROCESSING"]
    assert orders()[0].events[-1].reason == "replaced"
    assert level("BEANS") == (on_hand - 1, 0)


def test_more_in_the_cart_replaces_the_unpaid_order(page, monkeypatch):
    a_variant(), a_variant("CUP")
    method = str(a_redirect_method(monkeypatch))
    to_checkout(page, "BEANS")
    place(page, payment=method, status=303)

    place(to_checkout(page, "CUP"), payment=method, status=303)

    assert [order.status for order in orders()] == ["CANCELLED", "HOLD"]
    assert (level("BEANS"), level("CUP")) == ((10, 1), (10, 1))


# --- something changed between page and submit ---


def submit_after(page, change, status: int = 409, **fields):
    """Open the checkout, type, let the shop change, press the button; nothing must be written."""
    to_checkout(page, "BEANS", 2)
    change()
    before = counts()
    place(page, status=status, **fields)
    assert counts() == before
    assert kept(page) == GUS
    return page


def test_a_raised_price_is_said_line_by_line(page):
    beans = a_variant(price_minor=1000)

    submit_after(page, lambda: set_columns(Variant, beans.id, price_minor=1100))

    assert "House Blend now costs £11.00, it was £10.00." in page.text
    assert "The total is now £25.95, it was £23.95." in page.text


def test_pressing_again_after_a_raised_price_orders_at_the_new_one(page):
    beans = a_variant(price_minor=1000)
    submit_after(page, lambda: set_columns(Variant, beans.id, price_minor=1100))

    place(page)

    assert the_order().total_minor == 2 * 1100 + 395


def test_a_lowered_price_is_said_too(page):
    beans = a_variant(price_minor=1000)

    submit_after(page, lambda: set_columns(Variant, beans.id, price_minor=900))

    assert "House Blend now costs £9.00, it was £10.00." in page.text


def test_another_price_of_delivery_is_said(page):
    a_variant(price_minor=1000)

    submit_after(page, lambda: set_columns(ShippingMethod, 1, price_minor=495))

    assert "The total is now £24.95, it was £23.95." in page.text


def test_a_delivery_that_is_no_longer_offered_is_said(page):
    a_variant()
    a_shipping_method("Courier", 900)

    submit_after(page, lambda: set_columns(ShippingMethod, 1, is_active=False))

    assert "That way of delivery is not offered any more. Choose another." in page.text
    assert page.title.startswith("Error: ")


def test_a_payment_method_that_is_no_longer_offered_is_said(page):
    a_variant()

    submit_after(page, lambda: set_columns(PaymentMethod, 1, is_active=False))

    assert "That way to pay is not offered any more." in page.text


def test_less_in_stock_says_what_is_left(page):
    a_variant(on_hand=2)

    submit_after(page, lambda: stock.set_levels([("BEANS", 1)], actor="test"))

    assert "Only 1 left of House Blend, quantity set to 1." in page.text


def test_pressing_again_orders_what_is_left(page):
    a_variant(on_hand=2)
    submit_after(page, lambda: stock.set_levels([("BEANS", 1)], actor="test"))

    place(page)

    assert lines_of(the_order()) == [("BEANS", 1)]


def test_a_sold_out_cart_keeps_what_was_typed(page):
    a_variant(on_hand=2)

    submit_after(page, lambda: stock.set_levels([("BEANS", 0)], actor="test"))

    assert "House Blend is sold out and was left out." in page.text


def test_a_product_taken_off_sale_is_named(page):
    beans = a_variant()

    submit_after(page, lambda: set_columns(Variant, beans.id, is_active=False))

    assert "House Blend is no longer sold and was left out." in page.text


def test_the_same_by_htmx_swaps_the_form(hx):
    beans = a_variant(price_minor=1000)

    submit_after(hx, lambda: set_columns(Variant, beans.id, price_minor=1100))

    assert hx.fragment is not None
    assert "now costs £11.00" in hx.part("live")


def test_more_in_the_cart_than_was_shown_is_not_ordered_unseen(page):
    a_variant(), a_variant("CUP", name="Blue Cup")
    to_checkout(page, "BEANS")
    sent = typed(page)
    put_in(page, "CUP")

    page.post("/checkout", sent, status=409)

    assert orders() == []
    assert "Blue Cup" in page.text


def test_another_country_without_new_totals_is_not_ordered(page):
    a_variant()
    a_shipping_method("Everywhere", 2000)
    to_checkout(page, "BEANS")

    place(page, status=409, country="FR", delivery="Everywhere")

    assert orders() == []
    assert "The totals are now for delivery to France." in page.text
    assert page.document.by_id("line1").get("value") == GUS["line1"]


def test_new_totals_for_another_country_keep_what_was_typed(page):
    a_variant()
    a_shipping_method("Everywhere", 2000)
    to_checkout(page, "BEANS")

    page.submit("Update totals", GUS | {"country": "FR"})

    assert page.document.by_id("name").get("value") == "Gus Guest"
    assert "Standard delivery: It does not go to this country." in page.text
    assert orders() == []


def test_ordering_to_another_country_works_after_new_totals(page):
    a_variant()
    a_shipping_method("Everywhere", 2000)
    to_checkout(page, "BEANS")
    page.submit("Update totals", country="FR")

    place(page, city="Paris", postcode="75001")

    assert (the_order().country, the_order().shipping_minor) == ("FR", 2000)


@pytest.mark.parametrize("token", ["", "x", "W10.abc"])
def test_without_our_word_of_what_was_shown_nothing_is_ordered(page, token):
    a_variant()
    to_checkout(page, "BEANS")

    page.post("/checkout", typed(page) | {"shown": token}, status=409)

    assert orders() == []
    assert kept(page) == GUS


def test_a_word_of_another_cart_is_not_taken(page, browser):
    a_variant(price_minor=1000), a_variant("CHEAP", price_minor=1)
    cheap = to_checkout(browser(), "CHEAP")
    to_checkout(page, "BEANS")

    page.post("/checkout", typed(page) | {"shown": typed(cheap)["shown"]}, status=409)

    assert orders() == []


def test_prices_and_states_that_are_sent_along_mean_nothing(page):
    a_variant(price_minor=1000)
    to_checkout(page, "BEANS")

    page.post("/checkout", typed(page) | {"total_minor": "1", "price_minor": "1", "status": "COMPLETED", "account_id": "1"})

    order = the_order()
    assert (order.total_minor, order.status, order.account_id) == (1395, "PROCESSING", None)


# --- input ---


def test_an_empty_form_says_all_that_is_missing(page):
    a_variant()
    to_checkout(page, "BEANS")

    page.submit("Order and pay", status=422)

    assert page.title.startswith("Error: ")
    for sentence in (
        "Enter your e-mail address.",
        "Enter your full name.",
        "Enter the street",
        "Enter the town",
        "Enter the postcode",
    ):
        assert sentence in page.text
    assert orders() == []


def test_the_summary_leads_to_each_field(page):
    a_variant()
    to_checkout(page, "BEANS")

    page.submit("Order and pay", status=422)

    links = [a.get("href") for a in page.document.every("a") if a.get("href", "").startswith("#")]
    assert {"#email", "#name", "#line1", "#city", "#postcode"} <= set(links)
    assert page.document.by_id("email").get("aria-invalid") == "true"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "gus"),
        ("email", "a" * 250 + "@example.com"),
        ("name", "x" * 121),
        ("line1", "x" * 201),
        ("name", "a\x00b"),
        ("phone", "call me"),
        ("notes", "🌱" * 501),
    ],
)
def test_what_cannot_be_used_is_refused_and_kept(page, field, value):
    a_variant()
    to_checkout(page, "BEANS")

    place(page, status=422, **{field: value})

    there = page.document.by_id(field)
    assert there.get("aria-invalid") == "true"
    assert orders() == []
    if "\x00" not in value:
        assert (there.text or "").strip() == value if there.tag == "textarea" else there.get("value") == value


@pytest.mark.parametrize("notes", ["x" * 500, "🌱" * 500, "a\r\n" * 248 + "ends"])
def test_five_hundred_characters_of_notes_are_taken(page, notes):
    a_variant()

    buy(page, "BEANS", notes=notes)

    assert the_order().notes == notes.replace("\r\n", "\n")


@pytest.mark.parametrize("postcode", ["sw1a1aa", " SW1A 1AA ", "sw1a  1aa"])
def test_blanks_and_case_do_not_matter_in_a_postcode(page, postcode):
    a_variant()

    buy(page, "BEANS", postcode=postcode)

    assert the_order().postcode.replace(" ", "") == "SW1A1AA"


def test_a_doubted_postcode_is_taken_the_second_time(page):
    a_variant()
    to_checkout(page, "BEANS")
    place(page, status=422, postcode="NEW 9999")

    page.submit("Order and pay")

    assert the_order().postcode == "NEW 9999"


@pytest.mark.parametrize("country", ["XX", "", "gb", "GB\0", "A" * 5000])
def test_an_absurd_country_is_refused(page, country):
    a_variant()
    to_checkout(page, "BEANS")

    page.post("/checkout", typed(page) | {"country": country}, status=409)

    assert orders() == []
    assert kept(page) == GUS


@pytest.mark.parametrize("choice", ["0", "99", "x", "-1", "1" * 40, "１"])
@pytest.mark.parametrize("field", ["delivery", "payment"])
def test_an_absurd_choice_of_method_is_refused(page, field, choice):
    a_variant()
    to_checkout(page, "BEANS")

    page.post("/checkout", typed(page) | {field: choice}, status=None)

    assert page.status in (409, 422)
    assert orders() == []


@pytest.mark.parametrize("field", ["delivery", "payment"])
def test_no_choice_of_method_is_said_beside_it(page, field):
    a_variant()
    to_checkout(page, "BEANS")
    sent = typed(page)
    del sent[field]

    page.post("/checkout", sent, status=422)

    assert {"delivery": "Choose how it should be sent.", "payment": "Choose how you want to pay."}[field] in page.text


def test_a_digital_cart_that_costs_something_cannot_be_paid_yet(page):
    a_guide(price_minor=700)
    to_checkout(page, "GUIDE")

    place(page, status=422)

    assert "There is no way to pay for this cart yet." in page.text
    assert orders() == []


def test_a_form_without_its_token_comes_back_with_what_was_typed(page):
    a_variant()
    to_checkout(page, "BEANS")

    page.post("/checkout", typed(page) | {"csrf_token": "x"}, status=422)

    assert "Press the button once more." in page.text
    assert kept(page) == GUS
    place(page)
    assert len(orders()) == 1


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_site_cannot_order(page, headers):
    a_variant()
    to_checkout(page, "BEANS")

    page.post("/checkout", typed(page), status=403, headers=headers)

    assert orders() == []


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH"])
def test_only_get_and_post(page, verb):
    page.open(verb, "/checkout", status=405)

    assert {"GET", "POST"} <= set(page.response.headers["Allow"].split(", "))


# --- busy ---


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_busy_database_keeps_what_was_typed_and_asks_to_wait(app, page, monkeypatch):
    a_variant()
    to_checkout(page, "BEANS")
    monkeypatch.setattr(extensions, "QUEUE_SECONDS", -1.0)  # nobody's turn comes soon enough

    place(page, status=503)

    assert int(page.response.headers["Retry-After"]) > 0
    assert kept(page) == GUS
    assert orders() == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_after_a_busy_moment_the_same_form_orders(app, page, monkeypatch):
    a_variant()
    to_checkout(page, "BEANS")
    with monkeypatch.context() as patched:
        patched.setattr(extensions, "QUEUE_SECONDS", -1.0)
        place(page, status=503)

    page.submit("Order and pay")

    assert lines_of(the_order()) == [("BEANS", 1)]


@pytest.mark.settings(RATELIMIT_ENABLED=True, CHECKOUT_LIMIT="2 per minute")
def test_too_many_submits_keep_what_was_typed_and_ask_to_wait(page):
    a_variant()
    to_checkout(page, "BEANS")
    for _ in range(2):
        place(page, status=422, email="gus")

    place(page, status=429)

    assert int(page.response.headers["Retry-After"]) > 0
    assert kept(page) == GUS
    assert orders() == []


def test_nothing_takes_long(page):
    a_variant()
    began = time.monotonic()

    buy(page, "BEANS")

    assert time.monotonic() - began < 5
