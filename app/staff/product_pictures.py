"""The pictures of products: the only page of the shop that takes a file."""

import io
from typing import Any

from flask import request
from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.account.forms import PlainForm
from app.services import editing, gallery, pictures, products
from app.services.accounts import Member
from app.services.editing import EditConflict
from app.services.errors import InvalidInput
from app.services.pictures import BadPicture, PicturesBusy, PictureTooLarge
from app.staff import bp, pages
from app.staff.pages import staff_only
from app.staff.products import PRODUCT
from app.staff.products_forms import AltForm, PictureForm

PICTURES = PRODUCT + "/pictures"
PICTURE = PICTURES + "/<int(max=2147483647):image_id>"
MOST_BODY = pictures.MOST_BYTES + 64 * 1024  # the file, and the form around it
MOST_IN_MEMORY = 1_000_000  # of the body; Werkzeug counts a part of a file too, where it looks for the file's end


@bp.url_value_preprocessor
def make_room(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """One page takes a picture."""
    if endpoint == "staff.add_picture":
        pages.make_room(MOST_BODY, PictureTooLarge, in_memory=MOST_IN_MEMORY)


@bp.get(PICTURES)
@staff_only
def show_pictures(member: Member, product_id: int) -> AnyResponse:
    """Every picture of a product, and the form for one more."""
    return every(product_id, PictureForm())


def every(product_id: int, form: Any, status: int = 200, *, told: str = "") -> AnyResponse:
    row = products.product(product_id)
    return pages.page("pictures", form, status, told=told, product=row, pictures=gallery.of(product_id))


@bp.post(PICTURES)
@staff_only
def add_picture(member: Member, product_id: int) -> AnyResponse:
    """Take a picture in; what was sent is written anew, and nothing of it kept."""
    form = PictureForm()
    if not form.is_right():
        return every(product_id, form, 422)
    file = request.files.get("file")
    try:
        content = file.stream if file and file.filename else io.BytesIO()
        gallery.add(product_id, content, form.alt.data or "", actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return every(product_id, form, 422)
    except (BadPicture, PictureTooLarge) as error:
        form.say({"file": str(error)})
        return every(product_id, form, 422)
    except PicturesBusy as error:
        response = every(product_id, form, error.status, told=str(error))
        response.headers["Retry-After"] = str(error.retry_seconds)
        return response
    pages.say("The picture is there, in the sizes that the shop needs.")
    return web.go(f"/staff/products/{product_id}/pictures")


@bp.get(PICTURE)
@staff_only
def show_picture(member: Member, product_id: int, image_id: int) -> AnyResponse:
    """One picture, and the words for whoever does not see it."""
    row = gallery.one(product_id, image_id)
    return one(product_id, image_id, AltForm(data={"alt": row.alt, "seen": editing.seen(row, ["alt"])}))


def one(product_id: int, image_id: int, form: AltForm, status: int = 200, *, told: str = "", conflict: Any = None) -> AnyResponse:
    context = {"product": products.product(product_id), "picture": gallery.one(product_id, image_id)}
    return pages.page("picture", form, status, told=told, conflict=conflict or {}, **context)


@bp.post(PICTURE)
@staff_only
def describe_picture(member: Member, product_id: int, image_id: int) -> AnyResponse:
    """Write what it shows."""
    form = AltForm()
    if not form.is_right():
        return one(product_id, image_id, form, 422)
    try:
        gallery.describe(product_id, image_id, form.alt.data or "", seen=form.seen.data or "", actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return one(product_id, image_id, form, 422)
    except EditConflict as error:
        form.seen.data = error.seen
        return one(product_id, image_id, form, error.status, told=str(error), conflict=error.theirs)
    pages.say("Saved.")
    return web.go(f"/staff/products/{product_id}/pictures")


@bp.post(PICTURE + "/up")
@staff_only
def move_picture_up(member: Member, product_id: int, image_id: int) -> AnyResponse:
    """Let it come before the one that is before it now."""
    form = PlainForm()
    if not form.is_right():
        return every(product_id, PictureForm(), 422, told=form.csrf_token.errors[0])
    gallery.move_up(product_id, image_id, actor=member.actor)
    pages.say("Moved.")
    return web.go(f"/staff/products/{product_id}/pictures")


@bp.post(PICTURE + "/remove")
@staff_only
def remove_picture(member: Member, product_id: int, image_id: int) -> AnyResponse:
    """Delete it with its files."""
    form = PlainForm()
    if not form.is_right():
        return every(product_id, PictureForm(), 422, told=form.csrf_token.errors[0])
    gallery.remove(product_id, image_id, actor=member.actor)
    pages.say("The picture is gone.")
    return web.go(f"/staff/products/{product_id}/pictures")
