"""Explain from uv's output why an environment can't be built, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gate.cache_inputs import BUILD
from gate.process import Finished

OFFLINE = re.compile(
    r"error sending request|failed to fetch|dns error|connect(?:ion)? (?:error|refused|reset)|network|offline"
    r"|timed? ?out|client error \(Connect\)|Could not connect",
    re.IGNORECASE,
)
BUILD_OFFLINE = re.compile(
    r"URLError|Name or service not known|name resolution|Could not resolve host|NameResolutionError"
    r"|Network is unreachable|Connection (?:refused|reset)|ConnectionError|ConnectError|timed out",
)
"""What a build prints, in its last lines, that gets no answer from a server."""
STANDALONE = re.compile(r"python-build-standalone/\S*?/(cpython-\d+\.\d+)")
UNAUTHORIZED = re.compile(r"\b401 Unauthorized|\b403 Forbidden|authentication credentials", re.IGNORECASE)
PROGRESS = (
    "Using ",
    "Creating ",
    "Resolved ",
    "Activate",
    "Downloading ",
    "Downloaded ",
    "Building ",
    "Built ",
    "Prepared ",
)
"""Prefixes of uv's progress lines."""
ERROR = re.compile(r"(?:^|\s)(?:fatal )?error: |^fatal: |^CMake Error|^ERROR: ")
"""The start of an error message from compilers, cargo, git, CMake, and others."""
INDEX_SECRET = re.compile(r"UV_INDEX_\w+_(?:USERNAME|PASSWORD)")


class BuildFailed(Exception):
    """An environment couldn't be built. `offline` is True if something couldn't be downloaded."""

    def __init__(self, reason: str, hint: str, *, offline: bool = False) -> None:
        """Create the error. `hint` says what to do about it."""
        super().__init__(reason)
        self.reason, self.hint, self.offline = reason, hint, offline


def withheld(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of variables that hold credentials of package indexes.

    No build gets them, because the tree could name another URL.
    """
    return tuple(
        name
        for name, value in environ.items()
        if (name in BUILD and "@" in value) or INDEX_SECRET.fullmatch(name)
    )


def failure(finished: Finished, secret_names: Sequence[str]) -> BuildFailed:
    """Return an error for a failed run of uv. `secret_names` are the variables that were withheld from it."""
    text = finished.stderr.decode("utf-8", "replace")
    lines = [re.sub(r"^[×╰─▶│├\s]+", "", line).strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(PROGRESS)]
    if finished.ended == "cancelled":
        return BuildFailed("cancelled", "")
    if finished.ended != "exit":
        return BuildFailed(
            f"uv was ended: {finished.ended}", "build its environment yourself to see the error"
        )
    if "needs to be updated" in text or ("lockfile" in text and "--locked" in text):
        return BuildFailed("uv.lock does not match pyproject.toml", "run `uv lock`, and commit uv.lock")
    reason = _reason(lines) or "uv printed nothing"
    if "python-build-standalone" in text:
        version = STANDALONE.search(text)
        return BuildFailed(
            "the interpreter that the project requires is not installed, and cannot be downloaded"
            + (f" (uv would take {version[1]})" if version else ""),
            "install one that `requires-python` allows, for example with `uv python install`",
            offline=True,
        )
    if BUILD_OFFLINE.search(reason) and "[stderr]" in lines:
        # The index answered: it is the build that asks for something else.
        return BuildFailed(
            f"its build needs the network ({reason[:300]})",
            "connect to the network; if there is one, see what the build downloads",
            offline=True,
        )
    if OFFLINE.search(text):
        return BuildFailed(
            f"no package index can be reached ({reason[:200]})", "connect to the network", offline=True
        )
    if UNAUTHORIZED.search(text) or secret_names:
        names = f" ({', '.join(secret_names)})" if secret_names else ""
        return BuildFailed(
            reason[:400],
            "put the credentials of the package index into `~/.netrc` or `~/.config/uv/uv.toml`: a build gets no "
            f"variables that hold credentials{names}",
        )
    return BuildFailed(reason[:400], "try `uv sync` in a fresh clone, and fix the declared dependencies")


def _reason(lines: Sequence[str]) -> str:
    """Return uv's error message, for a failed build with the error that the build printed.

    That is the first line that looks like an error, or else the last line, where Python prints the exception.
    """
    if "[stderr]" in lines:
        printed = [line for line in lines[lines.index("[stderr]") + 1 :] if not line.startswith("hint: ")]
        if printed:
            first = next(
                (index for index, line in enumerate(printed) if ERROR.search(line)), len(printed) - 1
            )
            error = " ".join(printed[first : first + (2 if printed[first].endswith(":") else 1)])
            return f"{lines[0].removeprefix('error: ')}: {error.removeprefix('error: ')}"
    return " ".join(line.removeprefix("error: ") for line in lines[:3])
