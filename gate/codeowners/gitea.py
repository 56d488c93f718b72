"""Gitea's and Forgejo's dialect: regular expressions over the whole path. Every matching rule counts.

Rules: https://docs.gitea.com/usage/code-owners

The forge compiles them with Go's `regexp`, which has the syntax of RE2 and, like RE2, matches in linear time. gate uses
RE2 too, so an expression means the same here and can't make gate hang.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from gate.codeowners.lines import lines_of, without_pattern
from gate.codeowners.matcher import NONE
from gate.codeowners.rules import CodeOwners, Rule, Section
from gate.errors import Mistake, UsageError

MOST_STEPS = 1500
"""The maximum size of an expression in RE2 instructions: `a{1000}` has a thousand. Listing a folder's files
takes fewer.
"""
MOST_STEPS_OF_ALL = 400_000
"""The maximum for all expressions of a file together."""
LONGEST_SHOWN = 200
UNDECODED = re.compile("[\udc80-\udcff]")
OWNER = re.compile(r"@[\w.-]+(?:/[\w.-]+)?")


class Expression:
    """The expression of one rule. It matches the whole path, or, with `!`, every path that it doesn't match."""

    def __init__(self, text: str) -> None:
        """Compile the expression. Raises ValueError if it can't be read exactly as the forge reads it."""
        self._negated = text.startswith("!")
        # A leading slash anchors nothing: paths are matched as a whole.
        expression = text.removeprefix("!").removeprefix("/")
        re2, options = engine()
        try:
            self._expression = re2.compile(expression, options)
        except (re2.error, UnicodeEncodeError) as error:
            reason = error.args[0].decode("utf-8", "replace") if isinstance(error, re2.error) else "not UTF-8"
            raise ValueError(
                f"`{_shown(text)}` is not a valid regular expression ({_shown(reason)})"
                + ("; for any path write `.*`" if text.startswith("*") else "")
            ) from error
        self.steps: int = self._expression.programsize
        if self.steps > MOST_STEPS:
            raise ValueError(
                f"`{_shown(text)}` is too large an expression ({self.steps:,} steps, and {MOST_STEPS:,} are allowed); "
                "write fewer or smaller repetitions"
            )
        if _splits(expression):
            raise ValueError(
                "put `(` and `)` around alternatives, or each of them is anchored at one end only"
            )

    def last(self, path: str) -> int:
        """Return 0 if the rule applies to `path`, else NONE."""
        # Go reads a byte that isn't UTF-8 as this character.
        decodable = path if path.isascii() else UNDECODED.sub("\ufffd", path)
        return 0 if bool(self._expression.fullmatch(decodable)) != self._negated else NONE


@cache
def engine() -> tuple[Any, Any]:
    """Return the RE2 module and its options. Raises UsageError if it isn't installed."""
    try:
        import re2  # type: ignore[import-untyped]  # noqa: PLC0415 - it has no types, and is in an extra
    except ImportError as error:
        raise UsageError(
            "code owners for Gitea are regular expressions, and RE2 to match them is not installed",
            "`pip install 'merge-gate[gitea]'`",
        ) from error
    options = re2.Options()
    options.log_errors = False
    return re2, options


def _shown(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def parse(data: bytes, file: str) -> CodeOwners:
    """Parse a CODEOWNERS file. Each rule is a section of its own, because every matching rule counts."""
    sections: list[Section] = []
    mistakes: list[Mistake] = []
    steps = 0
    for number, line in lines_of(data):
        tokens = tokens_of(line)
        if not tokens:
            continue
        pattern, *owners = tokens
        column = len(line) - len(line.lstrip()) + 1
        if lacking := without_pattern(tokens, OWNER, f"({pattern})"):
            mistakes.append(Mistake(file, number, column, lacking))
            continue
        unknown = [owner for owner in owners if not OWNER.fullmatch(owner)]
        try:
            expression = Expression(pattern)
        except ValueError as error:
            mistakes.append(Mistake(file, number, column, str(error)))
            continue
        steps += expression.steps
        if steps > MOST_STEPS_OF_ALL:
            mistakes.append(
                Mistake(file, number, column, "the expressions up to here are too many and too large")
            )
            break
        if not owners:
            mistakes.append(
                Mistake(file, number, column, "expected owners (@user or @org/team) after the pattern")
            )
            continue
        if unknown:
            where = line.index(unknown[0]) + 1 if unknown[0] in line else column
            mistakes.append(
                Mistake(file, number, where, f"expected an owner (@user or @org/team), got {unknown[0]!r}")
            )
            continue
        sections.append(Section((Rule(file, number, column, "", pattern, tuple(owners)),), expression))
    return CodeOwners(file, tuple(sections), tuple(mistakes))


def _splits(expression: str) -> bool:
    """Return whether there is a `|` outside of all parentheses, which the forge would read as in `^a|b$`."""
    rest = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "", expression, flags=re.DOTALL)
    while (fewer := re.sub(r"\([^()]*\)", "", rest)) != rest:
        rest = fewer
    return "|" in rest


def tokens_of(line: str) -> list[str]:
    r"""Split a line into words. A backslash escapes `\`, `#`, and a space, and `#` begins a comment."""
    words: list[str] = []
    word = ""
    chars = iter(line.strip())
    for char in chars:
        if char == "\\":
            word += next(chars, "")
        elif char == "#":
            break
        elif char.isspace():
            words.append(word)
            word = ""
        else:
            word += char
    return [token for token in (*words, word) if token]
