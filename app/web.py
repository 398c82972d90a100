"""What the doors share: pages and fragments, what stands around a page, and answers that need no rendering."""

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, cast
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, has_request_context, make_response, redirect, render_template, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf import FlaskForm
from itsdangerous import URLSafeTimedSerializer
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.local import LocalProxy
from werkzeug.routing import RoutingException
from werkzeug.wrappers import Response as AnyResponse
from wtforms import Field

from app.headers import encoding
from app.services import catalog, legal, shop as shops
from app.services.shop import Shop

P = ParamSpec("P")


class Sessions(SecureCookieSessionInterface):
    """Flask's signed sessions: Secure over https, their serialiser built once and not for every request."""

    def __init__(self, app: Flask):
        self.serializer = super().get_signing_serializer(app)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        return self.serializer

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def init_app(app: Flask) -> None:
    app.session_interface = Sessions(app)
    app.config["RELEASE"] = release(app)


def release(app: Flask) -> str:
    """Names the code, templates, static files and said settings that are running: a page of another release is another page."""
    said = [app.config[name] for name in (*shops.ENVIRONMENT.values(), "BASE_URL", "SERVICE_WORKER")]
    parts = (sorted(app.config["STATIC_NAMES"].items()), said, digest_of_sources(app.root_path))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


@functools.cache
def digest_of_sources(folder: str) -> str:
    """Of the code and the templates that this process started with."""
    digest = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*")):
        if path.suffix in {".py", ".html", ".svg"}:
            digest.update(path.read_bytes())
    return digest.hexdigest()


class PageForm(FlaskForm):
    """A form of our pages: texts that a form sends. Flask-WTF would read JSON too, and hand on whatever stands in it."""

    class Meta(FlaskForm.Meta):
        def wrap_formdata(self, _form: FlaskForm, _formdata: object) -> MultiDict[str, str] | None:
            return request.form if request.method == "POST" else None

    def say(self, problems: dict[str, str]) -> None:
        """Put the services' sentences beside their fields."""
        for name, sentence in problems.items():
            self[name].errors = [*self[name].errors, sentence]

    @property
    def wrong(self) -> list[Field]:
        """The fields with something to correct, in the order of the page."""
        return [field for field in self if field.errors]


# ------------------------------------------------------------------------------------------------ pages and fragments


def revision() -> int:
    """The catalogue's revision, read once per request; the worker and commands, which stay, read it anew."""
    if not has_request_context():
        return catalog.revision()
    if "revision" not in g:
        g.revision = catalog.revision()
    return int(g.revision)


def shop() -> Shop:
    """The shop as it is now; within a request as it was at its beginning."""
    if not has_request_context():
        return shops.current(current_app.config)
    if "shop" not in g:
        g.shop = shops.current(current_app.config, revision())
    return cast(Shop, g.shop)


SHOP: Shop = LocalProxy(shop)  # type: ignore[assignment]


def wants_fragment() -> bool:
    """Whether htmx asks, and will swap what it gets."""
    return request.headers.get("HX-Request") == "true"


def render_fragments(target: str, *others: str, **context: Any) -> str:
    """Render the swapped fragment, then others marked to be swapped wherever they stand."""
    sides = [render_template(name, **{**context, "oob": True}) for name in others]
    return render_template(target, **context) + "".join(sides)


def frame() -> dict[str, Any]:
    """What stands around every page: the shelves, the cart's count, whether pictures are wanted."""
    from app.account import login
    from app.cart import keeper

    return {
        "shelves": catalog.categories(revision()),
        "legal_texts": legal.links(revision()),
        "cart_count": keeper.read().count,
        "low_data": low_data(),
        "member": login.current(),
    }


def low_data() -> bool:
    """The shopper asked for pages without pictures, by the button or by the browser."""
    chosen = request.cookies.get("low_data")
    return chosen == "1" if chosen in {"0", "1"} else request.headers.get("Save-Data", "").lower() == "on"


def show(template: str, status: int = 200, **context: Any) -> Response:
    """A page that belongs to one shopper: never stored."""
    response = make_response(render_template(template, **frame(), **context), status)
    response.headers["Cache-Control"] = "no-store"
    return response


def go(address: str) -> AnyResponse:
    """On to another page: a 303 for a browser, `HX-Redirect` for htmx, which would swap a followed redirect into the page."""
    return leave(address if wants_fragment() else here() + address)


def here() -> str:
    """The shop as whoever asks calls it; the hosts that it has are known."""
    return request.host_url.rstrip("/")


def leave(address: str) -> AnyResponse:
    """On to another site, where the shopper pays."""
    if wants_fragment():
        response = make_response("", 200)
        response.headers["HX-Redirect"] = address
        return response
    return redirect(address, 303)


def is_own_page(address: str) -> bool:
    """Whether an address that was sent to us leads to a page of this shop, and nowhere else."""
    if (
        not address.startswith("/")
        or address.startswith(("//", "/\\"))
        or not (address.isascii() and address.isprintable() and " " not in address)
    ):
        return False
    try:
        endpoint, _ = current_app.url_map.bind(request.host).match(urlsplit(address).path, method="GET")
    except (HTTPException, RoutingException):
        return False
    return bool(endpoint)


def public(view: Callable[P, Any]) -> Callable[P, AnyResponse]:
    """A catalogue page: the same for everybody but for the cart link and the panel, known by its ETag before it is rendered."""

    @functools.wraps(view)
    def answer(*args: P.args, **kwargs: P.kwargs) -> AnyResponse:
        etag = page_tag()
        if not current_app.debug and etag in request.if_none_match:
            response = make_response("", 304)
        else:
            response = make_response(view(*args, **kwargs))
        if "Cache-Control" not in response.headers:
            response.set_etag(etag)
            response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = "Accept-Encoding, Cookie, Save-Data"
        return response

    return answer


def page_tag() -> str:
    """What a catalogue page depends on, as one hash."""
    from app.account import login
    from app.cart import keeper

    cookies, member = request.cookies, login.current()
    parts = (
        current_app.config["RELEASE"],
        revision(),
        request.full_path,
        cookies.get("cart", "") if member is None else (member.account_id, keeper.read().count),
        cookies.get("receipt", ""),
        low_data(),
        encoding(),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def fragment_of(page: str) -> AnyResponse | None:
    """A redirect to the page for whoever opens a fragment's address directly; None for htmx."""
    return None if wants_fragment() else go(page)


def as_fragment(body: str, push: str | None = None) -> Response:
    """An answer to htmx's GET, with the address that the browser should show."""
    response = make_response(body)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    if push:
        response.headers["HX-Push-Url"] = push
    return response
