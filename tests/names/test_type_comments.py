"""Types in comments and texts: where they stand, and which files are not read a second time for them."""

from __future__ import annotations

import ast

import pytest

from gate.names.syntax.type_comments import type_in_text, types_in_comments


def test_a_type_has_the_place_that_it_has_in_the_file() -> None:
    source = "class A:\r\n    größe = [\r\n    ]  # type: List[Itme]  # type: ignore\r\n"
    ((result,),) = types_in_comments(source.encode()).values()
    (name,) = [node for node in ast.walk(result) if isinstance(node, ast.Name) and node.id == "Itme"]
    line = source.split("\r\n")[name.lineno - 1].encode()
    assert line[name.col_offset : name.end_col_offset] == b"Itme"


@pytest.mark.parametrize("comment", ["# type: ignore", "#type:ignore[x]", "# types: Itme", "# kind: Itme"])
def test_a_file_without_types_in_comments_is_not_parsed(
    comment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ast, "parse", lambda *_, **__: pytest.fail("it is parsed"))
    assert types_in_comments(f"x = 1  {comment}\n".encode()) == {}


@pytest.mark.parametrize("text", ["'List[Item]'", '"Item"'])
def test_a_type_in_a_text_has_the_place_that_it_has_in_the_file(text: str) -> None:
    (statement,) = ast.parse(f"größe: {text} = 1").body
    assert isinstance(statement, ast.AnnAssign)
    assert isinstance(statement.annotation, ast.Constant)
    result = type_in_text(statement.annotation)
    assert result is not None
    assert f"größe: {text} = 1".encode()[result.col_offset : result.end_col_offset] == text[1:-1].encode()


@pytest.mark.parametrize("text", ["r'Item'", "'''Item'''", "'It' 'em'", "'the item'", "'\\x49tem'"])
def test_a_text_whose_place_is_not_plain_is_passed_over(text: str) -> None:
    (statement,) = ast.parse(f"x: {text} = 1").body
    assert isinstance(statement, ast.AnnAssign)
    assert isinstance(statement.annotation, ast.Constant)
    assert type_in_text(statement.annotation) is None


@pytest.mark.parametrize("source", ["x = (1,  # type: int\n     2)\n", "x = 1  # type: the number\n"])
def test_what_is_no_type_in_its_place_is_passed_over(source: str) -> None:
    ast.parse(source)
    assert types_in_comments(source.encode()) == {}
