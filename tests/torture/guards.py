"""The tests are tested: each guard is switched off in turn, and the check that watches over it must turn red.

A check first passes on the shop as it is. It raises AssertionError when the shop is not safe; anything else that it raises is
a mistake of its own. Guards are switched off by patches, in this process only.
"""

import contextlib
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any
from unittest.mock import patch

import psycopg
from flask import Flask
from itsdangerous import Signer
from sqlalchemy import Connection, insert, select, text, update
from werkzeug.test import TestResponse

from app import extensions, headers
from app.cart import cookie, discount
from app.checkout import receipt
from app.checkout.shown import Shown
from app.extensions import Prepared, db, transaction
from app.models.catalog import Variant
from app.models.discount import DiscountCode
from app.models.order import Order
from app.services import checkout, discounts, orders, pricing, stock, text as texts
from app.services.cart import Cart
from app.services.discounts import DiscountRefused
from app.services.errors import OutOfStock, TotalChanged
from tests import driver
from tests.databases import BACKENDS
from tests.factories import STANDARD_MINOR, Item, a_contact, a_discount, a_variant, set_columns
from tests.torture.buyers import GUS, fields, newest_key
from tests.torture.cookies import BASE64URL, has_line
from tests.torture.room import Room, at_once

BUYERS = 6  # threads of this process; each needs a connection or two
UNIQUE = count(1)

Off = AbstractContextManager[Any]


@dataclass
class Scene:
    """What a check looks at."""

    app: Flask
    backend: str

    def item(self, **columns: Any) -> Item:
        """A variant of this check's own."""
        with self.app.app_context():
            return a_variant(f"GUARD-{next(UNIQUE)}", **{"on_hand": 1000, "low_stock_below": 0, **columns})

    def place(self, cart: Cart, price_minor: int, email: str = GUS["email"], code: str = "") -> int:
        """Order this cart by the use case, in an app context of its own; answers the order's id."""
        with self.app.app_context():
            placed = checkout.place_order(
                cart,
                a_contact(email),
                currency="GBP",
                shipping_id=1,
                payment_id=1,
                notes="",
                shown_total_minor=price_minor + STANDARD_MINOR,
                hold_minutes=30,
                discount_code=code,
            )
            return placed.order_id

    def orders_of(self, item: Item) -> int:
        with self.app.app_context():
            [(_, on_hand, held, _)] = stock.levels(item.sku)
            assert 0 <= held <= on_hand, f"{on_hand} on hand, {held} held"
            lines = select(Order.id).where(Order.lines.any(variant_id=item.id))
            return len(db.session.execute(lines).all())


def told(job: Callable[[], Any]) -> str:
    """How a job ended, in a word."""
    try:
        job()
    except Exception as error:
        return type(error).__name__
    return "done"


@contextmanager
def before_writing(act: Callable[[], object]) -> Iterator[None]:
    """Do something after an order was priced, and before its transaction begins: where races and changes of mind happen."""

    @contextmanager
    def later() -> Iterator[Connection]:
        act()
        with transaction() as t:
            yield t

    with patch.object(checkout, "transaction", later):
        yield


def all_of(number: int) -> Callable[[], None]:
    """Waits until so many have come; who comes again, or alone, does not wait for ever."""
    barrier = threading.Barrier(number)

    def wait() -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait(2)

    return wait


def order_together(scene: Scene, carts_and_prices: Sequence[tuple[Cart, int]]) -> Counter[str]:
    """Order all these carts so that each is priced before any is written; answers how they ended."""
    jobs = [partial(told, partial(scene.place, cart, price)) for cart, price in carts_and_prices]
    with before_writing(all_of(len(jobs))):
        return Counter(at_once(jobs))


# ------------------------------------------------------------------------------------------------ checks: stock


def it_sells_what_is_there(scene: Scene) -> None:
    """Seven are there, six people want three each: two get them."""
    item = scene.item(on_hand=7)
    ends = order_together(scene, [(Cart(lines=((item.id, 3),)), 3000) for _ in range(BUYERS)])
    assert ends == {"done": 2, OutOfStock.__name__: BUYERS - 2}, dict(ends)
    assert scene.orders_of(item) == 2


