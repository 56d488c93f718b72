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
    candidates = {path for path in python if _may_be_data(path, packages, golden)}
    if candidates:
        imported = _imported(data for path, data in python.items() if path not in candidates)
        data_files |= {
            path for path in candidates if path.endswith(".pyi") or not _is_imported(path, imported, packages)
        }
    return frozenset(data_files)


def are_in_test_data(paths: Collection[str], python: Collection[str]) -> frozenset[str]:
    """Return the settings files that are in folders where Python files would be data."""
    packages = _packages(python)
    return frozenset(path for path in paths if _may_be_data(path, packages, ()))


def _packages(python: Iterable[str]) -> frozenset[str]:
    return frozenset(
        path.rpartition("/")[0] for path in python if path.endswith(("/__init__.py", "/__init__.pyi"))
    )


def _golden(python: Collection[str], other_files: Collection[str]) -> frozenset[str]:
    """Return the folders where many Python files have a file with their expected output next to them."""
    stems = {path.rpartition(".")[0] for path in other_files if _EXPECTATION.search(path)}
    every: Counter[str] = Counter()
    golden: Counter[str] = Counter()
    for path in python:
        has_expectation = path.rpartition(".")[0] in stems
        for folder in _folders(path):
            every[folder] += 1
            golden[folder] += has_expectation
    return frozenset(folder for folder, count in golden.items() if count > 2 and 3 * count >= every[folder])


def _folders(path: str) -> list[str]:
    """Return the folders that contain a file, outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:number]) for number in range(1, len(parts) + 1)]


def _may_be_data(path: str, packages: Collection[str], golden: Collection[str]) -> bool:
    is_code = _CODE.fullmatch(path.rpartition("/")[2]) is not None
    is_below_tests = is_docs = False
    for inside in _folders(path):
        name = inside.rpartition("/")[2]
        if is_below_tests and not is_docs and inside in golden:
            return True
        is_data = _DATA.fullmatch(name) and (is_below_tests or _TESTS_OR_DOCS.fullmatch(name))
        if is_data and not is_code and inside not in packages:
            return True
        is_below_tests = is_below_tests or _TESTS_OR_DOCS.fullmatch(name) is not None
        is_docs = is_docs or name.startswith("doc")
    return False


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
