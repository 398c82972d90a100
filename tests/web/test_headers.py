"""What every answer carries, how text is compressed, and what static files are served as."""

import gzip
import re

import pytest
from flask import current_app

from app import headers
from tests.factories import a_redirect_method, a_variant
from tests.shopping import buy

pytestmark = pytest.mark.usefixtures("app_context")
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def policy(response) -> dict[str, str]:
    [sent] = response.headers.getlist("Content-Security-Policy")
    return dict(part.strip().partition(" ")[::2] for part in sent.split(";"))


def assert_guarded(response) -> None:
    assert policy(response) == POLICY
    for name, value in (
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    ):
        assert response.headers.getlist(name) == [value]


def test_every_page_is_guarded(app, client):
    a_variant()
    adapter = app.url_map.bind("localhost")
    known = {"slug": "beans", "version": "1", "sku": "BEANS", "form": "csv", "kind": "avif"}

    for rule in app.url_map.iter_rules():
        for method in set(rule.methods) & {"GET", "POST"}:
            path = adapter.build(rule.endpoint, {name: known.get(name, "1") for name in rule.arguments}, method)
            assert_guarded(client.open(path, method=method))


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/nowhere", {}, 404),
        ("DELETE", "/cart", {}, 405),
        ("POST", "/cart", {"Origin": "https://evil.example"}, 403),
        ("GET", "/", {"Host": "evil.example"}, 400),
        ("OPTIONS", "/", {}, 200),
        ("HEAD", "/", {}, 200),
        ("GET", "/static/nothing.css", {}, 404),
    ],
)
def test_errors_are_guarded_too(client, method, path, sent, status):
    answer = client.open(path, method=method, headers=sent)

    assert answer.status_code == status
    assert_guarded(answer)


def test_static_files_are_guarded_too(client, page):
    page.get("/")
    addresses = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.html))

    assert len(addresses) >= 3
    for address in addresses:
        assert_guarded(client.get(address))


def test_the_gateways_that_a_form_may_lead_to_are_named(monkeypatch):
    a_redirect_method(monkeypatch)

    sent = dict(headers.fixed(current_app))["Content-Security-Policy"]

    assert "form-action 'self' https://pay.example;" in sent


def test_https_is_kept_to_where_there_is_https(client):

    assert "max-age=" in client.get("/help", base_url="https://localhost").headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in client.get("/help").headers


def test_answers_to_forms_differ_by_htmx_and_pages_do_not(client):
    a_variant()

    assert "HX-Request" in client.post("/cart/items", data={"sku": "BEANS"}).headers["Vary"]
    assert "HX-Request" not in client.get("/").headers["Vary"]
    assert client.get("/help", headers={"HX-Request": "true"}).data == client.get("/help").data


# --- compression ---


@pytest.mark.parametrize(
    "path", ["/", "/help", "/p/beans", "/search?q=house", "/cart", "/manifest.webmanifest", "/labels/beans.1.svg"]
)
def test_text_is_compressed_for_whoever_takes_it(client, path):
    a_variant()

    plain, packed = client.get(path), client.get(path, headers={"Accept-Encoding": "br;q=0.5, gzip"})

    assert "Accept-Encoding" in plain.headers["Vary"]
    if len(plain.data) > headers.SMALLEST_COMPRESSED:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.data) == plain.data
        assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data)


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0"])
def test_whoever_does_not_take_gzip_gets_plain_text(client, accepted):
    answer = client.get("/help", headers={"Accept-Encoding": accepted})

    assert "Content-Encoding" not in answer.headers
    assert b"<!doctype html>" in answer.data


def test_small_answers_are_not_worth_it(client):
    assert "Content-Encoding" not in client.get("/healthz", headers={"Accept-Encoding": "gzip"}).headers


def test_errors_are_compressed_too(client):
    answer = client.get("/nowhere", headers={"Accept-Encoding": "gzip"})

    assert b"There is nothing here" in gzip.decompress(answer.data)


# --- static files ---


@pytest.fixture
def style(page) -> str:
    page.get("/")
    return next(link.get("href") for link in page.document.every("link") if link.get("rel") == "stylesheet")


def test_static_files_are_named_by_their_content_and_kept_for_ever(client, style):
    answer = client.get(style)

    assert re.fullmatch(r"/static/shop\.[0-9a-f]{10}\.css", style)
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.mimetype == "text/css"


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_static_files_are_compressed_beforehand(client, style, encoding):
    answer = client.get(style, headers={"Accept-Encoding": encoding})

    assert answer.headers["Content-Encoding"] == encoding
    assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/static/shop.css", "/static/../config.py", "/static/%2e%2e/secret", "/static/", "/static"])
def test_nothing_else_is_served(client, path):
    assert client.get(path).status_code == 404


def test_static_files_need_no_cookie(client, style):
    assert "Set-Cookie" not in client.get(style).headers


def test_the_same_answer_to_the_buyer_and_the_reader_of_a_receipt_is_never_shared(page):
    a_variant()

    buy(page, "BEANS")

    assert "Cookie" in page.response.headers["Vary"]
    assert "public" not in page.response.headers["Cache-Control"]
