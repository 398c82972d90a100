"""Programs that act for an account through the JSON door, and look at every answer they get."""

import contextvars
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.extensions import db
from app.services import account_carts, accounts, address_book, tokens
from app.services.accounts import Member
from app.services.cart import Cart
from tests.factories import LONDON, Item

CHECKOUT = "/shop/checkout/cart"
ON_DELIVERY = {"payment_method": 1, "shipping_method": 1}


@dataclass
class Program:
    """Asks with the token of one account, if it has any."""

    app: Flask
    member: Member | None = None
    token: str = ""
    address_id: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, **sent: Any) -> TestResponse:
        """One request; what is answered must be what the door promises of every answer."""
        headers = dict(self.headers) | sent.pop("headers", {})
        if self.token:
            headers.setdefault("Authorization", f"Token {self.token}")
        db.session.rollback()
        ask = self.app.test_client().open  # in a context of its own: its `g` is not the test's
        answer = contextvars.Context().run(ask, f"/api{path}", method=method, headers=headers, buffered=True, **sent)
        inspect(answer)
        return answer

    def get(self, path: str, status: int = 200, **sent: Any) -> Any:
        return self.told("GET", path, status, **sent)

    def post(self, path: str, json: Any, status: int = 200, **sent: Any) -> Any:
        return self.told("POST", path, status, json=json, **sent)

    def patch(self, path: str, json: Any, status: int = 200, **sent: Any) -> Any:
        return self.told("PATCH", path, status, json=json, **sent)

    def delete(self, path: str, status: int = 204) -> Any:
        return self.told("DELETE", path, status)

    def told(self, method: str, path: str, status: int, **sent: Any) -> Any:
        answer = self.ask(method, path, **sent)
        assert answer.status_code == status, f"{method} {path} answered {answer.status_code}: {answer.get_data(as_text=True)}"
        return answer.json if answer.data else None

    def put_in(self, *lines: tuple[Item, int]) -> "Program":
        """Have so many of each in the account's cart."""
        was = account_carts.load(self.member.customer_id)
        account_carts.save(self.member.customer_id, was, Cart(was.id, tuple((item.id, quantity) for item, quantity in lines)))
        return self

    def cart(self) -> dict[int, int]:
        """Quantities by variant id."""
        db.session.rollback()
        return dict(account_carts.load(self.member.customer_id).lines)

    def wish(self, **changed: Any) -> dict[str, Any]:
        """A checkout of something physical, paid at the door."""
        return ON_DELIVERY | {"address": self.address_id} | changed


def inspect(answer: TestResponse) -> None:
    """JSON and nothing else, kept by nobody, with the headers that every answer carries."""
    if answer.status_code == 204:
        assert not answer.data
    else:
        assert answer.mimetype == "application/json", f"{answer.status_code} {answer.mimetype}"
        assert isinstance(answer.json, dict)
    if answer.status_code >= 400:
        assert set(answer.json) == {"error"} and answer.json["error"], answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


def a_program(app: Flask, email: str = "alice@example.com", **profile: Any) -> Program:
    """A program of somebody whose profile is complete, with one address."""
    values = {"name": "Alice Archer", "phone": "+44 20 7946 0000", "is_verified": True} | profile
    member = accounts.create(email, **values)
    address_id = address_book.add(member.customer_id, LONDON)
    return Program(app, member, tokens.make(member.account_id), address_id)
