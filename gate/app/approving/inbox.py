"""List the branches that need a person's approval, and a person's own open branches with what each still needs.

With a forge, its open pull requests are listed too, and reviews given there count.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gate.app.checking.evaluate import evaluate
from gate.app.checking.request import CheckRequest
from gate.app.checking.rules_at_base import read_rules
from gate.errors import GateError, InvalidInput, UsageError
from gate.git.branches import refs_of
from gate.git.change import read_change
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.git.revisions import branch_name, default_branch, remote_branch, tip_for_others
from gate.log.admitted import ApprovalLog, open_log
from gate.model import ReviewRequest, Verdict, short_name
from gate.policy.files import POLICY_FILE
from gate.policy.people import person_by_email
from gate.policy.types import Person, Policy
from gate.requirements.owners import people_of
from gate.rules import policy_at

if TYPE_CHECKING:
    from gate.app.approving.open_requests import Requested
    from gate.forges.places import PullRequestRef

FIELDS = "%00".join(
    f"%({name})"
    for name in (
        *("refname", "symref", "objectname", "committerdate:unix"),
        *("authoremail:trim", "authorname", "subject"),
    )
)


@dataclass(frozen=True, slots=True)
class Branch:
    """An unmerged branch. `name` is its name as commands take it, such as `origin/feature`.

    If it has a pull request, `request` is the name of that, such as `acme/shop#12`, `request_ref` its location, and
    `author` the account that opened it. If no branch in the clone is at the request's commit, `name` is the commit.
    `trouble` says why the commit is missing, if so.
    """

    name: str
    commit: str
    committed: int
    email: str
    author: str
    subject: str
    request: str = ""
    request_ref: PullRequestRef | None = None
    draft: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A branch and the verdict about merging it. `mine` are the reviews of it that the person is asked for.

    `trouble` says why there is no verdict.
    """

    branch: Branch
    verdict: Verdict | None
    mine: tuple[ReviewRequest, ...] = ()
    trouble: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that need the person's approval."""
        return tuple(dict.fromkeys(path for request in self.mine for path in request.paths))


@dataclass(frozen=True, slots=True)
class Overview:
    """The output of `gate inbox` and `gate status`, oldest branch first."""

    into: str
    person: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class _Target:
    """The protected branch `branch`, given as `name`, and the policy for changes that aren't merged into it yet."""

    name: str
    branch: str
    policy: Policy


def inbox(
    start: Path, into: str | None = None, person: str | None = None, forge: str | None = None
) -> Overview:
    """Return the branches that need approval by `person` (the user). Runs no checks.

    `forge` says whose pull requests are listed too: `auto` for the forge of origin, or `github:OWNER/REPO` and so on.
    """
    repository = Repository.find(start)
    target = _target(repository, into)
    me = _person(repository, target.policy, person)
    log = open_log(repository)
    items = []
    branches = _with_requests(repository, _open_branches(repository, target.branch), target.branch, forge)
    for branch in branches:
        if branch.draft:
            continue
        item = _item(repository, branch, target.name, start, log, cached_checks=False)
        mine = _asked_of(repository, item.verdict, me)
        if mine:
            item = _item(repository, branch, target.name, start, log, cached_checks=True)
            items.append(replace(item, mine=mine))
        elif branch.request and item.trouble:
            items.append(item)
    return Overview(target.branch, me.name, tuple(items))


def status(start: Path, into: str | None = None, forge: str | None = None) -> Overview:
    """Return the open branches whose last commit is by the user, each with its verdict. Runs no checks.

    With `forge`, as for `inbox`, the pull requests that the user opened are listed too.
    """
    repository = Repository.find(start)
    target = _target(repository, into)
    email = repository.text("config", "user.email").strip() if _has_email(repository) else ""
    me = person_by_email(target.policy, email)
    mine = {address.casefold() for address in (email, *(me.emails if me else ()))}
    log = open_log(repository)
    branches = _open_branches(repository, target.branch, local_first=True)
    items = [
        _item(repository, branch, target.name, start, log, cached_checks=True)
        for branch in _with_requests(repository, branches, target.branch, forge)
        if branch.email.casefold() in mine or _opened_by(me, branch)
    ]
    return Overview(target.branch, me.name if me else email, tuple(items))


def _has_email(repository: Repository) -> bool:
    return repository.attempt("config", "--get", "user.email").returncode == 0


def _target(repository: Repository, into: str | None) -> _Target:
    name, tracked = remote_branch(repository, into) if into else (default_branch(repository), None)
    branch = branch_name(name)
    commits = resolve(repository, [*refs_of(repository, branch), *filter(None, [tracked])])
    tip = commits[tracked] if tracked else tip_for_others(repository, commits, branch)
    return _Target(into or branch, branch, policy_at(repository, tip))


