"""Verdicts signed by CI: recorded, trusted, and taken instead of running the checks."""

from __future__ import annotations

import json
import time
from hashlib import sha256

import pytest
from support.company import Clone, Company, Result
from support.pushing import audited, change, on_main, push

TRUSTED = '  main:\n    verdicts: ["@ci"]\n'


def use(company: Company, policy: str, *, trust: bool = True) -> str:
    """Put a policy on main, and only then the hook on the server. The tip of main, which was never audited."""
    company.set_policy(policy.replace("  main:\n", TRUSTED) if trust else policy)
    assert company.server.gate("install", "--server").code == 0
    return company.server.git("rev-parse", "main")


def counting(company: Company, *, fail: bool = False) -> str:
    """A policy whose one check notes each of its runs in the file `runs`."""
    script = company.path / "counted"
    script.write_text(f'#!/bin/sh\necho run >> "{company.path}/runs"\nexit {int(fail)}\n')
    script.chmod(0o755)
    return company.policy().replace('command: ["true"]', f'command: ["{script}"]')


def runs(company: Company) -> int:
    path = company.path / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


def ci(company: Company) -> Clone:
    clone = company.clone("ci")
    clone.fetch()
    return clone


def record(clone: Clone, head: str = "origin/feature", *args: str) -> Result:
    return clone.gate("check", "--head", head, "--record", *args)


@pytest.mark.slow
def test_ci_signs_and_the_server_starts_nothing(company: Company) -> None:
    start = use(company, counting(company))
    senior = change(company)
    result = record(ci(company))
    assert result.code == 1, "nobody has approved it yet"
    assert "verdict recorded by @ci" in result.err
    assert runs(company) == 1
    senior.approve("feature")
    # Neither the senior's own check nor the server has to run it again.
    shown = senior.gate("check", "--head", "origin/feature")
    assert shown.code == 0, shown.text
    assert "Checks were run by @ci" in shown.out
    assert senior.gate("merge", "feature", "--push").code == 0
    assert runs(company) == 1
    assert audited(company, start) == []
    assert not (company.server.path / "gate" / "trees").exists()


@pytest.mark.slow
def test_recorded_twice_is_recorded_once(company: Company) -> None:
    use(company, company.policy())
    change(company)
    clone = ci(company)
    first, second = record(clone), record(clone)
    assert first.err == second.err
    assert sum(name.startswith("verdicts/") for name in clone.log()) == 1


@pytest.mark.slow
def test_without_a_verdict_the_server_waits_for_it(company: Company) -> None:
    start = use(company, company.policy())
    senior = change(company)
    senior.approve("feature")
    here = senior.gate("check", "--head", "origin/feature")
    assert here.code == 0
    assert "needs a verdict signed by @ci" in here.out
    result = senior.gate("merge", "feature", "--push")
    assert result.code == 3
    assert "needs a verdict signed by @ci" in result.err
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    pushed = push(senior, "origin", "main")
    assert pushed.code != 0
    assert "no verdict by @ci is recorded yet" in pushed.err
    # What waits for nothing but that goes in as soon as it is there, no matter who made the merge.
    assert record(ci(company)).code == 0, "approved, and passed"
    assert push(senior, "origin", "main").code == 0
    assert audited(company, start) == []


@pytest.mark.slow
def test_a_verdict_of_the_merge_itself_will_do(company: Company) -> None:
    start = use(company, company.policy())
    senior = change(company)
    senior.approve("feature")
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    senior.git("push", "-q", "origin", "main:refs/heads/proposed")
    # The merge is as git alone makes it, so the senior who made it is no author and may have approved.
    assert record(ci(company), "origin/proposed").code == 0
    assert push(senior, "origin", "main").code == 0
    assert audited(company, start) == []


@pytest.mark.slow
def test_failed_checks_are_not_signed(company: Company) -> None:
    use(company, counting(company, fail=True))
    change(company)
    result = record(ci(company))
    assert result.code == 1
    assert "verdict not recorded: not all of the required checks passed" in result.err
    assert company.server.git("for-each-ref", "refs/gate") == ""


@pytest.mark.slow
@pytest.mark.attack(35, "a verdict by someone whose verdicts don't count")
@pytest.mark.parametrize("who", ["newhire", "bob", "stranger"])
def test_whose_verdict_is_not_asked_for_proves_nothing(company: Company, who: str) -> None:
    use(company, company.policy())
    senior = change(company)
    senior.approve("feature")
    result = record(senior, "origin/feature", "--key", senior.key(who))
    assert result.code == (2 if who == "stranger" else 0), result.text
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    pushed = push(senior, "--atomic", "origin", "main", *(["refs/gate/log"] if who != "stranger" else []))
    assert pushed.code != 0
    assert "no verdict by @ci" in pushed.err


