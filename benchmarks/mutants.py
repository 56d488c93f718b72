"""Compute the mutation score of the code that makes decisions: which small changes of it no test notices.

    python benchmarks/mutants.py                       every module below, with a sample of its mutants
    python benchmarks/mutants.py gate/verdict.py --all

Each mutant is one change of one expression. Annotations and decorators are left out: the former are never evaluated,
and the latter make values frozen, which no behavior depends on. `mutants.json` lists the mutants that are equivalent to
the original, each with the reason; they don't count. A separate process imports the changed module, and runs the tests
of that module until one fails. A mutant survives if all of them pass. Tests run without workers and with few examples
from hypothesis, so a score is a lower bound.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import hypothesis  # noqa: F401  loaded once, for all mutants
import pytest
from history import record

ROOT = Path(__file__).parents[1]
OUTCOMES = "tests/requirements/test_outcomes.py"
NOT_ENFORCED = "tests/requirements/test_not_enforced.py"
PER_PATH = "tests/requirements/test_rules_per_path.py"
PEOPLE = "tests/approvals/test_requirements_of_people.py"
RELEASES = "tests/releases/test_requirements.py"
TESTS = {
    "gate/verdict.py": (OUTCOMES, NOT_ENFORCED, PEOPLE),
    "gate/requirements/approvals.py": (PEOPLE, PER_PATH, OUTCOMES),
    "gate/requirements/owners.py": ("tests/requirements/test_owners_requirement.py", PER_PATH, OUTCOMES),
    "gate/requirements/seniority.py": (PEOPLE, OUTCOMES, RELEASES),
    "gate/requirements/guarded.py": (OUTCOMES,),
    "gate/requirements/waiver.py": (PEOPLE,),
    "gate/requirements/enforcement.py": (NOT_ENFORCED, OUTCOMES),
    "gate/requirements/checks.py": (OUTCOMES,),
    "gate/requirements/not_required.py": ("tests/requirements/test_not_required.py",),
    "gate/approvals/count.py": ("tests/approvals/test_count.py", "tests/forges/test_count_of_reviews.py"),
    "gate/approvals/content.py": ("tests/approvals/test_contents.py",),
    "gate/codeowners/rules.py": ("tests/codeowners/test_parsing.py", "tests/codeowners/test_matching.py"),
    "gate/codeowners/matcher.py": ("tests/codeowners/test_matching.py",),
    "gate/policy/protected.py": ("tests/policy/test_load.py",),
    "gate/policy/approving.py": ("tests/policy/test_load.py",),
    "gate/policy/people.py": ("tests/policy/test_who_is_who.py", "tests/policy/test_load.py"),
    "gate/policy/older_branches.py": ("tests/policy/test_who_is_who.py",),
}
"""The deciding modules, and the tests that are theirs: those that start no program, where these are enough."""
EQUIVALENT: dict[str, list[dict[str, str]]] = json.loads(
    Path(__file__).with_suffix(".json").read_text("utf-8")
)
"""By module, the mutants that mean the same as the original: `before`, `after`, and the `reason`."""
SAMPLE = 40
LIMIT = 120
"""Seconds of processor time after which a mutant counts as noticed: it does not end."""
PATIENCE = 20 * LIMIT
"""Seconds after which it does on whatever busy machine, even if it only waits."""
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change, and the place and kind of the change."""

    line: int
    before: str
    after: str
    tree: ast.Module


