"""POST /cart/discount: a code for this cart, kept in a cookie that holds nothing else; none can be guessed."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from app.cart import discount
from app.extensions import db, now, transaction
from app.models.discount import DiscountCode
from app.services import account_carts
from tests import driver
from tests.factories import a_discount, a_guide, a_redirect_method, a_variant
from tests.members import a_member, log_in
from tests.paying import settle, the_payments
from tests.shopping import buy, place, put_in, the_order, to_checkout

pytestmark = pytest.mark.usefixtures("app_context")

USE = "Use it"
UNKNOWN = "The code NOPE cannot be used: we do not know it, it is not valid today, or it is used up."


def use(page, code="summer10", *, status=200):
    return page.get("/cart").submit(USE, code=code, status=status)


@pytest.fixture
def shopper(page):
    """Somebody with two bags of £12.00 in the cart, and a code to type."""
    a_variant(price_minor=1200), a_discount()
    return put_in(page, "BEANS", 2)


# --- it works ---


def test_a_code_is_used_without_scripts(shopper):
    use(shopper)

    assert shopper.path == "/cart"
    assert "Discount SUMMER10 Remove SUMMER10 −£2.40" in shopper.text
    assert "Goods, with tax £21.60" in shopper.text


def test_a_code_is_used_with_htmx(hx):
    a_variant(price_minor=1200), a_discount()
    put_in(hx, "BEANS", 2)

    use(hx)

    assert "−£2.40" in hx.part("cart")
    assert ("POST", "/cart/discount", 200) in hx.visited
    assert "£21.60" in hx.part("live")


def test_it_follows_the_cart(shopper):
    use(shopper)

    shopper.submit("Update cart", {"quantity-BEANS": "3"})

    assert "−£3.60" in shopper.text


@pytest.mark.parametrize("who", ["page", "hx"])
def test_it_can_be_taken_away(who, request):
    someone = request.getfixturevalue(who)
    a_variant(price_minor=1200), a_discount()
    use(put_in(someone, "BEANS", 2))

    someone.submit("Remove SUMMER10")

    assert "Discount SUMMER10" not in someone.text
    assert "£24.00" in someone.text
    assert "discount" not in someone.cookies


def test_the_cookie_holds_the_code_and_its_signature_only(app, shopper):
    use(shopper)

    cookie = next(each for each in shopper.client._cookies.values() if each.key == "discount")
    assert cookie.value.split(".")[0] == "SUMMER10"
    assert (cookie.http_only, cookie.same_site, cookie.path) == (True, "Lax", "/")


def test_an_account_uses_one_too(page):
    a_variant(price_minor=1200), a_discount()
    log_in(page, a_member("alice@example.com").email)
    put_in(page, "BEANS", 2)

    use(page)

    assert "−£2.40" in page.text


def test_it_is_cleared_with_the_cart(page):
    a_variant(), a_discount()
    use(put_in(page, "BEANS"))

    place(page.get("/checkout"))

    assert the_order().discount_code == "SUMMER10"
    assert "discount" not in page.cookies
    assert "Discount" not in put_in(page, "BEANS").text.replace("Discount code", "")


def test_an_account_that_paid_elsewhere_keeps_no_code(page, monkeypatch):
    method = a_redirect_method(monkeypatch)
    a_variant(), a_discount()
    member = a_member("alice@example.com")
    log_in(page, member.email)
    use(put_in(page, "BEANS"))
    place(page.get("/checkout"), status=303, payment=str(method), email="alice@example.com")
    assert "discount" in page.cookies
    [payment] = the_payments()
    settle(payment.id)
    assert account_carts.load(member.customer_id).lines == ()

    page.get(f"/checkout/return/{payment.key}")

    assert "discount" not in page.cookies


def test_an_emptied_cart_keeps_its_code(shopper):
    use(shopper)

    shopper.submit("Remove House Blend")
    shopper.submit("Put back: House Blend")

    assert "−£2.40" in shopper.text


# --- it does not count ---


@pytest.mark.parametrize(
    "columns",
    [{"is_active": False}, {"starts_at": now() + timedelta(days=1)}, {"ends_at": now()}, {"most_uses": 0}, None],
    ids=lambda columns: next(iter(columns)) if columns else "unknown",
)
def test_one_that_does_not_count_is_refused_in_one_sentence_and_nothing_is_lost(page, columns):
    a_variant()
    if columns:
        a_discount("NOPE", **columns)

    use(put_in(page, "BEANS"), "nope", status=422)

    assert page.part("code-error") == UNKNOWN
    assert page.document.by_id("code").get("value") == "NOPE"
    assert ("discount" in page.cookies, "£10.00" in page.text) == (False, True)


def test_with_htmx_it_is_said_beside_the_field(hx):
    a_variant()

    use(put_in(hx, "BEANS"), "nope", status=422)

    assert hx.part("code-error") == UNKNOWN
    assert UNKNOWN in hx.part("live")


def test_a_wrong_one_leaves_the_right_one(shopper):
    use(shopper)

    shopper.post("/cart/discount", {"code": "nope"}, status=422)

    assert "−£2.40" in shopper.get("/cart").text


def test_one_for_larger_carts_says_what_is_missing_and_waits(page):
    a_variant(), a_discount(min_items_minor=3000)

    use(put_in(page, "BEANS"))
    assert "The code SUMMER10 counts for goods of £30.00 or more; £20.00 is missing." in page.text

    put_in(page, "BEANS", 2)
    assert "−£3.00" in page.text


def test_one_for_larger_carts_does_not_replace_one_that_counts(shopper):
    a_discount("BIG", percent=50, min_items_minor=9000)
    use(shopper)

    shopper.post("/cart/discount", {"code": "big"}, status=422)

    assert "£66.00 is missing" in shopper.part("cart")
    assert "−£2.40" in shopper.get("/cart").text


def test_one_that_ended_since_is_told_and_can_be_taken_away(shopper):
    use(shopper)
    with transaction() as t:
        t.execute(update(DiscountCode).values(ends_at=now()))

    shopper.get("/cart")

    assert "The code SUMMER10 cannot be used" in shopper.text
    assert "Goods, with tax £24.00" in shopper.text
    assert "cannot be used" not in shopper.submit("Remove SUMMER10").text


@pytest.mark.parametrize("typed", ["", "  ", "<b>x</b>", "\0\x07", "A" * 5000, "ÄÖÜ", "’; --"])
def test_anything_else_is_refused(shopper, typed):
    shopper.post("/cart/discount", {"code": typed}, status=422)

    assert shopper.part("code-error")


def test_without_a_field_nothing_is_used(shopper):
    shopper.post("/cart/discount", {}, status=422)


def test_an_empty_cart_needs_no_code(page):
    page.post("/cart/discount", {"code": "SUMMER10"})

    assert page.path == "/cart"
    assert "There is nothing in it yet." in page.text


def test_free_goods_need_no_code(page):
    a_guide(), a_discount()

    use(put_in(page, "GUIDE"), status=422)

    assert page.part("code-error") == "The code SUMMER10 takes nothing off this cart."


# --- nobody guesses ---


@pytest.mark.parametrize(
    "value",
    ["SUMMER10", "SUMMER10.", "SUMMER10.x", ".", "", "x" * 3000, "\x80\xff", "NOPE.c2lnbmVk", "SUMMER10.AAAA-_", "a.b.c"],
)
def test_a_cookie_that_is_not_ours_is_none(page, value):
    a_variant(), a_discount()
    put_in(page, "BEANS")
    page.client.set_cookie("discount", value)

    page.get("/cart")

    assert "£10.00" in page.text
    assert "Discount SUMMER10" not in page.text and "cannot be used" not in page.text


def test_every_change_of_a_cookie_makes_it_nobodys(app, shopper):
    use(shopper)
    value = shopper.cookies["discount"]

    with app.test_request_context():
        changed = [value[:place] + ("A" if value[place] != "A" else "B") + value[place + 1 :] for place in range(len(value))]
        assert discount.decode(value) == "SUMMER10"
        assert {discount.decode(each) for each in changed} == {""}


@pytest.mark.settings(RATELIMIT_ENABLED=True, DISCOUNT_TRIES_PER_HOUR=2)
def test_so_many_wrong_ones_and_no_more_not_even_the_right_one(shopper):
    for code in ("A", "B"):
        use(shopper, code, status=422)

    use(shopper, "SUMMER10", status=429)

    assert "please wait an hour" in shopper.part("code-error")
    assert shopper.response.headers["Retry-After"] == "3600"
    assert "£24.00" in shopper.text


@pytest.mark.settings(RATELIMIT_ENABLED=True, DISCOUNT_TRIES_PER_HOUR=2)
def test_right_ones_cost_no_try(shopper):
    for _ in range(4):
        use(shopper)
        shopper.submit("Remove SUMMER10")

    assert shopper.status == 200


def test_a_form_of_another_site_is_refused(shopper):
    shopper.post("/cart/discount", {"code": "SUMMER10"}, status=None, headers={"Origin": "https://evil.example"})

    assert shopper.status in (400, 403)
    assert "discount" not in shopper.cookies


def test_a_cart_without_a_code_asks_nothing_about_codes(page):
    a_variant(), a_discount()
    put_in(page, "BEANS")
    asked: list[str] = []
    db.session.rollback()

    with driver.listening(db.engine, after=asked.append):
        page.get("/cart")
        to_checkout(page, "BEANS")

    assert asked
    assert not [sql for sql in asked if "FROM discount_code" in sql]


def test_a_code_costs_one_question(shopper):
    use(shopper)
    asked: list[str] = []
    db.session.rollback()

    with driver.listening(db.engine, after=asked.append):
        shopper.get("/cart")

    assert len([sql for sql in asked if "FROM discount_code" in sql]) == 1


def test_another_browser_has_no_code(shopper, browser):
    use(shopper)

    assert "Discount SUMMER10" not in put_in(browser(), "BEANS").text


def test_whoever_buys_without_a_code_pays_it_all(page):
    a_variant(), a_discount()

    buy(page, "BEANS")

    assert (the_order().discount_minor, the_order().discount_code) == (0, "")
