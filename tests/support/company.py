"""A small company for tests: a server, people with real keys, clones of theirs, and a policy on main.

company = build_company(folder)                     # main has a policy, code owners and two files
new = company.clone("newhire")
new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
company.clone("nehemiah").gate("approve", "feature")
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.cli.main import run

PEOPLE = {
    "nehemiah": "role: senior",
    "ada": "role: senior",
    "bob": "role: member",
    "newhire": 'role: junior, senior: "@nehemiah"',
    "ci": "role: bot",
}
CODEOWNERS = "* @nehemiah\n/docs/ @bob\n/web/ @acme/web\n"
REQUIRE = """\
      owners: {stale: change}
      approvals: 1
      seniority: {authors: [junior, unknown], need: senior}
      guarded: ["@acme/guardians"]
      checks: [ok]
"""
KEYS = ("other", "second", "stranger", *PEOPLE)


def isolated(home: Path) -> dict[str, str]:
    """Return an environment that hides the git and ssh settings of the person who runs the tests."""
    inherited = {
        name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG", "VIRTUAL_ENV") if name in os.environ
    }
    environment = home / "environment"
    return {
        **inherited,
        **({"VIRTUAL_ENV": str(environment)} if environment.is_dir() else {}),
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def give_environment(home: Path) -> None:
    """Make an empty environment the active one of those with this home, whose checks run with gate's own tools.

    Each check looks at every file of the environment it runs in. The tests' own has tens of thousands.
    """
    venv.create(home / "environment", symlinks=True)


@dataclass(frozen=True)
class Result:
    """The result of a command."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Clone:
    """A working clone that belongs to a person, who commits under their own name and signs with their own key."""

    path: Path
    owner: str
    keys: Path

    def git(self, *args: str, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *args],
            cwd=self.path,
            env={**isolated(self.path.parent / "home"), **(env or {})},
            input=stdin,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, f"git {args}: {done.stderr.decode('utf-8', 'replace')}"
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def gate(self, *args: str, env: Mapping[str, str] | None = None) -> Result:
        """Run `gate ARGS` in this clone, in the test process. `env` is added to an empty environment."""
        out, err = io.StringIO(), io.StringIO()
        before = dict(os.environ)
        folder = Path.cwd()
        try:
            os.environ.clear()
            os.environ.update({**isolated(self.path.parent / "home"), **(env or {})})
            os.chdir(self.path)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = run(list(args))
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(before)
        assert "internal error" not in err.getvalue(), err.getvalue()
        return Result(code, out.getvalue(), err.getvalue())

    def gate_process(self, *args: str, env: Mapping[str, str] | None = None) -> Result:
        """Run `gate ARGS` in this clone as a separate process."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gate", *args],
            cwd=self.path,
            env={**isolated(self.path.parent / "home"), **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(
        self,
        message: str,
        files: Mapping[str, str | bytes],
        *,
        branch: str = "",
        author: str = "",
        push: bool = True,
    ) -> str:
        """Commit files and push, on a new branch from `origin/main` if the branch doesn't exist yet."""
        if branch:
            self.fetch()
            known = self.git("branch", "--list", branch)
            self.git(
                *(["checkout", "-q", branch] if known else ["checkout", "-q", "-b", branch, "origin/main"])
            )
        self.write(files)
        self.git("add", "-A")
        options = ("-c", f"user.name={author}", "-c", f"user.email={author}@acme.example") if author else ()
        self.git(*options, "commit", "-q", "-m", message)
        if push:
            self.git("push", "-q", "-f", "origin", "HEAD")
        return self.git("rev-parse", "HEAD")

    def fetch(self) -> None:
        self.git("fetch", "-q", "origin")

    def key(self, name: str) -> str:
        return str(self.keys / name)

    def approve(self, rev: str, *args: str) -> Result:
        """Fetch and approve, as a reviewer does. Fails unless that succeeds."""
        self.fetch()
        result = self.gate("approve", rev, *args)
        assert result.code == 0, result.text
        return result

    def decisions(self, rev: str, *args: str) -> list[dict[str, Any]]:
        result = self.gate("approvals", rev, "--format", "json", *args)
        assert result.code == 0, result.text
        found: list[dict[str, Any]] = json.loads(result.out)
        return found

    def verdict(self, rev: str, *args: str) -> dict[str, Any]:
        result = self.gate("check", "--head", rev, "--format", "json", *args)
        assert result.out, result.err
        found: dict[str, Any] = json.loads(result.out)
        return found

    def may_merge(self, rev: str, *args: str) -> bool:
        """Return whether the change may merge, according to gate's exit code alone."""
        return self.gate("check", "--head", rev, *args).code == 0

    def log(self) -> list[str]:
        """Return the files of this clone's approval log."""
        return self.git("ls-tree", "-r", "--name-only", "refs/gate/log").splitlines()


