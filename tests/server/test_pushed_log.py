"""The log on a protected server only grows, and holds nothing that would stand in its own way."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping

import pytest
from support.company import Clone, Company, isolated
from support.pushing import audited, change, on_main, push

LOG = "refs/gate/log"


def append(clone: Clone, files: Mapping[str, bytes], *, remove: str = "", parent: str = LOG) -> str:
    """A commit of the log made by hand: more files, or one less. Its id."""
    index = {"GIT_INDEX_FILE": str(clone.path / ".git" / "by-hand")}
    clone.git("read-tree", *([parent] if parent else ["--empty"]), env=index)
    for name, content in files.items():
        blob = clone.git("hash-object", "-w", "--stdin", stdin=content)
        clone.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}", env=index)
    if remove:
        clone.git("update-index", "--force-remove", remove, env=index)
    tree = clone.git("write-tree", env=index)
    return clone.git("commit-tree", tree, *(["-p", parent] if parent else []), "-m", "by hand")


@pytest.fixture
def senior(guarded: Company) -> Clone:
    """The senior's clone, after an approval that is in the log of the server too."""
    clone = change(guarded)
    clone.approve("feature")
    return clone


def refused(clone: Clone, *specs: str) -> str:
    result = push(clone, "-f", "origin", *specs)
    assert result.code != 0
    return result.err


@pytest.mark.attack(17, "delete the log on the server")
def test_the_log_is_not_deleted(senior: Clone) -> None:
    assert "cannot be deleted" in refused(senior, f":{LOG}")


@pytest.mark.slow
@pytest.mark.attack(17, "truncate the log on the server")
def test_the_log_is_not_cut(guarded: Company, senior: Clone) -> None:
    first = senior.git("rev-parse", LOG)
    bob = guarded.clone("bob")
    bob.fetch()
    assert bob.gate("approve", "feature", "--block").code == 0
    assert "records would be lost" in refused(senior, f"{first}:{LOG}")


@pytest.mark.slow
@pytest.mark.attack(17, "push a log without an objection")
def test_an_objection_is_not_taken_out(guarded: Company, senior: Clone) -> None:
    bob = guarded.clone("bob")
    bob.fetch()
    assert bob.gate("approve", "feature", "--block").code == 0
    record = next(name for name in bob.log() if name.endswith(".json") and name not in senior.log())
    assert "drops or alters" in refused(bob, f"{append(bob, {}, remove=record)}:{LOG}")
    rewritten = append(bob, {}, remove=record, parent="")
    assert "records would be lost" in refused(bob, f"{rewritten}:{LOG}")


@pytest.mark.slow
@pytest.mark.attack(16, "push an altered record")
def test_a_record_is_not_altered(senior: Clone) -> None:
    for name in senior.log():
        assert "drops or alters" in refused(senior, f"{append(senior, {name: b'other'})}:{LOG}")


@pytest.mark.attack(17, "push a rewritten log that contains every file")
def test_a_rewritten_log_with_every_file_is_still_another(senior: Clone) -> None:
    """What the history of the log held counts as well: it must not be left behind."""
    tree = senior.git("rev-parse", f"{LOG}^{{tree}}")
    alike = senior.git("commit-tree", tree, "-m", "by hand")
    assert "records would be lost" in refused(senior, f"{alike}:{LOG}")


@pytest.mark.attack(16, "push malformed entries to the log")
@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (f"records/ab/ab{'0' * 62}.json", b"{}\n", "does not fit its name"),
        (f"changes/{'0' * 64}", b"what is not so", "does not fit its name"),
        (f"verdicts/{'0' * 64}.json", b"{}", "does not fit its name"),
        (f"records/ab/ab{'0' * 62}.sig", b"x" * 20_000, "is too large"),
        ("notes.txt", b"hello", "no place for notes.txt"),
        ("records/zz/x.json", b"hello", "no place for"),
        ("changes/\x1b[31m", b"hello", "no place for changes/\\x1b[31m"),
    ],
)
def test_what_no_reader_would_take_is_not_let_in(
    senior: Clone, name: str, content: bytes, expected: str
) -> None:
    assert expected in refused(senior, f"{append(senior, {name: content})}:{LOG}")


@pytest.mark.attack(16, "a file with a valid name that isn't a record")
def test_a_record_that_fits_its_name_and_is_none(senior: Clone) -> None:
    data = b'{"v": 1}\n'
    name = hashlib.sha256(data).hexdigest()
    tip = append(senior, {f"records/{name[:2]}/{name}.json": data})
    assert "is not a record" in refused(senior, f"{tip}:{LOG}")
    good = next(path for path in senior.log() if path.endswith(".json"))
    folder, file = good.split("/")[1:]
    other = "01" if folder == "00" else "00"
    moved = append(senior, {f"records/{other}/{file}": senior.git("show", f"{LOG}:{good}").encode() + b"\n"})
    assert "in another folder" in refused(senior, f"{moved}:{LOG}")


