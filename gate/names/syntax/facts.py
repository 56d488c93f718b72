"""What one file says: the words that it defines, and the names that it uses, each with its place."""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gate.names.hints.load_dump import FAMILY, LoadAndDump, WrongJsonCall
from gate.names.syntax.exports import exported
from gate.names.syntax.guards import Guards
from gate.names.syntax.nodes import Function, children, dotted_name, walk
from gate.names.syntax.object_reference import ObjectReference
from gate.names.syntax.object_references import in_call, in_dict, in_module
from gate.names.syntax.source import absolute
from gate.names.syntax.type_comments import texts_of_types

_MAY_BE_CALLED = re.compile(r"Call|Any|object|[Tt]ype\b|Protocol|Func|Handler|\bT\b")
COLUMNS = frozenset({"str", "dt", "func", "F", "sa", "fn"})
"""What stands for a whole column of values, or for the functions of a database."""
TEMPLATE_WORD = re.compile(r"[$:{@](?:\()?([A-Za-z_]\w*)|%\(([A-Za-z_]\w*)\)")
"""A parameter of a template in a text: `$name`, `{name}`, `:name`, `%(name)s`."""
_ASK_OR_SHOW = frozenset(dir(builtins))
SEPARATORS = re.compile(r"[.:,/]|__")


class Use(NamedTuple):
    """A name that is used. `owner` is the module that it is looked up in, where that is certain."""

    name: str
    line: int
    column: int
    end_line: int
    owner: str = ""
    receiver: str = ""
    """The last name of what an attribute is looked up in: `form` in `self.form.data`."""
    root: str = ""
    """The module that the first name of it was imported from."""


@dataclass(slots=True)
class Facts:
    """All that the rules need of a file."""

    words: set[str] = field(default_factory=set)
    attributes: list[Use] = field(default_factory=list)
    keywords: list[Use] = field(default_factory=list)
    members: list[Use] = field(default_factory=list)
    imports: list[Use] = field(default_factory=list)
    json_calls: list[WrongJsonCall] = field(default_factory=list)
    exports: list[ObjectReference] = field(default_factory=list)
    references: list[ObjectReference] = field(default_factory=list)
    attributes_defined: set[str] = field(default_factory=set)
    """What classes and modules have, and what is set on anything: no parameters, local names or texts."""
    only_imported: set[str] = field(default_factory=set)
    """Words that the file knows by importing them, and in no other way."""
    stored: set[str] = field(default_factory=set)
    """Attributes that are set on something else than `self`."""
    members_of_classes: list[str] = field(default_factory=list)
    """Attributes of each class, once for each class that has them."""
    links: set[str] = field(default_factory=set)
    """The modules that it may import, whatever happens if they are not there."""
    fields: set[str] = field(default_factory=set)
    """Attributes that classes annotate as values."""
    functions: set[str] = field(default_factory=set)
    """The names of functions and classes."""
    bases: set[str] = field(default_factory=set)
    """The names of classes that something is derived from."""
    combined: set[str] = field(default_factory=set)
    """Those of them that stand beside others."""
    recombined: set[str] = field(default_factory=set)
    """Classes that the code derives others from while it runs, together with bases that cannot be read."""
    synchronous: set[str] = field(default_factory=set)
    """The names of functions that are not asynchronous."""
    texts: set[str] = field(default_factory=set)
    """Words in texts: what sets attributes by name may use them."""
    refused: set[tuple[int, int, str]] = field(default_factory=set)
    """What only Python's compiler finds wrong: line, column and message."""


