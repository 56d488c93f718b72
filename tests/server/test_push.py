"""A protected server: what real pushes to a bare repository with the hook may do, and what the pusher reads."""

from __future__ import annotations

import json
import subprocess

import pytest
from support.company import REQUIRE, Clone, Company, isolated
from support.pushing import EVIL, audited, change, on_main, push

NO_CHECKS = REQUIRE.replace("checks: [ok]", "checks: []")


@pytest.mark.slow
def test_what_gate_merges_is_let_in_and_proven(guarded: Company) -> None:
    senior = change(guarded)
    senior.approve("feature")
    merged = senior.gate("merge", "feature", "--push")
    assert merged.code == 0, merged.text
    assert guarded.server.git("show", "main:a.py") == "x = 2"
    assert audited(guarded) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", ["--squash", "--ff-only"])
def test_the_other_ways_to_merge_are_let_in(guarded: Company, how: str) -> None:
    change(guarded)
    senior = change(guarded, files={"b.py": "y = 2\n"})
    senior.approve("feature")
    merged = senior.gate("merge", "feature", "--push", how)
    assert merged.code == 0, merged.text
    assert audited(guarded) == []


@pytest.mark.attack(35, "push to the server without approval")
def test_a_push_past_the_gate_is_refused_with_what_is_missing(guarded: Company) -> None:
    new = on_main(guarded.clone("newhire"))
    new.commit("straight in", EVIL, push=False)
    result = push(new, "origin", "main")
    assert result.code != 0
    for word in (
        "straight in",
        "can't merge into main",
        "owners:",
        "@nehemiah",
        "gate approve",
        "gate check",
    ):
        assert word in result.err


@pytest.mark.slow
def test_a_branch_that_is_not_protected_is_free(guarded: Company) -> None:
    new = guarded.clone("newhire")
    new.commit("v2", EVIL, branch="mine")
    new.git("commit", "-q", "--amend", "-m", "v3")
    assert push(new, "-f", "origin", "mine").code == 0
    assert push(new, "origin", ":mine").code == 0


@pytest.mark.slow
def test_several_merges_in_one_push_are_several_steps(guarded: Company) -> None:
    senior = change(guarded)
    change(guarded, "other", {"web/page.py": "z = 2\n"})
    on_main(senior)
    for branch, person in (("feature", "nehemiah"), ("other", "ada")):
        clone = guarded.clone(person)
        clone.approve(branch)
    senior.gate("approve", "other")
    senior.gate("approvals", "feature", "--fetch")
    for branch in ("feature", "other"):
        result = senior.gate("merge", branch)
        assert result.code == 0, result.text
    assert push(senior, "--atomic", "origin", "main", "refs/gate/log").code == 0
    assert audited(guarded) == []


@pytest.mark.slow
@pytest.mark.attack(36, "push one unapproved merge among approved ones")
def test_one_bad_step_among_good_ones_refuses_all(guarded: Company) -> None:
    senior = on_main(change(guarded))
    senior.approve("feature")
    assert senior.gate("merge", "feature").code == 0
    senior.commit("and this", {"web/page.py": "z = 9\n"}, push=False)
    result = push(senior, "--atomic", "origin", "main", "refs/gate/log")
    assert result.code != 0
    assert "and this" in result.err


@pytest.mark.slow
def test_an_approval_that_comes_in_the_same_push_counts(guarded: Company) -> None:
    senior = change(guarded)
    senior.git("remote", "set-url", "origin", str(guarded.path / "nowhere.git"))
    assert senior.gate("approve", "feature").code == 3
    assert senior.gate("merge", "feature", "--into", "main").code == 0
    senior.git("remote", "set-url", "origin", str(guarded.server.path))
    main = senior.git("rev-parse", "refs/heads/main")
    assert push(senior, "origin", f"{main}:refs/heads/main").code != 0
    assert push(senior, "--atomic", "origin", f"{main}:refs/heads/main", "refs/gate/log").code == 0


