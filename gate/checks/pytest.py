"""pytest, run with a plugin of gate's whose report only counts if it is complete."""

from __future__ import annotations

import contextlib
import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any

from gate.checks import suites
from gate.checks.advice import add_to_environment, built_from, missing_plugins, setup_command
from gate.checks.import_path import import_roots, modules_in, project_roots, top_level
from gate.checks.tool import FileReport, Invocation, Job, Left, Report, Unreadable, last_line
from gate.finding import TEST_FAILED, Finding
from gate.json_input import parse_json
from gate.model import NOT_RUN
from gate.wording import count

NOT_COLLECTED = "not-collected"
"""The rule of a finding about a test file that can't be imported."""
NOT_USABLE = re.compile(r"^gate: pytest cannot be imported: (.*)$", re.MULTILINE)
DECIDING = frozenset({
    "conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "pyproject.toml", "setup.cfg", "tox.ini",
})  # fmt: skip
COVERAGE = re.compile(
    r"^(?:(?:FAIL|ERROR:?)\b.*\bcoverage\b|coverage failure\b|.*\bcoverage\b.*\b(?:not reached|less than|below)\b)",
    re.IGNORECASE,
)
"""The message of pytest-cov or coverage about insufficient coverage."""
ERROR_LINE = re.compile(r"(?:FAIL|ERROR|FAILED|!+ )\b.*|.*\b(?:error|failed|failure)\b", re.IGNORECASE)
COSTLY = "a process for each test file takes longer than it can save"
MOST_LINES = 4
MOST_FILES = 3
NOT_FOUND = re.compile(r"No module named '([\w.]+)'")


class Pytest:
    """The project's tests, run its own way, and verified to import from the checked tree."""

    distribution = "pytest"
    runs_code = True
    cache_travels = False

    def reads(self, path: str) -> bool:
        """Tests may read any file."""
        return bool(path)

    def idle(self, job: Job) -> Report | None:
        """Report that there are no tests if no file looks like one and no setting names any."""
        return _no_tests(job) if suites.choose(job).kind == "none" else None

    def commands(self, job: Job) -> tuple[Invocation, ...]:
        """Run the tests the project's own way, in its interpreter, with the tree first on the import path."""
        plugins = f"{__file__.rpartition('/checks/')[0]}/plugins"
        suite, roots = suites.choose(job), import_roots(job)
        env = {
            "GATE_PYTEST_REPORT": job.report,
            "GATE_PYTEST_ROOT": job.top or job.root,
            "GATE_PYTEST_ROOTS": ":".join(project_roots(job)),
            "GATE_PYTEST_AWAY": job.away,
            "GATE_PYTEST_PREFIX": job.python.rpartition("/bin/")[0],
            "GATE_PYTEST_LENT": ":".join([*(f"{job.away}/{path}" for path in job.submodules), *job.lent]),
        }
        if not job.lent and (job.roots or not job.found):
            # The environment was not made for this tree, but may contain the project.
            env["GATE_CHILDREN_PATH"] = ":".join(roots[: len(job.roots)])
        if suite.kind in {"django", "unittest"}:
            start = [
                job.python,
                f"{plugins}/start_unittest.py",
                suite.kind,
                job.root,
                ":".join(roots),
                *job.only,
            ]
            env |= {"GATE_TESTS_COUNT": "1"} if job.count else {}
            return (Invocation((*start, "--", *job.check.args, *suite.files), env),)
        own = job.tool[0] if job.own else ""
        argv = [
            job.python, f"{plugins}/start_pytest.py", job.root, ":".join(roots), own, *job.only, "--",
            f"--rootdir={job.root}", *(f"--ignore={path}" for path in (*job.left_out, *sorted(job.excluded))),
            *(["--collect-only"] if job.count else []), *job.check.args,
        ]  # fmt: skip
        files = dict.fromkeys(test.partition("::")[0] for test in job.only)
        if job.test_files:
            listed = f"{job.report}.files"
            env |= {
                "GATE_FILES": listed,
                **({"GATE_EACH": "proven" if job.proven else "1"} if job.each else {}),
            }
            env |= {"GATE_EACH_SECONDS": f"{job.spared:.3f}"} if job.proven else {}
            return (Invocation(tuple(argv), env, writes={listed: json.dumps(job.test_files).encode()}),)
        return (Invocation((*argv, *files), env),)

    def read(self, job: Job, left: Left) -> Report | Unreadable:
        """Parse the plugin's report: failures as findings, if it is complete and its numbers agree."""
        try:
            events = [parse_json(line) for line in (left.report or b"").splitlines()]
            if job.each:
                return _read_each(job, left, events)
            return _read_events(job, left, events)
        except (ValueError, KeyError, TypeError, AttributeError):
            return Unreadable("the report of the tests is damaged: something wrote into it during the run")


