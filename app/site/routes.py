"""Home, help, and the small files that browsers and robots ask every site for."""

from typing import Any
from zlib import crc32

from flask import Response, abort, current_app, make_response, render_template, request
from sqlalchemy import text
from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.cart import keeper
from app.catalog import markdown
from app.checkout import receipt
from app.extensions import db
from app.models.order import SOLD
from app.services import catalog, legal, orders
from app.site import bp

YEAR = 365 * 24 * 3600
SITEMAP_CAP = 50_000  # addresses in one sitemap. Source: sitemaps.org, protocol


@bp.get("/")
@web.public
def home() -> Response:
    """The shop window; for whoever has just ordered, it opens with their confirmation."""
    asked = request.args.get("order", "")  # by whoever comes back from paying, in a browser that did not order
    found = orders.by_key(receipt.read().panel_key or asked)
    panel = orders.receipt(found, whole=receipt.holds(found.key)) if found else None
    was_sold = found is not None and found.status in SOLD and keeper.read().id == found.cart_id
    if was_sold:
        keeper.empty()
    response = make_response(render_template("site/home.html", **web.frame(), page=catalog.page(), panel=panel))
    if panel:
        response.headers["Cache-Control"] = "no-store"
    return keeper.clear(response) if was_sold else response


@bp.get("/help")
@web.public
def help_page() -> str:
    """How ordering, delivery and returns work, and how to reach a person."""
    return render_template("site/help.html", **web.frame())


@bp.get("/legal/<text>")
@web.public
def legal_text(text: str) -> str:
    """What the shop says of its terms, of itself, of what it does with data."""
    found = legal.public(text)
    if found is None:
        abort(404)
    return render_template("site/legal.html", **web.frame(), text=found, body=markdown.html(found.body, top=2))


@bp.post("/preferences")
def preferences() -> AnyResponse:
    """Pages with pictures, or without them to save data."""
    back = request.form.get("next", "/")
    response = make_response(web.go(back if web.is_own_page(back) else "/"))
    wanted = "1" if request.form.get("low_data") == "1" else "0"
    response.set_cookie("low_data", wanted, max_age=YEAR, httponly=True, samesite="Lax", secure=request.is_secure)
    return response


@bp.get("/offline")
def offline() -> str:
    """What the service worker shows when there is no line."""
    context: dict[str, Any] = {"shelves": (), "legal_texts": (), "cart_count": 0, "low_data": False, "member": None}
    return render_template("site/offline.html", **context)


@bp.get("/sw.js")
def service_worker() -> Response:
    """The service worker, from the root so that it sees the whole shop."""
    release = f"{current_app.config['RELEASE']}-{crc32(web.SHOP.name.encode()):x}"  # its offline page names the shop
    response = make_response(render_template("site/sw.js", release=release))
    response.mimetype = "text/javascript"
    response.headers["Cache-Control"] = "no-cache"
    return response


@bp.get("/manifest.webmanifest")
def manifest() -> Response:
    """What makes the shop installable."""
    response = make_response(render_template("site/manifest.webmanifest"))
    response.mimetype = "application/manifest+json"
    response.headers["Cache-Control"] = "no-cache"
    return response


@bp.get("/healthz")
def health() -> Response:
    """Whether this server and its database answer."""
    db.session.execute(text("SELECT 1"))
    return plain("ok\n")


@bp.get("/robots.txt")
def robots() -> Response:
    base = current_app.config["BASE_URL"]
    closed = "".join(f"Disallow: {path}\n" for path in ("/account", "/cart", "/checkout", "/orders/", "/fragments/"))
    return plain(f"User-agent: *\n{closed}Sitemap: {base}/sitemap.xml\n")


@bp.get("/sitemap.xml")
def sitemap() -> Response:
    """Every page worth finding."""
    pages = ["/", *(f"/c/{shelf.slug}" for shelf in catalog.categories(web.revision()))]
    pages += [f"/legal/{text.slug}" for text in legal.links(web.revision())]
    pages += [f"/p/{slug}" for slug in catalog.listed_slugs(SITEMAP_CAP - len(pages))]
    response = make_response(render_template("site/sitemap.xml", pages=pages, base_url=current_app.config["BASE_URL"]))
    response.mimetype = "application/xml"
    return response


def plain(body: str) -> Response:
    response = make_response(body)
    response.mimetype = "text/plain"
    response.headers["Cache-Control"] = "no-cache"
    return response
