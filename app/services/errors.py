"""What can go wrong in the shop, in sentences fit for a shopper to read."""

from typing import Any


class ShopError(Exception):
    """A rule of the shop says no. `message` is a sentence with %(name)s places for `values`, so that it can be translated."""

    message = "That did not work."
    status = 422  # what a door over HTTP answers
    retry_seconds = 0  # after which the same may be tried again; 0: it would fail again

    def __init__(self, message: str | None = None, **values: Any) -> None:
        self.message = message or self.message
        self.values = values
        super().__init__(self.message % values if values else self.message)


class NotFound(ShopError):
    message = "There is no such thing here."
    status = 404


class InvalidInput(ShopError):
    """Something that was typed cannot be used; `fields` says what to do by the field's name."""

    message = "Please check what you typed."

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__()
        self.fields = fields


class EmptyCart(ShopError):
    message = "Your cart is empty."


class CartFull(ShopError):
    message = "Your cart holds as many different things as it can. Order these first, then come back for more."


class MethodUnavailable(ShopError):
    """A method that was chosen does not fit, or none was; `kind` is shipping or payment."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class OutOfStock(ShopError):
    """`short` lists every line that cannot be had: (variant id, name with options, wanted, left)."""

    message = "Some things in your cart are not left in the quantity you want."
    status = 409

    def __init__(self, short: list[tuple[int, str, int, int]]) -> None:
        super().__init__()
        self.short = short


class TotalChanged(ShopError):
    """What the shopper was shown is no longer true; nothing was ordered."""

    message = "The total changed since you saw it, so nothing was ordered. Please look at it again."
    status = 409


class AlreadyOrdered(ShopError):
    """This cart is on an order whose content is another; `key` is that order's."""

    message = "You already ordered these."
    status = 409

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


class StockConflict(ShopError):
    message = "%(sku)s holds %(held)s for unpaid orders, so its stock cannot be set to %(wanted)s."
    status = 409


class StockRefused(ShopError):
    """Stock cannot be so much, or so little."""


class StockMoved(ShopError):
    """A count was made while things were sold, or somebody else counted; nothing was changed.

    `level` is what is on hand now, `seen` what the page had said; `sold` how many were, 0 when something else happened too.
    """

    status = 409

    def __init__(self, *, seen: int, level: int, sold: int) -> None:
        super().__init__(self._sentence(sold), seen=seen, level=level, sold=sold)
        self.seen, self.level, self.sold = seen, level, sold

    @staticmethod
    def _sentence(sold: int) -> str:
        if sold == 1:
            return "1 was sold since you looked: it is %(level)s now. Press Save again to set it all the same."
        if sold > 1:
            return "%(sold)s were sold since you looked: it is %(level)s now. Press Save again to set it all the same."
        return "It was %(seen)s when you looked: it is %(level)s now. Press Save again to set it all the same."


class DoneAlready(ShopError):
    """Somebody made just this change since they saw the page: was it pressed twice, or is it meant? `level` is on hand now."""

    status = 409

    def __init__(self, *, delta: int, level: int) -> None:
        done = "You added %(count)s" if delta > 0 else "You took away %(count)s"
        super().__init__(
            f"{done} already: it is %(level)s now. Press Save again to do it once more.", count=abs(delta), level=level
        )
        self.level = level


class BadFile(ShopError):
    """A file that cannot be taken in; `problems` are (line number, reason)."""

    message = "The file has mistakes; nothing was changed."

    def __init__(self, problems: list[tuple[int, str]], message: str | None = None) -> None:
        super().__init__(message)
        self.problems = problems
