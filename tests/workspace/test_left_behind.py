"""What code that ran in the tree may leave behind: none of it is there the next time, and nothing else is hurt."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.company import Clone, isolated

from gate.git.repository import Repository
from gate.workspace import UNUSED_FOR, Workspace

PRECIOUS = "somebody's work\n"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in isolated(tmp_path / "home").items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def repository(project: Clone) -> Repository:
    head = project.git("rev-parse", "HEAD")
    project.write({"pkg/mod.py": "y = 1\n", "pkg/deep/mod.py": "z = 1\n"})
    project.git("add", "-A")
    project.git("update-index", "--add", "--cacheinfo", f"160000,{head},module")
    project.git("commit", "-q", "-m", "Files")
    return Repository.find(project.path)


def checked_out(repository: Repository) -> Path:
    tree = repository.text("rev-parse", "HEAD^{tree}")
    with Workspace(repository).tree(tree) as checked:
        return checked.path


def everything(folder: Path) -> dict[str, str]:
    """What is in the folder, its own git file aside: empty folders and odd files too."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_text()
        elif not path.is_dir():
            found[name] = "odd"
        elif not any(path.iterdir()):
            found[name] = "empty"
    return {name: what for name, what in found.items() if name != ".git"}


def git_init(folder: Path) -> None:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)


def fill_a_submodule(folder: Path) -> None:
    (folder / "module" / "conftest.py").write_text("boom")


def swap_a_submodule_for_a_link(folder: Path) -> None:
    (folder / "module").rmdir()
    (folder / "module").symlink_to("pkg")


def swap_a_folder_for_a_link(folder: Path) -> None:
    (folder / "pkg").rename(folder.parent / "elsewhere")
    (folder / "pkg").symlink_to(folder.parent / "elsewhere")


def swap_a_file_for_a_folder(folder: Path) -> None:
    (folder / "app.py").unlink()
    (folder / "app.py").mkdir()
    (folder / "app.py" / "left.py").write_text("boom")


def make_a_repository_of_a_folder(folder: Path) -> None:
    git_init(folder / "pkg")
    (folder / "pkg" / "left.py").write_text("boom")


def make_a_repository_of_a_submodule(folder: Path) -> None:
    git_init(folder / "module")
    (folder / "module" / "left.py").write_text("boom")


def lay_a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


def make_empty_folders(folder: Path) -> None:
    (folder / "a" / "b" / "c").mkdir(parents=True)


def lock_folders_in_folders(folder: Path) -> None:
    deep = folder / "x" / "y"
    deep.mkdir(parents=True)
    (deep / "left.py").write_text("boom")
    for locked in (deep, deep.parent, folder / "pkg"):
        locked.chmod(0)


def put_a_folder_for_the_lock(folder: Path) -> None:
    folder.with_name(f"{folder.name}.index.lock").mkdir()


@pytest.mark.parametrize(
    "leave",
    [
        fill_a_submodule, swap_a_submodule_for_a_link, swap_a_folder_for_a_link, swap_a_file_for_a_folder,
        make_a_repository_of_a_folder, make_a_repository_of_a_submodule, lay_a_pipe, make_empty_folders,
        lock_folders_in_folders, put_a_folder_for_the_lock,
    ],
    ids=lambda one: one.__name__,
)  # fmt: skip
def test_it_is_gone_the_next_time(repository: Repository, leave: Callable[[Path], None]) -> None:
    folder = checked_out(repository)
    before = everything(folder)
    assert before["module"] == "empty"
    leave(folder)
    assert everything(checked_out(repository)) == before