def the_table_refuses_to_oversell(scene: Scene) -> None:
    """Whatever a service does, no row says that more is held than there is."""
    item = scene.item(on_hand=5)
    end = told(partial(run_sql, scene, update(Variant).where(Variant.id == item.id).values(held=6)))
    assert end == "IntegrityError", end


def nobody_waits_in_a_circle(scene: Scene) -> None:
    """Two people want the same two things, put into their carts in opposite orders."""
    one, other = scene.item(), scene.item()
    wanted = [Cart(lines=((one.id, 1), (other.id, 1))), Cart(lines=((other.id, 1), (one.id, 1)))]
    with deadlocks(scene) as seen, resting_rows(scene):
        ends = order_together(scene, [(cart, 2000) for cart in wanted])
    assert ends == {"done": 2} and not seen, f"{dict(ends)}, {seen}"


# ------------------------------------------------------------------------------------------------ checks: one order


def one_cart_is_one_order(scene: Scene) -> None:
    """The same cart, submitted six times at once."""
    item = scene.item()
    cart = Cart(lines=((item.id, 1),))
    ends = order_together(scene, [(cart, 1000)] * BUYERS)
    assert ends == {"done": BUYERS}, dict(ends)
    assert scene.orders_of(item) == 1


def a_code_is_used_as_often_as_it_may(scene: Scene) -> None:
    """One use is left, and six people want it; of another code, one person wants more than the one use of theirs."""
    item = scene.item()
    for limit in ("most_uses", "most_uses_each"):
        code = f"GUARD-{next(UNIQUE)}"
        with scene.app.app_context():
            code_id = a_discount(code, **{limit: 1})
        emails = [f"buyer{number}@example.com" if limit == "most_uses" else GUS["email"] for number in range(BUYERS)]
        jobs = [partial(told, partial(scene.place, Cart(lines=((item.id, 1),)), 900, email, code)) for email in emails]
        with before_writing(all_of(BUYERS)):
            ends = Counter(at_once(jobs))
        assert ends == {"done": 1, DiscountRefused.__name__: BUYERS - 1}, dict(ends)
        with scene.app.app_context():
            assert db.session.execute(select(DiscountCode.uses).where(DiscountCode.id == code_id)).scalar_one() == 1


def the_table_refuses_a_second_order(scene: Scene) -> None:
    """Whatever a service does, no cart is on two live orders."""
    item = scene.item()
    order_id = scene.place(Cart(lines=((item.id, 1),)), 1000)
    with scene.app.app_context():
        row = db.session.execute(select(*Order.__table__.c).where(Order.id == order_id)).one()._asdict()
    del row["id"]
    end = told(partial(run_sql, scene, insert(Order).values(**{**row, "key": "f" * 32}), undo=True))
    assert end == "IntegrityError", end


def a_stranger_gets_no_order_by_a_cart(scene: Scene) -> None:
    """A cart that was ordered, replayed with another e-mail, opens nothing."""
    item = scene.item()
    cart = Cart(lines=((item.id, 1),))
    scene.place(cart, 1000)
    end = told(partial(scene.place, cart, 1000, "mallory@example.com"))
    assert end == "AlreadyOrdered", end


def a_broken_off_transaction_is_tried_again(scene: Scene) -> None:
    """The database gives up once, as PostgreSQL does at a deadlock; the shopper need not know."""
    item = scene.item()
    with failing_once(scene, "INSERT INTO line_item", "40001"):
        end = told(partial(scene.place, Cart(lines=((item.id, 1),)), 1000))
    assert end == "done", end
    assert scene.orders_of(item) == 1


# ------------------------------------------------------------------------------------------------ checks: what was shown


def a_new_price_is_shown_first(scene: Scene) -> None:
    """The price changes while the form is open."""
    item = scene.item()
    page = Page(scene, item)
    with scene.app.app_context():
        set_columns(Variant, item.id, price_minor=1300)
    assert (page.order().status_code, scene.orders_of(item)) == (409, 0)


def a_new_price_under_way_is_seen(scene: Scene) -> None:
    """The price changes after the order was computed, and before its turn to write."""
    item = scene.item()

    def reprice() -> None:
        db.session.rollback()
        set_columns(Variant, item.id, price_minor=1300)

    with before_writing(reprice):
        end = told(partial(scene.place, Cart(lines=((item.id, 1),)), 1000))
    assert end == TotalChanged.__name__, end
    assert scene.orders_of(item) == 0


