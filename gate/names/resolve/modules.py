"""What modules hold, read from their source or stubs; nothing is ever imported or run."""

from __future__ import annotations

import ast
import re
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Literal

from gate.names.read.newer_syntax import parse
from gate.names.resolve.generated import GeneratedModules
from gate.names.store.cache import Cache
from gate.names.syntax.guards import Guards
from gate.names.syntax.nodes import walk
from gate.names.syntax.scopes import Scope, own_nodes

Origin = Literal["project", "library", "site"]
MODULE_NAMES = frozenset({
    "__name__", "__file__", "__doc__", "__path__", "__package__", "__spec__", "__loader__", "__dict__", "__all__",
    "__version__", "__annotations__", "__builtins__", "__cached__", "__getattr__", "__dir__", "__class__",
})  # fmt: skip
LARGEST = 4 * 1024 * 1024
_GLOBAL = re.compile(rb"(?:^[ \t]+|[:;][ \t]*)global[ \t]+([^#\n;]+)", re.MULTILINE)
_MAY_WRITE_GLOBALS = re.compile(
    rb"\b(?:globals|vars|locals|exec)\s*\(|\bsetattr\s*\(\s*(?:module\b|[\w.]+\s*[\[(])|\bsys\s*\.\s*modules\b"
)
_REPLACED = frozenset({"distutils"})
"""Packages of the standard library in whose place another one puts its own: setuptools, wherever it is installed."""
_IGNORED_TYPE = re.compile(rb"#\s*(?:type|pyright|ty|pyrefly)\s*:\s*ignore\b")
_NAME_IN_TEXT = re.compile(rb"['\"]([A-Za-z_]\w*)['\"]")
_NATIVE = (".so", ".pyd")
_PYTHON = (".py", ".pyi", *_NATIVE)


@dataclass(frozen=True, slots=True)
class Module:
    """The names of a module. `open` is True where more may be there than can be read."""

    names: frozenset[str]
    open: bool = False

    @property
    def own(self) -> frozenset[str]:
        """The names that are not every module's: always the same set, so that answers about it can be kept."""
        return _without_module_names(self.names)


OPEN = Module(frozenset(), open=True)
Version = tuple[int, int]
OWN_VERSION: Version = sys.version_info[:2]


@lru_cache(maxsize=4096)
def _without_module_names(names: frozenset[str]) -> frozenset[str]:
    return names - MODULE_NAMES


