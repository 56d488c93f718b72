"""Every kind of statement and expression that binds a name, against the one function that says so."""

from __future__ import annotations

import ast
import symtable
import sys

import pytest

from gate.names.syntax.bindings import bindings_in, bindings_of, names_bound, targets_of
from gate.names.syntax.guards import Guards
from gate.names.syntax.nodes import walk
from gate.names.syntax.reachability import branch_taken

Version = tuple[int, int]

STATEMENTS: list[tuple[str, str, Version]] = [
    # The statement, the names that it binds in its own scope, and the first version of Python that has it.
    ("x = 1", "x", (3, 8)),
    ("x = y = 1", "x y", (3, 8)),
    ("x, (y, *z) = v", "x y z", (3, 8)),
    ("[x, y] = v", "x y", (3, 8)),
    ("v.x = v[y] = 1", "", (3, 8)),
    ("v.x, y = 1, 2", "y", (3, 8)),
    ("v[(x := 1)] = 2", "x", (3, 8)),
    ("x: int = 1", "x", (3, 8)),
    ("x: int", "x", (3, 8)),
    ("v.x: int = 1", "", (3, 8)),
    ("x += 1", "x", (3, 8)),
    ("v.x += 1", "", (3, 8)),
    ("del x, (y, v.z)", "x y", (3, 8)),
    ("import x", "x", (3, 8)),
    ("import x.y", "x", (3, 8)),
    ("import x.y as z", "z", (3, 8)),
    ("import x, y as z", "x z", (3, 8)),
    ("from x import y", "y", (3, 8)),
    ("from x import y as z, w", "z w", (3, 8)),
    ("from . import x", "x", (3, 8)),
    ("from .x import y", "y", (3, 8)),
    ("def x(y, /, z=1, *a, k, **w): inner = 1", "x", (3, 8)),
    ("async def x(y): inner = 1", "x", (3, 8)),
    ("@(d := v)\ndef x(y=(e := 1)): pass", "d e x", (3, 8)),
    ("class x(v): inner = 1", "x", (3, 8)),
    ("@(d := v)\nclass x(b := v): pass", "b d x", (3, 8)),
    ("for x in v: y = 1\nelse: z = 1", "x y z", (3, 8)),
    ("for x, (y, *z) in v: pass", "x y z", (3, 8)),
    ("for v.x in v: pass", "", (3, 8)),
    ("while (x := v): y = 1\nelse: z = 1", "x y z", (3, 8)),
    ("if v: x = 1\nelif w: y = 1\nelse: z = 1", "x y z", (3, 8)),
    ("with v as x, w as (y, z): a = 1", "a x y z", (3, 8)),
    ("with (v as x, w as y): pass", "x y", (3, 9)),
    ("try: x = 1\nexcept E as e: y = 1\nelse: z = 1\nfinally: w = 1", "e w x y z", (3, 8)),
    ("try: x = 1\nexcept* E as e: y = 1", "e x y", (3, 11)),
    ("v(x := 1)", "x", (3, 8)),
    ("v = lambda y: (z := y)", "v", (3, 8)),
    ("v = [x for x in w]", "v", (3, 8)),
    ("v = {x: y for x, y in w if (z := x)}", "v z", (3, 8)),
    ("v = {x for x in w}, (y for y in w)", "v", (3, 8)),
    ("match v:\n case x: pass", "x", (3, 10)),
    ("match v:\n case [x, *y]: pass", "x y", (3, 10)),
    ("match v:\n case {'k': x, **y}: z = 1", "x y z", (3, 10)),
    ("match v:\n case C(x, k=y) as z: pass", "x y z", (3, 10)),
    ("match v:\n case 1 | None | w.a: pass\n case _: pass", "", (3, 10)),
    ("type x = int", "x", (3, 12)),
    ("type x[T, *Ts, **P] = list[T]", "P T Ts x", (3, 12)),
    ("def x[T](y: T) -> T: inner = 1", "x", (3, 12)),
    ("class x[T = int]: inner = 1", "x", (3, 13)),
    ("assert v, (x := 1)", "x", (3, 8)),
    ("raise v from (x := w)", "x", (3, 8)),
    ("x = f'{(y := 1)}'", "x y", (3, 8)),
    ("x = t'{(y := 1)}'", "x y", (3, 14)),
    ("pass", "", (3, 8)),
    ("v", "", (3, 8)),
]
HIGHEST = sys.version_info[:2]


def parsed(statement: str, since: Version) -> ast.stmt:
    if since > HIGHEST:
        pytest.skip(f"Python {since[0]}.{since[1]} has this syntax")
    return ast.parse(statement).body[0]


@pytest.mark.parametrize(("statement", "names", "since"), STATEMENTS)
def test_what_a_statement_binds(statement: str, names: str, since: Version) -> None:
    node = parsed(statement, since)
    bound = {name for name, binding in bindings_in(node) if not isinstance(binding.inside, ast.expr)}
    # What is evaluated with the head of a definition is bound outside of it: decorators, defaults, and bases.
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        heads = [
            *node.decorator_list,
            *(node.bases if isinstance(node, ast.ClassDef) else node.args.defaults),
        ]
        bound |= {name for head in heads for name, _ in bindings_in(head)}
    assert bound == set(names.split())


