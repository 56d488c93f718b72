"""Settings of the checks, before and after, compared by what they mean.

Each tool's settings are read from whichever file holds them into one flat mapping, `key -> value`. A table
says of each key in which direction it sees less. Whatever the table does not know is reported when it
changes, since silence would be the wrong guess.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping

from gate.model import Finding
from gate.weakenings.arguments import loosened
from gate.weakenings.sides import Sides, weakening

Flat = dict[str, object]

# Lists that hide the more, the longer they are; and lists that show the more.
HIDING_LISTS = {
    "ruff": {"exclude", "extend-exclude", "lint.exclude", "lint.ignore", "lint.extend-ignore", "lint.external",
             "lint.per-file-ignores.*", "lint.extend-per-file-ignores.*", "lint.builtins", "builtins",
             "lint.allowed-confusables", "lint.task-tags"},
    "mypy": {"exclude", "disable_error_code", "*.disable_error_code", "untyped_calls_exclude", "always_true",
             "always_false"},
    "pytest": {"norecursedirs", "collect_ignore"},
}  # fmt: skip
SHOWING_LISTS = {
    "ruff": {"lint.select", "lint.extend-select", "include", "extend-include", "lint.typing-modules"},
    "mypy": {"files", "packages", "modules", "enable_error_code", "*.enable_error_code", "plugins"},
    "pytest": {"testpaths", "python_files", "python_classes", "python_functions", "required_plugins"},
}
# Switches that show more when on, and those that show more when off.
STRICT_WHEN_ON = {
    "ruff": {"lint.preview", "preview"},
    "mypy": {
        "strict", "check_untyped_defs", "disallow_untyped_defs", "disallow_incomplete_defs",
        "disallow_untyped_calls", "disallow_untyped_decorators", "disallow_any_generics", "disallow_any_expr",
        "disallow_any_explicit", "disallow_any_decorated", "disallow_any_unimported", "disallow_subclassing_any",
        "no_implicit_optional", "strict_optional", "strict_equality", "strict_bytes", "warn_return_any",
        "warn_unused_ignores", "warn_redundant_casts", "warn_unreachable", "warn_no_return",
        "warn_unused_configs", "extra_checks", "local_partial_types", "no_implicit_reexport",
    },
    "pytest": {"xfail_strict", "strict", "strict_markers", "strict_config", "strict_parametrization_ids"},
}  # fmt: skip
STRICT_WHEN_OFF = {
    "ruff": set(),
    "mypy": {"ignore_errors", "ignore_missing_imports", "implicit_optional", "implicit_reexport",
             "allow_untyped_globals", "allow_redefinition", "follow_imports_for_stubs", "exclude_gitignore"},
    "pytest": set(),
}  # fmt: skip
# Changes that never hide a finding.
HARMLESS = {
    "ruff": re.compile(
        r"(?:format|lint\.isort|lint\.pydocstyle)\..*|fix|unsafe-fixes|show-fixes|output-format|cache-dir"
        r"|target-version|required-version|lint\.(?:un|extend-un)?(?:safe-)?fix(?:able|es)|indent-width|src"
        r"|lint\.(?:extend-)?fixable|lint\.extend-safe-fixes|lint\.extend-unsafe-fixes"
    ),
    "mypy": re.compile(
        r"(?:.*\.)?(?:python_version|pretty|show_.*|color_output|error_summary|cache_dir|sqlite_cache"
        r"|cache_fine_grained|incremental|verbosity|namespace_packages|explicit_package_bases"
        r"|python_executable|warn_incomplete_stub|hide_error_codes|num_workers|native_parser)"
    ),
    "pytest": re.compile(
        r"markers|log_.*|console_output_style|cache_dir|junit_.*|minversion|asyncio_.*|timeout.*"
        r"|tmp_path_.*|faulthandler_.*|verbosity_.*|truncation_.*|doctest_.*|django_find_project|env|usefixtures"
    ),
}
RUFF_FILES = frozenset({"ruff.toml", ".ruff.toml"})
MYPY_FILES = frozenset({"mypy.ini", ".mypy.ini"})
PYTEST_FILES = frozenset({"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"})
SOLE = (
    dict.fromkeys(RUFF_FILES, "ruff")
    | dict.fromkeys(MYPY_FILES, "mypy")
    | dict.fromkeys(PYTEST_FILES, "pytest")
)
"""Files that are a tool's settings by their mere presence."""
NAMES = RUFF_FILES | MYPY_FILES | PYTEST_FILES | {"pyproject.toml", "setup.cfg", "tox.ini"}


