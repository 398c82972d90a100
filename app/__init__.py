"""Till: an online shop that sells with JavaScript off."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app import (
    assets,
    cli,
    config as settings,
    errors,
    extensions,
    headers,
    models,
    pretend,
    providers,
    templating,
    watching,
    web,
)
from app.account import login

__all__ = ["create_app", "models"]


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """The shop, ready to serve. `config` overrides the environment, by the same names.

    Raises ConfigError when a setting cannot be read, or would make a production shop unsafe.
    """
    values = settings.from_environ() | dict(config or {})
    app = Flask(
        __name__, instance_path=values["INSTANCE_PATH"] or str(Path(__file__).parent.parent / "instance"), static_folder=None
    )
    settings.complete(values, Path(app.instance_path))
    app.config.from_mapping(values)
    settings.refuse_unsafe(app.config, app.debug)

    extensions.init_app(app)
    providers.init_app(app)
    assets.init_app(app)
    templating.init_app(app)
    web.init_app(app)
    login.init_app(app)
    headers.init_app(app)
    errors.init_app(app)
    watching.init_app(app)
    cli.init_app(app)
    if app.config["TRUSTED_PROXIES"]:
        hops = app.config["TRUSTED_PROXIES"]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]

    from app.account.routes import bp as account
    from app.api.routes import bp as api
    from app.cart.routes import bp as cart
    from app.catalog.routes import bp as catalog
    from app.checkout.routes import bp as checkout
    from app.site.routes import bp as site
    from app.staff.routes import bp as staff

    for blueprint in (site, catalog, cart, checkout, account, staff, api):
        app.register_blueprint(blueprint)
    if "pretend" in app.extensions["gateways"]:
        pretend.init_app(app)
    return app
