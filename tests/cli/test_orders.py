"""`flask orders export`."""

import csv
import io
import json

import pytest

from app.services import order_export
from tests.factories import a_variant
from tests.planting import a_hold, an_order

FIELDS = [
    *("key", "number", "status", "email", "currency", "items_minor", "discount_minor", "shipping_minor"),
    *("tax_minor", "total_minor", "placed_at", "lines", "events", "discount_code"),
]


@pytest.fixture
def export(app, app_context):
    def run(form: str) -> list[dict]:
        done = app.test_cli_runner().invoke(args=["orders", "export", "--format", form])
        assert done.exit_code == 0
        if form == "jsonl":
            return [json.loads(line) for line in done.stdout.splitlines()]
        return list(csv.DictReader(io.StringIO(done.stdout)))

    return run


def test_each_order_is_one_line_of_json(export, monkeypatch):
    variant = a_variant(price_minor=1250, options="250 g")
    an_order(variant, 2)
    a_hold(monkeypatch, variant)

    sold, held = export("jsonl")

    assert list(sold) == FIELDS
    assert (sold["number"], sold["status"], sold["email"]) == ("10001", "PROCESSING", "gus@example.com")
    assert (sold["items_minor"], sold["shipping_minor"], sold["tax_minor"], sold["total_minor"]) == (2500, 395, 483, 2895)
    assert sold["lines"][0].items() >= {"sku": "BEANS", "quantity": 2, "unit_price_minor": 1250, "options": "250 g"}.items()
    assert [(event["from"], event["to"]) for event in sold["events"]] == [(None, "HOLD"), ("HOLD", "PROCESSING")]
    assert held["status"] == "HOLD"


def test_csv_says_the_same_with_lines_as_json_cells(export):
    an_order(a_variant(), 2)

    [row], [order] = export("csv"), export("jsonl")

    assert list(row) == FIELDS
    assert json.loads(row["lines"]) == order["lines"] and json.loads(row["events"]) == order["events"]
    assert all(str(order[name]) == row[name] for name in FIELDS if name not in ("lines", "events"))


@pytest.mark.settings(SHOP_TIMEZONE="Asia/Seoul")
def test_times_are_the_shops_own(export):
    an_order(a_variant())

    [order] = export("jsonl")

    assert order["placed_at"].endswith("+09:00")
    assert all(event["at"].endswith("+09:00") for event in order["events"])


@pytest.mark.parametrize("email", ["=1+1@example.com", "+1@example.com", "-1@example.com"])
def test_no_cell_is_a_formula(email, export):
    an_order(a_variant(), email=email)

    assert export("csv")[0]["email"] == f"'{email}"
    assert export("jsonl")[0]["email"] == email


def test_portions_join_without_gap_or_overlap(export, monkeypatch):
    variant = a_variant()
    for _ in range(5):
        an_order(variant)
    monkeypatch.setattr(order_export, "ORDERS", order_export.ORDERS.limit(2))

    assert [order["number"] for order in export("jsonl")] == ["10001", "10002", "10003", "10004", "10005"]
    assert all(len(order["lines"]) == 1 and len(order["events"]) == 2 for order in export("jsonl"))


def test_no_orders_are_no_lines(export):
    assert export("jsonl") == export("csv") == []
