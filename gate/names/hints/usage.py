"""Guess the kind of a value if nothing shows it, by what else is done with it.

Such evidence is never enough for a finding. It says which names to expect on a value, and so which ones are out of
place.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

from gate.names.infer.engine import Engine
from gate.names.syntax.facts import COLUMNS, receiver_of
from gate.names.syntax.nodes import Function, dotted_name, walk
from gate.names.syntax.source import Scope

Kind = Literal["str", "list", "dict"]
ATTRIBUTES: dict[Kind, frozenset[str]] = {
    "str": frozenset(dir(str)) | frozenset(dir(bytes)),
    "list": frozenset(dir(list)) | {"appendleft", "popleft", "extendleft", "rotate", "maxlen"},
    "dict": frozenset(dir(dict)) | {"getlist", "move_to_end", "most_common", "elements", "default_factory"},
}
DISTINCTIVE: dict[Kind, frozenset[str]] = {
    "str": frozenset({"startswith", "endswith", "strip", "lstrip", "rstrip", "lower", "upper", "splitlines", "encode",
                      "isdigit", "capitalize", "casefold", "zfill", "ljust", "rjust", "partition", "rpartition",
                      "removeprefix", "removesuffix", "isalpha", "isspace", "isnumeric", "isalnum", "swapcase"}),
    "list": frozenset({"append", "extend", "sort"}),
    "dict": frozenset({"items", "keys", "setdefault", "popitem"}),
}  # fmt: skip
# String methods that return strings, with their maximum number of arguments.
GIVES_TEXT = {"strip": 1, "lstrip": 1, "rstrip": 1, "lower": 0, "upper": 0, "title": 0, "capitalize": 0, "casefold": 0,
              "decode": 2, "removeprefix": 1, "removesuffix": 1, "zfill": 1, "hexdigest": 0, "isoformat": 1,
              "read_text": 2, "getvalue": 0, "strftime": 1, "b64decode": 2, "swapcase": 0, "get_text": 2}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TypeHint:
    """The most likely kind of a value: `sure` by its origin, `likely` by its use, or `weak` by a hint."""

    kind: Kind | Literal[""] = ""
    strength: Literal["sure", "likely", "weak", ""] = ""
    is_called: bool = False
    given: int = -1
    """The number of positional arguments of a call; -1 if unknown."""
    is_of_whole: bool = True
    """Whether the arguments would fit a method of int."""
    given_by: tuple[str, ...] | None = None
    """The methods that returned the value, if every source of the value shows its kind; otherwise None."""


NOTHING = TypeHint()


class UsageInference:
    """Examines the surroundings of expressions in one file."""

    def __init__(self, engine: Engine) -> None:
        """Use `engine` for what is known for certain."""
        self._engine = engine
        self._uses: dict[ast.AST, dict[str, Counter[str]]] = {}
        self.calls: dict[ast.Attribute, ast.Call] = {}
        self.after: dict[ast.Attribute, str] = {}
        self.as_text: set[ast.Attribute] = set()
        self.as_pairs: set[ast.Attribute] = set()

    def note(self, node: ast.AST) -> None:
        """Record what is done with the result of a call, before the walk reaches the call itself."""
        match node:
            case ast.Call(func=ast.Attribute() as inner):
                self.calls[inner] = node
            case ast.Attribute(value=ast.Call(func=ast.Attribute() as inner)):
                self.after[inner] = node.attr
            case ast.Compare(left=left, comparators=others):
                sides = [left, *others]
                if any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in sides):
                    self.as_text |= {side.func for side in sides if isinstance(side, ast.Call)
                                     and isinstance(side.func, ast.Attribute)}  # fmt: skip
            case (
                ast.For(target=target, iter=ast.Call(func=ast.Attribute() as inner))
                | ast.comprehension(target=target, iter=ast.Call(func=ast.Attribute() as inner))
            ) if isinstance(target, ast.Tuple) and len(target.elts) == 2:
                self.as_pairs.add(inner)

    def of(self, node: ast.Attribute, scope: Scope) -> TypeHint:
        """Return the most likely kind of the value on which `node` is looked up."""
        call = self.calls.get(node)
        hint = self._of(node, scope, call)
        if call is None:
            return hint
        text = any(
            isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            for argument in call.args[:1]
        )
        counted = not call.keywords and not any(isinstance(argument, ast.Starred) for argument in call.args)
        argument_count = len(call.args) if counted else -1
        return replace(
            hint,
            is_called=True,
            given=argument_count,
            is_of_whole=bool(call.args or call.keywords) and not text,
        )

    def _of(self, node: ast.Attribute, scope: Scope, call: ast.Call | None) -> TypeHint:
        bare = call is not None and not call.args and not call.keywords
        if receiver_of(node.value) in COLUMNS or scope.is_tested(dotted_name(node.value)):
            return TypeHint()
        kind = self.kind(node.value, scope)
        if kind:
            by_name = isinstance(node.value, ast.Name | ast.BinOp)
            return TypeHint(
                kind, "likely" if by_name else "sure", given_by=self._given_by(node.value, kind, scope)
            )
        kind = self._by_use(node, scope)
        if kind:
            return TypeHint(kind, "likely")
        if node in self.as_pairs and bare:
            return TypeHint("dict", "weak")
        is_text = node in self.as_text or self.after.get(node, "") in DISTINCTIVE["str"] | {
            "split",
            "replace",
        }
        texts = call is not None and any(
            isinstance(argument, ast.Constant) and isinstance(argument.value, str | bytes)
            for argument in call.args
        )
        sliced = isinstance(node.value, ast.Subscript) and isinstance(
            node.value.slice, ast.Slice | ast.Constant
        )
        return TypeHint("str", "weak") if is_text or texts or (sliced and bare) else TypeHint()

    def kind(self, node: ast.expr, scope: Scope, depth: int = 0) -> Kind | Literal[""]:
        """Return the kind of an expression by its origin, or "" if unknown."""
        if depth > 6:
            return ""
        match node:
            case ast.Constant(value=str() | bytes()) | ast.JoinedStr():
                return "str"
            case ast.Call(func=ast.Attribute(attr=name, value=value), args=arguments) if (
                receiver_of(value) not in COLUMNS
            ):
                if name in GIVES_TEXT and len(arguments) <= GIVES_TEXT[name]:
                    return "str"
                texts = [
                    isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                    for argument in arguments
                ]
                if name == "replace" and len(arguments) >= 2 and any(texts[:2]):
                    return "str"
                if name in {"get", "pop", "getenv", "setdefault"} and len(arguments) == 2:
                    return "str" if texts[1] else _written_out(arguments[1])
                parted = name in {"split", "rsplit"} and bool(texts) and texts[0]
                return "list" if parted or name in {"splitlines", "readlines"} else ""
            case ast.BoolOp(op=ast.Or(), values=[*_, ast.List() | ast.Dict() as last]):
                # Whatever precedes it, the attribute must exist on the last operand too.
                return _written_out(last)
            case ast.BoolOp(values=values):
                return (
                    "str" if any(self.kind(operand, scope, depth + 1) == "str" for operand in values) else ""
                )
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                sides = {self.kind(left, scope, depth + 1), self.kind(right, scope, depth + 1)}
                return "str" if "str" in sides else ""
            case ast.Subscript(
                value=ast.Call(func=ast.Attribute(attr="split" | "rsplit" | "splitlines" | "partition"))
            ):
                return "str"
            case ast.Name(id=name):
                resolved = scope.lookup(name)
                if resolved is None or resolved[1].kind == "class":
                    return ""
                kinds = {
                    self._given(binding.node, binding.how, binding.path, resolved[1], depth)
                    for binding in resolved[0]
                }
                kinds -= {"", *(["str"] if len(kinds - {""}) > 1 else [])}
                return kinds.pop() if len(kinds) == 1 else ""
        return ""

    def _given_by(self, node: ast.expr, kind: Kind, scope: Scope) -> tuple[str, ...] | None:
        resolved = scope.lookup(node.id) if isinstance(node, ast.Name) else None
        origins: list[ast.AST] = [node]
        if resolved is not None:
            origins = [binding.node for binding in resolved[0]]
            if any(
                self._given(binding.node, binding.how, binding.path, resolved[1], 0) != kind
                for binding in resolved[0]
            ):
                return None
        calls = (inner.func for origin in origins for inner in walk(origin) if isinstance(inner, ast.Call))
        return tuple(sorted({function.attr for function in calls if isinstance(function, ast.Attribute)}))

    def _given(
        self, node: ast.AST, how: str, path: tuple[int, ...], scope: Scope, depth: int
    ) -> Kind | Literal[""]:
        if how not in {"value", "typed"} or path or not isinstance(node, ast.expr):
            return ""
        if isinstance(node, ast.Constant) and node.value == "":
            return "str"
        return _written_out(node) or self.kind(node, scope, depth + 1)

    def _by_use(self, node: ast.Attribute, scope: Scope) -> Kind | Literal[""]:
        """Return the kind of a value by what else the enclosing function looks up on it, or "" if unknown."""
        text = dotted_name(node.value)
        if not text:
            return ""
        outer = scope
        while outer.parent is not None and outer.parent.kind == "function":
            outer = outer.parent
        if not isinstance(outer.node, Function | ast.Lambda):
            return ""
        uses = self._uses.get(outer.node)
        if uses is None:
            uses = self._uses[outer.node] = {}
            for inner in walk(outer.node):
                if isinstance(inner, ast.Attribute) and (dotted := dotted_name(inner.value)):
                    uses.setdefault(dotted, Counter())[inner.attr] += 1
        seen = set(uses.get(text, ())) - {node.attr}
        kinds: list[Kind] = [
            kind for kind, words in DISTINCTIVE.items() if seen & words and seen <= ATTRIBUTES[kind]
        ]
        return kinds[0] if len(kinds) == 1 else ""


def _written_out(node: ast.expr) -> Kind | Literal[""]:
    """Return the kind of a list or dict that is written out with brackets, or "" for anything else."""
    if isinstance(node, ast.List | ast.ListComp):
        return "list"
    return "dict" if isinstance(node, ast.Dict | ast.DictComp) else ""