def mutated(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every way to change one node: another operator, the other outcome, one part removed, another constant."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            yield ast.Compare(node.left, [COMPARISONS[type(op)]()], node.comparators)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.And() if isinstance(op, ast.Or) else ast.Or(), values)
            for index in range(len(values)):
                rest = [value for number, value in enumerate(values) if number != index]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.BinOp(op=op) if type(op) in OPERATORS:
            yield ast.BinOp(node.left, OPERATORS[type(op)](), node.right)
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield ast.Constant(value + 1)
        case ast.Call(func=ast.Name(id="any" | "all" as name)):
            yield ast.Call(ast.Name("all" if name == "any" else "any", ast.Load()), node.args, node.keywords)
        case ast.Call(func=ast.Name(id="min" | "max" as name)):
            yield ast.Call(ast.Name("max" if name == "min" else "min", ast.Load()), node.args, node.keywords)
        case ast.comprehension(ifs=[_, *_] as tests):
            yield ast.comprehension(node.target, node.iter, tests[1:], node.is_async)


def mutants_of(source: str) -> list[Mutant]:
    """Return all mutants of a module, in source order."""
    tree = ast.parse(source)
    nodes = [node for node in ast.walk(tree) if not isinstance(node, ast.expr_context)]
    ignored = set(_without_behavior(tree))
    found = []
    for number, node in enumerate(nodes):
        if node in ignored:
            continue
        for changed in mutated(node):
            twin = copy.deepcopy(tree)
            target = [n for n in ast.walk(twin) if not isinstance(n, ast.expr_context)][number]
            _replace(twin, target, changed)
            line = getattr(node, "lineno", getattr(getattr(node, "iter", None), "lineno", 0))
            found.append(
                Mutant(line, ast.unparse(node), ast.unparse(changed), ast.fix_missing_locations(twin))
            )
    return sorted(found, key=lambda mutant: mutant.line)


def _without_behavior(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield every node of an annotation or a decorator."""
    for node in ast.walk(tree):
        parts: list[ast.expr | None] = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for part in (*parts, *getattr(node, "decorator_list", ())):
            if part is not None:
                yield from ast.walk(part)


def _replace(tree: ast.AST, target: ast.AST, changed: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is target:
                setattr(parent, name, changed)
            elif isinstance(value, list):
                setattr(parent, name, [changed if item is target else item for item in value])


class _Loader(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a tree instead of its file."""

    def __init__(self, module: str, path: Path, tree: ast.Module) -> None:
        self.module, self.path, self.tree = module, path, tree

    def find_spec(
        self, fullname: str, _path: object, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.module:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(self.path))

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.tree, str(self.path), "exec"), module.__dict__)  # noqa: S102  it is the mutant


def noticed(path: Path, tree: ast.Module, tests: Sequence[str]) -> bool:
    """Return whether a test fails if this tree replaces the module."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))
            silent = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(silent, descriptor)
            code = _run(path, tree, tests)
        finally:
            os._exit(code)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status) != 0
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _run(path: Path, tree: ast.Module, tests: Sequence[str]) -> int:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    # What has imported this module must be imported again.
    for name in [name for name in sys.modules if name.split(".")[0] == "gate"]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Loader(module, path, tree))
    options = ["-x", "-q", "-n0", "-m", "not slow", "-p", "no:cacheprovider", "-p", "no:randomly"]
    return int(pytest.main([*options, *tests]))


def score(name: str, sample: int) -> tuple[int, list[Mutant]]:
    """Return the number of mutants tried, and those that no test noticed."""
    path = ROOT / name
    source = path.read_text("utf-8")
    known = {(item["before"], item["after"]) for item in EQUIVALENT.get(name, ())}
    mutants = [mutant for mutant in mutants_of(source) if (mutant.before, mutant.after) not in known]
    if len(mutants) > sample:
        # Always the same ones, so that a score can be compared with an older one.
        mutants = random.Random(name).sample(mutants, sample)  # noqa: S311  no secret
    if noticed(path, ast.parse(source), TESTS[name]):
        sys.exit(f"{name}: its tests fail without any change")
    return len(mutants), [mutant for mutant in mutants if not noticed(path, mutant.tree, TESTS[name])]


def main() -> None:
    """Print the score of each module, and the mutants that survived."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", default=[*TESTS])
    parser.add_argument("--all", action="store_true", help="every mutant, not a sample")
    parser.add_argument("--sample", type=int, default=SAMPLE, help=f"mutants per module (default: {SAMPLE})")
    options = parser.parse_args()
    os.chdir(ROOT)
    # Not the folder of benchmarks: its `approvals.py` would hide the tests of that name.
    sys.path[:1] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "example_shortener")]
    tried = survived = 0
    for name in options.modules:
        number, survivors = score(name, sys.maxsize if options.all else options.sample)
        tried, survived = tried + number, survived + len(survivors)
        killed = number - len(survivors)
        record(f"unnoticed mutants of {name}", len(survivors) / max(number, 1), "")
        print(f"{name}: {killed} of {number} noticed ({killed / max(number, 1):.0%})", flush=True)
        for mutant in survivors:
            print(f"  line {mutant.line}: {mutant.before}  →  {mutant.after}", flush=True)
    print(f"all: {tried - survived} of {tried} noticed ({(tried - survived) / max(tried, 1):.0%})")


if __name__ == "__main__":
    main()