def _read_events(job: Job, left: Left, events: list[dict[str, Any]]) -> Report | Unreadable:
    """Interpret the events of one process."""
    failures = [event for event in events if event["event"] == "failed"]
    end = next((event for event in events if event["event"] == "finished"), None)
    findings = tuple(_finding(event) for event in failures)
    return _unfinished(job, left) if end is None else _report(job, left, end, failures, findings)


def _read_each(job: Job, left: Left, events: list[dict[str, Any]]) -> Report | Unreadable:
    """Interpret the events of each file's process, up to the first that failed or that requires running the rest
    together.
    """
    by_file: dict[str, FileReport] = {}
    if events and events[-1]["event"] == "costly":
        return Report((), whole=COSTLY)
    for path in job.test_files:
        begin = next(
            (n for n, event in enumerate(events) if event == {"event": "file", "path": path}), len(events)
        )
        own = list(takewhile(lambda event: event["event"] != "file", events[begin + 1 :]))
        if not own or own[-1]["event"] != "file-ended":
            return _unfinished(job, left)
        report = _read_events(job, replace(left, returncode=int(own[-1]["code"])), own[:-1])
        if isinstance(report, Unreadable):
            finding = Finding(path, 0, 0, 0, "exit-code", "error", report.reason, report.hint)
            return Report((finding,), by_file=by_file)
        if report.findings:
            return replace(report, by_file=by_file)
        if own[-1].get("shares"):
            return Report(
                (), by_file=by_file, whole=f"{path} may affect other test files: {own[-1]['shares']}"
            )
        loaded = {str(name): str(file) for name, file in own[-1].get("loaded", {}).items()}
        folders = tuple(map(str, own[-1].get("folders", ())))
        by_file[path] = FileReport(report, float(own[-1]["seconds"]), loaded, folders)
    return Report((), by_file=by_file) if left.returncode == 0 else _unfinished(job, left)


def _report(
    job: Job, left: Left, end: dict[str, Any], failures: list[dict[str, Any]], findings: tuple[Finding, ...]
) -> Report | Unreadable:
    """Return the report if it is complete."""
    collected, status = int(end["collected"]), int(end["status"])
    if end["outside"]:
        module, file = next(iter(end["outside"].items()))
        return Unreadable(
            f"the tests imported `{module}` from {file}, not from the tree that is checked",
            "make sure that nothing puts that folder first: an installed copy, `sys.path`, or PYTHONPATH",
        )
    missing = _missing(failures, job)
    elsewhere = _beyond_own_commands(failures, job) if missing else frozenset()
    if elsewhere:
        return Report((), unparsed=elsewhere)
    if missing:
        return missing
    if collected == 0 and not findings and job.only:
        return Report((), "", 0)
    if collected == 0 and not findings and not int(end.get("found", 0)) and not list(suites.like_tests(job)):
        return Report((), "no tests", 0)
    if collected == 0 and not findings:
        number = int(end.get("found", 0))
        if number:
            reason = f"pytest found {number} tests, and all of them were deselected"
        else:
            look_alike = [*filter(suites.TEST_FILE.search, job.files), *suites.like_tests(job)]
            reason = f"pytest found no tests, although there are {_listed(list(dict.fromkeys(look_alike)))}"
        return Unreadable(reason, "check its `testpaths` and options, and the hooks in conftest.py")
    ran = sum(int(count) for count in end["outcomes"].values())
    if ran < collected and not findings and not job.count:
        return Unreadable(
            f"pytest found {collected} tests and ran {ran}", "look for `--collect-only` and the like"
        )
    if ran < collected and findings and not job.count and all(item.rule == TEST_FAILED for item in findings):
        findings = (*findings, _stopped_early(ran, collected))
    if status != 0 and not findings:
        findings = (_exit_code(status, left),)
    if status == 0 and (findings or left.returncode != 0):
        return Unreadable("pytest's exit code and its report contradict each other")
    note = "; ".join(filter(None, (_note(end), _not_run(job, end["tests"]))))
    tests, skipped = (frozenset(map(str, end.get(name, ()))) for name in ("tests", "skipped"))
    outcomes = {str(name): int(count) for name, count in end["outcomes"].items()}
    durations = {str(path): float(seconds) for path, seconds in end.get("seconds", {}).items()}
    whole = str(end.get("whole", ""))
    shared = next(iter(map(str, end.get("shared", ()))), "")
    return Report(
        findings,
        note,
        collected,
        tests,
        skipped=skipped,
        outcomes=outcomes,
        whole=whole,
        durations=durations,
        shared=shared,
        order=tuple(map(str, end.get("order", ()))),
    )


