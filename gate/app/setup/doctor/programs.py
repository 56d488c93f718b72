"""Examine what runs the checks: environments, tools and their settings, and caches."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from gate import __version__
from gate.app.checking.running import open_results
from gate.app.setup.caches import entries, human
from gate.app.setup.doctor.items import Item
from gate.app.setup.observed import tools_in
from gate.checks import TOOLS
from gate.checks.projects import layout
from gate.environment import Environment, Environments, candidates
from gate.errors import GateError
from gate.git.objects import Entry, list_tree, resolve
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.policy.types import Policy
from gate.rules import policy_at

NO_ENVIRONMENT = "`uv sync`, or `python3 -m venv .venv` and install the project into it"


def environments(repository: Repository) -> list[Item]:
    """Report the interpreter that runs gate, and the one that the checks run in."""
    items = [Item("ok", f"gate {__version__} runs in {sys.executable} (Python {sys.version.split()[0]})")]
    top = repository.work_tree
    if top is None:
        return [
            *items,
            Item("note", "a bare repository: gate builds environments for the trees that it checks"),
        ]
    policy = _policy(repository)
    environment = Environments(repository, policy.python, (), policy.environment).found_for()
    if environment.found:
        items.append(Item("ok", f"checks run in {environment.python}, found as {environment.origin}"))
    else:
        items.append(_to_build(repository, policy))
    items += _nested_projects(repository, policy)
    items += [
        Item("warning", f"not used: {problem}", "remove it, or untrack it")
        for problem in environment.problems
    ]
    used = environment.python.parent.parent
    for candidate in candidates(top):
        if candidate.exists and candidate.problem and candidate.problem not in " ".join(environment.problems):
            items.append(
                Item("note", f"not used: {candidate.origin} ({candidate.prefix}): {candidate.problem}")
            )
        elif not candidate.problem and candidate.prefix != used:
            items.append(Item("note", f"also found, not used: {candidate.origin} ({candidate.prefix})"))
    return items


@dataclass(frozen=True, slots=True)
class _Committed:
    """The tree of HEAD, whose declarations are read, and whose code doesn't run."""

    top: Path
    entries: tuple[Entry, ...]

    def path(self, *, runs_code: bool) -> Path:
        """Return the working tree."""
        del runs_code
        return self.top


def _to_build(repository: Repository, policy: Policy) -> Item:
    """Report that there is no environment, and whether gate builds one from what the project declares."""
    chosen = Environments(repository, policy.python, (), policy.environment)
    if chosen.is_declared and repository.work_tree and resolve(repository, ["HEAD"]):
        tree = _Committed(repository.work_tree, tuple(list_tree(repository, "HEAD")))
        if source := chosen.declared_by(tree).source:
            return Item("note", f"no environment found: gate builds one from {source} for the checks")
    return Item(
        "warning",
        "no environment found, and the project declares no dependencies to build one from",
        NO_ENVIRONMENT,
    )


def _nested_projects(repository: Repository, policy: Policy) -> list[Item]:
    """Report each project below the top folder, and its environment."""
    if repository.work_tree is None or not resolve(repository, ["HEAD"]):
        return []
    tree = _Committed(repository.work_tree, tuple(list_tree(repository, "HEAD")))
    chosen = Environments(repository, policy.python, (), policy.environment)
    top = chosen.found_for()
    items = []
    for folder in filter(None, layout(entry.path for entry in tree.entries).folders):
        environment = chosen.found_for(folder)
        source = chosen.declared_by(tree, folder).source if chosen.is_declared else ""
        if environment.found and environment != top:
            where = f"its checks run in {environment.python}, found as {environment.origin}"
        elif source and not environment.found:
            where = f"gate builds an environment from its {source}"
        else:
            where = "uses the environment of the top folder"
        items.append(Item("ok", f"project {folder}: {where}"))
    return items


def tools(repository: Repository) -> list[Item]:
    """Report every check that a branch requires: its tool, the tool's version, and where it is configured."""
    policy = _policy(repository)
    branches = policy.branches or ("main",)
    wanted = dict.fromkeys(name for branch in branches for name in policy.protection(branch).require.checks)
    environment = Environments(repository, policy.python, (), policy.environment).found_for()
    built = not environment.found and _to_build(repository, policy).level == "note"
    configured = tools_in(repository.work_tree) if repository.work_tree else {}
    return [_tool(policy, name, environment, configured, built=built) for name in wanted]


def _tool(
    policy: Policy, name: str, environment: Environment, configured: dict[str, str], *, built: bool
) -> Item:
    """Report the tool of a check. `built` says that gate builds the environment, whose tools come first."""
    check = policy.checks[name]
    if check.tool == "command":
        return Item("ok", f"{name}: {' '.join(check.command)}")
    distribution = TOOLS[check.tool].distribution
    location = f", configured in {configured[check.tool]}" if check.tool in configured else ""
    if not distribution:
        return Item("ok", f"{name}: gate's own{location}")
    installed = environment.tool(distribution)
    if installed is None:
        return Item("error", f"{name}: {check.tool} is not installed", f"pip install {distribution}")
    if built:
        own = f"gate's own {installed.version}"
        return Item(
            "ok", f"{name}: {check.tool} from the environment that gate builds, otherwise {own}{location}"
        )
    whose = "gate's own copy" if installed.own or not environment.found else environment.origin
    return Item("ok", f"{name}: {check.tool} {installed.version}, {whose}{location}")


def caches(repository: Repository) -> list[Item]:
    """Report gate's caches and their sizes, and whether shared results can be read."""
    shared = _shared(repository)
    if not repository.state_dir.is_dir():
        return [Item("note", "nothing is cached yet"), *shared]
    cached = entries(repository)
    total = sum(entry.size for entry in cached)
    return [
        Item("ok", f"{repository.state_dir}: {human(total)}"),
        *(Item("ok", f"{entry.name}: {human(entry.size)}") for entry in cached),
        *shared,
    ]


def _shared(repository: Repository) -> list[Item]:
    url = os.environ.get("GATE_CACHE", "")
    if not url:
        return []
    from gate.shared_results.signed import SignedResults

    try:
        results = open_results(repository, _policy(repository), int(time.time()))
    except GateError as error:
        return [Item("error", error.message, error.hint)]
    if not isinstance(results, SignedResults):
        return [Item("ok", f"shared results: {url}, not signed")]
    results.get("")
    if results.problem:
        fix = "until it works, each run takes up to 5 s longer, and shares nothing"
        return [Item("warning", f"shared results: {url} can't be read: {results.problem}", fix)]
    access = "read-write" if os.environ.get("GATE_CACHE_KEY") else "read-only: GATE_CACHE_KEY is not set"
    return [Item("ok", f"shared results: {url}, {access}")]


def _policy(repository: Repository) -> Policy:
    branch = default_branch(repository, unborn=True)
    tips = resolve(repository, [f"refs/remotes/origin/{branch}", f"refs/heads/{branch}"])
    return policy_at(repository, next(iter(tips.values()))) if tips else Policy()
