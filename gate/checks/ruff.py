"""ruff: its command line and its JSON output."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from gate.checks import flake8_settings, ruff_rules
from gate.checks.advice import install_command
from gate.checks.tool import (
    Invocation,
    Job,
    Left,
    Report,
    Unreadable,
    is_utf8,
    last_line,
    python_count,
    reads_python,
    relative,
)
from gate.finding import Finding
from gate.json_input import parse_json
from gate.settings_input import parse_toml
from gate.wording import count

REQUIRED = re.compile(r"Required version `([^`]+)`")
NOTHING = "No Python files found"
_DEFAULTS = {"select": ruff_rules.ERRORS, "ignore": flake8_settings.STYLE}
WITHOUT_SETTINGS = "\n".join(
    ["[lint]", *(f"{key} = {json.dumps(codes)}" for key, codes in _DEFAULTS.items()), ""]
).encode()
"""The settings for a project without any: only errors. ruff's defaults have since grown to include matters of taste,
such as the order of imports, which such a project didn't choose."""


class Ruff:
    """The linter, with the project's own settings."""

    distribution = "ruff"
    runs_code = False
    cache_travels = False

    def reads(self, path: str) -> bool:
        """Return whether it is a Python file or settings."""
        return reads_python(path)

    def idle(self, job: Job) -> Report | None:
        """Without Python files, there is nothing to lint."""
        return None if python_count(job.files) else Report((), "no Python files", 0)

    def commands(self, job: Job) -> tuple[Invocation, ...]:
        """Run `ruff check` over the whole tree, without fixing, with the cache outside the tree.

        It gets its own home directory, so that neither the user's ruff settings nor their global gitignore affects the
        result.
        """
        # ruff can't write a file name that is not UTF-8 to its cache, and fails.
        cache = f"--cache-dir={job.cache}" if all(map(is_utf8, job.files)) else "--no-cache"
        argv = [*job.tool, "check", "--output-format=json", "--no-fix", cache]
        target = _target(job)
        if target:
            argv.append(f"--target-version={target}")
        if not _has_settings(job):
            argv += flake8_settings.arguments(job.settings)
        else:
            argv += ruff_rules.arguments(job.settings, job.files)
        home = {"HOME": job.scratch, "XDG_CONFIG_HOME": job.scratch}
        return (Invocation((*argv, *job.check.args, "."), home),)

    def read(self, job: Job, left: Left) -> Report | Unreadable:
        """Parse the JSON list that comes with exit codes 0 and 1. Any other exit code is a failure to run."""
        if beyond := _extended(job):
            # That file is never reviewed, and a cached result of this tree would ignore changes to it.
            return Unreadable(
                f"ruff's settings extend {beyond}, which is not part of the repository",
                "bring it into the repository, and extend it there",
            )
        if left.returncode not in {0, 1}:
            reason = last_line(left.stderr).removeprefix("Cause: ")
            return Unreadable(f"ruff failed to start: {reason}", _fix(reason, job))
        try:
            items = parse_json(left.stdout)
            findings = tuple(_of_files((_finding(item, job.root) for item in items), job.files))
        except (ValueError, KeyError, TypeError, AttributeError):
            return Unreadable("ruff's output cannot be read", "try another version of ruff")
        if NOTHING in left.stderr:
            return Report(findings, "its settings leave it no file to check", 0)
        files = python_count(job.files)
        return Report(findings, count(files, "file"), files)


def _of_files(findings: Iterable[Finding], files: tuple[str, ...]) -> Iterator[Finding]:
    """Yield the findings in regular files. A symlink may lead out of the tree; inside, its target is linted itself.

    ruff prints names that aren't UTF-8 with replacement characters.
    """
    names = {path.encode("utf-8", "surrogateescape").decode("utf-8", "replace"): path for path in files}
    for finding in findings:
        if finding.path in names:
            yield replace(finding, path=names[finding.path])


def _fix(reason: str, job: Job) -> str:
    required = REQUIRED.search(reason)
    if required is None:
        return "fix its settings, or install the version of ruff that they are for"
    return f"install the required version in the project's environment: {install_command(job, f'ruff{required[1]}')}"


def _finding(item: dict[str, Any], root: str) -> Finding:
    location, end = item["location"], item.get("end_location") or item["location"]
    fix = (item.get("fix") or {}).get("message") or ""
    message = str(item["message"])
    rule = item.get("code") or "invalid-syntax"
    return Finding(
        path=relative(str(item["filename"]), root),
        line=int(location["row"]),
        column=int(location["column"]),
        end_line=int(end["row"]),
        rule=str(rule),
        severity="error",
        message=message.removeprefix("SyntaxError: "),
        hint=str(fix),
    )


def _extended(job: Job) -> str:
    """Return the file on this machine that the project's ruff settings extend, or ""."""
    for name in ("ruff.toml", ".ruff.toml", "pyproject.toml"):
        try:
            table = parse_toml(job.settings.get(name, b""))
            if name == "pyproject.toml":
                table = table.get("tool", {}).get("ruff", {})
            extended = str(table.get("extend", ""))
        except (ValueError, AttributeError):
            # Leave it to ruff to reject a file that can't be parsed.
            continue
        if extended.startswith("/"):
            return extended
    return ""


def _has_settings(job: Job) -> bool:
    """Return whether ruff settings may exist anywhere in the tree: command-line arguments would override them."""
    names = {"ruff.toml", ".ruff.toml", "pyproject.toml"}
    below = any(path.rpartition("/")[2] in names and "/" in path for path in job.files)
    own = any(name in job.settings for name in ("ruff.toml", ".ruff.toml"))
    return below or own or b"[tool.ruff" in job.settings.get("pyproject.toml", b"")


def _target(job: Job) -> str:
    """Return the oldest supported Python version, if ruff wouldn't detect it.

    ruff reads `requires-python` next to the settings it uses. gate puts a settings file above the tree, to shield it
    from the user's working tree. Without settings in the tree, ruff uses that file.
    """
    if "ruff.toml" in job.settings or ".ruff.toml" in job.settings:
        return ""
    try:
        data = parse_toml(job.settings.get("pyproject.toml", b""))
        if "ruff" in data.get("tool", {}):
            return ""
        wanted = data.get("project", {}).get("requires-python", "")
    except (ValueError, AttributeError, TypeError):
        return ""
    lower = re.search(r"(?:>=|==|~=)\s*3\.([0-9]{1,3})", str(wanted))
    return f"py3{lower[1]}" if lower and int(lower[1]) >= 7 else ""
