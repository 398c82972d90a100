"""Staff change stock while shoppers buy, over real HTTP: every number stays exact, and a delivery is applied once."""

from collections import Counter
from functools import partial

import pytest
from sqlalchemy import func, select, update

from app.extensions import db, transaction
from app.models.delivery import Delivery
from app.models.stock import StockMovement
from app.services import deliveries, delivery_file, stock
from tests.databases import BACKENDS
from tests.factories import a_variant
from tests.members import PASSWORD
from tests.staff import MANAGER, STAFF, a_manager, a_staff_member
from tests.torture.buyers import Answer, Buyer, Reader
from tests.torture.room import Room, assert_healthy, assert_sound, at_once, one_by_one, sold

pytestmark = [pytest.mark.race, pytest.mark.parametrize("backend", BACKENDS)]
SHOPPERS, EDITS, LEVEL = 20, 8, 500


class Clerk(Buyer):
    """Somebody behind the counter, with a browser without JavaScript."""

    def log_in(self, email: str) -> "Clerk":
        form = self.form_of("/account/login", "/account/login")
        answer = self.ask("POST", "/account/login", {**form, "email": email, "password": PASSWORD})
        assert answer.status == 303, answer.text
        return self

    def form_of(self, page: str, action: str) -> dict[str, str]:
        """What the form of this action on this page would send."""
        reader = Reader(action)
        reader.feed(self.ask("GET", page).text)
        assert "csrf_token" in reader.found, f"no form {action} on {page}"
        return reader.found

    def save(self, variant_id: int, way: str, number: int | None = None) -> tuple[int, Answer]:
        """Open the list and press Save in the row; what is counted is one more than is seen. Answers that, too."""
        form = self.form_of("/staff/stock", f"/staff/stock/{variant_id}")
        seen = int(form["seen"])
        wished = seen + 1 if number is None else number
        return seen, self.ask("POST", f"/staff/stock/{variant_id}", {**form, "way": way, "number": str(wished)})


@pytest.fixture
def room(databases, tmp_path):
    return Room(databases, tmp_path, seed=1, workers=2)


def ledger(app, variant_id: int) -> dict[str, int]:
    """The sum of what moved, by its reason."""
    with app.app_context():
        wanted = select(StockMovement.reason, func.sum(StockMovement.delta)).where(StockMovement.variant_id == variant_id)
        return {reason: int(total) for reason, total in db.session.execute(wanted.group_by(StockMovement.reason))}


def on_hand(app) -> int:
    with app.app_context():
        return stock.levels("BEANS")[0][1]


def test_edits_of_two_people_and_sales_of_twenty_add_up(room, backend):
    with room.open_shop(backend) as (app, server):
        with app.app_context():
            beans, _, _ = a_variant(on_hand=LEVEL), a_manager(), a_staff_member()
        clerks = [Clerk(server.url).log_in(email) for email in (MANAGER, STAFF, MANAGER, STAFF)]
        shoppers = [Buyer(server.url) for _ in range(SHOPPERS)]
        one_by_one([partial(shopper.go_to_checkout, {"BEANS": 1}) for shopper in shoppers])

        def add_and_take(clerk: Clerk) -> list[int]:
            done = []
            for number in [7, -3] * (EDITS // 2):
                _, answer = clerk.save(beans.id, "add", number)
                assert answer.status == 303, answer.text
                done.append(number)
            return done

        def count(clerk: Clerk) -> list[int]:
            done = []
            for _ in range(EDITS):
                _, answer = clerk.save(beans.id, "set")
                assert answer.status in (303, 409), answer.text
                done += [1] * (answer.status == 303)
            return done

        def buy(shopper: Buyer) -> list[int]:
            answer = shopper.order()
            assert answer.status == 303, answer.text
            return []

        jobs = [partial(add_and_take, clerk) for clerk in clerks[:2]] + [partial(count, clerk) for clerk in clerks[2:]]
        changed = sum(map(sum, at_once(jobs + [partial(buy, shopper) for shopper in shoppers])))

        moved = ledger(app, beans.id)
        assert sold(app, "BEANS") == (SHOPPERS, SHOPPERS)
        assert moved == {"opening": LEVEL, "sale": -SHOPPERS, "set": changed}
        assert on_hand(app) == sum(moved.values())
        assert_sound(app, "after the edits")
        assert_healthy(server)
        for person in (*clerks, *shoppers):
            person.close()


def test_the_last_ones_are_taken_away_or_sold_never_both(room, backend):
    with room.open_shop(backend) as (app, server):
        with app.app_context():
            beans, _ = a_variant(on_hand=SHOPPERS), a_manager()
        clerks = [Clerk(server.url).log_in(MANAGER) for _ in range(4)]
        shoppers = [Buyer(server.url) for _ in range(SHOPPERS)]
        one_by_one([partial(shopper.go_to_checkout, {"BEANS": 1}) for shopper in shoppers])
        wishes = [{"way": "add", "number": "-4", "reason": reason} for reason in ("", "broken", "stolen", "other")]
        page, form = "/staff/stock", f"/staff/stock/{beans.id}"
        forms = [clerk.form_of(page, form) | wish for clerk, wish in zip(clerks, wishes, strict=True)]

        def take(clerk: Clerk, form: dict[str, str]) -> Answer:
            return clerk.ask("POST", f"/staff/stock/{beans.id}", form)

        taking = [partial(take, clerk, form) for clerk, form in zip(clerks, forms, strict=True)]
        answers = at_once(taking + [shopper.order for shopper in shoppers])

        taken = sum(4 for answer in answers[: len(clerks)] if answer.status == 303)
        bought = sum(answer.status == 303 for answer in answers[len(clerks) :])
        assert {answer.status for answer in answers} <= {303, 409, 422}
        assert on_hand(app) == SHOPPERS - taken - bought >= 0
        assert sum(ledger(app, beans.id).values()) == on_hand(app)
        assert_sound(app, "after the last ones")
        for person in (*clerks, *shoppers):
            person.close()


def test_a_delivery_pressed_by_many_is_applied_once(room, backend):
    with room.open_shop(backend) as (app, server):
        with app.app_context():
            beans, _ = a_variant(on_hand=0), a_manager()
            first, second = (
                deliveries.take_in(
                    delivery_file.read(f"sku,product,quantity,no\nBEANS,House Blend,12,{n}".encode()), "x", actor="x"
                )
                for n in (1, 2)
            )
            with transaction() as t:  # as when two people took the same list in at the same moment
                sha256 = t.execute(select(Delivery.sha256).where(Delivery.id == first)).scalar_one()
                t.execute(update(Delivery).where(Delivery.id == second).values(sha256=sha256))
        clerks = [Clerk(server.url).log_in(MANAGER) for _ in range(8)]
        paths = [f"/staff/deliveries/{(first, second)[n % 2]}" for n in range(len(clerks))]
        forms = [clerk.form_of(path, path) | {"then": "apply"} for clerk, path in zip(clerks, paths, strict=True)]

        pressing = [partial(clerk.ask, "POST", path, form) for clerk, path, form in zip(clerks, paths, forms, strict=True)]
        answers = at_once(pressing)

        assert Counter(answer.status for answer in answers) == {303: 1, 409: 7}
        assert all("This delivery was applied on" in answer.text for answer in answers if answer.status == 409)
        assert ledger(app, beans.id) == {"delivery": 12}
        assert on_hand(app) == 12
        assert_sound(app, "after the delivery")
        for clerk in clerks:
            clerk.close()
