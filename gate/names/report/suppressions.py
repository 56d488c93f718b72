"""Parse `# gate: ignore[RULE]` comments, which suppress findings of a rule on their line."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gate.finding import Finding
from gate.names.rules import current_ids

IGNORE = re.compile(r"#\s*gate\s*:\s*ignore\b(?:\s*\[([^\]]*)\])?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A comment that suppresses nothing, because it names no rule or an unknown one (`rule`). The column is in
    bytes.
    """

    line: int
    column: int
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Suppressions:
    """The rules that each line suppresses, and the comments that suppress nothing."""

    lines: Mapping[int, frozenset[str]]
    mistakes: tuple[Mistake, ...] = ()

    def cover(self, finding: Finding) -> bool:
        """Return whether the finding's first or last line suppresses its rule. `wrong-ignore` can't be suppressed."""
        return finding.rule != "wrong-ignore" and any(
            finding.rule in self.lines.get(line, frozenset()) for line in (finding.line, finding.end_line)
        )


NONE = Suppressions({})


def read(text: str) -> Suppressions:
    """Return what the comments of a Python file suppress. Text inside strings doesn't count."""
    return _read(_comments(text)) if IGNORE.search(text) else NONE


def read_plain(text: str) -> Suppressions:
    """Return what the comments of a settings file suppress, where a comment runs from `#` to the end of the line."""
    return _read((number, 0, line) for number, line in enumerate(text.split("\n"), 1))


def _read(comments: Iterable[tuple[int, int, str]]) -> Suppressions:
    lines: dict[int, frozenset[str]] = {}
    mistakes: list[Mistake] = []
    for line, column, comment in comments:
        for match in IGNORE.finditer(comment):
            rules = [name.strip() for name in (match[1] or "").split(",") if name.strip()]
            lines[line] = lines.get(line, frozenset()).union(rules, *map(current_ids, rules))
            start = column + len(comment[: match.start()].encode("utf-8", "surrogatepass")) + 1
            unknown = [rule for rule in rules if not current_ids(rule)] if rules else [""]
            mistakes += [Mistake(line, start, rule) for rule in unknown]
    return Suppressions(lines, tuple(mistakes))


def _comments(text: str) -> Iterator[tuple[int, int, str]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                prefix = token.line[: token.start[1]]
                yield token.start[0], len(prefix.encode("utf-8", "surrogatepass")), token.string
    except (tokenize.TokenError, SyntaxError):
        return
