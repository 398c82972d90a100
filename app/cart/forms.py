"""What the cart's forms send: SKUs and quantities, and nothing else."""

import re
from collections.abc import Mapping

from app.services.cart import MAX_QUANTITY

QUANTITY = re.compile(r"[0-9]{1,5}", re.ASCII)
FIELD = "quantity-"  # followed by the SKU, in the form of the whole cart
SENTENCE = f"Enter a whole number from 0 to {MAX_QUANTITY:,}."
ADD_SENTENCE = f"Enter a whole number from 1 to {MAX_QUANTITY:,}."


def quantity(text: str, *, empty: int | None = None) -> int | None:
    """The number in a quantity field, or None when there is none; Python's own int would take 1_000 and other digits."""
    text = text.strip()
    if not text:
        return empty
    return int(text) if QUANTITY.fullmatch(text) else None


def sku(text: str) -> str:
    """A SKU as it is stored: no blanks around it, upper case."""
    return text.strip().upper()[:64]


def quantities(form: Mapping[str, str]) -> tuple[dict[str, int], dict[str, str]]:
    """The quantities by SKU that the form of the whole cart sends, and the texts that are none."""
    good: dict[str, int] = {}
    bad: dict[str, str] = {}
    for name, text in form.items():
        if name and name.startswith(FIELD):  # a part of a multipart body may have no name at all
            number = quantity(text, empty=0)
            if number is None:
                bad[sku(name.removeprefix(FIELD))] = text
            else:
                good[sku(name.removeprefix(FIELD))] = number
    return good, bad
