"""The first verdict on a project that nobody has set up for gate: right, or one sentence that says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.company import Clone

from gate.checks.advice import setup_command

Json = dict[str, Any]


def commit(project: Clone, files: dict[str, str], branch: str = "feature") -> None:
    project.git("checkout", "-q", "-B", branch)
    project.write(files)
    project.git("add", "-A")
    project.git("commit", "-q", "--allow-empty", "-m", "Change")


def verdict(project: Clone, *args: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, Json]]:
    """The exit code of `gate check`, and the checks by name."""
    done = project.gate_process("check", "--format", "json", *args, env=env)
    assert done.out, done.err
    return done.code, {check["id"]: check for check in json.loads(done.out)["checks"]}


class TestFailuresAreNotCached:
    @pytest.mark.slow
    def test_a_failing_test_runs_again_when_asked_again(self, project: Clone, tmp_path: Path) -> None:
        mark = tmp_path / "mark"
        flaky = f"import pathlib\n\n\ndef test_it():\n    assert pathlib.Path({str(mark)!r}).exists()\n"
        commit(project, {"test_flaky.py": flaky})
        assert verdict(project, "--only", "tests")[0] == 1
        mark.touch()
        assert verdict(project, "--only", "tests")[0] == 0

    @pytest.mark.slow
    def test_a_pass_is_cached_until_a_rerun(self, project: Clone, tmp_path: Path) -> None:
        count = tmp_path / "count"
        counting = f"def test_it():\n    with open({str(count)!r}, 'a') as file:\n        file.write('x')\n"
        commit(project, {"test_it.py": counting})
        for args in ([], [], ["--rerun"]):
            code, checks = verdict(project, "--only", "tests", *args)
            assert (code, checks["tests"]["outcome"]) == (0, "passed")
        assert count.read_text() == "xx"

    @pytest.mark.slow
    def test_a_rerun_that_fails_leaves_no_old_pass_behind(self, project: Clone, tmp_path: Path) -> None:
        mark = tmp_path / "mark"
        mark.touch()
        flaky = f"import pathlib\n\n\ndef test_it():\n    assert pathlib.Path({str(mark)!r}).exists()\n"
        commit(project, {"test_flaky.py": flaky})
        assert verdict(project, "--only", "tests")[0] == 0
        mark.unlink()
        assert verdict(project, "--only", "tests", "--rerun")[0] == 1
        assert verdict(project, "--only", "tests")[0] == 1


@pytest.mark.slow
def test_a_failure_that_names_the_checked_tree_is_the_same_failure_at_the_base(project: Clone) -> None:
    text = "import pathlib\n\n\ndef test_it(tmp_path):\n    assert not {where}, str({where})\n"
    files = {
        "test_tree.py": text.format(where="pathlib.Path(__file__)"),
        "test_temporary.py": text.format(where="tmp_path"),
    }
    commit(project, files, "main")
    commit(project, {"new.py": "x = 1\n"})
    code, checks = verdict(project, "--only", "tests")
    assert (code, [finding["new"] for finding in checks["tests"]["findings"]]) == (1, [False, False])


class TestOneBadFile:
    OLD = 'print "Python 2"\n'
    WRONG = "def use() -> int:\n    return 'two'\n"

    @pytest.mark.slow
    def test_it_does_not_keep_mypy_from_the_others(self, project: Clone) -> None:
        commit(project, {"legacy/old.py": self.OLD, "legacy/older.py": self.OLD}, "main")
        commit(project, {"use.py": self.WRONG})
        code, checks = verdict(project, "--only", "types")
        new = [finding["path"] for finding in checks["types"]["findings"] if finding["new"]]
        assert (code, new) == (1, ["use.py"])
        assert "legacy/old.py and 1 other excluded" in checks["types"]["note"]

    @pytest.mark.slow
    @pytest.mark.parametrize("content", ["x = 1\n".encode("utf-16"), b"name = 'caf\xe9'\n"])
    def test_one_in_an_encoding_that_it_does_not_name(self, project: Clone, content: bytes) -> None:
        (project.path / "old.py").write_bytes(content)
        commit(project, {}, "main")
        commit(project, {"use.py": self.WRONG})
        code, checks = verdict(project, "--only", "types")
        new = [finding["path"] for finding in checks["types"]["findings"] if finding["new"]]
        assert (code, new) == (1, ["use.py"])
        assert "old.py excluded" in checks["types"]["note"]

    @pytest.mark.slow
    def test_it_is_excluded_where_the_settings_name_the_folder(self, project: Clone) -> None:
        settings = '[tool.mypy]\nfiles = ["src"]\n'
        commit(project, {"pyproject.toml": settings, "src/old.py": self.OLD}, "main")
        commit(project, {"src/use.py": self.WRONG})
        code, checks = verdict(project, "--only", "types")
        new = [finding["path"] for finding in checks["types"]["findings"] if finding["new"]]
        assert (code, new) == (1, ["src/use.py"])

    @pytest.mark.slow
    def test_one_that_others_import_is_no_pass(self, project: Clone) -> None:
        commit(project, {"old.py": self.OLD, "user.py": "import old\n\nprint(old)\n"}, "main")
        commit(project, {"new.py": "x = 1\n"})
        code, checks = verdict(project, "--only", "types")
        assert (code, checks["types"]["outcome"]) == (3, "broken")
        assert "cannot parse old.py" in checks["types"]["reason"]

    @pytest.mark.slow
    def test_a_name_that_is_not_utf8_and_a_link_out_of_the_tree_disable_nothing(self, project: Clone) -> None:
        (project.path / "outside.py").symlink_to("/etc/passwd")
        commit(project, {"latin\udce9.py": "import os\n", "use.py": self.WRONG})
        code, checks = verdict(project, "--only", "lint", "types")
        assert code == 1
        assert [finding["rule"] for finding in checks["lint"]["findings"]] == ["F401"]
        assert [finding["path"] for finding in checks["types"]["findings"]] == ["use.py"]


class TestCommitsOnABranchInConflict:
    @pytest.fixture
    def conflict(self, project: Clone) -> Clone:
        commit(project, {"app.py": "x = 2\n"})
        project.git("checkout", "-q", "main")
        commit(project, {"app.py": "x = 3\n"}, "main")
        project.git("checkout", "-q", "feature")
        return project

    @pytest.mark.slow
    def test_the_commit_counts_and_the_conflict_is_a_warning(self, conflict: Clone) -> None:
        conflict.write({"other.py": "y = 1\n"})
        conflict.git("add", "-A")
        done = conflict.gate_process("hook", "pre-commit")
        assert done.code == 0, done.err
        assert "conflicts with main in app.py" in done.err

    @pytest.mark.slow
    def test_what_the_commit_breaks_still_blocks(self, conflict: Clone) -> None:
        conflict.write({"other.py": "import json\n\njson.laods('')\n"})
        conflict.git("add", "-A")
        assert conflict.gate_process("hook", "pre-commit").code == 1

    def test_a_merge_is_blocked(self, conflict: Clone) -> None:
        assert conflict.gate_process("check", "--only", "names").code == 1


@pytest.mark.slow
@pytest.mark.parametrize("remote", ["origin", "upstream"])
def test_a_branch_is_a_base_by_the_name_of_its_remote(project: Clone, tmp_path: Path, remote: str) -> None:
    project.git("clone", "-q", str(project.path), str(tmp_path / "upstream"))
    upstream = Clone(tmp_path / "upstream", "ada", tmp_path)
    upstream.git("config", "user.name", "Ada")
    upstream.git("config", "user.email", "ada@acme.example")
    commit(upstream, {"theirs.py": "z = 1\n"}, "main")
    project.git("remote", "add", remote, str(upstream.path))
    project.git("fetch", "-q", remote)
    project.git("checkout", "-q", "-b", "topic", f"{remote}/main")
    commit(project, {"mine.py": "y = 1\n"}, "topic")
    done = project.gate_process("check", "--into", f"{remote}/main", "--only", "lint", "--format", "json")
    change = json.loads(done.out)["change"]
    assert (done.code, change["into"]) == (0, "refs/heads/main")
    assert [file["path"] for file in change["files"]] == ["mine.py"]


@pytest.mark.parametrize(
    ("files", "existing", "command"),
    [
        (["uv.lock", "pyproject.toml", "requirements.txt"], False, "`uv sync`"),
        (["poetry.lock", "pyproject.toml"], True, "`poetry install`"),
        (["Pipfile", "setup.py"], False, "`pipenv install --dev`"),
        (["requirements.txt", "a.py"], True, "`pip install -r requirements.txt`"),
        (["requirements/test.txt", "setup.py"], True, "`pip install -r requirements/test.txt -e .`"),
        (["pyproject.toml"], False, ".venv/bin/pip install -e .`"),
        (["environment.yml"], True, "`conda env update"),
        (["a.py"], True, "`pip install pytest`"),
    ],
)
def test_advice_is_in_the_words_of_the_projects_own_tool(
    files: list[str], existing: bool, command: str
) -> None:
    assert command in setup_command(files, existing=existing)


UNITTEST = """\
import unittest

