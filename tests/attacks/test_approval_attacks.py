"""Attacks on approvals, each carried out with real git and real keys through the command line.

The number in a name is that of the line in the list of threats.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from support.company import Clone, Company
from support.forging import BRANCH, forged, plant, put, sign

from gate.approvals.record import record_id, serialise
from gate.log.paths import record_path, signature_path


@pytest.fixture
def new(company: Company) -> Clone:
    """The new hire's clone, with a change that needs the senior."""
    clone = company.clone("newhire")
    clone.commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    return clone


@pytest.fixture
def senior(company: Company, new: Clone) -> Clone:
    clone = company.clone("nehemiah")
    clone.fetch()
    return clone


def whys(clone: Clone, rev: str = BRANCH) -> list[str]:
    return [one["why"] for one in clone.decisions(rev) if not one["counted"]]


def not_admitted(clone: Clone, why: str, rev: str = BRANCH) -> bool:
    """Is there a record for which this is given as the reason why it is treated as absent?"""
    result = clone.gate("approvals", rev)
    return "record not admitted, such as" in result.out and result.out.split(": ")[-1].startswith(why)


@pytest.mark.slow
@pytest.mark.attack(9, "push more commits after the approval")
def test_09_approve_then_push_more(new: Clone, senior: Clone) -> None:
    senior.approve(BRANCH)
    new.commit("one more thing", {"a.py": "import os\n"}, branch=BRANCH)
    senior.fetch()
    assert not senior.may_merge("origin/feature")
    assert whys(senior) == ["stale: a.py changed since"]


@pytest.mark.slow
@pytest.mark.attack(10, "rebase over unrelated files: the approval still counts")
def test_10_a_rebase_over_other_files_keeps_the_approval(company: Company, new: Clone, senior: Clone) -> None:
    senior.approve(BRANCH)
    company.clone("ada").commit("other work", {"web/page.py": "z = 2\n"})
    new.fetch()
    new.git("rebase", "-q", "origin/main")
    new.git("push", "-q", "-f", "origin", BRANCH)
    senior.fetch()
    assert senior.may_merge("origin/feature")


@pytest.mark.slow
@pytest.mark.attack(10, "rebase over a change to the same file: the approval is stale")
def test_10_a_rebase_that_alters_the_file_makes_it_stale(company: Company, new: Clone) -> None:
    ada, senior = company.clone("ada"), company.clone("nehemiah")
    ada.commit("longer", {"a.py": "x = 1\n" * 12})
    new.commit("v2", {"a.py": "x = 1\n" * 11 + "x = 2\n"}, branch="longer")
    senior.approve("longer")
    assert senior.may_merge("origin/longer")
    ada.commit("other work", {"a.py": "x = 3\n" + "x = 1\n" * 11})
    new.fetch()
    new.git("rebase", "-q", "origin/main")
    new.git("push", "-q", "-f", "origin", "longer")
    senior.fetch()
    assert not senior.may_merge("origin/longer")
    assert whys(senior, "origin/longer") == ["stale: a.py changed since"]


@pytest.mark.slow
@pytest.mark.attack(11, "replay an approval from another branch or repository")
@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"into": "refs/heads/release"}, "for another branch: release"),
        ({"repository": "acme/other"}, "for another repository: acme/other"),
        ({"repository": ""}, "for another repository: one without a name"),
    ],
    ids=["branch", "repository", "no repository"],
)
def test_11_replay_from_elsewhere(new: Clone, senior: Clone, fields: dict[str, str], why: str) -> None:
    plant(senior, forged(senior_view(senior), **fields), "nehemiah")
    assert not senior.may_merge("origin/feature")
    assert whys(senior) == [why]


def senior_view(senior: Clone) -> Clone:
    """The senior's clone with the feature checked out, as `forged` names it."""
    senior.git("checkout", "-q", BRANCH)
    return senior


