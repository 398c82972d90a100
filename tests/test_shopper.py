"""The browsers that tests use, tried on a toy shop: they do what browsers do, and refuse what those cannot."""

import pytest
from flask import Flask, g, make_response, redirect, request

from tests.shopper import Browser, HtmxBrowser

PAGE = """<!doctype html><html lang="en"><head><title>{h1} – Toy</title></head><body><h1>{h1}</h1>
<p id="live" role="status"></p><a id="mini-cart" href="/cart">Cart ({count})</a> <a href="/more">More</a>
<a href="/away">Away</a>
<a href="/big" hx-get="/fragments/big" hx-target="#status" hx-swap="outerHTML">Big</a>{body}</body></html>"""
ADD = """<article><h2>Beans</h2><p id="status">{status}</p>
<form id="add" action="/cart/items" method="post" hx-post="/cart/items" hx-target="#status" hx-swap="outerHTML">
<input type="hidden" name="sku" value="BEANS"><label>Quantity <input name="quantity" type="number" value="1"></label>
<label><input type="radio" name="grind" value="whole" checked> Whole bean</label>
<label><input type="radio" name="grind" value="fine"> Fine</label>
<label><input type="radio" name="grind" value="gone" disabled> Sold out</label>
<label><input type="checkbox" name="gift"> Gift</label>
<label for="country">Country</label><select id="country" name="country"><option value="GB">Great Britain</option>
<option value="FR" selected>France</option></select>
<label for="notes">Notes</label><textarea id="notes" name="notes">as
typed</textarea>
<button>Add</button> <button name="do" value="save">Save for later</button></form></article>
<article><h2>Cups</h2><form action="/cart/items" method="post">
<input type="hidden" name="sku" value="CUPS"><button>Add</button></form></article>
<form action="/search" method="get"><label for="q">Search</label><input id="q" name="q"><button>Go</button></form>"""


@pytest.fixture
def toy():
    app = Flask("toy")
    sent = app.extensions["sent"] = []

    @app.before_request
    def nobody_was_here():
        assert not hasattr(g, "visitor")
        g.visitor = True

    @app.get("/")
    def home():
        return PAGE.format(h1="Home", count=request.cookies.get("count", "0"), body=ADD.format(status="In stock"))

    @app.get("/more")
    def more():
        return PAGE.format(h1="More", count=0, body='<input name="unlabelled">')

    @app.get("/cart")
    def cart():
        return PAGE.format(h1="Your cart", count=request.cookies.get("count", "0"), body='<p id="status"></p>')

    @app.get("/away")
    def away():
        return redirect("https://gateway.example/pay", 303)

    @app.get("/search")
    def search():
        return PAGE.format(h1=f"Search {request.args['q']}", count=0, body='<p id="status"></p>')

    @app.get("/fragments/big")
    def big():
        answer = make_response('<title>Big</title><p id="status">Big ones</p>')
        answer.headers["HX-Push-Url"] = "/big"
        return answer

    @app.post("/cart/items")
    def add():
        sent.append((dict(request.headers), request.form.to_dict(flat=False)))
        quantity = request.form.get("quantity", "1")
        if request.headers.get("HX-Request") != "true":
            answer = redirect("/cart", 303)
        elif quantity == "99":
            return '<p id="status">Only 2 left</p>', 409
        elif quantity == "98":
            return '<p id="status">x</p><p id="elsewhere" hx-swap-oob="true">x</p>'
        elif quantity == "97":
            return '<p id="mini-cart">twice</p>'
        elif quantity == "96":
            return redirect("/cart", 303)
        elif quantity == "95":
            return "", 204, {"HX-Redirect": "/cart"}
        elif quantity == "94":
            return '<p id="status">never shown</p>', 500
        else:
            side = f'<a id="mini-cart" href="/cart" hx-swap-oob="true">Cart ({quantity})</a>'
            answer = make_response(f'<p id="status">Added</p>{side}<div hx-swap-oob="innerHTML:#live">Beans added</div>')
        answer.set_cookie("count", quantity)
        return answer

    return app


def test_a_browser_fills_in_what_it_is_told_and_follows_the_redirect(toy):
    page = Browser(toy).get("/")

    page.submit("Add", {"Quantity": 3, "Fine": None, "Country": "Great Britain"}, grind="fine", gift=True)

    headers, form = toy.extensions["sent"][0]
    assert form == {
        "sku": ["BEANS"],
        "quantity": ["3"],
        "grind": ["fine"],
        "gift": ["on"],
        "country": ["GB"],
        "notes": ["as\r\ntyped"],
    }
    assert "Origin" not in headers
    assert page.title.startswith("Your cart")
    assert "Cart (3)" in page.text
    assert page.cookies == {"count": "3"}
    assert page.visited == [("GET", "/", 200), ("POST", "/cart/items", 303), ("GET", "/cart", 200)]


