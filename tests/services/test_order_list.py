"""The list of orders: newest first, found by what staff know, and never by walking the table."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event, text

from app.extensions import db, now
from app.models.payment import Payment
from app.services import order_list, order_requests, refunds
from app.services.order_list import Wanted
from tests.desk import asked, change_order, sent, to_pack
from tests.factories import a_guide, a_variant, an_account
from tests.goods import a_licence, get_free
from tests.members import a_member, change
from tests.planting import a_hold

pytestmark = pytest.mark.usefixtures("app_context")


def found(q: str = "", state: str = "", **more: object) -> list[int]:
    """The ids on the first page."""
    db.session.rollback()
    return [row.id for row in order_list.page(Wanted(q, state, **more)).rows]


# ------------------------------------------------------------------------------------------------ finding


def test_the_newest_comes_first():
    item = a_variant()
    first, second, third = (to_pack(item) for _ in range(3))
    change_order(first, placed_at=now())

    assert found() == [first, third, second]


def test_a_page_ends_where_the_next_begins(monkeypatch):
    monkeypatch.setattr(order_list, "PAGE", 2)
    item = a_variant(on_hand=20)
    ids = [to_pack(item) for _ in range(5)]
    for order_id in ids[:4]:
        change_order(order_id, placed_at=datetime(2026, 5, 3, tzinfo=UTC))  # ties are broken by the number

    pages, after = [], None
    while True:
        page = order_list.page(Wanted(), after=after)
        pages.append([row.id for row in page.rows])
        if (after := page.after) is None:
            break

    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]


@pytest.mark.parametrize("q", ["10001", "#10001", "ann", "Ann S", "ånn", "smi", "SMITH", "ann@Example.com", "beans", "BEANS"])
def test_it_is_found_by(q):
    mine = to_pack(name="Ånn Smith", email="ann@example.com")
    to_pack(a_variant("OTHER"), name="Bob Miller")

    assert found(q) == [mine]


@pytest.mark.parametrize("q", ["10002", "nn", "mith", "ann@", "bean", "smith ann", "%", "_", "\x00", "'", "9" * 30])
def test_it_is_not_found_by(q):
    to_pack(name="Ann Smith", email="ann@example.com")

    assert found(q) == []


def test_an_email_finds_the_orders_of_its_account_too():
    a_member("alice@example.com")
    mine = to_pack(email="alice@example.com")

    assert found("Alice@example.com") == [mine]


def test_each_state_has_its_orders(monkeypatch):
    item = a_variant(on_hand=20)
    packed, mailed, held = to_pack(item), get_free((a_guide(), 1)), a_hold(monkeypatch, item)
    gone = sent(to_pack(item))

    assert [found(state=state) for state in ("pack", "mail", "unpaid", "sent", "refunded")] == [
        [packed],
        [mailed],
        [held],
        [gone],
        [],
    ]


@pytest.mark.parametrize("rare", [1000, 0])
def test_what_somebody_must_see_to_is_one_of_the_states(rare, monkeypatch):
    monkeypatch.setattr(order_list, "RARE", rare)
    item = a_variant(on_hand=20)
    flagged, _fine, wishing = to_pack(item), to_pack(item), sent(to_pack(item))
    waiting = get_free((a_licence("A"), 2))
    change(Payment, flagged, problem="Look")  # the first order has the first payment
    asked(wishing)

    rows = order_list.page(Wanted(state="attention")).rows

    assert [(row.id, list(row.attention)) for row in rows] == [
        (waiting, ["codes"]),
        (wishing, ["return"]),
        (flagged, ["payment"]),
    ]


def test_days_are_days_of_the_shops_clock():
    order_id = to_pack()
    change_order(order_id, placed_at=datetime(2026, 5, 2, 15, 30, tzinfo=UTC))  # 3 May in Seoul

    seoul = {"zone": "Asia/Seoul"}
    assert found(first=date(2026, 5, 3), last=date(2026, 5, 3), **seoul) == [order_id]
    assert found(last=date(2026, 5, 2), **seoul) == []
    assert found(first=date(2026, 5, 3)) == []


def test_a_row_says_what_is_first_in_it():
    mug, beans = a_variant("MUG", name="Mug"), a_variant("BEANS", name="Beans", options="250 g")
    from tests.factories import a_cart
    from tests.shopping import order_of

    order_of(a_cart((beans, 2), (mug, 1)))

    [row] = order_list.page(Wanted()).rows
    assert (row.first, row.more, row.total_minor, row.state, row.number) == ("2 × Beans, 250 g", 1, 3395, "pack", "10001")


@pytest.mark.parametrize("rare", [1000, 1])
def test_what_many_orders_have_is_found_alike(rare, monkeypatch):
    monkeypatch.setattr(order_list, "RARE", rare)
    item = a_variant(on_hand=20)
    ids = [to_pack(item, name=name) for name in ("Ann Smith", "Annie Lee", "Bob Annan", "Bob Lee")]
    sent(ids[1])

    assert found("ann") == [ids[2], ids[1], ids[0]]
    assert found("ann", "pack") == [ids[2], ids[0]]
    assert found("beans", first=date(2020, 1, 1)) == ids[::-1]
    assert found("gus@example.com", "sent") == [ids[1]]


# ------------------------------------------------------------------------------------------------ without walking the table


WISHES = [
    Wanted(),
    *(Wanted(state=state) for state in (*order_list.STATES, order_list.ATTENTION)),
    Wanted("10001"),
    Wanted("ann"),
    Wanted("BEANS", "pack"),
    Wanted("gus@example.com"),
    Wanted("ann", "completed", date(2026, 1, 1), date(2026, 12, 31)),
    Wanted(state="pack", first=date(2026, 1, 1), last=date(2026, 12, 31)),
    Wanted(first=date(2026, 1, 1)),
]


@pytest.mark.parametrize("rare", [1000, 0])
@pytest.mark.parametrize("wanted", WISHES, ids=str)
def test_no_query_walks_a_whole_table(wanted, rare, monkeypatch):
    """With `rare` 0 everything counts as common."""
    monkeypatch.setattr(order_list, "RARE", rare)
    an_account("ann@example.com")
    item = a_variant(on_hand=20)
    ids = [to_pack(item, name="Ann Smith") for _ in range(3)]

    plans = plans_of(lambda: order_list.page(wanted, after=ids[-1]))

    assert len(plans) >= 2
    for sql, plan in plans:
        assert not walks(plan), f"{sql}\n{plan}"


def test_what_stands_around_the_list_walks_no_table_either():
    order_id = sent(to_pack())
    asked(order_id)

    for sql, plan in plans_of(lambda: (order_requests.waiting(), refunds.problems(after=5, most=51), refunds.refused())):
        assert not walks(plan), f"{sql}\n{plan}"


def plans_of(work) -> list[tuple[str, str]]:
    """Every SELECT that the work says, with how the database would go about it."""
    said = []

    def keep(_connection, _cursor, statement, parameters, _context, _many):
        if statement.lstrip().startswith(("SELECT", "WITH")):
            said.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        work()
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)
    is_sqlite = db.engine.dialect.name == "sqlite"
    db.session.rollback()
    connection = db.session.connection()
    if not is_sqlite:
        connection.execute(text("SET LOCAL enable_seqscan = off"))  # the table is small; with an index it needs no walk
    how = "EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN "
    return [
        (sql, "\n".join(str(row[-1]) for row in connection.exec_driver_sql(how + sql, parameters))) for sql, parameters in said
    ]


def walks(plan: str) -> bool:
    """Whether a table is read from end to end; an index may be, in its order and until the page is full."""
    if db.engine.dialect.name == "postgresql":
        return "Seq Scan" in plan
    lines = [line for line in plan.splitlines() if line.startswith("SCAN ") and line != "SCAN hit"]  # of a few, by their ids
    return any(" USING " not in line for line in lines)


def test_a_walk_is_recognised():
    [(_, plan)] = plans_of(lambda: db.session.execute(text("SELECT id FROM \"order\" WHERE phone = 'x'")))

    assert walks(plan)


def test_the_days_of_a_wish_are_bounded():
    wanted = Wanted(first=date(2026, 5, 3), last=date.max, zone="Europe/London")

    assert (wanted.begin, wanted.end) == (datetime(2026, 5, 2, 23, tzinfo=UTC), None)
    assert Wanted(last=date(2026, 5, 3)).end == datetime(2026, 5, 3, tzinfo=UTC) + timedelta(days=1)
