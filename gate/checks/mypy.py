"""mypy: the files, the command line, and its output as JSON, or as text for versions without JSON."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gate.checks import modules
from gate.checks.advice import add_to_environment
from gate.checks.tool import (
    Invocation,
    Job,
    Left,
    Report,
    Unreadable,
    is_utf8,
    last_line,
    reads_python,
    relative,
    version_key,
)
from gate.finding import Finding, Severity
from gate.json_input import parse_json
from gate.settings_input import parse_ini, parse_toml
from gate.wording import count

# Errors that are no problem in code that was never written for a type checker.
MATTERS_OF_TASTE = (
    "var-annotated",
    "no-redef",
    "assignment",
    "misc",
    "override",
    "has-type",
    "list-item",
    "dict-item",
)
NOTHING_LEFT = "There are no .py[i] files in directory"
CHECKED = re.compile(r"Found \d+ errors? in|Success: no issues found")
JSON_SINCE = (1, 11)
TEXT = re.compile(
    r"(?P<file>.+?):(?P<line>\d+)(?::(?P<column>\d+)(?::(?P<end_line>\d+):\d+)?)?: (?P<severity>error|note): "
    r"(?P<message>.*?)(?:  \[(?P<code>[\w-]+)\])?"
)

UNDECODABLE = re.compile(r"(?P<file>.+?): error: (?P<message>Cannot decode file: .*)")
"""mypy's message, always in text form, about a file that is not in its declared encoding."""


class Mypy:
    """mypy with the project's own settings, also checking unannotated functions."""

    distribution = "mypy"
    runs_code = False
    cache_travels = True

    def reads(self, path: str) -> bool:
        """Return whether it is a Python file or settings."""
        return reads_python(path)

    def idle(self, job: Job) -> Report | None:
        """Without modules, there is nothing to check."""
        if _settings(job) is None and not modules.checked(job.files):
            return Report((), "no Python modules", 0)
        return None

    def commands(self, job: Job) -> tuple[Invocation, ...]:
        """Run mypy over what the project configures, else over every module in the tree."""
        shape = ["--output=json"] if _has_json(job) else ["--show-column-numbers", "--no-error-summary"]
        argv = [
            *job.tool, *shape, "--no-pretty", "--no-color-output", "--show-error-codes", "--hide-error-context",
            f"--cache-dir={job.cache}", f"--python-executable={job.python}",
        ]  # fmt: skip
        settings = _settings(job)
        if settings is None:
            # Missing stubs of a library say nothing about the project, which didn't ask to check for them.
            argv += [
                "--config-file=",
                "--check-untyped-defs",
                "--ignore-missing-imports",
                "--no-strict-optional",
            ]
            argv += [f"--disable-error-code={code}" for code in MATTERS_OF_TASTE]
        elif not settings.keys() & {"check_untyped_defs", "strict"}:
            argv.append("--check-untyped-defs")
        if settings is not None and not job.found:
            # Without an environment every dependency is missing, which is not due to the change.
            argv.append("--ignore-missing-imports")
        argv += job.check.args
        # Use a separate home directory, so that the user's mypy settings have no effect.
        home = {"HOME": job.scratch, "XDG_CONFIG_HOME": job.scratch}
        if job.own and job.found and settings and "plugins" in settings:
            # gate's own mypy needs the path of the project's plugins.
            home["PYTHONPATH"] = ":".join(job.sites)
        if _says_what(settings):
            argv += [f"--exclude=^{re.escape(path)}$" for path in sorted(job.excluded)]
            return (Invocation(tuple(argv), home),)
        # No import can name a file whose name is not UTF-8, and mypy can't print it.
        checkable = [path for path in job.files if path not in job.excluded and is_utf8(path)]
        return tuple(_over(part, argv, home) for part in modules.parts(checkable, job.text))

    def read(self, job: Job, left: Left) -> Report | Unreadable:
        """Parse one finding per line. Exit code 2 is accepted only if the output says which file couldn't be parsed."""
        findings: list[Finding] = []
        others: list[str] = []
        for line in filter(None, [*left.stdout.splitlines(), *_undecodable(left)]):
            if CHECKED.match(line):
                continue
            if match := UNDECODABLE.fullmatch(line):
                path = relative(match["file"], job.root)
                findings.append(Finding(path, 0, 0, 0, "syntax", "error", match["message"]))
                continue
            try:
                item = parse_json(line) if _has_json(job) else _parsed(line)
                finding = _finding(item, job.root)
            except (ValueError, KeyError, TypeError, AttributeError):
                if _has_json(job) and line.startswith("{"):
                    return Unreadable("mypy's output cannot be read", "try another version of mypy")
                # A note about the settings, or output of a plugin: the exit code decides.
                others.append(line)
                continue
            if finding.severity == "note":
                _add_hint(findings, finding)
            else:
                findings.append(finding)
        if others and not findings and left.returncode not in {0, 1}:
            reason = last_line("\n".join(others)) if others[0].startswith("Traceback (") else others[0]
            return Unreadable(f"mypy failed to start: {_plain(reason)}", _way_out(reason, job))
        return _report(job, left, tuple(findings))


