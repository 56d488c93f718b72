"""Read each tool's settings, from whichever file has them, into one flat mapping of key to value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from gate.settings_input import parse_ini, parse_toml

Flat = dict[str, object]

RUFF_FILES = frozenset({"ruff.toml", ".ruff.toml"})
MYPY_FILES = frozenset({"mypy.ini", ".mypy.ini"})
PYTEST_FILES = frozenset({"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"})
COVERAGE_FILES = frozenset({".coveragerc", ".coveragerc.toml"})
SOLE = (
    dict.fromkeys(RUFF_FILES, "ruff")
    | dict.fromkeys(MYPY_FILES, "mypy")
    | dict.fromkeys(PYTEST_FILES, "pytest")
    | dict.fromkeys(COVERAGE_FILES, "coverage")
    | {".flake8": "flake8"}
)
"""Files that configure a tool by their mere existence."""
NAMES = SOLE.keys() | {"pyproject.toml", "setup.cfg", "tox.ini"}
IN_ORDER = {
    "mypy": ("mypy.ini", ".mypy.ini", "pyproject.toml", "setup.cfg"),
    "pytest": (
        "pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg",
    ),
    "coverage": (".coveragerc", ".coveragerc.toml", "setup.cfg", "tox.ini", "pyproject.toml"),
}  # fmt: skip
"""Of these files, a tool reads only the first that has settings for it."""
LIKE_RUFF = re.compile(r"(?:^|/)[^/]*ruff[^/]*\.toml$")
"""Files that an `extend` setting most likely names."""


def read(name: str, data: bytes | None) -> dict[str, Flat] | None:
    """Return the settings in a file by tool, or None if the file can't be parsed."""
    if data is None:
        return {}
    try:
        text = data.decode("utf-8-sig")
        return _from_toml(name, text) if name.endswith(".toml") else _from_ini(name, text)
    except (ValueError, RecursionError):
        return None


def _from_toml(name: str, text: str) -> dict[str, Flat]:
    data = parse_toml(text)
    if name in RUFF_FILES:
        return {"ruff": _ruff(data)}
    if name in PYTEST_FILES:
        return {"pytest": dict(table(data.get("pytest")))}
    tools = table(data.get("tool"))
    if name in COVERAGE_FILES:
        return {"coverage": dict(_flatten(table(tools.get("coverage")) or data))}
    tables: dict[str, Flat] = {}
    if "ruff" in tools:
        tables["ruff"] = _ruff(table(tools["ruff"]))
    if "mypy" in tools:
        tables["mypy"] = _mypy(table(tools["mypy"]))
    if "pytest" in tools:
        pytest = table(tools["pytest"])
        own = {key: value for key, value in pytest.items() if key != "ini_options"}
        tables["pytest"] = own | dict(table(pytest.get("ini_options")))
    if "coverage" in tools:
        tables["coverage"] = dict(_flatten(table(tools["coverage"])))
    plugins = table(table(data.get("project")).get("entry-points")).get("pytest11")
    if plugins:
        tables.setdefault("plugins", {})["pytest11"] = plugins
    return tables


def _ruff(settings: Mapping[str, object]) -> Flat:
    """Return ruff's settings, with keys that used to be at the top level moved to their current section."""
    flat = dict(_flatten(settings))
    top = {
        "select",
        "ignore",
        "extend-select",
        "extend-ignore",
        "per-file-ignores",
        "extend-per-file-ignores",
    }
    return {(f"lint.{key}" if key.split(".")[0] in top else key): value for key, value in flat.items()}


def _mypy(settings: Mapping[str, object]) -> Flat:
    flat = {key.replace("-", "_"): value for key, value in settings.items() if key != "overrides"}
    overrides = settings.get("overrides")
    for override in overrides if isinstance(overrides, list) else []:
        modules = items(override.get("module")) if isinstance(override, dict) else []
        for module in modules:
            flat |= {
                f"{module}.{key.replace('-', '_')}": value
                for key, value in override.items()
                if key != "module"
            }
    return flat


def _from_ini(name: str, text: str) -> dict[str, Flat]:
    parser = parse_ini(text)
    # A file that configures a tool by its existence counts whatever sections it has, even none.
    tables: dict[str, Flat] = {SOLE[name]: {}} if name in SOLE else {}
    for section in parser.sections():
        values: Flat = dict(parser.items(section))
        if section == "mypy" and name != "tox.ini":
            tables["mypy"] = tables.get("mypy", {}) | _dashless(values)
        elif section.startswith("mypy-") and name != "tox.ini":
            for module in section.removeprefix("mypy-").split(","):
                own = {f"{module.strip()}.{key}": value for key, value in _dashless(values).items()}
                tables["mypy"] = tables.get("mypy", {}) | own
        elif section == ("tool:pytest" if name == "setup.cfg" else "pytest"):
            tables["pytest"] = tables.get("pytest", {}) | values
        elif name in COVERAGE_FILES or section.startswith("coverage:"):
            own = {f"{section.removeprefix('coverage:')}.{key}": value for key, value in values.items()}
            tables["coverage"] = tables.get("coverage", {}) | own
        elif section == "flake8":
            tables["flake8"] = _dashed(values)
        elif section == "options.entry_points" and values.get("pytest11"):
            tables["plugins"] = {"pytest11": values["pytest11"]}
    return tables


def _dashed(values: Mapping[str, object]) -> Flat:
    """Return the flake8 settings that gate respects. The others have no effect."""
    used = {"ignore", "extend-ignore", "per-file-ignores", "exclude", "extend-exclude"}
    return {key: value for name, value in values.items() if (key := name.replace("_", "-")) in used}


def _dashless(values: Mapping[str, object]) -> Flat:
    return {key.replace("-", "_"): value for key, value in values.items()}


def _flatten(settings: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def table(value: object) -> Mapping[str, object]:
    """Return the value if it is a table, else an empty table."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[str]:
    """Return a list, however the file spells it."""
    if value is None:
        return []
    if isinstance(value, list):
        return [str(item) for item in value]
    return [item.strip() for item in re.split(r"[,\n]", str(value)) if item.strip()]
