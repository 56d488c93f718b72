"""The action for GitHub, executed step by step on real repositories: events, histories, outcomes, outputs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.actions import Result, evaluate, run_action
from support.company import Clone, Company, isolated
from support.forge import serving
from support.impostors import IMPOSTORS
from support.site import open_site
from support.this_repository import ROOT, registry_settings

pytestmark = pytest.mark.slow

REQUIRE = "      owners: false\n      approvals: 1\n      checks: [lint]\n"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner's folder of temporary files, in which gate is installed once."""
    return tmp_path_factory.mktemp("runner")


@pytest.fixture
def pull(company: Company) -> Clone:
    """A request: bob's change, aimed at main, for which the policy wants an approval."""
    company.set_policy(company.policy(REQUIRE))
    bob = company.clone("bob")
    bob.commit("v2", {"good.py": "x = 1\n"}, branch="feature")
    return bob


def checkout(company: Company, *options: str, ref: str = "feature") -> Path:
    """What actions/checkout leaves."""
    folder = company.path / "workspace"
    here = Clone(company.path, "nobody", company.keys)
    here.git("clone", "-q", "-b", ref, *options, f"file://{company.server.path}", str(folder))
    return folder


def act(
    company: Company,
    runner: Path,
    workspace: Path,
    name: str,
    event: Mapping[str, Any],
    inputs: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    action: Path = ROOT,
) -> Result:
    """Run the action for an event, as a job on a runner would."""
    event_file = company.path / "event.json"
    event_file.write_text(json.dumps(event))
    env = {
        **isolated(company.path / "home"), **registry_settings(), "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name,
        "GITHUB_EVENT_PATH": str(event_file), "GITHUB_SERVER_URL": "https://github.com", "CI": "true",
        "GITHUB_REPOSITORY": "acme/shortener", "PATH": f"{BIN}:{isolated(company.path)['PATH']}", **(variables or {}),
    }  # fmt: skip
    # gate is what the action installs, not the code beside these tests.
    del env["PYTHONPATH"]
    github = {"event": event, "event_name": name, "token": "ghs_secret"}
    given = {"reviews": "false", **(inputs or {})}
    result = run_action(action, workspace=workspace, temporary=runner, github=github, inputs=given, env=env)
    assert "Traceback" not in result.log, result.log
    assert "ghs_secret" not in result.log
    return result


def pull_event(clone: Clone, rev: str = "feature") -> dict[str, Any]:
    return {
        "pull_request": {"number": 12, "base": {"ref": "main"}, "head": {"sha": clone.git("rev-parse", rev)}}
    }


@pytest.mark.parametrize("name", ["pull_request", "pull_request_review"])
def test_a_request_without_approval_is_blocked_and_says_whom_to_ask(
    company: Company, runner: Path, pull: Clone, name: str
) -> None:
    result = act(company, runner, checkout(company), name, pull_event(pull))
    assert not result.succeeded
    assert (result.outputs["outcome"], result.outputs["exit-code"]) == ("blocked", "1"), result.log
    assert "::error" in result.log
    assert "approv" in result.summary
    for kind in ("sarif", "html", "json"):
        assert Path(result.outputs[kind]).stat().st_size > 0
    verdict = json.loads(Path(result.outputs["json"]).read_text())
    assert verdict["change"]["head"] == pull.git("rev-parse", "feature")


def test_an_approved_request_passes(company: Company, runner: Path, pull: Clone) -> None:
    company.clone("ada").approve("origin/feature")
    # The log of approvals is not among what a checkout fetches.
    result = act(company, runner, checkout(company), "pull_request", pull_event(pull))
    assert result.succeeded, result.log
    assert (result.outputs["outcome"], result.outputs["exit-code"]) == ("pass", "0")


def test_an_objection_that_is_only_in_the_log_blocks(company: Company, runner: Path, pull: Clone) -> None:
    company.clone("ada").approve("origin/feature")
    company.clone("nehemiah").approve("origin/feature", "--block", "--reason", "Not on a Friday")
    result = act(company, runner, checkout(company), "pull_request", pull_event(pull))
    assert result.outputs["outcome"] == "blocked"


def test_a_shallow_checkout_is_deepened(company: Company, runner: Path, pull: Clone) -> None:
    company.clone("ada").approve("origin/feature")
    workspace = checkout(company, "--depth", "1")
    result = act(company, runner, workspace, "pull_request", pull_event(pull))
    assert result.succeeded, result.log
    assert "fetch-depth: 0" in result.log


