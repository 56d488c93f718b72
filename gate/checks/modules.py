"""Choose the files, module names, and runs for a type checker if the project doesn't configure them.

A checker knows a file by one name only, and a name for one file only. Only the project's imports show which name is
right: `web/page.py` is `web.page` if a file imports it that way, and otherwise `page`, next to other scripts. If two
scripts have the same name, each is checked with its own neighbors in a run of its own.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

NOT_SOURCE = frozenset(
    {
        "tests",
        "test",
        "docs",
        "doc",
        "examples",
        "example",
        "build",
        "dist",
        "node_modules",
        "site-packages",
        "vendor",
    }
)
"""Folders that aren't part of the project itself, if it doesn't configure what to check. Tests run anyway."""
TEST = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$")
IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<package>\.*[\w.]*)[ \t]+import[ \t]+(?:\((?P<many>[\w\s,]*)|(?P<some>[\w \t,]*))"
    r"|import[ \t]+(?P<modules>[\w. \t,]+))",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Part:
    """The files of one run, all with different module names.

    `bases` are the folders in which modules are found, `.` for the top. Empty if none need to be passed.
    """

    files: tuple[str, ...]
    bases: tuple[str, ...]


@dataclass(slots=True)
class _Run:
    """A run under construction: files by module name, and the folders in which these names begin."""

    modules: dict[str, str] = field(default_factory=dict)
    bases: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Folder:
    """A folder outside any package: its modules and packages by name, with their files."""

    path: str
    units: dict[str, list[str]] = field(default_factory=dict)


def checked(files: Iterable[str]) -> list[str]:
    """Return the files to check: no tests, documentation, files that can't be imported, or code that has a stub."""
    paths = frozenset(files)
    return [
        path
        for path in sorted(paths)
        if _wanted(path) and f"{path}i" not in paths and _importable(path, paths)
    ]


def out_of_reach(files: Iterable[str]) -> list[str]:
    """Return the files that aren't checked only because a folder above them isn't a valid package name."""
    paths = frozenset(files)
    return [path for path in sorted(paths) if _wanted(path) and not _importable(path, paths)]


def parts(files: Iterable[str], text: Callable[[str], str]) -> tuple[Part, ...]:
    """Split `checked` files into runs, each file in one. `text` returns a file's content.

    The first run contains every file with a unique name, which in most projects are all files.
    """
    paths = frozenset(files)
    checkable = checked(paths)
    folders: dict[str, _Folder] = {}
    for path in checkable:
        base, module = _own_name(path, paths)
        folder = folders.setdefault(base, _Folder(base))
        folder.units.setdefault(module.partition(".")[0], []).append(path)
    imports = {path: frozenset(_imported(text(path))) for path in checkable} if set(folders) - {""} else {}
    bases = _bases(folders, imports)
    return _without_clashes(checkable, paths, bases)


def _wanted(path: str) -> bool:
    folders = path.split("/")[:-1]
    return (
        path.endswith((".py", ".pyi"))
        and not TEST.search(path)
        and not any(part in NOT_SOURCE or part.startswith(".") for part in folders)
    )


def _packages(path: str, paths: frozenset[str]) -> tuple[str, list[str]]:
    """Return the folder of a file's outermost package, and the package names from there on.

    Inside a package, every folder is a package, with or without `__init__.py`, unless its name isn't valid.
    """
    folders = path.split("/")[:-1]
    first = len(folders)
    for depth in range(len(folders), 0, -1):
        if {"/".join([*folders[:depth], f"__init__.py{end}"]) for end in ("", "i")} & paths:
            first = depth - 1
        if not folders[depth - 1].isidentifier():
            break
    return "/".join(folders[:first]), folders[first:]


def _importable(path: str, paths: frozenset[str]) -> bool:
    return all(package.isidentifier() for package in _packages(path, paths)[1])


def _own_name(path: str, paths: frozenset[str]) -> tuple[str, str]:
    """Return the folder in which a module is found by its shortest name, and that name."""
    base, packages = _packages(path, paths)
    stem = path.rpartition("/")[2].rpartition(".")[0]
    return base, ".".join([*packages, *([] if stem == "__init__" and packages else [stem])])