from app import read


class T(unittest.TestCase):
    def test_read(self):
        self.assertEqual(read("1"), {value})

    def test_parts(self):
        for part in (1, 2):
            with self.subTest(part=part):
                self.assertLess(part, {limit})

    @unittest.skip("later")
    def test_later(self):
        pass
"""
DOCTEST = 'def add(a, b):\n    """\n    >>> add(1, 2)\n    3\n    """\n    return a {sign} b\n'
SKIPPED = """\
import unittest


@unittest.skip("all")
class T(unittest.TestCase):
    def test_a(self):
        pass
"""


class TestTheProjectsOwnTests:
    """What the project's own command runs is what gate runs, and what did not run is not said to have passed."""

    @pytest.mark.slow
    def test_unittest_in_a_file_that_pytest_does_not_collect(self, project: Clone) -> None:
        right = UNITTEST.format(value=1, limit=3)
        commit(project, {"test/__init__.py": "", "test/test.py": right}, "main")
        commit(project, {"README.md": "hello\n"})
        code, checks = verdict(project, "--only", "tests")
        assert (code, checks["tests"]["note"]) == (0, "1 skipped, 2 passed")

        commit(project, {"test/test.py": UNITTEST.format(value=2, limit=2)})
        code, checks = verdict(project, "--only", "tests")
        assert code == 1
        found = {finding["message"].partition(":")[0]: finding for finding in checks["tests"]["findings"]}
        assert set(found) == {"T"}
        assert {finding["hint"].rpartition(".")[2] for finding in checks["tests"]["findings"]} == {
            "test_read",
            "test_parts",
        }
        assert {finding["path"] for finding in checks["tests"]["findings"]} == {"test/test.py"}
        assert {finding["new"] for finding in checks["tests"]["findings"]} == {True}

    @pytest.mark.slow
    def test_a_unittest_that_failed_before_is_old(self, project: Clone) -> None:
        commit(project, {"tests/tests.py": UNITTEST.format(value=2, limit=3)}, "main")
        commit(project, {"README.md": "hello\n"})
        code, checks = verdict(project, "--only", "tests")
        assert (code, [finding["new"] for finding in checks["tests"]["findings"]]) == (1, [False])

    @pytest.mark.slow
    def test_tests_that_a_module_chooses_by_itself(self, project: Clone) -> None:
        adds = "def load_tests(loader, tests, ignore):\n    tests.addTests(doctest.DocTestSuite(maths))\n"
        adds += "    return tests\n"
        plain = "class T(unittest.TestCase):\n    def test_zero(self):\n        pass\n\n\n"
        test = f"import doctest\nimport unittest\n\nimport maths\n\n\n{plain}{adds}"
        files = {"maths.py": DOCTEST.format(sign="+"), "tests/__init__.py": "", "tests/test_maths.py": test}
        commit(project, files, "main")
        commit(project, {"README.md": "hello\n"})
        code, checks = verdict(project, "--only", "tests")
        assert (code, checks["tests"]["note"].partition(";")[0]) == (0, "2 passed")
        commit(project, {"maths.py": DOCTEST.format(sign="-")})
        code, checks = verdict(project, "--only", "tests")
        assert (code, len(checks["tests"]["findings"])) == (1, 1)

    @pytest.mark.slow
    def test_tests_that_are_all_skipped_ran(self, project: Clone) -> None:
        commit(project, {"test/tests.py": SKIPPED})
        assert verdict(project, "--only", "tests")[1]["tests"]["note"] == "1 skipped"

    @pytest.mark.slow
    def test_doctests_that_the_settings_collect(self, project: Clone) -> None:
        settings = '[tool.pytest.ini_options]\naddopts = "--doctest-modules"\n'
        commit(project, {"pyproject.toml": settings, "maths.py": DOCTEST.format(sign="+")}, "main")
        commit(project, {"maths.py": DOCTEST.format(sign="-")})
        code, checks = verdict(project, "--only", "tests")
        assert (code, len(checks["tests"]["findings"])) == (1, 1)

    @pytest.mark.slow
    def test_no_tests_are_no_pass(self, project: Clone) -> None:
        commit(project, {"new.py": "x = 1\n"})
        code, checks = verdict(project, "--only", "tests")
        assert (code, checks["tests"]["outcome"]) == (0, "empty")
        assert "nothing ran" in project.gate_process("check", "--only", "tests").out

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("ran", "outcome"), [({"test_it.py": "def test_it():\n    pass\n"}, "passed"), ({}, "empty")]
    )
    def test_files_that_look_like_tests_and_did_not_run_are_named(
        self, project: Clone, ran: dict[str, str], outcome: str
    ) -> None:
        commit(project, {**ran, "tests/checks.py": "def test_more():\n    pass\n"})
        tests = verdict(project, "--only", "tests")[1]["tests"]
        assert tests["outcome"] == outcome
        assert "not run, though they look like tests: tests/checks.py" in tests["note"]


