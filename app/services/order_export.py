"""Every order as data, read in portions, so that any number of them fits into memory."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, select

from app.models.order import LineItem, Order, OrderEvent, order_number
from app.services.layouts import quoted_formula
from app.services.snapshot import snapshot

PORTION = 500  # orders

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
)

ORDERS = (
    select(Order.id, *(getattr(Order, name) for name in FIELDS if name not in {"number", "lines", "events"}))
    .where(Order.id > bindparam("after"))
    .order_by(Order.id)
    .limit(PORTION)
)
LINES = (
    select(
        LineItem.order_id,
        LineItem.sku,
        LineItem.name,
        LineItem.options,
        LineItem.quantity,
        LineItem.unit_price_minor,
        LineItem.tax_rate_bp,
        LineItem.tax_minor,
        LineItem.is_digital,
    )
    .where(LineItem.order_id.between(bindparam("first"), bindparam("last")))
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
    .where(OrderEvent.order_id.between(bindparam("first"), bindparam("last")))
    .order_by(OrderEvent.order_id, OrderEvent.id)
)


def export(zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    """Each order, oldest first, with the keys FIELDS; `lines` and `events` are lists of dicts, times ISO texts of that zone.

    Each order is whole, as of one moment; orders placed meanwhile may or may not be among them.
    """
    after = 0
    while True:
        with snapshot() as t:
            orders = [dict(row._mapping) for row in t.execute(ORDERS, {"after": after})]
            if not orders:
                return
            span = {"first": orders[0]["id"], "last": orders[-1]["id"]}
            lines, events = _by_order(t, LINES, span, zone), _by_order(t, EVENTS, span, zone)
        for order in orders:
            after = order.pop("id")
            extra = {"number": order_number(after), "lines": lines.get(after, []), "events": events.get(after, [])}
            whole = _with_times(order, zone) | extra
            yield {name: whole[name] for name in FIELDS}


def _by_order(t: Connection, statement: Any, span: dict[str, int], zone: ZoneInfo) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in t.execute(statement, span):
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


def _cell(value: Any) -> str | int:
    if isinstance(value, int):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return quoted_formula(text)
