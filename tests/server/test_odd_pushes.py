"""Objects that git itself would not make, and refs that are not what they seem: pushed for real."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support.company import Clone, Company
from support.pushing import EVIL, audited, change, push

LOG = "refs/gate/log"
Entry = tuple[bytes, bytes, str]


def write(clone: Clone, kind: str, data: bytes) -> str:
    return clone.git("hash-object", "-t", kind, "-w", "--literally", "--stdin", stdin=data)


def tree(clone: Clone, entries: Sequence[Entry]) -> str:
    data = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
    return write(clone, "tree", data)


def entries(clone: Clone, name: str) -> list[Entry]:
    lines = (line.replace("\t", " ").split(" ") for line in clone.git("ls-tree", name).splitlines())
    return [(mode.lstrip("0").encode(), path.encode(), oid) for mode, _, oid, path in lines]


FOLDERS = {
    "a name twice": ((b"100644", b"index.md"), (b"100644", b"index.md")),
    "a name out of order": ((b"100644", b"zz.md"), (b"100644", b"index.md")),
}


@pytest.mark.slow
@pytest.mark.attack(8, "a tree object with duplicate or unsorted names")
@pytest.mark.parametrize("how", FOLDERS)
def test_a_damaged_folder(guarded: Company, how: str) -> None:
    new = guarded.clone("newhire")
    blob = write(new, "blob", b"# Other\n")
    old = {path: oid for _, path, oid in entries(new, "origin/main:docs")}
    (first, second) = FOLDERS[how]
    docs = tree(new, [(*first, old.get(first[1], blob)), (*second, blob)])
    top = [
        entry if entry[1] != b"docs" else (b"40000", b"docs", docs) for entry in entries(new, "origin/main")
    ]
    head = new.git("commit-tree", tree(new, top), "-p", "origin/main", "-m", "x")
    new.git("push", "-q", "origin", f"{head}:refs/heads/feature")
    senior = guarded.clone("nehemiah")
    senior.fetch()
    result = senior.gate_process("approve", "feature")
    assert result.code == 2
    assert "a damaged tree" in result.err
    assert not senior.may_merge("origin/feature")
    assert push(new, "origin", f"{head}:main").code != 0


COMMITS = {
    "no committer": b"tree T\nparent P\nauthor n <newhire@acme.example> 1700000000 +0000\n\nx\n",
    "no address": b"tree T\nparent P\nauthor newhire\ncommitter newhire\n\nx\n",
    "no time": b"tree T\nparent P\nauthor n <newhire@acme.example>\ncommitter n <newhire@acme.example>\n\nx\n",
    "a time before all": b"tree T\nparent P\nauthor n <newhire@acme.example> -5 +0000\n"
    b"committer n <newhire@acme.example> -5 +0000\n\nx\n",
}


@pytest.mark.slow
@pytest.mark.attack(14, "a hand-made commit without author, address, or time")
@pytest.mark.parametrize("how", COMMITS)
def test_a_commit_that_lacks_something(guarded: Company, how: str) -> None:
    senior = change(guarded, files=EVIL)
    made = senior.git("rev-parse", "origin/feature^{tree}"), senior.git("rev-parse", "origin/main")
    data = COMMITS[how].replace(b"T", made[0].encode(), 1).replace(b"P", made[1].encode(), 1)
    head = write(senior, "commit", data)
    result = push(senior, "origin", f"{head}:main")
    assert result.code != 0
    assert "can't merge into main" in result.err
    senior.git("push", "-q", "-f", "origin", f"{head}:refs/heads/feature")
    senior.approve("feature")
    assert senior.gate_process("audit", f"{made[1]}..{head}").code == 1
    assert "internal error" not in senior.gate_process("merge", "feature", "--push").err


@pytest.mark.slow
@pytest.mark.attack(15, "a commit dated in the future, with which an audit would compare later dates")
def test_a_commit_from_the_future(guarded: Company) -> None:
    senior = change(guarded)
    senior.approve("feature")
    later = {"GIT_COMMITTER_DATE": "4000000000 +0000"}
    assert senior.gate("merge", "feature").code == 0
    senior.git("commit", "-q", "--amend", "--no-edit", "--reset-author", env=later)
    result = push(senior, "--atomic", "origin", "main", LOG)
    assert result.code != 0
    assert "has a date in the future" in result.err


@pytest.mark.slow
@pytest.mark.attack(36, "a branch whose name some file systems confuse with the protected one")
@pytest.mark.parametrize("name", ["Main", "MAIN", "maın"])
def test_a_branch_that_is_nearly_main(guarded: Company, name: str) -> None:
    new = guarded.clone("newhire")
    new.commit("v2", EVIL, branch="feature")
    result = push(new, "origin", f"feature:refs/heads/{name}")
    if name == "maın":
        assert result.code == 0, "a letter of its own"
    else:
        assert "which is protected" in result.err


@pytest.mark.attack(23, "push to `refs/replace/` on the server")
def test_replaced_objects_are_not_let_in(guarded: Company) -> None:
    new = guarded.clone("newhire")
    new.commit("v2", EVIL, branch="feature")
    evil, main = new.git("rev-parse", "feature"), new.git("rev-parse", "origin/main")
    result = push(new, "origin", f"{evil}:refs/replace/{main}")
    assert result.code != 0
    assert "would make git show other objects" in result.err


@pytest.mark.slow
@pytest.mark.attack(17, "add an invalid entry to the log, and remove it again")
def test_the_history_of_the_log_is_that_of_a_log(guarded: Company) -> None:
    senior = change(guarded)
    senior.approve("feature")
    log = senior.git("rev-parse", LOG)
    mixed = senior.git("commit-tree", f"{log}^{{tree}}", "-p", log, "-p", "origin/feature", "-m", "merge")
    result = push(senior, "origin", f"{mixed}:{LOG}")
    assert result.code != 0
    assert "has no place for" in result.err
    assert audited(guarded) == []


@pytest.mark.attack(36, "a ref that differs from gate's only by case")
def test_a_ref_that_is_nearly_the_log(guarded: Company) -> None:
    new = guarded.clone("newhire")
    new.commit("v2", EVIL, branch="feature")
    assert push(new, "origin", "feature:refs/Gate/log").code != 0
