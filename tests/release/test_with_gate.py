"""The release tool with the real gate: from main over staging to production, and back, all of it recorded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.company import isolated
from support.shop import ENGINES, Shop, build_shop, needs
from support.waiting import until

pytestmark = pytest.mark.slow

POLICY = """\
version: 1
repository: acme/shortener
protect:
  main: {{require: {{owners: false, approvals: 1, checks: []}}}}
  staging: {{kind: environment, require: {{passed: [main]}}}}
  production: {{kind: environment, require: {{passed: [main, staging], soaked: {soaked}, budget: {budget}}}}}
prometheus: {prometheus}
people:
  "@ada": {{role: senior, emails: [ada@acme.example], keys: ["{ada}"]}}
  "@bob": {{emails: [bob@acme.example]}}
  "@cyd": {{emails: [cyd@acme.example], keys: ["{cyd}"]}}
"""
NO_SOAKING = "false"
SOAKING = "{in: staging, for: 10s}"
NO_BUDGET = "false"
NOWHERE = "http://127.0.0.1:9"
BUDGET = "{downtime: 'sum(slo:downtime:seconds{environment=\"production\"})'}"


class Company:
    """A shop whose main is protected. Bob writes; ada approves, merges and releases; cyd reads what she has merged."""

    def __init__(self, folder: Path) -> None:
        self.policies = 0
        self.keys = {name: folder / name for name in ("ada", "cyd")}
        for key in self.keys.values():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        self.shop: Shop = build_shop(
            folder, gate=f'"{sys.executable}", "-P", "-m", "gate"', prepare=self._first_policy
        )
        self.root = self.shop.root
        for name, value in (
            ("user.name", "ada"),
            ("user.email", "ada@acme.example"),
            ("gpg.format", "ssh"),
            ("user.signingkey", str(self.keys["ada"])),
        ):
            self.git("config", name, value)
        # What was pushed to main since then bypassed gate.
        self.git("checkout", "-q", "-B", "main", "version-1")

    def _first_policy(self, root: Path) -> None:
        (root / "gate.yaml").write_text(self._policy(NO_BUDGET, NOWHERE, NO_SOAKING))

    def _policy(self, budget: str, prometheus: str, soaked: str) -> str:
        public = {name: key.with_suffix(".pub").read_text().strip() for name, key in self.keys.items()}
        return POLICY.format(budget=budget, prometheus=prometheus, soaked=soaked, **public)

    def git(self, *arguments: str) -> str:
        env = isolated(self.root.parent)
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env=env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def gate(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-P", "-m", "gate", *arguments]
        env = isolated(self.root.parent)
        return subprocess.run(argv, cwd=self.root, env=env, check=False, capture_output=True, text=True)

    def set_policy(self, budget: str, prometheus: str, soaked: str = NO_SOAKING) -> None:
        """Change it, checked by gate."""
        text = self._policy(budget, prometheus, soaked)
        self.policies += 1
        self.write(f"policy-{self.policies}", {"gate.yaml": text})
        self.merge(f"policy-{self.policies}")

    def write(self, name: str, files: dict[str, str] | None = None) -> str:
        """A branch of bob's."""
        self.git("checkout", "-q", "-b", name, "main")
        for path, text in (files or {f"{name}.md": f"{name}\n"}).items():
            (self.root / path).write_text(text)
            self.git("add", path)
        self.git("-c", "user.name=bob", "-c", "user.email=bob@acme.example", "commit", "-q", "-m", name)
        self.git("checkout", "-q", "main")
        return self.git("rev-parse", name)

    def merge(self, name: str) -> str:
        """Approved and merged by ada."""
        for arguments in (("approve", name), ("merge", name)):
            result = self.gate(*arguments)
            assert result.returncode == 0, result.stdout + result.stderr
        return self.git("rev-parse", "main")

    def recorded(self, environment: str) -> list[str]:
        """The commits that the log has for an environment."""
        listed = self.git("ls-tree", "-r", "--name-only", "refs/gate/log").splitlines()
        records = [
            self.git("show", f"refs/gate/log:{name}")
            for name in listed
            if name.startswith("records/") and name.endswith(".json")
        ]
        found = [json.loads(record) for record in records]
        into = f"refs/environments/{environment}"
        return [
            record["head"] for record in sorted(found, key=lambda one: one["at"]) if record["into"] == into
        ]


def test_each_step_needs_the_one_before_and_is_recorded(tmp_path: Path) -> None:
    needs(*ENGINES)
    company = Company(tmp_path)
    shop = company.shop
    company.write("one")
    first = company.merge("one")
    try:
        shop.done("up", "main")
        assert company.recorded("staging") == company.recorded("production") == [first]

        company.set_policy(NO_BUDGET, NOWHERE, SOAKING)
        unmerged = company.write("two")
        result = shop.release("deploy", unmerged, "--into", "staging")
        assert result.code == 1
        assert "main was never at this commit" in result.text
        second = company.merge("two")
        # No time brings that.
        result = shop.release("deploy", "main", "--into", "production", "--wait", "1000")
        assert result.code == 1
        assert "no record that it was released into staging" in result.text
        shop.done("deploy", "main", "--into", "staging")
        shop.done("deploy", "main", "--into", "production", "--wait", "10")
        assert company.recorded("production") == [first, second]

        shop.release("rollback", "--into", "production")
        assert company.recorded("production") == [first, second, first], "the way back is recorded too"

        # With the budget used up nothing goes out, by what the real Prometheus has measured.
        company.set_policy(
            BUDGET.replace("{downtime", "{minutes: 0, downtime"), f"http://127.0.0.1:{shop.prometheus()}"
        )
        # Prometheus has just been started, and has not seen anything yet.
        until(lambda: company.gate("budget").returncode != 3)
        result = shop.release("deploy", second, "--into", "production")
        assert result.code == 1
        assert "frozen:" in " ".join(result.text.split())
        company.set_policy(BUDGET, f"http://127.0.0.1:{shop.prometheus()}")
        # What was rolled back goes out again only if somebody who has no part in it approves that.
        result = shop.release("deploy", second, "--into", "production")
        assert (result.code, "rolled-back is not met" in result.text) == (1, True)
        words = ("--into", "production", "--key", str(company.keys["cyd"]), "--yes")
        approved = company.gate("approve", second, *words)
        assert approved.returncode == 0, approved.stdout + approved.stderr
        shop.done("deploy", second, "--into", "production")
        assert "minutes of downtime used" in company.gate("budget").stdout
    finally:
        shop.done("down")
    until(lambda: not shop.left())
