"""`gate init --github`, --gitlab, --jenkins and --bare: what they write is valid, safe, and fits the project."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.asking import at_terminal
from support.company import Clone, Company, isolated
from support.forge import serving
from support.git_http import serving_git
from support.site import actions, open_site, with_logins

from gate.app.setup.integrations import files_of
from gate.app.setup.observed import observe
from gate.policy.load import load_policy
from gate.policy.types import ApprovalRule

BIN = Path(sys.executable).parent
WORKFLOW, RECORDING = ".github/workflows/gate.yml", ".github/workflows/gate-record.yml"
PROJECTS = {
    "uv": {"pyproject.toml": "[project]\nname = 'x'\nversion = '1'\n", "uv.lock": "version = 1\n"},
    "poetry": {"pyproject.toml": "[tool.poetry]\nname = 'x'\n", "poetry.lock": "\n"},
    "pip": {"requirements.txt": "flask\n"},
    "setuptools": {"setup.py": "from setuptools import setup\nsetup()\n"},
    "none": {},
}


@pytest.fixture
def hosted(project: Clone) -> Clone:
    project.git("remote", "add", "origin", "git@github.com:acme/shop.git")
    return project


def tool(name: str, *args: str) -> None:
    done = subprocess.run([str(BIN / name), *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_workflow_is_valid_and_safe_for_every_kind_of_project(hosted: Clone, tmp_path: Path) -> None:
    written = []
    for kind, files in PROJECTS.items():
        hosted.write(files)
        hosted.git("add", "-A")
        assert hosted.gate("init", "--github").code == 0
        lock = next((name for name in files if name.endswith((".lock", ".txt"))), next(iter(files), ""))
        for path in (WORKFLOW, RECORDING):
            text = (hosted.path / path).read_text()
            assert (f"hashFiles('{lock}')" in text) == bool(lock), kind
            assert all(
                re.search(r"@[0-9a-f]{40} # v\d", line) for line in text.splitlines() if "uses:" in line
            )
            written.append(tmp_path / f"{kind}-{Path(path).name}")
            written[-1].write_text(text)
        hosted.git("reset", "-q", "--hard")
        hosted.git("clean", "-fdq")
    tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, written))
    tool("zizmor", "--offline", "--quiet", "--persona=pedantic", *map(str, written))


@pytest.mark.slow
def test_workflows_with_shards_are_valid_and_safe(hosted: Clone, tmp_path: Path) -> None:
    assert hosted.gate("init", "--github", "--shards", "3").code == 0
    workflow = hosted.path / WORKFLOW
    tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(workflow))
    tool("zizmor", "--offline", "--quiet", "--persona=pedantic", str(workflow))
    jobs = yaml.safe_load(workflow.read_text())["jobs"]
    assert jobs["shard"]["strategy"]["matrix"]["shard"] == [1, 2, 3]
    # GitHub counts a job that is skipped as passed, so the one that is required always runs.
    assert (jobs["gate"]["needs"], jobs["gate"]["if"]) == ("shard", "${{ always() }}")
    pipeline = tmp_path / "gitlab-ci.yml"
    pipeline.write_text(files_of("gitlab", observe(hosted.path), 3)[".gitlab-ci.yml"])
    options = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    tool("check-jsonschema", *options, str(pipeline))
    assert yaml.safe_load(pipeline.read_text())["gate-shard"]["parallel"] == 3
    jenkinsfile = files_of("jenkins", observe(hosted.path), 3)["Jenkinsfile"]
    assert "values '1', '2', '3'" in jenkinsfile
    assert "@" not in re.sub(r"@Library\('gate'\) _", "", jenkinsfile)


def test_shards_need_a_ci_with_jobs_and_a_number_of_them(hosted: Clone) -> None:
    for arguments in (("--shards", "3"), ("--bare", "--shards", "3")):
        assert "--shards needs --github" in hosted.gate("init", *arguments).err
    for count in ("1", "0", "-1", "101"):
        assert "expected a number from 2 to 100" in hosted.gate("init", "--github", "--shards", count).err
    assert list(hosted.path.glob("**/gate.yml")) == []


@pytest.mark.slow
def test_the_shards_of_the_workflow_are_joined(company: Company, tmp_path: Path) -> None:
    """Each shard runs in a clone of its own, as on a machine of its own."""
    workflow = yaml.safe_load(files_of("github", observe(company.clone("ada").path), 2)[WORKFLOW])
    shard, decide = (
        next(step["run"] for step in workflow["jobs"][job]["steps"] if step["name"] == name)
        for job, name in (("shard", "Run a shard of the checks"), ("gate", "Decide"))
    )
    new = company.clone("newhire")
    head = new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    company.clone("nehemiah").approve("origin/feature")
    gate = tmp_path / "gate" / "bin" / "gate"
    gate.parent.mkdir(parents=True)
    gate.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m gate "$@"\n')
    gate.chmod(0o755)
    env = {"INTO": "main", "HEAD": head, "BASE": "", "RUNNER_TEMP": str(tmp_path)}
    (tmp_path / "parts").mkdir()
    decide = decide.replace("--reviews auto", "").replace("--format github", "--format text")
    for number in (1, 2):
        runner = company.clone("nobody", f"runner{number}")
        runner.git(
            "fetch",
            "-q",
            "origin",
            "+refs/heads/*:refs/remotes/origin/*",
            "+refs/gate/log*:refs/gate/remotes/origin/log*",
        )
        run_step(runner, shard, {**env, "SHARD": str(number)})
        part = tmp_path / f"part-{number}.json"
        if number == 2:
            with pytest.raises(AssertionError, match="part of shard 2 of 2 is missing"):
                run_step(runner, decide, env)
        part.rename(tmp_path / "parts" / part.name)
    assert "--unsigned" in run_step(runner, decide, env)


@pytest.mark.slow
def test_a_review_takes_the_results_of_an_earlier_run_for_the_same_commit(
    company: Company, tmp_path: Path
) -> None:
    """Each run is in a clone of its own. The folder with the results is what the artifact brings."""
    steps = yaml.safe_load(files_of("github", observe(company.clone("ada").path))[WORKFLOW])["jobs"]["gate"][
        "steps"
    ]
    named = {step["name"]: step for step in steps}
    decide = named["Decide"]["run"].replace("--reviews auto", "").replace("--format github", "--format json")
    assert named["Decide"]["env"]["GATE_COMMIT_CACHE"] == "${{ runner.temp }}/results"
    get, keep = named["Get its results"], named["Keep the results for later runs for this commit"]
    assert get["with"]["path"] == keep["with"]["path"] == "${{ runner.temp }}/results"
    assert (
        get["with"]["name"]
        == keep["with"]["name"]
        == "gate-results-${{ github.event.pull_request.head.sha }}"
    )
    gate = tmp_path / "gate" / "bin" / "gate"
    gate.parent.mkdir(parents=True)
    gate.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m gate "$@"\n')
    gate.chmod(0o755)
    new = company.clone("newhire")
    first = new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    new.git("commit", "-q", "--allow-empty", "-m", "The same files")
    new.git("push", "-q", "origin", "HEAD:feature")
    second = new.git("rev-parse", "HEAD")
    company.clone("nehemiah").approve("origin/feature")
    temporary = {"RUNNER_TEMP": str(tmp_path), "GATE_COMMIT_CACHE": str(tmp_path / "results")}

    def cached(name: str, head: str) -> set[bool]:
        runner = company.clone("nobody", name)
        refs = ("+refs/heads/*:refs/remotes/origin/*", "+refs/gate/log*:refs/gate/remotes/origin/log*")
        runner.git("fetch", "-q", "origin", *refs)
        verdict = json.loads(
            run_step(runner, decide, {"INTO": "main", "HEAD": head, "BASE": "", **temporary})
        )
        return {check["cached"] for check in verdict["checks"] if check["outcome"] != "empty"}

    assert cached("push", first) == {False}
    assert cached("review", first) == {True}
    # The code of one commit can write anything into the results of its own run, but not into those of another commit.
    assert cached("next-push", second) == {False}


@pytest.mark.slow
def test_the_steps_of_the_workflow_reach_the_log_and_quote_what_strangers_name(
    company: Company, tmp_path: Path
) -> None:
    clone = company.clone("nehemiah")
    clone.git("rm", "-q", "gate.yaml")
    assert clone.gate("init", "--github").code == 0
    steps = yaml.safe_load((clone.path / WORKFLOW).read_text())["jobs"]["gate"]["steps"]
    scripts = {step["name"]: step["run"] for step in steps if "run" in step}
    new = company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    clone.git("fetch", "-q")
    env = {"TOKEN": "t", "GITHUB_SERVER_URL": "https://github.com", "RUNNER_TEMP": str(tmp_path)}
    fetch = scripts["Fetch the target branch and the approval log"]
    run_step(new, fetch, env)
    assert clone.gate("approve", "origin/feature").code == 0
    run_step(new, fetch, env)
    assert new.git("rev-parse", "refs/gate/remotes/origin/log") == clone.git("rev-parse", "refs/gate/log")
    stub = tmp_path / "gate" / "bin" / "gate"
    stub.parent.mkdir(parents=True)
    stub.write_text('#!/bin/sh\nprintf "<%s>" "$@"\n')
    stub.chmod(0o755)
    hostile = {**env, "INTO": "refs/heads/a;$(touch hacked) b", "HEAD": "abc", "BASE": ""}
    result = run_step(new, scripts["Decide"], hostile)
    assert "<--into><a;$(touch hacked) b><--head><abc><--reviews>" in result
    assert not (new.path / "hacked").exists()


@pytest.mark.slow
def test_the_recording_workflow_signs_what_was_reviewed_and_merged_on_github(
    company: Company, tmp_path: Path
) -> None:
    with serving("github") as forge:
        site = open_site(company, forge)
        policy = with_logins(company.policy()).replace("role: bot,", "role: bot, records: true,")
        company.set_policy(policy)
        workflow = yaml.safe_load(files_of("github", observe(company.clone("ada").path))[RECORDING])
        steps = workflow["jobs"]["record"]["steps"]
        scripts = {step["name"]: step["run"] for step in steps if "run" in step}
        gate = tmp_path / "gate" / "bin" / "gate"
        gate.parent.mkdir(parents=True)
        gate.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m gate "$@"\n')
        gate.chmod(0o755)
        forge.approve("nmonrose")
        runner = company.clone("nobody", "runner")
        runner.fetch()
        runner.git("checkout", "-q", "-B", "main", "origin/main")
        before = runner.git("rev-parse", "HEAD")
        runner.git("merge", "-q", "--no-ff", "-m", "Merge pull request #12", site.head)
        runner.git("push", "-q", "origin", "main")
        forge.merge, forge.state = runner.git("rev-parse", "HEAD"), "closed"
        env = actions(tmp_path, "push", {"before": before, "after": forge.merge}) | forge.env
        env |= {"GITHUB_SERVER_URL": "https://github.com", "RUNNER_TEMP": str(tmp_path), "TOKEN": "t"}
        env |= {"INTO": "main", "BEFORE": before, "GITHUB_SHA": forge.merge}
        run_step(runner, scripts["Fetch the target branch and the approval log"], env)
        run_step(runner, scripts["Run the checks"], env)
        key = (company.keys / "ci").read_text()
        with serving_git(company, "x-access-token", env["GITHUB_TOKEN"]) as address:
            # A server that wants a password for everything, as GitHub does for a private repository.
            runner.git("remote", "set-url", "origin", address)
            result = run_step(runner, scripts["Record the reviews and the merges"], {**env, "KEY": key})
    assert "Recorded the approval of nmonrose" in result
    assert "checks passed, recorded by @ci" in result
    ada = company.clone("ada")
    ada.fetch()
    audited = ada.gate("audit", "--fetch", f"{before}..origin/main")
    assert audited.code == 0, audited.text


def test_a_new_target_branch_is_checked_and_a_review_cancels_no_other_run(hosted: Clone) -> None:
    workflow = yaml.safe_load(files_of("github", observe(hosted.path))[WORKFLOW])
    # YAML 1.1 reads the key `on` as true.
    assert "edited" in workflow[True]["pull_request"]["types"]
    assert "github.event_name" in workflow["concurrency"]["group"]
    # GitHub counts a skipped job as passed.
    assert "if" not in workflow["jobs"]["gate"]


def test_only_what_is_merged_saves_packages_for_later_runs(hosted: Clone) -> None:
    """The code of a pull request can alter what is in uv's cache, and later runs execute that."""
    hosted.write({"uv.lock": "version = 1\n"})
    hosted.git("add", "-A")
    observed = observe(hosted.path)
    files = files_of("github", observed)
    actions = {
        name: [
            step["uses"].partition("@")[0].removeprefix("actions/")
            for job in yaml.safe_load(files[name])["jobs"].values()
            for step in job["steps"]
            if "cache" in step.get("uses", "")
        ]
        for name in (WORKFLOW, RECORDING)
    }
    assert actions == {WORKFLOW: ["cache/restore"], RECORDING: ["cache/restore", "cache/save"]}
    job = yaml.safe_load(files_of("gitlab", observed)[".gitlab-ci.yml"])[".gate"]
    assert job["variables"]["CACHE_POLICY"] == "pull"
    assert job["cache"]["policy"] == "$CACHE_POLICY"
    saving = [
        rule["if"] for rule in job["rules"] if rule.get("variables", {}).get("CACHE_POLICY") == "pull-push"
    ]
    assert len(saving) == 1
    assert '$CI_COMMIT_REF_PROTECTED == "true"' in saving[0]


