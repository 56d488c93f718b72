"""The sample's Jenkinsfile and the shared library's step: executed by a small Jenkins, on real repositories."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.company import Clone, Company, isolated
from support.impostors import IMPOSTORS
from support.this_repository import ROOT, registry_settings

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
JENKINS = Path(__file__).with_name("jenkins.groovy")
SAMPLE = ROOT / "example_shortener"
LINTER = "npm-groovy-lint@15.2.2"


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """npm-groovy-lint, and the Groovy that it brings."""
    for program in ("npm", "java"):
        if not shutil.which(program):
            pytest.skip(f"no {program} on this machine")
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-save", LINTER]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install {LINTER}: {done.stderr[-200:]}")
    return folder / "node_modules"


@dataclass
class Build:
    """How a build ended, its log, and what it published: each step that did, and with what."""

    succeeded: bool
    log: str
    published: list[dict[str, object]]

    deployed: list[str]

    def steps(self) -> list[object]:
        return [one["step"] for one in self.published]


@dataclass
class Jenkins:
    """A server with one job, whose workspace is a clone."""

    company: Company
    groovy: Path
    workspace: Clone

    def build(self, variables: Mapping[str, str], jenkinsfile: Path = SAMPLE / "Jenkinsfile") -> Build:
        """Build what is checked out."""
        journal = self.company.path / "journal"
        agent = self.company.path / "agent"
        agent.mkdir(exist_ok=True)
        # Environments are made by linking the one of these tests, in which everything is installed already.
        (agent / "python3").write_text(
            '#!/bin/sh\ncase "$*" in *"-m venv "*) for last; do :; done; rm -rf "$last"; '
            f'exec ln -s "{BIN.parent}" "$last";; esac\nexec "{sys.executable}" "$@"\n'
        )
        (agent / "python3").chmod(0o755)
        host = self.company.path / "host"
        tool = host / "tool" / "bin" / "shortener-release"
        tool.parent.mkdir(parents=True, exist_ok=True)
        tool.write_text(f'#!/bin/sh\necho "$*" >> {host}/deployed\n')
        tool.chmod(0o755)
        (host / "deployed").write_text("")
        home = {"RELEASE_HOME": str(host), "GIT_COMMIT": self.workspace.git("rev-parse", "HEAD")}
        env = {**isolated(self.company.path / "home"), **registry_settings(), **home, **variables}
        env["PATH"] = f"{agent}{os.pathsep}{env['PATH']}"
        jars = ":".join(map(str, self.groovy.glob("npm-groovy-lint/lib/java/groovy/lib/*.jar")))
        command = ["java", "-cp", jars, "groovy.ui.GroovyMain"]
        done = subprocess.run(
            [*command, str(JENKINS), str(jenkinsfile), str(ROOT / "vars"), str(journal)],
            cwd=self.workspace.path, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert "Finished: " in done.stdout, done.stdout
        assert "Traceback" not in done.stdout, done.stdout
        lines = journal.read_text().splitlines()
        deployed = (host / "deployed").read_text().splitlines()
        return Build(done.returncode == 0, done.stdout, [json.loads(line) for line in lines], deployed)

    def checkout(self, rev: str) -> None:
        self.workspace.fetch()
        self.workspace.git("checkout", "-q", "--detach", rev)


@pytest.fixture
def jenkins(company: Company, node_modules: Path) -> Jenkins:
    """The sample on main, a new hire's change on a branch, and a Jenkins for both."""
    # The sample's tests need its packages, which the tests' own environment has.
    shutil.rmtree(company.path / "home" / "environment")
    setup = company.clone("nobody", "setup")
    setup.git("rm", "-q", "-r", ".")
    for name in Clone(SAMPLE, "nobody", company.keys).git("ls-files").splitlines():
        setup.write({name: (SAMPLE / name).read_bytes()})
    policy = (SAMPLE / "gate.yaml").read_text()
    for person in ("nehemiah", "newhire"):
        mail = {"nehemiah": "nehemiah", "newhire": "new"}[person]
        keys = f"emails: [{mail}@acme.example, {person}@acme.example], keys: ['{company.public(person)}']"
        policy = policy.replace(f"emails: [{mail}@acme.example]", keys)
    setup.write({"gate.yaml": policy})
    setup.git("add", "-A")
    setup.git("commit", "-q", "-m", "The sample")
    setup.git("push", "-q", "origin", "HEAD:main")
    readme = (SAMPLE / "README.md").read_text()
    company.clone("newhire").commit("Say more", {"README.md": f"{readme}\nAnd more.\n"}, branch="feature")
    return Jenkins(company, node_modules, company.clone("jenkins"))


def request(**more: str) -> Mapping[str, str]:
    return {"BRANCH_NAME": "PR-12", "CHANGE_ID": "12", "CHANGE_TARGET": "main", **more}


