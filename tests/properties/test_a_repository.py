"""The same in a real repository, with real keys and real pushes: people who are no owners act, the gate stays shut."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from support.company import Clone, Company, copy_company

from gate.app.approving.proposed_change import read_proposed_change
from gate.app.recording.signing import Signer, compose, sealed
from gate.git.repository import Repository
from gate.log.store import add
from gate.policy.types import Person
from gate.ssh import find_key

BRANCH = "feature"
FILES = ("a.py", "b.py")
NOT_OWNERS = ("newhire", "bob", "ci", "stranger")

pytestmark = pytest.mark.slow


class PeopleWhoAreNoOwners(RuleBasedStateMachine):
    """`*` belongs to @nehemiah, who has approved one content of the branch. From then on only others act."""

    template: ClassVar[Company]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="property-"))
        self.company = copy_company(self.template, self.folder / "company")
        self.numbers = itertools.count(2)
        self.new = self.company.clone("newhire")
        self.new.commit("v2", {"a.py": "x = 0\n"}, branch=BRANCH)
        self.company.clone("nehemiah").approve(BRANCH)
        self.approved = self.content()
        self.reader = self.company.clone("ada")

    def content(self) -> str:
        return self.company.server.git("diff", "--raw", "--no-abbrev", "main", BRANCH)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def signed_by(self, who: str) -> Clone:
        clone = self.company.clone(who)
        clone.git("config", "user.signingkey", clone.key(who))
        clone.fetch()
        return clone

    @rule(path=st.sampled_from(FILES), who=st.sampled_from(NOT_OWNERS), amend=st.booleans())
    def push(self, path: str, who: str, amend: bool) -> None:
        self.new.write({path: f"x = {next(self.numbers)}\n"})
        self.new.git("add", "-A")
        identity = ("-c", f"user.email={who}@acme.example")
        self.new.git(*identity, "commit", "-q", "-m", "more", *(["--amend"] if amend else []))
        self.new.git("push", "-q", "-f", "origin", BRANCH)

    @rule()
    def go_back_to_what_was_approved(self) -> None:
        self.new.git("reset", "-q", "--hard", "origin/main")
        self.new.commit("again", {"a.py": "x = 0\n"}, push=False)
        self.new.git("push", "-q", "-f", "origin", BRANCH)

    @rule(who=st.sampled_from(NOT_OWNERS), option=st.sampled_from(["--yes", "--block", "--waive"]))
    def say(self, who: str, option: str) -> None:
        assert self.signed_by(who).gate("approve", f"origin/{BRANCH}", option, "--reason", "r").code in {
            0,
            1,
            2,
        }

    @rule(who=st.sampled_from(NOT_OWNERS), kind=st.sampled_from(["approve", "waive"]))
    def forge(self, who: str, kind: str) -> None:
        """A record in the owner's name, with another key, straight into the log."""
        clone = self.signed_by(who)
        repository = Repository.find(clone.path)
        change = read_proposed_change(repository, clone.path, f"origin/{BRANCH}", None, 1_900_000_000).change
        signer = Signer(Person("@nehemiah"), find_key(clone.key(who), "", ()))
        record = compose(
            "approve" if kind == "approve" else "waive", change, signer, 1_900_000_000, reason="r"
        )
        add(repository, sealed(record, signer), "forged")
        clone.git("push", "-q", "-f", "origin", "refs/gate/log")

    @rule(who=st.sampled_from(NOT_OWNERS))
    def revoke_all(self, who: str) -> None:
        clone = self.signed_by(who)
        clone.gate("approvals", "--fetch", f"origin/{BRANCH}")
        for decision in clone.decisions(f"origin/{BRANCH}"):
            assert clone.gate("revoke", decision["id"]).code in {0, 2}

    @invariant()
    def the_gate_opens_for_nothing_but_what_was_approved(self) -> None:
        self.reader.fetch()
        self.reader.gate("approvals", "--fetch", f"origin/{BRANCH}")
        if self.reader.may_merge(f"origin/{BRANCH}"):
            assert self.content() == self.approved


def test_people_who_are_no_owners(company_template: Company) -> None:
    PeopleWhoAreNoOwners.template = company_template
    few = settings(max_examples=6, stateful_step_count=6, deadline=None)
    run_state_machine_as_test(PeopleWhoAreNoOwners, settings=few)


def test_two_logs_united_in_either_order_count_the_same(company: Company) -> None:
    """What was recorded apart, with an objection and a revocation in it, merges to the same in any order."""
    company.clone("newhire").commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    senior, ada = company.clone("nehemiah"), company.clone("ada")
    for clone in (senior, ada):
        clone.fetch()
        clone.git("remote", "set-url", "origin", str(company.path / "nowhere.git"))
    for args in (("--block", "--reason", "no"), ("--yes",)):
        assert senior.gate("approve", BRANCH, *args).code in {2, 3}
    (objection,) = (one["id"] for one in senior.decisions(BRANCH))
    assert senior.gate("revoke", objection).code == 3
    assert senior.gate("approve", BRANCH).code == 3
    assert ada.gate("approve", BRANCH).code == 3
    found = []
    for first, second in ((senior, ada), (ada, senior)):
        both = company.clone("bob", f"both-{first.owner}")
        both.fetch()
        for clone in (first, second):
            both.git("fetch", "-q", str(clone.path), f"+refs/gate/log:refs/gate/remotes/{clone.owner}/log")
            assert both.gate("approvals", f"origin/{BRANCH}").code == 0
        found.append((both.decisions(f"origin/{BRANCH}"), sorted(both.log())))
    assert found[0] == found[1]
    assert {one["by"] for one in found[0][0] if one["counted"]} == {"@nehemiah", "@ada"}
