"""Deliveries: lists of goods that came, corrected in a preview, then put on the shelf all at once."""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from flask import abort, current_app, request
from werkzeug.wrappers import Response as AnyResponse
from wtforms import HiddenField, StringField

from app import templating, web
from app.account.forms import EXPIRED, Sent
from app.extensions import Record, now
from app.models.delivery import DeliveryStatus
from app.services import deliveries, delivery_file, stock_list, text
from app.services.accounts import Member
from app.services.deliveries import AlreadyApplied, BadCells, DraftChanged
from app.services.delivery_check import Checked
from app.services.delivery_file import COLUMNS, MOST_BYTES, TooLarge
from app.services.errors import BadFile, ShopError
from app.staff import bp, pages
from app.staff.pages import number, staff_only
from app.staff.stock_forms import whole

LIST, ONE = "/staff/deliveries", "/deliveries/<int(max=2147483647):delivery_id>"
FRAME = 64 * 1024  # what a form has beside the list
LARGEST = {"staff.take_delivery_in": MOST_BYTES + FRAME, "staff.correct_delivery": 2 * MOST_BYTES}  # bytes
CELL = re.compile(rf"r([0-9]{{1,10}})-({'|'.join(COLUMNS)}|drop)")
MOST_TOLD = 20


@bp.url_value_preprocessor
def make_room(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Two pages take whole lists."""
    if endpoint in LARGEST:
        pages.make_room(LARGEST[endpoint], TooLarge)


class NewForm(Sent):
    """A list, as a file or as text."""

    name = StringField("What it is called")
    text = StringField("Or paste the list here")


class DraftForm(Sent):
    """The shown rows of a draft, which are read past it. `revision` is what was shown, `place` the page, `then` the button."""

    revision = HiddenField()
    place = HiddenField()
    then = HiddenField()


@bp.get("/deliveries")
@staff_only
def show_deliveries(member: Member) -> AnyResponse:
    """Every delivery, the newest first."""
    after = number("after")
    rows, older = deliveries.page(after=after)
    who = stock_list.people([actor for row in rows for actor in (row.actor, row.applied_by)])
    return pages.page("deliveries", rows=rows, who=who, after=older, is_first=after is None)


@bp.get("/deliveries/new")
@staff_only
def show_new_delivery(member: Member) -> AnyResponse:
    """Where a list is uploaded or pasted."""
    return pages.page("delivery_new", NewForm(formdata=None), problems=[])


@bp.post("/deliveries/new")
@staff_only
def take_delivery_in(member: Member) -> AnyResponse:
    """Keep the list as a draft, with 303 to its preview."""
    form = NewForm()
    if not form.is_right():
        return pages.page("delivery_new", form, 422, problems=[])
    file, pasted = request.files.get("file"), form.text.data or ""
    data = file.read() if file else b""
    if bool(data) == bool(pasted.strip()):
        told = "Choose a file or paste a list, one of the two."
        return pages.page("delivery_new", form, 422, told=told, problems=[])
    name = form["name"].data or (file.filename if file and data else "") or templating.moment(now(), "'Delivery of' d MMMM yyyy")
    try:
        delivery_id = deliveries.take_in(delivery_file.read(data or pasted.encode()), text.printable(name), actor=member.actor)
    except BadFile as error:
        return pages.page("delivery_new", form, error.status, told=in_rows(error.problems[0]), problems=error.problems[1:])
    except AlreadyApplied as error:
        return pages.page("delivery_new", form, error.status, told=applied_before(error), problems=[])
    except ShopError as error:
        return pages.page("delivery_new", form, error.status, told=str(error), problems=[])
    return web.go(f"{LIST}/{delivery_id}")


def in_rows(problem: tuple[int, str]) -> str:
    line, reason = problem
    return f"Row {line:,}: {reason}."


def applied_before(error: AlreadyApplied) -> str:
    """When and by whom the same list was put on the shelf."""
    who = stock_list.people([error.actor]).get(error.actor, "somebody")
    return (
        f"This delivery was applied on {templating.moment(error.at)} by {who}. Nothing was added now. If the same goods really "
        "came once more, give the list another column with the number of the delivery note, and take it in again."
    )


# ------------------------------------------------------------------------------------------------ one delivery


@dataclass
class Typed:
    """What was typed into the rows of a draft, and is not kept yet."""

    cells: dict[int, dict[str, str]] = field(default_factory=dict)  # line id → column → text
    dropped: set[int] = field(default_factory=set)
    problems: dict[tuple[int, str], str] = field(default_factory=dict)
    is_late: bool = False  # somebody else saved since the page was shown


def typed() -> Typed:
    found = Typed(defaultdict(dict))
    for name, value in request.form.items():
        if match := CELL.fullmatch(name):
            line, column = int(match[1]), match[2]
            if column == "drop":
                found.dropped.add(line)
            else:
                found.cells[line][column] = value
    return found


@bp.get(ONE)
@staff_only
def show_delivery(member: Member, delivery_id: int) -> AnyResponse:
    """A draft's preview, `?show=wrong` only its rows to correct; or what an applied one brought."""
    return shown(member, delivery_id, DraftForm(formdata=None), request.args.get("show", ""), number("after"))


def shown(
    member: Member,
    delivery_id: int,
    form: DraftForm,
    show: str,
    after: int | None,
    status: int = 200,
    *,
    told: str = "",
    **more: Any,
) -> AnyResponse:
    row = deliveries.delivery(delivery_id) or abort(404)
    who = stock_list.people([row.actor, row.applied_by])
    if row.status != DeliveryStatus.DRAFT:
        lines, older = deliveries.lines(delivery_id, after=after or 0)
        around = {"delivery": row, "who": who, "lines": lines, "after": older, "is_first": not after}
        return pages.page("delivery", form, status, told=told, **around)
    return preview(member, row, form, show, after or 0, status, told=told, **more)


def preview(
    member: Member, row: Record, form: DraftForm, show: str, after: int, status: int, *, told: str, kept: Typed | None = None
) -> AnyResponse:
    """The rows of a draft as fields. What was typed and not `kept` in the database stands in them again."""
    there = deliveries.rows(row.id, current_app.config["CURRENCY"])
    wrong = [each for each in there if each.problems]
    listed = [each for each in (wrong if show == "wrong" else there) if each.position > after]
    part = listed[: deliveries.PAGE]
    stands: dict[str, str] = {}
    if kept is not None:
        part = [each for each in there if each.id in kept.cells or each.id in kept.dropped]
        stands = standing(part, kept) if kept.is_late else {}
        part = [retyped(each, kept) for each in part]
    if form.revision.data is None:
        form.revision.data = str(row.revision)
    path, here = f"{LIST}/{row.id}", {each.id for each in part}
    links = [
        (
            f"#r{each.id}-{name}" if each.id in here else f"{path}?after={each.position - 1}#r{each.id}-{name}",
            each.position,
            problem,
        )
        for each in wrong
        for name, problem in each.problems.items()
    ]
    return pages.page(
        "delivery_draft",
        form,
        status,
        told=told,
        delivery=row,
        rows=part,
        stands=stands,
        dropped=kept.dropped if kept else set(),
        count=len(there),
        pieces=sum(each.quantity for each in there),
        links=links[:MOST_TOLD],
        wrong=len(wrong),
        new=sum(each.is_new for each in there),
        may_price=member.is_manager,
        show=show if show == "wrong" else "",
        place=templating.query(path, show=show if show == "wrong" else "", after=after),
        after=part[-1].position if len(listed) > len(part) and kept is None else None,
        is_first=not after,
        path=path,
    )


def standing(rows: list[Checked], kept: Typed) -> dict[str, str]:
    """What the draft says where something else was typed, by the name of the field."""
    return {
        f"r{row.id}-{name}": row.cells[name] or "nothing"
        for row in rows
        for name, cell in kept.cells.get(row.id, {}).items()
        if text.clean(cell) != row.cells[name]
    }


def retyped(row: Checked, kept: Typed) -> Checked:
    """A row as it was typed, with what stands against keeping it."""
    row.cells |= {name: text.printable(cell) for name, cell in kept.cells.get(row.id, {}).items()}
    row.problems |= {name: problem for (id, name), problem in kept.problems.items() if id == row.id}
    return row


@bp.post(ONE)
@staff_only
def correct_delivery(member: Member, delivery_id: int) -> AnyResponse:
    """Keep what was typed and check again; or, by the other button and when nothing was typed, put it all on the shelf."""
    form, rows = DraftForm(), typed()
    row = deliveries.delivery(delivery_id) or abort(404)
    revision = whole(form.revision.data or "")
    place = (form.place.data or "").partition("?")[2]
    asked = {name: values[0] for name, values in parse_qs(place).items()}
    show, after = asked.get("show", ""), whole(asked.get("after", ""))
    if not form.is_right() or revision is None:
        form.revision.data = str(row.revision)
        return shown(member, delivery_id, form, show, after, 422, told=EXPIRED, kept=rows)
    try:
        changed = deliveries.correct(delivery_id, rows.cells, rows.dropped, revision=revision, actor=member.actor)
        if form.then.data != "apply" or changed:
            pages.say("Saved and checked again." if form.then.data != "apply" else "Saved and checked again. Look, then apply.")
            return web.go(templating.query(f"{LIST}/{delivery_id}", show=show if show == "wrong" else "", after=after))
        more: dict[str, Any] = {"currency": current_app.config["CURRENCY"], "may_price": member.is_manager}
        applied = deliveries.apply(delivery_id, revision=revision, actor=member.actor, **more)
    except DraftChanged as error:
        form.revision.data, rows.is_late = str(error.revision), True  # pressed again, it is meant
        return shown(member, delivery_id, form, show, after, error.status, told=str(error), kept=rows)
    except BadCells as error:
        rows.problems = error.problems
        return shown(member, delivery_id, form, show, after, error.status, told=str(error), kept=rows)
    except AlreadyApplied as error:
        return shown(member, delivery_id, form, show, after, error.status, told=applied_before(error))
    except ShopError as error:
        return shown(member, delivery_id, form, show, after, error.status, told=str(error))
    brought = "On the shelf: %(pieces)s pieces in %(rows)s rows, %(new)s of them new to the shop."
    pages.say(brought, pieces=applied.pieces, rows=applied.rows, new=applied.new)
    return web.go(f"{LIST}/{delivery_id}")


@bp.post(ONE + "/discard")
@staff_only
def discard_delivery(member: Member, delivery_id: int) -> AnyResponse:
    """Put a draft away."""
    form = DraftForm()
    if not form.is_right():
        form.revision.data = None
        return shown(member, delivery_id, form, "", None, 422, told=EXPIRED)
    try:
        deliveries.discard(delivery_id, actor=member.actor)
    except AlreadyApplied as error:
        return shown(member, delivery_id, form, "", None, error.status, told=applied_before(error))
    pages.say("Discarded. Nothing of it is on the shelf.")
    return web.go(LIST)
