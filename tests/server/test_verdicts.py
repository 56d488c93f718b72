"""Verdicts signed by CI: recorded, trusted, and taken instead of running the checks."""

from __future__ import annotations

import json
import time
from hashlib import sha256

import pytest
from support.pushing import audited, change, on_main, push
from support.town import Clone, Said, Town

TRUSTED = '  main:\n    verdicts: ["@ci"]\n'


def use(town: Town, policy: str, *, trust: bool = True) -> str:
    """Put a policy on main, and only then the hook on the server. The tip of main, which was never audited."""
    town.set_policy(policy.replace("  main:\n", TRUSTED) if trust else policy)
    assert town.server.gate("install", "--server").code == 0
    return town.server.git("rev-parse", "main")


def counting(town: Town, *, fail: bool = False) -> str:
    """A policy whose one check notes each of its runs in the file `runs`."""
    script = town.path / "counted"
    script.write_text(f'#!/bin/sh\necho run >> "{town.path}/runs"\nexit {int(fail)}\n')
    script.chmod(0o755)
    return town.policy().replace('command: ["true"]', f'command: ["{script}"]')


def runs(town: Town) -> int:
    path = town.path / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


def ci(town: Town) -> Clone:
    clone = town.clone("ci")
    clone.fetch()
    return clone


def record(clone: Clone, head: str = "origin/feature", *args: str) -> Said:
    return clone.gate("check", "--head", head, "--record", *args)


@pytest.mark.slow
def test_ci_signs_and_the_server_starts_nothing(town: Town) -> None:
    start = use(town, counting(town))
    senior = change(town)
    said = record(ci(town))
    assert said.code == 1, "nobody has approved it yet"
    assert "verdict recorded by @ci" in said.err
    assert runs(town) == 1
    senior.approve("feature")
    # Neither the senior's own check nor the server has to run it again.
    shown = senior.gate("check", "--head", "origin/feature")
    assert shown.code == 0, shown.text
    assert "Checks were run by @ci" in shown.out
    assert senior.gate("merge", "feature", "--push").code == 0
    assert runs(town) == 1
    assert audited(town, start) == []
    assert not (town.server.path / "gate" / "trees").exists()


@pytest.mark.slow
def test_recorded_twice_is_recorded_once(town: Town) -> None:
    use(town, town.policy())
    change(town)
    clone = ci(town)
    first, second = record(clone), record(clone)
    assert first.err == second.err
    assert sum(name.startswith("verdicts/") for name in clone.log()) == 1


@pytest.mark.slow
def test_without_a_verdict_the_server_waits_for_it(town: Town) -> None:
    start = use(town, town.policy())
    senior = change(town)
    senior.approve("feature")
    here = senior.gate("check", "--head", "origin/feature")
    assert here.code == 0
    assert "needs a verdict signed by @ci" in here.out
    said = senior.gate("merge", "feature", "--push")
    assert said.code == 3
    assert "needs a verdict signed by @ci" in said.err
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    pushed = push(senior, "origin", "main")
    assert pushed.code != 0
    assert "no verdict of @ci about this is recorded yet" in pushed.err
    # What waits for nothing but that goes in as soon as it is there, whoever made the merge.
    assert record(ci(town)).code == 0, "approved, and passed"
    assert push(senior, "origin", "main").code == 0
    assert audited(town, start) == []


@pytest.mark.slow
def test_a_verdict_of_the_merge_itself_will_do(town: Town) -> None:
    start = use(town, town.policy())
    senior = change(town)
    senior.approve("feature")
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    senior.git("push", "-q", "origin", "main:refs/heads/proposed")
    # The merge is as git alone makes it, so the senior who made it is no author and may have approved.
    assert record(ci(town), "origin/proposed").code == 0
    assert push(senior, "origin", "main").code == 0
    assert audited(town, start) == []


def test_failed_checks_are_not_vouched_for(town: Town) -> None:
    use(town, counting(town, fail=True))
    change(town)
    said = record(ci(town))
    assert said.code == 1
    assert "verdict not recorded: not all of the required checks passed" in said.err
    assert town.server.git("for-each-ref", "refs/gate") == ""


@pytest.mark.slow
@pytest.mark.attack(35)
@pytest.mark.parametrize("who", ["newhire", "bob", "stranger"])
def test_whose_verdict_is_not_asked_for_proves_nothing(town: Town, who: str) -> None:
    use(town, town.policy())
    senior = change(town)
    senior.approve("feature")
    said = record(senior, "origin/feature", "--key", senior.key(who))
    assert said.code == (2 if who == "stranger" else 0), said.text
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    pushed = push(senior, "--atomic", "origin", "main", *(["refs/gate/log"] if who != "stranger" else []))
    assert pushed.code != 0
    assert "no verdict of @ci" in pushed.err


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
    assert not hasattr(made, "reason") or serialise(made) == data  # type: ignore[arg-type]
    public = parse_key((clone.keys / f"{key}.pub").read_text())
    signature = sign(data, SigningKey(public, str(clone.keys / key)))
    identity = record_id(data)
    add(
        Repository.find(clone.path),
        {record_path(identity): data, signature_path(identity): signature},
        "forged",
    )


@pytest.mark.slow
@pytest.mark.attack(35)
def test_a_forged_verdict_opens_nothing(town: Town) -> None:
    """Signed by the new hire in CI's name."""
    use(town, town.policy())
    senior = change(town)
    senior.approve("feature")
    assert record(senior, "origin/feature").code == 0
    forge(senior, "newhire", by="@ci", nonce="0" * 32)
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    said = push(senior, "--atomic", "origin", "main", "refs/gate/log")
    assert said.code != 0
    assert "is not admitted: signed with the key of @newhire, in the name of @ci" in said.err


