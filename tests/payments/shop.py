"""A shop with one thing to sell, somebody at one of its doors, and one provider: what they do, and how everything stands then."""

import contextvars
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from flask import Flask, current_app
from sqlalchemy import func, select, update

from app.extensions import db, transaction
from app.models.payment import Payment, PaymentEvent, PaymentMethod, Refund, RefundStatus, ShippingMethod
from app.services import errands, expiry, payments, settling
from app.services.mail import Mailer
from tests.factories import Item, a_shipping_method, a_variant
from tests.paying import overdue, owed, shelf, the_payments
from tests.payments.doors import Answer, Page
from tests.payments.tellers import Teller
from tests.shopping import STANDARD, level, orders
from tests.torture.room import at_once

T = TypeVar("T")
SKU, ON_HAND, WANTED = "BEANS", 5, 2
PRICES = {"GBP": 1000, "IRR": 5_000_000}
CONFIRMED = "order.confirmation"


@dataclass(frozen=True)
class Standing:
    """How everything stands, of all orders and attempts, the oldest first. `kept` is what the provider has for us."""

    orders: Sequence[str]
    payments: Sequence[str]
    stock: tuple[int, int]  # on hand, held
    owed: Sequence[str]  # topics of what the outbox was ever told, sorted
    kept: int = 0


