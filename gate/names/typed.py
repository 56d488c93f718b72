"""What is wrong for certain, since the kinds of values in one file can be read."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from gate.names.calls import Misfit, class_of, misfit, signature_of
from gate.names.classes import MISSING, Missing
from gate.names.comments import texts_of_types, type_in_text, types_in_comments
from gate.names.given import last_name
from gate.names.infer import Engine, name_of
from gate.names.kinds import FAMILY, READS_OR_WRITES, Kinds, WrongKind
from gate.names.likely import Evidence, Likely
from gate.names.modules import MODULE_NAMES, Source
from gate.names.near import candidates, is_typical
from gate.names.nodes import children, walk
from gate.names.scopes import Scope, own_nodes
from gate.names.text import TextKinds
from gate.names.values import (
    ClassValue,
    Coroutine,
    Function,
    FunctionValue,
    Instance,
    ModuleValue,
    Tuple,
    Value,
    Values,
)

BUILTINS = frozenset(dir(builtins)) | {
    "__file__", "__name__", "__path__", "__doc__", "__spec__", "__package__", "__loader__", "__builtins__",
    "__annotations__", "__dict__", "__class__", "__module__", "__qualname__", "WindowsError", "reveal_type",
}  # fmt: skip
ASKING = frozenset({"implementation", "python_implementation", "platform", "version_info", "PYPY", "PY2",
                    "PY3", "TYPE_CHECKING", "find_spec"})  # fmt: skip
TOLERANT = frozenset({"ImportError", "ModuleNotFoundError", "AttributeError", "NameError", "TypeError"})
OF_PYTHON_2 = frozenset({"unicode", "basestring", "long", "unichr", "xrange", "raw_input", "reduce", "reload", "file",
                         "execfile", "cmp", "apply", "buffer", "intern", "coerce", "StandardError"})  # fmt: skip
_COLLECTS = re.compile(
    r"append|add|extend|put|insert|push|task|future|gather|wait|run|shield|sched|spawn|submit|start|create|coro|async"
    r"|call|send|defer|close|timeout|ensure|set|register"
)
"""What takes a coroutine to await it later: names of functions that say nothing of the kind get one by mistake."""
DUNDERS = frozenset(
    name
    for one in (object, type, int, str, list, dict, set, bytes, BaseException, ast, TypedDict, len, ast.parse, property)
    for name in dir(one)
    if name.startswith("__") and name.endswith("__")
) | BUILTINS | {
    "__enter__", "__exit__", "__aenter__", "__aexit__", "__await__", "__aiter__", "__anext__", "__del__", "__all__",
    "__get__", "__set__", "__delete__", "__set_name__", "__post_init__", "__slots__", "__wrapped__", "__version__",
    "__self__", "__func__", "__args__", "__origin__", "__bytes__", "__bool__", "__next__", "__call__", "__copy__",
    "__deepcopy__", "__fields__", "__members__", "__table__", "__tablename__", "__required_keys__", "__author__",
}  # fmt: skip
Place = tuple[int, int]
Strange = Literal["", "project", "anywhere"]


@dataclass(frozen=True, slots=True)
class Certain:
    """Something wrong at a place. `word` is what is written, `names` are what could be meant instead.

    `strange` says who else must not know `word` for that: nobody in the project, or nobody anywhere.
    """

    rule: str
    line: int
    column: int
    end_line: int
    message: str
    word: str = ""
    names: frozenset[str] = frozenset()
    strange: Strange = ""
    hint: str = ""


@dataclass(slots=True)
class Judged:
    """What was found in a file, and the places of names that are known to be right."""

    told: list[Certain] = field(default_factory=list)
    settled: set[Place] = field(default_factory=set)
    evidence: dict[Place, Evidence] = field(default_factory=dict)
    """What the values most likely are in which other attributes are looked up."""
    doubtful: list[int] = field(default_factory=list)
    """Which of the file's imports are not certainly right."""
    exports: bool = True
    """Whether all that the file exports has to be looked for."""
    wrong: list[WrongKind] = field(default_factory=list)
    """Calls of a `load` or `dump` that another file has imported, with a value of the wrong kind."""


