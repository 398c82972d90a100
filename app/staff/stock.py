"""Stock: what is on hand, changed in its row; and one variant's ledger, threshold and place in the shop."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import abort, request
from werkzeug.wrappers import Response as AnyResponse

from app import templating, web
from app.extensions import Record
from app.services import editing, stock, stock_list
from app.services.accounts import Member
from app.services.editing import EditConflict
from app.services.errors import DoneAlready, ShopError, StockMoved, StockRefused
from app.services.stock_list import STATES
from app.staff import bp, pages
from app.staff.pages import number, staff_only
from app.staff.stock_forms import ADD, ListingForm, StockForm, ThresholdForm, Wish

LIST, VARIANT = "/staff/stock", "/stock/<int(max=2147483647):variant_id>"
THRESHOLD = ("low_stock_below",)
LONGEST_SEARCH = 100


@bp.get("/stock")
@staff_only
def show_stock(member: Member) -> AnyResponse:
    """Every variant by SKU; `?q=` narrows to SKUs and product names, `?show=low|out` to what runs low or is gone."""
    return listed(request.args.get("q", ""), request.args.get("show", ""), number("after"))


def listed(
    words: str, state: str, after: int | None, form: StockForm | None = None, row_id: int = 0, status: int = 200
) -> AnyResponse:
    """A page of the list; of the variant `row_id` with what was typed, and what is wrong with it."""
    words = "".join(char for char in words[:LONGEST_SEARCH] if char.isprintable()).strip()
    state = state if state in STATES else ""
    kept = {"q": words, "show": state}
    found = stock_list.variants(words=words, state=state, after=after)
    if form is not None:
        for field in (form.way, form.number, form.reason):
            field.id = f"{field.name}-{row_id}"  # the summary on top leads into the row
        if row_id not in {row.id for row in found.rows}:
            found = stock_list.Found([row for row in [stock_list.variant(row_id)] if row], None)
    return pages.page(
        "stock",
        form or StockForm(formdata=None),
        status,
        rows=found.rows,
        after=found.after,
        is_capped=found.is_capped,
        is_first=after is None,
        kept=kept,
        back=templating.query(LIST, after=after, **kept),
        typed_id=row_id,
        saved="",
    )


@bp.post(VARIANT)
@staff_only
def change_stock(member: Member, variant_id: int) -> AnyResponse:
    """Add, take away or set, with 303 back to where the form stood; htmx swaps the row."""
    form = StockForm()
    wish = form.wish()
    if wish is None:
        return again(variant_id, form, 422)
    try:
        saved = changed(variant_id, wish, member.actor)
    except (StockMoved, DoneAlready) as moved:
        form.say({"number": str(moved)})
        form.seen.data = str(moved.level)  # pressed again, it is meant
        return again(variant_id, form, moved.status)
    except ShopError as error:
        if error.status == 404:
            raise
        form.say({"number": str(error)})
        return again(variant_id, form, error.status)
    if web.wants_fragment():
        return pages.fragment("_stock_row", **fresh(variant_id), saved=saved, back=way_back(form, variant_id))
    pages.say("%(sku)s: %(saved)s", sku=fresh(variant_id)["row"].sku, saved=saved)
    return web.go(f"{way_back(form, variant_id)}#v{variant_id}")


def changed(variant_id: int, wish: Wish, actor: str) -> str:
    """Carry a wish out; answers a sentence that says what is true now."""
    more: dict[str, Any] = {"seen": wish.seen, "actor": actor, "reason": wish.reason, "note": wish.note}
    if wish.is_count:
        stock.set_to(variant_id, wish.number, **more)
        return f"Saved. There are {wish.number} now."
    return f"Saved. There are {stock.change_by(variant_id, wish.number, **more)} now."


def fresh(variant_id: int) -> dict[str, Any]:
    """A row as it stands, with an empty form. 404 when there is none."""
    row = stock_list.variant(variant_id) or abort(404)
    return {"row": row, "form": StockForm(formdata=None), "typed_id": 0}


def way_back(form: StockForm, variant_id: int) -> str:
    """The page on which the form stood: a place in the list, or the variant's own page."""
    back = form.back.data or ""
    return back if back.startswith(LIST) and web.is_own_page(back) else f"{LIST}/{variant_id}"


def again(variant_id: int, form: StockForm, status: int) -> AnyResponse:
    """The form once more where it stood, with what was typed."""
    form.tidy()
    back = urlsplit(way_back(form, variant_id))
    is_row = back.path == LIST
    if web.wants_fragment() and is_row:
        row = fresh(variant_id)["row"]
        return pages.fragment("_stock_row", status=status, row=row, form=form, typed_id=row.id, saved="", back=back.geturl())
    if not is_row:
        return one(variant_id, form, status=status)
    asked = {name: values[0] for name, values in parse_qs(back.query).items()}
    after = asked.get("after", "")
    place = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else None
    return listed(asked.get("q", ""), asked.get("show", ""), place, form, fresh(variant_id)["row"].id, status)


# ------------------------------------------------------------------------------------------------ one variant


@bp.get(VARIANT)
@staff_only
def show_variant_stock(member: Member, variant_id: int) -> AnyResponse:
    """The ledger, the newest first, and what else can be set."""
    return one(variant_id, StockForm(formdata=None, data={"way": ADD}))


def one(
    variant_id: int, form: StockForm, threshold: ThresholdForm | None = None, status: int = 200, *, told: str = "", **context: Any
) -> AnyResponse:
    row = stock_list.variant(variant_id) or abort(404)
    after = number("after") if request.method == "GET" else None
    movements, older = stock_list.ledger(variant_id, row.on_hand, after=after)
    if form.seen.data is None:
        form.seen.data = str(row.on_hand)
    return pages.page(
        "stock_variant",
        form,
        status,
        told=told,
        row=row,
        threshold=threshold or unchanged(row),
        movements=movements,
        after=older,
        is_first=after is None,
        **{"conflict": None} | context,
    )


def unchanged(row: Record) -> ThresholdForm:
    data = {"low_stock_below": str(row.low_stock_below), "seen": editing.seen(row, THRESHOLD)}
    return ThresholdForm(formdata=None, data=data)


@bp.post(VARIANT + "/threshold")
@staff_only
def set_threshold(member: Member, variant_id: int) -> AnyResponse:
    """From which level on staff are told that it runs low."""
    form = ThresholdForm()
    below = form.below()
    if below is None:
        return one(variant_id, StockForm(formdata=None), form, 422, told=form.wrong[0].errors[0])
    try:
        stock.set_threshold(variant_id, below, seen=form.seen.data or "", actor=member.actor)
    except EditConflict as error:
        form.seen.data = error.seen
        return one(variant_id, StockForm(formdata=None), form, error.status, told=str(error), conflict=error.theirs)
    pages.say("Saved. It runs low below %(below)s.", below=below)
    return web.go(f"{LIST}/{variant_id}")


@bp.post(VARIANT + "/listing")
@staff_only
def set_listing(member: Member, variant_id: int) -> AnyResponse:
    """Take it off sale by hand, or put it on sale again."""
    form = ListingForm()
    if not form.is_right():
        return one(variant_id, StockForm(formdata=None), status=422, told=form.wrong[0].errors[0])
    is_listed = form.listed.data == "yes"
    try:
        stock.list_by_hand(variant_id, is_listed, actor=member.actor)
    except StockRefused as error:
        return one(variant_id, StockForm(formdata=None), status=error.status, told=str(error))
    pages.say("It is on sale again." if is_listed else "It is off sale until it is restocked, or put on sale again here.")
    return web.go(f"{LIST}/{variant_id}")
