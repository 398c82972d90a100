"""Every order as data, read in portions, so that any number of them fits into memory."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, select

from app.extensions import retried, transaction
from app.models.order import LineItem, Order, OrderEvent, order_number
from app.services import audit, order_list
from app.services.layouts import quoted_formula
from app.services.order_list import Wanted
from app.services.snapshot import snapshot

PORTION = 500  # orders
CHUNK = 16_384  # characters of CSV that are sent together

FIELDS = (
    "key",
    "number",
    "status",
    "email",
    "currency",
    "items_minor",
    "discount_minor",
    "shipping_minor",
    "tax_minor",
    "total_minor",
    "placed_at",
    "lines",
    "events",
    "discount_code",  # the last, so that whoever counts columns finds the others where they were
)

COLUMNS = (Order.id, *(getattr(Order, name) for name in FIELDS if name not in {"number", "lines", "events"}))
ORDERS = select(*COLUMNS).where(Order.id > bindparam("after")).order_by(Order.id).limit(PORTION)
CHOSEN = select(*COLUMNS).where(Order.id.in_(bindparam("ids", expanding=True))).order_by(Order.placed_at.desc(), Order.id.desc())
LINES = (
    select(
        LineItem.order_id,
        LineItem.sku,
        LineItem.name,
        LineItem.options,
        LineItem.quantity,
        LineItem.unit_price_minor,
        LineItem.discount_minor,
        LineItem.tax_rate_bp,
        LineItem.tax_minor,
        LineItem.is_digital,
    )
    .where(LineItem.order_id.in_(bindparam("ids", expanding=True)))
    .order_by(LineItem.order_id, LineItem.position, LineItem.id)
)
EVENTS = (
    select(
        OrderEvent.order_id,
        OrderEvent.from_status.label("from"),
        OrderEvent.to_status.label("to"),
        OrderEvent.actor,
        OrderEvent.reason,
        OrderEvent.created_at.label("at"),
    )
    .where(OrderEvent.order_id.in_(bindparam("ids", expanding=True)))
    .order_by(OrderEvent.order_id, OrderEvent.id)
)


def export(zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    """Each order, oldest first, with the keys FIELDS; `lines` and `events` are lists of dicts, times ISO texts of that zone.

    Each order is whole, as of one moment; orders placed meanwhile may or may not be among them.
    """
    after = 0
    while True:
        with snapshot() as t:
            portion = [dict(row._mapping) for row in t.execute(ORDERS, {"after": after})]
            whole = _whole(t, portion, zone)
        if not whole:
            return
        after = portion[-1]["id"]
        yield from whole


def export_wanted(wanted: Wanted) -> Iterator[dict[str, Any]]:
    """The orders that the desk would list so, the newest first, otherwise as `export` gives them."""
    zone = ZoneInfo(wanted.zone)
    after: int | None = None
    while True:
        with snapshot() as t:
            ids = order_list.newest(t, wanted, after=after, most=PORTION)
            portion = [dict(row._mapping) for row in t.execute(CHOSEN, {"ids": ids})]
            whole = _whole(t, portion, zone)
        if not whole:
            return
        after = ids[-1]
        yield from whole


@retried
def note(wanted: Wanted, form: str, *, actor: str) -> None:
    """Write down that somebody takes personal data out of the shop, and which.

    What was looked for may be a name or an e-mail, and the trail stays when people are forgotten: that it was is enough.
    """
    asked = {"searched": bool(wanted.q.strip()), "state": wanted.state, "first": wanted.first, "last": wanted.last}
    with transaction() as t:
        audit.note(t, actor, "orders exported", "orders", None, {"format": form} | {k: v for k, v in asked.items() if v})


def _whole(t: Connection, portion: list[dict[str, Any]], zone: ZoneInfo) -> list[dict[str, Any]]:
    """These orders with their lines and events, with the keys FIELDS."""
    ids = [order["id"] for order in portion]
    lines, events = _by_order(t, LINES, ids, zone), _by_order(t, EVENTS, ids, zone)
    found = []
    for order in portion:
        number = order["id"]
        extra = {"number": order_number(number), "lines": lines.get(number, []), "events": events.get(number, [])}
        whole = _with_times(order, zone) | extra
        found.append({name: whole[name] for name in FIELDS})
    return found


def _by_order(t: Connection, statement: Any, ids: Sequence[int], zone: ZoneInfo) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in t.execute(statement, {"ids": ids}):
        order_id, *_ = row
        values = dict(row._mapping)
        del values["order_id"]
        found.setdefault(order_id, []).append(_with_times(values, zone))
    return found


def _with_times(values: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    return {name: value.astimezone(zone).isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def as_json(order: dict[str, Any]) -> str:
    """The order as one line of JSON."""
    return json.dumps(order, ensure_ascii=False, separators=(",", ":"))


def as_cells(order: dict[str, Any]) -> Sequence[str | int]:
    """The order as cells for a spreadsheet, lines and events as JSON; nothing in them is a formula."""
    return [_cell(order[name]) for name in FIELDS]


def as_csv(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The orders as the lines of a CSV file, a few at a time."""
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(FIELDS)
    for order in found:
        table.writerow(as_cells(order))
        if file.tell() > CHUNK:
            yield file.getvalue()
            file.seek(0)
            file.truncate()
    yield file.getvalue()


def as_jsonl(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The orders as lines of JSON."""
    return (as_json(order) + "\n" for order in found)


def _cell(value: Any) -> str | int:
    if isinstance(value, int):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return quoted_formula(text)