def forge(clone: Clone, key: str, **changed: object) -> None:
    """A verdict record that claims to be CI's, signed with `key`, in the log of the clone."""
    from gate.approvals.record import parse, record_id, serialise
    from gate.git.repository import Repository
    from gate.log.paths import record_path, signature_path
    from gate.log.store import add
    from gate.policy.keys import parse_key
    from gate.ssh import SigningKey, sign

    name = next(
        name
        for name in clone.log()
        if name.endswith(".json")
        and name.startswith("records/")
        and json.loads(clone.git("show", f"refs/gate/log:{name}"))["kind"] == "verdict"
    )
    fields = json.loads(clone.git("show", f"refs/gate/log:{name}")) | changed
    data = (json.dumps(fields, sort_keys=True, separators=(",", ":")) + "\n").encode()
    made = parse(data)
    assert not hasattr(made, "reason") or serialise(made) == data  # type: ignore[arg-type]  # without a reason it is a record
    public = parse_key((clone.keys / f"{key}.pub").read_text())
    signature = sign(data, SigningKey(public, str(clone.keys / key)))
    identity = record_id(data)
    add(
        Repository.find(clone.path),
        {record_path(identity): data, signature_path(identity): signature},
        "forged",
    )


@pytest.mark.slow
@pytest.mark.attack(35, "push with a forged verdict")
def test_a_forged_verdict_opens_nothing(company: Company) -> None:
    """Signed by the new hire in CI's name."""
    use(company, company.policy())
    senior = change(company)
    senior.approve("feature")
    assert record(senior, "origin/feature").code == 0
    forge(senior, "newhire", by="@ci", nonce="0" * 32)
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    result = push(senior, "--atomic", "origin", "main", "refs/gate/log")
    assert result.code != 0
    assert "is not admitted: signed with the key of @newhire, in the name of @ci" in result.err


@pytest.mark.slow
@pytest.mark.attack(35, "push with the verdict for another change")
def test_a_verdict_about_another_change_opens_nothing(company: Company) -> None:
    """CI's own record of a good change cannot be bent to fit, and is not about this one."""
    use(company, company.policy())
    change(company, "good", {"b.py": "y = 2\n"})
    assert record(ci(company), "origin/good").code == 1
    senior = change(company)
    senior.approve("feature")
    digest = senior.verdict("origin/feature")["change"]["digest"]
    assert senior.gate("approvals", "--fetch", "feature").code == 0
    forge(senior, "newhire", change=digest)
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    assert push(senior, "--atomic", "origin", "main", "refs/gate/log").code != 0


@pytest.mark.slow
@pytest.mark.attack(35, "push with a verdict for an earlier base")
def test_a_verdict_by_an_earlier_base_opens_nothing(company: Company) -> None:
    """The other half of the tree has moved since: nobody has run the checks on what would be there now."""
    start = use(company, company.policy())
    senior = change(company)
    change(company, "other", {"b.py": "y = 2\n"})
    for branch in ("feature", "other"):
        record(ci(company), f"origin/{branch}")
        senior.approve(branch)
    assert senior.gate("merge", "other", "--push").code == 0
    result = senior.gate("merge", "feature", "--push")
    assert result.code == 3, result.text
    assert record(ci(company)).code == 0
    assert senior.gate("merge", "feature", "--push").code == 0
    assert audited(company, start) == []


@pytest.mark.slow
def test_ci_can_vouch_but_not_approve(company: Company) -> None:
    use(company, company.policy())
    change(company)
    assert record(ci(company)).code == 1
    assert ci(company).gate("approve", "origin/feature").code == 2


@pytest.mark.slow
def test_the_server_runs_the_checks_itself_where_nobody_is_trusted_for_them(company: Company) -> None:
    start = use(company, counting(company), trust=False)
    senior = change(company)
    senior.approve("feature")
    assert senior.gate("merge", "feature", "--push").code == 0
    assert runs(company) == 2, "once here, once there: a signature of just anybody is no run"
    assert audited(company, start) == []


def test_what_nobody_has_approved_is_not_run_on_the_server(company: Company) -> None:
    use(company, counting(company), trust=False)
    new = on_main(company.clone("newhire"))
    new.commit("straight in", {"a.py": "x = 2\n"}, push=False)
    assert push(new, "origin", "main").code != 0
    assert runs(company) == 0


