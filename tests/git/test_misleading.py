"""What could make a change look like less than it is, or like another one, and what cannot be known here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.company import Clone, isolated

from gate.errors import CannotDecide, UsageError
from gate.git.change import read_change
from gate.git.repository import Repository
from gate.model import Change


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in isolated(tmp_path / "home").items():
        monkeypatch.setenv(name, value)


def change(clone: Clone, *, head: str | None = None, into: str | None = None, staged: bool = False) -> Change:
    return read_change(Repository.find(clone.path), head=head, into=into, staged=staged)


def commit(clone: Clone, files: dict[str, str | bytes] | None = None, author: str = "ada") -> str:
    clone.write(files or {})
    clone.git("add", "-A")
    who = ("-c", f"user.name={author}", "-c", f"user.email={author}@acme.example")
    clone.git(*who, "commit", "-q", "--allow-empty", "-m", "Change")
    return clone.git("rev-parse", "HEAD")


def paths(found: Change) -> list[str]:
    return [file.path for file in found.files]


def cloned(project: Clone, tmp_path: Path, *options: str) -> Clone:
    clone = Clone(tmp_path / "cloned", "ada", tmp_path)
    source = f"file://{project.path}"
    Clone(tmp_path, "ada", tmp_path).git("clone", "-q", *options, source, str(clone.path))
    return clone


def put_submodule(project: Clone, oid: str) -> None:
    project.git("update-index", "--add", "--cacheinfo", f"160000,{oid},module")
    project.git("commit", "-q", "-m", "Submodule")


@pytest.mark.parametrize("where", [".gitmodules", "settings", "submodule"])
def test_a_submodule_set_to_be_ignored_is_a_change_all_the_same(project: Clone, where: str) -> None:
    first = project.git("rev-parse", "HEAD")
    section = '[submodule "module"]\n\tpath = module\n\turl = ./module\n'
    ignored = "\tignore = all\n" if where == ".gitmodules" else ""
    second = commit(project, {".gitmodules": section + ignored})
    put_submodule(project, first)
    project.git("checkout", "-q", "-b", "feature")
    put_submodule(project, second)
    if where == "settings":
        project.git("config", "diff.ignoreSubmodules", "all")
    if where == "submodule":
        project.git("config", "submodule.module.ignore", "all")
    assert paths(change(project)) == ["module"]


def test_a_head_that_could_be_two_commits_is_refused(project: Clone) -> None:
    project.git("checkout", "-q", "-b", "feature")
    commit(project, {"new.py": ""})
    project.git("tag", "feature", "main")
    with pytest.raises(UsageError) as caught:
        change(project, head="feature")
    assert "refs/heads/feature" in caught.value.hint
    assert paths(change(project, head="refs/heads/feature")) == ["new.py"]


def test_a_tag_on_the_same_commit_is_no_doubt(project: Clone) -> None:
    project.git("checkout", "-q", "-b", "feature")
    commit(project, {"new.py": ""})
    project.git("tag", "feature")
    assert paths(change(project, head="feature")) == ["new.py"]


def test_a_branch_named_with_its_remote_gets_the_right_name(project: Clone) -> None:
    with pytest.raises(UsageError) as caught:
        change(project, into="origin/main")
    assert "--into main" in caught.value.hint


@pytest.mark.parametrize(
    "setting", ["merge.default=union", "merge.renames=false", "merge.renormalize=true", "diff.renames=false"]
)
def test_settings_of_a_user_do_not_change_the_merge(project: Clone, setting: str) -> None:
    commit(project, {"text.py": "1\n2\n3\n"})
    project.git("checkout", "-q", "-b", "feature")
    commit(project, {"text.py": "1\nb\n3\n"})
    project.git("checkout", "-q", "main")
    commit(project, {"text.py": "1\na\n3\n"})
    project.git("config", *setting.split("="))
    assert change(project, head="feature").conflicts == ("text.py",)


def test_authors_whose_commits_were_cut_off_are_missed(project: Clone, tmp_path: Path) -> None:
    # The branches met lately, so that there is a merge base; what came before on the branch is cut off.
    project.git("checkout", "-q", "-b", "feature")
    for author in ("one", "two", "three"):
        commit(project, {f"{author}.py": ""}, author)
    project.git("checkout", "-q", "main")
    commit(project, {"main.py": ""})
    project.git("checkout", "-q", "feature")
    project.git("merge", "-q", "-m", "Merge", "main")
    shallow = cloned(project, tmp_path, "--depth", "2", "--no-single-branch")
    with pytest.raises(CannotDecide) as caught:
        change(shallow, head="origin/feature", into="main")
    assert "--unshallow" in caught.value.hint
    shallow.git("fetch", "-q", "--unshallow")
    found = change(shallow, head="origin/feature", into="main")
    assert {author.name for author in found.authors} == {"one", "two", "three"}


def test_a_shallow_clone_that_has_all_of_the_change_will_do(project: Clone, tmp_path: Path) -> None:
    commit(project, {"old.py": ""})
    project.git("checkout", "-q", "-b", "feature")
    commit(project, {"new.py": ""})
    shallow = cloned(project, tmp_path, "--depth", "2", "--no-single-branch", "--branch", "main")
    assert (shallow.path / ".git" / "shallow").exists()
    assert paths(change(shallow, head="origin/feature", into="main")) == ["new.py"]


@pytest.mark.parametrize("left_out", ["tree:0", "blob:none"])
def test_what_a_partial_clone_lacks_is_reported_in_a_line(
    project: Clone, tmp_path: Path, left_out: str
) -> None:
    project.git("config", "uploadpack.allowFilter", "true")
    project.git("checkout", "-q", "-b", "feature")
    commit(project, {"pkg/new.py": "x = 1\n", "app.py": "y = 2\n"})
    partial = cloned(project, tmp_path, "--no-checkout", f"--filter={left_out}")
    project.path.rename(tmp_path / "gone")
    repository = Repository.find(partial.path)
    with pytest.raises(CannotDecide) as caught:
        repository.run(
            "cat-file", "blob", f"{change(partial, head='origin/feature', into='main').tree}:app.py"
        )
    assert "\n" not in caught.value.message
    assert "--filter" in caught.value.hint


def test_the_first_commit_is_compared_with_nothing(project: Clone, tmp_path: Path) -> None:
    fresh = Clone(tmp_path / "fresh", "ada", tmp_path)
    fresh.path.mkdir()
    fresh.git("init", "-q", "-b", "trunk")
    fresh.write({"app.py": "x = 1\n"})
    fresh.git("add", "-A")
    found = change(fresh, staged=True)
    assert (found.into, paths(found), found.merge_blocker) == ("refs/heads/trunk", ["app.py"], "")
    assert found.tree == fresh.git("write-tree")
    assert change(fresh, staged=True).base == found.base
    with pytest.raises(UsageError):
        change(fresh)


def test_an_orphan_branch_has_nothing_in_common_with_the_base(project: Clone) -> None:
    project.git("checkout", "-q", "--orphan", "new")
    assert "unrelated" in change(project, staged=True).merge_blocker


def test_a_bare_repository_has_no_index(project: Clone, tmp_path: Path) -> None:
    bare = cloned(project, tmp_path, "--bare")
    with pytest.raises(UsageError, match="no index"):
        change(bare, staged=True)


def test_a_split_index_of_a_linked_worktree_is_read_whole(project: Clone, tmp_path: Path) -> None:
    project.git("worktree", "add", "-q", "-b", "feature", str(tmp_path / "linked"))
    linked = Clone(tmp_path / "linked", "ada", tmp_path)
    linked.git("update-index", "--split-index")
    linked.write({"new.py": ""})
    linked.git("add", "-A")
    assert paths(change(linked, staged=True)) == ["new.py"]


def test_a_sparse_index_holds_what_is_not_checked_out(project: Clone) -> None:
    commit(project, {"in/a.py": "", "out/b.py": ""})
    project.git("checkout", "-q", "-b", "feature")
    project.git("sparse-checkout", "set", "--cone", "--sparse-index", "in")
    project.write({"in/new.py": ""})
    project.git("add", "in/new.py")
    assert paths(change(project, staged=True)) == ["in/new.py"]


def test_a_file_that_is_only_announced_is_not_staged(project: Clone) -> None:
    project.write({"new.py": "x = 1\n"})
    project.git("add", "--intent-to-add", "new.py")
    assert paths(change(project, staged=True)) == []


def test_a_merge_under_way_counts_both_sides_as_authors(project: Clone) -> None:
    commit(project, {"app.py": "x = 1\n"})
    project.git("checkout", "-q", "-b", "side")
    commit(project, {"side.py": ""}, author="bob")
    project.git("checkout", "-q", "-b", "feature", "main")
    commit(project, {"mine.py": ""})
    project.git("merge", "-q", "--no-commit", "--no-ff", "side")
    found = change(project, staged=True)
    assert paths(found) == ["mine.py", "side.py"]
    assert {author.email for author in found.authors} == {"ada@acme.example", "bob@acme.example"}


def test_a_trailer_over_two_lines_names_its_author(project: Clone) -> None:
    project.git("checkout", "-q", "-b", "feature")
    project.git("commit", "-q", "--allow-empty", "-m", "Pair\n\nCo-authored-by: Bob\n <bob@acme.example>")
    assert "bob@acme.example" in {author.email for author in change(project).authors}


@pytest.mark.parametrize("name", ["a\nb", "a\x0bb", "a\u2028b"])
def test_a_repository_may_be_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    found = Repository.find(folder)
    assert (found.work_tree, found.git_dir, found.common_dir) == (folder, folder / ".git", folder / ".git")


def test_without_git_there_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotDecide, match="git is not installed"):
        Repository.find(tmp_path)


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        Repository.find(tmp_path / "nowhere")


def test_a_repository_of_long_object_names_is_read_too(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "long", "ada", tmp_path)
    clone.path.mkdir()
    clone.git("init", "-q", "-b", "main", "--object-format", "sha256")
    commit(clone, {"app.py": ""})
    clone.git("checkout", "-q", "-b", "feature")
    commit(clone, {"new.py": ""})
    assert paths(change(clone)) == ["new.py"]
