"""Results in `refs/gate/results/`: whatever is there costs time at most, and only what is needed is fetched."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from support.company import Clone, Company, build_company, isolated
from support.pushing import tree_with

from gate.git.repository import Repository
from gate.git.scratch import FOLDER
from gate.shared_results import stores
from gate.shared_results.in_git import (
    INDEX,
    LIFETIME,
    MOST_BUNDLES,
    MOST_BYTES,
    REF,
    Bundle,
    ResultsRef,
    dump_index,
    parse_index,
    remaining,
)
from gate.shared_results.signed import SignedResults
from gate.ssh import find_key

KEY, OTHER, THIRD = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The git of this process doesn't read the settings of the person who runs the tests."""
    for name, value in isolated(tmp_path / "company" / "home").items():
        monkeypatch.setenv(name, value)
    # However slow the machine is.
    monkeypatch.setattr(stores, "SECONDS", 60.0)


def opened(clone: Clone, company: Company, *, signer: str = "") -> SignedResults:
    """Return the results as a run in `clone` opens them."""
    trusted = find_key(company.clone("ci").key("ci"), "", ()).public
    key = find_key(clone.key(signer), "", ()) if signer else None
    store = ResultsRef(Repository.find(clone.path), "origin")
    return SignedResults(store, "acme/shortener", {trusted.blob: trusted}, key)


def publish(company: Company, results: Mapping[str, bytes], *, signer: str = "ci") -> None:
    """Share results as one run of CI."""
    run = opened(company.clone("ci"), company, signer=signer)
    for key, body in results.items():
        run.put(key, body)
    run.close()


def read(company: Company, *keys: str, clone: str = "bob") -> list[bytes | None]:
    run = opened(company.clone(clone), company)
    found = [run.get(key) for key in keys]
    run.close()
    return found


def listed(company: Company) -> list[Bundle]:
    return parse_index(company.server.git("show", f"{INDEX}:index").encode())


def refs(company: Company) -> list[str]:
    return company.server.git("for-each-ref", "--format=%(refname)", REF).splitlines()


def test_others_read_what_ci_has_shared(company: Company) -> None:
    publish(company, {KEY: b"passed", OTHER: b"too"})
    assert read(company, KEY, OTHER, THIRD) == [b"passed", b"too", None]
    assert refs(company) == sorted([INDEX, f"{REF}/{listed(company)[0].id}"])


def test_nothing_is_there_at_first_and_nobody_writes_without_the_key(company: Company) -> None:
    bob = opened(company.clone("bob"), company)
    assert bob.get(KEY) is None
    bob.put(KEY, b"passed")
    bob.close()
    assert refs(company) == []


def test_a_reader_gets_only_the_bundle_that_it_needs_and_nothing_in_its_repository(company: Company) -> None:
    publish(company, {OTHER: b"other" * 1000})
    publish(company, {KEY: b"passed"})
    bob = company.clone("bob")
    before = bob.git("count-objects", "-v"), bob.git("for-each-ref")
    run = opened(bob, company)
    assert run.get(KEY) == b"passed"
    (scratch,) = (bob.path / ".git" / "gate" / FOLDER).iterdir()
    inside = Clone(scratch, "bob", company.keys)
    fetched = inside.git("for-each-ref", "--format=%(refname)").splitlines()
    assert [name.rpartition("/")[2] for name in fetched if "bundles" in name] == [listed(company)[0].id]
    sizes = inside.git("cat-file", "--batch-all-objects", "--batch-check=%(objectsize)").splitlines()
    assert max(map(int, sizes)) < 5000, "the other bundle"
    run.close()
    assert (bob.git("count-objects", "-v"), bob.git("for-each-ref")) == before
    assert not (bob.path / ".git" / "FETCH_HEAD").exists()
    assert list((bob.path / ".git" / "gate" / FOLDER).iterdir()) == []


