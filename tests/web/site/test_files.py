"""The small pages and files that browsers and robots ask every site for."""

import gzip
import json
from xml.etree import ElementTree

import pytest

from tests.factories import a_category, a_variant

pytestmark = pytest.mark.usefixtures("app_context")
PLACES = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"


def test_help_names_the_shop_and_how_to_reach_it(page):
    page.get("/help")

    assert "shop@example.com" in page.text


def test_the_offline_page_knows_nothing_of_the_shopper(page):
    a_variant()
    page.post("/cart/items", {"sku": "BEANS"})

    page.get("/offline")

    assert page.part("cart-link") == "Cart"
    assert "You are offline" in page.title


def test_the_manifest_makes_the_shop_installable(client, page):
    page.get("/manifest.webmanifest")

    manifest = json.loads(page.html)
    assert page.response.mimetype == "application/manifest+json"
    assert {"name", "start_url", "display", "icons"} <= set(manifest)
    assert {client.get(icon["src"]).status_code for icon in manifest["icons"]} == {200}


def test_the_service_worker_may_see_the_whole_shop_and_is_asked_for_each_time(page):
    page.get("/sw.js")

    assert page.response.mimetype == "text/javascript"
    assert page.response.headers["Cache-Control"] == "no-cache"
    assert len(gzip.compress(page.html.encode())) <= 2048


def test_health_is_one_word(page):
    page.get("/healthz")

    assert (page.html, page.response.mimetype) == ("ok\n", "text/plain")


def test_robots_are_kept_out_of_carts_and_orders(page):
    page.get("/robots.txt")

    for path in ("/cart", "/checkout", "/orders/", "/fragments/"):
        assert f"Disallow: {path}\n" in page.html
    assert "Sitemap: http://127.0.0.1:8000/sitemap.xml" in page.html


def test_the_sitemap_has_what_is_for_sale(page):
    a_category("Gear"), a_variant(), a_variant("GONE", on_hand=0)

    page.get("/sitemap.xml")

    places = {place.text.removeprefix("http://127.0.0.1:8000") for place in ElementTree.fromstring(page.html).iter(PLACES)}
    assert {"/", "/c/gear", "/p/beans"} <= places
    assert "/p/gone" not in places


def test_absolute_addresses_come_from_the_settings_not_the_request(client):
    a_variant()

    answer = client.get("/sitemap.xml", base_url="http://127.0.0.1:9999")

    assert "9999" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "path", ["/help", "/offline", "/sw.js", "/manifest.webmanifest", "/healthz", "/robots.txt", "/sitemap.xml"]
)
def test_they_are_only_read_and_set_no_cookie(page, path):
    page.get(path)
    assert "Set-Cookie" not in page.response.headers

    page.open("POST", path, status=405)