@pytest.mark.slow
def test_tests_that_cannot_be_imported_before_and_after_are_one_reason(project: Clone) -> None:
    broken = "raise RuntimeError('no settings')\n\n\ndef test_a():\n    pass\n"
    commit(project, {f"test_{number}.py": broken for number in range(3)}, "main")
    commit(project, {"README.md": "hello\n"})
    code, checks = verdict(project, "--only", "tests")
    assert (code, checks["tests"]["outcome"]) == (3, "broken")
    assert (
        "3 test files cannot be imported, here or on the base: RuntimeError: no settings"
        in checks["tests"]["reason"]
    )
    commit(project, {"test_3.py": broken})
    assert verdict(project, "--only", "tests")[0] == 1


@pytest.mark.slow
def test_tests_that_the_change_keeps_from_being_imported_have_failed(project: Clone) -> None:
    commit(project, {"test/test.py": UNITTEST.format(value=1, limit=3)}, "main")
    commit(project, {"app.py": "raise RuntimeError('broken')\n"})
    code, checks = verdict(project, "--only", "tests")
    assert (code, checks["tests"]["outcome"], checks["tests"]["findings"][0]["new"]) == (1, "failed", True)


@pytest.mark.slow
class TestTestsThatCannotStart:
    """The change is the reason where the base can run them in the same environment; else nobody knows."""

    TEST = "import app\n\n\ndef test_it():\n    assert app\n"

    @pytest.mark.parametrize(
        "files",
        [
            pytest.param({"app.py": "import nothing_declares_this\n"}, id="a package that nothing declares"),
            pytest.param({"conftest.py": "import nothing_declares_this\n"}, id="the same in conftest.py"),
            pytest.param({"conftest.py": "def broken(:\n"}, id="conftest.py cannot be parsed"),
            pytest.param({"pytest.ini": "[pytest]\naddopts = --no-such-option\n"}, id="an unknown option"),
        ],
    )
    def test_because_of_the_change(self, project: Clone, files: dict[str, str]) -> None:
        commit(project, {"app.py": "x = 1\n", "test_app.py": self.TEST}, "main")
        commit(project, files)
        code, checks = verdict(project, "--only", "tests")
        assert (code, [item["rule"] for item in checks["tests"]["findings"]]) == (1, ["not-started"]), checks

    def test_at_the_base_neither(self, project: Clone) -> None:
        commit(project, {"app.py": "import nothing_has_this\n", "test_app.py": self.TEST}, "main")
        commit(project, {"new.py": "x = 1\n"})
        code, checks = verdict(project, "--only", "tests")
        assert (code, checks["tests"]["outcome"]) == (3, "broken")
        assert "`nothing_has_this`" in checks["tests"]["reason"]


