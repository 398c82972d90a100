"""Products and their variants."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import current_app, request
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from app import money, web
from app.account.forms import PlainForm
from app.catalog import markdown
from app.catalog.routes import described
from app.extensions import Record
from app.services import catalog, categories, editing, gallery, products, slugs
from app.services.accounts import Member
from app.services.editing import EditConflict
from app.services.errors import InvalidInput, NotFound
from app.services.products import NothingToSell, PricesAreManagers
from app.staff import bp, pages
from app.staff.pages import managers_only, number, staff_only, words
from app.staff.products_forms import FactsForm, ProductForm, VariantForm

PRODUCT = "/products/<int(max=2147483647):product_id>"
VARIANT = PRODUCT + "/variants/<int(max=2147483647):variant_id>"
MOST_BODY = 12 * products.LONGEST_DESCRIPTION + 64 * 1024  # as forms are sent, a character has up to 12 bytes
OLD = "/old-addresses/<int(max=2147483647):old_id>/end"

STATES = {"": "All", "shown": "In the shop", "sold-out": "Sold out", "hidden": "Hidden"}
NEITHER = {"csrf_token", "seen"}  # what a form carries besides what it says
FIELD_OF = {"category_id": "category", "tax_class_id": "tax_class", "price_minor": "price", "compare_at_minor": "compare_at"}


@bp.url_value_preprocessor
def make_room(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Two pages take the longest description in any alphabet."""
    if endpoint in ("staff.create_product", "staff.change_product"):
        pages.make_room(MOST_BODY)


@bp.get("/products")
@staff_only
def list_products(member: Member) -> AnyResponse:
    """All of them, the newest first; or those in one state, or those that words find."""
    state = request.args.get("state", "")
    kept = {"q": words("q"), "state": state if state in STATES else ""}
    after = number("after")
    found = products.page(words=kept["q"], state=kept["state"], after=after)
    return pages.page("products", page=found, is_first=after is None, kept=kept, states=STATES)


@bp.get("/products/new")
@staff_only
def show_new_product(member: Member) -> AnyResponse:
    return new_product(ProductForm(data={"tax_class": "", "category": ""}))


def new_product(form: ProductForm, status: int = 200, *, told: str = "", shown: Markup | None = None) -> AnyResponse:
    offer(form)
    return pages.page("product_new", form, status, told=told, shown=shown, conflict={})


