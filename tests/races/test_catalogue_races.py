"""Two people at one product: nobody overwrites what they have not seen, and no two variants become alike."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models.catalog import Product, Variant
from app.services import editing, products
from tests.factories import a_variant
from tests.races.test_desk_races import together

pytestmark = [pytest.mark.usefixtures("app_context"), pytest.mark.race]

PATIENCE_SECONDS = 2.0  # of a busy machine; less than PostgreSQL waits for a lock


def meet(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Let whoever has done this wait a moment for the other, who comes unless something holds them back."""
    do: Callable[..., Any] = getattr(module, name)
    barrier = Barrier(2)

    def wait(*args: Any) -> Any:
        done = do(*args)
        with suppress(BrokenBarrierError):
            barrier.wait(PATIENCE_SECONDS)
        return done

    monkeypatch.setattr(module, name, wait)


def test_two_who_save_one_product_at_once(app, monkeypatch):
    product_id = a_variant().product_id
    row = products.product(product_id)
    known = editing.seen(row, products.WORDS)
    meet(monkeypatch, editing, "refuse_stale")

    def save(origin: str) -> None:
        typed = {"name": row.name, "slug": row.slug, "tax_class": str(row.tax_class_id), "origin": origin}
        products.change(product_id, typed, seen=known, actor="test")

    ends = together(app, partial(save, "Peru"), partial(save, "Brazil"))

    assert sorted(ends) == ["EditConflict", "done"]
    origin = db.session.execute(select(Product.origin)).scalar_one()
    assert origin == ("Peru", "Brazil")[ends.index("done")]


def test_two_variants_made_alike_at_once(app, monkeypatch):
    small = a_variant("SMALL", options="250 g")
    large = a_variant("LARGE", of=small, options="1 kg")
    known = {each.id: editing.seen(products.variant(small.product_id, each.id), products.FACTS) for each in (small, large)}
    meet(monkeypatch, products, "refuse_facts")

    def save(item: Any, sku: str) -> None:
        typed = {"sku": sku, "options": "500 g", "is_active": "y"}
        products.change_variant(item.id, typed, may_price=False, seen=known[item.id], actor="test")

    ends = together(app, partial(save, small, "SMALL"), partial(save, large, "LARGE"))

    assert sorted(ends) == ["InvalidInput", "done"]
    options = db.session.execute(select(Variant.options)).scalars().all()
    assert options.count("500 g") == 1