def refused_by_compiler(tree: ast.Module, *, is_notebook: bool) -> Iterator[tuple[int, int, str]]:
    """The place and the message of what a parser reads and Python's compiler refuses: `return` outside a function."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if is_notebook else 0
    try:
        compile(tree, "<unknown>", "exec", flags=flags, dont_inherit=True)
    except SyntaxError as error:
        yield error.lineno or 1, error.offset or 1, error.msg
    except (ValueError, RecursionError, MemoryError):
        return


def facts_of(tree: ast.Module, module: str, guards: Guards, *, is_package: bool) -> Facts:
    """Read a file whose dotted name is `module`."""
    reader = _Reader(module, guards, is_package=is_package)
    reader.visit(tree)
    if reader.imports_any(FAMILY):
        reader.facts.json_calls = list(LoadAndDump(tree).wrong_calls())
    reader.facts.exports = list(exported(tree))
    reader.facts.references += in_module(tree)
    return reader.finish()


class _Reader(ast.NodeVisitor):
    def __init__(self, module: str, guards: Guards, *, is_package: bool) -> None:
        self.facts = Facts()
        self._guards = guards
        self._module = module
        self._is_package = is_package
        self._bound: dict[str, int] = {}
        self._imports: Counter[str] = Counter()
        """How often an import binds each name."""
        self._modules: dict[str, str] = {}
        self._methods: set[str] = set()
        self._roots: dict[str, str] = {}
        self._looked_up: list[tuple[str, Use]] = []
        self._given: list[tuple[str, Use]] = []
        self._classes: list[set[str]] = []
        """What the classes around define, as far as it has been read."""
        self._around: list[str] = []
        """The names of the classes around."""
        self._types: set[ast.AST] = set()
        """Texts that are types: they define nothing."""

    def generic_visit(self, node: ast.AST) -> None:
        """Visit what is below."""
        for child in children(node):
            self.visit(child)

    def imports_any(self, modules: Collection[str]) -> bool:
        """Whether one of these modules, or something from it, is imported."""
        return any(name in modules for name in (*self._modules.values(), *self._roots.values()))

    def define(self, name: str) -> None:
        """Somebody may look the name up as an attribute."""
        self.facts.words.add(name)
        self.facts.attributes_defined.add(name)

    def finish(self) -> Facts:
        """Decide what could only be decided at the end: which names are bound, and to what."""
        facts = self.facts
        for name, use in self._looked_up:
            # A name that is bound a second time may be something else by then.
            top, _, rest = name.partition(".")
            if name in self._modules and self._bound[name] == 1:
                owner = self._modules[name]
            elif top in self._modules and self._bound[top] == 1:
                owner = f"{self._modules[top]}.{rest}" if rest else self._modules[top]
            else:
                owner = ""
            root = self._roots.get(top, "") if self._bound.get(top) == 1 else ""
            if not root and self._imports[top] > 1 and self._bound[top] == self._imports[top]:
                # Whichever of several imports gave it, it is a module's.
                root = self._roots.get(top) or self._modules[top]
            place = Use(use.name, use.line, use.column, use.end_line, owner, use.receiver, root or owner)
            (facts.members if owner else facts.attributes).append(place)
        for top, use in self._given:
            source = self._roots.get(top) or self._modules.get(top, "")
            facts.keywords.append(use._replace(root=source if self._bound.get(top) == 1 else ""))
        facts.only_imported = {
            name for name in self._roots if self._bound.get(name) == 1 and name not in facts.words
        }
        facts.words |= set(self._bound)
        facts.attributes_defined |= self._methods
        return facts

    def _bind(self, name: str) -> None:
        self._bound[name] = self._bound.get(name, 0) + 1

    def visit_Name(self, node: ast.Name) -> None:
        """A name may be bound."""
        if not isinstance(node.ctx, ast.Load):
            self._bind(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        """None in the place of a module that may be missing is nothing that anything is looked up in."""
        is_none = isinstance(node.value, ast.Constant) and node.value.value is None
        for target in node.targets:
            if is_none and isinstance(target, ast.Name):
                self._bound.setdefault(target.id, 0)
            else:
                self.visit(target)
        self.visit(node.value)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """An attribute is defined by storing it, or looked up in something."""
        end = node.end_lineno or node.lineno
        column = (node.end_col_offset or 0) - len(node.attr) + 1
        use = Use(node.attr, end, max(column, 1), end, receiver=receiver_of(node.value))
        if not isinstance(node.ctx, ast.Load):
            self.define(node.attr)
            if isinstance(node.ctx, ast.Store):
                for members in self._classes:
                    members.add(node.attr)
            if not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}):
                self.facts.stored.add(node.attr)
        elif not self._guards.of(node).is_uncertain:
            dotted = dotted_name(node.value)
            self._looked_up.append((dotted, use))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Keywords are looked up in whatever is called."""
        for keyword in node.keywords:
            if keyword.arg and not self._guards.of(keyword).is_uncertain:
                end = keyword.end_lineno or keyword.lineno
                place = keyword.lineno, keyword.col_offset + 1, end
                use = Use(keyword.arg, *place, receiver=receiver_of(node.func))
                self._given.append((dotted_name(node.func).partition(".")[0], use))
        match node:
            case ast.Call(func=ast.Name(id="type"), args=[_, ast.Tuple(elts=bases), _]):
                self._recombined(bases)
                self.facts.combined.update(base.id for base in bases if isinstance(base, ast.Name))
                self.facts.bases.update(base.id for base in bases if isinstance(base, ast.Name))
        match node:
            case ast.Call(
                func=ast.Attribute(attr="importorskip" | "import_module")
                | ast.Name(id="importorskip" | "import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                self.facts.links.update(_prefixes(module))
        self.facts.references += in_call(node)
        self.generic_visit(node)

    def visit_Module(self, node: ast.Module) -> None:
        """What a module hands to a function of its own while it is read may be a class to derive others from."""
        for statement in node.body:
            match statement:
                case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=given)) if name not in _ASK_OR_SHOW:
                    self.facts.recombined.update(
                        node.id for node in given if isinstance(node, ast.Name) and node.id[:1].isupper()
                    )
        self.generic_visit(node)

    def _recombined(self, bases: list[ast.expr]) -> None:
        """`class Made(cls, TestCase)` in a method: the class around is there to be combined with others."""
        if self._around and any(isinstance(base, ast.Name) and base.id in {"cls", "klass"} for base in bases):
            self.facts.recombined.add(self._around[-1])

    def visit_Dict(self, node: ast.Dict) -> None:
        """A mapping may be a configuration that names objects."""
        self.facts.references += in_dict(node)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        """A module is bound, under its own name or another."""
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self._bind(name)
            self._imports[name] += 1
            self._modules[name] = alias.name if alias.asname else name
            self.facts.words.update(alias.name.split("."))
            self.facts.links.update(_prefixes(alias.name))
            if not alias.asname and "." in alias.name:
                # `import a.b` binds `a`, and makes `a.b` a module as well; both may be looked into.
                self._bound[alias.name] = 1
                self._modules[alias.name] = alias.name
            if not self._guards.of(node).expects_import_error:
                self.facts.imports.append(_use(alias, "", alias.name))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Names are bound from a module, or modules from a package."""
        source = absolute(node, self._module, self._is_package)
        self.facts.links.update(_prefixes(source))
        is_optional = self._guards.of(node).expects_import_error
        for alias in node.names:
            self.facts.links.add(f"{source}.{alias.name}")
            if alias.name == "*":
                if not is_optional:
                    self.facts.imports.append(_use(alias, "", source))
                continue
            self._bind(alias.asname or alias.name)
            self._imports[alias.asname or alias.name] += 1
            self._roots[alias.asname or alias.name] = source
            if not is_optional and node.module != "__future__":
                self.facts.imports.append(_use(alias, alias.name, source))

    def _function(self, node: Function) -> None:
        self._bind(node.name)
        self._methods.add(node.name)
        self.facts.functions.add(node.name)
        if node.returns is not None:
            self._types.update(text for text, _ in texts_of_types(node.returns))
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """A function is bound to its name."""
        self.facts.synchronous.add(node.name)
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """As is an asynchronous one."""
        self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """A class is bound to its name; keywords of its head are its metaclass's business."""
        self._bind(node.name)
        self.facts.words.update(keyword.arg for keyword in node.keywords if keyword.arg)
        self._recombined(node.bases)
        bases = {dotted_name(base).rpartition(".")[2] for base in node.bases}
        self.facts.bases |= bases
        self.facts.combined |= bases if len(node.bases) > 1 else set()
        self.facts.functions.add(node.name)
        self.facts.fields.update(_fields(node))
        members = {name for child in node.body for name in bound(child)}
        self.facts.attributes_defined |= members
        self._classes.append(members)
        self._around.append(node.name)
        self.generic_visit(node)
        self._around.pop()
        self.facts.members_of_classes += self._classes.pop()

    def visit_arg(self, node: ast.arg) -> None:
        """A parameter is bound, and may be used as a keyword."""
        self._bind(node.arg)
        if node.annotation is not None:
            self._types.update(text for text, _ in texts_of_types(node.annotation))
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """An annotation may be a text."""
        self._types.update(text for text, _ in texts_of_types(node.annotation))
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """The exception may be bound."""
        if node.name:
            self._bind(node.name)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        """What is declared global is bound somewhere."""
        for name in node.names:
            self._bind(name)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        """A pattern may bind a name."""
        if node.name:
            self._bind(node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        """As may the rest of a sequence."""
        if node.name:
            self._bind(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        """Or of a mapping."""
        if node.rest:
            self._bind(node.rest)
        self.generic_visit(node)

    def visit_TypeVar(self, node: ast.AST) -> None:
        """A type parameter is bound, where Python has them."""
        self._bind(str(getattr(node, "name", "")))
        self.generic_visit(node)

    def visit_ParamSpec(self, node: ast.AST) -> None:
        """As is a parameter specification."""
        self.visit_TypeVar(node)

    def visit_TypeVarTuple(self, node: ast.AST) -> None:
        """And a tuple of type parameters."""
        self.visit_TypeVar(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """A text that looks like a name may be one: of an attribute, a column, a key."""
        if isinstance(node.value, str):
            self.facts.words.update(
                word for pair in TEMPLATE_WORD.findall(node.value) for word in pair if word
            )
        if isinstance(node.value, str) and len(node.value) < 200 and node not in self._types:
            words = {word for word in _words(node.value) if word.isidentifier()}
            self.facts.words |= words
            self.facts.texts |= words


def _fields(node: ast.ClassDef) -> Iterator[str]:
    """What the body of a class annotates as something that cannot be called."""
    for child in node.body:
        match child:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=said) if not _MAY_BE_CALLED.search(
                ast.unparse(said)
            ):
                yield name


def bound(node: ast.AST) -> Iterator[str]:
    """The names that one statement binds in its scope."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    for inner in walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id


def _use(node: ast.expr | ast.alias, name: str, owner: str = "") -> Use:
    return Use(name, node.lineno, node.col_offset + 1, node.end_lineno or node.lineno, owner)


def receiver_of(node: ast.expr) -> str:
    """The last name in what something is looked up in; with brackets for an item, parentheses for a result."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value):
            return f"{receiver_of(value)}[]"
        case ast.Call(func=function):
            return f"{receiver_of(function)}()"
        case ast.Await(value=value):
            return receiver_of(value)
    return ""


def _prefixes(name: str) -> Iterator[str]:
    """`a`, `a.b` and `a.b.c` of `a.b.c`."""
    parts = name.split(".")
    return (".".join(parts[:number]) for number in range(1, len(parts) + 1))


def _words(text: str) -> list[str]:
    if text.startswith("-"):
        # An option of the command line becomes an attribute: `--hide-public-info`, `--no-colour/--colour`.
        text = text.lstrip("-").replace("-", "_")
    return [text, *SEPARATORS.sub(" ", text).split()]
