"""What a change is: every odd shape of history, path and file, in real repositories."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from support.company import Clone, Company, isolated

from gate.errors import CannotDecide, UsageError
from gate.git.change import read_change
from gate.git.repository import Repository
from gate.model import Change


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in isolated(tmp_path / "home").items():
        monkeypatch.setenv(name, value)


def change(clone: Clone, **asked: object) -> Change:
    return read_change(Repository.find(clone.path), **asked)  # type: ignore[arg-type]  # as the test spells it


def branch(clone: Clone, name: str = "feature") -> None:
    clone.git("checkout", "-q", "-B", name, "main")


def commit(clone: Clone, files: dict[str, str | bytes] | None = None, message: str = "Change") -> str:
    clone.write(files or {})
    clone.git("add", "-A")
    clone.git("commit", "-q", "--allow-empty", "-m", message)
    return clone.git("rev-parse", "HEAD")


def paths(found: Change) -> dict[str, str]:
    return {file.path: file.status for file in found.files}


def test_the_digest_is_that_of_gits_own_raw_diff(project: Clone) -> None:
    branch(project)
    commit(project, {"app.py": "x = 1\n", "new.py": ""})
    found = change(project)
    raw = subprocess.run(
        ["git", "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", found.base, found.tree],
        cwd=project.path,
        capture_output=True,
        check=True,
    ).stdout
    assert found.digest == hashlib.sha256(raw).hexdigest()
    assert found.into == "refs/heads/main"
    assert paths(found) == {"app.py": "modified", "new.py": "added"}


def test_the_digest_stays_when_the_base_moves_in_other_files(project: Clone) -> None:
    branch(project)
    commit(project, {"app.py": "x = 1\n"})
    before = change(project).digest
    project.git("checkout", "-q", "main")
    commit(project, {"other.py": ""})
    project.git("checkout", "-q", "feature")
    assert change(project).digest == before
    project.git("rebase", "-q", "main")
    assert change(project).digest == before


ODD = [
    "with space.py",
    "new\nline.py",
    'quo"te.py',
    "-dash.py",
    "tab\there.py",
    "ünïcode.py",
    "back\\slash.py",
]


@pytest.mark.parametrize("name", [*ODD, b"not-\xff-utf8.py".decode("utf-8", "surrogateescape")])
def test_odd_paths_come_through_whole(project: Clone, name: str) -> None:
    branch(project)
    commit(project, {name: "x = 1\n"})
    assert paths(change(project)) == {name: "added"}


def test_both_sides_of_a_rename_are_files_of_the_change(project: Clone) -> None:
    branch(project)
    project.git("mv", "app.py", "moved.py")
    commit(project)
    found = change(project)
    assert paths(found) == {"app.py": "deleted", "moved.py": "added"}
    assert found.renames == {"moved.py": "app.py"}


def test_modes_links_and_submodules_are_changes(project: Clone) -> None:
    branch(project)
    (project.path / "app.py").chmod(0o755)
    (project.path / "link").symlink_to("app.py")
    project.git("add", "-A")
    head = project.git("rev-parse", "HEAD")
    project.git("update-index", "--add", "--cacheinfo", f"160000,{head},module")
    project.git("commit", "-q", "-m", "Modes")
    modes = {file.path: (file.old_mode, file.new_mode) for file in change(project).files}
    assert modes == {
        "app.py": ("100644", "100755"),
        "link": ("000000", "120000"),
        "module": ("000000", "160000"),
    }


def test_a_file_replaced_by_a_link_is_seen_as_such(project: Clone) -> None:
    branch(project)
    (project.path / "app.py").unlink()
    (project.path / "app.py").symlink_to("/etc/passwd")
    commit(project)
    (file,) = change(project).files
    assert (file.old_mode, file.new_mode) == ("100644", "120000")


def test_a_conflict_names_its_files(project: Clone) -> None:
    branch(project)
    commit(project, {"app.py": "x = 1\n"})
    project.git("checkout", "-q", "main")
    commit(project, {"app.py": "x = 2\n"})
    found = change(project, head="feature")
    assert (found.tree, found.conflicts) == ("", ("app.py",))
    assert "conflict" in found.merge_blocker


def test_an_empty_change_is_no_error(project: Clone) -> None:
    found = change(project)
    assert found.files == ()
    assert found.tree == found.base_tree


def test_unrelated_histories_block_the_merge(project: Clone) -> None:
    project.git("checkout", "-q", "--orphan", "alien")
    commit(project, {"alien.py": ""})
    found = change(project)
    assert found.tree == ""
    assert "unrelated" in found.merge_blocker


def test_several_merge_bases_are_merged_as_git_does(project: Clone) -> None:
    branch(project, "one")
    commit(project, {"one.py": "1\n"})
    branch(project, "two")
    commit(project, {"two.py": "2\n"})
    one, two = project.git("rev-parse", "one"), project.git("rev-parse", "two")
    project.git("merge", "-q", "--no-edit", one)
    project.git("checkout", "-q", "one")
    project.git("merge", "-q", "--no-edit", two)
    commit(project, {"three.py": "3\n"})
    found = change(project, into="two", head="one")
    assert paths(found) == {"three.py": "added"}


def test_a_detached_head_is_a_head(project: Clone) -> None:
    branch(project)
    oid = commit(project, {"new.py": ""})
    project.git("checkout", "-q", "--detach")
    assert change(project).head == oid


def test_a_shallow_clone_says_how_to_get_the_rest(project: Clone, tmp_path: Path) -> None:
    branch(project)
    commit(project, {"a.py": ""})
    commit(project, {"b.py": ""})
    project.git("checkout", "-q", "main")
    commit(project, {"c.py": ""})
    shallow = Clone(tmp_path / "shallow", "ada", tmp_path)
    address = f"file://{project.path}"
    project.git("clone", "-q", "--depth=1", "--no-single-branch", address, str(shallow.path))
    with pytest.raises(CannotDecide) as caught:
        change(shallow, head="origin/feature")
    assert "shallow" in caught.value.message
    assert "--unshallow" in caught.value.hint


def test_a_bare_repository_is_asked_the_same(project: Clone, tmp_path: Path) -> None:
    branch(project)
    commit(project, {"new.py": ""})
    project.git("clone", "-q", "--bare", str(project.path), str(tmp_path / "bare.git"))
    found = read_change(Repository.find(tmp_path / "bare.git"), into="main", head="feature")
    assert paths(found) == {"new.py": "added"}


def test_a_tag_named_like_the_branch_does_not_step_in(project: Clone) -> None:
    main = project.git("rev-parse", "main")
    branch(project)
    commit(project, {"new.py": ""})
    project.git("tag", "main")
    assert change(project).base == main


def test_an_evil_merge_shows_what_it_adds(project: Clone) -> None:
    branch(project)
    commit(project, {"good.py": ""})
    project.git("checkout", "-q", "main")
    commit(project, {"other.py": ""})
    project.git("checkout", "-q", "feature")
    project.git("merge", "-q", "--no-commit", "--no-ff", "main")
    project.write({"evil.py": ""})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Merge main")
    assert set(paths(change(project))) == {"good.py", "evil.py"}


def test_replaced_objects_are_not_believed(project: Clone) -> None:
    branch(project)
    bad = commit(project, {"bad.py": ""})
    project.git("replace", bad, "main")
    assert paths(change(project)) == {"bad.py": "added"}


def test_attributes_of_the_change_have_no_say_in_the_merge(project: Clone) -> None:
    branch(project)
    commit(project, {".gitattributes": "* merge=ours -diff\n", "app.py": "x = 1\n"})
    project.git("checkout", "-q", "main")
    commit(project, {"app.py": "x = 2\n"})
    project.git("config", "merge.ours.driver", "true")
    project.git("checkout", "-q", "feature")
    assert change(project).conflicts == ("app.py",)


def test_the_environment_cannot_point_elsewhere(
    project: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    branch(project)
    commit(project, {"new.py": ""})
    project.git("init", "-q", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.bare")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "nonsense")
    assert paths(change(project)) == {"new.py": "added"}


@pytest.mark.parametrize(
    ("there", "added"),
    [
        pytest.param("README.md", "readme.md", id="case"),
        pytest.param("docs/a.md", "Docs/b.md", id="case of a folder"),
        pytest.param("caf\u00e9.py", "cafe\u0301.py", id="unicode form"),
    ],
)
def test_paths_that_alias_one_another_are_refused(project: Clone, there: str, added: str) -> None:
    commit(project, {there: ""})
    branch(project)
    commit(project, {added: ""})
    found = change(project)
    assert found.tree == ""
    assert "colliding" in found.merge_blocker
    assert len(found.conflicts) >= 2


def test_every_hand_in_a_change_is_an_author(project: Clone) -> None:
    branch(project)
    project.write({"a.py": ""})
    project.git("add", "-A")
    message = "Together\n\nCo-authored-by: Bob <bob@acme.example>\nCo-authored-by: Eve <Eve@acme.example>"
    project.git("commit", "-q", "-m", message, "--author", "New <new@acme.example>")
    emails = {author.email for author in change(project).authors}
    assert emails == {"new@acme.example", "ada@acme.example", "bob@acme.example", "Eve@acme.example"}


def test_the_index_is_asked_without_being_touched(project: Clone) -> None:
    branch(project)
    project.write({"staged.py": "", "app.py": "x = 1\n"})
    project.git("add", "staged.py")
    index = project.path / ".git" / "index"
    before = index.read_bytes(), index.stat().st_mtime_ns
    found = change(project, staged=True)
    assert paths(found) == {"staged.py": "added"}
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before
    assert [author.email for author in found.authors] == ["ada@acme.example"]


def test_the_index_that_git_prepared_for_a_hook_is_the_one_that_is_asked(project: Clone) -> None:
    branch(project)
    project.write({"one.py": "", "two.py": ""})
    project.git("add", "-A")
    other = project.path / ".git" / "next-index"
    project.git("read-tree", "HEAD", env={"GIT_INDEX_FILE": str(other)})
    project.git("add", "one.py", env={"GIT_INDEX_FILE": str(other)})
    assert paths(change(project, staged=True, index_file=".git/next-index")) == {"one.py": "added"}


def test_an_index_with_conflicts_blocks_the_merge(project: Clone) -> None:
    branch(project)
    commit(project, {"app.py": "x = 1\n"})
    project.git("checkout", "-q", "main")
    commit(project, {"app.py": "x = 2\n"})
    with pytest.raises(AssertionError, match="merge"):
        project.git("merge", "feature")
    found = change(project, staged=True)
    assert found.conflicts == ("app.py",)


def test_a_local_branch_that_is_ahead_is_the_base_unless_it_holds_the_head(
    project: Clone, tmp_path: Path
) -> None:
    clone = Clone(tmp_path / "clone", "ada", tmp_path)
    project.git("clone", "-q", str(project.path), str(clone.path))
    clone.git("config", "user.email", "ada@acme.example")
    clone.git("config", "user.name", "Ada")
    origin = clone.git("rev-parse", "origin/main")
    local = commit(clone, {"local.py": ""})
    assert change(clone).base == origin
    clone.git("checkout", "-q", "-b", "feature", "origin/main")
    commit(clone, {"feature.py": ""})
    assert change(clone, into="main").base == local


@pytest.mark.parametrize("into", ["nowhere", "a..b", "-x", "refs/tags/x", ""])
def test_a_branch_that_is_none_is_reported_in_a_sentence(project: Clone, into: str) -> None:
    if into:
        with pytest.raises(UsageError):
            change(project, into=into)


def test_a_branch_that_only_origin_has_goes_by_its_short_name(company: Company) -> None:
    head = company.clone("newhire").commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior = company.clone("nehemiah")
    senior.fetch()
    assert change(senior, head="feature").head == head
    assert change(senior, head="feature~1").files == ()
    mine = commit(senior, {"a.py": "x = 3\n"})
    senior.git("branch", "feature")
    assert change(senior, head="feature").head == mine
    for word in ("featrue", "HEAD~9"):
        with pytest.raises(UsageError, match="is not a known revision"):
            change(senior, head=word)


@pytest.mark.parametrize(
    "name", [":/second", "HEAD^{/second}", "t", "t^{}", "@", "HEAD~0", ":/second|nothing like this"]
)
def test_a_commit_may_be_named_in_every_way_that_git_knows(project: Clone, name: str) -> None:
    commit(project, {"a.py": "x = 1\n"}, message="first")
    head = commit(project, {"a.py": "x = 2\n"}, message="second")
    project.git("tag", "-a", "-m", "a tag", "t")
    assert project.git("rev-parse", f"{name}^0" if name == "t" else name).strip() == head
    assert change(project, head=name).head == head


@pytest.mark.parametrize("name", ["HEAD:a.py", ":a.py", "HEAD^{tree}", ":/nothing like this", "HEAD..HEAD"])
def test_what_is_no_commit_is_not_taken_for_one(project: Clone, name: str) -> None:
    with pytest.raises(UsageError, match="is not a known revision"):
        change(project, head=name)


def test_no_branch_to_merge_into_is_reported_with_the_way_out(project: Clone) -> None:
    project.git("branch", "-m", "trunk")
    with pytest.raises(UsageError) as caught:
        change(project)
    assert "--into" in caught.value.hint
