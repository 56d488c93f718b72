"""Gitea's and Forgejo's dialect: regular expressions over the whole path, all matching rules counting.

Rules: https://docs.gitea.com/usage/code-owners
"""

from __future__ import annotations

import re
import warnings

from gate.codeowners.lines import lines_of, without_pattern
from gate.codeowners.matcher import NONE
from gate.codeowners.rules import CodeOwners, Rule, Section
from gate.errors import Mistake

OWNER = re.compile(r"@[\w.-]+(?:/[\w.-]+)?")


class Expression:
    """One rule's expression: matches the whole path, or with `!` whatever it does not match."""

    def __init__(self, text: str) -> None:
        """Raises ValueError, with what is wrong, if it cannot be read just as the forge reads it."""
        self._negated = text.startswith("!")
        # A leading slash anchors nothing that is not anchored already: paths are matched whole.
        expression = text.removeprefix("!").removeprefix("/")
        with warnings.catch_warnings():
            # What Python warns of is what it reads in another way than Go, such as `[[:alpha:]]`.
            warnings.simplefilter("error")
            try:
                self._expression = re.compile(expression)
            except (re.error, OverflowError, RecursionError, Warning) as error:
                raise ValueError(
                    f"`{text}` is not a valid regular expression ({error})"
                    + ("; for any path write `.*`" if text.startswith("*") else "")
                ) from error
        if _splits(expression):
            raise ValueError(
                "put `(` and `)` around alternatives, or each of them is anchored at one end only"
            )

    def last(self, path: str) -> int:
        """0 if the rule applies to `path`, else NONE."""
        return 0 if bool(self._expression.fullmatch(path)) != self._negated else NONE


def parse(data: bytes, file: str) -> CodeOwners:
    """Parse a whole file; each rule is a section of its own, since each that matches counts."""
    sections: list[Section] = []
    mistakes: list[Mistake] = []
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
    """Whether there is a `|` outside of all parentheses: the forge would read `^a|b$`."""
    rest = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "", expression, flags=re.DOTALL)
    while (fewer := re.sub(r"\([^()]*\)", "", rest)) != rest:
        rest = fewer
    return "|" in rest


def tokens_of(line: str) -> list[str]:
    r"""The words of a line; `\\`, `\#` and `\ ` are what follows the backslash, and `#` begins a comment."""
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
