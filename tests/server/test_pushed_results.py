"""What a server accepts below `refs/gate/results/`: small bundles in which a bot has signed everything."""

from __future__ import annotations

import pytest
from support.company import Clone, Company, isolated
from support.pushing import tree_with

from gate.git.repository import Repository
from gate.shared_results import stores
from gate.shared_results.in_git import INDEX, LARGEST_BUNDLE, REF, Bundle, ResultsRef, dump_index
from gate.shared_results.signed import SignedResults
from gate.ssh import find_key

KEY, OTHER = "a" * 64, "b" * 64
Files = dict[str, bytes]


@pytest.fixture
def ci(guarded: Company, monkeypatch: pytest.MonkeyPatch) -> Clone:
    for name, value in isolated(guarded.path / "home").items():
        monkeypatch.setenv(name, value)
    # However slow the machine is.
    monkeypatch.setattr(stores, "SECONDS", 60.0)
    return guarded.clone("ci")


def publish(clone: Clone, *keys: str, signer: str = "ci", repository: str = "acme/shortener") -> None:
    key = find_key(clone.key(signer), "", ())
    run = SignedResults(
        ResultsRef(Repository.find(clone.path), "origin"), repository, {key.public.blob: key.public}, key
    )
    for result in keys:
        run.put(result, f"passed {result}".encode())
    run.close()


def refs(company: Company) -> list[str]:
    return company.server.git("for-each-ref", "--format=%(refname)", REF).splitlines()


def test_what_a_bot_has_signed_is_accepted_and_may_be_deleted(guarded: Company, ci: Clone) -> None:
    publish(ci, KEY, OTHER)
    assert len(refs(guarded)) == 2
    publish(ci, "c" * 64)
    assert len(refs(guarded)) == 3
    ci.git("push", "-q", "origin", *(f":{ref}" for ref in refs(guarded)))
    assert refs(guarded) == []


@pytest.mark.parametrize(
    ("signer", "repository"),
    [("ada", "acme/shortener"), ("stranger", "acme/shortener"), ("ci", "acme/other")],
)
def test_what_nobody_with_a_bots_key_has_signed_for_this_repository_is_refused(
    guarded: Company, ci: Clone, signer: str, repository: str, caplog: pytest.LogCaptureFixture
) -> None:
    publish(ci, KEY, signer=signer, repository=repository)
    assert refs(guarded) == []
    assert "is not a statement" in caplog.text or "not signed with the key of a bot" in caplog.text


def unsigned_result(files: Files) -> Files:
    return {**files, f"cas/{'0' * 64}": b"x"}


def another_content(files: Files) -> Files:
    return {name: b"forged" if name.startswith("cas/") else data for name, data in files.items()}


def another_place(files: Files) -> Files:
    return {f"ac/{'0' * 64}" if name.startswith("ac/") else name: data for name, data in files.items()}


def another_key(files: Files) -> Files:
    return {name: data.replace(b'\\"v\\": 1', b'\\"v\\":  1') for name, data in files.items()}


def extra_file(files: Files) -> Files:
    return {**files, "movie.mp4": b"x"}


def too_large(files: Files) -> Files:
    return {**files, f"cas/{'0' * 64}": b"\0" * (LARGEST_BUNDLE + 1)}


def no_statement(files: Files) -> Files:
    return {name: b"{}" if name.startswith("ac/") else data for name, data in files.items()}


REFUSED = {
    unsigned_result: "does not fit its name",
    another_content: "does not fit its name",
    another_place: "is not a statement",
    another_key: "an invalid signature",
    extra_file: "cannot contain movie.mp4",
    too_large: "bytes of results; at most",
    no_statement: "is not a statement",
}


def committed(clone: Clone, files: Files, *options: str, message: str = "") -> str:
    """Return a commit with these files."""
    tree = tree_with(clone, files)
    return clone.git("commit-tree", tree, *options, stdin=message.encode())


def pushed(clone: Clone, spec: str) -> str:
    with pytest.raises(AssertionError) as error:
        clone.git("push", "origin", f"+{spec}")
    return str(error.value)


@pytest.fixture
def bundle(guarded: Company, ci: Clone) -> Files:
    """The files of a good bundle, which the server no longer has."""
    publish(ci, KEY)
    (ref,) = (ref for ref in refs(guarded) if ref != INDEX)
    names = guarded.server.git("ls-tree", "-r", "--name-only", ref).splitlines()
    files = {name: guarded.server.git("show", f"{ref}:{name}").encode() for name in names}
    for name in refs(guarded):
        guarded.server.git("update-ref", "-d", name)
    return files


@pytest.mark.slow
def test_every_other_content_is_refused(guarded: Company, ci: Clone, bundle: Files) -> None:
    for change, reason in REFUSED.items():
        commit = committed(ci, change(bundle))
        assert reason in pushed(ci, f"{commit}:{REF}/{commit}"), change.__name__
    good = committed(ci, bundle)
    parent = committed(ci, bundle, "-p", "HEAD")
    wordy = committed(ci, bundle, message="x" * 5000)
    for commit in (parent, wordy):
        assert "a commit without parents" in pushed(ci, f"{commit}:{REF}/{commit}")
    for name in ("other", parent, good.upper(), f"{good}/x"):
        assert "named by their object ID" in pushed(ci, f"{good}:{REF}/{name}")
    assert "refs/gate/results/" in pushed(ci, f"{good}:{REF}")
    tree = ci.git("rev-parse", f"{good}^{{tree}}")
    assert "a commit without parents" in pushed(ci, f"{tree}:{REF}/{tree}")
    assert refs(guarded) == []
    ci.git("push", "-q", "origin", f"{good}:{REF}/{good}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"index": b"{}"}, "can't be read"),
        ({"index": b"["}, "can't be read"),
        ({"index": dump_index([Bundle("--x", 1, 1, ())])}, "can't be read"),
        ({"index": b" " * 3_000_000}, "is larger than"),
        ({"other": dump_index([])}, "must contain one file"),
        ({"index": dump_index([]), "other": b"x"}, "must contain one file"),
    ],
)
def test_an_index_that_lists_no_bundles_is_refused(
    guarded: Company, ci: Clone, files: Files, reason: str
) -> None:
    assert reason in pushed(ci, f"{committed(ci, files)}:{INDEX}")
    assert refs(guarded) == []


@pytest.mark.slow
def test_there_is_a_limit_to_how_many_there_are(
    guarded: Company, ci: Clone, bundle: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    tip = guarded.server.git("rev-parse", "main")
    updates = "".join(f"create {REF}/{number:040x} {tip}\n" for number in range(200))
    guarded.server.git("update-ref", "--stdin", stdin=updates.encode())
    good = committed(ci, bundle)
    assert "there are already 200 refs" in pushed(ci, f"{good}:{REF}/{good}")
    publish(ci, KEY)
    assert len(refs(guarded)) == 2, "its push also deletes what no index lists"