def _imported(text: str) -> Iterator[str]:
    """Yield every dotted name that a module may import, with all its prefixes, and `.` for a relative import."""
    for match in IMPORT.finditer(text):
        package = match["package"] or ""
        if package.startswith("."):
            yield "."
            continue
        names = (match["modules"] or match["many"] or match["some"] or "").split(",")
        for name in [package, *(name.split()[0] for name in names if name.strip())]:
            dotted = f"{package}.{name}" if package and name != package else name
            while dotted:
                yield dotted
                dotted = dotted.rpartition(".")[0]


def _bases(folders: dict[str, _Folder], imports: dict[str, frozenset[str]]) -> frozenset[str]:
    """Return the folders, besides the top, in which modules are found by the names that the project uses."""
    everywhere = frozenset[str]().union(*imports.values())
    bases = {path: _base(folder, everywhere, imports) for path, folder in folders.items()}
    own = [folders[path] for path, base in bases.items() if path == base]
    units = [unit for folder in own for unit in folder.units]
    shared = {unit for unit in units if units.count(unit) > 1}
    for folder in own:
        # Scripts that don't import one another need only the module name that their path gives them.
        alone = not any(folder.units.keys() & imports.get(path, ()) for path in _files(folder))
        if shared & folder.units.keys() and alone and _dotted(folder.path):
            bases[folder.path] = ""
    return frozenset(bases.values()) - {""}


def _files(folder: _Folder) -> list[str]:
    return [path for unit in folder.units.values() for path in unit]


def _base(folder: _Folder, everywhere: frozenset[str], imports: dict[str, frozenset[str]]) -> str:
    """Return where the names begin by which others import a folder's content: above the folder, or in it."""
    above = folder.path.split("/")
    for depth in range(len(above)):
        dotted = _dotted("/".join(above[depth:]))
        if dotted and any(f"{dotted}.{unit}" in everywhere for unit in folder.units):
            return "/".join(above[:depth])
    loose = [path for path in _files(folder) if path.rpartition("/")[0] == folder.path]
    relative = any("." in imports.get(path, ()) for path in loose)
    # No file can have the name of a module of the standard library: that one is meant wherever it is imported.
    if (relative or folder.units.keys() & sys.stdlib_module_names) and _dotted(above[-1]):
        return "/".join(above[:-1])
    return folder.path


def _dotted(folder: str) -> str:
    """Return the dotted name of a folder, or "" if it has none."""
    parts = folder.split("/")
    return ".".join(parts) if all(part.isidentifier() for part in parts) else ""


def _without_clashes(checkable: list[str], paths: frozenset[str], bases: frozenset[str]) -> tuple[Part, ...]:
    groups: dict[tuple[int, str], dict[str, str]] = {}
    for path in checkable:
        base, module = _name(path, paths, bases)
        layer = 0
        while module in groups.get((layer, base), ()):
            layer += 1
        groups.setdefault((layer, base), {})[module] = path
    runs: list[_Run] = []
    for (_, base), modules in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1].count("/"))):
        run = next((run for run in runs if run.modules.keys().isdisjoint(modules)), None)
        if run is None:
            run = _Run()
            runs.append(run)
        run.modules |= modules
        run.bases.add(base)
    named = any(_packages(path, paths)[0] for path in checkable)
    usable = sorted(base for base in bases if ":" not in base)
    return tuple(
        Part(
            tuple(sorted(run.modules.values())),
            (*sorted(usable, key=_after(run.bases)), ".") if named else (),
        )
        for run in runs
    )


def _after(first: set[str]) -> Callable[[str], bool]:
    """Return a sort key that puts these first, so that a run finds its own modules before others."""
    return lambda base: base not in first


def _name(path: str, paths: frozenset[str], bases: frozenset[str]) -> tuple[str, str]:
    """Return the folder in which a module is found and its name, if modules are found at the top and in `bases`."""
    own, module = _own_name(path, paths)
    folder, above = own, list[str]()
    while folder and folder not in bases:
        folder, _, name = folder.rpartition("/")
        if not name.isidentifier():
            return own, module
        above.insert(0, name)
    return folder, ".".join([*above, module])
