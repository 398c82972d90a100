"""The pictures of products: in the database, so that every server has them and a backup holds them."""

import hashlib
from collections.abc import Sequence
from typing import BinaryIO

from sqlalchemy import Connection, delete, func, insert, select, update

from app.extensions import Record, db, read, retried, transaction
from app.models.catalog import Product
from app.models.picture import PictureFile, ProductImage
from app.services import audit, catalog, editing, pictures, products
from app.services.errors import InvalidInput, NotFound
from app.services.pictures import BadPicture, Rendition

MOST_PICTURES = 12  # of one product


def of(product_id: int) -> Sequence[Record]:
    """The pictures of a product in their order: id, key, alt."""
    wanted = select(ProductImage.id, ProductImage.key, ProductImage.alt).where(ProductImage.product_id == product_id)
    return read(wanted.order_by(ProductImage.position, ProductImage.id)).all()


def one(product_id: int, image_id: int) -> Record:
    """Raises NotFound."""
    mine = ProductImage.id == image_id, ProductImage.product_id == product_id
    row = read(select(ProductImage.id, ProductImage.key, ProductImage.alt).where(*mine)).first()
    if row is None:
        raise NotFound
    return row


def add(product_id: int, file: BinaryIO, alt: str, *, actor: str) -> None:
    """Prepare a picture and put it behind the others. Raises NotFound, InvalidInput, BadPicture, PicturesBusy."""
    alt = words_of(alt)
    products.product(product_id)
    db.session.rollback()  # no transaction is open while a picture is prepared
    _write(product_id, pictures.prepare(file), alt, actor)


@retried
def _write(product_id: int, renditions: Sequence[Rendition], alt: str, actor: str) -> None:
    digest = hashlib.sha256(str(product_id).encode())
    for each in renditions:
        digest.update(each.content)
    key = digest.hexdigest()[:20]
    jpegs = {each.width: len(each.content) for each in renditions if each.format == "jpg"}
    with transaction() as t:
        _lock(t, product_id)
        theirs = ProductImage.product_id == product_id
        count, last = t.execute(select(func.count(), func.max(ProductImage.position)).where(theirs)).one()
        if count >= MOST_PICTURES:
            raise BadPicture("A product has at most %(most)s pictures. Remove one first.", most=MOST_PICTURES)
        if t.execute(select(ProductImage.id).where(ProductImage.key == key)).first():
            raise BadPicture("This product has this picture already.")
        values = {"product_id": product_id, "position": 0 if last is None else last + 1, "alt": alt, "key": key}
        weights = {"card_bytes": jpegs[pictures.CARD], "page_bytes": jpegs[pictures.PAGE]}
        image_id = t.execute(insert(ProductImage).values(**values, **weights).returning(ProductImage.id)).scalar_one()
        parts = ("format", "width", "height", "content")
        files = [{"image_id": image_id, "key": key} | {part: getattr(each, part) for part in parts} for each in renditions]
        t.execute(insert(PictureFile), files)
        audit.note(t, actor, "picture added", f"product:{product_id}", after={"picture": key, "alt": alt})
        _lead(t, product_id)


@retried
def describe(product_id: int, image_id: int, alt: str, *, seen: str, actor: str) -> None:
    """Write what a picture shows. Raises NotFound, InvalidInput, EditConflict."""
    alt = words_of(alt)
    with transaction() as t:
        _lock(t, product_id)
        _image(t, product_id, image_id)
        editing.save(t, ProductImage, image_id, {"alt": alt}, seen=seen, actor=actor)
        _lead(t, product_id)


@retried
def move_up(product_id: int, image_id: int, *, actor: str) -> None:
    """Let a picture change places with the one before it; the first is the one that lists show. Raises NotFound."""
    with transaction() as t:
        _lock(t, product_id)
        ordered = select(ProductImage.id).where(ProductImage.product_id == product_id)
        ids = list(t.execute(ordered.order_by(ProductImage.position, ProductImage.id)).scalars())
        if image_id not in ids:
            raise NotFound
        place = ids.index(image_id)
        if place == 0:
            return
        ids.insert(place - 1, ids.pop(place))
        for position, each in enumerate(ids):
            t.execute(update(ProductImage).where(ProductImage.id == each).values(position=position))
        audit.note(t, actor, "picture moved", f"product:{product_id}", {"place": place + 1}, {"place": place})
        _lead(t, product_id)


@retried
def remove(product_id: int, image_id: int, *, actor: str) -> None:
    """Delete a picture with its files. Raises NotFound."""
    with transaction() as t:
        _lock(t, product_id)
        row = _image(t, product_id, image_id)
        t.execute(delete(PictureFile).where(PictureFile.image_id == image_id))
        t.execute(delete(ProductImage).where(ProductImage.id == image_id))
        audit.note(t, actor, "picture removed", f"product:{product_id}", before={"picture": row.key, "alt": row.alt})
        _lead(t, product_id)


def words_of(alt: str) -> str:
    wrong: dict[str, str] = {}
    line = products.one_line({"alt": alt}, "alt", ProductImage.alt.type.length, wrong)
    if not line:
        wrong["alt"] = "Say in a few words what the picture shows. Whoever does not see it reads this."
    if wrong:
        raise InvalidInput(wrong)
    return line


def _lock(t: Connection, product_id: int) -> None:
    """Let changes of one product's pictures through one by one."""
    editing.locked(t, Product, product_id)


def _image(t: Connection, product_id: int, image_id: int) -> Record:
    mine = ProductImage.id == image_id, ProductImage.product_id == product_id
    row = t.execute(select(ProductImage.key, ProductImage.alt).where(*mine)).first()
    if row is None:
        raise NotFound
    return row


def _lead(t: Connection, product_id: int) -> None:
    """Keep beside the product what lists show of its first picture."""
    wanted = select(ProductImage.key, ProductImage.alt, ProductImage.card_bytes).where(ProductImage.product_id == product_id)
    first = t.execute(wanted.order_by(ProductImage.position, ProductImage.id).limit(1)).first()
    key, alt, size = first or ("", "", 0)
    t.execute(update(Product).where(Product.id == product_id).values(picture=key, picture_alt=alt, picture_bytes=size))
    catalog.touch(t)
