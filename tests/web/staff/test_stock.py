"""/staff/stock: what is on hand, changed in its row, and the ledger of one variant."""

import pytest

from app.models.catalog import Variant
from app.services import stock
from tests.factories import a_cart, a_redirect_method, a_variant, set_columns
from tests.shopping import alerts, buy, level, order_of
from tests.staff import as_manager, as_staff, trail

pytestmark = pytest.mark.usefixtures("app_context")


def save(page, sku="BEANS", *, way="add", number, status=200, **more):
    """Fill in the form of a row of the open list, and press its Save."""
    return page.submit(f"Save {sku}", {"way": way, "number": number, **more}, status=status)


def test_it_shows_what_is_on_hand_held_and_available(page, monkeypatch):
    beans, method = a_variant(on_hand=5, options="250 g"), a_redirect_method(monkeypatch)
    order_of(a_cart((beans, 2)), payment_id=method)

    as_staff(page).get("/staff/stock")

    assert page.part(f"v{beans.id}").startswith("BEANS House Blend, 250 g 5 2 3 3")


def test_a_difference_is_added_to_what_is_there(page):
    a_variant(on_hand=5)
    as_staff(page).get("/staff/stock")

    save(page, number="+12", reason="delivery")

    assert level("BEANS") == (17, 0)
    assert page.path.startswith("/staff/stock")
    assert "BEANS: Saved. There are 17 now." in page.text


def test_a_button_that_is_pressed_twice_adds_once_and_again_only_if_it_is_meant(page):
    beans = a_variant(on_hand=5)
    as_staff(page).get("/staff/stock")
    sent = page.form_data("Save BEANS") | {"number": "12", "reason": "delivery"}

    page.post(f"/staff/stock/{beans.id}", sent)
    page.post(f"/staff/stock/{beans.id}", sent, status=409)

    assert level("BEANS") == (17, 0)
    assert "You added 12 already: it is 17 now." in page.text
    page.submit("Save BEANS")
    assert level("BEANS") == (29, 0)


@pytest.mark.parametrize(("typed", "left"), [("-3", 2), ("−3", 2), (" 4 ", 9), ("-5", 0)])
def test_a_difference_may_be_typed_in_several_ways(page, typed, left):
    a_variant(on_hand=5)
    as_staff(page).get("/staff/stock")

    save(page, number=typed)

    assert level("BEANS") == (left, 0)


def test_htmx_swaps_the_one_row(hx):
    beans, _ = a_variant(on_hand=5), a_variant("CUP", on_hand=1)
    as_staff(hx).get("/staff/stock")

    save(hx, number="-3", reason="broken")

    assert hx.part(f"v{beans.id}").startswith("BEANS House Blend low 2 0 2 3 Saved. There are 2 now.")
    assert hx.path == "/staff/stock"


def test_it_is_set_to_what_was_counted(page):
    a_variant(on_hand=5)
    as_staff(page).get("/staff/stock")

    save(page, way="set", number="40", reason="counted")

    assert level("BEANS") == (40, 0)


@pytest.mark.parametrize("person", ["page", "hx"])
def test_a_count_overwrites_no_sale_until_it_is_pressed_again(request, person):
    page = request.getfixturevalue(person)
    beans = a_variant(on_hand=7)
    as_staff(page).get("/staff/stock")
    order_of(a_cart((beans, 2)))

    save(page, way="set", number="6", reason="counted", status=409)

    assert level("BEANS") == (5, 0)
    assert "2 were sold since you looked: it is 5 now." in page.text
    page.submit("Save BEANS")
    assert level("BEANS") == (6, 0)


def test_one_sale_is_told_as_one(page):
    beans = a_variant(on_hand=7)
    as_staff(page).get("/staff/stock")
    order_of(a_cart((beans, 1)))

    save(page, way="set", number="7", status=409)

    assert "1 was sold since you looked: it is 6 now." in page.text


def test_what_a_colleague_changed_is_not_called_a_sale(page):
    a_variant(on_hand=7)
    as_staff(page).get("/staff/stock")
    stock.set_levels([("BEANS", 9)], actor="test")

    save(page, way="set", number="8", status=409)

    assert "It was 7 when you looked: it is 9 now." in page.text


