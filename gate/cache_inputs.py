"""What a check can see besides the tree, in one table: cached results, cached answers, and the hook's note all use it.

| what | how it is part of the key |
| --- | --- |
| variables that checks get | `SEEN_BY_CHECKS`, `LC_*`, and those that the policy names: their values |
| which environment is found | `FIND_ENVIRONMENTS`: their values; the places that come before it: their state |
| the interpreter | its path, size, and time |
| installed packages | every file: size and time; answers and notes ask `find` for newer ones |
| editable installs outside the project | their source files, size, and time |
| the tool | its version and place; of a command, the program that is started |
| the tool's settings | in the tree; the user's own never reach a tool |
| history that tests read, tags | `Side.history`, only if something in the run has read it |
| brought files | `bring` of the policy: their content |
| gate's own code | its version, and size, and time of its files |

This module imports nothing: the quick path of the commit hook needs it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SEEN_BY_CHECKS = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "CI", "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH", "SYSTEMROOT", "SSL_CERT_FILE", "SSL_CERT_DIR", "DISPLAY", "XAUTHORITY", "QT_QPA_PLATFORM",
)  # fmt: skip
"""The caller's variables that a check can see; never a token or an agent's socket."""
LOCALE = "LC_"
"""The prefix of the locale variables, which a check can see too."""
LOCALE_NAMES = tuple(
    f"LC_{name}" for name in ("ALL", "COLLATE", "CTYPE", "MESSAGES", "MONETARY", "NUMERIC", "TIME")
)
FIND_ENVIRONMENTS = (
    "VIRTUAL_ENV", "CONDA_PREFIX", "UV_PROJECT_ENVIRONMENT", "POETRY_VIRTUALENVS_PATH", "WORKON_HOME",
    "HATCH_DATA_DIR", "PYENV_ROOT", "XDG_CACHE_HOME", "XDG_DATA_HOME",
)  # fmt: skip
"""Variables that decide which environment is found."""
BUILD = (
    "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_OFFLINE",
    "UV_CACHE_DIR", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_PYTHON", "UV_PYTHON_DOWNLOADS", "HTTP_PROXY",
    "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
)  # fmt: skip
"""Variables about where packages come from; a value with a user name or password in it is not passed on."""


def seen_by_check(environ: Mapping[str, str], named: Iterable[str] = ()) -> dict[str, str]:
    """Return the caller's variables that a check can see. `named` are those that the policy adds.

    For hooks, git puts its own folder of programs in front of PATH. A check gets the same PATH in a hook as elsewhere.
    """
    wanted = {*SEEN_BY_CHECKS, *named}
    seen = {name: value for name, value in environ.items() if name in wanted or name.startswith(LOCALE)}
    if "PATH" in seen:
        seen["PATH"] = ":".join(part for part in seen["PATH"].split(":") if not part.endswith("/git-core"))
    return seen