def _undecodable(left: Left) -> list[str]:
    """Return the lines of stderr that name a file mypy can't decode."""
    return [line for line in left.stderr.splitlines() if UNDECODABLE.fullmatch(line)]


def _says_what(settings: dict[str, object] | None) -> bool:
    return settings is not None and bool(settings.keys() & {"files", "packages", "modules"})


def _over(part: modules.Part, argv: list[str], env: dict[str, str]) -> Invocation:
    """Return the invocation for one part of the project."""
    named = ["--namespace-packages", "--explicit-package-bases"] if part.bases else []
    path = {"MYPYPATH": ":".join(part.bases)} if part.bases else {}
    return Invocation((*argv, *named, "--", *part.files), env | path, frozenset(part.files))


def _has_json(job: Job) -> bool:
    return version_key(job.version or "2") >= JSON_SINCE


def _parsed(line: str) -> dict[str, Any]:
    """Parse a line of text into the same fields as in JSON. Raises ValueError if it isn't a finding."""
    match = TEXT.fullmatch(line)
    if match is None:
        raise ValueError(line)
    # In text output, columns start at 1.
    return {**match.groupdict(), "column": int(match["column"] or 1) - 1}


def _add_hint(findings: list[Finding], note: Finding) -> None:
    """Attach the first note to the error at the same position, as its hint."""
    if findings and (findings[-1].path, findings[-1].line, findings[-1].hint) == (note.path, note.line, ""):
        findings[-1] = replace(findings[-1], hint=note.message)


def _report(job: Job, left: Left, errors: tuple[Finding, ...]) -> Report | Unreadable:
    """Check that findings and exit code make a complete result."""
    note = "; ".join(_notes(job))
    if left.returncode == 0 or (left.returncode == 1 and errors):
        return Report(errors, note)
    if left.returncode == 1:
        return Unreadable(f"mypy found something but did not say what: {last_line(left.stderr)}")
    if left.returncode == 2 and errors and all(error.rule == "syntax" for error in errors):
        # mypy reports only this, and has checked no other file.
        own = _syntax_errors(job)
        findings = (*own.values(), *(error for error in errors if error.path not in own))
        return Report(findings, note, unparsed=frozenset(finding.path for finding in findings))
    if errors:
        reason = f"{errors[0].path}: {errors[0].message}"
        return Unreadable(f"mypy stopped at {reason}", errors[0].hint or _way_out(reason, job), whole=True)
    output = left.stderr.strip() or left.stdout
    if job.excluded and NOTHING_LEFT in output:
        return Report((), note)
    return Unreadable(f"mypy failed to start: {_plain(last_line(output))}", _way_out(output, job), whole=True)