def find(files: Iterable[Sides]) -> Iterator[Finding]:
    """A finding for each setting with which a check would see less than before."""
    for file in files:
        if file.name not in NAMES:
            continue
        # Settings hold for where they are: one that moves here comes anew.
        before = None if file.renamed_from else file.old
        old, new = _read(file.name, before), _read(file.name, file.new)
        if new is None:
            yield weakening(file.path, "unreadable-settings", "cannot be read, so that a check may see less")
            continue
        tool = _displaces(file, before)
        if tool:
            message = f"takes the place of the {tool} settings that held so far"
            yield weakening(file.path, "nested-settings", message)
        for tool in ("ruff", "mypy", "pytest"):
            for message, key in compare(tool, (old or {}).get(tool, {}), new.get(tool, {})):
                yield weakening(file.path, f"weaker-{tool}", message, _line(file.new_text, key))


def compare(tool: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What `new` sees less than `old`, as sentences, each with the key that it is about."""
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before == after or HARMLESS[tool].fullmatch(key):
            continue
        judge = _judge(tool, key)
        said = judge(before, after)
        if said:
            yield f"{tool}: `{key}` {said}", key


def _judge(tool: str, key: str) -> Callable[[object, object], str]:
    # A per-module or per-file key is known by its last part: `module.disable_error_code`.
    general = {key, f"*.{key.rpartition('.')[2]}", f"{key.rpartition('.')[0]}.*"}
    plain = key.rpartition(".")[2]
    if tool == "pytest" and key == "addopts":
        return loosened
    if tool == "pytest" and key == "filterwarnings":
        return _warnings
    if general & HIDING_LISTS[tool]:
        return _longer
    if general & SHOWING_LISTS[tool]:
        return _shorter
    if plain in STRICT_WHEN_ON[tool] or key in STRICT_WHEN_ON[tool]:
        return _switched_off
    if plain in STRICT_WHEN_OFF[tool]:
        return lambda before, after: "is on now" if _on(after) and not _on(before) else ""
    if key.endswith("max-complexity") or key in {"line-length", "lint.pycodestyle.max-line-length"}:
        return _larger
    return lambda before, after: f"changes from {_shown(before)} to {_shown(after)}"


def _switched_off(before: object, after: object) -> str:
    # Where nothing was said, another switch (`strict`) or the tool's default may have had it on.
    was_off = before is not None and not _on(before)
    return "is off now" if not _on(after) and not was_off else ""


def _longer(before: object, after: object) -> str:
    more = sorted(set(_items(after)) - set(_items(before)))
    return f"now leaves out {', '.join(more)}" if more else ""


def _shorter(before: object, after: object) -> str:
    # An absent list means the tool's default, which a first list may cut down: that cannot be told from here.
    if before is None:
        return f"is set, which may be less than the default: {', '.join(_items(after))}"
    if after is None:
        return f"is gone, and with it {', '.join(_items(before))}"
    less = sorted(set(_items(before)) - set(_items(after)))
    if "ALL" in _items(after):
        return ""
    return f"no longer has {', '.join(less)}" if less else ""


def _larger(before: object, after: object) -> str:
    grown = isinstance(after, int) and isinstance(before, int) and after > before
    dropped = after is None and before is not None
    return f"grows from {_shown(before)} to {_shown(after)}" if grown or dropped else ""


def _warnings(before: object, after: object) -> str:
    lost = sorted(item for item in set(_items(before)) - set(_items(after)) if item.startswith("error"))
    gained = sorted(item for item in set(_items(after)) - set(_items(before)) if not item.startswith("error"))
    said = [f"no longer has {', '.join(lost)}"] if lost else []
    said += [f"now lets pass {', '.join(gained)}"] if gained else []
    return " and ".join(said)


def _read(name: str, data: bytes | None) -> dict[str, Flat] | None:
    """The settings of each tool in a file; None if the file cannot be read."""
    if data is None:
        return {}
    try:
        text = data.decode("utf-8")
        return _from_toml(name, text) if name.endswith(".toml") else _from_ini(name, text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, configparser.Error, RecursionError):
        return None


def _from_toml(name: str, text: str) -> dict[str, Flat]:
    data = tomllib.loads(text)
    if name in RUFF_FILES:
        return {"ruff": _ruff(data)}
    if name in PYTEST_FILES:
        return {"pytest": dict(_table(data.get("pytest")))}
    tools = _table(data.get("tool"))
    pytest = _table(tools.get("pytest"))
    return {
        "ruff": _ruff(_table(tools.get("ruff"))),
        "mypy": _mypy(_table(tools.get("mypy"))),
        "pytest": {k: v for k, v in pytest.items() if k != "ini_options"}
        | dict(_table(pytest.get("ini_options"))),
    }


def _ruff(table: Mapping[str, object]) -> Flat:
    """ruff's settings, with those that older files keep at the top put where they are today."""
    flat = dict(_flatten(table))
    top = (
        "select",
        "ignore",
        "extend-select",
        "extend-ignore",
        "per-file-ignores",
        "extend-per-file-ignores",
    )
    return {(f"lint.{key}" if key.split(".")[0] in top else key): value for key, value in flat.items()}


def _mypy(table: Mapping[str, object]) -> Flat:
    flat = {key: value for key, value in table.items() if key != "overrides"}
    overrides = table.get("overrides")
    for override in overrides if isinstance(overrides, list) else []:
        modules = _items(override.get("module")) if isinstance(override, dict) else []
        for module in modules:
            flat |= {f"{module}.{key}": value for key, value in override.items() if key != "module"}
    return flat


def _from_ini(name: str, text: str) -> dict[str, Flat]:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(text)
    found: dict[str, Flat] = {"mypy": {}, "pytest": {}}
    for section in parser.sections():
        values: Flat = dict(parser.items(section))
        if section == "mypy" and name != "tox.ini":
            found["mypy"] |= values
        elif section.startswith("mypy-"):
            for module in section.removeprefix("mypy-").split(","):
                found["mypy"] |= {f"{module.strip()}.{key}": value for key, value in values.items()}
        elif section == ("tool:pytest" if name == "setup.cfg" else "pytest"):
            found["pytest"] |= values
    return found


def _flatten(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[str]:
    """A list from whichever way a file writes one."""
    if value is None:
        return []
    if isinstance(value, list):
        return [str(item) for item in value]
    return [item.strip() for item in re.split(r"[,\n]", str(value)) if item.strip()]


def _on(value: object) -> bool:
    return value is True or str(value).strip().casefold() in {"true", "1", "yes", "on"}


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value).replace("\n", " ").strip()


def _displaces(file: Sides, before: bytes | None) -> str:
    """The tool for which a file counts from now on, empty as it may be, in place of the one that did before."""
    if before is None and file.new is not None and file.name in SOLE:
        return SOLE[file.name]
    # ruff takes the nearest file with a table of its own, and merges nothing.
    nested = file.name == "pyproject.toml" and "/" in file.path
    return "ruff" if nested and _has_ruff(file.new) and not _has_ruff(before) else ""


def _has_ruff(data: bytes | None) -> bool:
    try:
        return "ruff" in _table(tomllib.loads((data or b"").decode("utf-8")).get("tool"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return True


def _line(text: str, key: str) -> int:
    last = re.escape(key.rpartition(".")[2])
    match = re.search(rf"^\s*[\"']?{last}[\"']?\s*[=:]", text, re.MULTILINE)
    return text.count("\n", 0, match.start()) + 1 if match else 0