class Source:
    """One file of Python."""

    def __init__(self, name: str, origin: Origin, tree: ast.Module, data: bytes, *, is_package: bool,
                 is_stub: bool = False, target: Version | None = None) -> None:  # fmt: skip
        """`name` is the module's, `data` what the file holds, `target` the version of Python that it is for."""
        self.target = target or OWN_VERSION
        self.is_stub = is_stub
        self.name = name
        self.origin = origin
        self.tree = tree
        self.is_package = is_package
        self.data = data

    @cached_property
    def scope(self) -> Scope:
        """What the module itself binds."""
        return Scope("module", self.tree, None, self)

    @cached_property
    def postpones_annotations(self) -> bool:
        """Whether annotations are never evaluated, unless somebody asks for them."""
        return (
            self.is_stub
            or self.target >= (3, 14)
            or any(
                isinstance(node, ast.ImportFrom)
                and node.module == "__future__"
                and any(alias.name == "annotations" for alias in node.names)
                for node in self.tree.body
            )
        )

    @cached_property
    def texts(self) -> Counter[str]:
        """How often each text that is a name stands in the file."""
        return Counter(match.decode("utf-8", "replace") for match in _NAME_IN_TEXT.findall(self.data))

    def is_exported(self, name: str) -> bool:
        """Whether `from module import *` may bring a name of the module along."""
        if "__all__" not in self.scope.names:
            return not name.startswith("_")
        # What is put together there may have any name.
        is_plain = all(isinstance(one.node, ast.List | ast.Tuple) for one in self.scope.names["__all__"])
        return not is_plain or name in self.exports

    @cached_property
    def exports(self) -> list[str]:
        """The names in `__all__`, as far as they are written out there."""
        return [
            one.value
            for node in _statements(self.tree.body)
            if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
            and any(
                getattr(target, "id", "") == "__all__"
                for target in getattr(node, "targets", [getattr(node, "target", None)])
            )
            for one in walk(node)
            if isinstance(one, ast.Constant) and isinstance(one.value, str)
        ]

    @cached_property
    def guards(self) -> Guards:
        """Where the file expects that something is not there."""
        return Guards(self.tree)

    @cached_property
    def own_names(self) -> frozenset[str]:
        """The names that the module binds; `from . import part` in the package itself makes no `part`."""
        return frozenset(
            name
            for name, bindings in self.scope.names.items()
            if any(one.how != "member" or one.module != self.name or one.name != name for one in bindings)
        )

    @cached_property
    def made_global(self) -> frozenset[str]:
        """The names that functions bind in the module."""
        found = (name for match in _GLOBAL.finditer(self.data) for name in match[1].split(b","))
        return frozenset(name.strip().decode("utf-8", "replace") for name in found)

    @cached_property
    def writes_globals(self) -> bool:
        """Whether the module may get names that its text does not bind."""
        if "__getattr__" in self.scope.names:
            return True
        may = _MAY_WRITE_GLOBALS.search(self.data) is not None
        return self.binds_by_name or (may and any(_writes_globals(node) for node in walk(self.tree)))

    @cached_property
    def set_by_name(self) -> frozenset[str]:
        """Names of what gets attributes that are named only when the module runs: `setattr(Table, name, value)`."""
        if b"setattr" not in self.data:
            return frozenset()
        return frozenset(
            call.args[0].id
            for call in walk(self.tree)
            if isinstance(call, ast.Call)
            and getattr(call.func, "id", "") == "setattr"
            and len(call.args) > 1
            and isinstance(call.args[0], ast.Name)
            and not isinstance(call.args[1], ast.Constant)
        )

    @cached_property
    def binds_by_name(self) -> bool:
        """Whether the module gives itself names that are known only when it runs: `globals()[name] = value`."""
        if _MAY_WRITE_GLOBALS.search(self.data) is None:
            return False
        # Outside functions, what is local is global.
        return any(_binds_by_name(node, "globals") for node in walk(self.tree)) or any(
            _binds_by_name(node, "locals") or _binds_by_name(node, "vars") for node in own_nodes(self.tree)
        )

    def is_overruled(self, annotation: ast.expr) -> bool:
        """Whether a type checker is told to ignore its line: what is assigned there is something else."""
        return not self.is_stub and annotation.lineno in self._ignored_lines

    @cached_property
    def _ignored_lines(self) -> frozenset[int]:
        return frozenset(
            self.data.count(b"\n", 0, match.start()) + 1 for match in _IGNORED_TYPE.finditer(self.data)
        )

    @cached_property
    def scopes(self) -> dict[ast.AST, Scope]:
        """The scopes inside, as far as they were asked for."""
        return {}

    def inner(self, node: ast.AST, parent: Scope) -> Scope:
        """The scope of a function, a lambda or a class inside this file."""
        found = self.scopes.get(node)
        if found is None:
            kind: Literal["class", "function"] = "class" if isinstance(node, ast.ClassDef) else "function"
            found = self.scopes[node] = Scope(kind, node, parent, self)
        return found

    def absolute(self, node: ast.ImportFrom) -> str:
        """The full name of what `node` imports from."""
        return absolute(node, self.name, self.is_package)


