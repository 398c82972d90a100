"""/staff/settings: the doors, and what the shop says of itself."""

import pytest

from app import create_app
from tests.shopper import Browser
from tests.staff import as_manager

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def desk(page):
    return as_manager(page)


def another(app) -> Browser:
    """Somebody who looks at another process of the same shop."""
    settings = {name: app.config[name] for name in ("SECRET_KEY", "INSTANCE_PATH", "STATIC_FOLDER", "MAIL_FOLDER")}
    more = {"TESTING": True, "RATELIMIT_ENABLED": False, "PRETEND_GATEWAY": False, "DATABASE_URL": app.config["DATABASE_URL"]}
    return Browser(create_app(settings | more))


def test_every_door_opens(desk):
    desk.get("/staff/settings")

    for door in ("Shop and company", "Delivery", "Payment", "Taxes", "Legal texts"):
        desk.get("/staff/settings").click(door)
        assert desk.title.startswith(door)


def test_smoke(desk):
    for path in (
        "shop",
        "shipping",
        "shipping/new",
        "shipping/1",
        "payment",
        "payment/1",
        "payment/2",
        "taxes",
        "taxes/new",
        "taxes/1",
        "legal",
        "legal/terms",
    ):
        desk.get("/staff/settings/" + path)
