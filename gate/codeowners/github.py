"""GitHub's dialect: gitignore patterns without `!` and `[ ]`.

Rules:
https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from __future__ import annotations

import re

from gate.codeowners.lines import column_of, lines_of, unmeant, without_pattern, words_of
from gate.codeowners.matcher import DEEP, Glob, Pattern, glob_of
from gate.codeowners.rules import CodeOwners, Rule, one_section
from gate.errors import Mistake

QUOTED = r"\s@\"()\[\]<>,;:\\"
"""Characters that an email address can have only in quotes, if at all."""
OWNER = re.compile(
    r"@[A-Za-z0-9](?:[\w-]*)(?:/[\w.-]+)?"
    rf"|[^{QUOTED}]+@[^{QUOTED}]+\.[^{QUOTED}.]+|[^{QUOTED}/]+@[^{QUOTED}/]+",
    re.ASCII,
)
BRACKET = re.compile(r"(?<!\\)(?:\\\\)*[\[\]]")
BRACKETS = (
    "`[ ]` is not a character range here: write `\\[` and `\\]` for the characters themselves, or use `*`"
)
SPECIAL = frozenset("*?\\")


def parse(data: bytes, file: str, owner: re.Pattern[str] = OWNER) -> CodeOwners:
    """Parse a CODEOWNERS file. An invalid line adds no rule."""
    rules: list[Rule] = []
    patterns: list[Pattern] = []
    mistakes: list[Mistake] = []
    valid: set[str] = set()
    for number, line in lines_of(data):
        words = words_of(line)
        if not words:
            continue
        pattern, *owners = words
        mistake = _mistake(pattern, owners, owner, valid)
        if mistake is not None:
            word, offset, message = mistake
            mistakes.append(Mistake(file, number, column_of(line, word) + offset, message))
            continue
        column = 1 if line.startswith(pattern) else column_of(line, 0)
        rules.append(Rule(file, number, column, "", pattern, tuple(owners)))
        patterns.append(pattern_of(pattern))
    return CodeOwners(file, (one_section(rules, patterns),), tuple(mistakes))


def _mistake(
    text: str, owners: list[str], owner: re.Pattern[str], valid: set[str]
) -> tuple[int, int, str] | None:
    """Return the first mistake in a line: the number of the word, the column within it, and what to write instead.

    `valid` caches well-formed owners, because most are named many times.
    """
    if lacking := without_pattern([text, *owners], owner, f"/{text}"):
        return 0, 0, lacking
    if text[0] == "!":
        return 0, 0, "`!` does not negate here; give the path a later line without owners instead"
    if text.startswith("\\#"):
        return 0, 0, "a pattern cannot begin with `#`, escaped or not; put `?` in its place"
    bracket = BRACKET.search(text) if "[" in text or "]" in text else None
    if bracket:
        return 0, bracket.end() - 1, BRACKETS
    if "***" in text:
        return 0, text.index("***"), "`***` means nothing; use `**` for any folders, `*` within one"
    if not text.strip("/"):
        return 0, 0, "`/` alone matches nothing; use `*` for every file"
    if reason := unmeant(text):
        return 0, *reason
    for number, word in enumerate(owners, 1):
        if word in valid:
            continue
        if not owner.fullmatch(word):
            return number, 0, f"expected an owner (@user, @org/team, or an email address), got {word!r}"
        valid.add(word)
    return None


def pattern_of(text: str) -> Pattern:
    """Parse a pattern: its segments, whether it is anchored, and whether it matches everything below."""
    segments = text.split("/")
    if segments[0] == "":
        segments = segments[1:]
    elif (len(segments) == 1 or (len(segments) == 2 and not segments[1])) and segments[0] != DEEP:
        segments = [DEEP, *segments]
    below_only = segments[-1] == ""
    if below_only:
        segments = segments[:-1]
    # A last segment that is only a star stays within its folder; any other last segment may match a folder.
    star = segments[-1] == "*" and not below_only
    if below_only and segments[-1:] == [DEEP]:
        # `docs/**/` means every folder below `docs`, so it doesn't match files directly in `docs`.
        segments = [*segments, "*"]
    while segments and segments[-1] == DEEP:
        segments = segments[:-1]
        below_only = True
    return Pattern(tuple(map(segment_of, segments)), exact=not below_only, below=below_only or not star)


def segment_of(text: str) -> str | Glob:
    """Parse one segment: `DEEP`, a glob, or a name."""
    if SPECIAL.isdisjoint(text) or text == DEEP:
        return text
    pieces = re.findall(r"\\.|.", text, re.DOTALL)
    if not {"*", "?"} & set(pieces):
        return "".join(piece.removeprefix("\\") if len(piece) == 2 else piece for piece in pieces)
    # An escaped star or question mark is longer than one character, and so is literal.
    wild = {"*": None, "?": "."}
    expression = glob_of([wild[piece] if piece in wild else re.escape(piece[-1]) for piece in pieces])
    plain = pieces[1:]
    suffix = "".join(plain) if pieces[0] == "*" and not {"*", "?"} & set(plain) and "\\" not in text else ""
    return Glob(expression, suffix)
