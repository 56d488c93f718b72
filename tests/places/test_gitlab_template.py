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
from support.company import Clone, Company, isolated
from support.forge import PROJECT, serving
from support.impostors import IMPOSTORS
from support.site import open_site, with_logins
from support.this_repository import ROOT, registry_settings

from gate.app.setup.integrations import files_of
from gate.app.setup.observed import observe

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
TEMPLATE = ROOT / "templates" / "gitlab-ci.yml"


@pytest.fixture
def job(company: Company) -> Clone:
    """A clone as a runner makes it, of a repository with a request of bob's."""
    company.set_policy(company.policy("      owners: false\n      approvals: 1\n      checks: [lint]\n"))
    company.clone("bob").commit("v2", {"good.py": "x = 1\n"}, branch="feature")
    return company.clone("runner")


def run_job(
    company: Company, job: Clone, variables: Mapping[str, str], *, install: bool = False
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
        **isolated(company.path / "home"),
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


def test_a_request_is_blocked_and_the_artifacts_say_why_then_approved(company: Company, job: Clone) -> None:
    code, result = run_job(company, job, of_request(job, GATE_PACKAGE=str(ROOT)), install=True)
    assert code == 1, result
    template = yaml.safe_load(TEMPLATE.read_text())
    reports = template[".gate"]["artifacts"]
    for path in (*reports["paths"], *reports["reports"].values()):
        assert (job.path / path).stat().st_size > 0
    issues = json.loads((job.path / reports["reports"]["codequality"]).read_text())
    assert any(issue["severity"] == "blocker" for issue in issues)
    company.clone("ada").approve("origin/feature")
    code, result = run_job(company, job, of_request(job, GATE_PACKAGE=str(ROOT)), install=True)
    assert code == 0, result


@pytest.mark.attack(29, "add a package named `gate`")
def test_what_a_change_brings_along_is_not_taken_for_gate(company: Company, job: Clone) -> None:
    company.clone("bob", "again").commit("v3", IMPOSTORS, branch="feature")
    job.fetch()
    job.git("checkout", "-q", "--detach", "origin/feature")
    code, result = run_job(company, job, of_request(job, GATE_PACKAGE=str(ROOT)), install=True)
    assert code == 1, result
    assert "approvals" in result
    assert not [*company.path.rglob("pwned")]


def test_of_a_merged_result_the_head_of_the_request_is_asked_about(company: Company, job: Clone) -> None:
    company.clone("ada").approve("origin/feature")
    head = job.git("rev-parse", "origin/feature")
    variables = of_request(job, "merged_result", CI_MERGE_REQUEST_SOURCE_BRANCH_SHA=head)
    variables["CI_COMMIT_SHA"] = job.git("commit-tree", f"{head}^{{tree}}", "-p", head, "-m", "GitLab's own")
    code, result = run_job(company, job, variables)
    assert code == 0, result
    assert json.loads((job.path / ".gate" / "gate.json").read_text())["change"]["head"] == head


def test_a_merge_train_is_held_against_its_own_base(company: Company, job: Clone) -> None:
    company.clone("ada").approve("origin/feature")
    base = job.git("rev-parse", "origin/main")
    job.git("checkout", "-q", "--detach", "origin/main")
    job.git("merge", "-q", "--no-ff", "--no-edit", "origin/feature")
    train = of_request(job, "merge_train", CI_MERGE_REQUEST_TARGET_BRANCH_SHA=base)
    code, result = run_job(company, job, {**train, "CI_COMMIT_SHA": job.git("rev-parse", "HEAD")})
    assert code == 0, result
    assert json.loads((job.path / ".gate" / "gate.json").read_text())["change"]["base"] == base


def pushed(company: Company, job: Clone, before: str) -> tuple[int, str]:
    push = {"CI_COMMIT_BRANCH": "main", "CI_COMMIT_SHA": company.server.git("rev-parse", "main")}
    job.fetch()
    return run_job(company, job, {**push, "CI_COMMIT_BEFORE_SHA": before})


def test_a_push_past_the_gate_is_found_out(company: Company, job: Clone) -> None:
    before = job.git("rev-parse", "origin/main")
    job.git("push", "-q", "origin", "origin/feature:refs/heads/main")
    code, result = pushed(company, job, before)
    assert code == 1, result


def test_a_push_by_gate_passes(company: Company, job: Clone) -> None:
    before = job.git("rev-parse", "origin/main")
    ada = company.clone("ada")
    ada.approve("origin/feature")
    assert ada.gate("merge", "origin/feature", "--push").code == 0
    code, result = pushed(company, job, before)
    assert code == 0, result


def test_a_merge_by_button_is_recorded_with_its_approvals_and_then_verified(company: Company) -> None:
    with serving("gitlab") as forge:
        site = open_site(company, forge)
        policy = with_logins(company.policy("      approvals: 1\n      owners: false\n      checks: [ok]\n"))
        company.set_policy(policy.replace("role: bot,", "role: bot, records: true,"))
        site.rebase()
        forge.approve("nmonrose")
        before = company.server.git("rev-parse", "main")
        button = company.clone("nobody", "button")
        button.git("checkout", "-q", "-B", "main", "origin/main")
        button.git("merge", "-q", "--no-ff", "-m", "Merge branch 'feature' into 'main'", site.head)
        button.git("push", "-q", "origin", "main")
        forge.merge, forge.state = button.git("rev-parse", "HEAD"), "merged"
        variables = {
            **forge.env,
            "CI_COMMIT_BRANCH": "main",
            "CI_COMMIT_SHA": forge.merge,
            "CI_COMMIT_BEFORE_SHA": before,
            "CI_PROJECT_PATH": PROJECT,
        }
        runner = company.clone("runner")
        assert run_job(company, runner, variables)[0] == 1
        code, result = run_job(company, runner, {**variables, "GATE_KEY": str(company.keys / "ci")})
        assert code == 0, result
        assert "Recorded the approval of nmonrose" in result
        assert "checks passed, recorded by @ci" in result


def test_the_pipeline_that_records_is_not_cancelled_by_the_next_push() -> None:
    *_, after_push = yaml.safe_load(TEMPLATE.read_text())[".gate"]["rules"]
    assert '"push"' in after_push["if"]
    assert after_push["interruptible"] is False


def test_a_server_that_does_not_answer_is_no_pass(company: Company, job: Clone) -> None:
    variables = of_request(job)
    company.server.path.rename(company.path / "gone.git")
    assert run_job(company, job, variables)[0] == 3


def test_more_arguments(company: Company, job: Clone) -> None:
    code, result = run_job(company, job, of_request(job, GATE_ARGUMENTS="--only lint"))
    assert "Partial run (`--only lint`)" in result, result
    assert code == 1


def test_the_shards_of_a_request_are_joined(company: Company, job: Clone) -> None:
    jobs = yaml.safe_load(files_of("gitlab", observe(job.path), 2)[".gitlab-ci.yml"])
    arguments = jobs["gate-shard"]["variables"]["GATE_ARGUMENTS"]
    for number in ("1", "2"):
        own = arguments.replace("$CI_NODE_INDEX", number).replace("$CI_NODE_TOTAL", "2")
        code, result = run_job(company, job, of_request(job, GATE_ARGUMENTS=own))
        assert code in {0, *jobs["gate-shard"]["allow_failure"]["exit_codes"]}, result
    joined = jobs["gate"]["variables"]["GATE_ARGUMENTS"]
    code, result = run_job(company, job, of_request(job, GATE_ARGUMENTS=joined))
    assert (code, "may be unsigned" in result) == (1, True), result
    (job.path / ".gate-parts" / "1.json").unlink()
    code, result = run_job(company, job, of_request(job, GATE_ARGUMENTS=joined))
    assert (code, "the part of shard 1 of 2 is missing" in result) == (3, True), result


def test_template_and_documentation_keep_to_gitlabs_schema(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "gitlab.md").read_text(), re.DOTALL)
    copied = tmp_path / "gitlab-ci.yml"
    copied.write_text(example)
    options = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    command = [str(BIN / "check-jsonschema"), *options, str(TEMPLATE), str(copied)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
