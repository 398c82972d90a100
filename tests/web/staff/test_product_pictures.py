"""The page of a product's pictures, the only one that takes a file."""

import pytest

from app.services import editing, gallery, pictures
from tests.factories import a_variant
from tests.photos import a_photo, a_picture, as_file, noise, png_claiming, upload
from tests.staff import as_staff, trail

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def product_id() -> int:
    return a_variant().product_id


def send(page, product_id: int, content: bytes, alt: str = "A bag", *, status: int = 200):
    """Choose a file and press the button, as a browser does."""
    page.get(f"/staff/products/{product_id}/pictures")
    fields = {name: values[0] for name, values in page.form_data("Add it").items() if name != "file"}
    body, headers = upload(fields | {"alt": alt}, content)
    return page.post(f"/staff/products/{product_id}/pictures", body, status=status, headers=headers)


def test_a_picture_is_added_and_shown_everywhere(page, product_id):
    as_staff(page)

    send(page, product_id, a_photo().getvalue())

    assert "The picture is there" in page.text
    page.get("/p/beans")
    (image,) = page.document.every("img")
    assert (image.get("alt"), image.get("width"), image.get("height")) == ("A bag", "960", "720")
    assert trail() == [("picture added", f"product:{product_id}")]


def test_a_heavy_file_is_taken(page, product_id):
    as_staff(page)
    heavy = as_file(noise(2400, 1800), quality=60).getvalue()

    send(page, product_id, heavy)

    assert 1_000_000 < len(heavy)
    assert "The picture is there" in page.text


def test_order_words_and_an_end_to_one(page, product_id):
    first, second = a_picture(product_id, "First"), a_picture(product_id, "Second", seed=90)
    as_staff(page)
    page.get(f"/staff/products/{product_id}").click("Pictures: add")

    page.submit("Move up")
    assert [each.id for each in gallery.of(product_id)] == [second, first]
    page.submit("Remove", near="Second")
    assert [each.id for each in gallery.of(product_id)] == [first]
    page.click("Change these words")
    page.submit("Save", {"What the picture shows": ""}, status=422)
    page.submit("Save", {"What the picture shows": "Beans in a hand"})

    assert "Beans in a hand" in page.text
    assert [action for action, _ in trail()] == ["product image changed", "picture removed", "picture moved"]


def test_two_who_change_its_words_at_once_are_told(page, browser, product_id):
    image_id = a_picture(product_id)
    as_staff(page)
    page.get(f"/staff/products/{product_id}/pictures/{image_id}")
    gallery_words = gallery.one(product_id, image_id)
    gallery.describe(product_id, image_id, "Theirs", seen=editing.seen(gallery_words, ["alt"]), actor="test")

    page.submit("Save", {"What the picture shows": "Mine"}, status=409)
    assert "Somebody saved: Theirs" in page.text
    page.submit("Save")

    assert gallery.one(product_id, image_id).alt == "Mine"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "The file is empty."),
        (b"words", "This is not a picture that can be read here."),
        (png_claiming(30_000, 30_000), "more than 40 million pixels"),
        (a_photo().getvalue()[:9000], "damaged"),
    ],
    ids=["empty", "words", "bomb", "truncated"],
)
def test_a_file_that_is_no_picture_gets_one_sentence(page, product_id, content, says):
    as_staff(page)

    send(page, product_id, content, status=422)

    assert says in page.text
    assert 'value="A bag"' in page.html
    assert not gallery.of(product_id)


def test_without_words_or_without_a_file_nothing_is_taken(page, product_id):
    as_staff(page)

    send(page, product_id, a_photo().getvalue(), alt="", status=422)
    assert "Say in a few words" in page.text
    page.submit("Add it", {"What the picture shows": "A bag"}, status=422)
    assert "The file is empty." in page.text


def test_a_file_of_more_than_ten_megabytes_is_refused_before_it_is_read(page, product_id):
    as_staff(page)

    send(page, product_id, bytes(10_000_001), status=422)
    assert "larger than 10 MB" in page.text
    send(page, product_id, bytes(50_000_000), status=413)
    assert "larger than 10 MB" in page.text


def test_the_rest_of_the_shop_takes_no_files(page, product_id):
    body, headers = upload({"alt": "A bag"}, bytes(100_000))
    page.post(f"/staff/products/{product_id}/pictures", body, headers=headers, status=413)  # nobody of ours

    as_staff(page)
    for path in ("/cart/items", "/staff/categories", f"/staff/products/{product_id}/hide"):
        page.post(path, body, headers=headers, status=413)


def test_another_picture_is_being_prepared(page, product_id, monkeypatch):
    monkeypatch.setattr(pictures, "PATIENCE_SECONDS", 0.01)
    as_staff(page)

    with pictures.turn():
        send(page, product_id, a_photo().getvalue(), status=503)

    assert "Another picture is being prepared" in page.text
    assert page.response.headers["Retry-After"] == "5"
    assert 'value="A bag"' in page.html


def test_what_is_not_there_is_not_found(page, product_id):
    as_staff(page)
    page.get("/staff/products/99/pictures", status=404)
    page.get(f"/staff/products/{product_id}/pictures/99", status=404)
    page.get(f"/staff/products/{product_id}/pictures")
    token = {"csrf_token": page.form_data("Add it")["csrf_token"][0], "alt": "x"}

    for path in (f"{product_id}/pictures/99", f"{product_id}/pictures/99/up", f"{product_id}/pictures/99/remove"):
        page.post(f"/staff/products/{path}", token, status=404)
    page.post("/staff/products/99/pictures", token, status=404)
