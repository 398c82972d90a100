"""What managers type: one way to write each thing, and a sentence for everything else."""

import pytest

from app.services.errors import InvalidInput
from app.services.typed import Typed, plain_grams, plain_percent


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("3.95", "GBP", 395),
        ("3,95", "EUR", 395),
        (" 3.5 ", "GBP", 350),
        ("0", "GBP", 0),
        ("500", "JPY", 500),
        ("12,50", "EUR", 1250),
        ("1.250", "KWD", 1250),
        ("£12.50", "GBP", 1250),
        ("12,50 EUR", "EUR", 1250),
        ("", "GBP", None),
    ],
)
def test_an_amount_is_a_plain_decimal(typed, currency, minor):
    form = Typed({"price": typed})

    assert (form.amount("price", currency), form.wrong) == (minor, {})


@pytest.mark.parametrize(
    "typed",
    [
        "-1",
        "+1",
        "1e3",
        "1_000",
        "1,000.00",
        "1,250",
        "1.250",
        "3.955",
        "3 crowns",
        "NaN",
        "Infinity",
        "３",
        "٣",
        "0x10",
        "3.",
        ".5",
        "9" * 13,
    ],
)
def test_what_is_no_amount_is_told_so(typed):
    form = Typed({"price": typed})

    assert form.amount("price", "GBP") is None
    assert form.wrong == {"price": "Enter an amount in GBP, such as 3.95."}


@pytest.mark.parametrize("typed", ["1,500", "1.500", "1.0"])
def test_a_thousand_yen_are_not_one(typed):
    form = Typed({"price": typed})

    assert form.amount("price", "JPY") is None
    assert form.wrong == {"price": "Enter an amount in JPY, such as 3."}


@pytest.mark.parametrize(("typed", "grams"), [("1.5", 1500), ("2", 2000), ("0,25", 250), ("0.001", 1), ("", None)])
def test_weights_are_typed_in_kilograms(typed, grams):
    form = Typed({"weight": typed})

    assert (form.grams("weight"), form.wrong) == (grams, {})


@pytest.mark.parametrize("typed", ["0.0005", "100001", "heavy", "-2", "1 kg"])
def test_what_is_no_weight_is_told_so(typed):
    form = Typed({"weight": typed})
    form.grams("weight")

    assert "in kilograms" in form.wrong["weight"]


@pytest.mark.parametrize(("typed", "rate_bp"), [("20", 2000), ("5.5", 550), ("0", 0), ("100", 10000), ("7,25", 725)])
def test_rates_are_typed_in_percent(typed, rate_bp):
    form = Typed({"rate": typed})

    assert (form.percent("rate"), form.wrong) == (rate_bp, {})


@pytest.mark.parametrize("typed", ["100.01", "101", "-1", "5.555", "20%", "1e1"])
def test_what_is_no_rate_is_told_so(typed):
    form = Typed({"rate": typed})
    form.percent("rate")

    assert "in percent" in form.wrong["rate"]


@pytest.mark.parametrize(
    ("typed", "codes"),
    [("GB", "GB"), ("gb, ie;fr", "GB IE FR"), ("GB\r\nGB  FR", "GB FR"), ("", ""), (" , ", "")],
)
def test_countries_are_codes_however_they_are_parted(typed, codes):
    form = Typed({"countries": typed})

    assert (form.countries("countries"), form.wrong) == (codes, {})


@pytest.mark.parametrize("typed", ["Britain", "XX", "GB UK", "G B", "GB/FR"])
def test_what_is_no_country_is_named(typed):
    form = Typed({"countries": typed})
    form.countries("countries")

    assert "is no country" in form.wrong["countries"]


@pytest.mark.parametrize(("typed", "number"), [("0", 0), ("007", 7), ("100", 100)])
def test_counts_are_whole_numbers(typed, number):
    form = Typed({"count": typed})

    assert (form.count("count", 100), form.wrong) == (number, {})


@pytest.mark.parametrize("typed", ["", "101", "-1", "1.0", "１", "many"])
def test_what_is_no_count_is_told_so(typed):
    form = Typed({"count": typed})
    form.count("count", 100)

    assert form.wrong == {"count": "Enter a whole number from 0 to 100."}


@pytest.mark.parametrize(
    "typed",
    [
        "hello",
        "a@b",
        "Till <till@shop.example>",
        "till@shop.example, more@shop.example",
        "till@shop.example\nBcc: all@shop.example",
        "till@shop.example\r\nBcc: all@shop.example",
        "till\x00@shop.example",
    ],
)
def test_what_is_no_mailbox_alone_is_told_so(typed):
    form = Typed({"email": typed})
    form.email("email")

    assert set(form.wrong) == {"email"}


def test_a_text_is_tidied_and_has_an_end():
    form = Typed({"name": "  Kaffee\u0301  ", "long": "x" * 11, "control": "a\x07b", "empty": " "})

    assert form.line("name", 10) == "Kaffeé"
    for name in ("long", "control", "empty"):
        form.line(name, 10, missing="Enter it.")

    assert form.wrong["long"] == "This is 11 characters long; 10 is the most."
    assert form.wrong["control"].startswith("Some of these characters")
    assert form.wrong["empty"] == "Enter it."
    with pytest.raises(InvalidInput):
        form.check()


@pytest.mark.parametrize(("grams", "shown"), [(1500, "1.5"), (2000, "2"), (1, "0.001"), (100_000_000, "100000"), (None, "")])
def test_weights_are_shown_as_they_are_typed(grams, shown):
    assert plain_grams(grams) == shown


@pytest.mark.parametrize(("rate_bp", "shown"), [(2000, "20"), (550, "5.5"), (0, "0"), (10000, "100"), (725, "7.25")])
def test_rates_are_shown_as_they_are_typed(rate_bp, shown):
    assert plain_percent(rate_bp) == shown