@pytest.mark.slow
@pytest.mark.attack(11, "replay the approval of another change")
def test_11_replay_of_an_approval_of_another_change(new: Clone, senior: Clone) -> None:
    senior.approve(BRANCH)
    new.commit("evil", {"a.py": "import os\n"}, branch="evil")
    senior.fetch()
    assert not senior.may_merge("origin/evil")


@pytest.mark.slow
@pytest.mark.attack(12, "change only white space after the approval")
def test_12_white_space_is_meaning(new: Clone, senior: Clone) -> None:
    new.commit("v3", {"a.py": "if x:\n    a()\n    b()\n"}, branch=BRANCH)
    senior.approve(BRANCH)
    new.commit("tidy", {"a.py": "if x:\n    a()\nb()\n"}, branch=BRANCH)
    assert diff_id(new, "HEAD~1") == diff_id(new, "HEAD"), "git's patch-id takes the two for the same"
    senior.fetch()
    assert not senior.may_merge("origin/feature")


def diff_id(clone: Clone, rev: str) -> str:
    diff = clone.git("diff", "origin/main", rev, "--", "a.py")
    return clone.git("patch-id", "--stable", stdin=diff.encode() + b"\n").split()[0]


@pytest.mark.slow
@pytest.mark.attack(13, "approve one's own change")
def test_13_approving_ones_own(new: Clone) -> None:
    assert new.gate("approve", BRANCH).code == 2
    plant(new, forged(new, by="@newhire"), "newhire")
    assert not new.may_merge(BRANCH)
    assert whys(new) == ["author of the change"]


@pytest.mark.attack(13, "approve as the committer or a co-author")
@pytest.mark.parametrize("role", ["committer", "co-author"])
def test_13_hiding_behind_somebody_else(company: Company, role: str) -> None:
    new = company.clone("newhire")
    new.git("checkout", "-q", "-b", BRANCH, "origin/main")
    new.write({"docs/index.md": "# New\n"})
    new.git("add", "-A")
    if role == "committer":
        new.git("commit", "-q", "-m", "v2", "--author", "ada <ada@acme.example>")
    else:
        env = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "ada"), ("EMAIL", "ada@acme.example"))
        }
        new.git("commit", "-q", "-m", "v2\n\nCo-authored-by: newhire <NEWHIRE@acme.example>", env=env)
    result = new.gate("approve", BRANCH)
    assert result.code == 2
    assert "is an author of this change and cannot approve it" in result.err
    plant(new, forged(new, by="@newhire"), "newhire")
    assert whys(new) == ["author of the change"]


@pytest.mark.slow
@pytest.mark.attack(13, "approve with a second key, under a second address")
def test_13_a_second_key_and_a_second_address_are_the_same_person(company: Company) -> None:
    keys = {"nehemiah": [company.public("nehemiah"), company.public("second")]}
    policy = company.policy("      approvals: 2\n      checks: [ok]\n", keys=keys)
    policy = policy.replace("[nehemiah@acme.example]", "[nehemiah@acme.example, n@home.example]")
    company.set_policy(policy)
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    senior.approve(BRANCH)
    senior.fetch()
    senior.git("checkout", "-q", BRANCH)
    plant(senior, forged(senior), "second")
    assert not senior.may_merge("origin/feature"), "two keys of one person are one person"
    new.git("-c", "user.email=N@home.example", "commit", "-q", "--amend", "--reset-author", "-m", "v2")
    new.git("push", "-q", "-f", "origin", BRANCH)
    senior.fetch()
    assert set(whys(senior, "origin/feature")) == {"author of the change"}


@pytest.mark.slow
@pytest.mark.attack(13, "approve as a bot")
def test_13_a_bot(senior: Clone) -> None:
    senior_view(senior)
    plant(senior, forged(senior, by="@ci"), "ci")
    assert not senior.may_merge(BRANCH)
    assert whys(senior) == ["a bot cannot approve"]


