"""The forms of stock: what may be typed into them."""

import re
from dataclasses import dataclass
from typing import Any

from wtforms import HiddenField, SelectField, StringField
from wtforms.validators import AnyOf, Length

from app.account.forms import EXPIRED, Sent
from app.models.stock import Reason
from app.services import text
from app.services.stock import MOST

ADD, SET = "add", "set"
WAYS = [(ADD, "Add or take away"), (SET, "Set to")]
REASONS = [
    ("", "No reason given"),
    (str(Reason.DELIVERY), "Delivery"),
    (str(Reason.COUNTED), "Counted"),
    (str(Reason.BROKEN), "Broken"),
    (str(Reason.STOLEN), "Stolen"),
    (str(Reason.OTHER), "Other"),
]
DIFFERENCE, COUNT = re.compile(r"[+-]?[0-9]{1,5}"), re.compile(r"[0-9]{1,5}")
NO_DIFFERENCE = "Type how many to add, such as 12, or to take away, such as -3; at most 99999 at once."
NO_COUNT = "Type how many there are, as a whole number such as 40; at most 99999."
LONGEST_NOTE = 200


@dataclass(frozen=True)
class Wish:
    """What a form asks for."""

    is_count: bool
    number: int  # the difference, or what was counted
    seen: int  # what the page said was on hand
    reason: Reason
    note: str


class StockForm(Sent):
    """A change of one variant's stock. `seen` is what the page showed, `back` the page it stood on."""

    way = SelectField("Change", [AnyOf(list(dict(WAYS)), "Choose one of the two ways.")], validate_choice=False)
    number = StringField("How many")
    reason = SelectField("Why", [AnyOf(list(dict(REASONS)), "Choose a reason from the list.")], validate_choice=False)
    note = StringField("Note (if you like)", [Length(max=LONGEST_NOTE, message=f"At most {LONGEST_NOTE} characters fit.")])
    seen = HiddenField()
    back = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.way.choices, self.reason.choices = WAYS, REASONS

    def wish(self) -> Wish | None:
        """What is asked for; None when something is wrong, which then stands beside its field."""
        if not self.is_right():
            return None
        is_count = self.way.data == SET
        typed = (self.number.data or "").strip().replace("−", "-")  # a phone may make a real minus sign of it
        note = text.clean(self.note.data or "")
        if not (COUNT if is_count else DIFFERENCE).fullmatch(typed) or (not is_count and int(typed) == 0):
            self.say({"number": NO_COUNT if is_count else NO_DIFFERENCE})
        if not text.is_storable(note):
            self.say({"note": text.REFUSED})
        if self.wrong:
            return None
        seen = whole(self.seen.data or "")
        if seen is None:
            self.say({"number": EXPIRED})
            return None
        return Wish(is_count, int(typed), seen, Reason(self.reason.data or Reason.SET), note)


def whole(typed: str) -> int | None:
    """A level that a page carried."""
    return int(typed) if re.fullmatch(r"[0-9]{1,10}", typed) and int(typed) <= MOST else None


class ThresholdForm(Sent):
    """From which level on a variant runs low."""

    low_stock_below = StringField("Runs low below")
    seen = HiddenField()

    def below(self) -> int | None:
        """The threshold; None when something is wrong."""
        typed = (self.low_stock_below.data or "").strip()
        if self.is_right() and not COUNT.fullmatch(typed):
            self.say({"low_stock_below": "Type a whole number such as 3, at most 99999; 0 never runs low."})
        return None if self.wrong else int(typed)


class ListingForm(Sent):
    """On sale or not."""

    listed = HiddenField(validators=[AnyOf(["yes", "no"], EXPIRED)])