def another_cart_is_shown_first(scene: Scene) -> None:
    """In another tab the cart is changed for one that costs the same."""
    shown, swapped = scene.item(), scene.item()
    page = Page(scene, shown)
    cart = replace(page.cart, lines=((swapped.id, 1),))
    with scene.app.app_context():
        page.browser.set_cookie("cart", cookie.encode(cart))
    assert page.order().status_code == 409
    assert (scene.orders_of(shown), scene.orders_of(swapped)) == (0, 0)


# ------------------------------------------------------------------------------------------------ checks: the door


class Page:
    """A browser with one thing in its cart and the checkout open, everything typed."""

    def __init__(self, scene: Scene, item: Item):
        self.scene = scene
        self.browser = scene.app.test_client()
        assert self.browser.post("/cart/items", data={"sku": item.sku}).status_code == 303
        self.form = {**fields(self.browser.get("/checkout").get_data(as_text=True)), **GUS, "action": "order"}

    @property
    def cart(self) -> Cart:
        with self.scene.app.app_context():
            return cookie.decode(self.browser.get_cookie("cart").value)  # type: ignore[union-attr,return-value]

    def order(self, **changed: str) -> TestResponse:
        return self.browser.post("/checkout", data={**self.form, **changed})


def a_form_needs_its_token(scene: Scene) -> None:
    item = scene.item()
    page = Page(scene, item)
    assert page.order(csrf_token="").status_code == 422
    assert scene.orders_of(item) == 0


def other_sites_cannot_act(scene: Scene) -> None:
    item = scene.item()
    for header in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = scene.app.test_client().post("/cart/items", data={"sku": item.sku}, headers=header)
        assert answer.status_code == 403, f"{header}: {answer.status_code}"


def a_forged_cart_is_empty(scene: Scene) -> None:
    content = signed_cart(scene).rpartition(".")[0]
    assert not shows_cart(scene, f"{content}.{'A' * 43}")


def a_forged_code_is_none(scene: Scene) -> None:
    """Nobody tries codes by a cookie that the shop did not sign."""
    with scene.app.test_request_context():
        assert discount.decode(discount.signer().sign("GUESS").decode()) == "GUESS"
        assert discount.decode(f"GUESS.{'A' * 43}") == ""


def a_respelled_cart_is_empty(scene: Scene) -> None:
    """The last character's spare bits changed: other text, the same signature."""
    value = signed_cart(scene)
    assert shows_cart(scene, value)
    assert not shows_cart(scene, value[:-1] + BASE64URL[BASE64URL.index(value[-1]) ^ 1])


def signed_cart(scene: Scene) -> str:
    item = scene.item()
    with scene.app.app_context():
        return cookie.encode(Cart(lines=((item.id, 1),)))


def shows_cart(scene: Scene, value: str) -> bool:
    browser = scene.app.test_client()
    browser.set_cookie("cart", value)
    return has_line(browser.get("/cart").get_data(as_text=True))


def strangers_read_no_names(scene: Scene) -> None:
    page = Page(scene, scene.item())
    page.order()
    key = newest_key(scene.app, page.browser.get_cookie("receipt").value)  # type: ignore[union-attr]
    seen = scene.app.test_client().get(f"/orders/{key}").get_data(as_text=True)
    assert GUS["line1"] not in seen and GUS["postcode"] not in seen


def an_order_is_found_by_its_own_email(scene: Scene) -> None:
    page = Page(scene, scene.item())
    page.order()
    key = newest_key(scene.app, page.browser.get_cookie("receipt").value)  # type: ignore[union-attr]
    with scene.app.app_context():
        number = orders.by_key(key).number  # type: ignore[union-attr]
    browser = scene.app.test_client()
    form = fields(browser.get("/orders/find").get_data(as_text=True), "/orders/find")
    answer = browser.post("/orders/find", data={**form, "number": number, "email": "mallory@example.com"})
    assert answer.status_code == 422


