"""When a change of a file is still the one that was approved, though the base has moved in the same file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.company import Clone

from gate.approvals.content import Content
from gate.git.hunks import HunkComparison
from gate.git.repository import Repository

LINES = [f"line {number}\n" for number in range(30)]


class Blobs:
    """Texts as blobs of a repository, and merges of them as git makes them."""

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        self.repository = Repository.find(clone.path)

    def put(self, lines: list[str]) -> str:
        return self.clone.git("hash-object", "-w", "--stdin", stdin="".join(lines).encode()).strip()

    def change(self, old: list[str], new: list[str], mode: str = "100644") -> Content:
        return ("100644", mode, self.put(old), self.put(new))

    def same(self, approved: Content, proposed: Content) -> bool:
        return HunkComparison(self.repository).same(approved, proposed)


@pytest.fixture
def blobs(project: Clone) -> Blobs:
    return Blobs(project)


def edited(lines: list[str], at: int, new: list[str], removed: int = 1) -> list[str]:
    return [*lines[:at], *new, *lines[at + removed :]]


HERE = edited(LINES, 20, ["changed\n"])
ABOVE = edited(LINES, 2, ["new\n", "new\n", "new\n"], 0)


def test_a_base_that_moves_elsewhere_leaves_the_change_what_it_is(blobs: Blobs) -> None:
    approved = blobs.change(LINES, HERE)
    assert blobs.same(approved, approved)
    assert blobs.same(approved, blobs.change(ABOVE, edited(ABOVE, 23, ["changed\n"])))
    below = edited(LINES, 28, [], 2)
    assert blobs.same(approved, blobs.change(below, edited(below, 20, ["changed\n"])))


@pytest.mark.parametrize(
    ("base", "result"),
    [
        pytest.param(ABOVE, edited(ABOVE, 23, ["changed \n"]), id="white space"),
        pytest.param(ABOVE, edited(ABOVE, 23, ["changed\n", "more\n"]), id="a line more"),
        pytest.param(ABOVE, edited(edited(ABOVE, 23, ["changed\n"]), 10, ["x\n"]), id="a hunk more"),
        pytest.param(ABOVE, ABOVE, id="nothing"),
        pytest.param(LINES, edited(LINES, 20, ["changed\r\n"]), id="a line end"),
        pytest.param(edited(LINES, 19, ["x\n"]), edited(edited(LINES, 19, ["x\n"]), 20, ["changed\n"]), id="conflict"),
        pytest.param(
            edited(LINES, 5, ["line 20\n"], 0),
            edited(edited(LINES, 5, ["line 20\n"], 0), 5, ["changed\n"]),
            id="the same lines, at another place",
        ),
    ],
)  # fmt: skip
def test_what_makes_it_another_change(blobs: Blobs, base: list[str], result: list[str]) -> None:
    assert not blobs.same(blobs.change(LINES, HERE), blobs.change(base, result))


def test_an_insertion_at_another_place_is_another_change(blobs: Blobs) -> None:
    approved = blobs.change(LINES, edited(LINES, 20, ["inserted\n"], 0))
    assert blobs.same(approved, blobs.change(ABOVE, edited(ABOVE, 23, ["inserted\n"], 0)))
    assert not blobs.same(approved, blobs.change(ABOVE, edited(ABOVE, 22, ["inserted\n"], 0)))


def test_what_is_no_text_or_another_kind_of_file_is_compared_whole(blobs: Blobs) -> None:
    approved = blobs.change(LINES, HERE)
    moved = edited(ABOVE, 23, ["changed\n"])
    assert not blobs.same(approved, blobs.change(ABOVE, moved, "100755"))
    assert not blobs.same(("120000",) * 2 + approved[2:], ("120000",) * 2 + blobs.change(ABOVE, moved)[2:])
    nul = ["\0\n"]
    assert not blobs.same(blobs.change(nul + LINES, nul + HERE), blobs.change(nul + ABOVE, nul + moved))
    gone = "1" * 40
    assert not blobs.same(("100644", "100644", gone, approved[3]), approved)


SETTINGS = (
    "diff.context=9", "diff.interHunkContext=9", "diff.noprefix=true", "diff.algorithm=patience",
    "core.whitespace=cr-at-eol",
)  # fmt: skip


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_have_no_say(blobs: Blobs, setting: str) -> None:
    blobs.clone.git("config", *setting.split("="))
    assert not blobs.same(blobs.change(LINES, HERE), blobs.change(LINES, edited(LINES, 20, ["changed\r\n"])))
    assert blobs.same(blobs.change(LINES, HERE), blobs.change(ABOVE, edited(ABOVE, 23, ["changed\n"])))


EDIT = st.tuples(
    st.integers(0, 11), st.lists(st.sampled_from(["a\n", "b\n", "line 3\n"]), max_size=2), st.integers(0, 2)
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(own=EDIT, theirs=EDIT, tamper=st.one_of(st.none(), EDIT))
def test_only_the_clean_merge_of_the_very_hunks_is_the_same(
    blobs: Blobs, tmp_path: Path, own: tuple[int, list[str], int], theirs: tuple[int, list[str], int],
    tamper: tuple[int, list[str], int] | None,
) -> None:  # fmt: skip
    """Whatever counts as the same is what git merges; and a result that anybody altered never is."""
    start = LINES[:12]
    new, base = (edited(start, *edit) for edit in (own, theirs))
    names = [tmp_path / name for name in ("base", "start", "new")]
    for name, lines in zip(names, (base, start, new), strict=True):
        name.write_text("".join(lines))
    done = blobs.repository.attempt("merge-file", "-p", "-q", *map(str, names))
    clean = done.returncode == 0
    result = done.stdout.decode().splitlines(keepends=True) if clean else new
    if tamper:
        result = edited(result, *tamper)
    same = blobs.same(blobs.change(start, new), blobs.change(base, result))
    if same:
        assert clean
        assert "".join(result).encode() == done.stdout
    far = abs(own[0] - theirs[0]) > 4
    if far and not tamper and new != start and not set(own[1]) & set(theirs[1]) and theirs[1] != ["line 3\n"]:
        assert clean
