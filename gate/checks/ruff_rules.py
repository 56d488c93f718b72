"""Choose ruff's default rules for projects whose settings select none. Pure.

Until 0.15, the default was pycodestyle's errors and Pyflakes; since 0.16, it is several hundred rules. A project that
pins an older version for its pre-commit hooks has chosen the former, whichever version gate installs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gate.settings_input import parse_toml, parse_yaml

ERRORS = ("E4", "E7", "E9", "F")
"""The rules for errors only, ruff's defaults before 0.16."""
GROWN = (0, 16)
"""The first version with more default rules."""
HOOKS = ".pre-commit-config.yaml"
_FILES = (".ruff.toml", "ruff.toml", "pyproject.toml")
"""In ruff's order of precedence; only the first one applies."""


def arguments(settings: Mapping[str, bytes], files: tuple[str, ...]) -> list[str]:
    """Return the arguments that make ruff select the default rules of the version that the hooks pin.

    `settings` are the files at the top of the tree. Empty if the version isn't pinned, if its defaults are those of
    later versions, or if rules are selected: by a `select`, by extended settings, or by settings in subfolders.
    """
    pinned = _pinned(settings.get(HOOKS, b""))
    if not pinned or pinned >= GROWN or any(_is_settings_below(path) for path in files):
        return []
    tables = [table for name in _FILES if (table := _table(name, settings.get(name, b"")))]
    if not tables:
        return []
    top, lint = tables[0], tables[0].get("lint", {})
    if not isinstance(lint, dict) or "extend" in top or "select" in top or "select" in lint:
        return []
    selected = [*ERRORS, *_codes(top, lint, "extend-select")]
    ignored = [*_codes(top, lint, "ignore"), *_codes(top, lint, "extend-ignore")]
    return [f"--select={','.join(selected)}", *([f"--ignore={','.join(ignored)}"] if ignored else [])]


def _is_settings_below(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return bool(folder) and name in _FILES


def _pinned(config: bytes) -> tuple[int, int] | None:
    """Return the version of ruff in the hooks' configuration, or None if there is none or it can't be parsed."""
    try:
        repositories = parse_yaml(config)["repos"]
        texts = [(item["repo"], item["rev"]) for item in repositories if isinstance(item.get("rev"), str)]
        revisions = [revision for address, revision in texts if "ruff-pre-commit" in address]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    match = re.match(r"v?([0-9]{1,9})\.([0-9]{1,9})\.", revisions[0]) if revisions else None
    return (int(match[1]), int(match[2])) if match else None


def _table(name: str, data: bytes) -> dict[str, Any]:
    """Return the ruff settings in a file. Empty if it has none, or if ruff is going to reject them."""
    try:
        table = parse_toml(data)
        return dict(table.get("tool", {}).get("ruff", {}) if name == "pyproject.toml" else table)
    except (ValueError, TypeError, AttributeError):
        return {}


def _codes(top: Mapping[str, Any], lint: Mapping[str, Any], key: str) -> list[str]:
    found = lint.get(key, top.get(key, []))
    return [str(code) for code in found] if isinstance(found, list) else []
