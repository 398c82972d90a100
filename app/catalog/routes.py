"""Lists, search, one product, and the labels drawn for products without a picture."""

from typing import Any

from flask import Response, abort, current_app, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app import templating, web
from app.catalog import bp, markdown
from app.extensions import limiter
from app.services import catalog, labels, slugs

LONGEST_QUERY = 100
MOST_ID = 2**31 - 1
MIMETYPES = {"avif": "image/avif", "webp": "image/webp", "jpg": "image/jpeg"}


def asked() -> dict[str, Any]:
    """How a list is asked for: its order, whether sold-out things are wanted, and the product it begins beside."""
    sort = request.args.get("sort", "featured")
    return {
        "sort": sort if sort in catalog.SORTS else "featured",
        "sold_out": request.args.get("sold_out") == "1",
        "after": product_id(request.args.get("after")),
        "before": product_id(request.args.get("before")),
    }


def product_id(text: str | None) -> int | None:
    """A row's id from an address; anything absurd is none."""
    good = text is not None and text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= MOST_ID
    return int(text or "") if good else None


def list_context(path: str, **more: Any) -> dict[str, Any]:
    """What a list says of itself: where it is, how it is sorted, and what its links keep."""
    wanted = asked()
    kept = {"sort": None if wanted["sort"] == "featured" else wanted["sort"], "sold_out": "1" if wanted["sold_out"] else None}
    return {"path": path, "sort": wanted["sort"], "sold_out": wanted["sold_out"], "kept": kept, "sorts": SORT_NAMES, **more}


SORT_NAMES = {
    "featured": "Our choice",
    "newest": "Newest first",
    "name": "Name",
    "price": "Price, low to high",
    "price-down": "Price, high to low",
}


@bp.get("/c/<slug>")
@web.public
def category(slug: str) -> str | AnyResponse:
    """One shelf; a former address of it leads on."""
    found = catalog.category(slug)
    if found is None and (present := slugs.present("category", slug)):
        return moved(f"/c/{present}")
    return render_template("catalog/category.html", **web.frame(), **shelf(found))


@bp.get("/fragments/c/<slug>")
def category_results(slug: str) -> AnyResponse:
    """The cards of one shelf, when its order or filter changes; perhaps the shelf was renamed since its page was opened."""
    context = shelf(catalog.category(slug) or catalog.category(slugs.present("category", slug) or ""))
    push = templating.query(context["path"], **context["kept"])
    return web.fragment_of(push) or web.as_fragment(web.render_fragments("catalog/_results.html", **context, **web.frame()), push)


def shelf(found: Any) -> dict[str, Any]:
    if found is None:
        abort(404)
    page = catalog.page(category_id=found.id, **asked())
    return list_context(f"/c/{found.slug}", title=found.name, category=found, page=page, found=None, text="")


@bp.get("/search")
@limiter.limit(lambda: current_app.config["SEARCH_LIMIT"])
@web.public
def search() -> str:
    """What a search finds, or the whole catalogue for an empty one."""
    return render_template("catalog/search.html", **web.frame(), **results())


@bp.get("/fragments/search")
@limiter.limit(lambda: current_app.config["SEARCH_LIMIT"])
def search_results() -> AnyResponse:
    """The cards that a search finds, while its words, order or filter change."""
    context = results()
    push = templating.query("/search", q=context["text"], **context["kept"])
    return web.fragment_of(push) or web.as_fragment(web.render_fragments("catalog/_results.html", **context, **web.frame()), push)


def results() -> dict[str, Any]:
    text = " ".join(request.args.get("q", "").replace("\0", " ").split())[:LONGEST_QUERY]
    wanted = asked()
    if not text:
        return list_context("/search", title="Everything", category=None, page=catalog.page(**wanted), found=None, text="")
    found = catalog.search(text, **wanted)
    return list_context("/search", title=f"“{text}”", category=None, page=found.page, found=found, text=text)


@bp.get("/p/<slug>")
@web.public
def product(slug: str) -> str | AnyResponse:
    """One product with its variants; a former address of it leads on."""
    found = catalog.product(slug)
    if found is None and (present := slugs.present("product", slug)):
        return moved(f"/p/{present}")
    if found is None:
        abort(404)
    return render_template("catalog/product.html", **web.frame(), **described(found))


def moved(path: str) -> AnyResponse:
    """On to the present address for good, with what else was asked. `web.public` lets it be asked again: names come back."""
    query = request.query_string.decode("latin-1")
    return redirect(f"{web.here()}{path}{'?' + query if query else ''}", 301)


def described(found: Any) -> dict[str, Any]:
    """What the page of a product is made of."""
    variants = catalog.variants(found.id)
    notes = found.summary if found.description.startswith(found.summary) else ""  # its first paragraph, which then stands on top
    return {
        "product": found,
        "variants": variants,
        "pictures": catalog.pictures(found),
        "first": next((variant.sku for variant in variants if variant.is_listed), None),
        "notes": notes,
        "description": markdown.html(found.description.removeprefix(notes)),
        "related": catalog.related(found),
        "base_url": current_app.config["BASE_URL"],
    }


@bp.get("/labels/<slug>.<version>.svg")
def label(slug: str, version: str) -> Response:
    """The drawn label of a product; its address changes with its drawing, so it may be kept for ever."""
    found = catalog.labelled(slug, version)
    if found is None:
        abort(404)
    drawing = labels.label_of(found.name, category=found.category_name or "", origin=found.origin, notes=found.summary)
    response = make_response(render_template("catalog/label.svg", drawing=drawing))
    response.mimetype = "image/svg+xml"
    is_current = version == found.label_version
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_current else "no-cache"
    return response


@bp.get("/pictures/<key>-<int(max=9999):width>.<any(avif, webp, jpg):kind>")
def picture(key: str, width: int, kind: str) -> Response:
    """A picture in one format and size; another picture has another address, so it may be kept for ever."""
    content = catalog.picture(key, width, kind)
    if content is None:
        abort(404)
    response = make_response(content)
    response.mimetype = MIMETYPES[kind]
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
