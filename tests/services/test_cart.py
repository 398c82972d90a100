"""The cart as a value, its cookie, and what it is worth against today's catalogue."""

import csv
import gzip
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given, strategies as st
from itsdangerous import Signer, URLSafeTimedSerializer

from app.cart import cookie
from app.models.catalog import Variant
from app.services import cart as carts
from app.services.cart import MAX_QUANTITY, Cart
from app.services.errors import CartFull, NotFound
from tests.factories import a_cart, a_redirect_method, a_variant, set_columns
from tests.shopping import order_of

SECRET = "a secret for cookies, 0123456789 0123456789"
OLDER = "an older secret, 0123456789 0123456789"

lines_of_a_cart = st.dictionaries(st.integers(1, cookie.MAX_VARIANT_ID), st.integers(1, MAX_QUANTITY), max_size=60).map(
    lambda lines: tuple(lines.items())
)
carts_of_all_kinds = st.builds(
    Cart, id=st.binary(min_size=16, max_size=16).map(bytes.hex), lines=lines_of_a_cart, written_at=st.integers(0, 2**32 - 1)
)


@contextmanager
def keys(today: str = SECRET, *fallbacks: str) -> Iterator[None]:
    """An app that has nothing but these keys: all that a cookie needs."""
    app = Flask("keys")
    app.config.update(SECRET_KEY=today, SECRET_KEY_FALLBACKS=list(fallbacks))
    with app.app_context():
        yield


# --- the value ---


def test_adding_keeps_the_place_of_what_is_there():
    cart = Cart().with_line(7, 1).with_line(3, 1).with_line(7, 5)

    assert cart.lines == ((7, 5), (3, 1))


def test_zero_removes():
    assert Cart().with_line(7, 1).with_line(7, 0).lines == ()
    assert Cart().with_line(7, 0).lines == ()


@given(lines_of_a_cart, st.randoms())
def test_the_content_hash_knows_what_and_how_many_but_no_order(lines, random):
    shuffled = random.sample(lines, len(lines))

    assert Cart(lines=lines).content_hash == Cart(lines=tuple(shuffled)).content_hash


@given(lines_of_a_cart.filter(bool))
def test_the_content_hash_differs_for_one_more(lines):
    more = ((lines[0][0], lines[0][1] + 1), *lines[1:])

    assert Cart(lines=lines).content_hash != Cart(lines=more).content_hash


def test_cart_ids_cannot_be_guessed():
    assert len({Cart().id for _ in range(100)}) == 100
    assert len(bytes.fromhex(Cart().id)) == 16


# --- the cookie ---


@given(carts_of_all_kinds)
def test_every_cart_comes_back_as_it_was(cart):
    with keys():
        assert cookie.decode(cookie.encode(cart)) == cart


@given(carts_of_all_kinds)
def test_the_cookie_is_never_larger_than_browsers_keep(cart):
    with keys():
        assert len("cart") + len(cookie.encode(cart)) <= 4093


@given(carts_of_all_kinds, st.data())
def test_one_changed_character_makes_it_nobodys(cart, data):
    with keys():
        value = cookie.encode(cart)
        place = data.draw(st.integers(0, len(value) - 1))
        other = data.draw(st.characters(codec="ascii").filter(lambda char: char != value[place]))

        assert cookie.decode(value[:place] + other + value[place + 1 :]) is None


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")))
def test_no_text_makes_it_fail(value):
    with keys():
        assert cookie.decode(value) is None


@given(st.binary(max_size=200))
def test_no_signed_bytes_make_it_fail(packed):
    with keys():
        found = cookie.decode(cookie.signer().sign(cookie.base64.urlsafe_b64encode(packed).rstrip(b"=")).decode())

        assert found is None or (found.lines and cookie.encode(found)) or packed[0] == cookie.FORMAT


@pytest.mark.parametrize("version", [0, 2, 255])
def test_a_format_that_is_not_known_is_nobodys(version):
    with keys():
        value = cookie.encode(Cart(lines=((1, 1),)))
        packed = bytearray(cookie.base64.urlsafe_b64decode(value.partition(".")[0] + "==="))
        packed[0] = version

        assert cookie.decode(cookie.signer().sign(cookie.base64.urlsafe_b64encode(packed).rstrip(b"=")).decode()) is None


def test_a_cut_off_line_is_nobodys():
    with keys():
        packed = bytes([1, *bytes(20), 2, 0x80])

        assert cookie.decode(cookie.signer().sign(cookie.base64.urlsafe_b64encode(packed).rstrip(b"=")).decode()) is None


@pytest.mark.parametrize("salt", ["receipt cookie", "checkout shown", "cookie-session"])
def test_what_the_shop_signed_for_something_else_is_no_cart(salt):
    with keys():
        body = cookie.encode(Cart(lines=((1, 1),))).rpartition(".")[0]
        foreign = Signer(SECRET, salt=salt, key_derivation="hmac", digest_method=cookie.hashlib.sha256).sign(body).decode()

        assert cookie.decode(foreign) is None
        assert cookie.decode(URLSafeTimedSerializer(SECRET, salt=salt).dumps([1])) is None


def test_a_cookie_of_an_older_key_is_read_and_written_with_the_new_one():
    cart = Cart(lines=((5, 2),))
    with keys(OLDER):
        old = cookie.encode(cart)

    with keys(SECRET, OLDER):
        assert cookie.decode(old) == cart
        new = cookie.encode(cart)
    with keys(SECRET):
        assert cookie.decode(new) == cart
        assert cookie.decode(old) is None


