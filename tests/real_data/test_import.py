"""Catalogues and names from the world outside, found by REAL_DATA_DIR."""

import csv
import io
import json
import os
import unicodedata
from pathlib import Path

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models.catalog import Product, Variant
from app.services import exporting, importing, layouts

pytestmark = [pytest.mark.real_data, pytest.mark.usefixtures("app_context")]


@pytest.fixture
def real_data() -> Path:
    if not (folder := os.environ.get("REAL_DATA_DIR")):
        pytest.skip("REAL_DATA_DIR is not set")
    return Path(folder)


def counts(data: bytes) -> tuple[int, int, int]:
    report = importing.take_in(layouts.read(data, currency="GBP"), actor="test")
    return report.new, report.changed, report.unchanged


def test_a_gift_shops_price_list(real_data):
    data = (real_data / "retail_products.csv").read_bytes()

    assert counts(data) == (3787, 0, 0)
    assert counts(data) == (0, 0, 3787)
    assert counts("".join(exporting.as_csv()).encode()) == (0, 0, 3787)

    listed = {(row["sku"], row["name"], row["price_gbp"]) for row in csv.DictReader(io.StringIO(data.decode()))}
    stands = db.session.execute(
        select(Variant.sku, Product.name, Variant.price_minor).join(Product, Product.id == Variant.product_id)
    )
    assert {(sku, name, f"{minor / 100:.2f}") for sku, name, minor in stands} == listed
    assert len(db.session.execute(select(Product.id)).all()) == 3787


def test_a_shopify_export(real_data):
    data = (real_data / "shopify" / "packt-products_export.csv").read_bytes()

    assert counts(data) == (21, 0, 0)
    assert counts(data) == (0, 0, 21)
    assert counts("".join(exporting.as_csv()).encode()) == (0, 0, 21)

    products = db.session.execute(select(Product.slug, Product.variant_count, Product.description).order_by(Product.id)).all()
    assert len(products) == 20
    assert (products[0].slug, products[-1].slug, products[-1].variant_count) == ("floor-lamp", "gardening-gloves", 2)
    assert products[1].description.startswith("## Description\n\nLorem ipsum dolor sit amet,")
    assert not any("<" in product.description for product in products)


def test_naughty_strings_are_names_like_any_other(real_data):
    strings = json.loads((real_data / "strings" / "blns.json").read_text())
    names = {name for text in strings if 0 < len(name := unicodedata.normalize("NFC", text).strip()) <= 250}
    file = io.StringIO()
    csv.writer(file).writerows(
        [["sku", "product", "price"], *([f"S{n}", layouts.quoted_formula(name), "1"] for n, name in enumerate(names))]
    )

    assert counts(file.getvalue().encode()) == (len(names), 0, 0)
    assert set(db.session.execute(select(Product.name)).scalars()) == names
    assert counts("".join(exporting.as_csv()).encode()) == (0, 0, len(names))
