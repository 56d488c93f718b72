"""What is wrong in a CODEOWNERS file is said with its place; which file counts, and in which dialect."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.codeowners import ALL_PLACES, DIALECTS, PLACES, SIZE_LIMIT, locate, parse
from gate.policy.types import Dialect

SECTION = b"[Docs] @docs\n*.md\n"

OWNER = "expected an owner (@user, @org/team, or an email address), got"
BRACKETS = (
    r"`[ ]` is not a character range here: write `\[` and `\]` for the characters themselves, or use `*`"
)
GITLAB_OWNER = "expected an owner (@user, @group, @@role, or an email address), got"
NEGATION = "`!` does not negate here; give the path a later line without owners instead"
MISTAKES: dict[str, tuple[Dialect, str, list[str]]] = {
    "an owner without @": ("github", "*.py  ada @bob", [f"1:7 {OWNER} 'ada'"]),
    "the second owner": ("github", "*.py @ada @a/b/c", [f"1:11 {OWNER} '@a/b/c'"]),
    "an owner in quotes": ("github", '*.py "@ada"', [f"1:6 {OWNER} '\"@ada\"'"]),
    "an owner in brackets": ("github", "*.py [@ada]", [f"1:6 {OWNER} '[@ada]'"]),
    "an owner with a comma": ("github", "*.py ada@acme.example, @bob", [f"1:6 {OWNER} 'ada@acme.example,'"]),
    "indented": ("github", "\n  *.py ada", [f"2:8 {OWNER} 'ada'"]),
    "negation": ("github", "!a.py @ada", [f"1:1 {NEGATION}"]),
    "brackets": ("github", "/ab[cd].py @ada", [f"1:4 {BRACKETS}"]),
    "hash": ("github", "\\#a @ada", ["1:1 a pattern cannot begin with `#`, escaped or not; put `?` in its place"]),
    "three stars": ("github", "/a/*** @ada", ["1:4 `***` means nothing; use `**` for any folders, `*` within one"]),
    "the root": ("github", "/ @ada", ["1:1 `/` alone matches nothing; use `*` for every file"]),
    "two lines": (
        "github", "!a @ada\n*.py @ada\n[b] @ada",
        [f"1:1 {NEGATION}",
         f"3:1 {BRACKETS}"],
    ),
    "a no-break space": (
        "github", "*.py\u00a0@ada",
        ["1:5 expected a space, got '\\xa0', which the forge does not treat as one"],
    ),
    "an invisible character": (
        "gitlab", "*.py @ada @b\u200b",
        ["1:13 expected a space, got '\\u200b', which the forge does not treat as one"],
    ),
    "a carriage return alone": (
        "github", "*.py @ada\r*.md @bob",
        ["1:10 expected a line feed, got '\\r', which does not end a line",
         f"1:11 {OWNER} '*.md'"],
    ),
    "a rule behind a comment and a carriage return": (
        "github", "# owners\r* @ada", ["1:9 expected a line feed, got '\\r', which does not end a line"],
    ),
    "a rule behind a comment and a line separator": (
        "gitlab", "# owners\u2028* @ada", ["1:9 expected a line feed, got '\\u2028', which does not end a line"],
    ),
    "bytes that are no UTF-8": (
        "github", "* @ada\n/caf\udce9 @bob",
        ["2:5 expected UTF-8 text, got the bytes b'\\xe9'; in a path that is not UTF-8, put `?` for each byte"],
    ),
    "a section without a name": ("gitlab", "[] @ada", ["1:1 a section needs a name: `[Documentation]`"]),
    "no approvals": (
        "gitlab", "[A][0]\n* @ada",
        ["1:1 expected a number of approvals of at least 1, and none for an optional section"],
    ),
    "more approvals than there are people": (
        "gitlab", f"[A][{'9' * 5000}]\n* @ada",
        ["1:1 expected a number of approvals of at least 1, and none for an optional section"],
    ),
    "a section that never ends": (
        "gitlab", "[A\n* @ada",
        ["1:1 expected `[Name]`, `^[Name]` or `[Name][2]`, then a space and default owners"],
    ),
    "an entry without owners": (
        "gitlab", "[A]\n*.py", ["2:1 this entry has no owner, and its section has no default ones"],
    ),
    "an owner that is none": ("gitlab", "*.py ada @bob", [f"1:6 {GITLAB_OWNER} 'ada'"]),
    "no expression": (
        "gitea", "a( @ada",
        ["1:1 `a(` is not a valid regular expression (missing ): a()"],
    ),
    "bare alternatives": (
        "gitea", "a|b @ada",
        ["1:1 put `(` and `)` around alternatives, or each of them is anchored at one end only"],
    ),
    "no owners": ("gitea", "a", ["1:1 expected owners (@user or @org/team) after the pattern"]),
    "an e-mail": (
        "gitea", "a ada@acme.example",
        ["1:3 expected an owner (@user or @org/team), got 'ada@acme.example'"],
    ),
}  # fmt: skip


NEVER_MEANT = {
    "./a.py": 1, "src/../a.py": 5, "//a.py": 2, "src//a.py": 5, "src\\app\\x.py": 4, '"*"': 1, "'docs/'": 1, "*:": 2,
    "*,": 2, "src/;": 5, "^src/": 1, "*.py$": 5, "*.{js,ts}": 3, "\uff0a": 1, "src\uff0fa.py": 4,
}  # fmt: skip
"""Patterns that match nothing in any repository, with the column of what is wrong."""
MEANT = (
    "/a.py", "...", "a..b", ".github/", "c++/", "a\\ b", "\\@x", "\\(group\\)/", "{{cookiecutter.name}}/",
    "\\{a,b\\}", "x\\$", "it's", "größe/", "図/", "\uff21.py", "**/x", "a,b", "C:x",
)  # fmt: skip


@pytest.mark.parametrize("dialect", ["github", "gitlab", "bitbucket"])
@pytest.mark.parametrize(("pattern", "column"), NEVER_MEANT.items())
def test_a_pattern_that_matches_nothing_anywhere(dialect: Dialect, pattern: str, column: int) -> None:
    file = parse(f"{pattern} @ada\n".encode(), "CODEOWNERS", dialect)
    assert [(found.line, found.column) for found in file.mistakes] == [(1, column)]


@pytest.mark.parametrize("dialect", ["gitlab", "bitbucket"])
@pytest.mark.parametrize("pattern", MEANT)
def test_a_pattern_that_only_looks_odd(dialect: Dialect, pattern: str) -> None:
    assert not parse(f"{pattern} @ada\n".encode(), "CODEOWNERS", dialect).mistakes


@pytest.mark.parametrize(("dialect", "text", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_reported_with_its_place(dialect: Dialect, text: str, expected: list[str]) -> None:
    owners = parse(text.encode("utf-8", "surrogateescape"), "CODEOWNERS", dialect)
    assert [f"{m.line}:{m.column} {m.message}" for m in owners.mistakes] == expected
    assert {m.file for m in owners.mistakes} == {"CODEOWNERS"}


FINE: dict[str, tuple[Dialect, bytes]] = {
    "empty": ("github", b""),
    "a byte order mark": ("github", b"\xef\xbb\xbf*.py @ada\n"),
    "line ends of Windows": ("github", b"# c\r\n*.py @ada\r\n\r\n*.md @bob\r\n"),
    "no line end": ("github", b"*.py @ada"),
    "tabs": ("github", b"*.py\t@ada\t# why\n"),
    "comment after owners": ("github", b"*.py @ada # @nobody !\n"),
    "a comment with odd spaces": ("github", "# caf\u00e9\u00a0noir\n*.py @ada # \u200b\n".encode()),
    "an escaped blank": ("github", b"a\\ b.py @ada\n"),
    "an e-mail": ("github", b"*.py first.last+tag@sub.acme.example\n"),
    "a comment that is no UTF-8": ("github", b"# caf\xe9\n* @ada # caf\xe9\n"),
    "a file with an at sign": ("github", b"icon@2x.png @ada\nlib@1.2.tgz @ada\n/@types/ @ada\n"),
    "a folder with an at sign": ("gitlab", b"@types/ @ada\n@scope/*.js @ada\n/@ada @bob\n"),
    "a user with an underscore": ("github", b"* @ada_acme\n"),
    "a role": ("gitlab", b"* @@maintainers\n"),
    "a nested group": ("gitlab", b"* @a/b/c\n"),
    "an optional section": ("gitlab", b"^[A B] @ada @bob\n*.py\n"),
    "grouped alternatives": ("gitea", b"(a|b[|]c)\\\\|d @ada\n"),
    "a group of Bitbucket's": ("bitbucket", b"*.py @@@developers @ada\n"),
}


@pytest.mark.parametrize(("dialect", "data"), FINE.values(), ids=FINE)
def test_what_is_right_is_no_mistake(dialect: Dialect, data: bytes) -> None:
    assert parse(data, "CODEOWNERS", dialect).mistakes == ()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("line", ["@ada @bob", "@acme/web", "  @ada # all of it", "ada@acme.example @bob"])
def test_owners_without_a_pattern(dialect: Dialect, line: str) -> None:
    (mistake,) = parse(f"# who reviews\n{line}\n".encode(), "CODEOWNERS", dialect).mistakes
    assert mistake.line == 2
    assert "expected a pattern before the owners, such as `* " in mistake.message


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "data",
    [
        "* @ada\n".encode("utf-16"),
        "* @ada\n".encode("utf-16-be"),
        "* @ada\n".encode("utf-16-le"),
        b"\xfe\xff" + "# c\n* @ada\n".encode("utf-16-be"),
        "* @ada\n".encode("utf-32"),
        b"# \0\n* @ada\n",
        b"\0GITCRYPT\0abc",
    ],
)
def test_a_file_that_is_no_text(dialect: Dialect, data: bytes) -> None:
    owners = parse(data, "CODEOWNERS", dialect)
    (mistake,) = owners.mistakes
    assert (owners.rules, mistake.line) == ((), 1)
    assert mistake.message.startswith("expected UTF-8 text, got ")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_file_that_the_forge_would_not_read(dialect: Dialect) -> None:
    (mistake,) = parse(b"#" * SIZE_LIMIT, ".github/CODEOWNERS", dialect).mistakes
    assert str(mistake).startswith(".github/CODEOWNERS: the file is too large")


LINES = st.lists(
    st.one_of(
        st.text("[]^!#\\*?/@ab.\t \u00a0\r-|()", max_size=14),
        st.binary(max_size=8).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    ),
    max_size=6,
).map(lambda lines: "\n".join(lines).encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("dialect", DIALECTS)
@given(data=LINES)
def test_whatever_is_in_it_nothing_is_raised_and_every_place_is_in_the_file(
    dialect: Dialect, data: bytes
) -> None:
    owners = parse(data, "CODEOWNERS", dialect)
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    for mistake in owners.mistakes:
        assert 1 <= mistake.line <= len(lines)
        assert 1 <= mistake.column <= len(lines[mistake.line - 1]) + 1
    for rule in owners.rules:
        assert 1 <= rule.line <= len(lines)
    for path in ("a", "a/b.c", "\udcff", "a\nb"):
        owners.owners_of(path)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(data=LINES)
def test_a_line_is_a_rule_or_a_mistake_or_says_nothing(dialect: Dialect, data: bytes) -> None:
    """Nothing is skipped in silence: what is no comment, head or exclusion has a rule or a mistake."""
    owners = parse(data, "CODEOWNERS", dialect)
    if b"\0" in data or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        assert owners.mistakes
        return
    listed = {rule.line for rule in owners.rules} | {mistake.line for mistake in owners.mistakes}
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    for number, line in enumerate(text.split("\n"), 1):
        silent = ("#", "[", "^[", "!") if dialect == "gitlab" else ("#",)
        words = line.strip()
        if words and not words.startswith(silent) and words != "\\":
            assert number in listed, line


PLACED: dict[str, tuple[dict[str, bytes], Dialect | None, tuple[str, Dialect] | None]] = {
    "nothing": ({}, None, None),
    "elsewhere": ({"src/CODEOWNERS": b""}, None, None),
    "github's folder": ({".github/CODEOWNERS": b"", "CODEOWNERS": b""}, None, (".github/CODEOWNERS", "github")),
    "gitlab's folder": ({".gitlab/CODEOWNERS": b""}, None, (".gitlab/CODEOWNERS", "gitlab")),
    "gitlab looks at the top first": ({".gitlab/CODEOWNERS": b"", "CODEOWNERS": b""}, None, ("CODEOWNERS", "gitlab")),
    "gitea's folder": ({".gitea/CODEOWNERS": b""}, None, (".gitea/CODEOWNERS", "gitea")),
    "forgejo's folder": ({".forgejo/CODEOWNERS": b""}, None, (".forgejo/CODEOWNERS", "gitea")),
    "bitbucket's folder": ({".bitbucket/CODEOWNERS": b""}, None, (".bitbucket/CODEOWNERS", "bitbucket")),
    "the top": ({"CODEOWNERS": b"* @ada", "docs/CODEOWNERS": SECTION}, None, ("CODEOWNERS", "github")),
    "docs": ({"docs/CODEOWNERS": b"* @ada"}, None, ("docs/CODEOWNERS", "github")),
    "sections are gitlab's": ({"CODEOWNERS": SECTION}, None, ("CODEOWNERS", "gitlab")),
    "an optional section": ({"docs/CODEOWNERS": b"^[A][2]\r\n* @a"}, None, ("docs/CODEOWNERS", "gitlab")),
    "a range is no section": ({"CODEOWNERS": b"[ab]*.py @ada"}, None, ("CODEOWNERS", "github")),
    "the policy says gitlab": (
        {"CODEOWNERS": b"* @ada", ".github/CODEOWNERS": b""}, "gitlab", ("CODEOWNERS", "gitlab"),
    ),
    "the policy says github": ({"CODEOWNERS": SECTION, ".gitlab/CODEOWNERS": b""}, "github", ("CODEOWNERS", "github")),
    "the policy names a forge with no file": ({".gitlab/CODEOWNERS": b""}, "gitea", None),
}  # fmt: skip


@pytest.mark.parametrize(("present", "dialect", "wanted"), PLACED.values(), ids=PLACED)
def test_which_file_counts(
    present: dict[str, bytes], dialect: Dialect | None, wanted: tuple[str, Dialect] | None
) -> None:
    assert locate(present, dialect) == wanted


def test_every_place_of_every_forge_is_one_of_all_places() -> None:
    assert {place for places in PLACES.values() for place in places} == set(ALL_PLACES)


@pytest.mark.parametrize("dialect", ["github", "gitlab", "gitea", "bitbucket"])
@pytest.mark.parametrize("piece", ["[", "[!", "*", "?", "\\", "**/", "[]", "[\\]", "{", "(", "@a ", "^["])
def test_a_long_line_takes_no_longer_than_its_length(dialect: Dialect, piece: str) -> None:
    """With the square of the length it would take minutes."""
    owners = parse(f"{piece * 60_000} @ada\n*.py @ada\n".encode(), "CODEOWNERS", dialect)
    assert owners.rules or owners.mistakes


def test_all_paths_at_once_have_the_owners_that_each_has_by_itself() -> None:
    paths = ("a.py", "docs/a.md", "web/a.py")
    for text in (b"* @a\nweb/ @b\n", b"* @a\n!docs/\nweb/ @b\n", b"* @a\n[Web]\nweb/ @b\n"):
        owners = parse(text, "CODEOWNERS", "gitlab")
        assert owners.owners_of_all(paths) == {path: owners.owners_of(path) for path in paths}
    excluded = parse(b"* @a\n!docs/\n", "CODEOWNERS", "gitlab").owners_of_all(paths)
    assert [path for path in paths if not excluded[path]] == ["docs/a.md"]


def test_a_rule_is_named_by_its_line() -> None:
    (rule,) = parse(b"\n* @a\n", ".github/CODEOWNERS", "github").owners_of("a.py")
    assert rule.place == ".github/CODEOWNERS:2"
    assert replace(rule, line=0).place == ".github/CODEOWNERS"


@pytest.mark.parametrize("dialect", ["github", "gitlab", "gitea"])
def test_one_approval_is_required_where_a_line_says_nothing_else(dialect: Dialect) -> None:
    (rule,) = parse(b".* @a\n", "CODEOWNERS", dialect).owners_of(".a.py" if dialect != "github" else ".a")
    assert (rule.required, rule.optional) == (1, False)
