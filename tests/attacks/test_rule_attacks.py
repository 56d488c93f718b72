"""Attacks on the rules: the policy, the code owners, names of branches and of files. Through the command line.

The number in a name is that of the line in the list of threats.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from support.company import Clone, Company

BRANCH = "feature"
OWNERS = ".github/CODEOWNERS"
# Nothing is asked for but owners and guardians, so that it shows who opens the gate.
PLAIN = '      owners: {stale: change}\n      guarded: ["@acme/guardians"]\n      checks: [ok]\n'


def outcome(clone: Clone, requirement: str, rev: str = f"origin/{BRANCH}") -> dict[str, Any]:
    found = clone.verdict(rev)["requirements"]
    only: dict[str, Any] = next(one for one in found if one["id"] == requirement)
    return only


def text(clone: Clone, rev: str = f"origin/{BRANCH}") -> str:
    return clone.gate("check", "--head", rev).text


def on_main(company: Company, files: dict[str, str | bytes]) -> None:
    """Put files on main past the gate: the company is like that from the start."""
    clone = company.clone("nobody", "setup")
    clone.fetch()
    clone.git("checkout", "-q", "-B", "main", "origin/main")
    clone.write(files)
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "before")
    clone.git("push", "-q", "origin", "main")


def edits(company: Company) -> dict[str, dict[str, str | bytes]]:
    """What the author of a change would like the rules to be."""
    policy = company.policy()
    swapped = {"nehemiah": [company.public("newhire")], "newhire": [company.public("nehemiah")]}
    return {
        "owns it all": {OWNERS: "* @newhire\n"},
        "owned by nobody": {OWNERS: ""},
        "asks for nothing": {"gate.yaml": "version: 1\n"},
        "asks for less": {"gate.yaml": policy.replace("approvals: 1", "approvals: 0")},
        "no junior": {"gate.yaml": policy.replace("junior, senior", "senior, senior")},
        "a key for the senior": {"gate.yaml": company.policy(keys=swapped)},
        "in the team": {"gate.yaml": policy.replace('["@nehemiah", "@ada"]', '["@newhire"]')},
        "other checks": {"gate.yaml": policy.replace('command: ["true"]', 'command: ["true", "-x"]')},
    }


EDITS = ("owns it all", "owned by nobody", "asks for nothing", "asks for less", "no junior",
         "a key for the senior", "in the team", "other checks")  # fmt: skip


@pytest.mark.slow
@pytest.mark.attack(1, "edit the policy or CODEOWNERS in the change")
@pytest.mark.parametrize("how", EDITS)
def test_01_the_change_brings_rules_of_its_own(company: Company, how: str) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n", **edits(company)[how]}, branch=BRANCH)
    assert not new.may_merge(BRANCH)
    assert new.gate("approve", BRANCH).code == 2, "whoever the change says they are"
    assert outcome(new, "guarded", BRANCH)["outcome"] == "unmet"
    # What a senior who is a guardian has approved can merge: they can change the rules.
    senior.approve(BRANCH)
    assert senior.may_merge("origin/feature")


@pytest.mark.slow
@pytest.mark.attack(1, "delete or rename the policy or CODEOWNERS, or replace it with a symlink")
@pytest.mark.parametrize("how", ["deleted", "renamed", "link"])
@pytest.mark.parametrize("path", ["gate.yaml", OWNERS])
def test_01_the_rules_are_taken_away(company: Company, path: str, how: str) -> None:
    new = company.clone("newhire")
    new.git("checkout", "-q", "-b", BRANCH, "origin/main")
    if how == "renamed":
        new.git("mv", path, "elsewhere")
    else:
        (new.path / path).unlink()
    if how == "link":
        (new.path / path).symlink_to("/etc/hostname")
    new.commit("simpler", {"a.py": "x = 2\n"})
    assert not new.may_merge(BRANCH)
    assert path in str(outcome(new, "guarded", BRANCH)["missing"])


@pytest.mark.slow
@pytest.mark.attack(1, "change CODEOWNERS with the approval of an owner who isn't a guardian")
def test_01_an_owner_is_no_guardian(company: Company) -> None:
    company.set_policy(company.policy(PLAIN))
    on_main(company, {OWNERS: "* @bob\n"})
    company.clone("newhire").commit("mine", {OWNERS: "* @newhire\n"}, branch=BRANCH)
    bob, ada = company.clone("bob"), company.clone("ada")
    bob.approve(BRANCH)
    assert not bob.may_merge("origin/feature")
    ada.approve(BRANCH)
    assert ada.may_merge("origin/feature")


PLACES = ("CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS", ".gitea/CODEOWNERS", ".forgejo/CODEOWNERS",
          ".bitbucket/CODEOWNERS", ".github/codeowners", "Docs/CODEOWNERS", "codeowners")  # fmt: skip


@pytest.mark.slow
@pytest.mark.attack(2, "add a second CODEOWNERS file")
@pytest.mark.parametrize("place", PLACES)
def test_02_a_second_file_of_code_owners_appears(company: Company, place: str) -> None:
    """The owner of all has approved it, and is no guardian."""
    company.set_policy(company.policy(PLAIN))
    on_main(company, {OWNERS: "* @bob\n"})
    company.clone("newhire").commit("mine", {place: "* @newhire\n"}, branch=BRANCH)
    bob = company.clone("bob")
    bob.fetch()
    approved = bob.gate("approve", BRANCH)
    assert approved.code == 0 or "colliding paths" in approved.err
    assert not bob.may_merge("origin/feature")
    assert outcome(bob, "guarded" if approved.code == 0 else "mergeable")["outcome"] == "unmet"


BROKEN_POLICIES: dict[str, str | bytes] = {
    "invalid YAML": "version: [1\n",
    "an unknown key": "version: 1\nprotekt: {}\n",
    "a wrong value": "version: 1\nprotect: {main: {require: {approvals: one}}}\n",
    "a key twice": "version: 1\nversion: 1\n",
    "another version": "version: 2\n",
    "an invalid protected branch": "version: 1\nprotect: {refs/heads/main: {}}\n",
    "an alias": "version: 1\npeople: &x {}\nteams: *x\n",
    "invalid UTF-8": b"version: 1\nrepository: \xff\n",
    "empty": "",
    "deeply nested": "version: " + "[" * 5000 + "\n",
}


@pytest.mark.slow
@pytest.mark.attack(3, "an unreadable policy")
@pytest.mark.parametrize("how", BROKEN_POLICIES)
def test_03_a_policy_that_cannot_be_read(company: Company, how: str) -> None:
    on_main(company, {"gate.yaml": BROKEN_POLICIES[how]})
    new = company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    result = new.gate("check")
    if how == "empty":
        # As if there were none: the defaults hold, and the owner has not approved.
        assert result.code != 0
    else:
        assert result.code == 2, result.text
        assert "gate.yaml:" in result.err
    assert new.gate("merge", BRANCH).code != 0


BROKEN_OWNERS = {
    "an invalid owner": b"* @nehemiah\n/a.py nehemiah\n",
    "an invalid pattern": b"* @nehemiah\n!/a.py @newhire\n",
    "invalid UTF-8": b"* @nehemiah\n/a.py @new\xffhire\n",
    "a no-break space": b"* @nehemiah\n/a.py\xc2\xa0@bob\n",
    "too large": b"* @nehemiah\n" + b"# filler\n" * 400_000,
}


@pytest.mark.attack(3, "an unreadable CODEOWNERS file")
@pytest.mark.parametrize("how", BROKEN_OWNERS)
def test_03_code_owners_that_cannot_be_read(company: Company, how: str) -> None:
    on_main(company, {OWNERS: BROKEN_OWNERS[how]})
    new = company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    for command in (["check"], ["merge", BRANCH], ["owners", "--lint"]):
        result = new.gate(*command)
        assert result.code == 2, result.text
        assert f"{OWNERS}:" in result.text


@pytest.mark.attack(3, "a symlink in place of the policy or CODEOWNERS")
@pytest.mark.parametrize(
    ("path", "target"),
    [(OWNERS, "../docs/index.md"), ("gate.yaml", "real.yaml"), ("gate.yaml", "nowhere")],
    ids=["code owners", "policy", "policy, to nowhere"],
)
def test_03_rules_that_are_a_link(company: Company, path: str, target: str) -> None:
    clone = company.clone("nobody", "setup")
    clone.git("checkout", "-q", "main")
    clone.write({"real.yaml": (clone.path / "gate.yaml").read_bytes()})
    (clone.path / path).unlink()
    (clone.path / path).symlink_to(target)
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "link")
    clone.git("push", "-q", "origin", "main")
    linked = clone.git("rev-parse", "HEAD")
    new = company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    for command in (["check"], ["merge", BRANCH]):
        result = new.gate(*command)
        assert result.code == 2, result.text
        assert f"{path}: expected a file, got a symbolic link" in result.err
    # Later merges are verified by the last rules that could be read.
    clone.commit("past the gate", {"b.py": "x = 2\n"})
    result = clone.gate("audit", f"{linked}..HEAD", "--format", "json")
    assert result.code == 1, result.text
    steps = json.loads(result.out)
    assert [step["outcome"] for step in steps] == ["failed"]
    assert "needs approval from a code owner" in steps[0]["reason"]


@pytest.mark.slow
@pytest.mark.attack(3, "merge an invalid policy or CODEOWNERS, with every approval")
@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("gate.yaml", "nope: 1\n", "gate.yaml:1:1: nope: unknown key"),
        (OWNERS, "* @bob\nx nobody\n!y @a\n", f"{OWNERS}:2:3: expected an owner"),
        ("CODEOWNERS", "x nobody\n", ""),
    ],
    ids=["policy", "code owners", "code owners that do not count"],
)
def test_03_rules_that_a_change_spoils(company: Company, path: str, content: str, expected: str) -> None:
    company.set_policy(company.policy(PLAIN))
    on_main(company, {OWNERS: "* @ada\n"})
    company.clone("newhire").commit("spoil", {path: content}, branch=BRANCH)
    ada = company.clone("ada")
    ada.approve(BRANCH)
    found = outcome(ada, "mergeable")
    # A file that would not count, as another takes precedence, spoils nothing.
    assert (found["outcome"], expected in found["reason"]) == ("unmet" if expected else "met", True)
    assert ada.may_merge("origin/feature") is not bool(expected)
    assert ada.gate("merge", f"origin/{BRANCH}").code == bool(expected)


@pytest.mark.slow
@pytest.mark.attack(4, "remove owners with a later line")
def test_04_a_later_line_takes_the_owners_away(company: Company) -> None:
    """Owned by somebody who approves it, and still not in: only a guardian can."""
    company.set_policy(company.policy(PLAIN))
    on_main(company, {OWNERS: "* @bob\n"})
    company.clone("newhire").commit("unown", {OWNERS: "* @bob\n/a.py\n"}, branch=BRANCH)
    bob = company.clone("bob")
    bob.approve(BRANCH)
    assert not bob.may_merge("origin/feature")
    assert outcome(bob, "guarded")["outcome"] == "unmet"


@pytest.mark.attack(4, "a file without a rule, and a rule without owners")
def test_04_no_rule_and_no_owner_are_distinguished(company: Company) -> None:
    company.set_policy(company.policy(PLAIN))
    on_main(company, {OWNERS: "/a.py @bob\n/b.py @bob\n/b.py\n"})
    new = company.clone("newhire")
    new.commit("v2", {"b.py": "y = 2\n", "c.py": ""}, branch=BRANCH)
    reason = str(outcome(new, "owners", BRANCH)["reason"])
    assert "1 file has no matching rule" in reason
    assert "1 file is explicitly unowned" in reason


UNSATISFIABLE = {
    "an unknown owner": ("* @ghost\n", "no owner on this line is listed in `people`"),
    "an empty team": ("* @acme/empty\n", "has no members"),
    "only the author": ("* @newhire\n", "every owner is an author"),
    "only a bot": ("* @ci\n", "every owner is an author of this change or a bot"),
    "a name that is nearly one": ("* @nehemlah\n", "no owner on this line is listed in `people`"),
}


@pytest.mark.slow
@pytest.mark.attack(5, "a rule that no one can satisfy")
@pytest.mark.parametrize("how", UNSATISFIABLE)
def test_05_nobody_is_left_who_could_approve(company: Company, how: str) -> None:
    owners, result = UNSATISFIABLE[how]
    on_main(
        company,
        {OWNERS: owners, "gate.yaml": company.policy().replace("teams:\n", 'teams:\n  "@acme/empty": []\n')},
    )
    company.clone("newhire").commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    senior = company.clone("nehemiah")
    senior.approve(BRANCH)
    assert not senior.may_merge("origin/feature")
    shown = " ".join(text(senior).split())
    assert "cannot be satisfied" in shown
    assert result in shown


@pytest.mark.slow
@pytest.mark.attack(5, "a change of which every senior is an author")
def test_05_every_senior_is_an_author(company: Company) -> None:
    new = company.clone("newhire")
    new.write({"a.py": "x = 2\n"})
    contributors = "".join(f"\nCo-authored-by: {name} <{name}@acme.example>" for name in ("nehemiah", "ada"))
    new.git("checkout", "-q", "-b", BRANCH)
    new.git("commit", "-q", "-a", "-m", f"v2\n{contributors}")
    new.git("push", "-q", "origin", BRANCH)
    bob = company.clone("bob")
    bob.approve(BRANCH)
    assert not bob.may_merge("origin/feature")
    assert outcome(bob, "seniority")["outcome"] == "unmet"


def strange_refs(clone: Clone, evil: str) -> None:
    """Every ref that git could take for `main`, at a commit that is not main's."""
    for name in (
        "refs/tags/main", "refs/main", "refs/remotes/main", "refs/heads/heads/main", "refs/heads/refs/heads/main",
        "refs/tags/heads/main", "refs/tags/refs/heads/main", "refs/tags/origin/main", "refs/heads/origin/main",
        "refs/remotes/origin/refs/heads/main",
    ):  # fmt: skip
        clone.git("update-ref", name, evil)


