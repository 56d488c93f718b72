"""However a pattern is made up, matching it takes time in proportion to its size and to the paths'."""

from __future__ import annotations

import sys
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.checks.paths import matches
from gate.codeowners import DIALECTS, gitea, parse
from gate.errors import UsageError
from gate.policy.types import Dialect

PIECES = (
    "a",
    "b",
    "*",
    "**",
    "?",
    "/",
    "[ab]",
    "(a+)+",
    "(a|a)*",
    "(a*)*",
    "{1,9}",
    ".*",
    "\\\\d+",
    ",",
    "{",
    "$",
)
PATHS = ("a" * 4000, "a/" * 2000 + "c", "ab" * 2000, "d/" + "a" * 200 + "!")
BOUND = 5.0
"""Seconds of a processor for some ten thousand characters: an exponential search takes years, a cubic one minutes."""


@given(pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=40), repeated=st.integers(1, 40))
def test_no_pattern_of_any_dialect_is_matched_slowly(pieces: list[str], repeated: int) -> None:
    line = ("".join(pieces) * repeated)[:2000]
    started = process_time()
    for dialect in DIALECTS:
        owners = parse(f"{line} @somebody\n".encode(), "CODEOWNERS", dialect)
        for path in PATHS:
            owners.owners_of(path)
    assert process_time() - started < BOUND


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 40 + "*b",
        "**/a/" * 40 + "b",
        "**a" * 40 + "b",
        "*" * 300 + "b",
        "a/**/" * 100 + "b",
        "?*" * 200 + "b",
    ],
    ids=lambda pattern: str(pattern)[:8],
)
def test_no_pattern_of_a_policy_is_matched_slowly(pattern: str) -> None:
    started = process_time()
    for path in PATHS:
        matches(path, pattern)
    assert process_time() - started < BOUND


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "text",
    [
        "\u200b" * 50_000,
        "\udc80".encode("utf-8", "surrogateescape").decode("latin-1") * 20_000,
        "{" + "," * 200_000,
        "(" * 200_000,
        "[" * 200_000,
        "a" * 200_000 + "@",
        "\\" * 200_000,
        "@a" * 100_000,
        "x @a\r" * 50_000,
        "a.*{1,900} @a\n" * 4_000,
    ],
    ids=range(10),
)
def test_no_file_is_read_slowly(text: str, dialect: Dialect) -> None:
    started = process_time()
    parse(text.encode(), "CODEOWNERS", dialect).owners_of("a" * 400)
    assert process_time() - started < BOUND


@pytest.mark.parametrize(
    ("expression", "path", "owned"),
    [
        ("(a+)+b", "a" * 5000, False),
        ("(a+)+b", "a" * 5000 + "b", True),
        ("(a|aa)+", "a" * 5000 + "!", False),
        ("!(a*)*b", "a" * 5000, True),
        # As Go reads it, and Python does not.
        ("[[:alpha:]]+", "abc", True),
        ("\\\\d+", "٣", False),
        ("doc.\\\\.md", "doc\udc80.md", True),
    ],
)
def test_expressions_of_gitea_are_those_of_go(expression: str, path: str, owned: bool) -> None:
    owners = parse(f"{expression} @somebody\n".encode(), ".gitea/CODEOWNERS", "gitea")
    assert not owners.mistakes
    assert bool(owners.owners_of(path)) == owned


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("(?=a)b", "is not a valid regular expression"),
        ("(a)\\\\1", "is not a valid regular expression"),
        ("a{1000}b{1000}", "is too large an expression"),
        ("(a{1000}){1000}", "is not a valid regular expression"),
    ],
)
def test_what_go_refuses_and_what_is_too_large_is_a_mistake(expression: str, reason: str) -> None:
    owners = parse(f"a @b\n\n{expression} @somebody\n".encode(), ".gitea/CODEOWNERS", "gitea")
    (mistake,) = owners.mistakes
    assert (mistake.file, mistake.line) == (".gitea/CODEOWNERS", 3)
    assert reason in mistake.message


def test_without_re2_nothing_is_taken_for_unowned(monkeypatch: pytest.MonkeyPatch) -> None:
    gitea.engine.cache_clear()
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(UsageError) as raised:
        parse(b".* @nehemiah\n", "CODEOWNERS", "gitea")
    assert "merge-gate[gitea]" in raised.value.hint