@pytest.mark.slow
@pytest.mark.attack(35)
def test_a_verdict_about_another_change_opens_nothing(town: Town) -> None:
    """CI's own record of a good change cannot be bent to fit, and does not speak of this one."""
    use(town, town.policy())
    change(town, "good", {"b.py": "y = 2\n"})
    assert record(ci(town), "origin/good").code == 1
    senior = change(town)
    senior.approve("feature")
    digest = senior.verdict("origin/feature")["change"]["digest"]
    assert senior.gate("approvals", "--fetch", "feature").code == 0
    forge(senior, "newhire", change=digest)
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    assert push(senior, "--atomic", "origin", "main", "refs/gate/log").code != 0


@pytest.mark.slow
@pytest.mark.attack(35)
def test_a_verdict_by_an_earlier_base_opens_nothing(town: Town) -> None:
    """The other half of the tree has moved since: nobody has run the checks on what would be there now."""
    start = use(town, town.policy())
    senior = change(town)
    change(town, "other", {"b.py": "y = 2\n"})
    for branch in ("feature", "other"):
        record(ci(town), f"origin/{branch}")
        senior.approve(branch)
    assert senior.gate("merge", "other", "--push").code == 0
    said = senior.gate("merge", "feature", "--push")
    assert said.code == 3, said.text
    assert record(ci(town)).code == 0
    assert senior.gate("merge", "feature", "--push").code == 0
    assert audited(town, start) == []


@pytest.mark.slow
def test_ci_can_vouch_but_not_approve(town: Town) -> None:
    use(town, town.policy())
    change(town)
    assert record(ci(town)).code == 1
    assert ci(town).gate("approve", "origin/feature").code == 2


@pytest.mark.slow
def test_the_server_runs_the_checks_itself_where_nobody_is_trusted_for_them(town: Town) -> None:
    start = use(town, counting(town), trust=False)
    senior = change(town)
    senior.approve("feature")
    assert senior.gate("merge", "feature", "--push").code == 0
    assert runs(town) == 2, "once here, once there: a signature of just anybody is no run"
    assert audited(town, start) == []


def test_what_nobody_has_approved_is_not_run_on_the_server(town: Town) -> None:
    use(town, counting(town), trust=False)
    new = on_main(town.clone("newhire"))
    new.commit("straight in", {"a.py": "x = 2\n"}, push=False)
    assert push(new, "origin", "main").code != 0
    assert runs(town) == 0


@pytest.mark.slow
def test_a_check_that_fails_on_the_server_refuses(town: Town) -> None:
    policy = town.policy().replace('command: ["true"]', 'command: ["sh", "-c", "test ! -e hooks-only"]')
    use(town, policy, trust=False)
    senior = change(town, files={"hooks-only": "x\n"})
    senior.approve("feature")
    # The pusher's own record says that all is well.
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    base = senior.git("rev-parse", "origin/main")
    assert record(senior, "HEAD", "--base", base).code == 1
    forged = senior.git("rev-parse", "HEAD")
    lie(senior, base, forged)
    said = push(senior, "--atomic", "origin", "main", "refs/gate/log")
    assert said.code != 0
    assert "checks: failed: ok" in said.err


@pytest.mark.slow
def test_the_server_checks_what_only_the_push_brings(town: Town) -> None:
    """The objects are in the quarantine; after a refusal they are gone, and the next push is judged all the same."""
    policy = town.policy("      owners: false\n      checks: [ok]\n").replace(
        '["true"]', '["grep", "-q", "good", "a.py"]'
    )
    use(town, policy, trust=False)
    senior = on_main(town.clone("nehemiah"))
    base = senior.git("rev-parse", "HEAD")
    senior.commit("bad", {"a.py": "x = 'bad'\n", "more/b.py": "y = 'bad'\n"}, push=False)
    lie(senior, base, "HEAD")
    said = push(senior, "--atomic", "origin", "main", "refs/gate/log")
    assert "checks: failed: ok" in said.err
    tree = senior.git("rev-parse", "HEAD^{tree}")
    with pytest.raises(AssertionError):
        town.server.git("cat-file", "-e", tree)
    senior.git("reset", "-q", "--hard", "origin/main")
    senior.commit("good", {"a.py": "x = 'good'\n", "more/b.py": "y = 'good'\n"}, push=False)
    senior.git("branch", "good")
    senior.git("reset", "-q", "--hard", "origin/main")
    said = senior.gate("merge", "good", "--push")
    assert said.code == 0, said.text
    town.server.git("fsck", "--connectivity-only")


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


@pytest.mark.attack(31)
@pytest.mark.slow
def test_a_check_that_hangs_on_the_server_refuses(town: Town) -> None:
    policy = town.policy().replace('command: ["true"]', 'command: ["sleep", "600"], timeout: 1s')
    use(town, policy, trust=False)
    senior = change(town)
    senior.approve("feature")
    on_main(senior)
    senior.git("merge", "-q", "--no-ff", "origin/feature")
    base = senior.git("rev-parse", "origin/main")
    lie(senior, base, "HEAD")
    said = push(senior, "--atomic", "origin", "main", "refs/gate/log")
    assert said.code != 0
    assert "it took longer than 1 s" in said.err


def test_wrong_usage_is_said(town: Town) -> None:
    clone = town.clone("ci")
    for args in (("--record", "--staged"), ("--record", "--only", "ok"), ("--key", "x")):
        said = clone.gate("check", *args)
        assert said.code == 2, said.text
    assert record(clone, "HEAD", "--key", clone.key("stranger")).code == 2
