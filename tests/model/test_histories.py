"""Random histories through the real command line, with a protected server, compared with an independent model.

`pytest tests/model -m slow` runs a few; `GATE_MODEL_SEQUENCES=5000 pytest tests/model -m slow` as many as it says.
`GATE_MODEL_SEED=7` makes them others, and `GATE_MODEL_RECORD=FILE` appends a line for each.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from model.oracle import Difference, Oracle, Proposal, Record, Tree, merged
from support.company import Clone, Company, Result, copy_company, isolated
from support.pushing import push
from support.warm import Warm, warm_up

PEOPLE = ("nehemiah", "ada", "bob", "newhire")
PATHS = ("a.py", "b.py", "docs/index.md", "web/page.py")
BRANCHES = ("one", "two", "three")
SEED = os.environ.get("GATE_MODEL_SEED", "")
RECORD = os.environ.get("GATE_MODEL_RECORD", "")
REBASE = "!git rebase -q origin/main >/dev/null 2>&1 || git rebase --abort"
person = st.sampled_from(PEOPLE)
branch_name = st.sampled_from(BRANCHES)

QUIET = "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[receive]\n\tautogc = false\n"

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class WarmClone(Clone):
    """A clone whose commands start warm: most of the time of a short one goes into imports."""

    warm: Warm

    def gate(self, *args: str, env: Mapping[str, str] | None = None) -> Result:
        home = isolated(self.path.parent / "home")
        ended = self.warm.run(args, self.path, {**home, **(env or {})})
        assert "internal error" not in ended.err, ended.err
        assert "Traceback" not in ended.err, ended.err
        return Result(ended.code, ended.out, ended.err)


def content(path: str, number: int) -> str:
    """One line, so that two different changes of a file are always a conflict."""
    return f"# Page {number}\n" if path.endswith(".md") else f"value = {number}\n"


def on_a_branch(body: Callable[..., None]) -> Callable[..., None]:
    """A rule about a branch that has something to merge: the one that is named, or else another that has."""

    @wraps(body)
    def with_branch(self: Histories, name: str, **arguments: str) -> None:
        names = self.open_branches()
        body(self, name=name if name in names else names[0], **arguments)

    return precondition(lambda self: bool(self.open_branches()))(with_branch)


class Histories(RuleBasedStateMachine):
    """People write, approve, object, update, rebase, merge, and push past the gate, each in a clone of their own."""

    template: ClassVar[Company]
    warm: ClassVar[Warm]
    trees: ClassVar[dict[str, Tree]] = {}
    changes: ClassVar[dict[tuple[str, str], tuple[Difference | None, frozenset[str], frozenset[str]]]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=self.template.path.parent))
        self.company = instance(self.template, self.folder / "company")
        self.fetched: dict[str, dict[str, str]] = {}
        self.oracle = Oracle([self.tree(self.tip("main"))])
        self.generation = dict.fromkeys(BRANCHES, 0)
        self.main = self.tip("main")
        self.rotations = self.departures = self.late = self.junk = 0
        self.policies = 0
        self.last: Proposal | None = None
        self.removed = ""

    def teardown(self) -> None:
        """Everything on main was let in by the gate, and an auditor can prove it."""
        result = self.clone("ada", "auditor").gate("audit", "--fetch")
        assert result.code == 0, result.text
        shutil.rmtree(self.folder)
        if RECORD:
            with Path(RECORD).open("a", encoding="utf-8") as record:
                record.write(f"{SEED} {len(self.oracle.history)} {len(self.oracle.records)}\n")

    # What git says.

    def clone(self, who: str, name: str = "") -> WarmClone:
        return WarmClone(self.company.path / (name or who), who, self.company.keys, self.warm)

    def at(self, who: str) -> WarmClone:
        """The person's clone, fetched if there is anything to fetch."""
        clone, refs = self.clone(who), self.refs()
        if self.fetched.get(who) != refs:
            clone.fetch()
            self.fetched[who] = refs
        return clone

    def refs(self) -> dict[str, str]:
        """Where the server's branches and log are, read from its files."""
        folder = self.company.server.path
        paths = (Path(where) / name for where, _, names in os.walk(folder / "refs") for name in names)
        return {str(path): path.read_text() for path in (*paths, folder / "packed-refs") if path.exists()}

    def ref(self, name: str) -> str:
        """The branch as it is called now: a branch that was merged is deleted, and its name never used again."""
        return f"{name}-{self.generation[name]}"

    def tip(self, ref: str) -> str:
        """Where a branch of the server is, read from its file: a process for each question takes its time."""
        folder = self.company.server.path
        loose, packed = folder / "refs" / "heads" / ref, folder / "packed-refs"
        if loose.exists():
            return loose.read_text().strip()
        lines = packed.read_text().splitlines() if packed.exists() else []
        return next((line.split()[0] for line in lines if line.endswith(f" refs/heads/{ref}")), "")

    def exists(self, name: str) -> bool:
        return bool(self.tip(self.ref(name)))

    def tree(self, commit: str) -> Tree:
        """The files of a commit, whose id says what they are in every sequence."""
        if commit not in self.trees:
            listed = self.company.server.git("ls-tree", "-r", commit).splitlines()
            self.trees[commit] = {line.split("\t")[1]: line.split()[2] for line in listed}
        return self.trees[commit]

    def proposal(self, name: str) -> Proposal:
        ref, main = self.ref(name), self.tip("main")
        ends = main, self.tip(ref)
        if ends not in self.changes:
            server = self.company.server
            base = server.git("merge-base", *ends)
            difference = merged(*map(self.tree, (base, *ends)))
            lines = server.git("log", "--format=%H %p|%ae %ce", f"{ends[0]}..{ends[1]}").splitlines()
            commits = frozenset(line.split()[0] for line in lines)
            parted = [line.partition("|") for line in lines]
            emails = [email for ids, _, both in parted if len(ids.split()) < 3 for email in both.split()]
            authors = frozenset(email.partition("@")[0] for email in emails)
            self.changes[ends] = difference, authors, commits
        return Proposal(ref, ends[1], *self.changes[ends])

    def publish(self, clone: Clone, ref: str) -> None:
        """The branch as it is in the clone, on the server: fetched from there, which takes no hook's time."""
        self.company.server.git("fetch", "-q", str(clone.path), f"+refs/heads/{ref}:refs/heads/{ref}")
        clone.git("update-ref", f"refs/remotes/origin/{ref}", ref)

    def related(self, name: str, path: str) -> bool:
        """Whether an objection to another branch could be taken for one to this: it names the same file."""
        return any(
            record.kind == "block"
            and record.branch != self.ref(name)
            and path in {item[0] for item in record.difference}
            for record in self.oracle.records
        )

    # What people do.

    @initialize(
        work=st.lists(
            st.tuples(person, st.sampled_from(PATHS), st.integers(1, 3)), min_size=1, max_size=len(BRANCHES)
        )
    )
    def somebody_has_written_something(self, work: list[tuple[str, str, int]]) -> None:
        for name, (who, path, number) in zip(BRANCHES, work, strict=False):
            self.commits(who, name, path, number)

    @rule(who=person, name=branch_name, path=st.sampled_from(PATHS), number=st.integers(1, 3))
    def commit(self, who: str, name: str, path: str, number: int) -> None:
        self.commits(who, name, path, number)

    def commits(self, who: str, name: str, path: str, number: int) -> None:
        if self.related(name, path):
            return
        clone, ref = self.at(who), self.ref(name)
        clone.git("checkout", "-q", "-B", ref, f"origin/{ref}" if self.exists(name) else "origin/main")
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
        below = self.reviewable(on)
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

    def shares_files(self, name: str, proposal: Proposal) -> bool:
        """Whether another branch changes one of the files: then a decision could be taken for one about that."""
        others = [self.proposal(other) for other in BRANCHES if other != name and self.exists(other)]
        return any(proposal.paths & other.paths or proposal.commits & other.commits for other in others)

    @rule(who=person, name=branch_name)
    @on_a_branch
    def update(self, who: str, name: str) -> None:
        """What "Update branch" does: merge main into the branch."""
        if not self.exists(name) or self.proposal(name).difference is None:
            return
        clone, ref = self.at(who), self.ref(name)
        clone.git("checkout", "-q", "-B", ref, f"origin/{ref}")
        clone.git("merge", "-q", "--no-edit", "origin/main")
        clone.git("push", "-q", "origin", ref)

    @rule(who=person, name=branch_name)
    @on_a_branch
    def rebase(self, who: str, name: str) -> None:
        if not self.exists(name):
            return
        clone, ref = self.at(who), self.ref(name)
        clone.git("checkout", "-q", "-B", ref, f"origin/{ref}")
        clone.git("-c", f"alias.try={REBASE}", "try")
        self.publish(clone, ref)

    def open_branches(self) -> list[str]:
        return [name for name in BRANCHES if self.reviewable(name)]

    def reviewable(self, name: str) -> Proposal | None:
        proposal = self.proposal(name) if self.exists(name) else None
        return proposal if proposal and proposal.difference else None

    @rule(who=person, name=branch_name)
    @on_a_branch
    def approve(self, who: str, name: str) -> None:
        proposal = self.reviewable(name)
        if proposal is None:
            return
        self.approves(who, proposal)

    def approves(self, who: str, proposal: Proposal) -> None:
        result = self.at(who).gate("approve", f"origin/{proposal.branch}", "--yes")
        if who in proposal.authors | self.oracle.left:
            assert result.code != 0, f"{who} approved their own work, or has left\n{result.text}"
            return
        if any(record.by == who for record in self.oracle.objections(proposal)):
            return  # whether it is refused or recorded, it does not count
        assert result.code == 0, result.text
        if who not in self.oracle.counted(proposal):
            self.oracle.decide(who, "approve", proposal)

    @rule(who=person, name=branch_name)
    @on_a_branch
    def object(self, who: str, name: str) -> None:
        proposal = self.reviewable(name)
        if proposal is None or self.shares_files(name, proposal):
            return
        objectors = {record.by for record in self.oracle.objections(proposal)}
        if who in proposal.authors | self.oracle.left | objectors:
            return
        result = self.at(who).gate(
            "approve", f"origin/{proposal.branch}", "--block", "--reason", "no", "--yes"
        )
        assert result.code == 0, result.text
        self.oracle.decide(who, "block", proposal)

    @rule(name=branch_name, who=st.sampled_from(("nehemiah", "ada")))
    @on_a_branch
    def waive(self, who: str, name: str) -> None:
        proposal = self.reviewable(name)
        if proposal is None or who in proposal.authors:
            return
        result = self.at(who).gate(
            "approve", f"origin/{proposal.branch}", "--waive", "--reason", "outage", "--yes"
        )
        if any(record.by == who for record in self.oracle.objections(proposal)):
            return  # whether it is refused or recorded, it does not count
        assert result.code == 0, result.text
        self.oracle.decide(who, "waive", proposal)

    @rule(who=person, name=branch_name)
    @on_a_branch
    def revoke(self, who: str, name: str) -> None:
        proposal = self.reviewable(name)
        if proposal is None or who in self.oracle.left or self.shares_files(name, proposal):
            return
        own = [
            record
            for record in self.oracle.records
            if record.by == who
            and record.branch == proposal.branch
            and record.difference == proposal.difference
            and not record.revoked
        ]
        if len(own) != 1 or self.oracle.spent(own[0], proposal):
            return
        listed_too = [
            record
            for record in self.oracle.records
            if (record.by, record.kind) == (who, own[0].kind) and record.head in proposal.commits
        ]
        if listed_too not in ([], own):
            return
        clone = self.at(who)
        clone.gate("approvals", "--fetch", f"origin/{proposal.branch}")
        listed = [item for item in clone.decisions(f"origin/{proposal.branch}") if self.same(item, own[0])]
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

    @rule(who=person, name=branch_name)
    @on_a_branch
    def check(self, who: str, name: str) -> None:
        proposal = self.reviewable(name)
        if proposal is None:
            return
        clone = self.at(who)
        clone.gate("approvals", "--fetch", f"origin/{proposal.branch}")
        result = clone.gate("check", "--head", f"origin/{proposal.branch}")
        expected = 0 if self.oracle.may_merge(proposal) else 1
        assert result.code == expected, self.disagreement(proposal, expected, result.text)

    @rule(who=person, name=branch_name, how=st.sampled_from(["", "--squash"]))
    @on_a_branch
    def merge(self, who: str, name: str, how: str) -> None:
        proposal = self.reviewable(name)
        if proposal is None:
            return
        self.merges(who, name, proposal, how)

    def merges(self, who: str, name: str, proposal: Proposal, how: str) -> None:
        """A person whom the policy doesn't list can't sign that the checks passed, and merges only by a waiver."""
        clone = self.at(who)
        signs = who not in self.oracle.left or self.oracle.waived(proposal)
        expected = self.oracle.may_merge(proposal) and signs
        result = clone.gate("merge", f"origin/{proposal.branch}", "--push", *filter(None, [how]))
        assert (result.code == 0) == expected, self.disagreement(proposal, 0 if expected else 1, result.text)
        if expected:
            self.entered(name, proposal, how)
        else:
            self.nothing_moved()

    @rule(who=person, name=branch_name, how=st.sampled_from(["", "--squash"]))
    @on_a_branch
    def review_and_merge(self, who: str, name: str, how: str) -> None:
        """What most branches see: everybody who has to approve does, and then somebody merges it."""
        proposal = self.reviewable(name)
        if proposal is None:
            return
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
        others = [self.proposal(name) for name in BRANCHES if self.exists(name)]
        if who in last.authors | self.oracle.left or any(
            last.paths & each.paths or last.commits & each.commits for each in others
        ):
            return
        result = self.at(who).gate("approve", "origin/main", "--block", "--reason", "too late", "--yes")
        assert result.code == 0, result.text
        self.oracle.decide(who, "block", last)
        self.late += 1

    def entered(self, name: str, proposal: Proposal, how: str) -> None:
        before, after = self.tree(self.main), self.tree(self.tip("main"))
        changed: Difference = frozenset(
            (path, before.get(path), after.get(path))
            for path in {*before, *after}
            if before.get(path) != after.get(path)
        )
        assert changed == proposal.difference
        self.main = self.tip("main")
        self.oracle.history.append(self.tree(self.main))
        self.oracle.merged |= frozenset() if how else proposal.commits
        self.last = proposal
        self.company.server.git("branch", "-q", "-D", self.ref(name))
        self.generation[name] += 1

    def nothing_moved(self) -> None:
        assert self.tip("main") == self.main

    @rule(who=person, name=branch_name)
    @on_a_branch
    def push_past_the_gate(self, who: str, name: str) -> None:
        """A branch straight to main: only what may merge could enter so."""
        proposal = self.reviewable(name)
        if proposal is None or self.oracle.may_merge(proposal):
            return
        clone = self.at(who)
        for option in ((), ("--force",)):
            assert push(clone, "-q", *option, "origin", f"origin/{proposal.branch}:main").code != 0
        self.nothing_moved()

    @rule(who=person, name=branch_name)
    @on_a_branch
    def merge_by_hand(self, who: str, name: str) -> None:
        """git's own merge, with trailers that claim what no record proves."""
        proposal = self.reviewable(name)
        if proposal is None or self.oracle.may_merge(proposal):
            return
        clone = self.at(who)
        clone.git("checkout", "-q", "-B", "main", "origin/main")
        head = clone.git("rev-parse", f"origin/{proposal.branch}")
        trailers = f"Merge\n\nGate-Approved-by: @nehemiah\nGate-Head: {head}\nGate-WAIVED-by: @ada"
        clone.git("merge", "-q", "--no-ff", "-m", trailers, head)
        assert push(clone, "-q", "origin", "main").code != 0
        clone.git("reset", "-q", "--hard", "origin/main")
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
        if who in self.oracle.left:
            return
        policy = self.company.server.git("show", "main:gate.yaml")
        self.new_policy(policy.replace(self.company.public(who), self.company.public("second")))
        self.clone(who).git("config", "user.signingkey", self.clone(who).key("second"))
        self.oracle.keys[who] += 1
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
        if self.oracle.left:
            people = policy.index('  "@nehemiah":')
            self.new_policy(policy[:people] + self.removed + policy[people:])
            self.oracle.left.clear()
        else:
            (self.removed,) = [line for line in policy.splitlines(True) if line.startswith('  "@newhire":')]
            self.new_policy(policy.replace(self.removed, ""))
            self.oracle.left.add("newhire")
        self.departures += 1

    def new_policy(self, text: str) -> None:
        """The policy changes by the ordinary path."""
        self.policies += 1
        branch = f"policy-{self.policies}"
        self.at("ada").commit("Another policy", {"gate.yaml": text + "\n"}, branch=branch)
        lead = self.at("nehemiah")
        for command in (("approve", f"origin/{branch}", "--yes"), ("merge", f"origin/{branch}", "--push")):
            result = lead.gate(*command)
            assert result.code == 0, result.text
        self.main, self.last = self.tip("main"), None
        self.oracle.history.append(self.tree(self.main))

    def disagreement(self, proposal: Proposal, expected: int, text: str) -> str:
        counted = sorted(self.oracle.counted(proposal))
        return (
            f"the model expects exit code {expected}: {proposal}\nits counted approvals: {counted}, "
            f"waived: {self.oracle.waived(proposal)}, objections: {self.oracle.objections(proposal)}\n{text}"
        )


def instance(template: Company, path: Path) -> Company:
    """A copy of the company that shares the template's objects, which nobody ever changes."""

    def copy(source: str, target: str) -> None:
        (os.link if "/objects/" in source else shutil.copy)(source, target)

    shutil.copytree(template.path, path, copy_function=copy)
    for config in path.glob("*/.git/config"):
        config.write_text(config.read_text().replace(str(template.path), str(path)))
    return Company(path)


@pytest.fixture
def prepared(company_template: Company, tmp_path: Path) -> Iterator[None]:
    """The company with its hook and everybody's clones, without the files that no sequence needs."""
    company = copy_company(company_template, tmp_path / "template")
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
