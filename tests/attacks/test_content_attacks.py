"""Attacks on what a change is: merges, renames, modes, attributes, missing history, the environment of git.

Through the command line. The number in a name is that of the line in the list of threats.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from support.company import Clone, Company

BRANCH = "feature"
SENIOR_ONLY = "      owners: {stale: change}\n      checks: [ok]\n"


def requirement(found: dict[str, Any], name: str) -> dict[str, Any]:
    only: dict[str, Any] = next(one for one in found["requirements"] if one["id"] == name)
    return only


def changed(found: dict[str, Any]) -> dict[str, str]:
    return {file["path"]: file["status"] for file in found["change"]["files"]}


def push(clone: Clone, message: str = "v2") -> str:
    """Commit what is staged, and push the branch."""
    clone.git("commit", "-q", "-m", message)
    clone.git("push", "-q", "-f", "origin", f"HEAD:{BRANCH}")
    return clone.git("rev-parse", "HEAD")


@pytest.fixture
def new(company: Company) -> Clone:
    """The new hire's clone, on a branch that has nothing yet."""
    clone = company.clone("newhire")
    clone.git("checkout", "-q", "-b", BRANCH)
    return clone


@pytest.mark.slow
@pytest.mark.attack(21, "add something to a merge of main into the branch")
def test_21_an_evil_merge_in_the_branch(company: Company, new: Clone) -> None:
    company.set_policy(company.policy(SENIOR_ONLY))
    new.commit("v2", {"docs/index.md": "# New\n"})
    company.clone("ada").commit("meanwhile", {"web/page.py": "z = 2\n"})
    new.fetch()
    new.git("merge", "-q", "--no-commit", "--no-ff", "origin/main")
    new.write({"b.py": "import os\n"})
    new.git("add", "-A")
    push(new, "Merge main")
    assert new.git("log", "-p", "--format=", "origin/main..", "--", "b.py") == "", "as it is hidden"
    bob = company.clone("bob")
    bob.approve(BRANCH)
    found = bob.verdict("origin/feature")
    assert "b.py" in changed(found)
    assert requirement(found, "owners")["missing"][0]["paths"] == ["b.py"]


@pytest.mark.slow
@pytest.mark.attack(21, "a merge commit that reverts something on main")
def test_21_a_merge_that_reverts_main(company: Company, new: Clone) -> None:
    company.set_policy(company.policy(SENIOR_ONLY))
    new.commit("v2", {"docs/index.md": "# New\n"})
    company.clone("ada").commit("a fix", {"b.py": "y = 'safe'\n"})
    new.fetch()
    new.git("merge", "-q", "-s", "ours", "-m", "Merge main", "origin/main")
    new.git("push", "-q", "origin", BRANCH)
    bob = company.clone("bob")
    bob.approve(BRANCH)
    assert not bob.may_merge("origin/feature")
    assert changed(bob.verdict("origin/feature"))["b.py"] == "modified"


def blob(clone: Clone, data: bytes) -> str:
    return clone.git("hash-object", "-w", "--stdin", stdin=data)


def entry(clone: Clone, mode: str, oid: str, path: str) -> None:
    clone.git("update-index", "--add", "--replace", "--cacheinfo", f"{mode},{oid},{path}")


RAW = {
    "rename out of the folder": ("git mv web/page.py free.py", "web/page.py"),
    "rename into another's": ("git mv web/page.py docs/page.py", "web/page.py"),
    "rename of the folder": ("git mv web www", "web/page.py"),
    "deletion": ("git rm -q web/page.py", "web/page.py"),
    "mode": ("git update-index --chmod=+x web/page.py", "web/page.py"),
    "link": ("link", "web/page.py"),
    "submodule": ("submodule", "web/page.py"),
    "link in the folder's place": ("folder link", "web/page.py"),
    "submodule in the folder's place": ("folder submodule", "web/page.py"),
    "folder in the file's place": ("folder", "web/page.py"),
}