@bp.post("/products/new")
@staff_only
def create_product(member: Member) -> AnyResponse:
    """Write a product, hidden until it is published; or, by the other button, show its description."""
    form = ProductForm()
    if not form.is_right():
        return new_product(form, 422)
    if request.form.get("do") == "preview":
        shown = previewed(form)
        return new_product(form, 422 if form.wrong else 200, shown=shown)
    try:
        product_id = products.create(said(form), actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return new_product(form, 422)
    pages.say("Saved. Shoppers do not see it yet: add variants and pictures, then show it.")
    return web.go(f"/staff/products/{product_id}")


@bp.get(PRODUCT)
@staff_only
def show_product(member: Member, product_id: int) -> AnyResponse:
    """One product: its words, and the way to its variants and pictures."""
    return as_it_stands(product_id)


def as_it_stands(product_id: int, status: int = 200, *, told: str = "") -> AnyResponse:
    """The page of a product as it is, perhaps with a sentence on what did not work."""
    row = products.product(product_id)
    known = {name: getattr(row, name) for name in ("name", "slug", "description", "origin")}
    choices = {"category": str(row.category_id or ""), "tax_class": str(row.tax_class_id)}
    form = ProductForm(data=known | choices | {"seen": editing.seen(row, products.WORDS)})
    return one(row, form, status, told=told)


def one(row: Record, form: ProductForm, status: int = 200, **more: Any) -> AnyResponse:
    """The page of a product. `more` may hold told, conflict, and shown: its description as it will look."""
    offer(form)
    parts = {"variants": products.variants(row.id), "pictures": gallery.of(row.id), "old": slugs.of("product", row.id)}
    return pages.page("product", form, status, product=row, **parts, **{"conflict": {}, "shown": None} | more)


@bp.post(PRODUCT)
@staff_only
def change_product(member: Member, product_id: int) -> AnyResponse:
    """Write its words; or, by the other button, show its description as it will look."""
    form, row = ProductForm(), products.product(product_id)
    if not form.is_right():
        return one(row, form, 422)
    if request.form.get("do") == "preview":
        shown = previewed(form)
        return one(row, form, 422 if form.wrong else 200, shown=shown)
    try:
        products.change(product_id, said(form), seen=form.seen.data or "", actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return one(row, form, 422)
    except EditConflict as error:
        form.seen.data = error.seen
        offer(form)
        return one(row, form, error.status, told=str(error), conflict=in_words(form, error.theirs))
    pages.say("Saved.")
    return web.go(f"/staff/products/{product_id}")


def previewed(form: ProductForm) -> Markup | None:
    """The description as it will look; None for one that cannot be kept, which is told beside it."""
    wrong: dict[str, str] = {}
    description = products.description_of({"description": form.description.data or ""}, wrong)
    form.say(wrong)
    return None if wrong else markdown.html(description)


@bp.get(PRODUCT + "/preview")
@staff_only
def preview_product(member: Member, product_id: int) -> AnyResponse:
    """The shop's own page of a product, hidden or not."""
    found = catalog.any_product(product_id)
    if found is None:
        raise NotFound
    return web.show("staff/product_preview.html", **described(found))


@bp.post(PRODUCT + "/publish")
@staff_only
def publish_product(member: Member, product_id: int) -> AnyResponse:
    """Show it to shoppers."""
    return shown_or_hidden(member, product_id, products.publish, "Shoppers see it now.")


@bp.post(PRODUCT + "/hide")
@staff_only
def hide_product(member: Member, product_id: int) -> AnyResponse:
    """Take it out of the shop. Orders know it still, which is why nothing is deleted."""
    return shown_or_hidden(member, product_id, products.hide, "Shoppers do not see it any more.")


def shown_or_hidden(member: Member, product_id: int, use_case: Any, sentence: str) -> AnyResponse:
    form = PlainForm()
    if not form.is_right():
        return as_it_stands(product_id, 422, told=form.csrf_token.errors[0])
    try:
        use_case(product_id, actor=member.actor)
    except NothingToSell as error:
        return as_it_stands(product_id, error.status, told=str(error))
    pages.say(sentence)
    return web.go(f"/staff/products/{product_id}")


@bp.post(PRODUCT + OLD)
@staff_only
def end_old_address(member: Member, product_id: int, old_id: int) -> AnyResponse:
    """Let a former address of it lead nowhere any more."""
    form = PlainForm()
    if not form.is_right():
        return as_it_stands(product_id, 422, told=form.csrf_token.errors[0])
    pages.say("%(address)s leads nowhere any more.", address=slugs.end("product", product_id, old_id, actor=member.actor))
    return web.go(f"/staff/products/{product_id}")


# ------------------------------------------------------------------------------------------------ variants


@bp.get(PRODUCT + "/variants/new")
@managers_only
def show_new_variant(member: Member, product_id: int) -> AnyResponse:
    row = products.product(product_id)
    others = products.variants(product_id)
    place = max((each.position for each in others), default=-1) + 1
    return new_variant(
        row, VariantForm(data={"position": str(place), "low_stock_below": str(web.SHOP.low_stock_below), "is_active": True})
    )


def new_variant(row: Record, form: VariantForm, status: int = 200) -> AnyResponse:
    return pages.page("variant_new", form, status, product=row, conflict={}, currency=current_app.config["CURRENCY"])


@bp.post(PRODUCT + "/variants/new")
@managers_only
def add_variant(member: Member, product_id: int) -> AnyResponse:
    """One more variant, with nothing on hand."""
    form, row = VariantForm(), products.product(product_id)
    if not form.is_right():
        return new_variant(row, form, 422)
    try:
        products.add_variant(product_id, said(form), currency=current_app.config["CURRENCY"], actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return new_variant(row, form, 422)
    pages.say("Saved. There is none of it on hand yet.")
    return web.go(f"/staff/products/{product_id}")


@bp.get(VARIANT)
@staff_only
def show_variant(member: Member, product_id: int, variant_id: int) -> AnyResponse:
    """One variant. Its prices are fields for managers, and words for everybody else."""
    row = products.variant(product_id, variant_id)
    known = {name: str(getattr(row, name)) for name in ("sku", "options", "position", "weight_grams", "low_stock_below")}
    flags = {"is_digital": row.is_digital, "is_active": row.is_active, "seen": editing.seen(row, fields_for(member))}
    if not member.is_manager:
        return one_variant(row, FactsForm(data=known | flags))
    was = "" if row.compare_at_minor is None else money.plain(row.compare_at_minor, row.currency)
    prices = {"price": money.plain(row.price_minor, row.currency), "compare_at": was}
    return one_variant(row, VariantForm(data=known | flags | prices))


def fields_for(member: Member) -> Iterable[str]:
    return (*products.FACTS, *products.PRICES) if member.is_manager else products.FACTS


def one_variant(row: Record, form: FactsForm, status: int = 200, *, told: str = "", conflict: Any = None) -> AnyResponse:
    context = {"product": products.product(row.product_id), "variant": row, "currency": row.currency}
    return pages.page("variant", form, status, told=told, conflict=conflict or {}, **context)


@bp.post(VARIANT)
@staff_only
def change_variant(member: Member, product_id: int, variant_id: int) -> AnyResponse:
    """Write a variant. A price that comes from somebody who is no manager is refused with everything else."""
    row = products.variant(product_id, variant_id)
    form = VariantForm() if member.is_manager else FactsForm()
    if not form.is_right():
        return one_variant(row, form, 422)
    prices = {name: request.form[name] for name in ("price", "compare_at") if name in request.form}
    changed = {"may_price": member.is_manager, "seen": form.seen.data or "", "actor": member.actor}
    try:
        products.change_variant(variant_id, said(form) | prices, **changed)
    except InvalidInput as error:
        form.say(error.fields)
        return one_variant(row, form, 422)
    except PricesAreManagers as error:
        return one_variant(row, form, error.status, told=str(error))
    except EditConflict as error:
        form.seen.data = error.seen
        return one_variant(row, form, error.status, told=str(error), conflict=in_words(form, error.theirs, row.currency))
    pages.say("Saved.")
    return web.go(f"/staff/products/{product_id}")


# ------------------------------------------------------------------------------------------------ forms and words


def said(form: Any) -> dict[str, str]:
    """What a form says, by the names of its fields; a tick that is not set says nothing."""
    return {field.name: "y" if field.data is True else field.data or "" for field in form if field.name not in NEITHER}


def offer(form: ProductForm) -> None:
    """The shelves and tax classes that one can choose from."""
    form.category.choices = [("", "None"), *((str(each.id), each.name) for each in categories.every())]
    rates: Sequence[Record] = products.tax_classes()
    form.tax_class.choices = [(str(each.id), f"{each.name} ({each.rate_bp / 100:g} %)") for each in rates]


def in_words(form: Any, theirs: Mapping[str, Any], currency: str = "") -> dict[str, str]:
    """What somebody else saved meanwhile, by the names of the form's fields, as people say it."""
    return {
        FIELD_OF.get(name, name): _in_words(form, FIELD_OF.get(name, name), value, currency) for name, value in theirs.items()
    }


def _in_words(form: Any, name: str, value: Any, currency: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in ("price", "compare_at"):
        return "none" if value is None else money.text(value, currency)
    if name in ("category", "tax_class"):
        return str(dict(form[name].choices).get(str(value or ""), "none"))
    return str(value) or "nothing"
