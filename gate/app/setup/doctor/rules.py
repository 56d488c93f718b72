"""Examine the policy and the code owners, both in force and in the working tree, and simulate them."""

from __future__ import annotations

from gate.app.lock_outs import simulated
from gate.app.setup.doctor.items import MISTAKE, Item
from gate.app.setup.rules import rules_at
from gate.errors import InvalidInput, UsageError
from gate.gather.ownership import codeowners_at
from gate.git.objects import list_tree, resolve
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.policy.files import POLICY_FILE
from gate.policy.types import Policy
from gate.rules import policy_at
from gate.simulation import outlook, problems
from gate.wording import count


def policy(repository: Repository) -> list[Item]:
    """Report the policy in force on the default branch, whether it is changed here, and problems in a simulation."""
    branch, tip = _base(repository)
    if not tip:
        return [Item("note", f"{branch} has no commits yet, so no policy applies")]
    active = policy_at(repository, tip)
    if not active.file:
        return [
            _no_policy(repository, branch),
        ]
    items = [Item("ok", f"{POLICY_FILE} on {branch} ({tip[:12]})")]
    items += [Item("ok", line) for line in _lines(active)]
    items += _draft(repository)
    owners = codeowners_at(repository, tip, active)
    if owners is None or not owners.mistakes:
        paths = [entry.path for entry in list_tree(repository, tip)]
        simulation = simulated(repository, active, owners, paths)
        items += [
            Item(problem.level, problem.message, problem.help)
            for problem in (*problems(simulation), *outlook(simulation))
        ]
    if not active.people:
        items.append(
            Item(
                "note",
                "`people` is empty: only reviews on a forge count (`gate check --reviews`)",
                "gate init",
            )
        )
    if not active.repository:
        items.append(
            Item(
                "warning",
                "`repository` is not set, so approvals can be replayed in another repository",
                f"add a name for it to {POLICY_FILE}, such as `repository: acme/shop`",
            )
        )
    return items


def _no_policy(repository: Repository, branch: str) -> Item:
    """Report that there is no policy in force, and whether there is one to commit."""
    written = repository.work_tree is not None and (repository.work_tree / POLICY_FILE).is_file()
    return Item(
        "note",
        f"no {POLICY_FILE} on {branch}, so the defaults apply",
        f"commit {POLICY_FILE} and merge it into {branch}" if written else "gate init",
    )


def _draft(repository: Repository) -> list[Item]:
    """Report whether the policy in the working tree differs from the one in force."""
    if repository.work_tree is None:
        return []
    path = repository.work_tree / POLICY_FILE
    _, tip = _base(repository)
    draft = path.read_bytes() if path.is_file() else None
    if draft == rules_at(repository, tip, POLICY_FILE):
        return []
    return [
        Item(
            "note",
            f"{POLICY_FILE} in the working tree differs from the one that applies now; it applies once merged",
        )
    ]


def _lines(policy: Policy) -> list[str]:
    people = "1 person" if len(policy.people) == 1 else f"{len(policy.people)} people"
    lines = [f"{people}, {count(len(policy.teams), 'team')}"]
    for name in policy.branches:
        protection = policy.protection(name)
        free = "" if protection.enforce else ", not enforced"
        lines.append(f"{name} requires {', '.join(protection.require.names) or 'nothing'}{free}")
    return lines


def owners(repository: Repository) -> list[Item]:
    """Report the CODEOWNERS file that counts, and what is wrong in it."""
    from gate.app.owners import lint

    branch, tip = _base(repository)
    if not tip:
        return [Item("note", "nothing is committed yet")]
    try:
        result = lint(repository.work_tree or repository.git_dir, tip)
    except UsageError:
        return [Item("note", f"no CODEOWNERS file on {branch}: nobody owns anything")]
    except InvalidInput as error:
        return [Item("error", str(mistake), error.hint or MISTAKE) for mistake in error.mistakes]
    items = [Item("ok", f"{result.file}: {count(result.rules, 'rule')}")]
    items += [Item("error", str(mistake), "fix the line on the base branch") for mistake in result.mistakes]
    # The simulation of the policy reports owners who aren't in `people` already, with the command that adds them.
    return items + [
        Item("warning", str(warning), "fix the line on the base branch")
        for warning in result.warnings
        if warning.file == result.file and warning not in result.unlisted
    ]


def _base(repository: Repository) -> tuple[str, str]:
    """Return the default branch and its tip, preferably origin's."""
    branch = default_branch(repository, unborn=True)
    tips = resolve(repository, [f"refs/remotes/origin/{branch}", f"refs/heads/{branch}"])
    return branch, next(iter(tips.values()), "")
