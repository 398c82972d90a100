"""The busiest day of a real shop, bought again by guests over real HTTP."""

import os
from pathlib import Path

import pytest

from tests.real_data import replay


@pytest.mark.real_data
@pytest.mark.timeout(600)
@pytest.mark.parametrize("live_server", ["sqlite"], indirect=True)
def test_the_busiest_day_can_be_bought_again(live_server):
    if not os.environ.get("REAL_DATA_DIR"):
        pytest.skip("REAL_DATA_DIR names no folder with the real data")
    data = Path(os.environ["REAL_DATA_DIR"])
    orders = list(replay.read_orders(data / "retail_orders_peakday.csv"))
    replay.prepare(live_server, data)

    for order in orders:
        replay.buy(live_server.url, order)

    assert len(orders) == 141
    replay.check(live_server, orders, replay.read_prices(data / "retail_products.csv"))
