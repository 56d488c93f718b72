"""Checks run through the command line: in the project's environment, on the tree alone, and nothing twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import iniconfig
import pytest
from support.company import Clone, isolated
from support.environments import install, lend, make_venv
from support.waiting import PATIENCE, STAY, WAIT_FOR_NOTE, has_started, is_running, until, written_pid

Json = dict[str, Any]


def save(project: Clone, files: dict[str, str | None], message: str = "Change") -> None:
    """Commit `files`; None removes one."""
    project.write({name: text for name, text in files.items() if text is not None})
    for name, text in files.items():
        if text is None:
            (project.path / name).unlink()
    project.git("add", "-A")
    project.git("commit", "-q", "--allow-empty", "-m", message)


def change(project: Clone, files: dict[str, str | None]) -> None:
    project.git("checkout", "-q", "-B", "feature", "main")
    save(project, files)


def environment(project: Clone) -> Path:
    """Give the project an environment of its own, ignored by git; the folder of its packages."""
    (project.path / ".git" / "info" / "exclude").write_text(".venv\n")
    return make_venv(project.path / ".venv")


def ask(project: Clone, *args: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, Json]]:
    """The exit code of `gate check`, and what each check said."""
    result = project.gate_process("check", "--format", "json", *args, env=env)
    assert result.out, result.err
    return result.code, {check["id"]: check for check in json.loads(result.out)["checks"]}


def commands(**checks: list[str]) -> str:
    """A policy with these commands for checks."""
    lines = [f"  {name}: {{command: {json.dumps(argv)}}}" for name, argv in checks.items()]
    return (
        "checks:\n"
        + "\n".join(lines)
        + f"\nprotect: {{main: {{require: {{checks: [{', '.join(checks)}]}}}}}}\n"
    )


PACKAGE = '[project]\nname = "thing"\nversion = "1"\n'
TEST = "def test_one():\n    assert True\n\n\ndef test_two():\n    assert True\n"


class TestImportsFromTheTree:
    """What the tests import is what is checked: not the working tree, not an installed copy."""

    @pytest.mark.slow
    def test_an_editable_install_is_read_as_it_is_in_the_tree(self, project: Clone) -> None:
        site = environment(project)
        (site / "library.pth").write_text(f"{project.path}/lib\n")
        save(project, {"lib/thing/__init__.py": "VALUE = 1\n"})
        change(project, {"test_thing.py": "import thing\n\n\ndef test_it():\n    assert thing.VALUE == 1\n"})
        project.write({"lib/thing/__init__.py": "VALUE = 2\n"})
        assert ask(project, "--only", "tests")[0] == 0

    @pytest.mark.slow
    def test_a_file_that_is_only_in_the_working_tree_does_not_count(self, project: Clone) -> None:
        site = environment(project)
        (site / "library.pth").write_text(f"{project.path}/lib\n")
        save(project, {"lib/thing.py": "VALUE = 1\n"})
        change(project, {"test_thing.py": "import left_over\n\n\ndef test_it():\n    pass\n"})
        project.write({"lib/left_over.py": ""})
        code, checks = ask(project, "--only", "tests")
        assert code == 3
        assert checks["tests"]["reason"].startswith("the tests need `left_over`")

    def test_an_installed_copy_does_not_count(self, project: Clone) -> None:
        site = environment(project)
        install(site, "thing", "1", {"thing/__init__.py": "VALUE = 'old'\n"})
        save(project, {"src/thing/__init__.py": "VALUE = 'new'\n", "pyproject.toml": PACKAGE})
        change(
            project, {"test_thing.py": "import thing\n\n\ndef test_it():\n    assert thing.VALUE == 'new'\n"}
        )
        assert ask(project, "--only", "tests")[0] == 0

    @pytest.mark.slow
    def test_the_other_part_of_a_namespace_may_be_installed(self, project: Clone) -> None:
        site = environment(project)
        (site / "acme").mkdir()
        (site / "acme" / "theirs.py").write_text("")
        test = "import acme.ours\nimport acme.theirs\n\n\ndef test_it():\n    pass\n"
        change(project, {"src/acme/ours.py": "", "test_it.py": test, "pyproject.toml": PACKAGE})
        assert ask(project, "--only", "tests")[0] == 0

    def test_a_child_process_imports_only_what_a_clone_would_give_it(self, project: Clone) -> None:
        environment(project)
        test = (
            "import subprocess\nimport sys\n\n\ndef test_it():\n"
            "    done = subprocess.run([sys.executable, 'scripts/run.py'])\n    assert done.returncode == 1\n"
        )
        change(project, {"thing.py": "", "scripts/run.py": "import thing\n", "test_it.py": test})
        code, checks = ask(project, "--only", "tests")
        assert code == 0, checks

    def test_a_folder_named_like_a_package_is_not_that_package(self, project: Clone) -> None:
        site = environment(project)
        install(site, "docker", "1", {"docker/__init__.py": "VALUE = 1\n"})
        test = "import docker\n\n\ndef test_it():\n    assert docker.VALUE\n"
        change(project, {"docker/build.py": "", "test_it.py": test})
        assert ask(project, "--only", "tests")[0] == 0

    @pytest.mark.slow
    def test_a_project_that_pytest_itself_needs_is_tested_in_its_own_source(self, project: Clone) -> None:
        environment(project)
        source = Path(iniconfig.__file__).parent
        files = {f"src/iniconfig/{path.name}": path.read_text() for path in source.glob("*.py")}
        test = "import iniconfig\n\n\ndef test_it():\n    assert '/src/iniconfig/' in iniconfig.__file__\n"
        change(project, {**files, "test_it.py": test, "pyproject.toml": PACKAGE})
        code, checks = ask(project, "--only", "tests")
        assert code == 0, checks

    def test_a_version_that_a_build_would_write_is_there(self, project: Clone) -> None:
        site = environment(project)
        (site / "thing-1.2.3.dist-info").mkdir()
        (site / "thing.pth").write_text(f"{project.path}/src\n")
        (project.path / "src").mkdir()
        settings = (
            '[project]\nname = "thing"\n[tool.setuptools_scm]\nversion_file = "src/thing/_version.py"\n'
        )
        test = "from thing._version import version\n\n\ndef test_it():\n    assert version == '1.2.3'\n"
        change(project, {"pyproject.toml": settings, "src/thing/__init__.py": "", "test_it.py": test})
        assert ask(project, "--only", "tests")[0] == 0


class TestWhatDecides:
    """None of the user's own settings have an effect, and nothing in the tree can step into a tool's place."""

    @pytest.mark.slow
    def test_gates_own_packages_are_not_the_projects(self, project: Clone) -> None:
        environment(project)
        change(project, {"test_it.py": "import yaml\n\n\ndef test_it():\n    pass\n"})
        code, checks = ask(project, "--only", "tests")
        assert code == 3
        assert "`yaml`, which is not installed" in checks["tests"]["reason"]
        assert ".venv" in checks["tests"]["hint"]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            (".config/ruff/ruff.toml", '[lint]\nignore = ["F401"]\n'),
            (".config/git/ignore", "bad.py\n"),
            (".gitconfig", "[core]\n\texcludesFile = ~/ignored\n"),
            (".mypy.ini", "[mypy]\nignore_errors = true\n"),
            (".config/mypy/config", "[mypy]\nignore_errors = true\n"),
        ],
    )
    def test_the_users_settings(self, project: Clone, tmp_path: Path, name: str, text: str) -> None:
        change(project, {"bad.py": "import os\n\n\ndef f():\n    return 'a'.foo()\n"})
        home = tmp_path / "home"
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
        (home / "ignored").write_text("bad.py\n")
        code, checks = ask(project, "--only", "lint", "types")
        assert code == 1
        assert [checks[name]["outcome"] for name in ("lint", "types")] == ["failed", "failed"]

    @pytest.mark.slow
    def test_what_runs_the_projects_code_has_a_tree_of_its_own(self, project: Clone) -> None:
        # One check spoils the tree it runs in; the tools that only read never see that one.
        spoil = "import pathlib,time; [p.write_text('') for p in pathlib.Path.cwd().parent.glob('head-run-*/*.py')]"
        save(project, {"gate.yaml": commands(spoil=[sys.executable, "-c", spoil])})
        change(project, {"bad.py": "import os\n"})
        assert ask(project)[0] == 0
        trees = project.path / ".git" / "gate" / "trees"
        assert (trees / "head-run-0" / "bad.py").read_text() == ""
        assert ask(project, "--only", "lint")[0] == 1
        assert (trees / "head-0" / "bad.py").read_text() == "import os\n"

    @pytest.mark.slow
    def test_a_check_sees_only_the_variables_that_are_named_for_it(self, project: Clone) -> None:
        show = "import os; print(sorted(os.environ)); assert 'WANTED' in os.environ and 'SECRET' not in os.environ"
        policy = commands(show=[sys.executable, "-c", show]).replace('"]}', '"], env: [WANTED]}')
        save(project, {"gate.yaml": policy})
        change(project, {"new.py": ""})
        code, checks = ask(project, env={"WANTED": "1", "SECRET": "2"})
        assert code == 0, checks

    @pytest.mark.slow
    def test_temporary_files_are_gone_afterwards(self, project: Clone, tmp_path: Path) -> None:
        note = tmp_path / "note"
        make = f"import tempfile; open({str(note)!r}, 'w').write(tempfile.mkdtemp())"
        save(project, {"gate.yaml": commands(make=[sys.executable, "-c", make])})
        change(project, {"new.py": ""})
        assert ask(project)[0] == 0
        assert note.read_text()
        assert not Path(note.read_text()).exists()


class TestLessThanBefore:
    """A check that looks at less than it does at the base says so."""

    @pytest.fixture
    def tested(self, project: Clone) -> Clone:
        environment(project)
        save(project, {"test_app.py": TEST})
        return project

    @pytest.mark.slow
    def test_no_tests_left_is_no_pass(self, tested: Clone) -> None:
        change(tested, {"test_app.py": None})
        code, checks = ask(tested, "--only", "tests")
        assert code == 3
        assert checks["tests"]["reason"] == "it found no test to check, but the base has 2"

    @pytest.mark.slow
    def test_no_python_left_is_no_pass(self, project: Clone) -> None:
        change(project, {"app.py": None, "README": "gone"})
        code, checks = ask(project, "--only", "lint", "names", "types")
        assert code == 3
        assert {check["outcome"] for check in checks.values()} == {"broken"}

    @pytest.mark.slow
    def test_settings_that_leave_no_file_to_lint_are_no_pass(self, project: Clone) -> None:
        change(project, {"ruff.toml": 'exclude = ["*"]\n'})
        code, checks = ask(project, "--only", "lint")
        assert code == 3
        assert checks["lint"]["reason"] == "it found no file to check, but the base has 1"

    @pytest.mark.slow
    def test_all_deselected_is_no_pass(self, tested: Clone) -> None:
        change(tested, {"conftest.py": "def pytest_collection_modifyitems(items):\n    items.clear()\n"})
        code, checks = ask(tested, "--only", "tests")
        assert code == 3
        assert "all of them were deselected" in checks["tests"]["reason"]

    @pytest.mark.slow
    def test_fewer_tests_are_a_weakening(self, tested: Clone) -> None:
        change(tested, {"conftest.py": "def pytest_collection_modifyitems(items):\n    del items[1:]\n"})
        result = tested.gate_process("check", "--format", "json", "--only", "tests")
        verdict = json.loads(result.out)
        (finding,) = verdict["checks"][0]["findings"]
        assert (finding["rule"], finding["path"]) == ("fewer-tests", "conftest.py")
        counted = "1 test is collected, but 2 on the base"
        assert finding["message"] == f"{counted}; missing: test_app.py::test_two"
        assert "1 deselected" in verdict["checks"][0]["note"]
        guarded = next(item for item in verdict["requirements"] if item["id"] == "guarded")
        assert "weakened" in guarded["reason"]

    @pytest.mark.slow
    @pytest.mark.attack(28, "hide tests with files that no setting mentions")
    @pytest.mark.parametrize(
        ("files", "message"),
        [
            pytest.param({"more/pyvenv.cfg": ""}, "collected", id="a folder posing as an environment"),
            pytest.param({"more/conda-meta/history": ""}, "collected", id="a folder posing as conda's"),
            pytest.param({"app.py": "import unittest\n\nraise unittest.SkipTest\n"}, "collected", id="skips"),
            pytest.param({"app.py": "SLOW = True\n"}, "skipped now", id="a condition somewhere else"),
        ],
    )
    def test_whichever_file_hides_tests(
        self, tested: Clone, files: dict[str, str | None], message: str
    ) -> None:
        hidden = (
            "import pytest\n\nimport app\n\n\n"
            "@pytest.mark.skipif('getattr(app, \"SLOW\", False)')\ndef test_more():\n    assert app\n"
        )
        save(tested, {"more/test_more.py": hidden, "conftest.py": "", "app.py": "SLOW = False\n"})
        change(tested, files)
        code, checks = ask(tested, "--only", "tests")
        (finding,) = checks["tests"]["findings"]
        assert (code, finding["rule"]) == (0, "fewer-tests")
        assert message in finding["message"]
        assert "more/test_more.py::test_more" in finding["message"]

    @pytest.mark.slow
    def test_tests_that_move_with_their_file_or_go_in_sight_are_none(self, tested: Clone) -> None:
        moved = TEST + "\n\ndef test_three():\n    assert True\n"
        save(tested, {"test_old.py": moved})
        change(tested, {"test_old.py": None, "test_new.py": moved, "test_app.py": "def test_one(): pass\n"})
        code, checks = ask(tested, "--only", "tests")
        assert (code, checks["tests"]["findings"]) == (0, [])

    @pytest.mark.slow
    def test_a_hook_that_takes_nothing_away_is_none(self, tested: Clone) -> None:
        change(tested, {"conftest.py": "def pytest_collection_modifyitems(items):\n    items.reverse()\n"})
        code, checks = ask(tested, "--only", "tests")
        assert (code, checks["tests"]["findings"]) == (0, [])

    def test_where_there_never_were_tests_there_need_be_none(self, project: Clone) -> None:
        change(project, {"new.py": ""})
        code, checks = ask(project, "--only", "tests")
        assert (code, checks["tests"]["note"]) == (0, "no tests")


UNREGISTER = "def pytest_configure(config):\n    config.pluginmanager.unregister(name='gate_report')\n"


class TestTests:
    """What pytest says is taken as it is, from whatever project."""

    @pytest.mark.slow
    @pytest.mark.parametrize("check", ["types", "names"])
    def test_the_base_is_asked_with_what_was_just_learnt_of_the_head(
        self, project: Clone, check: str
    ) -> None:
        save(project, {"a.py": "import json\n\nx: int = json.laods(1)\ny: int = 11\n"})
        change(project, {"a.py": "import json\n\nx: int = json.laods(1)\ny: int = ''.a\n"})
        code, checks = ask(project, "--only", check)
        assert code == 1
        assert [finding["new"] for finding in checks[check]["findings"]] == [False, True]
        state = project.path / ".git" / "gate"
        assert [path.name for path in (state / "cache").iterdir()] == [f"{check}-head-0"]
        # mypy takes a file of the same size and second for the one that it has seen.
        assert (state / "trees" / "base-0" / "a.py").stat().st_mtime < 1_200_000_000

    @pytest.mark.slow
    def test_a_failure_says_where_and_whether_the_base_fails_too(self, project: Clone) -> None:
        environment(project)
        old = "def test_old():\n    assert 1 == 2\n"
        save(project, {"test_app.py": old})
        change(project, {"test_app.py": f"# moved\n\n{old}\n\ndef test_new():\n    raise ValueError('no')\n"})
        code, checks = ask(project, "--only", "tests")
        assert code == 1
        shown = [(f["line"], f["new"], f["blocks"], f["hint"]) for f in checks["tests"]["findings"]]
        assert shown == [
            (4, False, True, "pytest test_app.py::test_old"),
            (8, True, True, "pytest test_app.py::test_new"),
        ]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("options", "line"),
        [
            pytest.param("--ff --nf", 9, id="what failed first"),
            pytest.param("-p no:cacheprovider --strict-config", 9, id="no cache"),
            pytest.param("--import-mode=importlib", 9, id="importlib"),
            pytest.param("-q -q --tb=no --no-header --color=yes", 8, id="quiet"),
            pytest.param("--doctest-modules", 9, id="doctests"),
            pytest.param("-W error", 9, id="warnings are errors"),
        ],
    )
    def test_the_projects_options(self, project: Clone, options: str, line: int) -> None:
        environment(project)
        test = "import app\n\n\ndef test_it():\n    assert app.read('1') == 1\n\n\ndef test_bad():\n    assert 0\n"
        change(project, {"pytest.ini": f"[pytest]\naddopts = {options}\n", "test_app.py": test})
        code, checks = ask(project, "--only", "tests")
        assert code == 1, checks
        assert [f["line"] for f in checks["tests"]["findings"]] == [line]

    @pytest.mark.slow
    def test_tests_that_run_in_several_processes(self, project: Clone) -> None:
        lend(
            environment(project),
            "pytest",
            "pluggy",
            "iniconfig",
            "packaging",
            "pygments",
            "pytest-xdist",
            "execnet",
        )
        many = "import os\nimport pytest\nimport app\n\n\n@pytest.mark.parametrize('n', range(9))\ndef test_it(n):\n"
        change(project, {
            "pytest.ini": "[pytest]\naddopts = -n 2\n",
            "test_app.py": f"{many}    assert os.environ['PYTEST_XDIST_WORKER'] and app.read('1') == 1\n",
            "test_bad.py": "def test_bad():\n    assert 0\n",
        })  # fmt: skip
        code, checks = ask(project, "--only", "tests")
        assert code == 1, checks
        assert [(f["path"], f["line"]) for f in checks["tests"]["findings"]] == [("test_bad.py", 2)]
        save(project, {"test_bad.py": None, "conftest.py": "collect_ignore = ['test_app.py']\n"})
        assert ask(project, "--only", "tests")[1]["tests"]["outcome"] == "broken"

    def test_a_plugin_that_is_not_there_is_reported(self, project: Clone) -> None:
        environment(project)
        change(project, {"pytest.ini": "[pytest]\naddopts = --no-such-option\n", "test_app.py": TEST})
        code, checks = ask(project, "--only", "tests")
        assert code == 3
        assert "--no-such-option" in checks["tests"]["reason"]

    @pytest.mark.parametrize(
        "conftest",
        [
            pytest.param(UNREGISTER, id="takes the plugin off"),
            pytest.param("import gate_report\ngate_report.say = lambda *a, **k: None\n", id="silences"),
            pytest.param("import gate_report\nopen(gate_report.REPORT, 'w').write('{\"event\": 1}\\n')\n", id="writes"),
            pytest.param("import signal, os\nos.kill(os.getpid(), signal.SIGKILL)\n", id="kills"),
            pytest.param("import os\nos.kill(os.getppid(), 9)\nos._exit(0)\n", id="kills its keeper"),
            pytest.param("import pytest\npytest.exit('enough', returncode=0)\n", id="exits"),
            pytest.param("import atexit, os\natexit.register(os._exit, 0)\n", id="changes the exit code"),
            pytest.param("collect_ignore_glob = ['*']\n", id="ignores all"),
            pytest.param("def pytest_runtestloop(session):\n    return True\n", id="runs none"),
            pytest.param("def pytest_runtest_protocol(item):\n    return True\n", id="passes over each"),
        ],
    )  # fmt: skip
    def test_a_failing_test_cannot_be_made_to_look_passed(self, project: Clone, conftest: str) -> None:
        environment(project)
        change(project, {"test_bad.py": "def test_bad():\n    assert 0\n", "conftest.py": conftest})
        assert ask(project, "--only", "tests")[0] in {1, 3}


class TestNothingTwice:
    """A result is cached under what decides it, all of it and nothing else."""

    def run(self, project: Clone, note: Path, **env: str) -> int:
        """How often the check has run, after it was asked for once more."""
        assert ask(project, env=env)[0] == 0
        return note.read_text().count("x")

    @pytest.fixture
    def note(self, tmp_path: Path) -> Path:
        return tmp_path / "note"

    def policy(self, note: Path, more: str = "") -> str:
        return commands(count=["mark", str(note)]).replace('"]}', f'"]{more}}}')

    def env(self, tmp_path: Path) -> dict[str, str]:
        """An environment in which there is a program `mark`, that leaves a mark."""
        program = tmp_path / "bin" / "mark"
        program.parent.mkdir(exist_ok=True)
        if not program.exists():
            program.write_text('#!/bin/sh\nprintf x >> "$1"\n')
            program.chmod(0o755)
        return {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}

    def start(self, project: Clone, note: Path, more: str = "") -> None:
        save(project, {"gate.yaml": self.policy(note, more)})
        change(project, {"new.py": "x = 1\n"})

    @pytest.mark.slow
    def test_the_same_tree_in_another_commit(self, project: Clone, note: Path, tmp_path: Path) -> None:
        self.start(project, note)
        assert self.run(project, note, **self.env(tmp_path)) == 1
        project.git("commit", "-q", "--allow-empty", "-m", "Nothing")
        assert self.run(project, note, **self.env(tmp_path)) == 1

    @pytest.mark.slow
    def test_another_tree(self, project: Clone, note: Path, tmp_path: Path) -> None:
        self.start(project, note)
        self.run(project, note, **self.env(tmp_path))
        save(project, {"notes.txt": "a command may read anything"})
        assert self.run(project, note, **self.env(tmp_path)) == 2

    @pytest.mark.slow
    def test_another_program_of_that_name(self, project: Clone, note: Path, tmp_path: Path) -> None:
        self.start(project, note)
        env = self.env(tmp_path)
        self.run(project, note, **env)
        program = tmp_path / "bin" / "mark"
        program.write_text(program.read_text() + "# version 2\n")
        save(project, {})
        assert self.run(project, note, **env) == 2

    @pytest.mark.slow
    def test_another_value_of_a_variable_that_it_sees(
        self, project: Clone, note: Path, tmp_path: Path
    ) -> None:
        self.start(project, note, ", env: [SEEN]")
        env = self.env(tmp_path)
        assert self.run(project, note, **env, SEEN="1") == 1
        save(project, {})
        assert self.run(project, note, **env, SEEN="1", UNSEEN="1") == 1
        save(project, {})
        assert self.run(project, note, **env, SEEN="2") == 2

    @pytest.mark.slow
    def test_settings_in_a_file_of_any_name(self, project: Clone) -> None:
        change(project, {"ruff.toml": 'extend = "base.toml"\n', "a.py": "import os\n"})
        save(project, {"base.toml": 'lint.ignore = ["F401"]\n'})
        assert ask(project, "--only", "lint")[0] == 0
        save(project, {"base.toml": ""})
        assert ask(project, "--only", "lint")[0] == 1


SLEEP = f"import os, time; {STAY}"


class TestWhatAnAnswerRestsOn:
    """Whatever a check can see is part of the key of its result, of a cached answer and of the hook's note."""

    @pytest.fixture
    def dependent(self, project: Clone) -> Path:
        site = environment(project)
        install(site, "depx", "1.0", {"depx/__init__.py": "VALUE = 1\n"})
        test = "import time\n\nimport depx\n\n\ndef test_it():\n    assert (depx.VALUE, time.tzname[0]) == (1, 'UTC')\n"
        change(project, {"test_it.py": test})
        assert ask(project, "--only", "tests", env={"TZ": "UTC"})[0] == 0
        return site

    @pytest.mark.slow
    @pytest.mark.parametrize("asked_again", [False, True], ids=["result", "answer"])
    @pytest.mark.usefixtures("dependent")
    def test_a_variable_that_checks_see(self, project: Clone, asked_again: bool) -> None:
        more = ("--only", "tests") if asked_again else ("--only", "tests", "--base", "main")
        assert ask(project, *more, env={"TZ": "Asia/Tokyo"})[0] == 1
        assert ask(project, *more, env={"TZ": "UTC"})[0] == 0

    @pytest.mark.slow
    @pytest.mark.attack(30, "edit an installed package after its result was cached")
    def test_an_installed_file_that_is_edited_in_place(self, project: Clone, dependent: Path) -> None:
        module = dependent / "depx" / "__init__.py"
        before = module.stat()
        module.write_text("VALUE = 2\n")
        os.utime(module.parent, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert ask(project, "--only", "tests", env={"TZ": "UTC"})[0] == 1

    @pytest.mark.usefixtures("dependent")
    def test_an_answer_holds_while_nothing_has_changed(self, project: Clone) -> None:
        code, checks = ask(project, "--only", "tests", env={"TZ": "UTC"})
        assert (code, checks["tests"]["cached"]) == (0, True)


class TestEnding:
    """Ending gate ends all of it."""

    def started(self, project: Clone, note: Path) -> subprocess.Popen[bytes]:
        sleep = [sys.executable, "-c", SLEEP.format(note=str(note))]
        save(project, {"gate.yaml": commands(sleep=sleep)})
        change(project, {"new.py": ""})
        process = subprocess.Popen(
            [sys.executable, "-m", "gate", "check"],
            cwd=project.path,
            env=isolated(project.path.parent / "home"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        until(lambda: process.poll() is not None or has_started(note))
        assert process.poll() is None, process.communicate()
        return process

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_asked_to_end(self, project: Clone, tmp_path: Path, number: int) -> None:
        note = tmp_path / "note"
        process = self.started(project, note)
        process.send_signal(number)
        out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert b"interrupted" in out
        assert b"Traceback" not in out
        assert not is_running(written_pid(note))

    @pytest.mark.slow
    def test_the_first_no_ends_the_rest(self, project: Clone, tmp_path: Path) -> None:
        note = tmp_path / "note"
        wait = f"import os, time\n{WAIT_FOR_NOTE.format(note=str(note))}\nraise SystemExit(1)"
        save(
            project,
            {
                "gate.yaml": commands(
                    sleep=[sys.executable, "-c", SLEEP.format(note=str(note))],
                    no=[sys.executable, "-c", wait],
                )
            },
        )
        change(project, {"new.py": ""})
        code, checks = ask(project, "--fail-fast")
        assert code == 1
        assert (checks["no"]["outcome"], checks["sleep"]["outcome"]) == ("failed", "broken")
        assert "another check had already failed" in checks["sleep"]["reason"]
        assert not is_running(written_pid(note))

    @pytest.mark.slow
    def test_two_at_once_do_not_harm_each_other(self, project: Clone) -> None:
        change(project, {"bad.py": "import os\n", "test_it.py": TEST})
        project.git("checkout", "-q", "-b", "other", "main")
        save(project, {"fine.py": "x = 1\n", "test_it.py": TEST})
        heads = ["feature", "other"] * 2
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "gate", "check", "--head", head, "--only", "lint", "types", "tests"],
                cwd=project.path,
                env=isolated(project.path.parent / "home"),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            for head in heads
        ]
        result = [(process.communicate()[0].decode(), process.returncode) for process in running]
        assert [code for _, code in result] == [1, 0, 1, 0], result


def test_an_old_interpreter_understands_what_it_is_given() -> None:
    import ast

    import gate.plugins

    folder = Path(gate.plugins.__file__).parent
    for name in ("start_pytest.py", "gate_report.py"):
        ast.parse((folder / name).read_text(), feature_version=(3, 7))


def other_python(version: str) -> str:
    """An interpreter of this version; skips the test where there is none."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for python in [
        shutil.which(f"python{version}"),
        *map(str, root.glob(f"versions/{version}.*/bin/python")),
    ]:
        if python and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip(f"there is no Python {version} here")


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_a_project_with_another_python(project: Clone, version: str) -> None:
    python = other_python(version)
    (project.path / ".git" / "info" / "exclude").write_text(".venv\n")
    subprocess.run([python, "-m", "venv", "--without-pip", str(project.path / ".venv")], check=True)
    change(
        project, {"test_app.py": f"import sys\n\n\ndef test_it():\n    assert '{version}.' in sys.version\n"}
    )
    _, checks = ask(project, "--only", "tests", "lint")
    assert checks["lint"]["outcome"] == "passed"
    if version == "3.13":
        assert checks["tests"]["outcome"] == "passed"
    else:
        assert "pytest" in checks["tests"]["reason"]
        assert "install pytest into .venv" in checks["tests"]["hint"]
