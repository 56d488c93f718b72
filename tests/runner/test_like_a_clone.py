"""The tree that tests run in is what a clone of the commit has: history, tags, submodules, content behind filters."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.company import Clone
from support.environments import make_venv

# Each runs the tests of a project in a process of their own.
pytestmark = pytest.mark.slow


def commit(project: Clone, files: dict[str, str | bytes], message: str = "Change") -> None:
    project.write(files)
    project.git("add", "-A")
    project.git("commit", "-q", "--allow-empty", "-m", message)


def run_tests(project: Clone, *args: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and what the tests said."""
    done = project.gate_process("check", "--format", "json", "--only", "tests", *args)
    assert done.out, done.err
    return done.code, json.loads(done.out)["checks"][0]


@pytest.fixture
def ready(project: Clone) -> Clone:
    """The project on a branch of its own, with an empty environment."""
    (project.path / ".git" / "info" / "exclude").write_text(".venv\n")
    make_venv(project.path / ".venv")
    project.git("checkout", "-q", "-B", "feature", "main")
    return project


GIT = """\
import subprocess


def git(*args):
    return subprocess.run(["git", *args], capture_output=True, text=True, check=True).stdout.strip()

"""


class TestHistory:
    """git answers the tests as it would in a clone, and a result that rests on that says so."""

    def test_tags_commits_and_authors(self, ready: Clone) -> None:
        ready.git("tag", "-a", "v1.2", "-m", "v1.2")
        ready.git("update-ref", "refs/remotes/origin/other", "HEAD")
        body = (
            "def test_it():\n    assert git('describe').startswith('v1.2-1-g')\n"
            "    assert git('log', '-1', '--format=%s %an') == 'A change Ada'\n"
            "    assert 'refs/remotes/origin/other' in git('for-each-ref')\n"
            "    assert 'gate' not in git('for-each-ref')\n"
            "    assert git('status', '--porcelain') == ''\n"
        )
        ready.write({"test_it.py": GIT + "\n" + body})
        ready.git("add", "-A")
        ready.git("-c", "user.name=Ada", "commit", "-q", "-m", "A change")
        assert run_tests(ready)[0] == 0

    def test_a_merge_that_is_still_to_be_made_has_both_parents(self, ready: Clone) -> None:
        commit(
            ready,
            {
                "test_it.py": GIT
                + "\ndef test_it():\n    assert len(git('log', '-1', '--format=%P').split()) == 2\n"
            },
        )
        ready.git("checkout", "-q", "main")
        commit(ready, {"other.py": ""})
        ready.git("checkout", "-q", "feature")
        assert run_tests(ready)[0] == 0

    def test_only_tests_that_ask_git_run_again_for_another_message(self, ready: Clone) -> None:
        asks = GIT + "\ndef test_it():\n    assert 'bad' not in git('log', '-1', '--format=%s')\n"
        commit(ready, {"test_it.py": asks}, "good")
        assert run_tests(ready)[0] == 0
        ready.git("commit", "-q", "--amend", "-m", "bad")
        assert run_tests(ready)[0] == 1
        commit(ready, {"test_it.py": "def test_it():\n    pass\n"}, "one")
        assert run_tests(ready)[1]["cached"] is False
        ready.git("commit", "-q", "--amend", "-m", "two")
        assert run_tests(ready)[1]["cached"] is True

    def test_nothing_there_moves_the_users_refs(self, ready: Clone) -> None:
        ready.git("tag", "v1")
        moves = ("'tag', '-d', 'v1'", "'commit', '--allow-empty', '-m', 'x'", "'branch', 'x'")
        body = "def test_it():\n" + "".join(f"    git({words})\n" for words in moves)
        commit(ready, {"test_it.py": GIT + "\n" + body})
        before = ready.git("for-each-ref")
        assert run_tests(ready)[0] == 0
        assert ready.git("for-each-ref") == before