def _person(repository: Repository, policy: Policy, name: str | None) -> Person:
    """Return the person called `name`, or the one with git's email address."""
    if not policy.people:
        raise UsageError(
            f"the protected branch has no {POLICY_FILE} that lists people, so no branch needs anyone's approval",
            "write one with `gate init`, or add people with `gate init --person`, and merge it into the branch",
        )
    if name is not None:
        names = {person.name.casefold(): person for person in policy.people.values()}
        if name.casefold() not in names:
            raise UsageError(
                f"{name} is not listed in `people` of {policy.file}",
                f"it lists {', '.join(sorted(policy.people))}",
            )
        return names[name.casefold()]
    email = repository.text("config", "user.email").strip() if _has_email(repository) else ""
    person = person_by_email(policy, email)
    if person is None:
        raise UsageError(
            f"your address {email or '(user.email is not set)'} is not listed in `people` of {policy.file}",
            "use `--as @NAME`, or add the address to your `emails` in gate.yaml",
        )
    return person


def _open_branches(repository: Repository, target: str, *, local_first: bool = False) -> list[Branch]:
    """Return the branches that aren't merged into `target`, oldest first. Each branch and each commit is listed once.

    Prefers the remote's branches, because others see those; with `local_first`, local ones that aren't behind them.
    """
    roots = ["refs/heads", "refs/remotes/origin"]
    tips = [f"refs/remotes/origin/{target}", f"refs/heads/{target}"]
    present = [tip for tip in tips if repository.attempt("rev-parse", "-q", "--verify", tip).returncode == 0]
    by_name: dict[str, Branch] = {}
    for root in roots:
        for branch in _branches(repository, root, present[:1]):
            name = short_name(branch.name.removeprefix("origin/"))
            local = by_name.get(name)
            if name != target and not (local and local_first and not _contains(repository, branch, local)):
                by_name[name] = branch
    branches = {branch.commit: branch for branch in by_name.values()}
    return sorted(branches.values(), key=lambda branch: (branch.committed, branch.name))


def _contains(repository: Repository, branch: Branch, other: Branch) -> bool:
    """Return whether `branch` has every commit of `other`, and more."""
    if branch.commit == other.commit:
        return False
    return repository.attempt("merge-base", "--is-ancestor", other.commit, branch.commit).returncode == 0


def _branches(repository: Repository, root: str, merged_into: list[str]) -> Iterator[Branch]:
    without = [f"--no-merged={tip}" for tip in merged_into]
    output = repository.run("for-each-ref", f"--format={FIELDS}", *without, root)
    for line in os.fsdecode(output).splitlines():
        ref, link, commit, committed, email, author, subject = line.split("\0", 6)
        if not link:
            name = ref.removeprefix("refs/heads/").removeprefix("refs/remotes/")
            yield Branch(name, commit, int(committed or 0), email, author, subject)


def _with_requests(
    repository: Repository, branches: list[Branch], target: str, forge: str | None
) -> Sequence[Branch]:
    """Return the branches, with their open pull requests, and the pull requests whose branch isn't in the clone."""
    if forge is None:
        return branches
    from gate.app.approving.open_requests import open_requests

    by_commit = {branch.commit: branch for branch in branches}
    for requested in open_requests(repository, forge, target, os.environ):
        branch = _requested(requested, by_commit.get(requested.request.head))
        by_commit[branch.commit] = branch
    return sorted(by_commit.values(), key=lambda branch: (branch.committed, branch.name))


def _requested(requested: Requested, branch: Branch | None) -> Branch:
    request = requested.request
    return Branch(
        branch.name if branch else request.head[:12],
        request.head,
        request.opened,
        branch.email if branch else "",
        request.author,
        request.title,
        requested.name,
        requested.request_ref,
        request.draft,
        requested.trouble,
    )


def _opened_by(me: Person | None, branch: Branch) -> bool:
    login = me.login(branch.request_ref.source) if me and branch.request_ref else ""
    return bool(login) and login.casefold() == branch.author.casefold()


def _item(
    repository: Repository, branch: Branch, into: str, start: Path, log: ApprovalLog, *, cached_checks: bool
) -> Item:
    """Return the verdict about a branch, without running a check."""
    if branch.trouble:
        return Item(branch, None, trouble=branch.trouble)
    try:
        change = read_change(repository, into=into, head=branch.commit)
        rules = read_rules(repository, change, policy_at(repository, change.base))
        request = CheckRequest(
            start,
            into=into,
            cached_only=cached_checks,
            trust_only=not cached_checks,
            reviews=branch.request_ref,
        )
        return Item(branch, evaluate(repository, change, rules, request, log=log).verdict)
    except InvalidInput as error:
        return Item(branch, None, trouble=error.in_one_line)
    except GateError as error:
        return Item(branch, None, trouble=error.message)


def _asked_of(repository: Repository, verdict: Verdict | None, me: Person) -> tuple[ReviewRequest, ...]:
    if verdict is None:
        return ()
    policy = policy_at(repository, verdict.change.base)
    return tuple(request for request in verdict.reviewers if me.name in people_of(policy, request.names))
