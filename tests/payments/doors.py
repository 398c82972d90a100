"""The ways in: the checkout form, the same with htmx, and a program. What comes back from a provider is always a browser."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask

from tests.factories import Item
from tests.programs import CHECKOUT, a_program
from tests.shopper import Browser, HtmxBrowser
from tests.shopping import place, put_in

NOTES = "Ring twice"


@dataclass(frozen=True)
class Answer:
    """What was answered to an order: its status, and where it leads out of the shop, or ""."""

    status: int
    leads_to: str


class Page:
    """Gus at the checkout form, without a script."""

    is_whose = True  # the browser that comes back ordered, so it is shown everything
    makes: Callable[[Flask], Browser] = Browser

    def __init__(self, app: Flask) -> None:
        self.browser = self.makes(app)

    def fill(self, item: Item, quantity: int) -> None:
        put_in(self.browser, item.sku, quantity)

    def order(self, method: int, delivery: int) -> Answer:
        """Press "Order and pay", or its like."""
        place(self.browser.get("/checkout"), payment=str(method), delivery=str(delivery), notes=NOTES, status=None)
        return Answer(self.browser.status, self.leads_to())

    def leads_to(self) -> str:
        return self.browser.response.location or ""

    def keeps_everything(self) -> bool:
        """After a refusal: the cart is there, and what was typed."""
        return self.has_cart() and NOTES in self.browser.html and "cannot be reached" in self.browser.text

    def has_cart(self) -> bool:
        return "cart" in self.browser.cookies

    def look_again(self) -> None:
        """At a payment that is being checked."""
        self.browser.click("Check again")


class Htmx(Page):
    """The same with htmx."""

    makes = HtmxBrowser

    def leads_to(self) -> str:
        return self.browser.response.headers.get("HX-Redirect", "")

    def look_again(self) -> None:
        self.browser.get("/fragments" + self.browser.path.partition("?")[0])


class Api(Page):
    """A program of Alice's; she pays in a browser that knows nothing of it."""

    is_whose = False

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        self.program = a_program(app)
        self.said = ""

    def fill(self, item: Item, quantity: int) -> None:
        self.program.put_in((item, quantity))

    def order(self, method: int, delivery: int) -> Answer:
        answer = self.program.ask("POST", CHECKOUT, json=self.program.wish(payment_method=method, shipping_method=delivery))
        told = answer.get_json()
        self.said = told.get("error", "")
        return Answer(answer.status_code, told.get("next_step", ""))

    def keeps_everything(self) -> bool:
        return self.has_cart() and "cannot be reached" in self.said

    def has_cart(self) -> bool:
        return bool(self.program.cart())


DOORS = {"page": Page, "hx": Htmx, "api": Api}