def test_commits_tags_and_settings_made_inside_are_gone_the_next_time(repository: Repository) -> None:
    folder = checked_out(repository)

    def inside(*args: str) -> str:
        return subprocess.run(["git", *args], cwd=folder, capture_output=True, text=True, check=True).stdout

    head = inside("rev-parse", "HEAD")
    inside("commit", "-q", "--allow-empty", "-m", "inside")
    inside("tag", "v9")
    inside("config", "core.worktree", "/")
    (folder.with_name(f"{folder.name}.git") / "hooks").mkdir(exist_ok=True)
    checked_out(repository)
    assert inside("tag") == ""
    assert inside("rev-parse", "HEAD") == head
    assert inside("status", "--short", "--ignored") == ""
    assert not (folder.with_name(f"{folder.name}.git") / "hooks").exists()


def test_a_link_in_place_of_the_tree_leads_nobody_to_what_it_names(
    repository: Repository, tmp_path: Path
) -> None:
    folder = checked_out(repository)
    before = everything(folder)
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "app.py").write_text(PRECIOUS)
    (victim / "untracked.txt").write_text(PRECIOUS)
    shutil.rmtree(folder)
    folder.symlink_to(victim)
    assert everything(checked_out(repository)) == before
    assert everything(victim) == {"app.py": PRECIOUS, "untracked.txt": PRECIOUS}


@pytest.mark.parametrize(
    "name",
    [
        "head-0.git/config", "head-0.git/HEAD", "head-0.git/index", "head-0.filters",
        "head-0.git/objects/info/alternates", "head-0.index", "head-0/.git",
    ],
)  # fmt: skip
def test_a_link_in_place_of_a_file_of_gates_is_not_written_through(
    repository: Repository, tmp_path: Path, name: str
) -> None:
    folder = checked_out(repository)
    before = everything(folder)
    victim = tmp_path / "victim"
    victim.write_text(PRECIOUS)
    (folder.parent / name).unlink()
    (folder.parent / name).symlink_to(victim)
    assert everything(checked_out(repository)) == before
    assert victim.read_text() == PRECIOUS


def test_a_link_in_place_of_the_git_folder_is_not_written_through(
    repository: Repository, tmp_path: Path
) -> None:
    folder = checked_out(repository)
    victim = tmp_path / "victim"
    git_init(victim)
    before = everything(victim)
    git_dir = folder.with_name(f"{folder.name}.git")
    shutil.rmtree(git_dir)
    git_dir.symlink_to(victim / ".git")
    checked_out(repository)
    assert everything(victim) == before


def test_threads_that_ask_at_once_get_one_tree(repository: Repository) -> None:
    tree = repository.text("rev-parse", "HEAD^{tree}")
    with Workspace(repository).tree(tree) as checked, ThreadPoolExecutor(4) as pool:
        found = {future.result() for future in [pool.submit(lambda: checked.path) for _ in range(8)]}
    assert len(found) == 1


def test_a_tree_that_nobody_used_for_long_is_removed_unless_a_run_holds_it(repository: Repository) -> None:
    tree = repository.text("rev-parse", "HEAD^{tree}")
    workspace = Workspace(repository)
    long_ago = time.time() - UNUSED_FOR - 60
    with workspace.tree(tree, role="base") as held, workspace.tree(tree, role="old") as unused:
        folders = held.path, unused.path
    for folder in folders:
        os.utime(folder.with_name(f"{folder.name}.lock"), (long_ago, long_ago))
    with workspace.tree(tree, role="base") as held:
        assert held.path == folders[0]
        os.utime(held.path.with_name(f"{held.path.name}.lock"), (long_ago, long_ago))
        checked_out(repository)
        assert (held.path / "app.py").exists()
    assert not folders[1].exists()
    assert checked_out(repository).exists()


def test_a_repository_of_long_object_names_has_trees_too(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "long", "ada", tmp_path)
    clone.path.mkdir()
    clone.git("init", "-q", "-b", "main", "--object-format", "sha256")
    clone.write({"app.py": "x = 1\n"})
    clone.git("add", "-A")
    clone.git("-c", "user.name=Ada", "-c", "user.email=ada@acme.example", "commit", "-q", "-m", "First")
    assert everything(checked_out(Repository.find(clone.path))) == {"app.py": "x = 1\n"}
