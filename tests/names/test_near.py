"""Which known word a misspelled one is meant to be, and what is cached of that."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gate.names.spelling.similarity import Vocabulary, candidates, may_be_candidate

WORDS = st.text("abA_", min_size=1, max_size=5)
VOCABULARIES = st.frozensets(WORDS, max_size=30)


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("laods", {"loads", "dumps"}, ["loads"]),
        ("load_s", {"loads", "load"}, ["loads"]),
        ("readText", {"read_text"}, ["read_text"]),
        ("nmae", {"name", "nmap"}, ["name", "nmap"]),
        ("ab", {"abc"}, []),
    ],
)
def test_another_case_comes_first_then_swapped_letters(word: str, known: set[str], found: list[str]) -> None:
    assert candidates(word, known) == found


@given(VOCABULARIES, VOCABULARIES, st.lists(WORDS))
@example(frozenset(), frozenset({"abAA"}), ["abA"])
def test_what_is_remembered_is_what_would_be_found(
    before: frozenset[str], after: frozenset[str], asked: list[str]
) -> None:
    old, new = Vocabulary(before), Vocabulary(after)
    for word in asked:
        old.near(word)
    new.recall(old.words, old.matches)
    assert [candidates(word, new) for word in asked] == [
        candidates(word, Vocabulary(after)) for word in asked
    ]


@given(WORDS, WORDS)
def test_nothing_is_found_that_could_not_be_meant(word: str, right: str) -> None:
    if right in candidates(word, {right}):
        assert may_be_candidate(word, right)
