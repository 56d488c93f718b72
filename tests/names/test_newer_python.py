"""Code for a newer Python than the one that reads it is parsed, and checked by the library of that version."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from gate.names.read.newer_syntax import parse
from gate.names.run import check

NEWER = {
    "def first[T: (int, str) = int](rows: list[T]): ...\n": "def first(rows: list[T]): ...",
    "class Box[\n    T,\n    *Ts,\n](dict[str, T]):\n    pass\n": "class Box(dict[str, T]):\n    pass",
    "type Pair[T] = tuple[T, T]\n": "Pair = lambda T: tuple[T, T]",
    "type Name = str\n": "Name = lambda: str",
    "type Pair[T: (int, str), U = int] = tuple[T, U]\n": "Pair = lambda T, U: (int, str) and int and tuple[T, U]",
    'print(f"{row["name"]}")\n': "print(f\"{row['name']}\")",
    "print(f'{row['name']:{row['width']}}')\n": 'print(f\'{row["name"]:{row["width"]}}\')',
    'print(f"{", ".join(rows)} {{x}} {rows!r:#x}")\n': "print(f\"{', '.join(rows)} {{x}} {rows!r:#x}\")",
    'print(f"{"\\n".join(rows)}")\n': "print(f\"{' '.join(rows)}\")",
    'print(f"{\n    row  # the row\n}")\n': "print(f'{row}')",
    "try: ...\nexcept OSError, KeyError: ...\n": "try: ...\nexcept (OSError, KeyError): ...",
    "print(t'{row}')\n": "print(f'{row}')",
}


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this interpreter reads most of it by itself")
@pytest.mark.parametrize("text", NEWER)
def test_newer_syntax_is_read_line_by_line(text: str) -> None:
    with pytest.raises(SyntaxError):
        ast.parse(text)
    tree = parse(text.encode())
    assert ast.unparse(tree) == ast.unparse(ast.parse(NEWER[text]))
    assert all(1 <= getattr(node, "lineno", 1) <= text.count("\n") for node in ast.walk(tree))


@pytest.mark.parametrize("text", ["def broken(:\n", "type = = 1\n", 'print(f"{row")\n', "print('\n"])
def test_what_no_version_reads_is_an_error_of_this_one(text: str) -> None:
    with pytest.raises(SyntaxError):
        parse(text.encode())


def findings(folder: Path, text: str, settings: str) -> list[tuple[int, str]]:
    """Line and rule of what is found in a project with such settings."""
    (folder / "pyproject.toml").write_text(settings)
    (folder / "example.py").write_text(text)
    return [(one.line, one.rule) for one in check(folder, None, None)[1]]


def test_the_version_that_the_project_requires_decides(tmp_path: Path) -> None:
    text = (
        "import copy\nimport warnings\n\n\n"
        "@warnings.deprecated('old')\n"
        "def first[T](rows: list[T]) -> T:\n"
        '    print(f"{rows["a"]}", PythonFinalizationError, undefined_here)\n'
        "    return copy.replace(rows[0])\n"
    )
    assert findings(tmp_path, text, '[project]\nrequires-python = ">=3.13"\n') == [(7, "undefined-name")]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this interpreter has type parameters")
def test_newer_syntax_is_an_error_in_a_project_for_this_version(tmp_path: Path) -> None:
    text = "def first[T](rows: list[T]) -> T:\n    return rows[0]\n"
    assert findings(tmp_path, text, '[project]\nrequires-python = ">=3.11"\n') == [(1, "syntax-error")]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this interpreter has type parameters")
def test_tests_may_be_for_newer_versions_only(tmp_path: Path) -> None:
    text = "type Pair[T] = tuple[T, T]\n\n\ndef test_pair():\n    assert Pair[int] and undefined_here\n"
    (tmp_path / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.11"\n')
    (tmp_path / "test_pairs.py").write_text(text)
    assert [(one.line, one.rule) for one in check(tmp_path, None, None)[1]] == [(5, "undefined-name")]


def test_type_parameters_of_a_class_are_seen_in_its_methods(tmp_path: Path) -> None:
    text = (
        "class Box[T](dict[str, T]):\n    type Inner = list[T]\n\n"
        "    def all[K](self, key: K) -> list[T]:\n        return [key, lambda: T]\n"
    )
    assert findings(tmp_path, text, '[project]\nrequires-python = ">=3.12"\n') == []


def test_bounds_of_type_parameters_are_read(tmp_path: Path) -> None:
    text = (
        "def first[T: Later](rows: list[T]) -> T: ...\n"
        "class Later[T = Lattr]: ...\n"
        "class Box[\n"
        "    T: (int, Missing),\n"
        "]: ...\n"
        "type Pair[T: Gone] = tuple[T, Later]\n"
        "@print(T)\n"
        "class Last[T](list[T]): ...\n"
    )
    expected = [(2, "undefined-name"), (4, "undefined-name"), (6, "undefined-name"), (7, "undefined-name")]
    assert findings(tmp_path, text, '[project]\nrequires-python = ">=3.13"\n') == expected
