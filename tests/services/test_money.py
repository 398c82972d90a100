"""Amounts: whole minor units, every currency's own decimals, tax that rounds half to even."""

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from app import money


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [
        (1250, "GBP", "£12.50"),
        (5, "GBP", "£0.05"),
        (0, "GBP", "£0.00"),
        (123456789, "GBP", "£1,234,567.89"),
        (1250, "EUR", "€12.50"),
    ],
)
def test_amounts_are_said_with_every_decimal(minor, currency, said):
    assert money.text(minor, currency) == said


@pytest.mark.parametrize(
    ("currency", "said"), [("JPY", "1,250"), ("KRW", "1,250"), ("KWD", "1.250"), ("BHD", "1.250"), ("GBP", "12.50")]
)
def test_each_currency_has_its_own_decimals(currency, said):
    assert money.text(1250, currency).endswith(said)


@pytest.mark.parametrize(
    ("minor", "currency", "plain"), [(1250, "GBP", "12.50"), (7, "GBP", "0.07"), (7, "JPY", "7"), (7, "KWD", "0.007")]
)
def test_programs_read_plain_decimals(minor, currency, plain):
    assert money.plain(minor, currency) == plain


@given(st.integers(0, money.MAX_MINOR), st.sampled_from(["GBP", "JPY", "KWD"]))
def test_plain_amounts_are_read_back(minor, currency):
    assert money.parse(money.plain(minor, currency), currency) == minor


@pytest.mark.parametrize("text", ["", "x", "1,50", "-1", "NaN", "Infinity", "1e99", "12.505", "£1", "1.5 0"])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(ValueError, match="“"):
        money.parse(text, "GBP")


@pytest.mark.parametrize(
    ("gross", "rate", "tax"),
    [(120, 2000, 20), (333, 2000, 56), (1111, 2000, 185), (0, 2000, 0), (999, 0, 0), (3, 2000, 0), (9, 2000, 2), (15, 2000, 2)],
)
def test_the_tax_inside_is_rounded_half_to_even(gross, rate, tax):
    assert money.tax_inside(gross, rate) == tax


@given(st.integers(0, money.MAX_MINOR), st.integers(0, 10_000))
def test_the_tax_inside_is_the_exact_share_rounded(gross, rate):
    assert money.tax_inside(gross, rate) == round(Fraction(gross * rate, 10_000 + rate))
