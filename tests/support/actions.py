"""A small interpreter for composite actions: it runs the steps of an action.yml as GitHub's runner does.

It supports what this project's action uses, and rejects the rest: steps with `run` for bash, `env`, `id`, `if`,
expressions made of names, strings, `==`, `!=`, `&&`, `||`, and the files that steps write to. It follows the runner's
documentation, because GitHub's runner itself isn't available in a test.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

TOKEN = re.compile(
    r"(?P<string>'(?:[^']|'')*')|(?P<operator>==|!=|&&|\|\|)|(?P<name>[A-Za-z_][\w.-]*(?:\(\))?)"
)
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_STATE")


@dataclass
class Result:
    """The result of an action: whether every step succeeded, what they printed, and the outputs for the workflow."""

    succeeded: bool
    log: str
    outputs: dict[str, str]
    summary: str
    steps: list[str] = field(default_factory=list)


def evaluate(expression: str, contexts: Mapping[str, Any]) -> Any:
    """Return the value of an expression without parentheses. `&&` binds tighter than `||`."""
    tokens = []
    rest = expression.strip()
    while rest:
        match = TOKEN.match(rest)
        assert match, f"this interpreter does not know {rest!r}"
        tokens.append((match.lastgroup, match[0].strip()))
        rest = rest[match.end() :].strip()
    return _either(tokens, contexts)


def _either(tokens: list[tuple[str | None, str]], contexts: Mapping[str, Any]) -> Any:
    for operator, stop in (("||", True), ("&&", False)):
        at = next((place for place, (_, text) in enumerate(tokens) if text == operator), None)
        if at is not None:
            left = _either(tokens[:at], contexts)
            return left if bool(left) is stop else _either(tokens[at + 1 :], contexts)
    if len(tokens) == 3:
        equal = _value(tokens[0], contexts) == _value(tokens[2], contexts)
        return equal is (tokens[1][1] == "==")
    (token,) = tokens
    return _value(token, contexts)


def _value(token: tuple[str | None, str], contexts: Mapping[str, Any]) -> Any:
    kind, text = token
    if kind == "string":
        return text[1:-1].replace("''", "'")
    if text == "always()":
        return True
    assert kind == "name", text
    value: Any = contexts
    for part in text.split("."):
        value = value.get(part, "") if isinstance(value, Mapping) else ""
    return "" if value is None else value


def expand(text: str, contexts: Mapping[str, Any]) -> str:
    """Return `text` with every `${{ … }}` in it replaced."""
    return EXPRESSION.sub(lambda match: str(evaluate(match[1], contexts)), text)


def run_action(
    folder: Path,
    *,
    workspace: Path,
    temporary: Path,
    github: Mapping[str, Any],
    inputs: Mapping[str, str],
    env: Mapping[str, str],
) -> Result:
    """Run the action in `folder` in a `workspace`. `github` is the context of that name, `env` the job's variables."""
    action = yaml.safe_load((folder / "action.yml").read_text("utf-8"))
    assert action["runs"]["using"] == "composite"
    contexts: dict[str, Any] = {"github": github, "steps": {}, "runner": {"temp": str(temporary)}, "env": env}
    unknown = inputs.keys() - action["inputs"].keys()
    assert not unknown, f"the action has no input {unknown}"
    contexts["inputs"] = {
        name: inputs.get(name, expand(str(given.get("default", "")), contexts))
        for name, given in action["inputs"].items()
    }
    environment = dict(env) | {"GITHUB_ACTION_PATH": str(folder), "RUNNER_TEMP": str(temporary)}
    result = Result(True, "", {}, "")
    for number, step in enumerate(action["runs"]["steps"]):
        _run_step(step, number, contexts, environment, workspace, temporary, result)
    result.outputs = {
        name: expand(given["value"], contexts) for name, given in action.get("outputs", {}).items()
    }
    return result


def _run_step(
    step: Mapping[str, Any],
    number: int,
    contexts: dict[str, Any],
    environment: dict[str, str],
    workspace: Path,
    temporary: Path,
    result: Result,
) -> None:
    known = {"name", "id", "if", "shell", "env", "run"}
    assert step.keys() <= known, f"this interpreter does not know {step.keys() - known}"
    assert step["shell"] == "bash"
    # A condition that asks for nothing about earlier failures holds only while there was none.
    condition = str(step.get("if", "success()")).removeprefix("${{").removesuffix("}}").strip()
    wanted = result.succeeded if condition == "success()" else bool(evaluate(condition, contexts))
    if not wanted:
        return
    files = {name: temporary / f"{name.lower()}-{number}" for name in FILES}
    for path in files.values():
        path.write_text("")
    own = {name: expand(str(value), contexts) for name, value in step.get("env", {}).items()}
    script = temporary / f"step-{number}.sh"
    script.write_text(expand(step["run"], contexts))
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)], cwd=workspace,
        env={**environment, **{name: str(path) for name, path in files.items()}, **own},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    result.steps.append(step["name"])
    result.log += done.stdout
    result.summary += files["GITHUB_STEP_SUMMARY"].read_text("utf-8")
    result.succeeded = result.succeeded and done.returncode == 0
    if "id" in step:
        contexts["steps"][step["id"]] = {"outputs": _pairs(files["GITHUB_OUTPUT"])}
    environment |= _pairs(files["GITHUB_ENV"])
    added = files["GITHUB_PATH"].read_text("utf-8").split("\n")
    environment["PATH"] = os.pathsep.join([*filter(None, reversed(added)), environment["PATH"]])


def _pairs(path: Path) -> dict[str, str]:
    """Parse the file that a step wrote: `name=value`, or `name<<END`, lines, `END`."""
    found: dict[str, str] = {}
    lines = iter(path.read_text("utf-8").split("\n"))
    for line in lines:
        long = re.fullmatch(r"([^=<]+)<<(.+)", line)
        if long:
            value = []
            for more in lines:
                if more == long[2]:
                    break
                value.append(more)
            found[long[1]] = "\n".join(value)
        elif line:
            name, equals, value_of = line.partition("=")
            assert equals, f"a step wrote {line!r}, which the runner refuses"
            found[name] = value_of
    return found
