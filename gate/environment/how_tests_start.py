"""Read how a project's own commands start its tests, as far as that affects the import path. Pure.

`python -m pytest` puts the current folder on the import path; `pytest` alone doesn't. `PYTHONPATH` adds its folders.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gate.environment.locks import read_toml, table
from gate.environment.own_setup import WORKFLOW, sections_for_tests
from gate.environment.places import limited_to
from gate.environment.scripts import parse_script

WRAPPER = re.compile(
    r"^(?:(?:\w+=\S*|env|xvfb-run|time|exec|\{posargs:"
    r"|(?:uv|poetry|pdm|hatch|pipenv|rye|pixi) run(?: --?[\w-]+(?:=\S+)?)*)\s*)+"
)
"""What may precede the name of a program."""
PLAIN = re.compile(r"(?:pytest|py\.test)(?![\w.=/-])")
AT_TOP = re.compile(r"-m[\"', ]+(?:pytest|coverage|unittest|nose2?|trace)\b|\bcoverage run\b|\bmanage\.py\b")
PYTHONPATH = re.compile(r"""PYTHONPATH["']?\s*[:?]?[=:,]\s*["']?([^\s"',;]+)""")
WORKSPACE = re.compile(r"\$\{\{\s*github\.workspace\s*\}\}|\$\{?GITHUB_WORKSPACE\}?")
HERE = re.compile(r"^(?:\{(?:toxinidir|tox_root)\}|\$[({]*(?:PWD|pwd|CURDIR)[)}]*|\.)/?")

VARIABLES = frozenset(
    {"Makefile", "tox.toml", "noxfile.py", "hatch.toml", "pyproject.toml", ".gitlab-ci.yml"}
)


@dataclass(frozen=True, slots=True)
class Start:
    """How the tests start. If `plain`, the folder that they start in isn't on the import path.

    `import_path` are the folders that PYTHONPATH adds. `places` are the folders and files that all of the project's
    own commands limit pytest to, if they do.
    """

    plain: bool = False
    import_path: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


def how_tests_start(contents: Mapping[str, bytes]) -> Start:
    """Return how a project's files start its tests.

    If there are commands of both kinds, or none, the folder is on the import path.
    """
    lines = [line.strip() for line in _lines(contents)]
    at_top = any(AT_TOP.search(line) for line in lines)
    plain = any(PLAIN.match(WRAPPER.sub("", part.strip())) for line in lines for part in line.split("&&"))
    texts = (data.decode("utf-8", "replace") for path, data in contents.items() if _sets_variables(path))
    variables = (*texts, *_variables_of_tox(contents.get("tox.ini", b"").decode("utf-8", "replace")))
    named = [match for text in variables for match in PYTHONPATH.findall(WORKSPACE.sub(".", text))]
    folders = [HERE.sub("", part).rstrip("/") for value in named for part in _parts(value)]
    return Start(plain and not at_top, tuple(dict.fromkeys(folders)), limited_to(lines, WRAPPER))


def _parts(value: str) -> list[str]:
    """Return the folders of the project in a value of PYTHONPATH."""
    parts = [part for part in value.split(":") if part]
    return [part for part in parts if HERE.match(part) or re.fullmatch(r"[\w.-][\w./-]*", part)]


def _sets_variables(path: str) -> bool:
    return path in VARIABLES or WORKFLOW.fullmatch(path) is not None


def _lines(contents: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the commands in the files, one per line."""
    for path, data in contents.items():
        text = data.decode("utf-8", "replace")
        if WORKFLOW.fullmatch(path) or path == ".gitlab-ci.yml":
            yield from (
                re.sub(r"^\s*(?:-\s+)?(?:run:\s*)?[|>]?-?\s*", "", line) for line in text.splitlines()
            )
        elif path == "Makefile":
            yield from (line.strip("\t@-") for line in text.splitlines() if line.startswith("\t"))
        elif path == "tox.ini":
            yield from _of_tox(text)
        elif path == "noxfile.py":
            yield from _of_nox(text)
        elif path in {"pyproject.toml", "tox.toml", "hatch.toml"}:
            tools = read_toml(data)
            tools = table(tools, "tool") if path == "pyproject.toml" else {path.partition(".")[0]: tools}
            yield from _of_scripts(
                {name: tools.get(name) for name in ("tox", "hatch", "pdm", "poe", "taskipy")}
            )


def _of_tox(text: str) -> Iterator[str]:
    for values in sections_for_tests(text):
        for line in values.get("commands", "").splitlines():
            # Strip the factors that a command applies to.
            yield re.sub(r"^[\w!{},.-]+:\s+", "", line.strip())


def _variables_of_tox(text: str) -> Iterator[str]:
    for values in sections_for_tests(text):
        yield values.get("setenv", "") + values.get("set_env", "")


def _of_nox(text: str) -> Iterator[str]:
    tree = parse_script(text.encode())
    if tree is None:
        return
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr.startswith("run")
        ):
            yield " ".join(str(arg.value) for arg in node.args if isinstance(arg, ast.Constant))


def _of_scripts(value: object) -> Iterator[str]:
    """Yield every string that is a command in tables of scripts and environments."""
    if isinstance(value, dict):
        for key, inner in value.items():
            # Skip package names, which look like commands.
            if key not in {
                "dependencies",
                "extra-dependencies",
                "deps",
                "extras",
                "dev-dependencies",
                "requires",
            }:
                yield from _of_scripts(inner)
    elif isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        yield " ".join(value)
        yield from value
    elif isinstance(value, list):
        for inner in value:
            yield from _of_scripts(inner)
    elif isinstance(value, str):
        yield value
