"""Things for tests to be about, written as the shop itself would; each factory takes only what its test is about.

They need an app context: `pytestmark = pytest.mark.usefixtures("app_context")`.
"""

import json
import secrets
from dataclasses import dataclass, replace
from typing import Any

from flask import current_app
from sqlalchemy import select, update

from app.extensions import db, transaction
from app.gateways.shape import Attempt, Event, Facts, GatewayDown, PaymentStart, Started, State
from app.models.catalog import Category, Product, TaxClass, Variant
from app.models.customer import Account, Customer
from app.models.discount import DiscountCode, Kind
from app.models.payment import PaymentMethod, ShippingMethod
from app.models.stock import Reason
from app.services import catalog, stock
from app.services.addresses import Address
from app.services.cart import Cart
from app.services.customers import Contact

LONDON = Address(country="GB", line1="1 High Street", city="London", postcode="SW1A 1AA")
STANDARD_MINOR = 395  # "Standard delivery", which the migrations bring


@dataclass(frozen=True)
class Item:
    """A variant that was made: enough to name it in a cart, an address or a question."""

    id: int
    sku: str
    slug: str
    product_id: int


def a_category(name: str = "Beans") -> int:
    with transaction():
        category = Category(slug=name.lower(), name=name)
        db.session.add(category)
        db.session.flush()
        return category.id


def a_variant(
    sku: str = "BEANS",
    *,
    on_hand: int = 10,
    price_minor: int = 1000,
    name: str = "House Blend",
    of: Item | None = None,
    category_id: int | None = None,
    search_text: str = "",
    **columns: Any,
) -> Item:
    """A variant for sale: of a product of its own, or one more `of` another's."""
    with transaction() as t:
        product = db.session.get(Product, of.product_id) if of else a_product(sku, name, category_id, search_text)
        values = {"currency": "GBP", "weight_grams": 250, "position": len(product.variants)} | columns
        made = Variant(product_id=product.id, sku=sku, price_minor=price_minor, **values)
        db.session.add(made)
        db.session.flush()
        item = Item(made.id, made.sku, product.slug, product.id)
        stock.put(t, made.id, on_hand, reason=Reason.OPENING, actor="test")
        catalog.refresh(t, [made.id])
    return item


def a_product(sku: str, name: str, category_id: int | None, search_text: str) -> Product:
    tax_class_id = db.session.execute(select(TaxClass.id).order_by(TaxClass.id).limit(1)).scalar_one()
    product = Product(slug=sku.lower().replace(".", "-"), name=name, tax_class_id=tax_class_id, category_id=category_id)
    product.name_key = catalog.fold(name)
    product.search_text = catalog.fold(f"{name} {sku} {search_text}")
    product.label_version = "1"
    db.session.add(product)
    db.session.flush()
    return product


def a_guide(sku: str = "GUIDE", *, price_minor: int = 0) -> Item:
    """Something that comes by e-mail."""
    return a_variant(sku, name="Brewing Guide", price_minor=price_minor, is_digital=True, weight_grams=0)


def many_products(count: int) -> list[Item]:
    """Products in one go, for pages of them; names and prices repeat, so that sorting has ties to break."""
    with transaction() as t:
        tax_class_id = db.session.execute(select(TaxClass.id).limit(1)).scalar_one()
        made = []
        for number in range(count):
            name, price = f"Bag {number % 7}", 100 * (number % 5 + 1)
            product = Product(slug=f"bag-{number}", name=name, name_key=catalog.fold(name), tax_class_id=tax_class_id)
            product.search_text = catalog.fold(name)
            variant = Variant(product=product, sku=f"BAG-{number}", price_minor=price, currency="GBP")
            db.session.add(product)
            made.append((product, variant))
        db.session.flush()
        for _, variant in made:
            stock.put(t, variant.id, 5, reason=Reason.OPENING, actor="test")
        catalog.refresh(t, [variant.id for _, variant in made])
        return [Item(variant.id, variant.sku, product.slug, product.id) for product, variant in made]


def set_columns(model: Any, row_id: int, **columns: Any) -> None:
    """Change columns of one row, as staff will, and say that the catalogue changed."""
    with transaction() as t:
        t.execute(update(model).where(model.id == row_id).values(**columns))
        if model in (Variant, Product):
            of_it = Variant.id == row_id if model is Variant else Variant.product_id == row_id
            catalog.refresh(t, t.execute(select(Variant.id).where(of_it)).scalars().all())