@pytest.mark.slow
@pytest.mark.attack(6, "create refs with the name of the protected branch")
@pytest.mark.parametrize(
    "into", [(), ("--into", "main"), ("--into", "refs/heads/main")], ids=["default", "short", "full"]
)
def test_06_refs_named_like_the_protected_branch(company: Company, into: tuple[str, ...]) -> None:
    """They stand at a commit whose policy would let the change in."""
    new = company.clone("newhire")
    evil = new.commit(
        "lax", {"gate.yaml": "version: 1\nprotect: {main: {require: {checks: []}}}\n"}, branch="lax"
    )
    new.commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    strange_refs(new, evil)
    result = new.gate("check", "--format", "json", *into)
    assert result.code == 1, result.text
    assert new.verdict(BRANCH, *into)["change"]["base"] == new.git("rev-parse", "refs/heads/main")


@pytest.mark.slow
@pytest.mark.attack(6, "merge while other refs have the name of the branch")
def test_06_a_merge_moves_the_branch_itself(company: Company) -> None:
    company.clone("newhire").commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    senior = company.clone("nehemiah")
    senior.approve(BRANCH)
    strange_refs(senior, senior.git("rev-parse", "origin/main"))
    before = senior.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/tags", "refs/remotes")
    assert senior.gate("merge", "refs/remotes/origin/feature").code == 0
    assert senior.git("show", "refs/heads/main:a.py") == "x = 2"
    assert (
        senior.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/tags", "refs/remotes") == before
    )


