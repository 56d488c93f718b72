"""`select: file`: each file of tests runs in a process of its own, and only if something that it looked at changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.company import Clone
from support.selecting import change, check, prepared

from gate.checks import Report
from gate.checks.tool import FileReport
from gate.finding import Finding
from gate.git.objects import Entry
from gate.policy.types import CheckSettings
from gate.result_cache import ResultCache
from gate.runner.affected import VERIFY_EVERY
from gate.runner.by_file import STRIKES, TestFiles, run_by_file
from gate.runner.decisions import acknowledge, differences
from gate.runner.execute import Outcome
from gate.runner.inputs import Inputs, TreeState
from gate.runner.selection import Selection, SuiteInTree

PASSES = "def test_it():\n    pass\n"
BASE = {
    "tests/test_one.py": "import one\n\n\ndef test_one():\n    assert one.X\n",
    "tests/test_two.py": "import two\n\n\ndef test_two():\n    assert two.X\n",
    "one.py": "X = 1\n",
    "two.py": "X = 1\n",
}


@pytest.mark.slow
def test_only_the_file_runs_that_the_change_can_affect(project: Clone) -> None:
    prepared(project, BASE)
    assert check(project).runs.keys() == {"tests/test_one.py", "tests/test_two.py"}
    change(project, {"one.py": "X = 2\n"})
    checked = check(project)
    assert checked.runs == {"tests/test_one.py": "one.py has changed"}
    assert "2 passed" in checked.note
    assert "1 of 2 test files reused" in checked.note
    change(project, {"one.py": "X = 0\n"})
    assert check(project).code == 1


WHOLE = {
    "a file that needs an earlier one": (
        {
            "tests/test_a.py": "import sys\n\n\ndef test_a():\n    sys.marker = 1\n",
            "tests/test_b.py": "import sys\n\n\ndef test_b():\n    assert sys.marker\n",
        },
        "tests/test_b.py does not pass by itself",
    ),
    "a file that leaves something for another": (
        {
            "tests/test_a.py": "def test_a():\n    open('out.txt', 'w').write('1')\n",
            "tests/test_b.py": "def test_b():\n    assert open('out.txt').read() == '1'\n",
        },
        "tests/test_a.py leaves something in the tree (out.txt)",
    ),
    "another process that leaves something": (
        {
            "tests/test_a.py": "import subprocess\n\n\ndef test_a():\n"
            "    subprocess.run(['touch', 'out.txt'], check=True)\n",
            "tests/test_b.py": PASSES,
        },
        "tests/test_a.py leaves something in the tree (out.txt)",
    ),
    "a session fixture that writes": (
        {
            "conftest.py": "import pytest\n\n\n@pytest.fixture(scope='session', autouse=True)\ndef made():\n"
            "    import pathlib\n    pathlib.Path('made').mkdir(exist_ok=True)\n",
            "tests/test_a.py": PASSES,
            "tests/test_b.py": PASSES,
        },
        "tests/test_a.py leaves something in the tree (made)",
    ),
    "messages in the user's folder": (
        {
            "tests/test_a.py": "import pathlib\n\n\ndef test_a():\n"
            "    (pathlib.Path.home() / 'note').write_text('1')\n",
            "tests/test_b.py": "import pathlib\n\n\ndef test_b():\n"
            "    assert (pathlib.Path.home() / 'note').exists()\n",
        },
        "tests/test_b.py reads what another file writes",
    ),
    "a hook that looks at all tests": (
        {
            "conftest.py": "def pytest_collection_modifyitems(items):\n    items[:] = items[1:]\n",
            "tests/test_a.py": PASSES,
            "tests/test_b.py": PASSES,
        },
        "tests/test_b.py does not pass by itself",
    ),
    "a file that collects other tests alone": (
        {
            "tests/test_a.py": "import sys\n\nsys.first = 1\n\n\ndef test_a():\n    pass\n",
            "tests/test_b.py": "import sys\n\nif hasattr(sys, 'first'):\n\n"
            "    def test_b():\n        pass\n\n\ndef test_c():\n    pass\n",
        },
        "tests/test_b.py collects different tests in a process of its own",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_files_that_depend_on_each_other_run_together(project: Clone, name: str) -> None:
    """Whatever the suite says as a whole counts, and the report says why it ran as a whole."""
    files, reason = WHOLE[name]
    prepared(project, files)
    checked = check(project)
    assert checked.code == 0
    assert reason in checked.note


@pytest.mark.slow
def test_a_file_with_a_process_runs_every_time_and_others_do_not(project: Clone) -> None:
    prepared(
        project,
        {
            "tests/test_a.py": "import subprocess\n\n\ndef test_a():\n    subprocess.run(['true'], check=True)\n",
            "tests/test_b.py": PASSES,
        },
    )
    check(project)
    change(project, {"README.md": "Hello, everybody\n"})
    assert check(project).runs.keys() == {"tests/test_a.py"}


TESTS = frozenset({"a.py::test", "b.py::test"})
COUNTED = Report((), "", 2, TESTS)


def tree(**files: str) -> TreeState:
    entries = [Entry(mode="100644", oid=oid, path=f"{path}.py") for path, oid in files.items()]
    return TreeState(entries, lambda _path: "")


class Runs:
    """Runs files of tests that open themselves, and remembers which; those in `failing` fail."""

    def __init__(self, **inputs: Inputs) -> None:
        self.ran: list[str] = []
        self.failing: set[str] = set()
        self.inputs = inputs

    def __call__(self, paths: tuple[str, ...], spared: float = 0.0) -> Outcome:
        del spared
        self.ran = [*paths]
        passed = {
            path: FileReport(Report((), "", 1, frozenset({f"{path}::test"}), outcomes={"passed": 1}), 1)
            for path in paths
        }
        by_file = {
            path: self.inputs.get(path[0], Inputs((path,), (), (), (), (), ()))
            for path in paths
            if path not in self.failing
        }
        findings = tuple(
            Finding(path, 1, 1, 1, "test-failed", "error", "no", test=f"{path}::test")
            for path in self.failing
        )
        return Outcome(
            Report(findings, by_file={path: one for path, one in passed.items() if path not in self.failing}),
            1.0,
            by_file=by_file,
        )


def files_of(results: ResultCache) -> TestFiles:
    return TestFiles(results, "suite")


def test_a_changed_file_runs_first_and_the_others_do_not(tmp_path: Path) -> None:
    files, runs = files_of(ResultCache(tmp_path)), Runs()
    assert run_by_file(files, tree(a="1", b="1"), COUNTED, "", ["b.py"], runs).whole == ""
    assert runs.ran == ["b.py", "a.py"]
    selected = run_by_file(files, tree(a="1", b="2"), COUNTED, "", [], runs)
    assert runs.ran == ["b.py"]
    assert selected.outcome
    assert isinstance(selected.outcome.report, Report)
    assert selected.outcome.report.tests == TESTS
    assert selected.outcome.report.outcomes == {"passed": 2}


def test_a_failure_is_never_reused(tmp_path: Path) -> None:
    files, runs = files_of(ResultCache(tmp_path)), Runs()
    runs.failing = {"b.py"}
    selected = run_by_file(files, tree(a="1", b="1"), COUNTED, "", [], runs)
    assert (selected.outcome, selected.failed) == (None, "b.py")
    runs.failing = set()
    run_by_file(files, tree(a="1", b="1"), COUNTED, "", [], runs)
    assert runs.ran == ["b.py", "a.py"]
    files.forget(["b.py"])
    run_by_file(files, tree(a="1", b="1"), COUNTED, "", [], runs)
    assert runs.ran == ["b.py"]


def test_a_file_that_has_been_flaky_always_runs(tmp_path: Path) -> None:
    results = ResultCache(tmp_path)
    run_by_file(files_of(results), tree(a="1", b="1"), COUNTED, "", [], Runs())
    runs = Runs()
    run_by_file(TestFiles(results, "suite", {"b.py"}), tree(a="1", b="1"), COUNTED, "", [], runs)
    assert runs.ran == ["b.py"]


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (Inputs(("a.py",), (), (), (), (), (), left=("out",)), "a.py leaves something in the tree (out)"),
        (
            Inputs(("a.py",), (), (), (), (), (), outside=("/x/shared",)),
            "a.py reads what another file writes (/x/shared)",
        ),
        (
            Inputs(("a.py",), (), (), (), (), (), outside=("/x/",)),
            "a.py reads what another file writes (/x/)",
        ),
        (Inputs(("a.py",), (), (), (), (), (), outside=("/x/other",), written=("/x/other",)), ""),
    ],
)
def test_files_that_may_depend_on_each_other(tmp_path: Path, one: Inputs, reason: str) -> None:
    files = files_of(ResultCache(tmp_path))
    runs = Runs(a=one, b=Inputs(("b.py",), (), (), (), (), (), written=("/x/shared",)))
    selected = run_by_file(files, tree(a="1", b="1"), COUNTED, "", [], runs)
    assert selected.whole == reason
    runs.ran = []
    assert run_by_file(files, tree(a="2", b="2"), COUNTED, "", [], runs).whole == reason
    assert bool(runs.ran) == (not reason)


def test_a_file_that_cannot_be_recorded_runs_every_time(tmp_path: Path) -> None:
    files = files_of(ResultCache(tmp_path))
    runs = Runs(a=Inputs((), (), (), (), (), ("a network connection is made",)))
    for _ in range(2):
        selected = run_by_file(files, tree(a="1", b="1"), COUNTED, "", [], runs)
        assert selected.outcome
        assert selected.state is None
    assert runs.ran == ["a.py"]


def test_now_and_then_everything_runs(tmp_path: Path) -> None:
    files = files_of(ResultCache(tmp_path))
    selected = [
        run_by_file(files, tree(a="1", b="1"), COUNTED, "", [], Runs()) for _ in range(VERIFY_EVERY + 1)
    ]
    assert [bool(one.verify) for one in selected] == [*[False] * VERIFY_EVERY, True]
    assert selected[-1].verify == ("a.py", "b.py")


def test_a_file_that_passes_only_with_others_ends_the_selection(tmp_path: Path) -> None:
    files, runs = files_of(ResultCache(tmp_path)), Runs()
    for _ in range(STRIKES):
        assert run_by_file(files, tree(a="1", b="1"), COUNTED, "", [], runs).whole == ""
        files.strike("b.py")
    assert (
        run_by_file(files, tree(a="1", b="1"), COUNTED, "", [], runs).whole
        == "b.py passes only together with other files"
    )


@pytest.mark.parametrize(
    ("counted", "reason"),
    [
        (Report((), "", 2, TESTS, whole="coverage is measured"), "coverage is measured"),
        (Report((), "", 1, frozenset({"c.py::test"})), "c.py is not a file of the tree"),
        (Report((), "", 3, TESTS), "one by one its files have 2 tests, and together 3"),
    ],
)
def test_a_suite_whose_files_are_not_independent(tmp_path: Path, counted: Report, reason: str) -> None:
    assert (
        run_by_file(files_of(ResultCache(tmp_path)), tree(a="1", b="1"), counted, "", [], Runs()).whole
        == reason
    )


def test_a_full_run_that_contradicts_a_pass_ends_the_selection(tmp_path: Path) -> None:
    """It is a defect of the recorder: everything runs until somebody has looked at it."""

    def selection(*, rerun: bool = False) -> Selection:
        settings = CheckSettings("tests", "pytest", select="file")
        place = SuiteInTree(settings, "", "tree", tmp_path / "state", shown=True)
        return Selection(ResultCache(tmp_path / "results"), "suite", place, tree(a="1", b="1"), rerun=rerun)

    runs = Runs()
    selected = selection().by_file(lambda: (Outcome(COUNTED), {}), [], runs)
    assert selected.outcome
    selection().record(selected, selected.outcome)
    again = selection(rerun=True)
    assert again.reuse() is None
    failure = Finding("b.py", 1, 1, 1, "test-failed", "error", "no", test="b.py::test")
    outcome = again.whole_run(
        again.by_file(lambda: (Outcome(COUNTED), {}), [], runs), Outcome(Report((failure,)))
    )
    again.judge(outcome, [failure])
    (wrong,) = differences(tmp_path / "state")
    assert wrong.tests == ("b.py::test",)
    assert "contradicted" in selection().off
    assert acknowledge(tmp_path / "state") == 1
    assert selection().off == ""


def test_a_flaky_test_is_no_contradiction(tmp_path: Path) -> None:
    place = SuiteInTree(CheckSettings("tests", "pytest"), "", "tree", tmp_path, shown=True)
    selection = Selection(ResultCache(tmp_path / "results"), "suite", place, tree(a="1"), rerun=False)
    failure = Finding("b.py", 1, 1, 1, "test-failed", "error", "no", test="b.py::test", flaky=True)
    selection.judge(Outcome(Report((failure,)), verified=("",)), [failure])
    assert differences(tmp_path) == []