@pytest.mark.parametrize(
    ("branch", "pattern"), [("main", "main"), ("rel+1", "rel\\+1"), ("!x", "\\!x"), ("a'b#c", "a'b#c")]
)
def test_the_recording_workflow_runs_for_exactly_the_protected_branch(
    hosted: Clone, branch: str, pattern: str
) -> None:
    workflow = yaml.safe_load(files_of("github", observe(hosted.path, branch))[RECORDING])
    # YAML 1.1 reads the key `on` as true.
    assert workflow[True]["push"]["branches"] == [pattern]


def run_step(clone: Clone, script: str, env: dict[str, str]) -> str:
    """Run a step of a workflow as the runner does."""
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=clone.path,
        env={**isolated(clone.path.parent / "home"), **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_pipeline_of_gitlab_caches_by_what_the_packages_depend_on(hosted: Clone, tmp_path: Path) -> None:
    written = []
    for kind, files in PROJECTS.items():
        hosted.write(files)
        hosted.git("add", "-A")
        text = files_of("gitlab", observe(hosted.path))[".gitlab-ci.yml"]
        lock = next((name for name in files if name.endswith((".lock", ".txt"))), next(iter(files), ""))
        key = yaml.safe_load(text)[".gate"]["cache"]["key"]
        assert key == ({"prefix": "gate-uv", "files": [lock]} if lock else "gate-uv"), kind
        written.append(tmp_path / f"{kind}.yml")
        written[-1].write_text(text)
        hosted.git("reset", "-q", "--hard")
        hosted.git("clean", "-fdq")
    options = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    tool("check-jsonschema", *options, *map(str, written))


@pytest.mark.slow
def test_the_pipelines_of_gitlab_keep_to_the_schema_and_leave_an_existing_one_alone(hosted: Clone) -> None:
    assert hosted.gate("init", "--gitlab").code == 0
    first = hosted.path / ".gitlab-ci.yml"
    options = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    tool("check-jsonschema", *options, str(first))
    assert "merge-gate[gitlab]==" in first.read_text()
    (hosted.path / "gate.yaml").unlink()
    first.write_text("build: {script: make}\n")
    result = hosted.gate("init", "--gitlab")
    assert "include: [{local: .gitlab/gate.yml}]" in result.out
    assert first.read_text() == "build: {script: make}\n"
    tool("check-jsonschema", *options, str(hosted.path / ".gitlab" / "gate.yml"))


def test_a_jenkinsfile_names_the_branch_and_a_present_one_stays(hosted: Clone) -> None:
    assert hosted.gate("init", "--jenkins", "--into", "it's").code == 0
    assert "branch 'it\\'s'" in (hosted.path / "Jenkinsfile").read_text()
    (hosted.path / "gate.yaml").unlink()
    result = hosted.gate("init", "--jenkins")
    assert result.code == 2
    assert "Jenkinsfile already exists" in result.err
    assert not (hosted.path / "gate.yaml").exists()


def test_a_pipeline_that_gate_has_written_is_not_written_a_second_time(company: Company) -> None:
    clone = company.clone("nehemiah")
    assert clone.gate("init", "--gitlab").code == 0
    again = clone.gate("init", "--gitlab")
    assert (again.code, ".gitlab-ci.yml" in again.err) == (2, True), again.text
    assert not (clone.path / ".gitlab").exists()


def test_for_a_bare_repository_the_hooks_of_the_clone_are_installed(company: Company) -> None:
    clone = company.clone("nehemiah")
    clone.git("rm", "-q", "gate.yaml")
    result = clone.gate("init", "--bare")
    assert result.code == 0, result.text
    assert "gate install --server" in result.out
    assert (clone.path / ".git" / "hooks" / "pre-push").exists()
    assert "refs/gate/log*" in clone.git("config", "--get-all", "remote.origin.fetch")


def test_at_a_terminal_it_asks_only_what_it_cannot_know(hosted: Clone) -> None:
    hosted.write({"CODEOWNERS": "* @apark @bob @cyd\n"})
    shown = at_terminal(hosted, "1\n2\n@apark, @cyd\n")
    assert shown.count("?") == 3, shown
    policy = load_policy((hosted.path / "gate.yaml").read_bytes())
    require = policy.protection("main").require
    assert policy.people["@apark"].emails == ("ada@acme.example",)
    assert (require.approvals, require.guarded) == ((ApprovalRule(2),), ("@apark", "@cyd"))


def test_at_a_terminal_an_answer_that_is_none_of_the_choices_is_asked_for_again(hosted: Clone) -> None:
    hosted.write({"CODEOWNERS": "* @apark @bob @cyd\n"})
    shown = at_terminal(hosted, "apakr\n4\nAPARK\n3\n1\n@bob @bob\nbob, cyd\n")
    assert shown.count("  expected ") == 4, shown
    require = load_policy((hosted.path / "gate.yaml").read_bytes()).protection("main").require
    assert (require.approvals, require.guarded) == ((ApprovalRule(1),), ("@bob", "@cyd"))


def test_a_narrow_terminal_breaks_no_word_of_a_question(hosted: Clone) -> None:
    hosted.write({"CODEOWNERS": "* @apark @bob @cyd\n"})
    shown = at_terminal(hosted, "1\n2\n\n", columns=34)
    assert "How many people besides the author\r\n  must approve a change (0 to 2)?" in shown


def test_at_a_terminal_the_end_of_the_input_writes_nothing(hosted: Clone) -> None:
    hosted.write({"CODEOWNERS": "* @apark @bob @cyd\n"})
    shown = at_terminal(hosted, "1\n\x04", code=2)
    assert "the input ended before all questions were answered" in shown
    assert not (hosted.path / "gate.yaml").exists()


@pytest.mark.slow
def test_an_account_that_nothing_names_is_asked_for_and_yes_asks_nothing(hosted: Clone) -> None:
    shown = at_terminal(hosted, "", "--yes", "--print")
    assert "Your GitHub account" not in shown
    assert "Your GitHub account" in at_terminal(hosted, "apark\n")
    assert load_policy((hosted.path / "gate.yaml").read_bytes()).people["@apark"].github == "apark"
