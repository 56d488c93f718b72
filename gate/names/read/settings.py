"""Find the Python objects that settings files name, with their positions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from configparser import Error, RawConfigParser
from itertools import pairwise
from typing import Any

from gate.names.syntax.object_reference import ObjectReference
from gate.names.syntax.object_references import (
    ENTRY,
    EXTERNAL,
    FACTORIES,
    HANDLED,
    SETTINGS_MODULE,
    dotted,
    entries,
)

Named = Iterator[tuple[str, str]]
"""Strings that name objects, each with its kind: `object`, `module`, `entry`, or `logging` (first looked up there)."""
PLUGIN = re.compile(r"(?:^|\s)-p\s*(?!no:)([A-Za-z_]\w*(?:\.\w+)+)")
PLAIN = (".yaml", ".yml", ".json")
SERVERS = frozenset({"gunicorn", "uvicorn", "hypercorn", "daphne"})


def is_settings(name: str) -> bool:
    """Return whether a file with this name may name Python objects."""
    return name.endswith((*PLAIN, ".ini", ".conf")) or name in READERS


def in_file(name: str, text: str) -> list[ObjectReference]:
    """Return the references in the settings file called `name`, or [] if it has no known format or can't be read."""
    if name.endswith(PLAIN):
        return list(_in_yaml(text))
    for ending, read in READERS.items():
        if name == ending or (ending.startswith("*") and name.endswith(ending[1:])):
            try:
                return list(_placed(text, read(text)))
            except (ValueError, TypeError, AttributeError, Error, RecursionError):
                return []
    return []


def _placed(text: str, named: Named) -> Iterator[ObjectReference]:
    """Yield each named object at its position in the file; the nth mention is at the nth occurrence."""
    seen: dict[str, int] = {}
    for name, kind in named:
        match = re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w.])").search(text, seen.get(name, 0))
        if match is None:
            continue
        seen[name] = match.end()
        start = text.rfind("\n", 0, match.start()) + 1
        column = len(text[start : match.start()].encode("utf-8")) + 1
        reference = ObjectReference(name, text.count("\n", 0, match.start()) + 1, column, kind)
        yield from (
            entries(reference)
            if kind == "entry"
            else dotted(reference)
            if kind != "logging"
            else iter((reference,))
        )


def _pyproject(text: str) -> Named:
    data = tomllib.loads(text)
    project, tool = data.get("project", {}), data.get("tool", {})
    groups = [
        project.get("scripts", {}),
        project.get("gui-scripts", {}),
        tool.get("poetry", {}).get("scripts", {}),
    ]
    groups += project.get("entry-points", {}).values()
    groups += tool.get("poetry", {}).get("plugins", {}).values()
    for group in groups:
        for value in group.values():
            yield _entry(value if isinstance(value, str) else ""), "entry"
    for value in tool.get("setuptools", {}).get("dynamic", {}).values():
        if isinstance(value, dict) and isinstance(value.get("attr"), str):
            yield value["attr"], "object"
    yield from _pytest(tool.get("pytest", {}).get("ini_options", {}))
    plugins = tool.get("mypy", {}).get("plugins", [])
    for plugin in plugins.split(",") if isinstance(plugins, str) else plugins:
        yield plugin.strip(), "object"


def _ini(text: str) -> Named:
    parser = RawConfigParser(strict=False, allow_no_value=True, interpolation=None, delimiters=("=", ":"))
    parser.optionxform = str  # type: ignore[assignment]  # the documented way to preserve case
    parser.read_string(text)
    sections: dict[str, dict[str, str]] = {
        name: {key: value or "" for key, value in parser.items(name)} for name in parser.sections()
    }
    for lines in sections.get("options.entry_points", {}).values():
        for line in lines.splitlines():
            yield _entry(line.partition("=")[2]), "entry"
    version = sections.get("metadata", {}).get("version", "")
    if version.startswith("attr:"):
        yield version.removeprefix("attr:").strip(), "object"
    for name in ("pytest", "tool:pytest"):
        yield from _pytest(sections.get(name, {}))
    for plugin in sections.get("mypy", {}).get("plugins", "").split(","):
        yield plugin.strip(), "object"
    if "loggers" in sections:
        for name, values in sections.items():
            if name.startswith(("handler_", "formatter_")) and values.get("class"):
                yield values["class"].strip(), "logging"


def _entry(value: str) -> str:
    """Return `module:object` without the extras that may follow, or "" if the value has another form."""
    match = ENTRY.fullmatch(value.partition("[")[0].strip())
    return match[0] if match else ""


def _pytest(options: Mapping[str, Any]) -> Named:
    added = options.get("addopts", "")
    for plugin in PLUGIN.findall(added if isinstance(added, str) else " ".join(added)):
        yield plugin, "module"
    module = options.get(SETTINGS_MODULE)
    if isinstance(module, str):
        yield module.strip(), "module"


def _procfile(text: str) -> Named:
    for line in text.splitlines():
        words = line.partition(":")[2].split()
        # A program started in another folder finds its modules there.
        if {"cd", "--chdir", "--app-dir", "--workdir"} & {word.partition("=")[0] for word in words}:
            continue
        programs = {word.rpartition("/")[2] for word in words}
        if programs & SERVERS:
            yield from ((word, "entry") for word in words if ENTRY.fullmatch(word))
        for option, value in pairwise(words):
            if option == "-m" and any(program.startswith("python") for program in programs):
                yield value, "module"
            if option in {"-A", "--app"} and "celery" in programs:
                yield value, "object"


def _in_yaml(text: str) -> Iterator[ObjectReference]:
    """Yield the objects that a logging configuration in YAML or JSON names."""
    if "handlers" not in text or "version" not in text or not ("class" in text or "()" in text):
        return
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        roots = list(yaml.compose_all(text, Loader=loader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    lines = text.split("\n")
    for root in roots:
        for node in _mappings(root, set()):
            if _is_logging(node):
                for inner in _mappings(node, set()):
                    yield from _factories(inner, lines)


def _mappings(node: Any, seen: set[int]) -> Iterator[Any]:
    """Yield every mapping below a node once, no matter how many aliases it has."""
    import yaml

    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _mappings(value, seen)


def _is_logging(node: Any) -> bool:
    keys = {key.value for key, _ in node.value if isinstance(key.value, str)}
    return "version" in keys and bool(keys & HANDLED)


def _factories(node: Any, lines: list[str]) -> Iterator[ObjectReference]:
    for key, value in node.value:
        external = isinstance(value.value, str) and value.value.startswith(EXTERNAL)
        if isinstance(value.value, str) and (key.value in FACTORIES or external):
            mark = value.start_mark
            line = lines[mark.line] if mark.line < len(lines) else ""
            column = len(line[: mark.column].encode("utf-8")) + (2 if value.style else 1)
            yield from dotted(ObjectReference(value.value, mark.line + 1, column, "object"))


READERS: Mapping[str, Callable[[str], Named]] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _ini,
    "*.ini": _ini,
    "*.conf": _ini,
    "Procfile": _procfile,
}
