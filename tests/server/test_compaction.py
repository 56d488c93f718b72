"""A compacted log: made of what is admitted, taken over by every clone, and by none if no guardian signed it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.company import Clone, Company, build_company
from support.forging import forged, plant
from support.pushing import change, on_main, push

LOG = "refs/gate/log"
pytestmark = pytest.mark.slow


def merged(company: Company, branch: str, files: dict[str, str | bytes]) -> None:
    """A branch of the new hire's, approved and merged on the server."""
    senior = change(company, branch, files)
    senior.approve(f"origin/{branch}")
    result = senior.gate("merge", f"origin/{branch}", "--push")
    assert result.code == 0, result.text


def litter(company: Company) -> str:
    """Put an unsigned record and a large list into the server's log, as nobody could push them now."""
    server, stranger = company.server, company.clone("newhire", "stranger")
    stranger.fetch()
    stranger.git("checkout", "-q", "-b", "feature", "origin/main")
    stranger.commit("x", {"a.py": "x = 99\n"}, push=False)
    stranger.git("fetch", "-q", "origin", f"+{LOG}:{LOG}")
    hook = server.path / "hooks" / "pre-receive"
    hook.rename(hook.with_name("aside"))
    record = plant(stranger, forged(stranger, by="@nehemiah"), "stranger")
    hook.with_name("aside").rename(hook)
    return record


def compacted(server: Clone, key: str = "nehemiah") -> str:
    result = server.gate("log", "--compact", "--key", server.key(key))
    assert result.code == 0, result.text
    return server.git("rev-parse", LOG)


def records(clone: Clone) -> set[str]:
    return {Path(name).name for name in clone.log() if name.endswith(".json") and name.startswith("records")}


@pytest.fixture
def littered(guarded: Company) -> Company:
    """A server with two merges, an objection, and what a stranger has left in the log between them."""
    merged(guarded, "one", {"a.py": "x = 2\n"})
    litter(guarded)
    change(guarded, "open", {"b.py": "y = 7\n"})
    bob = guarded.clone("bob")
    bob.fetch()
    assert bob.gate("approve", "origin/open", "--block", "--reason", "no").code == 0
    merged(guarded, "two", {"a.py": "x = 3\n"})
    return guarded


def test_every_clone_takes_it_over_and_nothing_signed_is_lost(littered: Company) -> None:
    server, ada, bob = littered.server, littered.clone("ada"), littered.clone("bob")
    assert ada.gate("audit", "--fetch").code == 0
    # Bob approves while the server cannot be reached, and then the log is compacted.
    ada.fetch()
    bob.fetch()
    change(littered, "three", {"docs/index.md": "# New\n"})
    bob.fetch()
    bob.git("remote", "set-url", "origin", str(littered.path / "gone.git"))
    assert bob.gate("approve", "origin/three").code == 3
    bob.git("remote", "set-url", "origin", str(server.path))
    before = records(server)
    old = server.git("rev-parse", LOG)
    new = compacted(server)
    assert server.git("rev-list", new).split()[-1] not in server.git("rev-list", old).split()
    assert len(before - records(server)) == 1

    # A clone that knows the old log, one that adds to it, and one that knows neither.
    audit = ada.gate("audit", "--fetch")
    assert audit.code == 0, audit.text
    assert ada.git("rev-parse", LOG) == new
    again = bob.gate("approve", "origin/three")
    assert again.code == 0, again.text
    assert records(server) - records(ada)
    fresh = littered.clone("nehemiah", "fresh")
    audit = fresh.gate("audit", "--fetch")
    assert audit.code == 0, audit.text
    assert not fresh.may_merge("origin/open")
    assert "no" in fresh.gate("check", "--head", "origin/open").out
    merged(littered, "four", {"a.py": "x = 4\n"})

    # Once more, and the merges still find what they refer to.
    compacted(server, "ada")
    for clone in (ada, littered.clone("nehemiah", "fresher")):
        audit = clone.gate("audit", "--fetch")
        assert audit.code == 0, audit.text


def test_a_log_with_sha256_object_ids_is_compacted_too(tmp_path: Path) -> None:
    company = build_company(tmp_path / "company", "sha256")
    assert company.server.gate("install", "--server").code == 0
    merged(company, "one", {"a.py": "x = 2\n"})
    compacted(company.server)
    audit = company.clone("ada").gate("audit", "--fetch")
    assert audit.code == 0, audit.text


def test_only_an_administrator_on_the_server_can_do_it(littered: Company) -> None:
    server = littered.server
    before = server.git("rev-parse", LOG)
    refused = server.gate("log", "--compact", "--key", server.key("bob"))
    assert refused.code == 2
    assert "guardian" in refused.err
    in_a_clone = littered.clone("nehemiah").gate("log", "--compact")
    assert in_a_clone.code == 2
    assert "on the server" in in_a_clone.err
    assert server.git("rev-parse", LOG) == before


@pytest.mark.attack(17, "replace the server's log with a compacted one that drops an objection")
@pytest.mark.parametrize("how", ["unsigned", "altered", "by no guardian"])
def test_a_compaction_by_somebody_else_takes_nothing_away(
    littered: Company, tmp_path: Path, how: str
) -> None:
    server, ada = littered.server, littered.clone("ada")
    ada.fetch()
    ada.gate("approvals", "--fetch", "origin/open")
    assert not ada.may_merge("origin/open")
    held = records(ada)
    (objection,) = [each["id"] for each in ada.decisions("origin/open") if each["kind"] == "block"]
    evil = Clone(tmp_path / "evil.git", "nobody", littered.keys)
    shutil.copytree(server.path, evil.path)
    if how == "by no guardian":
        lower = littered.policy().replace(
            '"@acme/guardians": ["@nehemiah", "@ada"]', '"@acme/guardians": ["@bob"]'
        )
        work = littered.clone("nobody", "setup")
        on_main(work)
        work.write({"gate.yaml": lower})
        work.git("commit", "-qam", "policy")
        work.git("push", "-q", "--no-verify", str(evil.path), "HEAD:refs/heads/other")
        evil.git("update-ref", "refs/heads/main", evil.git("rev-parse", "refs/heads/other"))
        tip = compacted(evil, "bob")
    else:
        tip = compacted(evil)
    attacker = littered.clone("newhire", "attacker")
    attacker.git("fetch", "-q", str(evil.path), tip)
    if how != "by no guardian":
        attacker.git("read-tree", tip)
        compaction = attacker.git("diff-tree", "-r", "--name-only", f"{tip}^", tip)
        for name in attacker.git("ls-tree", "-r", "--name-only", tip).splitlines():
            if objection in name or (how == "unsigned" and name.endswith(".sig") and name in compaction):
                attacker.git("update-index", "--force-remove", name)
        tip = attacker.git("commit-tree", attacker.git("write-tree"), "-m", "State")
    refused = push(attacker, "-f", "origin", f"{tip}:{LOG}")
    assert "records would be lost" in refused.err
    # It gets there all the same, as by somebody with a shell on the server.
    attacker.git("update-ref", "refs/heads/tip", tip)
    server.git("fetch", "-q", str(attacker.path), "refs/heads/tip")
    server.git("update-ref", LOG, tip)
    ada.gate("approvals", "--fetch", "origin/open")
    assert held <= records(ada)
    assert not ada.may_merge("origin/open")
