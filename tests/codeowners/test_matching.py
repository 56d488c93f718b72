"""The trie gives the answers of a matcher that is slow and obvious, for generated rules and paths."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.codeowners import parse
from gate.policy.types import Dialect

SEGMENTS = ["a", "b", "ab", "a.py", "x.py", "*", "**", "?", "a*", "*b", "*.py", "*a*b*", "??", ".a"]
NAMES = ["a", "b", "ab", "aab", "a.py", "x.py", ".a", "*", "caxb"]
PATTERNS = st.builds(
    lambda start, segments, end: start + "/".join(segments) + end,
    st.sampled_from(["", "/"]),
    st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=4),
    st.sampled_from(["", "", "/"]),
)
PATHS = st.lists(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join),
    min_size=1,
    max_size=12,
    unique=True,
)


def name_fits(glob: str, name: str) -> bool:
    """`*` any characters, `?` one: one segment against one name."""
    if not glob:
        return not name
    if glob[0] == "*":
        return name_fits(glob[1:], name) or (bool(name) and name_fits(glob, name[1:]))
    return bool(name) and glob[0] in {"?", name[0]} and name_fits(glob[1:], name[1:])


def segments_fit(globs: Sequence[str], names: Sequence[str]) -> bool:
    """`**` any number of segments, else one glob against one name."""
    if not globs:
        return not names
    if globs[0] == "**":
        return segments_fit(globs[1:], names) or (bool(names) and segments_fit(globs, names[1:]))
    return bool(names) and name_fits(globs[0], names[0]) and segments_fit(globs[1:], names[1:])


def github_fits(pattern: str, path: str) -> bool:
    """gitignore's rules: a pattern fits a file, or a folder that it is in; but `docs/*` goes no deeper."""
    folders_only = pattern.endswith("/")
    globs = pattern.strip("/").split("/")
    if not pattern.startswith("/") and len(globs) == 1:
        globs = ["**", *globs]
    names = path.split("/")
    if globs[-1] == "**":
        # Everything inside, which is at least one thing; with a slash at the end that is a folder.
        globs = [*globs, "*"]
    elif globs[-1] == "*" and not folders_only:
        return segments_fit(globs, names)
    lengths = range(1, len(names) if folders_only else len(names) + 1)
    return any(segments_fit(globs, names[:length]) for length in lengths)


def gitlab_fits(pattern: str, path: str) -> bool:
    """Ruby's `File.fnmatch` with FNM_PATHNAME and FNM_DOTMATCH, after what GitLab puts around the pattern."""
    if pattern == "*":
        return True
    if not pattern.startswith("/"):
        pattern = f"/**/{pattern}"
    if pattern.endswith("/"):
        pattern = f"{pattern}**/*"
    *folders, last = pattern[1:].split("/")
    # `**` at the end is no more than a star.
    return segments_fit([*folders, last.replace("**", "*")], path.split("/"))


FITS: dict[Dialect, Callable[[str, str], bool]] = {"github": github_fits, "gitlab": gitlab_fits}


@pytest.mark.parametrize("dialect", FITS)
@given(patterns=st.lists(PATTERNS, min_size=1, max_size=8), paths=PATHS)
def test_the_last_rule_that_fits_counts(dialect: Dialect, patterns: list[str], paths: list[str]) -> None:
    text = "".join(f"{pattern} @u{number}\n" for number, pattern in enumerate(patterns, 1))
    owners = parse(text.encode(), "CODEOWNERS", dialect)
    assert not owners.mistakes
    for path in paths:
        fitting = [n for n, pattern in enumerate(patterns, 1) if FITS[dialect](pattern, path)]
        assert [rule.line for rule in owners.owners_of(path)] == fitting[-1:], path


