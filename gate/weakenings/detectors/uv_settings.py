"""Settings of uv that decide where packages, Python, programs, or credentials come from.

They are those of `[tool.uv]` and uv.toml according to uv's schema, and the `UV_*` variables in any file that may set
variables for an installer.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gate.weakenings.file_diff import lines_of

PACKAGES, PYTHON = "packages come from", "Python comes from"
ACCESS = "credentials for package indexes come from"
ELSEWHERE = re.compile(r"[$%{<]|\*+$")
"""The start of a reference to a variable or a secret, which is stored elsewhere."""
VARIABLE = re.compile(
    r"""\bUV_(?P<name>[A-Z][A-Z0-9_]*)["']?(?:\s*[:=]\s*|\s+)["']?(?P<value>[^\s"',;]+)""", re.ASCII
)
CREDENTIAL = re.compile(r"INDEX_\w+_(?:USERNAME|PASSWORD)|GITHUB_TOKEN|API_KEY|AUTH_TOKEN|SERVICE_TOKEN")
DEFAULTS = {
    **dict.fromkeys(("python-preference", "PYTHON_PREFERENCE"), ("managed",)),
    **dict.fromkeys(("keyring-provider", "pip.keyring-provider", "KEYRING_PROVIDER"), ("disabled",)),
}
ENV_FILE = re.compile(r"(?:.*/)?(?:\.env[^/]*|[^/]*\.env)")
"""A file of variables that is read here as well."""


def _any(_: str, __: str) -> bool:
    return True


def _is_path(_: str, value: str) -> bool:
    """Return whether a request for Python names a program or a folder, not a version."""
    return "/" in value or "\\" in value or value.startswith((".", "~"))


def _is_in_tree(_: str, value: str) -> bool:
    """Return whether a folder is one of the tree, whose content the change can add."""
    return not value.startswith(("/", "~", "$", "%", "{")) and ":\\" not in value


def _leaves_tree(path: str, value: str) -> bool:
    """Return whether a folder, relative to the file at `path`, is outside the repository."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), value.partition("*")[0]))
    return target.startswith(("../", "/", "~")) or target == ".."


def _is_address_or_path(_: str, value: str) -> bool:
    return "://" in value or _is_path("", value)


Condition = Callable[[str, str], bool]
SETTINGS: Mapping[str, tuple[str, Condition]] = {
    "index": (PACKAGES, _any),
    "index.url": (PACKAGES, _any),
    "index.ignore-error-codes": (PACKAGES, _any),
    "index-url": (PACKAGES, _any),
    "extra-index-url": (PACKAGES, _any),
    "find-links": (PACKAGES, _any),
    "check-url": (PACKAGES, _any),
    "publish-url": (PACKAGES, _any),
    "allow-insecure-host": (PACKAGES, _any),
    "torch-backend": (PACKAGES, _any),
    "cache-dir": (PACKAGES, _is_in_tree),
    "http-proxy": (PACKAGES, _any),
    "https-proxy": (PACKAGES, _any),
    "audit.malware-check-url": (PACKAGES, _any),
    "sources.path": (PACKAGES, _leaves_tree),
    "sources.workspace": (PACKAGES, _leaves_tree),
    "workspace.members": (PACKAGES, _leaves_tree),
    "extra-build-variables": (PACKAGES, _is_address_or_path),
    "python-preference": (PYTHON, _any),
    "python-install-mirror": (PYTHON, _any),
    "pypy-install-mirror": (PYTHON, _any),
    "python-downloads-json-url": (PYTHON, _any),
    "python": (PYTHON, _is_path),
    "keyring-provider": (ACCESS, _any),
}
"""What each setting decides, and which of its values matter. `pip.` before a name makes no difference."""
VARIABLES: Mapping[str, tuple[str, Condition]] = {
    **{
        name.upper().replace("-", "_"): SETTINGS[name]
        for name in (
            "torch-backend", "http-proxy", "https-proxy", "python-preference", "python-install-mirror",
            "pypy-install-mirror", "python-downloads-json-url", "python", "keyring-provider",
        )
    },
    "DEFAULT_INDEX": (PACKAGES, _any),
    "INDEX": (PACKAGES, _any),
    "INDEX_URL": (PACKAGES, _any),
    "EXTRA_INDEX_URL": (PACKAGES, _any),
    "CONSTRAINT": (PACKAGES, lambda _, value: "://" in value),
    "BUILD_CONSTRAINT": (PACKAGES, lambda _, value: "://" in value),
    "OVERRIDE": (PACKAGES, lambda _, value: "://" in value),
    "DOWNLOAD_URL": (PACKAGES, _any),
    "INSTALLER_GITHUB_BASE_URL": (PACKAGES, _any),
    "INSTALLER_GHE_BASE_URL": (PACKAGES, _any),
    "GITHUB_FAST_PATH_URL": (PACKAGES, _any),
    "S3_ENDPOINT_URL": (PACKAGES, _any),
    "GCS_ENDPOINT_URL": (PACKAGES, _any),
    "AZURE_ENDPOINT_URL": (PACKAGES, _any),
    "MALWARE_CHECK_URL": (PACKAGES, _any),
    "ENV_FILE": (PACKAGES, lambda _, value: ENV_FILE.fullmatch(value) is None),
    "MANAGED_PYTHON": (PYTHON, _any),
    "NO_MANAGED_PYTHON": (PYTHON, _any),
    "PYTHON_INSTALL_DIR": (PYTHON, _is_in_tree),
    "PYTHON_BIN_DIR": (PYTHON, _is_in_tree),
    "PYTHON_CACHE_DIR": (PYTHON, _is_in_tree),
    "PYTHON_SEARCH_PATH": (PYTHON, _any),
    "PROJECT_ENVIRONMENT": (PYTHON, lambda path, value: _is_in_tree(path, value) and value != ".venv"),
    "TOOL_DIR": (PACKAGES, _is_in_tree),
    "TOOL_BIN_DIR": (PACKAGES, _is_in_tree),
    "CREDENTIALS_DIR": (ACCESS, _any),
}  # fmt: skip
"""The same for environment variables, without `UV_`."""


def settings_in(path: str, text: str, data: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Yield the value of each setting of uv in a file that isn't at its default, and what the setting decides.

    `data` are uv's settings in the file, if it can have any.
    """
    for name, value in _pairs(data or {}):
        what, matters = SETTINGS.get(name.removeprefix("pip."), ("", _any))
        if what and value not in DEFAULTS.get(name, ()) and matters(path, value):
            yield value, f"uv's setting {name} = {value} decides where {what}"
    for match in VARIABLE.finditer("\n".join(re.sub(r"(?:^|\s)#.*", "", line) for line in lines_of(text))):
        name, value = match["name"], match["value"]
        what, matters = VARIABLES.get(name, ("", _any))
        if what and value not in DEFAULTS.get(name, ()) and matters(path, value):
            yield value, f"the variable UV_{name}={value} decides where {what}"
        elif CREDENTIAL.fullmatch(name) and not ELSEWHERE.match(value):
            yield name, f"the variable UV_{name} decides where {ACCESS}"


def _pairs(data: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the settings in uv's table as pairs. The names of packages and variables are left out."""
    if isinstance(data, dict):
        for key, value in data.items():
            is_package = name == "sources" and isinstance(value, dict | list)
            free = is_package or name == "extra-build-variables"
            yield from _pairs(value, name if free else f"{name}.{key}" if name else key)
    elif isinstance(data, list):
        for value in data:
            yield from _pairs(value, name)
    elif isinstance(data, str | int) and not isinstance(data, bool):
        yield name, str(data)
