"""The settings: a page of doors, and the first of them, the shop itself."""

from dataclasses import asdict
from typing import Any

from flask import current_app
from werkzeug.wrappers import Response as AnyResponse

from app import web
from app.services import addresses, editing, shop as shops
from app.services.accounts import Member
from app.services.editing import EditConflict
from app.services.errors import InvalidInput
from app.staff import bp, pages
from app.staff.pages import managers_only
from app.staff.settings_forms import ShopForm, spoken

SETTINGS = "/staff/settings"
DOORS = (  # path, name, what is behind it
    ("shop", "Shop and company", "Its name, e-mail, clock, and the company behind it: what pages, mails and receipts say."),
    ("shipping", "Delivery", "The ways in which parcels leave, where to, and what each costs."),
    ("payment", "Payment", "The ways to pay, in which order they are offered, and for which carts."),
    ("taxes", "Taxes", "The rates that are inside your prices, by kind of goods and by country."),
    ("legal", "Legal texts", "Terms, right of withdrawal, privacy, imprint, delivery and returns."),
)


@bp.get("/settings")
@managers_only
def settings(member: Member) -> AnyResponse:
    """The doors, each explained in one sentence."""
    return pages.page("settings", rooms=DOORS)


@bp.get("/settings/shop")
@managers_only
def show_shop(member: Member) -> AnyResponse:
    """The shop as it is now."""
    now = shops.current(current_app.config)
    return shop_page(ShopForm(data=asdict(now) | {"seen": editing.seen(now, shops.NAMES)}))


def shop_page(form: ShopForm, status: int = 200, *, told: str = "", conflict: dict[str, Any] | None = None) -> AnyResponse:
    config = current_app.config
    fixed = {"currency": config["CURRENCY"], "country": addresses.country_name(config["HOME_COUNTRY"]), "url": config["BASE_URL"]}
    return pages.page("settings_shop", form, status, told=told, conflict=conflict, fixed=fixed)


@bp.post("/settings/shop")
@managers_only
def save_shop(member: Member) -> AnyResponse:
    """From now on the shop says so of itself, in every process."""
    form = ShopForm()
    if not form.is_right():
        return shop_page(form, 422)
    try:
        shops.save(form.typed, settings=current_app.config, seen=form.seen.data or "", actor=member.actor)
    except InvalidInput as error:
        form.say(error.fields)
        return shop_page(form, error.status)
    except EditConflict as error:
        form.seen.data = error.seen
        theirs = {name: spoken(value) for name, value in error.theirs.items()}
        return shop_page(form, error.status, told=str(error), conflict=theirs)
    pages.say("Saved. Every page and mail says so from now on.")
    return web.go(SETTINGS)