def test_the_button_near_the_words_is_pressed(toy):
    page = Browser(toy).get("/")

    page.submit("Add", near="Cups")

    assert toy.extensions["sent"][0][1] == {"sku": ["CUPS"]}


def test_a_button_with_a_name_is_sent_with_the_form(toy):
    page = Browser(toy).get("/")

    assert page.form_data("Save")["do"] == ["save"]
    assert "do" not in page.form_data("Add")


def test_a_get_form_becomes_the_query(toy):
    page = Browser(toy).get("/").submit("Go", q="dark roast")

    assert page.path == "/search?q=dark+roast"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"colour": "red"}, "no field 'colour'"),
        ({"sku": "CUPS"}, "no field 'sku'"),  # hidden: a person cannot
        ({"grind": "gone"}, "chooses 0 of the radios"),
        ({"grind": "e"}, "chooses 2 of the radios"),
        ({"country": "Atlantis"}, "cannot be set"),
    ],
)
def test_a_person_cannot_do_what_the_page_does_not_offer(toy, fields, words):
    page = Browser(toy).get("/")

    with pytest.raises(AssertionError, match=words):
        page.submit("Add", fields)


def test_what_is_not_on_the_page_is_not_found(toy):
    page = Browser(toy).get("/")

    with pytest.raises(AssertionError, match="no link on / says 'Staff'"):
        page.click("Staff")
    with pytest.raises(AssertionError, match="no button on / says 'Buy'"):
        page.submit("Buy")
    with pytest.raises(AssertionError, match="has 3 forms"):
        page.submit()


def test_every_page_on_the_way_is_inspected(toy):
    page = Browser(toy).get("/")

    with pytest.raises(AssertionError, match="labelled_controls"):
        page.click("More")


def test_another_status_than_expected_fails(toy):
    with pytest.raises(AssertionError, match="answered 404, not 200"):
        Browser(toy).get("/nowhere")


def test_it_stops_at_the_door_of_another_site(toy):
    page = Browser(toy).get("/").click("Away", status=303)

    assert page.response.location == "https://gateway.example/pay"


def test_people_do_not_share_cookies(toy):
    alice, mallory = Browser(toy), Browser(toy)

    alice.get("/").submit("Add")

    assert mallory.get("/").cookies == {}


def test_a_request_inside_an_app_context_shares_nothing_with_the_test(toy):
    with toy.app_context():
        g.visitor = "the test"

        assert Browser(toy).get("/").status == 200


def test_htmx_swaps_the_target_and_the_side_updates(toy):
    hx = HtmxBrowser(toy)
    hx.get("/")

    hx.submit("Add", quantity=2)

    headers, _ = toy.extensions["sent"][0]
    assert (headers["Hx-Request"], headers["Hx-Target"], headers["Origin"]) == ("true", "status", "http://localhost")
    assert (hx.part("status"), hx.part("mini-cart"), hx.part("live")) == ("Added", "Cart (2)", "Beans added")
    assert hx.path == "/"


def test_htmx_swaps_conflicts_but_not_errors(toy):
    hx = HtmxBrowser(toy)
    hx.get("/")

    hx.submit("Add", quantity=99, status=409)
    assert hx.part("status") == "Only 2 left"

    hx.submit("Add", quantity=94, status=500)
    assert hx.part("status") == "Only 2 left"


@pytest.mark.parametrize(
    ("quantity", "words"), [(98, "out of band for 'elsewhere'"), (97, "unique_ids"), (96, "redirects an htmx request")]
)
def test_htmx_mistakes_are_found(toy, quantity, words):
    hx = HtmxBrowser(toy)
    hx.get("/")

    with pytest.raises(AssertionError, match=words):
        hx.submit("Add", quantity=quantity)


def test_htmx_redirects_open_a_page(toy):
    hx = HtmxBrowser(toy)
    hx.get("/")

    hx.submit("Add", quantity=95, status=204)

    assert (hx.path, hx.part("mini-cart")) == ("/cart", "Cart (0)")


def test_an_htmx_link_pushes_its_url_and_title(toy):
    hx = HtmxBrowser(toy)
    hx.get("/cart")

    with pytest.raises(AssertionError, match="does not start with the h1"):
        hx.click("Big")

    assert hx.part("status") == "Big ones"
    assert hx.visited[-1] == ("GET", "/fragments/big", 200)