@pytest.mark.slow
def test_a_check_that_fails_on_the_server_refuses(company: Company) -> None:
    policy = company.policy().replace('command: ["true"]', 'command: ["sh", "-c", "test ! -e hooks-only"]')
    use(company, policy, trust=False)
    senior = change(company, files={"hooks-only": "x\n"})
    senior.approve("feature")
    # The pusher's own record says that all is well.
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    base = senior.git("rev-parse", "origin/main")
    assert record(senior, "HEAD", "--base", base).code == 1
    forged = senior.git("rev-parse", "HEAD")
    lie(senior, base, forged)
    result = push(senior, "--atomic", "origin", "main", "refs/gate/log")
    assert result.code != 0
    assert "checks: failed: ok" in result.err


@pytest.mark.slow
def test_the_server_checks_what_only_the_push_brings(company: Company) -> None:
    """The objects are in the quarantine; after a refusal they are gone, and the next push is checked all the same."""
    policy = company.policy("      owners: false\n      checks: [ok]\n").replace(
        '["true"]', '["grep", "-q", "good", "a.py"]'
    )
    use(company, policy, trust=False)
    senior = on_main(company.clone("nehemiah"))
    base = senior.git("rev-parse", "HEAD")
    senior.commit("bad", {"a.py": "x = 'bad'\n", "more/b.py": "y = 'bad'\n"}, push=False)
    lie(senior, base, "HEAD")
    result = push(senior, "--atomic", "origin", "main", "refs/gate/log")
    assert "checks: failed: ok" in result.err
    tree = senior.git("rev-parse", "HEAD^{tree}")
    with pytest.raises(AssertionError):
        company.server.git("cat-file", "-e", tree)
    senior.git("reset", "-q", "--hard", "origin/main")
    senior.commit("good", {"a.py": "x = 'good'\n", "more/b.py": "y = 'good'\n"}, push=False)
    senior.git("branch", "good")
    senior.git("reset", "-q", "--hard", "origin/main")
    result = senior.gate("merge", "good", "--push")
    assert result.code == 0, result.text
    company.server.git("fsck", "--connectivity-only")


def lie(clone: Clone, base: str, head: str) -> None:
    """The senior signs that checks passed which did not."""
    from gate.approvals.record import Record, record_id, serialise
    from gate.git.repository import Repository
    from gate.log.paths import record_path, signature_path, verdict_path
    from gate.log.store import add
    from gate.ssh import find_key, sign

    verdict = clone.verdict(head, "--base", base)
    for check in verdict["checks"]:
        check |= {"outcome": "passed", "findings": []}
    document = json.dumps(verdict).encode()
    name = sha256(document).hexdigest()
    about = verdict["change"]
    data = serialise(
        Record(
            "verdict", about["repository"], about["into"], base, about["head"], about["digest"],
            by="@nehemiah", at=int(time.time()), nonce="0" * 32, of=name,
        )
    )  # fmt: skip
    files = {record_path(record_id(data)): data, verdict_path(name): document}
    files[signature_path(record_id(data))] = sign(data, find_key(clone.key("nehemiah"), "", ()))
    add(Repository.find(clone.path), files, "a lie")
    message = f"Merge feature into main\n\nGate-Verdict: {name}\n"
    clone.git("commit", "-q", "--amend", "-m", message)


@pytest.mark.attack(31, "a check that hangs on the server")
@pytest.mark.slow
def test_a_check_that_hangs_on_the_server_refuses(company: Company) -> None:
    policy = company.policy().replace('command: ["true"]', 'command: ["sleep", "600"], timeout: 1s')
    use(company, policy, trust=False)
    senior = change(company)
    senior.approve("feature")
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    base = senior.git("rev-parse", "origin/main")
    lie(senior, base, "HEAD")
    result = push(senior, "--atomic", "origin", "main", "refs/gate/log")
    assert result.code != 0
    assert "it took longer than 1 s" in result.err


def test_wrong_usage_is_reported(company: Company) -> None:
    clone = company.clone("ci")
    for args in (("--record", "--staged"), ("--record", "--only", "ok"), ("--key", "x")):
        result = clone.gate("check", *args)
        assert result.code == 2, result.text
    assert record(clone, "HEAD", "--key", clone.key("stranger")).code == 2


@pytest.mark.slow
@pytest.mark.parametrize("how", ["merge", "squash"])
def test_somebody_without_a_key_merges_what_ci_has_checked(company: Company, how: str) -> None:
    start = use(company, company.policy())
    senior = change(company)
    assert "verdict recorded by @ci" in record(ci(company)).err
    senior.approve("feature")
    clone = company.clone("bob")
    clone.fetch()
    clone.git("config", "user.signingKey", clone.key("stranger"))
    assert clone.gate("approvals", "feature", "--fetch").code == 0
    merged = clone.gate("merge", "origin/feature", "--push", *(["--squash"] if how == "squash" else []))
    assert merged.code == 0, merged.text
    assert audited(company, start) == []
