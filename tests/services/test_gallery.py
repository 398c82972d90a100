"""The pictures of products: what the database keeps of them, and what lists then show."""

import io

import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.models.catalog import Product
from app.models.picture import PictureFile, ProductImage
from app.services import audit, catalog, editing, gallery
from app.services.editing import EditConflict
from app.services.errors import InvalidInput, NotFound
from app.services.pictures import BadPicture
from tests.factories import a_variant
from tests.photos import a_photo, a_picture

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def product_id() -> int:
    return a_variant().product_id


def shown(product_id: int) -> tuple[str, str, int]:
    db.session.rollback()
    row = db.session.get_one(Product, product_id)
    return row.picture, row.picture_alt, row.picture_bytes


def test_a_picture_is_kept_in_six_files_and_shown_by_lists(product_id):
    number = catalog.revision()

    gallery.add(product_id, a_photo(), " A  bag ", actor="cli")

    files = db.session.execute(select(PictureFile.key, PictureFile.format, PictureFile.width, PictureFile.content)).all()
    assert sorted((file.format, file.width) for file in files) == sorted(
        (f, w) for f in ("avif", "webp", "jpg") for w in (400, 960)
    )
    (card,) = (file for file in files if (file.format, file.width) == ("jpg", 400))
    assert shown(product_id) == (card.key, "A bag", len(card.content))
    assert catalog.picture(card.key, 400, "jpg") == card.content
    assert catalog.revision() > number
    assert [entry.action for entry in audit.entries()] == ["picture added"]


def test_the_first_one_is_the_one_that_lists_show(product_id):
    first, second = a_picture(product_id, "First"), a_picture(product_id, "Second", seed=90)
    assert shown(product_id)[1] == "First"

    gallery.move_up(product_id, second, actor="cli")
    assert shown(product_id)[1] == "Second"
    gallery.move_up(product_id, second, actor="cli")  # it is the first already
    gallery.remove(product_id, second, actor="cli")
    assert shown(product_id)[1] == "First"
    gallery.remove(product_id, first, actor="cli")

    assert shown(product_id) == ("", "", 0)
    assert db.session.execute(select(func.count(PictureFile.id))).scalar_one() == 0
    assert [entry.action for entry in audit.entries()] == ["picture removed", "picture removed", "picture moved"]


def test_other_words_reach_the_lists_and_overwrite_nobody(product_id):
    image_id = a_picture(product_id, "First")
    known = editing.seen(gallery.one(product_id, image_id), ["alt"])

    gallery.describe(product_id, image_id, "A better word", seen=known, actor="cli")
    with pytest.raises(EditConflict):
        gallery.describe(product_id, image_id, "Another", seen=known, actor="cli")

    assert shown(product_id)[1] == "A better word"
    assert [entry.action for entry in audit.entries()] == ["product image changed"]


def test_the_same_picture_stands_once_in_a_product_and_in_as_many_products_as_one_likes(product_id):
    other = a_variant("OTHER").product_id
    a_picture(product_id)
    a_picture(other)

    with pytest.raises(BadPicture, match="already"):
        a_picture(product_id)
    assert shown(product_id)[0] != shown(other)[0]


def test_a_product_has_no_more_pictures_than_fit(product_id, monkeypatch):
    monkeypatch.setattr(gallery, "MOST_PICTURES", 1)
    a_picture(product_id)

    with pytest.raises(BadPicture, match="at most 1"):
        a_picture(product_id, seed=90)


@pytest.mark.parametrize("alt", ["", "  ", "x" * 251, "a\x00b"])
def test_a_picture_needs_words(product_id, alt):
    with pytest.raises(InvalidInput) as caught:
        gallery.add(product_id, a_photo(), alt, actor="cli")

    assert list(caught.value.fields) == ["alt"]


def test_a_bad_file_leaves_nothing(product_id):
    with pytest.raises(BadPicture):
        gallery.add(product_id, io.BytesIO(b"no picture"), "A bag", actor="cli")

    assert db.session.execute(select(ProductImage.id)).first() is None


def test_a_picture_of_another_product_is_not_found(product_id):
    image_id, other = a_picture(product_id), a_variant("OTHER").product_id

    for use_case in (gallery.move_up, gallery.remove):
        with pytest.raises(NotFound):
            use_case(other, image_id, actor="cli")
    with pytest.raises(NotFound):
        gallery.describe(other, image_id, "Words", seen="", actor="cli")
    with pytest.raises(NotFound):
        gallery.add(99, a_photo(), "Words", actor="cli")
    assert gallery.of(product_id)
