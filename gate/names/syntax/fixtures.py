"""Find the pytest fixtures that a module defines, and those that its tests request by parameter names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gate.names.syntax.nodes import Function, dotted_name, name_of, parameters, walk

_TEST_MODULE = re.compile(r"(?:^|\.)(?:test_\w*|\w*_test|tests|conftest)$")
_FIXTURE_DECORATORS = frozenset({"fixture", "yield_fixture"})
_KEEP_PARAMETERS = frozenset({"staticmethod", "skip", "skipif", "xfail"})

OF_PYTEST = frozenset(
    """
    cache capfd capfdbinary caplog capsys capsysbinary capteesys doctest_namespace monkeypatch pytestconfig pytester
    record_property record_testsuite_property record_xml_attribute recwarn request subtests testdir tmp_path
    tmp_path_factory tmpdir tmpdir_factory
    """.split()  # noqa: SIM905  a table that is read as one
)
"""The fixtures built into pytest."""


class FixtureRequest(NamedTuple):
    """A name that a test or fixture requests, or that `parametrize` sets although there is no such parameter."""

    name: str
    line: int
    column: int
    end_line: int
    is_text: bool = False
    is_used: bool = False
    """Whether the function's body uses the name."""
    choices: tuple[str, ...] = ()
    """Possible corrections besides fixtures: for a parameter, unused names from `parametrize`, and vice versa."""


@dataclass(slots=True)
class Fixtures:
    """The fixtures that a module defines and requests."""

    defined: set[str] = field(default_factory=set)
    requests: list[FixtureRequest] = field(default_factory=list)


def fixtures_in(tree: ast.Module, module: str) -> Fixtures:
    """Return the fixtures that a module called `module` defines and requests."""
    fixtures = Fixtures()
    is_test = _TEST_MODULE.search(module) is not None
    for node in walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if _is_fixture(node):
                fixtures.defined.add(_name_of_fixture(node))
                if _keeps_parameters(node):
                    fixtures.requests += _requests(node, [])
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call) if _makes_fixture(call):
                fixtures.defined.add(name)
            case ast.Call(
                func=ast.Attribute(attr="getfixturevalue"), args=[ast.Constant(value=str()) as text]
            ):
                fixtures.requests.append(_request(text))
    if is_test:
        _read_tests(tree.body, [], fixtures)
    return fixtures


def _read_tests(body: list[ast.stmt], marks: list[ast.expr], fixtures: Fixtures) -> None:
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test"):
                if _keeps_parameters(node):
                    fixtures.requests += _requests(node, marks)
            case ast.ClassDef(name=name) if name.startswith("Test") and not any(
                "TestCase" in ast.unparse(base) for base in node.bases
            ):
                if all(_is_mark(decorator) for decorator in node.decorator_list):
                    for decorator in node.decorator_list:
                        fixtures.requests += _used_fixtures(decorator)
                    _read_tests(node.body, [*marks, *node.decorator_list], fixtures)


def _requests(node: Function, marks: list[ast.expr]) -> Iterator[FixtureRequest]:
    """Yield what one function requests. `marks` are those of the enclosing classes."""
    own = [_parametrized(mark) for mark in node.decorator_list]
    around = [_parametrized(mark) for mark in marks]
    if None in own or None in around:
        # The names of the parameters are computed.
        return
    for mark in node.decorator_list:
        yield from _used_fixtures(mark)
    required = _required(node.args)
    names = {argument.arg for argument in parameters(node.args)}
    parametrized = {name for listed in [*own, *around] for name in listed or {}}
    unused = {name: text for listed in own for name, text in (listed or {}).items() if name not in names}
    used = {item.id for statement in node.body for item in walk(statement) if isinstance(item, ast.Name)}
    missing = [argument for argument in required if argument.arg not in parametrized]
    for argument in missing:
        line, is_used = argument.lineno, argument.arg in used
        end = argument.end_lineno or line
        yield FixtureRequest(
            argument.arg, line, argument.col_offset + 1, end, is_used=is_used, choices=tuple(unused)
        )
    choices = tuple(argument.arg for argument in missing if argument.arg in used)
    for name, text in unused.items() if choices else ():
        yield _request(text)._replace(name=name, choices=choices)


def _required(arguments: ast.arguments) -> list[ast.arg]:
    """Return the parameters without a default, except `self` or `cls`."""
    positional = [*arguments.posonlyargs, *arguments.args]
    required = positional[: len(positional) - len(arguments.defaults)]
    required += [
        argument
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    return required[1:] if required and required[0].arg in {"self", "cls"} else required


def _used_fixtures(mark: ast.expr) -> Iterator[FixtureRequest]:
    if name_of(mark) == "usefixtures" and isinstance(mark, ast.Call):
        for argument in mark.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield _request(argument)


def _parametrized(mark: ast.expr) -> dict[str, ast.Constant] | None:
    """Return the parameters that a mark sets, with the strings that name them, or None if they can't be read."""
    if name_of(mark) != "parametrize" or not isinstance(mark, ast.Call):
        return {}
    named = [word.value for word in mark.keywords if word.arg == "argnames"]
    match [*mark.args[:1], *named]:
        case [ast.Constant(value=str(text)) as constant]:
            return {name.strip(): constant for name in text.split(",") if name.strip()}
        case [ast.Tuple(elts=items) | ast.List(elts=items)]:
            names = {str(item.value): item for item in items if isinstance(item, ast.Constant)}
            return names if len(names) == len(items) else None
    return None


def _request(text: ast.Constant) -> FixtureRequest:
    line = text.lineno
    return FixtureRequest(str(text.value), line, text.col_offset + 2, text.end_lineno or line, is_text=True)


def _is_fixture(node: Function) -> bool:
    return any(name_of(decorator) in _FIXTURE_DECORATORS for decorator in node.decorator_list)


def _makes_fixture(call: ast.Call) -> bool:
    """Return whether a call is `pytest.fixture(function)` or `pytest.fixture(scope="module")(function)`."""
    inner = call.func if isinstance(call.func, ast.Call) else call
    return name_of(inner) in _FIXTURE_DECORATORS


def _name_of_fixture(node: Function) -> str:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call):
            for word in decorator.keywords:
                if word.arg == "name" and isinstance(word.value, ast.Constant):
                    return str(word.value.value)
    return node.name


def _is_mark(decorator: ast.expr) -> bool:
    dotted = dotted_name(decorator.func if isinstance(decorator, ast.Call) else decorator)
    return ".mark." in f".{dotted}"


def _keeps_parameters(node: Function) -> bool:
    """Return whether pytest passes all of the function's arguments. Other decorators may pass some themselves."""
    return all(
        _is_mark(decorator) or name_of(decorator) in _FIXTURE_DECORATORS | _KEEP_PARAMETERS
        for decorator in node.decorator_list
    )
