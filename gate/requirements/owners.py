"""The requirement `owners`: the owners at the base approved every changed file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gate.codeowners import PLACES, Rule
from gate.model import NOT_ASKED, Approval, Missing, MissingApprovals, Outcome
from gate.policy.people import logins_in, members, person_by_email
from gate.policy.types import OwnersRequired, Policy
from gate.requirements.approvals import approvers, listed_files
from gate.requirements.facts import Facts
from gate.wording import count, listed

ID = "owners"
NO_FILE = "no CODEOWNERS file with rules on the base branch"


@dataclass(frozen=True, slots=True)
class _Open:
    """An unsatisfied rule: how many more approvals it needs, and who could still give one."""

    rule: Rule
    paths: tuple[str, ...]
    need: int
    whom: frozenset[str]


def evaluate(facts: Facts) -> Outcome:
    """Met if each rule that matches a changed file has the approvals it requires.

    A file without a matching rule, or whose rule has no owners, needs nobody unless the policy says otherwise. An owner
    who is an author of the change can't approve it unless the policy lets them. If no other owner is left, the outcome
    says so and blocks.
    """
    required = facts.protection.require.owners
    if required is None:
        return Outcome(ID, "not_applicable", NOT_ASKED)
    if not facts.codeowners_file:
        return _no_file(facts) if required.explicit else Outcome(ID, "not_applicable", NO_FILE)
    if not facts.change.tree:
        return Outcome(ID, "undecided", "there is no merge result to find owners for")
    if not facts.change.files:
        return Outcome(ID, "met", "no files changed")
    grouped = _grouped(facts, required)
    total = len(facts.change.files)
    if not grouped:
        return Outcome(ID, "met", f"no approval needed{_unasked(facts)}")
    approved = approvers(facts)
    unsatisfied = [entry for entry in (_open(facts, approved, *group) for group in grouped) if entry]
    if not unsatisfied:
        required_count = len({path for _, paths in grouped for path in paths})
        return Outcome(ID, "met", f"{_of(required_count, total)} approved by code owners{_unasked(facts)}")
    missing = tuple(
        Missing(entry.paths, entry.need, _named(facts, entry.rule), entry.rule.place) for entry in unsatisfied
    )
    waiting = len({path for entry in unsatisfied for path in entry.paths})
    need = "needs" if waiting == 1 else "need"
    reason = f"{_of(waiting, total)} {need} approval from a code owner{_unasked(facts)}"
    doubts = [entry for entry in unsatisfied if _unread(facts, entry.rule)]
    if len(doubts) == len(unsatisfied):
        # A person who has approved may be in a team whose members could not be read.
        advice = tuple(_unread(facts, entry.rule) for entry in doubts)
        return Outcome(ID, "undecided", reason, missing, tuple(dict.fromkeys(advice)))
    asks = tuple(
        MissingApprovals(entry.paths, entry.need, entry.whom, _names(facts, entry), "code owner")
        for entry in unsatisfied
    )
    return Outcome(ID, "unmet", reason, missing, _advice(facts, unsatisfied), asks=asks)


def credited(facts: Facts) -> tuple[Approval, ...]:
    """Return the approvals, each with the files that the approver is a code owner of."""
    return tuple(
        replace(approval, owned=_owned_by(facts, approval.by, approval.files))
        if approval.counted and approval.kind == "approve"
        else approval
        for approval in facts.approvals
    )


def _owned_by(facts: Facts, person: str, paths: Sequence[str]) -> tuple[str, ...]:
    if facts.protection.require.owners is None:
        return ()
    owning = {
        rule: person in _able(facts, rule.owners) for rules in facts.ownership.values() for rule in rules
    }
    return tuple(path for path in paths if any(owning[rule] for rule in facts.ownership.get(path, ())))


def _no_file(facts: Facts) -> Outcome:
    """The policy requires code owners, but there is no CODEOWNERS file: guardians must approve everything.

    Otherwise nobody could add the file.
    """
    guardians = facts.protection.require.guarded
    rule = f"{facts.policy.file}: protect.{facts.branch}.require.owners"
    reason = f"{NO_FILE}, and {rule} requires code owner approval"
    expected_paths = listed(sorted(PLACES[facts.policy.dialect or "github"]), "or")
    add = f"add {expected_paths} on {facts.branch}, or set `owners: false` in {facts.policy.file}"
    able = _able(facts, guardians) if guardians else frozenset()
    approved = approvers(facts)
    lacking = tuple(path for path, by in approved.items() if not by & able)
    if able and not lacking:
        return Outcome(ID, "met", f"{NO_FILE}; approved by a guardian")
    missing = (Missing(lacking, 1, guardians, rule),) if guardians else ()
    if not able:
        return Outcome(ID, "unmet", reason, missing, (add,))
    asks = (MissingApprovals(lacking, 1, able, role="guardian"),)
    return Outcome(ID, "unmet", reason, missing, (add,), asks=asks)


def people_of(policy: Policy, owners: Sequence[str]) -> frozenset[str]:
    """Return the people in the policy that owners in a CODEOWNERS file refer to.

    Owners are matched by person, team, forge login, or email address. `@@role` refers to nobody unless `teams` defines
    it.
    """
    people = set(members(policy, owners))
    wanted = {owner.casefold() for owner in owners}
    for person in policy.people.values():
        logins = {f"@{login}".casefold() for login in (person.github, person.gitlab, person.gitea) if login}
        if wanted & (logins | {email.casefold() for email in person.emails}):
            people.add(person.name)
    return frozenset(people)


def _grouped(facts: Facts, required: OwnersRequired) -> list[tuple[Rule, tuple[str, ...]]]:
    """Return every rule that requires somebody, adjusted by the policy, with the changed files it applies to."""
    by_rule: dict[Rule, list[str]] = {}
    for path in dict.fromkeys(entry.path for entry in facts.change.files):
        rules = facts.ownership.get(path, ())
        for rule in rules:
            if rule.owners and not rule.optional:
                by_rule.setdefault(rule, []).append(path)
        if required.unowned == "error" and not any(rule.owners for rule in rules):
            by_rule.setdefault(_unowned_rule(facts, required), []).append(path)
    return [
        (demand, tuple(paths))
        for rule, paths in by_rule.items()
        for demand in _demanded(facts, required, rule)
    ]


def _unowned_rule(facts: Facts, required: OwnersRequired) -> Rule:
    """Return the rule for files without an owner, if the policy doesn't allow them."""
    key = f"{facts.policy.file}: protect.{facts.branch}.require.owners.unowned"
    return Rule(key, 0, 0, "", "", required.fallback)


