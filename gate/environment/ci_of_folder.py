"""Read what the CI and the Makefile at the top of a repository run for a project in a folder. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gate.environment.how_tests_start import WORKSPACE
from gate.environment.locks import table
from gate.environment.own_setup import INSTALL, TESTING, WORKFLOW
from gate.settings_input import parse_yaml

CHANGE_FOLDER = re.compile(r"(?:cd|pushd)\s+[\"']?([^\s\"']+)[\"']?")
MATRIX = re.compile(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}")
AT_TOP = re.compile(r"(?<![\w./-])(?:\.(?=/))?")
"""The start of a path in a command that runs at the top, with `./` if it has one."""
DIRECTORY = "working-directory"


def is_ci(path: str) -> bool:
    """Return whether the file at `path`, relative to the repository, may run the tests of any folder."""
    return path in {".gitlab-ci.yml", "Makefile"} or WORKFLOW.fullmatch(path) is not None


def ci_of(folder: str, contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the top-level files, reduced to what they run in or for `folder`, with paths relative to `folder`."""
    texts = {path: "\n".join(_rewritten(folder, path, data)) for path, data in contents.items()}
    return {path: text.encode("utf-8", "surrogateescape") for path, text in texts.items() if text}


def _rewritten(folder: str, path: str, data: bytes) -> Iterator[str]:
    if path == "Makefile":
        lines = data.decode("utf-8", "replace").splitlines()
        recipes = (_in_folder([line.lstrip("\t@-")], "", folder) for line in lines if line.startswith("\t"))
        yield from (f"\t{command}" for commands in recipes for command in commands)
        return
    read = _jobs_of_github if WORKFLOW.fullmatch(path) else _jobs_of_gitlab
    for name, commands, variables in read(_read_yaml(data), folder):
        # What a job installs is meant for its tests, even if it changes to the folder only later.
        if any(TESTING.search(command) for command in commands if not INSTALL.search(command)):
            yield f"  {name}:"
            yield from (f"    {command}" for command in commands)
            import_path = _import_path(str(variables.get("PYTHONPATH") or ""), folder)
            yield from [f"    PYTHONPATH: {import_path}"] if import_path else []


def _read_yaml(data: bytes) -> dict[str, Any]:
    try:
        value = parse_yaml(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _jobs_of_github(workflow: dict[str, Any], folder: str) -> Iterator[tuple[str, list[str], dict[str, Any]]]:
    """Yield the name of each job, its commands that concern `folder`, and its variables."""
    for name, job in table(workflow, "jobs").items():
        if not isinstance(job, dict):
            continue
        usual = [table(part, "defaults", "run").get(DIRECTORY) for part in (job, workflow)]
        default = next((value for value in usual if isinstance(value, str)), "")
        variables = table(workflow, "env") | table(job, "env")
        commands: list[str] = []
        steps = job.get("steps")
        for step in steps if isinstance(steps, list) else ():
            if not isinstance(step, dict) or not isinstance(step.get("run"), str):
                continue
            folders = _folders(str(step.get(DIRECTORY) or default), table(job, "strategy", "matrix"))
            start = folder if folder in folders else next(iter(folders), "?")
            of_step = _in_folder(step["run"].replace("\\\n", " ").splitlines(), start, folder)
            variables |= table(step, "env") if of_step else {}
            commands += of_step
        yield str(name), commands, variables


def _jobs_of_gitlab(settings: dict[str, Any], folder: str) -> Iterator[tuple[str, list[str], dict[str, Any]]]:
    for name, job in settings.items():
        if not isinstance(job, dict) or "script" not in job:
            continue
        preparations = [part.get("before_script") for part in (job, table(settings, "default"), settings)]
        first: object = next((script for script in preparations if script is not None), [])
        lines = [line for script in (first, job["script"]) for line in _script(script)]
        yield str(name), _in_folder(lines, "", folder), table(settings, "variables") | table(job, "variables")


def _script(value: object) -> Iterator[str]:
    """Yield the lines of a script, which is a string or a list of scripts."""
    if isinstance(value, str):
        yield from value.replace("\\\n", " ").splitlines()
    elif isinstance(value, list):
        for part in value:
            yield from _script(part)


def _folders(directory: str, matrix: Mapping[str, Any]) -> list[str]:
    """Return the folders that `directory` may name: one for each value of the matrix variable in it."""
    directories = [WORKSPACE.sub(".", directory)]
    for name in MATRIX.findall(directory):
        listed = matrix.get(name)
        more = matrix.get("include")
        values = list(listed) if isinstance(listed, list) else []
        values += (
            [item.get(name) for item in more if isinstance(item, dict)] if isinstance(more, list) else []
        )
        expression = re.compile(rf"\$\{{\{{\s*matrix\.{re.escape(name)}\s*\}}\}}")
        directories = [
            expression.sub(str(value).replace("\\", "/"), path) for path in directories for value in values
        ]
    return [_normal(path) for path in directories]


def _normal(path: str) -> str:
    path = posixpath.normpath(path) if path else ""
    return "" if path == "." else path


def _in_folder(lines: Iterable[str], start: str, folder: str) -> list[str]:
    """Return the commands of a script that run in `folder`, and those at the top that name it or install packages."""
    current, commands = start, []
    for line in lines:
        outer = current
        for part in (part.strip(" ()") for part in re.split(r"&&|;", line)):
            change = CHANGE_FOLDER.fullmatch(part)
            if change:
                current = _normal(posixpath.join(current, WORKSPACE.sub(".", change[1])))
            elif current == folder:
                commands.append(_from(folder, WORKSPACE, part))
            elif not current and (INSTALL.search(part) or _names(folder, part)):
                commands.append(_from(folder, AT_TOP, part))
        if line.strip().startswith("("):
            current = outer
    return commands


def _names(folder: str, command: str) -> bool:
    """Return whether an argument of the command is `folder` or a path in it."""
    return re.search(rf"(?<![\w./-])(?:\./)?{re.escape(folder)}(?![\w.-])", command) is not None


def _from(folder: str, top: re.Pattern[str], command: str) -> str:
    """Return the command with its paths in `folder` rewritten relative to it. `top` matches the path to the top."""
    inside = rf"(?:{top.pattern})/?{re.escape(folder)}(?![\w.-])"
    return re.sub(inside, ".", re.sub(rf"{inside}/(?=[\w.])", "", command))


def _import_path(value: str, folder: str) -> str:
    """Return the value of PYTHONPATH relative to `folder`, without entries elsewhere in the workspace."""
    parts = (_from(folder, WORKSPACE, part) for part in value.split(":"))
    return ":".join(part for part in parts if part and not WORKSPACE.search(part))
