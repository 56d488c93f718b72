"""Attacks on who somebody is, and on rules that somebody meant: see `threats.toml`."""

from __future__ import annotations

import pytest
from support.company import Company
from support.pushing import push

REQUIRE = (
    '      owners: false\n      approvals: 1\n      guarded: ["@ada", "@nehemiah"]\n      checks: [ok]\n'
)
OWNED = "      checks: []\n"


def with_login(company: Company) -> str:
    """Bob has a login on GitHub."""
    return company.policy(REQUIRE).replace(
        "emails: [bob@acme.example]", "emails: [bob@acme.example], github: bob-gh"
    )


@pytest.mark.attack(44, "approve one's own commit with a look-alike address")
@pytest.mark.parametrize(
    ("email", "message"),
    [
        ("7+bob-gh@users.noreply.github.com", "v2"),
        ("BOB-GH@users.noreply.github.com", "v2"),
        ("newhire@acme.example", "v2\n\nCo-authored-by: x <7+Bob-gh@users.noreply.github.com>"),
        ("newhire@acme.example", "v2\n\nCo-authored-by: bob@acme.example\n\nand more text"),
        ("newhire@acme.example", "v2\n\nco-authored-by: A <a@x.example>, B <bob@acme.example>"),
        ("newhire@acme.example", "v2\n\n  Co-Developed-By: B <bob-gh@users.noreply.github.com> (pair)"),
        ("7+\uff42ob-gh@users.noreply.github.com", "v2"),
        ("newhire@acme.example", "v2\n\nCo-authored-by: B <b\u200bob@\uff41cme.example.>"),
    ],
    ids=[
        "author",
        "another case",
        "co-author",
        "no brackets",
        "second of two",
        "co-developer",
        "full-width letters",
        "invisible characters",
    ],
)
def test_44_own_work_under_a_no_reply_address(company: Company, email: str, message: str) -> None:
    company.set_policy(with_login(company))
    bob = company.clone("bob")
    bob.fetch()
    bob.git("switch", "-q", "-c", "feature", "origin/main")
    bob.write({"a.py": "x = 2\n"})
    who = {"GIT_AUTHOR_EMAIL": email, "GIT_COMMITTER_EMAIL": "noreply@github.com"}
    bob.git("commit", "-qam", message, env=who)
    refused = bob.gate("approve", "feature", "--yes")
    assert refused.code == 2
    assert "author of this change" in refused.err
    assert not bob.may_merge("feature")


@pytest.mark.attack(45, "a CODEOWNERS file that would be read as empty or ignored")
@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("CODEOWNERS", "* @nehemiah\n".encode("utf-16")),
        ("CODEOWNERS", "* @nehemiah\n".encode("utf-16-be")),
        ("CODEOWNERS", b"# owners\r* @nehemiah\n"),
        ("CODEOWNERS", b"@nehemiah @ada\n"),
        (".github/codeowners", b"* @nehemiah\n"),
        (".gitlab/CODEOWNER", b"* @nehemiah\n"),
        (".github/workflows/CODEOWNERS", b"* @nehemiah\n"),
        ("web/CODEOWNERS", b"* @nehemiah\n"),
        ("CODEOWNERS", b"*: @nehemiah\n"),
    ],
    ids=[
        "UTF-16",
        "no mark",
        "carriage return",
        "no pattern",
        "lower case",
        "singular",
        "a folder below",
        "per folder",
        "a colon",
    ],
)
def test_45_owners_that_were_meant_and_not_read(company: Company, path: str, content: bytes) -> None:
    company.set_policy(company.policy(OWNED))
    setup = company.clone("nobody", "setup")
    setup.git("rm", "-q", "-r", "--ignore-unmatch", ".github", "CODEOWNERS")
    setup.write({path: content})
    setup.git("add", "-A")
    setup.git("commit", "-qm", "owners")
    setup.git("push", "-q", "origin", "main")
    new = company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    result = new.gate("check", "--head", "feature")
    assert result.code == 2
    assert path in result.err


@pytest.mark.attack(45, "a policy file or branch with almost the right name")
@pytest.mark.parametrize("found", ["gate.yml", ".github/gate.yaml", "protects Main"])
@pytest.mark.slow
def test_45_a_policy_that_was_meant_and_not_read(company: Company, found: str) -> None:
    setup, server = company.clone("nobody", "setup"), company.server
    assert server.gate("install", "--server").code == 0
    (server.path / "hooks" / "pre-receive").rename(server.path / "hooks" / "aside")
    if found == "protects Main":
        setup.write({"gate.yaml": company.policy(REQUIRE).replace("  main:", "  Main:")})
    else:
        (setup.path / found).parent.mkdir(exist_ok=True)
        setup.git("mv", "gate.yaml", found)
    setup.git("add", "-A")
    setup.git("commit", "-qm", "policy")
    setup.git("push", "-q", "origin", "main")
    (server.path / "hooks" / "aside").rename(server.path / "hooks" / "pre-receive")
    new = company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature", push=False)
    result = new.gate("check", "--head", "feature")
    assert result.code == 2
    assert found.removeprefix("protects ") in result.err
    pushed = push(new, "origin", "feature:main")
    assert pushed.code != 0


@pytest.mark.slow
@pytest.mark.attack(46, "revoke an objection with a replaced key")
def test_46_a_replaced_key_and_an_objection(company: Company) -> None:
    company.set_policy(company.policy(REQUIRE))
    new, bob, ada = company.clone("newhire"), company.clone("bob"), company.clone("ada")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    bob.approve("feature", "--block", "--reason", "drops the index")
    ada.approve("feature")
    (objection,) = [each["id"] for each in bob.decisions("origin/feature") if each["kind"] == "block"]
    old = bob.git("rev-parse", "origin/main").strip()
    company.set_policy(company.policy(REQUIRE).replace(company.public("bob"), company.public("second")))
    ada.fetch()
    assert not ada.may_merge("origin/feature")
    # Somebody with the old key withdraws it, in a clone that still lists it.
    bob.git("update-ref", "refs/remotes/origin/main", old)
    bob.gate("revoke", objection)
    ada.gate("approvals", "--fetch", "origin/feature")
    assert not ada.may_merge("origin/feature")