def test_a_blocked_request_fails_and_its_reports_are_published(jenkins: Jenkins) -> None:
    jenkins.checkout("origin/feature")
    build = jenkins.build(request())
    assert not build.succeeded
    assert "gate: blocked" in build.log, build.log
    assert build.deployed == []
    assert build.steps() == ["junit", "recordIssues", "publishHTML", "archiveArtifacts"]


def test_a_request_that_was_approved_passes_and_main_is_deployed_after_the_merge(jenkins: Jenkins) -> None:
    nehemiah = jenkins.company.clone("nehemiah")
    nehemiah.approve("origin/feature")
    jenkins.checkout("origin/feature")
    build = jenkins.build(request())
    assert build.succeeded, build.log
    assert build.deployed == []

    before = nehemiah.git("rev-parse", "origin/main")
    result = nehemiah.gate("merge", "origin/feature", "--into", "main", "--push")
    assert result.code == 0, result.text
    jenkins.checkout("origin/main")
    build = jenkins.build({"BRANCH_NAME": "main", "GIT_PREVIOUS_SUCCESSFUL_COMMIT": before})
    assert build.succeeded, build.log
    commit = jenkins.workspace.git("rev-parse", "HEAD")
    assert build.deployed == [
        f"deploy {commit} --into staging",
        f"deploy {commit} --into production --wait 20",
    ]


def test_a_push_past_review_is_not_deployed_in_a_job_without_branches(jenkins: Jenkins) -> None:
    before = jenkins.workspace.git("rev-parse", "origin/main")
    jenkins.workspace.git("push", "-q", "origin", "origin/feature:refs/heads/main")
    jenkins.checkout("origin/main")
    build = jenkins.build({"GIT_BRANCH": "origin/main", "GIT_PREVIOUS_SUCCESSFUL_COMMIT": before})
    assert not build.succeeded
    assert "gate: blocked" in build.log, build.log
    assert build.deployed == []


def test_a_branch_that_nobody_wants_to_merge_is_not_asked_about(jenkins: Jenkins) -> None:
    jenkins.checkout("origin/feature")
    build = jenkins.build({"BRANCH_NAME": "feature"})
    assert build.succeeded, build.log
    assert "gate" not in build.steps()


@pytest.mark.attack(29, "add a package named `gate`")
def test_what_a_change_brings_along_is_not_taken_for_gate(jenkins: Jenkins) -> None:
    jenkins.company.clone("newhire", "again").commit("v3", IMPOSTORS, branch="feature")
    jenkins.checkout("origin/feature")
    build = jenkins.build(request())
    assert not build.succeeded
    assert "Blocked: " in build.log
    assert not [*jenkins.company.path.rglob("pwned")]


def test_a_server_that_does_not_answer_stops_the_build(jenkins: Jenkins) -> None:
    jenkins.checkout("origin/feature")
    jenkins.company.server.path.rename(jenkins.company.path / "gone.git")
    build = jenkins.build(request())
    assert not build.succeeded
    assert build.deployed == []


def test_options_of_the_step(jenkins: Jenkins, tmp_path: Path) -> None:
    jenkins.checkout("origin/feature")
    jenkinsfile = tmp_path / "Jenkinsfile"
    jenkinsfile.write_text(
        "stage('Gate') { gate(credentials: 'bot', python: 'python3', arguments: '--only lint') }\n"
    )
    build = jenkins.build(request(), jenkinsfile)
    assert "Partial run (`--only lint`)" in build.log, build.log
    assert build.published[0] == {"step": "withCredentials", "GIT_ASKPASS": "/for/bot"}
    jenkinsfile.write_text("stage('Gate') { gate(credential: 'bot') }\n")
    assert "there is no option credential" in jenkins.build(request(), jenkinsfile).log


def test_a_branch_with_a_hostile_name_runs_nothing(jenkins: Jenkins) -> None:
    jenkins.checkout("origin/feature")
    hostile = "$(touch${IFS}pwned)`touch${IFS}pwned`;'touch${IFS}pwned'"
    jenkins.workspace.git("push", "-q", "origin", f"origin/main:refs/heads/{hostile}")
    build = jenkins.build(request(CHANGE_TARGET=hostile))
    assert not build.succeeded
    assert not list(jenkins.workspace.path.rglob("pwned"))


def test_the_groovy_is_clean(node_modules: Path) -> None:
    command = [
        str(node_modules / ".bin" / "npm-groovy-lint"),
        "--noserver",
        "--output",
        "txt",
        "--failon",
        "warning",
    ]
    files = ["--config", str(ROOT), "vars/gate.groovy", "example_shortener/Jenkinsfile"]
    done = subprocess.run([*command, *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