def text_is_refused_that_cannot_be_kept(scene: Scene) -> None:
    item = scene.item()
    answer = Page(scene, item).order(name="Gus\0Guest")
    assert (answer.status_code, scene.orders_of(item)) == (422, 0)


def forms_have_an_end(scene: Scene) -> None:
    answer = scene.app.test_client().post("/cart", data={f"quantity-{n}": "1" for n in range(3000)})
    assert answer.status_code == 413


# ------------------------------------------------------------------------------------------------ checks: waiting


def writers_never_collide(scene: Scene) -> None:
    """Many orders at once, which read before they write; the queue is off, so that only SQLite's own lock orders them."""
    item = scene.item()
    with without_queue(scene), slowly(scene, 'SELECT "order".id', milliseconds=5):
        ends = order_together(scene, [(Cart(lines=((item.id, 1),)), 1000) for _ in range(BUYERS)])
    assert ends == {"done": BUYERS}, dict(ends)


def nobody_waits_for_the_lock(scene: Scene) -> None:
    """Writers in a crowd: who has its turn finds SQLite's lock free. Waiting for that lock is polling, by which some starve."""
    item, writers, turns = scene.item(), 8, 25
    waits: list[float] = []
    began: dict[int, float] = {}

    def asked(_sql: str) -> None:
        began[threading.get_ident()] = time.monotonic()

    def answered(sql: str) -> None:
        if sql.startswith("BEGIN"):
            waits.append(time.monotonic() - began[threading.get_ident()])

    def write(_number: int) -> None:
        with scene.app.app_context():
            for _ in range(turns):
                with transaction() as t:
                    t.execute(update(Variant).where(Variant.id == item.id).values(weight_grams=Variant.weight_grams + 1))
                    time.sleep(0.004)

    start = time.monotonic()
    with listening(scene, before=asked, after=answered):
        at_once([partial(write, number) for number in range(writers)])
    turn = (time.monotonic() - start) / (writers * turns)  # what one takes on this machine, just now
    assert max(waits) < 4 * writers * turn, f"one of {writers} waited {max(waits):.3f} s, {max(waits) / turn:.0f} turns"


# ------------------------------------------------------------------------------------------------ tools of the checks


def run_sql(scene: Scene, statement: Any, *, undo: bool = False) -> None:
    with scene.app.app_context(), db.engine.begin() as connection:
        connection.execute(statement)
        if undo:
            connection.rollback()


@contextmanager
def slowly(scene: Scene, statement: str, milliseconds: int = 100) -> Iterator[None]:
    """Rest after each statement that begins so, as a busy machine would."""

    def rest(sql: str) -> None:
        if sql.startswith(statement):
            time.sleep(milliseconds / 1000)

    with listening(scene, after=rest):
        yield


@contextmanager
def resting_rows(scene: Scene, milliseconds: int = 100) -> Iterator[None]:
    """PostgreSQL only: it rests itself with each variant that it updated, as statements sent in one go leave us no moment to."""
    rest = f"BEGIN PERFORM pg_sleep({milliseconds / 1000}); RETURN NULL; END"
    run_sql(scene, text(f"CREATE FUNCTION rest() RETURNS trigger LANGUAGE plpgsql AS '{rest}'"))
    run_sql(scene, text("CREATE TRIGGER rest AFTER UPDATE ON variant FOR EACH ROW EXECUTE FUNCTION rest()"))
    try:
        yield
    finally:
        run_sql(scene, text("DROP FUNCTION rest CASCADE"))


@contextmanager
def deadlocks(scene: Scene) -> Iterator[list[str]]:
    """Collects the deadlocks that PostgreSQL breaks up, also those after which a second try helps."""
    seen: list[str] = []

    def look(error: Exception) -> None:
        if getattr(error, "sqlstate", "") == "40P01":
            seen.append("deadlock")

    with listening(scene, failed=look):
        yield seen


@contextmanager
def failing_once(scene: Scene, statement: str, sqlstate: str) -> Iterator[None]:
    failed: list[str] = []

    def fail(sql: str) -> None:
        if sql.startswith(statement) and not failed:
            failed.append(sql)
            raise psycopg.errors.lookup(sqlstate)("gave up")

    with listening(scene, before=fail):
        yield
    assert failed, f"no statement begins with {statement}"


