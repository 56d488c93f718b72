"""Who contributed to a change: co-authors however they are named, and who merely updated the branch."""

from __future__ import annotations

import pytest
from support.company import Clone

from gate.git.authors import read_authors
from gate.git.branch_history import read_history
from gate.git.commits import co_authors
from gate.git.repository import Repository


@pytest.mark.parametrize(
    ("trailer", "emails"),
    [
        ("Co-authored-by: Bob <bob@x.example>", ["bob@x.example"]),
        ("co-AUTHORED-by:Bob <bob@x.example>", ["bob@x.example"]),
        ("Co-Authored-By: bob@x.example", ["bob@x.example"]),
        ("Co-author: Bob <bob@x.example> (pair)", ["bob@x.example"]),
        ("Coauthored by: Bob <bob@x.example>", ["bob@x.example"]),
        ("Co-developed-by: Bob <bob@x.example>", ["bob@x.example"]),
        ("Co-authored-by: Bob <bob@x.example>, Cyd <cyd@x.example>", ["bob@x.example", "cyd@x.example"]),
        ("Co-authored-by: Bob\n  <bob@x.example>", ["bob@x.example"]),
        ("  Co-authored-by: Bob <bob@x.example>\n\nand more prose", ["bob@x.example"]),
        ("* one (#1)\n\nCo-authored-by: Bob <bob@x.example>\n\n* two (#2)", ["bob@x.example"]),
        ("Co-authored-by: Bob", [""]),
        ("Signed-off-by: Bob <bob@x.example>", []),
        ("Reviewed-by: Bob <bob@x.example>", []),
        ("co-authored with Bob", []),
    ],
)
def test_co_authors(trailer: str, emails: list[str]) -> None:
    assert [author.email for author in co_authors(f"Title\n\n{trailer}\n")] == emails


def as_author(clone: Clone, name: str, *args: str) -> None:
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
           for what, value in (("NAME", name), ("EMAIL", f"{name}@x.example"))}  # fmt: skip
    clone.git(*args, env=who)


def save(clone: Clone, name: str, files: dict[str, str]) -> None:
    clone.write(files)
    clone.git("add", "-A")
    as_author(clone, name, "commit", "-qm", f"by {name}")


@pytest.fixture
def diverged(project: Clone) -> Clone:
    """A branch by cyd, and work of dan's on main since, in the same file."""
    save(project, "ada", {"a.py": "1\n2\n3\n4\n5\n", "b.py": "b\n"})
    project.git("checkout", "-q", "-b", "feature")
    save(project, "cyd", {"a.py": "1\n2\n3\n4\nfive\n"})
    project.git("checkout", "-q", "main")
    return project


def authors(project: Clone) -> set[str]:
    project.git("checkout", "-q", "feature")
    return {author.name for author in read_authors(Repository.find(project.path), "main", "feature")}


@pytest.mark.parametrize("reverse", [False, True])
def test_a_merge_of_the_base_as_git_makes_it_is_nobodys_work(diverged: Clone, *, reverse: bool) -> None:
    save(diverged, "dan", {"a.py": "one\n2\n3\n4\n5\n"})
    if reverse:
        diverged.git("checkout", "-q", "--detach", "main")
        as_author(diverged, "bob", "merge", "-q", "--no-ff", "-m", "Merge", "feature")
        diverged.git("branch", "-qf", "feature")
    else:
        diverged.git("checkout", "-q", "feature")
        as_author(diverged, "bob", "merge", "-q", "--no-ff", "-m", "Merge", "main")
    assert authors(diverged) == {"cyd"}


@pytest.mark.parametrize("extra", [False, True])
def test_an_earlier_merge_is_nobodys_work_either(diverged: Clone, *, extra: bool) -> None:
    """As in a release of what was merged since the last one: both sides of each merge are new."""
    diverged.git("branch", "-q", "released")
    save(diverged, "dan", {"b.py": "B\n"})
    as_author(diverged, "bob", "merge", "-q", "--no-ff", "--no-commit", "feature")
    if extra:
        diverged.write({"c.py": "extra\n"})
        diverged.git("add", "-A")
    as_author(diverged, "bob", "commit", "-qm", "Merge feature")
    everybody = read_authors(Repository.find(diverged.path), "released", "main", merged=True)
    assert {author.name for author in everybody} == {"cyd", "dan"} | ({"bob"} if extra else set())


@pytest.mark.parametrize("how", ["conflict", "ours", "extra", "amended"])
def test_whoever_decides_something_in_a_merge_is_an_author(diverged: Clone, how: str) -> None:
    save(diverged, "dan", {"a.py": "1\n2\n3\n4\nV\n"} if how == "conflict" else {"b.py": "B\n"})
    diverged.git("checkout", "-q", "feature")
    match how:
        case "ours":
            as_author(diverged, "bob", "merge", "-q", "-s", "ours", "-m", "Merge", "main")
        case "conflict":
            as_author(diverged, "bob", "merge", "-q", "-X", "ours", "-m", "Merge", "main")
        case "extra":
            diverged.git("merge", "-q", "--no-commit", "--no-ff", "main")
            save(diverged, "bob", {"c.py": "extra\n"})
        case _:
            as_author(diverged, "bob", "merge", "-q", "-m", "Merge", "main")
            diverged.write({"c.py": "extra\n"})
            diverged.git("add", "-A")
            as_author(diverged, "bob", "commit", "-q", "--amend", "--no-edit")
    assert authors(diverged) == {"cyd", "bob"}


def test_a_merge_of_another_branch_is_its_authors_work_and_the_mergers(diverged: Clone) -> None:
    diverged.git("checkout", "-q", "-b", "other")
    save(diverged, "eve", {"e.py": "e\n"})
    diverged.git("checkout", "-q", "feature")
    as_author(diverged, "bob", "merge", "-q", "--no-ff", "-m", "Merge", "other")
    assert authors(diverged) == {"cyd", "eve", "bob"}


def test_history_names_the_same_co_authors(project: Clone) -> None:
    save(project, "ada", {"a.py": "1\n"})
    as_author(
        project, "bob", "commit", "-q", "--allow-empty", "-m", "x\n\nCo-authored-by: c@x.example\n\nend"
    )
    tip = project.git("rev-parse", "HEAD").strip()
    commit = read_history(Repository.find(project.path), "", tip).commits[tip]
    assert [author.email for author in commit.named()] == ["bob@x.example", "bob@x.example", "c@x.example"]
