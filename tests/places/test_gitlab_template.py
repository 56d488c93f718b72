"""The template for GitLab: valid by GitLab's schema, and its scripts executed as a runner would."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from support.impostors import IMPOSTORS
from support.this_repository import ROOT, registry_settings
from support.town import Clone, Town, isolated

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
TEMPLATE = ROOT / "templates" / "gitlab-ci.yml"


@pytest.fixture
def job(town: Town) -> Clone:
    """A clone as a runner makes it, of a repository with a request of bob's."""
    town.set_policy(town.policy("      owners: false\n      approvals: 1\n      checks: [lint]\n"))
    town.clone("bob").commit("v2", {"good.py": "x = 1\n"}, branch="feature")
    return town.clone("runner")


def run_job(
    town: Town, job: Clone, variables: Mapping[str, str], *, install: bool = False
) -> tuple[int, str]:
    """Run the job's scripts in one shell; without `install` gate is the one that these tests run with."""
    template = yaml.safe_load(TEMPLATE.read_text())
    settings = {name: given["value"] for name, given in template["variables"].items()}
    lines = template[".gate"]["script"]
    if install:
        lines = [*template[".gate"]["before_script"], *lines]
    else:
        lines = [f"gate={BIN.parent}", "mkdir -p .gate", *lines]
    env = {
        **isolated(town.path / "home"),
        **registry_settings(),
        **settings,
        **variables,
        "GITLAB_CI": "true",
    }
    env["PATH"] = f"{BIN}:{env['PATH']}"
    if install:
        del env["PYTHONPATH"]
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(lines)], cwd=job.path, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stdout, done.stdout
    return done.returncode, done.stdout


def of_request(job: Clone, kind: str = "detached", **more: str) -> dict[str, str]:
    return {
        "CI_MERGE_REQUEST_EVENT_TYPE": kind,
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_COMMIT_SHA": job.git("rev-parse", "origin/feature"),
        "CI_COMMIT_BEFORE_SHA": "0" * 40,
        **more,
    }


def test_a_request_is_blocked_and_the_artifacts_say_why_then_approved(town: Town, job: Clone) -> None:
    code, said = run_job(town, job, of_request(job, GATE_PACKAGE=str(ROOT)), install=True)
    assert code == 1, said
    template = yaml.safe_load(TEMPLATE.read_text())
    reports = template[".gate"]["artifacts"]
    for path in (*reports["paths"], *reports["reports"].values()):
        assert (job.path / path).stat().st_size > 0
    issues = json.loads((job.path / reports["reports"]["codequality"]).read_text())
    assert any(issue["severity"] == "blocker" for issue in issues)
    town.clone("ada").approve("origin/feature")
    code, said = run_job(town, job, of_request(job, GATE_PACKAGE=str(ROOT)), install=True)
    assert code == 0, said


@pytest.mark.attack(29)
def test_what_a_change_brings_along_is_not_taken_for_gate(town: Town, job: Clone) -> None:
    town.clone("bob", "again").commit("v3", IMPOSTORS, branch="feature")
    job.fetch()
    job.git("checkout", "-q", "--detach", "origin/feature")
    code, said = run_job(town, job, of_request(job, GATE_PACKAGE=str(ROOT)), install=True)
    assert code == 1, said
    assert "approvals" in said
    assert not [*town.path.rglob("pwned")]


def test_of_a_merged_result_the_head_of_the_request_is_asked_about(town: Town, job: Clone) -> None:
    town.clone("ada").approve("origin/feature")
    head = job.git("rev-parse", "origin/feature")
    variables = of_request(job, "merged_result", CI_MERGE_REQUEST_SOURCE_BRANCH_SHA=head)
    variables["CI_COMMIT_SHA"] = job.git("commit-tree", f"{head}^{{tree}}", "-p", head, "-m", "GitLab's own")
    code, said = run_job(town, job, variables)
    assert code == 0, said
    assert json.loads((job.path / ".gate" / "gate.json").read_text())["change"]["head"] == head


def test_a_merge_train_is_held_against_its_own_base(town: Town, job: Clone) -> None:
    town.clone("ada").approve("origin/feature")
    base = job.git("rev-parse", "origin/main")
    job.git("checkout", "-q", "--detach", "origin/main")
    job.git("merge", "-q", "--no-ff", "--no-edit", "origin/feature")
    train = of_request(job, "merge_train", CI_MERGE_REQUEST_TARGET_BRANCH_SHA=base)
    code, said = run_job(town, job, {**train, "CI_COMMIT_SHA": job.git("rev-parse", "HEAD")})
    assert code == 0, said
    assert json.loads((job.path / ".gate" / "gate.json").read_text())["change"]["base"] == base


def pushed(town: Town, job: Clone, before: str) -> tuple[int, str]:
    push = {"CI_COMMIT_BRANCH": "main", "CI_COMMIT_SHA": town.server.git("rev-parse", "main")}
    job.fetch()
    return run_job(town, job, {**push, "CI_COMMIT_BEFORE_SHA": before})


def test_a_push_past_the_gate_is_found_out(town: Town, job: Clone) -> None:
    before = job.git("rev-parse", "origin/main")
    job.git("push", "-q", "origin", "origin/feature:refs/heads/main")
    code, said = pushed(town, job, before)
    assert code == 1, said


def test_a_push_by_gate_passes(town: Town, job: Clone) -> None:
    before = job.git("rev-parse", "origin/main")
    ada = town.clone("ada")
    ada.approve("origin/feature")
    assert ada.gate("merge", "origin/feature", "--push").code == 0
    code, said = pushed(town, job, before)
    assert code == 0, said


def test_a_server_that_does_not_answer_is_no_pass(town: Town, job: Clone) -> None:
    variables = of_request(job)
    town.server.path.rename(town.path / "gone.git")
    assert run_job(town, job, variables)[0] == 3


def test_more_arguments(town: Town, job: Clone) -> None:
    code, said = run_job(town, job, of_request(job, GATE_ARGUMENTS="--only lint"))
    assert "Partial run (`--only lint`)" in said, said
    assert code == 1


def test_template_and_documentation_keep_to_gitlabs_schema(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "gitlab.md").read_text(), re.DOTALL)
    copied = tmp_path / "gitlab-ci.yml"
    copied.write_text(example)
    options = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    command = [str(BIN / "check-jsonschema"), *options, str(TEMPLATE), str(copied)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
