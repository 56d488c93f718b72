"""What a value is does not depend on which part of a program was asked first."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gate.names
from gate.names.infer.cycles import Answers
from gate.names.infer.engine import Engine
from gate.names.infer.values import Instance, Values
from gate.names.resolve.environment import bundled_typeshed
from gate.names.resolve.modules import Modules
from gate.names.run import check
from gate.names.syntax.source import Scope, Source

NAMES = ("a", "b", "c", "d")
VALUES = st.one_of(
    st.sampled_from(("'x'", "1", "[]", "None")),
    st.sampled_from(NAMES),
    st.sampled_from(NAMES).map(lambda name: f"{name} or 1"),
    st.sampled_from(NAMES).map(lambda name: f"{name}.real"),
)
TYPESHED = bundled_typeshed()
INSTALLED = Modules(None, TYPESHED, [])


def test_answers_in_a_circle_are_the_same_from_wherever_they_are_asked() -> None:
    answers = Answers()
    asked: list[str] = []

    def ask(name: str) -> frozenset[str]:
        def work() -> frozenset[str]:
            asked.append(name)
            return {"a": lambda: ask("b") | {"1"}, "b": lambda: ask("a") | {"2"}}[name]()

        return answers.of(name, work, frozenset())

    assert ask("a") == {"1", "2"}
    assert ask("b") == {"1", "2"}
    worked = len(asked)
    assert ask("a") == ask("b") == {"1", "2"}
    assert len(asked) == worked


def test_what_changes_to_and_fro_is_unknown() -> None:
    answers = Answers()

    def ask() -> int | None:
        def work() -> int:
            return 1 - (ask() or 0)

        return answers.of("a", work, 0)

    assert ask() is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), min_size=2, max_size=7), st.permutations(NAMES))
def test_a_name_means_the_same_in_whatever_order_it_is_asked(
    statements: list[tuple[str, str]], order: list[str]
) -> None:
    lines = [f"        {name} = {value}" for name, value in statements]
    text = "\n".join(["def work(more):", "    while more:", *lines])

    def kinds(names: list[str]) -> dict[str, Values | frozenset[str]]:
        source = Source("example", "project", ast.parse(text), text.encode(), is_package=False)
        engine = Engine(Modules(None, TYPESHED, [], INSTALLED))
        (function,) = (node for node in source.tree.body if isinstance(node, ast.FunctionDef))
        scope = source.inner(function, source.scope)
        found = {name: engine.names.in_scope(name, scope) for name in names}
        return {name: value and frozenset(map(str, value)) for name, value in sorted(found.items())}

    assert kinds(order) == kinds(list(NAMES))


def test_a_statement_without_effect_changes_no_finding(tmp_path: Path) -> None:
    text = (
        "def follow(chosen, steps):\n    a = 'x'\n    b = 1\n    while steps:\n{}"
        "        if chosen:\n            a = b\n        b = a.real\n    return b\n"
    )
    (tmp_path / "plain.py").write_text(text.format(""))
    (tmp_path / "asked.py").write_text(text.format("        id(a)\n"))
    assert check(tmp_path, None, None)[1] == []


def reads_in(source: Source) -> list[tuple[ast.expr, Scope]]:
    """Every expression that is read in a file, with its scope."""
    reads: list[tuple[ast.expr, Scope]] = []
    ahead: list[tuple[ast.AST, Scope]] = [(source.tree, source.scope)]
    while ahead:
        node, scope = ahead.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
                ahead.append((child, source.inner(child, scope)))
                continue
            ahead.append((child, scope))
            if isinstance(child, ast.expr) and isinstance(getattr(child, "ctx", ast.Load()), ast.Load):
                reads.append((child, scope))
    return reads


def described(values: Values) -> str:
    """Values as text, which is the same for two engines."""
    if values is None:
        return "unknown"
    return str(sorted(re.sub(r" at 0x\w+", "", str(value)) for value in values))


def answers_to(path: Path, order: Callable[[int], list[int]]) -> list[str]:
    """What a new engine makes of each expression in a file of gate, asked in the order that `order` gives."""
    root = Path(gate.__file__).parent.parent
    modules = Modules(root, TYPESHED, [], INSTALLED)
    source = modules.source(".".join(path.relative_to(root).with_suffix("").parts))
    assert source is not None
    engine, reads = Engine(modules), reads_in(source)
    answers = {number: engine.infer(*reads[number]) for number in order(len(reads))}
    return [described(answers[number]) for number in range(len(reads))]


@pytest.mark.parametrize("file", ["infer/cycles.py", "resolve/search_path.py", "read/notebooks.py"])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_expression_of_a_file_is_the_same_in_whatever_order_they_are_asked(
    file: str, seed: int
) -> None:
    path = Path(gate.names.__file__).parent / file

    def shuffled(count: int) -> list[int]:
        order = list(range(count))
        random.Random(seed).shuffle(order)  # noqa: S311  the same order in every run
        return order

    plain = answers_to(path, lambda count: list(range(count)))
    assert len(set(plain)) > 20
    assert answers_to(path, shuffled) == plain


CHAIN = "\n".join(["a0 = 'x'", *(f"a{number} = a{number - 1}" for number in range(1, 300))])
LONG_CYCLE = "\n".join(
    ["def f(more):", " a0 = 'x'", " while more:", *(f"  a{n} = a{n - 1}" for n in range(1, 40)), "  a0 = a39"]
)


@pytest.mark.parametrize(("text", "last"), [(CHAIN, 299), (LONG_CYCLE, 39)])
@pytest.mark.parametrize("first", [0, 20, 39])
def test_no_question_is_too_deep(text: str, last: int, first: int) -> None:
    source = Source("example", "project", ast.parse(text), text.encode(), is_package=False)
    engine = Engine(Modules(None, TYPESHED, [], INSTALLED))
    function = source.tree.body[0]
    scope = source.inner(function, source.scope) if isinstance(function, ast.FunctionDef) else source.scope
    for number in (first, last, 1):
        (value,) = engine.names.in_scope(f"a{number}", scope) or ()
        assert isinstance(value, Instance)
        assert value.of.name == "str"