def _plain(line: str) -> str:
    """Return a line of output for people: newer versions print errors in their settings as JSON too."""
    try:
        item = parse_json(line)
        return f"{item['file']}:{item['line']}: {item['message']}"
    except (ValueError, KeyError, TypeError):
        return line


def _syntax_errors(job: Job) -> dict[str, Finding]:
    """Return the files that current Python can't parse: code for another version, or templates."""
    errors = {}
    for path in job.files:
        if not path.endswith((".py", ".pyi")) or path in job.excluded:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse(job.text(path))
        except SyntaxError as error:
            line = error.lineno or 0
            errors[path] = Finding(
                path, line, (error.offset or 1) if line else 0, line, "syntax", "error", error.msg
            )
        except (ValueError, RecursionError, MemoryError):
            continue
    return errors


def _notes(job: Job) -> Iterator[str]:
    if job.excluded:
        remaining = (
            f" and {count(len(job.excluded) - 1, 'other')}" if job.excluded - {min(job.excluded)} else ""
        )
        yield f"{min(job.excluded)}{remaining} excluded: mypy cannot parse {'them' if remaining else 'it'}"
    if not job.found:
        yield "no virtual environment found; import errors ignored"
    left = [] if _says_what(_settings(job)) else modules.out_of_reach(job.files)
    if left:
        remaining = f" and {count(len(left) - 1, 'other')}" if left[1:] else ""
        yield f"{left[0]}{remaining} left out: a package of that name cannot be imported"


def _finding(item: dict[str, Any], root: str) -> Finding:
    severities: dict[str, Severity] = {"error": "error", "note": "note"}
    line = max(int(item["line"]), 0)
    message, hint = str(item["message"]), str(item.get("hint") or "").replace("\n", " ")
    maybe = re.search(r"; maybe (.+)\?$", message)
    if maybe and not hint:
        hint = f"did you mean {maybe[1].replace(chr(34), '`')}?"
    return Finding(
        path=relative(str(item["file"]), root),
        line=line,
        column=max(int(item["column"]), 0) + 1 if line else 0,
        end_line=max(int(item.get("end_line") or line), line),
        rule=str(item.get("code") or "mypy"),
        severity=severities.get(str(item["severity"]), "error"),
        message=message,
        hint=hint,
    )


def _way_out(output: str, job: Job) -> str:
    if "plugin" not in output.lower() and "No module named" not in output:
        return "install the version of mypy that these settings are for in the project's environment"
    if job.own:
        return "install mypy and its plugins in the project's own environment"
    return add_to_environment(job, "the plugin")


def _settings(job: Job) -> dict[str, object] | None:
    """Return the project's mypy settings, or None. Settings that can't be parsed are left for mypy to reject."""
    for name in ("mypy.ini", ".mypy.ini", "pyproject.toml", "setup.cfg"):
        data = job.settings.get(name)
        if data is None:
            continue
        text = data.decode("utf-8", "replace")
        if name == "pyproject.toml":
            try:
                table = parse_toml(text).get("tool", {}).get("mypy")
            except (ValueError, AttributeError):
                table = {}
            if isinstance(table, dict):
                return _named(table)
            continue
        try:
            parser = parse_ini(text)
        except ValueError:
            return {}
        if name.endswith("mypy.ini") or parser.has_section("mypy"):
            # Other tools that share the file may have options of the same names.
            own = [part for part in parser.sections() if part == "mypy" or part.startswith("mypy-")]
            return _named({key: value for part in own for key, value in parser.items(part)})
    return None


def _named(table: dict[str, Any]) -> dict[str, object]:
    """Return all keys that the settings use, with dashes replaced, which mypy accepts too."""
    options = {key.replace("-", "_"): value for key, value in table.items()}
    overrides = table.get("overrides")
    for override in overrides if isinstance(overrides, list) else []:
        if isinstance(override, dict) and "check_untyped_defs" in override:
            options.setdefault("check_untyped_defs", override["check_untyped_defs"])
    return options
