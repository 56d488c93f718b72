"""Byte code that gate compiles for the tree that tests run in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.company import Clone

from gate.git.objects import Entry
from gate.runner.bytecode import Interpreter, lent_bytecode

PYTHON = Interpreter(sys.executable, "this one", "", dict(os.environ))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "tests").mkdir(parents=True)
    (root / "module.py").write_text("def answer():\n    return 42\n")
    (root / "tests" / "test_it.py").write_text("def test_it():\n    left = 1\n    assert left == 2\n")
    return root


def entries(root: Path) -> tuple[Entry, ...]:
    """What git would say of the tree, with a name for each content that is as good as git's."""
    files = sorted(path for path in root.rglob("*.py") if path.is_file())
    return tuple(Entry(str(path.relative_to(root)), "100644", path.read_bytes().hex()) for path in files)


def compile_all(root: Path, state: Path) -> None:
    """The first run, and another that lasts until everything is compiled."""
    for _ in range(2):
        with lent_bytecode(root, entries(root), PYTHON, state, 60) as compiler:
            if compiler:
                compiler.join()


def names_in(root: Path) -> list[str]:
    """The names, without the part about the interpreter, of the files of byte code in the tree."""
    return sorted(path.name.partition(".")[0] for path in root.rglob("__pycache__/*"))


def test_the_first_run_compiles_nothing_ahead_since_it_may_be_the_only_one(
    tree: Path, tmp_path: Path
) -> None:
    with lent_bytecode(tree, entries(tree), PYTHON, tmp_path / "state", 60) as compiler:
        assert compiler is None
    with lent_bytecode(tree, entries(tree), PYTHON, tmp_path / "state", 60) as compiler:
        assert compiler is not None


@pytest.mark.slow
def test_what_was_compiled_in_one_run_is_there_in_the_next(tree: Path, tmp_path: Path) -> None:
    compile_all(tree, tmp_path / "state")
    assert names_in(tree) == []
    with lent_bytecode(tree, entries(tree), PYTHON, tmp_path / "state", 60) as compiler:
        assert compiler is None
        result = subprocess.run(
            [sys.executable, "-v", "-c", "import module"], cwd=tree, capture_output=True, text=True
        )
        assert "code object from" in result.stderr
        assert f"matches {tree}/module.py" in result.stderr, result.stderr


@pytest.mark.slow
def test_asserts_in_tests_are_rewritten_and_pytest_takes_them(tree: Path, tmp_path: Path) -> None:
    compile_all(tree, tmp_path / "state")
    with lent_bytecode(tree, entries(tree), PYTHON, tmp_path / "state", 60):
        argv = [sys.executable, "-m", "pytest", "--debug", "-p", "no:cacheprovider", "tests"]
        result = subprocess.run(argv, cwd=tree, capture_output=True, text=True)
    assert "assert 1 == 2" in result.stdout
    assert "found cached rewritten pyc" in (tree / "pytestdebug.log").read_text()


@pytest.mark.slow
def test_another_content_is_compiled_anew(tree: Path, tmp_path: Path) -> None:
    compile_all(tree, tmp_path / "state")
    (tree / "module.py").write_text("def answer():\n    return 43\n")
    with lent_bytecode(tree, entries(tree), PYTHON, tmp_path / "state", 60) as compiler:
        assert compiler is not None
        assert names_in(tree) == ["test_it"]


@pytest.mark.slow
def test_damaged_byte_code_in_the_cache_is_ignored(tree: Path, tmp_path: Path) -> None:
    compile_all(tree, tmp_path / "state")
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-7])
    with lent_bytecode(tree, entries(tree), PYTHON, tmp_path / "state", 60):
        assert names_in(tree) == []


@pytest.mark.slow
@pytest.mark.parametrize("source", ["x = 1 is 1\n", "x = '\\d'\n", "def f(:\n"])
def test_what_the_compiler_warns_of_is_left_to_the_import(tree: Path, tmp_path: Path, source: str) -> None:
    (tree / "module.py").write_text(source)
    compile_all(tree, tmp_path / "state")
    with lent_bytecode(tree, entries(tree), PYTHON, tmp_path / "state", 60):
        assert names_in(tree) == ["test_it"]


@pytest.mark.slow
def test_a_link_in_the_place_of_the_folder_is_not_followed(tree: Path, tmp_path: Path) -> None:
    compile_all(tree, tmp_path / "state")
    (tmp_path / "elsewhere").mkdir()
    (tree / "__pycache__").symlink_to(tmp_path / "elsewhere")
    with lent_bytecode(tree, entries(tree), PYTHON, tmp_path / "state", 60):
        assert list((tmp_path / "elsewhere").iterdir()) == []


POISON = """\
import importlib.util, marshal, pathlib
def test_it():
    for name, text in (("app", "def ok(): return True"), ("test_app", "def test_ok(): pass")):
        for source in pathlib.Path(__file__).parent.glob(name + ".py"):
            for tail in (".cpython-%d%d.pyc", ".cpython-%d%d-pytest-" + __import__("pytest").__version__ + ".pyc"):
                import sys
                kept = source.parent / "__pycache__" / (name + tail % sys.version_info[:2])
                kept.parent.mkdir(exist_ok=True)
                later = b"def ok():\\n    return False\\n" if name == "app" else source.read_bytes()
                known = importlib.util.source_hash(later)
                code = marshal.dumps(compile(text, str(source), "exec"))
                kept.write_bytes(importlib.util.MAGIC_NUMBER + b"\\3\\0\\0\\0" + known + code)
"""


@pytest.mark.slow
def test_byte_code_that_a_test_leaves_does_not_reach_the_next_run(project: Clone) -> None:
    test = "from app import ok\n\ndef test_ok():\n    assert ok()\n"
    project.write({"app.py": "def ok():\n    return True\n", "test_app.py": test, "test_poison.py": POISON})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Leave byte code for a later app.py")
    assert "tests passed" in project.gate("check", "--only", "tests").text
    project.write({"app.py": "def ok():\n    return bool(1)\n"})
    project.git("commit", "-qam", "Compile ahead as well")
    assert "tests passed" in project.gate("check", "--only", "tests").text
    project.write({"app.py": "def ok():\n    return False\n"})
    project.git("rm", "-q", "test_poison.py")
    project.git("commit", "-qam", "Break it")
    result = project.gate("check", "--only", "tests")
    assert result.code == 1, result.text
    assert "test_ok" in result.text