@pytest.mark.slow
@pytest.mark.attack(22, "move, delete, or replace someone else's file: its owner must approve")
@pytest.mark.parametrize("how", RAW)
def test_22_the_owner_of_what_was_there_is_asked(company: Company, new: Clone, how: str) -> None:
    company.set_policy(company.policy(SENIOR_ONLY))
    command, path = RAW[how]
    head = new.git("rev-parse", "HEAD")
    match command:
        case "link":
            entry(new, "120000", blob(new, b"/etc/passwd"), path)
        case "submodule":
            entry(new, "160000", head, path)
        case "folder":
            new.git("rm", "-q", "--cached", path)
            entry(new, "100644", blob(new, b"x = 1\n"), f"{path}/x.py")
        case "folder link" | "folder submodule":
            new.git("rm", "-q", "-r", "--cached", "web")
            mode, oid = ("120000", blob(new, b"docs")) if command == "folder link" else ("160000", head)
            entry(new, mode, oid, "web")
        case _:
            new.git(*command.split()[1:])
    push(new)
    bob, senior, ada = (company.clone(name) for name in ("bob", "nehemiah", "ada"))
    senior.approve(BRANCH)
    found = senior.verdict("origin/feature")
    assert path in changed(found)
    assert path in [name for one in requirement(found, "owners")["missing"] for name in one["paths"]]
    assert not senior.may_merge("origin/feature")
    bob.approve(BRANCH)
    ada.approve(BRANCH)
    assert ada.may_merge("origin/feature")


@pytest.mark.slow
@pytest.mark.attack(22, "change a file's mode or type after the approval")
@pytest.mark.parametrize("how", ["mode", "link", "submodule"])
def test_22_another_kind_of_entry_is_another_content(company: Company, new: Clone, how: str) -> None:
    new.commit("v2", {"a.py": "b.py"})
    senior = company.clone("nehemiah")
    senior.approve(BRANCH)
    assert senior.may_merge("origin/feature")
    match how:
        case "mode":
            new.git("update-index", "--chmod=+x", "a.py")
        case "link":
            entry(new, "120000", blob(new, b"b.py"), "a.py")
        case _:
            entry(new, "160000", new.git("rev-parse", "HEAD"), "a.py")
    push(new)
    senior.fetch()
    assert not senior.may_merge("origin/feature")


@pytest.mark.slow
@pytest.mark.attack(23, "replace refs (`git replace`) for a commit, tree, or blob in the clone")
@pytest.mark.parametrize("what", ["commit", "tree", "blob"])
def test_23_replaced_objects(company: Company, new: Clone, what: str) -> None:
    """The evil content is made to look like what the senior has approved."""
    good = new.commit("v2", {"a.py": "x = 2\n"})
    senior = company.clone("nehemiah")
    senior.approve(BRANCH)
    evil = new.commit("evil", {"a.py": "import os\n"})
    senior.fetch()
    suffix = {"commit": "", "tree": "^{tree}", "blob": ":a.py"}[what]
    senior.git(
        "replace", senior.git("rev-parse", f"{evil}{suffix}"), senior.git("rev-parse", f"{good}{suffix}")
    )
    assert not senior.may_merge("origin/feature")
    assert senior.gate("merge", "origin/feature").code == 1


@pytest.mark.attack(23, "a graft that hides commits by another author")
def test_23_grafts(company: Company, new: Clone) -> None:
    company.set_policy(company.policy("      owners: false\n      approvals: 1\n      checks: [ok]\n"))
    new.fetch()
    new.git("rebase", "-q", "origin/main")
    new.commit("mine", {"a.py": "x = 2\n"}, author="bob")
    new.commit("more", {"b.py": "y = 2\n"}, author="newhire")
    bob = company.clone("bob")
    bob.fetch()
    tip, main = bob.git("rev-parse", "origin/feature"), bob.git("rev-parse", "origin/main")
    (bob.path / ".git/info").mkdir(exist_ok=True)
    (bob.path / ".git/info/grafts").write_text(f"{tip} {main}\n")
    assert "bob@acme.example" in bob.verdict("origin/feature")["change"]["authors"]
    assert bob.gate("approve", "origin/feature").code == 2