@dataclass(frozen=True)
class Company:
    """The server, keys, and clones, all below one folder."""

    path: Path

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def server(self) -> Clone:
        return Clone(self.path / "server.git", "nobody", self.keys)

    def clone(self, owner: str, name: str = "") -> Clone:
        """Return a person's clone, which is created on first use."""
        path = self.path / (name or owner)
        clone = Clone(path, owner, self.keys)
        if not path.exists():
            Clone(self.path, owner, self.keys).git("clone", "-q", str(self.path / "server.git"), str(path))
            clone.git("config", "user.name", owner)
            clone.git("config", "user.email", f"{owner}@acme.example")
            clone.git("config", "user.signingkey", str(self.keys / owner))
            clone.git("config", "gpg.format", "ssh")
        return clone

    def public(self, name: str) -> str:
        return (self.keys / f"{name}.pub").read_text().strip()

    def policy(
        self, require: str = REQUIRE, *, keys: Mapping[str, list[str]] | None = None, more: str = ""
    ) -> str:
        """Return a gate.yaml. `keys` replaces the key lines of people."""
        people = []
        for name, what in PEOPLE.items():
            lines = (keys or {}).get(name, [self.public(name)])
            listed = ", ".join(f"'{line}'" for line in lines)
            people.append(f'  "@{name}": {{{what}, emails: [{name}@acme.example], keys: [{listed}]}}\n')
        return (
            "version: 1\nrepository: acme/shortener\nprotect:\n  main:\n    require:\n"
            + require
            + "people:\n"
            + "".join(people)
            + 'teams:\n  "@acme/guardians": ["@nehemiah", "@ada"]\n  "@acme/web": ["@bob", "@ada"]\n'
            + 'checks:\n  ok: {command: ["true"], report: none}\n'
            + more
        )

    def set_policy(self, text: str) -> None:
        """Put another policy on main without gate, as the company's initial state."""
        clone = self.clone("nobody", "setup")
        clone.fetch()
        clone.git("checkout", "-q", "-B", "main", "origin/main")
        clone.write({"gate.yaml": text})
        clone.git("add", "-A")
        clone.git("commit", "-q", "-m", "policy", "--allow-empty")
        clone.git("push", "-q", "origin", "main")


def build_company(path: Path, object_format: str = "sha1") -> Company:
    """Create a company with its server and policy."""
    company = Company(path)
    (path / "home").mkdir(parents=True)
    give_environment(path / "home")
    company.keys.mkdir()
    for name in KEYS:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(company.keys / name)]
        subprocess.run(command, check=True, env=isolated(path / "home"))
    new = ("init", "-q", f"--object-format={object_format}", "-b", "main")
    Clone(path, "nobody", company.keys).git(*new, "--bare", "server.git")
    first = Clone(path / "first", "nobody", company.keys)
    first.path.mkdir()
    first.git(*new)
    first.git("config", "user.name", "founder")
    first.git("config", "user.email", "founder@acme.example")
    files = {
        "gate.yaml": company.policy(),
        ".github/CODEOWNERS": CODEOWNERS,
        "a.py": "x = 1\n",
        "b.py": "y = 1\n",
        "docs/index.md": "# Docs\n",
        "web/page.py": "z = 1\n",
    }
    first.write(files)
    first.git("add", "-A")
    first.git("commit", "-q", "-m", "start")
    first.git("push", "-q", str(path / "server.git"), "main")
    shutil.rmtree(first.path)
    return company


def copy_company(template: Company, path: Path) -> Company:
    """Copy a company, so that a test has its own."""
    shutil.copytree(template.path, path, symlinks=True)
    return Company(path)


def killing(folder: Path, program: str, at: int, when: str) -> dict[str, str]:
    """Return an environment in which call number `at` of `program` kills its caller, before or after its work."""
    wrapper = folder / f"kill-{at}"
    wrapper.mkdir()
    real = shutil.which(program)
    counter = wrapper / "count"
    work = f'{real} "$@"\n' if when == "after" else ""
    script = wrapper / program
    script.write_text(
        f'#!/bin/sh\necho x >> "{counter}"\n'
        f'if [ "$(wc -l < "{counter}")" -eq {at} ]; then\n{work}kill -KILL $PPID\nexit 1\nfi\n'
        f'exec {real} "$@"\n'
    )
    script.chmod(0o755)
    return {"PATH": f"{wrapper}{os.pathsep}{os.environ['PATH']}"}
