"""The log: additions, unions and what is read back, in real repositories."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from itertools import permutations
from pathlib import Path

import pytest
from support.company import isolated

from gate.approvals.record import Record, record_id, serialise
from gate.errors import CannotDecide
from gate.git.repository import Repository
from gate.log import store
from gate.log.admission import refusal
from gate.log.admitted import ApprovalLog
from gate.log.difference import is_superset
from gate.log.history import read_verdicts
from gate.log.index import open_index
from gate.log.order import added_after
from gate.log.paths import change_path, record_path, sharded, signature_path, verdict_path
from gate.log.store import LOG, absorb, add, contains, settle, tips

RECORD = Record(
    kind="approve",
    repository="acme/x",
    into="refs/heads/main",
    base="a" * 40,
    head="b" * 40,
    change="c" * 64,
    by="@someone",
    at=1_800_000_000,
    nonce="d" * 32,
)


IDENTITY = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    (tmp_path / "home").mkdir()
    for name, value in isolated(tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    return make(tmp_path / "repository")


def make(folder: Path) -> Repository:
    from gate.process import run

    run(["git", "init", "-q", "--bare", str(folder)])
    return Repository.find(folder)


def files(number: int, signature: bytes = b"signed") -> dict[str, bytes]:
    data = serialise(replace(RECORD, nonce=f"{number:032x}"))
    return {record_path(record_id(data)): data, signature_path(record_id(data)): signature}


def ids(repository: Repository) -> set[str]:
    return {found.id for found in open_index(repository, settle(repository)).all()}


def paths(repository: Repository) -> set[str]:
    return set(repository.text("ls-tree", "-r", "--name-only", LOG).splitlines())


def copy_objects(source: Repository, target: Repository) -> str:
    """Bring the log of one repository to another as a remote's; the tip."""
    tip = tips(source).own
    target.run("fetch", "-q", str(source.git_dir), f"{LOG}:refs/gate/remotes/{source.git_dir.name}/log")
    return tip


def test_additions_build_a_chain(repository: Repository) -> None:
    first = add(repository, files(1), "one")
    second = add(repository, files(2), "two")
    assert contains(repository, second, first)
    assert not contains(repository, first, second)
    assert paths(repository) == {*files(1), *files(2)}
    assert len(ids(repository)) == 2
    assert tips(repository).own == second


def test_threads_that_add_at_once_lose_nothing(repository: Repository) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: add(repository, files(number), "add"), range(24)))
    assert len(ids(repository)) == 24
    assert repository.text("rev-list", "--count", LOG) == "24"


@pytest.mark.slow
def test_the_union_is_the_same_in_whatever_order_logs_meet(repository: Repository, tmp_path: Path) -> None:
    others = [make(tmp_path / name) for name in ("one", "two", "three")]
    for number, other in enumerate(others):
        add(other, files(number), "own")
        add(other, files(99), "the same")
        add(other, files(50, b"signature %d" % number), "disputed")
    trees = set()
    for number, order in enumerate(permutations(others)):
        target = make(tmp_path / f"target-{number}")
        for other in order:
            absorb(target, copy_objects(other, target))
        for other in others:
            assert is_superset(target, tips(target).own, tips(other).own)
            assert contains(target, tips(target).own, tips(other).own)
        assert len(ids(target)) == 5
        disputed = next(
            f for f in open_index(target, tips(target).own).all() if f.record.nonce.endswith("32")
        )
        assert len(disputed.signatures) == 3, "nobody can say which is right, so all stay"
        trees.add(target.text("rev-parse", f"{LOG}^{{tree}}"))
    assert len(trees) == 1


def test_what_has_grown_out_of_ours_is_taken_as_it_is(repository: Repository, tmp_path: Path) -> None:
    add(repository, files(1), "one")
    other = make(tmp_path / "other")
    absorb(other, copy_objects(repository, other))
    newer = add(other, files(2), "two")
    assert absorb(repository, copy_objects(other, repository)) == newer
    assert absorb(repository, newer) == newer


