"""The shopper's invoice: theirs alone, numbered when it is asked for, and made to be printed."""

import pytest

from app.services import cancelling
from tests.desk import numbers
from tests.factories import a_variant
from tests.shopper import Browser
from tests.shopping import buy, the_order

pytestmark = [
    pytest.mark.usefixtures("app_context"),
    pytest.mark.settings(
        COMPANY_NAME="Till & Sons Ltd", COMPANY_ADDRESS="1 Dock\nHull", VAT_NUMBER="GB 42", INVOICE_PREFIX="INV-"
    ),
]


@pytest.fixture
def bought(page: Browser) -> Browser:
    a_variant(name="House <Blend>")
    return buy(page, "BEANS", 2).get(f"/orders/{the_order().key}")


def test_it_is_issued_when_it_is_asked_for(bought):
    bought.get(f"/orders/{the_order().key}/invoice", status=404)
    bought.get(f"/orders/{the_order().key}")

    bought.submit("Invoice")

    assert numbers() == [1] and bought.title.startswith("Invoice INV-1")
    for said in ("Till & Sons Ltd", "1 Dock Hull", "VAT number GB 42", "House <Blend>", "20%", "£23.95", "SW1A 1AA"):
        assert said in bought.text, said


def test_it_is_linked_once_it_is_there(bought):
    bought.submit("Invoice")
    bought.get(f"/orders/{the_order().key}")

    bought.click("Invoice INV-1")

    assert numbers() == [1]


def test_what_was_cancelled_has_none(bought):
    data = bought.form_data("Invoice")
    cancelling.cancel(the_order().id, actor="shopper", reason="x")

    bought.post(f"/orders/{the_order().key}/invoice", data, status=409)

    assert numbers() == [] and "There is an invoice only for an order" in bought.text


def test_it_needs_a_token(bought):
    bought.post(f"/orders/{the_order().key}/invoice", {}, status=422)

    assert numbers() == []
