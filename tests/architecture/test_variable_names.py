"""A local variable is named for what it holds: words that say only that there is something are rare.

At most one in a hundred parameters and local variables of a package has such a name. `variables.json` has the packages
that aren't there yet, with the number that they may still have: it only falls. After a clean-up,
`GATE_UPDATE_WORDS=1 pytest tests/architecture/test_variable_names.py` lowers the numbers.
"""

from __future__ import annotations

import ast
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
COUNTS = Path(__file__).with_name("variables.json")
LIMIT = 0.01
VAGUE = frozenset(
    [
        "found",
        "told",
        "said",
        "one",
        "ones",
        "given",
        "known",
        "kept",
        "many",
        "some",
        "here",
        "there",
        "near",
        "place",
        "places",
        "right",
        "wrong",
        "other",
        "others",
        "before",
        "after",
        "heard",
        "asked",
        "meant",
        "wanted",
        "thing",
        "things",
        "stuff",
        "it",
        "them",
    ]
)
PAIRED = {"right": "left"}
"""Words that are plain beside another name of the same function."""
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def functions(tree: ast.AST) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def local_names(function: Function) -> dict[str, int]:
    """The parameters and variables of a function, without those of functions inside it, each with its line."""
    names: dict[str, int] = {}
    parameters = function.args
    for item in (*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs):
        names[item.arg] = item.lineno
    for extra in (parameters.vararg, parameters.kwarg):
        if extra:
            names[extra.arg] = extra.lineno
    waiting: list[ast.AST] = list(function.body) if isinstance(function.body, list) else [function.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function | ast.ClassDef):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.setdefault(node.id, node.lineno)
        waiting += ast.iter_child_nodes(node)
    return {name: line for name, line in names.items() if name not in {"self", "cls"}}


def vague_names(function: Function) -> dict[str, int]:
    names = local_names(function)
    return {
        name: line
        for name, line in names.items()
        if name.strip("_") in VAGUE and PAIRED.get(name) not in names
    }


def survey() -> dict[str, tuple[list[str], int]]:
    """By package, where the vague names are, and how many names there are."""
    vague: dict[str, list[str]] = defaultdict(list)
    total: dict[str, int] = defaultdict(int)
    for path in sorted((ROOT / "gate").rglob("*.py")):
        file = path.relative_to(ROOT)
        package = file.parts[1] if len(file.parts) > 2 else "gate"
        for function in functions(ast.parse(path.read_text("utf-8"))):
            total[package] += len(local_names(function))
            vague[package] += [f"{file}:{line}: {name}" for name, line in vague_names(function).items()]
    return {package: (vague[package], total[package]) for package in total}


def test_variables_are_named_for_what_they_hold() -> None:
    allowed: dict[str, int] = json.loads(COUNTS.read_text("utf-8"))
    packages = survey()
    over = {name: hits for name, (hits, total) in packages.items() if len(hits) > LIMIT * total}
    if os.environ.get("GATE_UPDATE_WORDS"):
        allowed = {name: min(len(over[name]), count) for name, count in allowed.items() if name in over}
        COUNTS.write_text(json.dumps(allowed, indent=1, sort_keys=True) + "\n", "utf-8")
    grown = {name: hits for name, hits in over.items() if len(hits) > allowed.get(name, 0)}
    assert not grown, "\n".join(
        f"{name}: {len(hits)} vague names, at most {max(allowed.get(name, 0), int(LIMIT * packages[name][1]))}:\n"
        + "\n".join(hits)
        for name, hits in grown.items()
    )


def test_vague_names_are_recognized() -> None:
    tree = ast.parse(
        "def f(one, *, path):\n    found = [place for place in path]\n    self.kept = found\n"
        "    return lambda other: other\n"
        "def g(left, right):\n    return left\n"
    )
    assert [sorted(vague_names(function)) for function in functions(tree)] == [
        ["found", "one", "place"],
        [],
        ["other"],
    ]
