"""What modules hold, read from their source or stubs; nothing is ever imported or run."""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MODULE_NAMES = frozenset({
    "__name__", "__file__", "__doc__", "__path__", "__package__", "__spec__", "__loader__", "__dict__", "__all__",
    "__version__", "__annotations__", "__builtins__", "__cached__", "__getattr__", "__dir__", "__class__",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Module:
    """The names of a module. `open` is True where more may be there than can be read."""

    names: frozenset[str]
    open: bool = False


OPEN = Module(frozenset(), open=True)


class Modules:
    """Finds modules in the tree, the standard library and the installed packages."""

    def __init__(self, root: Path, typeshed: Path | None, site_packages: Sequence[Path]) -> None:
        """`root` is the tree; the standard library is read from its stubs in `typeshed` and its source."""
        self._tree = [folder for folder in (root / "src", root) if folder.is_dir()]
        library = Path(sysconfig.get_path("stdlib"))
        self._library = [folder for folder in (typeshed, library) if folder is not None]
        self._site = list(site_packages)
        self._known: dict[str, Module | None] = {}
        self.top_level = frozenset(self._top_level())

    def _top_level(self) -> Iterable[str]:
        yield from sys.stdlib_module_names
        for folder in (*self._tree, *self._site):
            try:
                entries = list(folder.iterdir())
            except OSError:
                continue
            for entry in entries:
                name = entry.name.partition(".")[0]
                if name.isidentifier() and (entry.is_dir() or entry.suffix in {".py", ".pyi", ".so", ".pyd"}):
                    yield name

    def module(self, name: str) -> Module | None:
        """The module called `name`, with its dots; None if it is nowhere to be found."""
        if name not in self._known:
            # What imports itself in a circle is open while it is being read.
            self._known[name] = OPEN
            self._known[name] = self._read(name)
        return self._known[name]

    def is_known_package(self, name: str) -> bool:
        """Whether the top of `name` is somewhere, so that a missing part of it is a mistake."""
        return name.partition(".")[0] in self.top_level

    def _read(self, name: str) -> Module | None:
        parts = name.split(".")
        is_library = parts[0] in sys.stdlib_module_names and not self._in_tree(parts[0])
        folders = [*self._library] if is_library else [*self._tree, *self._site]
        found: list[Module] = []
        for folder in folders:
            path = folder.joinpath(*parts)
            # A stub and the source beside it are one module: each may know names that the other does not.
            for package in (path / "__init__.pyi", path / "__init__.py"):
                if package.is_file():
                    found.append(self._parse(package, name, path))
            for source in (path.parent / f"{path.name}.pyi", path.parent / f"{path.name}.py"):
                if source.is_file():
                    found.append(self._parse(source, name, None))
            if not found and any(path.parent.glob(f"{path.name}.*.so")):
                return OPEN
            if not found and path.is_dir():
                return Module(frozenset(_submodules(path)), open=True)
            if found and not is_library:
                break
        if found:
            names = frozenset(name for module in found for name in module.names)
            # The stubs of the standard library are complete; its source may do odd things to itself.
            told = found[:1] if is_library else found
            return Module(names, open=any(module.open for module in told))
        return OPEN if is_library and len(parts) == 1 else None

    def _in_tree(self, name: str) -> bool:
        return any((folder / name).is_dir() or (folder / f"{name}.py").is_file() for folder in self._tree)

    def _parse(self, path: Path, name: str, package: Path | None) -> Module:
        try:
            tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):
            return OPEN
        names = set(MODULE_NAMES)
        is_open = False
        if package is not None:
            names |= set(_submodules(package))
        for node in _module_level(tree.body):
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                star = self.module(absolute(node, name, package is not None))
                if star is None or star.open:
                    is_open = True
                else:
                    names |= star.names
                continue
            names |= set(bound(node))
        if "__getattr__" in names - MODULE_NAMES or any(
            isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in tree.body
        ):
            is_open = True
        return Module(frozenset(names), open=is_open or _writes_globals(tree))


def absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """The absolute name of what `node` imports from, inside the module called `module`."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    keep = len(parts) - node.level + (1 if is_package else 0)
    return ".".join([*parts[: max(keep, 0)], *([node.module] if node.module else [])])


def _module_level(body: Sequence[ast.stmt]) -> Iterable[ast.stmt]:
    for node in body:
        yield node
        for field in ("body", "orelse", "finalbody"):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from _module_level(getattr(node, field, []))
        for handler in getattr(node, "handlers", []):
            yield from _module_level(handler.body)
        for case in getattr(node, "cases", []):
            yield from _module_level(case.body)


def bound(node: ast.AST) -> Iterable[str]:
    """The names that one statement binds in its scope."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name
    else:
        for child in ast.iter_child_nodes(node):
            for inner in ast.walk(child):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store | ast.Del):
                    yield inner.id


def _writes_globals(tree: ast.AST) -> bool:
    """Whether a module may get names that its text does not bind."""
    for node in ast.walk(tree):
        match node:
            case ast.Global():
                return True
            case ast.Call(func=ast.Name(id="globals" | "setattr" | "vars" | "exec")):
                return True
            case ast.Attribute(value=ast.Name(id="sys"), attr="modules"):
                return True
    return False


def _submodules(package: Path) -> Iterable[str]:
    try:
        entries = list(package.iterdir())
    except OSError:
        return
    for entry in entries:
        name = entry.name.partition(".")[0]
        if name.isidentifier() and (entry.is_dir() or entry.suffix in {".py", ".pyi", ".so", ".pyd"}):
            yield name