@given(
    sections=st.lists(st.lists(PATTERNS, min_size=1, max_size=4), min_size=1, max_size=3),
    excluded=st.lists(PATTERNS, max_size=2),
    paths=PATHS,
)
def test_gitlab_sections_count_apart_and_exclusions_hold_in_theirs(
    sections: list[list[str]], excluded: list[str], paths: list[str]
) -> None:
    lines: list[tuple[int, str]] = []
    for number, patterns in enumerate(sections):
        lines.append((number, f"[S{number}]"))
        lines += [(number, f"{pattern} @u") for pattern in patterns]
    # The exclusions are in the last section.
    lines += [(len(sections) - 1, f"!{pattern}") for pattern in excluded]
    owners = parse("\n".join(line for _, line in lines).encode(), "CODEOWNERS", "gitlab")
    for path in paths:
        wanted = []
        for number in range(len(sections)):
            fitting = [
                position
                for position, (section, line) in enumerate(lines, 1)
                if section == number and line.endswith(" @u") and gitlab_fits(line.removesuffix(" @u"), path)
            ]
            out = number == len(sections) - 1 and any(gitlab_fits(pattern, path) for pattern in excluded)
            wanted += [] if out else fitting[-1:]
        assert [rule.line for rule in owners.owners_of(path)] == wanted, path
    assert owners.owners_of_all(paths) == {path: owners.owners_of(path) for path in paths}


@pytest.mark.parametrize("dialect", ["github", "gitlab", "gitea", "bitbucket"])
@given(patterns=st.lists(PATTERNS, max_size=6), paths=PATHS)
def test_all_at_once_is_the_same_as_one_by_one_in_any_order(
    dialect: Dialect, patterns: list[str], paths: list[str]
) -> None:
    text = "".join(f"{pattern} @u\n" for pattern in patterns).encode()
    every = parse(text, "CODEOWNERS", dialect).owners_of_all(paths)
    assert list(every) == paths
    again = parse(text, "CODEOWNERS", dialect)
    for path in sorted(paths, reverse=True):
        assert again.owners_of(path) == every[path]


@given(
    st.lists(st.sampled_from(["a*", "*a*", "a*b*c*", "*b*b*", "*a?b*", "*ab*ba*"]), min_size=1),
    st.text("abc", max_size=9),
)
def test_stars_are_matched_without_going_back_and_still_right(globs: list[str], name: str) -> None:
    text = "".join(f"{glob} @u\n" for glob in globs)
    for dialect in FITS:
        owners = parse(text.encode(), "CODEOWNERS", dialect)
        fitting = [number for number, glob in enumerate(globs, 1) if name and name_fits(glob, name)]
        assert [rule.line for rule in owners.owners_of(name or "-")] == fitting[-1:]


def test_a_name_made_up_to_set_the_search_going_back_and_forth_ends() -> None:
    text = b"*" + b"a*" * 30 + b"b @u\n"
    for dialect in FITS:
        assert parse(text, "CODEOWNERS", dialect).owners_of("a" * 3000) == ()


@pytest.mark.parametrize("dialect", FITS)
@pytest.mark.parametrize(
    "path",
    ["with\nnewline", 'with"quote', "-dash", "with space", "caf\u00e9", "cafe\u0301", "raw\udcff", "a\\b"],
)
def test_odd_paths(dialect: Dialect, path: str) -> None:
    owners = parse(b"* @u\n/web/ @v\n", "CODEOWNERS", dialect)
    assert [rule.line for rule in owners.owners_of(path)] == [1]
    assert [rule.line for rule in owners.owners_of(f"web/{path}")] == [2]


def test_bytes_are_compared_as_they_are() -> None:
    owners = parse(
        "/caf\u00e9 @composed\n/raw\udcff @raw\n".encode("utf-8", "surrogateescape"), "C", "github"
    )
    assert [rule.line for rule in owners.owners_of("caf\u00e9")] == [1]
    assert owners.owners_of("cafe\u0301") == ()
    assert owners.owners_of("CAF\u00c9") == ()
    assert [rule.line for rule in owners.owners_of("raw\udcff")] == [2]