@pytest.mark.attack(17, "push something that isn't a log")
def test_something_else_than_a_log(senior: Clone) -> None:
    blob = senior.git("hash-object", "-w", "--stdin", stdin=b"x")
    assert "is not a commit" in refused(senior, f"{blob}:{LOG}")


def test_other_refs_of_gate_are_nobodys_to_push(senior: Clone) -> None:
    result = refused(senior, f"{LOG}:refs/gate/remotes/origin/log")
    assert f"only the approval log ({LOG})" in result
    assert "only" in refused(senior, f"{LOG}:refs/gate/logs")


@pytest.mark.slow
def test_a_log_that_grows_is_let_in_with_or_without_a_branch(guarded: Company, senior: Clone) -> None:
    bob = guarded.clone("bob")
    bob.fetch()
    assert bob.gate("approve", "feature").code == 0
    assert senior.gate("merge", "feature", "--push").code == 0
    assert audited(guarded) == []


@pytest.mark.slow
def test_a_refused_push_leaves_nothing_behind(guarded: Company, senior: Clone) -> None:
    """Neither objects nor an index of a log that never came to be."""
    new = on_main(guarded.clone("newhire"))
    new.commit("straight in", {"a.py": "import os\n"}, push=False)
    known = guarded.server.git("cat-file", "--batch-all-objects", "--batch-check")
    assert senior.gate("revoke", senior.decisions("feature")[0]["id"]).code == 0
    objects = guarded.server.git("cat-file", "--batch-all-objects", "--batch-check")
    new.gate("approvals", "--fetch", "feature")
    tip = append(
        new, {f"changes/{hashlib.sha256(b'').hexdigest()}": b""}, parent="refs/gate/remotes/origin/log"
    )
    assert push(new, "origin", "main", f"{tip}:{LOG}").code != 0
    assert guarded.server.git("cat-file", "--batch-all-objects", "--batch-check") == objects != known
    index = guarded.server.path / "gate" / "log" / "index"
    assert tip not in index.read_text()
    assert senior.gate("approve", "feature").code == 0
    assert senior.gate("merge", "feature", "--push").code == 0


@pytest.mark.slow
@pytest.mark.attack(17, "push to a server that has lost its log")
def test_a_server_that_has_lost_its_log_lets_nothing_in(guarded: Company, senior: Clone) -> None:
    assert senior.gate("merge", "feature", "--push").code == 0
    guarded.server.git("update-ref", "-d", LOG)
    other = on_main(guarded.clone("ada"))
    other.commit("next", {"b.py": "y = 2\n"}, push=False)
    result = push(other, "origin", "main")
    assert result.code != 0
    assert "approval log is not here" in result.err


@pytest.mark.slow
@pytest.mark.attack(17, "delay a push until after an objection")
def test_who_waits_with_a_push_does_not_outrun_an_objection(guarded: Company, senior: Clone) -> None:
    """The log that was there when the connection was opened is not the one that counts."""
    on_main(senior)
    assert senior.gate("merge", "feature").code == 0
    tips = [guarded.server.git("rev-parse", ref) for ref in ("main", LOG)]
    new = [senior.git("rev-parse", ref) for ref in ("refs/heads/main", LOG)]
    bob = guarded.clone("bob")
    bob.fetch()
    assert bob.gate("approve", "feature", "--block").code == 0
    guarded.server.git("fetch", "-q", str(senior.path), *new)
    lines = f"{tips[0]} {new[0]} refs/heads/main\n{tips[1]} {new[1]} {LOG}\n"
    done = subprocess.run(
        [guarded.server.path / "hooks" / "pre-receive"],
        cwd=guarded.server.path,
        env=isolated(guarded.path / "home"),
        input=lines.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert b"does not contain the current approval log" in done.stderr


@pytest.mark.slow
def test_what_no_signed_record_refers_to_is_listed(guarded: Company) -> None:
    """An unsigned verdict in the log, which a server would reject."""
    senior = change(guarded)
    senior.approve("feature")
    document = b'{"unsigned": true}\n'
    name = hashlib.sha256(document).hexdigest()
    senior.git("update-ref", LOG, append(senior, {f"verdicts/{name[:2]}/{name}.json": document}))
    listed = senior.gate("log")
    assert "1 entry not admitted" in listed.out
    assert f"{name[:12]}  verdict: no signed record refers to it" in listed.out
    pushed = push(senior, "origin", LOG)
    assert f"verdict {name[:12]} is not admitted: no signed record refers to it" in pushed.err