ATTRIBUTES = (
    "*.py -diff",
    "*.py merge=ours",
    "*.py merge=union",
    "*.py binary",
    "*.py export-ignore",
    "*.py filter=evil",
    "*.py diff=evil",
    "*.py ident",
    "*.py working-tree-encoding=latin-1",
    "*.py eol=crlf",
    "*.py text=auto",
    "[attr]evil -diff -merge",
    "*.py linguist-generated",
)


@pytest.mark.attack(23, "git attributes that change diffs, merges, or checkouts")
@pytest.mark.parametrize("where", ["the change", "main"])
@pytest.mark.parametrize("line", ATTRIBUTES)
def test_23_attributes(company: Company, line: str, where: str) -> None:
    """Whatever they say: the file is seen, its blobs are what is decided on, and the check gets what a clone has."""
    seen = company.path / "seen"
    script = company.path / "look"
    script.write_text(f'#!/bin/sh\ncp a.py "{seen}"\n')
    script.chmod(0o755)
    policy = company.policy().replace('command: ["true"]', f'command: ["{script}"]')
    company.set_policy(policy)
    if where == "main":
        setup = company.clone("nobody", "setup")
        setup.write({".gitattributes": f"{line}\n"})
        setup.git("add", "-A")
        setup.git("commit", "-q", "-m", "attributes")
        setup.git("push", "-q", "origin", "main")
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    source = "x = '$Id$'\ny = 'é'\n".encode()
    files: dict[str, str | bytes] = {"a.py": source}
    new.commit("v2", files if where == "main" else {".gitattributes": f"{line}\n", **files}, branch=BRANCH)
    for clone in (new, senior):
        for name in ("filter.evil.smudge", "filter.evil.clean", "diff.evil.textconv", "diff.evil.command"):
            clone.git("config", name, f"touch {company.path}/ran")
    senior.fetch()
    found = senior.verdict("origin/feature")
    assert "a.py" in changed(found)
    assert requirement(found, "guarded")["outcome"] == ("met" if where == "main" else "unmet")
    # Only a filter that the reader has configured for themselves runs, as it does when they check the branch out.
    assert (company.path / "ran").exists() == ("filter=evil" in line)
    senior.git("checkout", "-q", "-f", "--detach", "origin/feature")
    assert seen.read_bytes() == (senior.path / "a.py").read_bytes()


@pytest.mark.attack(23, "attributes that hide a conflict")
def test_23_a_conflict_stays_one(company: Company, new: Clone) -> None:
    new.commit("v2", {"a.py": "x = 2\n", ".gitattributes": "*.py merge=union\n"})
    company.clone("ada").commit("other", {"a.py": "x = 3\n"})
    new.fetch()
    assert requirement(new.verdict(BRANCH), "mergeable")["outcome"] == "unmet"


def result(clone: Clone, *args: str) -> tuple[int, str]:
    done = clone.gate_process(*args)
    return done.code, " ".join((done.out + done.err).split())


@pytest.mark.attack(24, "a shallow or partial clone whose origin is gone")
@pytest.mark.parametrize("how", ["--depth=1", "--filter=tree:0", "--filter=blob:none"])
def test_24_history_that_is_not_here(company: Company, new: Clone, how: str) -> None:
    new.commit("v2", {"a.py": "x = 2\n"})
    company.server.git("config", "uploadpack.allowFilter", "true")
    path = company.path / "partial"
    options = ("--no-checkout", "--no-single-branch", how)
    Clone(company.path, "ada", company.keys).git(
        "clone", "-q", *options, f"file://{company.server.path}", str(path)
    )
    company.server.path.rename(company.path / "gone")
    code, text = result(Clone(path, "ada", company.keys), "check", "--head", "origin/feature")
    assert code == 3, text
    assert "shallow" in text or "part of the repository is missing" in text


