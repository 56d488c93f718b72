"""`# gate: ignore[RULE]`: what a line asks to be left alone, and what it only seems to ask."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from gate.names.report.finding import Finding

IGNORE = re.compile(r"#\s*gate\s*:\s*ignore\b(?:\s*\[([^\]]*)\])?", re.IGNORECASE)
RULE = "wrong-ignore"


@dataclass(frozen=True, slots=True)
class Suppressions:
    """The rules that each line leaves alone, and the findings about those that leave nothing alone."""

    lines: Mapping[int, frozenset[str]]
    wrong: tuple[Finding, ...] = ()

    def cover(self, finding: Finding) -> bool:
        """Whether the first or the last line of what was found asks for it to be left alone."""
        return any(
            finding.rule in self.lines.get(line, frozenset()) for line in (finding.line, finding.end_line)
        )


NONE = Suppressions({})


def read(path: str, text: str) -> Suppressions:
    """What the comments of a file of Python say. Text inside strings says nothing."""
    if not IGNORE.search(text):
        return NONE
    return _read(path, _comments(text))


def read_plain(path: str, text: str) -> Suppressions:
    """The same of a file of settings, in which a comment runs from `#` to the end of the line."""
    return _read(path, ((number, 0, line) for number, line in enumerate(text.split("\n"), 1)))


def _read(path: str, comments: Iterator[tuple[int, int, str]]) -> Suppressions:
    lines: dict[int, frozenset[str]] = {}
    wrong: list[Finding] = []
    for line, column, comment in comments:
        for match in IGNORE.finditer(comment):
            named = [name.strip() for name in (match[1] or "").split(",") if name.strip()]
            rules = {rule for name in named for rule in (name, *_current_ids(name))}
            lines[line] = lines.get(line, frozenset()) | rules
            place = column + match.start() + 1
            wrong += [Finding(path, line, place, line, RULE, *said) for said in _mistakes(named)]
    return Suppressions(lines, tuple(wrong))


def _current_ids(name: str) -> tuple[str, ...]:
    from gate.names.catalogue import current_ids

    return current_ids(name)


def _mistakes(named: list[str]) -> Iterator[tuple[str, str]]:
    from gate.names.catalogue import CATALOGUE, current_ids

    if not named:
        yield "it names no rule, and so ignores nothing", "write which rule: `# gate: ignore[RULE]`"
    for name in named:
        if not current_ids(name):
            near = get_close_matches(name, CATALOGUE, 1)
            hint = f"did you mean `{near[0]}`?" if near else "`gate explain names` lists the rules"
            yield f"there is no rule `{name}`", hint


def _comments(text: str) -> Iterator[tuple[int, int, str]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.start[1], token.string
    except (tokenize.TokenError, SyntaxError):
        return
