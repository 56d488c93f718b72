"""Facts that the model doesn't decide: what is in git, on the server and in everybody's clones."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hypothesis.stateful import RuleBasedStateMachine
from model.oracle import Difference, Proposal, Tree, merged
from support.company import Clone, Company, Result, isolated
from support.warm import Warm

MAIN = "main"
RELEASE = "release/1"
TARGETS = (MAIN, RELEASE)
BRANCHES = ("one", "two", "three")


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


class World(RuleBasedStateMachine):
    """A company of its own for each sequence: its server, and a clone for each person."""

    template: ClassVar[Company]
    warm: ClassVar[Warm]
    trees: ClassVar[dict[str, Tree]] = {}
    changes: ClassVar[dict[tuple[str, str], tuple[Difference | None, frozenset[str], frozenset[str]]]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=self.template.path.parent))
        self.company = instance(self.template, self.folder / "company")
        self.fetched: dict[str, dict[str, str]] = {}
        self.generation = dict.fromkeys(BRANCHES, 0)

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
        return f"{name}-{self.generation[name]}" if name in BRANCHES else name

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

    def proposal(self, name: str, into: str) -> Proposal:
        """What merging the branch would change. Where git has to merge the bases first, it counts as a conflict."""
        ref = self.ref(name)
        ends = self.tip(into), self.tip(ref)
        if ends not in self.changes:
            server = self.company.server
            bases = server.git("merge-base", "--all", *ends).split()
            difference = merged(*map(self.tree, (bases[0], *ends))) if len(bases) == 1 else None
            lines = server.git("log", "--format=%H %p|%ae %ce", f"{ends[0]}..{ends[1]}").splitlines()
            commits = frozenset(line.split()[0] for line in lines)
            parted = [line.partition("|") for line in lines]
            emails = [email for ids, _, both in parted if len(ids.split()) < 3 for email in both.split()]
            authors = frozenset(email.partition("@")[0] for email in emails)
            self.changes[ends] = difference, authors, commits
        return Proposal(into, ref, ends[1], *self.changes[ends])

    def publish(self, clone: Clone, ref: str) -> None:
        """The branch as it is in the clone, on the server: fetched from there, which takes no hook's time."""
        self.company.server.git("fetch", "-q", str(clone.path), f"+refs/heads/{ref}:refs/heads/{ref}")
        clone.git("update-ref", f"refs/remotes/origin/{ref}", ref)


def instance(template: Company, path: Path) -> Company:
    """A copy of the company that shares the template's objects, which nobody ever changes."""

    def copy(source: str, target: str) -> None:
        (os.link if "/objects/" in source else shutil.copy)(source, target)

    shutil.copytree(template.path, path, copy_function=copy)
    for config in path.glob("*/.git/config"):
        config.write_text(config.read_text().replace(str(template.path), str(path)))
    return Company(path)