class TestContent:
    """Files have the content that a checkout gives them."""

    def test_a_submodule_that_is_here_and_one_within_it(self, ready: Clone, tmp_path: Path) -> None:
        inner, outer = tmp_path / "inner", tmp_path / "outer"
        always = ("-c", "protocol.file.allow=always")
        for folder in (inner, outer):
            subprocess.run(["git", "init", "-q", str(folder)], check=True)
        (inner / "deep.py").write_text("VALUE = 2\n")
        (outer / "lib.py").write_text("VALUE = 1\n")

        def git(folder: Path, *args: str) -> None:
            who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
            subprocess.run(["git", "-C", str(folder), *always, *who, *args], check=True, capture_output=True)

        git(inner, "add", "-A")
        git(inner, "commit", "-qm", "inner")
        git(outer, "submodule", "add", str(inner), "within")
        git(outer, "add", "-A")
        git(outer, "commit", "-qm", "outer")
        ready.git(*always, "submodule", "--quiet", "add", "--name", "other-name", str(outer), "vendor/lib")
        ready.git(*always, "submodule", "--quiet", "update", "--init", "--recursive")
        files = ("vendor/lib/lib.py", "vendor/lib/within/deep.py")
        body = "".join(
            f"    assert pathlib.Path({name!r}).read_text().startswith('VALUE')\n" for name in files
        )
        commit(ready, {"test_it.py": f"import pathlib\n\n\ndef test_it():\n{body}"})
        assert run_tests(ready)[0] == 0
        # What the working tree has there besides is not what a clone has.
        (ready.path / "vendor" / "lib" / "lib.py").write_text("changed")
        assert run_tests(ready, "--base", "main")[0] == 0

    def test_a_submodule_that_is_not_here_is_named(self, ready: Clone) -> None:
        head = ready.git("rev-parse", "HEAD")[:-4] + "0000"
        commit(ready, {"test_it.py": "def test_it():\n    assert open('vendor/lib.py')\n"})
        ready.git("update-index", "--add", "--cacheinfo", f"160000,{head},vendor")
        ready.git("commit", "-q", "-m", "Submodule")
        code, check = run_tests(ready)
        assert code == 1
        assert "git submodule update --init" in check["note"]

    def test_it_is_named_where_no_test_can_be_imported_for_lack_of_it(self, ready: Clone) -> None:
        head = ready.git("rev-parse", "HEAD")[:-4] + "0000"
        commit(
            ready, {"test_it.py": "DATA = open('vendor/data').read()\n\n\ndef test_it():\n    assert DATA\n"}
        )
        ready.git("update-index", "--add", "--cacheinfo", f"160000,{head},vendor")
        ready.git("commit", "-q", "-m", "Submodule")
        ready.git("branch", "-f", "main", "HEAD")
        ready.write({"more.py": ""})
        ready.git("add", "more.py")
        ready.git("commit", "-q", "-m", "More")
        code, check = run_tests(ready)
        assert (code, check["outcome"]) == (3, "broken")
        assert "git submodule update --init" in check["reason"]

    def test_line_ends_encodings_and_filters(self, ready: Clone) -> None:
        ready.git("config", "filter.fake.smudge", "sed s/pointer/content/")
        ready.git("config", "filter.fake.clean", "sed s/content/pointer/")
        attributes = "*.dat filter=fake\n*.bat text eol=crlf\n*.u16 text working-tree-encoding=UTF-16LE\n"
        body = (
            "    assert pathlib.Path('a.dat').read_text() == 'content\\n'\n"
            "    assert pathlib.Path('a.bat').read_bytes() == b'x\\r\\n'\n"
            "    assert pathlib.Path('a.u16').read_bytes() == 'y\\n'.encode('utf-16-le')\n"
        )
        ready.write(
            {
                ".gitattributes": attributes,
                "a.dat": "content\n",
                "a.bat": b"x\r\n",
                "a.u16": "y\n".encode("utf-16-le"),
            }
        )
        commit(ready, {"test_it.py": f"import pathlib\n\n\ndef test_it():\n{body}"})
        assert ready.git("show", "HEAD:a.dat") == "pointer"
        assert run_tests(ready)[0] == 0
        ready.git("config", "filter.fake.smudge", "sed s/pointer/other/")
        commit(ready, {"more.py": ""})
        assert run_tests(ready)[0] == 1

    def test_a_filter_that_is_not_configured_is_named(self, ready: Clone) -> None:
        files: dict[str, str | bytes] = {".gitattributes": "*.dat filter=crypt\n", "a.dat": "secret\n"}
        commit(ready, files | {"test_it.py": "def test_it():\n    assert open('a.dat').read() == 'plain'\n"})
        code, check = run_tests(ready)
        assert code == 1
        assert "the filter `crypt` is not configured here" in check["note"]

    @pytest.mark.parametrize("here", [True, False])
    def test_lfs_content_comes_from_the_local_store(self, ready: Clone, here: bool) -> None:
        content = b"large\n"
        oid = hashlib.sha256(content).hexdigest()
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"
        if here:
            stored = ready.path / ".git" / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
            stored.parent.mkdir(parents=True)
            stored.write_bytes(content)
        files: dict[str, str | bytes] = {".gitattributes": "*.dat filter=lfs\n", "a.dat": pointer}
        commit(
            ready, files | {"test_it.py": "def test_it():\n    assert open('a.dat').read() == 'large\\n'\n"}
        )
        code, check = run_tests(ready)
        assert code == (0 if here else 1)
        assert ("git lfs pull" in (check["note"] or "")) is not here