@pytest.mark.slow
def test_writers_at_the_same_time_lose_nothing(company: Company) -> None:
    company.clone("ci")
    keys = [f"{number:064x}" for number in range(5)]
    writers = [opened(company.clone("ci"), company, signer="ci") for _ in keys]
    for writer, key in zip(writers, keys, strict=True):
        assert writer.get(KEY) is None, "each has read the same index"
        writer.put(key, key.encode())
    threads = [threading.Thread(target=writer.close) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(company, *keys) == [key.encode() for key in keys]
    assert len(refs(company)) == len(keys) + 1


@pytest.mark.slow
def test_what_a_run_uses_goes_into_its_bundle_so_that_it_does_not_expire(company: Company) -> None:
    publish(company, {KEY: b"passed"})
    run = opened(company.clone("ci"), company, signer="ci")
    assert run.get(KEY) == b"passed"
    run.put(OTHER, b"new")
    run.close()
    assert [len(bundle.names) for bundle in listed(company)] == [2], "the older one isn't needed any more"
    assert read(company, KEY, OTHER) == [b"passed", b"new"]
    before = company.server.git("rev-parse", INDEX)
    again = opened(company.clone("ci"), company, signer="ci")
    assert again.get(KEY) == b"passed"
    again.close()
    assert company.server.git("rev-parse", INDEX) == before, "nothing new, nothing old"


@pytest.mark.slow
def test_old_bundles_and_stray_refs_are_deleted(company: Company) -> None:
    publish(company, {KEY: b"old"})
    (old,) = listed(company)
    set_ref(company, INDEX, {"index": dump_index([replace(old, at=old.at - LIFETIME - 1)])})
    company.server.git("update-ref", f"{REF}/stray", "refs/heads/main")
    publish(company, {OTHER: b"new"})
    (new,) = listed(company)
    assert refs(company) == sorted([INDEX, f"{REF}/{new.id}"])
    assert read(company, KEY, OTHER) == [None, b"new"]


@pytest.mark.parametrize(
    ("bundles", "expected"),
    [
        ([("1", 0, 1, "a"), ("2", 0, 1, "b")], "12"),
        ([("1", 0, 1, "ab"), ("2", 0, 1, "b")], "1"),
        ([("1", 0, 1, "a"), ("2", LIFETIME + 1, 1, "b")], "1"),
        ([("1", 0, MOST_BYTES, "a"), ("2", 0, 1, "b")], "1"),
        ([("1", 0, MOST_BYTES + 1, "a")], ""),
        (
            [(chr(33 + number), 0, 1, chr(200 + number)) for number in range(70)],
            "".join(map(chr, range(33, 97))),
        ),
    ],
)
def test_what_remains(bundles: list[tuple[str, int, int, str]], expected: str) -> None:
    now = 10 * LIFETIME
    before = [Bundle(name, now - age, size, tuple(names)) for name, age, size, names in bundles]
    assert "".join(bundle.id for bundle in remaining(before, now)) == expected


def set_ref(company: Company, ref: str, files: Mapping[str, bytes], *, parent: str = "") -> str:
    """Point a ref on the server to a commit with these files, as a stranger who can push could."""
    server = company.server
    oid = tree_with(server, files)
    who = {
        "GIT_AUTHOR_NAME": "x",
        "GIT_AUTHOR_EMAIL": "x",
        "GIT_COMMITTER_NAME": "x",
        "GIT_COMMITTER_EMAIL": "x",
    }
    commit = server.git("commit-tree", oid, *(["-p", parent] if parent else []), env=who)
    server.git("update-ref", ref.replace("ID", commit), commit)
    return commit


def no_index(company: Company) -> None:
    company.server.git("update-ref", "-d", INDEX)


def no_bundle(company: Company) -> None:
    company.server.git("update-ref", "-d", f"{REF}/{listed(company)[0].id}")


def not_json(company: Company) -> None:
    set_ref(company, INDEX, {"index": b"\0" * 1000})


def nested(company: Company) -> None:
    set_ref(company, INDEX, {"index": b"[" * 50_000})


def huge_index(company: Company) -> None:
    set_ref(company, INDEX, {"index": b" " * 3_000_000})


def another_file(company: Company) -> None:
    set_ref(company, INDEX, {"other": b"{}"})


def too_many(company: Company) -> None:
    rows = [Bundle(f"{number:040x}", 1, 1, ()) for number in range(MOST_BUNDLES + 1)]
    set_ref(company, INDEX, {"index": dump_index(rows)})


def an_option_as_id(company: Company) -> None:
    (bundle,) = listed(company)
    evil = Bundle("--upload-pack=touch hacked", 1, 1, bundle.names)
    set_ref(company, INDEX, {"index": dump_index([evil])})


def another_bundle(company: Company) -> None:
    (bundle,) = listed(company)
    company.server.git("update-ref", f"{REF}/{bundle.id}", "refs/heads/main")


def a_blob(company: Company) -> None:
    blob = company.server.git("hash-object", "-w", "--stdin", stdin=b"x")
    company.server.git("update-ref", INDEX, blob)


def forged(company: Company) -> None:
    """The same bundle with another result, and an index that lists it."""
    (bundle,) = listed(company)
    names = company.server.git("ls-tree", "-r", "--name-only", bundle.id).splitlines()
    files = {name: company.server.git("show", f"{bundle.id}:{name}").encode() for name in names}
    files |= {name: b"forged" for name in names if name.startswith("cas/")}
    commit = set_ref(company, f"{REF}/ID", files)
    set_ref(company, INDEX, {"index": dump_index([Bundle(commit, bundle.at, 1, bundle.names)])})


def huge_bundle(company: Company) -> None:
    (bundle,) = listed(company)
    names = company.server.git("ls-tree", "-r", "--name-only", bundle.id).splitlines()
    files = dict.fromkeys(names, b"\x00" * 40000000)
    commit = set_ref(company, f"{REF}/ID", files)
    set_ref(company, INDEX, {"index": dump_index([Bundle(commit, bundle.at, 1, bundle.names)])})


ATTACKS = (
    no_index, no_bundle, not_json, nested, huge_index, another_file, too_many, an_option_as_id, another_bundle, a_blob,
    forged, huge_bundle,
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_whatever_is_there_costs_time_and_the_next_run_of_ci_repairs_it(
    company: Company, attack: Callable[[Company], None]
) -> None:
    publish(company, {KEY: b"passed"})
    attack(company)
    assert read(company, KEY) == [None]
    publish(company, {KEY: b"passed", OTHER: b"more"})
    assert read(company, KEY, OTHER) == [b"passed", b"more"]
    assert not (company.clone("bob").path / "hacked").exists()


def transport(folder: Path, script: str) -> str:
    """Return a command in place of ssh. It runs what git asks the server for, with `script` in between."""
    path = folder / "ssh"
    path.write_text(f"#!/bin/sh\nwhile [ $# -gt 1 ]; do shift; done\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "script",
    [
        'eval "$1" | head -c 300',
        'eval "$1" | head -c 20',
        "exit 255",
        "yes",
        "echo ERR; cat >&2",
        "sleep 600",
    ],
)
def test_a_connection_that_is_cut_off_or_hangs_costs_a_little_time_once(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    publish(company, {KEY: b"passed"})
    bob = company.clone("bob")
    bob.git("config", "remote.origin.url", f"ssh://nowhere{company.server.path}")
    monkeypatch.setenv("GIT_SSH_COMMAND", transport(tmp_path, 'eval "$1"'))
    assert read(company, KEY) == [b"passed"], "the transport works"
    monkeypatch.setenv("GIT_SSH_COMMAND", transport(tmp_path, script))
    monkeypatch.setattr(stores, "SECONDS", 1.0)
    run = opened(bob, company)
    assert run.get(KEY) is None
    monkeypatch.setenv("GIT_SSH_COMMAND", transport(tmp_path, 'eval "$1"'))
    assert run.get(KEY) is None, "it is asked no more in this run"
    run.close()


def test_a_writer_that_may_not_push_only_says_so(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    hook = company.server.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'no \033[31m writing here' >&2\nexit 1\n")
    hook.chmod(0o755)
    publish(company, {KEY: b"passed"})
    assert "writing here" in caplog.text
    assert "\033" not in caplog.text
    assert refs(company) == []


@pytest.mark.slow
def test_a_repository_with_sha256(tmp_path: Path) -> None:
    company = build_company(tmp_path / "company", "sha256")
    publish(company, {KEY: b"passed"})
    assert read(company, KEY) == [b"passed"]


def test_a_bare_repository_without_a_remote_reads_its_own_refs(company: Company) -> None:
    publish(company, {KEY: b"passed"})
    trusted = find_key(company.clone("ci").key("ci"), "", ()).public
    store = ResultsRef(Repository.find(company.server.path), "")
    assert SignedResults(store, "acme/shortener", {trusted.blob: trusted}, None).get(KEY) == b"passed"


@pytest.mark.slow
def test_a_second_clone_reuses_what_ci_has_checked(company: Company) -> None:
    policy = company.policy("      checks: [count]\n", more="").replace(
        'checks:\n  ok: {command: ["true"], report: none}\n',
        f'checks:\n  count: {{command: ["{sys.executable}", "-c", "pass"], report: none}}\n',
    )
    company.set_policy(policy)
    ada = company.clone("ada")
    ada.commit("v2", {"a.py": "x = 2\n"}, branch="feature")

    def check(name: str, **more: str) -> bool:
        clone = company.clone("bob", name)
        clone.fetch()
        asked = ("check", "--into", "main", "--head", "origin/feature", "--only", "count", "--format", "json")
        result = clone.gate(*asked, env={"GATE_CACHE": REF, **more})
        (found,) = json.loads(result.out)["checks"]
        assert found["outcome"] == "passed", result.text
        return bool(found["cached"])

    assert not check("one")
    assert not check("two"), "nobody has shared anything"
    assert not check("ci", GATE_CACHE_KEY=ada.key("ci"))
    assert check("three")
    company.server.git("update-ref", "-d", INDEX)
    assert not check("four")
