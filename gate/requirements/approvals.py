"""The requirement `approvals`: enough people approved exactly this content, and nobody in the policy objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gate.approvals.count import who_settles
from gate.codeowners.github import pattern_of
from gate.codeowners.matcher import NONE, Matcher
from gate.model import NOT_ASKED, Approval, Missing, MissingApprovals, Outcome
from gate.policy.people import members, person_by_email
from gate.policy.types import ApprovalRule, Person
from gate.requirements.facts import Facts
from gate.wording import count, listed

ID = "approvals"
REQUESTS = {
    "github": "the pull request on GitHub",
    "gitlab": "the merge request on GitLab",
    "gitea": "the pull request on Gitea",
}
"""Where people review, by the forge."""


def evaluate(facts: Facts) -> Outcome:
    """Met if each changed file has the required number of approvals from the required people.

    An objection blocks whatever the number is, even if it is 0. If the log may be incomplete, the outcome is undecided:
    a missing record may be an objection.
    """
    objections = [approval for approval in facts.approvals if approval.counted and approval.kind == "block"]
    if objections:
        return _objected(facts, objections)
    if facts.log_gap:
        return Outcome(ID, "undecided", facts.log_gap)
    rules = facts.protection.require.approvals
    if not rules:
        return Outcome(ID, "not_applicable", NOT_ASKED)
    if not facts.change.tree:
        return Outcome(ID, "undecided", "there is no merge result to approve")
    if not facts.change.files:
        return Outcome(ID, "met", "no files changed")
    files_by_rule = _matching_rules(facts, rules)
    demands = [
        _Demand(rules[number], tuple(files_by_rule[number]), _able(facts, rules[number].whom))
        for number in sorted(number for number in files_by_rule if number is not None)
        if rules[number].need
    ]
    if demands:
        return _enough(facts, demands)
    # A rule that requires no approvals is a decision. If no rule matches, nothing has been decided.
    return Outcome(ID, "not_applicable" if None in files_by_rule else "met", "not required for these files")


def approvers(facts: Facts) -> Mapping[str, frozenset[str]]:
    """Return the people whose approval counts, by changed path."""
    people: dict[str, set[str]] = {file.path: set() for file in facts.change.files}
    for approval in facts.approvals:
        if approval.counted and approval.kind == "approve":
            for path in approval.files:
                people.setdefault(path, set()).add(approval.by)
    return {path: frozenset(names) for path, names in people.items()}


def how_to_approve(facts: Facts, names: Iterable[str] = ()) -> str:
    """Return how those who are asked (`names`) approve this change: with a command, on the forge, or either.

    A command begins with a backtick, as in Markdown. People who have an account on a forge and no key can't sign.
    """
    if facts.change.staged:
        return "`gate approve` once it is committed"
    asked = [facts.policy.people[name] for name in members(facts.policy, names)]
    unable = [person for person in asked if not person.keys and _forge_of(person)]
    request = facts.request or (REQUESTS[_forge_of(unable[0])] if unable else "")
    if unable and len(unable) == len(asked):
        return f"review {request}"
    command = f"`gate approve {facts.change.head[:12]} --into {facts.branch}`"
    return f"{command}, or approve {request}" if request else command


def _forge_of(person: Person) -> str:
    """Return a forge on which a person has an account, or ""."""
    return next((forge for forge in REQUESTS if person.login(forge)), "")


def _objected(facts: Facts, objections: list[Approval]) -> Outcome:
    of_person: dict[str, list[Approval]] = {}
    for objection in objections:
        of_person.setdefault(objection.by, []).append(objection)
    reason = "; ".join(f"{name} objects{_because(theirs)}" for name, theirs in of_person.items())
    advice = tuple(_way_out(facts, name, theirs) for name, theirs in of_person.items())
    return Outcome(ID, "unmet", reason, advice=advice)


def _way_out(facts: Facts, name: str, objections: list[Approval]) -> str:
    """Return how to resolve a person's objections."""
    if name in facts.policy.people or any(objection.source != "ssh" for objection in objections):
        return f"resolve it with {name}, who can withdraw it {listed(sorted(_ways_back(facts, objections)))}"
    settlers = sorted(who_settles(facts.policy, facts.protection) - facts.author_names())
    commands = listed(sorted(f"`gate revoke {objection.id[:12]} --reason TEXT`" for objection in objections))
    if not settlers:
        return (
            f"{name} is no longer in the policy, and nobody can settle it: name guardians who are not authors"
        )
    return (
        f"{name} is no longer in the policy: {listed(sorted(settlers), 'or')} can settle it with {commands}"
    )


def _because(objections: Iterable[Approval]) -> str:
    why = "; ".join(dict.fromkeys(objection.why for objection in objections if objection.why))
    return f": {why}" if why else " (no reason given)"


def _ways_back(facts: Facts, objections: Iterable[Approval]) -> frozenset[str]:
    """Return how a person can withdraw all of their objections."""
    return frozenset(
        f"with `gate revoke {objection.id[:12]}`"
        if objection.source == "ssh"
        else f"by approving {facts.request}"
        for objection in objections
    )


@dataclass(frozen=True, slots=True)
class _Demand:
    """A rule, the files of the change it applies to, and who can satisfy it."""

    rule: ApprovalRule
    paths: tuple[str, ...]
    able: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Open:
    """What a demand still needs: `more` approvals of the files `paths`, from any of `left`."""

    demand: _Demand
    paths: tuple[str, ...]
    more: int
    left: frozenset[str]
    by: frozenset[str]


