"""Catalogue pages are known by their ETag before they are rendered, and touch neither session nor cookie."""

from contextlib import contextmanager

import pytest
from flask import request_finished, template_rendered
from flask.globals import request_ctx

from app.models.catalog import Product
from app.services import stock
from tests.factories import a_cart, a_category, a_redirect_method, a_variant, set_columns
from tests.shopping import buy, order_of, put_in

pytestmark = pytest.mark.usefixtures("app_context")
PAGES = ["/", "/help", "/c/gear", "/p/beans", "/search?q=house", "/search"]


@pytest.fixture(autouse=True)
def shop(app_context):
    return a_variant(category_id=a_category("Gear"), on_hand=4)


@contextmanager
def rendered(app):
    """The names of the templates that were rendered meanwhile."""
    names: list[str] = []

    def note(_sender, template, **_rest):
        names.append(template.name)

    with template_rendered.connected_to(note, app):
        yield names


def again(client, path: str, **headers: str):
    """Ask, and ask again with the ETag that came."""
    first = client.get(path, headers=headers)
    return client.get(path, headers={"If-None-Match": first.headers["ETag"], **headers})


@pytest.mark.parametrize("path", PAGES)
def test_an_unchanged_page_is_not_sent_nor_rendered_again(app, client, path):
    first = client.get(path)

    with rendered(app) as names:
        second = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert (second.status_code, second.data, names) == (304, b"", [])
    assert second.headers["ETag"] == first.headers["ETag"]
    assert first.headers["Cache-Control"] == second.headers["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "Accept-Encoding", "Save-Data"} <= set(first.headers["Vary"].split(", "))


def test_rendering_is_noticed(app, client):
    with rendered(app) as names:
        client.get("/help")

    assert names == ["site/help.html"]


@pytest.mark.parametrize("path", PAGES)
def test_a_changed_cart_is_another_page(app, page, path):
    page.get(path)
    tag = page.response.headers["ETag"]
    put_in(page, "BEANS")

    page.get(path, headers={"If-None-Match": tag})

    assert page.part("cart-link").startswith("Cart (1")


def test_a_changed_catalogue_is_another_page(client, shop):
    tag = client.get("/p/beans").headers["ETag"]
    set_columns(Product, shop.product_id, name="Winter Blend")

    second = client.get("/p/beans", headers={"If-None-Match": tag})

    assert b"Winter Blend" in second.data


@pytest.mark.parametrize(("quantity", "words"), [(4, "Sold out"), (3, "Few left")])
def test_what_a_sale_changes_on_a_page_is_another_page(page, browser, quantity, words):
    page.get("/p/beans")
    tag = page.response.headers["ETag"]
    buy(browser(), "BEANS", quantity)

    page.get("/p/beans", headers={"If-None-Match": tag})

    assert words in page.text


def test_restocking_is_another_page(page):
    stock.set_levels([("BEANS", 0)], actor="test")
    tag = page.get("/p/beans").response.headers["ETag"]
    stock.set_levels([("BEANS", 9)], actor="test")

    page.get("/p/beans", headers={"If-None-Match": tag})

    assert page.status == 200


def test_a_receipt_is_another_page(page):
    tag = page.get("/").response.headers["ETag"]
    buy(page, "BEANS")

    page.get("/", headers={"If-None-Match": tag})

    assert "Thank you" in page.title


@pytest.mark.parametrize("path", PAGES)
def test_pages_without_pictures_are_other_pages(client, path):
    tag = client.get(path).headers["ETag"]

    assert client.get(path, headers={"If-None-Match": tag, "Save-Data": "on"}).status_code == 200


def test_compressed_pages_have_a_tag_of_their_own(client):

    plain, packed = client.get("/help"), client.get("/help", headers={"Accept-Encoding": "gzip"})

    assert plain.headers["ETag"] != packed.headers["ETag"]
    assert again(client, "/help", **{"Accept-Encoding": "gzip"}).status_code == 304


def test_each_address_has_a_tag_of_its_own(client):

    tags = {client.get(path).headers["ETag"] for path in (*PAGES, "/search?q=blend", "/c/gear?sort=price")}

    assert len(tags) == len(PAGES) + 2


def test_holding_goods_for_an_unpaid_order_changes_no_page(client, shop, monkeypatch):
    method = a_redirect_method(monkeypatch)
    tag = client.get("/").headers["ETag"]
    order_of(a_cart((shop, 1)), payment_id=method)

    assert client.get("/", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("path", [*PAGES, "/labels/beans.1.svg"])
def test_catalogue_pages_set_no_cookie_and_open_no_session(app, client, path):
    touched = []

    def note(_sender, **_rest):
        touched.append(request_ctx._session.accessed)

    with request_finished.connected_to(note, app):
        answer = client.get(path)

    assert (answer.status_code, touched) == (200, [False])
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/cart", "/orders/find"])
def test_personal_pages_have_no_tag_and_are_kept_by_nobody(page, path):
    page.get(path)

    assert page.response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in page.response.headers
