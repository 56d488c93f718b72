"""Read the facts about one file in a single pass over its syntax tree."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections import Counter
from collections.abc import Iterator

from gate.names.syntax.bindings import BINDING_NODES, Binding, bindings_in, bindings_of
from gate.names.syntax.computed_names import affixes_of_attributes
from gate.names.syntax.environment_keys import ENVIRONMENT, environment_key, sets_for_test
from gate.names.syntax.exports import exported
from gate.names.syntax.facts import ANY_NAME, CHANGES_SIGNATURE, Facts, Use, receiver_of
from gate.names.syntax.fixtures import fixtures_in
from gate.names.syntax.guards import Guards
from gate.names.syntax.nodes import Function, children, dotted_name
from gate.names.syntax.object_references import in_call, in_dict, in_module, patched_object
from gate.names.syntax.source import absolute
from gate.names.syntax.type_comments import texts_of_types
from gate.names.syntax.words import identifiers_in, prefixes, template_words

_MAY_BE_CALLED = re.compile(r"Call|Any|object|[Tt]ype\b|Protocol|Func|Handler|\bT\b")
_BUILTINS = frozenset(dir(builtins))
"""Functions that inspect or test a class, and don't subclass it."""


def facts_of(tree: ast.Module, data: bytes, module: str, guards: Guards, *, is_package: bool) -> Facts:
    """Return the facts about a file, parsed from `data`, whose dotted name is `module`."""
    reader = _FactReader(module, guards, is_package=is_package)
    reader.visit(tree)
    reader.facts.exports = list(exported(tree))
    reader.facts.references += in_module(tree)
    reader.facts.affixes = affixes_of_attributes(tree, data)
    fixtures = fixtures_in(tree, module)
    reader.facts.fixtures, reader.facts.fixture_requests = fixtures.defined, fixtures.requests
    return reader.finish()


