"""`tool: pre-commit`: run the hooks in `.pre-commit-config.yaml` over the changed files, on the clean tree."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

from gate.checks.tool import Invocation, Job, Left, Report, Unreadable, last_line
from gate.finding import Edit, Finding
from gate.json_input import parse_json
from gate.settings_input import parse_yaml
from gate.wording import count

CONFIG = ".pre-commit-config.yaml"
OWN = frozenset({"gate", "gate-push", "gate-owners"})
"""gate's own hooks: a check that ran them would call itself forever."""
WHERE = re.compile(
    r"(?P<path>[^\s:][^:\n]*?):(?P<line>[0-9]{1,9})(?::(?P<column>[0-9]{1,9}))?(?::\s*|\s+)(?P<message>\S.*)"
)
HUNK = re.compile(r"@@ -([0-9]{1,9})(?:,\d+)? \+\d+(?:,\d+)? @@")
NO_NEWLINE = "\\ No newline"
STATUS = re.compile(
    r"^(?:- (?:hook id|description|exit code|duration|files were modified by this hook).*"
    r"|.*\.{3,}.*(?:Failed|Passed|Skipped))$"
)
TROUBLE = re.compile(
    r"^(?:An (?:unexpected )?error has occurred: .*|error: .*|Executable `.*` not found.*|- exit code: 12[67])$",
    re.MULTILINE,
)
EXPECTED = re.compile(r"^==> File (?P<file>.*)\n(?:==> .*\n)*=====> (?P<reason>.*)$", re.MULTILINE)
"""How pre-commit reports a mistake in a configuration."""
STDERR = re.compile(r"^stderr:\n(?P<lines>(?: {4}.*\n?)+)", re.MULTILINE)
"""How pre-commit reports a program that failed, such as `git fetch` or `pip install`."""
CAUSE = re.compile(r"^(?:fatal|error)\b", re.IGNORECASE)
MOST_LINES = 6


class Hooks:
    """The project's pre-commit hooks, run by prek if it is installed."""

    distribution = "pre-commit"
    runs_code = True
    cache_travels = False

    def reads(self, path: str) -> bool:
        """Hooks may read any file."""
        return bool(path)

    def idle(self, job: Job) -> Report | None:
        """Without hooks or changed files, there is nothing to run."""
        if CONFIG not in job.files:
            return Report((), f"no {CONFIG}", 0)
        return None if job.changed else Report((), "no changed files", 0)

    def commands(self, job: Job) -> tuple[Invocation, ...]:
        """Run gate's own script, which runs one hook at a time and records what each modified."""
        script = f"{__file__.rpartition('/checks/')[0]}/plugins/run_hooks.py"
        lists = {"hooks": hook_ids(job.text(CONFIG)), "files": list(job.changed)}
        written = {name: "\0".join(lines).encode("utf-8", "surrogateescape") for name, lines in lists.items()}
        list_files = [f"{job.scratch}/{name}" for name in lists]
        argv = [sys.executable, "-I", script, job.report, *list_files, "--", *job.tool, *job.check.args]
        return (
            Invocation(tuple(argv), writes={f"{job.scratch}/{name}": data for name, data in written.items()}),
        )

    def read(self, job: Job, left: Left) -> Report | Unreadable:
        """Return the findings of each hook: the places in its output, and its modifications."""
        try:
            lines = [parse_json(line) for line in (left.report or b"").splitlines()]
            ran = [line for line in lines if "hook" in line]
            if not lines or not lines[-1].get("finished"):
                return Unreadable(f"the hooks did not finish: {last_line(left.stderr)}")
            findings: list[Finding] = []
            for hook in ran:
                trouble = _trouble(hook)
                if trouble:
                    return Unreadable(f"the hook {hook['hook']} could not run: {trouble}", INSTALL)
                findings += _findings(job, hook)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return Unreadable("the report of the hooks is damaged: something wrote into it during the run")
        files = f"{count(len(ran), 'hook')} over {count(len(job.changed), 'file')}"
        return Report(tuple(findings), files, len(ran))


INSTALL = (
    "run `pre-commit install-hooks` where there is network access, or install what the hook needs; "
    "variables that it needs are named in gate.yaml (`env`)"
)