@pytest.mark.slow
@pytest.mark.attack(13, "push as another user of the server")
def test_who_pushes_is_no_evidence(guarded: Company) -> None:
    """A person is an author by what the commits say; whose hands or account push them neither helps nor harms."""
    senior = {"GL_USER": "nehemiah", "GITEA_PUSHER_NAME": "nehemiah", "REMOTE_USER": "nehemiah"}
    change(guarded)
    new = on_main(guarded.clone("newhire"))
    new.git("merge", "-q", "--no-ff", "-m", "v2", "feature")
    result = push(new, "origin", "main", env=senior)
    assert result.code != 0
    assert "owners:" in result.err
    guarded.clone("nehemiah").approve("origin/feature")
    on_main(new)
    assert new.gate("merge", "feature", "--push").code == 0, "the author may push what others have approved"
    assert audited(guarded) == []


@pytest.mark.slow
@pytest.mark.attack(13, "add content that one approved elsewhere to a merge commit")
def test_whoever_alters_the_merge_is_an_author_of_it(guarded: Company) -> None:
    both = {"a.py": "x = 2\n", "b.py": "y = 2\n"}
    change(guarded)
    senior = change(guarded, "both", both)
    senior.approve("origin/both")
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "--no-commit", "origin/feature")
    senior.commit("v2, and a word of mine", both, push=False)
    result = push(senior, "--atomic", "origin", "main", "refs/gate/log")
    assert result.code != 0
    assert "owners:" in result.err


@pytest.mark.attack(36, "the protected branch is deleted on the server")
def test_a_protected_branch_is_not_deleted(guarded: Company) -> None:
    guarded.server.git("config", "receive.denyDeleteCurrent", "ignore")
    result = push(guarded.clone("nehemiah"), "origin", ":main")
    assert result.code != 0
    assert "cannot be deleted" in result.err


@pytest.mark.slow
@pytest.mark.attack(36, "force-push the protected branch on the server")
@pytest.mark.parametrize("root", [False, True], ids=["rewound", "another root"])
def test_a_forced_push_is_refused(guarded: Company, root: bool) -> None:
    senior = change(guarded)
    senior.approve("feature")
    assert senior.gate("merge", "feature", "--push").code == 0
    on_main(senior)
    if root:
        senior.git("checkout", "-q", "--orphan", "fresh")
        senior.commit("anew", {}, push=False)
    else:
        senior.git("reset", "-q", "--hard", "HEAD^")
    result = push(senior, "-f", "origin", "HEAD:main")
    assert result.code != 0
    assert "would remove commits" in result.err


@pytest.mark.slow
@pytest.mark.attack(36, "make another branch the first parent of main")
def test_main_does_not_become_a_side_branch(guarded: Company) -> None:
    """The branch that main is merged into has other first parents: who audits would follow them."""
    senior = change(guarded)
    senior.approve("feature")
    change(guarded, "other", {"web/page.py": "z = 2\n"})
    assert senior.gate("merge", "feature", "--push").code == 0
    senior.fetch()
    senior.git("checkout", "-q", "-b", "foxtrot", "origin/other")
    senior.git("merge", "-q", "origin/main", "-m", "catch up")
    result = push(senior, "origin", "foxtrot:main")
    assert result.code != 0
    assert "the other way round" in result.err


@pytest.mark.attack(36, "one rejected ref among others, on the server")
def test_every_ref_of_a_push_is_looked_at(guarded: Company) -> None:
    new = on_main(guarded.clone("newhire"))
    new.commit("straight in", EVIL, push=False)
    new.git("tag", "v2")
    assert push(new, "origin", "v2", "main:mine", "main:main").code != 0


@pytest.mark.slow
@pytest.mark.attack(6, "push to a symbolic ref that points to the protected branch")
def test_a_branch_by_another_name_is_the_same_branch(guarded: Company) -> None:
    guarded.server.git("symbolic-ref", "refs/heads/master", "refs/heads/main")
    guarded.server.git("symbolic-ref", "refs/heads/trunk", "refs/heads/master")
    guarded.server.git("symbolic-ref", "refs/heads/gone", "refs/gate/elsewhere")
    new = on_main(guarded.clone("newhire"))
    new.commit("straight in", EVIL, push=False)
    for name in ("master", "trunk"):
        result = push(new, "origin", f"main:{name}")
        assert result.code != 0
        assert "can't merge into main" in result.err
    assert "can be pushed" in push(new, "origin", "main:gone").err


