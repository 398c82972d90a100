"""GET /labels/<slug>.<version>.svg: the drawn picture of a product."""

from xml.etree import ElementTree

import pytest

from tests.factories import a_variant

pytestmark = pytest.mark.usefixtures("app_context")


def test_it_is_a_drawing_that_may_be_kept_for_ever(page):
    a_variant(name="<House> & Blend")

    page.get("/labels/beans.1.svg")

    assert page.response.mimetype == "image/svg+xml"
    assert "immutable" in page.response.headers["Cache-Control"]
    assert ElementTree.fromstring(page.html).tag.endswith("svg")


def test_an_old_version_is_drawn_but_not_kept(page):
    a_variant()

    page.get("/labels/beans.0.svg")

    assert page.response.headers["Cache-Control"] == "no-cache"


def test_it_cannot_run_anything(page):
    a_variant()

    page.get("/labels/beans.1.svg")

    assert page.response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Set-Cookie" not in page.response.headers


@pytest.mark.parametrize("path", ["nothing.1.svg", "beans.svg", "beans.1.png", "../beans.1.svg"])
def test_unknown_ones_are_not_found(page, path):
    a_variant()

    page.get(f"/labels/{path}", status=404)


def test_it_is_only_read(page):
    page.open("POST", "/labels/beans.1.svg", status=405)
