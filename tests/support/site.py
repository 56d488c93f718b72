"""A company whose people have logins on a forge, with an open request of the new hire's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.company import PEOPLE, REQUIRE, Clone, Company, Result
from support.forge import PROJECT, TOKEN, Forge

LOGINS = {"nehemiah": "nmonrose", "ada": "lovelace", "bob": "Bob-B", "newhire": "newbie", "ci": "ci-runner"}


def with_logins(policy: str) -> str:
    """Return the policy with the login of each person on every forge."""
    for name in PEOPLE:
        emails, login = f"emails: [{name}@acme.example]", LOGINS[name]
        policy = policy.replace(emails, f"{emails}, github: {login}, gitlab: {login}, gitea: {login}")
    return policy


@dataclass
class Site:
    """A company and the forge it uses."""

    company: Company
    forge: Forge
    judge: Clone
    head: str

    def commit(self, message: str, files: Mapping[str, str], *, author: str = "", push: bool = True) -> str:
        """Add another commit to the branch. By default, the forge knows about it at once."""
        self.head = self.company.clone("newhire").commit(message, files, branch="feature", author=author)
        if push:
            self.forge.push(self.head)
        return self.head

    def amend(self) -> str:
        """Amend the branch with the same content. The previous commit is no longer on any branch."""
        self.company.clone("newhire").git("commit", "-q", "--amend", "-m", "another message")
        return self._move()

    def rebase(self) -> str:
        """Rebase the branch onto the current main."""
        new = self.company.clone("newhire")
        new.fetch()
        new.git("rebase", "-q", "origin/main")
        return self._move()

    def _move(self) -> str:
        new = self.company.clone("newhire")
        new.git("push", "-q", "-f", "origin", "feature")
        self.head = new.git("rev-parse", "HEAD")
        self.forge.push(self.head)
        return self.head

    def land(self, files: Mapping[str, str]) -> None:
        """Merge somebody else's work into main."""
        other = self.company.clone("nobody", "setup")
        other.fetch()
        other.git("checkout", "-q", "-B", "main", "origin/main")
        other.commit("landed", files, push=False)
        other.git("push", "-q", "origin", "main")

    def check(self, *args: str, env: Mapping[str, str] | None = None, head: str = "") -> Result:
        self.judge.fetch()
        words = ("check", "--head", head or self.head, "--reviews", self.forge.spec, *args)
        return self.judge.gate(*words, env={**self.forge.env, **(env or {})})

    def verdict(self, *args: str) -> dict[str, Any]:
        result = self.check("--format", "json", *args)
        assert result.out, result.err
        found: dict[str, Any] = json.loads(result.out)
        return found

    def why(self, *args: str) -> dict[str, str]:
        """Return why each person's decision doesn't count, or `counts` if it does."""
        return {
            one["by"]: "counts" if one["counted"] and not one["why"] else one["why"]
            for one in self.verdict(*args)["approvals"]
        }


def open_site(company: Company, forge: Forge, require: str = REQUIRE) -> Site:
    """Create a site whose request changes a.py, which the senior owns."""
    company.server.git("config", "uploadpack.allowAnySHA1InWant", "true")
    company.set_policy(with_logins(company.policy(require)))
    head = company.clone("newhire").commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    forge.commits.append(("newhire@acme.example", "newbie"))
    forge.push(head)
    return Site(company, forge, company.clone("nobody", "judge"), head)


def actions(folder: Path, name: str, event: object, **more: str) -> dict[str, str]:
    """Return the variables of a GitHub Actions job."""
    path = folder / "event.json"
    path.write_text(json.dumps(event))
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": name,
        "GITHUB_EVENT_PATH": str(path),
        "GITHUB_REPOSITORY": PROJECT,
        "GITHUB_API_URL": "https://api.github.com",
        "GITHUB_TOKEN": TOKEN,
        **more,
    }