@pytest.mark.slow
@pytest.mark.attack(7, "push a commit that contains a weaker policy")
def test_the_policy_of_the_pushed_commit_itself_says_nothing(guarded: Company) -> None:
    new = on_main(guarded.clone("newhire"))
    new.commit("simpler", {"gate.yaml": "protect: {other: {}}\n", **EVIL}, push=False)
    assert push(new, "origin", "main").code != 0
    new.git("rm", "-q", "gate.yaml")
    new.commit("simplest", {}, push=False)
    new.commit("and in", EVIL | {"b.py": ""}, push=False)
    assert push(new, "origin", "main").code != 0


@pytest.mark.slow
@pytest.mark.attack(3, "push an invalid policy or CODEOWNERS to the server")
def test_rules_that_nobody_can_read_are_not_let_in(guarded: Company) -> None:
    ada = guarded.clone("ada")
    ada.commit("half a policy", {"gate.yaml": "protect: ["}, branch="policy")
    senior = guarded.clone("nehemiah")
    senior.approve("policy", "--reason", "did not look")
    result = senior.gate("merge", "policy", "--push")
    assert result.code == 1, result.text
    assert "would have an invalid policy or CODEOWNERS file: gate.yaml:2:1" in " ".join(result.text.split())


@pytest.mark.slow
@pytest.mark.attack(21)
def test_an_evil_merge_on_top_of_an_approved_change(guarded: Company) -> None:
    senior = on_main(change(guarded))
    senior.approve("feature")
    bob = on_main(guarded.clone("bob"))
    bob.git("merge", "-q", "--no-ff", "--no-commit", "origin/feature")
    bob.write({"b.py": "import os\n"})
    bob.git("add", "-A")
    bob.git("commit", "-q", "-m", "Merge feature into main")
    assert push(bob, "origin", "main").code != 0


@pytest.mark.slow
@pytest.mark.attack(35, "push a merge that has no recorded verdict")
def test_a_merge_by_hand_lacks_the_proof(guarded: Company) -> None:
    senior = on_main(change(guarded))
    senior.approve("feature")
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    result = push(senior, "origin", "main")
    assert result.code != 0
    assert "`gate audit` would fail: checks: no signed verdict" in result.err
    assert "gate merge" in result.err


@pytest.mark.slow
@pytest.mark.attack(15, "backdate a merge to before an objection")
def test_an_objection_outweighs_a_backdated_merge(guarded: Company) -> None:
    """The merge says that it was made before the objection, and names a log that lacks it."""
    senior = change(guarded)
    senior.approve("feature")
    on_main(senior)
    dates = {f"GIT_{who}_DATE": "2001-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")}
    merged = senior.gate_process("merge", "feature", env=dates)
    assert merged.code == 0, merged.text
    bob = guarded.clone("bob")
    bob.fetch()
    assert bob.gate("approve", "feature", "--block", "--reason", "drops the index").code == 0
    assert senior.gate("approvals", "feature", "--fetch").code == 0
    result = push(senior, "--atomic", "origin", "main", "refs/gate/log")
    assert result.code != 0
    assert "@bob objects: drops the index" in result.err


@pytest.mark.slow
@pytest.mark.attack(15, "use an expired key, and backdate the merge")
def test_an_expired_key_opens_nothing_by_a_backdated_merge(company: Company) -> None:
    expired = f'valid-before="20200101" {company.public("nehemiah")}'
    policy = company.policy(NO_CHECKS, keys={"nehemiah": [expired]})
    company.set_policy(policy.replace('\'valid-before="20200101"', '\'valid-before="20200101"'))
    company.server.gate("install", "--server")
    senior = change(company)
    assert senior.gate("approve", "feature").code == 2
    on_main(senior)
    dates = {f"GIT_{who}_DATE": "2019-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")}
    senior.git("merge", "-q", "--no-ff", "origin/feature", env=dates)
    assert push(senior, "origin", "main").code != 0


