"""POST /preferences: pages without pictures, and back to where one was."""

import pytest

from tests.factories import a_variant

pytestmark = pytest.mark.usefixtures("app_context")


def pictures(page) -> int:
    return len(page.document.every("img"))


def test_the_button_switches_pictures_off_and_on(page):
    a_variant()

    page.get("/").submit("Save data: no pictures")
    without = pictures(page)
    page.submit("Show pictures")

    assert (without, pictures(page)) == (0, 1)


def test_a_product_without_pictures_links_to_them(page):
    a_variant()
    page.get("/").submit("Save data: no pictures")

    page.get("/p/beans")

    assert pictures(page) == 0
    assert any(a.get("href", "").startswith("/labels/") for a in page.document.every("a"))


def test_a_browser_that_saves_data_gets_no_pictures(page):
    a_variant()

    page.get("/", headers={"Save-Data": "on"})

    assert pictures(page) == 0


@pytest.mark.parametrize("address", ["/cart", "/search?q=a+b", "/p/beans", "/c/gear?sort=price&after=3", "/?x=y"])
def test_it_leads_back_to_a_page_of_ours(page, address):
    page.request("POST", "/preferences", {"low_data": "1", "next": address}, None)

    assert (page.status, page.response.location) == (303, f"http://localhost{address}")


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/cart\r\nX-Evil: 1",
        "/nowhere/at/all",
        "/orders/hide/x",
        "",
        "/é",
        "http://localhost@evil.example/",
    ],
)
def test_it_leads_nowhere_else(page, address):
    page.request("POST", "/preferences", {"low_data": "1", "next": address}, None)

    assert (page.status, page.response.location) == (303, "http://localhost/")
    assert "X-Evil" not in page.response.headers


def test_htmx_is_led_back_too(hx):
    hx.post("/preferences", {"low_data": "1", "next": "/help"})

    assert hx.path == "/help"


@pytest.mark.parametrize("choice", ["", "2", "x" * 5000, "0"])
def test_anything_but_yes_is_no(page, choice):
    page.post("/preferences", {"low_data": choice})

    assert page.cookies["low_data"] == "0"


def test_another_site_cannot(page):
    page.post("/preferences", {"low_data": "1"}, status=403, headers={"Origin": "https://evil.example"})


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
def test_only_post(page, verb):
    page.open(verb, "/preferences", status=405)
