"""Which files of a change are still those that somebody approved: tables and a property, no I/O."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.approvals.content import Contents, alike, covers, differing, merged_already, same

A, B = ("100644", "100644", "a", "b"), ("100644", "100644", "a", "c")
ADDED, DELETED = ("000000", "100644", "0", "b"), ("100644", "000000", "a", "0")
CONTENT = st.tuples(*[st.sampled_from(["100644", "000000"])] * 2, *[st.sampled_from("abc")] * 2)
CONTENTS = st.dictionaries(st.sampled_from(["p", "q", "r"]), CONTENT, max_size=3)


def test_files_are_the_same_or_differ_by_their_whole_content() -> None:
    approved, now = {"p": A, "q": A, "r": A}, {"p": A, "q": B, "s": A}
    assert same(approved, now) == ("p",)
    assert differing(approved, now) == ("q", "r", "s")


@pytest.mark.parametrize(
    ("approved", "now", "base", "merged"),
    [
        ({"p": A}, {}, {"p": ("100644", "b")}, {"p"}),
        ({"p": A}, {"p": A}, {"p": ("100644", "b")}, set()),
        ({"p": A}, {}, {"p": ("100644", "z")}, set()),
        ({"p": A}, {}, {"p": ("100755", "b")}, set()),
        ({"p": A}, {}, {}, set()),
        ({"p": ADDED}, {}, {"p": ("100644", "b")}, {"p"}),
        ({"p": DELETED}, {}, {}, {"p"}),
        ({"p": DELETED}, {"p": DELETED}, {}, set()),
        ({"p": DELETED}, {}, {"p": ("100644", "a")}, set()),
        ({"p": A, "q": A}, {"q": A}, {"p": ("100644", "b"), "q": ("100644", "b")}, {"p"}),
    ],
)
def test_a_file_is_merged_if_the_base_has_it_as_approved(
    approved: Contents, now: Contents, base: dict[str, tuple[str, str]], merged: set[str]
) -> None:
    assert merged_already(approved, now, base) == merged


@pytest.mark.parametrize(
    ("now", "equivalent", "covered"),
    [
        ({"p": A}, (), True),
        ({"p": B}, (), False),
        ({"p": B}, ("p",), True),
        ({"p": B}, ("q",), False),
        ({"p": A, "q": B}, ("p",), False),
        ({"q": A}, ("q",), False),
        ({}, (), False),
    ],
)
def test_an_equivalent_file_counts_as_approved(
    now: Contents, equivalent: tuple[str, ...], covered: bool
) -> None:
    assert covers({"p": A}, now, {}, equivalent) == covered


@pytest.mark.parametrize(
    ("approved", "now", "expected"),
    [("p", "p", True), ("p", "q", False), ("", "p", False), ("pq", "qr", True), ("pqrs", "stuvw", False),
     ("pqrs", "rsuvw", True), ("pqr", "rst", False), ("p", "pqrst", True)],
)  # fmt: skip
def test_changes_are_alike_that_share_half_of_the_smaller_one(
    approved: str, now: str, expected: bool
) -> None:
    assert alike(dict.fromkeys(approved, A), dict.fromkeys(now, B)) == expected


@given(before=CONTENTS, merged=st.sets(st.sampled_from(["p", "q", "r"])), other=CONTENTS)
def test_a_rest_is_covered_exactly_if_the_base_has_all_else_as_approved(
    before: Contents, merged: set[str], other: Contents
) -> None:
    now = {path: content for path, content in before.items() if path not in merged}
    base = {
        path: (mode, blob)
        for path, (_, mode, _, blob) in before.items()
        if path in merged and mode != "000000"
    }
    assert covers(before, now, base) == bool(now)
    for path in merged & before.keys():
        altered = {**base, path: ("100644", "z")}
        assert not covers(before, now, altered)
    if other and any(before.get(path) != content for path, content in other.items()):
        assert not covers(before, {**now, **other}, base)