def _stopped_early(ran: int, collected: int) -> Finding:
    """Report tests that didn't run, because a failure that doesn't block must not hide them."""
    message = f"pytest stopped at a failure: {ran} of {collected} tests ran"
    hint = (
        "remove `-x` or `--maxfail` from the settings, or add `args: [--maxfail=0]` to the check in gate.yaml"
    )
    return Finding("", 0, 0, 0, "not-run", "error", message, hint)


def _no_tests(job: Job) -> Report:
    """Report that there is nothing to run, and which files look like tests nevertheless."""
    return Report((), "; ".join(filter(None, ("no tests", _not_run(job, ())))), 0)


def _not_run(job: Job, tests: Iterable[object]) -> str:
    """List files that look like tests but of which none ran, so that nobody assumes that they passed."""
    if job.only or job.test_files or job.check.args:
        return ""
    ran = {str(test).partition("::")[0] for test in tests}
    left = [path for path in suites.like_tests(job) if path not in ran]
    return f"{NOT_RUN}: {_listed(left)}" if left else ""


def _listed(paths: list[str]) -> str:
    """Return the first few of `paths`, and the number of the others."""
    more = len(paths) - MOST_FILES
    shown = ", ".join(paths[:MOST_FILES])
    return f"{shown}, and {count(more, 'other')}" if more > 0 else shown


def _exit_code(status: int, left: Left) -> Finding:
    """Explain a run that failed although no test did, from the output of pytest or a plugin."""
    lines = [line.strip() for line in left.stdout.splitlines() if line.strip()]
    coverage = next((line for line in reversed(lines) if COVERAGE.search(line)), "")
    if coverage:
        shown = coverage.removeprefix("ERROR:").removeprefix("FAIL").strip()
        return Finding("", 0, 0, 0, "coverage", "error", f"coverage is below its limit: {shown}")
    errors = [line for line in lines if ERROR_LINE.match(line)]
    reason = errors[-1] if errors else last_line(left.stderr if left.stderr.strip() else left.stdout)
    return Finding(
        "", 0, 0, 0, "exit-code", "error", f"no test failed, but pytest exited with {status}: {reason}"
    )


def _note(end: dict[str, Any]) -> str:
    outcomes = {str(name): int(count) for name, count in end["outcomes"].items()}
    return outcomes_in_words(outcomes, int(end.get("found", 0)) - int(end["collected"]))


def outcomes_in_words(outcomes: Mapping[str, int], deselected: int = 0) -> str:
    """Format counts as `2 failed, 3 passed, 1 deselected`."""
    ordered = sorted(outcomes.items(), key=lambda item: item[0] != "failed")
    if deselected > 0:
        ordered.append(("deselected", deselected))
    return ", ".join(f"{count} {name}" for name, count in ordered)


def _finding(event: dict[str, Any]) -> Finding:
    message = str(event["message"]).strip().splitlines() or ["failed"]
    node, line = str(event["id"]), int(event["line"])
    collecting = event["when"] == "collect"
    what = "cannot be collected" if collecting else f"{node.partition('::')[2] or node}"
    return Finding(
        path=str(event["path"]),
        line=line,
        column=1 if line else 0,
        end_line=line,
        rule=NOT_COLLECTED if collecting else TEST_FAILED,
        severity="error",
        message=f"{what}: {message[0]}",
        hint=str(event.get("again") or f"pytest {node}"),
        test=node,
    )


def _missing(failures: list[dict[str, Any]], job: Job) -> Unreadable | None:
    """Report tests that fail because a package isn't installed, which says nothing about the change."""
    absent = set()
    for event in failures:
        match = NOT_FOUND.search(str(event["message"])) if event["when"] == "collect" else None
        if match is None:
            return None
        absent.add(match[1].partition(".")[0])
    hidden = sorted(absent & modules_in(job, "src") - modules_in(job, ""))
    if hidden and posixpath.normpath(f"{job.root}/src") not in import_roots(job) and not job.installed:
        return _in_source_folder(hidden)
    absent -= top_level(job)
    return _not_installed(sorted(absent), job) if absent else None


