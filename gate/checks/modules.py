"""Which files a type checker is given where the project does not say, under which names, and in how many runs.

A checker knows one file under one name, and a name for one file. Which name is the right one, nothing but the
imports of the project show: `web/page.py` is `web.page` if some file imports it so, and else the `page` of the scripts
beside it. Where two scripts have one name, each is checked among its own neighbours, in a run of its own.
"""

from __future__ import annotations

import re
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
"""Folders whose files are not what the project is, for one that has not said what to check. Tests are run."""
TEST = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$")
IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<package>\.*[\w.]*)[ \t]+import[ \t]+(?:\((?P<many>[\w\s,]*)|(?P<some>[\w \t,]*))"
    r"|import[ \t]+(?P<modules>[\w. \t,]+))",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Part:
    """The files of one run, no two of them one module.

    `bases` are the folders that modules are found in, `.` for the top; empty where none needs to be said.
    """

    files: tuple[str, ...]
    bases: tuple[str, ...]


@dataclass(slots=True)
class _Run:
    """What is in a run so far: files by the names of their modules, and the folders that these begin in."""

    modules: dict[str, str] = field(default_factory=dict)
    bases: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Folder:
    """A folder that lies in no package: its modules and packages by name, each with its files."""

    path: str
    units: dict[str, list[str]] = field(default_factory=dict)


def checked(files: Iterable[str]) -> list[str]:
    """The files to check: no tests, no documentation, none that nothing could import, no code behind its stub."""
    paths = frozenset(files)
    return [
        path
        for path in sorted(paths)
        if _wanted(path) and f"{path}i" not in paths and _importable(path, paths)
    ]


def out_of_reach(files: Iterable[str]) -> list[str]:
    """The files that would be checked if the name of a package of theirs were one that can be imported."""
    paths = frozenset(files)
    return [path for path in sorted(paths) if _wanted(path) and not _importable(path, paths)]


def parts(files: Iterable[str], text: Callable[[str], str]) -> tuple[Part, ...]:
    """The runs in which every file of `checked` is checked once; `text` gives a file's content.

    The first run holds all that have a name of their own, which in most projects are all there are.
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
    """The folder that the outermost package of a file lies in, and the packages from there on.

    Below a package every folder is one, with `__init__.py` or without, unless its name is none.
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
    """The folder that a module is found in by its shortest name, and that name."""
    base, packages = _packages(path, paths)
    stem = path.rpartition("/")[2].rpartition(".")[0]
    return base, ".".join([*packages, *([] if stem == "__init__" and packages else [stem])])


def _imported(text: str) -> Iterator[str]:
    """Every dotted name that a module may import, with all that lead to it; `.` where it imports relatively."""
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
    """The folders, besides the top, that modules are found in by the names that the project has for them."""
    everywhere = frozenset[str]().union(*imports.values())
    bases = {path: _base(folder, everywhere, imports) for path, folder in folders.items()}
    own = [folders[path] for path, base in bases.items() if path == base]
    units = [unit for folder in own for unit in folder.units]
    shared = {unit for unit in units if units.count(unit) > 1}
    for folder in own:
        # Scripts that do not import one another need no name but the one that their place gives them.
        alone = not any(folder.units.keys() & imports.get(path, ()) for path in _files(folder))
        if shared & folder.units.keys() and alone and _dotted(folder.path):
            bases[folder.path] = ""
    return frozenset(bases.values()) - {""}


def _files(folder: _Folder) -> list[str]:
    return [path for unit in folder.units.values() for path in unit]


def _base(folder: _Folder, everywhere: frozenset[str], imports: dict[str, frozenset[str]]) -> str:
    """Where the names begin by which others import what is in a folder: above it, or there."""
    above = folder.path.split("/")
    for depth in range(len(above)):
        dotted = _dotted("/".join(above[depth:]))
        if dotted and any(f"{dotted}.{unit}" in everywhere for unit in folder.units):
            return "/".join(above[:depth])
    loose = [path for path in _files(folder) if path.rpartition("/")[0] == folder.path]
    if any("." in imports.get(path, ()) for path in loose) and _dotted(above[-1]):
        return "/".join(above[:-1])
    return folder.path


def _dotted(folder: str) -> str:
    """The name that leads into a folder; empty where none does."""
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
    """What to sort by so that these come first: a run finds its own modules before those of others."""
    return lambda base: base not in first


def _name(path: str, paths: frozenset[str], bases: frozenset[str]) -> tuple[str, str]:
    """The folder that a module is found in, and its name, with modules to be found at the top and in `bases`."""
    own, module = _own_name(path, paths)
    folder, above = own, list[str]()
    while folder and folder not in bases:
        folder, _, name = folder.rpartition("/")
        if not name.isidentifier():
            return own, module
        above.insert(0, name)
    return folder, ".".join([*above, module])
