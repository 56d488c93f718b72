"""Recognize Python files that are data: test input and examples in docs, which nobody runs as code.

A formatter's tests contain files to format, and a linter's contain mistakes to find. They are below a folder of tests
or docs, in a folder that isn't a package, and nothing imports them.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

_TESTS_OR_DOCS = re.compile(
    r"_?(?:unit_?|integration_?)?tests?(?:ing)?|docs?|test[-_]?(?:data|cases|files)", re.IGNORECASE
)
_DATA = re.compile(
    r"(?:[\w.]+[-_])?(?:data|fixtures?|cases|samples?|inputs?|resources?|roots|corpus|corpora|snapshots?|golden)"
    r"|test[-_]?(?:data|cases|files)",
    re.IGNORECASE,
)
_EXPECTATION = re.compile(r"\.(?:txt|out|err|stdout|stderr|expected|exp|golden|diff|rc)$")
_CODE = re.compile(r"(?:test_.*|.*_test|tests|conftest)\.pyi?$")
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b[ \t]*([^#\n]*)|import[ \t]+([\w., \t]+))", re.MULTILINE
)
_VERSIONS = "stdlib/VERSIONS"


def is_test(path: str) -> bool:
    """Return whether a file is a test, according to its name."""
    return bool(_CODE.fullmatch(path.rpartition("/")[2]))


def test_data(python: Mapping[str, bytes], other_files: Collection[str]) -> frozenset[str]:
    """Return the files of `python` that are data. `other_files` are the paths of all other files."""
    packages = _packages(python)
    golden = _golden(python, other_files)
    stubs = tuple(
        path.removesuffix("VERSIONS") for path in other_files if f"/{path}".endswith(f"/{_VERSIONS}")
    )
    data_files = {path for path in python if stubs and path.startswith(stubs) and path.endswith(".pyi")}
    candidates = _may_be_data(python, packages, golden)
    if candidates:
        imported = _imported(data for path, data in python.items() if path not in candidates)
        data_files |= {
            path for path in candidates if path.endswith(".pyi") or not _is_imported(path, imported, packages)
        }
    return frozenset(data_files)


def are_in_test_data(paths: Collection[str], python: Collection[str]) -> frozenset[str]:
    """Return the settings files that are in folders where Python files would be data."""
    packages = _packages(python)
    return frozenset(_may_be_data(paths, packages, frozenset()))


def _packages(python: Iterable[str]) -> frozenset[str]:
    return frozenset(
        path.rpartition("/")[0] for path in python if path.endswith(("/__init__.py", "/__init__.pyi"))
    )


def _golden(python: Collection[str], other_files: Collection[str]) -> frozenset[str]:
    """Return the folders where many Python files have a file with their expected output next to them."""
    stems = {path.rpartition(".")[0] for path in other_files if _EXPECTATION.search(path)}
    every: Counter[str] = Counter()
    golden: Counter[str] = Counter()
    for path in python if stems else ():
        has_expectation = path.rpartition(".")[0] in stems
        for folder in _folders(path):
            every[folder] += 1
            golden[folder] += has_expectation
    return frozenset(folder for folder, count in golden.items() if count > 2 and 3 * count >= every[folder])


def _folders(path: str) -> list[str]:
    """Return the folders that contain a file, outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:number]) for number in range(1, len(parts) + 1)]


def _may_be_data(paths: Iterable[str], packages: frozenset[str], golden: frozenset[str]) -> set[str]:
    """Return the paths that are data according to their folders, unless something imports them."""
    by_folder: dict[str, tuple[bool, bool]] = {}
    data_files: set[str] = set()
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder not in by_folder:
            by_folder[folder] = _holds_data(path, packages, golden)
        of_tests, of_others = by_folder[folder]
        if of_tests if _CODE.fullmatch(name) else of_others:
            data_files.add(path)
    return data_files


def _holds_data(path: str, packages: frozenset[str], golden: frozenset[str]) -> tuple[bool, bool]:
    """Return whether files with the names of tests, and other files, are data in the folder of `path`."""
    is_below_tests = is_docs = is_data = False
    for inside in _folders(path):
        name = inside.rpartition("/")[2]
        if is_below_tests and not is_docs and inside in golden:
            return True, True
        if _DATA.fullmatch(name) and (is_below_tests or _TESTS_OR_DOCS.fullmatch(name)):
            is_data = is_data or inside not in packages
        is_below_tests = is_below_tests or _TESTS_OR_DOCS.fullmatch(name) is not None
        is_docs = is_docs or name.startswith("doc")
    return False, is_data


def _imported(files: Iterable[bytes]) -> frozenset[str]:
    """Return the dotted names of all imported modules, without those of the standard library."""
    modules: set[str] = set()
    for data in files:
        for source, names, plain in _IMPORT.findall(data):
            for name in re.findall(rb"[\w.]+", plain):
                modules.add(name.decode("utf-8", "replace"))
            if source:
                module = source.decode("utf-8", "replace").lstrip(".")
                modules.add(module)
                modules.update(
                    f"{module}.{name.decode('utf-8', 'replace')}" for name in re.findall(rb"\w+", names)
                )
    return frozenset(modules - sys.stdlib_module_names)


def _is_imported(path: str, imported: frozenset[str], packages: Collection[str]) -> bool:
    """Return whether an import may refer to a file or a package around it, whatever folder imports start from."""
    inside = [
        folder for folder in _folders(path) if folder in packages and len(folder.rpartition("/")[2]) > 3
    ]
    modules = [path.rpartition(".")[0].removesuffix("/__init__"), *inside]
    parts = [module.split("/") for module in modules]
    return any(".".join(names[start:]) in imported for names in parts for start in range(len(names)))