@pytest.mark.parametrize("how", ["deleted", "altered"])
def test_what_a_later_log_lacks_is_preserved(repository: Repository, tmp_path: Path, how: str) -> None:
    add(repository, files(1), "one")
    add(repository, files(2), "two")
    other = make(tmp_path / "other")
    old = absorb(other, copy_objects(repository, other))
    name = next(iter(files(1)))
    # What git would take for an ordinary fast-forward.
    change = f"D {name}\n" if how == "deleted" else f"M 100644 inline {name}\ndata 3\nbad\n"
    stream = f"commit {LOG}\ncommitter x <x> 1 +0000\ndata 1\nx\nfrom {old}\n{change}"
    other.run("fast-import", "--quiet", stdin=stream.encode())
    bad = copy_objects(other, repository)
    assert not is_superset(repository, bad, old)
    new = absorb(repository, bad)
    assert repository.run("cat-file", "blob", f"{new}:{name}") == files(1)[name]
    assert is_superset(repository, new, old)
    assert len(ids(repository)) == 2
    # And who has only ever seen the other log still reads what its history held.
    assert len({found.id for found in open_index(other, tips(other).own).all()}) == 2


@pytest.mark.parametrize("path", ["records", "changes", "records/0a", '"odd"\nname'])
def test_what_has_no_place_in_a_log_does_not_get_in_its_way(
    repository: Repository, tmp_path: Path, path: str
) -> None:
    for number in range(20):
        add(repository, {**files(number), f"changes/{number:064x}": b"x"}, "own")
    before = paths(repository)
    other = make(tmp_path / "other")
    # A foreign log in which a file has the name of a folder.
    oid = other.run("hash-object", "-w", "--stdin", stdin=b"x").decode().strip()
    made = (
        other.run("mktree", "-z", stdin=f"100644 blob {oid}\t{path.partition('/')[0]}\0".encode())
        .decode()
        .strip()
    )
    commit = other.run("commit-tree", made, "-m", "x", env=IDENTITY).decode().strip()
    other.run("update-ref", LOG, commit)
    absorb(repository, copy_objects(other, repository))
    assert paths(repository) == before
    assert len(ids(repository)) == 20


def test_what_is_no_record_is_refused_with_a_reason(repository: Repository) -> None:
    data = next(iter(files(1).values()))
    good = record_id(data)
    fake = "0" * 64
    big = b"x" * 100_000
    tip = add(
        repository,
        {
            record_path(fake): data,
            record_path(sha256(b"[]\n").hexdigest()): b"[]\n",
            record_path(sha256(big).hexdigest()): big,
            "records/README": b"hello",
            "surprise/records/x.json": b"{}",
            **files(1),
        },
        "all sorts",
    )
    index = open_index(repository, tip)
    assert [found.id for found in index.all()] == [good]
    assert sorted(reason.partition(" ")[0] for reason in index.refusals().values()) == [
        "its",
        "larger",
        "not",
    ]


def test_the_index_grows_with_the_log_and_forgets_what_was_cut(repository: Repository) -> None:
    first = add(repository, files(1), "one")
    assert len(open_index(repository, first).all()) == 1
    second = add(repository, files(2), "two")
    assert len(open_index(repository, second).all()) == 2
    assert len(open_index(repository, first).all()) == 1, "another log is read as what it is"
    repository.run("update-ref", "-d", LOG)
    third = add(repository, files(3), "another beginning")
    assert {found.record.nonce[-1] for found in open_index(repository, third).all()} == {"3"}


def test_a_signature_may_come_before_or_after_its_record(repository: Repository) -> None:
    for number, first in ((1, ".sig"), (2, ".json")):
        for parts in (True, False):
            some = {name: data for name, data in files(number).items() if name.endswith(first) is parts}
            index = open_index(repository, add(repository, some, "half"))
    assert [len(found.signatures) for found in index.all()] == [1, 1]


def test_selecting(repository: Repository) -> None:
    target = record_id(serialise(RECORD))
    others = [
        RECORD,
        replace(RECORD, change="1" * 64),
        replace(RECORD, change="2" * 64, head="e" * 40),
        replace(RECORD, kind="revoke", change="3" * 64, of=target),
        replace(RECORD, kind="revoke", change="4" * 64, head="f" * 40, of="5" * 64),
    ]
    tip = add(repository, {record_path(record_id(serialise(r))): serialise(r) for r in others}, "all")
    index = open_index(repository, tip)
    assert {found.record.change[0] for found in index.select({"c" * 64}, ())} == {"c", "3"}
    assert {found.record.change[0] for found in index.select((), {"e" * 40})} == {"2"}
    assert [found.id for found in index.starting(target[:10])] == [target]
    assert index.select((), ()) == []


