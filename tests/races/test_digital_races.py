"""Codes and downloads that many want at the same moment, over real HTTP."""

from collections import Counter
from functools import partial

import pytest
import requests
from sqlalchemy import select

from app.extensions import db
from app.models.digital import DigitalCode
from tests.databases import BACKENDS, Databases
from tests.goods import a_download, a_licence, change_downloads, downloads, get_free, messages, yielded
from tests.torture.buyers import Buyer
from tests.torture.room import Room, assert_healthy, assert_sound, at_once, one_by_one

pytestmark = pytest.mark.race
SEED, BUYERS, CODES = 1, 20, 5


@pytest.fixture(scope="module", params=BACKENDS)
def shop(request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory):
    """(app, server) on one database."""
    with Room(databases, tmp_path_factory.mktemp("room"), SEED, workers=2).open_shop(request.param) as (app, server):
        yield app, server
        assert_healthy(server)
        assert_sound(app, "after the races for digital goods")


def test_twenty_buyers_of_five_codes_never_get_the_same(shop):
    app, server = shop
    with app.app_context():
        a_licence(*(f"CODE-{number}" for number in range(CODES)), on_hand=1000)
    buyers = [Buyer(server.url) for _ in range(BUYERS)]
    try:
        one_by_one(
            [partial(buyer.go_to_checkout, {"LICENCE": 1}, email=f"buyer{n}@example.com") for n, buyer in enumerate(buyers)]
        )
        answers = at_once([buyer.order for buyer in buyers])
    finally:
        for buyer in buyers:
            buyer.close()

    with app.app_context():
        lines = db.session.execute(select(DigitalCode.line_item_id).order_by(DigitalCode.id)).scalars().all()
        owed = len(messages("digital.codes"))
    assert Counter(answer.status for answer in answers) == {303: BUYERS}
    assert (len(lines), None in lines, len(set(lines)), owed) == (CODES, False, CODES, BUYERS - CODES)


def test_of_twenty_who_fetch_the_last_five_only_five_begin(shop):
    app, server = shop
    with app.app_context():
        link = yielded(get_free((a_download(), 1)))[0].link.address
        change_downloads(fetched=5)

    answers = at_once([partial(requests.get, f"{server.url}{link}", timeout=60)] * BUYERS)

    with app.app_context():
        [row] = downloads()
    assert Counter(answer.status_code for answer in answers) == {200: 5, 410: 15}
    assert (row.fetched, row.most) == (10, 10)