@pytest.mark.attack(24, "unrelated histories")
def test_24_unrelated_histories(company: Company, new: Clone) -> None:
    new.git("checkout", "-q", "--orphan", "fresh")
    new.write({"a.py": "import os\n"})
    new.git("add", "-A")
    new.git("commit", "-q", "-m", "start")
    code, text = result(new, "check")
    assert code == 1
    assert "unrelated" in text
    assert new.gate("merge", "fresh").code == 1


@pytest.mark.attack(24, "several merge bases")
def test_24_a_criss_cross_merge(company: Company, new: Clone) -> None:
    """One of them alone would show the other side's file as nothing new."""
    company.set_policy(company.policy(SENIOR_ONLY))
    ada = company.clone("ada")
    new.fetch()
    new.git("rebase", "-q", "origin/main")
    new.commit("one", {"a.py": "x = 2\n"})
    ada.commit("two", {"web/page.py": "z = 2\n"})
    new.fetch()
    one, two = new.git("rev-parse", "HEAD"), new.git("rev-parse", "origin/main")
    new.git("merge", "-q", "-m", "Merge main", two)
    ada.fetch()
    ada.git("merge", "-q", "--no-ff", "-m", "Merge one", one)
    ada.git("push", "-q", "origin", "main")
    new.commit("three", {"b.py": "y = 2\n"})
    new.fetch()
    assert len(new.git("merge-base", "--all", "HEAD", "origin/main").splitlines()) == 2
    found = new.verdict(BRANCH)
    assert changed(found) == {"b.py": "modified"}
    assert requirement(found, "owners")["outcome"] == "unmet"


@pytest.mark.slow
@pytest.mark.attack(24, "an empty change")
def test_24_an_empty_change(company: Company, new: Clone) -> None:
    new.git("commit", "-q", "--allow-empty", "-m", "nothing")
    assert changed(new.verdict(BRANCH)) == {}
    assert new.gate("approve", BRANCH).code == 2
    done = new.gate("merge", BRANCH)
    assert new.git("rev-parse", "main^{tree}") == new.git("rev-parse", "origin/main^{tree}"), done.text


@pytest.mark.attack(24, "a conflict")
def test_24_a_conflict(company: Company, new: Clone) -> None:
    new.commit("v2", {"a.py": "x = 2\n"})
    company.clone("ada").commit("other", {"a.py": "x = 3\n"})
    senior = company.clone("nehemiah")
    senior.fetch()
    code, text = result(senior, "check", "--head", "origin/feature")
    assert (code, "a.py" in text) == (1, True)
    assert senior.gate("approve", "origin/feature").code == 2
    assert senior.gate("merge", "origin/feature").code == 1
    assert senior.gate("approve", "origin/feature", "--waive", "--reason", "now").code != 0
    assert not senior.may_merge("origin/feature"), "and a waiver does not merge it either"


@pytest.mark.slow
@pytest.mark.attack(25)
def test_25_bad_commits_that_are_reverted_do_not_reach_the_branch_by_squash(
    company: Company, new: Clone
) -> None:
    secret = new.commit("oops", {"key.py": "KEY = 'hunter2'\n"})
    new.git("rm", "-q", "key.py")
    new.commit("v2", {"a.py": "x = 2\n"})
    senior = company.clone("nehemiah")
    senior.approve(BRANCH)
    assert changed(senior.verdict("origin/feature")) == {"a.py": "modified"}
    assert senior.gate("merge", BRANCH, "--push", "--squash").code == 0
    assert secret not in company.server.git("rev-list", "main").splitlines()


