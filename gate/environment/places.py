"""Find the folders that a project's own pytest commands are limited to. Pure."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator

CHANGE_FOLDER = re.compile(r"(?:cd|pushd)\s+[\"']?([^\s\"'$]+)[\"']?")
STARTS = re.compile(
    r"(?:python[\d.]*\s+-m\s+)?(?:coverage\s+run\s+(?:-(?!m\b)\S+\s+)*-m\s+)?(?:pytest|py\.test)(?=\s|$)"
)
MENTIONED = re.compile(r"(?:^|\s)(?:pytest|py\.test)(?:\s|$)")
NO_COMMAND = re.compile(r"[\w-]+:(?:\s|$)|#|.*\b(?:install|add|sync)\b")
"""The start of a line that starts no tests: a key of YAML, a comment, or an installation."""
FLAG = re.compile(r"-[vqsxl]+|-r\w+|--(?:verbose|quiet|exitfirst|strict[\w-]*|no-[\w-]+|doctest-modules)")
"""Options of pytest that take no value."""
PLACE = re.compile(r"[\w.][\w./-]*(?:::\S*)?")


def limited_to(lines: Iterable[str], wrapper: re.Pattern[str]) -> tuple[str, ...]:
    """Return the folders and files that every command runs pytest in, or none if one of them has no such limit.

    `wrapper` matches what may precede a program.
    """
    paths: set[str] = set()
    for line in lines:
        folder = ""
        for part in re.split(r"&&|;", line):
            command = wrapper.sub("", part.strip())
            if change := CHANGE_FOLDER.fullmatch(command):
                folder = posixpath.normpath(posixpath.join(folder, change[1]))
            elif start := STARTS.match(command):
                paths |= set(_places(command[start.end() :], folder))
            elif MENTIONED.search(command) and not NO_COMMAND.match(command):
                return ()
    outside = any(path.startswith(("/", "../")) for path in paths)
    return () if outside or "." in paths else tuple(sorted(paths))


def _places(arguments: str, folder: str) -> Iterator[str]:
    """Yield what the arguments of pytest name, or the folder that it starts in."""
    try:
        words = shlex.split(re.sub(r"\{posargs[^}]*\}|\{toxinidir\}/?|\$@", "", arguments))
    except ValueError:
        words = []
    named = [
        word.partition("::")[0]
        for previous, word in zip(["", *words], words, strict=False)
        if PLACE.fullmatch(word)
        and (not previous.startswith("-") or "=" in previous or FLAG.fullmatch(previous))
    ]
    # In another folder, what looks like a place may be the value of an option.
    for path in named if named and not folder else ["."]:
        yield posixpath.normpath(posixpath.join(folder, path))
