"""The shelves of the shop."""

from typing import Any

from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.account.forms import PlainForm
from app.services import categories, editing, slugs
from app.services.accounts import Member
from app.services.categories import MoreToMove, NotEmpty
from app.services.editing import EditConflict
from app.services.errors import InvalidInput
from app.staff import bp, pages
from app.staff.pages import staff_only
from app.staff.products import OLD, in_words, said
from app.staff.products_forms import CategoryForm, RemoveForm

CATEGORY = "/categories/<int(max=2147483647):category_id>"
NONE, UNSAID = "none", ""


@bp.get("/categories")
@staff_only
def list_categories(member: Member) -> AnyResponse:
    """Every shelf in its order, and the form for one more."""
    return pages.page("categories", CategoryForm(), categories=categories.every())


@bp.post("/categories")
@staff_only
def create_category(member: Member) -> AnyResponse:
    """One more shelf, behind the others unless it has a place."""
    form = CategoryForm()
    if not form.is_right():
        return pages.page("categories", form, 422, categories=categories.every())
    try:
        categories.create(said(form), actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return pages.page("categories", form, 422, categories=categories.every())
    pages.say("Saved.")
    return web.go("/staff/categories")


@bp.get(CATEGORY)
@staff_only
def show_category(member: Member, category_id: int) -> AnyResponse:
    """One shelf: its name, address and place, and an end to it."""
    return one(category_id, as_it_stands(category_id))


def as_it_stands(category_id: int) -> CategoryForm:
    row = categories.one(category_id)
    known = {name: str(getattr(row, name)) for name in categories.FIELDS}
    return CategoryForm(data=known | {"seen": editing.seen(row, categories.FIELDS)})


def one(category_id: int, form: CategoryForm, status: int = 200, *, told: str = "", conflict: Any = None) -> AnyResponse:
    row = categories.one(category_id)
    removing = RemoveForm()
    others = [(str(each.id), each.name) for each in categories.every() if each.id != category_id]
    removing.move_to.choices = [(UNSAID, "Choose …"), *others, (NONE, "No category")]
    context = {"category": row, "removing": removing, "has_products": categories.has_products(category_id)}
    old = slugs.of("category", category_id)
    return pages.page("category", form, status, told=told, conflict=conflict or {}, old=old, **context)


@bp.post(CATEGORY)
@staff_only
def change_category(member: Member, category_id: int) -> AnyResponse:
    """Write its name, address and place."""
    form = CategoryForm()
    if not form.is_right():
        return one(category_id, form, 422)
    try:
        categories.change(category_id, said(form), seen=form.seen.data or "", actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return one(category_id, form, 422)
    except EditConflict as error:
        form.seen.data = error.seen
        return one(category_id, form, error.status, told=str(error), conflict=in_words(form, error.theirs))
    pages.say("Saved.")
    return web.go("/staff/categories")


@bp.post(CATEGORY + "/remove")
@staff_only
def remove_category(member: Member, category_id: int) -> AnyResponse:
    """Delete it; its products go first to where the form says."""
    form = RemoveForm()
    if not form.is_right():
        return one(category_id, as_it_stands(category_id), 422, told=form.csrf_token.errors[0])
    to = form.move_to.data or UNSAID
    known = {str(each.id) for each in categories.every()} - {str(category_id)} | {NONE, UNSAID}
    if to not in known:
        return one(category_id, as_it_stands(category_id), 422, told="That category is gone. Choose another for its products.")
    try:
        target = None if to in (NONE, UNSAID) else int(to)
        categories.remove(category_id, to=target, may_move=to != UNSAID, actor=member.actor)
    except (NotEmpty, MoreToMove) as error:
        return one(category_id, as_it_stands(category_id), error.status, told=str(error))
    pages.say("The category is gone.")
    return web.go("/staff/categories")


@bp.post(CATEGORY + OLD)
@staff_only
def end_old_category_address(member: Member, category_id: int, old_id: int) -> AnyResponse:
    """Let a former address of it lead nowhere any more."""
    form = PlainForm()
    if not form.is_right():
        return one(category_id, as_it_stands(category_id), 422, told=form.csrf_token.errors[0])
    pages.say("%(address)s leads nowhere any more.", address=slugs.end("category", category_id, old_id, actor=member.actor))
    return web.go(f"/staff/categories/{category_id}")
