"""Counts in words, and numbers in texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.wording import count, number_in


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (12345, "12,345 files")]
)
def test_counts_have_their_plural(number: int, text: str) -> None:
    assert count(number, "file") == text


def test_a_plural_of_its_own_is_used() -> None:
    assert (count(1, "entry", "entries"), count(2, "entry", "entries")) == ("1 entry", "2 entries")


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "1 ", "1_0", "1.0", "²", "٣", "9" * 19, "9" * 5000])
def test_other_spellings_are_no_numbers(text: str) -> None:
    assert number_in(text) is None


@given(st.integers(0, 10**18 - 1))
def test_plain_digits_are_read(number: int) -> None:
    assert number_in(str(number)) == number


@given(st.text())
def test_any_text_is_a_number_or_none(text: str) -> None:
    number = number_in(text)
    assert number is None or (number >= 0 and int(text) == number)
