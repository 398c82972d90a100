"""When something goes wrong: one sentence, a number to ask about, and nothing of the shop's insides."""

import re

import pytest

from app.extensions import Busy
from app.services import catalog
from tests.factories import a_variant

pytestmark = pytest.mark.usefixtures("app_context")
NUMBER = re.compile(r"[0-9a-f]{12}")


def break_catalogue(monkeypatch, error: Exception) -> None:
    """Let the catalogue's pages fail in this way."""

    def fail(**_how):
        raise error

    monkeypatch.setattr(catalog, "page", fail)


def test_an_unknown_address_is_a_page_with_a_search(page):
    page.get("/nowhere", status=404)

    assert "There is nothing here" in page.title
    assert "Your cart is safe." in page.text
    assert NUMBER.search(page.text)
    page.submit("Search", form="/search", q="x")
    assert page.path == "/search?q=x"


def test_htmx_gets_a_fragment_that_says_the_same(hx):
    hx.post("/nowhere", status=404)

    body = hx.response.get_data(as_text=True)
    assert hx.response.headers["HX-Retarget"] == "#messages"
    assert 'id="messages"' in body
    assert "There is nothing here" in body
    assert "<html" not in body


def test_a_failure_says_nothing_of_its_cause(app, page, monkeypatch, caplog):
    break_catalogue(monkeypatch, ZeroDivisionError("secret insides"))
    app.config["PROPAGATE_EXCEPTIONS"] = False

    page.get("/", status=500)

    assert "It is our fault" in page.text
    assert "secret insides" not in page.html
    assert "secret insides" in caplog.text
    assert NUMBER.search(page.text)[0] in caplog.text


def test_a_failure_of_the_error_page_itself_is_still_a_page(app, page, monkeypatch):
    def fail(*_args):
        raise ZeroDivisionError

    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(catalog, "categories", fail)

    page.get("/", status=500)

    assert "Something broke" in page.title


def test_a_busy_shop_asks_to_come_back_soon(page, monkeypatch):
    break_catalogue(monkeypatch, Busy())

    page.get("/", status=503)

    assert page.response.headers["Retry-After"] == "5"
    assert "nothing was lost" in page.text


def test_error_pages_are_kept_by_nobody(page):
    page.get("/nowhere", status=404)

    assert page.response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in page.response.headers


def test_each_failure_has_a_number_of_its_own(page):
    numbers = {NUMBER.search(page.get("/nowhere", status=404).text)[0] for _ in range(3)}

    assert len(numbers) == 3


def test_a_wrong_verb_says_which_are_right(page):
    page.open("DELETE", "/cart", status=405)

    assert {"GET", "POST"} <= set(page.response.headers["Allow"].split(", "))


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "evil.example:80", "a b", ""])
def test_a_foreign_host_is_refused_and_not_repeated(client, host):
    answer = client.get("/", headers={"Host": host})

    assert answer.status_code == 400
    assert "evil" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "localhost:8123", "127.0.0.1:80"])
def test_our_own_hosts_are_answered(client, host):
    assert client.get("/help", headers={"Host": host}).status_code == 200


def test_a_form_that_cannot_be_read_is_refused(client):
    answer = client.post("/cart/items", data=b"\xff" * 100, content_type="multipart/form-data; boundary=x")

    assert answer.status_code in (400, 422)


def test_the_cart_survives_an_error(page):
    a_variant()
    page.post("/cart/items", {"sku": "BEANS"})

    page.get("/nowhere", status=404)

    assert page.part("cart-link").startswith("Cart (1")