class Shop:
    def __init__(self, app: Flask, door: Page, teller: Teller) -> None:
        self.app, self.door, self.teller = app, door, teller
        self.item: Item = a_variant(SKU, on_hand=ON_HAND, price_minor=PRICES[teller.currency], currency=teller.currency)
        self.delivery = STANDARD if teller.currency == "GBP" else a_shipping_method(price_minor=2_000_000, currency="IRR")
        found = select(PaymentMethod.id).where(PaymentMethod.gateway == teller.name)
        self.method: int = db.session.execute(found).scalar_one()
        price = select(ShippingMethod.price_minor).where(ShippingMethod.id == self.delivery)
        self.total: int = WANTED * PRICES[teller.currency] + db.session.execute(price).scalar_one()
        self.is_at_odds = False  # with the provider over how much money there is: it took what we did not ask for
        door.fill(self.item, WANTED)

    # --- whoever orders ---

    def order(self) -> str:
        """Order, and be sent to the provider; answers the reference of the payment."""
        answer = self.try_to_order()
        assert answer.leads_to.startswith("http://127.0.0.1"), answer
        return self.reference

    def try_to_order(self) -> Answer:
        return self.door.order(self.method, self.delivery)

    def pay_again(self) -> str:
        """Pay the same order once more from its page; answers the reference of that payment."""
        key = orders()[-1].key
        self.door.browser.get(f"/orders/{key}").submit(form=f"/orders/{key}/pay", payment=str(self.method), status=303)
        return self.reference

    @property
    def reference(self) -> str:
        """The provider's, of the newest payment."""
        return str(the_payments()[-1].gateway_reference)

    def come_back(self, reference: str = "") -> Page:
        self.door.browser.get(self.teller.return_url(reference or self.reference))
        return self.door

    def give_up(self) -> Page:
        self.door.browser.get(self.teller.cancel_url(self.reference))
        return self.door

    # --- what else happens ---

    def hear(self, kind: str = "", reference: str = "", **how: Any) -> int:
        """The provider's webhook arrives; answers the shop's HTTP status."""
        told = self.teller.webhook(kind or self.teller.tells, reference or self.reference, **how)
        return self.post(told.path, told.body, told.headers)

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        return self.ask("POST", path, data=body, headers=dict(headers))

    def ask(self, method: str, url: str, **sent: Any) -> int:
        """Somebody without a cookie asks, in a context that is not the test's; answers the HTTP status."""
        client = self.app.test_client()
        return contextvars.Context().run(client.open, url, method=method, **sent).status_code

    def tell(self, reference: str = "") -> None:
        """Let the shop hear of it without the shopper: by webhook, or where there is none by the worker's asking."""
        if self.teller.tells:
            assert self.hear(reference=reference) == 200
        else:
            self.work()

    def work(self) -> None:
        """A turn of the worker, as if the time to ask had come; what it owes is done."""
        with transaction() as t:
            t.execute(update(Payment).where(Payment.next_check_at.is_not(None)).values(next_check_at=Payment.created_at))
        settling.check_due(shelf())
        settling.take_unsettled(shelf())
        expiry.expire_due()
        said: list[str] = []
        while errands.deliver_due(self.mailer, said.append):
            pass
        assert not [line for line in said if not line.endswith(" done")], said
        db.session.rollback()

    @property
    def mailer(self) -> Mailer:
        return Mailer(current_app.config, lambda name, context: current_app.jinja_env.get_template(name).render(context))

    def let_it_expire(self) -> None:
        overdue(orders()[-1].id)
        assert expiry.expire_due() == 1

    def lose_reference(self) -> None:
        """As if the server was killed after the provider had been told, and before that was written down."""
        values = {"status": "CREATED", "gateway_reference": None, "next_step": None, "next_check_at": None, "asked_at": None}
        with transaction() as t:
            t.execute(update(Payment).values(**values))

    def at_once(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """Do all of it in the same moment, each in a context of its own."""

        def alone(job: Callable[[], T]) -> Callable[[], T]:
            def run() -> T:
                with self.app.app_context():
                    return job()

            return run

        db.session.rollback()
        return at_once([alone(job) for job in jobs])

    # --- how it stands ---

    def stands(self) -> Standing:
        return Standing(
            [order.status for order in orders()],
            [payment.status for payment in the_payments()],
            level(SKU),
            owed(),
            self.teller.kept(),
        )

    def waiting(self, **changed: Any) -> Standing:
        """Ordered, and not paid."""
        return replace(Standing(["HOLD"], ["PENDING"], (ON_HAND, WANTED), []), **changed)

    def paid(self, **changed: Any) -> Standing:
        """Sold and paid, once."""
        return replace(Standing(["PROCESSING"], ["CAPTURED"], (ON_HAND - WANTED, 0), [CONFIRMED], self.total), **changed)

    def ours(self) -> int:
        """What our own books say that the provider has for us."""
        db.session.rollback()
        taken = db.session.execute(select(func.coalesce(func.sum(Payment.captured_minor), 0))).scalar_one()
        done = Refund.status == RefundStatus.DONE
        back = db.session.execute(select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(done)).scalar_one()
        return int(taken) - int(back)

    def events(self) -> int:
        """How many webhooks were kept."""
        db.session.rollback()
        return db.session.execute(select(func.count(PaymentEvent.id))).scalar_one()

    def assert_thanked(self) -> None:
        """They are home, which opens with the confirmation, and their cart is gone."""
        browser = self.door.browser
        assert browser.path == f"/?order={orders()[-1].key}", browser.path
        assert "Thank you" in browser.text
        assert not self.door.has_cart()

    def assert_may_pay(self, words: str) -> None:
        """They are on the page of their order, which says these words and offers every way to pay; their cart is kept."""
        browser, order = self.door.browser, orders()[-1]
        assert browser.path == f"/orders/{order.key}" and words in browser.text, browser.text
        offered = {int(each.get("value", "")) for each in browser.document.every("input") if each.get("name") == "payment"}
        assert offered == {offer.id for offer in payments.offers(self.total, True, "GB", order.currency) if offer.is_available}
        assert self.method in offered and len(offered) > 1
        assert self.door.has_cart()

    def assert_checked(self) -> None:
        """They are told that nobody knows yet, and nothing else."""
        browser = self.door.browser
        assert "We are checking your payment" in browser.text, browser.text
        said = browser.part("main").lower()
        assert "failed" not in said and "declined" not in said
        assert self.door.has_cart()
