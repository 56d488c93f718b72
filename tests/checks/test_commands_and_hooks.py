"""Checks of the policy's own: commands for some paths and folders, and the hooks that a project has for pre-commit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.company import Clone

from gate.checks.hooks import hook_ids
from gate.checks.paths import matches

Json = dict[str, Any]
FIXER = """\
import sys
for name in sys.argv[1:]:
    text = open(name).read()
    fixed = "".join(line.rstrip() + chr(10) for line in text.splitlines())
    if fixed != text:
        open(name, "w").write(fixed)
"""
LINTER = """\
import sys
bad = 0
for name in sys.argv[1:]:
    for number, line in enumerate(open(name), 1):
        if "FIXME" in line:
            print(f"{name}:{number}: unfinished")
            bad = 1
sys.exit(bad)
"""
CONFIG = """\
repos:
- repo: local
  hooks:
  - {{id: strip, name: strip, entry: python3 strip.py, language: system, files: "[.]txt$"}}
  - {{id: unfinished, name: unfinished, entry: {entry}, language: system, files: "[.]txt$"}}
  - {{id: gate, name: gate, entry: gate hook pre-commit, language: system}}
  - {{id: later, name: later, entry: "false", language: system, stages: [pre-push]}}
"""
HOOKS = "checks: {hooks: {tool: pre-commit}}\nprotect: {main: {require: {checks: [hooks]}}}\n"


def commit(project: Clone, files: dict[str, str], branch: str = "feature") -> None:
    project.git("checkout", "-q", "-B", branch)
    project.write(files)
    project.git("add", "-A")
    project.git("commit", "-q", "--allow-empty", "-m", "Change")


def check(project: Clone, *args: str) -> tuple[int, Json]:
    done = project.gate_process("check", "--format", "json", *args)
    assert done.out, done.err
    result: Json = json.loads(done.out)["checks"][0]
    return done.code, result


class TestHooks:
    @pytest.fixture
    def hooked(self, project: Clone) -> Clone:
        files = {
            ".pre-commit-config.yaml": CONFIG.format(entry="python3 unfinished.py"),
            "gate.yaml": HOOKS,
            "strip.py": FIXER,
            "unfinished.py": LINTER,
            "old.txt": "FIXME  \n",
        }
        commit(project, files, "main")
        return project

    @pytest.mark.slow
    def test_they_run_over_the_changed_files_alone(self, hooked: Clone) -> None:
        commit(hooked, {"new.txt": "fine\n"})
        code, result = check(hooked)
        assert (code, result["outcome"], result["note"]) == (0, "passed", "2 hooks over 1 file")

    @pytest.mark.slow
    def test_findings_by_hook_and_file_with_the_change_as_the_fix(self, hooked: Clone) -> None:
        commit(hooked, {"new.txt": "one\ntwo  \nFIXME three\n"})
        code, result = check(hooked)
        found = [(f["rule"], f["path"], f["line"]) for f in result["findings"]]
        assert code == 1
        assert ("unfinished", "new.txt", 3) in found
        assert ("strip", "new.txt", 1) in found
        diff = hooked.gate_process("check", "--fix").out
        assert "-two  \n+two\n" in diff

    @pytest.mark.slow
    @pytest.mark.parametrize("entry", ["no-such-program", "sh -c no-such-program"])
    def test_a_hook_that_cannot_start_is_broken(self, hooked: Clone, entry: str) -> None:
        commit(hooked, {".pre-commit-config.yaml": CONFIG.format(entry=entry), "new.txt": "fine\n"})
        code, result = check(hooked)
        assert (code, result["outcome"]) == (3, "broken")
        assert "the hook unfinished could not run" in result["reason"]

    def test_which_hooks_run_at_a_commit(self) -> None:
        assert hook_ids(CONFIG.format(entry="x")) == ["strip", "unfinished"]
        with pytest.raises(ValueError, match="cannot be read"):
            hook_ids("repos: [{hooks: [{}]}]")


class TestCommands:
    POLICY = """\
checks:
  web: {command: [sh, -c, "echo in $(basename $PWD): $*; exit 1", sh, "{files}"], paths: ["web/", "*.css"],
        working-directory: web}
protect: {main: {require: {checks: [web]}}}
"""

    @pytest.fixture
    def site(self, project: Clone) -> Clone:
        commit(project, {"gate.yaml": self.POLICY, "web/old.js": "1\n"}, "main")
        return project

    def test_they_run_in_their_folder_over_the_changed_files(self, site: Clone) -> None:
        commit(site, {"web/new.js": "2\n", "app.py": "x = 1\n"})
        code, result = check(site)
        assert code == 1
        assert result["findings"][0]["message"].endswith("in web: new.js")

    def test_they_do_not_run_where_no_path_matches(self, site: Clone) -> None:
        commit(site, {"app.py": "x = 1\n"})
        code, result = check(site)
        assert (code, result["outcome"], result["note"]) == (0, "empty", "no changed file matches `paths`")

    @pytest.mark.slow
    def test_a_pass_is_reused_while_no_declared_input_changes(self, project: Clone) -> None:
        policy = "checks: {web: {command: ['true'], inputs: [web/, package.json]}}\n"
        policy += "protect: {main: {require: {checks: [web]}}}\n"
        commit(project, {"gate.yaml": policy, "web/a.js": "1\n"}, "main")
        expected = {"app.py": False, "docs/a.md": True, "web/a.js": False, "other/package.json": False}
        cached = {}
        for path in expected:
            commit(project, {path: "2\n"})
            code, result = check(project)
            assert code == 0
            cached[path] = result["cached"]
        assert cached == expected

    def test_only_tools_of_which_gate_does_not_know_what_they_read_have_inputs(self, project: Clone) -> None:
        commit(project, {"gate.yaml": "checks: {tests: {inputs: [web/]}}\n"}, "main")
        done = project.gate_process("check")
        assert done.code == 2
        assert "`inputs` applies only to command, nox, pre-commit, tox" in done.err

    def test_a_folder_outside_is_a_mistake(self, project: Clone) -> None:
        commit(project, {"gate.yaml": "checks: {a: {command: [make], working-directory: ../x}}\n"}, "main")
        done = project.gate_process("check")
        assert done.code == 2
        assert "checks.a.working-directory: expected a path in the repository" in done.err


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("web/a/b.js", "web/", True),
        ("web/a/b.js", "web", True),
        ("src/web/a.js", "web", True),
        ("src/web/a.js", "/web", False),
        ("website/a.js", "web", False),
        ("a/b/c.ts", "*.ts", True),
        ("a/b/c.ts", "a/*.ts", False),
        ("a/b/c.ts", "a/**/*.ts", True),
        ("a/c.ts", "a/**/*.ts", True),
        ("a/c.tsx", "*.ts", False),
    ],
)
def test_patterns_of_paths(path: str, pattern: str, expected: bool) -> None:
    assert matches(path, pattern) is expected