@pytest.mark.slow
@pytest.mark.attack(14, "commit under an unknown address")
def test_14_an_author_nobody_knows_is_the_most_junior(company: Company) -> None:
    company.set_policy(
        company.policy(
            "      owners: false\n      seniority: {authors: [junior], need: senior}\n      checks: [ok]\n"
        )
    )
    new, bob = company.clone("newhire"), company.clone("bob")
    new.git("config", "user.email", "who@nowhere.example")
    new.commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    bob.approve(BRANCH)
    assert not bob.may_merge("origin/feature"), "not to list `unknown` does not let strangers in"
    ada = company.clone("ada")
    ada.approve(BRANCH)
    assert ada.may_merge("origin/feature")


@pytest.mark.slow
@pytest.mark.attack(14, "approve one's own work, committed under an unknown address")
def test_14_approving_ones_own_work_under_an_unknown_address(company: Company) -> None:
    company.set_policy(company.policy("      owners: false\n      approvals: 1\n      checks: [ok]\n"))
    new = company.clone("newhire")
    new.git("config", "user.email", "who@nowhere.example")
    new.commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    plant(new, forged(new, by="@newhire"), "newhire")
    assert not new.may_merge(BRANCH)
    assert whys(new) == ["an author of the change is unknown, and could be this junior"]
    assert new.gate("approve", BRANCH).code == 2


@pytest.mark.attack(14, "name a senior as the author of a junior's commit")
def test_14_naming_a_senior_as_author_does_not_help(new: Clone, senior: Clone) -> None:
    """It excludes the senior from approving, and the author stays known as the committer."""
    new.git("commit", "-q", "--amend", "--no-edit", "--author", "nehemiah <nehemiah@acme.example>")
    assert new.gate("approve", BRANCH).code == 2
    assert not new.may_merge(BRANCH)


def with_key_options(company: Company, options: str) -> None:
    company.set_policy(company.policy(keys={"nehemiah": [f"{options} {company.public('nehemiah')}"]}))


@pytest.mark.slow
@pytest.mark.attack(15, "backdate a signature to when the key was valid")
@pytest.mark.parametrize(
    ("options", "why"),
    [('valid-before="20200101"', "expired key"), ('valid-after="20990101"', "not yet valid key")],
    ids=["expired", "not yet valid"],
)
def test_15_backdating_does_not_revive_a_key(company: Company, options: str, why: str) -> None:
    with_key_options(company, options)
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    senior.fetch()
    assert senior.gate("approve", BRANCH).code == 2
    plant(senior_view(senior), forged(senior, at=1_500_000_000), "nehemiah")
    assert not senior.may_merge(BRANCH)
    assert whys(senior) == [why]


@pytest.mark.slow
@pytest.mark.attack(15, "sign with a key that was removed from the policy")
def test_15_a_key_that_was_taken_out_of_the_policy(company: Company, new: Clone, senior: Clone) -> None:
    senior.approve(BRANCH)
    assert senior.may_merge("origin/feature")
    company.set_policy(company.policy(keys={"nehemiah": [company.public("second")]}))
    senior.fetch()
    assert not senior.may_merge("origin/feature")
    assert whys(senior)[0].startswith("signed with a key that the policy no longer lists")


@pytest.mark.slow
@pytest.mark.attack(15, "reuse a signature that was made for another purpose")
def test_15_a_signature_made_for_something_else(senior: Clone) -> None:
    plant(senior_view(senior), forged(senior), "nehemiah", namespace="git")
    assert not senior.may_merge(BRANCH)
    assert not_admitted(senior, "its signature is not valid")


@pytest.mark.slow
@pytest.mark.attack(15, "sign in someone else's name")
def test_15_another_name_than_that_of_the_key(new: Clone) -> None:
    plant(new, forged(new, by="@nehemiah"), "newhire")
    assert not new.may_merge(BRANCH)
    assert not_admitted(new, "signed with the key of @newhire, in the name of @nehemiah")


