"""A shop with a payment provider: orders there in every state of payment, and whether shop and provider agree about the money."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeVar

from flask import Flask
from sqlalchemy import func, select, update

from app.extensions import Busy, db, now, transaction
from app.models.order import Order
from app.models.outbox import OutboxMessage
from app.models.payment import Payment, Refund, RefundStatus
from app.services import errands, expiry, paying, refunds, stock
from app.services.mail import Mailer
from tests import driver
from tests.factories import Elsewhere, Item, a_cart, a_payment_method, a_variant
from tests.paying import BASE, ask, check_due, overdue
from tests.shopping import order_of
from tests.torture.provider import Provider
from tests.torture.room import Room, assert_sound

T = TypeVar("T")
THREADS = 256  # as many may speak with the provider at once as a race has runners
PATIENCE = 20  # times that whoever was told to come again does so
MOST_ROUNDS = 20  # of the worker, until nothing is due any more
TOTAL_MINOR = 1395  # of one unit with its delivery
UNIQUE = count(1)


@dataclass(frozen=True)
class Sent:
    """An order on HOLD whose shopper was sent to the provider."""

    order_id: int
    payment_id: int
    reference: str
    key: str


@dataclass
class Stage:
    """A shop, its provider, and the payment method that leads there."""

    app: Flask
    provider: Provider
    method: int

    def item(self, on_hand: int, **columns: object) -> Item:
        """A variant of this round's own; nobody is told that few are left."""
        return a_variant(f"MONEY-{next(UNIQUE)}", on_hand=on_hand, **{"low_stock_below": 0, **columns})

    def begun(self, item: Item, quantity: int = 1, **wish: object) -> Sent:
        """An order of so many, its shopper at the provider; one of goods that come by e-mail with a `shipping_id` of None."""
        placed = order_of(a_cart((item, quantity)), payment_id=self.method, **wish)  # type: ignore[arg-type]
        paying.begin(placed.order_id, BASE)
        return self.newest(placed.order_id)

    def newest(self, order_id: int) -> Sent:
        """The last attempt to pay this order."""
        db.session.rollback()
        columns = Payment.id, Payment.gateway_reference, Payment.key
        wanted = select(*columns).where(Payment.order_id == order_id).order_by(Payment.id.desc())
        row = db.session.execute(wanted.limit(1)).one()
        return Sent(order_id, row.id, row.gateway_reference or "", row.key)

    def expired(self, item: Item, **wish: object) -> Sent:
        """An order whose time was over before anybody paid."""
        sent = self.begun(item, **wish)
        overdue(sent.order_id)
        assert expiry.expire(sent.order_id)
        return sent

    def paid(self, item: Item, quantity: int = 1, **wish: object) -> Sent:
        sent = self.begun(item, quantity, **wish)
        self.provider.pay(sent.reference)
        ask(sent.payment_id)
        return sent

    def apart(self, job: Callable[[], T]) -> Callable[[], T]:
        """The job for a thread of its own, done by whoever comes again when the shop is busy."""

        def run() -> T:
            for _ in range(PATIENCE):
                with self.app.app_context():
                    try:
                        return job()
                    except Busy:
                        continue
            raise AssertionError("the shop is always busy")

        return run

    # --- what came of it ---

    def status(self, order_id: int) -> str:
        db.session.rollback()
        return str(db.session.execute(select(Order.status).where(Order.id == order_id)).scalar_one())

    def refunds(self, *order_ids: int) -> list[int]:
        """What goes back of these orders, each refund by itself, in minor units."""
        db.session.rollback()
        wanted = select(Refund.amount_minor).join(Payment, Payment.id == Refund.payment_id)
        return sorted(db.session.execute(wanted.where(Payment.order_id.in_(order_ids))).scalars())

    def confirmations(self, order_id: int) -> int:
        db.session.rollback()
        key = OutboxMessage.dedupe_key == f"order.confirmation:{order_id}"
        return int(db.session.execute(select(func.count()).select_from(OutboxMessage).where(key)).scalar_one())

    def level(self, item: Item) -> tuple[int, int]:
        """(on hand, held)."""
        db.session.rollback()
        [(_, on_hand, held, _)] = stock.levels(item.sku)
        return on_hand, held

    # --- the worker ---

    def work(self, order_ids: list[int]) -> None:
        """What a worker does that was started anew, as if all that it waits for had come: until nothing is due any more."""
        with self.app.app_context():
            mine = Payment.order_id.in_(order_ids)
            with transaction() as t:
                t.execute(update(Payment).where(mine, Payment.next_check_at.is_not(None)).values(next_check_at=now()))
                t.execute(update(Payment).where(mine).values(asked_at=None))
                due = {"lease_until": None, "available_at": now() - timedelta(seconds=1)}
                t.execute(update(OutboxMessage).where(OutboxMessage.done_at.is_(None)).values(**due))
            mailer = Mailer(self.app.config, lambda name, context: self.app.jinja_env.get_template(name).render(context))
            rounds = partial(errands.deliver_due, mailer), expiry.expire_due, check_due
            for _ in range(MOST_ROUNDS):
                if not sum(go() for go in rounds):
                    break
            db.session.remove()

    def send_refunds(self) -> None:
        """What the errands of all promised refunds do."""
        with self.app.app_context():
            for refund_id in db.session.execute(select(Refund.id).where(Refund.status == RefundStatus.QUEUED)).scalars().all():
                refunds.send(refund_id)

    # --- whether all is well ---

    def assert_agrees(self, when: str) -> None:
        """Shop and provider say the same of the money, each payment was taken once at most, and every invariant holds."""
        with self.app.app_context():
            known = Payment.gateway_reference.is_not(None), Payment.gateway == self.provider.name
            columns = Payment.gateway_reference, Payment.captured_minor, Payment.refunded_minor
            ours = {row[0]: (row[1], row[2]) for row in db.session.execute(select(*columns).where(*known))}
            keys = {row[0]: row[1] for row in db.session.execute(select(Refund.key, Refund.amount_minor))}
            undone = db.session.execute(select(Refund.id, Refund.status).where(Refund.status != RefundStatus.DONE)).all()
            db.session.rollback()
        accounts = self.provider.accounts()
        theirs = {name: (each.captured_minor, each.refunded_minor) for name, each in accounts.items()}
        assert not undone, f"{when}: refunds {undone} were not sent"
        unknown = {name: money for name, money in theirs.items() if name not in ours and money != (0, 0)}
        assert not unknown, f"{when}: the shop knows nothing of {unknown}"
        differ = {name: (money, theirs.get(name)) for name, money in ours.items() if money != theirs.get(name)}
        assert not differ, f"{when}: (captured, refunded) here and there: {differ}"
        assert keys == self.provider.refund_keys(), f"{when}: refunds here {keys}, there {self.provider.refund_keys()}"
        often = {name: each for name, each in accounts.items() if each.captures > 1}
        assert not often, f"{when}: taken more than once: {often}"
        twice = [key for key, number in Counter(each.payment_key for each in accounts.values()).items() if number > 1]
        assert not twice, f"{when}: the provider takes one attempt for several: {twice}"
        assert_sound(self.app, when)


@contextmanager
def stage(room: Room, backend: str) -> Iterator[Stage]:
    """A fresh shop with its provider."""
    with room.shop(backend, THREADS=THREADS) as app, app.app_context():
        provider = Provider(Path(app.instance_path) / f"provider-{secrets.token_hex(4)}.sqlite3")
        app.extensions["gateways"][Elsewhere.name] = provider
        method = a_payment_method(Elsewhere.name, "Pay elsewhere")
        db.session.remove()
        driver.wire_of(db.engine)  # while no connection is in use
        yield Stage(app, provider, method)
        db.session.remove()


def same(found: object, wanted: object) -> None:
    """Raises AssertionError with both when they differ."""
    assert found == wanted, f"{found} instead of {wanted}"


def told(outcomes: Counter[str]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(outcomes.items()))
