"""The hook's shell answers for an unchanged tree before Python starts; whatever has changed, Python is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.company import Clone, isolated
from support.environments import install, make_venv

POLICY = "protect: {main: {require: {checks: [lint]}}}\n"


def hook(
    clone: Clone, name: str = "pre-commit", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a hook as git does."""
    return subprocess.run(
        ["git", "hook", "run", name], cwd=clone.path, env={**isolated(clone.path.parent / "home"), **(env or {})},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@contextmanager
def without_python(clone: Clone, name: str = "pre-commit") -> Iterator[None]:
    """The hook fails where it would start Python, so one that lets a commit through has not asked it."""
    path = Path(clone.git("rev-parse", "--path-format=absolute", "--git-path", f"hooks/{name}").strip())
    before = path.read_text()
    start = '\nexec "$python" '
    assert before.count(start) == 1
    path.write_text(before.replace(start, "\nexit 97 "))
    try:
        yield
    finally:
        path.write_text(before)


def answered_by_shell(clone: Clone, name: str = "pre-commit", env: dict[str, str] | None = None) -> bool:
    with without_python(clone, name):
        done = hook(clone, name, env)
    assert done.returncode in {0, 97}, done.stderr
    return done.returncode == 0


def until_noted(clone: Clone) -> None:
    """What has changed in the last two seconds might change again unseen, so the first pass may leave no note."""
    for _ in range(50):
        done = hook(clone)
        assert done.returncode == 0, done.stderr
        if answered_by_shell(clone):
            return
    pytest.fail("no note was left")


@pytest.fixture(scope="module")
def noted_template(project_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A project with an environment of its own and a change in the index, and a folder that the environment names."""
    folder = tmp_path_factory.mktemp("quick")
    (folder / "home").mkdir()
    (folder / "beside").mkdir()
    (folder / "beside" / "helper.py").write_text("x = 1\n")
    shutil.copytree(project_template, folder / "project", symlinks=True)
    clone = Clone(folder / "project", "ada", folder)
    site = make_venv(clone.path / ".venv", {"thing": "1.0"})
    (site / "beside.pth").write_text(f"{folder / 'beside'}\n")
    make_venv(folder / "other")
    (folder / "included").write_text("[user]\n\tname = ada\n")
    clone.git("config", "include.path", str(folder / "included"))
    clone.write({"gate.yaml": POLICY, ".gitignore": ".venv\n"})
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "Policy")
    clone.git("checkout", "-q", "-b", "feature")
    clone.write({"good.py": "x = 1\n"})
    clone.git("add", "-A")
    assert clone.gate("install").code == 0
    return clone


@pytest.fixture
def noted(noted_template: Clone) -> Clone:
    """The project, with a note that holds."""
    until_noted(noted_template)
    return noted_template


pytestmark = pytest.mark.slow


def test_an_unchanged_tree_is_let_through_without_python(noted: Clone) -> None:
    assert answered_by_shell(noted)
    assert answered_by_shell(noted, "pre-merge-commit")


def test_an_index_written_anew_with_the_same_content_is_still_the_same_tree(noted: Clone) -> None:
    index = noted.path / ".git" / "index"
    before = index.stat().st_ino, index.stat().st_ctime_ns
    noted.git("rm", "-q", "--cached", "good.py")
    noted.git("add", "good.py")
    assert (index.stat().st_ino, index.stat().st_ctime_ns) != before
    assert answered_by_shell(noted)
    other = noted.path / ".git" / "other-index"
    shutil.copyfile(index, other)
    assert answered_by_shell(noted, env={"GIT_INDEX_FILE": str(other)})


def package(clone: Clone) -> Iterator[None]:
    site = next((clone.path / ".venv").glob("lib/python*/site-packages"))
    install(site, "more", "1.0")
    yield
    shutil.rmtree(site / "more")
    shutil.rmtree(site / "more-1.0.dist-info")


def interpreter(clone: Clone) -> Iterator[None]:
    """Another program in its place, older than the note."""
    python = clone.path / ".venv" / "bin" / "python"
    before = python.readlink()
    python.unlink()
    python.symlink_to("/bin/sh")
    yield
    python.unlink()
    python.symlink_to(before)


def environment(clone: Clone) -> Iterator[None]:
    """Another environment in its place, older than the note."""
    (clone.path / ".venv").rename(clone.path.parent / "away")
    (clone.path.parent / "other").rename(clone.path / ".venv")
    yield
    (clone.path / ".venv").rename(clone.path.parent / "other")
    (clone.path.parent / "away").rename(clone.path / ".venv")


def source_beside(clone: Clone) -> Iterator[None]:
    """Written in place, its size as before, and its time set back."""
    path = clone.path.parent / "beside" / "helper.py"
    status = path.stat()
    path.write_text("x = 2\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    yield
    path.write_text("x = 1\n")


def source_more(clone: Clone) -> Iterator[None]:
    path = clone.path.parent / "beside" / "json.py"
    path.write_text("")
    yield
    path.unlink()


def policy_at_base(clone: Clone) -> Iterator[None]:
    before = clone.git("rev-parse", "main")
    tree = clone.git("rev-parse", "main^{tree}")
    clone.git("update-ref", "refs/heads/main", clone.git("commit-tree", tree, "-p", "main", "-m", "Another"))
    yield
    clone.git("update-ref", "refs/heads/main", before)


def base_elsewhere(clone: Clone) -> Iterator[None]:
    clone.git("update-ref", "refs/remotes/origin/main", "main")
    yield
    clone.git("update-ref", "-d", "refs/remotes/origin/main")


def log(clone: Clone) -> Iterator[None]:
    clone.git("update-ref", "refs/gate/log", "HEAD")
    yield
    clone.git("update-ref", "-d", "refs/gate/log")


def packed(clone: Clone) -> Iterator[None]:
    clone.git("pack-refs", "--all")
    yield


def head(clone: Clone) -> Iterator[None]:
    clone.git("symbolic-ref", "HEAD", "refs/heads/main")
    yield
    clone.git("symbolic-ref", "HEAD", "refs/heads/feature")


def commit(clone: Clone) -> Iterator[None]:
    before = clone.git("rev-parse", "HEAD")
    clone.git("commit", "-q", "--no-verify", "-m", "Good")
    yield
    clone.git("reset", "-q", "--soft", before)


def merge(clone: Clone) -> Iterator[None]:
    path = clone.path / ".git" / "MERGE_HEAD"
    path.write_text(clone.git("rev-parse", "main") + "\n")
    yield
    path.unlink()


def staged(clone: Clone) -> Iterator[None]:
    clone.write({"good.py": "x = 2\n"})
    clone.git("add", "good.py")
    yield
    clone.write({"good.py": "x = 1\n"})
    clone.git("add", "good.py")


def conflict(clone: Clone) -> Iterator[None]:
    oid = clone.git("rev-parse", ":good.py")
    lines = "".join(f"100644 {oid} {stage}\tbad.py\n" for stage in (1, 2, 3))
    clone.git("update-index", "--index-info", stdin=lines.encode())
    yield
    clone.git("rm", "-q", "--cached", "bad.py")


def settings(clone: Clone) -> Iterator[None]:
    clone.git("config", "core.abbrev", "12")
    yield
    clone.git("config", "--unset", "core.abbrev")


def included_settings(clone: Clone) -> Iterator[None]:
    """A file that git's settings include, as people do to have another address at work."""
    path = clone.path.parent / "included"
    path.write_text("[core]\n")
    yield
    path.write_text("[user]\n\tname = ada\n")


def own_settings(clone: Clone) -> Iterator[None]:
    path = clone.path.parent / "home" / ".gitconfig"
    path.write_text("[core]\n")
    yield
    path.unlink()


@pytest.mark.parametrize(
    "happens",
    [
        package, interpreter, environment, source_beside, source_more, policy_at_base, base_elsewhere, log, packed,
        head, commit, merge, staged, conflict, settings, included_settings, own_settings,
    ],
    ids=lambda one: one.__name__,
)  # fmt: skip
def test_what_has_changed_is_asked_of_python(
    noted: Clone, happens: Callable[[Clone], Iterator[None]]
) -> None:
    course = happens(noted)
    next(course)
    try:
        assert not answered_by_shell(noted)
    finally:
        next(course, None)


@pytest.mark.parametrize(
    "env",
    [
        {"PATH": f"/nowhere:{os.environ['PATH']}"},
        {"VIRTUAL_ENV": "/nowhere"},
        {"PYTHONPATH": "/nowhere"},
        {"LANG": "de_DE.UTF-8"},
        {"HOME": "/nowhere"},
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.abbrev", "GIT_CONFIG_VALUE_0": "9"},
    ],
    ids=lambda one: next(iter(one)),
)
def test_another_environment_is_another_question(noted: Clone, env: dict[str, str]) -> None:
    assert not answered_by_shell(noted, env=env)


def test_a_note_that_is_cut_short_says_nothing(noted: Clone) -> None:
    note = noted.path / ".git" / "gate" / "passed"
    whole = note.read_bytes()
    cuts = {*range(0, len(whole), max(len(whole) // 60, 1)), *range(len(whole) - 200, len(whole) - 1)}
    script = 'python=$1; answer=; command . "$2" 2>/dev/null; echo "said $answer"'
    cut = noted.path.parent / "cut"
    result = set()
    for length in sorted(cuts):
        cut.write_bytes(whole[:length])
        done = subprocess.run(
            ["sh", "-c", script, "sh", sys.executable, str(cut)], cwd=noted.path,
            env=isolated(noted.path.parent / "home"), capture_output=True, text=True, check=False,
        )  # fmt: skip
        result.add(done.stdout)
    assert result == {"said \n"}


def test_a_damaged_note_is_as_if_it_were_not_there(noted: Clone) -> None:
    note = noted.path / ".git" / "gate" / "passed"
    note.write_bytes(note.read_bytes()[:-20])
    assert hook(noted).returncode == 0
    assert answered_by_shell(noted)


def test_a_commit_that_is_blocked_leaves_no_note(noted: Clone) -> None:
    noted.write({"good.py": "import os\n"})
    noted.git("add", "good.py")
    try:
        for _ in range(2):
            assert "F401" in hook(noted).stderr
    finally:
        noted.write({"good.py": "x = 1\n"})
        noted.git("add", "good.py")


def test_another_python_in_the_hook_is_asked(noted: Clone) -> None:
    path = noted.path / ".git" / "hooks" / "pre-commit"
    before = path.read_text()
    path.write_text(before.replace(sys.executable, "/bin/false"))
    try:
        assert not answered_by_shell(noted)
    finally:
        path.write_text(before)


def test_a_linked_worktree_has_a_note_of_its_own(noted: Clone) -> None:
    linked = Clone(noted.path.parent / "linked", "ada", noted.keys)
    noted.git("worktree", "add", "-q", "-b", "side", str(linked.path), "main")
    linked.write({"bad.py": "import os\n"})
    linked.git("add", "-A")
    assert not answered_by_shell(linked)
    assert "F401" in hook(linked).stderr
    linked.write({"bad.py": "y = 1\n"})
    linked.git("add", "-A")
    until_noted(linked)
    assert answered_by_shell(noted)


def test_a_commit_with_all_files_goes_through_the_shell_as_well(noted: Clone) -> None:
    with without_python(noted):
        done = subprocess.run(
            ["git", "commit", "-q", "-a", "-m", "Good"], cwd=noted.path,
            env=isolated(noted.path.parent / "home"), capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    noted.git("reset", "-q", "--soft", "HEAD^")
