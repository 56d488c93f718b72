"""Every suppression names the rule that it suppresses, and says why, so that a reader needs no other line."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("gate", "tests", "benchmarks", "example_shortener")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if ".venv" not in path.parts
    if "data" not in path.relative_to(ROOT).parts
]
SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b")
NAMED = re.compile(r"#\s*(?:noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*|type: ignore\[[a-z, -]+\])[\s#-]*")
POINTS_ELSEWHERE = re.compile(r"\b(?:as|see|same) (?:above|below)\b|\bditto\b", re.IGNORECASE)


def trouble(comment: str) -> str:
    """What is wrong with a comment that suppresses something; empty for any other comment."""
    if not SUPPRESSION.search(comment):
        return ""
    reason = NAMED.sub("", comment)
    if SUPPRESSION.search(reason):
        return "names no rule"
    if POINTS_ELSEWHERE.search(reason):
        return "has its reason elsewhere"
    return "" if len(re.findall(r"\w+", reason)) > 1 else "has no reason"


def test_every_suppression_has_a_reason_beside_it() -> None:
    bad = []
    for path in SOURCES:
        source = path.read_text("utf-8")
        if not SUPPRESSION.search(source):  # splitting a file into tokens takes longer than searching it
            continue
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT and (what := trouble(token.string)):
                bad.append(f"{path.relative_to(ROOT)}:{token.start[0]}: {token.string} {what}")
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize(
    ("comment", "what"),
    [
        ("# noqa: S310  from a file of ours", ""),
        ("# type: ignore[arg-type]  # as the test spells it", ""),
        ("# type: ignore[attr-defined]  # noqa: SLF001  there is no other way", ""),
        ("# why this line is here", ""),
        ("# noqa: S310", "has no reason"),
        ("# noqa: S310  as above", "has its reason elsewhere"),
        ("# noqa", "names no rule"),
        ("# type: ignore  # whatever it says", "names no rule"),
    ],
)
def test_bad_suppressions_are_recognized(comment: str, what: str) -> None:
    assert trouble(comment) == what
