"""Generate version files that a build would write, if the code imports them but git doesn't track them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gate.settings_input import parse_toml

# The settings of setuptools-scm, hatch-vcs, and pdm that name a file to write.
WRITERS = (
    ("tool", "setuptools_scm", "version_file"),
    ("tool", "setuptools_scm", "write_to"),
    ("tool", "hatch", "build", "hooks", "vcs", "version-file"),
    ("tool", "pdm", "version", "write_to"),
)
UNKNOWN = "0.0.0"
TEXT = """\
__version__ = version = {version!r}
__version_tuple__ = version_tuple = {numbers!r}
__commit_id__ = commit_id = None
"""


def version_files(settings: Mapping[str, bytes], packages: Mapping[str, str]) -> dict[str, str]:
    """Return the files to which a build writes the version, with their content.

    The version is that of the installed project according to `packages`, else `0.0.0`. Only Python files in subfolders
    are generated.
    """
    try:
        data = parse_toml(settings.get("pyproject.toml", b""))
    except ValueError:
        return {}
    name = re.sub(r"[-_.]+", "-", str(_at(data, ("project", "name")) or "")).lower()
    version = packages.get(name, UNKNOWN)
    numbers = tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])
    content = TEXT.format(version=version, numbers=numbers)
    paths = {str(_at(data, keys) or "").removeprefix("./") for keys in WRITERS}
    return {path: content for path in paths if path.endswith(".py") and _is_inside(path)}


def _at(data: Any, keys: tuple[str, ...]) -> object:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _is_inside(path: str) -> bool:
    return not path.startswith("/") and "\\" not in path and ".." not in path.split("/")