def test_what_is_asked_about_is_the_head_even_where_a_merge_commit_is_checked_out(
    company: Company, runner: Path, pull: Clone
) -> None:
    company.clone("ada").approve("origin/feature")
    workspace = checkout(company, "--depth", "1", ref="main")
    result = act(company, runner, workspace, "pull_request", pull_event(pull))
    assert result.succeeded, result.log


def test_a_history_that_cannot_be_had_is_undecided(company: Company, runner: Path, pull: Clone) -> None:
    workspace = checkout(company, "--depth", "1")
    company.server.path.rename(company.path / "gone.git")
    result = act(company, runner, workspace, "pull_request", pull_event(pull))
    assert not result.succeeded
    assert "fetch-depth: 0" in result.log
    assert result.steps == ["What is asked", "The history, and the log of approvals"]


def test_without_a_checkout_it_says_what_to_do(company: Company, runner: Path, pull: Clone) -> None:
    empty = company.path / "empty"
    empty.mkdir()
    result = act(company, runner, empty, "pull_request", pull_event(pull))
    assert not result.succeeded
    assert "actions/checkout" in result.log


def test_a_merge_group_is_held_against_its_own_base(company: Company, runner: Path, pull: Clone) -> None:
    company.clone("ada").approve("origin/feature")
    pull.fetch()
    base = pull.git("rev-parse", "origin/main")
    queue = "gh-readonly-queue/main/pr-12-" + base
    pull.git("checkout", "-q", "-b", queue, "origin/main")
    pull.git("merge", "-q", "--no-ff", "--no-edit", "feature")
    pull.git("push", "-q", "origin", "HEAD")
    group = {
        "head_sha": pull.git("rev-parse", "HEAD"),
        "base_sha": base,
        "base_ref": "refs/heads/main",
        "head_ref": f"refs/heads/{queue}",
    }
    result = act(company, runner, checkout(company, ref=queue), "merge_group", {"merge_group": group})
    assert result.succeeded, result.log


def pushed(company: Company, runner: Path, before: str) -> Result:
    after = company.server.git("rev-parse", "main")
    variables = {"GITHUB_REF": "refs/heads/main", "GITHUB_SHA": after}
    event = {"before": before, "after": after}
    return act(company, runner, checkout(company, ref="main"), "push", event, None, variables)


def test_a_push_past_the_gate_is_found_out(company: Company, runner: Path, pull: Clone) -> None:
    before = company.server.git("rev-parse", "main")
    pull.git("commit", "-q", "--amend", "-m", "##[error]::error::forged")
    pull.git("push", "-q", "origin", "feature:main")
    result = pushed(company, runner, before)
    assert (result.succeeded, result.outputs["outcome"]) == (False, "blocked"), result.log
    (step,) = json.loads(Path(result.outputs["json"]).read_text())
    assert (step["commit"], step["outcome"]) == (pull.git("rev-parse", "feature"), "failed")
    stopped = re.search(r"::stop-commands::(\w{32})\n(.*)::\1::\n", result.log, re.DOTALL)
    assert stopped
    assert "forged" in stopped[2]
    assert "forged" not in result.log.replace(stopped[0], "")


def test_a_push_by_gate_passes(company: Company, runner: Path, pull: Clone) -> None:
    before = company.server.git("rev-parse", "main")
    ada = company.clone("ada")
    ada.approve("origin/feature")
    result = ada.gate("merge", "origin/feature", "--push")
    assert result.code == 0, result.text
    run = pushed(company, runner, before)
    assert (run.succeeded, run.outputs["outcome"]) == (True, "pass"), run.log


def test_a_mistake_in_the_policy_is_reported_as_such(company: Company, runner: Path, pull: Clone) -> None:
    company.set_policy("protect: 3\n")
    result = act(company, runner, checkout(company), "pull_request", pull_event(pull))
    assert (result.outputs["outcome"], result.outputs["sarif"]) == ("wrong", "")
    assert "gate.yaml:1:10" in result.log


def test_a_review_on_github_opens_the_gate(company: Company, runner: Path) -> None:
    with serving("github") as forge:
        site = open_site(company, forge, REQUIRE.replace("lint", "ok"))
        event = {"pull_request": {"number": 12, "base": {"ref": "main"}, "head": {"sha": site.head}}}
        api = {"GITHUB_API_URL": forge.url}
        workspace = checkout(company)
        result = act(company, runner, workspace, "pull_request", event, {"reviews": "true"}, api)
        assert result.outputs["outcome"] == "blocked", result.log
        forge.approve("nmonrose")
        result = act(company, runner, workspace, "pull_request_review", event, {"reviews": "true"}, api)
        assert (result.succeeded, result.outputs["outcome"]) == (True, "pass"), result.log


