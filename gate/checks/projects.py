"""Find the projects of a repository, which are folders with their own configuration, and their dependencies. Pure.

Folders of documentation, examples, test data, or vendored code are never projects. A project is checked on its own by a
tool, unless only the enclosing project has settings for that tool: then those apply.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from gate.checks.checkers import chosen
from gate.checks.suites import has_pytest_settings, pytest_settings

STRONG = frozenset({
    "pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini",
    "mypy.ini", ".mypy.ini", "ty.toml", "pyrefly.toml", "pyrightconfig.json", "manage.py",
})  # fmt: skip
WEAK = frozenset({"requirements.txt", "Pipfile"})
"""Files that make a folder a project only if the top of the repository is not a project."""
FOREIGN = frozenset({
    "package.json", "Cargo.toml", "go.mod", "pom.xml", "build.gradle", "build.gradle.kts", "Gemfile", "composer.json",
})  # fmt: skip
"""Files that make a folder a project in another language."""
NO_PROJECTS = frozenset({
    "tests", "test", "testing", "testdata", "test_data", "fixtures", "data", "docs", "doc", "examples", "example",
    "samples", "demo", "demos", "build", "dist", "node_modules", "site-packages", "vendor", "_vendor", "third_party",
    "templates", "template",
})  # fmt: skip
READ = (
    ".py",
    ".pyi",
    ".toml",
    ".cfg",
    ".ini",
    ".txt",
    ".yaml",
    ".yml",
    ".json",
    ".sh",
    ".in",
    ".lock",
    "Makefile",
    "Pipfile",
)
NAME = re.compile(rb"""^\s*name\s*=\s*["']?([A-Za-z0-9][A-Za-z0-9._-]*)""", re.MULTILINE)
WORD = re.compile(rb"[A-Za-z0-9_]+(?:[.-][A-Za-z0-9_]+)*")
COMMON = frozenset({
    "src", "lib", "app", "tests", "test", "docs", "setup", "conftest", "examples", "scripts", "tools", "manage",
    "noxfile", "tasks", "python", "main", "project", "__init__",
})  # fmt: skip
SHORTEST = 3
REFERENCE = re.compile(
    rb"""(?:\b(?:from|import)[ \t]+|[/"'])(%s|[A-Za-z0-9_]{1,2})(?![\w-])"""
    % "|".join(sorted(COMMON)).encode()
)
"""A reference to a project with a common or short name: in an import, in a path, or at the start of a string."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project in `folder`, or "" for the top of the repository.

    `left_out` are nested folders that are checked on their own. `unrelated` are folders elsewhere in the repository
    that can't affect it.
    """

    folder: str
    left_out: tuple[str, ...] = ()
    unrelated: frozenset[str] = frozenset()


TOP = Project("")


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of a repository that are Python projects, and those that are projects in other languages."""

    folders: tuple[str, ...]
    foreign: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)

    def separate(self, tool: str) -> tuple[str, ...]:
        """Return the folders, besides the top, that `tool` checks on their own."""
        has = has_pytest_settings if tool == "pytest" else chosen
        folders: list[str] = []
        for folder in sorted(self.folders):
            around = next((above for above in reversed(folders) if is_inside(folder, above)), "")
            outer = self.settings.get(around, {})
            if (
                folder
                and (has(self.settings[folder]) or not has(outer))
                and not _reaches(outer, around, folder)
            ):
                folders.append(folder)
        return tuple(folders)


def layout(files: Iterable[str]) -> Layout:
    """Find projects by file names. The content of their settings isn't read yet."""
    python: set[str] = set()
    weak: set[str] = set()
    foreign: set[str] = set()
    for path in files:
        folder, _, name = path.rpartition("/")
        if name not in STRONG | WEAK | FOREIGN or _is_not_project_code(folder):
            continue
        (python if name in STRONG else weak if name in WEAK else foreign).add(folder)
    if "" not in python:
        python |= {
            folder for folder in weak if not any(is_inside(folder, above) for above in python if above)
        }
    return Layout(tuple(sorted(python)), tuple(sorted(foreign - python - {""})))


def is_inside(path: str, folder: str) -> bool:
    """Return whether `path` is in `folder`. Everything is inside ""."""
    return not folder or path == folder or path.startswith(f"{folder}/")


def owner(path: str, folders: Iterable[str]) -> str:
    """Return the innermost of `folders` that contains `path`, or ""."""
    return max((folder for folder in folders if is_inside(path, folder)), key=len, default="")


def names_of(folder: str, files: Iterable[str], settings: Mapping[str, bytes]) -> frozenset[str]:
    """Return the names by which other projects may refer to this one: of its folder, distribution, and modules."""
    names = {folder.rpartition("/")[2]}
    for data in settings.values():
        names |= {match.decode("ascii") for match in NAME.findall(data)}
    common = {f"={normal(name)}" for name in names if len(name) < SHORTEST or normal(name) in COMMON}
    for path in files:
        inside = path.removeprefix(f"{folder}/").removeprefix("src/")
        first, slash, rest = inside.partition("/")
        if (slash and rest == "__init__.py") or (not slash and first.endswith(".py")):
            names.add(first.removesuffix(".py"))
    return frozenset(normal(name) for name in names if len(name) >= SHORTEST) - COMMON | common


def words_of(text: bytes) -> frozenset[str]:
    """Return the words in a file that could be names of projects, including the parts of dotted names."""
    words = {f"={normal(match.decode('ascii'))}" for match in set(REFERENCE.findall(text))}
    for word in set(WORD.findall(text)):
        name = word.decode("ascii")
        words |= {normal(name), *(normal(part) for part in name.split("."))}
    return frozenset(words)


def normal(name: str) -> str:
    """Normalize a name for comparison: distributions have dashes where modules have underscores."""
    return name.lower().replace("-", "_")


def dependencies(
    names: Mapping[str, frozenset[str]], words: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    """Return the transitive dependencies of each project, including itself."""
    direct = {
        folder: {
            candidate for candidate in names if (names[candidate] - names.get(folder, frozenset())) & own
        }
        | {folder}
        for folder, own in words.items()
    }
    closed = {}
    for folder in direct:
        reached, waiting = {folder}, [folder]
        while waiting:
            fresh = direct.get(waiting.pop(), set()) - reached
            reached |= fresh
            waiting += fresh
        closed[folder] = frozenset(reached)
    return closed


def _is_not_project_code(folder: str) -> bool:
    parts = folder.split("/") if folder else []
    return any(part in NO_PROJECTS or part.startswith(".") or "{" in part for part in parts)


def _reaches(outer: Mapping[str, bytes], around: str, folder: str) -> bool:
    """Return whether the enclosing project's pytest settings name folders of this project as test paths."""
    text = pytest_settings(outer).decode("utf-8", "replace")
    match = re.search(r"^\s*testpaths\s*=\s*(\[[^\]]*\]|.*(?:\n[ \t]+\S.*)*)", text, re.MULTILINE)
    inner = folder.removeprefix(f"{around}/") if around else folder
    for word in re.findall(r"""[^\s"',\[\]]+""", match[1] if match else ""):
        pattern = word.strip("/").removeprefix("./")
        parts = inner.count("/") + 1
        if fnmatchcase(inner, "/".join(pattern.split("/")[:parts])) and pattern not in {"", "."}:
            return True
    return False
