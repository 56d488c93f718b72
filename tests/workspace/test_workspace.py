"""The tree that is checked: exactly the content of git's tree, whatever was done to the folder before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.company import Clone, isolated
from support.waiting import alive, until

from gate.errors import CannotDecide
from gate.git.repository import Repository
from gate.workspace import Workspace

FILES: dict[str, str | bytes] = {
    "app.py": "x = 1\n",
    "pkg/__init__.py": "",
    "pkg/mod.py": "y = 1\n",
    "crlf.txt": b"a\r\nb\r\n",
    "raw.bin": b"\x00\xff",
    ".gitattributes": "*.txt text eol=lf\n*.bin filter=broken\n",
    ".gitignore": "ignored/\n",
}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in isolated(tmp_path / "home").items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def repository(project: Clone) -> Repository:
    project.git("config", "core.autocrlf", "false")
    project.write(FILES)
    (project.path / "run.sh").write_text("#!/bin/sh\n")
    (project.path / "run.sh").chmod(0o755)
    (project.path / "link").symlink_to("app.py")
    project.git("add", "-A", "--", ".gitattributes")
    for name in [*FILES, "run.sh", "link"]:
        oid = ""
        if not (project.path / name).is_symlink():
            oid = project.git("hash-object", "-w", "--no-filters", name)
            mode = "100755" if name == "run.sh" else "100644"
            project.git("update-index", "--add", "--cacheinfo", f"{mode},{oid},{name}")
    project.git("add", "link")
    project.git("commit", "-q", "-m", "Files")
    return Repository.find(project.path)


def tree_of(repository: Repository, revision: str = "HEAD") -> str:
    return repository.text("rev-parse", f"{revision}^{{tree}}")


def checked_out(repository: Repository, revision: str = "HEAD") -> Path:
    with Workspace(repository).tree(tree_of(repository, revision)) as checked:
        return checked.path


def content(folder: Path) -> dict[str, bytes | str]:
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name == ".git":
            continue
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def test_the_content_is_that_of_the_blobs(repository: Repository) -> None:
    folder = checked_out(repository)
    found = content(folder)
    for name, data in FILES.items():
        assert found[name] == (data.encode() if isinstance(data, str) else data)
    assert found["link"] == "-> app.py"
    assert os.access(folder / "run.sh", os.X_OK)


def edit_keeping_time_and_size(folder: Path) -> None:
    path = folder / "app.py"
    status = path.stat()
    path.write_text("x = 2\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def swap_for_a_link(folder: Path) -> None:
    (folder / "app.py").unlink()
    (folder / "app.py").symlink_to("/etc/passwd")


def plant_code(folder: Path) -> None:
    cache = folder / "pkg" / "__pycache__"
    cache.mkdir()
    (cache / "mod.cpython-311.pyc").write_bytes(b"poison")
    (folder / "conftest.py").write_text("boom")
    (folder / "ignored").mkdir()
    (folder / "ignored" / "left.py").write_text("boom")


def lock_a_folder(folder: Path) -> None:
    (folder / "pkg" / "left.py").write_text("boom")
    (folder / "pkg").chmod(0o500)


def nest_a_repository(folder: Path) -> None:
    subprocess.run(["git", "init", "-q", str(folder / "inner")], check=True)
    (folder / "inner" / "left.py").write_text("boom")


def point_git_elsewhere(folder: Path) -> None:
    (folder / ".git").write_text("gitdir: /nowhere\n")


def replace_git(folder: Path) -> None:
    (folder / ".git").unlink()
    subprocess.run(["git", "init", "-q", str(folder)], check=True)


def hide_from_the_index(folder: Path) -> None:
    subprocess.run(["git", "update-index", "--assume-unchanged", "app.py"], cwd=folder, check=True)
    subprocess.run(["git", "update-index", "--skip-worktree", "pkg/mod.py"], cwd=folder, check=True)
    (folder / "app.py").write_text("x = 3\n")
    (folder / "pkg" / "mod.py").write_text("boom = 3\n")


def drop_everything(folder: Path) -> None:
    shutil.rmtree(folder)


def break_the_git_folder(folder: Path) -> None:
    git_dir = folder.with_name(f"{folder.name}.git")
    (git_dir / "config").write_text("nonsense [")
    (git_dir / "HEAD").write_text("?")
    folder.with_name(f"{folder.name}.index").write_bytes(b"nonsense")


TAMPERING: list[Callable[[Path], None]] = [
    edit_keeping_time_and_size, swap_for_a_link, plant_code, lock_a_folder, nest_a_repository, replace_git,
    point_git_elsewhere, hide_from_the_index, drop_everything, break_the_git_folder,
]  # fmt: skip


@pytest.mark.parametrize("tamper", TAMPERING, ids=lambda one: one.__name__)
def test_nothing_is_left_over(repository: Repository, tamper: Callable[[Path], None]) -> None:
    folder = checked_out(repository)
    before = content(folder)
    tamper(folder)
    assert checked_out(repository) == folder
    assert content(folder) == before


def test_moving_writes_only_what_differs(repository: Repository, project: Clone) -> None:
    folder = checked_out(repository)
    untouched = (folder / "pkg" / "mod.py").stat().st_mtime_ns
    project.write({"app.py": "x = 9\n"})
    project.git("commit", "-q", "-a", "-m", "Nine")
    checked_out(repository)
    assert (folder / "app.py").read_text() == "x = 9\n"
    assert (folder / "pkg" / "mod.py").stat().st_mtime_ns == untouched


def test_files_of_two_trees_in_one_second_are_distinguished(repository: Repository, project: Clone) -> None:
    folder = checked_out(repository)
    project.write({"app.py": "x = 9\n"})
    (project.path / "link").unlink()
    project.git("commit", "-q", "-a", "-m", "Nine")
    # As if all of it was written in the second that is now.
    index = folder.with_name(f"{folder.name}.index")
    os.utime(index, (time.time() + 600,) * 2)
    checked_out(repository)
    assert (folder / "app.py").stat().st_mtime < 1_200_000_000 < (folder / "pkg" / "mod.py").stat().st_mtime


def test_git_inside_the_tree_sees_a_repository_of_its_own(repository: Repository, project: Clone) -> None:
    folder = checked_out(repository)
    before = project.git("for-each-ref")

    def inside(*args: str) -> str:
        return subprocess.run(["git", *args], cwd=folder, capture_output=True, text=True, check=True).stdout

    assert "app.py" in inside("ls-files")
    # In a clone, too, git would store this file with other line ends than it has.
    assert inside("status", "--short") in {"", " M crlf.txt\n"}
    inside("commit", "-q", "--allow-empty", "-m", "inside")
    inside("branch", "main")
    assert project.git("for-each-ref") == before


def test_two_at_once_have_a_tree_each(repository: Repository) -> None:
    workspace = Workspace(repository)
    with workspace.tree(tree_of(repository)) as one, workspace.tree(tree_of(repository)) as two:
        assert one.path != two.path
        assert content(one.path) == content(two.path)


def test_a_tree_that_nobody_asks_for_is_not_made(repository: Repository) -> None:
    with Workspace(repository).tree(tree_of(repository)):
        pass
    assert not (repository.state_dir / "trees").exists()


def test_linked_worktrees_and_bare_repositories_have_trees_too(
    repository: Repository, project: Clone, tmp_path: Path
) -> None:
    project.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = Repository.find(tmp_path / "linked")
    assert checked_out(linked).is_relative_to(project.path / ".git")
    project.git("clone", "-q", "--bare", str(project.path), str(tmp_path / "bare.git"))
    assert (checked_out(Repository.find(tmp_path / "bare.git")) / "app.py").is_file()


@pytest.mark.parametrize("name", [b"no \xff utf-8", b"two\nlines", b'"quoted" \\', b"# hash\n"])
def test_a_repository_may_be_in_a_folder_of_any_name(
    repository: Repository, project: Clone, tmp_path: Path, name: bytes
) -> None:
    assert repository.work_tree
    odd = tmp_path / os.fsdecode(name)
    shutil.copytree(project.path, odd, symlinks=True)
    folder = checked_out(Repository.find(odd))
    assert content(folder)["pkg/mod.py"] == b"y = 1\n"
    asked = ["git", "-C", os.fspath(folder), "show", "HEAD:app.py"]
    assert subprocess.run(asked, capture_output=True, check=True).stdout == b"x = 1\n"


def test_a_submodule_is_an_empty_folder(repository: Repository, project: Clone) -> None:
    head = project.git("rev-parse", "HEAD")
    project.git("update-index", "--add", "--cacheinfo", f"160000,{head},module")
    project.git("commit", "-q", "-m", "Submodule")
    folder = checked_out(repository)
    assert (folder / "module").is_dir()
    assert not any((folder / "module").iterdir())
    checked_out(repository)


def test_a_git_folder_that_cannot_be_written_is_reported_in_a_sentence(repository: Repository) -> None:
    # A file in place of the folder: permissions alone would not stop a test that runs as root.
    (repository.state_dir).mkdir(exist_ok=True)
    (repository.state_dir / "trees").write_text("")
    with pytest.raises(CannotDecide, match="cannot write"):
        checked_out(repository)


KILLED = """
import sys
from pathlib import Path
from gate.git.repository import Repository
from gate.workspace import Workspace
repository = Repository.find(Path(sys.argv[1]))
while True:
    for revision in ("HEAD", "HEAD~1"):
        tree = repository.text("rev-parse", revision + "^{tree}")
        with Workspace(repository).tree(tree) as checked:
            checked.path
"""


@pytest.mark.slow
def test_killed_at_any_moment_the_users_work_is_where_it_was(repository: Repository, project: Clone) -> None:
    project.write({f"many/f{n}.py": f"x = {n}\n" for n in range(300)})
    project.git("add", "-A", "many")
    project.git("commit", "-q", "-m", "Many")
    project.write({"app.py": "unstaged = 1\n", "untracked.py": "u = 1\n", "staged.py": "s = 1\n"})
    project.git("add", "staged.py")
    index = (project.path / ".git" / "index").read_bytes()
    before = content(project.path)
    for moment in range(8):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(project.path)], start_new_session=True)
        time.sleep(0.15 + moment * 0.03)  # any moment will do
        process.kill()
        process.wait()
        # A git that it has started lives on, and ends by itself.
        until(lambda group=process.pid: not alive(group))  # type: ignore[misc]  # mypy cannot infer the default
        mine = {name: data for name, data in content(project.path).items() if not name.startswith(".git/")}
        assert mine == {name: data for name, data in before.items() if not name.startswith(".git/")}
        assert (project.path / ".git" / "index").read_bytes() == index
    assert (checked_out(repository) / "many" / "f7.py").read_text() == "x = 7\n"
