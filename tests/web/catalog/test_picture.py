"""Pictures in lists and on product pages, and the files themselves."""

import pytest

from app.services import catalog, gallery
from tests.factories import a_category, a_variant
from tests.photos import a_picture

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def item():
    made = a_variant(category_id=a_category())
    a_picture(made.product_id, "A <brown> bag")
    return made


def key(item) -> str:
    return gallery.of(item.product_id)[0].key


def test_a_card_offers_three_formats_and_its_size(page, item):
    a_variant("PLAIN")

    page.get("/")

    first, second = page.document.every("img")
    assert [each.get("src") for each in (first, second)] == [f"/pictures/{key(item)}-400.jpg", "/labels/plain.1.svg"]
    assert (first.get("alt"), first.get("width"), first.get("height")) == ("A <brown> bag", "400", "300")
    assert [each.get("srcset") for each in page.document.every("source")] == [
        f"/pictures/{key(item)}-400.{format}" for format in ("avif", "webp")
    ]


def test_a_product_shows_all_its_pictures_the_third_when_it_is_near(page, item):
    a_picture(item.product_id, "Second", seed=90)
    a_picture(item.product_id, "Third", seed=180)

    page.get("/p/beans")

    assert [(each.get("alt"), each.get("loading")) for each in page.document.every("img")] == [
        ("A <brown> bag", None),
        ("Second", None),
        ("Third", "lazy"),
    ]


def test_with_few_data_each_picture_is_a_link_that_says_its_weight(page, item):
    page.get("/").submit("Save data")
    (card,) = (a for a in page.document.every("a") if "pictures" in a.get("href", ""))
    weight = len(page.client.get(card.get("href")).data)
    assert f"Show picture ({-(-weight // 1000)} kB)" in page.text

    page.get("/p/beans")
    (link,) = (a for a in page.document.every("a") if "pictures" in a.get("href", ""))
    weight = len(page.client.get(link.get("href")).data)
    assert f"Show picture ({-(-weight // 1000)} kB)" in page.text
    assert page.document.every("img") == []


@pytest.mark.parametrize(("kind", "type"), [("avif", "image/avif"), ("webp", "image/webp"), ("jpg", "image/jpeg")])
def test_a_file_may_be_kept_for_ever(page, item, kind, type):
    page.get(f"/pictures/{key(item)}-960.{kind}")

    headers = page.response.headers
    assert headers["Content-Type"] == type
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in headers
    assert page.response.data == catalog.picture(key(item), 960, kind)


def test_what_is_not_there_is_not_found(page, item):
    for name in (
        f"{key(item)}-401.jpg",
        f"{key(item)}-400.png",
        f"{key(item)}-99999.jpg",
        "x-400.jpg",
        "%FF-400.jpg",
        "-400.jpg",
    ):
        page.get(f"/pictures/{name}", status=404)