@pytest.mark.slow
@pytest.mark.attack(25, "approve a change that reverts one's own commits")
def test_25_the_author_of_a_reverted_commit_cannot_approve(company: Company, new: Clone) -> None:
    new.commit("mine", {"b.py": "y = 'evil'\n"}, author="nehemiah")
    new.commit("not mine", {"b.py": "y = 1\n", "a.py": "x = 2\n"})
    senior = company.clone("nehemiah")
    senior.fetch()
    assert changed(senior.verdict("origin/feature")) == {"a.py": "modified"}
    assert senior.gate("approve", "origin/feature").code == 2
    assert not senior.may_merge("origin/feature")


def elsewhere(company: Company) -> Path:
    """A repository in which the change would pass."""
    path = company.path / "elsewhere"
    other = Clone(path, "ada", company.keys)
    path.mkdir()
    other.git("init", "-q", "-b", "main")
    for name in ("user.name", "user.email"):
        other.git("config", name, "ada@acme.example")
    other.write(
        {
            "gate.yaml": "version: 1\nprotect: {main: {require: {owners: false, checks: [ok]}}}\n"
            'checks: {ok: {command: ["true"]}}\n'
        }
    )
    other.git("add", "-A")
    other.git("commit", "-q", "-m", "lax")
    other.git("checkout", "-q", "-b", BRANCH)
    other.write({"a.py": "import os\n"})
    other.git("add", "-A")
    other.git("commit", "-q", "-m", "evil")
    assert other.gate("check").code == 0
    return path


VARIABLES = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_EXEC_PATH",
    "GIT_TEMPLATE_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_ATTR_SOURCE",
    "GIT_DEFAULT_HASH",
    "GIT_PREFIX",
    "GIT_ICASE_PATHSPECS",
)


@pytest.mark.slow
@pytest.mark.attack(26, "environment variables that redirect git")
@pytest.mark.parametrize("name", VARIABLES)
def test_26_variables(company: Company, new: Clone, name: str) -> None:
    new.commit("v2", {"a.py": "x = 2\n"})
    other = elsewhere(company)
    trap = company.path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {company.path}/ran\n")
    trap.chmod(0o755)
    env = {
        "GIT_WORK_TREE": str(other),
        "GIT_INDEX_FILE": str(other / ".git/index"),
        "GIT_NAMESPACE": "evil",
        "GIT_OBJECT_DIRECTORY": str(other / ".git/objects"),
        "GIT_CONFIG_PARAMETERS": "'core.fsmonitor'='" + str(trap) + "'",
        "GIT_CONFIG_COUNT": "1",
        "GIT_EXTERNAL_DIFF": str(trap),
        "GIT_EXEC_PATH": str(company.path),
        "GIT_REPLACE_REF_BASE": "refs/heads/",
        "GIT_ATTR_SOURCE": "HEAD",
        "GIT_DEFAULT_HASH": "sha256",
        "GIT_ICASE_PATHSPECS": "1",
        "GIT_PREFIX": "web/",
    }.get(name, str(other / ".git"))
    more = (
        {"GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": str(trap)}
        if name == "GIT_CONFIG_COUNT"
        else {}
    )
    done = new.gate_process("check", "--format", "json", env={name: env, **more})
    assert done.code == 1, done.err
    found = json.loads(done.out)
    assert found["change"]["head"] == new.git("rev-parse", "HEAD")
    assert changed(found) == {"a.py": "modified"}
    assert not (company.path / "ran").exists()


