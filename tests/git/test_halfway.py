"""What a fast-forward that was ended half-way leaves in the working tree, and that it is put back."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.company import Clone

from gate.errors import CannotDecide, UsageError
from gate.git.interrupted_merge import NOTE, note, put_back
from gate.git.repository import Repository

OLD = {"app.py": "import json\n\n\ndef read(text):\n    return json.loads(text)\n", "gone.py": "g = 1\n"}
NEW = {"app.py": "import json\n\n\nread = json.loads\n", "sub/new.py": "n = 1\n"}


@pytest.fixture
def tree(project: Clone) -> Repository:
    """main, clean at the old commit; a move to the new one has been noted."""
    project.commit("old", {"gone.py": OLD["gone.py"]}, push=False)
    old = project.git("rev-parse", "HEAD")
    project.git("rm", "-q", "gone.py")
    project.commit("new", NEW, push=False)
    new = project.git("rev-parse", "HEAD")
    project.git("reset", "-q", "--hard", old)
    found = Repository.find(project.path)
    note(found, "refs/heads/main", old, new)
    project.git("update-ref", "refs/keep/new", new)
    return found


def as_before(project: Clone) -> bool:
    return project.git("status", "--porcelain", "--ignored") == "" and not noted(project)


def noted(project: Clone) -> bool:
    return (project.path / ".git" / NOTE).exists()


def test_nothing_had_happened(project: Clone, tree: Repository) -> None:
    put_back(tree)
    assert as_before(project)
    put_back(tree)


@pytest.mark.parametrize(
    "files",
    [
        {"app.py": NEW["app.py"]},
        {"app.py": NEW["app.py"][:17]},
        {"app.py": OLD["app.py"][:30]},
        {"app.py": ""},
        {"app.py": None, "gone.py": None},
        {"sub/new.py": NEW["sub/new.py"]},
        {"sub/new.py": ""},
        {"app.py": NEW["app.py"], "gone.py": None, "sub/new.py": NEW["sub/new.py"]},
    ],
    ids=["one", "half", "half put back", "empty", "removed", "added", "added empty", "all"],
)
def test_files_that_were_moved(project: Clone, tree: Repository, files: dict[str, str | None]) -> None:
    for name, text in files.items():
        if text is None:
            (project.path / name).unlink()
        else:
            project.write({name: text})
    put_back(tree)
    assert as_before(project)


def test_the_index_was_moved_too(project: Clone, tree: Repository) -> None:
    project.git("read-tree", "-u", "--reset", "refs/keep/new")
    put_back(tree)
    assert as_before(project)


def test_what_was_changed_since_is_left_alone(project: Clone, tree: Repository) -> None:
    project.write({"app.py": "mine\n", "sub/new.py": NEW["sub/new.py"]})
    with pytest.raises(UsageError, match=r"app\.py has been changed since") as raised:
        put_back(tree)
    assert "git checkout" in raised.value.hint
    assert (project.path / "app.py").read_text() == "mine\n"
    assert noted(project)
    project.git("checkout", "HEAD", "--", "app.py")
    put_back(tree)
    assert as_before(project)


def test_other_work_is_left_alone(project: Clone, tree: Repository) -> None:
    project.write({"app.py": NEW["app.py"], "notes.txt": "mine\n", "staged.py": "s = 1\n"})
    project.git("add", "staged.py")
    put_back(tree)
    assert project.git("status", "--porcelain").splitlines() == ["A  staged.py", "?? notes.txt"]


@pytest.mark.parametrize("where", ["at the new commit", "on another branch"])
def test_a_move_that_is_over(project: Clone, tree: Repository, where: str) -> None:
    if where == "on another branch":
        project.git("checkout", "-q", "-b", "other")
    else:
        project.git("reset", "-q", "--hard", "refs/keep/new")
    project.write({"app.py": "mine\n"})
    put_back(tree)
    assert (project.path / "app.py").read_text() == "mine\n"
    assert not noted(project)


def test_a_lock_in_the_way_is_named(project: Clone, tree: Repository) -> None:
    lock = Path(project.path / ".git/index.lock")
    lock.touch()
    project.write({"app.py": NEW["app.py"]})
    with pytest.raises(CannotDecide) as raised:
        put_back(tree)
    assert raised.value.hint.endswith(f"remove the stale lock {lock}")
    lock.unlink()
    put_back(tree)
    assert as_before(project)