class Modules:
    """Finds modules in the tree, the standard library and the installed packages."""

    def __init__(
        self,
        root: Path | None,
        typeshed: Path | None,
        site_packages: Sequence[Path],
        installed: Modules | None = None,
        kept: Cache | None = None,
        target: Version | None = None,
    ) -> None:
        """`root` is the tree; the standard library is read from its stubs in `typeshed` and its source.

        Where there is `installed`, it is asked for what is not in the tree, so that several trees may share it.
        `kept` has what earlier runs have found, if that cannot have changed. `target` is the version of Python that
        the project is for: where code asks for the version, it is the answer.
        """
        self._root = root
        self._tree = [folder for folder in (root / "src", root) if folder.is_dir()] if root else []
        self._library_names = sys.stdlib_module_names
        if typeshed is not None:
            self._library_names |= {path.name.partition(".")[0] for path in typeshed.iterdir()}
        library = Path(sysconfig.get_path("stdlib"))
        self._library = [folder for folder in (typeshed, library) if folder is not None]
        self._site = list(site_packages)
        self.target: Version = target or (installed.target if installed else OWN_VERSION)
        self._installed = installed
        self._kept = kept
        self.generated = GeneratedModules(root)
        self._known: dict[str, Module | None] = {}
        self._sources: dict[str, list[Source]] = {}
        self._beside: dict[str, frozenset[str]] = {}
        self._attributes: dict[str, frozenset[str]] = {}
        self._entries: dict[Path, dict[str, bool]] = {}
        self.top_level = frozenset(self._top_level())

    def add(self, source: Source) -> None:
        """A file of the project that has been read already."""
        found = self._sources.setdefault(source.name, [])
        found.insert(0 if source.is_stub else len(found), source)

    def _top_level(self) -> Iterable[str]:
        yield from self._library_names
        for folder in (*self._tree, *self._site):
            yield from self._submodules(folder)

    def module(self, name: str) -> Module | None:
        """The module called `name`, with its dots; None if it is nowhere to be found."""
        if self.is_replaced(name):
            return OPEN
        if name not in self._known:
            if self._installed is not None and self.origin(name) != "project":
                self._known[name] = self._installed.module(name)
            else:
                # What imports itself in a circle is open while it is being read.
                self._known[name] = OPEN
                self._known[name] = (
                    self._read(name) if self._kept is None else self._recalled(name, self._kept)
                )
        return self._known[name]

    def _recalled(self, name: str, kept: Cache) -> Module | None:
        found = kept.get(name)
        if found is None:
            module = self._read(name)
            kept.put(name, (module is not None, *((module.open, list(module.names)) if module else ())))
            return module
        is_there, *plain = found
        return Module(frozenset(plain[1]), open=plain[0]) if is_there else None

    def lacks(self, name: str, member: str) -> bool:
        """Whether a module certainly has no such member."""
        module = self.module(name)
        if (
            module is None
            or module.open
            or member in module.names
            or self.module(f"{name}.{member}") is not None
        ):
            return False
        return member not in self.beside_stub(name) and not self._is_mentioned(name, member)

    def _is_mentioned(self, name: str, member: str) -> bool:
        """Whether a module of the project or a package says a name in a text: it may be loaded when it is needed."""
        if self.origin(name) == "library":
            return False
        return any(source.texts[member] > source.exports.count(member) for source in self.sources(name))

    def is_only_in_stub(self, module: str, name: str) -> bool:
        """Whether a class of a library's stub stands for whatever the source gives, which has none of that name."""
        if self._installed is not None:
            return self._installed.is_only_in_stub(module, name)
        return any(not source.is_stub for source in self.sources(module)) and name not in self.beside_stub(
            module
        )

    def beside_stub(self, name: str) -> frozenset[str]:
        """What the source of a module of the standard library has besides what its stub tells."""
        if self.origin(name) != "library":
            return frozenset()
        if self._installed is not None:
            return self._installed.beside_stub(name)
        found = self._beside.get(name)
        if found is None:
            self._beside[name] = frozenset()
            path = Path(sysconfig.get_path("stdlib")).joinpath(*name.split("."))
            for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
                source = self._parse(file, name, "library", is_package=file.stem == "__init__")
                if source is not None:
                    names = {*source.scope.names, *source.scope.elsewhere, *source.made_global}
                    for star in source.scope.stars:
                        inner = self.module(star)
                        names |= self.beside_stub(star) | (inner.names if inner else frozenset())
                    self._beside[name] = frozenset(names)
            found = self._beside[name]
        return found

    def attributes_beside_stub(self, name: str) -> frozenset[str]:
        """What the classes in the source of a library's module define or set, whatever its stub leaves out."""
        if self._installed is not None:
            return self._installed.attributes_beside_stub(name)
        if name not in self._attributes:
            path = Path(sysconfig.get_path("stdlib")).joinpath(*name.split("."))
            found: set[str] = set()
            for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
                parsed = _read_library(file)
                found.update(_attributes_defined(parsed[0]) if parsed else ())
            self._attributes[name] = frozenset(found)
        return self._attributes[name]

    def source(self, name: str) -> Source | None:
        """The text of a module, its stub before its source."""
        return next(iter(self.sources(name)), None)

    def sources(self, name: str) -> list[Source]:
        """Every file that a module is made of: a stub and the source beside it may each know more."""
        if name not in self._sources:
            if self.is_replaced(name):
                self._sources[name] = []
            elif self._installed is not None and self.origin(name) != "project":
                self._sources[name] = self._installed.sources(name)
            else:
                self._sources[name] = list(self._find(name))
        return self._sources[name]

    def is_known_package(self, name: str) -> bool:
        """Whether the top of `name` is somewhere, so that a missing part of it is a mistake."""
        return name.partition(".")[0] in self.top_level

    def origin(self, name: str) -> Origin:
        """Where a module comes from, whether it is there or not."""
        top = name.partition(".")[0]
        if any({top, f"{top}.py", f"{top}.pyi"} & self._listed(folder).keys() for folder in self._tree):
            return "project"
        return "library" if top in self._library_names or top == "_typeshed" else "site"

    def is_replaced(self, name: str) -> bool:
        """Whether nobody can tell what is in a module, since another package may stand in its place."""
        return name.partition(".")[0] in _REPLACED and self.origin(name) != "project"

    def is_ambiguous(self, name: str, path: str) -> bool:
        """Whether for the file at `path` the project has another `name`: it may hold projects inside.

        Where a folder on the way to the file has one too, that may be what is imported there.
        """
        top = name.partition(".")[0]
        if self._root is None or self.origin(name) != "project":
            return False
        folders = (self._root / parent for parent in Path(path).parents)
        files = {top, f"{top}.py", f"{top}.pyi"}
        return any(files & self._listed(folder).keys() for folder in folders if folder not in self._tree)

    def _places(self, name: str) -> tuple[Origin, list[Path]]:
        origin = self.origin(name)
        return origin, {"project": [*self._tree, *self._site], "library": self._library, "site": self._site}[
            origin
        ]

    def _find(self, name: str) -> Iterator[Source]:
        if not name:
            return
        parts = name.split(".")
        origin, folders = self._places(name)
        for folder in folders:
            path = folder.joinpath(*parts)
            here = self._listed(path.parent)
            found = []
            if here.get(path.name):
                found += [
                    (path / end, True) for end in ("__init__.pyi", "__init__.py") if end in self._listed(path)
                ]
            if not found:
                found += [
                    (path.parent / end, False)
                    for end in (f"{path.name}.pyi", f"{path.name}.py")
                    if end in here
                ]
            if origin == "library":
                # The stubs of the standard library are complete; its source does odd things to itself.
                found = found[:1]
            told: Origin = "site" if origin == "project" and folder in self._site else origin
            sources = [self._parse(path, name, told, is_package=package) for path, package in found]
            yield from (source for source in sources if source is not None)
            if found:
                return

    def _parse(self, path: Path, name: str, origin: Origin, *, is_package: bool) -> Source | None:
        read = _read_library if origin == "library" else _parsed
        found = read(path)
        if found is None:
            return None
        tree, data = found
        return Source(
            name, origin, tree, data, is_package=is_package, is_stub=path.suffix == ".pyi", target=self.target
        )

    def _read(self, name: str) -> Module | None:
        origin, folders = self._places(name)
        parts = name.split(".")
        found = self.sources(name)
        if found:
            packages = [folder.joinpath(*parts) for folder in folders]
            names = {inner for path in packages for inner in self._submodules(path)}
            return self._merged(found, names)
        for folder in folders:
            path = folder.joinpath(*parts)
            if any(
                entry.startswith(f"{path.name}.") and entry.endswith(_NATIVE)
                for entry in self._listed(path.parent)
            ):
                return OPEN
            if self._listed(path.parent).get(path.name):
                return Module(frozenset(self._submodules(path)), open=True)
            if self._listed(path.parent).keys() & {f"{path.name}.py", f"{path.name}.pyi"}:
                return OPEN
        return OPEN if origin == "library" and len(parts) == 1 else None

    def _merged(self, found: list[Source], names: set[str]) -> Module:
        is_open = False
        for source in found:
            names |= source.own_names | source.scope.elsewhere | source.made_global
            is_open = is_open or source.writes_globals
            for star in source.scope.stars:
                inner = self.module(star)
                if inner is None or inner.open:
                    is_open = True
                if inner is not None:
                    names |= inner.names
        return Module(frozenset(names | MODULE_NAMES), open=is_open)

    def _listed(self, folder: Path) -> dict[str, bool]:
        """The entries of a folder, and whether each is a folder itself."""
        found = self._entries.get(folder)
        if found is None:
            try:
                found = {entry.name: entry.is_dir() for entry in folder.iterdir()}
            except OSError:
                found = {}
            self._entries[folder] = found
        return found

    def _submodules(self, package: Path) -> Iterable[str]:
        for entry, is_folder in self._listed(package).items():
            name = entry.partition(".")[0]
            if name.isidentifier() and (is_folder or entry.endswith(_PYTHON)):
                yield name