def hook_ids(config: str) -> list[str]:
    """Return the hooks that run on commit, in order. Raises ValueError if the file can't be parsed."""
    try:
        data = parse_yaml(config) or {}
        stages = data.get("default_stages") or ["pre-commit"]
        hooks = [hook for repository in data.get("repos") or [] for hook in repository.get("hooks") or []]
        ids = [str(hook["id"]) for hook in hooks if _at_commit(hook.get("stages") or stages)]
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{CONFIG} cannot be read: {error}") from error
    return [name for name in dict.fromkeys(ids) if name not in OWN]


def _at_commit(stages: Any) -> bool:
    return isinstance(stages, list) and bool({"commit", "pre-commit"} & {str(stage) for stage in stages})


def _trouble(hook: dict[str, Any]) -> str:
    """Return why a hook failed to run, in the program's words, or ""."""
    output = str(hook["output"])
    match = TROUBLE.search(output) if hook["code"] else None
    if match:
        return _cause(output[match.start() :]) or match[0]
    return last_line(output) if hook["code"] not in {0, 1} else ""


def _cause(output: str) -> str:
    """Return the cause of an error below which pre-commit prints it, or ""."""
    if mistake := EXPECTED.search(output):
        return f"{mistake['file']}: {mistake['reason']}"
    if printed := STDERR.search(output):
        lines = [line.strip() for line in printed["lines"].splitlines()]
        return next((line for line in lines if CAUSE.match(line)), last_line(printed["lines"]))
    return ""


def _findings(job: Job, hook: dict[str, Any]) -> list[Finding]:
    if not hook["code"]:
        return []
    name = str(hook["hook"])
    changed = list(_modifications(name, str(hook["diff"])))
    lines = [line for line in str(hook["output"]).splitlines() if line.strip() and not STATUS.match(line)]
    located = [finding for line in lines if (finding := _place(job, name, line))]
    if changed or located:
        return [*located, *changed]
    shown = "; ".join(line.strip() for line in lines[:MOST_LINES]) or f"exited with {hook['code']}"
    return [Finding("", 0, 0, 0, name, "error", shown)]


def _place(job: Job, name: str, line: str) -> Finding | None:
    match = WHERE.match(line.strip())
    path = match["path"].removeprefix(f"{job.root}/").removeprefix("./") if match else ""
    if match is None or path not in job.files:
        return None
    number = int(match["line"])
    return Finding(path, number, int(match["column"] or 1), number, name, "error", match["message"])


def _modifications(name: str, diff: str) -> Iterator[Finding]:
    """Yield a finding for each hunk that a hook modified, with the change as its fix."""
    path, line, last = "", 0, ""
    old: list[str] = []
    new: list[str] = []
    without_newline: set[str] = set()

    def finding() -> Iterator[Finding]:
        old_text, new_text = "\n".join(old), "\n".join(new)
        if without_newline == {"-"}:
            new_text += "\n"
        elif without_newline == {"+"}:
            old_text += "\n"
        if old_text != new_text:
            fix = (Edit(line, 1, old_text, new_text),) if old_text else ()
            shown = _shown(old, new)
            yield Finding(path, line, 1, line + max(len(old) - 1, 0), name, "error", shown, fix=fix)

    for row in diff.split("\n"):
        hunk = HUNK.match(row)
        if hunk or row.startswith("diff --git "):
            yield from finding()
            old, new, without_newline = [], [], set()
            line = int(hunk[1]) if hunk else 0
        elif row.startswith("--- a/") and not old and not new and not line:
            path = row.removeprefix("--- a/").rstrip("\t")
        elif line and row[:1] in {" ", "-", "+"}:
            old += [row[1:]] if row[0] != "+" else []
            new += [row[1:]] if row[0] != "-" else []
            last = row[0]
        elif row.startswith(NO_NEWLINE):
            without_newline.add(last)
    yield from finding()


def _shown(old: list[str], new: list[str]) -> str:
    """Format a change as a one-line diff, as far as possible."""
    gone = [line for line in old if line not in new]
    come = [line for line in new if line not in old]
    if "".join(gone).split() == "".join(come).split():
        return "modified by this hook: whitespace"
    rows = [f"- {line.strip()}" for line in gone[:2]] + [f"+ {line.strip()}" for line in come[:2]]
    more = len(gone) + len(come) - len(rows)
    tail = f" and {count(more, 'line')} more" if more > 0 else ""
    return f"modified by this hook: {' '.join(rows) or 'whitespace'}{tail}"
