"""pytest: started with a plugin of gate's, whose report is believed only if it is complete."""

from __future__ import annotations

import json
import re
from typing import Any

from gate.checks.tool import Invocation, Job, Left, Report, Unreadable, last_line
from gate.model import Finding

TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$")
NO_TESTS = 5
NOT_FOUND = re.compile(r"No module named '([\w.]+)'")


class Pytest:
    """The project's tests, run from the tree that is checked and proven to import from it."""

    distribution = "pytest"

    def reads(self, path: str) -> bool:
        """Tests may read anything."""
        return bool(path)

    def idle(self, job: Job) -> Report | None:
        """No tests to run where no file looks like one and no setting names any."""
        named = any(b"testpaths" in data or b"python_files" in data for data in job.settings.values())
        if named or any(TEST_FILE.search(path) for path in job.files):
            return None
        return Report((), "no tests")

    def command(self, job: Job) -> Invocation:
        """pytest in the project's interpreter, with the tree first on the import path."""
        start = f"{__file__.rpartition('/checks/')[0]}/plugins/start_pytest.py"
        own = job.tool[0] if job.own else ""
        paths = [f"{job.root}/src"] if any(path.startswith("src/") for path in job.files) else []
        argv = [
            job.python, "-P", start, job.root, ":".join([*paths, job.root]), own, "--",
            f"--rootdir={job.root}", "-p", "no:cacheprovider", *job.check.args,
        ]  # fmt: skip
        env = {
            "GATE_PYTEST_REPORT": job.report,
            "GATE_PYTEST_ROOT": job.root,
            "GATE_PYTEST_PROJECT": ",".join(sorted(top_level(job.files))),
        }
        return Invocation((*argv, *job.only), env)

    def read(self, job: Job, left: Left) -> Report | Unreadable:
        """The plugin's report: failures as findings, if it came to its end and the numbers agree."""
        try:
            events = [json.loads(line) for line in (left.report or b"").splitlines()]
            failures = [event for event in events if event["event"] == "failed"]
            end = next((event for event in events if event["event"] == "finished"), None)
            findings = tuple(_finding(event) for event in failures)
        except (ValueError, KeyError, TypeError):
            return Unreadable("the report of the tests is damaged: something in the run has written into it")
        if end is None:
            return _unfinished(job, left)
        if end["outside"]:
            module, file = next(iter(end["outside"].items()))
            return Unreadable(
                f"the tests imported `{module}` from {file}, not from the tree that is checked",
                "an installed copy comes first: install the project in editable mode, or remove the copy",
            )
        missing = _missing(failures, job)
        if missing:
            return missing
        if end["collected"] == 0 and not findings:
            return Unreadable(
                "pytest found no tests, although there are test files", "see its `testpaths` and options"
            )
        ran = sum(int(count) for count in end["outcomes"].values())
        if ran < end["collected"] and not findings:
            return Unreadable(
                f"pytest found {end['collected']} tests and ran {ran}",
                "look for `--collect-only` and the like",
            )
        if end["status"] != 0 and not findings:
            said = last_line(left.stderr if left.stderr.strip() else left.stdout)
            findings = (
                Finding("", 0, 0, 0, "exit-code", "error", f"pytest ended with {end['status']}: {said}"),
            )
        if end["status"] == 0 and (findings or left.returncode != 0):
            return Unreadable("pytest's exit code and its report contradict each other")
        return Report(findings, _note(end))


def _note(end: dict[str, Any]) -> str:
    outcomes = {name: int(count) for name, count in end["outcomes"].items()}
    return ", ".join(
        f"{count} {name}" for name, count in sorted(outcomes.items(), key=lambda item: item[0] != "failed")
    )


def _finding(event: dict[str, Any]) -> Finding:
    message = str(event["message"]).strip().splitlines() or ["failed"]
    node, line = str(event["id"]), int(event["line"])
    what = "cannot be collected" if event["when"] == "collect" else f"{node.partition('::')[2] or node}"
    return Finding(
        path=str(event["path"]),
        line=line,
        column=1 if line else 0,
        end_line=line,
        rule="test-failed",
        severity="error",
        message=f"{what}: {message[0]}",
        hint=f"pytest {node}",
    )


def _missing(failures: list[dict[str, Any]], job: Job) -> Unreadable | None:
    """Tests that fail because something is not installed say nothing about the change."""
    absent = set()
    for event in failures:
        found = NOT_FOUND.search(str(event["message"])) if event["when"] == "collect" else None
        if found is None:
            return None
        absent.add(found[1].partition(".")[0])
    absent -= top_level(job.files)
    return _not_installed(sorted(absent), job) if absent else None


def _not_installed(modules: list[str], job: Job) -> Unreadable:
    names = ", ".join(f"`{name}`" for name in modules[:4])
    if job.found:
        hint = f"install what the tests need into {job.origin}"
    else:
        hint = (
            "make an environment: `python3 -m venv .venv && .venv/bin/pip install -e .` and what the tests need, "
            "or name its interpreter in gate.yaml (`python:`)"
        )
    return Unreadable(
        f"the tests need {names}, which {'is' if len(modules) == 1 else 'are'} not installed", hint
    )


def _unfinished(job: Job, left: Left) -> Unreadable:
    said = f"{left.stderr}\n{left.stdout}"
    absent = NOT_FOUND.findall(said)
    if left.returncode == 4 and absent:
        return _not_installed(sorted({name.partition(".")[0] for name in absent}), job)
    if left.returncode == 0:
        return Unreadable(
            "the tests ended with 0 before they were through: something ended the process early",
            "look for `os._exit`, `sys.exit` or a crash in conftest.py, a plugin or a test",
        )
    errors = [line for line in left.stderr.splitlines() if line.strip()]
    return Unreadable(
        f"pytest did not come to its end: {errors[-1].strip() if errors else last_line(left.stdout)}"
    )


def top_level(files: tuple[str, ...]) -> set[str]:
    """The modules and packages that the tree itself has, at its top or in `src`."""
    found = set()
    for path in files:
        parts = path.removeprefix("src/").split("/")
        if len(parts) == 1 and path.endswith(".py"):
            found.add(parts[0].removesuffix(".py"))
        elif len(parts) > 1 and parts[0].isidentifier() and path.endswith(".py"):
            found.add(parts[0])
    return found - {"tests", "test", "docs", "setup", "conftest", "src"}