@pytest.mark.slow
@pytest.mark.attack(7, "replay an old policy")
def test_07_an_old_policy_is_replayed(company: Company) -> None:
    """The branch starts where the policy asked for nothing; main has moved on since."""
    strict = company.policy()
    company.set_policy("version: 1\nprotect: {main: {require: {owners: false, checks: []}}}\n")
    new = company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    company.set_policy(strict)
    new.fetch()
    assert not new.may_merge(BRANCH), "the tip of main's, not of where the branch began"
    new.git("branch", "-f", "main", "origin/main~1")
    assert not new.may_merge(BRANCH), "nor of a main that is behind origin's"
    new.git("branch", "-D", "main")
    assert not new.may_merge(BRANCH)


@pytest.mark.slow
@pytest.mark.attack(
    7, "merge the strict policy into the branch, and resolve the conflict in favor of the old one"
)
def test_07_a_merge_that_keeps_the_old_policy(company: Company) -> None:
    strict = company.policy()
    company.set_policy("version: 1\nprotect: {main: {require: {owners: false, checks: []}}}\n")
    new = company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    company.set_policy(strict)
    new.fetch()
    new.git("merge", "-q", "-s", "ours", "-m", "Merge main", "origin/main")
    assert not new.may_merge(BRANCH)
    assert "gate.yaml" in str(outcome(new, "guarded", BRANCH)["missing"])