@pytest.mark.parametrize(("statement", "names", "since"), STATEMENTS)
def test_the_table_agrees_with_the_compiler(statement: str, names: str, since: Version) -> None:
    parsed(statement, since)
    (function,) = symtable.symtable(
        f"def f():\n {statement.replace(chr(10), chr(10) + ' ')}", "f", "exec"
    ).get_children()
    local = {
        symbol.get_name()
        for symbol in function.get_symbols()
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_annotated()
    }
    inner_of_type_alias = {"T", "Ts", "P"} if statement.startswith("type") else set()
    # Python 3.12 and later list what a comprehension binds in the function around it.
    loops = [node.target for node in ast.walk(ast.parse(statement)) if isinstance(node, ast.comprehension)]
    of_comprehensions = {node.id for loop in loops for node in ast.walk(loop) if isinstance(node, ast.Name)}
    assert local - {".0"} - of_comprehensions == set(names.split()) - inner_of_type_alias


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("def f(a, /, b, *c, d=1, **e): pass", "a b c d e"),
        ("lambda a, *b, c=1, **d: a", "a b c d"),
    ],
)
def test_parameters_are_bound_by_the_arguments(statement: str, names: str) -> None:
    (arguments,) = (node for node in ast.walk(ast.parse(statement)) if isinstance(node, ast.arguments))
    assert set(names_bound(arguments)) == set(names.split())


def test_declarations_and_stars_give_no_value() -> None:
    tree = ast.parse("def f():\n global x\n nonlocal_ = 1\n def g():\n  nonlocal nonlocal_\nfrom m import *")
    hows = {binding.how: name for node in ast.walk(tree) for name, binding in bindings_of(node)}
    assert hows["declared"] == "nonlocal_"
    assert hows["star"] == "*"
    assert not set(names_bound(tree.body[-1]))


def test_each_name_is_bound_by_one_node_only() -> None:
    tree = ast.parse("for x, y in v:\n with w as z:\n  import a.b as c\ntry: pass\nexcept E as e: pass")
    names = [name for node in walk(tree) for name, _ in bindings_of(node)]
    assert sorted(names) == ["c", "e", "x", "y", "z"]


def test_attributes_and_subscripts_are_targets_with_their_place_in_the_value() -> None:
    (statement,) = ast.parse("self.a, (v[0], x), *self.b = value").body
    targets = [(ast.unparse(target), binding.how, binding.path) for target, binding in targets_of(statement)]
    assert targets == [
        ("self.a", "value", (0,)),
        ("v[0]", "value", (1, 0)),
        ("x", "value", (1, 1)),
        ("self.b", "anything", (2,)),
    ]


MAY_FAIL = [
    ("try: {}\nexcept ImportError: pass", True, True),
    ("try: {}\nexcept (KeyError, AttributeError): pass", True, True),
    ("try: {}\nexcept* NameError: pass", True, True),
    ("try: {}\nexcept Exception: pass", False, True),
    ("try: {}\nexcept: pass", False, True),
    ("try: {}\nexcept KeyError: pass", False, False),
    ("try: pass\nexcept ImportError: {}", False, True),
    ("try: pass\nfinally: {}", False, False),
    ("with suppress(AttributeError): {}", True, True),
    ("with contextlib.suppress(KeyError, ImportError): {}", True, True),
    ("with pytest.raises(AttributeError): {}", True, True),
    ("with self.assertRaises(NameError): {}", True, True),
    ("with open(v): {}", False, False),
    ("if TYPE_CHECKING: {}", True, True),
    ("if sys.version_info >= (3, 99): {}", True, True),
    ("if sys.version_info >= (3, 99): pass\nelse: {}", True, True),
    ("if sys.platform == 'win32': {}", True, True),
    ("if os.name == 'nt': {}", True, True),
    ("if django.VERSION > (9,): {}", True, True),
    ("PY9 = sys.version_info > (9,)\nif PY9: {}", True, True),
    ("if v: {}", False, False),
    ("@pytest.mark.xfail\ndef f():\n {}", True, True),
    ("@pytest.mark.skipif(sys.version_info < (9,), reason='r')\ndef f():\n {}", True, True),
    ("@decorated\ndef f():\n {}", False, False),
]


@pytest.mark.parametrize(("code", "lookup", "imported"), MAY_FAIL)
def test_where_code_may_fail(code: str, lookup: bool, imported: bool) -> None:
    for statement, kind, expected in (
        ("target.x", ast.Attribute, lookup),
        ("import target", ast.Import, imported),
    ):
        tree = ast.parse(code.format(statement))
        guards = Guards(tree)
        (node,) = (
            node for node in ast.walk(tree) if isinstance(node, kind) and "target" in ast.unparse(node)
        )
        guard = guards.of(node)
        assert (guard.expects_missing if kind is ast.Attribute else guard.expects_import_error) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("target.x if sys.version_info >= (3, 99) else v", True),
        ("v if hasattr(v, 'x') else target.x", False),
        ("PY3 and target.x", True),
        ("[target.x for v in w if sys.platform == 'linux']", False),
        ("[v for v in w if sys.platform == 'linux' and target.x]", True),
        ("pytest.raises(AttributeError, target.x)", True),
        ("print(target.x)", False),
    ],
)
def test_where_expressions_may_fail(expression: str, expected: bool) -> None:
    tree = ast.parse(expression)
    (node,) = (
        node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node) == "target.x"
    )
    assert Guards(tree).of(node).expects_missing is expected


@pytest.mark.parametrize(
    ("test", "taken"),
    [
        ("sys.version_info >= (3, 12)", True),
        ("sys.version_info >= (3, 13)", False),
        ("sys.version_info < (3, 13)", True),
        ("sys.version_info < (3,)", False),
        ("sys.version_info == (3, 12)", None),
        (f"sys.platform == {sys.platform!r}", True),
        (f"sys.platform != {sys.platform!r}", False),
        ("sys.platform == 'elsewhere'", False),
        ("version_info >= (3, 12)", None),
        ("v", None),
    ],
)
def test_which_branch_is_taken(test: str, taken: bool | None) -> None:
    assert branch_taken(ast.parse(test, mode="eval").body, (3, 12)) is taken
