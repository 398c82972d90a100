"""The page inspector itself: every rule fires on a small bad page, and a good page passes."""

import re

import pytest

from tests import page as inspector
from tests.page import inspect_fragment, inspect_page, parse_page, text

GOOD = """<!doctype html>
<html lang="en"><head><title>Cart – Till</title><script defer src="/static/app.js"></script></head><body>
<a href="#main">Skip</a>
<form action="/search" method="get"><label for="q">Search</label><input id="q" name="q"><button>Go</button></form>
<main id="main"><h1>Cart</h1>
<div id="summary" tabindex="-1" autofocus><a href="#quantity">Choose a quantity</a></div>
<form id="cart" action="/cart" method="post" hx-post="/cart" hx-target="#cart" hx-swap="outerHTML">
<table><caption>What you chose</caption><tr><td>
<label>Quantity <input id="quantity" name="quantity" type="number" aria-describedby="hint"></label><span id="hint">Up to 5</span>
</td></tr></table><button name="do" value="update">Update cart</button></form>
<form action="/checkout" method="post"><input type="hidden" name="csrf_token" value="t"><button>Order</button></form>
<a href="/c/beans?after=2" hx-get="/fragments/c/beans?after=2" hx-target="#main" hx-swap="outerHTML">More</a>
<img src="/i.png" alt="A bag of coffee" width="40" height="30">
<script type="application/ld+json">{}</script>
</main></body></html>"""


def with_body(extra: str) -> str:
    return GOOD.replace("</main>", extra + "</main>")


def test_a_good_page_passes():
    page = inspect_page(GOOD)

    assert page.label(page.by_id("quantity")) == "Quantity"


BAD = [
    ("parses_without_errors", with_body("<p><b>bold</p>")),
    ("parses_without_errors", with_body('<form action="/a" method="get"><form action="/b" method="get"></form></form>')),
    ("parses_without_errors", with_body('<p class="a" class="b">twice</p>')),
    ("doctype_and_language", GOOD.removeprefix("<!doctype html>")),
    ("doctype_and_language", GOOD.replace(' lang="en"', "")),
    ("one_h1_that_starts_the_title", with_body("<h1>Cart</h1>")),
    ("one_h1_that_starts_the_title", GOOD.replace("<h1>Cart</h1>", "")),
    ("one_h1_that_starts_the_title", GOOD.replace("<h1>Cart</h1>", "<h1>Basket</h1>")),
    ("one_h1_that_starts_the_title", GOOD.replace("<h1>Cart</h1>", "<h1></h1>")),
    ("unique_ids", with_body('<p id="hint">again</p>')),
    ("unique_ids", with_body('<p id="two words"></p>')),
    ("labelled_controls", with_body('<input name="x">')),
    ("labelled_controls", with_body('<label for="x"></label><select id="x" name="x"></select>')),
    ("labelled_controls", with_body('<textarea name="x" aria-label="not shown"></textarea>')),
    ("forms_say_where_and_how", with_body('<form method="get"></form>')),
    ("forms_say_where_and_how", with_body('<form action="/search"></form>')),
    ("post_forms_carry_a_token", with_body('<form action="/checkout" method="post"></form>')),
    ("post_forms_carry_a_token", with_body('<form action="/cartography" method="post"></form>')),
    (
        "post_forms_carry_a_token",
        with_body('<form action="/x" method="post"><input type="hidden" name="csrf_token" value=""></form>'),
    ),
    ("htmx_has_a_plain_twin", with_body('<div hx-get="/fragments/x" hx-target="#cart" hx-swap="outerHTML"></div>')),
    ("htmx_has_a_plain_twin", with_body('<a href="/a" hx-get="/b" hx-target="#cart" hx-swap="outerHTML">b</a>')),
    ("htmx_has_a_plain_twin", with_body('<button hx-post="/cart" hx-target="#cart" hx-swap="outerHTML">b</button>')),
    ("htmx_has_a_plain_twin", GOOD.replace('hx-post="/cart"', 'hx-post="/cart/items"')),
    ("htmx_says_target_and_swap", GOOD.replace(' hx-swap="outerHTML"', "", 1)),
    ("htmx_says_target_and_swap", GOOD.replace(' hx-target="#cart"', "", 1)),
    ("htmx_targets_exist", GOOD.replace('hx-target="#cart"', 'hx-target="#nowhere"')),
    ("nothing_out_of_band_at_first", with_body('<p id="x" hx-swap-oob="true"></p>')),
    ("no_inline_script", with_body("<script>1</script>")),
    ("no_inline_script", with_body('<p onclick="1"></p>')),
    ("no_inline_script", with_body('<p hx-on:click="1"></p>')),
    ("no_inline_script", with_body('<a href=" JavaScript:1">x</a>')),
    *(("nothing_that_text_browsers_leak", with_body(f"<{tag}></{tag}>")) for tag in ("template", "dialog", "datalist", "style")),
    ("nothing_that_text_browsers_leak", with_body("<noscript></noscript>")),
    ("nothing_that_text_browsers_leak", with_body("<p hidden>x</p>")),
    ("nothing_that_text_browsers_leak", with_body('<p style="color:red">x</p>')),
    ("nothing_that_text_browsers_leak", with_body('<button form="cart">x</button>')),
    ("nothing_that_text_browsers_leak", with_body('<button formaction="/x">x</button>')),
    ("nothing_that_text_browsers_leak", with_body('<p hx-boost="true">x</p>')),
    ("images_have_words_and_size", GOOD.replace(' alt="A bag of coffee"', "")),
    ("images_have_words_and_size", GOOD.replace("A bag of coffee", "")),
    ("images_have_words_and_size", GOOD.replace(' width="40"', "")),
    ("images_have_words_and_size", GOOD.replace(' height="30"', "")),
    ("tables_have_captions", GOOD.replace("<caption>What you chose</caption>", "")),
    ("references_have_targets", GOOD.replace(' id="hint"', "")),
    ("references_have_targets", with_body('<label for="nothing">x</label>')),
    ("references_have_targets", with_body('<p aria-labelledby="nothing">x</p>')),
    ("references_have_targets", with_body('<a href="#nothing">x</a>')),
]


