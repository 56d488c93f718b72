"""Find words in strings, which may name an attribute, a column, an option, or a template parameter."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TEMPLATE_WORD = re.compile(r"[$:{@](?:\()?([A-Za-z_]\w*)|%\(([A-Za-z_]\w*)\)")
"""A template parameter: `$name`, `{name}`, `:name`, `%(name)s`."""
_SEPARATORS = re.compile(r"[.:,/]|__")
_LONGEST = 200
"""The length from which a string counts as prose."""


def template_words(text: str) -> Iterator[str]:
    """Yield the parameters of a template."""
    return (word for pair in _TEMPLATE_WORD.findall(text) for word in pair if word)


def identifiers_in(text: str) -> set[str]:
    """Return the names that a string, or a list of words in it, may be, or none if the string is too long."""
    if len(text) >= _LONGEST:
        return set()
    if text.startswith("-"):
        # A command-line option becomes an attribute: `--hide-public-info`, `--no-color/--color`.
        text = text.lstrip("-").replace("-", "_")
    return {word for word in (text, *_SEPARATORS.sub(" ", text).split()) if word.isidentifier()}


def prefixes(name: str) -> Iterator[str]:
    """Yield `a`, `a.b`, and `a.b.c` for `a.b.c`."""
    parts = name.split(".")
    return (".".join(parts[:number]) for number in range(1, len(parts) + 1))