def _demanded(facts: Facts, required: OwnersRequired, rule: Rule) -> list[Rule]:
    """Return what the policy makes of a rule: a number of its owners, or each of them, without optional ones."""
    optional = {name.casefold() for name in required.optional}
    owners = tuple(owner for owner in rule.owners if owner.casefold() not in optional)
    if rule.owners and not owners:
        return []
    if not owners:
        return [rule]
    if required.need != "all":
        return [replace(rule, owners=owners, required=max(rule.required, required.need))]
    # Each owner has to approve, except authors, who can't.
    able = [owner for owner in owners if _able(facts, [owner]) or not _is_author(facts, owner)]
    return [replace(rule, owners=(owner,), required=1) for owner in able or owners]


def _is_author(facts: Facts, owner: str) -> bool:
    if facts.policy.people:
        people = people_of(facts.policy, [owner])
        return bool(people) and people <= facts.author_names()
    return owner.casefold() in _logins(facts)


def _own_work(facts: Facts, rule: Rule) -> frozenset[str]:
    """Return the authors who may approve because each of them owns the files; empty if one of them doesn't."""
    required = facts.protection.require.owners
    if required is None or not required.author:
        return frozenset()
    persons = [person_by_email(facts.policy, author.email) for author in facts.change.authors]
    authors = {person.name for person in persons if person is not None} | facts.contributors
    everybody = bool(persons) and None not in persons
    return (
        frozenset(authors) if everybody and authors <= people_of(facts.policy, rule.owners) else frozenset()
    )


def _unasked(facts: Facts) -> str:
    """Return how many files need no owner's approval, and why, or ""."""
    rules = [facts.ownership.get(entry.path, ()) for entry in facts.change.files]
    without = sum(not matching for matching in rules)
    unowned = sum(bool(matching) and not any(rule.owners for rule in matching) for matching in rules)
    optional = sum(
        any(rule.owners for rule in matching) and all(rule.optional or not rule.owners for rule in matching)
        for matching in rules
    )
    counts = [
        f"{count(number, 'file')} {words if number == 1 else plural}"
        for number, words, plural in (
            (without, "has no matching rule", "have no matching rule"),
            (unowned, "is explicitly unowned", "are explicitly unowned"),
            (optional, "has only optional owners", "have only optional owners"),
        )
        if number
    ]
    return f" ({', '.join(counts)})" if counts else ""