@pytest.mark.parametrize(("rule", "html"), BAD, ids=[f"{rule}-{number}" for number, (rule, _) in enumerate(BAD)])
def test_a_broken_rule_is_named(rule, html):
    with pytest.raises(AssertionError, match=rf"page:\d+: {rule}:"):
        inspect_page(html)


BAD_FRAGMENTS = [
    ('<p>no id</p><p id="b" hx-swap-oob="true"></p>', "without an id"),
    ('text<p id="a"></p>', "text beside"),
    ("", "without any part"),
    ("<title>only</title>", "without any part"),
    (GOOD, "whole page"),
    ('<p id="a"><b id="a"></b></p>', "stands on two"),
    ('<p id="a" style="x"></p>', "not used here"),
]


@pytest.mark.parametrize(("html", "words"), BAD_FRAGMENTS)
def test_a_bad_fragment_is_refused(html, words):
    with pytest.raises(AssertionError, match=words):
        inspect_fragment(html)


def test_a_good_fragment_may_bring_a_title_and_side_updates():
    live = '<div hx-swap-oob="innerHTML:#live">Added</div>'

    fragment = inspect_fragment(f'<title>Beans</title><p id="a">A</p><p id="b" hx-swap-oob="true">B</p>{live}')

    assert [part.tag for part in fragment.root] == ["title", "p", "p", "div"]


def test_a_lone_table_row_is_a_fragment():
    fragment = inspect_fragment('<tr id="line-1"><td>1</td></tr>')

    assert fragment.root.find("tr").get("id") == "line-1"


def test_every_rule_has_a_page_that_breaks_it():
    shown = {rule for rule, _ in BAD}

    assert shown == {rule.__name__ for rule in (*inspector.EVERYWHERE, *inspector.WHOLE_PAGE)}


def test_the_error_prefix_stands_before_the_h1_in_the_title():
    inspect_page(GOOD.replace("<title>Cart", "<title>Error: Cart"))

    with pytest.raises(AssertionError, match="does not start with"):
        inspect_page(GOOD.replace("<title>Cart", "<title>Oh, Cart"))


def test_a_complaint_says_the_line_and_shows_the_element():
    with pytest.raises(AssertionError) as error:
        inspect_page(with_body('\n<input name="lost">'), where="/cart")

    assert re.search(r'/cart:16: labelled_controls: .*\n    <input name="lost">', str(error.value))


def test_text_keeps_blocks_apart_and_inline_words_together():
    page = parse_page("<!doctype html><p>One <b>t</b>wo</p><p>three</p><table><tr><td>4</td><td>5</td></table>")

    assert text(page.root) == "One two three 4 5"