@pytest.mark.slow
def test_a_waiver_lets_in_loudly(guarded: Company) -> None:
    senior = change(guarded)
    senior.approve("feature", "--waive", "--reason", "outage 4711")
    on_main(senior)
    assert senior.gate("merge", "feature").code == 0
    result = push(senior, "--atomic", "origin", "main", "refs/gate/log")
    assert result.code == 0
    assert "WAIVED by @nehemiah: outage 4711" in result.err


@pytest.mark.attack(37, "waive without being a guardian, on the server")
def test_a_waiver_of_somebody_who_may_not(guarded: Company) -> None:
    change(guarded)
    bob = guarded.clone("bob")
    bob.fetch()
    assert bob.gate("approve", "feature", "--waive", "--reason", "outage").code == 2


@pytest.mark.attack(33, "hostile names")
def test_hostile_names_are_inert(guarded: Company) -> None:
    new = on_main(guarded.clone("newhire"))
    new.commit("\x1b[31mred\x1b[0m ::error::x", {"\x1b[2Ja.py": "import os\n"}, push=False)
    result = push(new, "origin", "main")
    assert result.code != 0
    assert "\x1b[31m" not in result.err
    assert "\x1b[2J" not in result.err


@pytest.mark.slow
def test_the_first_push_of_all_is_free_and_the_next_is_not(company: Company) -> None:
    Clone(company.path, "nobody", company.keys).git("init", "-q", "--bare", "-b", "trunk", "fresh.git")
    fresh = Clone(company.path / "fresh.git", "nobody", company.keys)
    assert fresh.gate("install", "--server").code == 0
    new = on_main(company.clone("newhire"))
    new.git("remote", "set-url", "origin", str(fresh.path))
    new.git("push", "-q", "origin", "main", "main:mine")
    new.commit("straight in", EVIL, push=False)
    with pytest.raises(AssertionError, match="can't merge into main"):
        new.git("push", "-q", "origin", "main")
    # HEAD on the server names a branch that is not there: nobody takes over by making it.
    with pytest.raises(AssertionError, match="would become the default branch in place of main"):
        new.git("push", "-q", "origin", "main:trunk")


@pytest.mark.slow
def test_without_a_policy_the_default_branch_is_protected_by_the_defaults(guarded: Company) -> None:
    guarded.server.git("config", "receive.denyDeleteCurrent", "ignore")
    Clone(guarded.path, "nobody", guarded.keys).git("init", "-q", "--bare", "-b", "main", "plain.git")
    plain = Clone(guarded.path / "plain.git", "nobody", guarded.keys)
    new = guarded.clone("newhire")
    new.git("checkout", "-q", "--orphan", "bare")
    new.git("rm", "-q", "-r", "-f", ".")
    new.git("remote", "set-url", "origin", str(plain.path))
    new.commit("first", {"a.py": "x = 1\n", "CODEOWNERS": "* @ada\n"}, push=False)
    new.git("push", "-q", "origin", "bare:main")
    # Nobody could approve anything under the defaults, so that is not installed by mistake.
    assert plain.gate("install", "--server").code == 2
    assert plain.gate("install", "--server", "--force").code == 0
    new.commit("second", {"a.py": "x = 2\n"}, push=False)
    with pytest.raises(AssertionError, match="owners: 1 file needs approval from a code owner"):
        new.git("push", "-q", "origin", "bare:main")
    new.git("push", "-q", "origin", "bare:elsewhere")


