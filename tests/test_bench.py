"""The benchmark's pieces on a tiny shop: that they measure what they say, not how fast anything is."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select
from werkzeug.test import EnvironBuilder

from app.cart import cookie
from app.extensions import db
from app.models.order import Order
from app.services import invariants
from bench import data, forms, growth, load, orders, raw, servers, spy, stages, table, wire
from bench.data import Shop
from bench.load import BUYERS
from bench.run import Run
from bench.servers import Server
from bench.table import Figure, Row


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = data.make("tiny", tmp_path_factory.mktemp("bench"), products=30, on_hand=100_000, apart=True)
    yield shop
    with shop.app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="module")
def server(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with servers.running(servers.SHOP, folder, database_url=shop.database_url, RATELIMIT_ENABLED=0) as server:
        yield server


def count_orders(shop: Shop) -> int:
    with shop.app.app_context():
        count = db.session.execute(select(func.count(Order.id))).scalar_one()
        db.session.remove()
    return count


def broken(shop: Shop) -> list[object]:
    with shop.app.app_context():
        breaches = list(invariants.broken())
        db.session.remove()
    return breaches


# --- orders ---


def test_every_prepared_submit_is_an_order_of_its_own(shop, server):
    before = count_orders(shop)
    requests = forms.Till(shop, server.port).orders(BUYERS, 2, [[variant] for variant in shop.variant_ids()])

    done = load.buyers(server.port, requests, 60, wanted=303, to_the_end=True)

    assert (done.errors, done.statuses[303], done.fairness) == (0, 2 * BUYERS, 1)
    assert count_orders(shop) == before + 2 * BUYERS
    assert not broken(shop)


def test_the_bare_driver_writes_whole_orders(shop):
    variants = shop.variant_ids()
    statements = orders.recording(shop, variants[3])
    before = count_orders(shop)

    rate = raw.rate(shop.database_url, statements, variants[3], variants, 0.3)

    assert rate > 0
    assert count_orders(shop) - before >= rate * 0.3
    assert not broken(shop)


def test_the_orm_writes_whole_orders(shop, tmp_path):
    before = count_orders(shop)
    with servers.running(servers.ORM, tmp_path, database_url=shop.database_url, RATELIMIT_ENABLED=0) as server:
        done = orders.by_orm(server.port, shop.variant_ids(), 0.3)

    assert done.errors == 0
    assert count_orders(shop) - before == sum(done.done_by_buyer)
    assert not broken(shop)


def test_an_order_is_heard_between_begin_and_commit(shop):
    environ = orders.order_environ(forms.Till(shop, 80), shop.variant_ids()[:2])

    with spy.listening() as said:
        stages.answer(shop.app, environ, "303")

    statements, held = spy.transaction_of(said, '"order"')
    assert not any(each.is_mark for each in statements)
    assert sum(each.sql.startswith("UPDATE variant") for each in statements) in (1, 2)
    assert 0 < held < 10


# --- pages ---


def test_pages_are_asked_for_over_and_over(server):
    done = load.pages(server, "/", 1)

    assert done.errors == 0
    assert done.per_second > 1
    assert 0 < done.p50 <= done.p99 <= done.longest
    assert done.cpu > 0


def test_without_wrk_our_own_loop_asks(server, monkeypatch):
    monkeypatch.setattr(load, "has_wrk", lambda: False)

    done = load.pages(server, "/", 0.3)

    assert (done.errors, len(done.done_by_buyer)) == (0, BUYERS)
    assert done.cpu > 0


def test_the_stages_add_up_and_are_taken_off_again(shop):
    view = stages.web.page_tag

    profile = stages.profile(shop.app, lambda: EnvironBuilder("/").get_environ(), "200", 5)

    assert sum(profile.stages.values()) == pytest.approx(profile.total)
    assert profile.stages[stages.TEMPLATE] > 0
    assert profile.statements > 0
    assert stages.web.page_tag is view


def test_a_visitor_buys_without_scripts(server):
    with closing(wire.Visitor(server.port)) as visitor:
        pressed, last = wire.buy(visitor)

    assert len(pressed) == 3
    assert "Thank you" in last
    assert all(answer.wire > len(answer.body) > 0 for name, answer in visitor.asked if name.startswith("GET"))


def test_figures_of_the_wire_have_a_verdict(tmp_path):
    rows = list(wire.measure(Run(tmp_path, seconds=0.05, rounds=1, is_quick=True, say=lambda line: None)))

    assert {row.goal for row in rows} == {"P5", "P12", "P13", "P14"}
    assert all(row.verdict in (table.MET, table.NOT_MET, table.NOT_RUN) for row in rows)


# --- a full cart, a large catalogue ---


def test_a_cart_cookie_is_one_that_the_shop_reads(shop):
    ids = shop.variant_ids()[:7]

    value = forms.cart_cookie(shop, ids)

    with shop.app.test_request_context():
        assert [variant for variant, _ in cookie.decode(value).lines] == ids


def test_a_search_is_timed_in_the_driver(shop):
    rows = list(growth.searches(shop))

    assert len(rows) == len(growth.QUERIES)
    assert all(row.verdict in (table.MET, table.NOT_MET) for row in rows)


@pytest.mark.parametrize(
    ("step", "is_one"),
    [
        ("SCAN product", True),
        ("SCAN product USING COVERING INDEX ix_product_is_listed_id", True),
        ("SCAN product_search VIRTUAL TABLE INDEX 0:", True),
        ("SCAN product_search VIRTUAL TABLE INDEX 64:M2", False),
        ("SEARCH product USING INTEGER PRIMARY KEY (rowid=?)", False),
        ("SCAN category", False),
        ("SCAN 3 CONSTANT ROWS", False),
    ],
)
def test_a_scan_is_told_from_a_search(step, is_one):
    assert growth.is_scan(step) is is_one


def test_a_small_catalogue_begins_a_large_one():
    small, large = data.catalogue(3, 5), data.catalogue(30, 5)

    assert large.startswith(small)


# --- the table ---


def test_a_ratio_compares_the_sides_of_one_round():
    ratio = Figure((10.0, 30.0, 20.0)) / Figure((20.0, 30.0, 80.0))

    assert ratio.values == (0.5, 1.0, 0.25)
    assert ratio.text(table.percent) == "50 % (25 %–100 %)"


def test_the_table_says_what_bounds_a_figure():
    rows = [Row("P3", "home", "20 %", "≥ 30 %", table.NOT_MET, "template 400 µs"), table.not_run("P8", "PostgreSQL", "no initdb")]

    lines = table.lines(rows)

    assert [line.strip() for line in lines if "µs" in line or "initdb" in line] == ["template 400 µs", "no initdb"]
    assert table.summary(rows) == "0 met, 1 not met, 1 not run."


def test_an_answer_is_whole_only_with_its_body():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"

    assert load.length_of(head + b"hell") is None
    assert load.length_of(head + b"hello") == len(head) + 5
    assert load.length_of(b"HTTP/1.1 304 Not Modified\r\n\r\n") == 29


def test_a_recorded_value_is_renewed():
    key, known = "0123456789abcdef" * 2, {7_000_001: 7_000_055}

    assert raw.fresh("order.confirmation:7000001", known) == "order.confirmation:7000055"
    assert raw.fresh({"order_id": 7_000_001, "n": 5}, known) == {"order_id": 7_000_055, "n": 5}
    assert raw.fresh(key, known) == raw.fresh(key, known) != key


def test_a_server_that_does_not_start_says_why(tmp_path: Path):
    with pytest.raises(RuntimeError, match="nothing_here"), servers.running("nothing_here:app", tmp_path):
        pass