@pytest.mark.slow
@pytest.mark.attack(15, "sign as a pattern that matches several names")
@pytest.mark.parametrize("name", ["@*", "@nehemiah,@newhire", "@?ehemiah", "@NEHEMIAH"])
def test_15_a_pattern_for_a_name(new: Clone, name: str) -> None:
    plant(new, forged(new, by=name), "newhire")
    assert not new.may_merge(BRANCH)
    assert not_admitted(new, f"signed with the key of @newhire, in the name of {name}")


@pytest.mark.attack(15, "list someone else's key as one's own")
def test_15_a_key_that_two_people_list_is_nobodys(company: Company) -> None:
    shared = [company.public("second")]
    result = company.policy(keys={"nehemiah": shared, "newhire": shared})
    company.set_policy(result)
    new = company.clone("newhire")
    new.commit("v2", {"docs/index.md": "# New\n"}, branch=BRANCH)
    assert new.gate("approve", BRANCH, "--key", new.key("second")).code == 2
    assert not new.may_merge(BRANCH)


def tampered(data: bytes, how: str) -> bytes:
    fields = json.loads(data)
    match how:
        case "another head":
            return data.replace(fields["head"].encode(), b"1" * 40)
        case "truncated":
            return data[:-20]
        case "re-serialized":
            return json.dumps(fields, indent=1, sort_keys=True).encode() + b"\n"
        case "a key twice":
            return data.replace(b'{"at":', b'{"at":1,"at":')
        case "no newline":
            return data.rstrip(b"\n")
        case "a field more":
            return serialise_any({**fields, "admin": "yes"})
        case _:
            return serialise_any({**fields, "at": float(fields["at"])})


