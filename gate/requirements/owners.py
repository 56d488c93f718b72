"""The requirement `owners`: every changed file is approved by those who own it at the base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gate.codeowners import Rule
from gate.model import Missing, Outcome
from gate.policy.people import members
from gate.policy.types import Policy
from gate.requirements.cover import Ask, smallest
from gate.requirements.facts import Facts

ID = "owners"


@dataclass(frozen=True, slots=True)
class _Open:
    """A rule that is not satisfied: how many more approvals it takes, and who could still give one."""

    rule: Rule
    paths: tuple[str, ...]
    need: int
    whom: tuple[str, ...]


def evaluate(facts: Facts) -> Outcome:
    """Met if each rule that matches a changed file has the approvals that it asks for.

    A file that no rule matches, or that a rule leaves without owners, needs nobody here. An owner who is an
    author of the change cannot answer for it; where nobody else is left, that is said, and it blocks.
    """
    if facts.protection.require.owners is None:
        return Outcome(ID, "not_applicable", "the policy does not ask for code owners")
    if not facts.codeowners_file:
        return Outcome(ID, "not_applicable", "there is no CODEOWNERS file at the base")
    if not facts.change.files:
        return Outcome(ID, "not_applicable", "no file changes")
    grouped = _grouped(facts)
    if not grouped:
        return Outcome(ID, "met", f"{_files(len(facts.change.files))} changed, none of them owned")
    unsatisfied = [entry for entry in (_open(facts, rule, paths) for rule, paths in grouped) if entry]
    if not unsatisfied:
        return Outcome(ID, "met", "approved by the owners of every changed file")
    missing = tuple(
        Missing(entry.paths, entry.need, entry.rule.owners, entry.rule.place) for entry in unsatisfied
    )
    waiting = {path for entry in unsatisfied for path in entry.paths}
    reason = f"{_files(len(waiting))} of {len(facts.change.files)} not approved by an owner"
    return Outcome(ID, "unmet", reason, missing, _advice(facts, unsatisfied, len(waiting)))


def _grouped(facts: Facts) -> list[tuple[Rule, tuple[str, ...]]]:
    """Every rule that asks for somebody, with the changed files that it counts for."""
    found: dict[Rule, list[str]] = {}
    for path in dict.fromkeys(entry.path for entry in facts.change.files):
        for rule in facts.ownership.get(path, ()):
            if rule.owners and not rule.optional:
                found.setdefault(rule, []).append(path)
    return [(rule, tuple(paths)) for rule, paths in found.items()]


def _open(facts: Facts, rule: Rule, paths: tuple[str, ...]) -> _Open | None:
    """What is open of a rule; None if nothing is."""
    eligible = people_of(facts.policy, rule.owners) - facts.author_names()
    waiting: list[str] = []
    need = 0
    given: set[str] = set()
    for path in paths:
        by = {
            approval.by
            for approval in facts.approvals
            if approval.counted and approval.kind == "approve" and path in approval.files
        }
        count = len(by & eligible)
        if count < rule.required:
            waiting.append(path)
            need = max(need, rule.required - count)
            given |= by & eligible
    if not waiting:
        return None
    return _Open(rule, tuple(waiting), need, tuple(sorted(_askable(facts, rule) - given)))


def people_of(policy: Policy, owners: Sequence[str]) -> frozenset[str]:
    """The people of the policy behind owners as a CODEOWNERS file names them.

    By their name, a team's, their login on a forge, or one of their e-mail addresses; `@@role` is nobody here.
    """
    found = set(members(policy, owners))
    wanted = {owner.casefold() for owner in owners}
    for person in policy.people.values():
        logins = {f"@{login}".casefold() for login in (person.github, person.gitlab) if login}
        if wanted & (logins | {email.casefold() for email in person.emails}):
            found.add(person.name)
    return frozenset(found)


def _askable(facts: Facts, rule: Rule) -> frozenset[str]:
    """Whom to ask for a rule's approval: its people less the authors, or where nobody is known, its words."""
    if not facts.policy.people:
        authors = {author.email.casefold() for author in facts.change.authors}
        return frozenset(owner for owner in rule.owners if owner.casefold() not in authors)
    return people_of(facts.policy, rule.owners) - facts.author_names()


def _advice(facts: Facts, unsatisfied: Sequence[_Open], waiting: int) -> tuple[str, ...]:
    lines: list[str] = []
    suggestions = smallest([Ask(entry.paths, entry.need, frozenset(entry.whom)) for entry in unsatisfied])
    for number, suggestion in enumerate(suggestions):
        who = suggestion.whom[0] if len(suggestion.whom) == 1 else f"one of {', '.join(suggestion.whom)}"
        covers = f"covers {len(suggestion.paths)} of {_files(waiting)}"
        lines.append(f"{'and' if number else 'ask'} {who}: {covers}")
    if lines and facts.policy.people:
        lines.append("they approve with `gate approve`")
    lines += [_stuck(facts, entry) for entry in unsatisfied if len(entry.whom) < entry.need]
    return tuple(lines)


def _stuck(facts: Facts, entry: _Open) -> str:
    """Why a rule can never be satisfied as things are, and what would mend it."""
    where = f"{entry.rule.place} ({', '.join(entry.rule.owners)})"
    known = people_of(facts.policy, entry.rule.owners)
    if facts.policy.people and not known:
        return f"{where}: nobody of them is in `people` or `teams` of {facts.policy.file}; add them there"
    if not entry.whom:
        return f"{where}: the only owners are authors of the change; name another owner on the base branch"
    return f"{where}: asks for {entry.need} more, and only {len(entry.whom)} could; name more owners"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