def _beyond_own_commands(failures: list[dict[str, Any]], job: Job) -> frozenset[str]:
    """Return the test files that can't be imported, if the project's own commands don't run any of them either."""
    paths = frozenset(str(event["path"]) for event in failures)
    inside = any(f"{path}/".startswith(f"{place}/") for path in paths for place in job.places)
    return paths if job.places and not inside and not paths <= job.excluded and not job.only else frozenset()


def _in_source_folder(modules: list[str]) -> Unreadable:
    """Report that `src` isn't on the import path, so the project's own command fails too."""
    names = ", ".join(f"`{name}`" for name in modules[:4])
    return Unreadable(
        f"the tests need {names} in src/, which is not on the import path: nothing installs the project",
        'add `pythonpath = ["src"]` to the settings of pytest, or make the project a package ([build-system])',
        whole=True,
        by_tree=True,
    )


def _not_installed(modules: list[str], job: Job) -> Unreadable:
    names = ", ".join(f"`{name}`" for name in modules[:4])
    hint = f"{setup_command(job.files, existing=job.found)}"
    it = "it" if len(modules) == 1 else "them"
    # The name may be a typo, and somebody may have registered exactly that one.
    if source := built_from(job):
        hint = f"correct the import, or declare {it} in {source}: gate builds the environment from that file"
    elif job.found:
        hint = f"correct the import, or declare {it} as a dependency and update {job.origin}: {hint}"
    else:
        hint = f"make an environment: {hint}, or name its interpreter in gate.yaml (`python:`)"
    return Unreadable(
        f"the tests need {names}, which {'is' if len(modules) == 1 else 'are'} not installed",
        hint,
        whole=True,
        by_tree=True,
    )


def _unfinished(job: Job, left: Left) -> Unreadable:
    output = f"{left.stderr}\n{left.stdout}"
    unusable = NOT_USABLE.search(left.stderr)
    if unusable:
        whose = "gate's own pytest does" if job.own else "the project's pytest does"
        hint = add_to_environment(job, "pytest") if job.own else f"repair pytest in {job.origin}"
        # pytest imports the project's plugins, so a project can break it.
        reason = f"{whose} not work with {job.python}: {unusable[1]}"
        return Unreadable(reason, hint, by_tree=not job.own)
    kind = suites.choose(job).kind
    absent = {name.partition(".")[0] for name in NOT_FOUND.findall(output)}
    if absent - top_level(job) and (left.returncode == 4 or kind != "pytest"):
        return _not_installed(sorted(absent - top_level(job)), job)
    if left.returncode == 0:
        return Unreadable(
            "pytest exited with 0 before all tests had run: something ended the process early",
            "look for `os._exit`, `sys.exit`, or a crash in conftest.py, a plugin, or a test",
        )
    lines = [line.strip() for line in left.stderr.splitlines() if line.strip()]
    errors = [index for index, line in enumerate(lines) if "error: " in line.lower()]
    # An error may span several lines, and the last is often the most informative; pytest marks them with an E.
    last = lines[errors[-1] :][:MOST_LINES] if errors else lines[-1:]
    reason = " ".join(line.removeprefix("E  ").strip() for line in last or [last_line(left.stdout)])
    hint = ""
    if "unrecognized arguments" in reason:
        names = missing_plugins(reason)
        what = " and ".join(f"`{name}`" for name in names) or "the pytest plugin that defines them"
        plugin = add_to_environment(job, what)
        hint = f"{plugin}, or remove them from the settings"
    program = {"django": "`manage.py test`", "unittest": "unittest"}.get(kind, "pytest")
    return Unreadable(f"{program} did not finish: {reason}", hint, by_tree=left.returncode > 0)


def how_far(report: bytes | None) -> tuple[str, float]:
    """Return how far a killed run came, in words, and the share of tests that had run, or 0 if unknown."""
    notes = []
    for line in (report or b"").splitlines():
        # The last line may be truncated.
        with contextlib.suppress(ValueError):
            notes.append(parse_json(line))
    last = next((note for note in reversed(notes) if note.get("event") == "progress"), None)
    if last is None:
        return "before the first test had run", 0.0
    done, total = int(last["done"]), int(last["total"])
    of = f" of {total:,}" if total >= done else ""
    return (
        f"after {done:,}{of} tests; the last one was {last['last']}",
        done / total if total >= done else 0.0,
    )


def decides_tests(path: str) -> bool:
    """Return whether the file at `path` can affect which tests are collected, by its name."""
    return path.rpartition("/")[2] in DECIDING