@pytest.mark.parametrize(
    ("way", "typed", "told"),
    [
        ("add", "", "Type how many to add"),
        ("add", "twelve", "Type how many to add"),
        ("add", "0", "Type how many to add"),
        ("add", "1_000", "Type how many to add"),
        ("add", "１２", "Type how many to add"),
        ("add", "123456", "Type how many to add"),
        ("set", "-3", "Type how many there are"),
        ("set", "2.5", "Type how many there are"),
        ("other", "3", "Choose one of the two ways."),
        ("add", "-6", "There are only 5 on hand, so 6 cannot be taken away."),
    ],
)
@pytest.mark.parametrize("person", ["page", "hx"])
def test_what_is_no_number_comes_back_as_it_was_typed(request, person, way, typed, told):
    page = request.getfixturevalue(person)
    beans = a_variant(on_hand=5)
    as_staff(page).get("/staff/stock")
    sent = page.form_data("Save BEANS") | {"way": way, "number": typed}

    page.post(f"/staff/stock/{beans.id}", sent, status=422)

    assert told in page.html.replace("&#39;", "'")
    assert f'value="{typed}"' in page.html
    assert level("BEANS") == (5, 0)


def test_stock_never_falls_below_what_unpaid_orders_hold(page, monkeypatch):
    beans, method = a_variant(on_hand=5), a_redirect_method(monkeypatch)
    order_of(a_cart((beans, 3)), payment_id=method)
    as_staff(page).get("/staff/stock")

    save(page, number="-3", status=409)
    assert "BEANS holds 3 for unpaid orders" in page.text
    save(page, way="set", number="2", status=409)

    assert "BEANS holds 3 for unpaid orders, so its stock cannot be set to 2." in page.text
    assert level("BEANS") == (5, 3)


def test_one_comes_back_to_the_same_place_of_the_list(page):
    for number in range(60):
        a_variant(f"BAG-{number:02}", name="Paper Bag", on_hand=1)
    as_staff(page).get("/staff/stock?q=bag&show=low")
    page.click("Next page")
    there = page.path

    save(page, "BAG-55", number="5")

    assert page.path == there


def test_a_mistake_leaves_one_at_the_same_place_of_the_list(page):
    for number in range(60):
        a_variant(f"BAG-{number:02}", name="Paper Bag", on_hand=1)
    as_staff(page).get("/staff/stock?q=bag")
    page.click("Next page")

    save(page, "BAG-55", number="many", status=422)

    assert "BAG-59" in page.text and "BAG-01" not in page.text


def test_a_mistake_in_a_row_that_is_elsewhere_now_shows_that_row(page):
    beans = a_variant(on_hand=2)
    as_staff(page).get("/staff/stock?show=low")
    set_columns(Variant, beans.id, low_stock_below=1)

    save(page, number="many", status=422)

    assert "Type how many to add" in page.part(f"v{beans.id}")


def test_the_way_back_never_leads_out_of_the_back_office(page):
    beans = a_variant(on_hand=5)
    as_staff(page).get("/staff/stock")
    sent = page.form_data("Save BEANS")

    places = ("https://evil.example/", "//evil.example", "/account", "/staff/stocks", "/staff/stock\\@evil.example")
    for number, back in enumerate(places, start=1):
        page.post(f"/staff/stock/{beans.id}", sent | {"number": str(number), "back": back})
        assert page.path == f"/staff/stock/{beans.id}#v{beans.id}".partition("#")[0]


def test_skus_are_found_by_their_beginning_and_products_by_a_word(page):
    a_variant("YIRG-250", name="Yirgacheffe"), a_variant("CUP", name="Espresso Cup"), a_variant("TIN", name="Tin")
    as_staff(page)

    assert "YIRG-250" in page.get("/staff/stock?q=yirg-2").text
    assert "CUP" in page.get("/staff/stock?q=espresso").text
    assert "YIRG-250" not in page.text
    assert "Nothing is like that." in page.get("/staff/stock?q=nothing").text


@pytest.mark.parametrize("typed", ["%", "_", "'", "\\", "~", "é", "\u202e", "a" * 500, "*", '"', " "])
def test_any_search_is_answered(page, typed):
    a_variant()

    as_staff(page).get("/staff/stock").submit("Show", {"q": typed})

    assert page.status == 200


def test_the_list_narrows_to_what_is_low_or_gone(page):
    a_variant("PLENTY", on_hand=9), a_variant("FEW", on_hand=2), a_variant("NONE", on_hand=0)
    as_staff(page)

    low, out = page.get("/staff/stock?show=low").text, page.get("/staff/stock?show=out").text

    assert "FEW" in low and "PLENTY" not in low and "NONE" not in low
    assert "NONE" in out and "FEW" not in out