@pytest.mark.slow
def test_tests_that_take_too_long_say_how_far_they_came_and_what_to_set(project: Clone) -> None:
    test = (
        "@pytest.mark.parametrize('n', range(40))\ndef test_it(n):\n    time.sleep(0.6 if n < 5 else 600)\n"
    )
    for seconds in (4, 16, 64):  # a busy machine may need long to start the first test
        project.git("checkout", "-q", "main")
        commit(project, {"gate.yaml": f"checks: {{tests: {{timeout: {seconds}s}}}}\n"}, "main")
        commit(project, {"test_slow.py": f"import time\nimport pytest\n\n\n{test}"})
        code, checks = verdict(project, "--only", "tests")
        assert (code, checks["tests"]["outcome"]) == (3, "broken")
        reason = checks["tests"]["reason"]
        if "of 40 tests" in reason:
            break
    assert "of 40 tests; the last one was test_slow.py::test_it[" in reason, reason
    assert "checks: {tests: {timeout: " in checks["tests"]["hint"]


LOADING = """\
import doctest
import unittest

import app


class Case(unittest.TestCase):
    def test_it(self):
        self.assertEqual(app.value(), app.value())


def load_tests(loader, tests, ignore):
    tests.addTests(doctest.DocTestSuite(app))
    return tests
"""
DOCUMENTED = 'def value():\n    """\n    >>> value()\n    1\n    """\n    return 1\n'
USING = "import app\n\n\ndef test_it():\n    assert app.value() == 1\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"setup.cfg": "[tool:pytest]\naddopts = --doctest-glob=*.rst\n",
                      "docs/use.rst": ">>> import app\n>>> app.value()\n1\n"}, id="doctests in text files"),
        pytest.param({"tests.py": LOADING}, id="doctests that unittest loads"),
        pytest.param({"pytest.ini": "[pytest]\npython_files = check_*.py\n", "check_app.py": USING}, id="python_files"),
        pytest.param({"tests/pytest.ini": "[pytest]\npythonpath = ..\n", "tests/test_app.py": USING},
                     id="settings in the folder of the tests"),
    ],
)  # fmt: skip
def test_a_broken_function_is_found_by_the_projects_own_kind_of_tests(
    project: Clone, files: dict[str, str]
) -> None:
    commit(project, files | {"app.py": DOCUMENTED}, "main")
    commit(project, {"app.py": DOCUMENTED.replace("return 1", "return 2")})
    code, checks = verdict(project, "--only", "tests")
    assert (code, checks["tests"]["outcome"]) == (1, "failed"), checks