@pytest.mark.parametrize("name", ["pull_request_target", "schedule"])
def test_an_event_that_gate_must_not_or_cannot_answer(
    company: Company, runner: Path, pull: Clone, name: str
) -> None:
    result = act(company, runner, checkout(company), name, pull_event(pull))
    assert not result.succeeded
    assert "use pull_request" in result.log
    assert result.steps == ["What is asked"]


def test_more_arguments_and_a_branch_with_a_hostile_name(company: Company, runner: Path, pull: Clone) -> None:
    hostile = "$(touch${IFS}pwned)`touch${IFS}pwned`;'touch${IFS}pwned'"
    pull.fetch()
    pull.git("push", "-q", "origin", f"origin/main:refs/heads/{hostile}")
    event = pull_event(pull)
    event["pull_request"]["base"]["ref"] = hostile
    workspace = checkout(company)
    result = act(company, runner, workspace, "pull_request", event, {"arguments": "--all\n--only lint\n"})
    assert result.outputs["outcome"] in {"pass", "blocked"}, result.log
    assert "Partial run" in result.summary
    assert not [*workspace.rglob("pwned"), *runner.glob("pwned")]


def test_two_pins_of_the_action_in_one_job_are_two_gates(company: Company, runner: Path, pull: Clone) -> None:
    action = company.path / "action"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (action / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, action / name)
    version = action / "gate" / "__init__.py"
    version.write_text(re.sub(r'__version__ = ".*"', '__version__ = "0.0.99"', version.read_text()))
    workspace = checkout(company)
    act(company, runner, workspace, "pull_request", pull_event(pull))
    before = set(runner.glob("merge-gate-*"))
    act(company, runner, workspace, "pull_request", pull_event(pull), action=action)
    (own,) = set(runner.glob("merge-gate-*")) - before
    result = subprocess.run(
        [own / "bin" / "gate", "--version"], stdout=subprocess.PIPE, text=True, check=True
    )
    assert "0.0.99" in result.stdout
    act(company, runner, workspace, "pull_request", pull_event(pull), action=action)
    assert set(runner.glob("merge-gate-*")) == before | {own}


@pytest.mark.attack(29, "add a package named `gate`")
def test_what_a_change_brings_along_is_not_taken_for_gate(
    company: Company, pull: Clone, tmp_path: Path
) -> None:
    pull.commit("v3", IMPOSTORS, branch="impostors")
    workspace = checkout(company, ref="impostors")
    (tmp_path / "fresh").mkdir()
    result = act(company, tmp_path / "fresh", workspace, "pull_request", pull_event(pull, "impostors"))
    assert result.outputs["outcome"] == "blocked", result.log
    assert not [*company.path.rglob("pwned")]


def test_no_python_that_is_new_enough_is_reported(company: Company, runner: Path, pull: Clone) -> None:
    result = act(
        company, runner, checkout(company), "pull_request", pull_event(pull), {"python-version": "3.99"}
    )
    assert not result.succeeded
    assert "actions/setup-python" in result.log


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("github.event_name == 'push'", False),
        ("github.event_name != 'push' && inputs.a", "x"),
        ("inputs.nothing || inputs.a", "x"),
        ("inputs.a == 'y' || inputs.a == 'x'", True),
    ],
)
def test_the_interpreter_itself(expression: str, value: object) -> None:
    contexts = {"github": {"event_name": "pull_request"}, "inputs": {"a": "x"}}
    assert evaluate(expression, contexts) == value


def check(*command: str) -> None:
    argv = [str(BIN / command[0]), *command[1:]]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_action_and_workflow_keep_to_githubs_schemas() -> None:
    check("check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml")
    check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", ".github/workflows/gate.yml")


def test_action_and_workflow_have_no_known_weakness() -> None:
    check("zizmor", "--offline", "--quiet", "--persona=pedantic", "action.yml", ".github/workflows/gate.yml")


def test_the_workflow_of_the_documentation_is_as_good_as_our_own(tmp_path: Path) -> None:
    whole, step = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "github.md").read_text(), re.DOTALL)
    (tmp_path / "gate.yml").write_text(whole + step)
    check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(tmp_path / "gate.yml"))
    check("zizmor", "--offline", "--quiet", "--persona=pedantic", str(tmp_path / "gate.yml"))


def test_the_documentation_lists_every_input_and_output() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    listed = set(re.findall(r"`([a-z-]+)`", (ROOT / "docs" / "github.md").read_text()))
    assert {*action["inputs"], *action["outputs"]} <= listed
