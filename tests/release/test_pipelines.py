"""The order in which the pipelines work, and what reaches production by their own steps."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from incident.stage import SAMPLE
from machine.engines import Service
from support.shop import ENGINES, PATH, Shop, build_shop, needs
from support.waiting import until

WORKFLOWS = SAMPLE / ".github" / "workflows"
# What would run something of the candidate, or trust a file of it.
OF_A_CANDIDATE = re.compile(r"checkout|pip install|--editable|\bmake\b|python -m release|clone|\bbuild\b")


def jobs() -> dict[str, Any]:
    return dict(yaml.safe_load((WORKFLOWS / "release.yml").read_text())["jobs"])


def of_jenkins() -> list[str]:
    return re.findall(r"""sh '("\$RELEASE_HOME.*)'""", (SAMPLE / "Jenkinsfile").read_text())


def of_github() -> list[str]:
    return [
        line.strip() for job in jobs().values() for step in job["steps"] for line in step["run"].splitlines()
    ]


def test_a_deploying_job_has_nothing_of_the_candidate_but_its_id() -> None:
    for job in jobs().values():
        assert "self-hosted" in job["runs-on"]
        assert job["environment"], "GitHub keeps other branches away from its secrets"
        assert all("uses" not in step and not OF_A_CANDIDATE.search(step["run"]) for step in job["steps"])
    stages = (SAMPLE / "Jenkinsfile").read_text().split("stage('Staging')")[1]
    assert stages.count("skipDefaultCheckout()") == 2
    assert not OF_A_CANDIDATE.search(re.sub(r"//.*|skipDefaultCheckout|checked out", "", stages))


def test_the_workflows_fit_the_schema_of_github() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run(
        [*command, *map(str, WORKFLOWS.glob("*.yml"))], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert jobs()["production"]["needs"] == "staging"


@pytest.mark.slow
@pytest.mark.parametrize("commands", [of_jenkins(), of_github()], ids=["jenkins", "github"])
def test_from_main_over_staging_to_production(tmp_path: Path, commands: list[str]) -> None:
    """The agent is in a checkout whose settings say yes to everything, and which nobody asks."""
    needs(*ENGINES)
    assert len(commands) == 2
    gate = tmp_path / "gate.sh"
    gate.write_text(f"#!/bin/sh\ntest ! -e {tmp_path}/no\n")
    gate.chmod(0o755)
    shop = build_shop(tmp_path, gate=f'"{gate}"')
    home = tmp_path / "home"
    tool = home / "tool" / "bin" / "shortener-release"
    tool.parent.mkdir(parents=True)
    tool.write_text(f'#!/bin/sh\nPYTHONPATH={SAMPLE} exec {sys.executable} -P -m release "$@"\n')
    tool.chmod(0o755)
    env = {"PATH": PATH, "HOME": str(tmp_path), "LANG": "C.UTF-8", "USER": "ci", "RELEASE_HOME": str(home)}

    def build(tag: str) -> list[int]:
        revision = subprocess.run(
            ["git", "rev-parse", tag], cwd=shop.root, check=True, capture_output=True, text=True
        ).stdout.strip()
        checkout = tmp_path / "checkout"
        shutil.copytree(SAMPLE / "shortener", checkout / "shortener")
        (checkout / "release.toml").write_text('gate = ["true"]\n')
        (checkout / "release").mkdir()
        (checkout / "release" / "__init__.py").write_text("raise SystemExit(0)\n")
        codes = []
        for command in commands:
            variables = env | {"REVISION": revision, "GIT_COMMIT": revision}
            codes.append(
                subprocess.run(["sh", "-c", command], cwd=checkout, env=variables, check=False).returncode
            )
            if codes[-1]:
                break
        shutil.rmtree(checkout)
        return codes

    at_home = ("--home", str(home))
    try:
        shop.done(*at_home, "up", "version-1")
        (tmp_path / "no").touch()
        assert build("version-3") == [1]
        (tmp_path / "no").unlink()
        (home / "production" / "urls.json").write_text("{}")
        # Only production shows what is wrong with version 2.
        assert build("version-2") == [0, 1]
        assert build("version-3") == [0, 0]
        assert "Version 3" in shop.done(*at_home, "status")
        assert Service(home, "production-haproxy").pid is not None
    finally:
        shop.done(*at_home, "down")
    until(lambda: not Shop(home).left())
