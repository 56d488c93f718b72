"""The pytest plugin that reports to gate: one JSON object per line, the last one only if the run ends properly.

It runs in the project's interpreter with any version of pytest, and imports nothing of gate. It is imported before
pytest starts, and PYTEST_DONT_REWRITE prevents the warning about that.
"""

from __future__ import annotations

import os
from typing import Any

import gate_inputs
import gate_memory
import gate_shared
import pytest
from gate_origins import first_failure, imported_from, progress, say

gate_inputs.start()  # pytest-xdist workers start here

MOST_FAILURES = 500
ONLY: set[str] = set()
"""The selected tests, if not all of them."""


class State:
    """The state of the run so far."""

    found = 0
    collected = 0
    failures = 0
    files: list[str] = []
    """The test files that this process runs, relative to the root folder, if not all of them."""
    seconds: dict[str, float] = {}
    """How many seconds each file took."""
    tests: set[str] = set()
    skipped: set[str] = set()
    outcomes: dict[str, int] = {}
    imported: dict[str, str] = {}
    order: list[str] = []
    """The test files in the order of collection, and then as the project orders them, if it does."""
    shared: dict[str, None] = {}
    """Reasons why files that run in one process may depend on each other."""


def is_worker(config: Any) -> bool:
    """Return whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(hookwrapper=True)
def pytest_cmdline_main(config: Any) -> Any:
    """Collect only some files, after settings and plugins were loaded as for a whole run."""
    if State.files:
        config.args = [os.path.join(str(config.rootdir), file) for file in State.files]
    # A file that runs in a process of its own must not start xdist workers.
    if gate_inputs.Inputs.alone and hasattr(config.option, "numprocesses"):
        config.option.numprocesses, config.option.dist, config.option.tx = 0, "no", []
    yield


def needs_all(config: Any) -> str:
    """Return why the files aren't independent, or "" if they are."""
    if getattr(config.option, "cov_source", None) and not getattr(config.option, "no_cov", False):
        return "pytest-cov measures the suite as a whole"
    return ""


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Note the objects in memory when plugins are loaded and nothing of the tree is: later changes are the file's."""
    if gate_memory.Memory.file:
        gate_memory.note_all()


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_collection() -> Any:
    """Note the state before collection, and mark the inputs of collection as such."""
    gate_shared.begin()
    gate_inputs.Inputs.collecting = True
    yield
    gate_inputs.Inputs.collecting = False


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_make_collect_report(collector: Any) -> Any:
    """Treat queries during the import of a test file as its own, not as those of collection."""
    inputs = gate_inputs.Inputs
    above, inputs.collecting = inputs.collecting, inputs.collecting and not isinstance(collector, pytest.File)
    yield
    inputs.collecting = above


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: Any) -> None:
    """Note a fixture that several files share, no matter how it was requested."""
    gate_shared.note(fixturedef, State.shared)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: Any) -> Any:
    """Count the collected tests before any plugin can deselect or reorder some."""
    if ONLY:
        items[:] = [item for item in items if item.nodeid in ONLY]
    State.found = len(items)
    State.order = files_in_order(items)
    yield


def files_in_order(items: Any) -> list[str]:
    """Return the files of the tests, each where its first test is."""
    return list(dict.fromkeys(item.nodeid.partition("::")[0] for item in items))


def is_skipped(item: Any) -> bool:
    """Return whether the marks of a test already say that it won't run."""
    if not any(True for name in ("skip", "skipif") for _ in item.iter_markers(name)):
        return False
    try:
        from _pytest.skipping import evaluate_skip_marks

        return evaluate_skip_marks(item) is not None
    except (ImportError, Exception, pytest.fail.Exception, pytest.skip.Exception):
        # A condition that can't be evaluated fails the test, which is then reported.
        return any(True for _ in item.iter_markers("skip"))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: Any) -> None:
    """Count the tests that will run, after all plugins could deselect some."""
    gate_inputs.Inputs.only_known_files = gate_shared.knows_its_files(session.config)
    gate_shared.note_filters(State.shared)
    State.collected = len(session.items)
    ordered = files_in_order(session.items)
    State.order = ordered if ordered != [path for path in State.order if path in ordered] else []
    State.tests = {item.nodeid.partition("[")[0] for item in session.items}
    State.skipped = {item.nodeid.partition("[")[0] for item in session.items if is_skipped(item)}
    if not is_worker(session.config):
        gate_inputs.write_collection()


