"""Money: integers in minor units, how many of them make one, and how an amount is written."""

from decimal import Decimal, InvalidOperation
from functools import lru_cache

from babel import Locale
from babel.numbers import format_currency

# ISO 4217 minor units that are not 2. Babel's own digits are CLDR's habits of printing (0 for IRR), not the standard's.
# Source: ISO 4217 list one.
EXPONENTS = dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0) | dict.fromkeys(
    "BHD IQD JOD KWD LYD OMR TND".split(), 3
)

MAX_MINOR = 10**12  # no price or total of a shop is larger; keeps sums far inside 64 bits


def exponent(currency: str) -> int:
    """How many decimals the currency's minor unit stands for: 2 for GBP, 0 for JPY, 3 for KWD."""
    return EXPONENTS.get(currency, 2)


def parse(text: str, currency: str) -> int:
    """The minor units that a plain decimal such as "12.50" says. Raises ValueError with a sentence when it does not say any."""
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"“{text}” is not an amount of money") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"“{text}” is not an amount of money")
    minor = amount.scaleb(exponent(currency))
    if minor != minor.to_integral_value():
        raise ValueError(f"“{text}” has more decimals than {currency} has")
    if minor > MAX_MINOR:
        raise ValueError(f"“{text}” is too large")
    return int(minor)


def plain(minor: int, currency: str) -> str:
    """The amount as a plain decimal, as files and programs read it: 1250 GBP → "12.50"."""
    return f"{Decimal(minor).scaleb(-exponent(currency)):f}"


@lru_cache(maxsize=8192)
def text(minor: int, currency: str, locale: str = "en_GB") -> str:
    """The amount as people read it, with every decimal the currency has: 1250 GBP → "£12.50"."""
    digits = exponent(currency)
    pattern = Locale.parse(locale).currency_formats["standard"].pattern.split(";")[0]
    whole, _, _ = pattern.partition(".")
    tail = pattern[len(whole) :].lstrip(".0#")
    shown = whole + ("." + "0" * digits if digits else "") + tail
    return format_currency(Decimal(minor).scaleb(-digits), currency, format=shown, locale=locale, currency_digits=False)


def tax_inside(gross_minor: int, rate_bp: int) -> int:
    """The tax inside a gross amount, rounded half-even; the rate is in basis points (2000 = 20 %)."""
    quotient, rest = divmod(gross_minor * rate_bp, 10000 + rate_bp)
    twice = 2 * rest - (10000 + rate_bp)
    return quotient + (twice > 0 or (twice == 0 and quotient % 2 == 1))
