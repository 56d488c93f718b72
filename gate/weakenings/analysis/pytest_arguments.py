"""Compare pytest's `addopts` before and after: what no longer runs or no longer counts as a failure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

# Options that require a value, which may be a separate argument.
WITH_VALUE = re.compile(
    r"-[kmpcWonr]|--(?:deselect|ignore|ignore-glob|rootdir|confcutdir|import-mode|override-ini|tb|cov|color"
    r"|durations|maxfail|dist|numprocesses)"
)
HARMLESS = re.compile(
    r"-(?:q+|v+|l|s|ra?.*|n.*|vv?s?)|--(?:quiet|verbose|tb=.*|color=.*|durations.*|showlocals|no-header|no-summary"
    r"|verbosity.*|capture.*|show-capture.*|cov(?:=.*|-report.*|-branch|-context.*|-append)?"
    r"|junit.*|dist=.*|numprocesses=.*|cache-clear|doctest-continue-on-failure|full-trace|code-highlight.*"
    r"|html=.*|self-contained-html|randomly.*|new-first|nf|failed-first|ff"
    r"|benchmark-(?:json|save|autosave|storage|columns|sort|group-by|name|histogram|warmup)(?:=.*)?)"
)
STRICT = re.compile(
    r"--strict.*|(?:-W|--pythonwarnings=)\s*error.*|--cov-fail-under=.*|--doctest-modules|--doctest-glob.*|-x|--exitfirst"
)
"""Options that make pytest stricter: adding one is harmless, removing one isn't."""


def loosened(old_value: object, new_value: object) -> str:
    """Describe new arguments that hide something, and old ones that showed something and are gone."""
    old, new = _arguments(old_value), _arguments(new_value)
    hides = [
        word for word in new if word not in old and not (HARMLESS.fullmatch(word) or STRICT.fullmatch(word))
    ]
    loosens = [word for word in old if word not in new and STRICT.fullmatch(word) and not _raised(word, new)]
    changes = [f"now has {' '.join(hides)}"] if hides else []
    changes += [f"no longer has {' '.join(loosens)}"] if loosens else []
    return " and ".join(changes)


def _raised(word: str, now: Iterable[str]) -> bool:
    """Return whether the argument is a coverage limit that a higher one replaces."""
    limit = re.compile(r"--cov-fail-under=(\d+(?:\.\d+)?)")
    old_match = limit.fullmatch(word)
    new_limits = [float(match[1]) for match in map(limit.fullmatch, now) if match]
    return old_match is not None and bool(new_limits) and min(new_limits) >= float(old_match[1])


def _arguments(value: object) -> list[str]:
    """Return the arguments with their values joined: `-p no:python` as `-pno:python`, `--tb short` as `--tb=short`."""
    words = _words(value)
    arguments: list[str] = []
    while words:
        word = words.pop(0)
        # argparse never reads an option as a value.
        if words and WITH_VALUE.fullmatch(word) and not words[0].startswith("-"):
            word += ("=" if word.startswith("--") else "") + words.pop(0)
        arguments.append(word)
    return arguments


def _words(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    try:
        return shlex.split(str(value or ""))
    except ValueError:
        return str(value).split()