@pytest.mark.slow
def test_a_new_branch_that_the_policy_protects(guarded: Company) -> None:
    guarded.server.gate("install", "--uninstall")
    old = guarded.server.git("rev-parse", "main")
    guarded.set_policy(guarded.policy(NO_CHECKS).replace("people:", '  "release/*": {}\npeople:', 1))
    guarded.server.gate("install", "--server")
    new = on_main(guarded.clone("newhire"))
    tip = new.git("rev-parse", "HEAD")
    new.commit("straight in", EVIL, push=False)
    result = push(new, "origin", "main:release/1")
    assert result.code != 0
    assert "starts at a commit that main has been at" in result.err
    result = push(new, "origin", f"{old}:refs/heads/release/1")
    assert result.code != 0
    assert "has different rules" in result.err
    assert push(new, "origin", f"{tip}:refs/heads/release/1").code == 0
    assert push(new, "origin", "main:release/1").code != 0
    assert push(new, "origin", ":release/1").code != 0


def test_half_a_policy_on_ones_own_branch_blocks_nobody(guarded: Company) -> None:
    new = guarded.clone("newhire")
    new.commit("half", {"gate.yaml": "protect: ["}, branch="mine")
    new.commit("whole", {"gate.yaml": "version: 1\n"}, branch="mine")


@pytest.mark.slow
@pytest.mark.attack(8, "colliding paths, with a waiver")
def test_paths_that_clash_are_not_let_in_by_a_waiver_either(guarded: Company) -> None:
    senior = change(guarded, files={"A.py": "x = 2\n"})
    result = senior.gate("approve", "feature", "--waive", "--reason", "outage")
    assert result.code == 2
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    result = push(senior, "origin", "main")
    assert result.code != 0
    assert "colliding paths" in result.err


@pytest.mark.slow
@pytest.mark.attack(34, "two pushes at the same time")
def test_two_pushes_at_once_and_one_is_second(guarded: Company) -> None:
    """Both are checked against the same tip; git moves the ref only for the first one."""
    senior = change(guarded)
    senior.approve("feature")
    change(guarded, "other", {"b.py": "y = 2\n"})
    ada = guarded.clone("nehemiah", "second")
    ada.approve("other")
    senior.gate("approvals", "feature", "--fetch")
    for clone, branch in ((senior, "feature"), (ada, "other")):
        on_main(clone)
        assert clone.gate("merge", branch).code == 0
    hook = guarded.server.path / "hooks" / "pre-receive"
    hook.write_text(
        hook.read_text()
        + f"\n[ $? -eq 0 ] || exit 1\n[ -e {guarded.path}/raced ] || {{ touch {guarded.path}/raced; "
        f"cd {ada.path} && env -i PATH=$PATH HOME=$HOME GIT_CONFIG_GLOBAL=$GIT_CONFIG_GLOBAL "
        "git push -q --atomic origin main refs/gate/log || exit 1; }\n"
    )
    done = subprocess.run(
        ["git", "push", "--atomic", "origin", "main", "refs/gate/log"], cwd=senior.path, check=False,
        env=isolated(guarded.path / "home"), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert guarded.server.git("show", "main:b.py") == "y = 2"
    assert guarded.server.git("show", "main:a.py") == "x = 1"
    assert audited(guarded) == []


@pytest.mark.slow
def test_a_push_that_main_has_outrun_is_not_checked_and_gate_merges_again(guarded: Company) -> None:
    """An administrator's commit arrives while the hook starts; the second attempt merges onto it."""
    senior = change(guarded)
    senior.approve("feature")
    ada = guarded.clone("ada")
    on_main(ada)
    outran = ada.commit("From the server", {"b.py": "y = 2\n"}, push=False)
    guarded.server.git("fetch", "-q", str(ada.path), "main")
    hook = guarded.server.path / "hooks" / "pre-receive"
    once = (
        f"[ -e {guarded.path}/raced ] || {{ touch {guarded.path}/raced; "
        f"env -i PATH=$PATH git -C {guarded.server.path} update-ref refs/heads/main {outran}; }}"
    )
    first, _, rest = hook.read_text().partition("\n")
    hook.write_text(f"{first}\n{once}\n{rest}")
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "--no-edit", "origin/feature")
    done = subprocess.run(
        ["git", "push", "origin", "main"], cwd=senior.path, check=False,
        env=isolated(guarded.path / "home"), capture_output=True, text=True,
    )  # fmt: skip
    assert "main has moved since this push began" in done.stderr, done.stderr
    (guarded.path / "raced").unlink()
    guarded.server.git("update-ref", "refs/heads/main", f"{outran}^")
    senior.git("reset", "-q", "--hard", "origin/main")
    merged = senior.gate("merge", "feature", "--push")
    assert merged.code == 0, merged.text
    assert "checking again" in merged.text
    assert guarded.server.git("show", "main:b.py") == "y = 2"
    assert guarded.server.git("show", "main:a.py") == "x = 2"