def _parsed(path: Path) -> tuple[ast.Module, bytes] | None:
    try:
        if path.stat().st_size > LARGEST:
            return None
        data = path.read_bytes()
        return parse(data), data
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


@cache
def _read_library(path: Path) -> tuple[ast.Module, bytes] | None:
    """The standard library stays what it is as long as this process runs."""
    return _parsed(path)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those under a condition included."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _statements([*node.body, *node.orelse])


def _attributes_defined(tree: ast.Module) -> Iterator[str]:
    """What any class in a module has in its body, and what is set on anything."""
    for node in walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.ClassDef):
            for one in node.body:
                match one:
                    case (
                        ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name)
                    ):
                        yield name
                    case ast.Assign(targets=targets):
                        yield from (target.id for target in targets if isinstance(target, ast.Name))
                    case ast.AnnAssign(target=ast.Name(id=name)):
                        yield name


def absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """The absolute name of what `node` imports from, inside the module called `module`."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    keep = len(parts) - node.level + (1 if is_package else 0)
    return ".".join([*parts[: max(keep, 0)], *([node.module] if node.module else [])])


def _binds_by_name(node: ast.AST, where: str) -> bool:
    """Whether `node` stores in the dictionary that the function called `where` gives."""
    match node:
        case (
            ast.Subscript(value=ast.Call(func=ast.Name(id=name), args=[]), ctx=ast.Store())
            | ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id=name), args=[]), attr="update"))
        ):
            return name == where
    return False


def _writes_globals(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="globals" | "vars" | "exec")):
            return True
        case ast.Call(
            func=ast.Name(id="setattr"), args=[ast.Subscript() | ast.Call() | ast.Name(id="module"), *_]
        ):
            return True
        case ast.Attribute(value=ast.Name(id="sys"), attr="modules"):
            return True
    return False
