"""Random histories through the real command line, with a protected server, compared with an independent model.

`pytest tests/model -m slow` runs a few; `GATE_MODEL_SEQUENCES=5000 pytest tests/model -m slow` as many as it says.
`GATE_MODEL_SEED=7` makes them others, and `GATE_MODEL_RECORD=FILE` appends a line for each.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test
from model.oracle import Closing, Difference, Oracle, Proposal, Protected, Record, Rules
from model.world import BRANCHES, MAIN, RELEASE, TARGETS, World, content
from support.company import REQUIRE, Company, copy_company
from support.pushing import push
from support.warm import warm_up

PEOPLE = ("nehemiah", "ada", "bob", "newhire")
PATHS = ("a.py", "b.py", "docs/index.md", "web/page.py")
SEED = os.environ.get("GATE_MODEL_SEED", "")
RECORD = os.environ.get("GATE_MODEL_RECORD", "")
person = st.sampled_from(PEOPLE)
branch_name = st.sampled_from(BRANCHES)
target = st.sampled_from(TARGETS)
change = st.tuples(st.sampled_from((*BRANCHES, *TARGETS)), target)
squash = st.sampled_from(["", "--squash"])

QUIET = "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[receive]\n\tautogc = false\n"

pytestmark = pytest.mark.slow


def on_a_change(body: Callable[..., None]) -> Callable[..., None]:
    """A rule about a branch and where it would merge: the ones that are drawn, or else others that differ."""

    @wraps(body)
    def with_change(self: Histories, what: tuple[str, str], **arguments: str) -> None:
        changes = self.open_changes()
        name, into = what if what in changes else next(iter(changes))
        body(self, name=name, proposal=changes[name, into], **arguments)

    return precondition(lambda self: bool(self.open_changes()))(with_change)


class Histories(World):
    """People write, approve, object, update, rebase, merge, and push past the gate, each in a clone of their own.

    In two of three sequences a release branch leaves main. Every branch can then be merged into either of them, and
    each of them into the other.
    """

    def __init__(self) -> None:
        super().__init__()
        tip = self.tip(MAIN)
        start = self.tree(tip)
        rules = Rules(dict.fromkeys(PEOPLE, 0))
        self.oracle = Oracle({MAIN: Protected([start], {tip})}, {start["gate.yaml"]: rules})
        self.tips = {MAIN: tip}
        self.landed: set[str] = set()
        self.rotations = self.departures = self.late = self.junk = 0
        self.policies = 0
        self.last: Proposal | None = None
        self.removed = ""

    def teardown(self) -> None:
        """Everything on the protected branches was let in by the gate, and an auditor can prove it."""
        for branch in self.oracle.branches:
            self.audit(branch, 0)
        self.one_merge_on_the_server()
        shutil.rmtree(self.folder)
        if RECORD:
            numbers = [len(each.history) for each in self.oracle.branches.values()]
            with Path(RECORD).open("a", encoding="utf-8") as record:
                record.write(f"{SEED} {len(self.oracle.records)} {' '.join(map(str, numbers))}\n")

    def audit(self, branch: str, expected: int) -> None:
        result = self.clone("ada", "auditor").gate("audit", "--fetch", "--into", branch)
        assert result.code == expected, f"the audit of {branch} should exit with {expected}\n{result.text}"

    def one_merge_on_the_server(self) -> None:
        """An administrator merges by hand where no hook is: the audit reports exactly what was not approved."""
        changes = [each for (name, _), each in self.open_changes().items() if name in BRANCHES]
        recorders = [who for who in PEOPLE if changes and self.oracle.can_sign(who, changes[-1].into)]
        if not recorders:
            return
        proposal = changes[-1]
        clone = self.at(recorders[-1])
        clone.gate("approvals", "--fetch", f"origin/{proposal.branch}", "--into", proposal.into)
        clone.gate("check", "--record", "--head", f"origin/{proposal.branch}", "--into", proposal.into)
        clone.git("checkout", "-q", "-B", "by-hand", f"origin/{proposal.into}")
        clone.git("merge", "-q", "--no-ff", "--no-edit", f"origin/{proposal.branch}")
        self.company.server.git("fetch", "-q", str(clone.path), f"+by-hand:refs/heads/{proposal.into}")
        self.audit(proposal.into, 0 if self.oracle.may_merge(proposal) else 1)

    # What may be confused with something else, and is left out.

    def related(self, name: str, path: str) -> bool:
        """Whether an objection to another branch could be taken for one to this: it names the same file."""
        return any(
            record.kind == "block"
            and record.branch != self.ref(name)
            and path in {item[0] for item in record.difference}
            for record in self.oracle.records
        )

    def shares_files(self, name: str, proposal: Proposal) -> bool:
        """Whether another branch changes one of the files: then a decision could be taken for one about that."""
        others = [
            self.proposal(other, proposal.into)
            for other in (*BRANCHES, *TARGETS)
            if other not in (name, proposal.into) and self.exists(other)
        ]
        return any(proposal.paths & other.paths or proposal.commits & other.commits for other in others)

    def unclear(self, proposal: Proposal) -> bool:
        """Whether somebody objected to the same files, or revoked something about them, on another branch.

        gate then looks at who wrote the change, since it may have come back under another name.
        """
        objections = [record for record in self.oracle.records if record.kind == "block"]
        decided: list[Record | Closing] = [*objections, *self.oracle.closings]
        return any(
            item.into == proposal.into
            and proposal.paths & {path for path, _, _ in item.difference}
            and not self.oracle.about(item, proposal)
            for item in decided
        )

    def open_changes(self) -> dict[tuple[str, str], Proposal]:
        """What could be merged now, by the branch and where it would merge."""
        protected = self.oracle.branches
        pairs = [
            (name, into)
            for into in protected
            for name in (*BRANCHES, *protected)
            if name != into and self.exists(name)
        ]
        found = {pair: self.reviewable(*pair) for pair in pairs}
        return {pair: proposal for pair, proposal in found.items() if proposal}

    def reviewable(self, name: str, into: str = MAIN) -> Proposal | None:
        proposal = self.proposal(name, into)
        if not proposal.difference:
            return None
        return None if len(self.oracle.branches) > 1 and self.unclear(proposal) else proposal

    # What people do.

    @initialize(
        work=st.lists(
            st.tuples(person, st.sampled_from(PATHS), st.integers(1, 3)), min_size=1, max_size=len(BRANCHES)
        )
    )
    def somebody_has_written_something(self, work: list[tuple[str, str, int]]) -> None:
        for name, (who, path, number) in zip(BRANCHES, work, strict=False):
            self.commits(who, name, path, number, MAIN)

    @rule(who=person, name=branch_name, path=st.sampled_from(PATHS), number=st.integers(1, 3), start=target)
    def commit(self, who: str, name: str, path: str, number: int, start: str) -> None:
        self.commits(who, name, path, number, start if start in self.oracle.branches else MAIN)

    def commits(self, who: str, name: str, path: str, number: int, start: str) -> None:
        if self.related(name, path) or name in self.landed:
            return
        clone, ref = self.at(who), self.ref(name)
        clone.git("checkout", "-q", "-B", ref, f"origin/{ref if self.exists(name) else start}")
        clone.write({path: content(path, number)})
        clone.git("add", "-A")
        clone.git("commit", "-q", "--allow-empty", "-m", f"{path} is {number}")
        self.publish(clone, ref)

    @rule(
        who=person,
        name=branch_name,
        on=branch_name,
        path=st.sampled_from(PATHS),
        number=st.integers(1, 3),
    )
    def stack(self, who: str, name: str, on: str, path: str, number: int) -> None:
        """A branch that builds on another, which is not merged yet."""
        below = self.reviewable(on) if self.exists(on) else None
        if (
            self.exists(name)
            or below is None
            or any(self.related(name, each) for each in {path, *below.paths})
        ):
            return
        clone, ref = self.at(who), self.ref(name)
        clone.git("checkout", "-q", "-B", ref, f"origin/{self.ref(on)}")
        clone.write({path: content(path, number)})
        clone.git("add", "-A")
        clone.git("commit", "-q", "--allow-empty", "-m", f"{path} is {number}, on {on}")
        self.publish(clone, ref)

    @initialize(times=st.integers(0, 2))
    def decide_whether_there_is_a_release(self, times: int) -> None:
        self.releases = min(times, 1)

    @precondition(lambda self: self.releases and RELEASE not in self.oracle.branches)
    @rule(who=person, back=st.sampled_from((0, 0, 0, 1, 2)), name=st.sampled_from((MAIN, *BRANCHES)))
    def a_release_branch_leaves_main(self, who: str, back: int, name: str) -> None:
        """It starts at the end of a merge into main, by main's rules of today, and nowhere else."""
        if not self.exists(name):
            return
        clone = self.at(who)
        merges = clone.git("log", "--first-parent", "--format=%H", f"origin/{self.ref(name)}").splitlines()
        commit = merges[min(back, len(merges) - 1)]
        on_main = commit in clone.git("log", "--first-parent", "--format=%H", "origin/main").splitlines()
        done = push(clone, "-q", "origin", f"{commit}:refs/heads/{RELEASE}")
        tree = self.tree(commit)
        assert (done.code == 0) == (on_main and self.oracle.may_start(tree)), (
            f"{commit} {on_main}\n{done.text}"
        )
        if done.code == 0:
            contained = self.company.server.git("rev-list", commit).splitlines()
            self.oracle.branches[RELEASE] = Protected([tree], set(contained))
            self.tips[RELEASE] = commit

    @precondition(
        lambda self: RELEASE in self.oracle.branches and bool(self.oracle.branches[MAIN].history[1:])
    )
    @rule(who=person, name=branch_name, back=st.integers(0, 2))
    def backport(self, who: str, name: str, back: int) -> None:
        """What was merged into main is picked onto a branch for the release."""
        if self.exists(name):
            return
        clone, ref = self.at(who), self.ref(name)
        merges = clone.git("log", "--first-parent", "--format=%H %P", "origin/main", "-n", "3").splitlines()
        commit, *parents = merges[min(back, len(merges) - 1)].split()
        clone.git("checkout", "-q", "-B", ref, f"origin/{RELEASE}")
        option = " -m 1" if len(parents) > 1 else ""
        pick = f"!git cherry-pick -x{option} {commit} >/dev/null 2>&1 || git cherry-pick --abort"
        clone.git("-c", f"alias.try={pick}", "try")
        if clone.git("rev-parse", "HEAD") != self.tips[RELEASE]:
            self.publish(clone, ref)

    @rule(who=person, what=change)
    @on_a_change
    def update(self, who: str, name: str, proposal: Proposal) -> None:
        """What "Update branch" does: merge the target into the branch."""
        if name not in BRANCHES or name in self.landed:
            return
        clone, ref = self.at(who), self.ref(name)
        clone.git("checkout", "-q", "-B", ref, f"origin/{ref}")
        clone.git("merge", "-q", "--no-edit", f"origin/{proposal.into}")
        clone.git("push", "-q", "origin", ref)

    @rule(who=person, what=change)
    @on_a_change
    def rebase(self, who: str, name: str, proposal: Proposal) -> None:
        if name not in BRANCHES or name in self.landed:
            return
        clone, ref = self.at(who), self.ref(name)
        clone.git("checkout", "-q", "-B", ref, f"origin/{ref}")
        command = f"!git rebase -q origin/{proposal.into} >/dev/null 2>&1 || git rebase --abort"
        clone.git("-c", f"alias.try={command}", "try")
        self.publish(clone, ref)

    @rule(who=person, what=change)
    @on_a_change
    def approve(self, who: str, name: str, proposal: Proposal) -> None:
        assert name
        self.approves(who, proposal)

    def approves(self, who: str, proposal: Proposal) -> None:
        result = self.at(who).gate("approve", f"origin/{proposal.branch}", "--yes", "--into", proposal.into)
        if who in proposal.authors or not self.oracle.can_sign(who, proposal.into):
            assert result.code != 0, f"{who} approved their own work, or isn't listed\n{result.text}"
            return
        if any(record.by == who for record in self.oracle.objections(proposal)):
            return  # whether it is refused or recorded, it does not count
        assert result.code == 0, result.text
        if who not in self.oracle.counted(proposal):
            self.oracle.decide(who, "approve", proposal)

    @rule(who=person, what=change)
    @on_a_change
    def object(self, who: str, name: str, proposal: Proposal) -> None:
        if name not in BRANCHES or self.shares_files(name, proposal):
            return
        objectors = {record.by for record in self.oracle.objections(proposal)}
        if who in proposal.authors | objectors or not self.oracle.can_sign(who, proposal.into):
            return
        branch = f"origin/{proposal.branch}"
        result = self.at(who).gate(
            "approve", branch, "--into", proposal.into, "--block", "--reason", "no", "--yes"
        )
        assert result.code == 0, result.text
        self.oracle.decide(who, "block", proposal)

    @rule(what=change, who=st.sampled_from(("nehemiah", "ada")))
    @on_a_change
    def waive(self, who: str, name: str, proposal: Proposal) -> None:
        if who in proposal.authors:
            return
        branch = f"origin/{self.ref(name)}"
        result = self.at(who).gate(
            "approve", branch, "--into", proposal.into, "--waive", "--reason", "outage", "--yes"
        )
        if not self.oracle.can_sign(who, proposal.into):
            assert result.code != 0, f"{who} waived, but isn't listed\n{result.text}"
            return
        if any(record.by == who for record in self.oracle.objections(proposal)):
            return  # whether it is refused or recorded, it does not count
        assert result.code == 0, result.text
        self.oracle.decide(who, "waive", proposal)

    @rule(who=person, what=change)
    @on_a_change
    def revoke(self, who: str, name: str, proposal: Proposal) -> None:
        if not self.oracle.can_sign(who, proposal.into) or self.shares_files(name, proposal):
            return
        own = [
            record
            for record in self.oracle.records
            if record.by == who
            and record.into == proposal.into
            and record.branch == proposal.branch
            and record.difference == proposal.difference
            and not record.revoked
        ]
        if len(own) != 1 or self.oracle.spent(own[0], proposal):
            return
        listed_too = [
            record
            for record in self.oracle.records
            if (record.by, record.kind, record.into) == (who, own[0].kind, proposal.into)
            and record.head in proposal.commits
        ]
        if listed_too not in ([], own):
            return
        clone, about = self.at(who), (f"origin/{proposal.branch}", "--into", proposal.into)
        clone.gate("approvals", "--fetch", *about)
        listed = [item for item in clone.decisions(*about) if self.same(item, own[0])]
        assert len(listed) == 1, listed
        result = clone.gate("revoke", listed[0]["id"])
        assert result.code == 0, result.text
        self.oracle.revoke(own[0], proposal)

    @staticmethod
    def same(item: dict[str, Any], record: Record) -> bool:
        return (
            item["by"] == f"@{record.by}"
            and item["kind"] == record.kind
            and "revoked" not in item.get("why", "")
        )

    @rule(who=person, what=change)
    @on_a_change
    def check(self, who: str, name: str, proposal: Proposal) -> None:
        clone, branch = self.at(who), f"origin/{self.ref(name)}"
        clone.gate("approvals", "--fetch", branch, "--into", proposal.into)
        result = clone.gate("check", "--head", branch, "--into", proposal.into)
        expected = 0 if self.oracle.may_merge(proposal) else 1
        assert result.code == expected, self.disagreement(proposal, expected, result.text)

    @rule(who=person, what=change, how=squash)
    @on_a_change
    def merge(self, who: str, name: str, proposal: Proposal, how: str) -> None:
        self.merges(who, name, proposal, how)

    def merges(self, who: str, name: str, proposal: Proposal, how: str) -> None:
        """A person whom the policy doesn't list can't sign that the checks passed, and merges only by a waiver."""
        clone = self.at(who)
        signs = self.oracle.can_sign(who, proposal.into) or self.oracle.waived(proposal)
        expected = self.oracle.may_merge(proposal) and signs
        options = ("--push", "--into", proposal.into, *filter(None, [how]))
        result = clone.gate("merge", f"origin/{proposal.branch}", *options)
        assert (result.code == 0) == expected, self.disagreement(proposal, 0 if expected else 1, result.text)
        if expected:
            self.entered(name, proposal, how)
        else:
            self.nothing_moved()

    @rule(who=person, what=change, how=squash)
    @on_a_change
    def review_and_merge(self, who: str, name: str, proposal: Proposal, how: str) -> None:
        """What most branches see: everybody who has to approve does, and then somebody merges it."""
        for approver in ("nehemiah", "bob", "ada"):
            if approver not in proposal.authors and not self.oracle.may_merge(proposal):
                self.approves(approver, proposal)
        self.merges(who, name, proposal, how)

    @initialize(times=st.integers(0, 3))
    def decide_whether_somebody_objects_late(self, times: int) -> None:
        """One sequence in four has an objection to what is merged, after which nobody changes these files again."""
        self.late = min(times, 1)

    @precondition(lambda self: self.late < 1 and self.last is not None)
    @rule(who=person)
    def object_to_what_is_merged(self, who: str) -> None:
        """It undoes nothing, and every later form of the change is blocked."""
        last = self.last
        assert last is not None
        others = [each for (_, into), each in self.open_changes().items() if into == MAIN]
        if who in last.authors | self.oracle.unknown(MAIN) or any(
            last.paths & each.paths or last.commits & each.commits for each in others
        ):
            return
        result = self.at(who).gate("approve", "origin/main", "--block", "--reason", "too late", "--yes")
        assert result.code == 0, result.text
        self.oracle.decide(who, "block", last)
        self.late += 1

    def entered(self, name: str, proposal: Proposal, how: str) -> None:
        """The branch has what was approved. What can't be merged anywhere else is deleted."""
        into, branch = proposal.into, self.oracle.branches[proposal.into]
        before, after = self.tree(self.tips[into]), self.tree(self.tip(into))
        changed: Difference = frozenset(
            (path, before.get(path), after.get(path))
            for path in {*before, *after}
            if before.get(path) != after.get(path)
        )
        assert changed == proposal.difference
        self.tips[into] = self.tip(into)
        branch.history.append(after)
        branch.merged |= {self.tips[into]} | (frozenset() if how else proposal.commits)
        if into == MAIN:
            self.last = proposal if name in BRANCHES else None
        if name not in BRANCHES:
            return
        if name in self.landed or len(self.oracle.branches) == 1:
            self.company.server.git("branch", "-q", "-D", self.ref(name))
            self.generation[name] += 1
            self.landed.discard(name)
        else:
            self.landed.add(name)

    def nothing_moved(self) -> None:
        assert {branch: self.tip(branch) for branch in self.tips} == self.tips

    @rule(who=person, what=change)
    @on_a_change
    def push_past_the_gate(self, who: str, name: str, proposal: Proposal) -> None:
        """A branch straight to the protected one: only what may merge could enter so."""
        if self.oracle.may_merge(proposal):
            return
        clone = self.at(who)
        for option in ((), ("--force",)):
            refspec = f"origin/{self.ref(name)}:{proposal.into}"
            assert push(clone, "-q", *option, "origin", refspec).code != 0
        assert push(clone, "-q", "origin", f":{proposal.into}").code != 0
        self.nothing_moved()

    @rule(who=person, what=change)
    @on_a_change
    def merge_by_hand(self, who: str, name: str, proposal: Proposal) -> None:
        """git's own merge, with trailers that claim what no record proves."""
        if self.oracle.may_merge(proposal):
            return
        clone, into = self.at(who), proposal.into
        clone.git("checkout", "-q", "-B", "by-hand", f"origin/{into}")
        head = clone.git("rev-parse", f"origin/{self.ref(name)}")
        trailers = f"Merge\n\nGate-Approved-by: @nehemiah\nGate-Head: {head}\nGate-WAIVED-by: @ada"
        clone.git("merge", "-q", "--no-ff", "-m", trailers, head)
        assert push(clone, "-q", "origin", f"by-hand:{into}").code != 0
        self.nothing_moved()

    @precondition(lambda self: self.junk < 1)
    @rule(who=person, name=st.sampled_from(["records/ab/" + "ab" * 32 + ".json", "notes.txt"]))
    def junk_in_the_log(self, who: str, name: str) -> None:
        """A file that is no signed record never gets into the server's log."""
        clone = self.at(who)
        if not self.company.server.git("for-each-ref", "refs/gate/log"):
            return
        self.junk += 1
        clone.git("fetch", "-q", "origin", "+refs/gate/log:refs/junk")
        clone.git("checkout", "-q", "--detach", "refs/junk")
        clone.write({name: '{"by":"@nehemiah"}\n'})
        clone.git("add", "-A")
        clone.git("commit", "-q", "-m", "junk")
        before = self.company.server.git("rev-parse", "refs/gate/log")
        assert push(clone, "-q", "origin", "HEAD:refs/gate/log").code != 0
        assert self.company.server.git("rev-parse", "refs/gate/log") == before
        clone.git("checkout", "-q", "-f", "-B", "main", "origin/main")

    @initialize(rotates=st.integers(0, 3))
    def decide_whether_a_key_is_replaced(self, rotates: int) -> None:
        """One sequence in four has a change of the policy, which takes as long as several other steps."""
        self.rotations = min(rotates, 1)

    @precondition(lambda self: self.rotations < 1)
    @rule(who=st.sampled_from(("bob", "ada", "newhire")))
    def a_key_is_replaced(self, who: str) -> None:
        """What the old key approved counts no more, objections stay."""
        rules = self.oracle.rules_of(MAIN)
        if who in rules.left:
            return
        policy = self.company.server.git("show", "main:gate.yaml")
        keys = {**rules.keys, who: rules.keys[who] + 1}
        self.new_policy(
            policy.replace(self.company.public(who), self.company.public("second")), Rules(keys, rules.left)
        )
        self.clone(who).git("config", "user.signingkey", self.clone(who).key("second"))
        self.rotations += 1

    @initialize(times=st.integers(0, 3))
    def decide_whether_somebody_leaves(self, times: int) -> None:
        """One sequence in four has it, and the new hire may come back in the next step."""
        self.departures = max(times - 1, 0)

    @precondition(lambda self: self.departures < 2)
    @rule()
    def the_new_hire_leaves_or_comes_back(self) -> None:
        """An unknown author's work needs a senior, and their own decisions permit nothing; objections stay."""
        policy = self.company.server.git("show", "main:gate.yaml")
        rules = self.oracle.rules_of(MAIN)
        if rules.left:
            people = policy.index('  "@nehemiah":')
            self.new_policy(policy[:people] + self.removed + policy[people:], Rules(rules.keys))
        else:
            (self.removed,) = [line for line in policy.splitlines(True) if line.startswith('  "@newhire":')]
            left = frozenset({"newhire"})
            self.new_policy(policy.replace(self.removed, ""), Rules(rules.keys, left))
        self.departures += 1

    def new_policy(self, text: str, rules: Rules) -> None:
        """The policy changes by the ordinary path."""
        self.policies += 1
        branch = f"policy-{self.policies}"
        self.at("ada").commit("Another policy", {"gate.yaml": text.rstrip() + "\n"}, branch=branch)
        lead = self.at("nehemiah")
        for command in (("approve", f"origin/{branch}", "--yes"), ("merge", f"origin/{branch}", "--push")):
            result = lead.gate(*command)
            assert result.code == 0, result.text
        before, self.tips[MAIN], self.last = self.tips[MAIN], self.tip(MAIN), None
        tree, main = self.tree(self.tips[MAIN]), self.oracle.branches[MAIN]
        self.oracle.rules[tree["gate.yaml"]] = rules
        main.history.append(tree)
        main.merged |= set(self.company.server.git("rev-list", f"{before}..{MAIN}").splitlines())

    def disagreement(self, proposal: Proposal, expected: int, text: str) -> str:
        counted = sorted(self.oracle.counted(proposal))
        return (
            f"the model expects exit code {expected}: {proposal}\nits counted approvals: {counted}, "
            f"waived: {self.oracle.waived(proposal)}, objections: {self.oracle.objections(proposal)}\n{text}"
        )


