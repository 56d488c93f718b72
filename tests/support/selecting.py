"""A project whose tests are selected by file, the result of its check, and the test files that ran."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from support.company import Clone, give_environment

POLICY = """\
version: 1
protect:
  main:
    require:
      checks: [tests]
checks:
  tests: {tool: pytest, select: file}
"""


def prepared(project: Clone, files: Mapping[str, str]) -> Clone:
    give_environment(project.path.parent / "home")
    project.write({"gate.yaml": POLICY, "README.md": "Hello\n", **files})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "start")
    project.git("checkout", "-q", "-b", "feature")
    change(project, {"README.md": "Hello, all\n"})
    return project


def change(project: Clone, files: Mapping[str, str]) -> None:
    project.write(files)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "change")


@dataclass(frozen=True)
class Checked:
    code: int
    note: str
    runs: dict[str, str]
    """Why each file of tests ran; an empty path means the whole suite."""


def check(project: Clone, *args: str) -> Checked:
    result = project.gate("check", "--into", "main", "--only", "tests", "--format", "json", *args)
    (found,) = json.loads(result.out)["checks"]
    lines = project.gate("explain", "--tests").out.splitlines()
    runs = [line.split("run ", 1)[1].strip().split(": ", 1) for line in lines if line.startswith("  run ")]
    return Checked(result.code, found.get("note", ""), dict(runs))
