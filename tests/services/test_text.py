"""What people typed, cleaned alike at every door."""

import pytest
from hypothesis import given, strategies as st

from app.services import text


@pytest.mark.parametrize(
    ("typed", "clean"),
    [(" a ", "a"), ("a\r\nb\rc\nd", "a\nb\nc\nd"), ("e\u0301", "é"), ("\u1100\u1161", "가"), ("", ""), ("\u00a0a", "a")],
)
def test_text_is_trimmed_composed_and_has_one_kind_of_line_break(typed, clean):
    assert text.clean(typed) == clean


@given(st.text())
def test_cleaning_twice_changes_nothing_more(typed):
    assert text.clean(text.clean(typed)) == text.clean(typed)


@pytest.mark.parametrize("char", ["\0", "\x07", "\x1b", "\x7f", "\x85", "\ud800", "\udfff"])
def test_control_characters_and_halves_of_characters_are_not_storable(char):
    assert not text.is_storable(f"a{char}b", lines=True)
    assert text.printable(f"a{char}b") == "ab"


@pytest.mark.parametrize("char", ["\n", "\t"])
def test_line_breaks_belong_only_where_several_lines_are_meant(char):
    assert text.is_storable(f"a{char}b", lines=True)
    assert not text.is_storable(f"a{char}b")


@pytest.mark.parametrize("typed", ["Ægir Þór", "محمد", "🌱👩‍👩‍👧", "O'Brien-Łęcki", "‮x"])
def test_names_of_all_peoples_are_storable(typed):
    assert text.is_storable(typed)


@given(st.text(alphabet=st.characters()))
def test_what_is_printable_is_storable(typed):
    assert text.is_storable(text.printable(typed).replace("\r", ""), lines=True)
