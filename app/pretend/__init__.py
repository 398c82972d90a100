"""Pretend Pay, the other company that takes the money in a demonstration: it takes none.

The shop plays it so that trying the shop needs no account anywhere, and does so over real HTTP, through the gateway's own code.
It knows what the shop told it and nothing else: no model, no service, a memory of its own. It is there only while the gateway is.
"""

from flask import Blueprint, Flask, current_app
from werkzeug.local import LocalProxy

from app.pretend.provider import Provider

bp = Blueprint("pretend", __name__, url_prefix="/pretend")

PROVIDER: Provider = LocalProxy(lambda: current_app.extensions["pretend"])  # type: ignore[assignment]


def init_app(app: Flask) -> None:
    """Open for business beside the shop."""
    from app.pretend import api, pages  # noqa: F401  # they put their routes on bp

    app.extensions["pretend"] = Provider(app.config, app.instance_path, app.extensions["gateway_places"].spare)
    app.register_blueprint(bp)