ODD_NAMES = {
    "line break": b"web/a\nb.py",
    "quotes": b"web/\"a'.py",
    "dash": b"-rf",
    "no UTF-8": b"web/\xff\xfe.py",
    "decomposed": unicodedata.normalize("NFD", "web/é.py").encode(),
    "tab and blank": b"web/a\tb .py",
    "backslash": b"web/a\\nb.py",
    "colon": b":(exclude)web",
    "brackets": b"web/[a]*.py",
    "right to left": "web/\u202egpj.py".encode(),
    "escape": b"web/\x1b[31m.py",
    "very deep": b"web/" + b"d/" * 300 + b"a.py",
}


@pytest.mark.slow
@pytest.mark.attack(8, "unusual file names")
@pytest.mark.parametrize("how", ODD_NAMES)
def test_08_odd_names_have_their_owners(company: Company, how: str) -> None:
    name = ODD_NAMES[how]
    new = company.clone("newhire")
    new.git("checkout", "-q", "-b", BRANCH, "origin/main")
    commit_tree(new, {name: b"x = 2\n"})
    asked = outcome(new, "owners", BRANCH)
    rule = 3 if name.startswith(b"web/") else 1
    assert [one["rule"] for one in asked["missing"]] == [f"{OWNERS}:{rule}"]
    new.git("push", "-q", "origin", BRANCH)
    ada, senior = company.clone("ada"), company.clone("nehemiah")
    (ada if rule == 3 else senior).approve(BRANCH)
    if rule == 3:
        senior.approve(BRANCH)
    assert senior.may_merge("origin/feature")
    assert senior.gate("merge", "origin/feature").code == 0


