"""One bag of coffee, bought from the real server without scripts: how often one acts, how much goes over the wire."""

import pytest

from tests.journeys.wire import GUS, LiveBrowser, orders

pytestmark = pytest.mark.parametrize("live_server", ["sqlite"], indirect=True)
MOST_BYTES = 30_000  # HTML and CSS of the whole purchase, compressed


@pytest.fixture
def shop(live_server):
    loaded = live_server.run_flask("demo", "load")
    assert loaded.returncode == 0, loaded.stderr
    return live_server


def test_a_bag_is_three_activations_and_six_requests_away(shop, record_property):
    guest = LiveBrowser(shop.url).get("/")
    guest.fetch_style()
    before = len(orders(shop))

    guest.submit("Add")  # 1: the first bag in the window, then the cart
    guest.click("Checkout")  # 2
    guest.submit("Order and pay", GUS)  # 3, then home

    pages = [kind for kind, _ in guest.wire if kind == "text/html"]
    weight = guest.bytes_of("text/html", "text/css")
    record_property("requests", len(pages))
    record_property("bytes", weight)
    print(f"{len(pages)} requests, {weight} bytes: {guest.wire}")
    assert "Thank you" in guest.title
    assert len(orders(shop)) == before + 1
    assert len(pages) <= 6
    assert weight <= MOST_BYTES


def test_looking_again_costs_almost_nothing(shop):
    guest = LiveBrowser(shop.url).get("/")
    tag = guest.response.headers["ETag"]

    guest.request("GET", "/", None, {"If-None-Match": tag})

    assert (guest.status, guest.wire[-1][1]) == (304, 0)
