"""Find modules in the folders of the tree, of the standard library, and of installed packages.

Folders are only listed, each once; no file is read.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from gate.names.syntax.reachability import Version
from gate.names.syntax.source import Origin

_NATIVE = (".so", ".pyd")
_PYTHON = (".py", ".pyi", *_NATIVE)


class SearchPath:
    """The folders that contain modules, by origin."""

    def __init__(
        self, root: Path | None, typeshed: Path | None, site_packages: Sequence[Path], oldest: Version
    ) -> None:
        """`root` is the tree. The standard library has stubs in `typeshed` in addition to its source.

        Modules that were removed before the version `oldest` are no part of it.
        """
        self._root = root
        self._tree = [folder for folder in (root / "src", root) if folder.is_dir()] if root else []
        self._removed = _removed_before(typeshed, oldest) if typeshed else {}
        self._library_names = sys.stdlib_module_names
        if typeshed is not None:
            self._library_names |= {path.name.partition(".")[0] for path in typeshed.iterdir()}
        self._library_names -= self._removed.keys()
        library = Path(sysconfig.get_path("stdlib"))
        self._library = [folder for folder in (typeshed, library) if folder is not None]
        self._site = list(site_packages)
        self._entries: dict[Path, dict[str, bool]] = {}
        self._origins: dict[str, Origin] = {}

    def top_level(self) -> frozenset[str]:
        """Return the names of all top-level modules and packages."""
        folders = (*self._tree, *self._site)
        return self._library_names.union(*(self.submodules(folder) for folder in folders))

    def removed_in(self, name: str) -> str:
        """Return the version that removed a top-level module from the standard library, or "" if it's there."""
        return self._removed.get(name, "")

    def origin(self, name: str) -> Origin:
        """Return where a module comes from, whether or not it exists."""
        top = name.partition(".")[0]
        if top not in self._origins:
            self._origins[top] = self._origin(top)
        return self._origins[top]

    def _origin(self, top: str) -> Origin:
        if any({top, f"{top}.py", f"{top}.pyi"} & self._listed(folder).keys() for folder in self._tree):
            return "project"
        return "library" if top in self._library_names or top == "_typeshed" else "site"

    def is_ambiguous(self, name: str, path: str) -> bool:
        """Return whether a parent folder of the file at `path` has another module called `name`.

        Projects may contain other projects, and a script imports the modules beside it, so the file may mean that one.
        """
        top = name.partition(".")[0]
        if self._root is None or self.origin(name) == "library":
            return False
        folders = (self._root / parent for parent in Path(path).parents)
        files = {top, f"{top}.py", f"{top}.pyi"}
        return any(files & self._listed(folder).keys() for folder in folders if folder not in self._tree)

    def _folders(self, name: str) -> list[Path]:
        match self.origin(name):
            case "project":
                return [*self._tree, *self._site]
            case "library":
                return self._library
            case "site":
                return self._site

    def packages(self, name: str) -> list[Path]:
        """Return the folders where a package called `name` may be, whether or not they exist."""
        parts = name.split(".")
        return [folder.joinpath(*parts) for folder in self._folders(name)]

    def files(self, name: str) -> Iterator[tuple[Path, Origin, bool]]:
        """Yield the path and origin of each file of a module, stub first, and whether the module is a package.

        Only the first folder that has the module counts.
        """
        if not name:
            return
        origin = self.origin(name)
        for folder, path in zip(self._folders(name), self.packages(name), strict=True):
            files = list(self._files_at(path))
            if origin == "library":
                # The standard library's stubs are complete; its source is too dynamic to analyze.
                files = files[:1]
            is_installed: bool = origin == "project" and folder in self._site
            for file, is_package in files:
                yield file, "site" if is_installed else origin, is_package
            if files:
                return

    def _files_at(self, path: Path) -> Iterator[tuple[Path, bool]]:
        entries = self._listed(path.parent)
        inside = self._listed(path) if entries.get(path.name) else {}
        package = [path / end for end in ("__init__.pyi", "__init__.py") if end in inside]
        if package:
            yield from ((file, True) for file in package)
            return
        for name in (f"{path.name}.pyi", f"{path.name}.py"):
            if name in entries:
                yield path.parent / name, False

    def is_native(self, path: Path) -> bool:
        """Return whether the module at `path` is compiled."""
        return any(
            entry.startswith(f"{path.name}.") and entry.endswith(_NATIVE)
            for entry in self._listed(path.parent)
        )

    def is_folder(self, path: Path) -> bool:
        """Return whether there is a folder at `path`."""
        return self._listed(path.parent).get(path.name, False)

    def has_python(self, path: Path) -> bool:
        """Return whether the module at `path` has a Python file, readable or not."""
        return bool(self._listed(path.parent).keys() & {f"{path.name}.py", f"{path.name}.pyi"})

    def submodules(self, package: Path) -> Iterable[str]:
        """Yield the modules in a folder."""
        for entry, is_folder in self._listed(package).items():
            name = entry.partition(".")[0]
            if name.isidentifier() and (is_folder or entry.endswith(_PYTHON)):
                yield name

    def _listed(self, folder: Path) -> dict[str, bool]:
        """Return the entries of a folder, mapped to whether they are folders. Empty if it can't be read."""
        entries = self._entries.get(folder)
        if entries is None:
            try:
                entries = {entry.name: entry.is_dir() for entry in folder.iterdir()}
            except OSError:
                entries = {}
            self._entries[folder] = entries
        return entries


@cache
def _removed_before(typeshed: Path, oldest: Version) -> dict[str, str]:
    """Return the top-level modules that the standard library lacks since a version up to `oldest`, with that version.

    The stubs list the last version that has each module.
    """
    try:
        listed = (typeshed / "VERSIONS").read_text("utf-8")
    except OSError:
        return {}
    last = re.findall(r"(?m)^(\w+): *3\.\d+ *- *3\.(\d+)", listed)
    return {name: f"3.{int(minor) + 1}" for name, minor in last if (3, int(minor)) < oldest}