class TestFilesThatGitDoesNotHave:
    """A failure names the ignored file that it misses; only the policy brings one in."""

    DATA = "def test_it():\n    assert open('data/a.csv').read() == '1'\n"

    def test_it_is_named_and_can_be_brought(self, ready: Clone) -> None:
        (ready.path / ".git" / "info" / "exclude").write_text(".venv\ndata\n")
        ready.write({"data/a.csv": "1"})
        commit(ready, {"test_it.py": self.DATA})
        code, check = run_tests(ready)
        assert code == 1
        assert "data/a.csv is in the working tree and not in git" in check["note"]
        assert "bring: [data/a.csv]" in check["note"]
        ready.git("checkout", "-q", "main")
        commit(ready, {"gate.yaml": "checks: {tests: {bring: [data]}}\n"})
        ready.git("checkout", "-q", "feature")
        assert run_tests(ready)[0] == 0
        # Its content is part of what the result rests on.
        ready.write({"data/a.csv": "2"})
        assert run_tests(ready)[0] == 1

    def test_a_module_is_named(self, ready: Clone) -> None:
        (ready.path / ".git" / "info" / "exclude").write_text(".venv\nlocal_settings.py\n")
        ready.write({"local_settings.py": "import os\n"})
        commit(ready, {"test_it.py": "import local_settings\n\n\ndef test_it():\n    pass\n"})
        code, check = run_tests(ready)
        assert code == 3
        assert "local_settings.py is in the working tree and not in git" in check["reason"]


class TestFilesThatTheOwnCommandsLeaveOut:
    """A file that the project's own commands don't run, and that can't be imported, says nothing about a change."""

    NEEDY = "import a_package_that_nobody_declares\n\n\ndef test_more():\n    pass\n"
    FINE = "def test_it():\n    pass\n"

    @pytest.mark.parametrize(
        ("command", "path", "code"),
        [
            ("cd tests && pytest -q --cov thing", "extra/test_more.py", 0),
            ("pytest tests", "extra/test_more.py", 0),
            ("pytest tests", "tests/test_more.py", 3),
            ("pytest", "extra/test_more.py", 3),
            ("pytest --cov tests", "extra/test_more.py", 3),
        ],
    )
    def test_it_is_left_out(self, ready: Clone, command: str, path: str, code: int) -> None:
        ready.git("checkout", "-q", "main")
        makefile = f"test:\n\t{command}\n"
        commit(ready, {"Makefile": makefile, "tests/test_it.py": self.FINE, path: self.NEEDY})
        ready.git("checkout", "-q", "-B", "feature")
        commit(ready, {"tests/test_it.py": self.FINE + "    assert True\n"})
        exit_code, check = run_tests(ready)
        assert exit_code == code
        if code == 0:
            assert check["note"].startswith("1 passed")
            assert f"not run, though they look like tests: {path}" in check["note"]