def a_shipping_method(name: str = "Courier", price_minor: int = 900, **columns: Any) -> int:
    with transaction():
        values = {"code": secrets.token_hex(4), "currency": "GBP", "position": 9} | columns
        made = ShippingMethod(name=name, price_minor=price_minor, **values)
        db.session.add(made)
        db.session.flush()
        return made.id


def a_payment_method(gateway: str = "delivery", name: str = "Another way", **columns: Any) -> int:
    with transaction():
        made = PaymentMethod(gateway=gateway, name=name, **{"code": secrets.token_hex(4), "position": 9} | columns)
        db.session.add(made)
        db.session.flush()
        return made.id


def a_discount(code: str = "SUMMER10", *, percent: int = 0, amount: int = 0, **columns: Any) -> int:
    """A code that takes so many per cent or so many minor units off, 10 % unless said otherwise; answers its id."""
    kind, value = (Kind.AMOUNT, amount) if amount else (Kind.PERCENT, (percent or 10) * 100)
    with transaction():
        made = DiscountCode(code=code, kind=kind, value=value, **{"currency": "GBP"} | columns)
        db.session.add(made)
        db.session.flush()
        return made.id


class Elsewhere:
    """A gateway that sends the shopper to another site: its orders are on HOLD until its word came.

    `asked` is what it was told, `refunds` what it was asked to send back, by key; `is_down` lets it answer nothing, and `says`
    what is different of the facts it gives: at first that nobody has paid yet.
    """

    name = "elsewhere"
    is_direct = False
    asks_who_wrote = False
    merchant = "till"
    origins = ("https://pay.example",)

    def __init__(self) -> None:
        self.asked: list[PaymentStart] = []
        self.refunds: dict[str, int] = {}
        self.captures = 0
        self.is_down = False
        self.says: dict[str, Any] = {}

    @classmethod
    def from_config(cls, config: Any) -> "Elsewhere":
        return cls()

    def refuses(self, amount_minor: int, currency: str) -> str | None:
        return None

    def start(self, request: PaymentStart) -> Started:
        self.asked.append(request)
        self.answer()
        return Started(f"ref-{request.idempotency_key}", f"https://pay.example/{request.key}")

    def fetch(self, attempt: Attempt) -> Facts:
        self.answer()
        facts = Facts(State.OPEN, attempt.reference, attempt.amount_minor, attempt.currency, self.merchant, attempt.order_key)
        return replace(facts, payment_key=attempt.key, **self.says)

    def capture(self, attempt: Attempt) -> Facts:
        self.captures += 1
        self.says["state"] = State.CAPTURED
        return self.fetch(attempt)

    def refund(self, attempt: Attempt, amount_minor: int, key: str) -> str:
        self.answer()
        self.refunds[key] = amount_minor
        return f"back-{key}"

    def events(self, body: bytes, headers: Any) -> list[Event]:
        return [Event(**json.loads(body))]

    def unsettled(self) -> list[str]:
        return []

    def answer(self) -> None:
        if self.is_down:
            raise GatewayDown("nobody answers")


def a_redirect_method(monkeypatch: Any) -> int:
    """A payment method whose gateway has the shopper wait; for this test only."""
    monkeypatch.setitem(current_app.extensions["gateways"], Elsewhere.name, Elsewhere())
    return a_payment_method(Elsewhere.name, "Pay elsewhere")


def an_account(email: str, **columns: Any) -> int:
    """Somebody with an account, and their customer row, whose id is answered."""
    with transaction():
        account = Account(email=email, password_hash="x", role="customer", session_version=1)
        db.session.add(account)
        db.session.flush()
        customer = Customer(email=email, account_id=account.id, **columns)
        db.session.add(customer)
        db.session.flush()
        return customer.id


def a_contact(email: str = "gus@example.com", *, address: Address | None = LONDON) -> Contact:
    return Contact(email, "Gus Guest", "", address)


def a_cart(*lines: tuple[Item, int]) -> Cart:
    """A cart with so many of each."""
    return Cart(lines=tuple((item.id, quantity) for item, quantity in lines))