def test_a_cookie_that_is_too_long_is_not_even_read():
    with keys():
        assert cookie.decode("A" * 4090) is None


def test_a_cart_that_no_browser_would_keep_is_refused():
    with keys(), pytest.raises(CartFull):
        cookie.encode(Cart(lines=tuple((number * 1000, 99_999) for number in range(1, 1200))))


def test_the_fullest_cart_is_just_below_what_browsers_keep():
    with keys():
        cart = Cart()
        while cookie.fits(more := cart.with_line(len(cart.lines) * 70 + 1, 1)):
            cart = more

        assert 4085 <= len("cart") + len(cookie.encode(cart)) <= 4093
        assert len(cart.lines) > 900


@pytest.mark.real_data
def test_every_real_basket_fits_and_comes_back():
    folder = os.environ.get("REAL_DATA_DIR") or pytest.skip("REAL_DATA_DIR is not set")
    longest, count = 0, 0

    with keys():
        for basket in real_baskets(Path(folder)):
            value = cookie.encode(basket)
            assert cookie.decode(value) == basket
            longest, count = max(longest, len(basket.lines)), count + 1

    assert (count, longest) == (19_770, 1_106)


def real_baskets(folder: Path) -> Iterator[Cart]:
    """Each order of the file as the cart it was, lines merged; variant ids as a fresh import in SKU order would give them."""
    with (folder / "retail_products.csv").open(newline="") as file:
        ids = {sku: number for number, sku in enumerate(sorted(row["sku"] for row in csv.DictReader(file)), start=1)}
    baskets: dict[str, dict[int, int]] = {}
    with gzip.open(folder / "retail_orders.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            basket = baskets.setdefault(row["invoice"], {})
            basket[ids[row["sku"]]] = basket.get(ids[row["sku"]], 0) + int(row["quantity"])
    for basket in baskets.values():
        yield Cart(lines=tuple(basket.items()), written_at=int(time.time()))


# --- against the catalogue ---


def test_a_cart_is_worth_what_its_lines_cost_today(app_context):
    beans, cup = a_variant(price_minor=1000), a_variant("CUP", price_minor=333)

    view = carts.view(a_cart((beans, 2), (cup, 3)), "GBP")

    assert (view.items_minor, view.count, view.weight_grams, view.needs_shipping) == (2999, 5, 1250, True)
    assert (view.notices, view.short) == ([], [])


def test_digital_goods_weigh_nothing(app_context):
    guide = a_variant(is_digital=True, weight_grams=500)

    view = carts.view(a_cart((guide, 1)), "GBP")

    assert (view.weight_grams, view.needs_shipping) == (0, False)


def test_an_empty_cart_needs_no_database():
    view = carts.view(Cart(), "GBP")

    assert (view.lines, view.items_minor) == ((), 0)


def test_every_short_line_is_listed_with_what_is_left(app_context):
    beans, cup = a_variant(on_hand=2), a_variant("CUP", name="Blue Cup", options="large", on_hand=0)

    view = carts.view(a_cart((beans, 3), (cup, 1)), "GBP")

    assert view.short == [(beans.id, "House Blend", 3, 2), (cup.id, "Blue Cup, large", 1, 0)]
    assert view.cart.lines == ((beans.id, 2),)


def test_what_the_carts_own_unpaid_order_holds_is_still_its_own(app_context, monkeypatch):
    beans, method = a_variant(on_hand=2), a_redirect_method(monkeypatch)
    cart = a_cart((beans, 2))
    order_of(cart, payment_id=method)

    assert carts.view(cart, "GBP").short == []
    assert [left for *_, left in carts.view(replace(cart, id=Cart().id), "GBP").short] == [0]


def test_what_an_unpaid_order_holds_can_still_be_changed_by_its_cart(app_context, monkeypatch):
    beans, method = a_variant(on_hand=2), a_redirect_method(monkeypatch)
    cart = a_cart((beans, 2))
    order_of(cart, payment_id=method)

    assert carts.set_line(cart, "BEANS", 1, "GBP").quantity == 1
    assert carts.set_line(Cart(), "BEANS", 1, "GBP").quantity == 0


def test_adding_stops_at_what_there_is(app_context):
    a_variant(on_hand=3)

    changed = carts.add(Cart(), "BEANS", 5, "GBP")

    assert changed.quantity == 3
    assert [told.values for told in changed.notices] == [{"left": 3, "name": "House Blend"}]


def test_adding_stops_at_five_digits(app_context):
    beans = a_variant(on_hand=2**31 - 1)

    changed = carts.add(a_cart((beans, 99_999)), "BEANS", 99_999, "GBP")

    assert changed.cart.lines == ((beans.id, 99_999),)


def test_what_is_not_sold_cannot_be_added(app_context):
    beans = a_variant()
    set_columns(Variant, beans.id, is_active=False)

    with pytest.raises(NotFound):
        carts.add(Cart(), "BEANS", 1, "GBP")


def test_updating_passes_over_what_is_not_in_the_cart(app_context):
    beans = a_variant()
    a_variant("CUP")

    cart = carts.update(a_cart((beans, 1)), {"BEANS": 4, "CUP": 2, "NOTHING": 1}, "GBP")

    assert cart.lines == ((beans.id, 4),)