def _open(
    facts: Facts, approved: Mapping[str, frozenset[str]], rule: Rule, paths: Sequence[str]
) -> _Open | None:
    """Return what a rule still needs, or None."""
    able = _able(facts, rule.owners)
    need = rule.required - len(_own_work(facts, rule))
    lacking = {path: need - len(by) for path in paths if len(by := approved[path] & able) < need}
    if not lacking:
        return None
    # People who have approved all open files can't contribute anything more.
    spent = frozenset.intersection(*(approved[path] for path in lacking))
    return _Open(rule, tuple(lacking), max(lacking.values()), able - spent)


def _able(facts: Facts, owners: Sequence[str]) -> frozenset[str]:
    """Return who can approve for `owners`: the people without authors and bots, or the owners as written if all are
    unknown.
    """
    people = facts.policy.people
    if people:
        eligible = people_of(facts.policy, owners) - facts.author_names()
        return frozenset(name for name in eligible if people[name].role != "bot")
    authors = _logins(facts)
    return frozenset(owner for owner in owners if owner.casefold() not in authors)


def _logins(facts: Facts) -> frozenset[str]:
    """Return the names by which a CODEOWNERS file could refer to the authors, according to their addresses."""
    emails = [author.email.casefold() for author in facts.change.authors]
    return frozenset((*emails, *(f"@{login}" for email in emails for login, _ in logins_in(email))))


def _named(facts: Facts, rule: Rule) -> tuple[str, ...]:
    """Return the owners as written in the file, without authors if anyone is left then."""
    authors = facts.author_names()
    alternatives = [
        owner
        for owner in rule.owners
        if _able(facts, [owner]) or (facts.policy.people and not people_of(facts.policy, [owner]) & authors)
    ]
    return tuple(alternatives) or rule.owners


def _names(facts: Facts, entry: _Open) -> tuple[str, ...]:
    """Return the owners as written in the file, without those who have nothing left to approve."""
    return tuple(dict.fromkeys(owner for owner in entry.rule.owners if _able(facts, [owner]) & entry.whom))


def _advice(facts: Facts, unsatisfied: Sequence[_Open]) -> tuple[str, ...]:
    lines = [_stuck(facts, entry) for entry in unsatisfied if len(entry.whom) < entry.need]
    if len(lines) < len(unsatisfied) and not facts.policy.people:
        lines.append("to count approvals, list these people in gate.yaml on the base branch: `gate init`")
    return tuple(lines)


def _unread(facts: Facts, rule: Rule) -> str:
    """Return which team among the owners couldn't be read, and why, or ""."""
    return "; ".join(
        f"the members of {owner} could not be read: {facts.unread_teams[owner]}; list them under `teams`"
        for owner in rule.owners
        if owner in facts.unread_teams
    )


def _stuck(facts: Facts, entry: _Open) -> str:
    """Return why a rule can't be satisfied at present, and how to fix it."""
    if not entry.rule.owners:
        return (
            f"{listed_files(entry.paths)} without an owner: add a rule to {facts.codeowners_file} on the base branch, "
            f"or name who approves such files in {entry.rule.place}"
        )
    where = f"{entry.rule.place} ({', '.join(entry.rule.owners)}) cannot be satisfied:"
    policy = facts.policy
    if policy.people and not people_of(policy, entry.rule.owners):
        empty = {name.casefold() for name, people in policy.teams.items() if not people}
        if all(owner.casefold() in empty for owner in entry.rule.owners):
            return f"{where} the team has no members; add some in {policy.file} on the base branch"
        return (
            f"{where} no owner on this line is listed in `people` or `teams` of {policy.file}; "
            "add them on the base branch"
        )
    if not _able(facts, entry.rule.owners):
        return (
            f"{where} every owner is an author of this change or a bot; add another owner on the base branch"
        )
    more = f"{entry.need} more" if entry.need < entry.rule.required else f"{entry.need}"
    return (
        f"{where} it requires {more} approvals and only {len(entry.whom)} can still be given; "
        "add owners on the base branch"
    )


def _of(number: int, total: int) -> str:
    return f"{number} of {count(total, 'file')}" if number < total or total > 1 else "1 file"