@pytest.mark.slow
def test_owners_who_answer_for_their_own_files_only(company: Company) -> None:
    """`stale: owned`: the server and the audit count what of an earlier approval still holds."""
    company.set_policy(company.policy("      owners: {stale: owned}\n      checks: [ok]\n"))
    assert company.server.gate("install", "--server").code == 0
    start = company.server.git("rev-parse", "main")
    new = company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n", "docs/index.md": "# Two\n"}, branch="feature")
    company.clone("bob").approve("origin/feature")
    new.commit("v3", {"a.py": "x = 3\n"}, branch="feature")
    senior = company.clone("nehemiah")
    senior.approve("origin/feature")
    merged = senior.gate("merge", "origin/feature", "--push")
    assert merged.code == 0, merged.text
    assert audited(company, start) == []


@pytest.mark.attack(35, "push to a server whose HEAD names no branch")
def test_a_server_whose_head_names_no_branch_is_no_open_door(guarded: Company) -> None:
    guarded.server.git("update-ref", "--no-deref", "HEAD", "refs/heads/main")
    new = on_main(guarded.clone("newhire"))
    new.commit("straight in", EVIL, push=False)
    assert push(new, "origin", "main").code != 0


def test_a_policy_that_names_environments_only_leaves_main_protected(company: Company) -> None:
    company.set_policy("protect: {production: {kind: environment}}\n")
    assert company.server.gate("install", "--server", "--force").code == 0
    new = on_main(company.clone("newhire"))
    new.commit("straight in", EVIL, push=False)
    result = push(new, "origin", "main")
    assert result.code != 0
    assert "can't merge into main" in result.err


@pytest.mark.slow
def test_a_merge_with_the_wrong_key_leaves_nothing_behind(guarded: Company) -> None:
    senior = change(guarded)
    senior.approve("feature")
    log = senior.git("rev-parse", "refs/gate/log")
    listed = senior.git("config", "user.signingKey")
    senior.git("config", "user.signingKey", senior.key("stranger"))
    refused = senior.gate("merge", "feature", "--push")
    assert refused.code == 1
    assert "main was not moved: the merge must be signed, but the key SHA256:" in refused.err
    assert "is not listed in the policy of main" in refused.err
    assert senior.git("rev-parse", "refs/gate/log") == log
    senior.git("config", "user.signingKey", listed)
    merged = senior.gate("merge", "feature", "--push")
    assert merged.code == 0, merged.text
    assert audited(guarded) == []


@pytest.mark.slow
def test_the_reason_of_a_waiver_forges_no_line_of_the_audit(guarded: Company) -> None:
    senior = change(guarded)
    reason = "outage; approved by @bob; checks passed, signed by @bob"
    assert senior.gate("approve", "feature", "--yes", "--waive", "--reason", reason).code == 0
    assert senior.gate("merge", "feature", "--push").code == 0
    lines = senior.gate("audit", "--all").out.splitlines()
    assert not any(line.strip() in {"approved by @bob", "checks passed, signed by @bob"} for line in lines)
    assert any(reason in line for line in lines)
    # A waiver is no approval, and its author's own work needs somebody else's.
    assert not any("approved by @nehemiah" in line for line in lines)
    (step,) = json.loads(senior.gate("audit", "--all", "--format", "json").out)[:1]
    assert step["waived"] is True
    assert step["approvers"] == []
    assert f"WAIVED by @nehemiah: {reason}" in step["reasons"]
