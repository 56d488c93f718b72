"""Raw diffs: as git prints them for one pair of trees and for a whole history, with paths that look like entries."""

from __future__ import annotations

import contextlib
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.company import Clone

from gate.git.merging import RAW_DIFF, RAW_LOG
from gate.raw_diff import parse_log, parse_raw, parse_renames

ODD = (":100644 100644 a b M", "a\nb", "\n:x", "tab\tname", "ünï", " lead")
ENTRY = ":100644 100644 " + "a" * 40 + " " + "b" * 40


def run(clone: Clone, *command: str) -> bytes:
    return subprocess.run(["git", *command], cwd=clone.path, capture_output=True, check=True).stdout


def test_a_log_has_the_same_files_as_the_diff_of_each_commit(project: Clone) -> None:
    start = project.git("rev-parse", "HEAD")
    for number, name in enumerate(ODD):
        project.write({name: f"{number}\n", "app.py": f"x = {number}\n"})
        project.git("add", "-A")
        project.git("commit", "-q", "-m", "Change")
    project.git("commit", "-q", "--allow-empty", "-m", "Nothing")
    commits = parse_log(run(project, *RAW_LOG, "--format=%H", f"{start}..HEAD"))
    assert [commit.header for commit in commits] == project.git("rev-list", f"{start}..HEAD").split()
    for commit in commits:
        diff = parse_raw(run(project, *RAW_DIFF, f"{commit.header}^", commit.header))
        assert commit.files == list(diff)
    assert {file.path for commit in commits for file in commit.files} == {*ODD, "app.py"}
    (together,) = parse_log(run(project, *RAW_LOG, "--format=", f"{start}..HEAD"))
    assert together.files == [file for commit in commits for file in commit.files]


def test_renames_are_read_beside_other_files(project: Clone) -> None:
    project.write({":old": "".join(f"{n}\n" for n in range(50)), "gone": "x\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Before")
    project.git("mv", ":old", ":new")
    project.git("rm", "-q", "gone")
    project.write({"app.py": "x = 1\n"})
    project.git("commit", "-q", "-a", "-m", "After")
    raw = run(project, "diff-tree", "-r", "-z", "-M", "--raw", "--no-abbrev", "HEAD^", "HEAD")
    assert parse_renames(raw) == {":new": ":old"}


@pytest.mark.parametrize(
    "raw",
    [
        f"{ENTRY} M\0",
        f"{ENTRY} M\0a",
        f"{ENTRY} M\0a\0b",
        f"{ENTRY}\0a\0",
        "100644 100644 a b M\0a\0",
        ":100644 100644 \0a\0",
    ],
)
def test_what_is_no_raw_diff_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match=r"list of changes|unpack"):
        parse_raw(raw.encode())


@given(
    st.lists(st.sampled_from([b"\0", b":", b" ", b"\n", b"R100", b"a", b"\xff", f"{ENTRY} M".encode()])).map(
        b"".join
    )
)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for parser in (parse_raw, parse_log, parse_renames):
        with contextlib.suppress(ValueError):
            parser(raw)
