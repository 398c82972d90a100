"""Catalogue files read: which layout, and every kind of bad row with its line."""

import pytest

from app.services import layouts
from app.services.errors import BadFile


def read(file: str | bytes) -> layouts.Sheet:
    return layouts.read(file if isinstance(file, bytes) else file.encode(), currency="GBP")


def problems(file: str | bytes) -> list[tuple[int, str]]:
    return read(file).problems


def refusal(file: str | bytes) -> list[tuple[int, str]]:
    with pytest.raises(BadFile) as caught:
        read(file)
    return caught.value.problems


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (",Cup,3,,", "the SKU is missing"),
        ("-A,Cup,3,,", "“-A” is not a SKU"),
        ("straße,Cup,3,,", "“straße” is not a SKU"),
        ("A" * 65 + ",Cup,3,,", "is not a SKU"),
        ("GOOD,Jug,3,,", "the SKU GOOD already stands in line 2"),
        ("good,Jug,3,,", "the SKU GOOD already stands in line 2"),
        ("A,,3,,", "the product's name is missing"),
        ("A," + "x" * 251 + ",3,,", "product has 251 characters; at most 250 fit"),
        ("A,Cup,,,", "the price is missing"),
        ("A,Cup,£3,,", "“£3” is not an amount of money"),
        ("A,Cup,-3,,", "“-3” is not an amount of money"),
        ("A,Cup,1e3,,", "“1e3” is not an amount of money"),
        ("A,Cup,NaN,,", "“NaN” is not an amount of money"),
        ("A,Cup,3.005,,", "“3.005” has more decimals than GBP has"),
        ("A,Cup,99999999999999,,", "is too large"),
        ("A,Cup,3,EUR,", "the price is in “EUR”, but the shop sells in GBP"),
        ("A,Cup,3,,1.5", "on_hand is “1.5”, not a whole number"),
        ("A,Cup,3,,-1", "on_hand is “-1”, not a whole number"),
        ("A,Cup,3,,2147483648", "on_hand is “2147483648”, not a whole number from 0 to 2147483647"),
        ("A,Cup,3,,٣", "on_hand is “٣”, not a whole number"),
        ("A,Cup,3,", "4 cells where the header has 5"),
        ("A,Cup,3,,,", "6 cells where the header has 5"),
        ("A,Cu\0p,3,,", "the character NUL"),
        ('"A"B,Cup,3,,', "the row cannot be read"),
        ("A,Cup" + "p" * 140_000 + ",3,,", "field larger than field limit"),
    ],
)
def test_a_bad_row_is_reported_with_its_line(cells, reason):
    found = problems(f"sku,product,price,currency,on_hand\nGOOD,Pot,3,,\n{cells}\nX,Lid,-,,\n")

    assert [line for line, _ in found] == [3, 4]
    assert reason in found[0][1]


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("weight_grams", "1 kg", "weight_grams is “1 kg”"),
        ("is_digital", "perhaps", "is_digital is “perhaps”, neither yes nor no"),
        ("image", "javascript:alert(1)", "neither a web address nor a path"),
        ("category", "x" * 121, "category has 121 characters"),
        ("options", "x" * 251, "options has 251 characters"),
    ],
)
def test_other_cells_are_checked_too(column, cell, reason):
    [(line, said)] = problems(f"sku,product,price,{column}\nA,Cup,3,{cell}\n")

    assert line == 2
    assert reason in said


def test_the_line_is_where_the_record_starts():
    file = 'sku,product,price,description\r\nA,Cup,3,"one\r\ntwo\r\n"\r\n\r\nB,Jug,x,"one\r\ntwo"\r\nC,Lid,y,\r\n'

    assert [line for line, _ in problems(file)] == [6, 8]


def test_what_is_not_utf_8_is_named_by_its_byte():
    found = problems(b"sku,product,price\nA,Cup,3\nB," + "Café".encode("latin-1") + b",4\nC,Jug,x\n")

    assert found[0] == (3, "not UTF-8: byte 32 of the file is 0xE9; save the file as “CSV UTF-8”")
    assert [line for line, _ in found] == [3, 4]


@pytest.mark.parametrize(
    ("file", "line", "reason"),
    [
        ("", 1, "the file is empty"),
        ("\n\n", 1, "the file is empty"),
        ("sku;product;price\nA;Cup;3\n", 1, "expected our columns (at least sku, product, price)"),
        ("\nname,cost\nCup,3\n", 2, "the header is not one we know"),
        ("sku,product,price,Price\n", 1, "the column “price” stands twice"),
        ("sku,name,price_eur\nA,Cup,3\n", 1, "the prices are in EUR, but the shop sells in GBP"),
        ("sku,product,price\n".encode("utf-16"), 1, "not UTF-8: byte 1 of the file is 0xFF"),
        ('sku,product,price\nA,"Cup,3\nB,Jug,4\n', 2, "a quoted cell begins here and does not end"),
    ],
)
def test_a_file_that_is_unclear_as_a_whole_is_refused(file, line, reason):
    [(where, said)] = refusal(file)

    assert where == line
    assert reason in said


def test_unknown_columns_are_named():
    sheet = read("sku,product,price,onhand\nA,Cup,3,7\n")

    assert sheet.notes == [(1, "unknown columns are not read: onhand")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("lamp,,9", "the Title of the handle “lamp” is missing"),
        (",Lamp,9", "the Handle is missing"),
        ("lamp,Lamp,", "the price is missing"),
    ],
)
def test_bad_rows_of_an_export_are_reported(row, reason):
    assert problems(f"Handle,Title,Variant Price\ncup,Cup,3\n{row}\n") == [(3, reason)]


def test_a_made_up_sku_is_always_the_same_and_always_valid():
    assert layouts.sku_of("floor-lamp") == "FLOOR-LAMP"
    assert layouts.sku_of("чай зелёный") == layouts.sku_of("чай зелёный") != layouts.sku_of("чай чёрный")
    assert len(layouts.sku_of("long " * 40)) <= 64


def test_progress_is_told_to_the_last_line():
    file, told = "sku,product,price\n" + "".join(f"S{n},Cup,1\n" for n in range(2500)), []

    layouts.read(file.encode(), currency="GBP", advance=told.append)

    assert sum(told) == layouts.count_lines(file.encode()) == 2501


@pytest.mark.parametrize(("currency", "minor"), [("JPY", 3), ("KWD", 3000)])
def test_prices_are_in_the_shops_own_currency(currency, minor):
    sheet = layouts.read(b"sku,product,price\nA,Cup,3\nB,Jug,3.5555\n", currency=currency)

    assert (sheet.rows[0].variant["price_minor"], sheet.problems[0][0]) == (minor, 3)