def _matching_rules(facts: Facts, rules: Sequence[ApprovalRule]) -> dict[int | None, list[str]]:
    """Return the changed files by the rule that applies: for each author, the first that matches both.

    None is for files without a matching rule. Because every author counts, naming a bot as a co-author relaxes nothing.
    """
    matchers = [Matcher([pattern_of(text) for text in rule.paths]) if rule.paths else None for rule in rules]
    authors = _authors(facts)
    fits = [[number for number, rule in enumerate(rules) if _by(facts, rule, author)] for author in authors]
    files_by_rule: dict[int | None, list[str]] = {}
    for path in dict.fromkeys(file.path for file in facts.change.files):
        matching = {n for n, matcher in enumerate(matchers) if matcher is None or matcher.last(path) != NONE}
        for number in dict.fromkeys(next((n for n in fitting if n in matching), None) for fitting in fits):
            files_by_rule.setdefault(number, []).append(path)
    return files_by_rule


def _authors(facts: Facts) -> list[Person | None]:
    """Return the authors without duplicates. None is an author whom the policy doesn't list."""
    named = [person_by_email(facts.policy, author.email) for author in facts.change.authors]
    contributors = [
        facts.policy.people[name] for name in sorted(facts.contributors) if name in facts.policy.people
    ]
    return list({person.name if person else "": person for person in (*named, *contributors)}.values()) or [
        None
    ]


def _by(facts: Facts, rule: ApprovalRule, author: Person | None) -> bool:
    """Return whether the rule applies to changes by this author."""
    if not rule.authors:
        return True
    if author is None:
        return "unknown" in rule.authors
    return author.role in rule.authors or author.name in members(facts.policy, rule.authors)


def _able(facts: Facts, whom: Sequence[str]) -> frozenset[str]:
    """Return who can approve: `whom` (default: everyone), except authors and bots."""
    people = facts.policy.people.values()
    named = members(facts.policy, whom)
    wanted = {person.name for person in people if not whom or person.role in whom or person.name in named}
    bots = {person.name for person in people if person.role == "bot"}
    return frozenset(wanted - bots - facts.author_names())


def _enough(facts: Facts, demands: Sequence[_Demand]) -> Outcome:
    approved = approvers(facts)
    unmet = [item for item in (_open(demand, approved) for demand in demands) if item]
    if not unmet:
        people = {name for demand in demands for path in demand.paths for name in _of(demand, approved[path])}
        return Outcome(ID, "met", f"approved by {listed(sorted(people))}")
    file = facts.policy.file or "gate.yaml"
    rule = f"{facts.policy.file}: protect.{facts.branch}.require.approvals"
    missing = tuple(
        Missing(
            each.paths,
            each.more,
            each.demand.rule.whom or tuple(sorted(each.left)),
            f"{rule}{each.demand.rule.place}",
        )
        for each in unmet
    )
    advice = tuple(
        f"add people who are not authors of this change to `people` in {file}"
        if not each.demand.rule.whom
        else f"add people who are not authors of this change to {listed(sorted(each.demand.rule.whom), 'or')} in {file}"
        for each in unmet
        if len(each.left) < each.more
    )
    asks = tuple(_ask(each) for each in unmet if len(each.left) >= each.more)
    return Outcome(
        ID, "unmet", "; ".join(map(_reason, unmet)), missing, tuple(dict.fromkeys(advice)), asks=asks
    )


def _ask(each: _Open) -> MissingApprovals:
    whom = each.demand.rule.whom
    if not whom:
        return MissingApprovals(each.paths, each.more, each.left)
    return MissingApprovals(
        each.paths, each.more, each.left, tuple(n for n in whom if n.startswith("@")), "required reviewer"
    )


def _of(demand: _Demand, names: frozenset[str]) -> frozenset[str]:
    """Return those of the approvers whose approval counts for the demand."""
    return names & demand.able if demand.rule.whom else names


def _open(demand: _Demand, approved: Mapping[str, frozenset[str]]) -> _Open | None:
    by = {path: _of(demand, approved[path]) for path in demand.paths}
    lacking = {
        path: demand.rule.need - len(names) for path, names in by.items() if len(names) < demand.rule.need
    }
    if not lacking:
        return None
    left = demand.able - frozenset.intersection(*(by[path] for path in lacking))
    return _Open(demand, tuple(lacking), max(lacking.values()), left, frozenset().union(*by.values()))


def _reason(each: _Open) -> str:
    rule, total = each.demand.rule, len(each.demand.paths)
    whom = f" from {listed(sorted(rule.whom), 'or')}" if rule.whom else ""
    which = f" for {listed_files(each.paths)}" if rule.paths else ""
    if each.by:
        text = f"needs {_approvals(each.more, 'more ')}{whom}{which}; approved by {listed(sorted(each.by))}"
        if len(each.paths) < total:
            text += f" except {count(len(each.paths), 'file')} of {total}"
    else:
        text = f"needs {_approvals(rule.need)}{whom}{which}; has none"
    if len(each.left) < each.more:
        people = "nobody else" if not each.left else f"only {len(each.left)} other {_people(len(each.left))}"
        text += f", and {people} can approve"
    return text


def _people(number: int) -> str:
    return "person" if number == 1 else "people"


def listed_files(paths: Sequence[str]) -> str:
    """Return the name of a single file, or the number of files."""
    return paths[0] if len(paths) == 1 else count(len(paths), "file")


def _approvals(number: int, more: str = "") -> str:
    return f"{number} {more}approval{'' if number == 1 else 's'}"
