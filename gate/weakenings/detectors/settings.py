"""Compare settings of checks before and after a change by their meaning.

A table lists, for each key, the direction in which its tool checks less. A change to an unknown key is reported,
because staying silent would be the wrong guess.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from gate.finding import Finding
from gate.weakenings.analysis import strictness
from gate.weakenings.analysis.pytest_arguments import loosened
from gate.weakenings.analysis.settings_files import IN_ORDER, LIKE_RUFF, NAMES, SOLE, Flat, items, read
from gate.weakenings.file_diff import FileDiff, weakening

TOOLS = ("ruff", "flake8", "mypy", "pytest", "coverage", "plugins")


def find(files: Iterable[FileDiff], around: Mapping[str, bytes]) -> Iterator[Finding]:
    """Yield a finding for each setting that weakens a check.

    `around` are the settings at the top of the base, whether the change touches them or not.
    """
    extended = _extended(around)
    for file in files:
        if file.name in NAMES:
            yield from _changed(file, file.name, around)
        elif file.path in extended or LIKE_RUFF.search(file.path):
            yield from _changed(file, "ruff.toml", around)


def _changed(file: FileDiff, name: str, around: Mapping[str, bytes]) -> Iterator[Finding]:
    """Yield how a file weakens a check if it is read as a file with this name."""
    # Settings apply where they are, so a file that was moved here is new.
    old, new = read(name, None if file.renamed_from else file.old), read(name, file.new)
    if new is None:
        yield weakening(file.path, "unreadable-settings", "cannot be read, so a check may report less")
        return
    for tool in _displaced(file, old, new, around):
        message = f"replaces the {tool} settings that applied so far"
        yield weakening(file.path, "nested-settings", message)
    for tool in TOOLS:
        for message, key in compare(tool, (old or {}).get(tool, {}), new.get(tool, {})):
            yield weakening(file.path, f"weaker-{tool}", message, _line(file.new_text, key))


def _displaced(
    file: FileDiff, old: Mapping[str, Flat] | None, new: Mapping[str, Flat], around: Mapping[str, bytes]
) -> Iterator[str]:
    """Yield the tools for which this file, even if empty, now takes precedence over another one."""
    appears = new.keys() - (old or {}).keys()
    if file.name in SOLE and (file.old is None or file.renamed_from) and file.new is not None:
        yield SOLE[file.name]
        return
    # ruff uses only the nearest file with a table for it, without merging.
    if "ruff" in appears and "/" in file.path and file.name in NAMES:
        yield "ruff"
    for tool in sorted(appears & IN_ORDER.keys()):
        order = IN_ORDER[tool]
        behind = order[order.index(file.path) + 1 :] if file.path in order else ()
        if any(tool in (read(name, around.get(name)) or {}) for name in behind):
            yield tool


def _extended(around: Mapping[str, bytes]) -> set[str]:
    """Return the files that ruff's top-level settings extend."""
    keys = set()
    for name, data in around.items():
        named = ((read(name, data) or {}).get("ruff") or {}).get("extend")
        if isinstance(named, str):
            keys.add(posixpath.normpath(named))
    return keys