class Judge:
    """Reads one file with an engine that knows the others."""

    def __init__(self, engine: Engine, source: Source) -> None:
        """`source` is a file of the project."""
        self._engine = engine
        self._source = source
        self._text = TextKinds(engine)
        self._likely = Likely(engine)
        self.found = Judged()
        self._tolerant = 0
        self._asked = 0
        self._nameless = 0
        """How many `try`s around are ready for a name that is not bound."""
        self._awaited: set[tuple[Scope | None, str]] = set()
        self._thrown_away: list[tuple[tuple[Scope | None, str], ast.Call]] = []
        self._passed_on: dict[ast.Call, tuple[str, str]] = {}
        """Calls of a `load` or `dump` that another file has imported: its module and its name."""
        self._comments = types_in_comments(source.data)
        self._unrun = 0
        """Whether what is read is a type in a comment or a text, which nobody runs."""
        self._opens = any(self._is_open_star(star) for star in source.scope.stars)

    def judge(self) -> Judged:
        """Everything that is certain about the file."""
        self._all(self._source.tree.body, self._source.scope)
        for key, call in self._thrown_away:
            if key in self._awaited:
                self._tell("missing-await", call, f"`{key[1]}` is awaited elsewhere", hint="add `await`")
        if self._passed_on:
            tree = self._source.tree
            self.found.wrong = list(Kinds(tree).wrong_calls(tree, self._passed_on))
        return self.found

    def _is_open_star(self, star: str) -> bool:
        module = self._engine.modules.module(star)
        return module is None or module.open

    # -- the walk

    def _all(self, nodes: Iterable[ast.AST], scope: Scope) -> None:
        for node in nodes:
            self._one(node, scope)

    def _one(self, node: ast.AST, scope: Scope) -> None:
        self._likely.note(node)
        if self._comments and isinstance(node, ast.stmt):
            self._commented(node, scope)
        match node:
            case ast.Name():
                if isinstance(node.ctx, ast.Load):
                    self._name(node, scope)
                return
            case ast.Constant():
                return
            case ast.Attribute():
                self._one(node.value, scope)
                if isinstance(node.ctx, ast.Load) and not self._tolerant:
                    self._attribute(node, scope)
                return
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node, scope)
                return
            case ast.Lambda():
                self._all([value for value in (*node.args.defaults, *node.args.kw_defaults) if value], scope)
                self._one(node.body, self._source.inner(node, scope))
                return
            case ast.ClassDef():
                self._all([*node.decorator_list, *node.bases, *node.keywords], self._inside(node, scope))
                self._all(node.body, self._source.inner(node, scope))
                return
            case ast.Try():
                ready = any(_is_ready(handler, TOLERANT) for handler in node.handlers)
                nameless = any(_is_ready(handler, {"NameError"}) for handler in node.handlers)
                self._tolerant += ready
                self._nameless += nameless
                self._all(node.body, scope)
                self._tolerant -= ready
                self._nameless -= nameless
                self._all([*node.handlers, *node.orelse, *node.finalbody], scope)
                return
            case ast.With() | ast.AsyncWith():
                self._all(node.items, scope)
                ready = any(_suppresses(item.context_expr) for item in node.items)
                self._tolerant += ready
                self._nameless += ready
                self._all(node.body, scope)
                self._tolerant -= ready
                self._nameless -= ready
                return
            case ast.If() | ast.IfExp():
                asked = any(getattr(one, "id", getattr(one, "attr", "")) in ASKING for one in walk(node.test))
                self._tolerant += asked
                self._asked += asked
                self._truth([node.test], scope)
                self._all(children(node), scope)
                self._tolerant -= asked
                self._asked -= asked
                return
        if isinstance(node, ast.AnnAssign):
            self._annotation(node.annotation, scope)
            self._all([node.target, *([node.value] if node.value else [])], scope)
        else:
            self._all(children(node), scope)
        if self._tolerant:
            return
        match node:
            case ast.Call():
                self._call(node, scope)
            case ast.Await(value=ast.Call() as call):
                self._awaited.add(self._known_as(call, scope))
            case ast.Expr(value=ast.Call() as call):
                self._used(call, scope)
                if is_asynchronous(scope) and self._engine.infer(call, scope) is None:
                    self._thrown_away.append((self._known_as(call, scope), call))
            case ast.Subscript(value=value):
                self._subscript(node, scope)
                self._used(value, scope)
            case ast.For(iter=value) | ast.comprehension(iter=value) | ast.Starred(value=value):
                self._used(value, scope)
            case ast.FormattedValue(value=value):
                self._used(value, scope)
            case ast.BinOp(left=left, right=right):
                self._truth([left, right], scope)
            case ast.Compare(left=left, comparators=others):
                self._truth([left, *others], scope)
            case ast.BoolOp(values=values):
                self._truth(values[:-1], scope)
            case ast.UnaryOp(operand=value) | ast.While(test=value) | ast.Assert(test=value):
                self._truth([value], scope)
            case ast.Assign(targets=[ast.Tuple() | ast.List()], value=value):
                self._used(value, scope)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as value) if is_asynchronous(scope):
                self._named(name, value, scope)
            case ast.Assign(value=value) | ast.Return(value=ast.expr() as value) | ast.keyword(value=value):
                self._kept(value, scope)
            case ast.AnnAssign(annotation=said, value=ast.Call() as value) if not _is_awaitable(said):
                self._used(value, scope)

    def _commented(self, node: ast.stmt | ast.arg, scope: Scope) -> None:
        """The types in a comment about a statement or a parameter are read like annotations."""
        for said in self._comments.get((node.lineno, node.col_offset), ()):
            self._type(said, scope)

    def _annotation(self, node: ast.expr, scope: Scope) -> None:
        self._one(node, scope)
        for text in texts_of_types(node):
            said = type_in_text(text)
            if said is not None:
                self._type(said, scope)

    def _type(self, node: ast.expr, scope: Scope) -> None:
        self._unrun += 1
        self._one(node, scope)
        self._unrun -= 1

    def _inside(self, node: ast.ClassDef | Function, scope: Scope) -> Scope:
        """Where type parameters of the definition are seen, if it has any."""
        return self._source.inner(node, scope) if getattr(node, "type_params", None) else scope

    def _function(self, node: Function, scope: Scope) -> None:
        self._all(node.decorator_list, scope)
        outer = self._inside(node, scope)
        arguments = node.args
        self._all([value for value in (*arguments.defaults, *arguments.kw_defaults) if value], scope)
        every = [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            arguments.vararg,
            arguments.kwarg,
        ]
        for one in every:
            if one is not None and one.annotation is not None:
                self._annotation(one.annotation, outer)
        for one in every if self._comments else ():
            if one is not None:
                self._commented(one, outer)
        if node.returns is not None:
            self._annotation(node.returns, outer)
        inner = self._source.inner(node, scope)
        self._all(node.body, inner)
        if isinstance(node, ast.AsyncFunctionDef):
            self._returns(node, inner)

    def _returns(self, node: ast.AsyncFunctionDef, scope: Scope) -> None:
        """A promise of something that gives a coroutine of it instead: whoever awaits it gets a coroutine still."""
        if node.returns is not None and _is_awaitable(node.returns):
            return
        for inner in own_nodes(node):
            match inner:
                case (
                    ast.Return(value=ast.Call() as value)
                    | ast.Return(value=ast.ListComp(elt=ast.Call() as value))
                ):
                    self._used(value, scope)

    # -- the rules

    def _tell(
        self,
        rule: str,
        node: ast.expr | ast.keyword,
        message: str,
        word: str = "",
        names: Collection[str] = (),
        *,
        strange: Strange = "",
        hint: str = "",
        at: Place | None = None,
    ) -> None:
        line, column = at or (node.lineno, node.col_offset + 1)
        end = node.end_lineno or node.lineno
        others = frozenset(names) if word.startswith("__") else frozenset(names) - MODULE_NAMES
        self.found.told.append(Certain(rule, line, column, end, message, word, others, strange, hint))

    def _name(self, node: ast.Name, scope: Scope) -> None:
        name = node.id
        if self._nameless or (self._asked and name in OF_PYTHON_2):
            return
        if len(name) < 2 or scope.lookup(name) is not None or name in BUILTINS:
            return
        if name in self._source.made_global or name in self._source.scope.elsewhere:
            return
        # What runs while the module is read sees only the stars above it.
        is_early = scope is self._source.scope and node.lineno < self._source.scope.first_star
        stars = [] if is_early else self._source.scope.stars
        if self._opens and stars:
            return
        seen: set[str] = set()
        for star in stars:
            module = self._engine.modules.module(star)
            if module is not None and name in module.names:
                return
            seen |= module.names if module is not None else set()
        around: Scope | None = scope
        while around is not None:
            if name in around.elsewhere or name in around.nonlocals:
                return
            seen |= around.names.keys()
            around = around.parent
        if self._unrun and (
            self._engine.member("typing", name) is not MISSING
            or all(name.casefold() == one.casefold() for one in candidates(name, seen | BUILTINS))
        ):
            # Nothing runs this, so nobody needs an import; and it may be for those who read, or for another tool.
            return
        mine: Strange = "anywhere" if self._unrun else ""
        message = f"`{name}` is bound to nothing here"
        self._tell("misspelt-name", node, message, name, seen | BUILTINS, strange=mine)

    def _attribute(self, node: ast.Attribute, scope: Scope) -> None:
        name = node.attr
        end = node.end_lineno or node.lineno
        place = end, max((node.end_col_offset or 0) - len(name) + 1, 1)
        if name.startswith("__") and name.endswith("__"):
            meant = [one for one in candidates(name, DUNDERS) if is_typical(name, one)]
            if name not in DUNDERS and meant:
                message = f"nothing defines `.{name}`"
                self._tell("misspelt-attribute", node, message, name, meant, strange="anywhere", at=place)
            return
        owners = self._engine.infer(node.value, scope)
        if not owners:
            self.found.evidence[place] = self._likely.of(node, scope)
            return
        found = [self._looked_up(owner, name) for owner in owners]
        without = tuple(owner for owner, one in zip(owners, found, strict=True) if one is MISSING)
        is_sure = len(without) == len(owners)
        if not is_sure:
            if any(one is not MISSING and one is not None for one in found):
                self.found.settled.add(place)
                return
            if not self._is_slip_in_stand_in(name, owners, without):
                return
            owners = without
        if any(isinstance(owner, Coroutine) for owner in owners):
            if len(owners) == 1:
                self._tell(
                    "missing-await", node, "this is a coroutine until it is awaited", hint="add `await`"
                )
            return
        if isinstance(owners[0], ModuleValue) and scope.asks_about(ast.unparse(node)):
            return
        names: set[str] = set()
        for owner in owners:
            names |= self.names_of(owner)
        kinds = " or ".join(dict.fromkeys(f"`{label(owner)}`" for owner in owners))
        rule = "misspelt-member" if isinstance(owners[0], ModuleValue) else "misspelt-attribute"
        origins = {kind.origin for owner in owners if (kind := class_of(owner)) is not None}
        mine: Strange = "anywhere" if "site" in origins else "project" if "project" in origins else ""
        if not is_sure or (any(self._may_be_more(owner) for owner in owners) and name != "message"):
            mine = "anywhere"
        self._tell(rule, node, f"{kinds} has no `{name}`", name, names, strange=mine, at=place)

    def _is_slip_in_stand_in(self, name: str, owners: tuple[Value, ...], without: tuple[Value, ...]) -> bool:
        """Whether one of several modules that a name may stand for lacks `name`, and it is a slip of what that has.

        Each stands in for the other (`try: import simplejson as json`), so the words of one that is there tell what is
        expected of one that is not.
        """
        return all(isinstance(owner, ModuleValue) for owner in owners) and any(
            is_typical(name, one)
            for owner in without
            for one in candidates(name, self.names_of(owner) - MODULE_NAMES)
        )

    def _may_be_more(self, owner: Value) -> bool:
        """Whether it stands for classes that derive from it, and that may get attributes from elsewhere."""
        if not isinstance(owner, Instance):
            return False
        if owner.of.scope.source.name == "builtins":
            return owner.of.name in {"Exception", "BaseException"}
        # The other bases of a mixin's heirs are not those of the mixin.
        is_shared = owner.of.origin != "project" or "mixin" in owner.of.name.casefold()
        return is_shared and owner.of.name in self._engine.classes.bases

    def _looked_up(self, owner: Value, name: str) -> Values | Missing:
        """The attribute; of a module only whether it is there, which is known without looking what it is."""
        if isinstance(owner, ModuleValue):
            module = self._engine.modules.module(owner.name)
            if module is not None and name in module.names:
                return ()
        return self._engine.attribute_of(owner, name)

    def names_of(self, owner: Value) -> set[str]:
        """All attributes of a value that can be read."""
        if isinstance(owner, ModuleValue):
            module = self._engine.modules.module(owner.name)
            return set(module.names) if module else set()
        if isinstance(owner, Tuple):
            return {"count", "index"}
        kind = class_of(owner)
        if kind is None:
            return set()
        line = self._engine.classes.line(kind)[0]
        return {name for one, _ in line for name in (*one.scope.names, *one.stores)}

    def _subscript(self, node: ast.Subscript, scope: Scope) -> None:
        values = self._engine.infer(node.value, scope)
        if not values or not isinstance(node.ctx, ast.Load):
            return
        if all(isinstance(value, FunctionValue | ModuleValue) for value in values):
            right = "environ" if ast.unparse(node.value).endswith("getenv") else ""
            what = "function" if isinstance(values[0], FunctionValue) else "module"
            hint = f"did you mean `{right}`?" if right else ""
            self._tell(
                "wrong-call", node, f"`{ast.unparse(node.value)}` is a {what}: it has no items", hint=hint
            )

    def _used(self, node: ast.expr, scope: Scope) -> None:
        """What is done with a value here cannot be done with a coroutine."""
        if isinstance(node, ast.Await):
            return
        values = self._engine.infer(node, scope) if isinstance(node, ast.Call | ast.Name) else None
        if values and all(isinstance(value, Coroutine) for value in values):
            self._tell("missing-await", node, "this is a coroutine until it is awaited", hint="add `await`")

    def _truth(self, nodes: list[ast.expr], scope: Scope) -> None:
        for node in nodes:
            if not self._tolerant:
                self._used(node, scope)

    def _kept(self, node: ast.expr, scope: Scope) -> None:
        """A value that is kept under a name, or chosen among others: a coroutine is seldom meant there."""
        match node:
            case ast.BoolOp(values=parts):
                pass
            case ast.IfExp(body=one, orelse=other):
                parts = [one, other]
            case _:
                return
        for part in parts:
            self._used(part, scope)

    def _named(self, name: str, call: ast.Call, scope: Scope) -> None:
        """A coroutine that gets a name, and is then only given to what can do nothing with it."""
        values = self._engine.infer(call, scope)
        if not values or not all(isinstance(value, Coroutine) for value in values):
            return
        body = list(own_nodes(scope.node))
        given = {
            argument: one
            for one in body
            if isinstance(one, ast.Call) and not _COLLECTS.search(name_of(one.func).casefold())
            for argument in one.args
        }
        awaited = {inner for one in body if isinstance(one, ast.Await) for inner in walk(one.value)}
        uses = [
            one
            for one in walk(scope.node)
            if isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Load)
        ]
        if uses and all(one in given and given[one] not in awaited and one not in awaited for one in uses):
            self._tell("missing-await", call, "this is a coroutine until it is awaited", hint="add `await`")

    def _known_as(self, call: ast.Call, scope: Scope) -> tuple[Scope | None, str]:
        """What is called, and the scope for which that name stands for the same."""
        text = ast.unparse(call.func)
        root = text.partition(".")[0]
        around: Scope | None = scope
        if root in {"self", "cls"}:
            while around is not None and around.kind != "class":
                around = around.parent
            return around, text
        found = scope.lookup(root)
        return (found[1] if found else None), text

    def _passed_on_as(self, node: ast.Call, callees: Values, scope: Scope) -> tuple[str, str] | None:
        """The module and the name of the `load` or `dump` that is called, if another file has imported it.

        What this file imports itself, `Kinds` knows without being told.
        """
        function = node.func
        if last_name(function) not in READS_OR_WRITES:
            return None
        root = function.value if isinstance(function, ast.Attribute) else function
        bound = scope.lookup(root.id) if isinstance(root, ast.Name) else None
        if bound and any(one.how == "module" or one.module in FAMILY for one in bound[0]):
            return None
        if not isinstance(function, ast.Attribute):
            return _of_family(callees[0]) if callees and len(callees) == 1 else None
        owners = self._engine.infer(root, scope) or ()
        modules = [one.name for one in owners if isinstance(one, ModuleValue)]
        family = [name for name in modules if name in FAMILY]
        if not family or len(modules) < len(owners):
            return None
        return next((name for name in family if name == last_name(root)), family[-1]), function.attr

    def _call(self, node: ast.Call, scope: Scope) -> None:
        callees = self._engine.infer(node.func, scope)
        passed_on = self._passed_on_as(node, callees, scope)
        if passed_on is not None:
            self._passed_on[node] = passed_on
        if not callees or len(callees) != 1:
            return
        callee = callees[0]
        shown = ast.unparse(node.func)
        shown = shown if len(shown) < 60 else shown.rpartition(".")[2]
        if isinstance(callee, ModuleValue):
            self._tell("wrong-call", node, f"`{shown}` is a module: it cannot be called",
                       hint=f"did you mean `{shown}.{callee.name.rpartition('.')[2]}`?")  # fmt: skip
        if isinstance(callee, Instance) and callee.of.origin == "library" and not self._is_callable(callee):
            hint = f"did you mean `{shown}.get`?" if "get" in self.names_of(callee) else ""
            message = f"`{shown}` is a `{callee.of.name}`: it cannot be called"
            self._tell("wrong-call", node, message, hint=hint)
        if (
            isinstance(callee, FunctionValue)
            and callee.scope.source.origin == "library"
            and _reads_at_once(callee)
        ):
            for argument in node.args:
                self._used(argument, scope)
        told = self._text.wrong(node, callee, scope)
        if told is not None:
            rule = "wrong-json-argument" if _of_family(callee) else "wrong-argument"
            self._tell(rule, node, told.message, hint=told.hint)
            return
        signature = signature_of(self._engine, callee, node)
        if signature is None:
            return
        misfits = [misfit(self._engine, signature, one, node, scope) for one in signature.definitions]
        for one in signature.definitions:
            self._settle(node, one, takes_all=signature.scope.source.origin == "library")
        if all(misfits):
            best = min(
                (one for one in misfits if one),
                key=lambda one: ["keyword", "many", "missing", "value"].index(one.kind),
            )
            self._misfit(node, shown, callee, best)

    def _is_callable(self, callee: Instance) -> bool:
        line, is_open = self._engine.classes.line(callee.of)
        return (
            is_open
            or any("__call__" in one.scope.names for one, _ in line)
            or self._engine.classes.is_protocol(callee.of)
        )

    def _settle(self, node: ast.Call, definition: Function, *, takes_all: bool) -> None:
        arguments = definition.args
        names = {one.arg for one in (*arguments.args, *arguments.kwonlyargs)}
        for word in node.keywords:
            if word.arg in names or (takes_all and arguments.kwarg):
                self.found.settled.add((word.lineno, word.col_offset + 1))

    def _misfit(self, node: ast.Call, shown: str, callee: Value, wrong: Misfit) -> None:
        rule = "wrong-json-argument" if _of_family(callee) else "wrong-call"
        if wrong.kind == "keyword" and wrong.node is not None:
            self._tell(
                "misspelt-keyword", wrong.node, f"`{shown}` takes no `{wrong.name}=`", wrong.name, wrong.taken
            )
        elif wrong.kind == "many":
            hint = f"did you mean `{shown.removesuffix('s')}`?" if shown.endswith(".dumps") else ""
            count = (
                "no arguments" if not wrong.most else f"at most {wrong.most} argument{'s' * (wrong.most > 1)}"
            )
            self._tell(
                "wrong-call",
                node,
                f"`{shown}` takes {count} by position, and gets {len(node.args)}",
                hint=hint,
            )
        elif wrong.kind == "missing":
            top, _, name = shown.rpartition(".")
            right = f"{top}.{name}s" if top and name in {"load", "dump"} else ""
            hint = f"did you mean `{right}`?" if right else ""
            self._tell(rule, node, f"`{shown}` needs its argument `{wrong.name}`", hint=hint)