@pytest.fixture
def prepared(company_template: Company, tmp_path: Path) -> Iterator[None]:
    """The company with its hook and everybody's clones, without the files that no sequence needs."""
    company = copy_company(company_template, tmp_path / "template")
    policy = company.policy(f'{REQUIRE}  "release/*":\n    require:\n{REQUIRE}')
    setup = company.clone("founder")
    setup.write({"gate.yaml": policy})
    setup.git("commit", "-qa", "--amend", "--no-edit")
    setup.git("push", "-q", "--force")
    shutil.rmtree(setup.path)
    (company.path / "home" / ".gitconfig").write_text(QUIET)
    result = company.server.gate("install", "--server")
    assert result.code == 0, result.text
    for who in PEOPLE:
        company.clone(who)
    company.clone("ada", "auditor")
    for useless in ("hooks/*.sample", "description", "info"):
        for path in company.path.rglob(useless):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with tempfile.TemporaryDirectory(prefix="warm-") as folder, warm_up(Path(folder), os.environ) as warm:
        hook = company.server.path / "hooks" / "pre-receive"
        stub = warm.stub(Path(folder) / "python")
        text, number = re.subn(r"(?m)^python=.*", f"python={stub}", hook.read_text())
        assert number == 1, text
        hook.write_text(text)
        Histories.template, Histories.warm = company, warm
        yield


@pytest.mark.usefixtures("prepared")
def test_random_histories() -> None:
    some = settings(
        max_examples=int(os.environ.get("GATE_MODEL_SEQUENCES", "12")),
        stateful_step_count=16,
        deadline=None,
        derandomize=not SEED,
        database=None,
        phases=[Phase.explicit, Phase.generate],
    )
    if SEED:
        seed(int(SEED))(Histories)
    run_state_machine_as_test(Histories, settings=some)