def _place(report: Any) -> tuple[str, int]:
    location = getattr(report, "location", None) or (report.nodeid.split("::")[0], None, "")
    return str(location[0]), int(location[1]) + 1 if location[1] is not None else 0


def _line_in(report: Any, path: str, line: int) -> int:
    """Return the last line reached in the test's own file, which is more helpful than the test's first line."""
    entries = getattr(getattr(report.longrepr, "reprtraceback", None), "reprentries", [])
    for entry in reversed(entries):
        position = getattr(entry, "reprfileloc", None)
        if position is not None and (os.sep + str(position.path)).endswith(os.sep + path):
            return int(position.lineno)
    return line


def _crash(report: Any) -> tuple[str, str]:
    text = str(getattr(report, "longreprtext", "") or report.longrepr or "")
    crash = getattr(getattr(report, "longrepr", None), "reprcrash", None)
    lines = [line for line in text.splitlines() if line.strip()]
    marked = [line[1:].strip() for line in lines if line.startswith("E ")]
    message = str(crash.message) if crash else (marked[-1] if marked else (lines[-1] if lines else "failed"))
    return message, "\n".join(text.splitlines()[-60:])


def _failed(report: Any, when: str) -> None:
    State.failures += 1
    if State.failures > MOST_FAILURES:
        return
    path, line = _place(report)
    line = _line_in(report, path, line)
    message, text = _crash(report)
    say("failed", id=report.nodeid, path=path, line=line, when=when, message=message, text=text)
    first_failure(State.collected, report.nodeid)


def pytest_collectreport(report: Any) -> None:
    """Report a file that can't be collected as a failure, not as a file without tests."""
    if report.failed:
        _failed(report, "collect")


def pytest_runtest_logreport(report: Any) -> None:
    """Count outcomes, and report failures as they occur."""
    path = report.nodeid.partition("::")[0]
    State.seconds[path] = State.seconds.get(path, 0.0) + report.duration
    if report.failed:
        _failed(report, report.when)
        State.outcomes["failed"] = State.outcomes.get("failed", 0) + 1
    elif report.when == "call" or report.skipped:
        State.outcomes[report.outcome] = State.outcomes.get(report.outcome, 0) + 1
    if report.when == "teardown":
        gate_shared.note_folder()
        progress(State.collected, report.nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """Merge the results of a pytest-xdist worker."""
    del error
    output = getattr(node, "workeroutput", {})
    State.imported.update(output.get("gate_imported", {}))
    State.found = max(State.found, output.get("gate_found", 0))
    State.collected = max(State.collected, output.get("gate_collected", 0))
    State.tests.update(output.get("gate_tests", ()))
    State.skipped.update(output.get("gate_skipped", ()))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: Any, exitstatus: Any) -> None:
    """Write the last line. Without it, the run was cut short."""
    outside = imported_from()
    if is_worker(session.config):
        session.config.workeroutput["gate_imported"] = outside
        session.config.workeroutput["gate_found"] = State.found
        session.config.workeroutput["gate_collected"] = State.collected
        session.config.workeroutput["gate_tests"] = sorted(State.tests)
        session.config.workeroutput["gate_skipped"] = sorted(State.skipped)
        return
    State.imported.update(outside)
    State.shared.update(dict.fromkeys(gate_shared.of(session)))
    say(
        "finished",
        status=int(exitstatus),
        found=State.found,
        collected=State.collected,
        tests=sorted(State.tests),
        skipped=sorted(State.skipped),
        outcomes=State.outcomes,
        failures=State.failures,
        outside=State.imported,
        whole=needs_all(session.config),
        shared=list(State.shared),
        seconds=State.seconds,
        order=State.order,
    )