@pytest.mark.parametrize("after", ["0", "99999", "x", "-1", "2147483648", "9" * 30])
def test_a_place_that_is_none_is_the_beginning(page, after):
    a_variant()

    assert "BEANS" in as_staff(page).get(f"/staff/stock?after={after}").text


def test_a_change_is_in_the_trail(page):
    beans = a_variant(on_hand=5)
    as_staff(page).get("/staff/stock")

    save(page, number="-3", reason="stolen")

    assert trail() == [("stock changed", f"variant:{beans.id}")]


def test_taking_the_last_away_takes_it_off_sale_and_tells_staff(page):
    a_variant(on_hand=5)
    as_staff(page).get("/staff/stock")

    save(page, number="-5", reason="broken")

    assert alerts() == [("BEANS", "out", 0, "open")]
    assert "sold out" in page.text


def test_a_form_without_its_token_changes_nothing(page):
    beans = a_variant(on_hand=5)
    as_staff(page)

    page.post(f"/staff/stock/{beans.id}", {"way": "add", "number": "1", "seen": "5"}, status=422)

    assert level("BEANS") == (5, 0)


@pytest.mark.parametrize("seen", ["", "x", "-1", "99999999999", "1.5"])
def test_a_form_that_lost_what_it_showed_changes_nothing(page, seen):
    beans = a_variant(on_hand=5)
    as_staff(page).get("/staff/stock")
    sent = page.form_data("Save BEANS") | {"way": "set", "number": "1", "seen": seen}

    page.post(f"/staff/stock/{beans.id}", sent, status=422)

    assert level("BEANS") == (5, 0)


# --- one variant ---


def test_the_ledger_explains_every_number(page, browser):
    beans = a_variant(on_hand=10)
    buy(browser(), "BEANS", 4)
    as_staff(page).get(f"/staff/stock/{beans.id}")

    page.submit(
        "Save", {"way": "set", "number": "7", "reason": "counted", "note": "behind the shelf"}, form=f"/staff/stock/{beans.id}"
    )

    text = page.text[page.text.index("Ledger") :]
    assert "+1 7 counted behind the shelf Stan Staff" in text
    assert "-4 6 sale Order" in text
    assert "+10 10 opening" in text


def test_the_sale_leads_to_its_order(page, browser):
    beans = a_variant(on_hand=10)
    buy(browser(), "BEANS", 4)

    as_staff(page).get(f"/staff/stock/{beans.id}")

    assert 'href="/staff/orders/1"' in page.html


def test_older_movements_carry_their_own_levels(page):
    beans = a_variant(on_hand=10)
    for _ in range(60):
        stock.change_by(beans.id, 1, actor="test")
    as_staff(page).get(f"/staff/stock/{beans.id}")

    page.click("Next page")

    assert "+1 20 set" in page.text
    assert "+10 10 opening" in page.text
    assert "+1 21 set" not in page.text


def test_a_count_on_its_page_overwrites_no_sale(page):
    beans = a_variant(on_hand=7)
    as_staff(page).get(f"/staff/stock/{beans.id}")
    order_of(a_cart((beans, 2)))

    page.submit("Save", {"way": "set", "number": "6", "note": "counted twice"}, form=f"/staff/stock/{beans.id}", status=409)

    assert "2 were sold since you looked: it is 5 now." in page.text
    assert 'value="counted twice"' in page.html
    page.submit("Save", form=f"/staff/stock/{beans.id}")
    assert level("BEANS") == (6, 0)


@pytest.mark.parametrize("note", ["x" * 201, "a\x07b"])
def test_a_note_that_cannot_be_kept_is_refused(page, note):
    beans = a_variant(on_hand=7)
    as_staff(page).get(f"/staff/stock/{beans.id}")

    page.submit("Save", {"way": "add", "number": "6", "note": note}, form=f"/staff/stock/{beans.id}", status=422)

    assert level("BEANS") == (7, 0)


def test_the_threshold_is_changed(page):
    beans = a_variant(on_hand=7)
    as_staff(page).get(f"/staff/stock/{beans.id}")

    page.submit("Save the threshold", low_stock_below="10")

    assert "It runs low below 10." in page.text
    assert ("threshold changed", f"variant:{beans.id}") in trail()


