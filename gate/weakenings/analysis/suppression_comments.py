"""Find comments that make tools ignore something, and what each of them ignores."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator

from gate.weakenings.analysis.skips import Suppression
from gate.weakenings.file_diff import lines_of

COMMENTS = {
    "noqa": re.compile(r"#\s*(?:(?:ruff|flake8)\s*:\s*)?noqa\b(?:\s*:\s*[A-Z0-9, ]+)?", re.IGNORECASE),
    "ruff-disable": re.compile(
        r"#\s*ruff\s*:\s*(?!enable|noqa)\w[^#]*|#\s*isort\s*:\s*(?:skip|skip_file|off)\b", re.IGNORECASE
    ),
    "type-ignore": re.compile(r"#\s*(?:type|pyright|ty|pyrefly|zuban)\s*:\s*ignore\b(?:\[[^\]]*\])?"),
    "mypy-inline": re.compile(r"#\s*(?:mypy|pyright|pyrefly)\s*:\s*(?!ignore(?:\[|\s|$))\S[^#]*"),
    "gate-ignore": re.compile(r"#\s*gate\s*:\s*ignore\b(?:\[[^\]]*\])?"),
    "no-cover": re.compile(r"#\s*pragma[:\s]?\s*no\s*(?:cover|branch)\b", re.IGNORECASE),
    "tool-ignore": re.compile(
        r"#\s*(?:pylint\s*:\s*(?:disable|skip-file)[^#]*|nosec\b|nosemgrep\b|NOSONAR\b|noinspection\b|skipcq\b"
        r"|pyre-(?:ignore|fixme|unsafe|placeholder)\S*|pytype\s*:\s*(?:disable|skip-file)[^#]*"
        r"|lint-(?:ignore|fixme)\b|codespell\s*:\s*ignore|pragma\s*:\s*allowlist)"
    ),
    "format-off": re.compile(r"#\s*(?:fmt|yapf|autopep8)\s*:\s*(?:off|skip|disable)\b"),
}
END = re.compile(
    r"#\s*(?:ruff\s*:\s*enable|(?:fmt|autopep8|isort)\s*:\s*on|yapf\s*:\s*enable|pylint\s*:\s*enable)"
)
ONWARD = re.compile(
    r"#\s*(?:ruff\s*:\s*disable|(?:fmt|autopep8|isort)\s*:\s*off|(?:yapf|pylint)\s*:\s*disable)"
)
"""Suppressions that apply to all lines below, until they are ended."""


def may_comment(source: str) -> bool:
    """Return whether a file could contain such a comment. Most can't, and need not be parsed."""
    return any(pattern.search(source) for pattern in COMMENTS.values())


def comments(source: str) -> Iterator[Suppression]:
    """Yield every such comment in a Python file. Raises the errors of `tokenize` for anything else."""
    lines = lines_of(source)
    tokens = list(tokenize.generate_tokens(iter([f"{line}\n" for line in lines]).__next__))
    first = next(
        (token.start[0] for token in tokens if token.type not in LAYOUT and token.type != tokenize.STRING), 0
    )
    for token in tokens:
        if token.type == tokenize.COMMENT:
            yield from _marks(token.string, token.line[: token.start[1]], token.start[0], lines, first)


def lines_with_comments(text: str) -> Iterator[Suppression]:
    """Yield possible comments in a file that this version of Python can't parse. A false match only costs a review."""
    lines = lines_of(text)
    for number, line in enumerate(lines, 1):
        code, mark, rest = line.partition("#")
        if mark:
            yield from _marks(mark + rest, code, number, lines, 0)


LAYOUT = frozenset({
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING, tokenize.INDENT, tokenize.DEDENT,
})  # fmt: skip


def _marks(comment: str, code: str, number: int, lines: list[str], first: int) -> Iterator[Suppression]:
    for kind, pattern in COMMENTS.items():
        for match in pattern.finditer(comment):
            over = code.strip()
            if not over and ONWARD.match(match[0]):
                over = _below(lines, number)
            elif not over and number < first:
                over = "the whole file"
            yield Suppression(kind, " ".join(match[0].split()), over, number)


def _below(lines: list[str], number: int) -> str:
    """Return the code between a line and the comment that ends the block it begins."""
    comments = []
    for line in lines[number:]:
        if END.search(line):
            break
        comments.append(line.strip())
    return "\n".join(filter(None, comments))
