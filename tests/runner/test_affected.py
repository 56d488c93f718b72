"""A pass of the tests holds for another tree only if nothing that they looked at is different there.

Each trap is a change that makes a test fail in some roundabout way; a selection that misses one would let it through.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.company import Clone, give_environment

from gate.checks import Report
from gate.git.objects import Entry
from gate.result_cache import ResultCache
from gate.runner.affected import VERIFY_EVERY, Suite
from gate.runner.inputs import PLACES, RECORDED, Inputs, TreeState, read_inputs

POLICY = "version: 1\nprotect:\n  main:\n    require:\n      checks: [tests]\n"
MODES = ("suite", "file")
DELETED = None


@dataclass(frozen=True)
class Trap:
    """A test that passes with `files`, and fails once they are changed as `then` says."""

    test: str
    then: Mapping[str, str | None]
    files: Mapping[str, str] = field(default_factory=dict)


def reading(expression: str) -> str:
    return f"from pathlib import Path\n\n\ndef test_it():\n    assert {expression}\n"


TRAPS = {
    "a constant": Trap(
        "import app\n\n\ndef test_it():\n    assert app.X == 1\n",
        {"app.py": "X = 2\n"},
        {"app.py": "X = 1\n"},
    ),
    "a module that a module imports": Trap(
        "import app\n\n\ndef test_it():\n    assert app.X == 1\n",
        {"deep.py": "X = 2\n"},
        {"app.py": "from deep import X\n", "deep.py": "X = 1\n"},
    ),
    "a lazy import": Trap(
        "def test_it():\n    import app\n    assert app.X == 1\n",
        {"app.py": "X = 2\n"},
        {"app.py": "X = 1\n"},
    ),
    "a data file": Trap(reading("Path('d/a.txt').read_text() == 'a'"), {"d/a.txt": "b"}, {"d/a.txt": "a"}),
    "a file that appears": Trap(reading("not Path('d/b.txt').exists()"), {"d/b.txt": "b"}, {"d/a.txt": "a"}),
    "a file that goes": Trap(
        reading("Path('d/a.txt').is_file()"), {"d/a.txt": DELETED}, {"d/a.txt": "a", "d/b.txt": "b"}
    ),
    "a folder that is listed": Trap(
        reading("len(list(Path('d').iterdir())) == 1"), {"d/b.txt": "b"}, {"d/a.txt": "a"}
    ),
    "a folder that is searched": Trap(
        reading("len(list(Path('d').rglob('*.txt'))) == 1"), {"d/e/b.txt": "b"}, {"d/e/a.txt": "a"}
    ),
    "the size of a file": Trap(reading("Path('a.txt').stat().st_size == 1"), {"a.txt": "bb"}, {"a.txt": "a"}),
    "a file opened by its descriptor": Trap(
        "import os\n\n\ndef test_it():\n    assert os.read(os.open('a.txt', os.O_RDONLY), 9) == b'a'\n",
        {"a.txt": "b"},
        {"a.txt": "a"},
    ),
    "an optional module": Trap(
        "try:\n    import extra\nexcept ImportError:\n    extra = None\n\n\ndef test_it():\n    assert extra is None\n",
        {"extra.py": ""},
    ),
    "a namespace that becomes a package": Trap(
        "import space\n\n\ndef test_it():\n    assert space.__file__ is None\n",
        {"space/__init__.py": ""},
        {"space/a.txt": "a"},
    ),
    "a folder that becomes a namespace": Trap(
        "try:\n    import space\nexcept ImportError:\n    space = None\n\n\ndef test_it():\n    assert space is None\n",
        {"space/a.txt": "a"},
    ),
    "a folder that becomes a namespace in a package": Trap(
        "import importlib.util\nimport shop\n\n\ndef test_it():\n"
        "    assert importlib.util.find_spec('shop.extra') is None\n",
        {"shop/extra/a.txt": "a"},
        {"shop/__init__.py": ""},
    ),
    "another part of a namespace": Trap(
        "import sys\nsys.path.insert(0, 'more')\nimport space\n\n\ndef test_it():\n"
        "    assert len(space.__path__) == 1\n",
        {"more/space/a.txt": "a"},
        {"space/a.txt": "a", "more/other.txt": "a"},
    ),
    "another part of a package that looks for some": Trap(
        "import sys\nsys.path.append('more')\nimport shop\n\n\ndef test_it():\n"
        "    assert len(shop.__path__) == 1\n",
        {"more/shop/a.txt": "a", "more/shop/__init__.py": ""},
        {
            "more/other.txt": "a",
            "shop/__init__.py": "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n",
        },
    ),
    "a conftest that appears": Trap(
        "def test_it():\n    assert not __import__('sys').modules.get('marker')\n",
        {"conftest.py": "import sys\n\nsys.modules['marker'] = sys\n"},
    ),
    "settings of pytest": Trap(
        "import warnings\n\n\ndef test_it():\n    warnings.warn('old', stacklevel=1)\n",
        {"pyproject.toml": "[tool.pytest.ini_options]\nfilterwarnings = ['error']\n"},
        {"pyproject.toml": "[tool.pytest.ini_options]\n"},
    ),
    "settings that a test reads by itself": Trap(
        reading("'old' in Path('pyproject.toml').read_text()"),
        {"pyproject.toml": "[tool.ruff]\n# new\n"},
        {"pyproject.toml": "[tool.ruff]\n# old\n"},
    ),
    "settings that a conftest reads by itself": Trap(
        "def test_it():\n    pass\n",
        {"pyproject.toml": "[tool.ruff]\nline-length = 99\n"},
        {
            "conftest.py": "def pytest_configure():\n    assert '99' not in open('pyproject.toml').read()\n",
            "pyproject.toml": "[tool.ruff]\nline-length = 90\n",
        },
    ),
    "cases from a file": Trap(
        "import pytest\n\n\n@pytest.mark.parametrize('n', open('cases.txt').read().split())\n"
        "def test_it(n):\n    assert n == '1'\n",
        {"cases.txt": "1 2"},
        {"cases.txt": "1"},
    ),
    "the source of a function": Trap(
        "import inspect\nimport app\n\n\ndef test_it():\n    assert '# one' in inspect.getsource(app)\n",
        {"app.py": "# two\n"},
        {"app.py": "# one\n"},
    ),
    "another process": Trap(
        "import subprocess\n\n\ndef test_it():\n"
        "    assert subprocess.run(['cat', 'a.txt'], capture_output=True).stdout == b'a'\n",
        {"a.txt": "b"},
        {"a.txt": "a"},
    ),
    "a fork": Trap(
        "import os\n\n\ndef test_it():\n    child = os.fork()\n    if not child:\n"
        "        os._exit(open('a.txt').read() != 'a')\n    assert os.waitpid(child, 0)[1] == 0\n",
        {"a.txt": "b"},
        {"a.txt": "a"},
    ),
    "multiprocessing": Trap(
        "import multiprocessing\n\nfrom helper import work\n\n\ndef test_it():\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        assert pool.map(work, ['a.txt']) == ['a']\n",
        {"a.txt": "b"},
        {"a.txt": "a", "helper.py": "def work(name):\n    return open(name).read()\n"},
    ),
    "a database": Trap(
        "import pathlib\nimport sqlite3\n\n\ndef test_it():\n    with sqlite3.connect('d/a.db') as db:\n"
        "        assert len(db.execute('pragma database_list').fetchall()) == 1\n"
        "    assert pathlib.Path('d/a.db').stat().st_size < 2\n",
        {"d/a.db": "bb"},
        {"d/a.db": ""},
    ),
    "a test that is added": Trap(
        "def test_it():\n    pass\n", {"tests/test_b.py": "def test_b():\n    assert 0\n"}
    ),
    "a test in a new folder below others": Trap(
        "def test_it():\n    pass\n",
        {"docs/deep/er/test_b.py": "def test_b():\n    assert 0\n"},
        {"docs/a.md": "a"},
    ),
    "a test in a folder that had none": Trap(
        "def test_it():\n    pass\n",
        {"tests/more/test_b.py": "def test_b():\n    assert 0\n"},
        {"tests/more/data.json": "{}", "tests/more/helper.py": ""},
    ),
    "a text with examples that is added": Trap(
        "def test_it():\n    pass\n", {"docs/test_use.txt": ">>> 1\n2\n"}, {"docs/a.md": "a"}
    ),
    "a document with examples, by the settings": Trap(
        "def test_it():\n    pass\n",
        {"docs/use.rst": ">>> 1\n2\n"},
        {"docs/a.md": "a", "pytest.ini": "[pytest]\naddopts = --doctest-glob=*.rst\n"},
    ),
    "a file that a conftest collects": Trap(
        "def test_it():\n    pass\n",
        {"docs/b.yaml": "b"},
        {
            "docs/a.md": "a",
            "conftest.py": "def pytest_collect_file(file_path):\n    assert file_path.name != 'b.yaml'\n",
        },
    ),
    "a folder that a conftest is asked about": Trap(
        "def test_it():\n    pass\n",
        {"docs/new/b.md": "b"},
        {
            "docs/a.md": "a",
            "conftest.py": "def pytest_ignore_collect(collection_path):\n    assert collection_path.name != 'new'\n",
        },
    ),
    "a folder of the collection that a test lists, too": Trap(
        reading("len(list(Path('docs').iterdir())) == 1"), {"docs/b.md": "b"}, {"docs/a.md": "a"}
    ),
    "a folder of the collection that a test asks about, too": Trap(
        reading("Path('docs').is_dir()"), {"docs/a.md": DELETED}, {"docs/a.md": "a"}
    ),
}
QUICK = ("a data file", "a file that appears", "another process")
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in TRAPS if name not in QUICK]


def prepared(project: Clone, files: Mapping[str, str]) -> Clone:
    give_environment(project.path.parent / "home")
    project.write({"gate.yaml": POLICY, "README.md": "Hello\n", **files})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "start")
    project.git("checkout", "-q", "-b", "feature")
    return project


def change(project: Clone, files: Mapping[str, str | None]) -> None:
    for name, content in files.items():
        path = project.path / name
        if content is None:
            path.unlink()
        else:
            project.write({name: content})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "change")


def asked(project: Clone, *args: str, env: Mapping[str, str] | None = None) -> tuple[int, bool]:
    """The exit code, and whether the tests ran."""
    result = project.gate("check", "--into", "main", "--only", "tests", "--format", "json", *args, env=env)
    (check,) = json.loads(result.out)["checks"]
    return result.code, not check["cached"]


def by(mode: str) -> str:
    return POLICY + f"checks:\n  tests: {{tool: pytest, select: {mode}}}\n"


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [*QUICK, *SLOW])
def test_a_change_that_a_test_can_see_runs_it(project: Clone, name: str, mode: str) -> None:
    trap = TRAPS[name]
    prepared(project, {"tests/test_a.py": trap.test, "gate.yaml": by(mode), **trap.files})
    change(project, {"README.md": "Hello, all\n"})
    assert asked(project) == (0, True)
    change(project, trap.then)
    assert asked(project) == (1, True)


UNSEEN: dict[str, dict[str, str | None]] = {
    "documentation": {"README.md": "Hello, everybody\n"},
    "settings of another tool": {"pyproject.toml": "[tool.ruff]\nline-length = 99\n"},
    "a workflow": {".github/workflows/ci.yml": "on: push\n"},
    "a module that no test imports": {"scripts/tool.py": "x = 2\n"},
    "a new file in the top folder": {"CHANGES.md": "# 1.0\n", ".gitlab-ci.yml": "a: {script: ls}\n"},
    "a new fragment of a changelog": {"docs/changes/12.fix.rst": "Fixed.\n"},
    "a document that is removed": {"docs/old/a.md": DELETED},
    "a new folder that cannot be imported": {".circleci/config.yml": "version: 2\n"},
    "a new folder without modules": {"manual/a/b.md": "# Hello\n"},
}


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", UNSEEN)
def test_a_change_that_no_test_can_see_runs_none(project: Clone, name: str, mode: str) -> None:
    files = {
        "gate.yaml": by(mode),
        "tests/test_a.py": "import app\n\n\ndef test_it():\n    assert app.X\n",
        "app.py": "X = 1\n",
        "pyproject.toml": "[tool.ruff]\nline-length = 90\n",
        ".github/workflows/ci.yml": "on: pull_request\n",
        "scripts/tool.py": "x = 1\n",
        "docs/old/a.md": "old\n",
    }
    prepared(project, files)
    change(project, {"docs/a.md": "# Hello\n"})
    assert asked(project) == (0, True)
    change(project, UNSEEN[name])
    assert asked(project) == (0, False)
    assert asked(project, "--all") == (0, True)
    assert asked(project, "--rerun") == (0, True)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("reads", [True, False])
def test_a_pass_of_ci_is_valid_elsewhere_if_no_test_reads_that_it_is_ci(
    project: Clone, mode: str, reads: bool
) -> None:
    test = "import os\n\n\ndef test_it():\n    " + ("assert os.environ.get('CI')\n" if reads else "pass\n")
    prepared(project, {"tests/test_a.py": test, "gate.yaml": by(mode)})
    change(project, {"README.md": "Hello, all\n"})
    assert asked(project, env={"CI": "true"}) == (0, True)
    assert asked(project) == (int(reads), reads)


@pytest.mark.slow
def test_a_policy_can_turn_it_off(project: Clone) -> None:
    prepared(
        project,
        {
            "tests/test_a.py": "def test_it():\n    pass\n",
            "gate.yaml": POLICY + "checks:\n  tests: {tool: pytest, select: off}\n",
        },
    )
    for number in range(2):
        change(project, {"README.md": f"{number}\n"})
        assert asked(project) == (0, True)


def tree(**files: str) -> TreeState:
    entries = [Entry(mode="100644", oid=oid, path=path.replace("__", "/")) for path, oid in files.items()]
    return TreeState(entries, lambda _path: "")


def inputs(**fields: tuple[str, ...]) -> Inputs:
    names = (*PLACES, "everything")
    return Inputs(**{name: fields.get(name, ()) for name in names})


PASS = Report((), "1 passed", 1, frozenset({"test_a.py::test"}))


def test_a_pass_is_reused_only_so_often(tmp_path: Path) -> None:
    """Every so often the suite runs all the same, so that a defect of the recorder does not last."""
    suite = Suite(ResultCache(tmp_path), "suite")
    assert suite.record(tree(a="1"), inputs(opened=("a",)), PASS, 1.0) == ""
    reused = [suite.reuse(tree(a="1", b="2")) for _ in range(2 * VERIFY_EVERY)]
    assert [one.verify for one in reused if one].count(True) == 2


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (inputs(everything=("a network connection is made",)), "a network connection is made"),
        (inputs(opened=(".git/HEAD",)), "the tests read git's folder"),
        (inputs(kinds=(".git/refs/heads/main",)), "the tests read git's folder"),
        (inputs(kinds=(".git", ".git/pyvenv.cfg")), ""),
        (inputs(candidates=(".git",)), ""),
        (inputs(collected=(".git",)), "the tests read git's folder"),
        (None, "what the tests read was not recorded"),
    ],
)
def test_what_cannot_be_recorded_is_not_reused(tmp_path: Path, seen: Inputs | None, reason: str) -> None:
    suite = Suite(ResultCache(tmp_path), "suite")
    assert suite.record(tree(a="1"), seen, PASS, 1.0) == reason
    assert (suite.reuse(tree(a="1")) is None) == bool(reason)
    if reason:
        # Also when it is explained later, in another process.
        assert Suite(ResultCache(tmp_path), "suite").why(tree(a="2")) == reason
        assert suite.record(tree(a="1"), inputs(opened=("a",)), PASS, 1.0) == ""
        assert reason not in suite.why(tree(a="2"))


def test_a_path_behind_a_link_is_not_known(tmp_path: Path) -> None:
    linked = TreeState([Entry(mode="120000", oid="1", path="data")], lambda _path: "")
    suite = Suite(ResultCache(tmp_path), "suite")
    assert suite.record(linked, inputs(opened=("data/a",)), PASS, 1.0) == "data/a is a link or in a submodule"
    assert suite.record(tree(data__a="1"), inputs(opened=("data/a",)), PASS, 1.0) == ""
    assert suite.reuse(linked) is None


@pytest.mark.parametrize(
    ("before", "after", "reused"),
    [
        ("[project]\nversion = '1'\n", "[project]\nversion = '2'\n", False),
        ("[tool.pytest]\nx = 1\n", "[tool.pytest]\nx = 2\n", False),
        ("[tool.unknown]\nx = 1\n", "[tool.unknown]\nx = 2\n", False),
        ("[tool.ruff]\nx = 1\n", "[tool.ruff]\nx = 2\n", True),
        ("[tool.ruff]\nx = 1\n", "[tool.ruff]\nx =\n", False),
        ("tool = 1\n", "tool = 1\n", True),
    ],
)
def test_settings_count_by_section(tmp_path: Path, before: str, after: str, reused: bool) -> None:
    """Whether or not a test opens the file: what is installed depends on it."""
    suite = Suite(ResultCache(tmp_path), "suite")
    old, new = (
        TreeState(
            [Entry(mode="100644", oid=text, path="pyproject.toml")], {"pyproject.toml": text}.__getitem__
        )
        for text in (before, after)
    )
    assert suite.record(old, inputs(), PASS, 1.0) == ""
    assert (suite.reuse(new) is not None) == reused


def test_a_new_rule_for_the_checkout_counts(tmp_path: Path) -> None:
    """What git writes into a file may depend on `.gitattributes` that no test reads."""
    suite = Suite(ResultCache(tmp_path), "suite")
    assert suite.record(tree(a="1"), inputs(opened=("a",)), PASS, 1.0) == ""
    attributes = Entry(mode="100644", oid="2", path=".gitattributes")
    assert suite.reuse(TreeState([*tree(a="1").entries, attributes], lambda _path: "")) is None


@pytest.mark.parametrize(
    "parts",
    [[], [b""], [b"{}"], [b"[]"], [b'{"opened": 1, "workers": 0}'], [b'{"workers": "x"}']],
)
def test_a_damaged_record_is_none(parts: list[bytes]) -> None:
    assert read_inputs(parts) is None


def test_a_worker_without_a_record_makes_the_tree_count() -> None:
    part: dict[str, list[str]] = {name: [] for name in RECORDED}
    read = read_inputs(
        [json.dumps({**part, "workers": 2}).encode(), json.dumps({**part, "workers": 0}).encode()]
    )
    assert read is not None
    assert read.everything == ("a worker left no record",)