@contextmanager
def listening(scene: Scene, **listener: Any) -> Iterator[None]:
    with scene.app.app_context():
        engine = db.engine
    with driver.listening(engine, **listener):
        yield


# ------------------------------------------------------------------------------------------------ switching off


@contextmanager
def without_queue(scene: Scene) -> Iterator[None]:
    with scene.app.app_context():
        engine = db.engine
    queue = engine.get_execution_options()["write_queue"]
    engine.update_execution_options(write_queue=None)
    try:
        yield
    finally:
        engine.update_execution_options(write_queue=queue)


def begin_deferred(scene: Scene) -> Off:
    """SQLite begins to write only at the first write."""

    return listening(scene, before=lambda sql: sql.replace("BEGIN IMMEDIATE", "BEGIN DEFERRED"))


def rows_unchecked(_scene: Scene) -> Off:
    """Whether a row was updated is no longer looked at."""

    def each(t: Connection, statement: Prepared, lines: Sequence[tuple[int, int, str]]) -> list[tuple[int, int]]:
        rows = statement.each(t, [{"variant": variant, "wanted": wanted} for variant, wanted, _ in lines])
        return [(row[0], row[1]) if row else (1, 0) for row in rows]

    return patch.object(stock, "_each", each)


def unconditional_take(_scene: Scene) -> Off:
    """The update of a variant no longer asks what is left."""
    take: Any = stock.TAKE.statement
    conditions = [each for each in take._where_criteria if "held" not in str(each)]
    bare = update(Variant).where(*conditions).values(on_hand=Variant.on_hand - stock.bindparam("wanted"))
    return patch.object(stock, "TAKE", Prepared(bare.returning(Variant.on_hand, Variant.low_stock_below)))


def unconditional_use(_scene: Scene) -> Off:
    """The update of a code no longer asks whether a use is left."""
    take: Any = discounts.TAKE.statement
    conditions = [each for each in take._where_criteria if "most_uses" not in str(each)]
    bare = update(DiscountCode).where(*conditions).values(uses=DiscountCode.uses + 1)
    return patch.object(discounts, "TAKE", Prepared(bare.returning(DiscountCode.most_uses_each)))


@contextmanager
def without_constraint(scene: Scene) -> Iterator[None]:
    """PostgreSQL only: SQLite cannot drop a CHECK."""
    run_sql(scene, text("ALTER TABLE variant DROP CONSTRAINT ck_variant_stock"))
    try:
        yield
    finally:
        run_sql(scene, text("UPDATE variant SET held = 0 WHERE held > on_hand"))
        run_sql(scene, text("ALTER TABLE variant ADD CONSTRAINT ck_variant_stock CHECK (held >= 0 AND held <= on_hand)"))


@contextmanager
def without_index(scene: Scene) -> Iterator[None]:
    index = next(index for index in Order.__table__.indexes if index.name == "uq_order_live_cart_id")  # type: ignore[attr-defined]
    with scene.app.app_context():
        index.drop(db.engine)
        try:
            yield
        finally:
            index.create(db.engine)


