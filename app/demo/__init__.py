"""The demo: a coffee roaster's catalogue and its ways to send, to try the shop with."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, exists, insert, select, update

from app.extensions import db, retried, transaction
from app.models.catalog import Product
from app.models.payment import ShippingMethod
from app.services import digital, importing, layouts
from app.services.importing import Report
from app.services.shelf import Shelf

CATALOGUE = Path(__file__).with_name("catalogue.csv")
FILES = {"GUIDE-PDF": Path(__file__).with_name("brewing-guide.html")}  # what the demo's buyers may download
CURRENCY = "GBP"
ACTOR = "demo"

# In the order that checkout shows. Nothing limits the weight: the first fits any parcel within Great Britain.
SHIPPING_METHODS: tuple[dict[str, Any], ...] = (
    {
        "code": "standard",
        "name": "Tracked delivery",
        "description": "Two to three working days by Royal Mail Tracked 48. Free from £40.",
        "price_minor": 350,
        "free_from_minor": 4000,
        "countries": "GB",
    },
    {
        "code": "express",
        "name": "Next working day",
        "description": "Order by noon on a working day and it arrives on the next, with a tracking number.",
        "price_minor": 690,
        "countries": "GB",
    },
    {
        "code": "europe",
        "name": "Tracked to Europe",
        "description": "Four to seven working days. Import duties, where there are any, are yours to pay.",
        "price_minor": 1200,
        "per_kg_minor": 250,
        "countries": "AT BE DE DK ES FI FR IE IT NL NO PT SE CH",
    },
)


def is_empty() -> bool:
    """Whether the shop has no product at all."""
    return not db.session.execute(select(exists().where(Product.id.is_not(None)))).scalar_one()


def load(shelf: Shelf) -> tuple[Report, int]:
    """Bring the demo's products, files and ways to send to what they are here.

    Answers the import's report and how many ways changed.
    Loading it again changes nothing but what was changed meanwhile.
    """
    sheet = layouts.read(CATALOGUE.read_bytes(), currency=CURRENCY)
    report = importing.take_in(sheet, actor=ACTOR)
    for sku, file in FILES.items():
        digital.set_file(sku, file, shelf)
    return report, put_shipping_methods()


@retried
def put_shipping_methods() -> int:
    changed = 0
    with transaction() as t:
        for position, method in enumerate(SHIPPING_METHODS):
            unlimited = {"per_kg_minor": 0, "free_from_minor": None, "min_weight_grams": 0, "max_weight_grams": None}
            values = unlimited | {"position": position, "is_active": True, "currency": CURRENCY} | method
            changed += put_shipping_method(t, values)
    return changed


def put_shipping_method(t: Connection, values: dict[str, Any]) -> bool:
    old = t.execute(select(*ShippingMethod.__table__.c).where(ShippingMethod.code == values["code"])).first()
    if old is None:
        t.execute(insert(ShippingMethod).values(values))
        return True
    if all(old._mapping[column] == value for column, value in values.items()):
        return False
    t.execute(update(ShippingMethod).where(ShippingMethod.id == old.id).values(values))
    return True
