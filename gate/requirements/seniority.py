"""The requirement `seniority`: a senior approved the work of juniors and strangers."""

from __future__ import annotations

from dataclasses import dataclass

from gate.model import NOT_ASKED, Missing, MissingApprovals, Outcome
from gate.policy.people import person_by_email
from gate.policy.types import Person, SeniorityRequired
from gate.requirements.approvals import approvers, how_to_approve
from gate.requirements.facts import Facts, Release
from gate.wording import listed

ID = "seniority"
RANK = {"junior": 0, "member": 1, "senior": 2}
"""Ranks by role; a bot has none."""


@dataclass(frozen=True, slots=True)
class _Need:
    """Who can approve for an author, and which line of the policy says so."""

    author: str
    whom: frozenset[str]
    rule: str
    assigned: bool = False
    unlisted: bool = False
    """Whether no person in the policy has the author's address."""


def evaluate(facts: Facts) -> Outcome:
    """Met if, for each author that the policy's rule covers, a person with the required role approved every file.

    An unknown author counts as the most junior, whatever roles the rule lists, so that an invented name gains nothing.
    """
    rule = facts.protection.require.seniority
    if rule is None:
        return Outcome(ID, "not_applicable", NOT_ASKED)
    if facts.release is not None:
        return _of_release(facts, facts.release, rule)
    if not facts.change.files:
        return Outcome(ID, "not_applicable", "no files changed")
    needs = _needs(facts, rule)
    if not needs:
        roles = listed(sorted({*rule.authors, "unknown"}), "or")
        return Outcome(ID, "not_applicable", f"not needed: no author is {roles}")
    approved = approvers(facts)
    unmet = [
        (need, paths)
        for need in needs
        if (paths := tuple(path for path, people in approved.items() if not people & need.whom))
    ]
    if not unmet:
        people = frozenset().union(*(approved[path] & need.whom for need in needs for path in approved))
        return Outcome(ID, "met", f"approved by {listed(sorted(people))}")
    missing = tuple(Missing(paths, 1, tuple(sorted(need.whom)), need.rule) for need, paths in unmet)
    reason = "; ".join(dict.fromkeys(_reason(need, rule) for need, _ in unmet))
    advice = tuple(dict.fromkeys(line for need, _ in unmet for line in _advice(need, facts, rule)))
    asks = tuple(
        MissingApprovals(paths, 1, need.whom, role=f"{rule.need} reviewer for {need.author}")
        for need, paths in unmet
        if need.whom
    )
    return Outcome(
        ID,
        "unmet",
        reason,
        missing,
        advice,
        asks=asks,
    )


def _of_release(facts: Facts, release: Release, rule: SeniorityRequired) -> Outcome:
    """A release must be started by a senior or approved as a whole by one, no matter who wrote it."""
    if release.returning:
        return Outcome(ID, "met", f"it was in {facts.branch} before, and rolling back is always allowed")
    seniors = frozenset(
        person.name
        for person in facts.policy.people.values()
        if RANK.get(person.role, -1) >= RANK.get(rule.need, 2)
    )
    if release.promoter in seniors:
        return Outcome(ID, "met", f"released by {release.promoter}")
    approved = approvers(facts)
    paths = tuple(path for path, people in approved.items() if not people & seniors)
    if approved and not paths:
        people = frozenset().union(*approved.values()) & seniors
        return Outcome(ID, "met", f"approved by {listed(sorted(people))}")
    who = release.promoter or "the person releasing it"
    missing = (
        Missing(
            paths, 1, tuple(sorted(seniors)), f"{facts.policy.file}: protect.{facts.branch}.require.seniority"
        ),
    )
    advice = f"ask {listed(sorted(seniors), 'or')} to run {how_to_approve(facts)}, or to promote it"
    if not seniors:
        advice = f"give someone the role {rule.need} in {facts.policy.file}"
    reason = f"{who} is not a {rule.need}, and no {rule.need} has approved it"
    return Outcome(ID, "unmet", reason, missing, (advice,))


def _needs(facts: Facts, rule: SeniorityRequired) -> list[_Need]:
    authors = facts.author_names()
    seniors = frozenset(
        person.name
        for person in facts.policy.people.values()
        if RANK.get(person.role, -1) >= RANK.get(rule.need, 2) and person.name not in authors
    )
    key = f"{facts.policy.file}: protect.{facts.branch}.require.seniority"
    needs = []
    for author in facts.change.authors:
        person = person_by_email(facts.policy, author.email)
        if person is None:
            name = author.email or author.name or "somebody"
            needs.append(_Need(name, seniors, key, unlisted=bool(author.email)))
        elif person.role in rule.authors:
            needs.append(_of_person(person, seniors, facts, key))
    if not facts.change.authors:
        needs.append(_Need("an unnamed author", seniors, key))
    return list(dict.fromkeys(needs))


def _of_person(person: Person, seniors: frozenset[str], facts: Facts, key: str) -> _Need:
    if person.senior and person.senior in facts.policy.people and person.senior not in facts.author_names():
        rule = f"{facts.policy.file}: people.{person.name}.senior"
        return _Need(person.name, frozenset({person.senior}), rule, assigned=True)
    return _Need(person.name, seniors, key)


def _reason(need: _Need, rule: SeniorityRequired) -> str:
    if need.assigned:
        return f"{need.author}'s work needs approval from {listed(sorted(need.whom))}"
    if not need.whom:
        return f"{need.author}'s work needs approval from a {rule.need}, and every {rule.need} is an author of it"
    return f"{need.author}'s work needs approval from a {rule.need}"


def _advice(need: _Need, facts: Facts, rule: SeniorityRequired) -> tuple[str, ...]:
    advice = []
    if need.unlisted:
        advice.append(
            f"{need.author} isn't under anyone's `emails` in {facts.policy.file}: if you know whose it is, add it"
        )
    if not need.whom:
        advice.append(f"give another person the role `{rule.need}` in {facts.policy.file}")
    return tuple(advice)
