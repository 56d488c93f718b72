"""pytest's `addopts`, before and after: what they no longer run or no longer take for a failure."""

from __future__ import annotations

import re
import shlex

# These want a value, which may stand in a word of its own.
WITH_VALUE = re.compile(
    r"-[kmpcWonr]|--(?:deselect|ignore|ignore-glob|rootdir|confcutdir|import-mode|override-ini|tb|cov|color"
    r"|durations|maxfail|dist|numprocesses)"
)
HARMLESS = re.compile(
    r"-(?:q+|v+|l|s|ra?.*|n.*|vv?s?)|--(?:quiet|verbose|tb=.*|color=.*|durations.*|showlocals|no-header|no-summary"
    r"|verbosity.*|capture.*|show-capture.*|cov(?:=.*|-report.*|-branch|-config.*|-context.*|-append)?"
    r"|junit.*|dist=.*|numprocesses=.*|cache-clear|doctest-continue-on-failure|full-trace|code-highlight.*"
    r"|html=.*|self-contained-html|randomly.*|new-first|nf|failed-first|ff|asyncio-mode.*|benchmark-.*|basetemp.*)"
)
STRICT = re.compile(
    r"--strict.*|-W.*error.*|--cov-fail-under=.*|--doctest-modules|--doctest-glob.*|-x|--exitfirst"
)
"""What shows more: to add it is harmless, and to take it away is not."""


def loosened(before: object, after: object) -> str:
    """In words, what hides something among the new arguments, and what showed something among the old ones."""
    old, new = _arguments(before), _arguments(after)
    hides = [
        word for word in new if word not in old and not (HARMLESS.fullmatch(word) or STRICT.fullmatch(word))
    ]
    loosens = [word for word in old if word not in new and STRICT.fullmatch(word)]
    said = [f"now has {' '.join(hides)}"] if hides else []
    said += [f"no longer has {' '.join(loosens)}"] if loosens else []
    return " and ".join(said)


def _arguments(value: object) -> list[str]:
    """The arguments, each with its value in one word: `-p no:python` is `-pno:python`, `--tb short` is `--tb=short`."""
    words = _words(value)
    found: list[str] = []
    while words:
        word = words.pop(0)
        if words and WITH_VALUE.fullmatch(word):
            word += ("=" if word.startswith("--") else "") + words.pop(0)
        found.append(word)
    return found


def _words(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    try:
        return shlex.split(str(value or ""))
    except ValueError:
        return str(value).split()