class _FactReader(ast.NodeVisitor):
    def __init__(self, module: str, guards: Guards, *, is_package: bool) -> None:
        self.facts = Facts()
        self._guards = guards
        self._module = module
        self._is_package = is_package
        self._bound: dict[str, int] = {}
        self._imports: Counter[str] = Counter()
        """How often each name is bound by an import."""
        self._modules: dict[str, str] = {}
        self._methods: set[str] = set()
        self._roots: dict[str, str] = {}
        self._looked_up: list[tuple[str, Use]] = []
        self._keys: list[tuple[str, Use]] = []
        self._set_on: list[tuple[str, str]] = []
        self._given: list[tuple[str, Use]] = []
        self._classes: list[set[str]] = []
        """The names defined so far in each enclosing class."""
        self._bases: set[str] = set()
        self._around: list[str] = []
        """The names of the enclosing classes."""
        self._types: set[ast.AST] = set()
        """Strings that are type annotations, and so define nothing."""

    def generic_visit(self, node: ast.AST) -> None:
        """Visit the children."""
        for child in children(node):
            self.visit(child)

    def define(self, name: str) -> None:
        """Record a name that may be looked up as an attribute."""
        self.facts.words.add(name)
        self.facts.attributes_defined.add(name)

    def finish(self) -> Facts:
        """Return the facts, after deciding what depends on the whole file: which names are bound, and to what."""
        facts = self.facts
        for name, use in self._looked_up:
            # A name with a second binding may no longer be that module.
            top, _, rest = name.partition(".")
            if name in self._modules and self._bound[name] == 1:
                owner = self._modules[name]
            elif top in self._modules and self._bound[top] == 1:
                owner = f"{self._modules[top]}.{rest}" if rest else self._modules[top]
            else:
                owner = ""
            root = self._roots.get(top, "") if self._bound.get(top) == 1 else ""
            if not root and self._imports[top] > 1 and self._bound[top] == self._imports[top]:
                # Whichever import it comes from, it is a member of a module.
                root = self._roots.get(top) or self._modules[top]
            resolved_use = Use(
                use.name, use.line, use.column, use.end_line, owner, use.receiver, root or owner
            )
            (facts.members if owner else facts.attributes).append(resolved_use)
        for top, use in self._given:
            source = self._roots.get(top) or self._modules.get(top, "")
            facts.keywords.append(use._replace(root=source if self._bound.get(top) == 1 else ""))
        for dotted, attribute in self._set_on:
            if full_name := self._full_name(dotted):
                facts.stored.add(f"{full_name}.{attribute}")
        full_names = map(self._full_name, self._bases)
        facts.library_bases = {
            name for name in full_names if name.partition(".")[0] in sys.stdlib_module_names
        }
        facts.environment_keys = [
            use for dotted, use in self._keys if use.owner or self._full_name(dotted) in ENVIRONMENT
        ]
        facts.only_imported = {
            name for name in self._roots if self._bound.get(name) == 1 and name not in facts.words
        }
        facts.words |= set(self._bound)
        facts.attributes_defined |= self._methods
        return facts

    def _full_name(self, dotted: str) -> str:
        """Return the full name of an imported name, or of a member of an imported module, or "" for other names."""
        first, _, rest = dotted.partition(".")
        if owner := self._roots.get(first):
            return f"{owner}.{dotted}"
        module = self._modules.get(first, "")
        return f"{module}.{rest}" if module and rest else module

    def _key(self, node: ast.AST) -> None:
        """Record a constant key that may name an environment variable."""
        key = environment_key(node)
        if key is not None and key[0]:
            dotted, constant = key
            owner = dotted if sets_for_test(dotted) else ""
            if owner or dotted.endswith(("environ", "env")):
                use = _use(constant, str(constant.value), owner)
                self._keys.append((dotted, use._replace(column=use.column + 1)))

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """Record the key, which may name an environment variable."""
        self._key(node)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Record a key that is looked up with `in`, which may name an environment variable."""
        self._key(node)
        self.generic_visit(node)

    def visit(self, node: ast.AST) -> None:
        """Record what the node binds, and then what it uses."""
        if type(node) in BINDING_NODES:
            for name, binding in bindings_of(node):
                if binding.how != "star":
                    self._bind(name, binding)
        super().visit(node)

    def _bind(self, name: str, binding: Binding) -> None:
        # Ignore `module = None`, the fallback for a missing module: nothing is looked up in it.
        is_none = isinstance(binding.node, ast.Constant) and binding.node.value is None
        counts = not (is_none and binding.how == "value" and not binding.path)
        self._bound[name] = self._bound.get(name, 0) + counts

    def visit_Name(self, node: ast.Name) -> None:
        """Do nothing, because a name has no children."""

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Record an attribute as defined if it is stored, or else as looked up."""
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
                self._set_on.append((dotted_name(node.value), node.attr))
                if node.attr in CHANGES_SIGNATURE:
                    self.facts.stored.add(f"{_called(dotted_name(node.value))}.{node.attr}")
        elif not self._guards.of(node).is_uncertain:
            dotted = dotted_name(node.value)
            self._looked_up.append((dotted, use))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Record keyword arguments, and what some calls derive, import, or refer to."""
        for keyword in node.keywords:
            if keyword.arg and not self._guards.of(keyword).is_uncertain:
                end = keyword.end_lineno or keyword.lineno
                position = keyword.lineno, keyword.col_offset + 1, end
                use = Use(keyword.arg, *position, receiver=receiver_of(node.func))
                self._given.append((dotted_name(node.func).partition(".")[0], use))
        match node:
            case ast.Call(func=ast.Name(id="setattr"), args=[owner, name, _]):
                if not isinstance(name, ast.Constant):
                    self._set_on.append((dotted_name(owner), ANY_NAME))
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
                self.facts.links.update(prefixes(module))
        self._key(node)
        target = patched_object(node)
        if target is not None and target[0] is None:
            self.facts.links.update(prefixes(str(target[1].value)))
        self.facts.references += in_call(node)
        self.generic_visit(node)

    def visit_Module(self, node: ast.Module) -> None:
        """Record classes that are passed to a function at the top level, which may derive others from them."""
        for statement in node.body:
            match statement:
                case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=given)) if name not in _BUILTINS:
                    self.facts.recombined.update(
                        node.id for node in given if isinstance(node, ast.Name) and node.id[:1].isupper()
                    )
        self.generic_visit(node)

    def _recombined(self, bases: list[ast.expr]) -> None:
        """Record that a class is meant to be combined with others, as by `class Made(cls, TestCase)` in a method."""
        if self._around and any(isinstance(base, ast.Name) and base.id in {"cls", "klass"} for base in bases):
            self.facts.recombined.add(self._around[-1])

    def visit_Dict(self, node: ast.Dict) -> None:
        """Record the objects that a mapping names, if it is a logging configuration."""
        self.facts.references += in_dict(node)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        """Record the imported modules."""
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self._imports[name] += 1
            self._modules[name] = alias.name if alias.asname else name
            self.facts.words.update(alias.name.split("."))
            self.facts.links.update(prefixes(alias.name))
            if not alias.asname and "." in alias.name:
                # `import a.b` binds `a`, and also makes `a.b` available for lookups.
                self._bound[alias.name] = 1
                self._modules[alias.name] = alias.name
            if not self._guards.of(node).expects_import_error:
                self.facts.imports.append(_use(alias, "", alias.name))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Record what is imported from a module or a package."""
        source = absolute(node, self._module, self._is_package)
        self.facts.links.update(prefixes(source))
        is_optional = self._guards.of(node).expects_import_error
        for alias in node.names:
            self.facts.links.add(f"{source}.{alias.name}")
            if alias.name == "*":
                if not is_optional:
                    self.facts.imports.append(_use(alias, "", source))
                continue
            self._imports[alias.asname or alias.name] += 1
            self._roots[alias.asname or alias.name] = source
            if not is_optional and node.module != "__future__":
                self.facts.imports.append(_use(alias, alias.name, source))

    def _function(self, node: Function) -> None:
        self._methods.add(node.name)
        self.facts.functions.add(node.name)
        if node.returns is not None:
            self._types.update(text for text, _ in texts_of_types(node.returns))
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Record a function that isn't async, and so can't be awaited."""
        self.facts.synchronous.add(node.name)
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Record an async function."""
        self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Record the attributes that a class defines, and its keyword arguments, which the metaclass receives."""
        self.facts.words.update(keyword.arg for keyword in node.keywords if keyword.arg)
        self._recombined(node.bases)
        self._bases.update(map(dotted_name, node.bases))
        bases = {dotted_name(base).rpartition(".")[2] for base in node.bases}
        self.facts.bases |= bases
        self.facts.combined |= bases if len(node.bases) > 1 else set()
        self.facts.functions.add(node.name)
        self.facts.fields.update(_fields(node))
        members = {
            name
            for child in node.body
            for name, binding in bindings_in(child)
            if binding.inside is None and binding.how not in {"deleted", "declared", "star"}
        }
        self.facts.attributes_defined |= members
        self._classes.append(members)
        self._around.append(node.name)
        self.generic_visit(node)
        self._around.pop()
        self.facts.members_of_classes += sorted(self._classes.pop())

    def visit_arg(self, node: ast.arg) -> None:
        """Record the strings in an annotation that are types."""
        if node.annotation is not None:
            self._types.update(text for text, _ in texts_of_types(node.annotation))
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Record the strings in an annotation that are types."""
        self._types.update(text for text, _ in texts_of_types(node.annotation))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Record the names that a string may contain, unless it is a type."""
        if isinstance(node.value, str):
            self.facts.words.update(template_words(node.value))
            if node not in self._types:
                words = identifiers_in(node.value)
                self.facts.words |= words
                self.facts.texts |= words


def _called(path: str) -> str:
    """Return the name of the function or class whose signature changes with that of `path`: `Point.__new__`."""
    return next((part for part in reversed(path.split(".")) if part not in {"__new__", "__init__"}), "")


def _fields(node: ast.ClassDef) -> Iterator[str]:
    """Yield the attributes that a class body annotates as values that can't be called."""
    for child in node.body:
        match child:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation) if not _MAY_BE_CALLED.search(
                ast.unparse(annotation)
            ):
                yield name


def _use(node: ast.expr | ast.alias, name: str, owner: str = "") -> Use:
    return Use(name, node.lineno, node.col_offset + 1, node.end_lineno or node.lineno, owner)