SETTINGS = {
    "core.fsmonitor": "TRAP",
    "core.hooksPath": "HOOKS",
    "core.pager": "TRAP",
    "core.editor": "TRAP",
    "diff.external": "TRAP",
    "alias.diff-tree": "!TRAP",
    "alias.merge-tree": "!TRAP",
    "alias.rev-parse": "!TRAP",
    "core.worktree": "ELSEWHERE",
    "core.attributesFile": "ATTRIBUTES",
    "merge.default": "union",
    "diff.renames": "false",
    "core.quotePath": "true",
    "log.mailmap": "true",
    "mailmap.file": "MAILMAP",
    "log.showSignature": "true",
    "gpg.program": "TRAP",
    "core.useReplaceRefs": "true",
    "status.showUntrackedFiles": "no",
    "core.ignoreCase": "true",
    "diff.ignoreSubmodules": "all",
    "diff.orderFile": "ATTRIBUTES",
    "core.precomposeUnicode": "true",
    "core.abbrev": "4",
    "color.ui": "always",
    "i18n.logOutputEncoding": "UTF-16",
    "trailer.separators": "%",
    "merge.renames": "false",
    "gc.recentObjectsHook": "TRAP",
    "core.alternateRefsCommand": "TRAP",
    "credential.helper": "!TRAP",
    "core.askPass": "TRAP",
}


@pytest.mark.slow
@pytest.mark.attack(26, "git settings that run programs or alter output")
@pytest.mark.parametrize("name", SETTINGS)
def test_26_settings(company: Company, new: Clone, name: str) -> None:
    company.set_policy(company.policy(SENIOR_ONLY))
    new.fetch()
    new.git("rebase", "-q", "origin/main")
    new.write({"web/é.py": "x = 2\n"})
    new.git("mv", "a.py", "c.py")
    new.git("add", "-A")
    push(new, "v2\n\nCo-authored-by: Bob <bob@acme.example>\n")
    trap = company.path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {company.path}/ran\n")
    trap.chmod(0o755)
    hooks = company.path / "hooks"
    hooks.mkdir()
    for hook in (
        "reference-transaction",
        "post-index-change",
        "post-checkout",
        "pre-push",
        "post-merge",
        "fsmonitor-watchman",
    ):
        (hooks / hook).symlink_to(trap)
    (company.path / "attributes").write_text("* merge=union\nweb/*\n")
    (company.path / "mailmap").write_text("Ghost <ghost@acme.example> <bob@acme.example>\n")
    values = {
        "TRAP": trap,
        "HOOKS": hooks,
        "ELSEWHERE": elsewhere(company),
        "ATTRIBUTES": company.path / "attributes",
        "MAILMAP": company.path / "mailmap",
    }
    usual = new.verdict(BRANCH)
    value = SETTINGS[name]
    for word, path in values.items():
        value = value.replace(word, str(path))
    new.git("config", name, value)
    again = json.loads(new.gate_process("check", "--head", BRANCH, "--format", "json").out)
    for found in (usual, again):
        for check in found["checks"]:
            check["seconds"], check["cached"] = 0, False
    assert again == usual
    assert not (company.path / "ran").exists()


@pytest.mark.slow
@pytest.mark.attack(26, "git hooks in the clone, while approving and merging")
def test_26_no_hook_runs(company: Company, new: Clone) -> None:
    new.commit("v2", {"a.py": "x = 2\n"})
    senior = company.clone("nehemiah")
    for name in (
        "reference-transaction",
        "post-index-change",
        "post-checkout",
        "post-merge",
        "pre-merge-commit",
    ):
        hook = senior.path / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {company.path}/ran\n")
        hook.chmod(0o755)
    senior.git("-c", "core.hooksPath=/dev/null", "fetch", "-q", "origin")
    assert senior.gate("approve", BRANCH).code == 0
    assert senior.gate("merge", BRANCH).code == 0
    assert not (company.path / "ran").exists()


@pytest.mark.attack(26, "git is missing, or not on `PATH`")
def test_26_no_git(company: Company, new: Clone, tmp_path: Path) -> None:
    new.commit("v2", {"a.py": "x = 2\n"})
    (tmp_path / "bin").mkdir()
    done = new.gate_process(
        "check", env={"PATH": os.pathsep.join([str(tmp_path / "bin"), str(Path(sys.executable).parent)])}
    )
    assert done.code == 3
    assert "git is not installed" in done.err
