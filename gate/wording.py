"""Counts and lists in words, as messages and reports have them; and a number in a text, as a person writes it."""

from __future__ import annotations

from collections.abc import Iterable


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 file`, `3 files`; `plural` where an s does not make it."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def number_in(text: str) -> int | None:
    """Return the whole number that a text is, in plain digits; None for anything else.

    Numbers with more digits than any count or time has are not read, and neither are digits of other scripts.
    """
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


def listed(names: Iterable[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b, and c`, in their order; none is left out."""
    items = list(names)
    if len(items) < 3:
        return f" {last} ".join(items)
    return f"{', '.join(items[:-1])}, {last} {items[-1]}"


def capitalized(text: str) -> str:
    """Return `text` with a capital first letter. The rest, such as names, stays as it is."""
    return f"{text[:1].upper()}{text[1:]}"