class Anything(int):
    """Equal to every amount."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


def any_total(_scene: Scene) -> Off:
    """What was shown is no longer compared with what it costs."""
    price = checkout.Wish.price
    return patch.object(checkout.Wish, "price", lambda wish, t=None: price(replace(wish, shown_total_minor=Anything()), t))


@contextmanager
def any_cart(_scene: Scene) -> Iterator[None]:
    """What was shown is no longer compared with what is in the cart, and the cart is what counts."""
    with patch.object(Shown, "is_of", lambda _shown, _cart: True), patch.object(Shown, "cart", property(current_cart)):
        yield


def current_cart(_shown: Shown) -> Cart:
    return cookie.read()


def patched(owner: Any, name: str, value: Any, **options: Any) -> Callable[[Scene], Off]:
    """Switches a guard off by putting something else in its place."""
    return lambda _scene: patch.object(owner, name, value, **options)


def setting(name: str, value: Any) -> Callable[[Scene], Off]:
    return lambda scene: patch.dict(scene.app.config, {name: value})


# ------------------------------------------------------------------------------------------------ the list


@dataclass(frozen=True)
class Guard:
    """What protects the shop, how it is switched off, and the check that must then turn red."""

    name: str
    off: Callable[[Scene], Off]
    check: Callable[[Scene], None]
    backends: Sequence[str] = BACKENDS


SQLITE, POSTGRESQL = ("sqlite",), ("postgresql",)

GUARDS = (
    Guard("stock's row check", rows_unchecked, it_sells_what_is_there),
    Guard("the condition on what is available", unconditional_take, it_sells_what_is_there),
    Guard("CHECK held ≤ on hand", without_constraint, the_table_refuses_to_oversell, POSTGRESQL),
    Guard(
        "the order of lines",
        patched(pricing, "sorted", lambda lines, key: list(lines), create=True),
        nobody_waits_in_a_circle,
        POSTGRESQL,
    ),
    Guard("trying again", patched(extensions, "PASSING_TROUBLE", set()), a_broken_off_transaction_is_tried_again, POSTGRESQL),
    Guard("BEGIN IMMEDIATE", begin_deferred, writers_never_collide, SQLITE),
    Guard("the queue of writers", without_queue, nobody_waits_for_the_lock, SQLITE),
    Guard("the condition on a code's uses", unconditional_use, a_code_is_used_as_often_as_it_may),
    Guard(
        "the count of one e-mail's uses", patched(discounts, "_has_left_of", lambda *_: True), a_code_is_used_as_often_as_it_may
    ),
    Guard("the code's signature", patched(Signer, "verify_signature", lambda *_: True), a_forged_code_is_none, SQLITE),
    Guard("unique live cart id", without_index, the_table_refuses_a_second_order),
    Guard("the claim on the cart", patched(orders, "claim_cart", lambda t, cart_id: None), one_cart_is_one_order, POSTGRESQL),
    Guard("the look-up of the cart's order", patched(orders, "live", lambda t, cart_id: None), one_cart_is_one_order),
    Guard("whose cart it was", patched(orders, "same_mailbox", lambda one, other: True), a_stranger_gets_no_order_by_a_cart),
    Guard("the total that was shown", any_total, a_new_price_is_shown_first),
    Guard("the cart that was shown", any_cart, another_cart_is_shown_first, SQLITE),
    Guard("fresh prices under the lock", patched(pricing, "is_current", lambda t, priced: True), a_new_price_under_way_is_seen),
    Guard("the form's token", setting("WTF_CSRF_ENABLED", False), a_form_needs_its_token, SQLITE),
    Guard("same origin", patched(headers, "is_same_origin", lambda: True), other_sites_cannot_act, SQLITE),
    Guard("the cart's signature", patched(Signer, "verify_signature", lambda *_: True), a_forged_cart_is_empty, SQLITE),
    Guard("the signature's spelling", patched(cookie, "is_as_written", lambda value: True), a_respelled_cart_is_empty, SQLITE),
    Guard("who may read a receipt", patched(receipt, "holds", lambda key: True), strangers_read_no_names, SQLITE),
    Guard(
        "the e-mail of an order",
        patched(orders, "same_mailbox", lambda one, other: True),
        an_order_is_found_by_its_own_email,
        SQLITE,
    ),
    Guard("storable text", patched(texts, "is_storable", lambda text, lines=False: True), text_is_refused_that_cannot_be_kept),
    Guard("the most fields of a form", patched(headers, "MOST_FIELDS", 10**9), forms_have_an_end, SQLITE),
)


def guards(room: Room, backend: str, until: float = math.inf) -> str:
    """Every guard of this database, on and off."""
    mine = [guard for guard in GUARDS if backend in guard.backends]
    with room.shop(backend) as app:
        problems = [problem for guard in mine if (problem := tried(Scene(app, backend), guard))]
    assert not problems, "\n".join(problems)
    return f"{len(mine)} guards switched off, and each was missed"


def tried(scene: Scene, guard: Guard) -> str:
    """What is wrong with a guard or its check; "" when the check passes with the guard and fails without."""
    try:
        guard.check(scene)
    except AssertionError as problem:
        return f"{guard.name}: {guard.check.__name__} is red although the guard is on: {problem}"
    try:
        with guard.off(scene):
            guard.check(scene)
    except AssertionError:
        return ""
    return f"{guard.name}: {guard.check.__name__} stays green without it"