@pytest.mark.parametrize("typed", ["", "-1", "many", "123456"])
def test_a_threshold_that_is_no_number_is_refused(page, typed):
    beans = a_variant(on_hand=7)
    as_staff(page).get(f"/staff/stock/{beans.id}")

    page.submit("Save the threshold", low_stock_below=typed, status=422)

    assert "Type a whole number such as 3" in page.text


def test_a_threshold_overwrites_no_colleague(page):
    beans = a_variant(on_hand=7)
    as_staff(page).get(f"/staff/stock/{beans.id}")
    set_columns(Variant, beans.id, low_stock_below=5)

    page.submit("Save the threshold", low_stock_below="10", status=409)

    assert "Somebody saved: 5" in page.text
    page.submit("Save the threshold")
    assert "It runs low below 10." in page.text


def test_it_is_taken_off_sale_and_put_back_by_hand(page, browser):
    beans = a_variant(on_hand=7)
    as_staff(page).get(f"/staff/stock/{beans.id}")

    page.submit("Take off sale")
    assert "House Blend" not in browser().get("/").text
    page.submit("Put on sale again")

    assert "House Blend" in browser().get("/").text
    assert [action for action, _ in trail()] == ["on sale", "off sale"]


def test_what_is_sold_out_cannot_be_put_on_sale(page):
    beans = a_variant(on_hand=1)
    as_staff(page).get(f"/staff/stock/{beans.id}")
    page.submit("Take off sale")
    sent = page.form_data("Put on sale again")
    stock.change_by(beans.id, -1, actor="test")

    page.post(f"/staff/stock/{beans.id}/listing", sent, status=422)

    assert "There is none to sell." in page.text


@pytest.mark.parametrize("end", ["", "/threshold", "/listing"])
def test_a_variant_that_does_not_exist_is_not_found(page, end):
    a_variant()
    as_staff(page).get("/staff/stock")
    sent = page.form_data("Save BEANS") | {"number": "1", "low_stock_below": "3", "listed": "no"}

    page.post(f"/staff/stock/999{end}", sent, status=404)

    if not end:
        page.get("/staff/stock/999", status=404)


# --- alerts ---


def test_open_alerts_say_what_since_when_and_by_which_order(page, browser):
    a_variant(on_hand=4)
    buy(browser(), "BEANS", 2)

    as_manager(page).get("/staff/alerts")

    assert "BEANS House Blend low 2 2" in page.text
    assert 'href="/staff/orders/1"' in page.html


@pytest.mark.parametrize("person", ["page", "hx"])
def test_an_alert_is_marked_as_seen(request, person):
    page = request.getfixturevalue(person)
    order_of(a_cart((a_variant(on_hand=4), 2)))
    as_staff(page).get("/staff/alerts")

    page.submit("Seen BEANS")

    assert "by Stan Staff" in page.part("a1")
    assert trail() == [("alert acknowledged", "stock_alert:1")]


def test_the_first_who_saw_it_stays(page, browser):
    order_of(a_cart((a_variant(on_hand=4), 2)))
    as_staff(page).get("/staff/alerts")
    other = as_manager(browser()).get("/staff/alerts")
    page.submit("Seen BEANS")

    other.submit("Seen BEANS")

    assert "by Stan Staff" in other.text
    assert len(trail()) == 1


@pytest.mark.parametrize("person", ["page", "hx"])
def test_without_its_token_no_alert_is_seen(request, person):
    page = request.getfixturevalue(person)
    order_of(a_cart((a_variant(on_hand=4), 2)))
    as_staff(page).get("/staff/alerts")

    page.post("/staff/alerts/1", {}, status=422)

    assert "This page was open for too long" in page.html
    assert trail() == []


def test_closed_alerts_are_behind_a_link(page):
    order_of(a_cart((a_variant(on_hand=4), 2)))
    stock.set_levels([("BEANS", 40)], actor="test")
    as_staff(page).get("/staff/alerts")

    assert "Nothing is sold out or runs low." in page.text
    page.click("Alerts that are over")
    assert "BEANS House Blend low 2 40" in page.text


def test_an_alert_that_does_not_exist_is_not_found(page):
    order_of(a_cart((a_variant(on_hand=4), 2)))
    as_staff(page).get("/staff/alerts")

    page.post("/staff/alerts/99", page.form_data("Seen BEANS"), status=404)