def test_lists_are_found_by_the_paths_in_them(repository: Repository) -> None:
    raw = b":100644 100644 %s %s M\0a b.py\0" % (b"a" * 40, b"b" * 40)
    digest = sha256(raw).hexdigest()
    tip = add(repository, {f"changes/{digest}": raw, f"changes/{'0' * 64}": raw, "changes/x": b""}, "list")
    index = open_index(repository, tip)
    assert set(index.touching(["a b.py", "other"])) == {digest}
    assert index.touching(["a"]) == {}
    assert set(index.lists_of({digest, "0" * 64})) == {digest}


@pytest.mark.parametrize("flat", [True, False])
def test_lists_and_verdicts_are_read_from_flat_folders_and_from_subfolders(
    repository: Repository, flat: bool
) -> None:
    raw = b":100644 100644 %s %s M\0a.py\0" % (b"a" * 40, b"b" * 40)
    digest, verdict = sha256(raw).hexdigest(), sha256(b"{}").hexdigest()
    written = {f"changes/{digest}": raw, f"verdicts/{verdict}.json": b"{}"}
    tip = add(repository, {path if flat else sharded(path): data for path, data in written.items()}, "x")
    assert set(open_index(repository, tip).touching(["a.py"])) == {digest}
    assert read_verdicts(repository, tip, [verdict]) == {verdict: b"{}"}


def test_an_addition_moves_flat_folders_into_subfolders(repository: Repository) -> None:
    """Nothing gets lost by that, in whichever clone it happens, and an old clone may go on adding."""
    contents = [f"list {number}".encode() for number in range(3)]
    names = [sha256(content).hexdigest() for content in contents]
    old = add(
        repository, {f"changes/{names[0]}": contents[0], f"verdicts/{names[0]}.json": contents[0]}, "old"
    )
    new = add(repository, {change_path(names[1]): contents[1]}, "new")
    assert paths(repository) == {change_path(names[0]), change_path(names[1]), verdict_path(names[0])}
    assert is_superset(repository, new, old)
    assert refusal(repository, old, new) == ("", "")
    repository.run("update-ref", LOG, old)
    _flat(repository, old, f"changes/{names[2]}", contents[2])
    united = absorb(repository, new)
    assert refusal(repository, new, united) == ("", "")
    add(repository, files(1), "one more")
    assert {change_path(name) for name in names} < paths(repository)
    assert not [path for path in paths(repository) if path.count("/") < 2]


def _flat(repository: Repository, parent: str, path: str, content: bytes) -> None:
    """A commit as older versions of gate made it."""
    stream = b"commit %s\ncommitter g <g@g> 0 +0000\ndata 1\nx\nfrom %s\n" % (LOG.encode(), parent.encode())
    stream += b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content)
    repository.run("fast-import", "--quiet", stdin=stream)


def test_a_lock_that_stays_is_reported(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "ATTEMPTS", 3)
    add(repository, files(1), "one")
    (repository.git_dir / "refs/gate/log.lock").touch()
    with pytest.raises(CannotDecide) as caught:
        add(repository, files(2), "two")
    assert "log.lock" in caught.value.hint
    assert not list(repository.git_dir.glob("fast_import_crash_*"))


def test_only_commits_of_the_log_prove_what_came_after_what(repository: Repository, tmp_path: Path) -> None:
    first, second, third, fourth = (next(iter(files(number))).rpartition("/")[2][:-5] for number in range(4))
    add(repository, files(0), "first")
    other = make(tmp_path / "other")
    absorb(other, copy_objects(repository, other))
    add(repository, files(1), "second")
    add(other, files(2), "third, at the same time")
    absorb(repository, copy_objects(other, repository))
    add(repository, files(3), "fourth")
    log = ApprovalLog(repository, open_index(repository, settle(repository)))
    everything = {first, second, third, fourth}
    assert added_after(log, everything, {first}) == {second, third, fourth}
    assert added_after(log, everything, {second}) == {fourth}
    assert added_after(log, everything, {second, third}) == {fourth}
    assert added_after(log, everything, set()) == everything


def test_what_came_in_together_is_in_no_order(repository: Repository) -> None:
    first, second = (next(iter(files(number))).rpartition("/")[2][:-5] for number in range(2))
    add(repository, {**files(0), **files(1)}, "both")
    log = ApprovalLog(repository, open_index(repository, settle(repository)))
    assert added_after(log, {second}, {first}) == added_after(log, {first}, {second}) == frozenset()