def is_asynchronous(scope: Scope) -> bool:
    """Whether what stands there can await."""
    return isinstance(scope.node, ast.AsyncFunctionDef)


def _reads_at_once(callee: FunctionValue) -> bool:
    """Whether a function of the standard library can do nothing with a coroutine."""
    return callee.scope.source.name.partition(".")[0] in {
        "json",
        "pickle",
        "re",
        "os",
        "html",
        "base64",
        "hashlib",
    }


def label(value: Value) -> str:
    """What a value is called in a message."""
    match value:
        case ModuleValue(name=name):
            return name
        case Instance(of=kind) | ClassValue(of=kind):
            return kind.name
        case Tuple():
            return "tuple"
    return "function"


def _is_awaitable(annotation: ast.expr) -> bool:
    """Whether what is annotated so may be a coroutine."""
    said = ast.unparse(annotation)
    return (
        any(word in said for word in ("Any", "object", "Coroutine", "Awaitable", "Future", "Task", "T]"))
        or len(said) < 3
    )


def _of_family(callee: Value) -> tuple[str, str] | None:
    """The module and the name of a `load`, `loads`, `dump` or `dumps`; None for anything else."""
    if not isinstance(callee, FunctionValue):
        return None
    module = callee.scope.source.name.partition(".")[0].removeprefix("_")
    name = callee.definitions[0].name
    return (module, name) if module in FAMILY and name in READS_OR_WRITES else None


def _suppresses(node: ast.expr) -> bool:
    """`suppress(AttributeError)` and `pytest.raises(TypeError)`: what fails inside is expected."""
    return isinstance(node, ast.Call) and any(
        getattr(one, "id", getattr(one, "attr", "")) in TOLERANT for one in node.args
    )


def _is_ready(handler: ast.ExceptHandler, errors: Collection[str]) -> bool:
    """Whether it catches one of these errors by name."""
    if handler.type is None:
        return False
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(getattr(kind, "id", getattr(kind, "attr", "")) in errors for kind in kinds)
