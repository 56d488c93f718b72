"""The cache key of a check's result, made of everything that decides it, and the result as bytes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from threading import Lock

from gate import __version__
from gate.cache_inputs import seen_by_check
from gate.checks import TOOLS, Report, Unreadable
from gate.checks.paths import any_matches
from gate.environment import Environment, Installed, sources_of
from gate.environment.content import content_of
from gate.finding import Finding
from gate.git.objects import Entry
from gate.json_input import parse_json
from gate.policy.types import CheckSettings
from gate.result_cache import Key, ResultCache, key_of

CODE = ("checks", "environment", "git", "names", "plugins", "runner")
"""The parts of gate's own code that decide results."""
PLACES = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "DISPLAY", "XAUTHORITY", "SSL_CERT_FILE", "SSL_CERT_DIR"}
)
"""Variables that say where something is on this machine, or who uses it."""


def result_key(
    check: CheckSettings,
    entries: Iterable[Entry],
    environment: Environment,
    installed: Installed | None,
    extra: tuple[str, ...],
    *,
    leave_out: Collection[str] = (),
) -> str:
    """Return the cache key for the result of `check` on a tree with `entries`.

    It covers the files that the tool reads, the check's settings, the variables it may read, the tool's version, the
    environment, and gate's own code. `extra` covers anything else that matters. The variables in `leave_out` are not
    covered, because they are compared separately. The portable form of the key has the content of what is installed in
    place of paths and times, and leaves out the variables that only say where something is.
    """
    tool = TOOLS[check.tool]
    read = key_of(
        *(
            f"{entry.mode} {entry.oid} {entry.path}"
            for entry in entries
            if tool.reads(entry.path) and (not check.inputs or any_matches([entry.path], check.inputs))
        )
    )
    # These settings change how findings count, the time limit, or the memory limit, but not what the check reports.
    shown = replace(check, block="new", timeout=0.0, memory=0, enforce=True, select="suite", retries=1)
    settings = json.dumps(asdict(shown))
    program = _program(check) if installed is None else f"{installed.version} {installed.site}"
    values = {
        name: value for name, value in seen_by_check(os.environ, check.env).items() if name not in leave_out
    }

    def portable(cache: ResultCache) -> str:
        return key_of(
            "portable", __version__, code_content(), read, settings, _portable_program(check, installed),
            _content_of(environment, cache), json.dumps(_portable_values(check, values), sort_keys=True), *extra,
        )  # fmt: skip

    local = key_of(
        __version__, code_version(), read, settings, program, environment.fingerprint,
        json.dumps(values, sort_keys=True), *extra,
    )  # fmt: skip
    return Key.of(local, portable)


def _portable_program(check: CheckSettings, installed: Installed | None) -> str:
    """Identify the tool by its version, or the program that a command starts by its content."""
    if installed is not None:
        return f"{installed.name} {installed.version} {'of gate' if installed.own else 'of the environment'}"
    program = shutil.which(check.command[0]) if check.command else None
    return f"{Path(program).name} {sha256(Path(program).read_bytes()).hexdigest()}" if program else ""


def _portable_values(check: CheckSettings, values: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables that decide the result on every machine.

    What else a command or a hook starts isn't known, so these are only shared where all variables are the same. Tools
    that don't run the project's code read none, except those that the policy names for them.
    """
    if check.tool == "pytest":
        return {name: value for name, value in values.items() if name not in PLACES or name in check.env}
    if TOOLS[check.tool].runs_code:
        return values
    return {name: value for name, value in values.items() if name in check.env}


def _content_of(environment: Environment, cache: ResultCache) -> str:
    """Return the identity of the environment's content. It is computed once per state of the environment."""
    with _CONTENTS:
        key = key_of("content of an environment", "1", environment.fingerprint, str(environment.project))
        stored = cache.get_local(key)
        if stored is None:
            stored = content_of(environment).encode("ascii")
            cache.put(key, stored, share=False)
        return stored.decode("ascii", "replace")


_CONTENTS = Lock()


@cache
def code_content() -> str:
    """Return a digest of gate's own code, which is the same wherever this version is installed."""
    top = Path(__file__).parents[1]
    paths = sources_of(str(top / name) for name in CODE)
    return key_of(
        *(f"{os.path.relpath(path, top)} {sha256(Path(path).read_bytes()).hexdigest()}" for path in paths)
    )


def _program(check: CheckSettings) -> str:
    """Identify the program that a command starts: its location on PATH, size, and time."""
    program = shutil.which(check.command[0]) if check.command else None
    if program is None:
        return ""
    status = Path(program).stat()
    return f"{program} {status.st_mtime_ns} {status.st_size}"


@cache
def code_version() -> str:
    """Return the state of gate's own code, because a development checkout changes under the same version number."""
    own = str(Path(__file__).parents[1])
    files = sources_of(f"{own}/{name}" for name in CODE)
    stats = ((path, os.stat(path)) for path in files)  # noqa: PTH116  creating a Path for each costs more than the call
    return key_of(*(f"{path} {status.st_mtime_ns} {status.st_size}" for path, status in stats))


def dump(report: Report, seconds: float) -> bytes:
    """Serialize a report and its duration."""
    data = {
        "findings": [asdict(finding) for finding in report.findings],
        "note": report.note,
        "seen": report.seen,
        "tests": sorted(report.tests),
        "unparsed": sorted(report.unparsed),
        "skipped": sorted(report.skipped),
        "outcomes": dict(report.outcomes),
        "whole": report.whole,
        "shared": report.shared,
        "order": report.order,
        "seconds": seconds,
    }
    return json.dumps(data).encode("ascii")


def load(data: bytes | None) -> tuple[Report, float] | None:
    """Parse the output of `dump`. Returns None for any other data."""
    if data is None:
        return None
    try:
        data_read = parse_json(data)
        findings = tuple(Finding.from_data(finding) for finding in data_read["findings"])
        tests, skipped, unparsed = (frozenset(data_read[name]) for name in ("tests", "skipped", "unparsed"))
        outcomes = {str(name): int(count) for name, count in data_read["outcomes"].items()}
        whole, shared = str(data_read["whole"]), str(data_read["shared"])
        report = Report(
            findings,
            data_read["note"],
            data_read["seen"],
            tests,
            unparsed,
            skipped,
            outcomes=outcomes,
            whole=whole,
            shared=shared,
            order=tuple(map(str, data_read["order"])),
        )
        return report, float(data_read["seconds"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def dump_broken(broken: Unreadable, seconds: float) -> bytes:
    """Serialize why a run has no result, and its duration."""
    return json.dumps({**asdict(broken), "seconds": seconds}).encode("ascii")


def load_broken(data: bytes | None) -> tuple[Unreadable, float] | None:
    """Parse the output of `dump_broken`. Returns None for any other data."""
    if data is None:
        return None
    try:
        fields = parse_json(data)
        reason, hint = str(fields["reason"]), str(fields["hint"])
        whole, by_tree = bool(fields["whole"]), bool(fields["by_tree"])
        return Unreadable(reason, hint, whole=whole, by_tree=by_tree), float(fields["seconds"])
    except (ValueError, KeyError, TypeError):
        return None