def commit_tree(clone: Clone, files: dict[bytes, bytes], *, mode: str = "100644") -> None:
    """Commit files to the branch that is checked out, past the working tree, which may not be able to hold them."""
    entries = b""
    for name, data in files.items():
        oid = clone.git("hash-object", "-w", "--stdin", stdin=data)
        entries += f"{mode} {oid}\t".encode() + name + b"\0"
    index = {"GIT_INDEX_FILE": str(clone.path / ".git" / "attack-index")}
    clone.git("read-tree", "HEAD", env=index)
    clone.git("update-index", "-z", "--index-info", env=index, stdin=entries)
    tree = clone.git("write-tree", env=index)
    commit = clone.git("commit-tree", tree, "-p", "HEAD", "-m", "odd")
    clone.git("update-ref", "HEAD", commit)


COLLISIONS = {
    "case": (b"A.py",),
    "case of a folder": (b"Docs/other.md",),
    "Unicode form": ("web/é.py".encode(), unicodedata.normalize("NFD", "web/é.py").encode()),
    "sharp s": ("web/straße.py".encode(), b"web/strasse.py"),
    "a file like a folder": (b"WEB",),
    "long s": ("web/ſ.py".encode(), b"web/s.py"),
}


@pytest.mark.attack(8, "paths that collide on some file systems")
@pytest.mark.parametrize("how", COLLISIONS)
def test_08_colliding_paths_are_refused(company: Company, how: str) -> None:
    new = company.clone("newhire")
    new.git("checkout", "-q", "-b", BRANCH, "origin/main")
    commit_tree(new, dict.fromkeys(COLLISIONS[how], b"x = 2\n"))
    new.git("push", "-q", "origin", BRANCH)
    senior = company.clone("nehemiah")
    senior.fetch()
    assert senior.gate("approve", "origin/feature").code == 2
    assert not senior.may_merge("origin/feature")
    assert "colliding paths" in text(senior)


WRITES: dict[str, bytes] = {
    "git's own folder": b".git/hooks/post-checkout",
    "git's own folder, by another case": b".GIT/config",
    "the folder above": b"../evil",
    "this folder": b"./evil",
    "git's own folder, as Windows has it": b"git~1/config",
    "git's own folder, as macOS has it": ".g\u200cit/config".encode(),
}


@pytest.mark.slow
@pytest.mark.attack(8, "a tree with paths outside of the checkout, or in `.git`")
@pytest.mark.parametrize("how", WRITES)
def test_08_a_tree_that_leads_out_of_itself(company: Company, how: str) -> None:
    """git makes no such tree; somebody who writes objects by hand does."""
    folder, _, file = WRITES[how].rpartition(b"/")
    new = company.clone("newhire")
    blob = new.git("hash-object", "-w", "--stdin", stdin=b"x = 2\n")
    inner = raw_tree(new, [(b"100644", file.replace(b"hooks/", b""), blob)])
    lines = new.git("ls-tree", "origin/main").splitlines()
    entries = [
        (mode.lstrip("0").encode(), name.encode(), oid)
        for mode, _, oid, name in (line.replace("\t", " ").split(" ") for line in lines)
    ]
    top = folder.split(b"/")[0]
    tree = raw_tree(new, sorted([*entries, (b"40000", top, inner)], key=lambda one: one[1]))
    head = new.git("commit-tree", tree, "-p", "origin/main", "-m", "out")
    before = sorted(path.name for path in new.path.parent.iterdir())
    result = new.gate_process("check", "--head", head)
    assert result.code in {1, 3}, result.text
    approved = new.gate_process("approve", head)
    assert approved.code != 0
    assert sorted(path.name for path in new.path.parent.iterdir()) == before
    assert not (new.path / ".git/evil").exists()


def raw_tree(clone: Clone, entries: list[tuple[bytes, bytes, str]]) -> str:
    data = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
    return clone.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=data)
