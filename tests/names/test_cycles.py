"""What a value is does not depend on which part of a program was asked first."""

from __future__ import annotations

import ast
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gate.names.infer.cycles import Answers
from gate.names.infer.engine import Engine
from gate.names.infer.values import Values
from gate.names.resolve.environment import bundled_typeshed
from gate.names.resolve.modules import Modules
from gate.names.run import check
from gate.names.syntax.source import Source

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
