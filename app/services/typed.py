"""What was typed into a form, read strictly field by field: a value, or the sentence that says what to do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from email_validator import EmailNotValidError, validate_email

from app import money
from app.services import addresses, text
from app.services.errors import InvalidInput

DECIMAL = re.compile(r"[0-9]{1,12}([.,][0-9]{1,6})?")  # Python's own numbers take 1_000, 1e3 and other alphabets' digits
MOST_KILOGRAMS = 100_000


@dataclass
class Typed:
    """The fields of one form. Every reader answers something; `check` raises when one of them had to complain."""

    values: Mapping[str, str]
    wrong: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Raises InvalidInput with the sentences, if there are any."""
        if self.wrong:
            raise InvalidInput(self.wrong)

    def complain(self, name: str, sentence: str) -> None:
        self.wrong.setdefault(name, sentence)

    def line(self, name: str, most: int, *, missing: str = "", lines: bool = False) -> str:
        """A text of at most so many characters, tidied. `missing` is what to say of an empty one that may not be."""
        typed = text.clean(self.values[name])
        if not text.is_storable(typed, lines=lines):
            self.complain(name, text.REFUSED)
        elif len(typed) > most:
            self.complain(name, f"This is {len(typed)} characters long; {most} is the most.")
        elif missing and not typed:
            self.complain(name, missing)
        return typed

    def email(self, name: str) -> str:
        """A mailbox alone, without a name or another beside it; "" for nothing typed."""
        typed = self.line(name, 254)
        try:
            return validate_email(typed, check_deliverability=False, test_environment=True).normalized if typed else ""
        except EmailNotValidError:
            self.complain(name, "Enter an e-mail address alone, like shop@example.com.")
            return typed

    def amount(self, name: str, currency: str, *, missing: str = "") -> int | None:
        """An amount of money in minor units, typed as "12.50", "12,50" or "£12.50"; None for nothing typed.

        More decimals than the currency has are refused, zeros too: "1,250" may mean a thousand and more.
        """
        typed = self.line(name, 30, missing=missing)
        if not typed:
            return None
        try:
            decimal = self._decimal(typed.removeprefix(currency).removesuffix(currency).strip(" £€$"))
            if len(decimal.partition(".")[2]) > money.exponent(currency):
                raise ValueError(typed)
            return money.parse(decimal, currency)
        except ValueError:
            example = money.plain(395 * 10 ** money.exponent(currency) // 100, currency)
            self.complain(name, f"Enter an amount in {currency}, such as {example}.")
            return None

    def grams(self, name: str) -> int | None:
        """A weight typed in kilograms; None for nothing typed."""
        return self._scaled(name, 3, MOST_KILOGRAMS, f"Enter a weight in kilograms up to {MOST_KILOGRAMS}, such as 1.5.")

    def percent(self, name: str, *, missing: str = "") -> int | None:
        """A rate in basis points: "5.5" is 550; None for nothing typed."""
        return self._scaled(name, 2, 100, "Enter a rate in percent from 0 to 100, such as 20 or 5.5.", missing=missing)

    def count(self, name: str, most: int) -> int | None:
        """A whole number; None for nothing that is one."""
        typed = self.line(name, 30)
        if typed.isascii() and typed.isdigit() and int(typed) <= most:
            return int(typed)
        self.complain(name, f"Enter a whole number from 0 to {most}.")
        return None

    def countries(self, name: str) -> str:
        """ISO codes by blanks, each once, in the order they were typed; "" is everywhere."""
        codes = list(dict.fromkeys(re.split(r"[\s,;]+", self.line(name, 1500, lines=True).upper().strip(" ,;\n\t"))))
        codes = [code for code in codes if code]
        for code in codes:
            if not addresses.is_country(code):
                self.complain(name, f"“{code[:20]}” is no country. Write two letters for each, such as GB FR DE.")
        return " ".join(codes)

    def _scaled(self, name: str, places: int, most: int, sentence: str, *, missing: str = "") -> int | None:
        typed = self.line(name, 30, missing=missing)
        if not typed:
            return None
        try:
            number = Decimal(self._decimal(typed))
        except ValueError:
            self.complain(name, sentence)
            return None
        scaled = number.scaleb(places)
        if number > most or scaled != scaled.to_integral_value():
            self.complain(name, sentence)
            return None
        return int(scaled)

    def _decimal(self, typed: str) -> str:
        """A plain decimal with a point. Raises ValueError for anything else."""
        if not DECIMAL.fullmatch(typed):
            raise ValueError(typed)
        return typed.replace(",", ".")


def plain_grams(grams: int | None) -> str:
    """A weight as it is typed: 1500 → "1.5"."""
    return "" if grams is None else shortest(Decimal(grams).scaleb(-3))


def plain_percent(rate_bp: int) -> str:
    """A rate as it is typed: 550 → "5.5"."""
    return shortest(Decimal(rate_bp).scaleb(-2))


def shortest(number: Decimal) -> str:
    """A decimal without zeros at its end."""
    shown = f"{number:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
