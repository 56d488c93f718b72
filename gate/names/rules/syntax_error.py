"""A file that this Python can't parse."""

from __future__ import annotations

from collections.abc import Iterator

from gate.finding import Finding
from gate.names.rules.context import Context
from gate.names.rules.rule import Examples, code

ID = "syntax-error"
SUMMARY = "A file that this Python can't parse."
WHY = "Importing the file fails, and no other rule can check it."
BAD: Examples = (code("def broken(:  # <-\n    pass\n"),)
GOOD: Examples = (code("match [1]:\n    case [first, *rest]:\n        print(first, rest)\n"),)


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for code that can be parsed but that the compiler rejects."""
    for line, column, message in context.facts.refused:
        yield Finding(context.path, line, column, line, ID, "error", message)


def unreadable(path: str, error: Exception) -> Finding:
    """Return the finding for a file that can't be read or parsed, so that no rule can check it."""
    match error:
        case SyntaxError(lineno=line, offset=column, msg=message):
            return Finding(path, line or 0, column or 1, line or 0, ID, "error", message)
        case RecursionError():
            return Finding(path, 0, 0, 0, ID, "error", "Code is nested too deeply to parse")
    return Finding(path, 0, 0, 0, ID, "error", f"Can't read the file: {error}")