def compare(tool: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield how `new` is weaker than `old`, as pairs of a sentence and the key it is about."""
    selected = tuple(items(old.get("lint.select")) + items(old.get("lint.extend-select")))
    for key in sorted(old.keys() | new.keys()):
        old_value, new_value = old.get(key), new.get(key)
        if old_value == new_value or _is_harmless(tool, key):
            continue
        if tool == "ruff" and key in strictness.LIMITS:
            message = _larger(old_value, new_value, *strictness.LIMITS[key], selected)
        else:
            message = _comparison(tool, key)(old_value, new_value)
        if message:
            yield f"{tool}: `{key}` {message}", key


def _is_harmless(tool: str, key: str) -> bool:
    harmless = tool in strictness.HARMLESS and strictness.HARMLESS[tool].fullmatch(key) is not None
    return harmless and key not in strictness.HIDING_LISTS[tool]


def _comparison(tool: str, key: str) -> Callable[[object, object], str]:
    plain = key.rpartition(".")[2]
    if tool == "pytest" and key == "addopts":
        return loosened
    if tool == "pytest" and key == "filterwarnings":
        return _warnings
    if tool == "coverage" and plain == "fail_under":
        return _smaller
    if key in strictness.PREFIXES and tool == "ruff":
        return _fewer_prefixes if "select" in plain else _more_prefixes
    if _among(key, strictness.HIDING_LISTS.get(tool, set())):
        return _longer
    if _among(key, strictness.SHOWING_LISTS.get(tool, set())):
        return _shorter
    if {plain, key} & strictness.STRICT_WHEN_ON.get(tool, set()):
        return _switched_off
    if {plain, key} & strictness.STRICT_WHEN_OFF.get(tool, set()):
        return lambda old, new: "is on now" if _on(new) and not _on(old) else ""
    return lambda old, new: f"changes from {_shown(old)} to {_shown(new)}"


def _among(key: str, names: Iterable[str]) -> bool:
    """Return whether a key is in the table. Keys per module or file (`module.key`, `key.a.py`) match by one of their
    parts.
    """
    plain = key.rpartition(".")[2]
    return any(
        name in {key, f"*.{plain}"} or (name.endswith(".*") and key.startswith(name.removesuffix("*")))
        for name in names
    )


def _switched_off(old: object, new: object) -> str:
    # If it wasn't set, another switch (`strict`) or the tool's default may have turned it on.
    was_off = old is not None and not _on(old)
    return "is off now" if not _on(new) and not was_off else ""


def _longer(old: object, new: object) -> str:
    more = sorted(set(items(new)) - set(items(old)))
    return f"now leaves out {', '.join(more)}" if more else ""


def _shorter(old: object, new: object) -> str:
    # Without the list, the tool's default applied, and setting the list may narrow it; gate doesn't know the
    # default.
    if old is None:
        return f"is set, and may have less than the default: {', '.join(items(new))}"
    if new is None:
        return f"is gone, and with it {', '.join(items(old))}"
    less = sorted(set(items(old)) - set(items(new)))
    return f"no longer has {', '.join(less)}" if less else ""


def _fewer_prefixes(old: object, new: object) -> str:
    message = _shorter(old, new)
    if old is None or new is None or not message:
        return message
    less = _uncovered(items(old), items(new))
    return f"no longer has {', '.join(less)}" if less else ""


def _more_prefixes(old: object, new: object) -> str:
    more = _uncovered(items(new), items(old))
    return f"now leaves out {', '.join(more)}" if more else ""


def _uncovered(codes: Iterable[str], by: Iterable[str]) -> list[str]:
    """Return the codes that none of the others includes: `E5` includes `E501`, and `ALL` includes everything."""
    by = tuple(by)
    return [] if "ALL" in by else sorted(code for code in set(codes) if not code.startswith(by))


def _larger(old_value: object, new_value: object, usual: int, rule: str, selected: tuple[str, ...]) -> str:
    # The default limit applies only if the rule that uses it was selected.
    if old_value is None and not rule.startswith(selected) and "ALL" not in selected:
        return ""
    old, new = (usual if value is None else value for value in (old_value, new_value))
    grown = isinstance(new, int) and isinstance(old, int) and new > old
    return f"grows from {_shown(old)} to {_shown(new)}" if grown else ""


def _smaller(old_value: object, new_value: object) -> str:
    old, new = (re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*", str(value or 0)) for value in (old_value, new_value))
    falls = old is None or new is None or float(new[1]) < float(old[1])
    return f"falls from {_shown(old_value)} to {_shown(new_value)}" if falls else ""


def _warnings(old: object, new: object) -> str:
    lost = sorted(item for item in set(items(old)) - set(items(new)) if item.startswith("error"))
    gained = sorted(item for item in set(items(new)) - set(items(old)) if not item.startswith("error"))
    messages = [f"no longer has {', '.join(lost)}"] if lost else []
    messages += [f"now allows {', '.join(gained)}"] if gained else []
    return " and ".join(messages)


def _on(value: object) -> bool:
    return value is True or str(value).strip().casefold() in {"true", "1", "yes", "on"}


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value).replace("\n", " ").strip()


def _line(text: str, key: str) -> int:
    last = re.escape(key.rpartition(".")[2])
    match = re.search(rf"^\s*[\"']?{last}[\"']?\s*[=:]", text, re.MULTILINE)
    return text.count("\n", 0, match.start()) + 1 if match else 0