def serialise_any(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode() + b"\n"


@pytest.mark.slow
@pytest.mark.attack(16, "alter a signed record")
@pytest.mark.parametrize(
    "how",
    ["another head", "truncated", "re-serialized", "a key twice", "no newline", "a field more", "a float"],
)
@pytest.mark.parametrize("renamed", [False, True], ids=["old name", "own name"])
def test_16_a_record_that_is_not_what_was_signed(new: Clone, senior: Clone, how: str, renamed: bool) -> None:
    senior_view(senior)
    data = serialise(forged(senior, by="@nehemiah"))
    signature = sign(senior, data, "nehemiah")
    bad = tampered(data, how)
    identity = record_id(bad if renamed else data)
    put(senior, {record_path(identity): bad, signature_path(identity): signature})
    assert not senior.may_merge(BRANCH)
    assert not any(one["counted"] for one in senior.decisions(BRANCH))


@pytest.mark.slow
@pytest.mark.attack(16, "attach the signature of another record")
def test_16_a_signature_that_belongs_to_another_record(new: Clone, senior: Clone) -> None:
    senior.approve(BRANCH)
    name = next(name for name in senior.log() if name.endswith(".sig"))
    signature = senior.git("cat-file", "blob", f"refs/gate/log:{name}").encode() + b"\n"
    new.commit("evil", {"a.py": "import os\n"}, branch=BRANCH)
    data = serialise(forged(new))
    new.git("fetch", "-q", "origin", "refs/gate/log:refs/gate/log")
    put(new, {record_path(record_id(data)): data, signature_path(record_id(data)): signature})
    assert not new.may_merge(BRANCH)
    assert not_admitted(new, "its signature is not valid")


@pytest.mark.slow
@pytest.mark.attack(16, "make up a signature for a known key")
def test_16_a_signature_for_a_known_key_made_up(new: Clone, company: Company) -> None:
    """It carries the senior's key, as everybody can, and another's signature."""
    data = serialise(forged(new))
    armour = sign(new, data, "newhire").decode().splitlines()
    raw = base64.b64decode("".join(armour[1:-1]))
    own, other = (base64.b64decode(company.public(name).split()[1]) for name in ("newhire", "nehemiah"))
    made = base64.b64encode(raw.replace(own, other)).decode()
    signature = f"{armour[0]}\n{made}\n{armour[-1]}\n".encode()
    put(new, {record_path(record_id(data)): data, signature_path(record_id(data)): signature})
    assert not new.may_merge(BRANCH)
    assert not_admitted(new, "its signature is not valid")


@pytest.mark.slow
@pytest.mark.attack(16, "alter a record whose signature is cached as valid")
def test_16_what_is_remembered_as_verified_is_bound_to_content(new: Clone, senior: Clone) -> None:
    senior.approve(BRANCH)
    assert senior.may_merge("origin/feature")
    remembered = senior.path / ".git" / "gate" / "log" / "verified"
    line = remembered.read_bytes().split()[0].decode()
    new.commit("evil", {"a.py": "import os\n"}, branch=BRANCH)
    senior.git("fetch", "-q", "origin")
    senior.git("checkout", "-q", "-B", BRANCH, "origin/feature")
    data = serialise(forged(senior))
    # A line of its own for the forged record, without the checksum that such a line has.
    made = hashlib.sha256(data).hexdigest()
    remembered.write_bytes(f"{line} 00000000\n{made} 00000000\n".encode() + b"\xff" * 64)
    put(senior, {record_path(record_id(data)): data, signature_path(record_id(data)): b"none"})
    assert not senior.may_merge(BRANCH)


STRANGE: dict[str, dict[str, Any]] = {
    "a time far ahead": {"at": 10**30},
    "a time before all times": {"at": -(10**30)},
    "a person with an escape": {"by": "\x1b[31m@nehemiah"},
    "a person over lines": {"by": "@nehemiah\n@ada"},
    "nobody": {"by": ""},
    "a branch over lines": {"into": "refs/heads/main\nrefs/heads/x"},
    "a base that is an option": {"base": "--all"},
    "a head that is a path": {"head": "../../../etc/passwd"},
    "a change that is a path": {"change": "../../refs/heads/main"},
    "a revoke of everything": {"kind": "revoke", "of": "*"},
    "an unknown kind": {"kind": "admin"},
    "another version": {"v": 2},
    "a reason of a megabyte": {"kind": "block", "by": "@newhire", "reason": "\u202e" * 300_000},
}


@pytest.mark.slow
@pytest.mark.attack(16, "a record with invalid values, signed by a person in the policy")
@pytest.mark.parametrize("how", STRANGE)
def test_16_strange_values(new: Clone, how: str) -> None:
    """None opens the gate, none is a traceback, and what is shown is inert."""
    fields = {"by": "@newhire", **STRANGE[how]}
    version = fields.pop("v", 1)
    made = json.loads(serialise(replace(forged(new), nonce="1" * 32)))
    data = serialise_any({**made, **fields, "v": version})
    put(
        new, {record_path(record_id(data)): data, signature_path(record_id(data)): sign(new, data, "newhire")}
    )
    for args in (["check"], ["approvals"], ["approvals", "--format", "json"], ["audit"], ["merge", BRANCH]):
        result = new.gate_process(*args)
        assert result.code in ({0, 1, 2, 3} if args[0] in {"approvals", "audit"} else {1, 2, 3}), result.text
        assert "\x1b" not in result.text
        assert "\u202e" not in result.text


def put_entry(clone: Clone, mode: str, oid: str, path: str) -> None:
    index = {"GIT_INDEX_FILE": str(clone.path / ".git" / "attack-index")}
    clone.git("read-tree", "refs/gate/log", env=index)
    clone.git("update-index", "--add", "--replace", "--cacheinfo", f"{mode},{oid},{path}", env=index)
    tree = clone.git("write-tree", env=index)
    clone.git("update-ref", "refs/gate/log", clone.git("commit-tree", tree, "-p", "refs/gate/log", "-m", "x"))


@pytest.mark.slow
@pytest.mark.attack(16, "a symlink, submodule, or folder in place of a log entry")
@pytest.mark.parametrize("how", ["link", "submodule", "folder", "executable"])
def test_16_entries_that_are_no_files(new: Clone, senior: Clone, how: str) -> None:
    senior.approve(BRANCH)
    record = next(name for name in senior.log() if name.endswith(".json"))
    new.commit("evil", {"a.py": "import os\n"}, branch=BRANCH)
    senior.fetch()
    senior.git("checkout", "-q", "-B", BRANCH, "origin/feature")
    data = serialise(forged(senior))
    path = record_path(record_id(data))
    match how:
        case "link":
            put_entry(
                senior,
                "120000",
                senior.git("hash-object", "-w", "--stdin", stdin=f"../../{record}".encode()),
                path,
            )
        case "submodule":
            put_entry(senior, "160000", senior.git("rev-parse", "HEAD"), path)
        case "folder":
            put_entry(senior, "100644", senior.git("hash-object", "-w", "--stdin", stdin=data), f"{path}/x")
        case _:
            put_entry(senior, "100755", senior.git("hash-object", "-w", "--stdin", stdin=data), path)
    result = senior.gate_process("check", "--head", BRANCH)
    assert result.code in {1, 3}, result.text
    assert senior.gate_process("approvals", BRANCH).code in {0, 3}
    assert not senior.may_merge(BRANCH)


@pytest.mark.slow
@pytest.mark.attack(17, "point the log's ref at something else")
@pytest.mark.parametrize("how", ["tag", "tree", "file", "the branch", "a ref of a ref"])
def test_17_the_log_is_something_else(new: Clone, senior: Clone, how: str) -> None:
    senior.approve(BRANCH)
    company_bob = Clone(senior.path, "bob", senior.keys)
    assert company_bob.gate("approve", BRANCH, "--block", "--key", senior.key("bob")).code == 0
    old = senior.git("rev-parse", "refs/gate/log~1")
    match how:
        case "tag":
            senior.git("tag", "-a", "-m", "x", "log", old)
            senior.git("update-ref", "refs/gate/log", senior.git("rev-parse", "refs/tags/log"))
        case "tree":
            senior.git("update-ref", "refs/gate/log", f"{old}^{{tree}}")
        case "file":
            senior.git("update-ref", "refs/gate/log", senior.git("hash-object", "-w", "--stdin", stdin=b"x"))
        case "the branch":
            senior.git("update-ref", "refs/gate/log", senior.git("rev-parse", "HEAD"))
        case _:
            senior.git("symbolic-ref", "refs/gate/log", "refs/heads/main")
    for args in (
        ["check", "--head", "origin/feature"],
        ["merge", "origin/feature"],
        ["approve", "origin/feature"],
    ):
        result = senior.gate_process(*args)
        assert result.code in ({0, 1, 2, 3} if args[0] == "approve" else {1, 2, 3}), result.text


@pytest.mark.slow
@pytest.mark.attack(17, "delete an objection from the log")
def test_17_an_objection_is_deleted_from_the_log(company: Company, new: Clone, senior: Clone) -> None:
    bob = company.clone("bob")
    bob.approve(BRANCH, "--block", "--reason", "no")
    senior.approve(BRANCH)
    new.git("fetch", "-q", "origin", "refs/gate/log:refs/gate/log")
    objection = next(one["id"] for one in new.decisions(BRANCH) if one["kind"] == "block")
    put(new, {}, drop=(record_path(objection), signature_path(objection)))
    # A clone that has never seen another state of the log: what the chain ever held is still counted.
    fresh = company.clone("ada")
    fresh.git("fetch", "-q", "origin", "refs/gate/log:refs/gate/log")
    assert not fresh.may_merge("origin/feature")
    assert any(one["kind"] == "block" and one["counted"] for one in fresh.decisions(BRANCH))


@pytest.mark.slow
@pytest.mark.attack(17, "truncate the log after a merge")
def test_17_the_log_is_cut_short_after_a_merge(company: Company, new: Clone, senior: Clone) -> None:
    senior.approve(BRANCH)
    early = company.server.git("rev-parse", "refs/gate/log")
    assert senior.gate("merge", BRANCH, "--push").code == 0
    new.commit("next", {"a.py": "x = 3\n"}, branch="next")
    bob = company.clone("bob")
    bob.approve("next", "--block", "--reason", "no")
    senior.approve("next")
    company.server.git("update-ref", "refs/gate/log", early)
    fresh = company.clone("ada")
    fresh.git("fetch", "-q", "origin", "refs/gate/log:refs/gate/log")
    result = fresh.gate("check", "--head", "origin/next", "--format", "json")
    assert result.code != 0
    assert "the approval log in this clone lacks what" in result.out
    assert fresh.gate("audit").code == 1


@pytest.mark.slow
@pytest.mark.attack(17, "delete the log")
def test_17_a_log_that_is_missing_is_not_an_empty_one(company: Company, new: Clone, senior: Clone) -> None:
    senior.approve(BRANCH)
    assert senior.gate("merge", BRANCH, "--push").code == 0
    company.set_policy(company.policy("      owners: false\n      checks: [ok]\n"))
    new.commit("next", {"a.py": "x = 3\n"}, branch="next")
    tip = company.server.git("rev-parse", "refs/gate/log")
    company.server.git("update-ref", "-d", "refs/gate/log")
    fresh = company.clone("ada")
    undecided = fresh.gate("check", "--head", "origin/next")
    assert undecided.code == 3
    assert "(nehemiah) runs `git push origin refs/gate/log`" in " ".join(undecided.out.split())
    assert fresh.gate("audit").code == 3
    company.server.git("update-ref", "refs/gate/log", tip)
    assert fresh.gate("check", "--head", "origin/next").code == 0, "it fetches the log itself"


@pytest.mark.slow
@pytest.mark.attack(17, "force-push an older log")
def test_17_a_forced_push_of_the_log_is_undone_by_the_next_clone(
    company: Company, new: Clone, senior: Clone
) -> None:
    bob = company.clone("bob")
    bob.approve(BRANCH, "--block", "--reason", "no")
    senior.approve(BRANCH)
    put(new, {"records/00/nothing": b"x"}, force=True)
    assert len(company.server.git("ls-tree", "-r", "refs/gate/log").splitlines()) == 1
    assert senior.gate("approve", BRANCH).code == 0
    fresh = company.clone("ada")
    fresh.git("fetch", "-q", "origin", "refs/gate/log:refs/gate/log")
    assert any(one["kind"] == "block" and one["counted"] for one in fresh.decisions("origin/feature"))


@pytest.mark.slow
@pytest.mark.attack(18, "revive an approval by revoking a later objection")
def test_18_an_old_approval_does_not_come_back(company: Company, new: Clone, senior: Clone) -> None:
    senior.approve(BRANCH)
    senior.approve(BRANCH, "--block", "--reason", "second thoughts")
    objection = next(one["id"] for one in senior.decisions(BRANCH) if one["kind"] == "block")
    result = senior.gate("approve", BRANCH)
    assert result.code == 2
    assert "you" not in result.out
    assert senior.gate("revoke", objection).code == 0
    assert not senior.may_merge("origin/feature")
    assert sorted(whys(senior)) == ["revoked", "superseded by a later decision of the same person"]


@pytest.mark.slow
@pytest.mark.attack(18, "amend, rebase, or extend a change after an objection")
@pytest.mark.parametrize("how", ["more", "amended", "rebased"])
def test_18_an_objection_stands_against_later_forms(
    company: Company, new: Clone, senior: Clone, how: str
) -> None:
    company.clone("bob").approve(BRANCH, "--block", "--reason", "no")
    if how == "more":
        new.commit("more", {"a.py": "x = 3\n"}, branch=BRANCH)
    elif how == "amended":
        new.write({"a.py": "x = 3\n"})
        new.git("commit", "-q", "-a", "--amend", "-m", "other words")
    else:
        company.clone("ada").commit("other", {"b.py": "y = 2\n"})
        new.fetch()
        new.git("rebase", "-q", "origin/main")
        new.write({"a.py": "x = 3\n"})
        new.git("commit", "-q", "-a", "--amend", "-m", "other words")
    new.git("push", "-q", "-f", "origin", BRANCH)
    senior.approve(BRANCH)
    assert not senior.may_merge("origin/feature")
    assert any(one["kind"] == "block" and one["counted"] for one in senior.decisions("origin/feature"))


@pytest.mark.slow
@pytest.mark.attack(18, "wait until the objector's key expires")
def test_18_an_objection_does_not_lapse_with_its_key(company: Company, new: Clone, senior: Clone) -> None:
    company.clone("bob").approve(BRANCH, "--block", "--reason", "no")
    expired = [f'valid-before="20200101" {company.public("bob")}', company.public("second")]
    company.set_policy(company.policy(keys={"bob": expired}))
    senior.approve(BRANCH)
    assert not senior.may_merge("origin/feature")
    objection = next(one["id"] for one in senior.decisions(BRANCH) if one["kind"] == "block")
    bob = company.clone("bob")
    bob.fetch()
    assert bob.gate("revoke", objection).code == 2
    assert bob.gate("revoke", objection, "--key", bob.key("second")).code == 0
    senior.gate("approvals", BRANCH, "--fetch")
    assert senior.may_merge("origin/feature")


@pytest.mark.slow
@pytest.mark.attack(37, "push more commits after a waiver")
def test_37_a_waiver_is_bound_to_the_change(company: Company, new: Clone) -> None:
    ada = company.clone("ada")
    ada.approve(BRANCH, "--waive", "--reason", "outage")
    assert ada.may_merge("origin/feature")
    new.commit("more", {"a.py": "x = 3\n"}, branch=BRANCH)
    ada.fetch()
    assert not ada.may_merge("origin/feature")


@pytest.mark.slow
@pytest.mark.attack(37, "hide a waiver")
def test_37_a_waiver_is_shown_everywhere(company: Company, new: Clone) -> None:
    ada = company.clone("ada")
    ada.approve(BRANCH, "--waive", "--reason", "outage of the shop")
    checked = ada.gate("check", "--head", "origin/feature")
    assert checked.code == 0
    assert "WAIVED by @ada: outage of the shop" in checked.out
    assert "outage of the shop" in ada.gate("approvals", "origin/feature").out
    merged = ada.gate("merge", BRANCH, "--push")
    assert merged.code == 0
    assert "WAIVED" in merged.out
    assert "Gate-WAIVED-by: @ada" in company.server.git("log", "-1", "--format=%B", "main")
    audited = ada.gate("audit", "--fetch")
    assert audited.code == 0
    assert "WAIVED by @ada: outage of the shop" in audited.out
    assert "1 by waiver" in audited.out


@pytest.mark.slow
@pytest.mark.attack(37, "waive without being a guardian, without a reason, or with a forged signature")
@pytest.mark.parametrize(
    ("fields", "key"),
    [({"by": "@bob"}, "bob"), ({"by": "@ada", "reason": " "}, "ada"), ({"by": "@ada"}, "newhire")],
    ids=["no guardian", "no reason", "forged"],
)
def test_37_a_waiver_by_nobody_who_may(new: Clone, fields: dict[str, str], key: str) -> None:
    plant(new, forged(new, kind="waive", **{"reason": "because", **fields}), key)
    assert not new.may_merge(BRANCH)
